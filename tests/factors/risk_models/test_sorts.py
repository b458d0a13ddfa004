import numpy as np
import pandas as pd
import pytest

from nautilus_lab.exceptions import InputError, NotEnoughData
from nautilus_lab.factors.risk_models import sorted_factors


@pytest.fixture(scope="module")
def market():
    rng = np.random.default_rng(1)
    days = pd.bdate_range("2015-01-01", "2017-12-29", tz="UTC", name="time")
    names = [f"S{i:02d}" for i in range(60)]
    value = pd.DataFrame(np.tile(rng.normal(size=60), (len(days), 1)), days, names)
    paid = rng.normal(0.0005, 0.004, (len(days), 1))
    returns = value * paid + rng.normal(0, 0.01, value.shape)
    size = 1e9 * np.exp(rng.normal(0, 1, 60)) * (1 + returns).cumprod()
    past = (1 + returns).rolling(231).apply(np.prod, raw=True).shift(21) - 1
    return returns, size, value, past, pd.Series(paid[:, 0], days)


def test_the_factors_of_the_first_month_are_those_of_a_groupby(market):
    returns, size, value, _, _ = market
    found = sorted_factors(returns, size, {"HML": value}, rebalance="monthly")
    first = pd.Timestamp("2015-01-30", tz="UTC")
    table = pd.DataFrame({"size": size.loc[first], "value": value.loc[first]})
    table["big"] = table["size"] > table["size"].median()
    low, high = table["value"].quantile([0.3, 0.7])
    table["group"] = np.where(table["value"] <= low, "L", np.where(table["value"] > high, "H", "N"))
    held = returns.loc["2015-02-02":"2015-02-27"]
    worth = (1 + held).cumprod() * table["size"]
    start = worth.shift(1).fillna(table["size"].to_dict())

    def earned(big, group):
        names = table.index[(table["big"] == big) & (table["group"] == group)]
        return (start[names] * held[names]).sum(axis=1) / start[names].sum(axis=1)

    hml = (earned(False, "H") + earned(True, "H") - earned(False, "L") - earned(True, "L")) / 2
    small = sum(earned(False, g) for g in "LNH") / 3
    big = sum(earned(True, g) for g in "LNH") / 3
    part = found.factors.loc[held.index]
    np.testing.assert_allclose(part["HML"], hml, atol=1e-14)
    np.testing.assert_allclose(part["SMB"], small - big, atol=1e-14)
    assert found.counts.iloc[0].sum() == 60


def test_what_is_paid_for_a_characteristic_is_found(market):
    returns, size, value, past, paid = market
    found = sorted_factors(
        returns, size, {"HML": value, "UMD": past}, rebalance=_month_ends(returns, "2016-01-31")
    )
    assert found.factors["HML"].corr(paid) > 0.8
    assert list(found.factors.columns) == ["SMB", "HML", "UMD"]
    assert found.market.index.equals(found.factors.index)


def _month_ends(returns, after):
    days = returns.index[returns.index > after]
    return [group.iloc[-1] for _, group in pd.Series(days, days).groupby([days.year, days.month])]


def test_portfolios_are_formed_in_june_and_held_from_july(market):
    returns, size, value, _, _ = market
    found = sorted_factors(returns, size, {"HML": value})
    assert [str(day.date()) for day in found.counts.index] == [
        "2015-06-30",
        "2016-06-30",
        "2017-06-30",
    ]
    assert str(found.factors.index[0].date()) == "2015-07-01"


def test_a_row_knows_characteristics_of_formations_before_it_only(market):
    returns, size, value, _, _ = market
    found = sorted_factors(returns, size, {"HML": value}, rebalance="monthly")
    cut = sorted_factors(
        returns.iloc[:300], size.iloc[:300], {"HML": value.iloc[:300]}, rebalance="monthly"
    )
    pd.testing.assert_frame_equal(found.factors.iloc[: len(cut.factors)], cut.factors)
    torn = value.copy()
    torn.iloc[300:] = torn.iloc[300:].to_numpy()[:, ::-1]
    other = sorted_factors(returns, size, {"HML": torn}, rebalance="monthly")
    pd.testing.assert_frame_equal(other.factors.loc[: returns.index[299]], cut.factors)


def test_cuts_may_be_those_of_some_names(market):
    returns, size, value, _, _ = market
    biggest = size.iloc[0].nlargest(30).index
    found = sorted_factors(returns, size, {"HML": value}, breakpoints=list(biggest))
    small = found.counts.xs("small", axis=1, level="size").iloc[0].sum()
    assert small > 40


def test_an_empty_portfolio_is_named(market):
    returns, size, value, _, _ = market
    tied = pd.DataFrame(np.tile(size.to_numpy()[0], (len(size), 1)), size.index, size.columns)
    with pytest.raises(NotEnoughData, match=r"HML: none (small|big) and (low|high) of 60 names"):
        sorted_factors(returns, tied, {"HML": tied})
    with pytest.raises(NotEnoughData, match="none between"):
        sorted_factors(returns.iloc[:50], size.iloc[:50], {"HML": value.iloc[:50]})
    with pytest.raises(InputError, match=r"breakpoints must be symbols.*ZZZ"):
        sorted_factors(returns, size, {"HML": value}, breakpoints=["ZZZ"])
    with pytest.raises(InputError, match=r"formations must be times.*2015-01-03"):
        sorted_factors(
            returns, size, {"HML": value}, rebalance=[pd.Timestamp("2015-01-03", tz="UTC")]
        )


def test_it_shows_and_draws(market):
    returns, size, value, _, _ = market
    found = sorted_factors(returns, size, {"HML": value})
    assert repr(found).startswith("SortedFactors(SMB, HML; ")
    assert "Sorted factors" in found.tear_sheet().text
    found.plot()
