"""The risk limit engine: measures, and holds a book against its limits."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nautilus_lab.display import HasTearSheet, Table, TearSheet
from nautilus_lab.engine import Health, State
from nautilus_lab.exceptions import BadData, InputError
from nautilus_lab.risk._historical import HistoricalRisk
from nautilus_lab.risk._model import RiskModel
from nautilus_lab.risk._notional import Level, NotionalLimit
from nautilus_lab.risk._report import RiskReport

if TYPE_CHECKING:
    import pandas as pd

    from nautilus_lab._typing import Returns, ReturnSeries, Weights


@dataclass(frozen=True, kw_only=True, slots=True)
class LimitUtilisation:
    """How much of one limit one scope uses.

    Attributes
    ----------
    limit : str
        The limit's name: ``"position_notional"``.
    scope : str
        What it was held against, here a symbol.
    value, limit_value : float
        What was measured, and the limit, in account currency.
    utilisation : float
        `value` / `limit_value`, a fraction.
    level : {"ok", "warn", "critical", "breach"}
        How near the limit is.
    """

    limit: str
    scope: str
    value: float
    limit_value: float
    utilisation: float
    level: Level


@dataclass(frozen=True, kw_only=True)
class LimitReport(HasTearSheet):
    """Limit utilisation, the most used first.

    Attributes
    ----------
    rows : tuple of LimitUtilisation
        One for each position; empty for a flat book.
    """

    rows: tuple[LimitUtilisation, ...]

    def __repr__(self) -> str:
        used = f", most used {self.rows[0].utilisation:.0%}" if self.rows else ""
        return f"LimitReport({len(self.rows)} positions, {len(self.breaches)} breaches{used})"

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[LimitUtilisation]:
        return iter(self.rows)

    @property
    def breaches(self) -> tuple[LimitUtilisation, ...]:
        """The rows that are over their limit."""
        return tuple(row for row in self.rows if row.level == "breach")

    @property
    def frame(self) -> pd.DataFrame:
        """The rows as a frame: limit, scope, value, limit_value, utilisation, level."""
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
                    formats={"value": ",.0f", "limit value": ",.0f", "utilisation": ".1%"},
                ),
            ),
        )


@dataclass(frozen=True, kw_only=True)
class RiskLimitEngine:
    """Measures the risk of a portfolio and holds positions against their limit.

    Parameters
    ----------
    model : RiskModel, default=HistoricalRisk()
        How risk is measured.
    position_limit : NotionalLimit, default=NotionalLimit(max_notional=250_000)
        The largest notional that one position may have, in account currency.

    Examples
    --------
    >>> engine = RiskLimitEngine(position_limit=NotionalLimit(max_notional=10_000))
    >>> report = engine.evaluate({"AAPL": -50, "MSFT": 10}, {"AAPL": 190.0, "MSFT": 420.0})
    >>> [(row.scope, row.value, row.level) for row in report]
    [('AAPL', 9500.0, 'critical'), ('MSFT', 4200.0, 'ok')]
    """

    model: RiskModel = field(default_factory=HistoricalRisk)
    position_limit: NotionalLimit = field(
        default_factory=lambda: NotionalLimit(max_notional=250_000.0)
    )

    @property
    def name(self) -> str:
        """The name the engine goes by."""
        return "risk"

    def health(self) -> Health:
        """Report that the engine answers calls; it has no work of its own."""
        return Health(state=State.READY)

    def measure(
        self,
        returns: Returns | ReturnSeries,
        weights: Weights | Mapping[str, float] | None = None,
    ) -> RiskReport:
        """Measure the risk of holding a portfolio for one period; see `RiskModel.measure`."""
        return self.model.measure(returns, weights)

    def evaluate(
        self,
        positions: Mapping[str, float] | pd.Series[float],
        prices: Mapping[str, float] | pd.Series[float],
    ) -> LimitReport:
        """Hold each position's notional against the limit.

        Parameters
        ----------
        positions : mapping or Series, symbol -> units
            What is held, signed; flat ones (0 units) are left out of the report.
        prices : mapping or Series, symbol -> price
            In account currency; every symbol held needs one.

        Returns
        -------
        LimitReport
            One row for each position, the most used first.

        Raises
        ------
        InputError
            When a symbol held has no price.
        BadData
            When units are not finite, or a price is NaN, infinite or not positive.
        """
        rows = []
        quoted = {str(symbol): price for symbol, price in prices.items()}
        for symbol, held in positions.items():
            units = float(held)
            if units == 0:
                continue
            if not math.isfinite(units):
                raise BadData(
                    "units must be finite", value=f"{symbol}: {units}", remedy="mend the position"
                )
            if str(symbol) not in quoted:
                raise InputError(
                    "every position needs a price",
                    value=str(symbol),
                    remedy="add its price; a position without one cannot be valued",
                )
            price = float(quoted[str(symbol)])
            if not 0 < price < math.inf:
                raise BadData(
                    "prices must be finite and positive",
                    value=f"{symbol}: {price}",
                    remedy="mend the source, or price the position by hand",
                )
            check = self.position_limit.check(abs(units) * price)
            rows.append(
                LimitUtilisation(
                    limit="position_notional",
                    scope=str(symbol),
                    value=check.value,
                    limit_value=check.limit,
                    utilisation=check.utilisation,
                    level=check.level,
                )
            )
        rows.sort(key=lambda row: (-row.utilisation, row.scope))
        return LimitReport(rows=tuple(rows))
