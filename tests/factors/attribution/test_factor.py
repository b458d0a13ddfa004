import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from statsmodels.regression.rolling import RollingOLS

from nautilus_lab.exceptions import BadData, InputError
from nautilus_lab.factors.attribution import attribute_holdings, attribute_returns, linked
from nautilus_lab.factors.risk_models import CrossSectionalModel, Currencies
from nautilus_lab.provenance import Provenance, mark


def test_effects_of_holdings_sum_to_the_return_of_every_period(book):
    found = attribute_holdings(book.weights, book.returns, book.fit)
    earned = (book.weights.shift(1) * book.returns).sum(axis=1).iloc[1:]
    np.testing.assert_allclose(found.effects.sum(axis=1), earned, atol=1e-15)
    assert list(found.effects.columns) == [*book.fit.factors, "specific"]


def test_an_effect_is_exposure_times_factor_return(book):
    found = attribute_holdings(book.weights, book.returns, book.fit)
    day = book.days[100]
    held = float(book.weights.iloc[99] @ book.value.iloc[99])
    assert found.exposures.loc[day, "value"] == pytest.approx(held)
    assert found.effects.loc[day, "value"] == pytest.approx(
        held * book.fit.factor_returns.loc[day, "value"]
    )
    assert found.exposures.loc[day, "market"] == pytest.approx(1.0)


@pytest.mark.parametrize("method", ["carino", "menchero"])
@pytest.mark.parametrize("against", [False, True])
def test_linked_effects_sum_to_the_compounded_total(book, method, against):
    benchmark = book.benchmark if against else None
    found = attribute_holdings(
        book.weights, book.returns, book.fit, benchmark=benchmark, method=method
    )
    own = (1 + (book.weights.shift(1) * book.returns).sum(axis=1).iloc[1:]).prod() - 1
    bench = (1 + (book.benchmark.shift(1) * book.returns).sum(axis=1).iloc[1:]).prod() - 1
    assert found.total == pytest.approx(own - bench * against, abs=1e-12)
    assert found.linked.sum() == pytest.approx(found.total, abs=1e-12)
    assert found.by(book.groups).sum() == pytest.approx(found.total, abs=1e-12)


def test_parts_of_the_risk_sum_to_the_deviation(book):
    found = attribute_holdings(book.weights, book.returns, book.fit)
    assert found.risk.sum() == pytest.approx(found.portfolio.std())
    pair = np.cov(found.effects["market"], found.portfolio)[0, 1]
    assert found.risk["market"] == pytest.approx(pair / found.portfolio.std())


def test_the_benchmark_itself_has_no_active_effects(book):
    found = attribute_holdings(book.benchmark, book.returns, book.fit, benchmark=book.benchmark)
    assert found.linked.abs().max() < 1e-15


def test_what_the_model_does_not_know_is_named_and_stays_apart(book):
    """A portfolio of several classes: the model has no exposures of bitcoin."""
    returns = book.returns.assign(BTC=np.random.default_rng(0).normal(0.001, 0.04, 260))
    weights = (book.weights * 0.9).assign(BTC=0.1)
    found = attribute_holdings(weights, returns, book.fit)
    assert list(found.missing.index) == ["BTC"]
    assert found.missing.loc["BTC", "periods"] == 259
    np.testing.assert_allclose(found.effects["no exposures"], 0.1 * returns["BTC"].iloc[1:])
    assert found.linked.sum() == pytest.approx(found.total, abs=1e-12)
    assert "Held without exposures" in found.tear_sheet().text
    with pytest.raises(
        InputError, match="every symbol must have one of the groups; got none for BTC"
    ):
        found.by(book.groups)


def test_a_period_knows_nothing_of_later_holdings(book):
    whole = attribute_holdings(book.weights, book.returns, book.fit)
    cut = attribute_holdings(book.weights.iloc[:100], book.returns, book.fit)
    pd.testing.assert_frame_equal(whole.effects.iloc[:99], cut.effects)


def test_periods_outside_of_the_model_are_counted(book):
    late = {"value": book.value.mask(np.arange(260)[:, None] * np.ones(80) < 30)}
    fit = CrossSectionalModel().fit(
        book.returns.iloc[:200],
        {"value": late["value"].iloc[:200]},
        caps=book.caps.iloc[:200],
        groups=book.groups,
    )
    found = attribute_holdings(book.weights, book.returns, fit)
    assert found.effects.index.equals(fit.factor_returns.index)
    assert len(found.effects) == 169
    assert "90 periods outside of the dates of the model" in found.provenance.caption
    earned = (book.weights.shift(1) * book.returns).sum(axis=1).loc[found.effects.index]
    np.testing.assert_allclose(found.effects.sum(axis=1), earned, atol=1e-15)


def test_bad_holdings_are_named(book):
    with pytest.raises(InputError, match="must have returns; got GOLD"):
        attribute_holdings(book.weights.assign(GOLD=0.1), book.returns, book.fit)
    gap = book.returns.copy()
    gap.iloc[50, 3] = np.nan
    with pytest.raises(BadData, match=rf"none of S03 at {book.days[50].date()}"):
        attribute_holdings(book.weights, gap, book.fit)
    other = book.returns.copy()
    other.iloc[50, 3] += 0.01
    with pytest.raises(InputError, match=r"fitted to; got S03 at .* differs by 0.01"):
        attribute_holdings(book.weights, other, book.fit)
    with pytest.raises(InputError, match="stretch of the times"):
        attribute_holdings(book.weights.iloc[::5], book.returns, book.fit)
    with pytest.raises(InputError, match="times of weights"):
        attribute_holdings(book.weights, book.returns, book.fit, benchmark=book.benchmark.iloc[1:])
    with pytest.raises(BadData, match="S02 at"):
        attribute_holdings(book.weights.assign(S02=np.nan), book.returns, book.fit)


@pytest.fixture(scope="module")
def record(book):
    factors = book.fit.factor_returns[["market", "value"]]
    noise = np.random.default_rng(0).normal(0, 0.002, len(factors))
    return 0.0001 + factors @ [0.9, 0.4] + noise, factors


def test_a_track_record_is_split_by_statsmodels_betas(record):
    returns, factors = record
    found = attribute_returns(returns, factors)
    peer = sm.OLS(returns, sm.add_constant(factors)).fit()
    np.testing.assert_allclose(found.effects["value"], factors["value"] * peer.params["value"])
    np.testing.assert_allclose(found.effects["residual"], peer.resid, atol=1e-15)
    np.testing.assert_allclose(found.effects.sum(axis=1), returns, atol=1e-15)
    assert found.linked.sum() == pytest.approx((1 + returns).prod() - 1, abs=1e-12)


def test_moving_betas_are_those_known_before_the_period(record):
    returns, factors = record
    found = attribute_returns(returns, factors, window=60, risk_free=0.0001)
    peer = RollingOLS(returns - 0.0001, sm.add_constant(factors), window=60).fit()
    np.testing.assert_allclose(
        found.exposures["value"], peer.params["value"].shift(1).iloc[60:], rtol=1e-9
    )
    np.testing.assert_allclose(found.effects.sum(axis=1), returns.iloc[60:], atol=1e-15)
    assert (found.effects["risk_free"] == 0.0001).all()


def test_names_of_effects_are_reserved(record):
    returns, factors = record
    with pytest.raises(InputError, match="name of an effect; got alpha"):
        attribute_returns(returns, factors.rename(columns={"value": "alpha"}))
    with pytest.raises(InputError, match="factors must be a DataFrame"):
        attribute_returns(returns, [1.0])
    with pytest.raises(InputError, match="leave a period after"):
        attribute_returns(returns, factors, window=len(returns))
    with pytest.raises(InputError, match="need what was held"):
        attribute_returns(returns, factors).by({"A": "x"})


def test_carinos_coefficients_are_those_of_his_formula():
    """Two periods by hand: k_t = ln(1 + R) / R without a benchmark."""
    months = pd.date_range("2024-01-31", periods=2, freq="ME", tz="UTC")
    effects = pd.DataFrame({"a": [0.06, -0.01], "b": [0.04, 0.06]}, months)
    found = linked(effects, effects.sum(axis=1))
    first, second, whole = (np.log1p(r) / r for r in (0.10, 0.05, 0.155))
    np.testing.assert_allclose(found["a"], [0.06 * first / whole, -0.01 * second / whole])


def test_mencheros_coefficients_are_those_of_his_formula():
    months = pd.date_range("2024-01-31", periods=2, freq="ME", tz="UTC")
    portfolio, bench = pd.Series([0.10, 0.05], months), pd.Series([0.04, 0.06], months)
    effects = pd.DataFrame({"a": [0.05, 0.01], "b": [0.01, -0.02]}, months)
    total, total_bench = 0.155, 1.04 * 1.06 - 1
    a = (total - total_bench) / 2 / ((1 + total) ** 0.5 - (1 + total_bench) ** 0.5)
    c = (total - total_bench - a * (0.06 - 0.01)) / (0.06**2 + 0.01**2)
    found = linked(effects, portfolio, bench, method="menchero")
    np.testing.assert_allclose(found["a"], [0.05 * (a + c * 0.06), 0.01 * (a - c * 0.01)])


@pytest.mark.parametrize("method", ["carino", "menchero"])
def test_linking_one_period_changes_nothing(method):
    day = pd.date_range("2024-01-31", periods=1, tz="UTC")
    effects = pd.DataFrame({"a": [0.02], "b": [-0.005]}, day)
    found = linked(effects, pd.Series([0.045], day), pd.Series([0.03], day), method=method)
    pd.testing.assert_frame_equal(found, effects)


@pytest.mark.parametrize("method", ["carino", "menchero"])
def test_returns_of_nothing_and_equal_returns_are_linked_too(method):
    days = pd.date_range("2024-01-01", periods=4, tz="UTC")
    own = pd.Series([0.0, 0.01, -0.01, 0.0], days)
    bench = pd.Series([0.0, 0.01, -0.01, 0.0], days)
    effects = pd.DataFrame({"a": [0.01, 0.0, 0.02, 0.0], "b": [-0.01, 0.0, -0.02, 0.0]}, days)
    assert linked(effects, own, bench, method=method).sum().sum() == pytest.approx(0.0, abs=1e-15)


def test_effects_that_do_not_sum_to_the_return_are_refused():
    days = pd.date_range("2024-01-01", periods=2, tz="UTC")
    effects = pd.DataFrame({"a": [0.01, 0.02]}, days)
    with pytest.raises(BadData, match=r"off by 0\.01 at 2024-01-02"):
        linked(effects, pd.Series([0.01, 0.01], days))
    with pytest.raises(BadData, match="loss of everything; got -1 at 2024-01-02"):
        linked(effects, pd.Series([0.01, -1.0], days))
    with pytest.raises(InputError, match="carino or menchero"):
        linked(effects, effects["a"], method="geometric")
    with pytest.raises(InputError, match="times of effects"):
        linked(effects, effects["a"].iloc[:1])


def test_it_shows_and_draws(book, record):
    found = attribute_holdings(
        mark(book.weights, Provenance(simulated=True)), book.returns, book.fit
    )
    assert "SIMULATED DATA" in found._repr_mimebundle_()["text/html"]
    assert repr(found).startswith("FactorAttribution(total=")
    found.plot()
    found.plot("Over time")
    attribute_returns(*record).tear_sheet()


def test_currencies_bring_what_holding_them_brought(book):
    """A book of several classes and currencies, in dollars."""
    rng = np.random.default_rng(5)
    money = pd.DataFrame(rng.normal(0.0002, 0.006, (260, 2)), book.days, ["EUR", "JPY"])
    of = pd.Series([("USD", "EUR", "JPY")[i % 3] for i in range(80)], book.symbols)
    based = book.returns.copy()
    for name in money:
        based.loc[:, of == name] = based.loc[:, of == name].add(money[name], axis=0)
    fit = CrossSectionalModel().fit(
        based,
        {"value": book.value},
        caps=book.caps,
        groups=book.groups,
        currencies=Currencies(of=of, returns=money, base="USD"),
    )
    found = attribute_holdings(book.weights, based, fit)
    in_yen = book.weights.loc[:, of == "JPY"].sum(axis=1).shift(1).iloc[1:]
    np.testing.assert_allclose(found.effects["JPY"], in_yen * money["JPY"].iloc[1:], rtol=1e-12)
    assert found.linked.sum() == pytest.approx(found.total, abs=1e-12)
