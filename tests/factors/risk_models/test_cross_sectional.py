import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from nautilus_lab.exceptions import BadData, InputError, NotEnoughData
from nautilus_lab.factors.risk_models import (
    CrossSectionalModel,
    Currencies,
    bias_statistics,
    standardised,
    style_exposures,
)
from nautilus_lab.provenance import Provenance, mark, provenance


def by_statsmodels(panel, row):
    """Weighted least squares with the constraint put in by hand: one group less, by its share."""
    before = row - 1
    caps = panel.caps.iloc[before]
    dummies = pd.get_dummies(panel.groups, dtype=float)
    shares = caps.groupby(panel.groups).sum()
    last = dummies.columns[-1]
    kept = dummies.drop(columns=last)
    for name in kept:
        kept[name] -= dummies[last] * shares[name] / shares[last]
    design = pd.concat(
        [
            pd.Series(1.0, panel.symbols, name="market"),
            *(one.iloc[before].rename(name) for name, one in panel.exposures.items()),
            kept,
        ],
        axis=1,
    )
    fit = sm.WLS(panel.returns.iloc[row], design, weights=np.sqrt(caps)).fit()
    rest = -sum(fit.params[name] * shares[name] for name in kept) / shares[last]
    return fit, rest


@pytest.mark.parametrize("row", [1, 77, 499])
def test_each_date_is_the_constrained_regression_of_statsmodels(panel, row):
    fit, rest = by_statsmodels(panel, row)
    found = panel.fit.factor_returns.iloc[row - 1]
    np.testing.assert_allclose(found[fit.params.index], fit.params, rtol=1e-8, atol=1e-12)
    assert found["G4"] == pytest.approx(rest, rel=1e-8)
    np.testing.assert_allclose(panel.fit.t.iloc[row - 1][fit.params.index], fit.tvalues, rtol=1e-7)
    assert panel.fit.r_squared.iloc[row - 1] == pytest.approx(fit.rsquared, rel=1e-9)
    np.testing.assert_allclose(panel.fit.specific_returns.iloc[row - 1], fit.resid, atol=1e-12)


def test_group_returns_weighted_by_capitalisation_sum_to_nothing(panel):
    shares = panel.caps.iloc[0].groupby(panel.groups).sum()
    total = panel.fit.factor_returns[shares.index] @ shares
    assert total.abs().max() < 1e-9 * shares.sum()


def test_factor_returns_of_a_declared_panel_are_recovered(panel):
    names = ["market", "size", "value", "momentum"]
    found = panel.fit.factor_returns[names].to_numpy()
    for place in range(4):
        assert np.corrcoef(found[:, place], panel.paid[1:, place])[0, 1] > 0.9
    groups = panel.fit.factor_returns[[f"G{i}" for i in range(5)]].to_numpy()
    assert np.corrcoef(groups[:, 1], panel.group_paid[1:, 1])[0, 1] > 0.9


def test_the_covariance_of_a_declared_panel_is_recovered(panel):
    model = panel.fit.at()
    true = np.sqrt(np.diag(panel.factor_covariance))
    np.testing.assert_allclose(model.factor_volatility.iloc[:4], true, rtol=0.25)
    assert model.factor_correlation.loc["market", "momentum"] == pytest.approx(-0.4, abs=0.15)
    own = np.sqrt(model.specific_variance)
    assert np.corrcoef(own, panel.specific)[0, 1] > 0.9
    assert float((own / panel.specific).mean()) == pytest.approx(1.0, abs=0.08)


def test_forecasts_are_right_out_of_sample_on_a_declared_panel(panel):
    """The deviation of returns over forecasts made before them, over portfolios of many kinds."""
    rng = np.random.default_rng(8)
    portfolios = {
        f"random {i}": dict(zip(panel.symbols, rng.dirichlet(np.ones(200)), strict=True))
        for i in range(6)
    }
    portfolios |= {
        f"long-short {i}": dict(zip(panel.symbols, rng.normal(0, 0.1, 200), strict=True))
        for i in range(6)
    }
    dates = panel.days[100:498:8]
    forecasts = panel.fit.volatility_forecasts(portfolios, dates)
    ahead = panel.returns.shift(-1).loc[dates]
    earned = pd.DataFrame({name: ahead @ pd.Series(w) for name, w in portfolios.items()})
    found = bias_statistics(earned, forecasts)
    assert 0.93 < found.mean < 1.07
    assert found.table["inside"].sum() >= 10


def test_a_model_as_of_a_date_knows_nothing_of_what_follows(panel):
    date = panel.days[300]
    cut = CrossSectionalModel().fit(
        panel.returns.loc[:date],
        {name: one.loc[:date] for name, one in panel.exposures.items()},
        caps=panel.caps.loc[:date],
        groups=panel.groups,
    )
    early, late = cut.at(), panel.fit.at(date)
    assert early.as_of == late.as_of == date
    pd.testing.assert_frame_equal(early.covariance(), late.covariance())
    pd.testing.assert_frame_equal(early.exposures, late.exposures)
    torn = panel.returns.copy()
    torn.loc[torn.index > date] *= -7.0
    again = CrossSectionalModel().fit(torn, panel.exposures, caps=panel.caps, groups=panel.groups)
    pd.testing.assert_frame_equal(again.at(date).covariance(), late.covariance())


def test_exposures_explain_the_returns_of_the_next_date_only(panel):
    moved = {name: one.copy() for name, one in panel.exposures.items()}
    moved["value"].iloc[-1] = panel.exposures["value"].iloc[-1].to_numpy()[::-1]
    again = CrossSectionalModel().fit(panel.returns, moved, caps=panel.caps, groups=panel.groups)
    pd.testing.assert_frame_equal(again.factor_returns, panel.fit.factor_returns)
    assert not again.exposures().equals(panel.fit.exposures())


def test_names_that_are_not_known_are_counted_by_reason(panel):
    returns, caps = panel.returns.copy(), panel.caps.copy()
    exposures = {name: one.copy() for name, one in panel.exposures.items()}
    returns.iloc[10, :3] = np.nan
    caps.iloc[20:22, 4] = np.nan
    exposures["value"].iloc[30, :2] = np.nan
    fit = CrossSectionalModel().fit(returns, exposures, caps=caps, groups=panel.groups)
    told = fit.dropped
    assert told["no return"] == 3
    assert told["no capitalisation"] == 2
    assert told["no exposure: value"] == 2
    assert told.sum() == 499 * 200
    assert fit.n_names.iloc[9] == 197
    assert np.isnan(fit.specific_returns.iloc[9, 0])


def test_a_symbol_without_history_takes_the_specific_risk_of_its_size_and_says_so(panel):
    returns = panel.returns.copy()
    returns.iloc[:480, 7] = np.nan
    fit = CrossSectionalModel().fit(returns, panel.exposures, caps=panel.caps, groups=panel.groups)
    model = fit.at()
    assert any("S007" in text and "history is short" in text for text in model.notices)
    assert np.isfinite(model.specific_variance["S007"])


def test_groups_may_change_in_time_and_may_be_absent(panel):
    labels = pd.DataFrame([panel.groups.to_list()] * len(panel.days), panel.days, panel.symbols)
    fit = CrossSectionalModel().fit(panel.returns, panel.exposures, caps=panel.caps, groups=labels)
    pd.testing.assert_frame_equal(fit.factor_returns, panel.fit.factor_returns)
    labels = labels.copy()
    labels.iloc[:100] = labels.iloc[:100].replace("G3", "G2")
    fit = CrossSectionalModel().fit(panel.returns, panel.exposures, caps=panel.caps, groups=labels)
    assert fit.factor_returns["G3"].iloc[:100].isna().all()
    assert fit.factor_returns["G3"].iloc[100:].notna().all()
    np.testing.assert_allclose(
        fit.factor_returns.iloc[100:], panel.fit.factor_returns.iloc[100:], atol=1e-12
    )
    model = fit.at()
    assert "G3 had no names on some date" in model.notices[0]
    assert model.n_observations == 399


def test_groups_of_another_time_are_not_in_the_model_of_a_date(panel):
    labels = pd.DataFrame([panel.groups.to_list()] * len(panel.days), panel.days, panel.symbols)
    labels.iloc[:250] = labels.iloc[:250].replace("G3", "old")
    fit = CrossSectionalModel().fit(panel.returns, panel.exposures, caps=panel.caps, groups=labels)
    before, after = fit.at(panel.days[200]), fit.at()
    assert ("old" in before.factors, "G3" in before.factors) == (True, False)
    assert ("old" in after.factors, "G3" in after.factors) == (False, True)
    cut = CrossSectionalModel().fit(
        panel.returns.iloc[:201],
        {name: one.iloc[:201] for name, one in panel.exposures.items()},
        caps=panel.caps.iloc[:201],
        groups=labels.iloc[:201],
    )
    pd.testing.assert_frame_equal(cut.at().covariance(), before.covariance())
    with pytest.raises(NotEnoughData, match=r"each group has names.*0 after the last date.*G3"):
        fit.at(panel.days[250])


def test_asset_classes_without_a_common_market_have_returns_of_their_own(panel):
    fit = CrossSectionalModel(intercept=False, weighting="equal").fit(
        panel.returns, {}, groups=panel.groups
    )
    means = panel.returns.iloc[1:].T.groupby(panel.groups).mean().T
    pd.testing.assert_frame_equal(fit.factor_returns, means, check_freq=False, check_names=False)


def test_currencies_are_factors_whose_returns_are_given(panel):
    rng = np.random.default_rng(2)
    money = pd.DataFrame(rng.normal(0, 0.006, (500, 1)), panel.days, ["JPY"])
    of = pd.Series(["JPY" if i % 2 else "USD" for i in range(200)], panel.symbols)
    based = panel.returns.add(np.outer(money["JPY"], of == "JPY"), axis=0)
    fit = CrossSectionalModel().fit(
        based,
        panel.exposures,
        caps=panel.caps,
        groups=panel.groups,
        currencies=Currencies(of=of, returns=money, base="USD"),
    )
    np.testing.assert_allclose(
        fit.factor_returns[panel.fit.factors[0]], panel.fit.factor_returns["market"], atol=1e-12
    )
    np.testing.assert_array_equal(fit.factor_returns["JPY"], money["JPY"].iloc[1:])
    model = fit.at()
    assert model.risk({"S001": 1.0}).exposures["JPY"] == 1.0
    assert model.risk({"S000": 1.0}).exposures["JPY"] == 0.0
    with pytest.raises(InputError, match="none of JPY"):
        CrossSectionalModel().fit(
            based,
            panel.exposures,
            caps=panel.caps,
            currencies=Currencies(of=of, returns=money.rename(columns={"JPY": "EUR"}), base="USD"),
        )


def test_standardised_exposures_have_mean_0_by_size_and_deviation_1(panel):
    rng = np.random.default_rng(1)
    raw = panel.frame(rng.standard_t(3, (500, 200)))
    raw.iloc[:, 5] = np.nan
    found = standardised(raw, panel.caps)
    means = (found * panel.caps).sum(axis=1) / panel.caps.where(found.notna()).sum(axis=1)
    assert means.abs().max() < 1e-12
    np.testing.assert_allclose(found.std(axis=1), 1.0, rtol=1e-12)
    assert found.iloc[:, 5].isna().all()
    plain = standardised(raw, panel.caps, winsorise=None)
    assert found.abs().max().max() < plain.abs().max().max()


def test_styles_are_what_their_names_say_and_know_no_future(panel):
    returns = panel.returns.fillna(0.0)
    prices = 50 * (1 + returns).cumprod()
    volume = panel.frame(np.random.default_rng(0).lognormal(10, 1, (500, 200)))
    raw = style_exposures(prices, panel.caps, volume=volume, raw=True)
    assert list(raw) == ["size", "beta", "momentum", "reversal", "residual_volatility", "liquidity"]
    before = panel.caps.shift(1)
    market = (returns.iloc[1:] * before.iloc[1:]).sum(axis=1) / before.iloc[1:].sum(axis=1)
    fit = sm.OLS(returns["S003"].iloc[-252:], sm.add_constant(market.iloc[-252:])).fit()
    assert raw["beta"]["S003"].iloc[-1] == pytest.approx(fit.params.iloc[1], rel=1e-9)
    assert raw["residual_volatility"]["S003"].iloc[-1] == pytest.approx(
        np.sqrt(fit.mse_resid), rel=1e-9
    )
    past = np.log(prices["S003"].iloc[-22] / prices["S003"].iloc[-253])
    assert raw["momentum"]["S003"].iloc[-1] == pytest.approx(past)
    ready = style_exposures(prices, panel.caps, volume=volume)
    cut = style_exposures(prices.iloc[:400], panel.caps.iloc[:400], volume=volume.iloc[:400])
    for name, one in cut.items():
        pd.testing.assert_frame_equal(one, ready[name].iloc[:400], check_freq=False)
    last = pd.DataFrame({name: one.iloc[-1] for name, one in ready.items()})
    weights = np.sqrt(panel.caps.iloc[-1])
    centred = last["residual_volatility"] - np.average(last["residual_volatility"], weights=weights)
    assert abs(np.average(centred * last["beta"], weights=weights)) < 1e-10


def test_collinear_exposures_are_named_with_their_date(panel):
    twice = dict(panel.exposures)
    twice["growth"] = panel.exposures["size"] - 2 * panel.exposures["value"]
    with pytest.raises(BadData, match=r"collinear at 2015-01-02: size, value, growth"):
        CrossSectionalModel().fit(panel.returns, twice, caps=panel.caps, groups=panel.groups)
    some = dict(panel.exposures)
    some["copy"] = panel.frame(np.random.default_rng(0).normal(size=(500, 200)))
    some["copy"].iloc[321] = -some["value"].iloc[321]
    with pytest.raises(BadData, match=rf"collinear at {panel.days[322].date()}: value, copy"):
        CrossSectionalModel().fit(panel.returns, some, caps=panel.caps, groups=panel.groups)
    flag = dict(panel.exposures)
    flag["in G1"] = panel.frame(np.tile((panel.groups == "G1").astype(float), (500, 1)))
    with pytest.raises(BadData, match="in G1"):
        CrossSectionalModel().fit(panel.returns, flag, caps=panel.caps, groups=panel.groups)


def test_an_exposure_that_is_the_market_again_is_named(panel):
    """Of a matrix without an inverse rounding may leave one with a negative diagonal."""
    same = {"one": panel.frame(np.ones((500, 200)))}
    with pytest.raises(BadData, match="collinear at 2015-01-02: market, one"):
        CrossSectionalModel(weighting="equal").fit(panel.returns, same)
    for scale in (1e-3, 0.1, 3.0):
        near = {"one": panel.frame(np.full((500, 200), scale))}
        with pytest.raises(BadData, match="collinear"):
            CrossSectionalModel().fit(panel.returns, near, caps=panel.caps)


def test_outliers_of_any_size_are_drawn_in(panel):
    raw = panel.raw["value"].copy()
    raw.iloc[5, 3] = 1e300
    found = standardised(raw, panel.caps)
    assert np.isfinite(found.iloc[5]).all()
    pd.testing.assert_frame_equal(found.iloc[6:], panel.exposures["value"].iloc[6:])


def test_styles_refuse_what_no_market_has(panel):
    prices = panel.frame(np.exp(np.random.default_rng(0).normal(size=(500, 200))))
    with pytest.raises(NotEnoughData, match="styles over 252 periods take more"):
        style_exposures(prices.iloc[:252], panel.caps.iloc[:252])
    with pytest.raises(BadData, match="prices must be positive; got S000"):
        style_exposures(-prices, panel.caps)
    with pytest.raises(BadData, match="volume must not be negative; got S000"):
        style_exposures(prices, panel.caps, volume=-prices)
    with pytest.raises(InputError, match="1 <= skip < window"):
        style_exposures(prices, panel.caps, window=10)


def test_a_forecast_needs_a_portfolio(panel):
    with pytest.raises(InputError, match="needs a portfolio and a date"):
        panel.fit.volatility_forecasts({})
    with pytest.raises(InputError, match="exposures must be frames by name"):
        CrossSectionalModel(weighting="equal").fit(panel.returns, [panel.caps])


def test_what_is_missing_is_named(panel):
    model = CrossSectionalModel()
    with pytest.raises(InputError, match="needs capitalisations"):
        model.fit(panel.returns, panel.exposures)
    caps = panel.caps.copy()
    caps["S009"] = np.nan
    with pytest.raises(BadData, match="none for S009"):
        model.fit(panel.returns, panel.exposures, caps=caps)
    caps["S009"] = -1.0
    with pytest.raises(BadData, match="-1 of S009 at 2015-01-01"):
        model.fit(panel.returns, panel.exposures, caps=caps)
    nothing = dict(panel.exposures, quality=panel.returns * np.nan)
    with pytest.raises(BadData, match="'quality' is NaN everywhere"):
        model.fit(panel.returns, nothing, caps=panel.caps)
    with pytest.raises(InputError, match="without S000"):
        model.fit(panel.returns, panel.exposures, caps=panel.caps.drop(columns="S000"))
    shuffled = dict(panel.exposures, value=panel.exposures["value"].iloc[:, ::-1])
    with pytest.raises(
        InputError, match=r"'value' must have the symbols of returns.*another order"
    ):
        model.fit(panel.returns, shuffled, caps=panel.caps)
    with pytest.raises(InputError, match="none for S001"):
        model.fit(panel.returns, panel.exposures, caps=panel.caps, groups=panel.groups.drop("S001"))
    with pytest.raises(InputError, match=r"different names.*value"):
        model.fit(
            panel.returns,
            panel.exposures,
            caps=panel.caps,
            groups=panel.groups.replace("G1", "value"),
        )


def test_too_few_names_are_refused_with_the_date(panel):
    returns = panel.returns.copy()
    returns.iloc[50, 20:] = np.nan
    with pytest.raises(NotEnoughData, match=rf"got 20 on {panel.days[50].date()}, 1 such"):
        CrossSectionalModel().fit(returns, panel.exposures, caps=panel.caps)
    few = panel.symbols[:20]
    with pytest.raises(NotEnoughData, match=r"takes 30 names.*at most 20"):
        CrossSectionalModel().fit(
            panel.returns[few], {"value": panel.exposures["value"][few]}, caps=panel.caps[few]
        )
    with pytest.raises(NotEnoughData, match="at least 7 dates"):
        panel.fit.at(panel.days[3])
    with pytest.raises(InputError, match="run from 2015-01-01"):
        panel.fit.at("2015-01-03")


def test_what_is_made_of_simulated_returns_says_so(panel):
    marked = mark(panel.returns, Provenance(simulated=True))
    fit = CrossSectionalModel().fit(marked, panel.exposures, caps=panel.caps)
    assert provenance(fit.factor_returns[["value"]]).simulated
    assert fit.at().provenance.simulated
    assert "SIMULATED DATA" in fit.at().risk({"S000": 1.0})._repr_mimebundle_()["text/html"]


def test_the_fit_shows_as_a_page(panel):
    text = panel.fit.tear_sheet().text
    assert "Cross-sectional factor returns" in text
    panel.fit.plot()
    panel.fit.plot("R²")
    model = panel.fit.at()
    assert "momentum" in model.tear_sheet().text
    model.plot("Correlation of factors", theme="dark")


def test_a_hundred_us_stocks_of_eleven_sectors(shared_data):
    """Real prices; traded value stands in for capitalisation, which the data does not have."""
    bars = pd.read_parquet(shared_data / "us_equities_daily_2013_2018_100.parquet")
    bars["date"] = pd.to_datetime(bars["date"]).dt.tz_localize("UTC")
    wide = {
        c: bars.pivot_table(index="date", columns="symbol", values=c, observed=True).astype(float)
        for c in ("close", "volume")
    }
    sectors = pd.read_csv(shared_data / "us_equities_sectors.csv").set_index("symbol")["sector"]
    kept = [s for s in wide["close"] if s in sectors.index and wide["close"][s].notna().all()]
    prices, volume = wide["close"][kept], wide["volume"][kept]
    size = (prices * volume).rolling(63).mean()
    styles = style_exposures(prices, size, window=126)
    returns = prices.pct_change()
    fit = CrossSectionalModel().fit(returns, styles, caps=size, groups=sectors[kept])
    assert len(fit.factor_returns) > 1_000
    assert 0.2 < fit.r_squared.mean() < 0.6
    market = (returns * size.shift(1)).sum(axis=1) / size.shift(1).sum(axis=1)
    both = fit.factor_returns["market"].corr(market)
    assert both > 0.97
    assert fit.t["beta"].abs().mean() > 1.5
    equal = {s: 1 / len(kept) for s in kept}
    rng = np.random.default_rng(0)
    books = {"equal": equal}
    books |= {
        f"random {i}": dict(zip(kept, rng.dirichlet(np.ones(len(kept))), strict=True))
        for i in range(5)
    }
    dates = list(fit.factor_returns.index[252:-1:5])
    forecasts = fit.volatility_forecasts(books, dates)
    ahead = returns.shift(-1).loc[dates]
    earned = pd.DataFrame({name: ahead @ pd.Series(w) for name, w in books.items()})
    found = bias_statistics(earned, forecasts)
    assert 0.8 < found.mean < 1.25
