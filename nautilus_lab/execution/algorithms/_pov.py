"""POV: an order that keeps to a part of the volume that trades."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from typing import Any

from nautilus_trader.model.data import TradeTick
from nautilus_trader.model.enums import OrderSide, TimeInForce
from nautilus_trader.model.orders import Order

from nautilus_lab.execution.algorithms._parameters import Parameters
from nautilus_lab.execution.algorithms._worked import HandOver, Job, WorkedOrders

_NS = 1_000_000_000
_DAY_SECS = 86_400.0


@dataclass(frozen=True, kw_only=True)
class _Terms:
    rate: Decimal
    horizon_ns: int
    interval_ns: int
    least: Decimal
    most: Decimal | None


class _PovJob(Job):
    def __init__(self, parent: Order, lot: Decimal, began_ns: int, terms: _Terms) -> None:
        super().__init__(parent, lot, began_ns)
        self.terms = terms
        self.instrument_id = parent.instrument_id
        self.buy: bool = parent.side == OrderSide.BUY
        self.lasts = parent.time_in_force
        self.volume = Decimal(0)
        self.sent_ns = 0

    def counts(self, tick: TradeTick) -> bool:
        """Whether a trade is volume to keep up with: no earlier one, and within the limit."""
        if tick.ts_event < self.began_ns:
            return False
        price, limit = tick.price.as_decimal(), self.limit_price
        return limit is None or bool(price <= limit if self.buy else price >= limit)


class Pov(WorkedOrders):
    """Works an order as a part of the volume that others trade, and no faster.

    ================  ==============================================================  ===========
    parameter         meaning                                                         default
    ================  ==============================================================  ===========
    rate              of the volume seen since the order came, at most this fraction  must be given
    horizon_secs      when the order ends with what it has, at most a day             must be given
    interval_secs     the shortest time from slice to slice                           1
    min_slice         units; a smaller slice waits until there is more                a lot
    max_slice         units; the largest slice                                        none
    ================  ==============================================================  ===========

    The volume is that of the trades of its own instrument; of a LIMIT order, of those within its
    limit. Slices of a MARKET order are MARKET orders, those of a LIMIT order are LIMIT orders at
    its price that trade at once or not at all; what does not trade is asked for again with the
    next trade that is seen. The parent ends when all of it is filled, or the time is over.
    """

    NAME = "POV"
    TIMES = frozenset({"GTC", "DAY", "IOC"})

    def __init__(self, hand_over: HandOver | None = None) -> None:
        super().__init__(hand_over)
        self._followed: dict[Any, list[_PovJob]] = {}  # instrument -> who counts its trades

    def terms(self, given: Mapping[str, Any], quantity: Decimal, instrument: str) -> _Terms:
        """Read an order's parameters; see `WorkedOrders.terms`."""
        known = ("rate", "horizon_secs", "interval_secs", "min_slice", "max_slice")
        told = Parameters(self.NAME, given, known)
        horizon = told.number("horizon_secs", most=_DAY_SECS)
        least = told.number("min_slice", default=1e-16)
        if "max_slice" in given:
            told.number("max_slice", over=0.0)
            told.number("min_slice", default=1e-16, most=float(given["max_slice"]))
        return _Terms(
            rate=Decimal(str(told.number("rate", most=1.0))),
            horizon_ns=round(horizon * _NS),
            interval_ns=round(told.number("interval_secs", default=1.0, most=horizon) * _NS),
            least=Decimal(str(least)),
            most=told.units("max_slice"),
        )

    def begin(self, parent: Order, lot: Decimal, terms: _Terms) -> Job:
        """Return the job of a parent; see `WorkedOrders.begin`."""
        job = _PovJob(parent, lot, self.clock.timestamp_ns(), terms)
        if job.instrument_id not in self._followed:
            self._followed[job.instrument_id] = []
            self.subscribe_trade_ticks(job.instrument_id)
        self._followed[job.instrument_id].append(job)
        self.ring(job, job.began_ns + terms.horizon_ns)
        return job

    def on_reset(self) -> None:
        """Forget all parents and what was seen for them."""
        super().on_reset()
        self._followed.clear()

    def on_trade_tick(self, tick: TradeTick) -> None:
        """Count a trade for every order it is volume for, and have each of them look."""
        jobs = self._followed.get(tick.instrument_id, [])
        for job in tuple(jobs):
            if job.over:
                jobs.remove(job)
            elif job.counts(tick):
                job.volume += tick.size.as_decimal()
                self.look(job)

    def work(self, job: _PovJob) -> None:
        """Send what the volume allows by now, and end when it is time."""
        now = self.now(job)
        if now >= job.began_ns + job.terms.horizon_ns or (job.left <= 0 and not job.open):
            self.finish(job)
            return
        terms = job.terms
        if job.sent_ns and now < job.sent_ns + terms.interval_ns:
            return
        allowed = min(terms.rate * job.volume, job.total) - job.committed
        if terms.most is not None:
            allowed = min(allowed, terms.most)
        units = (allowed / job.lot).to_integral_value(ROUND_FLOOR) * job.lot
        # The end of the order may be smaller than the smallest slice.
        if units >= min(max(job.lot, terms.least), job.left) and units > 0:
            job.sent_ns = now
            self.send(
                job,
                units,
                limit_price=job.limit_price,
                time_in_force=TimeInForce.IOC if job.limit_price is not None else job.lasts,
            )
