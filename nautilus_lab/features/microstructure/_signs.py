"""Who began each trade: a buyer, or a seller."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, TypeAlias

from nautilus_lab.exceptions import InputError
from nautilus_lab.features._compute_ticks import evaluate_ticks
from nautilus_lab.features._feature import Values
from nautilus_lab.features._registry import FeatureRegistry

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray, Trades

SIGNS = FeatureRegistry()

Rule: TypeAlias = Literal["tick", "quote", "lee_ready", "ellis_michaely_ohara", "chakrabarty"]

# rule -> number of the kernel's
_NUMBERS = {"tick": 0, "quote": 1, "lee_ready": 2, "ellis_michaely_ohara": 3, "chakrabarty": 4}
_QUOTED = ("price", "bid", "ask")


class _Signs:
    """The signs of one instrument's trades, one by one."""

    __slots__ = ("_number", "_state", "_step")

    def __init__(self, rule: Rule) -> None:
        from nautilus_lab.features.microstructure._sign_kernels import step, unknown

        self._step, self._number, self._state = step, _NUMBERS[rule], unknown()

    def update(self, price: float, bid: float = 0.0, ask: float = 0.0) -> tuple[float, ...]:
        """Take a trade; return its sign."""
        return (self._step(self._state, self._number, price, bid, ask),)


def _in_a_stream(rule: Rule) -> Callable[[Values], _Signs]:
    return lambda settings: _Signs(rule)


@SIGNS.define(
    title="Tick rule",
    group="order flow",
    data="trades",
    inputs=("price",),
    warm_up=1,
    history=1,
    accumulate=_in_a_stream("tick"),
    reference="1 after a rise, -1 after a fall, unchanged prices as the last change: Lee and Ready "
    "(1991), J. of Finance 46, 733-746",
)
def tick_rule(price: FloatArray) -> FloatArray:
    """Return 1 for a buyer's trade, -1 for a seller's, NaN before the price first moves."""
    return _signs("tick", price, price, price)


@SIGNS.define(
    title="Quote rule",
    group="order flow",
    data="ticks",
    inputs=_QUOTED,
    warm_up=0,
    history=1,
    accumulate=_in_a_stream("quote"),
    reference="1 above the mid, -1 below it, 0 at it: Hasbrouck (1988), J. of Financial Economics "
    "22, 229-252",
)
def quote_rule(price: FloatArray, bid: FloatArray, ask: FloatArray) -> FloatArray:
    """Return 1 for a buyer's trade, -1 for a seller's, 0 for one at the mid."""
    return _signs("quote", price, bid, ask)


@SIGNS.define(
    title="Lee-Ready rule",
    group="order flow",
    data="ticks",
    inputs=_QUOTED,
    warm_up=0,
    history=1,
    accumulate=_in_a_stream("lee_ready"),
    reference="the quote rule, and at the mid the tick rule: Lee and Ready (1991), J. of Finance "
    "46, 733-746",
)
def lee_ready(price: FloatArray, bid: FloatArray, ask: FloatArray) -> FloatArray:
    """Return 1 for a buyer's trade, -1 for a seller's, NaN where neither rule can tell yet."""
    return _signs("lee_ready", price, bid, ask)


@SIGNS.define(
    title="Ellis-Michaely-O'Hara rule",
    group="order flow",
    data="ticks",
    inputs=_QUOTED,
    warm_up=0,
    history=1,
    accumulate=_in_a_stream("ellis_michaely_ohara"),
    reference="1 at the ask, -1 at the bid, anywhere else the tick rule: Ellis, Michaely and "
    "O'Hara (2000), J. of Financial and Quantitative Analysis 35, 529-551",
)
def ellis_michaely_ohara(price: FloatArray, bid: FloatArray, ask: FloatArray) -> FloatArray:
    """Return 1 for a buyer's trade, -1 for a seller's, NaN where neither rule can tell yet."""
    return _signs("ellis_michaely_ohara", price, bid, ask)


@SIGNS.define(
    title="Chakrabarty-Li-Nguyen-Van Ness rule",
    group="order flow",
    data="ticks",
    inputs=_QUOTED,
    warm_up=0,
    history=1,
    accumulate=_in_a_stream("chakrabarty"),
    reference="1 within 30 % of the spread from the ask, -1 from the bid, anywhere else the tick "
    "rule: Chakrabarty et al. (2007), J. of Banking and Finance 31, 3806-3821",
)
def chakrabarty(price: FloatArray, bid: FloatArray, ask: FloatArray) -> FloatArray:
    """Return 1 for a buyer's trade, -1 for a seller's, NaN where neither rule can tell yet."""
    return _signs("chakrabarty", price, bid, ask)


def signed(trades: Trades, rule: Rule = "lee_ready") -> Trades:
    """Return trades with a column `side`, for the features that ask who began them.

    Parameters
    ----------
    trades : DataFrame, shape ((timestamp, symbol), columns)
        Price and size; bid and ask too for any rule but ``"tick"``: see `prevailing`.
    rule : str, default="lee_ready"
        ``"tick"``, ``"quote"``, ``"lee_ready"``, ``"ellis_michaely_ohara"`` or ``"chakrabarty"``.

    Returns
    -------
    DataFrame
        A copy; `side` is 1, -1, or 0 where the rule cannot tell, which counts for neither.

    Raises
    ------
    InputError
        When there is no such rule, or the trades already have a side.
    BadData
        As `nautilus_lab.frames.require_ticks` says, for the tick rule `require_trades`.

    Examples
    --------
    >>> import pandas as pd
    >>> times = pd.date_range("2024-01-02", periods=3, tz="UTC", name="timestamp")
    >>> index = pd.MultiIndex.from_product([times, ["A"]], names=["timestamp", "symbol"])
    >>> trades = pd.DataFrame({"price": [10.0, 10.1, 10.1], "size": 1.0}, index)
    >>> signed(trades, "tick")["side"].tolist()
    [0.0, 1.0, 1.0]
    """
    if rule not in _NUMBERS:
        raise InputError("there must be such a rule", value=rule, remedy=", ".join(_NUMBERS))
    if "side" in trades.columns:
        raise InputError(
            "trades that are signed have no side yet",
            value="a column side",
            remedy="drop it first: trades.drop(columns='side')",
        )
    name = "tick_rule" if rule == "tick" else "quote_rule" if rule == "quote" else rule
    found = evaluate_ticks(trades, [SIGNS[name]()], threads=2)
    return trades.assign(side=found.frame().iloc[:, 0].fillna(0.0))


def _signs(rule: Rule, price: FloatArray, bid: FloatArray, ask: FloatArray) -> FloatArray:
    from nautilus_lab.features.microstructure._sign_kernels import run

    found: FloatArray = run(_NUMBERS[rule], price, bid, ask)
    return found
