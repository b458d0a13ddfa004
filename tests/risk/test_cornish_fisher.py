import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from nautilus_lab.exceptions import BadData
from nautilus_lab.risk import CornishFisherRisk, HistoricalRisk
from nautilus_lab.risk._cornish_fisher import rises


def expansion(z, skew, kurtosis):
    """The published formula, written down apart."""
    return (
        z
        + (z**2 - 1) * skew / 6
        + (z**3 - 3 * z) * kurtosis / 24
        - (2 * z**3 - 5 * z) * skew**2 / 36
    )


def test_figures_are_those_of_the_expansion_with_scipys_moments(frame):
    returns = frame["B"]
    report = CornishFisherRisk(confidence=0.975, outside="refuse").measure(returns)
    skew, kurtosis = stats.skew(returns), stats.kurtosis(returns)  # divisor n, as ours
    assert skew < -0.05
    bent = expansion(stats.norm.ppf(0.025), skew, kurtosis)
    expected = -(returns.mean() + bent * returns.std(ddof=0))
    assert report.value_at_risk == pytest.approx(expected, rel=1e-12)
    # The mean of the quantile over the tail, by numerical integration.
    area, _ = integrate.quad(
        lambda z: expansion(z, skew, kurtosis) * stats.norm.pdf(z), -12, stats.norm.ppf(0.025)
    )
    shortfall = -(returns.mean() + area / 0.025 * returns.std(ddof=0))
    assert report.expected_shortfall == pytest.approx(shortfall, rel=1e-8)


@pytest.mark.parametrize(
    ("skew", "kurtosis", "inside"),
    [(0, 0, True), (-0.5, 1, True), (-2, 5, False), (0, 9, False), (-1, 1, False), (0, -1, False)],
)
def test_the_domain_is_where_the_expansion_rises(skew, kurtosis, inside):
    assert rises(skew, kurtosis, 4.0) is inside


@settings(max_examples=300, deadline=None)
@given(skew=st.floats(-3, 3), kurtosis=st.floats(-2, 12))
def test_rising_is_what_a_fine_grid_sees(skew, kurtosis):
    grid = np.linspace(-4, 4, 4001)
    lowest = np.diff(expansion(grid, skew, kurtosis)).min()
    if abs(lowest) > 1e-6:  # the grid cannot tell what is nearly flat
        assert rises(skew, kurtosis, 4.0) is bool(lowest > 0)


@settings(max_examples=200, deadline=None)
@given(skew=st.floats(-3, 3), kurtosis=st.floats(-2, 12))
def test_maillards_condition_is_the_limit_of_ever_wider_domains(skew, kurtosis):
    if rises(skew, kurtosis, float("inf")):
        assert rises(skew, kurtosis, 1000.0)
    else:
        assert not rises(skew, kurtosis, 1e9) or abs(kurtosis / 8 - skew**2 / 6) < 1e-9


@settings(max_examples=100, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    bend=st.floats(0, 0.6),
    confidence=st.sampled_from([0.6, 0.9, 0.975, 0.99, 0.9999]),
)
def test_shortfall_is_never_below_value_at_risk(seed, bend, confidence):
    values = np.random.default_rng(seed).standard_normal(300)
    values = 0.01 * (values - bend * np.abs(values) * values)
    returns = pd.Series(values, index=pd.date_range("2000-01-03", periods=300, tz="UTC"))
    model = CornishFisherRisk(confidence=confidence, outside="refuse")
    try:
        report = model.measure(returns)
    except BadData:  # outside of the domain
        assume(False)
    assert report.expected_shortfall >= report.value_at_risk


def heavy():
    """Returns far outside of the domain: one crash in a thousand quiet days."""
    values = 0.001 * np.random.default_rng(2).standard_normal(1000)
    values[500] = -0.2
    return pd.Series(values, index=pd.date_range("2000-01-03", periods=1000, tz="UTC"))


def test_outside_of_the_domain_past_returns_answer_and_the_report_says_so():
    report = CornishFisherRisk().measure(heavy())
    read = HistoricalRisk().measure(heavy())
    assert report.expected_shortfall == read.expected_shortfall
    assert report.value_at_risk == read.value_at_risk
    assert "Not Cornish-Fisher: with skewness -3" in report.notices[0]
    assert report.notices[0] in report.tear_sheet().text


def test_outside_of_the_domain_it_refuses_when_asked_to():
    with pytest.raises(BadData, match=r"rise within 4 deviations; got skewness -3"):
        CornishFisherRisk(outside="refuse").measure(heavy())
