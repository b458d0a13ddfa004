"""What of a book has a history to measure, and what stands in for the rest."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from nautilus_lab.exceptions import BadData, InputError, NotEnoughData
from nautilus_lab.frames import require_scores
from nautilus_lab.provenance import mark, provenance

if TYPE_CHECKING:
    import pandas as pd

    from nautilus_lab._typing import Returns, Weights

_NONE: Mapping[str, Proxy] = MappingProxyType({})


@dataclass(frozen=True, kw_only=True, slots=True)
class Proxy:
    """Another symbol's returns in place of those that a symbol has not.

    Parameters
    ----------
    symbol : str
        Whose returns stand in.
    beta : float, default=1.0
        How much the symbol is taken to move with one unit of the proxy's.

    Raises
    ------
    InputError
        When `beta` is not finite.
    """

    symbol: str
    beta: float = 1.0

    def __post_init__(self) -> None:
        if not math.isfinite(self.beta):
            raise InputError("beta must be finite", value=self.beta, remedy="pass beta=1.0")


@dataclass(frozen=True, kw_only=True, eq=False)
class Coverage:
    """A book cut to what can be measured, and what was done to it.

    Attributes
    ----------
    returns : DataFrame, shape (time, symbol)
        Simple returns, fractions, without gaps: own ones where there are some, else the proxy's.
    weights : Series, shape (symbol,)
        What is held of those symbols.
    proxied : tuple of str
        Symbols that a proxy stands in for, in part or throughout.
    uncovered : tuple of str
        Symbols left out: their history is short and they have no proxy.
    uncovered_share : float
        Their share of the gross weights, a fraction.
    """

    returns: Returns = field(repr=False)
    weights: Weights = field(repr=False)
    proxied: tuple[str, ...]
    uncovered: tuple[str, ...]
    uncovered_share: float

    @property
    def notices(self) -> tuple[str, ...]:
        """What a reader of the figures must know, in sentences."""
        told = []
        if self.proxied:
            told.append(f"Proxies stand in for the history of {', '.join(self.proxied)}.")
        if self.uncovered:
            told.append(
                f"Not measured, for want of a history: {', '.join(self.uncovered)}, "
                f"{self.uncovered_share:.1%} of the gross weights."
            )
        return tuple(told)


def cover(
    returns: Returns,
    weights: Weights | Mapping[str, float],
    *,
    proxies: Mapping[str, Proxy] = _NONE,
    max_uncovered: float = 0.05,
) -> Coverage:
    """Cut a book to what has a history, by own returns or by a declared proxy's.

    A symbol is short of history when its column is missing or begins with NaN. A NaN after the
    first return is a hole in the data and an error.

    Parameters
    ----------
    returns : DataFrame, shape (time, symbol)
        Simple returns, fractions, of all periods to measure; NaN before a symbol's first.
    weights : Series or mapping, symbol -> fraction of capital
        What is held; money does as well.
    proxies : mapping of str to Proxy, optional
        Symbol short of history -> what stands in where its own returns are missing.
    max_uncovered : float, default=0.05
        The largest share of the gross weights, in [0, 1), that may be left out.

    Returns
    -------
    Coverage

    Raises
    ------
    NotEnoughData
        When more than `max_uncovered` would be left out, or nothing is left.
    InputError
        When a weight is not finite, a proxy has no full history itself, or a bound is none.
    BadData
        When a symbol that is held, or a proxy, has a hole, or a return is infinite.

    Examples
    --------
    >>> import pandas as pd
    >>> days = pd.date_range("2024-01-01", periods=3, tz="UTC")
    >>> returns = pd.DataFrame({"OLD": [0.01, -0.02, 0.01], "NEW": [None, None, 0.03]}, index=days)
    >>> covered = cover(returns.astype(float), {"OLD": 0.6, "NEW": 0.4},
    ...                 proxies={"NEW": Proxy(symbol="OLD", beta=1.5)})
    >>> covered.returns["NEW"].tolist(), covered.proxied
    ([0.015, -0.03, 0.03], ('NEW',))
    """
    import numpy as np
    import pandas as pd

    if not 0 <= max_uncovered < 1:
        raise InputError(
            "max_uncovered must lie in [0, 1)", value=max_uncovered, remedy="pass a fraction: 0.05"
        )
    frame = require_scores(returns, name="returns")
    held = {str(symbol): float(weight) for symbol, weight in weights.items()}
    unknown = [symbol for symbol, weight in held.items() if not math.isfinite(weight)]
    if unknown:
        raise InputError(
            "weights must be finite", value=unknown[0], remedy="set what is not held to 0"
        )
    columns, proxied, uncovered = {}, [], []
    for symbol, weight in held.items():
        if weight == 0:
            continue
        own = _own(frame, symbol)
        if own is not None and own.notna().all():
            columns[symbol] = own
        elif symbol in proxies:
            stands_in = _whole(frame, symbol, proxies[symbol])
            columns[symbol] = stands_in if own is None else own.fillna(stands_in)
            proxied.append(symbol)
        else:
            uncovered.append(symbol)
    gross = math.fsum(abs(weight) for weight in held.values())
    share = math.fsum(abs(held[symbol]) for symbol in uncovered) / gross if gross else 0.0
    if not share <= max_uncovered or not columns:
        raise NotEnoughData(
            f"at most {max_uncovered:.1%} of the gross weights may be without a history",
            value=f"{share:.1%}: {', '.join(uncovered) or 'nothing is held'}",
            remedy="declare a proxy: proxies={symbol: Proxy(symbol=...)}, or shorten the history",
        )
    covered = pd.DataFrame(columns, index=frame.index, dtype=np.float64)
    return Coverage(
        returns=mark(covered, provenance(returns)),
        weights=pd.Series({symbol: held[symbol] for symbol in columns}, name="weight"),
        proxied=tuple(proxied),
        uncovered=tuple(uncovered),
        uncovered_share=share,
    )


def _own(frame: Returns, symbol: str) -> pd.Series[float] | None:
    if symbol not in frame.columns:
        return None
    own: pd.Series[float] = frame[symbol]
    known = own.notna()
    if not known.any():
        return None
    first = known.idxmax()
    holes = own.loc[first:][~known.loc[first:]]
    if len(holes):
        raise BadData(
            "returns must not be NaN after a symbol's first one",
            value=f"{symbol} at {holes.index[0].date()}, {len(holes)} in all",
            remedy="mend the source; a hole is no short history",
        )
    return own


def _whole(frame: Returns, symbol: str, proxy: Proxy) -> pd.Series[float]:
    own = _own(frame, proxy.symbol)
    if own is None or own.isna().any():
        raise InputError(
            "a proxy must have the whole history itself",
            value=f"{proxy.symbol} for {symbol}",
            remedy="declare another, or load its returns",
        )
    return proxy.beta * own
