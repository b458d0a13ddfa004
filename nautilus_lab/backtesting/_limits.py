"""What the gate asks of the orders of a backtest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, Self

from nautilus_lab.exceptions import InputError

if TYPE_CHECKING:
    from nautilus_lab.config import TradingSettings
    from nautilus_lab.execution.gate import Check
    from nautilus_lab.risk.limits import LimitBook, Measures

_STATES = ("REDUCE_ONLY", "HALTED")


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The gate of a backtest: the same code that stands before a venue in a node.

    ====================================  ================================================
    ``Limits.of(lab.settings.trading)``   the limits a node of this workspace has
    ``Limits(checks=book)``               a `LimitBook`; ``limits=book`` says the same
    ``Limits(checks=[...])``              limits of `nautilus_lab.risk.limits`, own checks
    ====================================  ================================================

    Parameters
    ----------
    checks : LimitBook, or sequence of Limit or Check
        What is asked about each order, in this order; limits that are monitored are looked at
        once each time, when all quotes of that time are in.
    stop_loss_state : {"REDUCE_ONLY", "HALTED"}, default="REDUCE_ONLY"
        What is left to do for the rest of the run once a `DailyLoss` among the checks is
        exceeded. Data of one price a day have no loss within a day.
    confirmations : int, default=1
        At so many times in a row it must be, and so must every other limit that is monitored; a
        node asks for several looks, since its feed may err.

    measures : Measures or callable, optional
        What limits need that cannot be added up; or what returns it for a time, UNIX nanoseconds,
        of which it must use nothing later. Without it such limits let nothing increase.

    Attributes
    ----------
    book : LimitBook
        The limits among the checks.

    Examples
    --------
    >>> from nautilus_lab.risk.limits import MaxPositionUnits
    >>> Limits(checks=[MaxPositionUnits(max_units=100)]).names
    ('max_position_units',)
    """

    checks: LimitBook | Sequence[Check]
    stop_loss_state: Literal["REDUCE_ONLY", "HALTED"] = "REDUCE_ONLY"
    confirmations: int = 1
    measures: Measures | Callable[[int], Measures] | None = None
    book: LimitBook = field(init=False, repr=False)

    def __post_init__(self) -> None:
        from nautilus_lab.risk.limits import Levels, Limit, LimitBook

        given, checks = self.checks, tuple(self.checks)
        object.__setattr__(self, "checks", checks)
        for check in checks:
            if not callable(getattr(check, "judge", None)):
                raise InputError(
                    "limits must be checks of the gate",
                    value=check,
                    remedy="pass checks=[MaxPositionUnits(max_units=100)]",
                )
        if self.stop_loss_state not in _STATES:
            raise InputError(
                f"stop_loss_state must be one of {', '.join(_STATES)}", value=self.stop_loss_state
            )
        if not self.confirmations >= 1:
            raise InputError("confirmations must be at least 1", value=self.confirmations)
        levels = given.levels if isinstance(given, LimitBook) else Levels()
        levels = replace(levels, confirmations=self.confirmations)
        limits = tuple([check for check in checks if isinstance(check, Limit)])
        dynamic = given.dynamic if isinstance(given, LimitBook) else ()
        object.__setattr__(self, "book", LimitBook(limits, levels=levels, dynamic=dynamic))

    @classmethod
    def of(cls, settings: TradingSettings) -> Self:
        """Return the limits of a node with these settings."""
        from nautilus_lab.execution.gate import build_limits

        return cls(checks=build_limits(settings), stop_loss_state=settings.stop_loss_state)

    @property
    def names(self) -> tuple[str, ...]:
        """What the checks go by."""
        return tuple([check.name for check in self.checks])
