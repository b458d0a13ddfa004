"""A node's limits that adjust themselves: audited, told, loosened by two people, over in time."""

import asyncio
import json
import math
from types import SimpleNamespace

import pytest

from nautilus_lab.exceptions import AccessDenied, AuditError, InputError, LifecycleError, StoreError
from nautilus_lab.execution.gate import Adjusting, TradingSwitch
from nautilus_lab.platform.commands import OneLoosening, ProposeLoosening
from nautilus_lab.platform.messages import AlertRaised
from nautilus_lab.platform.rundir import Latch
from nautilus_lab.risk.adjustment import book_of
from nautilus_lab.risk.limits import Measures
from nautilus_lab.trading._measures_file import write_measures
from nautilus_lab.trading.node._limits import LimitDesk
from tests.execution.gate.stand import Stand

SECOND = 1_000_000_000
UNITS = {
    "limit": "max_position_units",
    "max_units": 100,
    "adjust": {"rule": "volatility", "target": 0.2, "floor": 0.1, "ceiling": 1.5},
}


class Desk:
    """A node's limits over a gate in a backtest, its files in a folder, and all that was told."""

    def __init__(self, folder):
        self.folder = folder
        self.stand = Stand()
        self.stand.quote("100.00", "100.00")
        self.now_s = 0.0
        self.full = False
        self.broken = None
        self.told, self.states, self.rows = [], [], []
        self.restart()

    def restart(self):
        book, gate = book_of([UNITS]), self.stand.gate
        gate.checks = (
            *[check for check in gate.checks if check.name != "max_position_units"],
            *book.blocking,
        )
        self.limits = LimitDesk(
            self.stand.engine.kernel,
            gate,
            book,
            trader="T-1",
            states=SimpleNamespace(tighten=lambda to, **more: None),
            tell=self._tell,
            publish=lambda body, topic: self.states.append((topic, body)),
            trail=SimpleNamespace(append=self._append),
            measures=self.folder / "measures.json",
            adjusting=Adjusting(book, path=self.folder / "adjusted.json", wait_s=60.0),
            now_s=lambda: self.now_s,
        )

    def _tell(self, body, topic):
        if self.full:
            raise StoreError("the disk is full")
        self.told.append((topic, body))

    def _append(self, kind, body, *, actor):
        if self.full:
            raise StoreError("the disk is full")
        if self.broken is not None:
            raise self.broken
        assert all(isinstance(value, str | int) for value in body.values())  # canonical JSON
        if kind != "equity.high_water":  # which is not about these limits
            self.rows.append((kind, body, actor))

    def measure(self, **measures):
        write_measures(self.folder / "measures.json", Measures.at(self.stand.now, **measures))
        self.watch(6)

    def lose_measures(self):
        (self.folder / "measures.json").write_text("{")
        self.watch(6)
        self.later(61)
        self.watch(6)

    def watch(self, seconds):
        for _ in range(round(seconds * 4)):
            self.now_s += 0.25
            self.limits.watch()

    def later(self, seconds):
        self.stand.quote(every_s=seconds)
        self.limits.watch()

    def command(self, name, body, by):
        request = SimpleNamespace(body=body, principal=SimpleNamespace(name=by))
        return asyncio.run(self.limits.handlers()[name](request))

    def propose(self, to=1.2, by="ann", lasts_s=600.0):
        body = ProposeLoosening(
            limit="max_position_units", to=to, reason="a rebalance", lasts_s=lasts_s
        )
        view = self.command("limits.propose", body, by)
        return [one.request for one in view.loosenings if not one.approved_by][-1]

    def decide(self, verb, request, by):
        return self.command(f"limits.{verb}", OneLoosening(request=request), by)

    def bound(self):
        (check,) = [c for c in self.stand.gate.checks if c.name == "max_position_units"]
        (limit,) = self.limits.limits
        assert check is limit
        return limit.max_units

    def row(self):
        (row,) = [row for row in self.limits.view().rows if row.key]
        return row

    def alerts(self):
        return [body for _, body in self.told if isinstance(body, AlertRaised)]


@pytest.fixture
def desk(tmp_path):
    made = Desk(tmp_path)
    yield made
    made.stand.__exit__(None, None, None)


def test_a_change_is_audited_with_its_inputs_published_and_shown(desk):
    desk.measure(volatility=0.4)
    assert desk.bound() == 50.0
    ((kind, facts, actor),) = desk.rows
    assert (kind, actor) == ("limit.adjusted", "limits")
    assert facts["change"] == "tightened"
    assert (facts["before_percent"], facts["after_percent"]) == (100, 50)
    assert json.loads(facts["inputs"]) == [["volatility", 0.4, desk.stand.now]]
    assert facts["rule"].startswith("VolatilityRule(target=0.2")
    topic, told = desk.states[-1]
    assert topic == "risk.limit.T-1.max_position_units.positions"
    assert (told.limit_value, told.base_value) == (50.0, 100.0)
    row = desk.row()
    assert (row.base_value, row.limit_value) == (100.0, 50.0)
    assert row.why == "tightened to 50%: volatility is 0.4, the target 0.2"
    assert desk.alerts() == []


def test_at_its_floor_and_when_an_input_fails_somebody_is_alerted_once_in_half_an_hour(desk):
    desk.measure(volatility=2.5)
    desk.watch(20)
    (alert,) = desk.alerts()
    assert alert.rule == "max_position_units should stand above its floor"
    assert alert.detail == "tightened: 10% of its base: volatility is 2.5, the target 0.2"
    desk.lose_measures()
    desk.watch(1_800)
    assert len(desk.alerts()) == 1
    desk.measure(volatility=2.5)
    desk.lose_measures()
    assert [one.detail for one in desk.alerts()[1:]] == [
        "failed_tight: 10% of its base: volatility is missing"
    ]
    assert [(facts["change"], facts["inputs"] == "[]") for _, facts, _ in desk.rows[1:]] == [
        ("failed_tight", True),
        ("recovered", False),
        ("failed_tight", True),
    ]


def test_what_was_tightened_is_audited_once_the_store_can_be_written(desk):
    desk.full = True
    desk.measure(volatility=0.4)
    assert (desk.bound(), desk.rows) == (50.0, [])
    desk.full = False
    desk.watch(11)
    assert [facts["after_percent"] for _, facts, _ in desk.rows] == [50]


def test_two_people_loosen_and_it_is_over_within_a_quarter_of_a_second(desk):
    desk.measure(volatility=0.2)
    request = desk.propose()
    assert desk.bound() == 100.0
    (waits,) = desk.limits.view().loosenings
    assert (waits.requester, waits.approved_by, waits.to) == ("ann", "", 1.2)
    view = desk.decide("approve", request, "bob")
    assert desk.bound() == 120.0
    assert [(one.request, one.approved_by) for one in view.loosenings] == [(request, "bob")]
    assert desk.row().why == "loosened by ann and bob: a rebalance"
    assert [(kind, actor) for kind, _, actor in desk.rows] == [
        ("limit.proposed", "ann"),
        ("limit.adjusted", "bob"),
    ]
    desk.later(599)
    assert desk.bound() == 120.0
    looked = desk.now_s
    desk.later(1)
    assert (desk.bound(), desk.now_s) == (100.0, looked)
    desk.watch(0.25)
    (_, facts, actor) = desk.rows[-1]
    assert (facts["change"], facts["request"], actor) == ("expired", request, "limits")
    assert desk.limits.view().loosenings == ()


@pytest.mark.parametrize("by", ["ann", "Ann", " ann "])
def test_who_asks_does_not_approve(desk, by):
    desk.measure(volatility=0.2)
    request = desk.propose()
    with pytest.raises(AccessDenied, match="who asks does not approve"):
        desk.decide("approve", request, by)
    assert desk.bound() == 100.0


def test_no_command_passes_the_ceiling_or_a_session(desk):
    desk.measure(volatility=0.2)
    for to, lasts_s in ((1.51, 60.0), (1.2, 28_801.0), (math.nan, 60.0), (1.2, math.inf)):
        with pytest.raises(InputError):
            desk.propose(to=to, lasts_s=lasts_s)
    with pytest.raises(InputError, match="must be a limit that adjusts itself"):
        desk.command(
            "limits.propose",
            ProposeLoosening(limit="max_leverage", to=1.2, reason="a test", lasts_s=60.0),
            "ann",
        )
    assert desk.rows == []


def test_a_restart_keeps_what_was_asked_for_and_what_was_granted(desk):
    desk.measure(volatility=0.2)
    granted, waits = desk.propose(), desk.propose(to=1.5)
    desk.decide("approve", granted, "bob")
    desk.restart()
    assert desk.bound() == 120.0
    desk.decide("approve", waits, "bob")
    assert desk.bound() == 150.0
    desk.decide("revoke", waits, "zoe")
    assert desk.bound() == 100.0
    desk.restart()
    assert desk.bound() == 100.0


def test_taking_back_what_was_asked_for_is_written_down(desk):
    desk.measure(volatility=0.2)
    request = desk.propose()
    desk.decide("revoke", request, "ann")
    desk.watch(11)
    (kind, _, actor) = desk.rows[-1]
    assert (kind, actor) == ("limit.withdrawn", "ann")


def test_revoking_holds_at_once_also_when_nothing_can_be_written(desk):
    desk.measure(volatility=0.2)
    request = desk.propose()
    desk.decide("approve", request, "bob")
    desk.full = True
    desk.decide("revoke", request, "ann")
    assert desk.bound() == 100.0
    desk.full = False
    desk.watch(11)
    (_, facts, actor) = desk.rows[-1]
    assert (facts["change"], actor) == ("revoked", "ann")


def test_nothing_is_asked_for_or_granted_that_is_not_audited(desk):
    desk.measure(volatility=0.2)
    desk.full = True
    with pytest.raises(StoreError):
        desk.propose()
    assert desk.limits.view().loosenings == ()
    desk.full = False
    request = desk.propose()
    desk.full = True
    with pytest.raises(StoreError):
        desk.decide("approve", request, "bob")
    assert desk.bound() == 100.0


@pytest.mark.parametrize("state", ["HALTED", "KILLED"])
def test_while_the_trader_may_not_trade_nothing_is_granted(desk, state):
    desk.measure(volatility=0.2)
    request = desk.propose()
    desk.stand.gate.state.tighten(state, reason="a test", by="ana", automatic=False)
    with pytest.raises(LifecycleError, match="may not trade"):
        desk.decide("approve", request, "bob")


def test_a_kill_by_another_process_a_moment_ago_lets_nothing_be_granted(desk, tmp_path):
    latch = Latch(tmp_path / "kill.latch")
    latch.begin()
    desk.stand.gate.state = TradingSwitch(latch)
    desk.measure(volatility=0.2)
    request = desk.propose()
    Latch(latch.path).tighten("KILLED", reason="a test", by="ana")
    with pytest.raises(LifecycleError, match="may not trade"):
        desk.decide("approve", request, "bob")
    assert desk.bound() == 100.0


def test_a_node_whose_limits_stand_where_they_stood_tells_nothing(desk):
    desk.limits.begin()
    assert desk.rows == []
    assert desk.alerts() == []


def test_a_node_that_lost_where_its_limits_stood_says_so(desk):
    (desk.folder / "adjusted.json").write_text("gone")
    desk.restart()
    desk.limits.begin()
    (alert,) = desk.alerts()
    assert (alert.severity, desk.bound()) == ("critical", 10.0)
    assert "begin at their floor" in alert.detail


@pytest.mark.parametrize("error", [AuditError("another writer"), TypeError("a bug")])
def test_what_can_never_be_told_ends_in_an_alert_and_holds_up_nothing(desk, error):
    desk.broken = error
    desk.measure(volatility=0.4)
    (alert,) = desk.alerts()
    assert (alert.severity, alert.rule) == (
        "critical",
        "what becomes of limits must be told and audited",
    )
    assert type(error).__name__ in alert.detail
    desk.broken = None
    desk.measure(volatility=0.5)
    assert [facts["after_percent"] for _, facts, _ in desk.rows] == [40]
