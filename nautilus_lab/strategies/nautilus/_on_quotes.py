"""A strategy that holds target weights on live quotes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

from nautilus_trader.accounting.accounts.base import Account
from nautilus_trader.config import StrategyConfig
from nautilus_trader.model.currencies import USD
from nautilus_trader.model.data import QuoteTick
from nautilus_trader.model.enums import OrderSide
from nautilus_trader.model.events import OrderDenied, OrderFilled, OrderRejected
from nautilus_trader.model.identifiers import ClientOrderId, InstrumentId, Venue
from nautilus_trader.model.objects import Quantity
from nautilus_trader.trading.strategy import Strategy

from nautilus_lab.strategies.nautilus._rebalance import units_to_trade

_LONGEST_WAIT_S = 3_600.0
_ASK_AGAIN_NS = 1_000_000_000
_OFTEN = 20
_ALL_ORDERS = "events.order.*"


@runtime_checkable
class TakesTargets(Protocol):
    """A strategy that trades the tables of target weights which a node is given."""

    def hold(self, weights: dict[str, float], *, valid_until_ns: int = 0) -> None:
        """Trade towards `weights` from now on.

        Parameters
        ----------
        weights : dict of str to float
            instrument id -> fraction of equity.
        valid_until_ns : int, default=0
            From when on they are not to be traded any more, UNIX ns; 0 means for good.
        """
        ...


class HoldTargetsConfig(StrategyConfig, frozen=True, kw_only=True):
    """What to hold and how often to look.

    Attributes
    ----------
    weights : dict of str to float
        instrument id -> fraction of equity; 0 sells what is held.
    interval_s : float
        Seconds between two looks.
    band : float
        Deviation, as a fraction of equity, below which a position is left alone.
    largest_order : float
        The largest order sent at once, in USD; the rest follows at the next looks.
    valid_until_ns : int
        From when on `weights` are not traded any more, UNIX ns; 0 means for good.
    """

    weights: dict[str, float]
    interval_s: float = 20.0
    band: float = 0.002
    largest_order: float = 200_000.0
    valid_until_ns: int = 0


class HoldTargets(Strategy):  # type: ignore[misc]
    """Buys and sells until each instrument has its share of equity, then keeps it there.

    Equity is that of the accounts its instruments are traded in: cash and positions, whoever
    holds them; of a margin account the balance and what open positions have gained. Sells go
    first, buys follow at the next look, when their cash is there. Nothing is sent while an order
    of the instrument is on its way or working, before every instrument has a quote, nor while an
    account's last statement is older than its last fill, whoever's: it would count the same money
    twice. An
    instrument whose order was denied or rejected is left alone for two intervals, then four, and
    so on up to an hour. When the weights have run out nothing is sent any more, neither buys nor
    sells, until `hold` brings new ones.
    """

    def __init__(self, config: HoldTargetsConfig) -> None:
        super().__init__(config)
        self._ids = {name: InstrumentId.from_str(name) for name in config.weights}
        self._weights = dict(config.weights)
        self._valid_until_ns = config.valid_until_ns
        self._said = False  # whether it said that they ran out
        self._quoted: set[InstrumentId] = set()
        self._next_look = 0
        self._sent: dict[ClientOrderId, InstrumentId] = {}  # until they are over
        self._filled_ns: dict[Venue, int] = {}  # when the last fill there was heard of, anybody's
        self._unsure = 0  # looks in a row at which an account was not known
        # A function: the bus knows a handler by its text, and that of a method may change.
        self._hear = lambda event: self._hear_of(event)
        self._refused: dict[str, int] = {}  # instrument id -> refusals since its last fill
        self._not_before: dict[str, int] = {}  # instrument id -> when it may be tried again

    def on_start(self) -> None:
        """Subscribe to every instrument, and to what everybody trades in the same accounts."""
        self.msgbus.subscribe(_ALL_ORDERS, self._hear)
        for instrument_id in self._ids.values():
            self.subscribe_quote_ticks(instrument_id)

    def on_stop(self) -> None:
        """Hear no more of what others trade."""
        self.msgbus.unsubscribe(_ALL_ORDERS, self._hear)

    def on_quote_tick(self, tick: QuoteTick) -> None:
        """Look when the last instrument has its first quote, and at every interval from then on.

        The quotes keep the time: a live timer of Nautilus calls back on a thread of its own.
        """
        if tick.instrument_id not in self._quoted:
            self._quoted.add(tick.instrument_id)
        if len(self._quoted) == len(self._ids) and tick.ts_init >= self._next_look:
            self._next_look = tick.ts_init + int(self.config.interval_s * 1e9)
            self.rebalance()

    def hold(self, weights: dict[str, float], *, valid_until_ns: int = 0) -> None:
        """Hold `weights` from now on; the instruments stay those of the config."""
        self._weights = {name: weights.get(name, 0.0) for name in self._ids}
        self._valid_until_ns, self._said = valid_until_ns, False
        self._refused.clear()
        self._not_before.clear()
        if self.is_running:
            self.rebalance()

    def on_order_denied(self, event: OrderDenied) -> None:
        """Leave the instrument alone for a while."""
        self._wait(event.instrument_id.value)

    def on_order_rejected(self, event: OrderRejected) -> None:
        """Leave the instrument alone for a while."""
        self._wait(event.instrument_id.value)

    def on_order_filled(self, event: OrderFilled) -> None:
        """Trade the instrument at every look again."""
        self._refused.pop(event.instrument_id.value, None)

    def rebalance(self) -> None:
        """Send the orders that bring the book to its targets."""
        if len(self._quoted) < len(self._ids) or self._run_out():
            return
        accounts = self._accounts()
        if accounts is None:
            return
        equity = self._equity(accounts)
        if not equity > 0:
            return  # there is nothing to hold a share of, or nobody knows how much
        worth = {name: self._unit(instrument_id) for name, instrument_id in self._ids.items()}
        wanted = units_to_trade(
            weights=self._weights,
            equity=equity,
            positions={name: self._own(instrument_id) for name, instrument_id in self._ids.items()},
            prices=worth,
            band=self.config.band,
        )
        cash = {venue: float(account.balance_free(USD)) for venue, account in accounts.items()}
        working = self._working()
        now = self.clock.timestamp_ns()
        for name, units in sorted(wanted.items(), key=lambda item: item[1]):
            instrument_id = self._ids[name]
            if instrument_id in working or now < self._not_before.get(name, 0):
                continue
            units = self._bounded(units, worth[name])
            if units > 0:
                # Leave room for the spread and the commission of every buy that follows.
                units = min(units, max(0, int(cash[instrument_id.venue] * 0.995 / worth[name])))
                cash[instrument_id.venue] -= units * worth[name]
            if units:
                self._send(instrument_id, units)

    def _run_out(self) -> bool:
        over = bool(0 < self._valid_until_ns <= self.clock.timestamp_ns())
        if over and not self._said:
            self._said = True
            self.log.warning("the target weights have run out: no orders until there are new ones")
        return over

    def _own(self, instrument_id: InstrumentId) -> float:
        # What people and other strategies hold is none of its business.
        positions = self.cache.positions_open(instrument_id=instrument_id, strategy_id=self.id)
        return float(sum(position.signed_qty for position in positions))

    def _bounded(self, units: int, price: float) -> int:
        most = max(1, int(self.config.largest_order / price))
        return max(-most, min(most, units))

    def _wait(self, name: str) -> None:
        # Twice as long after each refusal: what is refused for good must not become a flood.
        refused = self._refused[name] = self._refused.get(name, 0) + 1
        wait_s = min(self.config.interval_s * 2**refused, _LONGEST_WAIT_S)
        self._not_before[name] = self.clock.timestamp_ns() + int(wait_s * 1e9)

    def _accounts(self) -> dict[Venue, Account] | None:
        """Return the accounts at all its venues; None while one is not known as it is now."""
        accounts = {}
        for venue in {instrument_id.venue for instrument_id in self._ids.values()}:
            account = self.portfolio.account(venue)
            if account is None:
                return None
            if _stated_ns(account) < self._filled_ns.get(venue, 0):
                self.query_account(account.id)
                soon = self.clock.timestamp_ns() + _ASK_AGAIN_NS
                self._next_look = min(self._next_look, soon)
                self._unsure += 1
                if self._unsure == _OFTEN:
                    self.log.warning(f"the account at {venue} never tells of its last fill")
                return None
            accounts[venue] = account
        self._unsure = 0
        return accounts

    def _hear_of(self, event: Any) -> None:
        if isinstance(event, OrderFilled):
            self._filled_ns[event.instrument_id.venue] = event.ts_init

    def _equity(self, accounts: Mapping[Venue, Account]) -> float:
        """Return the equity of all `accounts`, USD; NaN while a position has no price."""
        equity = 0.0
        for venue in accounts:
            worth = self.portfolio.equity(venue).get(USD)
            if worth is None or self.portfolio.missing_price_instruments(venue):
                return math.nan
            equity += float(worth)
        return equity

    def _unit(self, instrument_id: InstrumentId) -> float:
        """Return what one unit is worth at the middle of the quote."""
        quote = self.cache.quote_tick(instrument_id)
        middle = (float(quote.bid_price) + float(quote.ask_price)) / 2
        return middle * float(self.cache.instrument(instrument_id).multiplier)

    def _working(self) -> set[InstrumentId]:
        """Return the instruments with an order that is not over, sent or found at a start."""
        # The cache counts an order among neither the open nor those in flight before it is sent.
        sent = {name: of for name, of in self._sent.items() if not self._is_over(name)}
        self._sent = sent
        found = self.cache.orders_open(strategy_id=self.id)
        found += self.cache.orders_inflight(strategy_id=self.id)
        return {*sent.values(), *(order.instrument_id for order in found)}

    def _is_over(self, name: ClientOrderId) -> bool:
        order = self.cache.order(name)
        return order is None or order.is_closed

    def _send(self, instrument_id: InstrumentId, units: int) -> None:
        order: Any = self.order_factory.market(
            instrument_id=instrument_id,
            order_side=OrderSide.BUY if units > 0 else OrderSide.SELL,
            quantity=Quantity.from_int(abs(units)),
        )
        self._sent[order.client_order_id] = instrument_id
        self.submit_order(order)


def _stated_ns(account: Account) -> int:
    """When the last statement of an account was true, UNIX ns of this machine's clock."""
    # What a venue reports was asked for earlier than it came; what Nautilus works out is of now.
    last = account.last_event
    return int(last.ts_event if last.is_reported else last.ts_init)
