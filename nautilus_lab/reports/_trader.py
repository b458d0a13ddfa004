"""What a trader did on one day, read from its store; and the reports of it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from nautilus_lab.exceptions import InputError, LabError
from nautilus_lab.platform.messages import Envelope, LimitBreach, OrderFilled, OrderUpdated
from nautilus_lab.platform.store import TradingStore
from nautilus_lab.provenance import Provenance, mark
from nautilus_lab.reports._account import AccountDay, read_account
from nautilus_lab.reports._completeness import Completeness
from nautilus_lab.reports._daily import Breach, daily_risk_report
from nautilus_lab.reports._day_risk import DayRisk, measure_day
from nautilus_lab.reports._lineage import DataUsed, Lineage, data_used
from nautilus_lab.reports._report import Report
from nautilus_lab.reports._surveillance import surveillance_report
from nautilus_lab.reports._times import moment, ns_of
from nautilus_lab.reports._told import (
    Adjustment,
    ToldAlert,
    adjustments,
    alerts_of_desk,
    alerts_of_node,
    fitted,
)

if TYPE_CHECKING:
    import pandas as pd

    from nautilus_lab._typing import Returns
    from nautilus_lab.risk import LimitReport, Proxy, RiskLimitEngine
    from nautilus_lab.risk.limits import Measures
    from nautilus_lab.surveillance import Surveillance

_WRITER = "node"
_PAGE = 1_000
_MOST = 100_000  # adjustments of limits that are read
_ENDED = frozenset({"DENIED", "REJECTED", "CANCELED", "EXPIRED", "FILLED"})
_ORDERS = (
    *("client_order_id", "owner", "instrument", "side", "quantity", "filled", "placed", "ended"),
    *("cancelled", "status", "strategy", "limit_price"),
)
_FILLS = (
    *("trade_id", "client_order_id", "owner", "instrument", "side", "quantity", "price", "time"),
    *("strategy", "commission", "currency"),
)
_POSITIONS = ("instrument", "quantity", "last price", "priced at", "value", "currency")


@dataclass(frozen=True, kw_only=True, eq=False)
class TraderDay:
    """What a trader did on one day, UTC, as its store tells it.

    Attributes
    ----------
    trader : str
        Whose day.
    day : date
        Which, UTC.
    as_of : datetime
        The end of the day; the time of reading when that has not come yet.
    market : datetime
        The market's time then: `as_of`, or where a replay was.
    orders : DataFrame
        Orders that worked on that day: as `LayeredOrders.find` takes them, and `status`,
        `strategy`, `limit_price`. The owner of all is the trader.
    fills : DataFrame
        Fills of the day: as `WashTrades.find` takes them, and `strategy`, `commission`,
        `currency`.
    positions : DataFrame
        What all fills until then add up to, by instrument: `quantity` (units, signed),
        `last price` and `priced at` of the last own fill, `value` (quantity times price, a
        multiplier of 1), `currency`. Without what was held before the first fill.
    breaches : tuple of Breach
        The limits that were told of that day.
    adjustments : tuple of Adjustment
        How limits moved that day, by the node's audit trail.
    alerts : tuple of ToldAlert
        What was raised that day, and who saw to it; with `desk`, what others raised, too.
    account : AccountDay or None
        What the account was worth at the end of the day; None when no equity of it is stored.
    completeness : tuple of Completeness
        How many of the numbered events are there.
    provenance : Provenance
        Whether anything was simulated, and what a reader must know.
    """

    trader: str
    day: date
    as_of: datetime
    market: datetime
    orders: pd.DataFrame = field(repr=False)
    fills: pd.DataFrame = field(repr=False)
    positions: pd.DataFrame = field(repr=False)
    breaches: tuple[Breach, ...] = field(repr=False)
    adjustments: tuple[Adjustment, ...] = field(repr=False)
    alerts: tuple[ToldAlert, ...] = field(repr=False)
    account: AccountDay | None
    completeness: tuple[Completeness, ...]
    provenance: Provenance = field(repr=False)

    @property
    def data(self) -> tuple[DataUsed, ...]:
        """What was read, with its hashes."""
        return tuple(
            data_used(name, mark(frame, self.provenance))
            for name, frame in (
                *(("orders", self.orders), ("fills", self.fills)),
                ("positions", self.positions),
            )
        )

    def surveillance_report(
        self, search: Surveillance, *, code: str, market: pd.DataFrame | None = None
    ) -> Report:
        """Return the patterns to review of this day.

        Parameters
        ----------
        search : Surveillance
            What is looked for, with its thresholds.
        code : str
            The version of the code; see `code_version`.
        market : DataFrame, optional
            All trades of the market; see `ClosingTrades.find`.
        """
        used = self.data if market is None else (*self.data, data_used("market", market))
        return surveillance_report(
            search.review(self.orders, self.fills, market),
            subject=self.trader,
            as_of=self.as_of,
            lineage=Lineage(code=code, data=used, parameters={"day": self.day.isoformat()}),
            completeness=self.completeness,
            provenance=self.provenance,
        )

    def daily_report(
        self,
        engine: RiskLimitEngine,
        *,
        code: str,
        returns: Returns | None = None,
        window: int = 250,
        history: int | None = None,
        proxies: Mapping[str, Proxy] = MappingProxyType({}),
    ) -> Report:
        """Return the risk of what was held at the end of this day.

        What is held is valued at the last own fill. Limits of risk read what is measured here.
        What cannot be measured is missing in the report, with the reason.

        Parameters
        ----------
        engine : RiskLimitEngine
            Model and limits.
        code : str
            The version of the code; see `code_version`.
        returns : DataFrame, shape (time, symbol), optional
            Daily returns; a symbol is an instrument without its venue. What comes after the day,
            in a replay after the replayed one, is left out.
        window : int, default=250
            Periods that each value at risk of the backtest is estimated from.
        history : int, optional
            How many periods the risk of the day is measured from, the latest; all when not given.
        proxies : mapping of str to Proxy, optional
            Symbol -> what stands in for its history; its returns are among `returns`.
        """
        found = self._measured(engine, returns, window, history, proxies)
        notices = [*found.notices]
        limits = self._limits(engine, notices, found.measures(ns_of(self.as_of)))
        told = self.provenance
        return daily_risk_report(
            subject=self.trader,
            as_of=self.as_of,
            lineage=Lineage(
                code=code,
                data=(*self.data, *found.used),
                parameters={
                    "day": self.day.isoformat(),
                    "model": repr(engine.model),
                    "limits": repr(engine.limits),
                    "window": str(window),
                    "history": "all" if history is None else str(history),
                },
            ),
            risk=found.risk,
            limits=limits,
            breaches=self.breaches,
            backtests=found.backtests,
            stressed=found.stressed,
            scenarios=found.scenarios,
            reverse=found.reverse,
            attribution=found.attribution,
            capital=found.capital,
            adjustments=self.adjustments,
            alerts=self.alerts,
            account=self.account,
            positions=self.positions.assign(
                **{"priced at": self.positions["priced at"].dt.floor("s")}
            ),
            unit=self._currency or "",
            completeness=(*self.completeness, *found.counted),
            provenance=Provenance(
                source=told.source,
                notices=(*told.notices, *notices, *(n for one in found.risk for n in one.notices)),
                simulated=told.simulated,
            ),
        )

    @property
    def _currency(self) -> str | None:
        """The currency of all that is held; None where there are several, or nothing."""
        held = self.positions[self.positions["quantity"] != 0]["currency"].unique()
        return str(held[0]) if len(held) == 1 else None

    def _measured(
        self,
        engine: RiskLimitEngine,
        returns: Returns | None,
        window: int,
        history: int | None,
        proxies: Mapping[str, Proxy],
    ) -> DayRisk:
        held = self.positions[self.positions["quantity"] != 0]
        if held.empty:
            return DayRisk(notices=("Nothing was held: there is no risk to measure.",))
        if self._currency is None or returns is None:
            why = "no returns were given" if returns is None else "it is held in several currencies"
            return DayRisk(notices=(f"Risk was not measured: {why}.",))
        parts = held["instrument"].str.rpartition(".")
        names = parts[0].where(parts[0] != "", parts[2])
        weights = held["value"].groupby(names.to_numpy()).sum()
        return measure_day(
            weights,
            returns,
            engine=engine,
            until=self.market,
            window=window,
            history=history,
            proxies=proxies,
        )

    def _limits(
        self, engine: RiskLimitEngine, notices: list[str], measures: Measures
    ) -> LimitReport | None:
        held = self.positions[self.positions["quantity"] != 0]
        try:
            found = engine.evaluate(
                dict(zip(held["instrument"], held["quantity"], strict=True)),
                dict(zip(held["instrument"], held["last price"], strict=True)),
                measures=measures,
                now_ns=ns_of(self.as_of),
                **self._money(engine),
            )
        except LabError as error:
            notices.append(f"Limits were not evaluated: {error}.")
            return None
        if self._why_no_equity:
            notices.append(
                f"The equity at the end of the day is not known ({self._why_no_equity}): limits "
                "that read it are NaN."
            )
        return found

    @property
    def _why_no_equity(self) -> str:
        return "none is stored" if self.account is None else self.account.unknown

    def _money(self, engine: RiskLimitEngine) -> dict[str, Any]:
        """Return what limits read of the account; nothing of what is not known."""
        # Of who traded and is not among those that earned or lost something nobody knows more.
        losses = dict.fromkeys(self.fills["strategy"], math.nan)
        if self._why_no_equity or self.account is None:
            return {"strategy_day_loss": losses}
        account = self.account
        losses = dict.fromkeys(losses, 0.0) | {s: -made for s, made in account.strategies.items()}
        windows = {getattr(limit, "window_days", None) for limit in engine.limits}
        return {
            "equity": account.at_end,
            "day_start_equity": account.day_start,
            "high_water": account.highest,
            "highs": account.highs_within([days for days in windows if days is not None]),
            "strategy_day_loss": losses,
        }


def read_day(
    store: Path | str,
    *,
    trader: str,
    day: date,
    now: datetime | None = None,
    desk: Path | None = None,
) -> TraderDay:
    """Read what a trader did on one day, without writing to its store.

    Parameters
    ----------
    store : path
        The trader's ``trading.db``; its node may run.
    trader : str
        Whose it is.
    day : date
        Which day, UTC.
    now : datetime, optional
        Until when things are known, tz-aware; the clock's time when not given.
    desk : Path, optional
        The lab's ``desk.db``: what others raised about the trader, and who saw to it.

    Raises
    ------
    InputError
        When the day has not begun.
    StoreError
        When the store cannot be read.
    """
    begin = datetime.combine(day, time(0), tzinfo=UTC)
    read_at = datetime.now(UTC) if now is None else now
    if begin > read_at:
        raise InputError("the day of a report must have begun", value=day, remedy="an earlier one")
    over = begin + timedelta(days=1)
    as_of = min(over, read_at)
    window = (ns_of(begin), ns_of(as_of))
    with TradingStore.open(store, read_only=True) as opened:
        events = list(_events(opened))
        fills = [one for one in opened.fills() if one.ts < window[1]]
        account = read_account(opened, begin, as_of)
        adjusted = tuple(adjustments(opened.audit_tail(_MOST, kind="limit.adjusted"), window))
    told = [one for one in events if one.ts < window[1]]
    replayed = _replayed(told)
    notices = (
        "Times are those at which the node was told, UTC.",
        "Positions add up from fills, valued at the last own fill.",
        *(("The day was not over.",) if as_of < over else ()),
        *(() if replayed is None else (f"A replay, which was at {replayed.date()}.",)),
        *(() if desk is not None else ("Alerts are the node's own; desk.db was not read.",)),
    )
    made_by = Provenance(
        source=f"trading.db of {trader}",
        notices=notices,
        simulated=any(one.simulated for one in (*told, *fills)),
    )
    return TraderDay(
        trader=trader,
        day=day,
        as_of=as_of,
        market=as_of if replayed is None else replayed,
        orders=mark(_orders(told, window, trader), made_by),
        fills=mark(_fills(fills, window, trader), made_by),
        positions=_positions(fills),
        breaches=tuple(
            _breach(one, one.body)
            for one in told
            if isinstance(one.body, LimitBreach) and one.ts >= window[0]
        ),
        adjustments=adjusted,
        alerts=_alerts(told, desk, trader, window),
        account=account,
        completeness=(_numbered(events), _filled(told, fills)),
        provenance=made_by,
    )


def _alerts(
    told: list[Envelope], desk: Path | None, trader: str, window: tuple[int, int]
) -> tuple[ToldAlert, ...]:
    kept: tuple[ToldAlert, ...] = ()
    if desk is not None and desk.exists():
        kept = tuple(alerts_of_desk(desk, trader, window))
    copied = {one.id for one in kept}  # by the monitor, which says who saw to them
    return *(one for one in alerts_of_node(told, window) if one.id not in copied), *kept


def _events(store: TradingStore) -> Iterator[Envelope]:
    epoch, seq = 0, 0
    while page := store.outbox_after(_WRITER, epoch, seq, _PAGE):
        yield from page
        epoch, seq = page[-1].epoch, page[-1].seq or 0


def _orders(told: list[Envelope], window: tuple[int, int], trader: str) -> pd.DataFrame:
    import pandas as pd

    placed: dict[str, int] = {}
    last: dict[str, tuple[OrderUpdated, int]] = {}
    for one in told:
        if isinstance(one.body, OrderUpdated):
            name = one.body.client_order_id
            placed.setdefault(name, one.ts)
            # What ended an order first is its end, whatever is told of it later.
            if name not in last or last[name][0].status not in _ENDED:
                last[name] = (one.body, one.ts)
    rows = []
    for name, (order, at) in last.items():
        ended = at if order.status in _ENDED else None
        if ended is not None and ended < window[0]:
            continue
        rows.append(
            (
                *(name, trader, order.instrument, order.side),
                *(float(order.quantity), float(order.filled)),
                *(_stamp(placed[name]), _stamp(ended), order.status == "CANCELED"),
                *(order.status, order.strategy),
                math.nan if order.limit_price is None else float(order.limit_price),
            )
        )
    frame = pd.DataFrame(rows, columns=list(_ORDERS))
    for column in ("placed", "ended"):
        frame[column] = pd.to_datetime(frame[column], utc=True)
    return frame.astype({"cancelled": bool})


def _fills(fills: list[Envelope], window: tuple[int, int], trader: str) -> pd.DataFrame:
    import pandas as pd

    rows = [
        (
            *(body.trade_id, body.client_order_id, trader, body.instrument, body.side),
            *(float(body.quantity), float(body.price), _stamp(one.ts)),
            *(body.strategy, float(body.commission), body.currency),
        )
        for one in fills
        if isinstance(body := one.body, OrderFilled) and one.ts >= window[0]
    ]
    frame = pd.DataFrame(rows, columns=list(_FILLS))
    frame["time"] = pd.to_datetime(frame["time"], utc=True)
    return frame


def _positions(fills: list[Envelope]) -> pd.DataFrame:
    import pandas as pd

    held: dict[str, Decimal] = {}
    last: dict[str, tuple[int, OrderFilled]] = {}
    for one in sorted(fills, key=lambda one: one.ts):
        if isinstance(body := one.body, OrderFilled):
            signed = body.quantity if body.side == "BUY" else -body.quantity
            held[body.instrument] = held.get(body.instrument, Decimal(0)) + signed
            last[body.instrument] = (one.ts, body)
    rows = [
        (
            *(name, float(held[name]), float(body.price), _stamp(ts)),
            *(float(held[name] * body.price), body.currency),
        )
        for name, (ts, body) in sorted(last.items())
    ]
    frame = pd.DataFrame(rows, columns=list(_POSITIONS))
    frame["priced at"] = pd.to_datetime(frame["priced at"], utc=True)
    return frame


def _breach(event: Envelope, body: LimitBreach) -> Breach:
    return Breach(
        time=moment(event.ts),
        limit=fitted(body.limit),
        scope=fitted(body.scope),
        value=math.nan if body.value is None else body.value,
        # Of what could not be measured the event has no bound, and says 0.
        limit_value=body.limit_value or (math.nan if body.value is None else 0.0),
        action=body.action,
        order_id=fitted(body.client_order_id or ""),
        reason=fitted(body.reason),
    )


def _replayed(told: list[Envelope]) -> datetime | None:
    """Return where a replay was when something was told last; None where there is none."""
    last = max(told, key=lambda one: one.ts, default=None)
    if last is None or not last.simulated or last.source_ts is None:
        return None
    return moment(last.source_ts)


def _numbered(events: list[Envelope]) -> Completeness:
    """Count events by their numbers, which have no gaps within an epoch."""
    last: dict[int, int] = {}
    for one in events:
        last[one.epoch] = max(last.get(one.epoch, 0), one.seq or 0)
    present = len(events)
    return Completeness(
        what="numbered events of the store",
        expected=max(sum(last.values()), present),
        present=present,
    )


def _filled(told: list[Envelope], fills: list[Envelope]) -> Completeness:
    """Count the fills that were told of as events and stand in the table, too."""
    kept = {_trade(one.body) for one in fills if isinstance(one.body, OrderFilled)}
    all_told = {_trade(one.body) for one in told if isinstance(one.body, OrderFilled)}
    lost = sorted(kept ^ all_told)
    return Completeness(
        what="fills that events and table agree on",
        expected=len(kept | all_told),
        present=len(kept & all_told),
        missing=tuple(" at ".join((trade, venue)) for venue, trade in lost),
    )


def _trade(body: OrderFilled) -> tuple[str, str]:
    return body.instrument.rpartition(".")[2], body.trade_id


def _stamp(ns: int | None) -> pd.Timestamp | None:
    import pandas as pd

    return None if ns is None else pd.Timestamp(ns, unit="ns", tz="UTC")
