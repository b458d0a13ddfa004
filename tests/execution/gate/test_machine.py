"""Random trading on Nautilus' simulated exchange, beside a slow account of what the book must say.

The account is worked out anew from the orders themselves at every event: positions from fills,
what works from sizes and statuses, links between orders from what they say. It shares nothing with
the book.
"""

from __future__ import annotations

import math
from collections import defaultdict

import hypothesis.strategies as st
from hypothesis import HealthCheck, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)
from nautilus_trader.model.enums import OrderType, TimeInForce, TriggerType
from nautilus_trader.model.objects import Price

from nautilus_lab.risk.limits import MaxGrossExposure, MaxOrderNotional, MaxPositionUnits
from tests.execution.gate.stand import AAPL, SECOND, Stand, equity

MSFT = equity("MSFT")
MOST_UNITS = 120
MOST_GROSS = 20_000.0

OVER = {"DENIED", "REJECTED", "CANCELED", "EXPIRED", "FILLED"}
UNSENT = {"INITIALIZED", "EMULATED", "RELEASED"}

hands = st.integers(0, 1)
instruments = st.sampled_from([AAPL, MSFT])
sizes = st.integers(1, 50).flatmap(lambda n: st.sampled_from([n, -n]))
cents = st.integers(-300, 300)


class Account:
    """What is held and what may still trade, summed up from every order there is."""

    def __init__(self, stand):
        self.stand = stand
        self.asked = defaultdict(list)  # client order id -> sizes asked for and not answered
        self._sent = set()  # client order ids that the gate let go
        self._read = 0

    @property
    def sent(self):
        intents = self.stand.journal.intents
        for intent in intents[self._read :]:
            if (intent.command, intent.verdict) == ("submit", "forwarded"):
                self._sent.add(intent.client_order_id)
        self._read = len(intents)
        return self._sent

    def orders(self):
        return {order.client_order_id.value: order for order in self.stand.cache.orders()}

    def held(self, instrument):
        total = 0
        for position in self.stand.cache.positions_open(instrument_id=instrument.id):
            total += int(position.signed_qty)
        return total

    def leaves(self, order):
        name = order.client_order_id.value
        if name not in self.sent or order.status_string() in OVER:
            return 0
        largest = max([int(order.quantity), *self.asked[name]])
        return max(0, largest - int(order.filled_qty))

    def waits(self, order, orders, between):
        """How much of an exit its entry has not opened yet.

        An entry that is over takes its exits with it, one event after the other.
        """
        parent = orders.get(order.parent_order_id.value) if order.parent_order_id else None
        if parent is None or (parent.status_string() in OVER and not between):
            return 0
        beyond = max(0, self.leaves(order) + int(order.filled_qty) - int(parent.quantity))
        return max(0, self.leaves(order) - int(parent.filled_qty) - beyond)

    def queued(self, instrument, between=False):
        """Units that may still be bought and sold; of linked orders the largest."""
        orders = self.orders()
        linked = {True: defaultdict(int), False: defaultdict(int)}
        for name, order in orders.items():
            if order.instrument_id != instrument.id:
                continue
            counted = self.leaves(order) - self.waits(order, orders, between)
            family = name
            if order.linked_order_ids and order.contingency_type.name in ("OCO", "OUO"):
                links = [link.value for link in order.linked_order_ids]
                family = min(name, *links)
                if between and any(orders[link].status_string() == "FILLED" for link in links):
                    continue  # its end is told next
            side = linked[order.is_buy]
            side[family] = max(side[family], counted)
        return sum(linked[True].values()), sum(linked[False].values())


class Trading(RuleBasedStateMachine):
    @initialize(latency=st.sampled_from([0, 0, 1, 3 * SECOND]))
    def begin(self, latency):
        self.stand = stand = Stand(
            MaxOrderNotional(max_notional=15_000),
            MaxPositionUnits(max_units=MOST_UNITS),
            MaxGrossExposure(max_notional=MOST_GROSS),
            instruments=(AAPL, MSFT),
            hands=2,
            latency_ns=latency,
        )
        self.account = Account(stand)
        self.broken = []
        bus = stand.engine.kernel.msgbus
        bus.subscribe("events.order.*", self.on_event, priority=15)  # after the book
        self.middle = {AAPL: 10_000, MSFT: 10_000}

    def teardown(self):
        if hasattr(self, "stand"):
            self.stand.engine.dispose()

    # --- what is seen at each event -------------------------------------------------------

    def on_event(self, event):
        name, kind = event.client_order_id.value, type(event).__name__
        asked = self.account.asked[name]
        if kind == "OrderUpdated" and int(event.quantity) in asked:
            asked.remove(int(event.quantity))
        elif kind == "OrderModifyRejected" and asked:
            asked.remove(min(asked))
        try:
            self.compare(between=True)
        except AssertionError as error:
            self.broken.append(f"{kind} of {name}: {error}")

    def compare(self, between=False):
        stand = self.stand
        for instrument in (AAPL, MSFT):
            buys, sells = stand.queued(instrument)
            assert buys >= 0
            assert sells >= 0
            held = stand.held(instrument)
            slow = self.account.queued(instrument, between)
            # An exchange that changes several orders at once tells of them one after the other.
            assert between or (buys, sells) == slow, instrument.id
            worst = max(abs(held + slow[0]), abs(held - slow[1]))
            assert worst <= MOST_UNITS, (instrument.id, held, slow)

    # --- what is done ---------------------------------------------------------------------

    def act(self, hand, act, instrument=AAPL, size=1_000_000):
        self.stand.hands[hand].wanted.append(act)
        self.tick(instrument, size)

    def tick(self, instrument, size=1_000_000):
        middle = self.middle[instrument] / 100
        self.stand.quote(f"{middle - 0.01:.2f}", f"{middle + 0.01:.2f}", on=instrument, size=size)

    @rule(instrument=instruments, move=st.integers(-150, 150), size=st.sampled_from([5, 40, 10**6]))
    def quote(self, instrument, move, size):
        self.middle[instrument] = min(12_000, max(8_000, self.middle[instrument] + move))
        self.tick(instrument, size)

    @rule(hand=hands, instrument=instruments, units=sizes)
    def market(self, hand, instrument, units):
        self.act(hand, lambda s: s.market(units, on=instrument), instrument)

    @rule(
        hand=hands,
        instrument=instruments,
        units=sizes,
        off=cents,
        kind=st.sampled_from(["gtc", "ioc", "post", "emulated", "reduce"]),
        size=st.sampled_from([10, 10**6]),
    )
    def limit(self, hand, instrument, units, off, kind, size):
        more = {
            "gtc": {},
            "ioc": {"time_in_force": TimeInForce.IOC},
            "post": {"post_only": True},
            "emulated": {"emulation_trigger": TriggerType.BID_ASK},
            "reduce": {"reduce_only": True},
        }[kind]
        price = (self.middle[instrument] + off) / 100
        self.act(hand, lambda s: s.limit(units, price, on=instrument, **more), instrument, size)

    @rule(hand=hands, instrument=instruments, units=sizes, off=st.integers(5, 300))
    def stop(self, hand, instrument, units, off):
        trigger = (self.middle[instrument] + (off if units > 0 else -off)) / 100
        self.act(hand, lambda s: s.stop_at(units, trigger, on=instrument), instrument)

    @rule(
        hand=hands,
        instrument=instruments,
        units=sizes,
        off=st.integers(10, 200),
        resting=st.booleans(),
        emulated=st.booleans(),
        size=st.sampled_from([10, 10**6]),
    )
    def bracket(self, hand, instrument, units, off, resting, emulated, size):
        middle, sign = self.middle[instrument], 1 if units > 0 else -1
        more = {"emulation_trigger": TriggerType.BID_ASK} if emulated else {}
        if resting:
            more |= {
                "entry_order_type": OrderType.LIMIT,
                "entry_price": Price.from_str(f"{(middle - sign * 5) / 100:.2f}"),
            }
        stop, profit = (middle - sign * (off + 10)) / 100, (middle + sign * off) / 100
        self.act(
            hand,
            lambda s: s.bracket(units, stop=stop, profit=profit, on=instrument, **more),
            instrument,
            size,
        )

    @rule(
        hand=hands,
        instrument=instruments,
        units=st.lists(st.sampled_from([-70, -30, 30, 70]), min_size=2, max_size=4),
    )
    def orders_as_one(self, hand, instrument, units):
        price = self.middle[instrument] / 100

        def act(strategy):
            made = [
                strategy.limit(n, price - (1 if n > 0 else -1), on=instrument, send=False)
                for n in units
            ]
            strategy.submit_order_list(strategy.order_factory.create_list(made))

        self.act(hand, act, instrument)

    @rule(
        hand=hands,
        which=st.integers(0, 50),
        units=st.none() | st.integers(1, 80),
        off=st.none() | st.integers(-300, -20),
    )
    def change(self, hand, which, units, off):
        def act(strategy):
            mine = strategy.cache.orders_open(strategy_id=strategy.id)
            if not mine:
                strategy.limit(10, self.middle[AAPL] / 100 - 1)
                return
            order = sorted(mine, key=lambda o: o.client_order_id.value)[which % len(mine)]
            instrument = AAPL if order.instrument_id == AAPL.id else MSFT
            price = None if off is None else (self.middle[instrument] + off) / 100
            before = len(self.stand.journal.intents)
            if order.has_price and order.order_type is not OrderType.MARKET:
                strategy.change(order, units=units, price=price)
            else:
                strategy.change(order, units=units)
            # Asked for from now on, as far as the gate let it.
            for intent in self.stand.journal.intents[before:]:
                if intent.command == "modify" and intent.verdict == "forwarded":
                    quantity = intent.body["new_quantity"] or intent.body["quantity"]
                    answered = order.status_string() != "PENDING_UPDATE"
                    if not answered and not order.is_closed:
                        self.account.asked[order.client_order_id.value].append(int(quantity))

        self.act(hand, act)

    @rule(hand=hands, which=st.integers(0, 50))
    def cancel(self, hand, which):
        def act(strategy):
            mine = [o for o in strategy.cache.orders(strategy_id=strategy.id) if not o.is_closed]
            if mine:
                strategy.cancel_order(mine[which % len(mine)])

        self.act(hand, act)

    @rule(hand=hands, instrument=instruments)
    def close_all(self, hand, instrument):
        def act(strategy):
            strategy.cancel_all_orders(instrument.id)
            strategy.close_all_positions(instrument.id)

        self.act(hand, act, instrument)

    @rule(state=st.sampled_from(["ACTIVE"] * 6 + ["REDUCE_ONLY", "HALTED"]))
    def move_state(self, state):
        switch = self.stand.gate.state
        if state == switch.state:
            return
        if state == "ACTIVE" or (state, switch.state) == ("REDUCE_ONLY", "HALTED"):
            switch.loosen(state, reason="a test", by="ana")
        else:
            switch.tighten(state, reason="a test", by="ana")

    # --- what must hold -------------------------------------------------------------------

    @invariant()
    @precondition(lambda self: hasattr(self, "stand"))
    def nothing_broke(self):
        assert self.broken == [], self.broken
        self.compare()

    @invariant()
    @precondition(lambda self: hasattr(self, "stand"))
    def positions_are_nautilus(self):
        stand = self.stand
        for instrument in (AAPL, MSFT):
            assert stand.held(instrument) == self.account.held(instrument)
            assert stand.held(instrument) == stand.engine.portfolio.net_position(instrument.id)
            for number, hand in enumerate(stand.hands):
                mine = stand.cache.positions_open(instrument_id=instrument.id, strategy_id=hand.id)
                assert stand.held(instrument, number) == sum(int(p.signed_qty) for p in mine)

    @invariant()
    @precondition(lambda self: hasattr(self, "stand"))
    def equity_is_the_accounts(self):
        stand, cash = self.stand, 0.0
        account = stand.cache.account_for_venue(AAPL.id.venue)
        for position in stand.cache.positions_open():
            instrument = AAPL if position.instrument_id == AAPL.id else MSFT
            mark = self.middle[instrument] / 100
            cash += float(position.unrealized_pnl(Price.from_str(f"{mark:.2f}")))
        wanted = float(account.balance_total()) + cash
        # Nautilus rounds what each fill earned to cents.
        cents = 1 + sum(len(order.trade_ids) for order in stand.cache.orders())
        assert math.isclose(stand.book.equity, wanted, abs_tol=cents / 100)

    @precondition(lambda self: hasattr(self, "stand"))
    @rule()
    def over_and_done(self):
        """Cancel all and wait: nothing is reserved for what is over."""
        stand = self.stand
        if stand.gate.state.state != "ACTIVE":
            stand.gate.state.loosen("ACTIVE", reason="the end", by="ana")
        for number in (0, 1):
            for instrument in (AAPL, MSFT):
                self.act(number, lambda s, i=instrument: s.cancel_all_orders(i.id), instrument)
        for _ in range(12):
            self.tick(AAPL)
            self.tick(MSFT)
        alive = [o for o in stand.cache.orders() if o.status_string() not in OVER | UNSENT]
        if not alive:
            for instrument in (AAPL, MSFT):
                assert stand.queued(instrument) == (0, 0)
            assert stand.book._entries == {}


Trading.TestCase.settings = settings(
    max_examples=20,
    stateful_step_count=40,
    deadline=None,
    derandomize=True,  # the same in every run; a campaign takes more examples, and other ones
    suppress_health_check=[HealthCheck.too_slow],
)


class TestTrading(Trading.TestCase):
    """The machine, as pytest collects it."""
