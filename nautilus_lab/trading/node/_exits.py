"""Whether the exits of a bracket could wait for it at the market as it is."""

from __future__ import annotations

from decimal import Decimal

from nautilus_lab.exceptions import InputError
from nautilus_lab.platform.commands import SubmitBracket, SubmitOrder

_AUCTIONS = frozenset({"AT_THE_OPEN", "AT_THE_CLOSE"})
# What triggers as the market runs away, and as it comes; a stop that trails is behind it.
_STOPS = frozenset({"STOP_MARKET", "STOP_LIMIT"})
_TOUCHED = frozenset({"MARKET_IF_TOUCHED", "LIMIT_IF_TOUCHED"})
_IMMEDIATE = frozenset({"MARKET", "MARKET_TO_LIMIT", "LIMIT"})


def require_exits(asked: SubmitBracket, bid: Decimal, ask: Decimal) -> None:
    """Require exits that the market has not reached yet, of an entry that trades at once.

    An entry that waits for a price is compared with that by `SubmitBracket`; one that does not
    has only the quote.

    Parameters
    ----------
    asked : SubmitBracket
        What was asked for.
    bid, ask : Decimal
        The last quote, quote currency.

    Raises
    ------
    InputError
        When an exit would trade as soon as the entry has.

    Examples
    --------
    >>> def leg(**facts):
    ...     return SubmitOrder(instrument="AAPL.PAPER", quantity=Decimal(100), **facts)
    >>> bracket = SubmitBracket(
    ...     entry=leg(side="BUY"),
    ...     take_profit=leg(side="SELL", order_type="LIMIT", limit_price=Decimal(80)),
    ...     stop_loss=leg(side="SELL", order_type="STOP_MARKET", trigger_price=Decimal(75)),
    ... )
    >>> require_exits(bracket, Decimal("72.40"), Decimal("72.42"))
    Traceback (most recent call last):
    ...
    nautilus_lab.exceptions.InputError: the stop-loss of a bracket whose entry trades at once must \
lie below the bid, 72.40: it would trigger at once; got 75; move it, or give the entry a price \
that the market has not reached
    """
    if not _trades_at_once(asked.entry, bid, ask):
        return
    buys = asked.entry.side == "BUY"
    # An exit trades at the other side of the quote than its entry.
    market, name = (bid, "bid") if buys else (ask, "ask")
    profit = asked.take_profit.limit_price or asked.take_profit.trigger_price
    for leg, price, below, what in (
        ("stop-loss", asked.stop_loss.trigger_price, buys, "trigger"),
        ("take-profit", profit, not buys, "trade"),
    ):
        if price is None or (price < market if below else price > market):
            continue
        raise InputError(
            f"the {leg} of a bracket whose entry trades at once must lie "
            f"{'below' if below else 'above'} the {name}, {market}: it would {what} at once",
            value=f"{price:f}",
            remedy="move it, or give the entry a price that the market has not reached",
        )


def _trades_at_once(entry: SubmitOrder, bid: Decimal, ask: Decimal) -> bool:
    if entry.time_in_force in _AUCTIONS or entry.post_only:
        return False
    buys, trigger, limit = entry.side == "BUY", entry.trigger_price, entry.limit_price
    if entry.order_type in _STOPS:
        if trigger is None or not (trigger <= ask if buys else trigger >= bid):
            return False
    elif entry.order_type in _TOUCHED:
        if trigger is None or not (trigger >= ask if buys else trigger <= bid):
            return False
    elif entry.order_type not in _IMMEDIATE:
        return False
    return limit is None or (limit >= ask if buys else limit <= bid)
