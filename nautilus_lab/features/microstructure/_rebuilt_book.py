"""An order book, put together again from the updates that a venue sends."""

from __future__ import annotations

from heapq import nlargest, nsmallest
from typing import TYPE_CHECKING

from nautilus_lab.exceptions import BadData, InputError, NotEnoughData
from nautilus_lab.frames import require_book

if TYPE_CHECKING:
    import pandas as pd

    from nautilus_lab._typing import Book

_COLUMNS = ("side", "price", "size")
_SIDES = {"bid": 0, "b": 0, "buy": 0, "ask": 1, "a": 1, "sell": 1}


def rebuilt_book(updates: pd.DataFrame, *, levels: int = 5) -> Book:
    """Return the best levels of a book after each of its updates.

    Parameters
    ----------
    updates : DataFrame, shape ((timestamp, symbol), columns)
        One row a level that changed, as they arrived: `side` (``"bid"`` or ``"ask"``, or how
        venues shorten them), `price`, and `size`, which is what now stands there, 0 for nothing.
        Where a column `snapshot` turns true, the book begins anew.
    levels : int, default=5
        How many levels of each side are told.

    Returns
    -------
    DataFrame, shape ((timestamp, symbol), 4 x levels)
        As `nautilus_lab.frames.require_book` says: a row for each run of updates of one symbol that
        share a time. A state with fewer levels has no row.

    Raises
    ------
    InputError
        When index or columns are not those of updates, or a side is unknown.
    NotEnoughData
        When no state of a book has so many levels.
    BadData
        When a price is not positive, a size is negative, either is NaN, time goes back, or a book
        is crossed.
    """
    import numpy as np
    import pandas as pd

    missing = [column for column in _COLUMNS if column not in updates.columns]
    if list(updates.index.names) != ["timestamp", "symbol"] or missing:
        raise InputError(
            f"updates must be indexed by (timestamp, symbol) and have {', '.join(_COLUMNS)}",
            value=f"{list(updates.index.names)} x {list(updates.columns)}",
        )
    if levels < 1:
        raise InputError("a book has at least one level", value=levels)
    sides = updates["side"].astype(str).str.lower().map(_SIDES).to_numpy(dtype=float)
    prices, sizes = (updates[name].to_numpy(dtype=float) for name in ("price", "size"))
    if np.isnan(sides).any():
        unknown = updates["side"].iloc[int(np.argmax(np.isnan(sides)))]
        raise InputError("a side is a bid or an ask", value=unknown)
    good = np.isfinite(prices) & (prices > 0) & np.isfinite(sizes) & (sizes >= 0)
    if not good.all():
        worst = int(np.argmin(good))
        when, symbol = updates.index[worst]
        raise BadData(
            "updates must have a positive price, and a size that is not negative",
            value=f"{symbol} {prices[worst]:g} x {sizes[worst]:g} at {when.isoformat()}",
        )
    whose, symbols = pd.factorize(updates.index.get_level_values("symbol"))
    times = pd.DatetimeIndex(updates.index.get_level_values("timestamp")).asi8
    anew = updates["snapshot"].to_numpy(dtype=bool) if "snapshot" in updates.columns else None
    books: list[tuple[dict[float, float], dict[float, float]]] = [({}, {}) for _ in symbols]
    last = np.append((times[1:] != times[:-1]) | (whose[1:] != whose[:-1]), True)
    first = np.append(True, last[:-1])
    rows: list[int] = []
    states: list[list[float]] = []
    for at in range(len(updates)):
        book = books[whose[at]]
        if anew is not None and anew[at] and (first[at] or not anew[at - 1]):
            book[0].clear()
            book[1].clear()
        if sizes[at] > 0:
            book[int(sides[at])][prices[at]] = sizes[at]
        else:
            book[int(sides[at])].pop(prices[at], None)
        if last[at] and min(map(len, book)) >= levels:
            bids, asks = nlargest(levels, book[0]), nsmallest(levels, book[1])
            sized = [book[0][price] for price in bids], [book[1][price] for price in asks]
            rows.append(at)
            states.append([*bids, *sized[0], *asks, *sized[1]])
    if not rows:
        raise NotEnoughData(f"no state of a book has {levels} levels", value=len(updates))
    kinds = ("bid_price", "bid_size", "ask_price", "ask_size")
    columns = [f"{kind}_{level}" for kind in kinds for level in range(levels)]
    return require_book(pd.DataFrame(states, updates.index[rows], columns))
