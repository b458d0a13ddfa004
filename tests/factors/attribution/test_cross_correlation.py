import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from statsmodels.tsa.stattools import ccf

from nautilus_lab.exceptions import BadData, InputError, NotEnoughData
from nautilus_lab.factors.attribution import cross_correlation

DAYS = pd.bdate_range("2020-01-01", periods=600, tz="UTC")


@pytest.fixture(scope="module")
def series():
    rng = np.random.default_rng(0)
    one, two = rng.normal(size=(2, 600))
    return pd.DataFrame(
        {
            "value": one + 0.3 * rng.normal(size=600),
            "momentum": two + 0.3 * rng.normal(size=600),
            "cheap": one + 0.3 * rng.normal(size=600),
            "trend": two + 0.3 * rng.normal(size=600),
            "late": np.roll(one, 3) + rng.normal(size=600),
        },
        DAYS,
    )


def test_correlations_of_the_same_period_are_pandas(series):
    found = cross_correlation(series)
    expected = series.corr().loc[list(found.order), list(found.order)]
    np.testing.assert_allclose(found.contemporaneous, expected, atol=1e-12)


def test_lagged_correlations_are_statsmodels(series):
    found = cross_correlation(series, max_lag=6)
    expected = ccf(series["late"], series["value"], adjusted=False)[:7]
    told = [found.lagged.loc[("value", "late", lag), "rho"] for lag in range(7)]
    np.testing.assert_allclose(told, expected, atol=1e-12)


def test_who_leads_and_by_how_much_is_found(series):
    top = cross_correlation(series).strongest(2, lagged_only=True)
    assert {index[0] for index in top.index} == {"value", "cheap"}
    assert {index[1:] for index in top.index} == {("late", 3)}


def test_newey_wests_errors_are_those_of_statsmodels(series):
    found = cross_correlation(series, lags=4)
    z = (series - series.mean()) / series.std(ddof=0)
    products = (z["value"] * z["trend"].shift(-2)).dropna()
    fit = sm.OLS(products, np.ones(len(products))).fit(
        cov_type="HAC", cov_kwds={"maxlags": 4, "use_correction": False}
    )
    told = found.lagged.loc[("value", "trend", 2), "error"]
    assert told == pytest.approx(fit.bse.iloc[0] * len(products) / 600, rel=1e-10)


def test_bartletts_error_is_that_which_repeated_samples_show():
    """Two series that follow themselves seem to correlate more than chance would have it."""
    rng = np.random.default_rng(1)
    rho, error = [], []
    for _ in range(200):
        noise = rng.normal(size=(600, 2))
        for row in range(1, 600):
            noise[row] += 0.7 * noise[row - 1]
        found = cross_correlation(
            pd.DataFrame(noise, DAYS, ["a", "b"]), max_lag=0, errors="bartlett", lags=20
        ).lagged.loc[("a", "b", 0)]
        rho.append(found["rho"])
        error.append(found["error"])
    assert np.mean(error) == pytest.approx(np.std(rho), rel=0.15)
    assert np.mean(error) > 1.4 / np.sqrt(600)


def test_what_moves_together_stands_together(series):
    order = cross_correlation(series).order
    assert abs(order.index("value") - order.index("cheap")) == 1
    assert abs(order.index("momentum") - order.index("trend")) == 1


def test_gaps_at_the_ends_are_left_out_and_one_between_is_refused(series):
    ragged = series.copy()
    ragged.iloc[:10, 0] = np.nan
    ragged.iloc[-5:, 2] = np.nan
    assert cross_correlation(ragged).n_observations == 585
    ragged.iloc[300, 3] = np.nan
    with pytest.raises(BadData, match=rf"trend at {DAYS[300].date()}"):
        cross_correlation(ragged)


def test_bad_input_is_named(series):
    with pytest.raises(BadData, match="must vary; got still"):
        cross_correlation(series.assign(still=1.0))
    with pytest.raises(NotEnoughData, match="never known: empty"):
        cross_correlation(series.assign(empty=np.nan))
    with pytest.raises(InputError, match="two series"):
        cross_correlation(series[["value"]])
    with pytest.raises(InputError, match="newey_west or bartlett"):
        cross_correlation(series, errors="white")
    with pytest.raises(InputError, match="0 to 5, or pass a larger"):
        cross_correlation(series).at(6)


def test_it_shows_and_draws(series):
    found = cross_correlation(series)
    assert repr(found) == "CrossCorrelation(5 series, lags 0 to 5, 600 periods)"
    assert "Strongest, lagged" in found.tear_sheet().text
    found.plot()
