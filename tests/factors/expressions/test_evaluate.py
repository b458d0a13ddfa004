import numpy as np
import pandas as pd
import pytest

from nautilus_lab.exceptions import BadData, InputError, NotEnoughData
from nautilus_lab.factors.expressions import (
    ExpressionCache,
    FactorDefinition,
    _evaluate,
    alpha158,
    bar_fields,
    evaluate,
    evaluate_each,
    evaluate_many,
    parse,
)
from nautilus_lab.provenance import SURVIVORS_ONLY, Provenance, mark, provenance

SHARED = {
    "one": "rank(ts_mean(returns, 20)) / ts_std(close, 60)",
    "two": "ts_std(close, 60) + ts_mean(returns, 20)",
    "three": "neutralize(ts_std(close, 60), sector)",
    "again": "ts_std(close, 60)",
    "bare": "close",
}


@pytest.fixture
def counted(monkeypatch):
    """Every operator that is run, in order."""
    run, plain = [], _evaluate._Run._applied

    def applied(self, operator, *rest):
        run.append(operator.name)
        return plain(self, operator, *rest)

    monkeypatch.setattr(_evaluate._Run, "_applied", applied)
    return run


def test_the_example_of_the_documentation_is_pandas_own(fields):
    returns = fields["close"].pct_change(fill_method=None)  # no two of them are equal
    found = evaluate(SHARED["one"], {**fields, "returns": returns})
    mean = returns.rolling(20).mean().rank(axis=1, pct=True)
    pd.testing.assert_frame_equal(found, mean / fields["close"].rolling(60).std(), rtol=1e-9)


def test_a_shared_part_is_computed_once(fields, counted):
    found = evaluate_many(SHARED, fields)
    assert sorted(counted) == sorted(
        ["ts_mean", "rank", "ts_std", "divide", "add", "neutralize"],
    )
    for name, text in SHARED.items():
        pd.testing.assert_frame_equal(found[name], evaluate(text, fields), rtol=0, atol=0)


def test_one_at_a_time_is_the_same_as_all_at_once(gappy):
    together = evaluate_many(SHARED, gappy)
    each = dict(evaluate_each(SHARED, gappy))
    assert each.keys() == together.keys() == SHARED.keys()
    for name, frame in each.items():
        pd.testing.assert_frame_equal(frame, together[name], rtol=0, atol=0)


def test_threads_change_no_bit():
    rng = np.random.default_rng(5)
    days = pd.date_range("2020-01-01", periods=500, tz="UTC")
    wide = {name: pd.DataFrame(rng.normal(5, 1, (500, 410)), days) for name in ("x", "y")}
    text = "rank(ts_corr(x, y, 20)) * zscore(ts_rank(x / y, 7))"
    one, two = (evaluate(text, wide, threads=threads) for threads in (1, 3))
    pd.testing.assert_frame_equal(one, two, rtol=0, atol=0)


def test_the_answers_memory_is_its_own(fields):
    before = {name: frame.copy() for name, frame in fields.items()}
    cache = ExpressionCache()
    first = evaluate_many(SHARED, fields, cache=cache)
    for frame in first.values():
        frame.iloc[:] = -1.0
    second = evaluate_many(SHARED, fields, cache=cache)
    assert (second["again"].iloc[60:] > 0).all().all()
    for name, frame in before.items():
        pd.testing.assert_frame_equal(fields[name], frame)


def test_a_cache_serves_later_calls_and_other_data_not(fields, counted):
    cache = ExpressionCache()
    evaluate(SHARED["one"], fields, cache=cache)
    evaluate(SHARED["one"], fields, cache=cache)
    evaluate(SHARED["two"], fields, cache=cache)
    assert sorted(counted) == ["add", "divide", "rank", "ts_mean", "ts_std"]
    other = {**fields, "returns": fields["returns"] * 2}
    counted.clear()
    changed = evaluate(SHARED["two"], other, cache=cache)
    assert counted == ["ts_mean", "add"]
    pd.testing.assert_frame_equal(changed, evaluate(SHARED["two"], other), rtol=0, atol=0)
    shorter = {name: frame.iloc[1:] for name, frame in fields.items()}
    found = evaluate(SHARED["two"], shorter, cache=cache)
    pd.testing.assert_frame_equal(found, evaluate(SHARED["two"], shorter), rtol=0, atol=0)


def test_a_cache_keeps_within_its_bound(fields):
    size = fields["close"].size * 8
    cache = ExpressionCache(max_bytes=3 * size)
    for window in range(2, 12):
        evaluate(f"rank(ts_mean(close, {window}))", fields, cache=cache)
        assert cache.nbytes <= 3 * size
    assert len(cache) == 3
    assert repr(cache) == "ExpressionCache(3 values, 0 of 0 MiB)"
    cache.clear()
    assert (len(cache), cache.nbytes) == (0, 0)
    nothing = ExpressionCache(max_bytes=0)
    evaluate("rank(close)", fields, cache=nothing)
    assert len(nothing) == 0
    with pytest.raises(InputError, match="at least 0"):
        ExpressionCache(max_bytes=-1)


def test_what_the_bound_dropped_is_computed_again(fields, monkeypatch):
    size = fields["close"].size * 8
    monkeypatch.setattr(_evaluate, "ExpressionCache", lambda: ExpressionCache(size))
    found = evaluate_many(SHARED, fields)
    monkeypatch.undo()
    for name, text in SHARED.items():
        pd.testing.assert_frame_equal(found[name], evaluate(text, fields), rtol=0, atol=0)


@pytest.mark.parametrize("kept", [0, 1, 2, 5])
def test_a_bound_changes_nothing_but_time(gappy, monkeypatch, kept):
    wanted = {**alpha158(windows=[4]), "nested": "ts_mean(close, 3) * (ts_std(close, 3) + " * 3}
    wanted["nested"] += "ts_mean(close, 3)" + ")" * 3
    whole = evaluate_many(wanted, gappy)
    size = gappy["close"].size * 8
    monkeypatch.setattr(_evaluate, "ExpressionCache", lambda: ExpressionCache(kept * size))
    for name, frame in evaluate_many(wanted, gappy).items():
        pd.testing.assert_frame_equal(frame, whole[name], rtol=0, atol=0)


def test_members_alone_are_compared_and_the_past_counts_from_before(fields):
    members = pd.DataFrame(True, fields["close"].index, fields["close"].columns)
    members.iloc[:, 3] = False
    members.iloc[:100, 4] = False
    found = evaluate("rank(ts_mean(close, 10))", fields, universe=members)
    means = fields["close"].rolling(10).mean()
    expected = means.where(members).rank(axis=1, pct=True)
    pd.testing.assert_frame_equal(found, expected)
    assert np.isfinite(found.iloc[100, 4])
    alone = evaluate("ts_mean(close, 10)", fields, universe=members)
    pd.testing.assert_frame_equal(alone, means.where(members))


def test_factors_are_computed_each_in_its_universe(fields, counted):
    shape = fields["close"]
    large = pd.DataFrame(shape.columns < "S4", shape.columns, ["in"]).T.to_numpy()
    universes = {"large": pd.DataFrame(np.tile(large, (len(shape), 1)), shape.index, shape.columns)}
    text = "rank(ts_mean(close, 10))"
    factors = [
        FactorDefinition(name="everyone", expression=text),
        FactorDefinition(name="large ones", expression=text, universe="large"),
    ]
    found = evaluate_many(factors, fields, universe=universes)
    assert counted == ["ts_mean", "rank", "rank"]
    pd.testing.assert_frame_equal(found["everyone"], evaluate(text, fields))
    one = evaluate(text, fields, universe=universes["large"])
    pd.testing.assert_frame_equal(found["large ones"], one)
    cache = ExpressionCache()
    cached = evaluate_many(factors, fields, universe=universes, cache=cache)
    pd.testing.assert_frame_equal(cached["large ones"], one)
    assert len(cache) == 3
    with pytest.raises(InputError, match="universe must be given; got large ones is of 'large'"):
        evaluate_many(factors, fields)
    with pytest.raises(InputError, match="names of their own"):
        evaluate_many([factors[0], factors[0]], fields)


def test_a_universe_that_is_none_is_refused(fields):
    members = pd.DataFrame(True, fields["close"].index, fields["close"].columns)
    with pytest.raises(BadData, match="universe all must have every time of close"):
        evaluate("rank(close)", fields, universe=members.iloc[1:])
    with pytest.raises(BadData, match="universe all must be true or false"):
        evaluate("rank(close)", fields, universe=members.astype(float))


def test_labels_may_be_missing_or_numbers_and_a_field_both(fields):
    numbers = fields["sector"].replace({"energy": 1, "banks": 2, "mines": 7}).astype(float)
    by_text = evaluate("neutralize(close, sector)", fields)
    pd.testing.assert_frame_equal(
        by_text, evaluate("neutralize(close, sector)", {**fields, "sector": numbers})
    )
    both = evaluate("neutralize(close, code) + code", {"close": fields["close"], "code": numbers})
    pd.testing.assert_frame_equal(both, by_text + numbers)


def test_answers_carry_what_is_known_of_the_fields(fields):
    marks = Provenance(source="somewhere", notices=(SURVIVORS_ONLY,), simulated=True)
    marked = {**fields, "close": mark(fields["close"], marks)}
    assert provenance(evaluate("rank(close) + open", marked)) == marks
    assert provenance(evaluate("rank(open)", marked)) == Provenance()


def test_times_of_another_zone_are_given_in_utc(fields):
    moved = {"close": fields["close"].tz_convert("America/New_York")}
    found = evaluate("rank(close)", moved)
    pd.testing.assert_frame_equal(found, evaluate("rank(close)", fields), check_freq=False)


def test_fields_that_cannot_be_read_are_refused_by_name(fields):
    close, opened = fields["close"], fields["open"]

    def both(**changed):
        return {"close": close, "open": opened, **changed}

    text = "close + open"
    with pytest.raises(InputError, match=r"'open' at column 9 .* there are close"):
        evaluate(text, {"close": close})
    with pytest.raises(InputError, match="'open' is not among close"):
        evaluate(parse(text), {"close": close})
    with pytest.raises(BadData, match="open must have every time of close; got 2020-01-01"):
        evaluate(text, both(open=opened.iloc[1:]))
    with pytest.raises(BadData, match="open must have every symbol of close; got S3 is in close"):
        evaluate(text, both(open=opened.drop(columns="S3")))
    with pytest.raises(BadData, match="open must have every symbol of close; got they are in ano"):
        evaluate(text, both(open=opened[opened.columns[::-1]]))
    with pytest.raises(BadData, match="open must be sorted by time"):
        evaluate(text, both(open=opened.iloc[::-1]))
    with pytest.raises(BadData, match="open must have each time once"):
        evaluate(text, both(open=opened.iloc[[0, 0, 1]]))
    with pytest.raises(BadData, match="open must have each symbol once"):
        evaluate(text, both(open=opened[["S1", "S1"]]))
    infinite = opened.copy()
    infinite.iloc[3, 2] = -np.inf
    with pytest.raises(BadData, match="open must be finite or NaN; got S2 at 2020-01-06"):
        evaluate(text, both(open=infinite))
    with pytest.raises(BadData, match="open must know something of every symbol; got S5 is NaN"):
        evaluate(text, both(open=opened.assign(S5=np.nan)))
    with pytest.raises(BadData, match="sector must be numbers"):
        evaluate("rank(sector)", fields)
    with pytest.raises(InputError, match="open must be a DataFrame"):
        evaluate(text, both(open=opened.to_numpy()))
    with pytest.raises(InputError, match="open must have tz-aware times"):
        evaluate(text, both(open=opened.tz_localize(None)))
    with pytest.raises(NotEnoughData, match="open must not be empty"):
        evaluate(text, both(open=opened.iloc[:0]))


def test_a_history_that_is_too_short_is_refused_with_both_numbers(fields):
    short = {"close": fields["close"].iloc[:59]}
    with pytest.raises(NotEnoughData, match="slow needs 60 rows; got 59"):
        evaluate_many({"fast": "ts_mean(close, 5)", "slow": "ts_mean(close, 60)"}, short)


def test_nothing_asked_for_is_refused(fields):
    with pytest.raises(InputError, match="ask for an expression"):
        evaluate_many({}, fields)
    with pytest.raises(InputError, match="threads must be at least 1"):
        evaluate("close", fields, threads=0)


def test_the_fields_of_bars_are_their_columns_and_the_returns(fields):
    names = ("open", "high", "low", "close", "volume", "trades")
    columns = {**fields, "trades": fields["volume"] / 100}
    long = pd.concat({name: columns[name].stack() for name in names}, axis=1)
    long.index.names = ["timestamp", "symbol"]
    found = bar_fields(long.drop(index=(fields["close"].index[5], "S1")))
    assert list(found) == [*names, "returns"]
    assert np.isnan(found["close"]["S1"].iloc[5])
    expected = fields["close"]["S0"].pct_change()
    np.testing.assert_allclose(found["returns"]["S0"], expected)
    assert evaluate("rank(returns) + trades", found).shape == fields["close"].shape
