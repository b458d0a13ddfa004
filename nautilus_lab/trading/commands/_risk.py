"""What a node can be asked about its trading state; the bodies are shared with clients."""

from __future__ import annotations

from nautilus_lab.platform.access import Permission
from nautilus_lab.platform.commands import (
    AcceptDrawdown,
    CommandSpec,
    EnableStrategy,
    HaltTrading,
    LimitsView,
    OneLoosening,
    ProposeLoosening,
    ReduceOnly,
    ResumeTrading,
    StateOfTrading,
)

# Halting is done each time it is asked for: it does no more the second time, and must not wait
# for a log of commands, whose store may be what is broken.
RISK_SPECS: tuple[CommandSpec, ...] = (
    CommandSpec(
        name="risk.state",
        permission=Permission.RISK_READ,
        answer=StateOfTrading,
        summary="What the trader may do, since when, why, and who said so.",
        reads=True,
    ),
    CommandSpec(
        name="risk.halt",
        permission=Permission.RISK_HALT,
        body=HaltTrading,
        reads=True,
        answer=StateOfTrading,
        summary="Let nothing but cancels through, also after a restart.",
    ),
    CommandSpec(
        name="risk.reduce_only",
        permission=Permission.RISK_HALT,
        body=ReduceOnly,
        reads=True,
        answer=StateOfTrading,
        summary="Let only cancels and what reduces a position through, also after a restart.",
    ),
    CommandSpec(
        name="risk.ask_resume",
        permission=Permission.RISK_RESUME,
        body=ResumeTrading,
        answer=StateOfTrading,
        summary="Ask that a killed trader trades again; another person resumes it.",
    ),
    CommandSpec(
        name="risk.resume",
        permission=Permission.RISK_RESUME,
        body=ResumeTrading,
        answer=StateOfTrading,
        summary="Let more through again, over a book that agrees with the venues'; audited.",
    ),
    CommandSpec(
        name="risk.limits",
        permission=Permission.RISK_READ,
        answer=LimitsView,
        summary="How much of each limit is used, and which strategies limits disabled.",
        reads=True,
    ),
    CommandSpec(
        name="risk.enable",
        permission=Permission.RISK_RESUME,
        body=EnableStrategy,
        answer=LimitsView,
        summary="Let a strategy that a limit disabled send orders again; kept in the audit trail.",
    ),
    CommandSpec(
        name="risk.accept_drawdown",
        permission=Permission.RISK_RESUME,
        body=AcceptDrawdown,
        answer=LimitsView,
        summary="Count drawdowns from the equity of now on; kept in the audit trail.",
    ),
    CommandSpec(
        name="limits.propose",
        permission=Permission.RISK_PROPOSE,
        body=ProposeLoosening,
        answer=LimitsView,
        summary="Ask that a limit be looser than it stands, for a session at most.",
    ),
    CommandSpec(
        name="limits.approve",
        permission=Permission.RISK_LIMITS,
        body=OneLoosening,
        answer=LimitsView,
        summary="Grant what another person asked for; kept in the audit trail.",
    ),
    CommandSpec(
        name="limits.revoke",
        permission=Permission.RISK_HALT,
        body=OneLoosening,
        answer=LimitsView,
        summary="End what was granted, or take back what was asked for; it only tightens.",
    ),
)
