import numpy as np
import pandas as pd
import pytest

from nautilus_lab.exceptions import BadData, InputError
from nautilus_lab.factors.expressions import (
    ExpressionStream,
    alpha158,
    evaluate_many,
    parse,
)

from .test_operators import REFERENCES

NESTED = {
    "sum of ranks": "rank(ts_mean(returns, 9)) + ts_rank(ts_std(close, 12), 7)",
    "by sector": "neutralize(decay_linear(ts_corr(close, volume, 6), 5), sector)",
    "fading": "ts_zscore(ewm_mean(close, 4), 10) + ewm_std(returns, 3)",
}
EACH = {name: text for name, (text, _) in REFERENCES.items()}


def updates(stream, fields, cuts, universe=None):
    """Return the answers of a stream that is given the rows in pieces, joined."""
    parts = []
    for begin, end in zip([0, *cuts], [*cuts, None], strict=True):
        piece = {name: frame.iloc[begin:end] for name, frame in fields.items()}
        members = None if universe is None else universe.iloc[begin:end]
        parts.append(stream.update(piece, universe=members))
    return {name: pd.concat([part[name] for part in parts]) for name in parts[0]}


@pytest.mark.parametrize("cuts", [[100], [130, 131, 132], [90, 97, 101, 102, 140]])
def test_new_rows_give_what_the_whole_history_gives(gappy, cuts):
    wanted = {**EACH, **NESTED}
    stream = ExpressionStream(wanted)
    found = updates(stream, gappy, cuts)
    whole = evaluate_many(wanted, gappy)
    for name in wanted:
        exact = "ewm" not in wanted[name]
        pd.testing.assert_frame_equal(
            found[name], whole[name], rtol=0 if exact else 1e-9, atol=0 if exact else 1e-9
        )
    assert stream.rows == len(gappy["close"])


def test_a_stream_keeps_what_it_looks_back_and_no_more():
    rng = np.random.default_rng(4)
    days = pd.date_range("2020-01-01", periods=700, tz="UTC")
    close = pd.DataFrame(50 + rng.normal(0, 1, (700, 3)).cumsum(axis=0), days)
    wanted = {
        "long": "ts_std(delta(close, 5), 40)",
        "fading": "ewm_mean(close, 10)",
        "spread": "ewm_std(close, 10)",
    }
    stream = ExpressionStream(wanted)
    assert stream.lookback == max(parse(text).lookback for text in wanted.values()) == 206
    cuts = list(range(300, 700, 13))
    found = updates(stream, {"close": close}, cuts)
    assert len(stream._kept.times) == 206
    whole = evaluate_many(wanted, {"close": close})
    for name in wanted:
        pd.testing.assert_frame_equal(found[name], whole[name], rtol=1e-9, atol=1e-9)


def test_the_features_of_qlib_follow_bar_by_bar(fields):
    wanted = alpha158(windows=(5, 20))
    found = updates(ExpressionStream(wanted), fields, [60, 61, 62, 63, 110])
    for name, frame in evaluate_many(wanted, fields).items():
        pd.testing.assert_frame_equal(found[name], frame, rtol=0, atol=0)


def test_a_universe_grows_with_the_rows(fields):
    rng = np.random.default_rng(8)
    shape = fields["close"]
    members = pd.DataFrame(rng.random(shape.shape) < 0.7, shape.index, shape.columns)
    found = updates(ExpressionStream(NESTED, universes=["all"]), fields, [50, 99], members)
    whole = evaluate_many(NESTED, fields, universe=members)
    for name in NESTED:
        pd.testing.assert_frame_equal(found[name], whole[name], rtol=1e-9, atol=1e-9)


def test_the_first_rows_may_be_fewer_than_the_warm_up(fields):
    found = updates(ExpressionStream({"mean": "ts_mean(close, 20)"}), fields, [1, 2, 3])
    pd.testing.assert_frame_equal(
        found["mean"], evaluate_many({"mean": "ts_mean(close, 20)"}, fields)["mean"]
    )


def test_rows_that_do_not_follow_are_refused_and_the_stream_stays(fields):
    close = fields["close"]
    stream = ExpressionStream({"mean": "ts_mean(close, 5)"})
    stream.update({"close": close.iloc[:50]})
    with pytest.raises(BadData, match="later than all before; got 2020-03-10"):
        stream.update({"close": close.iloc[49:60]})
    with pytest.raises(BadData, match="symbols before; got S3"):
        stream.update({"close": close.iloc[50:60].drop(columns="S3")})
    with pytest.raises(InputError, match="'close' is not among open"):
        stream.update({"open": close.iloc[50:60]})
    with pytest.raises(InputError, match="universes that the stream was made with; got all"):
        stream.update({"close": close.iloc[50:60]}, universe=close.iloc[50:60] > 0)
    with pytest.raises(BadData, match="finite or NaN"):
        stream.update({"close": close.iloc[50:60] * np.inf})
    assert stream.rows == 50
    found = stream.update({"close": close.iloc[50:60]})["mean"]
    pd.testing.assert_frame_equal(found, close.rolling(5).mean().iloc[50:60])
    assert repr(stream) == "ExpressionStream(1 expressions, 60 rows seen)"
