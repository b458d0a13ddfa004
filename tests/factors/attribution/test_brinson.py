import numpy as np
import pandas as pd
import pytest

from nautilus_lab.exceptions import BadData, InputError
from nautilus_lab.factors.attribution import brinson_fachler

DAYS = pd.date_range("2024-01-31", periods=2, freq="ME", tz="UTC")


def bacon():
    """The example of Bacon (2008), chapter 5: UK, Japanese and US equities."""
    names = ["UKp", "UKb", "JPp", "JPb", "USp", "USb"]
    returns = pd.DataFrame([[0.0] * 6, [0.20, 0.10, -0.05, -0.04, 0.06, 0.08]], DAYS, names)
    weights = pd.DataFrame([[0.4, 0.0, 0.3, 0.0, 0.3, 0.0]] * 2, DAYS, names)
    benchmark = pd.DataFrame([[0.0, 0.4, 0.0, 0.2, 0.0, 0.4]] * 2, DAYS, names)
    groups = dict(zip(names, ["UK", "UK", "JP", "JP", "US", "US"], strict=True))
    return weights, benchmark, returns, groups


def test_the_example_of_bacons_book():
    found = brinson_fachler(*bacon())
    told = found.effects.loc[["UK", "JP", "US"]] * 100
    assert found.total == pytest.approx(0.083 - 0.064)
    np.testing.assert_allclose(told["allocation"], [0.0, -1.04, -0.16], atol=1e-12)
    np.testing.assert_allclose(told["selection"], [4.0, -0.2, -0.8], atol=1e-12)
    np.testing.assert_allclose(told["interaction"], [0.0, -0.1, 0.2], atol=1e-12)


@pytest.mark.parametrize("method", ["carino", "menchero"])
def test_effects_over_many_periods_sum_to_the_active_return(book, method):
    weights = book.weights.div(book.weights.sum(axis=1), axis=0)
    found = brinson_fachler(
        weights, book.benchmark, book.returns.fillna(0.0), book.groups, method=method
    )
    own = (1 + (weights.shift(1) * book.returns).sum(axis=1)).prod()
    bench = (1 + (book.benchmark.shift(1) * book.returns).sum(axis=1)).prod()
    assert found.total == pytest.approx(own - bench)
    assert found.effects["total"].sum() == pytest.approx(own - bench, abs=1e-12)
    np.testing.assert_allclose(
        found.by_period.sum(axis=1), found.portfolio - found.benchmark, atol=1e-15
    )


def test_groups_that_one_side_has_not_are_given_to_allocation_or_interaction():
    weights, benchmark, returns, groups = bacon()
    weights.loc[:] = [0.5, 0, 0.5, 0, 0, 0]
    benchmark.loc[:] = [0, 0.5, 0, 0, 0, 0.5]
    found = brinson_fachler(weights, benchmark, returns, groups)
    total_b = 0.09
    assert found.effects.loc["US", "allocation"] == pytest.approx(-0.5 * (0.08 - total_b))
    assert found.effects.loc["US", "selection"] == 0.0
    assert found.effects.loc["JP", "allocation"] == 0.0
    assert found.effects.loc["JP", "interaction"] == pytest.approx(0.5 * (-0.05 - total_b))


def test_long_and_short_positions_of_no_weight_are_not_lost():
    weights, benchmark, returns, groups = bacon()
    weights.loc[:] = [1.0, 0, 0.4, -0.4, 0, 0]
    found = brinson_fachler(weights, benchmark, returns, groups)
    assert found.by_period.iloc[0].sum() == pytest.approx(0.20 - 0.4 * 0.01 - 0.064)
    assert found.effects.loc["JP", "total"] == pytest.approx(-0.2 * (-0.04 - 0.064) - 0.4 * 0.01)


def test_what_is_wrong_is_named():
    weights, benchmark, returns, groups = bacon()
    with pytest.raises(
        InputError, match=r"weights must sum to 1 at each time; got 0.9 at 2024-01-31"
    ):
        brinson_fachler(weights.assign(UKp=0.3), benchmark, returns, groups)
    with pytest.raises(InputError, match="none for JPb"):
        brinson_fachler(
            weights, benchmark, returns, {k: v for k, v in groups.items() if k != "JPb"}
        )
    with pytest.raises(InputError, match="got GOLD"):
        brinson_fachler(weights.assign(GOLD=0.0), benchmark, returns, groups)
    gap = returns.mask(returns == 0.20)
    with pytest.raises(BadData, match="none of UKp at 2024-02-29"):
        brinson_fachler(weights, benchmark, gap, groups)
    with pytest.raises(InputError, match="1 times differ"):
        brinson_fachler(weights, benchmark, pd.concat([returns, later(returns)]), groups)


def later(frame):
    return frame.iloc[[-1]].shift(freq="31D")


def test_it_shows_and_draws():
    found = brinson_fachler(*bacon())
    assert repr(found) == (
        "BrinsonAttribution(allocation=-0.0120, selection=0.0300, interaction=0.0010, 3 groups)"
    )
    assert "Brinson attribution" in found.tear_sheet().text
    found.plot()
