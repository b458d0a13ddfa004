"""The trading dashboard: orders asked for and watched, and trading stopped, on one page."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping
from functools import partial
from typing import Any

import ipywidgets

from nautilus_lab.client import (
    Alert,
    Desk,
    Fill,
    Order,
    OrderStatus,
    Permission,
    Route,
    Strategy,
    Trade,
)
from nautilus_lab.exceptions import DeadlineExceeded, InputError, LabError
from nautilus_lab.widgets._grid import Column, Grid, Row
from nautilus_lab.widgets._library import Theme
from nautilus_lab.widgets._page import DeskPage, column, framed, row
from nautilus_lab.widgets._ticket import OrderTicket, TradingControls

_RECENT = 80  # fills, routes and alerts shown
_SEEN_S = 2.0  # how long the ticket waits for the end of an order before it says how it stands
_SLICES = 10  # of an order that is worked over some minutes
_RATE = 0.1  # of the volume, for an order that takes its part of it

_WORKING = (
    Column(key="time", label="Time", kind="time", width=1.0),
    Column(key="instrument", label="Instrument", width=1.2),
    Column(key="side", label="Side", kind="side", width=0.6),
    Column(key="type", label="Type", width=1.5),
    Column(key="quantity", label="Qty", kind="number", digits=0, width=0.8),
    Column(key="filled", label="Filled", kind="number", digits=0, width=0.8, flash=True),
    Column(key="price", label="Price", kind="number", width=0.9),
    Column(key="trigger", label="Trigger", kind="number", width=0.9),
    Column(key="status", label="Status", kind="status", width=1.3),
    Column(key="strategy", label="Strategy", width=1.3),
    Column(key="by", label="By", width=0.8),
    Column(key="cancel", label="", kind="action", width=0.7),
)
_ENDED = (
    Column(key="time", label="Time", kind="time", width=1.0),
    Column(key="instrument", label="Instrument", width=1.2),
    Column(key="side", label="Side", kind="side", width=0.6),
    Column(key="type", label="Type", width=1.3),
    Column(key="quantity", label="Qty", kind="number", digits=0, width=0.8),
    Column(key="filled", label="Filled", kind="number", digits=0, width=0.8),
    Column(key="average", label="Avg price", kind="number", width=1.0),
    Column(key="slippage", label="Slip, bp", kind="number", digits=1, width=0.8),
    Column(key="status", label="Status", kind="status", width=1.1),
    Column(key="reason", label="Why", width=2.4),
)
_FILLS = (
    Column(key="time", label="Time", kind="time", width=1.1),
    Column(key="instrument", label="Instrument", width=1.3),
    Column(key="side", label="Side", kind="side", width=0.7),
    Column(key="quantity", label="Qty", kind="number", digits=0, width=0.8),
    Column(key="price", label="Price", kind="number", width=1.0),
    Column(key="commission", label="Fee", kind="number", width=0.8),
)
_STRATEGIES = (
    Column(key="strategy", label="Strategy", width=1.5),
    Column(key="version", label="Version", width=1.4),
    Column(key="state", label="State", kind="status", width=1.0),
    Column(key="working", label="Orders", kind="number", digits=0, width=0.7),
    Column(key="realised", label="Realised", kind="signed", width=1.1),
    Column(key="unrealised", label="Unrealised", kind="signed", width=1.1),
    Column(key="act", label="", kind="action", width=0.8),
)
_ROUTES = (
    Column(key="time", label="Time", kind="time", width=1.0),
    Column(key="what", label="Routed", width=1.7),
    Column(key="legs", label="To", width=3.6),
    Column(key="cost", label="Expected", kind="number", width=1.1),
)
_ALERTS = (
    Column(key="time", label="Time", kind="time", width=1.0),
    Column(key="severity", label="Level", kind="status", width=0.9),
    Column(key="text", label="What", width=4.5),
)
# a strategy's state -> what its button does
_ACTS = {"running": "pause", "paused": "resume", "stopped": "start", "failed": "start"}


class TradingDashboard(DeskPage):
    """Order ticket, trading state, working orders, fills, strategies; see `trading_dashboard`."""

    def __init__(self, desk: Desk, *, theme: Theme = "auto", stale_after_s: float = 5.0) -> None:
        super().__init__(
            desk, title="Nautilus Lab · Trading", theme=theme, stale_after_s=stale_after_s
        )
        self.ticket = OrderTicket(ask=self._submit, spawn=self.spawn, enabled=False, theme=theme)
        self.controls = TradingControls(
            ask=self._control, spawn=self.spawn, enabled=False, theme=theme
        )
        recent = partial(Grid, newest_first=True, most_rows=_RECENT, theme=theme)
        self.working = Grid(
            _WORKING,
            title="Working orders",
            empty="nothing works",
            height=225,
            newest_first=True,
            on_press=self._pressed_cancel,
            theme=theme,
        )
        self.ended = recent(_ENDED, title="Ended orders", empty="none has ended", height=230)
        self.fills = recent(_FILLS, title="Fills", empty="no fills", height=185)
        self.strategies = Grid(
            _STRATEGIES,
            title="Strategies",
            empty="none is deployed",
            height=185,
            sort_by="strategy",
            on_press=self._pressed_strategy,
            theme=theme,
        )
        self.routes = recent(_ROUTES, title="Routing", empty="nothing was routed", height=185)
        self.alerts = recent(_ALERTS, title="Alerts", empty="no alerts", height=185)
        self.page = self._laid_out(theme)

    def _laid_out(self, theme: Theme) -> ipywidgets.VBox:
        return framed(
            theme,
            row("head", self.status, self.banner, self.age),
            self.controls,
            row(
                "trade",
                self.ticket,
                column(self.working, self.ended),
            ),
            row("halves", self.fills, self.strategies),
            row("halves", self.routes, self.alerts),
            self.pulse,
        )

    # --- showing -----------------------------------------------------------------------------

    def show_all(self) -> None:
        """Show the whole desk."""
        desk = self.desk
        self._show_rights()
        orders = sorted(desk.orders.values(), key=_when)
        self.working.replace(self._working_row(o) for o in orders if not o.is_done)
        self.ended.replace(_ended_row(self.desk, o) for o in orders[-_RECENT:] if o.is_done)
        self.fills.replace(map(_fill_row, desk.fills[-_RECENT:]))
        self.routes.replace(map(_route_row, list(desk.routes.values())[-_RECENT:]))
        self._show_alerts()
        self.strategies.replace(self._strategy_row(s) for s in desk.strategies.values())
        self._show_state()
        self._show_instruments()

    def show_changed(self, dirty: dict[str, set[str]]) -> None:
        """Show what changed."""
        desk = self.desk
        if dirty.keys() & {"node", "connection", "trading_state"}:
            self._show_rights()
            self._show_state()
        if dirty["order"]:
            self._show_orders(desk.orders[k] for k in dirty["order"] if k in desk.orders)
        if dirty["fill"]:
            fills = [f for f in desk.fills[-500:] if f.trade_id in dirty["fill"]]
            self.fills.put(map(_fill_row, fills))
        if dirty["route"]:
            found = [desk.routes[k] for k in sorted(dirty["route"]) if k in desk.routes]
            self.routes.put(map(_route_row, found))
        if dirty["alert"]:
            self.alerts.replace(
                _alert_row(n, a) for n, a in enumerate(list(desk.alerts)[-_RECENT:])
            )
        if dirty["strategy"]:
            known = [desk.strategies[k] for k in dirty["strategy"] if k in desk.strategies]
            self.strategies.put(self._strategy_row(s) for s in known)
        if dirty["quote"]:
            self._show_instruments()

    def _show_alerts(self) -> None:
        recent = list(self.desk.alerts)[-_RECENT:]
        self.alerts.replace(_alert_row(number, alert) for number, alert in enumerate(recent))

    def _show_rights(self) -> None:
        desk = self.desk
        trades, halts = desk.may(Permission.ORDERS_WRITE), desk.may(Permission.RISK_HALT)
        self.ticket.enabled = trades and desk.node.is_up
        self.ticket.disabled_reason = (
            "a viewer's page: it sends no orders" if not trades else "the node is not there"
        )
        self.controls.enabled = halts

    def _show_state(self) -> None:
        now = self.desk.trading_state
        self.controls.put(state=now.state.value, reason=now.reason, by=now.by)

    def _show_instruments(self) -> None:
        names = sorted(self.desk.quotes)
        if names != self.ticket.instruments:
            self.ticket.instruments = names
        quote = self.desk.quotes.get(self.ticket.chosen or (names[0] if names else ""))
        if quote is not None and math.isfinite(quote.mid):
            self.ticket.quote(quote.instrument, quote.bid, quote.ask)

    def _show_orders(self, orders: Any) -> None:
        changed = sorted(orders, key=_when)
        self.working.put(self._working_row(o) for o in changed if not o.is_done)
        self.working.remove([o.client_order_id for o in changed if o.is_done])
        self.ended.put(_ended_row(self.desk, o) for o in changed if o.is_done)

    def _working_row(self, order: Order) -> Row:
        may = self.desk.may(Permission.ORDERS_CANCEL)
        # What an algorithm works is filled by the orders that it sends.
        whole = self.desk.trade(order.client_order_id)
        algorithm = f" by {order.algorithm}" if order.algorithm else ""
        return {
            "id": order.client_order_id,
            "time": order.ts / 1e9,
            "instrument": order.instrument,
            "side": order.side,
            "type": order.order_type.replace("_", " ").lower() + algorithm,
            "quantity": float(whole.quantity),
            "filled": float(whole.filled),
            "price": _number(order.limit_price),
            "trigger": _number(order.trigger_price),
            "status": order.status.value,
            "strategy": order.strategy,
            "by": order.by,
            "cancel": "cancel" if may else "",
        }

    def _strategy_row(self, strategy: Strategy) -> Row:
        may = self.desk.may(Permission.STRATEGY_CONTROL)
        return {
            "id": strategy.strategy,
            "strategy": strategy.strategy,
            "version": f"{strategy.name} {strategy.version}",
            "state": strategy.state,
            "working": strategy.working_orders,
            "realised": strategy.realised,
            "unrealised": strategy.unrealised,
            "act": _ACTS.get(strategy.state, "") if may else "",
        }

    # --- asking ------------------------------------------------------------------------------

    async def _submit(self, form: Mapping[str, Any]) -> str:
        """Submit what the ticket says; return how it stands a moment later."""
        given = {name: str(value).strip() for name, value in form.items()}
        prices = ("limit_price", "trigger_price", "trailing_offset")
        if not given.get("quantity"):
            raise InputError("an order needs a quantity")
        side, kind, lasts = given["side"], given["order_type"], given["time_in_force"]
        algorithm = given.get("algorithm") or None
        trade = await self.desk.submit(
            given["instrument"],
            side,  # type: ignore[arg-type]  # checked by submit
            given["quantity"],
            order_type=kind,  # type: ignore[arg-type]
            time_in_force=lasts,  # type: ignore[arg-type]
            algorithm=algorithm,
            parameters=_parameters(algorithm, given.get("minutes", "")),
            **{name: given[name] for name in prices if given.get(name)},  # type: ignore[arg-type]
        )
        # One that works longer is followed by the table.
        with contextlib.suppress(DeadlineExceeded):
            await trade.done(timeout_s=_SEEN_S if algorithm is None else 0.1)
        return _told(trade)

    async def _control(self, form: Mapping[str, Any]) -> str:
        reason, action = str(form.get("reason", "")).strip(), form.get("action")
        if action == "cancel_all":
            done = await self.desk.cancel_all()
            left = f", {len(done.pending)} not yet" if done.pending else ""
            return f"{len(done.ended)} cancelled{left}"
        if not reason:
            raise InputError("say why: it stands in the audit trail")
        if action == "halt":
            await self.desk.halt(reason, cancel_orders=True)
        elif action == "reduce_only":
            await self.desk.reduce_only(reason)
        elif action == "resume":
            await self.desk.resume(reason)
        else:
            raise InputError("a page may ask for what its buttons say", value=action)
        return f"trading is {self.desk.trading_state.state.value}"

    def _pressed_cancel(self, order_id: str, key: str) -> None:
        async def cancel(_: Mapping[str, Any]) -> str:
            done = await self.desk.cancel(order_id)
            return "cancelled" if done.ended else "the venue has not cancelled it yet"

        self.spawn(self.ticket.attempt(cancel))

    def _pressed_strategy(self, name: str, key: str) -> None:
        async def act(_: Mapping[str, Any]) -> str:
            strategy = self.desk.strategies.get(name)
            verb = _ACTS.get(strategy.state, "") if strategy is not None else ""
            if not verb:
                raise InputError("a strategy must be one that can be paused or started", value=name)
            if verb == "pause":
                await self.desk.strategies.pause(name, cancel_orders=True)
            else:
                await getattr(self.desk.strategies, verb)(name)
            return f"{name}: {verb}"

        self.spawn(self.controls.attempt(act))


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


def _parameters(algorithm: str | None, minutes: str) -> dict[str, float] | None:
    if algorithm is None or algorithm == "SMART":
        return None
    try:
        horizon = float(minutes) * 60
    except ValueError:
        horizon = math.nan
    if not 0 < horizon < math.inf:
        raise InputError("an algorithm needs its minutes", value=minutes)
    if algorithm == "POV":
        return {"horizon_secs": horizon, "rate": _RATE}
    return {"horizon_secs": horizon, "interval_secs": max(1.0, horizon / _SLICES)}


def _told(trade: Trade) -> str:
    status = trade.status
    if status is OrderStatus.UNKNOWN:
        return "no answer: what became of it is being looked up"
    price = trade.average_price
    done = f"{trade.filled:f} of {trade.quantity:f}" if trade.filled else ""
    at = f" at {price:.2f}" if price is not None else ""
    why = f" ({trade.reason})" if trade.reason else ""
    return f"{status.value.replace('_', ' ').lower()} {done}{at}{why}".strip()


def _when(order: Order) -> int:
    return order.ts


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _ended_row(desk: Desk, order: Order) -> Row:
    return {
        "id": order.client_order_id,
        "time": order.ts / 1e9,
        "instrument": order.instrument,
        "side": order.side,
        "type": order.order_type.replace("_", " ").lower(),
        "quantity": float(order.quantity),
        "filled": float(order.filled),
        "average": _number(order.average_price),
        "slippage": _slippage(desk, order),
        "status": order.status.value,
        "reason": order.reason,
    }


def _slippage(desk: Desk, order: Order) -> float | None:
    try:
        return desk.trade(order.client_order_id).slippage_bps
    except LabError:
        return None


def _fill_row(fill: Fill) -> Row:
    return {
        # Each venue numbers its trades by itself.
        "id": f"{fill.instrument} {fill.trade_id}",
        "time": fill.ts / 1e9,
        "instrument": fill.instrument,
        "side": fill.side,
        "quantity": float(fill.quantity),
        "price": float(fill.price),
        "commission": float(fill.commission),
    }


def _route_row(route: Route) -> Row:
    legs = ", ".join(f"{leg.quantity:f} {leg.venue} @ {leg.price:f}" for leg in route.legs)
    return {
        "id": f"{route.client_order_id} {route.ts}",
        "time": route.ts / 1e9,
        "what": f"{route.side.lower()} {route.quantity:f} {route.instrument.partition('.')[0]}",
        "legs": legs,
        "cost": float(route.expected_cost),
    }


def _alert_row(number: int, alert: Alert) -> Row:
    return {
        "id": f"{alert.ts} {number}",
        "time": alert.ts / 1e9,
        "severity": alert.severity,
        "text": f"{alert.rule}. {alert.detail}".strip(),
    }
