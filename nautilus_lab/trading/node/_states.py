"""What the trader may do: people's commands, the stop-loss, and what other processes latched."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from nautilus_trader.model.enums import OrderSide, OrderStatus
from nautilus_trader.model.identifiers import ClientOrderId, InstrumentId, StrategyId
from nautilus_trader.model.orders import Order

from nautilus_lab.exceptions import AuditError, LabError, StoreError
from nautilus_lab.execution.gate import (
    Book,
    StopLoss,
    TradingSwitch,
    send_cancel,
    send_cancel_all,
)
from nautilus_lab.platform.audit import AuditTrail
from nautilus_lab.platform.commands import Handler, Request
from nautilus_lab.platform.messages import (
    Event,
    State,
    TradingStateChanged,
    TradingStateUpdated,
)
from nautilus_lab.platform.rundir import LatchState, ResumeRequest, Standing
from nautilus_lab.trading.commands import HaltTrading, ReduceOnly, StateOfTrading
from nautilus_lab.trading.node._mass_cancel import MassCancels

log = logging.getLogger(__name__)

_STOP_LOSS = "stop-loss"
# A venue that is there has answered a cancel by then.
_CANCEL_AGAIN_S = 6.0
# What a venue's mass cancel did not end by then is cancelled by its name.
_BY_NAME_AFTER_S = 1.0
# A store that is locked holds up the node's loop with each try.
_TELL_AGAIN_S = 10.0


class TradingStates:
    """Moves the trader's state, tells of it, and cancels orders where that was asked for.

    The latch is on the disk before the state moves, the state moves before the first cancel is
    sent, and both before anybody is told: a store that cannot write keeps nobody from halting.
    Automatic moves only tighten.

    Where a venue has a mass cancel it is sent first: one message that ends all that works there,
    also what this node does not know of. Each order is cancelled by its name besides: at once when
    it is held here or its venue has no mass cancel, and when that did not end it in a second.

    A cancel may be lost with the venue it was sent to: it is sent again until the order is over,
    a mass cancel until the venue says that nothing is left. While the trader is KILLED, or HALTED
    with its orders cancelled, whoever wrote that into its latch, all that works is cancelled, also
    after a restart; of one that may reduce, what does not, once more after a restart.
    What the store could not take is told as soon as it can, with the time at which it was.

    Parameters
    ----------
    kernel : NautilusKernel
        The kernel whose orders are cancelled.
    switch : TradingSwitch
        What the gate asks.
    trader : str
        The trader's id.
    tell : callable
        Takes an event and its topic: ``Desk.tell``.
    publish : callable, optional
        Takes a state and its topic: ``Desk.state``.
    trail : AuditTrail, optional
        Where each move is written down.
    book : Book, optional
        Whose equity the stop-loss looks at, and by which is told what reduces.
    stop_loss : StopLoss, optional
        Looked at with each `watch`.
    stop_loss_state : {"REDUCE_ONLY", "HALTED"}, default="REDUCE_ONLY"
        Where the stop-loss moves the trader to.
    mass_cancels : MassCancels, optional
        The venues that cancel everything on one message.
    later : callable, optional
        Calls a function once what was sent has left: telling may wait for a disk.
    resume_asked : Path, optional
        ``RunDirectory.resume_asked``: whoever tightens withdraws what was asked for.
    single_person : bool, default=False
        Whether the desk is declared to have one person only; audited at each start.
    now_s : callable, optional
        Seconds that only go up.
    """

    def __init__(
        self,
        kernel: Any,
        switch: TradingSwitch,
        *,
        trader: str,
        tell: Callable[[Event, str], None],
        publish: Callable[[State, str], None] = lambda body, topic: None,
        trail: AuditTrail | None = None,
        book: Book | None = None,
        stop_loss: StopLoss | None = None,
        stop_loss_state: Standing = "REDUCE_ONLY",
        mass_cancels: MassCancels | None = None,
        later: Callable[[Callable[[], None]], object] = lambda tell: tell(),
        resume_asked: Path | None = None,
        single_person: bool = False,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.switch = switch
        self._kernel = kernel
        self._cache = kernel.cache
        self._trader = trader
        self._tell = tell
        self._publish = publish
        self._trail = trail
        self._book = book if book is not None else Book()
        self._stop_loss = stop_loss
        self._stop_loss_state = stop_loss_state
        self._now_s = now_s
        self._mass_cancels = mass_cancels if mass_cancels is not None else MassCancels({})
        self._later = later
        self._resume_asked = resume_asked
        self._single_person = single_person
        self._ending: dict[ClientOrderId, float] = {}  # order -> when its next cancel is due
        self._told_of = switch.held  # what was announced last
        self._pulled = -1  # serial of the latch for which everything was cancelled
        self._pulled_count = 0  # and how many orders that were
        self._untold: list[Callable[[], object]] = []
        self._tell_after_s = -math.inf
        self._accepted = False  # whether a person accepted a loss whose size was not known then
        if stop_loss is not None:
            self._book.day_start_equity = stop_loss.day_start

    def handlers(self) -> dict[str, Handler]:
        """Return what answers the commands that ask, and that tighten."""
        return {
            "risk.state": self._state,
            "risk.halt": self._halt,
            "risk.reduce_only": self._reduce_only,
        }

    # --- moves ----------------------------------------------------------------------------

    def tighten(
        self,
        to: Standing,
        *,
        reason: str,
        by: str,
        automatic: bool = False,
        cancel_orders: bool = False,
    ) -> int:
        """Let no more through than `to` does; return how many orders were asked to be cancelled.

        Parameters
        ----------
        to : {"REDUCE_ONLY", "HALTED", "KILLED"}
            At most what is let through.
        reason, by : str
            Why, and who says so.
        automatic : bool, default=False
            Whether no person asked.
        cancel_orders : bool, default=False
            Whether to cancel what works: all of it, or all that does not reduce a position when
            the trader is REDUCE_ONLY then.

        Raises
        ------
        InputError
            When `to` is no state to tighten to, or reason or name is missing.
        """
        self.switch.tighten(
            to, reason=reason, by=by, automatic=automatic, cancel_orders=cancel_orders
        )
        self._withdraw_resume()
        cancelled = self._cancel() if cancel_orders else 0
        self._announce_moved()
        return cancelled

    def _withdraw_resume(self) -> None:
        """Have nobody approve what was asked for before somebody else saw a reason to tighten."""
        if self._resume_asked is not None:
            try:
                ResumeRequest.withdraw(self._resume_asked)
            except StoreError:
                log.exception("what was asked for could not be withdrawn; it runs out")

    def loosen(self, to: Standing, *, reason: str, by: str) -> None:
        """Let more through again; the loss of the day counts from here on.

        A person's decision: whoever calls this has checked what `Resuming` checks.

        Raises
        ------
        InputError, StoreError
            As `Latch.loosen` does; nothing changed then.
        """
        self.switch.loosen(to, reason=reason, by=by)
        # Otherwise the loss that was just accepted would end trading again at the next look.
        self._accepted = self._stop_loss is not None
        self._accept()
        self._mass_cancels.end()
        self._withdraw_resume()
        self._announce_moved()
        self._tell_untold()  # nothing waits for it here

    def catch_up(self) -> None:
        """Tell what the cancels of a halt went before, if the store takes it now."""
        self._tell_untold()

    def begin(self, **facts: object) -> None:
        """Write down what the trader may do as its node begins, and publish it.

        It may have been tightened while no node ran. `facts` of the node are written beside it.
        """
        held = self.switch.held
        self._keep_cancelled()
        facts = {"single_person": self._single_person, **facts}
        self._untold.append(lambda: self._audit("trading.begun", held, **facts))
        self._tell_untold()
        self.publish()

    def watch(self) -> None:
        """Look at the latch and at the loss, and finish what was begun; never raises.

        Call it four times a second.
        """
        self._look()
        try:
            self._keep_cancelled()
            self._send_cancels()
            # Last: the store may be what keeps everything waiting.
            if self._now_s() > self._tell_after_s:
                self._tell_untold()
        except Exception:
            log.exception("what follows from %s could not be finished", self.switch.state)

    def _look(self) -> None:
        try:
            self.switch.refresh()
            self._keep_cancelled()
            self._announce_moved()
            self._look_at_loss()
        except Exception:
            log.exception("the trading state could not be looked after")
            self._halt_on_doubt()

    def publish(self) -> None:
        """Tell the present state; call it once the node can be heard."""
        held = self.switch.held
        self._publish(
            TradingStateUpdated(
                state=held.state, since_ns=held.since_ns, reason=held.reason, by=held.by
            ),
            f"risk.state.{self._trader}",
        )

    def _look_at_loss(self) -> None:
        if self._stop_loss is None:
            return
        self._accept()
        equity = self._book.equity
        reason = self._stop_loss.observe(equity, self._kernel.clock.timestamp_ns())
        self._book.day_start_equity = self._stop_loss.day_start
        if reason:
            self.tighten(self._stop_loss_state, reason=reason, by=_STOP_LOSS, automatic=True)

    def _accept(self) -> None:
        equity = self._book.equity
        if self._accepted and self._stop_loss is not None and math.isfinite(equity):
            try:
                self._stop_loss.begin(equity)
                self._accepted = False
            except LabError:
                log.exception("the loss of the day could not be accepted; it counts on")

    def _halt_on_doubt(self) -> None:
        try:
            self.tighten(
                "HALTED",
                reason="the latch or the loss of the day could not be looked at",
                by="node",
                automatic=True,
            )
        except Exception:
            log.exception("the trader could not be halted")

    # --- what follows ---------------------------------------------------------------------

    def _announce_moved(self) -> None:
        """Announce what holds, unless it was; the gate may have read the latch before us."""
        before, after = self._told_of, self.switch.held
        self._told_of = after
        if before.state != after.state:
            self._announce(before, after)
        elif after.cancels and not before.cancels:
            self._untold.append(lambda: self._audit("trading.state", after, before=before.state))
            self._later(self._tell_untold)

    def _announce(self, before: LatchState, after: LatchState) -> None:
        log.warning("%s -> %s by %s: %s", before.state, after.state, after.by, after.reason)
        changed = TradingStateChanged(
            state=after.state,
            before=before.state,
            reason=after.reason,
            by=after.by,
            automatic=after.automatic,
        )
        self._untold += [
            lambda: self._audit("trading.state", after, before=before.state),
            lambda: self._tell(changed, f"risk.change.{self._trader}"),
        ]
        self._later(self._tell_untold)
        try:
            self.publish()
        except Exception:
            log.exception("the trader is %s and could not tell", after.state)

    def _tell_untold(self) -> None:
        """Tell what has not been told, oldest first, as far as the store takes it."""
        while self._untold:
            try:
                self._untold[0]()
            except StoreError as error:
                if not isinstance(error, AuditError):
                    log.error("the trader is %s and cannot tell yet: %s", self.switch.state, error)
                    self._tell_after_s = self._now_s() + _TELL_AGAIN_S
                    return
                log.exception("the trader is %s, and its audit trail is lost", self.switch.state)
            except Exception:
                log.exception("the trader is %s and could not tell", self.switch.state)
            del self._untold[0]

    def _audit(self, kind: str, held: LatchState, **facts: object) -> None:
        if self._trail is not None:
            self._trail.append(
                kind,
                {
                    "state": held.state,
                    "reason": held.reason,
                    "automatic": held.automatic,
                    "since_ns": held.since_ns,
                    "cancel_orders": held.cancels,
                    **facts,
                },
                actor=held.by,
            )

    def _cancel(self) -> int:
        """Cancel what works and go on until it is over; return how many orders that are."""
        pulled = frozenset[str]()
        if self._pulled != self.switch.held.serial:
            self._pulled, self._pulled_count = self.switch.held.serial, 0
        if self.switch.state != "REDUCE_ONLY":
            pulled = self._mass_cancels.begin(lasting=self.switch.held.cancels)
        by_name_s = self._now_s() + _BY_NAME_AFTER_S
        works = list(self._to_cancel())
        by_instrument: dict[tuple[StrategyId, InstrumentId], list[Order]] = {}
        for order in works:
            self._ending[order.client_order_id] = -math.inf
            if order.is_active_local or self.switch.state == "REDUCE_ONLY":
                continue
            if order.instrument_id.venue.value in pulled:
                self._ending[order.client_order_id] = by_name_s
            else:
                by_instrument.setdefault((order.strategy_id, order.instrument_id), []).append(order)
        for orders in by_instrument.values():
            if len(orders) > 1 and self._attempt(send_cancel_all, orders[0]):
                self._ending |= {order.client_order_id: by_name_s for order in orders}
        self._send_cancels()
        if self.switch.state == "REDUCE_ONLY":
            return len(works)
        # The latch may have been seen before who wrote it told the node.
        self._pulled_count = max(self._pulled_count, len(works))
        return self._pulled_count

    def _attempt(self, send: Callable[[Any, Order], None], order: Order) -> bool:
        try:
            send(self._kernel, order)
        except Exception:
            log.exception("%s could not be cancelled", order.client_order_id)
            return False
        return True

    def _keep_cancelled(self) -> None:
        """Cancel what works where the latch says so; when nothing may work, what is found since."""
        if not self.switch.held.cancels:
            return
        if self._pulled != self.switch.held.serial:
            self._cancel()
        if self.switch.state == "REDUCE_ONLY":
            return
        for order in self._to_cancel():
            self._ending.setdefault(order.client_order_id, -math.inf)
        self._mass_cancels.go_on()

    def _send_cancels(self) -> None:
        now_s = self._now_s()
        for name, due_s in tuple(self._ending.items()):
            order = self._cache.order(name)
            if order is None or order.is_closed:
                del self._ending[name]
            elif now_s >= due_s:
                self._ending[name] = now_s + _CANCEL_AGAIN_S
                self._attempt(send_cancel, order)

    def _to_cancel(self) -> Iterator[Order]:
        everything = self.switch.state != "REDUCE_ONLY"
        for order in self._cache.orders():
            # An order that an algorithm works is as it was made until the algorithm ends it.
            held = order.status == OrderStatus.INITIALIZED and order.exec_algorithm_id is None
            if order.is_closed or held:
                continue
            if everything or not self._reduces(order):
                yield order

    def _reduces(self, order: Order) -> bool:
        """Whether an order does no more than close what is held."""
        held = self._book.line(order.instrument_id.value).filled
        leaves = order.leaves_qty.raw
        return bool(leaves <= (-held if order.side == OrderSide.BUY else held))

    # --- commands -------------------------------------------------------------------------

    async def _state(self, request: Request) -> StateOfTrading:
        return self.as_it_is()

    async def _halt(self, request: Request) -> StateOfTrading:
        asked: HaltTrading = request.body
        cancelled = self.tighten(
            "KILLED" if asked.kill else "HALTED",
            reason=asked.reason,
            by=request.principal.name,
            cancel_orders=asked.cancel_orders or asked.kill,
        )
        return self.as_it_is(cancelled)

    async def _reduce_only(self, request: Request) -> StateOfTrading:
        asked: ReduceOnly = request.body
        cancelled = self.tighten(
            "REDUCE_ONLY",
            reason=asked.reason,
            by=request.principal.name,
            cancel_orders=asked.cancel_orders,
        )
        return self.as_it_is(cancelled)

    def as_it_is(self, cancelled: int = 0) -> StateOfTrading:
        """Return what the trader may do, as commands answer it."""
        held = self.switch.held
        asked = ResumeRequest.read(self._resume_asked) if self._resume_asked is not None else None
        if asked is not None and (asked.is_over or not asked.is_about(held)):
            asked = None
        return StateOfTrading(
            state=held.state,
            reason=held.reason,
            by=held.by,
            since_ns=held.since_ns,
            automatic=held.automatic,
            durable=self.switch.saved,
            cancelling=cancelled,
            day_start_equity=_known(self._book.day_start_equity),
            equity=_known(self._book.equity),
            resume_asked_by=asked.by if asked is not None else "",
            resume_asked_to=asked.to if asked is not None else "",
            resume_expires_ns=asked.expires_ns if asked is not None else 0,
            single_person=self._single_person,
        )


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
