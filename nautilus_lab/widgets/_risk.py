"""The risk dashboard: one page that tells how a trader stands, and whether to believe it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
from collections.abc import Collection
from typing import Any, Self

import ipywidgets

from nautilus_lab.client import (
    Account,
    ConnectionState,
    Desk,
    Limit,
    Order,
    Permission,
    Position,
    Trade,
)
from nautilus_lab.exceptions import LabError, NotReachable
from nautilus_lab.widgets._alerts import AlertsPanel
from nautilus_lab.widgets._asking import Answer
from nautilus_lab.widgets._charts import LineChart, PriceChart
from nautilus_lab.widgets._grid import Column, Grid, Row
from nautilus_lab.widgets._kpi import Kpi, KpiRow
from nautilus_lab.widgets._library import Theme
from nautilus_lab.widgets._page import DeskPage, column, fixed, framed, row
from nautilus_lab.widgets._rows import ACCOUNTS, FILLS, account_row, fill_row, instrument_of

_log = logging.getLogger(__name__)

_RECENT = 60  # orders and fills shown
_MOST_ALERTS = 100
_LOOK_S = 2.0  # how often open alerts are asked for, and at once when one is heard of
_ANSWER_S = 4.0

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
    Column(key="instrument", label="Instrument", width=1.3, fits=11),
    Column(key="quantity", label="Quantity", kind="exact", digits=0, fits=6),
    Column(key="average", label="Avg price", kind="number", width=1.1),
    Column(key="price", label="Price", kind="number", width=1.1, flash=True),
    Column(key="value", label="Value", kind="number", digits=0, width=1.2),
    Column(key="weight", label="% equity", kind="number", digits=1, fits=8),
    Column(key="unrealised", label="Unrealised", kind="signed", width=1.2),
    Column(key="realised", label="Realised", kind="signed", width=1.2),
)
_LIMITS = (
    Column(key="limit", label="Limit", width=1.9, fits=16),
    Column(key="scope", label="Scope", width=1.5, fits=11),
    Column(key="value", label="Now", kind="exact", digits=0, fits=9),
    Column(key="most", label="At most", kind="exact", digits=0, fits=9),
    Column(key="base", label="Base", kind="exact", digits=0, fits=9),
    Column(key="utilisation", label="Used", kind="bar", width=1.6),
    Column(key="left", label="Breach in", fits=8),
    Column(key="level", label="Level", kind="status", width=1.0, fits=8),
)
_ORDERS = (
    Column(key="time", label="Time", kind="time", width=1.1, fits=8),
    Column(key="instrument", label="Instrument", width=1.3, fits=11),
    Column(key="side", label="Side", kind="side", width=0.8),
    Column(key="quantity", label="Qty", kind="exact", digits=0, width=0.9, fits=5),
    Column(key="filled", label="Filled", kind="exact", digits=0, width=0.9, fits=5),
    Column(key="status", label="Status", kind="status", width=1.3, fits=13),
)


class RiskDashboard(DeskPage):
    """Alerts, equity, P&L, positions, limits, orders, fills of a desk; see `risk_dashboard`."""

    def __init__(self, desk: Desk, *, theme: Theme = "auto", stale_after_s: float = 5.0) -> None:
        super().__init__(
            desk, title="Nautilus Lab · Risk", theme=theme, stale_after_s=stale_after_s
        )
        self.alerts = AlertsPanel(ask=self._acknowledge, spawn=self.spawn, theme=theme)
        self.kpis = KpiRow(_CARDS, theme=theme)
        self.equity = LineChart(title="Equity, USD", height=286, theme=theme)
        self.price = PriceChart(title="Price", height=286, theme=theme)
        self.positions = Grid(
            _POSITIONS,
            title="Positions",
            empty="no positions",
            height=278,
            sort_by="instrument",
            theme=theme,
        )
        self.limits = Grid(
            _LIMITS,
            title="Limit utilisation",
            empty="no limit was used yet",
            height=211,
            theme=theme,
        )
        self.accounts = Grid(
            ACCOUNTS,
            title="Accounts",
            empty="no account yet",
            height=99,
            sort_by="venue",
            theme=theme,
        )
        self.orders = Grid(
            _ORDERS,
            title="Recent orders",
            empty="no orders",
            height=179,
            newest_first=True,
            most_rows=_RECENT,
            theme=theme,
        )
        self.fills = Grid(
            FILLS,
            title="Recent fills",
            empty="no fills",
            height=179,
            newest_first=True,
            most_rows=_RECENT,
            theme=theme,
        )
        self.page = self._laid_out(theme)
        self._seeding: asyncio.Task[None] | None = None
        self._look = asyncio.Event()  # at alerts, now
        self.price.observe(self._other_instrument, names="instrument")

    def start(self) -> Self:
        """Begin to follow the desk, and its alerts."""
        super().start()
        self.spawn(self._follow_alerts())
        return self

    def show_changed(self, dirty: dict[str, set[str]]) -> None:
        """Show what changed."""
        if dirty.keys() & {"alert", "connection"}:
            self._look.set()
        if dirty.keys() & {"pnl", "account"}:
            self._show_money()
        if dirty["account"]:
            accounts = [self.desk.accounts[k] for k in dirty["account"] if k in self.desk.accounts]
            self.accounts.put(map(account_row, accounts))
        if dirty["quote"]:
            self._show_quotes(dirty["quote"])
        touched = dirty["position"] | (dirty["quote"] & self.desk.positions.keys())
        if touched:
            self._show_positions(touched)
        if dirty["limit"]:
            self._show_limits(dirty["limit"])
        if dirty["order"]:
            self.orders.put(self._order_rows(dirty["order"]))
        if dirty["fill"]:
            fills = [f for f in self.desk.fills[-500:] if f.trade_id in dirty["fill"]]
            self.fills.put(map(fill_row, fills))

    # --- layout ------------------------------------------------------------------------------

    def _laid_out(self, theme: Theme) -> ipywidgets.VBox:
        return framed(
            theme,
            row("head", self.status, self.banner, self.age),
            self.alerts,
            self.kpis,
            row("charts", self.equity, self.price),
            row(
                "books",
                column(self.positions, fixed(self.accounts)),
                column(fixed(self.limits), row("halves", self.orders, self.fills)),
            ),
            self.pulse,
        )

    # --- alerts ------------------------------------------------------------------------------

    async def _follow_alerts(self) -> None:
        while True:
            self._look.clear()
            try:
                await self._show_alerts()
            except LabError as error:
                self.alerts.lost(error.rule)
            except Exception:
                # As with the rest of the page: what cannot be shown must not end the looking.
                _log.exception("the alerts could not be shown")
                self.alerts.lost("this page failed over them; its log says how")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_S):
                    await self._look.wait()

    async def _show_alerts(self) -> None:
        desk = self.desk
        principal = desk.principal
        may = desk.may(Permission.ALERTS_ACKNOWLEDGE)
        self.alerts.who = principal.name if may and principal is not None else ""
        self.alerts.put(await desk.open_alerts(most=_MOST_ALERTS, timeout_s=_ANSWER_S))

    async def _acknowledge(self, alert: str, note: str) -> Answer:
        principal = self.desk.principal
        if principal is None:
            raise NotReachable(
                "the desk must be connected", value=self.desk.trader, remedy="wait until it is"
            )
        # A page can send what it likes, whatever it shows.
        principal.require(Permission.ALERTS_ACKNOWLEDGE)
        try:
            seen = await self.desk.acknowledge(alert, note=note)
        finally:
            self._look.set()
        if (seen.by, seen.note) != (principal.name, note):
            return Answer(f"{seen.by} had acknowledged it before: {seen.note or 'no note'}", "warn")
        return Answer(f"acknowledged by {seen.by}: {seen.rule}")

    # --- the charts --------------------------------------------------------------------------

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
            elif instrument_of(line.topic) == instrument:
                self.price.seed(line.points)

    # --- showing -----------------------------------------------------------------------------

    def show_all(self) -> None:
        """Show the whole desk."""
        desk = self.desk
        self._show_limits(desk.limits.keys())
        recent = sorted(desk.orders.values(), key=_when)[-_RECENT:]
        self.orders.replace(self._order_rows([order.client_order_id for order in recent]))
        self.fills.replace(map(fill_row, desk.fills[-_RECENT:]))
        self.accounts.replace(map(account_row, desk.accounts.values()))
        self.positions.replace(self._position_rows(desk.positions))
        names = sorted(desk.quotes)
        if names and self.price.choices != names:
            self.price.choices = names
        if names and self.price.instrument not in names:
            self.price.instrument = self._first_choice(names)
        self._show_money()
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

    def simulated_changed(self, simulated: bool) -> None:
        """Mark the charts."""
        self.equity.simulated = self.price.simulated = simulated

    def _order_rows(self, names: Collection[str]) -> list[Row]:
        orders = self.desk.orders
        # What works for an order is counted with it.
        parents = [orders[name].parent for name in names if name in orders]
        known = [orders[name] for name in {*names, *parents} if name in orders]
        return [_order_row(self.desk.trade(o.client_order_id)) for o in sorted(known, key=_when)]

    def _show_limits(self, names: Collection[str]) -> None:
        limits = self.desk.limits
        order = sorted(limits, key=lambda name: _worst_first(name, limits[name]))
        if order != [row["id"] for row in self.limits.rows]:
            self.limits.replace(_limit_row(name, limits[name]) for name in order)
        else:
            self.limits.put(_limit_row(name, limits[name]) for name in sorted(names))

    def _show_money(self) -> None:
        pnl, accounts = self.desk.pnl, self.desk.accounts.values()
        start = pnl.equity - pnl.total
        if self.equity.base is None and math.isfinite(start):
            self.equity.base = start
        share = pnl.total / start * 100 if start else math.nan
        notes = {card.key: pnl.currency for card in _CARDS}
        if math.isfinite(share):
            notes["total"] = f"{share:+.3f} % of start"
        gross = _sum(accounts, "gross_exposure")
        net = _sum(accounts, "net_exposure")
        cash = _sum(accounts, "cash")
        if pnl.equity:
            for key, value in (("gross", gross), ("net", net)):
                share = value / pnl.equity * 100
                if math.isfinite(share):
                    notes[key] = f"{share:.1f} % of equity"
        self.kpis.put(
            {
                "equity": pnl.equity,
                "total": pnl.total,
                "unrealised": pnl.unrealised,
                "realised": pnl.realised,
                "commissions": pnl.commissions,
                "gross": gross,
                "net": net,
                "cash": cash,
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
            value = held.quantity * price * held.multiplier
            rows.append(
                {
                    "id": name,
                    "instrument": name,
                    "quantity": held.quantity,
                    "average": held.average_price,
                    "price": price,
                    "value": value,
                    "weight": value / equity * 100 if equity else math.nan,
                    "unrealised": held.quantity * (price - held.average_price) * held.multiplier
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


def _worst_first(name: str, limit: Limit) -> tuple[bool, float, str]:
    # What is exceeded, and of that what nobody could measure, then by how much is used.
    used = limit.utilisation if math.isfinite(limit.utilisation) else math.inf
    return limit.level != "breach", -used, name


def _limit_row(key: str, limit: Limit) -> Row:
    return {
        "id": key,
        "limit": limit.limit.replace("_", " "),
        "scope": limit.scope,
        "value": _legible(limit.value),
        "most": _legible(limit.limit_value),
        # Of one that does not adjust itself, or stands at its base, there is nothing to compare.
        "base": _legible(limit.base_value) if limit.base_value != limit.limit_value else None,
        "left": _within(limit.eta_s),
        # What is not known is no number: a page takes null for nought, and nothing for as before.
        "utilisation": limit.utilisation if math.isfinite(limit.utilisation) else "?",
        "level": limit.level,
    }


def _legible(value: float) -> float:
    """Round as a person reads it: units of thousands, cents of tens, a ratio to four decimals."""
    if not math.isfinite(value):
        return math.nan
    return round(value, 0 if abs(value) >= 1_000 else 2 if abs(value) >= 10 else 4)


def _within(seconds: float) -> str:
    if not math.isfinite(seconds):
        return ""
    if seconds < 90:
        return f"~{seconds:.0f} s"
    return f"~{seconds / 60:.0f} min" if seconds < 5_400 else f"~{seconds / 3_600:.0f} h"


def _sum(accounts: Collection[Account], what: str) -> float:
    """Add up over the venues; what is not known of one, or of other money, is not known of all."""
    if len({account.currency for account in accounts}) != 1:
        return math.nan
    return math.fsum(getattr(account, what) for account in accounts)


def _order_row(trade: Trade) -> Row:
    return {
        "id": trade.client_order_id,
        "time": trade.order.ts / 1e9,
        "instrument": trade.instrument,
        "side": trade.side,
        "quantity": float(trade.quantity),
        "filled": float(trade.filled),
        "status": trade.status.value,
    }
