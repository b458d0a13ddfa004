"""Every operator against pandas, numpy or scipy, and each one's promises."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from nautilus_lab.exceptions import InputError, NotEnoughData
from nautilus_lab.factors.expressions import OPERATORS, evaluate, parse
from nautilus_lab.factors.expressions._operator import Family, Kind, WarmUp

D = 12
BACKWARDS = [name for name, one in OPERATORS.items() if one.family is Family.TIME_SERIES]


def known(*frames):
    """True where all frames have a value."""
    return np.logical_and.reduce([frame.notna() for frame in frames])


def as_numbers(condition, *frames):
    return condition.astype(float).where(known(*frames))


def by_window(x, function, d=D):
    return x.rolling(d).apply(function, raw=True)


def line(values):
    fit = stats.linregress(np.arange(len(values)), values)
    return fit.slope, fit.rvalue**2, values[-1] - (fit.intercept + fit.slope * (len(values) - 1))


def by_run(x, function):
    """Apply to each run of known values of each symbol by itself."""
    columns = {}
    for name, values in x.items():
        runs = values.isna().cumsum()
        parts = [function(part.dropna()) for _, part in values.groupby(runs)]
        columns[name] = pd.concat(parts).reindex(x.index)
    return pd.DataFrame(columns)


def neutral(x, groups):
    rows = [row - row.groupby(groups.loc[time]).transform("mean") for time, row in x.iterrows()]
    return pd.DataFrame(rows, x.index).where(groups.notna())


def clipped(x, q=0.05):
    return x.clip(x.quantile(q, axis=1), x.quantile(1 - q, axis=1), axis=0)


def grouped(x, n=3):
    ranks = x.rank(axis=1)
    return np.floor((ranks.sub(0.5)).mul(n).div(x.notna().sum(axis=1), axis=0)) + 1


def finite(frame):
    return frame.where(np.isfinite(frame))


# operator -> expression, the same in pandas
REFERENCES = {
    "add": ("close + open", lambda f: f["close"] + f["open"]),
    "subtract": ("close - open", lambda f: f["close"] - f["open"]),
    "multiply": ("close * open", lambda f: f["close"] * f["open"]),
    "divide": ("close / returns", lambda f: finite(f["close"] / f["returns"])),
    "power": ("returns ** 0.5", lambda f: finite(f["returns"] ** 0.5)),
    "negate": ("-returns", lambda f: -f["returns"]),
    "less": ("close < open", lambda f: as_numbers(f["close"] < f["open"], f["close"], f["open"])),
    "less_equal": (
        "volume <= 300",
        lambda f: as_numbers(f["volume"] <= 300, f["volume"]),
    ),
    "equal": ("volume == 300", lambda f: as_numbers(f["volume"] == 300, f["volume"])),
    "not_equal": ("volume != 300", lambda f: as_numbers(f["volume"] != 300, f["volume"])),
    "and": (
        "close < open and volume < 500",
        lambda f: as_numbers(
            (f["close"] < f["open"]) & (f["volume"] < 500), f["close"], f["open"], f["volume"]
        ),
    ),
    "or": (
        "close < open or volume < 500",
        lambda f: as_numbers(
            (f["close"] < f["open"]) | (f["volume"] < 500), f["close"], f["open"], f["volume"]
        ),
    ),
    "not": ("not volume < 500", lambda f: as_numbers(~(f["volume"] < 500), f["volume"])),
    "where": (
        "where(returns < 0, close, volume)",
        lambda f: f["close"].where(f["returns"] < 0, f["volume"]).where(f["returns"].notna()),
    ),
    "abs": ("abs(returns)", lambda f: f["returns"].abs()),
    "sign": ("sign(returns)", lambda f: np.sign(f["returns"])),
    "log": ("log(returns)", lambda f: finite(np.log(f["returns"].where(f["returns"] > 0)))),
    "sqrt": ("sqrt(returns)", lambda f: np.sqrt(f["returns"].where(f["returns"] >= 0))),
    "signedpower": (
        "signedpower(returns, 0.5)",
        lambda f: np.sign(f["returns"]) * f["returns"].abs() ** 0.5,
    ),
    "min": (
        "min(close, open)",
        lambda f: f["close"].where(f["close"] < f["open"], f["open"]).where(f["close"].notna()),
    ),
    "max": (
        "max(close, open)",
        lambda f: f["close"].where(f["close"] > f["open"], f["open"]).where(f["close"].notna()),
    ),
    "rank": ("rank(volume)", lambda f: f["volume"].rank(axis=1, pct=True)),
    "zscore": (
        "zscore(close)",
        lambda f: f["close"].apply(stats.zscore, axis=1, raw=True, ddof=1, nan_policy="omit"),
    ),
    "demean": ("demean(close)", lambda f: f["close"].sub(f["close"].mean(axis=1), axis=0)),
    "neutralize": ("neutralize(close, sector)", lambda f: neutral(f["close"], f["sector"])),
    "winsorize": ("winsorize(returns, 0.2)", lambda f: clipped(f["returns"], 0.2)),
    "scale": (
        "scale(returns, 2)",
        lambda f: 2 * f["returns"].div(f["returns"].abs().sum(axis=1), axis=0),
    ),
    "quantile": ("quantile(volume, 3)", lambda f: grouped(f["volume"])),
    "delay": (f"delay(close, {D})", lambda f: f["close"].shift(D)),
    "delta": (f"delta(close, {D})", lambda f: f["close"].diff(D)),
    "pct_change": (
        f"pct_change(returns, {D})",
        lambda f: finite(f["returns"].pct_change(D, fill_method=None)),
    ),
    "ts_mean": (f"ts_mean(returns, {D})", lambda f: f["returns"].rolling(D).mean()),
    "ts_sum": (f"ts_sum(returns, {D})", lambda f: f["returns"].rolling(D).sum()),
    "ts_product": (f"ts_product(returns, {D})", lambda f: by_window(f["returns"], np.prod)),
    "ts_count": (
        f"ts_count(returns > 0, {D})",
        lambda f: as_numbers(f["returns"] > 0, f["returns"]).rolling(D).sum(),
    ),
    "ts_std": (f"ts_std(close, {D})", lambda f: f["close"].rolling(D).std()),
    "ts_zscore": (
        f"ts_zscore(close, {D})",
        lambda f: (f["close"] - f["close"].rolling(D).mean()) / f["close"].rolling(D).std(),
    ),
    "ts_skew": (f"ts_skew(close, {D})", lambda f: f["close"].rolling(D).skew()),
    "ts_kurt": (f"ts_kurt(close, {D})", lambda f: f["close"].rolling(D).kurt()),
    "ts_min": (f"ts_min(volume, {D})", lambda f: f["volume"].rolling(D).min()),
    "ts_max": (f"ts_max(volume, {D})", lambda f: f["volume"].rolling(D).max()),
    "ts_argmin": (f"ts_argmin(volume, {D})", lambda f: by_window(f["volume"], np.argmin) + 1),
    "ts_argmax": (f"ts_argmax(volume, {D})", lambda f: by_window(f["volume"], np.argmax) + 1),
    "ts_rank": (f"ts_rank(volume, {D})", lambda f: f["volume"].rolling(D).rank(pct=True)),
    "ts_quantile": (
        f"ts_quantile(volume, {D}, 0.8)",
        lambda f: f["volume"].rolling(D).quantile(0.8),
    ),
    "ts_cov": (
        f"ts_cov(close, volume, {D})",
        lambda f: f["close"].rolling(D).cov(f["volume"]),
    ),
    "ts_corr": (
        f"ts_corr(close, volume, {D})",
        lambda f: f["close"].rolling(D).corr(f["volume"]),
    ),
    "ts_slope": (f"ts_slope(close, {D})", lambda f: by_window(f["close"], lambda v: line(v)[0])),
    "ts_rsquare": (
        f"ts_rsquare(close, {D})",
        lambda f: by_window(f["close"], lambda v: line(v)[1]),
    ),
    "ts_resid": (f"ts_resid(close, {D})", lambda f: by_window(f["close"], lambda v: line(v)[2])),
    "decay_linear": (
        f"decay_linear(close, {D})",
        lambda f: by_window(f["close"], lambda v: np.average(v, weights=np.arange(1, D + 1))),
    ),
    "ewm_mean": (
        f"ewm_mean(close, {D})",
        lambda f: by_run(f["close"], lambda x: x.ewm(span=D, min_periods=D).mean()),
    ),
    "ewm_std": (
        f"ewm_std(close, {D})",
        lambda f: by_run(f["close"], lambda x: x.ewm(span=D, min_periods=D).std()),
    ),
}


def test_every_operator_has_its_reference():
    assert list(REFERENCES) == list(OPERATORS)
    for name, (text, _) in REFERENCES.items():
        assert name in parse(text).operators


@pytest.mark.parametrize("name", REFERENCES)
def test_an_operator_is_pandas_own(name, fields):
    text, reference = REFERENCES[name]
    pd.testing.assert_frame_equal(evaluate(text, fields), reference(fields), rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("name", REFERENCES)
def test_an_operator_is_pandas_own_where_values_are_missing(name, gappy):
    text, reference = REFERENCES[name]
    found, expected = evaluate(text, gappy), reference(gappy)
    assert found.isna().to_numpy().any()
    assert found.notna().to_numpy().any()
    pd.testing.assert_frame_equal(found, expected, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("name", REFERENCES)
@pytest.mark.parametrize("cut", [D + 1, 37, 96, 159])
def test_no_operator_looks_ahead(name, gappy, cut):
    text, _ = REFERENCES[name]
    reads = parse(text).fields
    # the symbol listed late is never known in a short one
    kept = [s for s in gappy["close"] if cut > 40 or s != "S2"]
    whole = {field: gappy[field][kept] for field in reads}
    short = {field: frame.iloc[:cut] for field, frame in whole.items()}
    other = {
        field: pd.concat([frame.iloc[:cut], frame.iloc[cut:][::-1].set_axis(frame.index[cut:])])
        for field, frame in whole.items()
    }
    found = evaluate(text, whole).iloc[:cut]
    pd.testing.assert_frame_equal(evaluate(text, short), found, rtol=0, atol=0)
    pd.testing.assert_frame_equal(evaluate(text, other).iloc[:cut], found, rtol=0, atol=0)


@pytest.mark.parametrize("name", REFERENCES)
def test_the_declared_warm_up_is_true(name, fields):
    text, _ = REFERENCES[name]
    expression = parse(text)
    # returns have zeros, of which some functions say nothing
    steady = {**fields, "returns": fields["returns"].abs() + 0.001}
    known_rows = evaluate(expression, steady).notna().any(axis=1).to_numpy()
    assert known_rows.argmax() == expression.warm_up
    if not expression.warm_up:
        return
    with pytest.raises(NotEnoughData, match=f"needs {expression.warm_up + 1} rows; got "):
        evaluate(expression, {k: v.iloc[: expression.warm_up] for k, v in steady.items()})
    shortest = {k: v.iloc[: expression.warm_up + 1] for k, v in steady.items()}
    assert evaluate(expression, shortest).notna().sum().sum() == len(fields["close"].columns)


@pytest.mark.parametrize(
    "name", [n for n, o in OPERATORS.items() if o.family is Family.TIME_SERIES]
)
def test_windows_longer_than_a_tile_and_panels_of_any_width_agree(name):
    rng = np.random.default_rng(3)
    days = pd.date_range("2020-01-01", periods=90, tz="UTC")
    wide = {
        field: pd.DataFrame(rng.normal(5, 1, (90, 131)), days)
        for field in parse(REFERENCES[name][0]).fields
    }
    text = REFERENCES[name][0].replace(str(D), "47")
    whole = evaluate(text, wide, threads=1)
    for column in (0, 63, 64, 130):
        alone = {field: frame[[column]] for field, frame in wide.items()}
        pd.testing.assert_frame_equal(evaluate(text, alone), whole[[column]], rtol=0, atol=0)


def test_a_large_value_that_left_the_window_leaves_nothing_behind():
    days = pd.date_range("2020-01-01", periods=400, tz="UTC")
    values = np.random.default_rng(1).normal(0, 1e-6, (400, 3))
    spiked = values.copy()
    spiked[20] = 1e15
    plain, spiked = pd.DataFrame(values, days), pd.DataFrame(spiked, days)
    for text in ("ts_mean(x, 7)", "ts_std(x, 7)", "ts_kurt(x, 7)", "ts_slope(x, 7)"):
        one = evaluate(parse(text, fields=["x"]), {"x": plain}).iloc[27:]
        other = evaluate(parse(text, fields=["x"]), {"x": spiked}).iloc[27:]
        pd.testing.assert_frame_equal(one, other, rtol=0, atol=0)


def test_moments_of_large_numbers_that_hardly_vary_keep_their_digits():
    days = pd.date_range("2020-01-01", periods=50, tz="UTC")
    x = pd.DataFrame(1e7 + np.random.default_rng(2).integers(0, 5, (50, 2)), days).astype(float)
    found = evaluate("ts_std(x, 9)", {"x": x})
    expected = by_window(x - 1e7, lambda v: np.std(v, ddof=1), 9)
    pd.testing.assert_frame_equal(found, expected, rtol=1e-9)


def test_what_does_not_vary_has_no_score_correlation_or_shape():
    days = pd.date_range("2020-01-01", periods=20, tz="UTC")
    flat = pd.DataFrame(0.1, days, list("AB"))
    moving = flat + np.arange(20)[:, None]
    given = {"x": flat, "y": moving}
    scores = ("ts_zscore(x, 5)", "ts_corr(x, y, 5)", "ts_skew(x, 5)", "ts_rsquare(x, 5)")
    for text in (*scores, "zscore(x)"):
        assert evaluate(text, given).isna().all().all()
    assert (evaluate("ts_std(x, 5)", given).iloc[4:] == 0).all().all()
    assert np.allclose(evaluate("ts_corr(y, y, 5)", given).iloc[4:], 1, rtol=1e-14)
    assert (evaluate("ts_slope(x, 5)", given).iloc[4:] == 0).all().all()


def test_nothing_is_ever_infinite():
    days = pd.date_range("2020-01-01", periods=9, tz="UTC")
    x = pd.DataFrame({"A": [0.0, 1e300, -1e300, 1e-300, 5.0, 0.0, 1e308, 1e308, 2.0]}, days)
    for text in (
        "1 / x",
        "x * x",
        "x ** 9",
        "log(x)",
        "signedpower(x, 3)",
        "x ** -1",
        "ts_sum(x, 2)",
        "ts_product(x, 3)",
        "pct_change(x)",
        "scale(x, 1e308)",
        "x + x",
    ):
        found = evaluate(text, {"x": x}).to_numpy()
        assert not np.isinf(found).any(), text
    assert evaluate("1 / (x - x)", {"x": x}).isna().all().all()


def test_the_table_says_all_of_each_operator():
    table = OPERATORS.table()
    assert list(table.index) == list(OPERATORS)
    assert (table[["call", "formula", "arguments", "missing", "reference"]] != "").all().all()
    assert table.loc["ts_mean", "warm_up"] == "window - 1"
    assert table.loc["ewm_std", "warm_up"] == "window - 1, fading"
    parts = [OPERATORS.table(family) for family in Family]
    assert sum(map(len, parts)) == len(table)
    for one in OPERATORS.values():
        has_window = any(place.kind is Kind.WINDOW for place in one.arguments)
        assert has_window == (one.family is Family.TIME_SERIES)
        assert (one.warm_up is WarmUp.NONE) != has_window


def test_an_unknown_operator_is_refused_with_those_that_are_near():
    with pytest.raises(InputError, match="did you mean ts_mean"):
        OPERATORS["ts_maen"]
