"""Control charts against published run lengths, and what every detector promises."""

import math

import numpy as np
import pytest
from scipy import stats
from statsmodels.robust.scale import mad

from nautilus_lab.exceptions import InputError
from nautilus_lab.risk.early_warning import Cusum, EwmaChart, RobustZScore, anscombe

MAKERS = {
    "ewma": EwmaChart,
    "cusum": Cusum,
    "robust": RobustZScore,
}


def run_lengths(make, draw, runs, most=20_000):
    """Return how many observations each fresh chart takes until it calls one unusual."""
    found = []
    for _ in range(runs):
        chart = make()
        for at, value in enumerate(draw(most).tolist()):
            if chart.observe(value, at).unusual:
                break
        found.append(at + 1)
    return np.array(found)


@pytest.mark.parametrize(
    ("make", "shift", "published"),
    [
        # Montgomery (2009), table 9.3: h = 4 and h = 5 with k = 1/2.
        (lambda: Cusum(threshold=4.0, mean=0.0, deviation=1.0), 0.0, 168),
        (lambda: Cusum(mean=0.0, deviation=1.0), 0.0, 465),
        (lambda: Cusum(mean=0.0, deviation=1.0), 1.0, 10.4),
        (lambda: Cusum(mean=0.0, deviation=1.0), 2.0, 4.01),
        # Lucas and Saccucci (1990): weight 0.1, width 2.814; a start with narrow bounds is faster.
        (lambda: EwmaChart(mean=0.0, deviation=1.0), 0.0, 500),
    ],
)
def test_run_lengths_are_the_published_ones(make, shift, published):
    rng = np.random.default_rng(17)
    runs = 1500 if published < 50 else 400
    found = run_lengths(make, lambda n: shift + rng.standard_normal(n), runs)
    error = 4 * found.std() / math.sqrt(runs)
    assert abs(found.mean() - published) < error + 0.03 * published


def test_a_single_shewhart_bound_is_an_ewma_of_weight_one():
    rng = np.random.default_rng(18)
    values = rng.standard_normal(100_000)
    chart = EwmaChart(weight=1.0, width=3.0, mean=0.0, deviation=1.0)
    rate = np.mean([chart.observe(value, 0).unusual for value in values.tolist()])
    assert rate == pytest.approx(2 * stats.norm.sf(3), rel=0.2)


def test_the_smoothed_mean_is_that_of_pandas():
    import pandas as pd

    rng = np.random.default_rng(19)
    values = rng.standard_normal(50)
    chart = EwmaChart(mean=0.0, deviation=1.0)
    scores = [chart.observe(value, 0).score for value in values.tolist()]
    smoothed = pd.Series([0.0, *values]).ewm(alpha=0.1, adjust=False).mean().to_numpy()[1:]
    t = np.arange(1, 51)
    width = 2.814 * np.sqrt(0.1 / 1.9 * (1 - 0.9 ** (2 * t)))
    assert scores == pytest.approx(smoothed / width, rel=1e-9)


@pytest.mark.parametrize("window", [20, 21, 250])
def test_the_robust_score_is_by_the_median_and_mad_of_statsmodels(window):
    rng = np.random.default_rng(window)
    values = rng.standard_t(3, 400)
    detector = RobustZScore(window=window)
    for at, value in enumerate(values.tolist()):
        found = detector.observe(value, at)
        if at < window:
            assert math.isnan(found.score)
            continue
        before = values[at - window : at]
        assert found.score == pytest.approx(
            (value - np.median(before)) / mad(before) / 5.0, rel=1e-9
        )


def rate(detector, values):
    return np.mean([detector.observe(value, at).unusual for at, value in enumerate(values)])


def test_false_alarms_on_streams_that_are_usual():
    """The rates that the docstrings and docs/concepts/adjusting_limits.md tell."""
    rng = np.random.default_rng(20)
    n = 60_000
    normal = rng.standard_normal(n).tolist()
    fat = rng.standard_t(4, n).tolist()  # daily profit and loss
    counts = [anscombe(count) for count in rng.poisson(10, n).tolist()]  # orders in an interval
    assert rate(RobustZScore(), normal) < 1e-4
    beyond = 5 * stats.t(4).ppf(0.75) / stats.norm.ppf(0.75)
    assert rate(RobustZScore(), fat) == pytest.approx(2 * stats.t(4).sf(beyond), rel=0.2)
    assert rate(RobustZScore(), counts) < 2e-4
    # A baseline of 200 observations is not known exactly: more alarms than one in 465 or 500.
    learned = [rate(make(), rng.standard_normal(5_000).tolist()) for make in (Cusum, EwmaChart) * 8]
    assert np.mean(learned[::2]) < 0.01
    known = Cusum(mean=2 * math.sqrt(10), deviation=1.0)
    assert rate(known, counts) < 0.006


def test_streams_that_change_are_found():
    rng = np.random.default_rng(21)
    usual = [anscombe(count) for count in rng.poisson(10, 400).tolist()]
    runaway = [anscombe(count) for count in rng.poisson(25, 20).tolist()]
    for make in MAKERS.values():
        detector = make()
        for at, value in enumerate(usual):
            detector.observe(value, at)
        found = [detector.observe(value, 400 + at).unusual for at, value in enumerate(runaway)]
        assert True in found[:6] if make is not RobustZScore else found
    losing = rng.standard_normal(100) - 1.0  # a strategy that lost its edge
    chart = Cusum(mean=0.0, deviation=1.0)
    scores = [chart.observe(value, at) for at, value in enumerate(losing.tolist())]
    first = next(score for score in scores if score.unusual)
    assert first.ts_ns < 40
    assert first.score < -1


@pytest.mark.parametrize("count", [4, 10, 50])
def test_the_root_of_a_poisson_count_has_a_deviation_near_one(count):
    values = np.arange(0, 400)
    weights = stats.poisson(count).pmf(values)
    roots = np.array([anscombe(value) for value in values.tolist()])
    mean = weights @ roots
    assert math.sqrt(weights @ (roots - mean) ** 2) == pytest.approx(1, abs=0.04)
    with pytest.raises(InputError):
        anscombe(-1)


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_unusual_and_changes_nothing(name, bad):
    rng = np.random.default_rng(22)
    values = rng.standard_normal(400).tolist()
    plain, disturbed = MAKERS[name](), MAKERS[name]()
    for at, value in enumerate(values):
        told = disturbed.observe(bad, at)
        assert told.unusual
        assert math.isnan(told.score)
        one, other = plain.observe(value, at), disturbed.observe(value, at)
        assert (one.unusual, repr(one.score)) == (other.unusual, repr(other.score))


@pytest.mark.parametrize("name", MAKERS)
def test_nothing_is_unusual_while_a_detector_learns(name):
    detector = MAKERS[name]()
    found = [detector.observe(1e6 * at, at) for at in range(200)]
    assert not any(score.unusual for score in found)
    assert all(math.isnan(score.score) for score in found)
    assert found[0].detector == repr(detector)


@pytest.mark.parametrize("name", MAKERS)
def test_of_what_never_moves_all_that_does_is_unusual(name):
    detector = MAKERS[name]()
    assert not any(detector.observe(3.0, at).unusual for at in range(300))
    assert detector.observe(4.0, 300).score > 1


@pytest.mark.parametrize("name", MAKERS)
def test_the_memory_of_a_detector_does_not_grow(name):
    detector = MAKERS[name]()

    def held():
        return sum(len(v) for v in vars(detector).values() if hasattr(v, "__len__"))

    for at in range(600):
        detector.observe(float(at % 7), at)
    before = held()
    for at in range(600, 3000):
        detector.observe(float(at % 7), at)
    assert held() == before <= 500


@pytest.mark.parametrize(
    "make",
    [
        lambda: EwmaChart(weight=0),
        lambda: EwmaChart(width=math.nan),
        lambda: EwmaChart(mean=0.0),
        lambda: EwmaChart(mean=0.0, deviation=0.0),
        lambda: EwmaChart(mean=math.nan, deviation=1.0),
        lambda: EwmaChart(warm_up=5),
        lambda: Cusum(slack=-1),
        lambda: Cusum(threshold=0),
        lambda: RobustZScore(window=10),
        lambda: RobustZScore(threshold=math.inf),
    ],
)
def test_settings_that_can_be_none_are_refused(make):
    with pytest.raises(InputError):
        make()
