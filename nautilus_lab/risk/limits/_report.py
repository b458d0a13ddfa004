"""How much of its limits a book uses, as a table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from nautilus_lab.display import HasTearSheet, Table, TearSheet
from nautilus_lab.risk.limits._finding import Level

if TYPE_CHECKING:
    import pandas as pd

# How near a limit is; or that nothing was there to hold against it, which is no "ok".
Standing: TypeAlias = Level | Literal["never"]

_ORDER = {"breach": 0, "never": 1, "critical": 2, "warn": 3, "ok": 4}


@dataclass(frozen=True, kw_only=True, slots=True)
class LimitUtilisation:
    """How much of one limit one scope uses.

    Attributes
    ----------
    limit : str
        The limit's name: ``"max_position_notional"``.
    scope : str
        What it was held against.
    value, limit_value : float
        What was measured, and the limit, in `unit`; NaN when it cannot be measured.
    utilisation : float
        `value` / `limit_value`, a fraction.
    level : {"ok", "warn", "critical", "breach", "never"}
        How near the limit is; ``"never"`` when it was not evaluated.
    unit : str
        What both are counted in.
    reason : str
        Why it could not be measured or evaluated; empty otherwise.
    part : float
        Which part of its base the limit is; 1 unless a rule tightened or people loosened it.
    key : str
        What the limit goes by in requests; empty when it has no rule.
    """

    limit: str
    scope: str
    value: float
    limit_value: float
    utilisation: float
    level: Standing
    unit: str = ""
    reason: str = ""
    part: float = 1.0
    key: str = ""


@dataclass(frozen=True, kw_only=True)
class LimitReport(HasTearSheet):
    """Limit utilisation, the worst first.

    Attributes
    ----------
    rows : tuple of LimitUtilisation
        One for each limit and scope.
    """

    rows: tuple[LimitUtilisation, ...]

    def __post_init__(self) -> None:
        # By how bad; NaN, of which nobody knows how bad it is, before all that can be compared.
        def key(row: LimitUtilisation) -> tuple[object, ...]:
            known = row.utilisation == row.utilisation
            return _ORDER[row.level], known, -row.utilisation if known else 0, row.limit, row.scope

        object.__setattr__(self, "rows", tuple(sorted(self.rows, key=key)))

    def __repr__(self) -> str:
        used = [row.utilisation for row in self.rows if row.utilisation == row.utilisation]
        most = f", most used {max(used):.0%}" if used else ""
        never = f", {len(self.never)} never evaluated" if self.never else ""
        return f"LimitReport({len(self.rows)} rows, {len(self.breaches)} breaches{never}{most})"

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[LimitUtilisation]:
        return iter(self.rows)

    @property
    def breaches(self) -> tuple[LimitUtilisation, ...]:
        """The rows that are over their limit, or could not be measured."""
        return tuple(row for row in self.rows if row.level == "breach")

    @property
    def never(self) -> tuple[LimitUtilisation, ...]:
        """The limits that were not evaluated: of those nobody may say that they hold."""
        return tuple(row for row in self.rows if row.level == "never")

    @property
    def frame(self) -> pd.DataFrame:
        """The rows as a frame, one column for each attribute of `LimitUtilisation`."""
        import pandas as pd

        names = list(LimitUtilisation.__dataclass_fields__)
        return pd.DataFrame(
            [[getattr(row, name) for name in names] for row in self.rows], columns=names
        )

    def tear_sheet(self) -> TearSheet:
        """Return the rows as a table."""
        return TearSheet(
            title="Limit utilisation",
            subtitle=repr(self).removeprefix("LimitReport(").removesuffix(")"),
            parts=(
                Table(
                    rows=self.frame.rename(columns={"limit_value": "limit value"}),
                    formats={"value": ",.2f", "limit value": ",.2f", "utilisation": ".1%"},
                ),
            ),
        )
