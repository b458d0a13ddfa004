"""What rules say, against formulas from elsewhere, and of what they cannot read."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nautilus_lab.exceptions import InputError
from nautilus_lab.risk import volatility_regimes
from nautilus_lab.risk.adjustment import (
    Assessment,
    BreachProbabilityRule,
    DrawdownRule,
    RegimeRule,
    Signal,
    Signals,
    Tightest,
    VolatilityRule,
)
from nautilus_lab.risk.early_warning import BreachForecast

SECOND = 1_000_000_000
NOW = 1_000_000 * SECOND


def told(probability=0.5, as_of_ns=NOW, **more):
    forecast = BreachForecast(
        probability=probability, horizon_s=300.0, as_of_ns=as_of_ns, model="m1", **more
    )
    return Signals(forecasts={"any": forecast})


RULES = {
    "volatility": VolatilityRule(target=0.15),
    "drawdown": DrawdownRule(begin=0.05, end=0.15),
    "regime": RegimeRule(),
    "breach": BreachProbabilityRule(forecast="any"),
}


def signals_of(name, value, as_of_ns):
    if name == "breach":
        return told(value, as_of_ns)
    return Signals({name: Signal(value, as_of_ns)})


@pytest.mark.parametrize("volatility", [0.05, 0.15, 0.2, 0.6])
def test_the_volatility_rule_keeps_limit_times_volatility_at_the_target(volatility):
    factor = RULES["volatility"].assess(Signals.at(NOW, volatility=volatility), NOW).factor
    assert factor * volatility == pytest.approx(min(volatility, 0.15), rel=1e-12)


def test_a_measured_regime_is_read_with_the_rank_that_it_was_told_by():
    rule = RegimeRule(signal="measured_regime:SP500", max_age_s=60)
    ranked = {"measured_regime:SP500": Signal("stressed", NOW)}
    ranked["volatility_rank:SP500"] = Signal(0.97, NOW)
    told = rule.assess(Signals(ranked), NOW + 60 * SECOND)
    assert (told.factor, told.failed) == (0.5, False)
    assert told.inputs == (
        ("measured_regime:SP500", "stressed", NOW),
        ("volatility_rank:SP500", 0.97, NOW),
    )
    assert rule.assess(Signals(ranked), NOW + 61 * SECOND).failed
    # What a person said of markets is another source, and does not stand in for it.
    assert rule.assess(Signals.at(NOW, regime="calm", measured_regime="calm"), NOW).failed
    assert rule.assess(Signals({"measured_regime:SP500": Signal(math.nan, NOW)}), NOW).failed


@pytest.mark.parametrize("drawdown", [0.0, 0.04, 0.1, 0.2])
def test_the_drawdown_rule_is_the_cushion_of_grossman_and_zhou(drawdown):
    high, kept = 250.0, 0.8
    wealth = high * (1 - drawdown)
    cushion = (wealth - kept * high) / (high - kept * high)
    found = DrawdownRule(end=1 - kept).assess(Signals.at(NOW, drawdown=drawdown), NOW)
    assert found.factor == pytest.approx(cushion, abs=1e-12)


def test_the_regime_rule_reads_what_volatility_regimes_says(sp500):
    regimes = volatility_regimes(sp500["SP500"])
    for day, factor in (("2020-03-16", 0.5), ("2017-07-03", 1.0)):
        signals = Signals.at(NOW, regime=regimes.labels[day])
        assert RegimeRule().assess(signals, NOW).factor == factor


@pytest.mark.parametrize(("probability", "factor"), [(0.1, 1.0), (0.2, 1.0), (0.5, 0.5), (0.9, 0)])
def test_the_breach_rule_is_a_line_between_two_probabilities(probability, factor):
    found = RULES["breach"].assess(told(probability), NOW)
    assert found.factor == pytest.approx(factor, abs=1e-12)
    assert ("model", "m1", NOW) in found.inputs


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -0.1])
def test_what_is_no_value_fails_tight_and_is_recorded(name, value):
    found = RULES[name].assess(signals_of(name, value, NOW), NOW)
    assert (found.factor, found.failed) == (0.0, True)
    assert found.inputs[0][1] is value
    assert found.reason


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("age_s", [-1, 1e9])
def test_what_is_too_old_or_of_the_future_fails_tight(name, age_s):
    value = "calm" if name == "regime" else 0.01
    fresh = RULES[name].assess(signals_of(name, value, NOW), NOW)
    assert (fresh.factor, fresh.failed) == (1.0, False)
    found = RULES[name].assess(signals_of(name, value, NOW - int(age_s * SECOND)), NOW)
    assert (found.factor, found.failed) == (0.0, True)


@pytest.mark.parametrize("name", RULES)
def test_an_age_of_exactly_the_most_is_fresh(name):
    rule = RULES[name]
    value = "calm" if name == "regime" else 0.01
    edge = NOW - int(rule.max_age_s * SECOND)
    assert not rule.assess(signals_of(name, value, edge), NOW).failed
    assert rule.assess(signals_of(name, value, edge - 1), NOW).failed


@pytest.mark.parametrize("name", RULES)
def test_what_is_missing_fails_tight(name):
    found = RULES[name].assess(Signals(), NOW)
    assert (found.factor, found.failed) == (0.0, True)
    assert "missing" in found.reason


@pytest.mark.parametrize("value", ["0.2", True])
def test_a_number_is_no_word_and_no_truth_value(value):
    assert RULES["volatility"].assess(Signals.at(NOW, volatility=value), NOW).failed
    assert RULES["regime"].assess(Signals.at(NOW, regime=0.5), NOW).failed


def test_a_model_that_is_not_in_service_has_no_say():
    found = RULES["breach"].assess(told(math.nan, in_service=False), NOW)
    assert (found.factor, found.failed) == (None, False)


@given(st.lists(st.floats(0, 1), min_size=2, max_size=2).map(sorted))
def test_rules_are_monotone_in_what_they_read(pair):
    calm, wild = pair
    for name in ("volatility", "drawdown", "breach"):
        low = RULES[name].assess(signals_of(name, calm, NOW), NOW).factor
        high = RULES[name].assess(signals_of(name, wild, NOW), NOW).factor
        assert 0 <= high <= low <= 1


def test_the_tightest_of_rules_holds_and_one_that_fails_fails_all():
    rule = Tightest((RULES["volatility"], RULES["breach"]))
    both = Signals.at(NOW, volatility=0.20) | told(0.35)
    assert rule.assess(both, NOW).factor == pytest.approx(0.75)
    assert len(rule.assess(both, NOW).inputs) == 5
    broken = rule.assess(Signals.at(NOW, volatility=math.nan) | told(0.35), NOW)
    assert (broken.factor, broken.failed) == (0.0, True)
    assert "volatility" in broken.reason
    resting = rule.assess(Signals.at(NOW, volatility=0.2) | told(0.9, in_service=False), NOW)
    assert resting.factor == pytest.approx(0.75)
    assert not rule.may_loosen
    assert Tightest((RULES["volatility"], RULES["drawdown"])).may_loosen


def test_a_rule_of_somebody_else_that_answers_nan_is_not_lost_among_others():
    @dataclasses.dataclass(frozen=True)
    class Odd:
        may_loosen = True

        def assess(self, signals, now_ns):
            return Assessment(factor=math.nan)

    for rules in ((Odd(), RULES["volatility"]), (RULES["volatility"], Odd())):
        found = Tightest(rules).assess(Signals.at(NOW, volatility=0.1), NOW)
        assert (found.factor, found.failed) == (0.0, True)


@pytest.mark.parametrize(
    "make",
    [
        lambda: VolatilityRule(target=0),
        lambda: VolatilityRule(target=math.nan),
        lambda: VolatilityRule(target=0.1, max_age_s=0),
        lambda: DrawdownRule(begin=0.2, end=0.1),
        lambda: DrawdownRule(end=1.5),
        lambda: RegimeRule(factors={}),
        lambda: RegimeRule(factors={"calm": 1.1}),
        lambda: RegimeRule(factors={"calm": math.nan}),
        lambda: BreachProbabilityRule(forecast="any", begin=0.5, end=0.5),
        lambda: Tightest(()),
        lambda: Signals({"volatility": 0.2}),
    ],
)
def test_settings_that_can_be_none_are_refused(make):
    with pytest.raises(InputError):
        make()


def test_rules_are_values():
    assert RegimeRule() == RegimeRule()
    assert hash(RegimeRule()) == hash(RegimeRule())
    assert np.unique([repr(rule) for rule in RULES.values()]).size == len(RULES)
