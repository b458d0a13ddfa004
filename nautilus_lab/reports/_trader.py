"""What a trader did on one day, read from its store; and the reports of it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from nautilus_lab.exceptions import DataError, InputError, LabError
from nautilus_lab.platform.messages import Envelope, LimitBreach, OrderFilled, OrderUpdated
from nautilus_lab.platform.store import TradingStore
from nautilus_lab.provenance import Provenance, mark
from nautilus_lab.reports._completeness import Completeness
from nautilus_lab.reports._daily import Breach, daily_risk_report
from nautilus_lab.reports._lineage import DataUsed, Lineage, data_used
from nautilus_lab.reports._report import Report
from nautilus_lab.reports._surveillance import surveillance_report

if TYPE_CHECKING:
    import pandas as pd

    from nautilus_lab._typing import Returns
    from nautilus_lab.risk import LimitReport, RiskLimitEngine, RiskReport, VarBacktest
    from nautilus_lab.surveillance import Surveillance

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WRITER = "node"
_PAGE = 1_000
_STALE = timedelta(days=5)  # a long weekend is not
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
    completeness : tuple of Completeness
        How many of the numbered events are there.
    provenance : Provenance
        Whether anything was simulated, and what a reader must know.
    """

    trader: str
    day: date
    as_of: datetime
    orders: pd.DataFrame = field(repr=False)
    fills: pd.DataFrame = field(repr=False)
    positions: pd.DataFrame = field(repr=False)
    breaches: tuple[Breach, ...] = field(repr=False)
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
    ) -> Report:
        """Return the risk of what was held at the end of this day.

        What is held is valued at the last own fill. What cannot be measured is missing in the
        report, with the reason.

        Parameters
        ----------
        engine : RiskLimitEngine
            Model and limits.
        code : str
            The version of the code; see `code_version`.
        returns : DataFrame, shape (time, symbol), optional
            Daily returns; a symbol is an instrument without its venue. What comes after the day
            is left out.
        window : int, default=250
            Periods that each value at risk of the backtest is estimated from.
        """
        notices: list[str] = []
        counted: list[Completeness] = []
        risk, backtests, used = self._measured(engine, returns, window, notices, counted)
        limits = self._limits(engine, notices)
        told = self.provenance
        return daily_risk_report(
            subject=self.trader,
            as_of=self.as_of,
            lineage=Lineage(
                code=code,
                data=(*self.data, *used),
                parameters={
                    "day": self.day.isoformat(),
                    "model": repr(engine.model),
                    "limits": repr(engine.limits),
                    "window": str(window),
                },
            ),
            risk=risk,
            limits=limits,
            breaches=self.breaches,
            backtests=backtests,
            positions=self.positions,
            unit=self._currency or "",
            completeness=(*self.completeness, *counted),
            provenance=Provenance(
                source=told.source,
                notices=(*told.notices, *notices, *(n for one in risk for n in one.notices)),
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
        notices: list[str],
        counted: list[Completeness],
    ) -> tuple[list[RiskReport], list[VarBacktest], tuple[DataUsed, ...]]:
        import pandas as pd

        held = self.positions[self.positions["quantity"] != 0]
        if held.empty:
            notices.append("Nothing was held: there is no risk to measure.")
            return [], [], ()
        if self._currency is None or returns is None:
            why = "no returns were given" if returns is None else "it is held in several currencies"
            notices.append(f"Risk was not measured: {why}.")
            return [], [], ()
        until = pd.Timestamp(self.as_of)
        known = returns[returns.index <= until]
        parts = held["instrument"].str.rpartition(".")
        names = parts[0].where(parts[0] != "", parts[2])
        weights = held["value"].groupby(names.to_numpy()).sum()
        kept = known[[name for name in known.columns if name in weights.index]]
        if kept.empty:
            notices.append(f"Risk was not measured: no returns of {', '.join(weights.index)}.")
            return [], [], ()
        try:
            risk = engine.measure(kept, weights, proxies={})
        except DataError as error:
            notices.append(f"Risk was not measured: {error}.")
            return [], [], ()
        late = until - kept.index[-1]
        stale = late > _STALE
        if stale:
            notices.append(f"The returns end {late.days} days before the day: what came is not in.")
        lacking = tuple(name for name in weights.index if stale or name not in kept.columns)
        counted.append(
            Completeness(
                what="symbols with returns to the day",
                expected=len(weights),
                present=len(weights) - len(lacking),
                missing=lacking,
            )
        )
        used = (data_used("returns", kept),)
        try:
            symbols = list(risk.symbols)
            return [risk], [engine.backtest(kept[symbols], weights[symbols], window=window)], used
        except DataError as error:
            notices.append(f"Value at risk was not tested: {error}.")
            return [risk], [], used

    def _limits(self, engine: RiskLimitEngine, notices: list[str]) -> LimitReport | None:
        held = self.positions[self.positions["quantity"] != 0]
        try:
            return engine.evaluate(
                dict(zip(held["instrument"], held["quantity"], strict=True)),
                dict(zip(held["instrument"], held["last price"], strict=True)),
                now_ns=_ns(self.as_of),
            )
        except LabError as error:
            notices.append(f"Limits were not evaluated: {error}.")
            return None


def read_day(
    store: Path | str, *, trader: str, day: date, now: datetime | None = None
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
    window = (_ns(begin), _ns(as_of))
    with TradingStore.open(store, read_only=True) as opened:
        events = list(_events(opened))
        fills = [one for one in opened.fills() if one.ts < window[1]]
    told = [one for one in events if one.ts < window[1]]
    notices = (
        "Times are those at which the node was told, UTC.",
        "Positions add up from fills, valued at the last own fill.",
        *(("The day was not over.",) if as_of < over else ()),
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
        orders=mark(_orders(told, window, trader), made_by),
        fills=mark(_fills(fills, window, trader), made_by),
        positions=_positions(fills),
        breaches=tuple(
            _breach(one, one.body)
            for one in told
            if isinstance(one.body, LimitBreach) and one.ts >= window[0]
        ),
        completeness=(_numbered(events), _filled(told, fills)),
        provenance=made_by,
    )


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
        time=_moment(event.ts),
        limit=body.limit,
        scope=body.scope,
        value=math.nan if body.value is None else body.value,
        limit_value=body.limit_value,
        action=body.action,
        order_id=body.client_order_id or "",
        reason=body.reason,
    )


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


def _ns(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1_000


def _stamp(ns: int | None) -> pd.Timestamp | None:
    import pandas as pd

    return None if ns is None else pd.Timestamp(ns, unit="ns", tz="UTC")


def _moment(ns: int) -> datetime:
    return datetime.fromtimestamp(ns // 10**9, UTC) + timedelta(microseconds=ns % 10**9 // 1_000)
