"""A live desk: what is seen of one trader, and what is asked of it."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Literal

import msgspec

from nautilus_lab.client._commands import Sent, converted
from nautilus_lab.client._gateway import (
    Address,
    GatewayFinder,
    LocalRole,
    dashboard_role,
    given_address,
    workspace_of,
)
from nautilus_lab.client._live import Change, Order, OrderStatus, Strategy, TradingStatus
from nautilus_lab.client._numbers import Number, exact
from nautilus_lab.client._once import ask_once
from nautilus_lab.client._order import order as written
from nautilus_lab.client._reconcile import Reconciler
from nautilus_lab.client._strategies import Strategies
from nautilus_lab.client._trade import BracketTrade, Trade, TradeList
from nautilus_lab.client._view import View
from nautilus_lab.client.protocol import ResultFrame
from nautilus_lab.exceptions import InputError, LabError, OutcomeUnknown
from nautilus_lab.platform.access import Permission, Principal
from nautilus_lab.platform.commands import (
    Acknowledge,
    AcknowledgedAlert,
    AskAlerts,
    CancelAll,
    Cancelled,
    CancelOrder,
    HaltTrading,
    ModifyOrder,
    OffsetType,
    OpenAlerts,
    OrderType,
    Placed,
    ReduceOnly,
    ResumeTrading,
    Side,
    StateOfTrading,
    SubmitBracket,
    SubmitList,
    SubmitOco,
    SubmitOrder,
    TimeInForce,
    error_of,
    order_ids,
)
from nautilus_lab.platform.connection import Backoff
from nautilus_lab.platform.messages import new_id
from nautilus_lab.platform.rundir import Home, Latch, Standing

_TIMEOUT_S = 10.0


class Desk(View):
    """Quotes, positions, orders, fills and money of one trader, kept true by a stream gateway.

    The one thing to know: these are live objects. ``quote = desk.quotes["AAPL.PAPER"]`` keeps
    changing while the kernel's loop runs; copy what must stand still. Made by `connect`; ends with
    `close`, or as an ``async with``.

    A lost connection is sought again (a `Backoff` of ten attempts, `connection` says how it
    goes) and continues where it stopped: no event is missed, no fill comes twice. After the last
    attempt `connection` is ERROR and stays so until `reconnect`.

    Who connected with ``role="operator"`` may also ask: `submit` and its like give a `Trade`, which
    stays true by itself. What is asked is sent once and never again.

    Attributes
    ----------
    trader : str
        Whose desk it is.
    connection : ConnectionState
        How the connection to the gateway is; the node behind it is `node.state`.

    Examples
    --------
    >>> desk = Desk(trader="PAPER-001", locate=lambda: Address(url="ws://127.0.0.1:1", token=""))
    >>> desk
    <Desk PAPER-001: disconnected, node unknown, no data yet>
    """

    def __init__(
        self,
        *,
        trader: str,
        locate: Callable[[], Address],
        patterns: Sequence[str] = (">",),
        backoff: Backoff | None = None,
        latch: Callable[[str], Latch] | None = None,
    ) -> None:
        super().__init__(trader=trader, locate=locate, patterns=patterns, backoff=backoff)
        self.strategies = Strategies(self._book, self._commands)
        self._latch = latch  # trader -> its latch, where the owner of its file asks
        # Those that were answered, or whose answer was lost.
        self._trades: weakref.WeakSet[Trade] = weakref.WeakSet()
        self._reconciler = Reconciler(
            book=self._book, commands=self._commands, link=self._link, tell=self._tell
        )
        self.on_change(self._look_after_trades)

    @classmethod
    def find(
        cls,
        trader: str | None = None,
        *,
        url: str | None = None,
        token: str | None = None,
        role: LocalRole | None = "viewer",
        root: Path | str | None = None,
        patterns: Sequence[str] = (">",),
    ) -> Desk:
        """Return a desk that is not connected yet; `reconnect` connects it.

        For pages that are to open before the node does. Parameters as for `connect`; without a
        role it has the one that the setting ``dashboards.role`` gives to pages.
        """
        if url is not None:
            if role not in (None, "viewer"):
                raise InputError(
                    "a role is chosen for a gateway of the workspace; elsewhere the token has it",
                    value=role,
                    remedy="leave role out, and pass an operator's token",
                )
            return cls(
                trader=trader or "", locate=partial(given_address, url, token), patterns=patterns
            )
        home, own = workspace_of(root)
        if role is None:
            role = dashboard_role(root)
        return cls(
            trader=trader or own,
            locate=GatewayFinder(home=home, role=role),
            patterns=patterns,
            latch=partial(_latch_of, home) if role == "operator" else None,
        )

    # --- who asks ----------------------------------------------------------------------------

    @property
    def principal(self) -> Principal | None:
        """Who is connected and with which roles; None before the gateway has said."""
        return self._commands.principal

    def may(self, permission: Permission) -> bool:
        """Whether who is connected is known to have `permission`."""
        principal = self._commands.principal
        return principal is not None and principal.may(permission)

    async def command(
        self,
        name: str,
        body: msgspec.Struct | Mapping[str, object] | None = None,
        *,
        timeout_s: float = _TIMEOUT_S,
        version: int = 1,
        command_id: str | None = None,
        answer: Any = None,
    ) -> Any:
        """Have any command of the node done and return its result's body.

        Parameters
        ----------
        name : str
            As docs/commands.md lists them: ``"node.status"``.
        body : Struct or mapping, optional
            Its arguments.
        timeout_s : float, default=10
            Seconds to wait for the result, at most 300.
        version : int, default=1
            The version of the command that is meant.
        command_id : str, optional
            The id of an earlier command with the same body, to ask for its result; it is not done
            again.
        answer : type, optional
            What the result is converted to; plain values when not given.

        Raises
        ------
        NotReachable
            When the desk is not connected, or no node runs: it was not done.
        OutcomeUnknown
            When no result came; whether it was done is not known, its value is the command's id.
        LabError
            Of the very class that the node raised; it was not done.
        """
        return await self._commands.ask(
            name,
            body,
            timeout_s=timeout_s,
            version=version,
            command_id=command_id,
            answer=answer,
        )

    # --- alerts ------------------------------------------------------------------------------

    async def open_alerts(self, *, most: int = 100, timeout_s: float = _TIMEOUT_S) -> OpenAlerts:
        """Return what somebody should look at, of this trader and of the lab itself.

        It needs no node and no monitor; the answer says whether the monitor tells anybody.

        Parameters
        ----------
        most : int, default=100
            At most so many, in [1, 500]: the most severe, and of these the latest. All are counted.
        timeout_s : float, default=10
            Seconds to wait for it.

        Raises
        ------
        NodeNotRunning, NotReachable
            When no gateway runs.
        LabError
            When the gateway cannot say.
        """
        body = AskAlerts(trader=self.trader, most=most)
        answer: OpenAlerts = await self._ask_gateway("alerts.open", body, timeout_s, OpenAlerts)
        return answer

    async def acknowledge(
        self, alert_id: str, *, note: str = "", timeout_s: float = _TIMEOUT_S
    ) -> AcknowledgedAlert:
        """Say that you have seen to an alert, which ends its climb; who said so first stays.

        It stands in the audit trail of the alert's trader, by the name of this desk's token.

        Parameters
        ----------
        alert_id : str
            Which, of any trader of the lab.
        note : str, default=""
            What was found or done, on one line.
        timeout_s : float, default=10
            Seconds to wait until it is done.

        Raises
        ------
        AccessDenied
            When the desk's token has no right to.
        OutcomeUnknown
            When no answer came; to ask again does no harm.
        LabError
            When it was not done.
        """
        body = Acknowledge(alert_id=alert_id, note=note)
        answer: AcknowledgedAlert = await self._ask_gateway(
            "alerts.acknowledge", body, timeout_s, AcknowledgedAlert
        )
        return answer

    async def _ask_gateway(
        self, name: str, body: msgspec.Struct, timeout_s: float, answer: Any
    ) -> Any:
        """Ask what the gateway itself answers, also while no node lets the desk connect."""
        if self._link.is_open:
            return await self.command(name, body, timeout_s=timeout_s, answer=answer)
        return await ask_once(self._link.locate(), name, body, timeout_s=timeout_s, answer=answer)

    # --- orders ------------------------------------------------------------------------------

    async def submit(
        self,
        instrument: str,
        side: Side,
        quantity: Number,
        *,
        order_type: OrderType = "MARKET",
        limit_price: Number | None = None,
        trigger_price: Number | None = None,
        activation_price: Number | None = None,
        trailing_offset: Number | None = None,
        limit_offset: Number | None = None,
        offset_type: OffsetType = "PRICE",
        time_in_force: TimeInForce = "GTC",
        expires: datetime | None = None,
        post_only: bool = False,
        reduce_only: bool = False,
        algorithm: str | None = None,
        parameters: Mapping[str, str | int | float | bool] | None = None,
        emulate: bool = False,
        command_id: str | None = None,
        timeout_s: float = _TIMEOUT_S,
    ) -> Trade:
        """Submit an order; the trade that it gives stays true by itself.

        Parameters
        ----------
        instrument, side, quantity
            What is traded, ``"BUY"`` or ``"SELL"``, and units.
        order_type, limit_price, ..., emulate
            As for `nautilus_lab.client.order`.
        command_id : str, optional
            A name of your own for this order, 1 to 64 characters: the same one again makes no
            second order, also after restarts, and gives the first one's trade.
        timeout_s : float, default=10
            Seconds to wait for the node's decision.

        Returns
        -------
        Trade
            Its status is UNKNOWN when no answer came: what became of it is looked up as soon as
            the node can be asked, and it is never sent again.

        Raises
        ------
        InputError
            When the order breaks a rule; nothing was sent, or the node refused it.
        AccessDenied
            When the principal may not submit orders.
        OrderDenied
            When the gate did not let it through.
        NotReachable
            When the desk is not connected, or no node runs: nothing was placed.
        """
        asked = written(
            instrument,
            side,
            quantity,
            order_type=order_type,
            limit_price=limit_price,
            trigger_price=trigger_price,
            activation_price=activation_price,
            trailing_offset=trailing_offset,
            limit_offset=limit_offset,
            offset_type=offset_type,
            time_in_force=time_in_force,
            expires=expires,
            post_only=post_only,
            reduce_only=reduce_only,
            algorithm=algorithm,
            parameters=parameters,
            emulate=emulate,
        )
        own = new_id() if command_id is None else command_id
        (trade,) = await self._place(
            "orders.submit", asked, own, order_ids(own), (asked,), timeout_s
        )
        return trade

    async def bracket(
        self,
        entry: SubmitOrder,
        *,
        take_profit: Number | SubmitOrder,
        stop_loss: Number | SubmitOrder,
        command_id: str | None = None,
        timeout_s: float = _TIMEOUT_S,
    ) -> BracketTrade:
        """Submit an entry, and two exits that wait for it; a fill of one exit ends the other.

        Parameters
        ----------
        entry : SubmitOrder
            What opens the position; `nautilus_lab.client.order` writes it.
        take_profit, stop_loss : number or SubmitOrder
            The exits: at a price, a LIMIT and a STOP_MARKET order; or any that exits.
        command_id, timeout_s
            As for `submit`; raises as it does.
        """
        back: Side = "SELL" if entry.side == "BUY" else "BUY"
        out = partial(written, entry.instrument, back, entry.quantity, emulate=entry.emulate)
        if not isinstance(take_profit, SubmitOrder):
            take_profit = out(order_type="LIMIT", limit_price=take_profit)
        if not isinstance(stop_loss, SubmitOrder):
            stop_loss = out(order_type="STOP_MARKET", trigger_price=stop_loss)
        body = SubmitBracket(entry=entry, take_profit=take_profit, stop_loss=stop_loss)
        legs = (entry, take_profit, stop_loss)
        own = new_id() if command_id is None else command_id
        names = order_ids(own, 3)
        return BracketTrade(await self._place("orders.bracket", body, own, names, legs, timeout_s))

    async def oco(
        self,
        first: SubmitOrder,
        second: SubmitOrder,
        *,
        command_id: str | None = None,
        timeout_s: float = _TIMEOUT_S,
    ) -> TradeList:
        """Submit two orders of one instrument, of which one cancels the other.

        Parameters and errors as for `submit`; `nautilus_lab.client.order` writes the two.
        """
        body = SubmitOco(first=first, second=second)
        own = new_id() if command_id is None else command_id
        names = order_ids(own, 2)
        return TradeList(
            await self._place("orders.oco", body, own, names, (first, second), timeout_s)
        )

    async def submit_list(
        self,
        orders: Sequence[SubmitOrder],
        *,
        command_id: str | None = None,
        timeout_s: float = _TIMEOUT_S,
    ) -> TradeList:
        """Submit orders of one venue that are sent, and if need be denied, together.

        Parameters and errors as for `submit`; `nautilus_lab.client.order` writes each.
        """
        body = SubmitList(orders=tuple(orders))
        own = new_id() if command_id is None else command_id
        count = len(body.orders)
        # A list of one is numbered, too: its order is none of a plain submit.
        names = order_ids(own, count) if count > 1 else (f"{order_ids(own)[0]}-1",)
        return TradeList(await self._place("orders.list", body, own, names, body.orders, timeout_s))

    async def modify(
        self,
        order: str | Trade | Order,
        *,
        quantity: Number | None = None,
        limit_price: Number | None = None,
        trigger_price: Number | None = None,
        timeout_s: float = _TIMEOUT_S,
    ) -> None:
        """Change a working order; returns when the venue has decided.

        Parameters
        ----------
        order : str, Trade or Order
            Which, an id or the thing itself.
        quantity, limit_price, trigger_price : number, optional
            What is to be different.
        timeout_s : float, default=10
            Seconds to wait.

        Raises
        ------
        OrderDenied
            When the change was refused; the order stands as it was.
        OutcomeUnknown
            When no answer came; the order itself stays true.
        InputError, AccessDenied, NotReachable
            As `submit` does.
        """
        self._commands.require(Permission.ORDERS_WRITE)
        body = ModifyOrder(
            client_order_id=_name(order),
            quantity=None if quantity is None else exact("quantity", quantity),
            limit_price=None if limit_price is None else exact("limit_price", limit_price),
            trigger_price=None if trigger_price is None else exact("trigger_price", trigger_price),
        )
        await self._commands.ask("orders.modify", body, timeout_s=timeout_s)

    async def cancel(
        self, order: str | Trade | Order, *, timeout_s: float = _TIMEOUT_S
    ) -> Cancelled:
        """Cancel a working order, of whichever strategy; with it go its slices, or its exits.

        Returns
        -------
        Cancelled
            What has ended, and whose end has not come yet.

        Raises
        ------
        NodeError
            When the venue did not cancel it.
        OutcomeUnknown
            When no answer came; the order itself stays true.
        InputError, AccessDenied, NotReachable
            As `submit` does.
        """
        self._commands.require(Permission.ORDERS_CANCEL)
        return await self._cancel(
            "orders.cancel", CancelOrder(client_order_id=_name(order)), timeout_s
        )

    async def cancel_all(
        self,
        *,
        instrument: str | None = None,
        strategy: str | None = None,
        side: Side | None = None,
        timeout_s: float = _TIMEOUT_S,
    ) -> Cancelled:
        """Cancel the working orders: all, or those of an instrument, a strategy, a side.

        Returns and raises as `cancel`.
        """
        self._commands.require(Permission.ORDERS_CANCEL)
        body = CancelAll(instrument=instrument, strategy=strategy, side=side)
        return await self._cancel("orders.cancel_all", body, timeout_s)

    def trade(self, client_order_id: str) -> Trade:
        """Return the trade of an order that is on the desk, whoever asked for it.

        Raises
        ------
        InputError
            When no such order is on the desk.
        """
        found = self._book.orders.get(client_order_id)
        if found is None:
            raise InputError(
                "an order must be on the desk", value=client_order_id, remedy="see desk.orders"
            )
        trade = Trade(found, desk=self)
        self._trades.add(trade)
        return trade

    # --- the trading state -------------------------------------------------------------------

    async def halt(
        self,
        reason: str,
        *,
        cancel_orders: bool = False,
        kill: bool = False,
        timeout_s: float = _TIMEOUT_S,
    ) -> TradingStatus:
        """Let nothing but cancels through, also after a restart.

        The owner of this machine's traders writes the latch first and asks the node then: trading
        is halted although no gateway answers, and the error says what was not done besides.

        Parameters
        ----------
        reason : str
            Why; it stands in the latch and in the audit trail.
        cancel_orders : bool, default=False
            Whether to cancel what works, protective stops too; without it all of it works on.
        kill : bool, default=False
            Whether to be KILLED, which cancels what works as well, and takes two to be resumed.
        timeout_s : float, default=10
            Seconds to wait for the node.

        Raises
        ------
        AccessDenied
            When the principal may not halt.
        LabError
            When the node did not answer; see above.
        """
        self._commands.require(Permission.RISK_HALT)
        body = HaltTrading(reason=reason, cancel_orders=cancel_orders, kill=kill)
        return await self._tighten("KILLED" if kill else "HALTED", "risk.halt", body, timeout_s)

    async def kill(self, reason: str, *, timeout_s: float = _TIMEOUT_S) -> TradingStatus:
        """Let nothing but cancels through, and cancel all that works; see `halt`.

        Two persons resume a killed trader: `ask_resume`, then `resume`.
        """
        return await self.halt(reason, kill=True, timeout_s=timeout_s)

    async def reduce_only(
        self, reason: str, *, cancel_orders: bool = False, timeout_s: float = _TIMEOUT_S
    ) -> TradingStatus:
        """Let only cancels and what makes a position smaller through, also after a restart.

        Parameters and errors as for `halt`.
        """
        self._commands.require(Permission.RISK_HALT)
        body = ReduceOnly(reason=reason, cancel_orders=cancel_orders)
        return await self._tighten("REDUCE_ONLY", "risk.reduce_only", body, timeout_s)

    async def resume(
        self,
        reason: str,
        *,
        to: Literal["ACTIVE", "REDUCE_ONLY"] = "ACTIVE",
        timeout_s: float = _TIMEOUT_S,
    ) -> TradingStatus:
        """Let more through again; a risk officer's decision.

        The node holds its book against its venues first, and refuses where they differ. A killed
        trader is resumed when another person asked for it with `ask_resume`.

        Parameters
        ----------
        reason : str
            Why; it stands in the audit trail.
        to : {"ACTIVE", "REDUCE_ONLY"}, default="ACTIVE"
            How much.
        timeout_s : float, default=10
            Seconds to wait for the node.
        """
        self._commands.require(Permission.RISK_RESUME)
        return await self._move("risk.resume", ResumeTrading(reason=reason, to=to), timeout_s)

    async def ask_resume(
        self,
        reason: str,
        *,
        to: Literal["ACTIVE", "REDUCE_ONLY"] = "ACTIVE",
        timeout_s: float = _TIMEOUT_S,
    ) -> TradingStatus:
        """Ask that a killed trader trades again; another risk officer resumes it.

        Parameters as for `resume`.
        """
        self._commands.require(Permission.RISK_RESUME)
        body = ResumeTrading(reason=reason, to=to)
        return await self._move("risk.ask_resume", body, timeout_s)

    # --- strategies --------------------------------------------------------------------------

    async def deploy(
        self,
        name: str,
        version: str,
        *,
        parameters: Mapping[str, object] | None = None,
        timeout_s: float = 30.0,
    ) -> Strategy:
        """Load a version of a strategy into the node and start it; see `Strategies.deploy`."""
        return await self.strategies.deploy(
            name, version, parameters=parameters, timeout_s=timeout_s
        )

    async def close(self) -> None:
        """End the connection; what was seen last stays readable. Harmless when closed."""
        await super().close()
        await self._reconciler.close()

    # --- placing -----------------------------------------------------------------------------

    async def _place(
        self,
        name: str,
        body: msgspec.Struct,
        command_id: str,
        names: Sequence[str],
        asked: Sequence[SubmitOrder],
        timeout_s: float,
    ) -> list[Trade]:
        """Send a command that makes orders; return their trades."""
        self._commands.require(Permission.ORDERS_WRITE)
        trades = [
            Trade(
                self._book.expect(_expected(own, one)),
                desk=self,
                command_id=command_id,
                quantity=one.quantity,
            )
            for own, one in zip(names, asked, strict=True)
        ]
        try:
            sent = await self._commands.send(name, body, timeout_s=timeout_s, command_id=command_id)
            try:
                placed = await self._commands.result(sent, timeout_s=timeout_s, answer=Placed)
            except OutcomeUnknown as unknown:
                self._wonder(trades, sent, unknown)
            else:
                self._note_placed(trades, placed)
        except LabError:
            for trade in trades:
                self._book.forget(trade.order)
            raise
        self._trades.update(trades)
        return trades

    def _note_placed(self, trades: Sequence[Trade], placed: Placed) -> None:
        now = self._link.gateway_ns
        status = dict(zip(placed.client_order_ids, placed.statuses, strict=False))
        for trade in trades:
            if (said := status.get(trade.client_order_id)) is not None:
                self._book.note_placed(trade.order, said, now)
                self._tell(Change("order", trade.client_order_id))

    def _wonder(self, trades: Sequence[Trade], sent: Sent, unknown: OutcomeUnknown) -> None:
        """Find out what became of orders whose answer did not come, or may come late."""
        for trade in trades:
            if self._book.is_expected(trade.order):
                trade.order.become(OrderStatus.UNKNOWN, unknown.rule, self._link.gateway_ns)
        sent.answer.add_done_callback(partial(self._answered_late, list(trades)))
        self._reconciler.ask_after(trades, deadline_ns=sent.deadline_ns)

    def _answered_late(self, trades: list[Trade], answer: asyncio.Future[ResultFrame]) -> None:
        if answer.cancelled() or answer.exception() is not None:
            return
        frame = answer.result()
        if frame.ok:
            self._note_placed(trades, converted(frame, Placed, "the command"))
            return
        error = error_of(frame)
        if isinstance(error, OutcomeUnknown):
            return
        self._reconciler.leave(trades)
        for trade in trades:
            trade.error = error
            if self._book.is_expected(trade.order):
                self._book.forget(trade.order)
                trade.order.become(OrderStatus.DENIED, str(error), self._link.gateway_ns)
                self._tell(Change("order", trade.client_order_id))

    def _look_after_trades(self, change: Change) -> None:
        if change.kind in ("node", "connection", "snapshot"):
            self._reconciler.wake()
        if change.kind == "snapshot":
            lost = [t for t in self._trades if t.order.status is OrderStatus.UNKNOWN]
            self._reconciler.ask_after(lost)

    async def _cancel(self, name: str, body: msgspec.Struct, timeout_s: float) -> Cancelled:
        cancelled: Cancelled = await self._commands.ask(
            name, body, timeout_s=timeout_s, answer=Cancelled, urgent=True
        )
        return cancelled

    async def _move(self, name: str, body: msgspec.Struct, timeout_s: float) -> TradingStatus:
        told = await self._commands.ask(
            name, body, timeout_s=timeout_s, answer=StateOfTrading, urgent=True
        )
        return self._book.take_trading(told)

    async def _tighten(
        self, to: Standing, name: str, body: HaltTrading | ReduceOnly, timeout_s: float
    ) -> TradingStatus:
        """Write the latch where it is ours, and have the node do the rest."""
        if self._latch is None:
            return await self._move(name, body, timeout_s)
        latch = self._latch(self.trader)
        await asyncio.to_thread(latch.tighten, to, reason=body.reason, by=Principal.owner().name)
        try:
            return await self._move(name, body, timeout_s)
        except LabError as error:
            rule = f"the latch is written and trading is {to}, but {error.rule}"
            raise type(error)(rule, value=error.value, remedy=error.remedy) from None


def _latch_of(home: Path, trader: str) -> Latch:
    files = Home(home).trader(trader)
    return Latch(files.latch, witness=files.store)


def _expected(name: str, asked: SubmitOrder) -> Order:
    return Order(
        name,
        instrument=asked.instrument,
        side=asked.side,
        order_type=asked.order_type,
        quantity=asked.quantity,
        limit_price=asked.limit_price,
        trigger_price=asked.trigger_price,
        time_in_force=asked.time_in_force,
        algorithm=asked.algorithm,
        activation_price=asked.activation_price,
        trailing_offset=asked.trailing_offset,
        limit_offset=asked.limit_offset,
        offset_type=asked.offset_type if asked.trailing_offset is not None else None,
    )


def _name(order: str | Trade | Order) -> str:
    return order if isinstance(order, str) else order.client_order_id
