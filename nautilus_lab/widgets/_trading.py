"""The trading dashboard: orders asked for and watched, and trading stopped, on one page."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

import ipywidgets

from nautilus_lab.client import (
    Change,
    ConnectionState,
    Desk,
    NodeState,
    Order,
    OrderStatus,
    Permission,
    Trade,
    TradingState,
    order,
)
from nautilus_lab.exceptions import DeadlineExceeded, InputError, NotReachable
from nautilus_lab.widgets._asking import Answer
from nautilus_lab.widgets._controls import TradingControls
from nautilus_lab.widgets._form import Wanted, read
from nautilus_lab.widgets._grid import Grid, Row
from nautilus_lab.widgets._library import Theme
from nautilus_lab.widgets._page import DeskPage, column, fixed, framed, row
from nautilus_lab.widgets._rows import ACCOUNTS, FILLS, account_row, fill_row
from nautilus_lab.widgets._ticket import OrderTicket
from nautilus_lab.widgets._trading_tables import (
    ACTS,
    ALERTS,
    ENDED,
    HEALTH,
    MARKETS,
    POSITIONS,
    ROUTES,
    STRATEGIES,
    WORKING,
    alert_row,
    ended_row,
    health_row,
    market_rows,
    money_rows,
    position_row,
    route_row,
    strategy_row,
    working_row,
)

_RECENT = 250  # ended orders, fills, routes and alerts shown
_MOST_WORKING = 10_000  # more than a desk keeps: none that works is left out
_SEEN_S = 2.0  # how long the ticket waits for the end of an order before it says how it stands

# a button of the controls -> the permission it needs
_CONTROLS = {
    "cancel_all": Permission.ORDERS_CANCEL,
    "reduce_only": Permission.RISK_HALT,
    "halt": Permission.RISK_HALT,
    "halt_and_cancel": Permission.RISK_HALT,
    "kill": Permission.RISK_HALT,
    "ask_resume": Permission.RISK_RESUME,
    "resume": Permission.RISK_RESUME,
}
_NOTICES = {
    TradingState.REDUCE_ONLY: "REDUCE ONLY: what makes a position larger is refused",
    TradingState.HALTED: "HALTED: orders are refused",
    TradingState.KILLED: "KILLED: orders are refused",
}


class TradingDashboard(DeskPage):
    """Order ticket, trading state, orders, fills, strategies, money; see `trading_dashboard`."""

    def __init__(self, desk: Desk, *, theme: Theme = "auto", stale_after_s: float = 5.0) -> None:
        super().__init__(
            desk, title="Nautilus Lab · Trading", theme=theme, stale_after_s=stale_after_s
        )
        self.ticket = OrderTicket(
            ask=self._submit, spawn=self.spawn, on_choice=self._chosen, theme=theme
        )
        self.controls = TradingControls(ask=self._control, spawn=self.spawn, theme=theme)
        grid = partial(Grid, theme=theme)
        recent = partial(grid, newest_first=True, most_rows=_RECENT)
        self.working = grid(
            WORKING,
            title="Working orders",
            empty="nothing works",
            height=170,
            newest_first=True,
            most_rows=_MOST_WORKING,
            on_press=self._pressed_order,
        )
        self.ended = recent(ENDED, title="Ended orders", empty="none has ended", height=170)
        self.fills = recent(FILLS, title="Fills", empty="no fills", height=125)
        self.routes = recent(ROUTES, title="Routing", empty="nothing was routed", height=78)
        self.alerts = recent(ALERTS, title="Alerts", empty="no alerts", height=100)
        self.strategies = grid(
            STRATEGIES,
            title="Strategies",
            empty="none is deployed",
            height=125,
            sort_by="strategy",
            on_press=self._pressed_strategy,
        )
        self.positions = grid(
            POSITIONS,
            title="Positions",
            empty="no positions",
            height=150,
            sort_by="instrument",
        )
        self.accounts = grid(
            ACCOUNTS, title="Accounts", empty="no account yet", height=100, sort_by="venue"
        )
        self.markets = grid(
            MARKETS, title="At the venues", empty="no quotes", height=100, sort_by="venue"
        )
        self.health = grid(HEALTH, title="System", empty="nothing heard yet", height=100)
        # order id -> trade whose placing was not answered; the desk lists it once it is found
        self._wondered: dict[str, Trade] = {}
        self.page = self._laid_out(theme)

    def _laid_out(self, theme: Theme) -> ipywidgets.VBox:
        return framed(
            theme,
            row("head", self.status, self.banner, self.age),
            self.controls,
            row(
                "desk",
                column(fixed(self.ticket), fixed(self.markets), self.health),
                column(
                    self.working,
                    self.ended,
                    row("uneven", self.fills, self.strategies),
                    self.routes,
                ),
                column(self.positions, fixed(self.accounts), self.alerts, name="side"),
            ),
            self.pulse,
        )

    # --- showing -----------------------------------------------------------------------------

    def show_all(self) -> None:
        """Show the whole desk."""
        desk = self.desk
        trades = self._trades(desk.orders)
        self.working.replace(working_row(desk, t) for t in trades if not t.is_done)
        self.ended.replace([ended_row(desk, t) for t in trades if t.is_done][-_RECENT:])
        self.fills.replace(map(fill_row, desk.fills[-_RECENT:]))
        self.routes.replace(map(route_row, list(desk.decisions)[-_RECENT:]))
        self._show_strategies()
        held = [p for p in desk.positions.values() if not p.is_flat or p.realised]
        self.positions.replace(map(position_row, held))
        self.accounts.replace(account_row(a) for a in desk.accounts.values())
        self._show_alerts()
        self._show_rights()
        self._show_health()
        self._show_instruments()

    def show_changed(self, dirty: dict[str, set[str]]) -> None:
        """Show what changed."""
        desk = self.desk
        if dirty.keys() & {"node", "connection", "trading_state"}:
            self._show_rights()
        if dirty.keys() & {"node", "connection", "health"}:
            self._show_health()
        if dirty["order"]:
            self._show_orders(dirty["order"])
            self._show_trading_state()
        if dirty["fill"]:
            fills = [f for f in desk.fills[-1_000:] if f.trade_id in dirty["fill"]]
            self.fills.put(map(fill_row, fills))
        if dirty["route"]:
            # All of an order's: what is left of it may have been split again before this.
            found = [r for r in desk.decisions if r.client_order_id in dirty["route"]]
            self.routes.put(map(route_row, found[-_RECENT:]))
        if dirty["alert"]:
            self._show_alerts()
        if dirty.keys() & {"strategy", "pnl"}:
            self._show_strategies()
        if dirty["account"]:
            accounts = [desk.accounts[k] for k in dirty["account"] if k in desk.accounts]
            self.accounts.put(map(account_row, accounts))
        if dirty["position"]:
            held = [desk.positions[k] for k in dirty["position"] if k in desk.positions]
            self.positions.put(map(position_row, held))
        if dirty["quote"]:
            self._show_instruments()

    def _show_rights(self) -> None:
        desk = self.desk
        connected = desk.connection is ConnectionState.CONNECTED
        closed = ""
        if not connected:
            closed = "not connected"
        elif not desk.may(Permission.ORDERS_WRITE):
            closed = "this page may not send orders"
        elif not desk.node.is_up:
            closed = f"the node is {desk.node.state.value}"
        now = desk.trading_state
        self.ticket.closed = closed
        self.ticket.notice = _NOTICES.get(now.state, "")
        self.controls.actions = [name for name, needs in _CONTROLS.items() if desk.may(needs)]
        self._show_trading_state()

    def _show_trading_state(self) -> None:
        now = self.desk.trading_state
        self.controls.put(
            state=now.state.value,
            reason=now.reason,
            by=now.by,
            since_s=now.since_ns / 1e9,
            working=len(self._working_orders()),
        )

    def _working_orders(self) -> list[Order]:
        return [order for order in self.desk.orders.values() if not order.is_done]

    def _show_health(self) -> None:
        desk = self.desk
        linked = desk.connection is ConnectionState.CONNECTED
        rows: list[Row] = [health_row("gateway", "connected" if linked else desk.connection.value)]
        for name, beat in sorted(desk.health.items()):
            state, detail = beat.state, beat.detail
            if name == "node" and (not linked or desk.node.state is not NodeState(beat.state)):
                # Its last heartbeat is older than what the gateway, or the page, knows.
                state = desk.node.state.value if linked else NodeState.UNKNOWN.value
                detail = desk.node.detail
            rows.append(health_row(name, state, detail, beat))
        self._put_all(self.health, rows)

    def _show_strategies(self) -> None:
        desk = self.desk
        rows = [strategy_row(desk, s) for s in desk.strategies.values()] + money_rows(desk)
        self._put_all(self.strategies, rows)

    @staticmethod
    def _put_all(grid: Grid, rows: list[Row]) -> None:
        """Show these rows and no others; only what changed is sent."""
        if {r["id"] for r in grid.rows} <= {r["id"] for r in rows}:
            grid.put(rows)
        else:
            grid.replace(rows)

    def _show_alerts(self) -> None:
        alerts = list(self.desk.alerts)[-_RECENT:]
        self.alerts.replace(alert_row(number, alert) for number, alert in enumerate(alerts))

    def _chosen(self) -> None:
        self.markets.replace([])
        self._show_instruments()

    def _show_instruments(self) -> None:
        quotes = self.desk.quotes
        # The first venue of the trader's settings first: what is offered first is chosen.
        venues = {venue: number for number, venue in enumerate(self.desk.accounts)}
        names = sorted(quotes, key=lambda n: (venues.get(n.rpartition(".")[2], len(venues)), n))
        if names != self.ticket.instruments:
            self.ticket.instruments = names
        chosen = self.ticket.chosen
        if chosen in quotes:
            self.ticket.show_market(quotes[chosen])
        symbol = _symbol(chosen)
        self.markets.put(
            market_rows([q for q in quotes.values() if _symbol(q.instrument) == symbol])
        )

    def _show_orders(self, names: Iterable[str]) -> None:
        orders = self.desk.orders
        known = {name for name in names if name in orders}
        # What works for an order is counted with it.
        known |= {p for name in known if (p := orders[name].parent) is not None and p in orders}
        trades = self._trades(known)
        self.working.put(working_row(self.desk, t) for t in trades if not t.is_done)
        self.working.remove([t.client_order_id for t in trades if t.is_done])
        self.ended.put(ended_row(self.desk, t) for t in trades if t.is_done)

    def _trades(self, names: Iterable[str]) -> list[Trade]:
        """Return the trades of these orders and those nobody knows of, oldest first."""
        found = {name: self.desk.trade(name) for name in names}
        for name, trade in list(self._wondered.items()):
            found.setdefault(name, trade)
            if trade.status is not OrderStatus.UNKNOWN:
                del self._wondered[name]
                self.ticket.answer(_told(trade))
        return sorted(found.values(), key=lambda trade: trade.order.ts)

    # --- asking ------------------------------------------------------------------------------
    #
    # A page can send what it likes, whatever it shows: each of these asks what the principal may.

    async def _submit(self, form: Mapping[str, Any]) -> Answer:
        """Submit what the ticket says; return how it stands a moment later."""
        self._require(Permission.ORDERS_WRITE)
        wanted = read(form)
        trade = await self._placed(wanted)
        # What takes longer is followed by the tables.
        with contextlib.suppress(DeadlineExceeded, NotReachable):
            if wanted.fields["order_type"] == "MARKET" and "algorithm" not in wanted.fields:
                await trade.done(timeout_s=_SEEN_S)
            else:
                await trade.until_accepted(timeout_s=_SEEN_S)
        return _told(trade)

    async def _placed(self, wanted: Wanted) -> Trade:
        desk, what = self.desk, (wanted.instrument, wanted.side, wanted.quantity)
        if not wanted.take_profit:
            trade = await desk.submit(*what, **wanted.fields)
            self._wonder(trade)
            return trade
        bracket = await desk.bracket(
            order(*what, **wanted.fields),
            take_profit=wanted.take_profit,
            stop_loss=wanted.stop_loss,
        )
        for leg in bracket:
            self._wonder(leg)
        return bracket.entry

    def _wonder(self, trade: Trade) -> None:
        """Show an order whose placing was not answered, which no table of the desk has."""
        if trade.status is OrderStatus.UNKNOWN:
            self._wondered[trade.client_order_id] = trade
            self._heard(Change("order", trade.client_order_id))

    async def _control(self, form: Mapping[str, Any]) -> Answer:
        action, reason = str(form.get("action")), str(form.get("reason", "")).strip()
        if action not in _CONTROLS:
            raise InputError("a page may ask for what its buttons say", value=action)
        self._require(_CONTROLS[action])
        if action == "cancel_all":
            done = await self.desk.cancel_all()
            left = f", {len(done.pending)} not yet" if done.pending else ""
            return Answer(f"{len(done.ended)} cancelled{left}", "warn" if left else "ok")
        if not reason:
            raise InputError("say why: it stands in the audit trail")
        if action in ("halt", "halt_and_cancel", "kill"):
            return await self._halt(reason, cancel=action != "halt", kill=action == "kill")
        if action == "ask_resume":
            await self.desk.ask_resume(reason)
            return Answer("asked for: somebody else resumes it", "warn")
        if action == "reduce_only":
            now = await self.desk.reduce_only(reason)
        else:
            now = await self.desk.resume(reason)
        self._show_rights()
        return Answer(f"trading is {now.state.value.replace('_', ' ')}")

    async def _halt(self, reason: str, *, cancel: bool, kill: bool) -> Answer:
        """Halt or kill; return what became of the orders that worked."""
        worked = self._working_orders()
        now = await self.desk.halt(reason, cancel_orders=cancel, kill=kill)
        self._show_rights()
        state = f"trading is {now.state.value}"
        if not cancel:
            return Answer(f"{state}; {_orders(len(self._working_orders()))} left working")
        with contextlib.suppress(DeadlineExceeded, NotReachable):
            await self.desk.until(lambda: all(o.is_done for o in worked), timeout_s=_SEEN_S)
        self._show_trading_state()
        ended = sum(order.status is OrderStatus.CANCELED for order in worked)
        left = sum(not order.is_done for order in worked)
        if left:
            return Answer(f"{state}; {_orders(ended)} cancelled, {left} not yet", "warn")
        return Answer(f"{state}; {_orders(ended)} cancelled")

    def _pressed_order(self, order_id: str, key: str) -> None:
        self.spawn(self.working.attempt(self._cancel(order_id), of=order_id))

    async def _cancel(self, order_id: str) -> Answer:
        self._require(Permission.ORDERS_CANCEL)
        done = await self.desk.cancel(order_id)
        if done.pending:
            return Answer(f"the venue has not cancelled {len(done.pending)} yet", "warn")
        return Answer(f"{len(done.ended)} cancelled")

    def _pressed_strategy(self, name: str, key: str) -> None:
        self.spawn(self.strategies.attempt(self._steer(name, key), of=name))

    async def _steer(self, name: str, key: str) -> Answer:
        self._require(Permission.STRATEGY_CONTROL)
        strategies = self.desk.strategies
        state = strategies[name].state if name in strategies else ""
        verb = "stop" if key == "stop" else ACTS.get(state, "")
        if verb in ("stop", "pause"):
            now = await getattr(strategies, verb)(name, cancel_orders=True)
        elif verb in ("resume", "start"):
            now = await getattr(strategies, verb)(name)
        else:
            raise InputError("a strategy must be one that can be paused or started", value=name)
        return Answer(f"{name} is {now.state}")

    def _require(self, permission: Permission) -> None:
        principal = self.desk.principal
        if principal is None:
            raise NotReachable(
                "the desk must be connected", value=self.desk.trader, remedy="wait until it is"
            )
        principal.require(permission)


def trading_dashboard(
    desk: Desk, *, theme: Theme = "auto", stale_after_s: float = 5.0
) -> TradingDashboard:
    """Build the trading page of a desk and keep it true.

    What the page may ask for is what the desk's principal may: with a viewer's token it only
    looks. The node checks each command again.

    Parameters
    ----------
    desk : Desk
        What to show; ``Desk.find(role="operator")`` trades, ``Desk.find()`` looks.
    theme : {"auto", "dark", "light"}, default="auto"
        Colours; those of the page around when "auto".
    stale_after_s : float, default=5
        Seconds without data after which a veil says that the page must not be believed.

    Returns
    -------
    TradingDashboard
        Shows itself as the last value of a cell.
    """
    return TradingDashboard(desk, theme=theme, stale_after_s=stale_after_s).start()


def _told(trade: Trade) -> Answer:
    """Say how a trade stands."""
    status = trade.status
    if status is OrderStatus.UNKNOWN:
        return Answer(
            "no answer: it may have been placed, or not, and is looked up; do not send it again",
            "warn",
        )
    price = trade.average_price
    done = f"{trade.filled:f} of {trade.quantity:f}" if trade.filled else ""
    at = f"at {price:.4f}" if price is not None else ""
    why = f"({trade.reason})" if trade.reason else ""
    words = (status.value.replace("_", " ").lower(), done, at, why)
    ended_short = trade.is_done and status is not OrderStatus.FILLED
    return Answer(" ".join(filter(None, words)), "down" if ended_short else "ok")


def _orders(count: int) -> str:
    return "1 order" if count == 1 else f"{count} orders"


def _symbol(instrument: str) -> str:
    return instrument.rpartition(".")[0]
