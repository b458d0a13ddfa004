import numpy as np
import pandas as pd
import pytest

from nautilus_lab.exceptions import BadData, InputError
from nautilus_lab.factors.risk_models import FactorRiskModel


def model_of(**changed):
    names, factors = ["A", "B", "C"], ["market", "value"]
    given = {
        "kind": "time series",
        "as_of": pd.Timestamp("2024-01-02", tz="UTC"),
        "exposures": pd.DataFrame([[1.0, 0.5], [1.2, -0.3], [0.8, 0.0]], names, factors),
        "factor_covariance": pd.DataFrame([[4e-4, 1e-5], [1e-5, 1e-4]], factors, factors),
        "specific_variance": pd.Series([1e-4, 2e-4, 3e-4], names),
        "n_observations": 250,
    }
    return FactorRiskModel(**given | changed)


def test_risk_is_that_of_the_covariance():
    model = model_of()
    weights = np.array([0.5, 0.3, -0.2])
    found = model.risk(dict(zip("ABC", weights, strict=True)))
    assert found.total == pytest.approx(np.sqrt(weights @ model.covariance().to_numpy() @ weights))
    assert found.total**2 == pytest.approx(found.factor**2 + found.specific**2)


def test_contributions_of_factors_and_of_symbols_add_up():
    found = model_of().risk({"A": 0.5, "B": 0.3, "C": -0.2})
    assert found.by_factor.sum() == pytest.approx(found.total)
    assert found.by_symbol.sum() == pytest.approx(found.total)
    assert found.by({"A": "equity", "B": "bond", "C": "equity"}).sum() == pytest.approx(found.total)
    assert list(found.by({"A": "equity", "B": "bond", "C": "equity"}).index) == ["bond", "equity"]


def test_marginals_are_the_slope_of_the_risk():
    model = model_of()
    held = {"A": 0.5, "B": 0.3, "C": -0.2}
    found = model.risk(held)
    for symbol in held:
        more = model.risk(held | {symbol: held[symbol] + 1e-6})
        slope = (more.total - found.total) / 1e-6
        assert found.marginal[symbol] == pytest.approx(slope, rel=1e-4)


def test_against_a_benchmark_the_risk_is_that_of_the_difference():
    model = model_of()
    found = model.risk({"A": 1.0}, benchmark={"A": 0.5, "B": 0.5})
    assert found.total == pytest.approx(model.risk({"A": 0.5, "B": -0.5}).total)
    assert found.active
    assert model.risk({"A": 1.0}, benchmark={"A": 1.0}).total == 0.0


def test_nothing_held_has_no_risk():
    found = model_of().risk({"A": 0.0})
    assert (found.total, found.by_factor.sum()) == (0.0, 0.0)


def test_symbols_without_exposures_are_named_not_left_out():
    with pytest.raises(InputError, match="must have exposures in the model; got GOLD, JPYUSD"):
        model_of().risk({"A": 1.0, "GOLD": 0.1, "JPYUSD": 0.2})
    assert model_of().risk({"A": 1.0, "GOLD": 0.0}).total > 0
    with pytest.raises(InputError, match="finite numbers, each symbol once; got A"):
        model_of().risk({"A": float("nan")})


def test_a_covariance_with_a_negative_variance_is_refused_by_its_parts():
    factors = ["market", "value"]
    bad = pd.DataFrame([[1e-4, 2e-4], [2e-4, 1e-4]], factors, factors)
    with pytest.raises(BadData, match=r"positive semi-definite\); got eigenvalue -0.0001.*market"):
        model_of(factor_covariance=bad)
    with pytest.raises(BadData, match="symmetric; got market and value"):
        model_of(factor_covariance=pd.DataFrame([[1e-4, 1e-5], [0.0, 1e-4]], factors, factors))
    with pytest.raises(BadData, match="finite; got nan of market and value"):
        model_of(factor_covariance=pd.DataFrame([[1e-4, np.nan], [0, 1e-4]], factors, factors))


def test_names_that_disagree_are_refused():
    with pytest.raises(InputError, match="same factors"):
        model_of(exposures=pd.DataFrame([[1.0, 0.5]], ["A"], ["market", "size"]))
    with pytest.raises(InputError, match=r"same symbols.*got C"):
        model_of(specific_variance=pd.Series([1e-4, 1e-4], ["A", "B"]))
    with pytest.raises(BadData, match="not negative; got B"):
        model_of(specific_variance=pd.Series([1e-4, -1e-4, 1e-4], ["A", "B", "C"]))


def test_what_it_forecasts_an_optimiser_can_use():
    """The shape of a covariance that riskfolio takes: a frame of symbols by symbols."""
    covariance = model_of().covariance()
    assert list(covariance.index) == list(covariance.columns) == ["A", "B", "C"]
    assert np.linalg.eigvalsh(covariance).min() > 0


def test_answers_show_and_draw():
    model = model_of()
    assert repr(model) == "FactorRiskModel(time series, 3 symbols, 2 factors, as of 2024-01-02)"
    found = model.risk({"A": 0.5, "B": 0.5})
    assert "Portfolio risk" in found.tear_sheet().text
    for answer in (model, found):
        assert "<svg" in answer._repr_mimebundle_()["text/html"]
        answer.plot()
