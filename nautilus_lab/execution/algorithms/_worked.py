"""What the algorithms of ours have in common: a parent that stays, and children that are sent."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, ClassVar

from nautilus_trader.common.events import TimeEvent
from nautilus_trader.execution.algorithm import ExecAlgorithm
from nautilus_trader.execution.config import ExecAlgorithmConfig
from nautilus_trader.model.enums import OrderStatus, TimeInForce, time_in_force_to_str
from nautilus_trader.model.events import OrderEvent
from nautilus_trader.model.identifiers import ClientOrderId, ExecAlgorithmId
from nautilus_trader.model.orders import Order, OrderList

from nautilus_lab.exceptions import InputError, LabError, NodeError
from nautilus_lab.execution.algorithms._children import child_name, make_child, send_child
from nautilus_lab.execution.algorithms._ends import cancel_held, deny
from nautilus_lab.platform.commands import SubmitOrder

log = logging.getLogger(__name__)

HandOver = Callable[..., object]

_ZERO = Decimal(0)
_MOST_CHILDREN = 10_000
_MOST_CANCELS = 3


class Job:
    """One parent order while it is worked.

    Attributes
    ----------
    name : str
        The parent's client order id.
    total : Decimal
        Its units.
    limit_price : Decimal or None
        The worst price it may trade at.
    lot : Decimal
        What its slices are multiples of.
    children : dict of str to Decimal
        Child -> the units it counts for: all of it while it may still trade, then what it filled.
    committed : Decimal
        What they count for together: never more than `total` when one more is sent.
    open : set of str
        The children that may still trade.
    cancels : dict of str to int
        Child -> how often it was asked to be cancelled.
    over : bool
        Nothing is sent any more; the parent has ended, or ends with its last child.
    sent : bool
        Whether any child was let through to a venue.
    reason : str
        Why the last child that was refused was.
    last_end : OrderStatus or None
        How the last child that ended has.
    """

    def __init__(self, parent: Order, lot: Decimal, began_ns: int) -> None:
        self.name: str = parent.client_order_id.value
        self.total: Decimal = parent.quantity.as_decimal()
        self.limit_price: Decimal | None = parent.price.as_decimal() if parent.has_price else None
        self.lot = lot
        self.began_ns = began_ns
        self.children: dict[str, Decimal] = {}
        self.committed = _ZERO
        self.open: set[str] = set()
        self.cancels: dict[str, int] = {}
        self.over = False
        self.sent = False
        self.reason = ""
        self.last_end: OrderStatus | None = None
        self._rings_ns = 0
        self._rung_ns = 0
        self._bells = 0
        self._deciding = False
        self._again = False

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name}, {self.committed} of {self.total})"

    @property
    def left(self) -> Decimal:
        """Units that are neither filled nor on their way."""
        return self.total - self.committed

    def count(self, child: Order) -> None:
        """Count a child as it stands."""
        name = child.client_order_id.value
        filled: Decimal = child.filled_qty.as_decimal()
        if child.is_closed:
            units = filled
            self.open.discard(name)
        else:
            units = max(filled, child.quantity.as_decimal())
            self.open.add(name)
        self.committed += units - self.children.get(name, _ZERO)
        self.children[name] = units


class WorkedOrders(ExecAlgorithm):  # type: ignore[misc]
    """An execution algorithm whose parents are never sent themselves.

    A parent stays INITIALIZED, with the quantity that was asked for, while its children trade.
    They are orders of the same strategy that carry the tag ``parent:<its id>`` and are numbered
    ``<its id>-E1``, ``-E2``, ... It ends when the last of them has: cancelled in Nautilus' books,
    which knows no other end for an order that no venue saw, or denied when none of its children
    was let through. Its fills are those of its children.

    Cancelling the parent cancels the children; so does stopping the algorithm.

    Nautilus' own spawning is not used: it makes the parent smaller by what was sent and does not
    make it larger again when that comes back unfilled, and hears of no denial during the first
    order of a strategy [1]_.

    Parameters
    ----------
    hand_over : callable, optional
        Takes a function and its arguments and calls it on the thread of the node. Live timers
        call back on a thread of their own; without it, as in a backtest, they are taken to be
        on the right one.

    References
    ----------
    .. [1] nautilus_trader 1.231.0, execution/algorithm.pyx.
    """

    NAME: ClassVar[str]
    # how long a parent may last
    TIMES: ClassVar[frozenset[str]]

    def __init__(self, hand_over: HandOver | None = None) -> None:
        super().__init__(ExecAlgorithmConfig(exec_algorithm_id=ExecAlgorithmId(self.NAME)))
        self._hand_over = hand_over
        self._jobs: dict[str, Job] = {}  # client order id of a parent -> its job
        self._job_of: dict[str, Job] = {}  # client order id of an open child -> its job

    # --- what a kind of algorithm adds ----------------------------------------------------

    def terms(self, given: Mapping[str, Any], quantity: Decimal, instrument: str) -> Any:
        """Read an order's parameters.

        Raises
        ------
        InputError
            When one is none that the algorithm takes, or they do not fit the order.
        """
        raise NotImplementedError

    def begin(self, parent: Order, lot: Decimal, terms: Any) -> Job:
        """Return the job of a parent; what it raises of ours denies the parent."""
        raise NotImplementedError

    def work(self, job: Any) -> None:
        """Look at a job and send what is due; called at its start, its bells and its events."""
        raise NotImplementedError

    def require(self, asked: SubmitOrder) -> None:
        """Require an order that the algorithm can work.

        Raises
        ------
        InputError
            When its type, its time in force or a parameter is none that it takes.
        """
        if asked.post_only or asked.emulate:
            raise InputError(
                f"{self.NAME} sends orders that trade at once",
                value="post_only" if asked.post_only else "emulate",
                remedy="leave it out",
            )
        self._require_order(asked.order_type, asked.time_in_force)
        self.terms(asked.parameters, asked.quantity, asked.instrument)

    def _require_order(self, kind: str, lasts: str) -> None:
        for name, value, known in (
            ("order_type", kind, frozenset({"MARKET", "LIMIT"})),
            ("time_in_force", lasts, self.TIMES),
        ):
            if value not in known:
                raise InputError(
                    f"the {name} of an order for {self.NAME} must be one that it can work",
                    value=value,
                    remedy=f"one of {', '.join(sorted(known))}",
                )

    # --- the life of a parent -------------------------------------------------------------

    def on_start(self) -> None:
        """Follow all order events; Nautilus' own subscription comes after the first order."""
        self._thread = threading.get_ident()
        self.msgbus.subscribe("events.order.*", self._hear)

    def on_stop(self) -> None:
        """End every parent, and what it has at venues."""
        for job in list(self._jobs.values()):
            self._end(job)
        self.msgbus.unsubscribe("events.order.*", self._hear)
        self.clock.cancel_timers()

    def on_reset(self) -> None:
        """Forget all parents."""
        self._jobs.clear()
        self._job_of.clear()

    def on_order(self, order: Order) -> None:
        """Begin to work a parent, or deny it with the reason."""
        if self._is_elsewhere(self.on_order, order):
            return
        try:
            job = self._begun(order)
        except LabError as error:
            deny(self, order, str(error))
            return
        except Exception as error:
            log.exception("%s cannot be worked", order.client_order_id)
            deny(self, order, f"it could not be worked: {error}")
            return
        self._jobs[job.name] = job
        self._decide(job)

    def on_order_list(self, order_list: OrderList) -> None:
        """Deny all orders of a list: its links cannot be kept over slices."""
        for order in order_list.orders:
            deny(self, order, f"{self.NAME} works single orders, and no list of them")

    def _begun(self, order: Order) -> Job:
        instrument = self.cache.instrument(order.instrument_id)
        if instrument is None:
            raise InputError(
                "an instrument must be one that can be traded here", value=str(order.instrument_id)
            )
        if self.cache.client_id(order.client_order_id) is not None or order.is_quote_quantity:
            raise InputError(
                f"{self.NAME} works units, and leaves the client to each child",
                value=order.client_order_id.value,
            )
        self._require_order(order.type_string(), time_in_force_to_str(order.time_in_force))
        quantity, given = order.quantity.as_decimal(), order.exec_algorithm_params or {}
        terms = self.terms(given, quantity, order.instrument_id.value)
        return self.begin(order, instrument.size_increment.as_decimal(), terms)

    def _is_elsewhere(self, call: Callable[[Any], None], argument: Any) -> bool:
        """Whether this is not the node's thread; the call is handed over to it then."""
        if self._hand_over is None or threading.get_ident() == self._thread:
            return False
        self._hand_over(call, argument)
        return True

    def _hear(self, event: OrderEvent) -> None:
        if not self._jobs or self._is_elsewhere(self._hear, event):
            return
        name = event.client_order_id.value
        if (job := self._jobs.get(name)) is not None:
            if self.parent(job).is_closed:
                self._end(job)
        elif (job := self._job_of.get(name)) is not None:
            child = self._order(name)
            assert child is not None
            job.count(child)
            self._note(job, child)
            self._decide(job)

    def _note(self, job: Job, child: Order) -> None:
        if refused(child.status):
            job.reason = str(getattr(child.last_event, "reason", "")) or child.status_string()
            log.warning("%s was refused: %s", child.client_order_id, job.reason)
        job.last_end = child.status if child.is_closed else job.last_end
        job.sent |= child.status is not OrderStatus.DENIED and not child.is_active_local
        if job.over and not child.is_closed:
            # It was on its way when the parent ended, or its venue would not cancel it.
            self.cancel_children(job)

    def _decide(self, job: Job) -> None:
        """Let the job decide; what happens meanwhile has it look again, after that."""
        job._again = True
        if job._deciding:
            return
        job._deciding = True
        try:
            while job._again:
                job._again = False
                if job.over:
                    break
                self.work(job)
        except Exception as error:
            # Of one parent; the others go on, and this one must not be left half-way.
            log.exception("%s cannot be worked any further", job.name)
            job.reason = f"it could not be worked: {error}"
            self.finish(job)
        finally:
            job._deciding = False
        if job.over and not job.open:
            self._forget(job)

    # --- for `work` -----------------------------------------------------------------------

    def look(self, job: Job) -> None:
        """Have the job look at what is due now."""
        if not job.over:
            self._decide(job)

    def parent(self, job: Job) -> Order:
        """Return the parent of a job."""
        parent = self._order(job.name)
        assert parent is not None
        return parent

    def send(
        self,
        job: Job,
        quantity: Decimal,
        *,
        limit_price: Decimal | None,
        time_in_force: TimeInForce,
        instrument_id: Any = None,
        expire_ns: int = 0,
    ) -> str:
        """Send a child, at its limit or at the market; return its client order id.

        Raises
        ------
        NodeError
            When with it there would be more under way than was asked for. Nothing is sent then.
        """
        if job.over or not 0 < quantity <= job.left or len(job.children) >= _MOST_CHILDREN:
            raise NodeError(
                "children must never add up to more than their parent",
                value=f"{quantity} more of {job!r}",
                remedy="look at what became of its children",
            )
        parent = self.parent(job)
        child = make_child(
            parent,
            len(job.children) + 1,
            self.cache.instrument(instrument_id or parent.instrument_id),
            quantity,
            limit_price=limit_price,
            time_in_force=time_in_force,
            expire_ns=expire_ns,
            now_ns=self.clock.timestamp_ns(),
        )
        name: str = child.client_order_id.value
        job.count(child)
        self._job_of[name] = job
        send_child(self, child)
        return name

    def next_name(self, job: Job, ahead: int = 1) -> str:
        """Return the client order id of the child after the next `ahead` - 1."""
        return child_name(job.name, len(job.children) + ahead)

    def now(self, job: Job) -> int:
        """Return the clock's time, ns, and none before that of the last bell."""
        # Live timers ring up to a millisecond early.
        return max(int(self.clock.timestamp_ns()), job._rung_ns)

    def ring(self, job: Job, at_ns: int) -> None:
        """Have the job look again at a time of the clock, and at no other set before."""
        if job._rings_ns == at_ns:
            return
        self._silence(job)
        job._rings_ns = at_ns
        job._bells += 1
        self.clock.set_time_alert_ns(_bell(job), at_ns, self._on_bell)

    def finish(self, job: Job) -> None:
        """End the parent: all is filled, or what is left is given up."""
        if job.left > 0:
            log.info("%s ends with %s of %s left", job.name, job.left, job.total)
        if not job.sent and job.reason:
            deny(self, self.parent(job), job.reason)
        self._end(job)

    def cancel_children(self, job: Job) -> None:
        """Cancel what may still trade."""
        for name in sorted(job.open):
            child = self._order(name)
            # A cancel would overtake one that has not left yet; its next event comes back here.
            if child is None or child.is_active_local or child.is_pending_cancel:
                continue
            job.cancels[name] = job.cancels.get(name, 0) + 1
            if job.cancels[name] > _MOST_CANCELS:
                log.error("%s cannot be cancelled, and works on", name)
                continue
            try:
                self.cancel_order(child)
            except Exception:
                # One that cannot be cancelled must not keep the others from it.
                log.exception("%s could not be cancelled", name)

    # --- ends -----------------------------------------------------------------------------

    def _end(self, job: Job) -> None:
        """Send nothing any more, cancel what is open, and end the parent."""
        if not job.over:
            job.over = True
            self._silence(job)
            self.cancel_children(job)
            cancel_held(self, self.parent(job))
        if not job.open and not job._deciding:
            self._forget(job)

    def _forget(self, job: Job) -> None:
        self._jobs.pop(job.name, None)
        for name in job.children:
            self._job_of.pop(name, None)

    # --- bells ----------------------------------------------------------------------------

    def _on_bell(self, event: TimeEvent) -> None:
        if self._hand_over is None:
            self._rung(event.name)
        else:
            self._hand_over(self._rung, event.name)

    def _rung(self, bell: str) -> None:
        job = self._jobs.get(bell.rpartition("#")[0])
        # One that was silenced may be on its way between two threads already.
        if job is not None and not job.over and bell == _bell(job):
            job._rung_ns, job._rings_ns = job._rings_ns, 0
            self._decide(job)

    def _silence(self, job: Job) -> None:
        if (bell := _bell(job)) in self.clock.timer_names:
            try:
                self.clock.cancel_timer(bell)
            except KeyError:
                log.debug("%s rang just now", bell)

    # --- orders ---------------------------------------------------------------------------

    def _order(self, name: str) -> Order | None:
        return self.cache.order(ClientOrderId(name))


def refused(status: OrderStatus | None) -> bool:
    """Whether an order ended before a venue took it."""
    return status in (OrderStatus.DENIED, OrderStatus.REJECTED)


def _bell(job: Job) -> str:
    return f"{job.name}#{job._bells}"
