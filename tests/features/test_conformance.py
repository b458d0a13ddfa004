"""Every feature in the catalog keeps to the same rules: the suite that a new one joins for free."""

import numpy as np
import pytest

from nautilus_lab.features import FeatureEngine, FeatureRegistry, conformance, drawn_bars

REGISTRY = FeatureEngine().registry
# functions of numbers that are no prices
OF_RATIOS = ("acos", "asin")
# other settings than the usual ones, where the usual ones leave a branch out
SET = [
    "sma(timeperiod=1)",
    "ema(timeperiod=2)",
    "rsi(timeperiod=2)",
    "bbands(timeperiod=2,nbdevup=1.5,nbdevdn=0.5)",
    "bbands(matype=1)",
    "kama(timeperiod=1)",
    "kama(timeperiod=2)",
    "sar(acceleration=0.3,maximum=0.2)",
    "sarext(startvalue=-95)",
    "sarext(startvalue=95,offsetonreverse=0.01)",
    "sarext(accelerationinitlong=0.3,accelerationmaxshort=0.1)",
    "supertrend(timeperiod=2,multiplier=0.5)",
    "macd(fastperiod=30,slowperiod=3)",
    "t3(timeperiod=20)",
    "trix(timeperiod=40)",
    "stochrsi(timeperiod=40)",
    "rma(timeperiod=200)",
    "atr(timeperiod=1)",
    "vwap_session(begins=-7)",
    "vwap_week(begins=22)",
    "volume_profile(window=1,bins=2,share=1)",
    "volume_profile(window=9,bins=1000)",
    "kst(signal=1)",
    "macdfix(signalperiod=1)",
    "pvo(fastperiod=3,slowperiod=29,matype=6)",
    "stochf(fastd_matype=7)",
    "book_slope(levels=12)",
    "connors_rsi(timeperiod=200,streak=3,rank=2)",
    "connors_rsi(rank=3)",
    "schaff_trend(fastperiod=50,slowperiod=3,cycle=2,smooth=1)",
    "wave_trend(channel=40,average=2)",
    "internal_bar_strength(window=5)",
    "polarized_efficiency(window=2,smooth=1)",
    "mcginley_dynamic(timeperiod=1)",
    "vidya(timeperiod=1,momentum=2)",
    "super_smoother(timeperiod=200)",
    "klinger(fastperiod=60,slowperiod=3)",
    "ttm_squeeze(window=2)",
    "chande_kroll_stop(timeperiod=40,window=1)",
    "fisher_transform(timeperiod=2)",
]


def columns(name, spec):
    if name not in OF_RATIOS:
        return None
    return {"close": np.sin(np.arange(spec.history + spec.warm_up + 150) / 7)}


@pytest.mark.parametrize("name", REGISTRY)
def test_a_feature_keeps_to_the_rules(name):
    spec = REGISTRY.spec(name)
    found = conformance(spec, columns(name, spec))
    assert found.problems == ()
    assert found.difference <= 1e-9


@pytest.mark.parametrize("text", SET)
def test_with_other_settings_it_does_too(text):
    assert conformance(REGISTRY.spec(text)).problems == ()


@pytest.mark.parametrize(
    "name",
    [
        *("sar", "sarext", "supertrend", "kama", "ht_trendmode", "adosc"),
        *(
            "atr_trailing_stop",
            "frama",
            "klinger",
            "mcginley_dynamic",
            "vidya",
            "connors_rsi",
            "schaff_trend",
            "wave_trend",
        ),
    ],
)
@pytest.mark.parametrize("seed", range(5))
def test_what_remembers_all_of_its_past_does_on_any_path(name, seed):
    spec = REGISTRY.spec(name)
    bars = drawn_bars(spec.history + 900, seed=seed)
    assert conformance(spec, bars).problems == ()


def defined(function, **said):
    registry = FeatureRegistry()
    usual = {"title": "T", "group": "g", "inputs": ("close",), "reference": "none"}
    registry.define(name="mine", **{"warm_up": 0, "history": 1, **usual, **said})(function)
    return conformance(registry.spec("mine")).problems


def test_one_that_looks_ahead_is_caught():
    found = defined(lambda close: np.r_[close[1:], close[-1]])
    assert any("change with what comes after" in one for one in found)


def test_one_that_looks_at_the_whole_sample_is_caught():
    found = defined(lambda close: close - close.mean())
    assert any("change with what comes after" in one for one in found)


def test_one_that_declares_too_short_a_history_is_caught():
    def mean(close):
        return np.convolve(close, np.ones(5) / 5)[: len(close)]

    assert any("batch and stream differ" in one for one in defined(mean, history=4))
    assert defined(mean, history=5) == ()


def test_one_that_declares_another_warm_up_is_caught():
    def change(close):
        return np.r_[np.nan, np.diff(close)]

    assert any("its first value is of bar 1" in one for one in defined(change, history=2))
    assert defined(change, history=2, warm_up=1) == ()


def test_one_that_changes_its_inputs_is_caught():
    def spoil(close):
        close[0] = 0.0
        return close

    assert "it changes its inputs" in defined(spoil)


def test_one_of_another_length_is_caught():
    assert any("its outputs are" in one for one in defined(np.diff, history=2))


def test_one_that_still_prices_make_infinite_is_caught():
    def ratio(close):
        with np.errstate(divide="ignore"):
            return 1.0 / np.abs(close - np.r_[close[0] - 1, close[:-1]])

    assert any("stand still" in one for one in defined(ratio, history=2))


@pytest.mark.parametrize("name", OF_RATIOS)
def test_what_is_of_ratios_is_checked_on_ratios(name):
    assert FeatureEngine().check(name).ok


def test_one_that_never_has_a_value_is_caught():
    assert defined(lambda close: close * np.nan) == (
        "its first value is of bar 151, and its warm-up is 0",
    )
