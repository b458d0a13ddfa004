"""What the trader may do: people's commands, the stop-loss, and what other processes latched."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator
from typing import Any

from nautilus_trader.model.enums import OrderSide, OrderStatus
from nautilus_trader.model.orders import Order

from nautilus_lab.exceptions import LabError
from nautilus_lab.execution.gate import Book, StopLoss, TradingSwitch
from nautilus_lab.platform.audit import AuditTrail
from nautilus_lab.platform.commands import Handler, Request
from nautilus_lab.platform.messages import (
    Event,
    State,
    TradingStateChanged,
    TradingStateUpdated,
)
from nautilus_lab.platform.rundir import LatchState, Standing
from nautilus_lab.trading.commands import HaltTrading, ReduceOnly, ResumeTrading, StateOfTrading
from nautilus_lab.trading.node._cancelling import send_cancel

log = logging.getLogger(__name__)

_STOP_LOSS = "stop-loss"


class TradingStates:
    """Moves the trader's state, tells of it, and cancels orders where that was asked for.

    The latch is on the disk before the state moves, the state moves before the first cancel is
    sent, and both before anybody is told: a store that cannot write keeps nobody from halting.
    Automatic moves only tighten.

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
        self._accepted = False  # whether a person accepted a loss whose size was not known then
        if stop_loss is not None:
            self._book.day_start_equity = stop_loss.day_start

    def handlers(self) -> dict[str, Handler]:
        """Return what answers the commands of `RISK_SPECS`."""
        return {
            "risk.state": self._state,
            "risk.halt": self._halt,
            "risk.reduce_only": self._reduce_only,
            "risk.resume": self._resume,
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
        before = self.switch.held
        after = self.switch.tighten(to, reason=reason, by=by, automatic=automatic)
        cancelled = self._cancel() if cancel_orders else 0
        if after.state != before.state:
            self._announce(before, after)
        return cancelled

    def loosen(self, to: Standing, *, reason: str, by: str) -> None:
        """Let more through again; the loss of the day counts from here on.

        Raises
        ------
        InputError, StoreError
            As `Latch.loosen` does; nothing changed then.
        """
        before = self.switch.held
        after = self.switch.loosen(to, reason=reason, by=by)
        # Otherwise the loss that was just accepted would end trading again at the next look.
        self._accepted = self._stop_loss is not None
        self._accept()
        self._announce(before, after)

    def watch(self) -> None:
        """Look at the latch and at the loss; call it four times a second. Never raises."""
        try:
            before = self.switch.held
            if self.switch.refresh():
                self._announce(before, self.switch.held)
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

    def _announce(self, before: LatchState, after: LatchState) -> None:
        log.warning("%s -> %s by %s: %s", before.state, after.state, after.by, after.reason)
        changed = TradingStateChanged(
            state=after.state,
            before=before.state,
            reason=after.reason,
            by=after.by,
            automatic=after.automatic,
        )
        tellings: list[Callable[[], None]] = [
            lambda: self._audit(before, after),
            lambda: self._tell(changed, f"risk.change.{self._trader}"),
            self.publish,
        ]
        for telling in tellings:
            try:
                telling()
            except Exception:
                log.exception("the trader is %s and could not tell", after.state)

    def _audit(self, before: LatchState, after: LatchState) -> None:
        if self._trail is not None:
            self._trail.append(
                "trading.state",
                {
                    "state": after.state,
                    "before": before.state,
                    "reason": after.reason,
                    "automatic": after.automatic,
                },
                actor=after.by,
            )

    def _cancel(self) -> int:
        count = 0
        for order in list(self._to_cancel()):
            try:
                send_cancel(self._kernel, order)
                count += 1
            except Exception:
                log.exception("%s could not be cancelled", order.client_order_id)
        return count

    def _to_cancel(self) -> Iterator[Order]:
        everything = self.switch.state != "REDUCE_ONLY"
        for order in self._cache.orders():
            # An order that an algorithm works is as it was made until the algorithm ends it.
            held = order.status == OrderStatus.INITIALIZED and order.exec_algorithm_id is None
            if order.is_closed or order.is_pending_cancel or held:
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
        return self._as_it_is()

    async def _halt(self, request: Request) -> StateOfTrading:
        asked: HaltTrading = request.body
        cancelled = self.tighten(
            "KILLED" if asked.kill else "HALTED",
            reason=asked.reason,
            by=request.principal.name,
            cancel_orders=asked.cancel_orders or asked.kill,
        )
        return self._as_it_is(cancelled)

    async def _reduce_only(self, request: Request) -> StateOfTrading:
        asked: ReduceOnly = request.body
        cancelled = self.tighten(
            "REDUCE_ONLY",
            reason=asked.reason,
            by=request.principal.name,
            cancel_orders=asked.cancel_orders,
        )
        return self._as_it_is(cancelled)

    async def _resume(self, request: Request) -> StateOfTrading:
        asked: ResumeTrading = request.body
        self.loosen(asked.to, reason=asked.reason, by=request.principal.name)
        return self._as_it_is()

    def _as_it_is(self, cancelled: int = 0) -> StateOfTrading:
        held = self.switch.held
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
        )


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
