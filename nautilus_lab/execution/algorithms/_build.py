"""The algorithms of a node, or of a backtest."""

from __future__ import annotations

from collections.abc import Callable

from nautilus_trader.execution.algorithm import ExecAlgorithm

from nautilus_lab.execution.algorithms._pov import Pov
from nautilus_lab.execution.algorithms._room import Available
from nautilus_lab.execution.algorithms._smart import Smart
from nautilus_lab.execution.algorithms._twap import Twap
from nautilus_lab.execution.algorithms._vwap import History, Vwap
from nautilus_lab.execution.algorithms._worked import HandOver
from nautilus_lab.platform.messages import OrderRouted


def build_algorithms(
    *,
    hand_over: HandOver | None = None,
    on_routed: Callable[[OrderRouted], object] = lambda routed: None,
    available: Available | None = None,
    is_reachable: Callable[[str], bool] = lambda venue: True,
    max_quote_age_s: float | None = None,
    history: History | None = None,
) -> tuple[ExecAlgorithm, ...]:
    """Return TWAP, VWAP, POV and SMART; each is for one trader, and added before it starts.

    Parameters
    ----------
    hand_over : callable, optional
        Takes a function and its arguments and calls it on the node's thread:
        ``loop.call_soon_threadsafe``. A backtest needs none.
    on_routed, available, is_reachable, max_quote_age_s
        See `Smart`.
    history : callable, optional
        See `Vwap`.

    Examples
    --------
    >>> [algorithm.id.value for algorithm in build_algorithms()]
    ['TWAP', 'VWAP', 'POV', 'SMART']
    """
    return (
        Twap(hand_over),
        Vwap(hand_over, history=history),
        Pov(hand_over),
        Smart(
            hand_over,
            on_routed=on_routed,
            available=available,
            is_reachable=is_reachable,
            max_quote_age_s=max_quote_age_s,
        ),
    )
