"""What TA-Lib lacks, against talipp, pandas and formulas written out."""

import math

import numpy as np
import pandas as pd
import pytest
import talib
import talipp.indicators as theirs
from scipy.stats import linregress, pearsonr
from talipp.ohlcv import OHLCV

from nautilus_lab.features import FeatureEngine, drawn_bars

REGISTRY = FeatureEngine().registry
BARS = drawn_bars(400, seed=3)
CLOSE = BARS["close"].tolist()
OHLC = [OHLCV(*row) for row in zip(*BARS.values(), strict=True)]
FRAME = pd.DataFrame(BARS)


def ours(text, bars=BARS):
    spec = REGISTRY.spec(text)
    return spec.evaluate(*[bars[name] for name in spec.inputs])


def told(indicator, *names):
    columns = []
    for name in names:
        values = [getattr(one, name) if one is not None and name else one for one in indicator]
        columns.append(np.array([math.nan if one is None else float(one) for one in values]))
    return columns


def same(found, expected, rtol=1e-9, atol=1e-9):
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=rtol, atol=atol)


def test_kst_is_that_of_talipp():
    peer = theirs.KST(10, 10, 15, 10, 20, 10, 30, 15, 9, CLOSE)
    same(ours("kst"), told(peer, "kst", "signal"))


def test_schaffs_cycle_is_that_of_talipp():
    (line,) = told(theirs.STC(23, 50, 10, 3, CLOSE), "")
    (found,) = ours("schaff_trend")
    # its second stochastic tells a value of a window that is not full yet
    assert np.isfinite(line).argmax() == 69
    assert np.isfinite(found).argmax() == 71
    np.testing.assert_allclose(found[71:], line[71:], rtol=1e-9, atol=1e-6)


def test_choppiness_is_that_of_talipp():
    (line,) = told(theirs.CHOP(14, OHLC), "")
    # talipp has one bar more: it takes the range of the first for a true one
    found = ours("choppiness")[0]
    still = BARS["high"] == BARS["low"]
    assert not still[:14].any()
    np.testing.assert_allclose(found[14:], line[14:], rtol=1e-9)


def test_ease_of_movement_is_that_of_talipp():
    (line,) = told(theirs.EMV(14, 10_000, OHLC), "")
    same(ours("ease_of_movement"), [line])


def test_klinger_is_that_of_talipp():
    (line,) = told(theirs.KVO(34, 55, OHLC), "")
    same(ours("klinger"), [line], atol=1e-4)


def test_the_squeeze_is_that_of_talipp():
    peer = theirs.TTM(20, 2, 1.5, OHLC)
    squeeze, momentum = told(peer, "squeeze", "histogram")
    same(ours("ttm_squeeze"), [squeeze, momentum])
    assert 0 < np.nansum(squeeze) < np.isfinite(squeeze).sum()


def test_alma_is_that_of_talipp():
    same(ours("alma"), told(theirs.ALMA(9, 0.85, 6, CLOSE), ""))


def test_chande_and_krolls_stops_are_those_of_talipp():
    peer = theirs.ChandeKrollStop(10, 1, 9, OHLC)
    same(ours("chande_kroll_stop"), told(peer, "short_stop", "long_stop"))


def test_mcginleys_average_is_that_of_talipp():
    same(ours("mcginley_dynamic"), told(theirs.McGinleyDynamic(14, CLOSE), ""))


def test_bar_strength_is_that_of_talipp():
    (found,), (line,) = ours("internal_bar_strength"), told(theirs.IBS(OHLC), "")
    ranged = BARS["high"] > BARS["low"]
    np.testing.assert_allclose(found[ranged], line[ranged])
    assert np.isnan(found[~ranged]).all()


def test_connors_index_is_the_mean_of_its_three_parts():
    streak, streaks = 0, [0]
    for now, before in zip(CLOSE[1:], CLOSE[:-1], strict=True):
        side = (now > before) - (now < before)
        streak = 0 if not side else side + (streak if streak * side > 0 else 0)
        streaks.append(streak)
    returns = FRAME["close"].pct_change()
    rank = returns.rolling(101).apply(lambda r: 100 * (r[:-1] < r[-1]).mean(), raw=True)
    parts = talib.RSI(BARS["close"], 3), talib.RSI(np.array(streaks, dtype=float), 2), rank
    same(ours("connors_rsi"), [sum(parts) / 3])


def test_fishers_transform_is_ehlers_code():
    middle = (FRAME["high"] + FRAME["low"]) / 2
    most, least = middle.rolling(10).max(), middle.rolling(10).min()
    value, line, out = 0.0, 0.0, []
    for at in range(9, 400):
        value = 0.33 * 2 * ((middle[at] - least[at]) / (most[at] - least[at]) - 0.5) + 0.67 * value
        value = max(-0.999, min(0.999, value))
        line = 0.5 * math.log((1 + value) / (1 - value)) + 0.5 * line
        out.append(line)
    fisher, trigger = ours("fisher_transform")
    np.testing.assert_allclose(fisher[9:], out)
    np.testing.assert_allclose(trigger[10:], out[:-1])


def test_vigor_is_the_body_over_the_range():
    def swma(values):
        return (values + 2 * values.shift() + 2 * values.shift(2) + values.shift(3)) / 6

    body, wide = swma(FRAME["close"] - FRAME["open"]), swma(FRAME["high"] - FRAME["low"])
    line = body.rolling(10).sum() / wide.rolling(10).sum()
    same(ours("relative_vigor"), [line, swma(line)])


def test_demarker_is_of_two_averages():
    up, down = FRAME["high"].diff().clip(lower=0), (-FRAME["low"].diff()).clip(lower=0)
    means = up.rolling(14).mean(), down.rolling(14).mean()
    same(ours("demarker"), [means[0] / (means[0] + means[1])])


def test_the_wave_is_of_exponential_averages():
    typical = ((FRAME["high"] + FRAME["low"] + FRAME["close"]) / 3).to_numpy()
    apart = typical - talib.EMA(typical, 10)
    wave = talib.EMA(apart / (0.015 * talib.EMA(np.abs(apart), 10)), 21)
    same(ours("wave_trend"), [wave, talib.SMA(wave, 4)])


def test_counts_and_places_are_those_of_pandas():
    close = FRAME["close"]
    rose = (close.diff() > 0).astype(float).where(close.diff().notna())
    same(ours("psychological_line"), [100 * rose.rolling(12).mean()])
    mean, deviation = close.rolling(20).mean(), close.rolling(20).std(ddof=0)
    upper, lower = mean + 2 * deviation, mean - 2 * deviation
    same(ours("bollinger_position"), [(close - lower) / (upper - lower), (upper - lower) / mean])
    drops = 100 * (close / close.rolling(14).max() - 1)
    same(ours("ulcer_index"), [np.sqrt((drops**2).rolling(14).mean())])


def test_efficiency_is_the_straight_way_over_the_one_gone():
    close = FRAME["close"]
    gone = np.sqrt(close.diff() ** 2 + 1).rolling(10).sum()
    moved = close.diff(10)
    line = np.sign(moved) * 100 * np.sqrt(moved**2 + 100) / gone
    same(ours("polarized_efficiency"), [talib.EMA(line.to_numpy(), 5)])


@pytest.mark.parametrize("at", [25, 200, 399])
def test_the_fit_of_a_line_is_that_of_scipy(at):
    own = BARS["close"][at - 13 : at + 1]
    fit = linregress(range(14), own)
    found = [one[at] for one in ours("line_fit")]
    error = math.sqrt(((own - fit.intercept - fit.slope * np.arange(14)) ** 2).sum() / 12)
    assert found == pytest.approx([fit.rvalue**2, error])
    twenty = BARS["close"][at - 19 : at + 1]
    assert ours("correlation_trend")[0][at] == pytest.approx(pearsonr(twenty, range(20))[0])


def test_the_walk_is_measured_in_true_ranges():
    at, best = 300, {"up": -math.inf, "down": -math.inf}
    wide = talib.TRANGE(BARS["high"], BARS["low"], BARS["close"])
    for bars in range(1, 15):
        walk = wide[at - bars + 1 : at + 1].mean() * math.sqrt(bars)
        best["up"] = max(best["up"], (BARS["high"][at] - BARS["low"][at - bars]) / walk)
        best["down"] = max(best["down"], (BARS["high"][at - bars] - BARS["low"][at]) / walk)
    assert [one[at] for one in ours("random_walk_index")] == pytest.approx(list(best.values()))


def test_chandelier_hangs_from_the_extremes():
    wide = 3 * talib.ATR(BARS["high"], BARS["low"], BARS["close"], 22)
    top, bottom = talib.MAX(BARS["high"], 22), talib.MIN(BARS["low"], 22)
    same(ours("chandelier_exit"), [top - wide, bottom + wide])


def test_the_alligator_shows_what_was():
    middle = (BARS["high"] + BARS["low"]) / 2
    lines = ours("alligator")
    for line, (period, shift) in zip(lines, ((13, 8), (8, 5), (5, 3)), strict=True):
        peer = told(theirs.SMMA(period, middle.tolist()), "")[0]
        np.testing.assert_allclose(line[shift:], peer[:-shift], rtol=1e-9)


def test_pivots_are_those_of_the_textbook():
    # high 120, low 100, close 110: pivot 110, and levels 10 and 20 apart
    bar = {
        name: np.array([value, 1.0])
        for name, value in zip(BARS, (0, 120, 100, 110, 1), strict=True)
    }
    assert [one[1] for one in ours("pivot_points", bar)] == [110, 120, 100, 130, 90, 140, 80]
    levels = [one[1] for one in ours("camarilla", bar)]
    assert levels == pytest.approx([115.5, 104.5, 121, 99])


def test_chandes_average_follows_as_fast_as_the_price_runs():
    strength = talib.SUM(np.diff(BARS["close"], prepend=np.nan), 9) / talib.SUM(
        np.abs(np.diff(BARS["close"], prepend=np.nan)), 9
    )
    line, out = math.nan, []
    for close, weight in zip(CLOSE, np.abs(strength) * 2 / 15, strict=True):
        if not math.isnan(weight):
            line = close if math.isnan(line) else line + weight * (close - line)
        out.append(line)
    same(ours("vidya"), [out])


def test_the_smoother_lets_slow_swings_pass_and_stops_fast_ones():
    at = np.arange(600)
    for period, passed in ((200, 1.0), (10, 0.70), (3, 0.02)):
        wave = {"close": 100 + np.sin(2 * np.pi * at / period)}
        swing = np.ptp(ours("super_smoother(timeperiod=10)", wave)[0][300:]) / 2
        assert swing == pytest.approx(passed, abs=0.06)
    constant = ours("super_smoother", {"close": np.full(50, 7.0)})[0]
    assert (constant[2:] == 7.0).all()


def test_the_zone_is_all_of_the_volume_when_everything_rises():
    up = {"close": np.arange(1.0, 60), "volume": np.full(59, 5.0)}
    assert ours("volume_zone", up)[0][14:] == pytest.approx(100)
    signed = np.sign(np.diff(BARS["close"])) * BARS["volume"][1:]
    line = 100 * talib.EMA(signed, 14) / talib.EMA(BARS["volume"][1:], 14)
    np.testing.assert_allclose(ours("volume_zone")[0][1:], line)


def test_fibonacci_pivots_are_parts_of_the_range():
    bar = {
        name: np.array([value, 1.0])
        for name, value in zip(BARS, (0, 120, 100, 110, 1), strict=True)
    }
    found = [one[1] for one in ours("fibonacci_pivots", bar)]
    assert found == pytest.approx([110, 117.64, 102.36, 122.36, 97.64, 130, 90])


@pytest.mark.parametrize("multiplier", [0.5, 3.0])
def test_the_stop_trails_the_close_by_true_ranges(multiplier):
    wide = multiplier * talib.ATR(BARS["high"], BARS["low"], BARS["close"], 14)
    stop, out = math.nan, []
    for at, close in enumerate(CLOSE):
        if math.isnan(wide[at]):
            out.append(math.nan)
            continue
        last = CLOSE[at - 1]
        if math.isnan(stop):
            stop = close - wide[at]
        elif close > stop and last > stop:
            stop = max(stop, close - wide[at])
        elif close < stop and last < stop:
            stop = min(stop, close + wide[at])
        else:
            stop = close - wide[at] if close > stop else close + wide[at]
        out.append(stop)
    found, side = ours(f"atr_trailing_stop(multiplier={multiplier})")
    np.testing.assert_allclose(found, out, rtol=1e-9)
    known = np.isfinite(found)
    assert (side[known] == np.where(BARS["close"][known] > found[known], 1, -1)).all()
    assert set(side[known]) == {1.0, -1.0}


def test_the_fractal_average_is_ehlers_code():
    high, low = FRAME["high"], FRAME["low"]
    n1 = (high.rolling(8).max() - low.rolling(8).min()) / 8
    n3 = (high.rolling(16).max() - low.rolling(16).min()) / 16
    dimension = (np.log(n1 + n1.shift(8)) - np.log(n3)) / math.log(2)
    alpha = np.exp(-4.6 * (dimension - 1)).clip(0.01, 1)
    line, out = math.nan, []
    for price, pace in zip((high + low) / 2, alpha, strict=True):
        if not math.isnan(pace):
            line = price if math.isnan(line) else pace * price + (1 - pace) * line
        out.append(line)
    same(ours("frama"), [out])
