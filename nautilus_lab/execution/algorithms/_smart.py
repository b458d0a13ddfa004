"""SMART: an order that goes to the venues that offer most for it."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any, get_args

from nautilus_trader.model.data import QuoteTick
from nautilus_trader.model.enums import OrderSide, TimeInForce
from nautilus_trader.model.instruments import Instrument
from nautilus_trader.model.orders import Order

from nautilus_lab.exceptions import BadData, InputError
from nautilus_lab.execution.algorithms._parameters import Parameters
from nautilus_lab.execution.algorithms._room import Available, room_in
from nautilus_lab.execution.algorithms._worked import HandOver, Job, WorkedOrders, refused
from nautilus_lab.execution.routing import Leg, Offer, Policy, Route, plan_route
from nautilus_lab.platform.messages import OrderRouted

log = logging.getLogger(__name__)

_NS = 1_000_000_000
_BPS = 10_000
_ZERO = Decimal(0)


@dataclass(frozen=True, kw_only=True)
class _Terms:
    rounds: int
    wait_ns: int
    policy: Policy


class _SmartJob(Job):
    def __init__(self, parent: Order, lot: Decimal, began_ns: int, terms: _Terms) -> None:
        super().__init__(parent, lot, began_ns)
        self.terms = terms
        self.side: Any = "BUY" if parent.side == OrderSide.BUY else "SELL"
        self.instrument_id = parent.instrument_id
        self.lasts = parent.time_in_force
        self.expire_ns: int = getattr(parent, "expire_time_ns", 0) or 0
        self.places: dict[str, Instrument] = {}  # venue -> what is traded there
        self.round = 0
        self.wait_until_ns = 0
        self.rests = False
        self.legs: dict[str, str] = {}  # child that is not seen to have ended -> its venue
        self.shut: dict[str, str] = {}  # venue -> why it gets nothing any more
        self.taken: dict[str, tuple[int, Decimal]] = {}  # venue -> of which quote, and how much


class Smart(WorkedOrders):
    """Splits an order among all venues that trade its symbol, so that it costs least.

    ================  ==============================================================  ===========
    parameter         meaning                                                         default
    ================  ==============================================================  ===========
    rounds            how often it is split at most: again when something is left     3
    wait_secs         how long to wait for new quotes when those seen are used up     1
    policy            ``"best price after fees"`` or ``"best price"``                 after fees
    ================  ==============================================================  ===========

    Each round looks at the last quote of the symbol at every venue, splits what is left by
    `plan_route`, tells the decision, and only then sends each venue a LIMIT order that trades at
    once or not at all, at the worst price planned for it. What a quote has shown is asked for
    once. A venue that refuses, or through which the gate lets nothing, gets nothing more.

    What is left then goes, if the order is MARKET, to the market of the best venue; if it is
    LIMIT it rests there, as long as the order was to last. An order that must trade at once
    (``"IOC"``) ends instead. An answer that does not come counts as an order that may still
    trade: nothing is sent in its place.

    Parameters
    ----------
    hand_over : callable, optional
        See `WorkedOrders`.
    on_routed : callable, optional
        Told of each decision before any of it is sent; when it raises, nothing is.
    available : callable, optional
        Takes venue, symbol and side and returns the units the account may trade there, or None
        for any number; by Nautilus' cache when not given.
    is_reachable : callable, optional
        Takes a venue and returns whether orders get there now.
    max_quote_age_s : float, optional
        Older quotes are not believed; any age is when not given.
    """

    NAME = "SMART"
    TIMES = frozenset({"GTC", "DAY", "GTD", "IOC"})

    def __init__(
        self,
        hand_over: HandOver | None = None,
        *,
        on_routed: Callable[[OrderRouted], object] = lambda routed: None,
        available: Available | None = None,
        is_reachable: Callable[[str], bool] = lambda venue: True,
        max_quote_age_s: float | None = None,
    ) -> None:
        super().__init__(hand_over)
        self._on_routed = on_routed
        self._available = available
        self._is_reachable = is_reachable
        self._max_quote_age_s = max_quote_age_s
        self._followed: set[Any] = set()  # instruments whose quotes come here
        self._waiting: set[_SmartJob] = set()

    def terms(self, given: Mapping[str, Any], quantity: Decimal, instrument: str) -> _Terms:
        """Read an order's parameters; see `WorkedOrders.terms`."""
        told = Parameters(self.NAME, given, ("rounds", "wait_secs", "policy"))
        policy: Any = told.text("policy", default=get_args(Policy)[0])
        if policy not in get_args(Policy):
            raise InputError(
                "a policy must be one of those known",
                value=policy,
                remedy=f"one of {', '.join(get_args(Policy))}",
            )
        return _Terms(
            rounds=told.whole("rounds", default=3, least=1, most=20),
            wait_ns=round(told.number("wait_secs", default=1.0, most=60.0) * _NS),
            policy=policy,
        )

    def on_start(self) -> None:
        """Follow all order events."""
        super().on_start()
        if self._available is None:
            self._available = room_in(self.cache)

    def on_reset(self) -> None:
        """Forget all parents."""
        super().on_reset()
        self._followed.clear()
        self._waiting.clear()

    def begin(self, parent: Order, lot: Decimal, terms: _Terms) -> Job:
        """Return the job of a parent; see `WorkedOrders.begin`."""
        job = _SmartJob(parent, lot, self.clock.timestamp_ns(), terms)
        own = self.cache.instrument(parent.instrument_id)
        alike = [
            instrument
            for instrument in self.cache.instruments()
            if instrument.id.symbol == own.id.symbol
            and instrument.quote_currency == own.quote_currency
            and instrument.multiplier == own.multiplier
        ]
        # Of equal offers the venue that was asked for is taken.
        alike.sort(key=lambda i: (i.id != own.id, i.id.venue.value))
        job.places = {instrument.id.venue.value: instrument for instrument in alike}
        for instrument in alike:
            if instrument.id not in self._followed:
                self._followed.add(instrument.id)
                self.subscribe_quote_ticks(instrument.id)
        self._plan(job, *self._offers(job))  # raises when there is nowhere to send it
        return job

    def on_quote_tick(self, tick: QuoteTick) -> None:
        """Have those look that wait for quotes of its symbol."""
        for job in tuple(self._waiting):
            if job.over:
                self._waiting.discard(job)
            elif job.instrument_id.symbol == tick.instrument_id.symbol:
                self.look(job)

    # --- decisions ------------------------------------------------------------------------

    def work(self, job: _SmartJob) -> None:
        """Route what is left, wait for quotes, or let it rest."""
        self._note_ends(job)
        if job.open:
            return
        rested = job.rests and not refused(job.last_end)
        if job.left <= 0 or rested:
            self.finish(job)
        elif job.rests or not (self._route(job) or self._wait(job)):
            self._rest(job)

    def _note_ends(self, job: _SmartJob) -> None:
        for name in [name for name in job.legs if name not in job.open]:
            venue, child = job.legs.pop(name), self._order(name)
            if child is not None and refused(child.status):
                job.shut[venue] = f"it refused {name}: {job.reason}"

    def _route(self, job: _SmartJob) -> bool:
        """Send what the quotes have for what is left; False when that is nothing."""
        if job.round >= job.terms.rounds:
            return False
        try:
            route = self._plan(job, *self._offers(job))
        except BadData:
            return False
        if not route.legs:
            return False
        job.round += 1
        job.wait_until_ns = 0
        self._waiting.discard(job)
        self._carry_out(job, route, TimeInForce.IOC)
        return True

    def _wait(self, job: _SmartJob) -> bool:
        """Wait for quotes if there is a reason to, and time."""
        # A limit that nobody has met so far is better rested than waited with.
        hopeful = job.limit_price is None or job.round > 0
        if job.round >= job.terms.rounds or job.lasts is TimeInForce.IOC or not hopeful:
            return False
        now = self.now(job)
        if not job.wait_until_ns:
            job.wait_until_ns = now + job.terms.wait_ns
            self._waiting.add(job)
        if now >= job.wait_until_ns:
            return False
        self.ring(job, job.wait_until_ns)
        return True

    def _rest(self, job: _SmartJob) -> None:
        """Let what is left rest, or take the market, at the best venues that have room for it."""
        self._waiting.discard(job)
        job.rests = True
        offers, passed_over = self._offers(job, sizes=False)
        while job.lasts is not TimeInForce.IOC and job.left > 0:
            try:
                route = self._plan(job, offers, passed_over)
            except BadData as error:
                log.warning("%s rests nowhere: %s", job.name, error)
                break
            best = next((offer for offer in offers if offer.venue == route.rest_at), None)
            if best is None:
                break
            offers.remove(best)
            self._carry_out(job, self._at_rest(job, route, best), job.lasts)
        if not job.open:
            self.finish(job)

    # --- plans ----------------------------------------------------------------------------

    def _offers(self, job: _SmartJob, *, sizes: bool = True) -> tuple[list[Offer], dict[str, str]]:
        """Return what the venues offer now, and why others of them cannot be asked."""
        offers, passed_over = [], dict(job.shut)
        now = self.now(job)
        for venue, instrument in job.places.items():
            if venue in job.shut:
                continue
            quote = self.cache.quote_tick(instrument.id)
            if quote is None:
                passed_over[venue] = "no quote"
            elif not self._is_reachable(venue):
                passed_over[venue] = "not reachable"
            else:
                offers.append(self._offer(job, venue, instrument, quote, now, sizes))
        return offers, passed_over

    def _offer(
        self,
        job: _SmartJob,
        venue: str,
        instrument: Instrument,
        quote: QuoteTick,
        now: int,
        sizes: bool,
    ) -> Offer:
        bid_size, ask_size = quote.bid_size.as_decimal(), quote.ask_size.as_decimal()
        of_ns, taken = job.taken.get(venue, (0, _ZERO))
        taken = taken if of_ns == quote.ts_event else _ZERO
        if job.side == "BUY":
            ask_size = max(_ZERO, ask_size - taken) if sizes else _ZERO
        else:
            bid_size = max(_ZERO, bid_size - taken) if sizes else _ZERO
        assert self._available is not None
        return Offer.of_quote(
            venue,
            bid=quote.bid_price.as_decimal(),
            ask=quote.ask_price.as_decimal(),
            bid_size=bid_size,
            ask_size=ask_size,
            fee_bps=float(instrument.taker_fee * _BPS),
            lot=instrument.size_increment.as_decimal(),
            most=self._available(venue, instrument.id.symbol.value, job.side),
            age_s=max(0.0, (now - quote.ts_event) / _NS),
        )

    def _plan(self, job: _SmartJob, offers: list[Offer], passed_over: dict[str, str]) -> Route:
        try:
            route = plan_route(
                job.side,
                job.left,
                offers,
                job.limit_price,
                policy=job.terms.policy,
                max_age_s=self._max_quote_age_s,
            )
        except BadData as error:
            more = "; ".join(f"{venue}: {why}" for venue, why in passed_over.items())
            value = "; ".join(filter(None, (str(error.value), more))) if offers else more
            raise BadData(error.rule, value=value, remedy=error.remedy) from None
        return dataclasses.replace(route, passed_over={**passed_over, **route.passed_over})

    def _at_rest(self, job: _SmartJob, route: Route, offer: Offer) -> Route:
        """Return the route of which the best venue gets all that it has room for."""
        places = offer.asks if job.side == "BUY" else offer.bids
        price = self._on_tick(job, offer.venue) if job.limit_price is not None else places[0][0]
        room = job.left if offer.most is None else min(job.left, offer.most)
        quantity = (room / offer.lot).to_integral_value(ROUND_FLOOR) * offer.lot
        fee = Decimal(str(offer.fee_bps)) / _BPS
        leg = Leg(
            venue=offer.venue,
            quantity=quantity,
            price=price,
            available=_ZERO,
            fee_bps=offer.fee_bps,
            expected_cost=quantity * price * (1 + fee if job.side == "BUY" else 1 - fee),
            reason="what is left rests where it would trade first"
            if job.limit_price is not None
            else "what is left takes the market where it is best",
        )
        passed_over = {v: why for v, why in route.passed_over.items() if v != offer.venue}
        return dataclasses.replace(
            route, legs=(leg,), unplaced=job.left - quantity, passed_over=passed_over
        )

    def _on_tick(self, job: _SmartJob, venue: str) -> Decimal:
        """Return the order's limit as a price of the venue, no worse than it was."""
        assert job.limit_price is not None
        tick = job.places[venue].price_increment.as_decimal()
        rounding = ROUND_FLOOR if job.side == "BUY" else ROUND_CEILING
        return Decimal((job.limit_price / tick).to_integral_value(rounding) * tick)

    def _carry_out(self, job: _SmartJob, route: Route, lasts: TimeInForce) -> None:
        """Tell of a route, then send its legs."""
        names = {leg.venue: self.next_name(job, n) for n, leg in enumerate(route.legs, start=1)}
        multiplier = job.places[job.instrument_id.venue.value].multiplier.as_decimal()
        name = job.instrument_id.value
        self._on_routed(route.message(job.name, name, names, multiplier=multiplier))
        for leg in route.legs:
            if job.over:
                return
            job.legs[names[leg.venue]] = leg.venue
            self._note_taken(job, leg)
            self.send(
                job,
                leg.quantity,
                # What takes the market at last has no bound; nor had its parent.
                limit_price=leg.price if not job.rests or job.limit_price is not None else None,
                time_in_force=lasts,
                instrument_id=job.places[leg.venue].id,
                expire_ns=job.expire_ns if job.rests else 0,
            )

    def _note_taken(self, job: _SmartJob, leg: Leg) -> None:
        quote = self.cache.quote_tick(job.places[leg.venue].id)
        of_ns, taken = job.taken.get(leg.venue, (0, _ZERO))
        before = taken if of_ns == quote.ts_event else _ZERO
        job.taken[leg.venue] = (quote.ts_event, before + leg.quantity)
