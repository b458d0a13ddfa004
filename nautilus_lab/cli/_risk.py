"""`nautilus-lab resume`, `state`, `limits`, `enable`: what a trader may do, and letting it do more.

`state` works with everything else down: node, bus, store, gateway, supervisor, and settings that
cannot be read.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from typing import TYPE_CHECKING, Any

from nautilus_lab.cli._engine import add_trader, engine_of
from nautilus_lab.cli._shown import add_json, at, show_fields, show_json, show_table
from nautilus_lab.cli._verbs import Verbs, add_verb, heed_what_stands_before
from nautilus_lab.cli._workspace import workspace_of
from nautilus_lab.exceptions import LabError

if TYPE_CHECKING:
    from nautilus_lab.platform.commands import LimitRow, LimitsView, StateOfTrading
    from nautilus_lab.platform.rundir import LatchState, RunDirectory

_ASK_S = 5.0  # for a node to say what its trader may do
_STATES = ("trader", "may", "since", "by", "reason")


def add_risk(verbs: Verbs) -> None:
    """Add the commands of this file."""
    state = add_verb(verbs, "state", _state, "what a trader may do, since when, and why")
    state.add_argument("--all", action="store_true", help="every trader of the workspace")
    resume = add_verb(verbs, "resume", _resume, "let more through again; the node must run")
    resume.add_argument("reason", help="why; it is kept in the audit trail")
    resume.add_argument(
        "--to",
        type=str.upper,
        choices=("ACTIVE", "REDUCE_ONLY"),
        default="ACTIVE",
        help="what to let through from now on (ACTIVE)",
    )
    resume.add_argument(
        "--ask",
        action="store_true",
        help="ask for it: a killed trader is resumed by another person than the one who asked",
    )
    limits = add_verb(verbs, "limits", _limits, "how much of each limit is used, the worst first")
    limits.add_argument(
        "--all", action="store_true", help="also those that are far from it, and at their base"
    )
    enable = add_verb(
        verbs, "enable", _enable, "let a strategy that a limit disabled send orders again"
    )
    enable.add_argument("strategy", help="its id, as `limits` shows it")
    enable.add_argument("reason", help="why; it is kept in the audit trail")
    accept = add_verb(
        verbs, "accept-drawdown", _accept, "count drawdowns from the equity of now on"
    )
    accept.add_argument("reason", help="why; it is kept in the audit trail")
    loosen = _add_loosening(limits.add_subparsers(metavar="COMMAND", required=False))
    for parser in (resume, state, limits, enable, accept, *loosen):
        add_json(parser)
    add_trader(resume, state, limits, enable, accept, *loosen)
    heed_what_stands_before(limits, *loosen)


def _add_loosening(verbs: Verbs) -> tuple[argparse.ArgumentParser, ...]:
    propose = add_verb(verbs, "propose", _propose, "ask that a limit that adjusts itself be looser")
    propose.add_argument("limit", help="what it goes by, as `limits` shows it")
    propose.add_argument("to", type=float, help="the part of its base that is asked for: 1.1")
    propose.add_argument("reason", help="why; it is kept in the audit trail")
    propose.add_argument("--hours", type=float, default=1.0, help="until it is over (1)")
    approve = add_verb(verbs, "approve", _approve, "grant what another person asked for")
    revoke = add_verb(
        verbs, "revoke", _revoke, "end what was granted, or take back what was asked for"
    )
    for parser in (approve, revoke):
        parser.add_argument("request", help="its id, as `limits` shows it")
    return propose, approve, revoke


def _resume(chosen: argparse.Namespace) -> None:
    engine = engine_of(chosen)
    ask = engine.ask_resume if chosen.ask else engine.resume
    state = asyncio.run(ask(chosen.reason, to=chosen.to))
    if chosen.json:
        return show_json(state)
    trader = engine.settings.trading.trader_id
    if chosen.ask:
        who = "you resume" if state.single_person else "somebody else resumes"
        until = at(state.resume_expires_ns)
        print(f"{trader} is {state.state}; {who} it until {until}: nautilus-lab resume")
    else:
        print(f"{trader} is {state.state}")


def _limits(chosen: argparse.Namespace) -> int:
    view = asyncio.run(engine_of(chosen).limits())
    if chosen.json:
        show_json(view)
    else:
        _show_limits(view, everything=chosen.all)
    # For scripts: something is exceeded, or nobody knows whether it is.
    return int(any(row.level == "breach" for row in view.rows) or bool(view.disabled))


def _show_limits(view: LimitsView, *, everything: bool) -> None:
    if not (view.rows or view.disabled or view.loosenings):
        print("no limit was looked at yet")
    rows = [row for row in view.rows if everything or row.level != "ok" or row.why]
    for row in rows:
        used = "  ?  " if row.utilisation is None else f"{row.utilisation:>5.0%}"
        value = "?" if row.value is None else f"{row.value:,.2f}"
        most = "?" if row.limit_value is None else f"{row.limit_value:,.2f}"
        what = f"{row.limit} of {row.scope}" if row.scope else row.limit
        known = "" if row.level == "never" else f"{value} of {most} {row.unit}".rstrip()
        shown = (known, _adjusted(row), _soon(row), row.reason)
        print("  ".join(filter(None, (f"{row.level:8}", used, what, *shown))))
    if more := len(view.rows) - len(rows):
        print(f"{more} more are ok; --all shows them")
    for strategy, why in sorted(view.disabled.items()):
        print(f"disabled  {strategy}: {why}")
    for one in view.loosenings:
        who = f"granted by {one.approved_by}" if one.approved_by else "waits for another person"
        print(
            f"loosening {one.request}: {one.limit} to {one.to:.0%} of its base until "
            f"{at(one.expires_ns)}, asked for by {one.requester}, {who}: {one.reason}"
        )


def _adjusted(row: LimitRow) -> str:
    """Say what people set, and why it is not that; of a limit that adjusts itself."""
    if not row.key or (row.base_value in (None, row.limit_value) and not row.why):
        return ""
    named = "" if row.key == row.limit else f"{row.key}: "
    base = "" if row.base_value is None else f"base {row.base_value:,.2f}"
    return f"({named}{', '.join(filter(None, (base, row.why)))})"


def _soon(row: LimitRow) -> str:
    return "" if row.eta_s is None else f"breach in about {row.eta_s:,.0f} s"


def _propose(chosen: argparse.Namespace) -> None:
    view = asyncio.run(
        engine_of(chosen).propose_loosening(
            chosen.limit, chosen.to, chosen.reason, lasts_s=3_600.0 * chosen.hours
        )
    )
    if chosen.json:
        return show_json(view)
    for one in view.loosenings:
        if not one.approved_by and (one.limit, one.to) == (chosen.limit, chosen.to):
            print(f"{one.request} waits: another person grants it by limits approve {one.request}")


def _approve(chosen: argparse.Namespace) -> None:
    view = asyncio.run(engine_of(chosen).approve_loosening(chosen.request))
    if chosen.json:
        return show_json(view)
    print(f"{chosen.request} is granted")


def _revoke(chosen: argparse.Namespace) -> None:
    view = asyncio.run(engine_of(chosen).revoke_loosening(chosen.request))
    if chosen.json:
        return show_json(view)
    print(f"{chosen.request} is over")


def _enable(chosen: argparse.Namespace) -> None:
    view = asyncio.run(engine_of(chosen).enable(chosen.strategy, chosen.reason))
    if chosen.json:
        return show_json(view)
    print(f"{chosen.strategy} may send orders again")


def _accept(chosen: argparse.Namespace) -> None:
    view = asyncio.run(engine_of(chosen).accept_drawdown(chosen.reason))
    if chosen.json:
        return show_json(view)
    print("drawdowns are counted from the equity of now on")


def _state(chosen: argparse.Namespace) -> None:
    rundirs = workspace_of(chosen).rundirs(chosen.trader, every=chosen.all)

    async def ask() -> list[StateOfTrading]:
        return await asyncio.gather(*map(_state_of, rundirs))

    told = asyncio.run(ask())
    if len(told) == 1 and not chosen.all:
        return show_json(told[0]) if chosen.json else show_fields(told[0])
    named = {rundir.trader_id: one for rundir, one in zip(rundirs, told, strict=True)}
    if chosen.json:
        return show_json(named)
    show_table(
        _STATES,
        [(name, one.state, at(one.since_ns), one.by, one.reason) for name, one in named.items()],
        none="traders",
    )


async def _state_of(rundir: RunDirectory) -> StateOfTrading:
    """Ask the node; where none answers, its latch says what holds."""
    from nautilus_lab.platform.commands import CommandClient, StateOfTrading
    from nautilus_lab.platform.rundir import Latch, is_answered

    try:
        told: StateOfTrading = await CommandClient(rundir.commands).call(
            "risk.state", timeout_s=_ASK_S, answer=StateOfTrading
        )
        return told
    except LabError as error:
        if is_answered(rundir.commands):
            print(
                f"the node of {rundir.trader_id} could not be asked, this is what its latch says: "
                f"{error}",
                file=sys.stderr,
            )
    held = Latch(rundir.latch, witness=rundir.store).read()
    return StateOfTrading(
        state=held.state,
        reason=held.reason,
        by=held.by,
        since_ns=held.since_ns,
        automatic=held.automatic,
        **_asked_of(rundir, held),
    )


def _asked_of(rundir: RunDirectory, held: LatchState) -> dict[str, Any]:
    """Return what somebody asked for, of a killed trader whose node does not run."""
    from nautilus_lab.platform.rundir import ResumeRequest

    asked = ResumeRequest.read(rundir.resume_asked)
    if asked is None or asked.is_over or not asked.is_about(held):
        return {}
    return {
        "resume_asked_by": asked.by,
        "resume_asked_to": asked.to,
        "resume_expires_ns": asked.expires_ns,
    }
