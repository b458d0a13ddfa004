"""Order-flow imbalance: what was added to and taken from the best bid and ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nautilus_lab.features._parameter import Parameter
from nautilus_lab.features._registry import FeatureRegistry
from nautilus_lab.features._windows import window_and_one, window_of

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray

ORDER_FLOW = FeatureRegistry()

_WINDOW = {"window": Parameter(default=50)}


@ORDER_FLOW.define(
    title="Order-flow imbalance",
    group="order flow",
    data="quotes",
    inputs=("bid", "bid_size", "ask", "ask_size"),
    parameters=_WINDOW,
    warm_up=window_of,
    history=window_and_one,
    reference="Cont, Kukanov and Stoikov (2014), J. of Financial Econometrics 12, 47-88",
)
def order_flow_imbalance(
    bid: FloatArray,
    bid_size: FloatArray,
    ask: FloatArray,
    ask_size: FloatArray,
    window: int = 50,
) -> FloatArray:
    """Return the size that came to the bid less that which came to the ask, over the last quotes.

    What leaves a side counts against it; a better price brings its whole size, a worse one takes
    away the size that stood before.
    """
    return _summed(pressure(bid, bid_size, ask, ask_size), window)


@ORDER_FLOW.define(
    title="Order-flow imbalance of the book",
    group="order flow",
    data="book",
    inputs=("bid_price", "bid_size", "ask_price", "ask_size"),
    outputs=("total", "scaled"),
    parameters={"levels": Parameter(default=5, most=50), **_WINDOW},
    warm_up=window_of,
    history=window_and_one,
    reference="the sum over levels of Xu, Gould and Howison (2018), Market Microstructure and "
    "Liquidity 4; scaled by the average depth of a level as in Cont, Cucuringu and Zhang (2023), "
    "Quantitative Finance 23, 1373-1393",
)
def book_order_flow(
    *sides: FloatArray, levels: int = 5, window: int = 50
) -> tuple[FloatArray, ...]:
    """Return the order-flow imbalance of all levels together, and per size that stands at one."""
    import numpy as np

    bids, bid_sizes, asks, ask_sizes = (
        sides[at : at + levels] for at in range(0, 4 * levels, levels)
    )
    flows = map(pressure, bids, bid_sizes, asks, ask_sizes)
    total = _summed(np.sum(list(flows), axis=0), window)
    standing = np.sum([*bid_sizes, *ask_sizes], axis=0) / (2 * levels)
    # of the quotes whose changes are summed: the first of the window is where they start from
    depth = np.full(len(total), np.nan)
    depth[1:] = _rolling_sum(standing[1:], window) / window
    return total, total / depth


def pressure(
    bid: FloatArray, bid_size: FloatArray, ask: FloatArray, ask_size: FloatArray
) -> FloatArray:
    """Return what each quote but the first brought to the bid, less what it brought to the ask."""
    from nautilus_lab.features.microstructure._rolling_kernels import quote_events

    found: FloatArray = quote_events(bid, bid_size, ask, ask_size)
    return found


def _summed(flow: FloatArray, window: int) -> FloatArray:
    import numpy as np

    out = np.full(len(flow) + 1, np.nan)
    out[1:] = _rolling_sum(flow, window)
    return out


def _rolling_sum(values: FloatArray, window: int) -> FloatArray:
    from nautilus_lab.features.microstructure._rolling_kernels import rolling_sum

    found: FloatArray = rolling_sum(values, window)
    return found
