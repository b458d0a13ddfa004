"""Letting a trader do more again: by whom, for what reason, over what book."""

import json
import os
import time
from types import SimpleNamespace

import pytest
from nautilus_trader.common.component import MessageBus, TestClock
from nautilus_trader.model.identifiers import TraderId
from nautilus_trader.test_kit.stubs.component import TestComponentStubs

from nautilus_lab.exceptions import AccessDenied, AuditError, InputError, NodeError, StoreError
from nautilus_lab.execution.gate import TradingSwitch
from nautilus_lab.platform.access import Principal, Role
from nautilus_lab.platform.audit import AuditTrail
from nautilus_lab.platform.commands import Request, ResumeTrading
from nautilus_lab.platform.rundir import Home, Latch, ResumeRequest
from nautilus_lab.platform.store import TradingStore
from nautilus_lab.trading.node._agreement import Agreed
from nautilus_lab.trading.node._resuming import Resuming
from nautilus_lab.trading.node._states import TradingStates

GREEN = Agreed(venues=("PAPER",), orders=0, differences=())


class Desk:
    """A trader, its latch and trail, and two risk officers: ana and ben."""

    def __init__(self, rundir, store, *, single_person=False):
        self.rundir, self.store = rundir, store
        self.latch = Latch(rundir.latch)
        self.latch.begin()
        clock = TestClock()
        bus = MessageBus(TraderId("T-1"), clock)
        self.trail = AuditTrail(store)
        self.states = TradingStates(
            SimpleNamespace(cache=TestComponentStubs.cache(), clock=clock, msgbus=bus),
            TradingSwitch(self.latch),
            trader="T-1",
            tell=lambda body, topic: None,
            trail=self.trail,
            resume_asked=rundir.resume_asked,
            single_person=single_person,
        )
        self.says = GREEN  # what the venues say
        self.meanwhile = lambda: None
        self.owners = {}
        self.full = False
        self.resuming = Resuming(
            self.states,
            check=self._check,
            owners=lambda: self.owners,
            trail=SimpleNamespace(append=self._append),
            asked=rundir.resume_asked,
            last_asked=lambda: next(iter(store.audit_tail(1, kind="trading.resume_asked")), None),
            single_person=single_person,
        )

    async def _check(self):
        self.meanwhile()
        return self.says

    def _append(self, *args, **kwargs):
        if self.full:
            raise StoreError("a store needs room to write")
        self.trail.append(*args, **kwargs)

    def tighten(self, to):
        self.states.tighten(to, reason="prices look wrong", by="cleo")

    async def _do(self, name, by, reason, to):
        principal = Principal(by, frozenset({Role.RISK_OFFICER}))
        body = ResumeTrading(reason=reason, to=to)
        request = Request(id="C-1", name=name, principal=principal, body=body)
        return await self.resuming.handlers()[name](request)

    async def ask(self, by, reason="the feed is mended", to="ACTIVE"):
        return await self._do("risk.ask_resume", by, reason, to)

    async def resume(self, by, reason="I looked, too", to="ACTIVE"):
        return await self._do("risk.resume", by, reason, to)

    @property
    def state(self):
        held = self.latch.read().state
        assert held == self.states.switch.state
        return held

    def rows(self, kind):
        told = [(row.kind, row.actor, json.loads(row.body)) for row in self.store.audit_rows()]
        return [(actor, body) for found, actor, body in told if found == kind]


@pytest.fixture
def store():
    with TradingStore.open(":memory:") as store:
        yield store


@pytest.fixture
def rundir(tmp_path):
    return Home(tmp_path / "home").make().trader("T-1").make()


@pytest.fixture
def desk(rundir, store):
    return Desk(rundir, store)


@pytest.mark.parametrize("halted", ["REDUCE_ONLY", "HALTED"])
async def test_who_may_resumes_for_a_reason_and_the_trail_says_over_what_book(desk, halted):
    desk.tighten(halted)
    desk.says = Agreed(venues=("PAPER",), orders=3, differences=())
    assert (await desk.resume("ana", "the feed is mended")).state == desk.state == "ACTIVE"
    ((actor, body),) = desk.rows("trading.resume")
    assert (actor, body["before"], body["to"]) == ("ana", halted, "ACTIVE")
    assert (body["reason"], body["venues"], body["working_orders"]) == (
        "the feed is mended",
        ["PAPER"],
        3,
    )
    assert desk.latch.read().reason == "the feed is mended"


async def test_what_differs_is_named_and_nothing_is_resumed(desk):
    desk.tighten("HALTED")
    desk.says = Agreed(
        venues=("PAPER",),
        orders=1,
        differences=("order O-7 works at PAPER and not here", "AAPL.PAPER is not as PAPER has it"),
    )
    with pytest.raises(NodeError, match=r"O-7 works at PAPER and not here; AAPL\.PAPER is not"):
        await desk.resume("ana")
    assert desk.state == "HALTED"
    ((actor, body),) = desk.rows("trading.resume_refused")
    assert actor == "ana"
    assert "O-7" in body["why"]


async def test_who_has_a_strategy_run_does_not_resume_it(desk):
    desk.tighten("HALTED")
    desk.owners = {"carry-002": "ana"}
    with pytest.raises(AccessDenied, match="ana had carry-002 run"):
        await desk.resume("ana")
    assert desk.state == "HALTED"
    assert (await desk.resume("ben")).state == "ACTIVE"


async def test_a_killed_trader_takes_one_who_asks_and_another_who_resumes(desk):
    desk.tighten("KILLED")
    told = await desk.ask("ana")
    assert (told.state, told.resume_asked_by, told.resume_asked_to) == ("KILLED", "ana", "ACTIVE")
    with pytest.raises(AccessDenied, match="takes two persons"):
        await desk.resume("ana")
    assert desk.state == "KILLED"
    assert (await desk.resume("ben")).state == desk.state == "ACTIVE"
    held = desk.latch.read()
    assert (held.by, held.reason) == (
        "ana, ben",
        "the feed is mended; approved: I looked, too",
    )
    ((_, body),) = desk.rows("trading.resume")
    assert body["asked_by"] == "ana"
    assert not desk.rundir.resume_asked.exists()


async def test_a_killed_trader_for_which_nobody_asked_stays_killed(desk):
    desk.tighten("KILLED")
    with pytest.raises(InputError, match="nobody has asked since it was killed"):
        await desk.resume("ana")
    assert desk.state == "KILLED"


async def test_what_was_asked_for_outlives_the_node(desk, rundir, store):
    desk.tighten("KILLED")
    await desk.ask("ana")
    again = Desk(rundir, store)
    assert again.states.as_it_is().resume_asked_by == "ana"
    assert (await again.resume("ben")).state == "ACTIVE"


async def test_who_kills_again_makes_what_was_asked_for_void(desk):
    desk.tighten("KILLED")
    await desk.ask("ana")
    desk.tighten("KILLED")
    with pytest.raises(InputError, match="nobody has asked"):
        await desk.resume("ben")
    assert desk.state == "KILLED"


async def test_a_request_of_an_earlier_kill_resumes_no_later_one(desk):
    desk.tighten("KILLED")
    await desk.ask("ana")
    kept = desk.rundir.resume_asked.read_bytes()
    await desk.resume("ben")
    desk.tighten("KILLED")
    desk.rundir.resume_asked.write_bytes(kept)
    with pytest.raises(InputError, match="nobody has asked"):
        await desk.resume("ben")
    assert desk.state == "KILLED"


async def test_a_request_runs_out_also_by_a_clock_that_was_set_back(desk):
    desk.tighten("KILLED")
    await desk.ask("ana")
    asked = ResumeRequest.read(desk.rundir.resume_asked)
    far = 10**18
    for change in ({"expires_ns": asked.asked_ns}, {"asked_ns": asked.asked_ns + far}):
        facts = {name: getattr(asked, name) for name in asked.__struct_fields__} | change
        ResumeRequest(**facts).write(desk.rundir.resume_asked)
        with pytest.raises(InputError, match="before it runs out"):
            await desk.resume("ben")
        assert desk.states.as_it_is().resume_asked_by == ""
    assert desk.state == "KILLED"


@pytest.mark.parametrize("change", [{"by": "ana"}, {"to": "REDUCE_ONLY"}, {"reason": "other"}])
async def test_a_request_that_another_hand_wrote_is_none_of_a_person(desk, change):
    desk.tighten("KILLED")
    await desk.ask("cleo")
    asked = ResumeRequest.read(desk.rundir.resume_asked)
    facts = {name: getattr(asked, name) for name in asked.__struct_fields__} | change
    ResumeRequest(**facts).write(desk.rundir.resume_asked)
    with pytest.raises(AuditError, match="must stand in the audit trail"):
        await desk.resume("ben", to=facts["to"])
    assert desk.state == "KILLED"
    assert desk.rows("trading.resume_refused")[-1][0] == "ben"


async def test_a_request_of_which_no_trail_tells_is_none_of_a_person(desk):
    desk.tighten("KILLED")
    serial, now_ns = desk.latch.read().serial, time.time_ns()
    ResumeRequest(
        to="ACTIVE", reason="r", by="ana", serial=serial, asked_ns=now_ns, expires_ns=2**62
    ).write(desk.rundir.resume_asked)
    with pytest.raises(AuditError, match="ana asked for ACTIVE, by resume"):
        await desk.resume("ben")
    assert desk.state == "KILLED"


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"null", b'{"to": "ACTIVE"}', b"\xff" * 100, b"x" * 100_000],
)
async def test_a_request_that_cannot_be_believed_is_none(desk, data):
    desk.tighten("KILLED")
    desk.rundir.resume_asked.write_bytes(data)
    with pytest.raises(InputError, match="nobody has asked"):
        await desk.resume("ben")
    desk.rundir.resume_asked.unlink()
    os.symlink("/etc/passwd", desk.rundir.resume_asked)
    assert desk.states.as_it_is().resume_asked_by == ""
    assert desk.state == "KILLED"


async def test_what_is_approved_is_what_was_asked_for(desk):
    desk.tighten("KILLED")
    await desk.ask("ana", to="REDUCE_ONLY")
    with pytest.raises(InputError, match="ana asked for REDUCE_ONLY"):
        await desk.resume("ben", to="ACTIVE")
    assert (await desk.resume("ben", to="REDUCE_ONLY")).state == "REDUCE_ONLY"


async def test_who_tightens_while_the_venues_are_asked_has_the_last_word(desk):
    desk.tighten("HALTED")
    desk.meanwhile = lambda: desk.latch.tighten("KILLED", reason="no, wait", by="cleo")
    with pytest.raises(InputError, match="KILLED: no, wait"):
        await desk.resume("ana")
    assert desk.state == "KILLED"
    desk.meanwhile = lambda: desk.tighten("KILLED")
    await desk.ask("ana")
    with pytest.raises(InputError, match="tightened while it was resumed"):
        await desk.resume("ben")
    assert desk.state == "KILLED"


async def test_what_cannot_be_written_down_is_not_resumed(desk):
    desk.tighten("HALTED")
    desk.full = True
    with pytest.raises(StoreError, match="room to write"):
        await desk.resume("ana")
    assert desk.state == "HALTED"
    desk.tighten("KILLED")
    with pytest.raises(StoreError):
        await desk.ask("ana")
    assert not desk.rundir.resume_asked.exists()


async def test_a_desk_of_one_person_asks_and_resumes_by_itself_and_the_trail_says_so(rundir, store):
    desk = Desk(rundir, store, single_person=True)
    desk.owners = {"carry-002": "ana"}
    desk.states.begin()
    desk.tighten("KILLED")
    with pytest.raises(InputError, match="nobody has asked"):
        await desk.resume("ana")  # never by one act
    assert (await desk.ask("ana")).single_person
    assert (await desk.resume("ana")).state == "ACTIVE"
    assert desk.latch.read().by == "ana"
    ((_, body),) = desk.rows("trading.resume")
    assert (body["asked_by"], body["single_person"]) == ("ana", True)
    ((_, begun),) = desk.rows("trading.begun")
    assert begun["single_person"]


async def test_nothing_is_asked_for_that_takes_one_person(desk):
    for to in (None, "HALTED"):
        if to is not None:
            desk.tighten(to)
        with pytest.raises(InputError, match="only a killed trader"):
            await desk.ask("ana")


async def test_a_trader_is_not_resumed_to_what_holds_or_is_tighter(desk):
    with pytest.raises(InputError, match="nothing needs to be done"):
        await desk.resume("ana")
    desk.tighten("REDUCE_ONLY")
    with pytest.raises(InputError, match="cannot be resumed to REDUCE_ONLY"):
        await desk.resume("ana", to="REDUCE_ONLY")
