"""What the gate asks of the orders of a backtest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Self

from nautilus_lab.exceptions import InputError

if TYPE_CHECKING:
    from nautilus_lab.config import TradingSettings
    from nautilus_lab.execution.gate import Check

_STATES = ("REDUCE_ONLY", "HALTED")


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The gate of a backtest: the same code that stands before a venue in a node.

    ====================================  ================================================
    ``Limits.of(lab.settings.trading)``   the limits a node of this workspace has
    ``Limits(checks=[...])``              any checks of `nautilus_lab.execution.gate`
    ====================================  ================================================

    Parameters
    ----------
    checks : sequence of Check
        What is asked about each order, in this order.
    stop_loss_state : {"REDUCE_ONLY", "HALTED"}, default="REDUCE_ONLY"
        What is left to do for the rest of the run once a `DailyLoss` among the checks is
        exceeded. Data of one price a day have no loss within a day.
    confirmations : int, default=1
        At so many times in a row it must be; a node asks for several looks, since its feed may err.

    Examples
    --------
    >>> from nautilus_lab.execution.gate import MaxPositionUnits
    >>> Limits(checks=[MaxPositionUnits(max_units=100)]).names
    ('max_position_units',)
    """

    checks: Sequence[Check]
    stop_loss_state: Literal["REDUCE_ONLY", "HALTED"] = "REDUCE_ONLY"
    confirmations: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "checks", tuple(self.checks))
        for check in self.checks:
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

    @classmethod
    def of(cls, settings: TradingSettings) -> Self:
        """Return the limits of a node with these settings."""
        from nautilus_lab.execution.gate import build_checks

        return cls(checks=build_checks(settings), stop_loss_state=settings.stop_loss_state)

    @property
    def names(self) -> tuple[str, ...]:
        """What the checks go by."""
        return tuple([check.name for check in self.checks])
