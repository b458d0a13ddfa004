"""What a node tells the world: order events as they happen, states a few times a second."""

from __future__ import annotations

import logging
import math
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec
from nautilus_trader.model.data import Bar, QuoteTick
from nautilus_trader.model.events import OrderCancelRejected, OrderInitialized, OrderModifyRejected
from nautilus_trader.model.events import OrderFilled as NautilusFill
from nautilus_trader.model.identifiers import ClientOrderId
from nautilus_trader.model.orders import Order

from nautilus_lab.analytics import LivePositions
from nautilus_lab.exceptions import StoreUnwritable
from nautilus_lab.platform.messages import (
    AccountUpdated,
    BarUpdated,
    Envelope,
    Event,
    LimitBreach,
    LimitUpdated,
    OrderFilled,
    OrderUpdated,
    PnlUpdated,
    PositionUpdated,
    QuoteUpdated,
    Snapshot,
    State,
    envelope,
)
from nautilus_lab.platform.outbox import Outbox
from nautilus_lab.risk import level_of
from nautilus_lab.risk.limits import Finding
from nautilus_lab.trading.node._accounts import Accounts
from nautilus_lab.trading.node._history import OVER
from nautilus_lab.trading.node._orders_told import order_updated, reason_of, side_of
from nautilus_lab.trading.node._wholes import Wholes, is_worked

log = logging.getLogger(__name__)

_REMEMBERED_ORDERS = 500
_REMEMBERED_FILLS = 500
_REMEMBERED_LIMITS = 200
_MOST_CHECKED = 10_000
_MOST_WAITING = 10_000
_TRY_AGAIN_S = 0.5
_NODE_ENDED = "the node that held it back has ended"
_NOTHING = Decimal(0)
_ORDER = "order"
_ACCOUNT = "account"


class Desk:
    """Turns what happens in a Nautilus kernel into envelopes, and keeps the present for snapshots.

    Orders, fills and breaches are events: each goes through the outbox, so that it is in the
    store before anybody hears of it. Quotes, positions, account, P&L and limits are states: the
    last one of each topic is kept, and published when it changed.

    What happens to orders in one turn of the loop is stored together right after it: a commit for
    each step would stand between a venue's answer and the strategy that waits for it. A process
    that is killed before that loses nothing by it. Intents are in the store before their orders
    leave; what became of them the venue tells the next life, and its `catch_up` tells whatever the
    store has not heard. So it waits as well while the store cannot write. All other events, which
    no venue knows, are stored at once, after those that wait, or not told.

    An order that an algorithm works is told with all that works for it, and again with each change
    of that: `Wholes`.

    Everything a paper node says is marked simulated.

    Parameters
    ----------
    soon : callable
        Takes a function and calls it when the turn of the loop is over: its ``call_soon``.
        Without it nothing waits.
    give_up : callable
        Called with the error when what happened to orders cannot be stored; a node must end then,
        since later events would stand in the store without the earlier ones.
    """

    def __init__(
        self,
        *,
        trader: str,
        writer: str,
        epoch: int,
        accounts: Accounts,
        outbox: Outbox,
        publish: Callable[[Envelope], None],
        cache: Any,
        source_ts: Callable[[], int | None] = lambda: None,
        record: Callable[[Envelope], None] = lambda told: None,
        soon: Callable[[Callable[[], None]], object] = lambda act: act(),
        give_up: Callable[[Exception], None] = lambda error: None,
    ) -> None:
        self.trader = trader
        self.writer = writer
        self.epoch = epoch
        self.seq = 0
        self.accounts = accounts
        self.order_count = 0
        self.fill_count = 0
        self.reconciling = True
        self._outbox = outbox
        self._publish = publish
        self._cache = cache
        self._source_ts = source_ts
        self._record = record
        self._soon = soon
        self._give_up = give_up
        self._waiting: list[Envelope] = []  # what happened to orders and is not stored yet
        self._try_after = 0.0  # time.monotonic() until which a store that refused is left alone
        # client order id -> its last: of every order that works, and of the latest that are over
        self._orders: OrderedDict[str, Envelope] = OrderedDict()
        self._over: OrderedDict[str, None] = OrderedDict()  # the oldest first
        self._fills: deque[Envelope] = deque(maxlen=_REMEMBERED_FILLS)
        self._states: dict[str, Envelope] = {}  # topic -> its last
        self.monitored: frozenset[str] = frozenset()  # limits that somebody else tells of
        self._checked: list[Finding] = []  # what the gate found since the book was published
        self._found: OrderedDict[tuple[str, str], Finding] = OrderedDict()  # limit, scope -> last
        self._wholes = Wholes()
        # client order id -> the middle of the quote when the order was made
        self._arrivals: OrderedDict[str, Decimal] = OrderedDict()

    # --- events ---------------------------------------------------------------------------

    def on_order_event(self, event: Any) -> None:
        """Tell of an order event of Nautilus, after its cache applied it."""
        if isinstance(event, OrderInitialized):
            self._note_arrival(event)
        order = self._cache.order(event.client_order_id)
        if order is None:
            return
        if isinstance(event, NautilusFill):
            self._on_fill(event, order)
        refused = isinstance(event, (OrderCancelRejected, OrderModifyRejected))
        if refused and order.is_closed:
            return  # it came too late, which says nothing of how the order ended
        if not (self.reconciling and event.reconciliation):
            self._tell_order(order, reason_of(order, event))

    def _note_arrival(self, event: OrderInitialized) -> None:
        quote = self._cache.quote_tick(event.instrument_id)
        if quote is not None:
            middle = (quote.bid_price.as_decimal() + quote.ask_price.as_decimal()) / 2
            self._arrivals[event.client_order_id.value] = middle
            if len(self._arrivals) > _REMEMBERED_ORDERS:
                self._arrivals.popitem(last=False)

    def tell_held(self, event: OrderInitialized) -> None:
        """Tell of an order that is made and held back: by an algorithm, or to be emulated.

        Nautilus says no more of it until it is let go.
        """
        order = self._cache.order(event.client_order_id)
        if order is not None and self._last(event.client_order_id.value) is None:
            self._tell_order(order, "")

    def catch_up(self, stored: Iterable[Envelope]) -> None:
        """Tell of every order that is not as it is in `stored`, and go on telling as it happens.

        Reconciliation plays each order of the venue again from its beginning; only where it ends
        is news.
        """
        self.flush()
        self.reconciling = False
        before = {
            told.body.client_order_id: told.body
            for told in (*stored, *self._orders.values())
            if isinstance(told.body, OrderUpdated)
        }
        for order in self._cache.orders():
            known = before.get(order.client_order_id.value)
            if known is None or _standing(known) != _standing(self._updated(order, "")):
                self._tell_order(order, "reconciled with the venue")
        self.flush()

    def settle(self, working: Iterable[OrderUpdated], theirs: Mapping[str, str]) -> None:
        """Tell of orders that the store has working and that Nautilus does not know.

        Reconciliation knows nothing of what the venue refused or never had. `theirs` are the
        statuses of all orders the venue has.
        """
        for order in working:
            if self._cache.order_exists(ClientOrderId(order.client_order_id)):
                continue
            if order.client_order_id in self._wholes:
                ended = msgspec.structs.replace(
                    order, status="CANCELED", reason=_NODE_ENDED, filled=_NOTHING
                )
                self._tell_whole(self._wholes.take(ended, asked=order.quantity))
                continue
            if order.status in ("INITIALIZED", "EMULATED", "RELEASED"):
                status, reason = "CANCELED", _NODE_ENDED
            elif order.client_order_id in theirs:
                status, reason = "REJECTED", "refused by the venue"
            else:
                status, reason = "REJECTED", "it never reached the venue"
            if theirs.get(order.client_order_id, "REJECTED") == "REJECTED":
                told = msgspec.structs.replace(order, status=status, reason=reason)
                self._tell_soon(told, self._topic(told))
                if (whole := self._whole_of(told)) is not None:
                    self._tell_whole(whole)
        self.flush()

    def _tell_order(self, order: Order, reason: str) -> None:
        told = self._updated(order, reason)
        if is_worked(told):
            return self._tell_whole(told)
        self._tell_soon(told, self._topic(told))
        if told.parent is not None and (whole := self._whole_of(told)) is not None:
            self._tell_whole(whole)

    def _tell_whole(self, whole: OrderUpdated) -> None:
        """Tell of an order that an algorithm works, where it is not as was told last."""
        if whole != self._last(whole.client_order_id):
            self._tell_soon(whole, self._topic(whole))

    def _whole_of(self, part: OrderUpdated) -> OrderUpdated | None:
        """Return what a part works for, as it stands with it; None when it hangs on it only."""
        parent = part.parent
        if parent is not None and parent not in self._wholes:
            order = self._cache.order(ClientOrderId(parent))
            if order is None or order.exec_algorithm_id is None:
                return None
            self._updated(order, "")
        return self._wholes.take_part(part)

    def _topic(self, told: OrderUpdated) -> str:
        return f"trading.order.{self.trader}.{told.strategy}"

    def _updated(self, order: Order, reason: str) -> OrderUpdated:
        name = order.client_order_id.value
        arrival = self._arrivals.get(name)
        if arrival is None and (last := self._last(name)) is not None:
            arrival = last.arrival_price
        own = order_updated(order, reason, arrival)
        if not is_worked(own):
            return own
        return self._wholes.take(own, asked=order.init_event.quantity.as_decimal())

    def _last(self, name: str) -> OrderUpdated | None:
        """Return the last that was told of an order, or is about to be."""
        known = self._orders.get(name)
        for told in reversed(self._waiting if known is None else [known, *self._waiting]):
            if isinstance(told.body, OrderUpdated) and told.body.client_order_id == name:
                return told.body
        return None

    def on_denied(self, order: Order, over: Finding | None, reason: str) -> None:
        """Tell that the gate let an order through no further."""
        limit = over.limit if over is not None else "gate"
        self.tell(
            LimitBreach(
                limit=limit,
                scope=f"order:{order.strategy_id.value}",
                # NaN is no number on the wire, and says as much as nothing does.
                value=over.value if over is not None and math.isfinite(over.value) else None,
                limit_value=over.bound if over is not None and math.isfinite(over.bound) else 0.0,
                action="deny",
                client_order_id=order.client_order_id.value,
                reason=reason,
            ),
            f"risk.breach.{self.trader}.{limit}",
        )

    def remember_orders(self, stored: Sequence[Envelope]) -> None:
        """Keep what an earlier life told of its orders, the oldest last."""
        self.order_count = len(stored)
        for told in reversed(stored):
            self.remember_order(told)
        self._wholes.remember(t.body for t in reversed(stored) if isinstance(t.body, OrderUpdated))

    def remember_order(self, told: Envelope) -> None:
        """Keep an order's last envelope for snapshots."""
        body = told.body
        assert isinstance(body, OrderUpdated)
        name = body.client_order_id
        self._orders[name] = told
        self._orders.move_to_end(name)
        if body.status in OVER:
            self._over[name] = None
            if len(self._over) > _REMEMBERED_ORDERS:
                del self._orders[self._over.popitem(last=False)[0]]

    def remember_fill(self, told: Envelope) -> None:
        """Account for a fill that is in the store."""
        fill = told.body
        assert isinstance(fill, OrderFilled)
        self.fill_count += 1
        self._fills.append(told)
        self.accounts.fill(fill)

    def tell(self, body: Event, topic: str) -> None:
        """Tell an event of the node itself, after what happened before it."""
        self.flush()
        told = self._outbox.publish(body, topic, source_ts=self._source_ts())
        if told is not None:
            self._note(told)

    def flush(self) -> None:
        """Tell what happened to orders and was not told yet.

        Raises
        ------
        StoreUnwritable
            When the store cannot write for now: all of it waits on, in its order.
        StoreError
            When it never will: the node ends.
        """
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        try:
            stored = self._outbox.publish_many(waiting)
        except StoreUnwritable as error:
            self._waiting = waiting + self._waiting
            if len(waiting) > _MOST_WAITING:
                self._give_up(error)
            raise
        except Exception as error:
            self._give_up(error)
            raise
        for told in stored:
            if told is not None:  # a fill that was stored before
                self._note(told)

    @property
    def waiting(self) -> int:
        """How many events of orders wait for the store."""
        return len(self._waiting)

    def flush_if_can(self) -> None:
        """Tell it if the store can write; else a little later, and whoever asks goes on."""
        begun = time.monotonic()
        if self._waiting and begun < self._try_after:
            return
        try:
            self.flush()
        except StoreUnwritable as error:
            # A store that is locked holds up the loop with each try: it has twice that time free.
            now = time.monotonic()
            self._try_after = now + max(_TRY_AGAIN_S, 2 * (now - begun))
            log.error("%d events of orders wait for the store: %s", len(self._waiting), error)

    def _on_fill(self, event: NautilusFill, order: Order) -> None:
        """Tell of a fill, unless the store has its trade id already."""
        fill = OrderFilled(
            trade_id=event.trade_id.value,
            client_order_id=event.client_order_id.value,
            strategy=order.strategy_id.value,
            instrument=event.instrument_id.value,
            side=side_of(event.order_side),
            quantity=event.last_qty.as_decimal(),
            price=event.last_px.as_decimal(),
            commission=event.commission.as_decimal(),
            currency=event.currency.code,
            multiplier=self._multiplier(event),
        )
        self._tell_soon(fill, f"trading.fill.{self.trader}.{order.strategy_id.value}")

    def _multiplier(self, event: NautilusFill) -> Decimal:
        """Return what a point of the instrument of a fill is worth."""
        instrument = self._cache.instrument(event.instrument_id)
        if instrument is None:  # the fill is told all the same, and venues differ from it
            log.error("%s has no definition: its multiplier is taken for 1", event.instrument_id)
            return Decimal(1)
        return Decimal(instrument.multiplier.as_decimal())

    def _tell_soon(self, body: OrderUpdated | OrderFilled, topic: str) -> None:
        """Tell it with all else that happens to orders in this turn of the loop."""
        self._waiting.append(self._outbox.event(body, topic, source_ts=self._source_ts()))
        if len(self._waiting) == 1:
            self._soon(self.flush_if_can)

    def _note(self, told: Envelope) -> None:
        """Keep what is in the store now."""
        self._record(told)
        # A handler on the bus may have told something in between.
        self.seq = max(self.seq, told.seq or 0)
        body = told.body
        if isinstance(body, OrderFilled):
            self.remember_fill(told)
        elif isinstance(body, OrderUpdated):
            self.order_count += body.client_order_id not in self._orders
            self.remember_order(told)

    # --- states ---------------------------------------------------------------------------

    def on_quote(self, quote: QuoteTick) -> None:
        """Tell of a quote and value the position it is for."""
        bid, ask = float(quote.bid_price), float(quote.ask_price)
        instrument = quote.instrument_id.value
        self.accounts.mark(instrument, (bid + ask) / 2)
        body = QuoteUpdated(
            instrument=instrument,
            bid=bid,
            ask=ask,
            bid_size=float(quote.bid_size),
            ask_size=float(quote.ask_size),
        )
        symbol, venue = quote.instrument_id.symbol.value, quote.instrument_id.venue.value
        self.state(body, f"market.quote.{venue}.{symbol}")

    def on_bar(self, bar: Bar) -> None:
        """Tell of a bar that has closed."""
        kind = bar.bar_type
        instrument, spec = kind.instrument_id, str(kind.spec)
        body = BarUpdated(
            instrument=instrument.value,
            spec=spec,
            open=float(bar.open),
            high=float(bar.high),
            low=float(bar.low),
            close=float(bar.close),
            volume=float(bar.volume),
        )
        self.state(body, f"market.bar.{instrument.venue.value}.{instrument.symbol.value}.{spec}")

    def publish_book(self) -> None:
        """Tell positions, account, P&L and limits as they are now."""
        accounts, trader = self.accounts, self.trader
        book = accounts.positions
        for instrument in book.instruments:
            position = book[instrument]
            body = PositionUpdated(
                instrument=instrument,
                quantity=position.quantity,
                average_price=position.average_price,
                market_price=position.price,
                market_value=position.market_value,
                unrealised=position.unrealised,
                realised=position.realised,
                multiplier=position.multiplier,
            )
            self.state(body, f"trading.position.{trader}.all.{instrument}")
        for venue, held in accounts.at.items():
            equity = accounts.equity_at(venue)
            self.state(
                AccountUpdated(
                    venue=venue,
                    currency="USD",
                    cash=equity - held.net,
                    equity=equity,
                    gross_exposure=held.gross,
                    net_exposure=held.net,
                ),
                f"trading.account.{trader}.{venue}",
            )
        self._publish_pnl("account", book, accounts.equity)
        for strategy, held in accounts.of.items():
            self._publish_pnl(strategy, held, held.net)
        self._sort_findings()
        for (limit, scope), finding in self._found.items():
            self._publish_limit(limit, scope, finding)

    def _publish_limit(self, limit: str, scope: str, finding: Finding) -> None:
        used = finding.utilisation
        if not math.isfinite(used):
            return
        self.state(
            LimitUpdated(
                limit=limit,
                scope=scope,
                value=finding.value,
                limit_value=finding.bound,
                utilisation=used,
                level=level_of(used),
            ),
            f"risk.limit.{self.trader}.{limit}"
            + ("" if scope in (_ORDER, _ACCOUNT) else f".{scope}"),
        )

    def _publish_pnl(self, scope: str, book: LivePositions, equity: float) -> None:
        self.state(
            PnlUpdated(
                scope=scope,
                currency="USD",
                realised=book.realised,
                unrealised=book.unrealised,
                commissions=book.commissions,
                total=book.total,
                equity=equity,
            ),
            f"analytics.pnl.{self.trader}.{scope}",
        )

    def on_checked(self, findings: Sequence[Finding]) -> None:
        """Note what the gate found of an order, which waits for this to leave."""
        self._checked += findings
        if len(self._checked) > _MOST_CHECKED:
            self._sort_findings()

    def _sort_findings(self) -> None:
        """Keep what was measured last of each limit; of one order's size the largest."""
        findings, self._checked = self._checked, []
        for finding in findings:
            if finding.limit in self.monitored:
                continue
            key = (finding.limit, finding.scope)
            last = self._found.get(key)
            if last is None or finding.scope != _ORDER or not finding.value < last.value:
                self._found[key] = finding
            if len(self._found) > _REMEMBERED_LIMITS:
                self._found.popitem(last=False)

    def state(self, body: State, topic: str) -> None:
        """Publish a state when it differs from the last one of its topic."""
        last = self._states.get(topic)
        if last is not None and last.body == body:
            return
        now = envelope(
            body,
            topic,
            trader=self.trader,
            writer=self.writer,
            epoch=self.epoch,
            source_ts=self._source_ts(),
            simulated=True,
        )
        self._states[topic] = now
        self._record(now)
        self._publish(now)

    def snapshot(self) -> Snapshot:
        """Return the present, stamped with the last event's number."""
        self.flush_if_can()
        return Snapshot(
            trader=self.trader,
            epoch=self.epoch,
            seq=self.seq,
            ts=time.time_ns(),
            simulated=True,
            orders=tuple(self._orders.values()),
            states=tuple(self._states.values()),
            fills=tuple(self._fills),
        )


def _standing(order: OrderUpdated) -> tuple[object, ...]:
    """Return what the venue may have changed of an order."""
    return (order.status, order.filled, order.quantity, order.limit_price, order.trigger_price)
