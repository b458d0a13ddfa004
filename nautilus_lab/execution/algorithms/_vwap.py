"""VWAP: an order in slices along a profile of volume."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from nautilus_trader.model.enums import TimeInForce
from nautilus_trader.model.orders import Order

from nautilus_lab.exceptions import InputError
from nautilus_lab.execution.algorithms._parameters import Parameters
from nautilus_lab.execution.algorithms._schedule import Slice, parsed_profile, volume_schedule
from nautilus_lab.execution.algorithms._worked import HandOver, Job, WorkedOrders, refused

# instrument -> its volume in equal parts of the time ahead; None when nobody knows it
History = Callable[[str, float], Sequence[float] | None]

_NS = 1_000_000_000
_DAY_SECS = 86_400.0
_LATE_SLICES = 3


@dataclass(frozen=True, kw_only=True)
class _Terms:
    profile: Sequence[float]
    horizon_ns: int
    interval_ns: int
    least: Decimal
    catch_up: bool


class _VwapJob(Job):
    def __init__(self, parent: Order, lot: Decimal, began_ns: int, terms: _Terms) -> None:
        super().__init__(parent, lot, began_ns)
        self.terms = terms
        self.lasts = parent.time_in_force
        self.slices: tuple[Slice, ...] = volume_schedule(
            self.total,
            lot,
            profile=terms.profile,
            horizon_ns=terms.horizon_ns,
            interval_ns=terms.interval_ns,
            least=terms.least,
        )
        self.next = 0
        self.late = 0  # slices sent past the schedule


class Vwap(WorkedOrders):
    """Works an order along the volume that is expected, so that it trades near its average price.

    ================  ==============================================================  ===========
    parameter         meaning                                                         default
    ================  ==============================================================  ===========
    horizon_secs      the whole time, at most a day                                   must be given
    interval_secs     from slice to slice                                             must be given
    profile           ``"uniform"``, fractions of the volume in equal parts of the    uniform
                      horizon (``"0.4, 0.2, 0.4"``), or ``"history"``
    min_slice         units; a smaller slice waits for the next                       a lot
    catch_up          whether what a slice did not get is in the next one, or only    true
                      in the last
    ================  ==============================================================  ===========

    The first slice is sent at once and one at the beginning of each interval. A slice never gets
    ahead of the schedule; the last has all that is left. Slices of a MARKET order are MARKET
    orders, those of a LIMIT order are LIMIT orders at its price that trade at once or not at all;
    the last one lasts as long as the parent says. If slices were refused and something is left
    after the last, three more follow at the interval, then the parent ends.

    Parameters
    ----------
    hand_over : callable, optional
        See `WorkedOrders`.
    history : callable, optional
        Takes an instrument's id and a horizon in seconds and returns the volume of equal parts of
        that time from now on, or None when it is not known. Without it there is no
        ``profile="history"``.
    """

    NAME = "VWAP"
    TIMES = frozenset({"GTC", "DAY", "IOC"})

    def __init__(
        self, hand_over: HandOver | None = None, *, history: History | None = None
    ) -> None:
        super().__init__(hand_over)
        self._history = history

    def terms(self, given: Mapping[str, Any], quantity: Decimal, instrument: str) -> _Terms:
        """Read an order's parameters; see `WorkedOrders.terms`."""
        known = ("horizon_secs", "interval_secs", "profile", "min_slice", "catch_up")
        told = Parameters(self.NAME, given, known)
        horizon = told.number("horizon_secs", most=_DAY_SECS)
        interval = told.number("interval_secs", most=horizon)
        terms = _Terms(
            profile=self._profile(told.text("profile", default="uniform"), instrument, horizon),
            horizon_ns=round(horizon * _NS),
            interval_ns=round(interval * _NS),
            least=told.units("min_slice") or Decimal(0),
            catch_up=told.flag("catch_up", default=True),
        )
        # What cannot be cut is refused now, and not when the order is made.
        volume_schedule(
            quantity,
            Decimal(1),
            profile=terms.profile,
            horizon_ns=terms.horizon_ns,
            interval_ns=terms.interval_ns,
        )
        return terms

    def _profile(self, text: str, instrument: str, horizon: float) -> Sequence[float]:
        if text == "uniform":
            return (1.0,)
        if text != "history":
            return parsed_profile(text)
        known = self._history(instrument, horizon) if self._history is not None else None
        if known is None:
            raise InputError(
                "a profile from history needs an instrument whose volume is known",
                value=instrument,
                remedy="pass fractions, or profile='uniform'",
            )
        return known

    def begin(self, parent: Order, lot: Decimal, terms: _Terms) -> Job:
        """Return the job of a parent; see `WorkedOrders.begin`."""
        return _VwapJob(parent, lot, self.clock.timestamp_ns(), terms)

    def work(self, job: _VwapJob) -> None:
        """Send the slices that are due, and end when nothing is left to do."""
        now = self.now(job)
        due = job.next
        while due < len(job.slices) and job.began_ns + job.slices[due].after_ns <= now:
            due += 1
        if due > job.next:
            # Of several that are due the last has them all.
            job.next = due
            self._send_slice(job)
        if job.next < len(job.slices):
            self.ring(job, job.began_ns + job.slices[job.next].after_ns)
        elif not job.open:
            self._end_or_go_on(job, now)

    def _send_slice(self, job: _VwapJob) -> None:
        number = job.next - 1
        is_last = job.next == len(job.slices)
        wanted = job.slices[number].total - job.committed
        if not (job.terms.catch_up or is_last):
            planned = job.slices[number - 1].total if number else Decimal(0)
            wanted = min(wanted, job.slices[number].total - planned)
        if is_last:
            wanted = job.left
        elif wanted < max(job.lot, job.terms.least):
            return
        if wanted > 0:
            self._send(job, wanted, is_last)

    def _send(self, job: _VwapJob, units: Decimal, is_last: bool) -> None:
        at_once = job.limit_price is not None and not is_last
        self.send(
            job,
            units,
            limit_price=job.limit_price,
            time_in_force=TimeInForce.IOC if at_once else job.lasts,
        )

    def _end_or_go_on(self, job: _VwapJob, now: int) -> None:
        """Nothing is open and no slice is to come: try again what was refused, or end."""
        due = job.began_ns + job.slices[-1].after_ns + (job.late + 1) * job.terms.interval_ns
        # A limit order that a venue took has lasted as long as it was to last.
        lasted = job.limit_price is not None and not refused(job.last_end)
        if job.left <= 0 or lasted or job.late >= _LATE_SLICES:
            self.finish(job)
        elif now < due:
            self.ring(job, due)
        else:
            job.late += 1
            self._send(job, job.left, is_last=True)
