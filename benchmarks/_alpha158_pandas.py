"""qlib's Alpha158 in pandas, each feature as one would write it; windows must be whole."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

WINDOWS = (5, 10, 20, 30, 60)
TINY = 1e-12


def place_of(values: pd.DataFrame, window: int, largest: bool) -> pd.DataFrame:
    """Return where in each window the extreme is, 1 for the oldest."""
    windows = np.lib.stride_tricks.sliding_window_view(values.to_numpy(), window, axis=0)
    found = np.full(values.shape, np.nan)
    found[window - 1 :] = (windows.argmax(axis=2) if largest else windows.argmin(axis=2)) + 1
    return pd.DataFrame(found, values.index, values.columns)


def features(fields: dict[str, pd.DataFrame]) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield the 158 features by qlib's names, in its order."""
    opened, high, low, close = (fields[name] for name in ("open", "high", "low", "close"))
    volume, vwap = fields["volume"], fields["vwap"]
    body, span = close - opened, high - low + TINY
    top, bottom = np.maximum(opened, close), np.minimum(opened, close)
    yield "KMID", body / opened
    yield "KLEN", (high - low) / opened
    yield "KMID2", body / span
    yield "KUP", (high - top) / opened
    yield "KUP2", (high - top) / span
    yield "KLOW", (bottom - low) / opened
    yield "KLOW2", (bottom - low) / span
    yield "KSFT", (2 * close - high - low) / opened
    yield "KSFT2", (2 * close - high - low) / span
    for name, price in (("OPEN0", opened), ("HIGH0", high), ("LOW0", low), ("VWAP0", vwap)):
        yield name, price / close

    time = pd.DataFrame(
        np.broadcast_to(np.arange(len(close), dtype=float)[:, None], close.shape),
        close.index,
        close.columns,
    )
    known = close.notna() & close.shift(1).notna()
    grew = (close > close.shift(1)).astype(float).where(known)
    fell = (close < close.shift(1)).astype(float).where(known)
    change, turn = close.diff(), volume.diff()
    ratio, turnover = close / close.shift(1), np.log(volume / volume.shift(1) + 1)
    logged = np.log(volume + 1)
    moved = (ratio - 1).abs() * volume
    up, down = change.clip(lower=0), (-change).clip(lower=0)
    more, fewer = turn.clip(lower=0), (-turn).clip(lower=0)
    rules = {
        "ROC": lambda d: close.shift(d) / close,
        "MA": lambda d: close.rolling(d).mean() / close,
        "STD": lambda d: close.rolling(d).std() / close,
        "BETA": lambda d: slope(d) / close,
        "RSQR": lambda d: close.rolling(d).corr(time) ** 2,
        "RESI": lambda d: (close - close.rolling(d).mean() - slope(d) * (d - 1) / 2) / close,
        "MAX": lambda d: high.rolling(d).max() / close,
        "MIN": lambda d: low.rolling(d).min() / close,
        "QTLU": lambda d: close.rolling(d).quantile(0.8) / close,
        "QTLD": lambda d: close.rolling(d).quantile(0.2) / close,
        "RANK": lambda d: close.rolling(d).rank(pct=True),
        "RSV": lambda d: (
            (close - low.rolling(d).min()) / (high.rolling(d).max() - low.rolling(d).min() + TINY)
        ),
        "IMAX": lambda d: place_of(high, d, True) / d,
        "IMIN": lambda d: place_of(low, d, False) / d,
        "IMXD": lambda d: (place_of(high, d, True) - place_of(low, d, False)) / d,
        "CORR": lambda d: close.rolling(d).corr(logged),
        "CORD": lambda d: ratio.rolling(d).corr(turnover),
        "CNTP": lambda d: grew.rolling(d).mean(),
        "CNTN": lambda d: fell.rolling(d).mean(),
        "CNTD": lambda d: grew.rolling(d).mean() - fell.rolling(d).mean(),
        "SUMP": lambda d: up.rolling(d).sum() / (change.abs().rolling(d).sum() + TINY),
        "SUMN": lambda d: down.rolling(d).sum() / (change.abs().rolling(d).sum() + TINY),
        "SUMD": lambda d: (
            (up.rolling(d).sum() - down.rolling(d).sum()) / (change.abs().rolling(d).sum() + TINY)
        ),
        "VMA": lambda d: volume.rolling(d).mean() / (volume + TINY),
        "VSTD": lambda d: volume.rolling(d).std() / (volume + TINY),
        "WVMA": lambda d: moved.rolling(d).std() / (moved.rolling(d).mean() + TINY),
        "VSUMP": lambda d: more.rolling(d).sum() / (turn.abs().rolling(d).sum() + TINY),
        "VSUMN": lambda d: fewer.rolling(d).sum() / (turn.abs().rolling(d).sum() + TINY),
        "VSUMD": lambda d: (
            (more.rolling(d).sum() - fewer.rolling(d).sum()) / (turn.abs().rolling(d).sum() + TINY)
        ),
    }

    def slope(d: int) -> pd.DataFrame:
        return close.rolling(d).cov(time) / (d * (d + 1) / 12)

    for name, rule in rules.items():
        for window in WINDOWS:
            yield f"{name}{window}", rule(window)
