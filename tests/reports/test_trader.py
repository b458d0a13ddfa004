"""A trader's day, read back from its store."""

import math
import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from nautilus_lab.exceptions import InputError, StoreError
from nautilus_lab.platform import messages
from nautilus_lab.platform.audit import AuditTrail
from nautilus_lab.platform.messages import AlertRaised, LimitBreach, OrderFilled, OrderUpdated
from nautilus_lab.platform.store import (
    AlertLedger,
    DeskStore,
    EquityRow,
    TradingStore,
    alert_of,
)
from nautilus_lab.reports import read_day
from nautilus_lab.risk import DynamicLimit, LimitAdjuster, LimitBook, Proxy, RiskLimitEngine
from nautilus_lab.risk.adjustment import DrawdownRule, Signals
from nautilus_lab.risk.limits import (
    DailyLoss,
    MaxDrawdown,
    MaxExpectedShortfall,
    MaxGrossExposure,
    MaxLeverage,
    MaxPositionNotional,
    MaxValueAtRisk,
)
from nautilus_lab.surveillance import ClosingTrades, Surveillance
from nautilus_lab.trading.node._loosening import facts_of

DAY = date(2026, 3, 2)
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
NOW = datetime(2026, 3, 9, tzinfo=UTC)


class Writer:
    """Records what a node would, at the times given: seconds after noon."""

    def __init__(self, store):
        self.store, self.epoch = store, store.begin_epoch("node")

    def tell(self, body, at, *, simulated=True, source_ts=None):
        event = messages.envelope(
            body,
            "t",
            trader="T-1",
            writer="node",
            epoch=self.epoch,
            simulated=simulated,
            source_ts=source_ts,
        )
        ns = int((NOON + timedelta(seconds=at)).timestamp() * 1e6) * 1_000
        self.store.record(messages.msgspec.structs.replace(event, ts=ns))

    def order(self, name, side, *told, quantity=100, filled=0):
        for at, status in told:
            self.tell(
                OrderUpdated(
                    client_order_id=name,
                    strategy="tilt",
                    instrument="AAPL.PAPER",
                    side=side,
                    order_type="LIMIT",
                    quantity=Decimal(quantity),
                    filled=Decimal(filled if status != "ACCEPTED" else 0),
                    status=status,
                ),
                at,
            )

    def worth(self, equity, at, moment="regular", **facts):
        row = EquityRow(
            trader="T-1",
            currency="USD",
            ts_ns=instant(at),
            moment=moment,
            equity=None if equity is None else Decimal(equity),
            **{"unvalued": "" if equity else "no quote values AAPL.PAPER", "epoch": self.epoch}
            | facts,
        )
        self.store.add_equity([row])

    def fill(self, name, side, at, *, quantity=100, price="190.0", **changes):
        facts = {"strategy": "tilt", "instrument": "AAPL.PAPER", **changes}
        self.tell(
            OrderFilled(
                trade_id=f"V-{name}",
                client_order_id=name,
                side=side,
                quantity=Decimal(quantity),
                price=Decimal(price),
                **facts,
            ),
            at,
        )


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "trading.db"
    with TradingStore.open(path) as store:
        node = Writer(store)
        node.order("O-0", "BUY", (-90_000, "ACCEPTED"), (-89_990, "CANCELED"))  # the day before
        for n in range(1, 4):
            node.order(f"O-{n}", "SELL", (n, "ACCEPTED"), (31 + n, "CANCELED"), quantity=500)
        node.order("O-4", "BUY", (30, "ACCEPTED"), (30, "FILLED"), filled=100)
        node.fill("O-4", "BUY", 30)
        node.order("O-5", "SELL", (30.5, "ACCEPTED"), (30.5, "FILLED"), filled=100)
        node.fill("O-5", "SELL", 30.5)
        node.order("O-6", "BUY", (40, "ACCEPTED"))
        node.fill("O-7", "BUY", 50, quantity=7, price="191.5")
        node.tell(
            LimitBreach(
                limit="max_loss", scope="account", value=None, limit_value=100.0, action="halt"
            ),
            60,
        )
        node.worth("1000", -40_000, "begin", day_start=Decimal(1000))
        node.worth("990", 43_199, "day end", high=Decimal(1100), day_start=Decimal(1000),
                   strategies={"tilt": Decimal("-10")})  # fmt: skip
        node.fill("O-8", "SELL", 90_000, quantity=7)  # the day after
        node.worth("5", 90_000)
    return path


@pytest.fixture
def day(path):
    return read_day(path, trader="PAPER-001", day=DAY, now=NOW)


@pytest.fixture
def returns():
    days = pd.bdate_range("2024-06-03", periods=456, tz="UTC")
    drawn = np.random.default_rng(3).normal(0, 0.01, (456, 1))
    return pd.DataFrame(drawn, index=days, columns=["AAPL"])


def rows(report, name):
    section = next(one for one in report.parts if one.name == name)
    heads = [column.name for column in section.columns]
    return [dict(zip(heads, row, strict=True)) for row in section.rows]


def test_a_day_has_its_orders_from_when_they_were_placed_to_when_they_ended(day):
    orders = day.orders.set_index("client_order_id")
    assert list(orders.index) == [f"O-{n}" for n in range(1, 7)]
    first = orders.loc["O-1"]
    assert (first["placed"], first["ended"]) == (
        pd.Timestamp(NOON) + pd.Timedelta("1s"),
        pd.Timestamp(NOON) + pd.Timedelta("32s"),
    )
    assert list(orders["cancelled"]) == [True] * 3 + [False] * 3
    assert pd.isna(orders.loc["O-6", "ended"])
    assert set(orders["owner"]) == {"PAPER-001"}
    assert list(day.fills["trade_id"]) == ["V-O-4", "V-O-5", "V-O-7"]


def test_what_came_after_the_day_is_not_in_it(day):
    (held,) = day.positions.to_dict("records")
    assert (held["quantity"], held["last price"]) == (7.0, 191.5)
    assert held["value"] == 7 * 191.5
    assert day.as_of == datetime(2026, 3, 3, tzinfo=UTC)


def test_breaches_are_read_and_what_could_not_be_measured_is_nan(day):
    (breach,) = day.breaches
    assert (breach.limit, breach.action) == ("max_loss", "halt")
    assert math.isnan(breach.value)
    assert breach.time == NOON + timedelta(seconds=60)


def test_the_surveillance_of_a_day_finds_what_was_put_in(day):
    report = day.surveillance_report(Surveillance(), code="nautilus-lab 0.1.0")
    found = rows(report, "Patterns to review")
    assert [row["pattern"] for row in found] == ["layering", "wash"]
    evidence = {row["id"] for row in rows(report, "Evidence")}
    assert evidence == {"O-1", "O-2", "O-3", "O-4", "O-5", "V-O-4", "V-O-5"}
    assert [row["pattern"] for row in rows(report, "Not assessed")] == ["marking the close"]
    assert {row["data"] for row in rows(report, "Data")} == {"orders", "fills", "positions"}
    assert report.provenance.simulated


def test_with_the_market_the_close_is_assessed_too(day):
    market = pd.DataFrame(
        {
            "instrument": "AAPL.PAPER",
            "time": pd.to_datetime([NOON - timedelta(hours=1), NOON + timedelta(seconds=55)]),
            "price": [180.0, 191.5],
            "quantity": 300.0,
        }
    )
    search = Surveillance(closing=ClosingTrades(close=time(12, 1), zone="UTC"))
    report = day.surveillance_report(search, code="x", market=market)
    assert "marking the close" in [row["pattern"] for row in rows(report, "Patterns to review")]
    assert report.complete == 1.0
    assert "market" in {row["data"] for row in rows(report, "Data")}


def test_the_daily_report_measures_what_was_held_until_the_day(day, returns):
    engine = RiskLimitEngine(limits=LimitBook([MaxPositionNotional(max_notional=1_000.0)]))
    report = day.daily_report(engine, code="nautilus-lab 0.1.0", returns=returns)
    risk, tail = rows(report, "Risk measures")
    assert (risk["confidence"], tail["confidence"]) == (0.99, 0.975)
    (held,) = rows(report, "Positions")
    expected = engine.measure(returns, {"AAPL": held["value"]})
    assert risk["value at risk"] == float(f"{expected.value_at_risk:.15g}")
    (limit,) = rows(report, "Limit utilisation")
    assert (limit["value"], limit["level"]) == (7 * 191.5, "breach")
    assert len(rows(report, "Breaches")) == 1
    assert len(rows(report, "Exceptions")) == 1
    lacking = [row["missing"] for row in rows(report, "Completeness") if row["missing"]]
    assert lacking == ["scenarios"]  # none of them is among returns that begin in 2024
    assert report.complete == pytest.approx(11 / 12)
    cut = day.daily_report(
        engine,
        code="nautilus-lab 0.1.0",
        returns=pd.concat([returns, returns.set_axis(returns.index + pd.Timedelta(days=1_000))]),
    )
    assert rows(cut, "Risk measures") == rows(report, "Risk measures")


def test_what_cannot_be_measured_is_missing_with_its_reason(day, returns):
    engine = RiskLimitEngine()
    for given, why in (
        (None, "no returns were given"),
        (returns.rename(columns={"AAPL": "MSFT"}), "no returns of AAPL"),
        (returns[:20], "100"),
    ):
        report = day.daily_report(engine, code="x", returns=given)
        assert rows(report, "Risk measures") == []
        assert any(why in notice for notice in report.provenance.notices), why
        assert report.complete < 1
    short = day.daily_report(engine, code="x", returns=returns[:200])
    assert len(rows(short, "Risk measures")) == 2
    assert rows(short, "Exceptions") == []
    assert any("days before the day" in notice for notice in short.provenance.notices)
    assert short.complete == 0.0


def test_an_event_that_is_gone_lowers_the_completeness(path):
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(path)) as raw, raw:
        raw.execute("DELETE FROM outbox WHERE seq = 3")
        raw.execute("DELETE FROM fills WHERE trade_id = 'V-O-5'")
    day = read_day(path, trader="PAPER-001", day=DAY, now=NOW)
    numbered, filled = day.completeness
    assert numbered.expected - numbered.present == 1
    assert filled.missing == ("V-O-5 at PAPER",)


def test_the_same_day_read_twice_gives_the_same_bytes_and_nothing_is_written(path, day, returns):
    before = path.read_bytes()
    again = read_day(path, trader="PAPER-001", day=DAY, now=NOW + timedelta(days=3))
    for form in ("html", "pdf", "xlsx", "csv", "json"):
        first, second = (
            one.daily_report(RiskLimitEngine(), code="x", returns=returns).render(form)
            for one in (day, again)
        )
        assert first == second
    assert path.read_bytes() == before


def test_a_day_that_is_not_over_says_so_and_one_that_has_not_begun_is_refused(path):
    now = NOON + timedelta(seconds=35)
    day = read_day(path, trader="PAPER-001", day=DAY, now=now)
    assert day.as_of == now
    assert "The day was not over." in day.provenance.notices
    assert list(day.fills["trade_id"]) == ["V-O-4", "V-O-5"]
    with pytest.raises(InputError, match="begun"):
        read_day(path, trader="PAPER-001", day=date(2026, 4, 1), now=NOW)


def test_a_day_without_anything_is_no_error(path):
    day = read_day(path, trader="PAPER-001", day=date(2026, 1, 5), now=NOW)
    assert (len(day.orders), len(day.fills), len(day.positions)) == (0, 0, 0)
    report = day.daily_report(RiskLimitEngine(), code="x")
    assert any("Nothing was held" in notice for notice in report.provenance.notices)
    assert rows(day.surveillance_report(Surveillance(), code="x"), "Patterns to review") == []


def test_a_store_that_is_none_is_one_error_and_is_not_made(tmp_path):
    with pytest.raises(StoreError):
        read_day(tmp_path / "none.db", trader="PAPER-001", day=DAY, now=NOW)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "bad.db").write_bytes(b"not a database at all" * 100)
    with pytest.raises(StoreError):
        read_day(tmp_path / "bad.db", trader="PAPER-001", day=DAY, now=NOW)


def stored(tmp_path, *told, audited=(), source=None):
    """A store of a node that told these things, seconds after noon."""
    path = tmp_path / "told.db"
    with TradingStore.open(path) as store:
        node = Writer(store)
        for body, at in told:
            node.tell(body, at, source_ts=source)
        trail = AuditTrail(store)
        for at, kind, body in audited:
            trail.append(kind, body, actor="limits", ts_ns=instant(at))
    return path


def instant(at):
    return int((NOON + timedelta(seconds=at)).timestamp()) * 10**9


def test_adjustments_of_the_day_come_from_the_audit_trail(tmp_path):
    limit = MaxLeverage(max_times=3.0)
    rule = DynamicLimit(limit=limit, rule=DrawdownRule(begin=0.0, end=0.2))
    (record,) = LimitAdjuster(LimitBook([limit]), [rule]).look(Signals.at(0, drawdown=0.05), 0)
    body = facts_of(record)  # as a node writes it
    path = stored(
        tmp_path,
        audited=[
            (-90_000, "limit.adjusted", body),
            (5, "limit.adjusted", body),
            (6, "limit.breach", {"limit": "max_leverage"}),
        ],
    )
    found = read_day(path, trader="PAPER-001", day=DAY, now=NOW)
    report = found.daily_report(RiskLimitEngine(), code="x")
    (row,) = rows(report, "Limit adjustments")
    assert (row["limit"], row["change"], row["before"], row["after"]) == (
        "max_leverage",
        "tightened",
        1.0,
        0.75,
    )
    assert (row["by"], row["reason"], row["audit row"]) == ("limits", record.reason, 2)


@pytest.mark.parametrize("body", ["no JSON", "[1]", "[" * 100_000])
def test_an_adjustment_that_somebody_wrote_over_is_told_of_and_hides_nothing_else(tmp_path, body):
    said = {"limit": "max_leverage", "change": "tightened"}
    said |= {"before_percent": 100, "after_percent": 75}
    path = stored(tmp_path, audited=[(5, "limit.adjusted", said), (6, "limit.adjusted", said)])
    with closing(sqlite3.connect(path, isolation_level=None)) as raw:
        named = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        for (name,) in raw.execute(named).fetchall():
            raw.execute(f"DROP TRIGGER {name}")
        raw.execute("UPDATE audit SET body = ? WHERE seq = 1", (body,))
    found = read_day(path, trader="PAPER-001", day=DAY, now=NOW)
    first, second = rows(found.daily_report(RiskLimitEngine(), code="x"), "Limit adjustments")
    assert (first["change"], first["audit row"]) == ("unreadable", 1)
    assert math.isnan(first["after"])
    assert (second["change"], second["after"]) == ("tightened", 0.75)


def test_who_writes_more_than_a_cell_holds_stops_no_report(tmp_path):
    long = AlertRaised(severity="critical", component="risk", rule="a rule", detail="x" * 40_000)
    path = stored(tmp_path, (long, 5))
    found = read_day(path, trader="PAPER-001", day=DAY, now=NOW)
    (row,) = rows(found.daily_report(RiskLimitEngine(), code="x"), "Alerts")
    assert row["detail"] == "x" * 31_900 + "... (40,000 characters)"


def test_alerts_of_node_and_desk_stand_with_who_saw_to_them(tmp_path):
    raised = AlertRaised(severity="critical", component="risk", rule="a node's", detail="why")
    path = stored(tmp_path, (raised, 5), (raised, -90_000))
    desk_path = tmp_path / "desk.db"
    with DeskStore.open(desk_path) as desk:
        for rule, trader, at in (
            ("of this trader", "PAPER-001", 10),
            ("of another", "PAPER-002", 10),
            ("of the lab", "", 20),
            ("of the next day", "", 90_000),
        ):
            one = desk.raise_alert("warning", "measures", rule, trader=trader, ts_ns=instant(at))
            if rule == "of this trader":
                AlertLedger(desk).acknowledge(one.id, by="ann")
    found = read_day(path, trader="PAPER-001", day=DAY, now=NOW, desk=desk_path)
    told = {one.rule: (one.source, one.seen_by) for one in found.alerts}
    assert told == {
        "a node's": ("trading.db", ""),
        "of this trader": ("desk.db", ""),  # somebody saw to it later than that day
        "of the lab": ("desk.db", ""),
    }
    today = datetime.now(UTC)
    later = read_day(path, trader="PAPER-001", day=today.date(), now=None, desk=desk_path)
    assert [(one.rule, one.seen_by) for one in later.alerts] == [("of this trader", "ann")]


def test_an_alert_that_the_monitor_took_over_stands_there_once(tmp_path):
    raised = AlertRaised(severity="critical", component="risk", rule="a node's", detail="why")
    path, desk_path = stored(tmp_path, (raised, 5)), tmp_path / "desk.db"
    with TradingStore.open(path, read_only=True) as store:
        events = store.outbox_after("node", 0, 0, 10)
    with DeskStore.open(desk_path) as desk:
        taken = [alert_of(one, "trading.db", "PAPER-001") for one in events]
        AlertLedger(desk).enter("PAPER-001", taken, [])
    found = read_day(path, trader="PAPER-001", day=DAY, now=NOW, desk=desk_path)
    assert [(one.rule, one.source) for one in found.alerts] == [("a node's", "desk.db")]


def test_a_replay_is_measured_as_of_its_own_day(tmp_path, returns):
    fill = OrderFilled(
        trade_id="V-1", client_order_id="O-1", strategy="tilt", instrument="AAPL.PAPER",
        side="BUY", quantity=Decimal(10), price=Decimal("100"),
    )  # fmt: skip
    at = int(pd.Timestamp("2025-06-03 15:00", tz="UTC").as_unit("ns").value)
    path = stored(tmp_path, (fill, 5), source=at)
    found = read_day(path, trader="PAPER-001", day=DAY, now=NOW)
    assert found.market == datetime(2025, 6, 3, 15, tzinfo=UTC)
    report = found.daily_report(RiskLimitEngine(), code="x", returns=returns, history=200)
    risk, _ = rows(report, "Risk measures")
    assert (risk["periods"], risk["last period"]) == (200, "2025-06-02")
    assert "A replay, which was at 2025-06-03." in report.provenance.notices


def test_limits_of_risk_read_what_the_report_measures(day, returns):
    book = LimitBook([MaxValueAtRisk(max_loss=1.0), MaxExpectedShortfall(max_loss=1.0)])
    report = day.daily_report(RiskLimitEngine(limits=book), code="x", returns=returns)
    risk, tail = rows(report, "Risk measures")
    found = {row["limit"]: row["value"] for row in rows(report, "Limit utilisation")}
    assert found == {
        "max_value_at_risk": risk["value at risk"],
        "max_expected_shortfall": tail["expected shortfall"],
    }


def test_declared_proxies_are_held_against_the_positions_own_returns(day, returns):
    other = returns["AAPL"] * 0.5 + np.random.default_rng(9).normal(0, 0.001, len(returns))
    both = returns.assign(MSFT=other)
    proxies = {"AAPL": Proxy(symbol="MSFT", beta=2.0)}
    report = day.daily_report(RiskLimitEngine(), code="x", returns=both, proxies=proxies)
    (row,) = rows(report, "P&L attribution")
    own = returns["AAPL"][-250:]
    expected = own.rank().corr((2.0 * other[-250:]).rank())
    assert row["rank correlation"] == pytest.approx(expected)
    assert row["periods"] == 250


# --- what the account was worth -------------------------------------------------------------

OF_THE_ACCOUNT = LimitBook(
    [
        DailyLoss(max_fraction=0.02),
        DailyLoss(max_loss=20.0, per="strategy"),
        MaxDrawdown(max_fraction=0.5),
        MaxDrawdown(max_fraction=0.5, window_days=1),
        MaxDrawdown(max_fraction=0.5, window_days=30),
        MaxGrossExposure(max_fraction=2.0),
    ]
)


def limits_of(day):
    report = day.daily_report(RiskLimitEngine(limits=OF_THE_ACCOUNT), code="x")
    found = {(row["limit"], row["scope"]): row for row in rows(report, "Limit utilisation")}
    return report, found


def test_limits_that_are_parts_of_equity_read_what_the_node_stored(path, day):
    with TradingStore.open(path) as store:
        Writer(store).worth("1500", -86_400 * 9, high=Decimal(1600))
    day = read_day(path, trader="PAPER-001", day=DAY, now=NOW)
    report, found = limits_of(day)
    values = {key: (row["value"], row["limit value"]) for key, row in found.items()}
    held = 7 * 191.5
    assert values == {
        ("max_daily_loss", "account"): (10.0, 20.0),
        ("max_daily_loss", "tilt"): (10.0, 20.0),
        ("max_drawdown", "account"): (pytest.approx(1 - 990 / 1600), 0.5),
        ("max_drawdown", "account-1d"): (pytest.approx(1 - 990 / 1100), 0.5),
        ("max_drawdown", "account-30d"): (pytest.approx(1 - 990 / 1600), 0.5),
        ("max_gross_exposure", "account"): (held, 1980.0),
    }
    (account,) = rows(report, "Account")
    assert account["equity"] == 990.0
    assert (account["day began with"], account["profit of the day"]) == (1000.0, -10.0)
    assert account["drawdown within the day"] == pytest.approx(0.1)
    assert account["at the end of the day"] == "known"
    assert rows(report, "Profit by strategy") == [{"strategy": "tilt", "profit of the day": -10.0}]
    assert not any("equity" in notice for notice in report.provenance.notices)


@pytest.mark.parametrize(
    ("last", "why"),
    [
        (None, "none is stored"),
        ((None, 43_199, "day end"), "no quote values AAPL.PAPER"),
        (("990", 40_000, "regular"), "by a node that died"),
    ],
)
def test_an_equity_that_is_not_known_at_the_end_is_made_up_nowhere(tmp_path, last, why):
    path = tmp_path / "trading.db"
    with TradingStore.open(path) as store:
        node = Writer(store)
        node.fill("O-1", "BUY", 30, quantity=7)
        if last is not None:
            node.worth("1000", 0, "begin")
            node.worth(*last)
    report, found = limits_of(read_day(path, trader="PAPER-001", day=DAY, now=NOW))
    assert {row["level"] for row in found.values()} == {"breach"}
    for (limit, _), row in found.items():
        assert math.isnan(row["limit value" if limit == "max_gross_exposure" else "value"])
    assert any(why in notice for notice in report.provenance.notices)
    missing = {row["missing"] for row in rows(report, "Completeness")}
    assert "equity at the end of the day" in missing
    assert len(rows(report, "Account")) == (last is not None)


def test_a_day_that_is_not_over_has_the_equity_of_now_or_none(path):
    for seconds, known in ((60, True), (300, False)):
        now = NOON + timedelta(seconds=-40_000 + seconds)
        day = read_day(path, trader="PAPER-001", day=DAY, now=now)
        assert day.account.equity == 1000.0
        assert (day.account.at_end == 1000.0) is known


def test_a_loss_that_a_person_accepted_is_one_of_the_day_all_the_same(tmp_path):
    path = tmp_path / "trading.db"
    with TradingStore.open(path) as store:
        node = Writer(store)
        node.worth("1000", 0, "begin", day_start=Decimal(1000))
        node.worth("900", 60, "stop", day_start=Decimal(900))
    account = read_day(path, trader="PAPER-001", day=DAY, now=NOW).account
    assert (account.profit, account.day_start) == (-100.0, 900.0)
