import numpy as np
import pandas as pd
import pytest
from scipy import stats

from nautilus_lab.exceptions import BadData, NotEnoughData
from nautilus_lab.risk import attribution_test


def pair(noise, n=250, scale=1.0, seed=3):
    rng = np.random.default_rng(seed)
    days = pd.date_range("2000-01-03", periods=n, tz="UTC")
    actual = rng.standard_normal(n)
    explained = scale * (actual + noise * rng.standard_normal(n))
    return pd.Series(actual, index=days), pd.Series(explained, index=days)


@pytest.mark.parametrize("noise", [0.0, 0.1, 0.5, 1.0, 5.0])
def test_both_statistics_are_scipys(noise):
    actual, explained = (series.round(1) for series in pair(noise))  # with ties
    test = attribution_test(actual, explained)
    assert test.spearman == pytest.approx(stats.spearmanr(actual, explained).statistic, abs=1e-12)
    theirs = stats.ks_2samp(actual, explained).statistic
    assert test.kolmogorov_smirnov == pytest.approx(theirs, abs=1e-12)


@pytest.mark.parametrize(
    ("noise", "scale", "zone"),
    [
        (0.05, 1.0, "green"),
        (0.05, 1.2, "green"),
        (0.05, 1.4, "amber"),  # ranks agree, sizes somewhat
        (0.8, 0.8, "amber"),  # sizes agree, ranks somewhat
        (0.05, 3.0, "red"),  # ranks agree, sizes do not
        (2.0, 0.45, "red"),  # sizes agree, ranks do not
    ],
)
def test_the_zone_asks_for_ranks_and_for_sizes(noise, scale, zone):
    test = attribution_test(*pair(noise, scale=scale))
    assert test.zone == zone, test


def test_less_than_a_year_is_refused():
    with pytest.raises(NotEnoughData, match="at least 250 rows; got 249"):
        attribution_test(*pair(0.1, n=249))


def test_what_cannot_be_compared_is_refused():
    actual, explained = pair(0.1)
    with pytest.raises(BadData, match="same times; got 2 times in one only"):
        attribution_test(actual.iloc[1:], explained.iloc[:-1], at_least=200)
    with pytest.raises(BadData, match="risk-theoretical P&L must move; got 0 in every"):
        attribution_test(actual, explained * 0.0)
    with pytest.raises(BadData, match="hypothetical P&L must not be NaN"):
        attribution_test(actual.where(actual > -1), explained)
