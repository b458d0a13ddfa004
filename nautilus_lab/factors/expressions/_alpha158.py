"""The 158 features of qlib's Alpha158, made from their rules."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from nautilus_lab.exceptions import InputError

# qlib adds so much to a denominator; it keeps a bar without range or volume at 0
_TINY = "1e-12"

_BAR = {
    "KMID": "(close - open) / open",
    "KLEN": "(high - low) / open",
    "KMID2": f"(close - open) / (high - low + {_TINY})",
    "KUP": "(high - max(open, close)) / open",
    "KUP2": f"(high - max(open, close)) / (high - low + {_TINY})",
    "KLOW": "(min(open, close) - low) / open",
    "KLOW2": f"(min(open, close) - low) / (high - low + {_TINY})",
    "KSFT": "(2 * close - high - low) / open",
    "KSFT2": f"(2 * close - high - low) / (high - low + {_TINY})",
}

_UP, _DOWN = "max(delta(close, 1), 0)", "max(delay(close, 1) - close, 0)"
_MORE, _FEWER = "max(delta(volume, 1), 0)", "max(delay(volume, 1) - volume, 0)"
_MOVE = "abs(pct_change(close, 1)) * volume"
_CHANGES = f"(ts_sum(abs(delta(close, 1)), {{d}}) + {_TINY})"
_TURNS = f"(ts_sum(abs(delta(volume, 1)), {{d}}) + {_TINY})"
_GREW, _FELL = "close > delay(close, 1)", "close < delay(close, 1)"

_ROLLING = {
    "ROC": "delay(close, {d}) / close",
    "MA": "ts_mean(close, {d}) / close",
    "STD": "ts_std(close, {d}) / close",
    "BETA": "ts_slope(close, {d}) / close",
    "RSQR": "ts_rsquare(close, {d})",
    "RESI": "ts_resid(close, {d}) / close",
    "MAX": "ts_max(high, {d}) / close",
    "MIN": "ts_min(low, {d}) / close",
    "QTLU": "ts_quantile(close, {d}, 0.8) / close",
    "QTLD": "ts_quantile(close, {d}, 0.2) / close",
    "RANK": "ts_rank(close, {d})",
    "RSV": f"(close - ts_min(low, {{d}})) / (ts_max(high, {{d}}) - ts_min(low, {{d}}) + {_TINY})",
    "IMAX": "ts_argmax(high, {d}) / {d}",
    "IMIN": "ts_argmin(low, {d}) / {d}",
    "IMXD": "(ts_argmax(high, {d}) - ts_argmin(low, {d})) / {d}",
    "CORR": "ts_corr(close, log(volume + 1), {d})",
    "CORD": "ts_corr(close / delay(close, 1), log(volume / delay(volume, 1) + 1), {d})",
    "CNTP": f"ts_mean({_GREW}, {{d}})",
    "CNTN": f"ts_mean({_FELL}, {{d}})",
    "CNTD": f"ts_mean({_GREW}, {{d}}) - ts_mean({_FELL}, {{d}})",
    "SUMP": f"ts_sum({_UP}, {{d}}) / {_CHANGES}",
    "SUMN": f"ts_sum({_DOWN}, {{d}}) / {_CHANGES}",
    "SUMD": f"(ts_sum({_UP}, {{d}}) - ts_sum({_DOWN}, {{d}})) / {_CHANGES}",
    "VMA": f"ts_mean(volume, {{d}}) / (volume + {_TINY})",
    "VSTD": f"ts_std(volume, {{d}}) / (volume + {_TINY})",
    "WVMA": f"ts_std({_MOVE}, {{d}}) / (ts_mean({_MOVE}, {{d}}) + {_TINY})",
    "VSUMP": f"ts_sum({_MORE}, {{d}}) / {_TURNS}",
    "VSUMN": f"ts_sum({_FEWER}, {{d}}) / {_TURNS}",
    "VSUMD": f"(ts_sum({_MORE}, {{d}}) - ts_sum({_FEWER}, {{d}})) / {_TURNS}",
}


def alpha158(
    *,
    prices: Sequence[str] = ("open", "high", "low", "vwap"),
    price_lags: Sequence[int] = (0,),
    volume_lags: Sequence[int] = (),
    windows: Sequence[int] = (5, 10, 20, 30, 60),
) -> dict[str, str]:
    """Return the features of qlib's Alpha158 [1]_ as expressions.

    Nine of the shape of a bar, four prices over the close, and 29 over each of five windows. They
    read open, high, low, close, volume and vwap. qlib has a value from a window's first row on and
    passes over missing ones; here a window must be whole.

    Parameters
    ----------
    prices : sequence of str
        Which prices are put over the close.
    price_lags, volume_lags : sequence of int
        Of so many rows ago, 0 for now.
    windows : sequence of int
        Of the rolling features.

    Returns
    -------
    dict of str to str
        qlib's name -> expression.

    Raises
    ------
    InputError
        When a lag is negative or a window below 2.

    References
    ----------
    .. [1] Yang, X., Liu, W., Zhou, D., Bian, J. and Liu, T.-Y. (2020). Qlib: An AI-oriented
       Quantitative Investment Platform. arXiv:2009.11189; ``qlib.contrib.data.loader``.

    Examples
    --------
    >>> features = alpha158()
    >>> len(features), features["MA20"]
    (158, 'ts_mean(close, 20) / close')
    """
    for lag in (*price_lags, *volume_lags):
        if lag != int(lag) or lag < 0:
            raise InputError("a lag must be a whole number from 0", value=lag)
    for window in windows:
        if window != int(window) or window < 2:
            raise InputError("a window must be a whole number from 2", value=window)
    return dict(_features(prices, price_lags, volume_lags, windows))


def _features(
    prices: Sequence[str],
    price_lags: Sequence[int],
    volume_lags: Sequence[int],
    windows: Sequence[int],
) -> Iterator[tuple[str, str]]:
    yield from _BAR.items()
    for price in prices:
        for lag in price_lags:
            yield f"{price.upper()}{lag}", f"{_ago(price, lag)} / close"
    for lag in volume_lags:
        yield f"VOLUME{lag}", f"{_ago('volume', lag)} / (volume + {_TINY})"
    for name, rule in _ROLLING.items():
        for window in windows:
            yield f"{name}{window}", rule.format(d=window)


def _ago(field: str, lag: int) -> str:
    return f"delay({field}, {lag})" if lag else field
