"""Invariants of limits that adjust themselves, over any sequence of looks."""

import dataclasses
import itertools
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nautilus_lab.exceptions import InputError
from nautilus_lab.risk.adjustment import (
    AdjustmentBounds,
    AdjustmentState,
    Assessment,
    BreachProbabilityRule,
    DynamicLimit,
    Signal,
    Signals,
    VolatilityRule,
    state_of,
)
from nautilus_lab.risk.early_warning import BreachForecast
from nautilus_lab.risk.limits import (
    CATALOGUE,
    DailyLoss,
    Holdings,
    LimitBook,
    MaxConcentration,
    MaxCorrelation,
    MaxDrawdown,
    MaxGrossExposure,
    MaxOrderNotional,
    MaxParticipation,
    Order,
    Position,
    PriceCollar,
    scaled,
)

SECOND = 1_000_000_000
MINUTE, HOUR, DAY = 60 * SECOND, 3600 * SECOND, 86_400 * SECOND
GROSS = MaxGrossExposure(max_notional=1000.0)


@dataclasses.dataclass(frozen=True)
class Said:
    """A rule that says what the signal ``part`` says, whatever it is."""

    may_loosen: bool = True

    def assess(self, signals, now_ns):
        value = signals.values["part"].value
        if value == "none":
            return Assessment(factor=None)
        return Assessment(factor=value, inputs=(("part", value, now_ns),))


def said(value, now_ns=0):
    return Signals({"part": Signal(value, now_ns)})


def dynamic(may_loosen=True, **bounds):
    return DynamicLimit(limit=GROSS, rule=Said(may_loosen), bounds=AdjustmentBounds(**bounds))


def parts(limit, steps, state=None):
    """Play (seconds since the last look, what the rule says); return where it stood after each."""
    state, now, found = state or AdjustmentState(), 0, []
    for after_s, value in steps:
        now += int(after_s * SECOND)
        state = limit.adjust(state, said(value, now), now).state
        found.append(state.percent)
    return found


ANYTHING = st.one_of(
    st.floats(0, 1),
    st.floats(allow_nan=True, allow_infinity=True),
    st.sampled_from([math.nan, math.inf, -1.0, 2.0, "none", "word"]),
)
TIMES = st.one_of(
    st.floats(-100, 100), st.floats(0, 86_400), st.sampled_from([0.0, 5.0, 59.999, 60.0, 3600.0])
)
SEQUENCES = st.lists(st.tuples(TIMES, ANYTHING), max_size=80)
BOUNDS = st.builds(
    AdjustmentBounds,
    floor=st.integers(1, 100).map(lambda n: n / 100),
    ceiling=st.integers(100, 200).map(lambda n: n / 100),
    per_minute=st.integers(1, 30).map(lambda n: n / 100),
    per_day=st.integers(1, 80).map(lambda n: n / 100),
    tighten_per_minute=st.one_of(st.none(), st.integers(1, 50).map(lambda n: n / 100)),
    lifetime_s=st.sampled_from([60.0, 3600.0, 86_400.0]),
)


@given(SEQUENCES, BOUNDS, st.booleans())
def test_floor_to_base_and_steps_hold_for_any_sequence(sequence, bounds, may_loosen):
    limit = DynamicLimit(limit=GROSS, rule=Said(may_loosen), bounds=bounds)
    floor = round(bounds.floor * 100)
    state, now, latest = AdjustmentState(), 0, 0
    looser, tighter = [], []  # (time, percent)
    for after_s, value in sequence:
        now += int(after_s * SECOND)
        latest = max(latest, now)
        before = state.percent
        found = limit.adjust(state, said(value, now), now)
        again = limit.adjust(state, said(value, now), now)
        assert found.state == again.state
        assert [r.plain for r in found.records] == [r.plain for r in again.records]
        state = found.state
        assert floor <= state.percent <= 100 <= round(bounds.ceiling * 100)
        effective = limit.effective(state, now).max_notional
        assert bounds.floor * 1000 <= effective + 1e-9 <= 1000.0 + 1e-9
        failed = not (value == "none" or (not isinstance(value, str) and 0 <= value <= 1))
        assert state.failed == failed
        if failed:
            assert state.percent == floor
        if state.percent > before:
            looser.append((latest, state.percent - before))
        elif state.percent < before and not failed:
            tighter.append((latest, before - state.percent))
        moves = [r for r in found.records if r.rule_before != r.rule_after]
        assert len(moves) == (state.percent != before)
        assert state == state_of(json.loads(json.dumps(state.plain)))
        for record in found.records:
            json.dumps(record.plain, allow_nan=False)
    for end, _ in looser:
        within = [step for ts, step in looser if end - MINUTE < ts <= end]
        assert sum(within) <= round(bounds.per_minute * 100)
        within = [step for ts, step in looser if end - DAY < ts <= end]
        assert sum(within) <= round(bounds.per_day * 100)
    if bounds.tighten_per_minute is not None:
        for end, _ in tighter:
            within = [step for ts, step in tighter if end - MINUTE < ts <= end]
            assert sum(within) <= round(bounds.tighten_per_minute * 100)


@given(SEQUENCES, BOUNDS, st.booleans(), st.tuples(st.floats(0, 1), st.floats(0, 1)), TIMES)
def test_a_larger_part_never_leads_to_a_tighter_limit(sequence, bounds, may_loosen, two, after_s):
    limit = DynamicLimit(limit=GROSS, rule=Said(may_loosen), bounds=bounds)
    state, now = AdjustmentState(), 0
    for step, value in sequence:
        now += int(step * SECOND)
        state = limit.adjust(state, said(value), now).state
    now += int(after_s * SECOND)
    low, high = (limit.adjust(state, said(part), now).state.percent for part in sorted(two))
    assert low <= high
    assert limit.adjust(state, said(math.nan), now).state.percent <= low


def test_tightening_is_at_once_and_rounded_towards_tighter():
    assert parts(dynamic(), [(0, 0.5)]) == [50]
    assert parts(dynamic(), [(0, 0.509)]) == [50]
    assert parts(dynamic(), [(0, 0.29)]) == [29]  # 100 x 0.29 is 28.999999999999996
    assert parts(dynamic(), [(0, 0.01)]) == [25]


def test_tightening_by_steps_where_that_is_asked_for_but_not_of_what_fails():
    limit = dynamic(tighten_per_minute=0.2)
    assert parts(limit, [(0, 0.5), (5, 0.5), (54, 0.5), (1, 0.5), (60, 0.5)]) == [
        80, 80, 80, 60, 50,
    ]  # fmt: skip
    assert parts(limit, [(0, 0.5), (5, math.nan)]) == [80, 25]


def test_loosening_is_by_ten_percent_a_minute_and_fifty_a_day():
    looks = [(60, 1.0)] * 10
    assert parts(dynamic(), [(0, 0.25), *looks]) == [25, 35, 45, 55, 65, 75, 75, 75, 75, 75, 75]
    assert parts(dynamic(), [(0, 0.25), *looks, (86_400 - 600, 1.0), (60, 1.0)])[-2:] == [75, 85]
    assert parts(dynamic(), [(0, 0.5), (60, 0.55), (30, 0.9), (30, 0.9)]) == [50, 55, 60, 65]


def test_a_step_counts_until_its_minute_and_its_day_are_over():
    for bounds, window in (({}, MINUTE), ({"per_day": 0.1}, DAY)):
        limit = dynamic(**bounds)
        state = limit.adjust(AdjustmentState(percent=50), said(1.0), 0).state
        for now_ns, expected in ((window - 1, 60), (window, 70)):
            assert limit.adjust(state, said(1.0), now_ns).state.percent == expected


def test_loosening_counts_gross_so_that_going_to_and_fro_gains_nothing():
    to_and_fro = [(60, 0.4), (60, 0.3)] * 20
    found = parts(dynamic(), [(0, 0.3), *to_and_fro])
    assert found[:3] == [30, 40, 30]
    assert sum(b - a for a, b in itertools.pairwise(found) if b > a) == 50


def test_a_clock_that_goes_back_gives_nothing_back():
    state = dynamic().adjust(AdjustmentState(), said(0.5), DAY).state
    back = dynamic().adjust(state, said(1.0), 0).state
    again = dynamic().adjust(back, said(1.0), 30 * SECOND).state
    assert (back.percent, again.percent, again.looked_ns) == (60, 60, DAY)


def test_what_expired_goes_back_by_schedule_only():
    limit = dynamic(may_loosen=False)
    hours = [(3600, 1.0)] * 30
    found = parts(limit, [(0, 0.75), *hours])
    assert found[:25] == [75] * 25  # of the tightening and its 24 hours
    assert found[25:31] == [80, 85, 90, 95, 100, 100]


def test_a_model_that_asks_again_renews_its_tightening():
    limit = dynamic(may_loosen=False)
    found = parts(limit, [(0, 0.75), (80_000, 0.75), (80_000, 1.0), (6_400 + 3_600, 1.0)])
    assert found == [75, 75, 75, 80]


def test_the_schedule_does_not_lead_beyond_what_the_model_says():
    limit = dynamic(may_loosen=False)
    assert parts(limit, [(0, 0.5), (86_400 + 3 * 3600, 0.53), (3600, 0.53)]) == [50, 53, 53]


def test_a_rule_without_a_say_neither_tightens_nor_loosens_before_it_expires():
    assert parts(dynamic(), [(0, "none"), (5, 0.5), (5, "none")]) == [100, 50, 50]
    assert parts(dynamic(), [(0, 0.5), (86_400 + 3600, "none")]) == [50, 55]


def test_a_long_absence_does_not_open_the_step_bounds():
    state = AdjustmentState(percent=30)
    assert parts(dynamic(may_loosen=False), [(30 * 86_400, 1.0), (1, 1.0)], state) == [40, 40]


def test_a_rule_that_raises_and_one_that_answers_no_part_fail_tight():
    limit = dynamic()
    raised = limit.adjust(AdjustmentState(), Signals(), 0)
    assert (raised.state.percent, raised.records[0].change) == (25, "failed_tight")
    assert "KeyError" in raised.records[0].reason
    for value in (math.nan, -0.1, 1.1):
        assert parts(limit, [(0, value)]) == [25]


def test_failing_and_recovering_are_recorded_even_where_nothing_moves():
    limit, state = dynamic(), AdjustmentState()
    changes = []
    for value in (0.1, math.nan, math.nan, 0.1, 0.1):
        found = limit.adjust(state, said(value), 0)
        state = found.state
        changes.append([record.change for record in found.records])
    assert changes == [["tightened"], ["failed_tight"], [], ["recovered"], []]


def test_a_record_says_all_that_led_to_the_change():
    limit = DynamicLimit(limit=GROSS, rule=VolatilityRule(target=0.15), key="gross")
    found = limit.adjust(AdjustmentState(), Signals.at(5 * SECOND, volatility=0.3), 9 * SECOND)
    plain = found.records[0].plain
    assert plain == {
        "ts_ns": 9 * SECOND,
        "limit": "gross",
        "change": "tightened",
        "before": 1.0,
        "after": 0.5,
        "rule_before": 1.0,
        "rule_after": 0.5,
        "assessed": 0.5,
        "inputs": [["volatility", 0.3, 5 * SECOND]],
        "reason": "volatility is 0.3, the target 0.15",
        "rule": repr(limit.rule),
        "bounds": repr(limit.bounds),
        "by": "",
        "request_id": "",
        "requester": "",
    }
    nan = limit.adjust(AdjustmentState(), Signals.at(0, volatility=math.nan), 0).records[0]
    assert nan.plain["inputs"] == [["volatility", "nan", 0]]


def test_a_learned_model_tightens_through_the_same_rule():
    limit = DynamicLimit(limit=GROSS, rule=BreachProbabilityRule(forecast="max_gross_exposure"))
    forecast = BreachForecast(
        probability=0.5, horizon_s=300, as_of_ns=0, model="sha256:ab", features="sha256:cd"
    )
    found = limit.adjust(
        AdjustmentState(), Signals(forecasts={"max_gross_exposure": forecast}), now_ns=0
    )
    assert found.state.percent == 50
    assert {"sha256:ab", "sha256:cd"} <= {value for _, value, _ in found.records[0].inputs}


# --- which limits ---------------------------------------------------------------------------


def test_what_a_reducing_order_would_meet_cannot_adjust_itself():
    for limit in (
        MaxOrderNotional(max_notional=1000),
        PriceCollar(bps=100),
        MaxParticipation(max_fraction=0.1),
        DailyLoss(max_loss=100),
        MaxDrawdown(max_fraction=0.1),
        MaxCorrelation(max_average=0.0),
        MaxGrossExposure(max_notional=0),
    ):
        with pytest.raises(InputError):
            DynamicLimit(limit=limit, rule=Said())


def test_every_bound_of_a_limit_that_adjusts_itself_is_scaled():
    made = {
        "max_position_units": {"max_units": 8},
        "max_position_notional": {"max_notional": 8},
        "max_gross_exposure": {"max_notional": 8, "max_fraction": 0.8},
        "max_net_exposure": {"max_notional": 8, "max_fraction": 0.8},
        "max_leverage": {"max_times": 8},
        "max_concentration": {"max_fraction": 0.8},
        "max_herfindahl": {"max_index": 0.8},
        "margin": {"leverage": {"A.X": 2.0}, "max_used": 0.8},
        "max_value_at_risk": {"max_loss": 8, "max_fraction": 0.08},
        "max_expected_shortfall": {"max_loss": 8, "max_fraction": 0.08},
        "max_volatility": {"max_annual": 0.8},
        "max_days_to_liquidate": {"max_days": 8, "participation": 0.1},
        "max_correlation": {"max_average": 0.8},
        "max_greek": {"greek": "delta", "most": 8},
        "max_stress_loss": {"scenarios": {"fall": {"A": -0.1}}, "max_loss": 8},
    }
    kept = {"participation", "leverage", "greek", "scenarios"}
    numbers = {7, 8, 9, 10, 11, 12, 15, 16, 17, 18, 19, 22}
    named = {name for name, kind in CATALOGUE.items() if kind.number in numbers}
    assert named - {"max_participation"} == set(made)
    for name, values in made.items():
        half = scaled(CATALOGUE[name](**values), 0.5)
        for key, value in values.items():
            expected = value if key in kept else value / 2
            assert getattr(half, key) == expected, (name, key)


def test_a_ceiling_that_is_no_bound_of_the_limit_is_refused_at_once():
    shares = MaxConcentration(max_fraction=0.8)
    correlation = MaxCorrelation(max_average=0.8)
    DynamicLimit(limit=shares, rule=Said())
    with pytest.raises(InputError):
        DynamicLimit(limit=correlation, rule=Said(), bounds=AdjustmentBounds(ceiling=2.0))


@given(st.integers(1, 100))
def test_what_only_reduces_passes_at_every_floor(floor):
    limit = dynamic(floor=floor / 100)
    tight = limit.effective(limit.adjust(AdjustmentState(), said(math.nan), 0).state, 0)
    book = LimitBook([tight])
    held = book.evaluate({"A": 50}, {"A": 20.0}, equity=1000)
    assert (held.rows[0].level == "breach") == (floor < 100)
    assert reduces_passes(book)


def reduces_passes(book):
    held = Position(instrument="A.X", symbol="A", venue="X", units=50.0, price=20.0)
    holdings = Holdings(positions=(held,), equity={"account": 1000.0})
    order = Order(instrument="A.X", units=-30.0)
    return all(found.passed for found in book.ask(order, holdings))


@pytest.mark.parametrize(
    "bounds",
    [
        {"floor": 0},
        {"floor": 1.01},
        {"floor": math.nan},
        {"floor": 0.255},
        {"ceiling": 0.9},
        {"ceiling": math.inf},
        {"per_minute": 0},
        {"per_day": 0.001},
        {"tighten_per_minute": 2},
        {"lifetime_s": 0},
        {"max_loosening_s": math.inf},
    ],
)
def test_bounds_that_can_be_none_are_refused(bounds):
    with pytest.raises(InputError):
        AdjustmentBounds(**bounds)


def test_a_state_that_is_none_is_refused():
    steps = [[0, -50]]
    for given_ in (
        {"percent": "x"},
        {"percent": 0},
        {"percent": 101},
        {"percent": math.nan},
        {"looser": steps},
    ):
        with pytest.raises(InputError):
            state_of(given_)
