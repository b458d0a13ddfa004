"""What a node can be asked about its trading state; the bodies are shared with clients."""

from __future__ import annotations

from nautilus_lab.platform.access import Permission
from nautilus_lab.platform.commands import (
    CommandSpec,
    HaltTrading,
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
        name="risk.resume",
        permission=Permission.RISK_RESUME,
        body=ResumeTrading,
        answer=StateOfTrading,
        summary="Let more through again; a person's decision, kept in the audit trail.",
    ),
)
