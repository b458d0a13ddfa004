import inspect

import numpy as np
import pandas as pd
import pytest

from nautilus_lab import factors
from nautilus_lab.exceptions import InputError
from nautilus_lab.factors import FactorEngine, FactorMatrix, scale
from nautilus_lab.features import drawn_bars
from nautilus_lab.trials import Ledger

ENGINE = FactorEngine()


@pytest.fixture
def bars():
    times = pd.date_range("2024-01-01", periods=60, tz="UTC", name="timestamp")
    parts = {f"S{n}": pd.DataFrame(drawn_bars(60, seed=n), index=times) for n in range(4)}
    return pd.concat(parts, names=["symbol"]).swaplevel().sort_index()


def test_an_expression_of_bars_is_the_same_of_their_fields(bars):
    text = "rank(ts_mean(returns, 20)) / ts_std(close, 20)"
    found = ENGINE.expression(text, bars)
    expected = factors.evaluate_expression(text, factors.bar_fields(bars))
    pd.testing.assert_frame_equal(found, expected)
    assert found.iloc[-1].notna().all()


def test_further_fields_stand_beside_those_of_bars(bars):
    close = bars["close"].unstack("symbol")
    found = ENGINE.expression("close / vwap", bars, fields={"vwap": close * 2})
    np.testing.assert_allclose(found, 0.5)
    with pytest.raises(InputError, match="vwap"):
        ENGINE.expression("close / vwap", bars)


def test_no_row_of_an_expression_looks_ahead(bars):
    text = "ts_zscore(close, 10) * rank(delta(volume, 3))"
    times = bars.index.get_level_values("timestamp")
    early = ENGINE.expression(text, bars[times < times[-1] - pd.Timedelta("9d")])
    whole = ENGINE.expression(text, bars)
    np.testing.assert_array_equal(early, whole.iloc[: len(early)])


@pytest.mark.parametrize("name", ["most_correlated", "near_duplicates", "clusters"])
def test_what_is_done_at_scale_is_the_engines_too(name):
    assert inspect.signature(getattr(ENGINE, name)) == inspect.signature(getattr(scale, name))


def test_what_is_done_at_scale_is_recorded_in_the_ledger_of_the_engine(bars, tmp_path):
    engine = FactorEngine(ledger=Ledger(folder=tmp_path / "trials"))
    rng = np.random.default_rng(0)
    engine.scan(FactorMatrix(rng.standard_normal((40, 60))), rng.standard_normal(60), study="a")
    close = bars["close"].unstack("symbol")
    engine.evaluate_many({"c": close}, close, horizons=[1], quantiles=2, study="b", threads=1)
    assert engine.ledger.studies()["records"].to_dict() == {"a": 40, "b": 1}


def test_many_factors_are_scanned_brought_together_and_compared():
    rng = np.random.default_rng(0)
    values = rng.standard_normal((40, 60))
    values[20:] = values[:20] + 0.05 * rng.standard_normal((20, 60))
    matrix = FactorMatrix(values)
    found = ENGINE.scan(matrix, values[3])
    assert found.top(2).index.tolist() == [3, 23]
    assert ENGINE.clusters(matrix, scores=found.scores()).of(3) == [3, 23]
    assert len(ENGINE.near_duplicates(matrix)) == 20
    assert ENGINE.most_correlated(matrix, [7], k=1).of(7).index.tolist() == [27]


def test_the_space_of_factors_is_made_on_demand():
    space = ENGINE.space(universes=("all",))
    assert len(ENGINE.space()) == 4 * len(space) == 411_840
    assert space[0].universe == "all"
