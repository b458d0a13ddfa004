"""What the levels of a book say: how much stands, where, and what it costs to take it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nautilus_lab.features._parameter import Parameter
from nautilus_lab.features._registry import FeatureRegistry

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray

BOOK = FeatureRegistry()

_SIDES = ("bid_price", "bid_size", "ask_price", "ask_size")
_LEVELS = {"levels": Parameter(default=5, most=1_000)}


def _stacked(columns: tuple[FloatArray, ...], levels: int) -> tuple[FloatArray, ...]:
    """Return each kind of column as one array, shape (levels, rows)."""
    import numpy as np

    return tuple(np.array(columns[at : at + levels]) for at in range(0, len(columns), levels))


@BOOK.define(
    title="Depth",
    group="microstructure",
    data="book",
    inputs=("bid_size", "ask_size"),
    outputs=("bid", "ask"),
    parameters=_LEVELS,
    warm_up=0,
    history=1,
    reference="the size that stands at the best levels of each side",
)
def depth(*columns: FloatArray, levels: int = 5) -> tuple[FloatArray, ...]:
    """Return the size of the bids, and of the asks."""
    bids, asks = _stacked(columns, levels)
    return bids.sum(axis=0), asks.sum(axis=0)


@BOOK.define(
    title="Book imbalance",
    group="microstructure",
    data="book",
    inputs=("bid_size", "ask_size"),
    parameters=_LEVELS,
    warm_up=0,
    history=1,
    reference="(bid depth - ask depth) / both: Cartea, Donnelly and Jaimungal (2018), Applied "
    "Mathematical Finance 25, 1-35",
)
def book_imbalance(*columns: FloatArray, levels: int = 5) -> FloatArray:
    """Return how much more stands on the bid's side, from -1 to 1."""
    bids, asks = (one.sum(axis=0) for one in _stacked(columns, levels))
    found: FloatArray = (bids - asks) / (bids + asks)
    return found


@BOOK.define(
    title="Weighted mid",
    group="microstructure",
    data="book",
    inputs=_SIDES,
    parameters=_LEVELS,
    warm_up=0,
    history=1,
    reference="the mean price of each side's levels, by the depth of the other side: of one level "
    "it is the microprice of Gatheral and Oomen (2010), Finance and Stochastics 14, 249-283",
)
def weighted_mid(*columns: FloatArray, levels: int = 5) -> FloatArray:
    """Return the price between both sides of a book that their depths are in balance at."""
    bids, bid_sizes, asks, ask_sizes = _stacked(columns, levels)
    bought, sold = bid_sizes.sum(axis=0), ask_sizes.sum(axis=0)
    # from the best bid on, so that large prices lose nothing
    lowest = bids[0]
    bid = ((bids - lowest) * bid_sizes).sum(axis=0) / bought
    ask = ((asks - lowest) * ask_sizes).sum(axis=0) / sold
    found: FloatArray = lowest + (bid * sold + ask * bought) / (bought + sold)
    return found


@BOOK.define(
    title="Book slope",
    group="microstructure",
    data="book",
    inputs=_SIDES,
    outputs=("bid", "ask"),
    parameters=_LEVELS,
    warm_up=0,
    history=1,
    reference="the least-squares slope through the mid of depth on distance, a fraction of the "
    "mid: the schedule of Biais, Hillion and Spatt (1995), J. of Finance 50, 1655-1689",
)
def book_slope(*columns: FloatArray, levels: int = 5) -> tuple[FloatArray, ...]:
    """Return the size that is met per unit of relative distance; NaN where there is none."""
    import numpy as np

    bids, bid_sizes, asks, ask_sizes = _stacked(columns, levels)
    middle = (bids[0] + asks[0]) / 2

    def slope(prices: FloatArray, sizes: FloatArray) -> FloatArray:
        far, met = np.abs(prices / middle - 1), np.cumsum(sizes, axis=0)
        squares = (far**2).sum(axis=0)
        out = np.full(len(middle), np.nan)
        found: FloatArray = np.divide((far * met).sum(axis=0), squares, out=out, where=squares > 0)
        return found

    return slope(bids, bid_sizes), slope(asks, ask_sizes)


@BOOK.define(
    title="Naes-Skjeltorp slope",
    group="microstructure",
    data="book",
    inputs=_SIDES,
    parameters=_LEVELS,
    warm_up=0,
    history=1,
    reference="the mean over both sides and their levels of the relative change of log depth per "
    "relative change of price: Naes and Skjeltorp (2006), J. of Financial Markets 9, 408-432",
)
def naes_skjeltorp(*columns: FloatArray, levels: int = 5) -> FloatArray:
    """Return how fast the depth grows away from the mid; NaN unless the best sizes are above 1.

    It is of the logarithm of sizes, counted in shares: of other units it is another number.
    """
    import numpy as np

    bids, bid_sizes, asks, ask_sizes = _stacked(columns, levels)
    middle = (bids[0] + asks[0]) / 2

    def slope(prices: FloatArray, sizes: FloatArray) -> FloatArray:
        logs = np.log(np.cumsum(sizes, axis=0))
        path = np.concatenate([middle[None], prices])
        steps = np.abs(np.diff(path, axis=0)) / path[:-1]
        grown = np.concatenate([logs[:1], np.diff(logs, axis=0) / logs[:-1]])
        return np.asarray((grown / steps).mean(axis=0))

    with np.errstate(divide="ignore", invalid="ignore"):
        found = (slope(bids, bid_sizes) + slope(asks, ask_sizes)) / 2
    usable = (bid_sizes[0] > 1) & (ask_sizes[0] > 1) & np.isfinite(found)
    return np.where(usable, found, np.nan)


@BOOK.define(
    title="Cost to trade",
    group="microstructure",
    data="book",
    inputs=_SIDES,
    outputs=("buy", "sell"),
    parameters={
        "size": Parameter(default=100.0, least=1e-12, most=1e15),
        **_LEVELS,
    },
    warm_up=0,
    history=1,
    reference="what taking `size` at once pays over the mid, a fraction of it: half the cost of a "
    "round trip of Irvine, Benston and Kandel (2000), SSRN 229959",
)
def cost_to_trade(
    *columns: FloatArray, size: float = 100.0, levels: int = 5
) -> tuple[FloatArray, ...]:
    """Return the cost of a buy and of a sale at once; NaN where the levels hold less."""
    import numpy as np

    bids, bid_sizes, asks, ask_sizes = _stacked(columns, levels)
    middle = (bids[0] + asks[0]) / 2

    def cost(prices: FloatArray, sizes: FloatArray) -> FloatArray:
        before = np.cumsum(sizes, axis=0) - sizes
        taken = np.clip(size - before, 0.0, sizes)
        paid = (np.abs(prices - middle) * taken).sum(axis=0) / (size * middle)
        whole = before[-1] + sizes[-1] >= size
        return np.where(whole, paid, np.nan)

    return cost(asks, ask_sizes), cost(bids, bid_sizes)
