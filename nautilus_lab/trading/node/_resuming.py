"""Letting a trader do more again: who may, why, and over what book."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import msgspec

from nautilus_lab.exceptions import (
    AccessDenied,
    AuditError,
    InputError,
    LabError,
    NodeError,
    StoreError,
)
from nautilus_lab.platform.audit import AuditTrail
from nautilus_lab.platform.commands import Handler, Request
from nautilus_lab.platform.rundir import LatchState, ResumeRequest
from nautilus_lab.platform.store import AuditRow
from nautilus_lab.trading.commands import ResumeTrading, StateOfTrading
from nautilus_lab.trading.node._agreement import Agreed
from nautilus_lab.trading.node._states import TradingStates

log = logging.getLogger(__name__)

_NS = 1_000_000_000
_MOST_NAMED = 5  # differences in a refusal; the trail has all of them


class Resuming:
    """Loosens a trader's state when somebody who may says so and nothing speaks against it.

    It takes a person with the right, who is not the one whose strategies run; a reason; and a book
    that agrees with what every venue says at that moment. A killed trader takes two persons: one
    asks, another resumes, before the request runs out. The trail has the decision before it holds,
    and each one that was refused.

    Parameters
    ----------
    states : TradingStates
        What is loosened.
    check : callable
        Holds our book against the venues': `Agreement.check`.
    owners : callable
        Returns strategy -> who had it run.
    trail : AuditTrail
        Where it is written.
    asked : Path
        Where a request is kept: ``RunDirectory.resume_asked``.
    last_asked : callable
        Returns the last row of the trail that somebody asked; None without one. A request that it
        does not tell of was put there by another hand.
    single_person : bool, default=False
        Whether the desk is declared to have one person only, who counts for two.
    within_s : float, default=900
        How long a request can be approved.
    """

    def __init__(
        self,
        states: TradingStates,
        *,
        check: Callable[[], Awaitable[Agreed]],
        owners: Callable[[], Mapping[str, str]],
        trail: AuditTrail,
        asked: Path,
        last_asked: Callable[[], AuditRow | None],
        single_person: bool = False,
        within_s: float = 900.0,
    ) -> None:
        self._states = states
        self._check = check
        self._owners = owners
        self._trail = trail
        self._asked = asked
        self._last_asked = last_asked
        self._single_person = single_person
        self._within_ns = int(within_s * _NS)

    def __repr__(self) -> str:
        persons = "one person" if self._single_person else "two persons"
        return f"Resuming({self._states.switch.state}, {persons})"

    def handlers(self) -> dict[str, Handler]:
        """Return what answers the commands that loosen."""
        return {"risk.ask_resume": self._ask, "risk.resume": self._resume}

    # --- asking ---------------------------------------------------------------------------

    async def _ask(self, request: Request) -> StateOfTrading:
        """Keep what is asked for until another person resumes, or it runs out."""
        wanted: ResumeTrading = request.body
        held, by = self._held(), request.principal.name
        if held.state != "KILLED":
            raise InputError(
                "only a killed trader takes two persons to resume",
                value=held.state,
                remedy="resume it: nautilus-lab resume REASON",
            )
        self._require_no_owner(by)
        now_ns = time.time_ns()
        asked = ResumeRequest(
            to=wanted.to,
            reason=wanted.reason,
            by=by,
            serial=held.serial,
            asked_ns=now_ns,
            expires_ns=now_ns + self._within_ns,
        )
        self._note("trading.resume_asked", by, **_terms_of(asked))
        asked.write(self._asked)
        log.warning("%s asks that the trader be %s again: %s", by, asked.to, asked.reason)
        return self._states.as_it_is()

    # --- resuming -------------------------------------------------------------------------

    async def _resume(self, request: Request) -> StateOfTrading:
        wanted: ResumeTrading = request.body
        by = request.principal.name
        held = self._held()
        try:
            await self._resume_over(held, wanted, by)
        except LabError as error:
            self._note_refusal(held, wanted, by, error)
            raise
        return self._states.as_it_is()

    async def _resume_over(self, held: LatchState, wanted: ResumeTrading, by: str) -> None:
        if not held.is_tighter_than(wanted.to):
            raise InputError(
                f"a trader that is {held.state} cannot be resumed to {wanted.to}",
                value=held.reason,
                remedy="nothing needs to be done",
            )
        self._require_no_owner(by)
        asked = self._approved(held, wanted, by)
        agreed = await self._check()
        if not agreed.green:
            raise NodeError(
                "resuming needs a book that agrees with the venues'",
                value=_named(agreed.differences),
                remedy="look at what differs; a restart has the node take over what its venues "
                "have: nautilus-lab node restart",
            )
        # While the venues were asked somebody may have seen a reason to tighten.
        if self._held() != held or (asked is not None and ResumeRequest.read(self._asked) != asked):
            raise InputError(
                "a trader must not have been tightened while it was resumed",
                value=f"{self._states.switch.state}: {self._states.switch.held.reason}",
                remedy="look again, then decide",
            )
        persons = by if asked is None or asked.by == by else f"{asked.by}, {by}"
        reason = wanted.reason if asked is None else f"{asked.reason}; approved: {wanted.reason}"
        self._note(
            "trading.resume",
            by,
            to=wanted.to,
            before=held.state,
            reason=reason,
            asked_by=asked.by if asked is not None else "",
            single_person=self._single_person,
            venues=list(agreed.venues),
            working_orders=agreed.orders,
        )
        self._states.loosen(wanted.to, reason=reason, by=persons)

    def _held(self) -> LatchState:
        self._states.switch.look()
        self._states.catch_up()  # the trail has what holds before what somebody makes of it
        return self._states.switch.held

    def _require_no_owner(self, by: str) -> None:
        """Refuse who has strategies run here: the one who erred does not judge it."""
        if self._single_person:
            return
        own = sorted(strategy for strategy, owner in self._owners().items() if owner == by)
        if own:
            raise AccessDenied(
                "resuming needs another person than the one whose strategies run",
                value=f"{by} had {', '.join(own)} run",
                remedy="ask somebody else with the role risk_officer; a desk that has one person "
                "declares so: trading.single_person = true, and a restart of the node",
            )

    def _approved(self, held: LatchState, wanted: ResumeTrading, by: str) -> ResumeRequest | None:
        """Return what `by` approves; None when the trader was not killed and it takes no two."""
        if held.state != "KILLED":
            return None
        asked = ResumeRequest.read(self._asked)
        if asked is None or not asked.is_about(held):
            raise InputError(
                "a killed trader is resumed when somebody has asked for it, and another agrees",
                value="nobody has asked since it was killed",
                remedy="one asks: nautilus-lab resume --ask REASON; another resumes",
            )
        if asked.is_over:
            raise InputError(
                "a request to resume must be approved before it runs out",
                value=f"{asked.by} asked {(time.time_ns() - asked.asked_ns) / 6e10:.0f} min ago",
                remedy="ask again: nautilus-lab resume --ask REASON",
            )
        if not _is_told(asked, self._last_asked()):
            raise AuditError(
                "a request to resume must stand in the audit trail as it is kept",
                value=f"{asked.by} asked for {asked.to}, by {self._asked.name} alone",
                remedy="find out who wrote it; then ask again: nautilus-lab resume --ask REASON",
            )
        if asked.to != wanted.to:
            raise InputError(
                "what is approved must be what was asked for",
                value=f"{wanted.to}; {asked.by} asked for {asked.to}",
                remedy=f"nautilus-lab resume --to {asked.to} REASON",
            )
        if asked.by == by and not self._single_person:
            raise AccessDenied(
                "a killed trader takes two persons to resume",
                value=f"{by} asked for it",
                remedy="have somebody else with the role risk_officer resume it; a desk that has "
                "one person declares so: trading.single_person = true, and a restart of the node",
            )
        return asked

    # --- the trail ------------------------------------------------------------------------

    def _note(self, kind: str, by: str, **facts: object) -> None:
        """Write it down before it holds: what cannot be written is not done."""
        self._trail.append(kind, facts, actor=by)

    def _note_refusal(
        self, held: LatchState, wanted: ResumeTrading, by: str, error: LabError
    ) -> None:
        facts = {"to": wanted.to, "before": held.state, "reason": wanted.reason, "why": str(error)}
        try:
            self._note("trading.resume_refused", by, **facts)
        except StoreError:
            log.exception("that %s was refused to resume could not be written", by)


def _terms_of(asked: ResumeRequest) -> dict[str, object]:
    """Return what a request and its row have to agree in, beside who asked."""
    terms = ("to", "reason", "serial", "asked_ns", "expires_ns")
    return {name: getattr(asked, name) for name in terms}


def _is_told(asked: ResumeRequest, row: AuditRow | None) -> bool:
    if row is None or row.actor != asked.by:
        return False
    facts = msgspec.json.decode(row.body)  # and the command that it is because of
    return all(facts.get(name) == value for name, value in _terms_of(asked).items())


def _named(differences: tuple[str, ...]) -> str:
    more = len(differences) - _MOST_NAMED
    named = "; ".join(differences[:_MOST_NAMED])
    return named if more <= 0 else f"{named}; and {more} more"
