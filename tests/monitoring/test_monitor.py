"""The whole monitor in this process: stores that nodes write, real servers that take alerts."""

import asyncio
import json
import os
import shutil
import sqlite3
import time
from contextlib import closing

import pytest

from nautilus_lab.alerts import acknowledge, find_alerts
from nautilus_lab.config import AuditSettings, load_settings
from nautilus_lab.exceptions import AccessDenied, NodeAlreadyRunning, StoreError
from nautilus_lab.monitoring import BusChannel, Monitor, Notice, Outcome
from nautilus_lab.monitoring import _courier as courier
from nautilus_lab.monitoring import _monitor as module
from nautilus_lab.platform.access import Principal, Role, TokenIssuer, signing_key
from nautilus_lab.platform.bus import IpcBus
from nautilus_lab.platform.commands import CommandClient, MonitorStatus
from nautilus_lab.platform.rundir import Latch, ProcessRecord
from nautilus_lab.platform.store import AlertLedger, TradingStore
from tests.monitoring.conftest import an_alert, until


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    """What is tried again is tried soon, and what is looked at now and then often."""
    monkeypatch.setattr(courier, "_CAP_S", 0.05)
    monkeypatch.setattr(module, "_LOOK_S", 0.05)
    monkeypatch.setattr(module, "_ALL_S", 0.2)


@pytest.fixture
async def monitor(home, webhook):
    started = []

    async def monitor(*, channels=None, **monitoring):
        hooks = {"webhooks": {"pager": {"url": webhook.url, "secret": "sesame"}}}
        settings = load_settings(home.path.parent, monitoring=hooks | monitoring)
        made = Monitor(settings, channels=channels)
        await made.start()
        started.append(made)
        return made

    yield monitor
    for one in started:
        await one.stop()


def ids(webhook):
    return [request.told["alert"]["id"] for request in webhook.requests]


def events(webhook):
    return [(r.told["event"], r.told["alert"]["escalation"]) for r in webhook.requests]


async def test_what_nodes_and_supervisor_raise_arrives(monitor, node, desk, home, webhook):
    await monitor()
    first, second = node("T-1"), node("T-2")
    first.works()
    raised = [first.alert(), second.alert("net must hold")]
    raised.append(desk.raise_alert("warning", "supervisor", "a node must stay up").id)
    await until(lambda: len(webhook.requests) == 3)
    assert sorted(ids(webhook)) == sorted(raised)
    assert {one.id for one in find_alerts(home).alerts} == set(raised)
    # a trader that appears later
    third = node("T-3").alert()
    await until(lambda: third in ids(webhook))


async def test_a_critical_alert_overtakes_a_storm_of_warnings(monitor, node, desk):
    entered = AlertLedger(desk)
    for begin in range(0, 6_000, 2_000):
        numbers = range(begin, begin + 2_000)
        entered.enter("T-1", [an_alert(severity="warning", scope=str(n)) for n in numbers])
    sent = Recording("pager")
    await monitor(channels={"pager": sent})
    await until(lambda: sent.notices)
    before = len(sent.notices)
    urgent = node("T-2").alert()
    await until(lambda: urgent in [n.alert.id for n in sent.notices])
    place = [n.alert.id for n in sent.notices].index(urgent)
    # In the order of time it would be the last of six thousand.
    assert place - before < 1_000


@pytest.mark.parametrize("when", ["before it starts", "while it runs"])
async def test_a_damaged_row_is_told_of_and_stops_nobodys_alerts(
    monitor, node, desk, home, webhook, when
):
    if when == "while it runs":
        await monitor()
    with closing(sqlite3.connect(home.store)) as connection, connection:
        connection.execute(
            "INSERT INTO alerts (id, ts_ns, severity, component, trader, rule, detail, remedy) "
            "VALUES ('bad-1', 1, 'bogus', 'monitor', 'T-9', 'r', CAST(x'ff' AS TEXT), '')"
        )
    if when == "before it starts":
        await monitor()
    raised = [node("T-1").alert(), node("T-2").alert()]
    await until(lambda: len(webhook.requests) == 3)
    (told,) = [r.told["alert"] for r in webhook.requests if r.told["alert"]["id"] not in raised]
    assert (told["rule"], told["severity"]) == (
        "an alert in the store must be readable",
        "critical",
    )
    assert "bad-1" in told["detail"]


async def test_what_was_raised_before_it_started_arrives(monitor, node, webhook):
    early = node().alert()
    await monitor()
    await until(lambda: ids(webhook) == [early])


async def test_what_stands_in_the_store_of_the_node_is_acknowledged_and_climbs_no_further(
    monitor, node, home, webhook
):
    raised = node().alert()
    await monitor(levels={"l1": {"unanswered_s": 0.4}, "l2": {"unanswered_s": 0.4}})
    await until(lambda: events(webhook) == [("raised", "L1"), ("escalated", "L2")])
    seen = acknowledge(home, raised, audit=AuditSettings(), by="ana", note="reduced")
    assert seen.climbs_ns is None
    await asyncio.sleep(0.6)
    assert len(webhook.requests) == 2


async def test_a_storm_is_one_alert_with_a_count_and_recovers_as_one(
    monitor, node, desk, home, webhook
):
    one = node()
    await monitor()
    first = one.alert()
    for _ in range(300):
        one.alert()
    await until(lambda: desk.alerts(open_only=True) and desk.alerts(open_only=True)[0].count == 301)
    one.alert(level="ok", severity="info")
    await until(lambda: len(webhook.requests) == 2)
    assert events(webhook) == [("raised", "L1"), ("recovered", "L0")]
    assert ids(webhook)[0] == first
    assert find_alerts(home).alerts == ()


async def test_a_server_that_is_away_gets_all_of_it_once_it_is_back_and_in_order(
    monitor, node, desk, webhook
):
    await webhook.stop()
    await monitor()
    one = node()
    raised = [one.alert(f"rule {n}") for n in range(10)]
    await until(lambda: len(AlertLedger(desk).deliveries(raised)) >= 10)
    await until(lambda: any(d.attempts > 1 for d in AlertLedger(desk).deliveries(raised)))
    await webhook.start()
    await until(lambda: set(ids(webhook)) == set(raised))
    assert len(webhook.requests) == 10


async def test_a_channel_that_hangs_holds_up_no_other(monitor, node, webhook, mail):
    mail.silent = True
    letters = {"host": "127.0.0.1", "port": mail.port, "sender": "a@b.c", "recipients": ("d@e.f",)}
    await monitor(mails={"desk": letters | {"insecure": True, "timeout_s": 30}})
    raised = [node().alert("a"), node("T-2").alert("b")]
    await until(lambda: sorted(ids(webhook)) == sorted(raised), 5)
    assert mail.letters == []


async def test_one_notice_that_fails_holds_up_no_other(monitor, node, webhook):
    webhook.answers = ["500 Internal Server Error"]
    await monitor()
    first, second = node().alert("a"), node("T-2").alert("b")
    await until(lambda: len(webhook.requests) == 3)
    assert sorted(ids(webhook)) == sorted([first, first, second]) or sorted(ids(webhook)) == sorted(
        [first, second, second]
    )
    attempts = {(r.headers["Nautilus-Lab-Delivery"], r.told["attempt"]) for r in webhook.requests}
    assert len(attempts) == 3


async def test_a_channel_that_refuses_is_told_of_on_the_others_once(monitor, node, desk, webhook):
    sent = Recording("other")
    refusing = Recording("pager", Outcome(how="refused", detail="HTTP 410"))
    await monitor(channels={"other": sent, "pager": refusing})
    one = node()
    raised = [one.alert("a"), one.alert("b"), one.alert("c")]
    await until(lambda: len(sent.notices) == 4)
    assert len(refusing.notices) == 3
    (trouble,) = [n for n in sent.notices if n.alert.id not in raised]
    assert (trouble.alert.rule, trouble.alert.scope) == ("a channel must deliver", "pager")
    assert "HTTP 410" in trouble.alert.detail
    refusing.outcome = Outcome(how="sent")
    one.alert("d")
    await until(lambda: any(n.event == "recovered" for n in sent.notices))
    assert not any(n.alert.rule == trouble.alert.rule for n in refusing.notices)


async def test_a_channel_that_delivers_nothing_for_long_is_told_of_on_the_others(
    monitor, node, webhook
):
    sent = Recording("other")
    away = Recording("pager", Outcome(how="later", detail="refused", away=True))
    await monitor(channels={"other": sent, "pager": away}, undelivered_s=1)
    node().alert()
    await until(lambda: [n.alert.scope for n in sent.notices][1:] == ["pager"])
    await asyncio.sleep(0.3)
    assert len(sent.notices) == 2


class Recording:
    """A channel that keeps what it is told."""

    def __init__(self, name, outcome=None):
        self.name = name
        self.outcome = outcome or Outcome(how="sent")
        self.notices = []

    async def send(self, notice):
        self.notices.append(notice)
        return self.outcome

    def close(self):
        pass


async def test_what_a_channel_raises_is_tried_again_and_ends_nothing(monitor, node):
    class Broken(Recording):
        async def send(self, notice):
            await super().send(notice)
            raise RuntimeError("a fault of ours")

    broken, sent = Broken("broken"), Recording("other")
    await monitor(channels={"broken": broken, "other": sent})
    first = node().alert("a")
    await until(lambda: len(broken.notices) > 2)
    second = node("T-2").alert("b")
    await until(lambda: [n.alert.id for n in sent.notices] == [first, second])


async def test_nobody_answers_and_the_trader_is_tightened_by_its_latch(
    monitor, node, desk, home, webhook
):
    latch = Latch(home.trader("T-1").make().latch, witness=home.trader("T-1").store)
    latch.begin()
    raised = node().alert()
    levels = {
        "l1": {"unanswered_s": 0.2},
        "l2": {"unanswered_s": 0.3, "tighten": "REDUCE_ONLY"},
        "l3": {"tighten": "HALTED"},
    }
    await monitor(levels=levels)
    await until(lambda: latch.read().state == "HALTED")
    held = latch.read()
    assert held.by == "monitor"
    assert raised in held.reason
    await until(lambda: len(webhook.requests) == 3)
    assert events(webhook) == [("raised", "L1"), ("escalated", "L2"), ("escalated", "L3")]
    await until(lambda: len(AlertLedger(desk).steps(raised)) == 5)
    what = [step.what for step in AlertLedger(desk).steps(raised)]
    assert what == ["taken", "escalated", "tightened", "escalated", "tightened"]


async def test_an_alert_in_one_traders_store_tightens_no_other(monitor, node, home, webhook):
    for trader in ("T-1", "T-2"):
        latch = Latch(home.trader(trader).make().latch, witness=home.trader(trader).store)
        latch.begin()
    one = node("T-1")
    one.outbox._trader = "T-2"  # what a node's code could do
    one.alert()
    await monitor(levels={"l1": {"unanswered_s": 0.1}, "l2": {"tighten": "HALTED"}})
    first = Latch(home.trader("T-1").latch, witness=home.trader("T-1").store)
    await until(lambda: first.read().state == "HALTED")
    assert webhook.requests[0].told["alert"]["trader"] == "T-1"
    assert latch.read().state == "ACTIVE"


async def test_a_trader_that_cannot_be_tightened_is_told_of_and_tried_again(
    monitor, node, home, webhook, monkeypatch
):
    monkeypatch.setattr(module, "_AGAIN_S", 0.2)
    latch = Latch(home.trader("T-1").make().latch, witness=home.trader("T-1").store)
    latch.begin()
    node("T-1").alert()
    tightening, failed = module.tighten, []

    async def tighten(*args, **more):
        if len(failed) < 2:
            failed.append(more["reason"])
            raise StoreError("a latch must be writable", remedy="mend the disk")
        return await tightening(*args, **more)

    monkeypatch.setattr(module, "tighten", tighten)
    await monitor(levels={"l1": {"unanswered_s": 0.1}, "l2": {"tighten": "HALTED"}})
    rule = "a trader whose alerts nobody answers must be tightened"
    await until(lambda: rule in [r.told["alert"]["rule"] for r in webhook.requests])
    await until(lambda: latch.read().state == "HALTED")
    assert len(failed) == 2


async def test_a_storm_that_nobody_answers_tightens_its_trader_once(
    monitor, node, desk, home, monkeypatch
):
    latch = Latch(home.trader("T-1").make().latch, witness=home.trader("T-1").store)
    latch.begin()
    one, tightening, asked = node(), module.tighten, []
    raised = [one.alert(f"rule {number} must hold") for number in range(30)]

    async def tighten(*args, **more):
        asked.append(args[1])
        return await tightening(*args, **more)

    monkeypatch.setattr(module, "tighten", tighten)
    await monitor(levels={"l1": {"unanswered_s": 0.1}, "l2": {"tighten": "REDUCE_ONLY"}})
    ledger = AlertLedger(desk)
    await until(lambda: all("tightened" in [s.what for s in ledger.steps(r)] for r in raised))
    assert len(asked) < len(raised) / 3
    assert latch.read().state == "REDUCE_ONLY"


async def test_by_default_nobody_is_tightened(monitor, node, home, webhook):
    latch = Latch(home.trader("T-1").make().latch, witness=home.trader("T-1").store)
    latch.begin()
    node().alert()
    await monitor(levels={"l1": {"unanswered_s": 0.1}, "l2": {"unanswered_s": 0.1}})
    await until(lambda: ("escalated", "L3") in events(webhook))
    await asyncio.sleep(0.2)
    assert latch.read().state == "ACTIVE"


async def test_deadlines_are_those_of_the_store_and_outlive_the_monitor(
    monitor, node, desk, webhook
):
    raised = node().alert()
    first = await monitor(levels={"l1": {"unanswered_s": 1.0}})
    await until(lambda: len(webhook.requests) == 1)
    (row,) = desk.alerts()
    await first.stop()
    await monitor(levels={"l1": {"unanswered_s": 1.0}})
    await until(lambda: len(webhook.requests) == 2)
    assert time.time_ns() >= row.climbs_ns
    assert webhook.requests[1].at_ns - row.climbs_ns < 3e9
    assert ids(webhook) == [raised, raised]


async def test_a_clock_that_is_set_back_puts_off_neither_a_climb_nor_another_try(
    monitor, node, webhook
):
    webhook.answers = ["503 Busy\r\nRetry-After: 3600"]
    made = await monitor(levels={"l1": {"unanswered_s": 3_600.5}})
    first = node().alert()
    await until(lambda: made._couriers["pager"].status.trouble)
    assert ids(webhook) == [first]
    await made.stop()
    again = await monitor(levels={"l1": {"unanswered_s": 3_600.5}})
    again._clock_ns += 3_600 * 10**9  # as if it had been an hour ahead until now
    await until(lambda: events(webhook)[1:] == [("raised", "L1"), ("escalated", "L2")])


async def test_a_second_monitor_is_refused_and_harms_nothing(monitor, node, webhook):
    first = await monitor()
    with pytest.raises(NodeAlreadyRunning, match="the monitor of this lab may run once"):
        await Monitor(first.settings).start()
    raised = node().alert()
    await until(lambda: ids(webhook) == [raised])


async def test_a_store_that_takes_the_place_of_another_is_read_from_its_beginning(
    monitor, node, home, webhook
):
    await monitor()
    one = node()
    first = [one.alert(f"rule {n}") for n in range(3)]
    await until(lambda: len(webhook.requests) == 3)
    one.store.close()
    shutil.move(home.trader("T-1").path, home.path / "away")
    second = node("T-1").alert("another life")
    await until(lambda: ids(webhook) == [*first, second])


async def test_a_trader_whose_folder_is_taken_away_is_let_go_of(
    monitor, node, home, webhook, caplog
):
    made = await monitor()
    first = node("T-1").alert()
    await until(lambda: first in ids(webhook))
    shutil.move(home.trader("T-1").path, home.path / "away")
    await until(lambda: "T-1" not in made._intake._tails)
    second = node("T-2").alert()
    await until(lambda: ids(webhook) == [first, second])
    assert "cannot be taken on" not in caplog.text
    assert "failed" not in caplog.text


async def test_a_store_that_cannot_be_read_is_an_alert_and_hides_no_other(
    monitor, node, home, webhook
):
    home.trader("T-9").make().store.write_bytes(b"not a database" * 100)
    await monitor()
    raised = node().alert()
    await until(lambda: len(webhook.requests) >= 2)
    told = {r.told["alert"]["id"]: r.told["alert"] for r in webhook.requests}
    told.pop(raised)
    (unread,) = told.values()
    assert (unread["rule"], unread["trader"]) == ("a trader's alerts must be readable", "T-9")
    os.unlink(home.trader("T-9").store)
    late = node("T-9").alert("now it is")
    await until(lambda: late in ids(webhook))
    await until(lambda: ("recovered", "L0") in events(webhook))


async def test_when_looking_itself_fails_every_channel_is_told_so(monitor, node, monkeypatch):
    monkeypatch.setattr(module, "_SHOUT_S", 0.1)
    sent = Recording("other")
    made = await monitor(channels={"other": sent})

    async def broken(traders):
        raise RuntimeError("a mistake of ours")

    take = made._take
    monkeypatch.setattr(made, "_take", broken)
    node().alert()
    await until(lambda: sent.notices)
    (told,) = [notice.alert for notice in sent.notices]
    assert told.rule == "the monitor must be able to look for alerts"
    assert "a mistake of ours" in told.detail
    with pytest.raises(RuntimeError, match="a mistake of ours"):
        await made.stop()
    assert all(task.done() for task in made._tasks)
    monkeypatch.setattr(made, "_take", take)
    await made.stop()  # harmless


async def test_when_its_store_cannot_be_written_every_channel_is_told_so(
    monitor, node, home, monkeypatch
):
    monkeypatch.setattr(module, "_SHOUT_S", 0.1)
    monkeypatch.setenv("NL_STORE__BUSY_TIMEOUT_MS", "20")
    sent = Recording("other")
    await monitor(channels={"other": sent})
    with closing(sqlite3.connect(home.store, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")  # and does not end it
        raised = node().alert()
        await until(lambda: sent.notices)
        assert sent.notices[0].alert.rule == "the monitor must be able to write its store"
        await asyncio.sleep(0.3)
        assert len(sent.notices) == 1
    await until(lambda: raised in [n.alert.id for n in sent.notices])


@pytest.mark.parametrize(("answer", "sent"), [("503 Busy", 2), ("200 OK", 1)])
async def test_an_outcome_that_could_not_be_stored_is_stored_later_and_nothing_comes_twice(
    node, desk, ledger, home, webhook, answer, sent
):
    hooks = {"webhooks": {"pager": {"url": webhook.url}}}
    store = {"busy_timeout_ms": 20}
    monitor = Monitor(load_settings(home.path.parent, store=store, monitoring=hooks))
    await monitor.start()
    with closing(sqlite3.connect(home.store, isolation_level=None)) as other:

        async def locked(reader, writer):
            other.execute("BEGIN IMMEDIATE")
            writer.write(f"HTTP/1.1 {answer}\r\n\r\n".encode())
            await writer.drain()

        webhook.answers = [locked]
        raised = node().alert()
        pager = monitor._couriers["pager"]
        await until(lambda: pager.status.trouble or pager.status.sent)
        other.execute("ROLLBACK")

    def outcome():
        (one,) = (d for d in ledger.deliveries([raised]) if d.channel == "pager")
        return one.state

    await until(lambda: outcome() == "sent")
    await monitor.stop()
    assert ids(webhook) == [raised] * sent


async def test_a_node_that_stops_beating_is_told_without_any_supervisor(
    monitor, node, home, webhook
):
    beat = node().rundir.heartbeat
    beat.begin(0.1)
    await monitor(late_s=0.5)
    await until(lambda: len(webhook.requests) == 1)
    alert = webhook.requests[0].told["alert"]
    assert (alert["rule"], alert["trader"], alert["level"]) == ("a node must beat", "T-1", "breach")
    os.utime(beat.path, ns=(1, 1))
    await until(lambda: len(webhook.requests) == 2)
    assert events(webhook)[1] == ("recovered", "L0")


async def test_a_supervisor_that_died_is_told(monitor, home, webhook):
    await monitor()
    ProcessRecord(name="supervisor", pid=2**31 - 1, started=1.0).write(home.supervisor)
    await until(lambda: len(webhook.requests) == 1)
    assert webhook.requests[0].told["alert"]["rule"] == "the supervisor must run"


async def test_alerts_are_on_the_bus_for_who_follows_it(monitor, node, home, webhook):
    made = await monitor()
    seen = []
    bus = IpcBus.connect(made.files.events)
    bus.subscribe("system.monitor.>", seen.append)
    await bus.ready(10)
    raised = node().alert()
    await until(lambda: seen)
    assert seen[0].topic == "system.monitor.T-1"
    assert seen[0].body.alert_id == raised
    assert (seen[0].body.event, seen[0].body.rank, seen[0].seq) == ("raised", 1, None)
    bus.close()


async def test_a_bus_that_is_closed_is_tried_again_later(home):
    bus = IpcBus.serve(home.monitor_files.events)
    channel = BusChannel(bus)
    alert = an_alert()
    told = Notice(delivery=f"{alert.id}.1.bus", event="raised", attempt=1, alert=alert)
    assert (await channel.send(told)).how == "sent"
    channel.close()
    assert (await channel.send(told)).how == "later"


async def test_it_says_how_it_is_to_who_asks(monitor, node, home, webhook):
    made = await monitor()
    raised = node().alert()
    await until(lambda: ids(webhook) == [raised])
    client = CommandClient(made.files.commands)

    async def status():
        return await client.call("monitor.status", timeout_s=5, answer=MonitorStatus)

    told = await status()
    async with asyncio.timeout(10):
        while sum(one.sent for one in told.channels) < 3:
            told = await status()
    assert {one.name: one.sent for one in told.channels} == {"log": 1, "bus": 1, "pager": 1}
    assert (told.taken, told.late, told.trouble) == (1, (), "")
    assert ProcessRecord.read(made.files.record).address == made.files.commands


async def test_acknowledging_takes_the_right_to(monitor, node, home, webhook):
    made = await monitor()
    raised = node().alert()
    await until(lambda: ids(webhook) == [raised])
    issuer = TokenIssuer(signing_key(home.signing_key))

    async def ask(role):
        token = issuer.issue(Principal("eve", frozenset({role})))
        body = {"alert_id": raised, "note": "seen"}
        client = CommandClient(made.files.commands)
        return await client.call("alerts.acknowledge", body, timeout_s=5, token=token)

    for role in (Role.VIEWER, Role.RESEARCHER, Role.ADMIN):
        with pytest.raises(AccessDenied, match="alerts:acknowledge"):
            await ask(role)
    told = await ask(Role.RISK_OFFICER)
    assert (told["by"], told["note"]) == ("eve", "seen")
    with TradingStore.open(home.trader("T-1").store, read_only=True) as store:
        (row,) = store.audit_rows(chain="operators")
    assert (row.kind, row.actor) == ("alert.acknowledged", "eve")
    assert json.loads(row.body)["asked"]["roles"] == ["risk_officer"]
    assert find_alerts(home).alerts == ()


async def test_it_ends_when_the_folder_of_its_lab_is_gone(monitor, home, monkeypatch):
    monkeypatch.setattr(module, "_TELL_S", 0.05)
    made = await monitor()
    made.files.record.unlink()
    async with asyncio.timeout(10):
        await made.lost.wait()


async def test_what_is_old_is_told_to_the_log_and_counted(monitor, desk, webhook):
    old = time.time_ns() - 25 * 3_600 * 10**9
    for n in range(3):
        desk.raise_alert("critical", "supervisor", f"rule {n}", ts_ns=old)
    await monitor()
    await until(lambda: len(webhook.requests) == 1)
    alert = webhook.requests[0].told["alert"]
    assert alert["rule"] == "an alert must be told while it is news"
    assert alert["detail"].startswith("3 were raised more than 24 hours ago")


async def test_what_it_stopped_in_the_middle_of_is_delivered_before_it_ends(monitor, node, webhook):
    made = await monitor()
    one = node()
    raised = [one.alert(f"rule {n}") for n in range(5)]
    await made.stop()
    assert sorted(ids(webhook)) == sorted(raised)


async def test_settings_with_secrets_are_read_back_whole_and_kept_private(home, webhook):
    hooks = {"pager": {"url": webhook.url, "secret": "sesame"}}
    settings = load_settings(home.path.parent, monitoring={"webhooks": hooks})
    told = json.loads(settings.to_private_json())
    assert told["monitoring"]["webhooks"]["pager"]["secret"] == "sesame"
    assert "sesame" not in str(settings.model_dump())
