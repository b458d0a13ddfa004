"""The risk dashboard: one page that tells how a trader stands, and whether to believe it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import os
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import ipywidgets

from nautilus_lab.client import (
    Change,
    ConnectionState,
    Desk,
    Fill,
    Limit,
    NodeState,
    Order,
    Position,
)
from nautilus_lab.exceptions import LabError
from nautilus_lab.widgets._charts import LineChart, PriceChart
from nautilus_lab.widgets._grid import Column, Grid, Row
from nautilus_lab.widgets._kpi import Kpi, KpiRow
from nautilus_lab.widgets._library import Theme
from nautilus_lab.widgets._status import (
    AgeBadge,
    Level,
    Pulse,
    SimulatedBanner,
    StatusBar,
    under_voila,
)

_log = logging.getLogger(__name__)

_REFRESH_S = 0.25
_AGE_EVERY = 2  # refreshes
_TRY_AGAIN_S = 2.0
_PING_S = 10.0
_GONE_AFTER_S = 60.0  # a page that has not answered for so long is closed or lost
_NEVER_CAME_S = 180.0  # a page that never answered was not opened
_RECENT = 60  # orders and fills shown

_CARDS = (
    Kpi(key="equity", label="Equity"),
    Kpi(key="total", label="Total P&L", signed=True, coloured=True),
    Kpi(key="unrealised", label="Unrealised P&L", signed=True, coloured=True),
    Kpi(key="realised", label="Realised P&L", signed=True, coloured=True),
    Kpi(key="commissions", label="Commissions"),
    Kpi(key="gross", label="Gross exposure", digits=0),
    Kpi(key="net", label="Net exposure", digits=0, signed=True),
    Kpi(key="cash", label="Cash", digits=0),
)
_POSITIONS = (
    Column(key="instrument", label="Instrument", width=1.3),
    Column(key="quantity", label="Quantity", kind="number", digits=0),
    Column(key="average", label="Avg price", kind="number", width=1.1),
    Column(key="price", label="Price", kind="number", width=1.1, flash=True),
    Column(key="value", label="Value", kind="number", digits=0, width=1.2),
    Column(key="weight", label="% equity", kind="number", digits=1),
    Column(key="unrealised", label="Unrealised", kind="signed", width=1.2),
    Column(key="realised", label="Realised", kind="signed", width=1.2),
)
_LIMITS = (
    Column(key="limit", label="Limit", width=1.6),
    Column(key="scope", label="Scope", width=1.1),
    Column(key="value", label="Now", kind="number", digits=0),
    Column(key="most", label="At most", kind="number", digits=0),
    Column(key="utilisation", label="Used", kind="bar", width=2.6),
    Column(key="level", label="Level", kind="status", width=0.8),
)
_ORDERS = (
    Column(key="time", label="Time", kind="time", width=1.1),
    Column(key="instrument", label="Instrument", width=1.3),
    Column(key="side", label="Side", kind="side", width=0.8),
    Column(key="quantity", label="Qty", kind="number", digits=0, width=0.9),
    Column(key="filled", label="Filled", kind="number", digits=0, width=0.9),
    Column(key="status", label="Status", kind="status", width=1.3),
)
_FILLS = (
    Column(key="time", label="Time", kind="time", width=1.1),
    Column(key="instrument", label="Instrument", width=1.3),
    Column(key="side", label="Side", kind="side", width=0.8),
    Column(key="quantity", label="Qty", kind="number", digits=0, width=0.9),
    Column(key="price", label="Price", kind="number", width=1.1),
    Column(key="commission", label="Fee", kind="number", width=0.9),
)

_running: set[asyncio.Task[None]] = set()  # the loop itself holds its tasks weakly


class RiskDashboard:
    """Equity, P&L, positions, limits, orders and fills of a desk; see `risk_dashboard`."""

    def __init__(self, desk: Desk, *, theme: Theme = "auto", stale_after_s: float = 5.0) -> None:
        self.desk = desk
        self.status = StatusBar(title="Nautilus Lab · Risk", theme=theme)
        self.banner = SimulatedBanner(theme=theme)
        self.age = AgeBadge(stale_after_s=stale_after_s, theme=theme)
        self.pulse = Pulse()
        self.kpis = KpiRow(_CARDS, theme=theme)
        self.equity = LineChart(title="Equity, USD", height=286, theme=theme)
        self.price = PriceChart(title="Price", height=286, theme=theme)
        self.positions = Grid(
            _POSITIONS,
            title="Positions",
            empty="no positions",
            height=435,
            sort_by="instrument",
            theme=theme,
        )
        self.limits = Grid(
            _LIMITS,
            title="Limit utilisation",
            empty="no limit was used yet",
            height=99,
            theme=theme,
        )
        self.orders = Grid(
            _ORDERS,
            title="Recent orders",
            empty="no orders",
            height=291,
            newest_first=True,
            most_rows=_RECENT,
            theme=theme,
        )
        self.fills = Grid(
            _FILLS,
            title="Recent fills",
            empty="no fills",
            height=291,
            newest_first=True,
            most_rows=_RECENT,
            theme=theme,
        )
        self.page = self._laid_out(theme)
        self._trouble = ""
        self._dirty: dict[str, set[str]] = defaultdict(set)  # kind of change -> keys
        self._tasks: list[asyncio.Task[None]] = []
        self._stop_hearing: Callable[[], None] | None = None
        self._seeding: asyncio.Task[None] | None = None
        self.price.observe(self._other_instrument, names="instrument")

    def start(self) -> RiskDashboard:
        """Begin to follow the desk, connecting it for as long as it takes."""
        self._stop_hearing = self.desk.on_change(self._heard)
        self._heard(Change("snapshot", self.desk.trader))
        for work in (self._connect_always(), self._refresh_always(), self._watch_page()):
            task = asyncio.get_running_loop().create_task(work)
            _running.add(task)
            task.add_done_callback(_running.discard)
            self._tasks.append(task)
        return self

    async def close(self) -> None:
        """Stop following; the desk stays as it is."""
        if self._stop_hearing is not None:
            self._stop_hearing()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()

    def refresh(self) -> None:
        """Show what has changed since the last time."""
        dirty, self._dirty = self._dirty, defaultdict(set)
        everything = bool(dirty.pop("snapshot", None))
        if everything:
            self._show_all()
        if everything or dirty.keys() & {"node", "connection"}:
            self._show_status()
        if everything or dirty.keys() & {"pnl", "account"}:
            self._show_money()
        if dirty["quote"] and not everything:
            self._show_quotes(dirty["quote"])
        touched = dirty["position"] | (dirty["quote"] & self.desk.positions.keys())
        if touched and not everything:
            self._show_positions(touched)
        if dirty["limit"] and not everything:
            self.limits.put(_limit_row(k, self.desk.limits[k]) for k in sorted(dirty["limit"]))
        if dirty["order"] and not everything:
            changed = [self.desk.orders[k] for k in dirty["order"] if k in self.desk.orders]
            self.orders.put(map(_order_row, sorted(changed, key=_when)))
        if dirty["fill"] and not everything:
            fills = [f for f in self.desk.fills[-500:] if f.trade_id in dirty["fill"]]
            self.fills.put(map(_fill_row, fills))

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> Any:
        return self.page._repr_mimebundle_()

    def __repr__(self) -> str:
        return f"RiskDashboard({self.desk!r})"

    # --- layout ------------------------------------------------------------------------------

    def _laid_out(self, theme: Theme) -> ipywidgets.VBox:
        def row(name: str, *children: ipywidgets.Widget) -> ipywidgets.Box:
            box = ipywidgets.Box(children)
            box.add_class("nl-row")
            box.add_class(f"nl-row-{name}")
            return box

        def column(*children: ipywidgets.Widget) -> ipywidgets.Box:
            box = ipywidgets.Box(children)
            box.add_class("nl-column")
            return box

        page = ipywidgets.VBox(
            [
                row("head", self.status, self.banner, self.age),
                self.kpis,
                row("charts", self.equity, self.price),
                row(
                    "books",
                    self.positions,
                    column(self.limits, row("halves", self.orders, self.fills)),
                ),
                self.pulse,
            ]
        )
        page.add_class("nl-dashboard")
        page.add_class(f"nl-theme-{theme}")
        return page

    # --- following the desk ------------------------------------------------------------------

    def _heard(self, change: Change) -> None:
        self._dirty[change.kind].add(change.key)

    async def _connect_always(self) -> None:
        while True:
            if self.desk.connection in (ConnectionState.DISCONNECTED, ConnectionState.ERROR):
                try:
                    await self.desk.reconnect(timeout_s=5.0)
                    self._trouble = ""
                except LabError as error:
                    self._trouble = f"{error.rule}; {error.remedy}. This page keeps trying."
            await asyncio.sleep(_TRY_AGAIN_S)

    async def _refresh_always(self) -> None:
        count = 0
        while True:
            try:
                self.refresh()
                if count % _AGE_EVERY == 0:
                    self._show_age()
            except Exception:
                # One bad value must not freeze the page: the rest goes on, the log tells.
                _log.exception("a refresh of the dashboard failed")
            count += 1
            await asyncio.sleep(_REFRESH_S)

    async def _watch_page(self) -> None:
        """End the kernel of a page that is gone: Voilà does not find out by itself."""
        while True:
            self.pulse.ping()
            await asyncio.sleep(_PING_S)
            limit = _GONE_AFTER_S if self.pulse.seen else _NEVER_CAME_S
            if under_voila() and self.pulse.silent_s > limit:
                _log.warning("no page has answered for %.0f s, this kernel ends", limit)
                os._exit(0)

    async def _seed(self) -> None:
        """Fill the charts with what the gateway remembers."""
        try:
            series = await self.desk.history("analytics.pnl.>", "market.quote.>")
        except LabError as error:
            _log.info("charts begin empty: %s", error)
            return
        scope, instrument = self.desk.pnl.scope, self.price.instrument
        for line in series:
            if line.topic.endswith(f".{scope}") and line.topic.startswith("analytics.pnl."):
                self.equity.seed(line.points)
            elif _instrument_of(line.topic) == instrument:
                self.price.seed(line.points)

    # --- showing -----------------------------------------------------------------------------

    def _show_all(self) -> None:
        desk = self.desk
        self.limits.replace(_limit_row(k, desk.limits[k]) for k in sorted(desk.limits))
        recent = sorted(desk.orders.values(), key=_when)[-_RECENT:]
        self.orders.replace(map(_order_row, recent))
        self.fills.replace(map(_fill_row, desk.fills[-_RECENT:]))
        self.positions.replace(self._position_rows(desk.positions))
        names = sorted(desk.quotes)
        if names and self.price.choices != names:
            self.price.choices = names
        if names and self.price.instrument not in names:
            self.price.instrument = self._first_choice(names)
        if desk.connection is ConnectionState.CONNECTED and desk.node.is_up:
            self._seed_soon()

    def _first_choice(self, names: list[str]) -> str:
        held = [p for p in self.desk.positions.values() if p.instrument in names and not p.is_flat]
        return max(held, key=lambda p: abs(p.market_value)).instrument if held else names[0]

    def _seed_soon(self) -> None:
        if self._seeding is not None and not self._seeding.done():
            return
        with contextlib.suppress(RuntimeError):  # without a loop, charts begin empty
            self._seeding = asyncio.get_running_loop().create_task(self._seed())

    def _other_instrument(self, change: Any) -> None:
        self.price.begin()
        self._seed_soon()

    def _show_status(self) -> None:
        node = self.desk.node
        connected = self.desk.connection is ConnectionState.CONNECTED
        level: Level = "down"
        if connected and node.is_up:
            level = "ok" if node.state is NodeState.RUNNING else "warn"
        elif node.state in (NodeState.STARTING, NodeState.ATTACHING, NodeState.UNKNOWN):
            level = "warn"
        word = node.state.value if connected else f"{node.state.value}, not connected"
        self.status.put(
            trader=self.desk.trader,
            node=word,
            epoch=node.epoch,
            level=level,
            detail=node.detail,
        )
        if self.banner.simulated != self.desk.simulated:
            for widget in (self.banner, self.equity, self.price):
                widget.simulated = self.desk.simulated

    def _show_age(self) -> None:
        desk = self.desk
        headline = "" if math.isfinite(desk.age_s) else "No trading node is running"
        if desk.connection is not ConnectionState.CONNECTED:
            detail = self._trouble or "The connection to the stream gateway is lost; reconnecting."
        elif not desk.node.is_up:
            detail = f"The trading node is {desk.node.state.value}. {desk.node.detail}"
        else:
            detail = ""
        self.age.put(
            age_s=desk.age_s, quote_age_s=desk.quote_age_s, headline=headline, detail=detail
        )

    def _show_money(self) -> None:
        pnl, account = self.desk.pnl, self.desk.account
        start = pnl.equity - pnl.total
        if self.equity.base is None and math.isfinite(start):
            self.equity.base = start
        share = pnl.total / start * 100 if start else math.nan
        notes = {card.key: pnl.currency for card in _CARDS}
        if math.isfinite(share):
            notes["total"] = f"{share:+.3f} % of start"
        if account.equity:
            for key, value in (("gross", account.gross_exposure), ("net", account.net_exposure)):
                if math.isfinite(value):
                    notes[key] = f"{value / account.equity * 100:.1f} % of equity"
        self.kpis.put(
            {
                "equity": pnl.equity,
                "total": pnl.total,
                "unrealised": pnl.unrealised,
                "realised": pnl.realised,
                "commissions": pnl.commissions,
                "gross": account.gross_exposure,
                "net": account.net_exposure,
                "cash": account.cash,
            },
            notes,
        )
        if pnl.ts:
            self.equity.append(pnl.ts, pnl.equity)

    def _show_quotes(self, names: set[str]) -> None:
        if new := names - set(self.price.choices):
            self.price.choices = sorted({*self.price.choices, *new})
        if not self.price.instrument:
            self.price.instrument = self._first_choice(self.price.choices)
        quote = self.desk.quotes.get(self.price.instrument)
        if quote is not None and self.price.instrument in names:
            self.price.tick(quote.ts, quote.mid)

    def _show_positions(self, names: set[str]) -> None:
        held = {name: self.desk.positions[name] for name in names if name in self.desk.positions}
        self.positions.put(self._position_rows(held))

    def _position_rows(self, positions: dict[str, Position]) -> list[Row]:
        equity = self.desk.pnl.equity
        rows: list[Row] = []
        for name in sorted(positions):
            held, quote = positions[name], self.desk.quotes.get(name)
            if held.is_flat and not held.realised and name not in self._shown():
                continue
            price = quote.mid if quote is not None else held.market_price
            value = held.quantity * price
            rows.append(
                {
                    "id": name,
                    "instrument": name,
                    "quantity": held.quantity,
                    "average": held.average_price,
                    "price": price,
                    "value": value,
                    "weight": value / equity * 100 if equity else math.nan,
                    "unrealised": held.quantity * (price - held.average_price)
                    if held.quantity
                    else 0.0,
                    "realised": held.realised,
                }
            )
        return rows

    def _shown(self) -> set[str]:
        return {str(row["id"]) for row in self.positions.rows}


def risk_dashboard(
    desk: Desk, *, theme: Theme = "auto", stale_after_s: float = 5.0
) -> RiskDashboard:
    """Build the risk page of a desk and keep it true.

    The desk need not be connected: the page says that no node runs and keeps trying. Under Voilà
    the kernel ends 60 s after its page has gone.

    Parameters
    ----------
    desk : Desk
        What to show; ``Desk.find()`` gives the workspace's own.
    theme : {"auto", "dark", "light"}, default="auto"
        Colours; those of the page around when "auto".
    stale_after_s : float, default=5
        Seconds without data after which a veil says that the page must not be believed.

    Returns
    -------
    RiskDashboard
        Shows itself as the last value of a cell.
    """
    return RiskDashboard(desk, theme=theme, stale_after_s=stale_after_s).start()


def _when(order: Order) -> int:
    return order.ts


def _instrument_of(topic: str) -> str:
    """``market.quote.PAPER.AAPL`` -> ``AAPL.PAPER``."""
    parts = topic.split(".")
    return f"{'.'.join(parts[3:])}.{parts[2]}" if topic.startswith("market.quote.") else ""


def _limit_row(key: str, limit: Limit) -> Row:
    return {
        "id": key,
        "limit": limit.limit.replace("_", " "),
        "scope": limit.scope,
        "value": limit.value,
        "most": limit.limit_value,
        "utilisation": limit.utilisation,
        "level": limit.level,
    }


def _order_row(order: Order) -> Row:
    return {
        "id": order.client_order_id,
        "time": order.ts / 1e9,
        "instrument": order.instrument,
        "side": order.side,
        "quantity": float(order.quantity),
        "filled": float(order.filled),
        "status": order.status.value,
    }


def _fill_row(fill: Fill) -> Row:
    return {
        "id": fill.trade_id,
        "time": fill.ts / 1e9,
        "instrument": fill.instrument,
        "side": fill.side,
        "quantity": float(fill.quantity),
        "price": float(fill.price),
        "commission": float(fill.commission),
    }
