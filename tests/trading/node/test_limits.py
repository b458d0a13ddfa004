"""The limits of a node: when they are looked at, what is told, and what a person may do."""

import asyncio
import json
from types import SimpleNamespace

import pytest

from nautilus_lab.config import EarlyWarningSettings, MeasureSettings
from nautilus_lab.exceptions import InputError, StoreError
from nautilus_lab.platform.commands import EnableStrategy
from nautilus_lab.platform.messages import AlertRaised, LimitBreach, LimitUpdated
from nautilus_lab.risk.adjustment import DynamicLimit, RegimeRule
from nautilus_lab.risk.limits import (
    Levels,
    LimitBook,
    MaxGrossExposure,
    MaxOrderNotional,
    MaxPositionUnits,
    MaxRepeats,
    MaxValueAtRisk,
    Measured,
    Measures,
)
from nautilus_lab.trading import Measurement
from nautilus_lab.trading._measures_file import read_measures, write_measures
from nautilus_lab.trading.node._foresight import Foresight
from nautilus_lab.trading.node._limits import LimitDesk
from tests.execution.gate.stand import SECOND, Stand


class Desk:
    """A node's limits over a gate in a backtest, and everything that was told."""

    def __init__(self, *limits, path=None, measured=None, measuring=None, dynamic=(), **levels):
        self.stand = Stand()
        self.stand.quote("100.00", "100.00")
        self.now_s = 0.0
        self.full = False
        self.told, self.states, self.rows, self.moves = [], [], [], []
        self.looks = 0
        book = LimitBook(limits, levels=Levels(**levels), dynamic=dynamic)
        gate = self.stand.gate
        gate.checks = (*gate.checks, *book.blocking)
        self.limits = LimitDesk(
            self.stand.engine.kernel,
            gate,
            book,
            trader="T-1",
            states=SimpleNamespace(tighten=self._tighten),
            tell=self._tell,
            publish=lambda body, topic: self.states.append((topic, body)),
            trail=SimpleNamespace(append=self._append),
            measures=path,
            measured=measured,
            measuring=measuring,
            now_s=lambda: self.now_s,
        )
        gate._on_checked = self.limits.on_checked
        look, watch = self.limits._watch.look, self.limits._watch
        watch.look = lambda now_ns: (setattr(self, "looks", self.looks + 1), look(now_ns))
        self.stand.engine.kernel.msgbus.subscribe(
            "events.order.*", lambda event: self.limits.on_order_event(event)
        )

    def _tighten(self, to, *, reason, by, automatic):
        self.moves.append((to, reason, by, automatic))

    def _room(self):
        if self.full:
            raise StoreError("the disk is full")

    def _tell(self, body, topic):
        self._room()
        self.told.append((topic, body))

    def _append(self, kind, body, *, actor):
        self._room()
        assert all(isinstance(value, str | int) for value in body.values())  # canonical JSON
        self.rows.append((kind, body, actor))

    def watch(self, *, seconds):
        for _ in range(round(seconds * 4)):
            self.now_s += 0.25
            self.limits.watch()

    def alerts(self):
        return [body for _, body in self.told if isinstance(body, AlertRaised)]

    def state(self, topic):
        return [body for at, body in self.states if at == topic][-1]


@pytest.fixture
def desk():
    made = []

    def make(*limits, **more):
        made.append(Desk(*limits, **more))
        return made[-1]

    yield make
    for one in made:
        one.stand.__exit__(None, None, None)


UNITS = MaxPositionUnits(max_units=100, mode="monitor")


def test_they_are_looked_at_every_five_seconds(desk):
    desk = desk(UNITS)
    desk.watch(seconds=20)
    assert desk.looks == 4


def test_and_at_the_next_turn_after_a_fill_and_while_something_must_be_confirmed(desk):
    desk = desk(UNITS)
    desk.watch(seconds=0.25)
    desk.stand.do(lambda s: s.market(101))
    desk.watch(seconds=0.25)
    assert (desk.looks, desk.alerts()) == (2, [])
    desk.watch(seconds=0.5)
    assert desk.looks == 4
    (alert,) = desk.alerts()  # three quarters of a second after the fill
    assert alert.severity == "critical"
    assert alert.detail == (
        "breach: max_position_units of AAPL.PAPER is 101.00, 101.0% of 100.00 units"
    )
    desk.watch(seconds=10)
    assert len(desk.alerts()) == 1
    assert desk.looks == 6


def test_how_much_is_used_is_published_and_zeroed_when_it_is_gone(desk):
    desk = desk(UNITS, MaxGrossExposure(max_fraction=1))
    desk.stand.do(lambda s: s.market(85))
    desk.watch(seconds=1)
    used = desk.state("risk.limit.T-1.max_position_units.AAPL.PAPER")
    assert (used.value, used.limit_value, used.utilisation, used.level) == (85, 100, 0.85, "warn")
    assert desk.state("risk.limit.T-1.max_gross_exposure").value == 8_500
    desk.stand.do(lambda s: s.market(-85))
    desk.stand.now += 100 * 10**9
    desk.watch(seconds=1)
    desk.stand.quote(every_s=61)
    desk.watch(seconds=6)
    assert desk.state("risk.limit.T-1.max_position_units.AAPL.PAPER") == LimitUpdated(
        limit="max_position_units",
        scope="AAPL.PAPER",
        value=0.0,
        limit_value=100,
        utilisation=0.0,
        level="ok",
    )


def test_a_breach_is_told_audited_and_acted_upon_once(desk):
    desk = desk(MaxPositionUnits(max_units=100, mode="monitor", action="halt"))
    desk.stand.do(lambda s: s.market(101))
    desk.watch(seconds=10)
    text = "max_position_units of AAPL.PAPER is 101.00, 101.0% of 100.00 units"
    assert desk.moves == [("HALTED", text, "limits", True)]
    (breach,) = [body for _, body in desk.told if isinstance(body, LimitBreach)]
    assert (breach.limit, breach.value, breach.action) == ("max_position_units", 101.0, "halt")
    ((kind, body, actor),) = desk.rows
    assert (kind, body["value"], body["bound"], actor) == (
        "limit.breach",
        "101.000000",
        "100.000000",
        "limits",
    )


def test_what_the_store_cannot_take_is_told_once_it_can_and_acted_upon_at_once(desk):
    desk = desk(MaxPositionUnits(max_units=100, mode="monitor", action="reduce_only"))
    desk.full = True
    desk.stand.do(lambda s: s.market(101))
    desk.watch(seconds=3)
    assert [to for to, *_ in desk.moves] == ["REDUCE_ONLY"]
    assert desk.told == desk.rows == []
    desk.full = False
    desk.watch(seconds=11)
    assert [type(body) for _, body in desk.told] == [AlertRaised, LimitBreach]
    assert len(desk.rows) == 1


def test_a_look_that_fails_tightens_and_the_next_goes_on(desk):
    desk = desk(UNITS)
    desk.limits._watch.look = lambda now_ns: 1 / 0
    desk.watch(seconds=0.25)
    assert [move[:2] for move in desk.moves] == [
        ("REDUCE_ONLY", "the limits could not be looked at")
    ]


def test_measures_come_from_a_file_and_a_broken_one_lets_nothing_increase(desk, tmp_path):
    path = tmp_path / "measures.json"
    desk = desk(MaxValueAtRisk(max_loss=100), path=path)
    buy = lambda s: s.market(1)  # noqa: E731
    desk.watch(seconds=0.25)
    desk.stand.do(buy)
    assert desk.stand.reason() == (
        "MAX_VALUE_AT_RISK: what it would be cannot be measured: "
        "no measure value_at_risk: nobody measured it"
    )
    now = desk.stand.now
    write_measures(path, Measures.at(now, value_at_risk=50.0))
    desk.watch(seconds=6)
    desk.stand.do(buy)
    assert (len(desk.stand.denials), desk.stand.held()) == (1, 1)
    path.write_text('{"value_at_risk": {"value": NaN}}')
    desk.watch(seconds=6)
    desk.stand.do(buy)
    assert len(desk.stand.denials) == 2
    assert desk.state("risk.limit.T-1.max_value_at_risk").value is None


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"mood": {"value": 1, "as_of_ns": 1}}', '{"delta": {"value": 1e999}}']
)
def test_measures_that_cannot_be_are_refused(tmp_path, text):
    path = tmp_path / "measures.json"
    path.write_text(text)
    with pytest.raises((StoreError, InputError)):
        read_measures(path)


def test_a_measure_that_is_not_finite_is_not_written(tmp_path):
    with pytest.raises(InputError, match="value_at_risk"):
        write_measures(tmp_path / "m.json", Measures.at(0, value_at_risk=float("nan")))
    assert not (tmp_path / "m.json").exists()


IMPOSSIBLE = [
    ("value_at_risk", -50.0),
    ("expected_shortfall", -0.01),
    ("stressed_expected_shortfall", -1e9),
    ("volatility", -0.2),
    ("volatility:AAPL", -0.2),
    ("volume:AAPL", -1.0),
    ("correlation", 1.01),
    ("correlation", -1.01),
]


@pytest.mark.parametrize(("name", "value"), IMPOSSIBLE)
def test_a_measure_that_is_none_of_its_kind_is_neither_written_nor_read(tmp_path, name, value):
    path = tmp_path / "measures.json"
    with pytest.raises(InputError, match=f"the measure {name.partition(':')[0]} must be"):
        write_measures(path, Measures({name: Measured(value, 1)}))
    assert not path.exists()
    path.write_text(json.dumps({name: {"value": value, "as_of_ns": 1}}))
    with pytest.raises(StoreError, match="must be"):
        read_measures(path)


def test_sensitivities_may_be_negative_and_a_measure_at_its_end(tmp_path):
    told = Measures.at(1, delta=-5.0, dv01=-1.0, correlation=-1.0, value_at_risk=0.0)
    write_measures(tmp_path / "m.json", told)
    assert read_measures(tmp_path / "m.json") == told


def test_a_file_with_a_negative_value_at_risk_is_as_none(desk, tmp_path):
    path = tmp_path / "measures.json"
    desk = desk(MaxValueAtRisk(max_loss=100), path=path)
    told = {"value": -50.0, "as_of_ns": desk.stand.now}
    path.write_text(json.dumps({"value_at_risk": told}))
    desk.watch(seconds=6)
    assert desk.state("risk.limit.T-1.max_value_at_risk").level == "breach"
    desk.stand.do(lambda s: s.market(1))
    assert (len(desk.stand.denials), desk.stand.held()) == (1, 0)


def test_the_view_has_every_limit_and_says_which_were_never_asked(desk):
    desk = desk(UNITS, MaxOrderNotional(max_notional=10_000), MaxValueAtRisk(max_loss=1))
    view = desk.limits.view()
    assert {(row.limit, row.level) for row in view.rows} == {
        ("max_position_units", "never"),
        ("max_order_notional", "never"),
        ("max_value_at_risk", "never"),
    }
    desk.watch(seconds=0.25)
    desk.limits.on_order_event(None)
    desk.stand.gate.held_back = {}
    desk.stand.do(lambda s: s.market(99))
    desk.watch(seconds=1)
    found = {row.limit: (row.value, row.level) for row in desk.limits.view().rows}
    assert found == {
        "max_value_at_risk": (None, "breach"),
        "max_position_units": (99.0, "critical"),
        "max_order_notional": (9_900.0, "critical"),
    }


def test_a_limit_of_an_instrument_that_there_is_none_of_is_told_of(desk):
    desk = desk(
        MaxPositionUnits(max_units=100, instruments={"AAPL", "APPL.PAPER"}),
        MaxPositionUnits(max_units=100, instruments={"AAPL.PAPER"}),
    )
    desk.limits.begin()
    (alert,) = desk.alerts()
    assert (alert.severity, alert.rule) == (
        "warning",
        "max_position_units must be of instruments that the node trades",
    )
    assert alert.detail.startswith("it names APPL.PAPER, which is none")


def test_a_person_enables_a_strategy_and_that_is_audited(desk):
    desk = desk(MaxRepeats(most=1, window_s=60))
    desk.stand.do(lambda s: [s.market(1), s.market(2)])
    assert set(desk.limits.view().disabled) == {"Hand-001"}
    ana = SimpleNamespace(name="ana")
    body = EnableStrategy(strategy="Hand-001", reason="it was a test")
    enable = desk.limits.handlers()["risk.enable"]
    view = asyncio.run(enable(SimpleNamespace(body=body, principal=ana)))
    assert view.disabled == {}
    kind, facts, actor = desk.rows[-1]
    assert (kind, facts["reason"], actor) == ("strategy.enabled", "it was a test", "ana")
    with pytest.raises(InputError, match="must be disabled"):
        asyncio.run(enable(SimpleNamespace(body=body, principal=ana)))


def test_that_a_limit_disabled_a_strategy_is_audited_at_once(desk):
    desk = desk(MaxRepeats(most=1, window_s=60))
    desk.stand.do(lambda s: [s.market(1), s.market(2)])
    ((kind, facts, actor),) = desk.rows
    assert (kind, facts["strategy"], actor) == ("strategy.disabled", "Hand-001", "limits")
    assert facts["reason"] == desk.limits.view().disabled["Hand-001"]


def test_and_as_soon_as_a_full_disk_takes_it(desk):
    desk = desk(MaxRepeats(most=1, window_s=60))
    desk.full = True
    desk.stand.do(lambda s: [s.market(1), s.market(2)])
    desk.full = False
    desk.watch(seconds=1)
    assert [kind for kind, _, _ in desk.rows] == ["strategy.disabled"]


def test_nobody_is_enabled_by_what_cannot_be_written_down(desk):
    desk = desk(MaxRepeats(most=1, window_s=60))
    desk.stand.gate.strategies.close("Hand-001", "a test")
    desk.full = True
    body = EnableStrategy(strategy="Hand-001", reason="it was a test")
    asked = SimpleNamespace(body=body, principal=SimpleNamespace(name="ana"))
    with pytest.raises(StoreError):
        asyncio.run(desk.limits.handlers()["risk.enable"](asked))
    assert set(desk.limits.view().disabled) == {"Hand-001"}


def test_whom_the_trail_has_as_disabled_stays_so_and_a_person_is_told(desk):
    desk = desk(UNITS)
    desk.stand.gate.strategies.close("Hand-002", "the file has it")
    desk.rows.clear()
    desk.limits.hold_disabled({"Hand-001": "it lost too much", "Hand-002": "the file has it"})
    desk.limits.begin()
    (alert,) = desk.alerts()
    assert (alert.severity, alert.rule) == (
        "critical",
        "Hand-001 must stay disabled until a person enables it",
    )
    assert alert.detail.endswith("the audit trail has: it lost too much")
    assert {facts["strategy"] for _, facts, _ in desk.rows} == {"Hand-001", "Hand-002"}
    desk.stand.do(lambda s: s.market(1))
    assert desk.stand.gate.strategies.closed["Hand-001"] == "it lost too much"
    assert desk.stand.gate.book.held.get("AAPL.PAPER", 0) == 0


def test_who_is_disabled_is_published_until_a_person_enables_it(desk):
    desk = desk(MaxRepeats(most=1, window_s=60))
    topic = "risk.limit.T-1.disabled_strategy.Hand-001"
    desk.watch(seconds=0.25)
    assert topic not in dict(desk.states)
    desk.stand.do(lambda s: [s.market(1), s.market(2)])
    desk.watch(seconds=6)
    assert (desk.state(topic).scope, desk.state(topic).level) == ("Hand-001", "breach")
    desk.stand.gate.strategies.open("Hand-001")
    desk.watch(seconds=6)
    assert desk.state(topic).level == "ok"
    told = len([1 for at, _ in desk.states if at == topic])
    desk.watch(seconds=20)
    assert len([1 for at, _ in desk.states if at == topic]) == told


def test_a_limit_that_is_about_to_be_exceeded_is_told_of_with_the_time_that_is_left(desk):
    desk = desk(UNITS)
    desk.limits._foresight = Foresight(EarlyWarningSettings(warm_up_s=0))
    for _ in range(16):
        desk.stand.do(lambda s: s.market(5))
        desk.watch(seconds=5)
        desk.stand.quote(every_s=5)
    (alert,) = [one for one in desk.alerts() if "for the next 300 s" in one.rule]
    assert alert.severity == "warning"
    used = desk.state("risk.limit.T-1.max_position_units.AAPL.PAPER")
    (row,) = desk.limits.view().rows
    assert used.eta_s == row.eta_s
    assert 0 < row.eta_s < 60


@pytest.mark.parametrize("every_s", [0.0, -1.0, 5.1, float("nan")])
def test_looking_less_often_than_every_five_seconds_is_refused(every_s):
    with pytest.raises(InputError):
        LimitDesk(
            None, None, LimitBook(), trader="T", states=None, tell=print, publish=print,
            every_s=every_s,
        )  # fmt: skip


def test_a_new_measure_is_looked_at_at_the_next_turn(desk, tmp_path):
    path = tmp_path / "measured.json"
    desk = desk(MaxValueAtRisk(max_loss=100), measured=path, measuring=MeasureSettings())
    now = desk.stand.now
    Measurement(as_of_ns=now, market_ns=now, values={"value_at_risk": 50.0}).write(path)
    desk.watch(seconds=0.25)
    Measurement(as_of_ns=now, market_ns=now, values={"value_at_risk": 60.5}).write(path)
    desk.watch(seconds=0.25)
    assert desk.looks == 2
    assert desk.state("risk.limit.T-1.max_value_at_risk").value == 60.5


def test_what_was_measured_beside_the_node_says_what_it_lacks(desk, tmp_path):
    path = tmp_path / "measured.json"
    desk = desk(MaxValueAtRisk(max_loss=100), measured=path)
    why = "25.0% of the gross value has no history, and 5.0% may: NEWCO.PAPER"
    made = Measurement(
        as_of_ns=desk.stand.now, market_ns=desk.stand.now, missing={"value_at_risk": why}
    )
    made.write(path)
    desk.watch(seconds=2)
    desk.stand.do(lambda s: s.market(1))
    assert desk.stand.reason().endswith(f"cannot be measured: no measure value_at_risk: {why}")
    (alert,) = desk.alerts()
    assert why in alert.detail


def test_what_was_measured_of_other_positions_fails_after_the_grace(desk, tmp_path):
    path = tmp_path / "measured.json"
    desk = desk(
        MaxValueAtRisk(max_loss=100), measured=path, measuring=MeasureSettings(), clear_s=0.0
    )

    def measured(**held):
        now = desk.stand.now
        values = {"value_at_risk": 50.0}
        held = {f"{symbol}.PAPER": units for symbol, units in held.items()}
        Measurement(as_of_ns=now, market_ns=now, values=values, held=held).write(path)

    def buy():
        desk.stand.do(lambda s: s.market(1))
        return desk.stand.held()

    measured()
    desk.watch(seconds=1)
    desk.stand.quote(every_s=50)  # an old one of what is still held
    desk.watch(seconds=6)
    assert buy() == 1
    desk.watch(seconds=1)
    desk.stand.quote(every_s=9)  # within the grace of ten seconds
    desk.watch(seconds=6)
    assert buy() == 2
    desk.stand.quote(every_s=2)
    desk.watch(seconds=6)
    assert buy() == 2
    assert desk.stand.reason().endswith("since it was made positions changed: AAPL.PAPER")
    measured(AAPL=1)  # a new one, if of other positions again
    desk.watch(seconds=6)
    assert buy() == 3
    measured(AAPL=3)
    desk.watch(seconds=6)
    desk.stand.quote(every_s=60)
    desk.watch(seconds=6)
    assert buy() == 4


def test_what_is_not_measured_anew_is_none_after_ten_intervals(desk, tmp_path):
    path = tmp_path / "measured.json"
    desk = desk(MaxValueAtRisk(max_loss=100), measured=path, measuring=MeasureSettings(every_s=2))
    now = desk.stand.now
    Measurement(as_of_ns=now, market_ns=now, values={"value_at_risk": 50.0}).write(path)
    desk.watch(seconds=1)
    desk.stand.quote(every_s=22)
    desk.watch(seconds=6)
    desk.stand.do(lambda s: s.market(1))
    assert desk.stand.reason().endswith("it was made 22 s ago, and is to be each 2 s")


def test_the_first_look_waits_for_a_measurement_and_nothing_increases(desk, tmp_path):
    path = tmp_path / "measured.json"
    desk = desk(MaxValueAtRisk(max_loss=100), measured=path, measuring=MeasureSettings())
    old = desk.stand.now - 3_600 * SECOND
    Measurement(as_of_ns=old, market_ns=old, values={"value_at_risk": 0.0}).write(path)
    desk.watch(seconds=10)
    desk.stand.do(lambda s: s.market(1))
    assert (desk.looks, desk.alerts(), desk.stand.held()) == (0, [], 0)
    now = desk.stand.now
    Measurement(as_of_ns=now, market_ns=now, values={"value_at_risk": 0.0}).write(path)
    desk.watch(seconds=1)
    desk.stand.do(lambda s: s.market(1))
    assert desk.stand.held() == 1


def test_it_does_not_wait_for_ever(desk, tmp_path):
    desk = desk(
        MaxValueAtRisk(max_loss=100), measured=tmp_path / "none.json", measuring=MeasureSettings()
    )
    desk.watch(seconds=35)
    assert desk.looks > 0
    assert desk.alerts()[0].severity == "critical"


def test_a_regime_that_was_measured_tightens_at_once_and_is_audited_with_what_it_was_told_by(
    desk, tmp_path
):
    path, gross = tmp_path / "measured.json", MaxGrossExposure(max_notional=10_000)
    rule = RegimeRule(signal="measured_regime:SP500", max_age_s=600)
    desk = desk(
        gross, dynamic=[DynamicLimit(limit=gross, rule=rule)],
        measured=path, measuring=MeasureSettings(),
    )  # fmt: skip

    def measure(word):
        now = desk.stand.now
        values = {"measured_regime:SP500": word, "volatility_rank:SP500": 0.95}
        Measurement(as_of_ns=now, market_ns=now, values=values).write(path)

    def holds():
        return desk.state("risk.limit.T-1.max_gross_exposure").limit_value

    measure("normal")
    desk.watch(seconds=1)
    assert holds() == 10_000
    measure("stressed")
    desk.watch(seconds=1)
    assert holds() == 5_000
    ((_, body, _),) = [row for row in desk.rows if row[0] == "limit.adjusted"]
    assert (body["before_percent"], body["after_percent"]) == (100, 50)
    assert body["reason"] == "measured_regime:SP500 is stressed, its volatility at rank 0.95"
    assert '"volatility_rank:SP500"' in body["inputs"]
    # What is not made anew for too long is no regime any more: it fails tight.
    desk.stand.quote(every_s=601)
    desk.watch(seconds=6)
    floor = desk.limits._base.dynamic[0].bounds.floor
    assert floor < 0.5
    assert holds() == pytest.approx(10_000 * floor)
