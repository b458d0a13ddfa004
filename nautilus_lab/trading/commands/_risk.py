"""What a node can be asked about its trading state."""

from __future__ import annotations

from typing import Literal

import msgspec

from nautilus_lab.exceptions import InputError
from nautilus_lab.platform.access import Permission
from nautilus_lab.platform.commands import CommandBody, CommandSpec
from nautilus_lab.platform.messages import TradingState

_LONGEST_REASON = 500


def _require_reason(reason: str) -> None:
    if not reason.strip() or len(reason) > _LONGEST_REASON:
        raise InputError(
            f"a reason must have 1 to {_LONGEST_REASON} characters",
            value=reason[:60],
            remedy="say why: it stands in the latch and in the audit trail",
        )


class HaltTrading(CommandBody, frozen=True, kw_only=True):
    """Why to halt, whether to cancel what works, and whether for good (KILLED)."""

    reason: str
    cancel_orders: bool = False
    kill: bool = False

    def __post_init__(self) -> None:
        _require_reason(self.reason)


class ReduceOnly(CommandBody, frozen=True, kw_only=True):
    """Why to let only reducing orders through, and whether to cancel what works."""

    reason: str
    cancel_orders: bool = False

    def __post_init__(self) -> None:
        _require_reason(self.reason)


class ResumeTrading(CommandBody, frozen=True, kw_only=True):
    """Why to let more through again, and how much."""

    reason: str
    to: Literal["ACTIVE", "REDUCE_ONLY"] = "ACTIVE"

    def __post_init__(self) -> None:
        _require_reason(self.reason)


class StateOfTrading(msgspec.Struct, frozen=True, kw_only=True):
    """What a trader may do.

    Attributes
    ----------
    state : {"ACTIVE", "REDUCE_ONLY", "HALTED", "KILLED"}
        From loose to tight.
    reason, by : str
        Why, and who said so.
    since_ns : int
        Since when, UNIX ns; 0 when it never moved.
    automatic : bool
        Whether no person asked.
    durable : bool
        Whether the latch has it: a restart would find the same.
    cancelling : int
        How many orders were asked to be cancelled by this command.
    day_start_equity, equity : float or None
        What the loss of the day is counted from, and now; None while not known or not kept.
    """

    state: TradingState
    reason: str
    by: str
    since_ns: int
    automatic: bool = False
    durable: bool = True
    cancelling: int = 0
    day_start_equity: float | None = None
    equity: float | None = None


# Halting is done each time it is asked for: it does no more the second time, and must not wait
# for a log of commands, whose store may be what is broken.
RISK_SPECS: tuple[CommandSpec, ...] = (
    CommandSpec(
        name="risk.state",
        permission=Permission.RISK_READ,
        summary="What the trader may do, since when, why, and who said so.",
        reads=True,
    ),
    CommandSpec(
        name="risk.halt",
        permission=Permission.RISK_HALT,
        body=HaltTrading,
        reads=True,
        summary="Let nothing but cancels through, also after a restart.",
    ),
    CommandSpec(
        name="risk.reduce_only",
        permission=Permission.RISK_HALT,
        body=ReduceOnly,
        reads=True,
        summary="Let only cancels and what reduces a position through, also after a restart.",
    ),
    CommandSpec(
        name="risk.resume",
        permission=Permission.RISK_RESUME,
        body=ResumeTrading,
        summary="Let more through again; a person's decision, kept in the audit trail.",
    ),
)
