"""The promises that every factor of every source keeps, on a drawn market."""

import numpy as np
import pandas as pd
import pytest

from nautilus_lab.factors import sources
from nautilus_lab.factors.expressions import PointInTime, parse
from nautilus_lab.factors.sources import (
    find_source_leaks,
    source_catalog,
    source_family,
    synthesise,
)

FAMILIES = {
    "alpha_vantage": 15,
    "fred": 32,
    "edgar": 25,
    "data_gov": 50,
    "yahoo": 20,
    "trading_economics": 20,
    "dbnomics": 20,
    "ibkr": 12,
}
EVERY = [one for name in FAMILIES for one in source_family(name).factors]
NAMES = [one.name for one in EVERY]


@pytest.fixture(scope="module")
def panel(frames, prices):
    return synthesise(FAMILIES, frames, like=prices)


@pytest.fixture(scope="module")
def leaks(frames, prices):
    return find_source_leaks(FAMILIES, frames, like=prices, cuts=2)


@pytest.mark.parametrize(("name", "count"), FAMILIES.items())
def test_a_source_has_as_many_factors_as_it_is_said_to(name, count):
    assert len(source_family(name).factors) == count


@pytest.mark.parametrize("factor", EVERY, ids=NAMES)
def test_it_says_what_it_is_and_when_it_is_known(factor):
    for part in ("title", "units", "reference", "rule", "expression"):
        assert getattr(factor, part).strip()
    assert factor.lineage[0] == factor.source
    assert factor.lineage[-1] == factor.expression
    assert len(factor.definition.digest) == 32
    names = {one.name for one in factor.inputs}
    assert set(parse(factor.expression, fields=names).fields) == names
    barred = factor.frequency == "bar" and factor.universe == "each"
    assert (factor.point_in_time is PointInTime.BAR_CLOSE) == barred
    # what is released waits for it, in days or until an hour
    for one in factor.inputs:
        if one.table.kind == "series":
            assert one.release.days or one.release.business_days or one.release.at > "16:00"
            assert one.max_age


@pytest.mark.parametrize("name", NAMES)
def test_it_is_computed_and_never_infinite(panel, prices, name):
    found = panel[name]
    assert found.shape == prices.shape
    assert found.index.equals(prices.index)
    assert not np.isinf(found.to_numpy()).any()
    assert found.iloc[-1].notna().any()
    assert found.stack().nunique() > 1
    if panel.factors[name].universe == "market":
        assert found.nunique(axis=1).max() == 1


@pytest.mark.parametrize("name", NAMES)
def test_it_knows_nothing_of_its_future(leaks, name):
    assert leaks.get(name, ()) == ()


def test_a_leak_would_be_found(frames, prices, monkeypatch):
    honest = sources._tables.on_rows

    def early(*given, **how):
        return honest(*given, **how).shift(-3)

    monkeypatch.setattr(sources._tables, "on_rows", early)
    found = find_source_leaks(
        ["fred.inflation", "edgar.accruals", "yahoo.trend"], frames, like=prices, cuts=2
    )
    assert set(found) == {"fred.inflation", "edgar.accruals"}


@pytest.fixture(scope="module")
def wider(frames, prices):
    """Factors beside a symbol that no frame knows."""
    return synthesise(FAMILIES, frames, like=prices.assign(Z=prices["A"]))


@pytest.mark.parametrize("name", [one.name for one in EVERY if one.universe == "each"])
def test_a_symbol_without_data_has_no_value_and_leaves_the_others_alone(wider, panel, name):
    assert wider[name]["Z"].isna().all()
    pd.testing.assert_frame_equal(wider[name].drop(columns="Z"), panel[name])


def test_no_two_factors_have_one_name_and_all_are_in_the_catalogue():
    assert len(set(NAMES)) == len(NAMES) == 194
    assert source_catalog().index.to_list() == NAMES


def test_the_catalogue_is_searched_in_every_cell():
    assert "edgar.accruals" in source_catalog("SLOAN").index
    assert "fred.inflation" in source_catalog("CPIAUCSL").index
    assert source_catalog("no such words").empty
