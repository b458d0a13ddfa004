"""Stoikov's micro-price: the mid, moved to where imbalance and spread have led it before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nautilus_lab.features._feature import Values
from nautilus_lab.features._parameter import Parameter
from nautilus_lab.features._registry import FeatureRegistry

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray

MICRO_PRICE = FeatureRegistry()


def _settings(settings: Values) -> tuple[float, int, int, int]:
    bins, widest, every = (int(settings[name]) for name in ("bins", "widest", "every"))
    return float(settings["tick"]), bins, widest, every


class _Learnt:
    """What the quotes of one instrument have taught so far."""

    __slots__ = ("_counts", "_last", "_settings", "_step")

    def __init__(self, settings: Values) -> None:
        from nautilus_lab.features.microstructure._micro_price_kernels import nothing, step

        self._step, self._settings = step, _settings(settings)
        self._last, self._counts = nothing(self._settings[1] * self._settings[2])

    def update(self, bid: float, ask: float, bid_size: float, ask_size: float) -> tuple[float, ...]:
        """Take a quote."""
        quote = bid, ask, bid_size, ask_size
        return (self._step(self._last, self._counts, self._settings, *quote),)


@MICRO_PRICE.define(
    title="Stoikov's micro-price",
    group="microstructure",
    data="quotes",
    inputs=("bid", "ask", "bid_size", "ask_size"),
    parameters={
        "tick": Parameter(default=0.01, least=1e-12, most=1e6),
        "bins": Parameter(default=10, least=2, most=50),
        "widest": Parameter(default=3, most=20),
        "every": Parameter(default=500, least=10),
    },
    warm_up=lambda settings: int(settings["every"]),
    history=1,
    accumulate=_Learnt,
    reference="Stoikov (2018), Quantitative Finance 18, 1959-1966: the mid expected six moves "
    "ahead, of a Markov chain of imbalance and spread; counted from all quotes so far, symmetric",
)
def stoikov_microprice(
    bid: FloatArray,
    ask: FloatArray,
    bid_size: FloatArray,
    ask_size: FloatArray,
    tick: float = 0.01,
    bins: int = 10,
    widest: int = 3,
    every: int = 500,
) -> FloatArray:
    """Return where the mid is expected to go; NaN of a spread, or a state, that is not known.

    `tick` is the least step of the price. A state is one of `bins` shares of the size that bids,
    and a spread of 1 to `widest` ticks; what each led to is worked out anew with every so many
    quotes, this one included and none that comes later.
    """
    from nautilus_lab.features.microstructure._micro_price_kernels import run

    found: FloatArray = run((float(tick), bins, widest, every), bid, ask, bid_size, ask_size)
    return found
