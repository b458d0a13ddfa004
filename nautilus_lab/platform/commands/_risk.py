"""What a node can be asked about its trading state: the commands' bodies and answers."""

from __future__ import annotations

from typing import Literal

import msgspec

from nautilus_lab.exceptions import InputError
from nautilus_lab.platform.commands._table import CommandBody
from nautilus_lab.platform.latch import LONGEST_REASON
from nautilus_lab.platform.messages import TradingState


def _require_reason(reason: str) -> None:
    # Control characters would write what they like on the terminal that shows it.
    if not reason.strip() or len(reason) > LONGEST_REASON or not reason.isprintable():
        raise InputError(
            f"a reason must have 1 to {LONGEST_REASON} printable characters, on one line",
            value=reason[:60],
            remedy="say why: it stands in the latch and in the audit trail",
        )


class HaltTrading(CommandBody, frozen=True, kw_only=True):
    """Why to halt, whether to cancel what works, and whether to be KILLED, which cancels too."""

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
    """Why to let more through again, and how much; of a killed trader also what is asked for."""

    reason: str
    to: Literal["ACTIVE", "REDUCE_ONLY"] = "ACTIVE"

    def __post_init__(self) -> None:
        _require_reason(self.reason)


class EnableStrategy(CommandBody, frozen=True, kw_only=True):
    """Which strategy that a limit disabled may send orders again, and why."""

    strategy: str
    reason: str

    def __post_init__(self) -> None:
        _require_reason(self.reason)


class AcceptDrawdown(CommandBody, frozen=True, kw_only=True):
    """Why drawdowns are counted from the equity of now on, and not from the highest there was."""

    reason: str

    def __post_init__(self) -> None:
        _require_reason(self.reason)


class ProposeLoosening(CommandBody, frozen=True, kw_only=True):
    """Which limit shall be looser, to which part of its base, why, and for how many seconds.

    `limit` is what it goes by: its name, or the key that its rule was given.
    """

    limit: str
    to: float
    reason: str
    lasts_s: float

    def __post_init__(self) -> None:
        _require_reason(self.reason)


class OneLoosening(CommandBody, frozen=True, kw_only=True):
    """A request that a limit be looser, by its id."""

    request: str


class LooseningRow(msgspec.Struct, frozen=True, kw_only=True):
    """A request that a limit be looser; nobody approved it yet while `approved_by` is empty."""

    request: str
    limit: str
    to: float
    requester: str
    reason: str
    expires_ns: int
    approved_by: str = ""


class LimitRow(msgspec.Struct, frozen=True, kw_only=True):
    """How much of one limit one scope uses; what is None could not be measured.

    Of one that adjusts itself, `key` is what it goes by in requests, `base_value` what people set,
    and `why` says why it is not that. Within `eta_s` seconds a breach is as probable as not.
    """

    limit: str
    scope: str
    value: float | None
    limit_value: float | None
    utilisation: float | None
    level: str
    unit: str = ""
    reason: str = ""
    key: str = ""
    base_value: float | None = None
    why: str = ""
    eta_s: float | None = None


class LimitsView(msgspec.Struct, frozen=True, kw_only=True):
    """The limits of a trader, the worst first, and the strategies that they disabled, with why."""

    rows: tuple[LimitRow, ...]
    disabled: dict[str, str]
    loosenings: tuple[LooseningRow, ...] = ()


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
    resume_asked_by, resume_asked_to : str
        Who asked to resume a killed trader, and to what; empty when nobody did.
    resume_expires_ns : int
        From when on nobody can approve that, UNIX ns.
    single_person : bool
        Whether the desk is declared to have one person only, who counts for two.
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
    resume_asked_by: str = ""
    resume_asked_to: str = ""
    resume_expires_ns: int = 0
    single_person: bool = False
