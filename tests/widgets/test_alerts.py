"""The panel of open alerts: what it says of each, and that silence is never taken for peace."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from nautilus_lab.client import Desk, MonitorStanding, OpenAlert, OpenAlerts
from nautilus_lab.config import StreamingSettings
from nautilus_lab.exceptions import AccessDenied
from nautilus_lab.platform.commands import ChannelStatus, LevelStatus, MonitorStatus
from nautilus_lab.platform.rundir import Home
from nautilus_lab.platform.store import DeskStore, TradingStore
from nautilus_lab.streaming import StreamingEngine
from nautilus_lab.widgets import AlertsPanel, Answer, RiskDashboard, _risk, risk_dashboard
from tests.streaming.fake_node import FakeNode
from tests.widgets.conftest import until

LEVELS = (
    LevelStatus(rank=2, channels=("log", "pager"), tighten="REDUCE_ONLY"),
    LevelStatus(rank=3, channels=("log",), tighten="HALTED", cancel_orders=True),
    LevelStatus(rank=4, channels=()),
)


def runs(*channels: ChannelStatus, trouble: str = "") -> MonitorStanding:
    told = channels or (ChannelStatus(name="log"), ChannelStatus(name="pager"))
    status = MonitorStatus(pid=7, taken=1, channels=told, levels=LEVELS, trouble=trouble)
    return MonitorStanding(state="runs", status=status)


def an_alert(**changes) -> OpenAlert:
    facts = {
        "id": "A-1",
        "raised_ns": 5_000_000_000,
        "severity": "critical",
        "component": "risk",
        "trader": "T-1",
        "rule": "max_gross_exposure must hold",
        "scope": "account",
        "level": "breach",
        "remedy": "reduce what it is of",
        "rank": 1,
        "detail": "breach: max_gross_exposure of account is 400871.52, 200.4% of 200000.00 USD",
        "climbs_ns": 9_000_000_000,
    }
    return OpenAlert(**facts | changes)


def found(*alerts: OpenAlert, monitor=None, counts=None, **more) -> OpenAlerts:
    many = {"critical": len(alerts)} if counts is None else counts
    return OpenAlerts(alerts=alerts, counts=many, monitor=monitor or runs(), as_of_ns=1, **more)


@pytest.fixture
def panel():
    async def ask(alert, note):
        return Answer("done")

    return AlertsPanel(ask=ask, spawn=lambda coroutine: coroutine.close())


def test_a_row_says_the_value_of_the_bound_and_what_happens_when(panel):
    panel.put(found(an_alert()))
    (row,) = panel.rows
    assert (row["what"], row["scope"], row["trader"]) == ("max gross exposure", "account", "T-1")
    assert row["detail"] == "400,871.52 of 200,000 USD (200.4 %)"
    assert (row["level"], row["since"], row["rank"], row["climbs"]) == ("breach", 5.0, "L1", 9.0)
    assert row["then"] == "L2: T-1 to REDUCE ONLY; tells log, pager"
    assert (panel.state["loud"], panel.state["level"]) == ("", "ok")
    assert panel.state["monitor"] == "monitor runs, tells log, pager"


@pytest.mark.parametrize(
    ("changes", "then"),
    [
        ({"rank": 2}, "L3: T-1 to HALTED, its orders are cancelled; tells log"),
        ({"rank": 3}, "L4: tells nobody"),
        ({"rank": 2, "trader": ""}, "L3: tells log"),  # the lab's own has nobody to tighten
        ({"climbs_ns": None}, "climbs no further"),
        ({"taken": False}, "nobody was told: no monitor has taken it on"),
    ],
)
def test_what_happens_unless_it_is_acknowledged(panel, changes, then):
    panel.put(found(an_alert(**changes)))
    assert panel.rows[0]["then"] == then


@pytest.mark.parametrize(
    ("detail", "shown"),
    [
        ("breach: max_gross_exposure of account cannot be measured", "cannot be measured"),
        ("breach: max_gross_exposure of account: three ticks agree", "three ticks agree"),
        ("process 40123 is gone", "process 40123 is gone"),
        ("<img src=x onerror=alert(1)>", "<img src=x onerror=alert(1)>"),
        ("", ""),
    ],
)
def test_what_was_found_is_told_as_it_was_said(panel, detail, shown):
    panel.put(found(an_alert(detail=detail)))
    assert panel.rows[0]["detail"] == shown


@pytest.mark.parametrize(
    ("monitor", "loud"),
    [
        (MonitorStanding(state="absent"), "No monitor runs"),
        (MonitorStanding(state="dead", detail="process 7 is gone"), "The monitor is dead"),
        (MonitorStanding(state="silent"), "The monitor does not answer"),
        (runs(trouble="its store is full"), "The monitor cannot take alerts on"),
        (
            runs(ChannelStatus(name="log"), ChannelStatus(name="pager", trouble="refused")),
            "Alerts reach nobody",
        ),
    ],
)
def test_that_nobody_is_told_is_said_loudly_also_where_nothing_is_open(panel, monitor, loud):
    panel.put(found(monitor=monitor))
    assert (panel.state["loud"], panel.state["level"]) == (loud, "down")
    assert panel.state["why"]
    panel.put(found())
    assert (panel.state["loud"], panel.state["level"]) == ("", "ok")


@pytest.mark.parametrize(
    ("channels", "said"),
    [
        (
            ("pager", "mail"),
            "monitor runs, tells log, mail, not pager",
        ),
        ((), "monitor runs, tells log: no webhook or mail is set"),
    ],
)
def test_a_channel_that_fails_and_a_lab_that_has_none_are_no_green_light(panel, channels, said):
    told = [ChannelStatus(name="log")]
    told += [ChannelStatus(name=n, trouble="refused" * (n == "pager")) for n in channels]
    panel.put(found(monitor=runs(*told)))
    assert (panel.state["monitor"], panel.state["level"]) == (said, "warn")
    assert panel.state["loud"] == ""


def test_a_store_that_cannot_be_read_is_said_loudly(panel):
    panel.put(found(an_alert(), unread={"desk.db": "it must be a database"}))
    assert panel.state["loud"] == "Alerts are missing here"
    assert "desk.db: it must be a database" in panel.state["why"]


def test_what_is_not_heard_any_more_stays_and_is_marked(panel):
    panel.put(found(an_alert()))
    panel.lost("this page is not connected")
    assert [row["id"] for row in panel.rows] == ["A-1"]
    assert (panel.state["known"], panel.state["level"]) == (False, "down")
    assert "this page is not connected" in panel.state["why"]


def test_all_are_counted_though_some_are_shown(panel):
    panel.put(found(an_alert(), counts={"critical": 3_000, "info": 12}))
    assert (panel.state["total"], panel.state["shown"]) == (3_012, 1)
    assert panel.state["counts"] == [["critical", 3_000], ["warning", 0], ["info", 12]]


def test_rows_are_sent_when_they_changed_and_news_of_the_monitor_each_time(panel):
    sent = []
    panel.send = sent.append
    panel.put(found(an_alert()))
    panel.put(found(an_alert()))
    panel.put(found(an_alert(rank=2)))
    assert ["rows" in message for message in sent] == [True, False, True]
    assert all(message["kind"] == "news" for message in sent)


# --- on the page ----------------------------------------------------------------------------


@pytest.fixture
async def node(root) -> AsyncIterator[FakeNode]:
    async with FakeNode(root / ".lab") as node:
        engine = StreamingEngine(root / ".lab", settings=StreamingSettings(conflate_ms=10))
        await engine.start()
        yield node
        await engine.stop()


@pytest.fixture
def store(root, node):
    TradingStore.open(node.run.store).close()
    with DeskStore.open(Home(root / ".lab").store) as desk:
        yield desk


@pytest.fixture
def opened(root, hasty, monkeypatch):
    monkeypatch.setattr(_risk, "_LOOK_S", 0.05)
    made: list[RiskDashboard] = []

    def opened(role="operator"):
        made.append(risk_dashboard(Desk.find(root=root, role=role)))
        return made[-1]

    return opened, made


@pytest.fixture
async def page(opened):
    opening, made = opened
    yield opening
    for one in made:
        await one.close()
        await one.desk.close()


def presses(panel, alert, note=""):
    panel._heard(panel, {"kind": "acknowledge", "id": alert, "note": note}, [])


@pytest.fixture
def answers(monkeypatch):
    said = []

    def answer(self, answer, *, of=""):
        said.append((answer.level, answer.text, of))

    monkeypatch.setattr(AlertsPanel, "answer", answer)
    return said


async def test_an_alert_comes_and_goes_as_it_is_acknowledged_by_who_looks(page, store, answers):
    dashboard = page()
    raised = store.raise_alert("critical", "risk", "gross must hold", trader="PAPER-001")
    await until(lambda: [row["id"] for row in dashboard.alerts.rows] == [raised.id])
    assert dashboard.alerts.state["loud"] == "No monitor runs"
    presses(dashboard.alerts, raised.id, "  reduced ")
    await until(lambda: dashboard.alerts.rows == [])
    who = dashboard.desk.principal.name
    assert dashboard.alerts.who == who
    assert answers == [("ok", f"acknowledged by {who}: gross must hold", raised.id)]
    (row,) = store.alerts()
    assert (row.acknowledged_by, row.note) == (who, "reduced")


async def test_who_came_first_is_named(page, store, answers, root):
    from nautilus_lab.alerts import acknowledge
    from nautilus_lab.config import AuditSettings

    dashboard = page()
    raised = store.raise_alert("critical", "risk", "gross must hold", trader="PAPER-001")
    await until(lambda: dashboard.alerts.rows != [])
    acknowledge(Home(root / ".lab"), raised.id, audit=AuditSettings(), by="rita", note="mine")
    dashboard.alerts.rows[:] = [{"id": raised.id}]  # a page that is a moment behind
    presses(dashboard.alerts, raised.id)
    await until(lambda: answers != [])
    assert answers == [("warn", "rita had acknowledged it before: mine", raised.id)]


async def test_a_page_that_looks_acknowledges_nothing_whatever_it_sends(page, store, answers):
    dashboard = page("viewer")
    raised = store.raise_alert("critical", "risk", "gross must hold", trader="PAPER-001")
    await until(lambda: dashboard.alerts.rows != [])
    assert dashboard.alerts.who == ""
    presses(dashboard.alerts, raised.id)
    await until(lambda: answers != [])
    ((level, text, _),) = answers
    assert level == "down"
    assert "alerts:acknowledge needs a role that has it" in text
    with pytest.raises(AccessDenied):
        await dashboard.desk.acknowledge(raised.id)
    assert len(store.alerts(open_only=True)) == 1


async def test_what_is_not_listed_is_not_asked_for(page, store, answers):
    dashboard = page()
    await until(lambda: dashboard.alerts.state["known"])
    presses(dashboard.alerts, "another")
    raised = store.raise_alert("info", "risk", "a note that steers must not pass")
    await until(lambda: dashboard.alerts.rows != [])
    presses(dashboard.alerts, raised.id, "it\x1b[2J lives")
    await until(lambda: answers != [])
    ((level, text, of),) = answers
    assert (level, of) == ("down", raised.id)
    assert "printable" in text


async def test_a_page_that_opens_while_no_node_runs_shows_alerts_and_acknowledges_them(
    page, store, node, answers
):
    await node.stop()
    dashboard = page()
    store.raise_alert("critical", "supervisor", "a node must answer", trader="PAPER-001")
    await until(lambda: [row["what"] for row in dashboard.alerts.rows] == ["a node must answer"])
    await until(lambda: dashboard.alerts.who != "")
    presses(dashboard.alerts, dashboard.alerts.rows[0]["id"], "it comes back")
    await until(lambda: dashboard.alerts.rows == [])
    assert [level for level, _, _ in answers] == ["ok"]


async def test_a_gateway_that_is_gone_is_said_and_what_was_seen_last_stays(page, store, node):
    dashboard = page()
    store.raise_alert("critical", "supervisor", "a node must answer", trader="PAPER-001")
    await until(lambda: dashboard.alerts.rows != [])
    for files in node.home.gateways:
        files.record.unlink()
    await dashboard.desk.close()
    await until(lambda: "stream gateway must run" in dashboard.alerts.state["why"])
    assert dashboard.alerts.state["loud"] == "Alerts cannot be seen"
    assert len(dashboard.alerts.rows) == 1


async def test_of_thousands_the_most_severe_are_shown_and_all_are_counted(page, store):
    with store.writing("a storm") as connection:
        from dataclasses import asdict

        import sqlalchemy as sa

        from nautilus_lab.platform.store._tables import alerts
        from tests.monitoring.conftest import an_alert as stored

        rows = [
            asdict(stored(trader="PAPER-001", scope=f"S-{n}", severity="warning", ts_ns=n + 1))
            for n in range(5_000)
        ]
        connection.execute(sa.insert(alerts), rows)
    urgent = store.raise_alert("critical", "risk", "a", trader="PAPER-001", ts_ns=1)
    dashboard = page()
    await until(lambda: dashboard.alerts.state["total"] == 5_001)
    assert len(dashboard.alerts.rows) == 100
    assert dashboard.alerts.rows[0]["id"] == urgent.id
    assert dashboard.alerts.rows[1]["scope"] == "S-4999"
