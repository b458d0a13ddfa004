"""What serves the traders: gateways, alerts, the table of commands."""

import json

from nautilus_lab.cli import main
from nautilus_lab.platform.bus import LocalBus
from nautilus_lab.platform.messages import AlertRaised, NodeStateChanged
from nautilus_lab.platform.outbox import Outbox
from nautilus_lab.platform.store import AlertLedger, AlertPlan, DeskStore, TradingStore


def raised(rundir, rule, *, severity="critical"):
    """What a node does when it raises an alert, as far as its store; returns the alert's id."""
    trader = rundir.trader_id
    with TradingStore.open(rundir.store) as store:
        epoch = store.begin_epoch("node")
        outbox = Outbox(store, LocalBus(), trader=trader, writer="node", epoch=epoch)
        outbox.publish(NodeStateChanged(component="node", state="running"), f"system.node.{trader}")
        alert = AlertRaised(severity=severity, component="strategies", rule=rule, remedy="mend it")
        event = outbox.publish(alert, f"system.alert.{trader}")
    return event.id


def test_without_a_gateway_the_status_says_how_to_start_one(workspace, capsys):
    assert main(["gateway", "status"]) == 2
    assert "nautilus-lab node start" in capsys.readouterr().err


def test_alerts_are_listed_until_somebody_has_seen_to_them(home, capsys):
    assert main(["alerts"]) == 0
    assert capsys.readouterr().out == "no open alerts\n"
    assert not home.store.exists()
    with DeskStore.open(home.store) as store:
        row = store.raise_alert(
            "critical",
            "supervisor",
            "a trader must live",
            detail="it\x1b[2J died",
            trader="PAPER-001",
        )
        store.raise_alert("warning", "supervisor", "another", trader="PAPER-002")
    assert main(["alerts", "--trader", "PAPER-001"]) == 0
    shown = capsys.readouterr().out
    assert "a trader must live" in shown
    assert "another" not in shown
    assert "\x1b" not in shown
    assert main(["alerts", "ack", row.id, "--note", "restarted"]) == 0
    capsys.readouterr()
    assert main(["alerts", "--json"]) == 0
    assert [a["rule"] for a in json.loads(capsys.readouterr().out)] == ["another"]
    assert main(["alerts", "--all", "--json", "-n", "5"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [one["note"] for one in told] == ["", "restarted"]
    assert main(["alerts", "ack", "nothing"]) == 2
    assert "must be there to be acknowledged" in capsys.readouterr().err


def test_that_no_monitor_tells_anybody_is_said_beside_the_list(home, capsys):
    assert main(["alerts"]) == 0
    assert capsys.readouterr().err == (
        "no monitor runs: nobody is told of alerts, and none climbs; "
        "nautilus-lab node start brings one\n"
    )
    assert main(["alerts", "--all", "--json"]) == 0
    told = capsys.readouterr()
    assert json.loads(told.out) == []
    assert told.err.startswith("no monitor runs")


def test_who_acknowledged_stands_in_the_audit_trail_of_the_trader(rundir, capsys):
    fell = raised(rundir, "a strategy must not raise")
    assert main(["alerts", "ack", fell, "--note", "it was told to"]) == 0
    capsys.readouterr()
    assert main(["audit", "log", "--chain", "operators", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["kind"] == "alert.acknowledged"
    assert (row["body"]["alert"], row["body"]["note"]) == (fell, "it was told to")
    assert main(["audit", "verify"]) == 0


def test_what_stands_before_the_name_of_a_nested_command_holds(home, capsys):
    with DeskStore.open(home.store) as store:
        row = store.raise_alert("critical", "supervisor", "a trader must live")
    assert main(["alerts", "--json", "show", row.id]) == 0
    assert json.loads(capsys.readouterr().out)["alert"]["id"] == row.id


def test_what_nodes_raised_is_listed_beside_what_the_supervisor_did(home, capsys):
    first, second = (home.trader(f"PAPER-00{n}").make() for n in (1, 2))
    fell = raised(first, "a strategy must not raise")
    with DeskStore.open(home.store) as store:
        died = store.raise_alert("critical", "supervisor", "a trader must live", trader="PAPER-001")
    called = raised(second, "a margin call")
    assert main(["alerts", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [(one["id"], one["trader"], one["source"]) for one in told] == [
        (called, "PAPER-002", "traders/PAPER-002/trading.db"),
        (died.id, "PAPER-001", "desk.db"),
        (fell, "PAPER-001", "traders/PAPER-001/trading.db"),
    ]
    assert (told[2]["severity"], told[2]["component"]) == ("critical", "strategies")
    assert main(["alerts", "--json", "-n", "2"]) == 0
    assert [one["id"] for one in json.loads(capsys.readouterr().out)] == [called, died.id]
    assert main(["alerts", "--trader", "PAPER-002"]) == 0
    shown = capsys.readouterr().out
    assert "a margin call" in shown
    assert "traders/PAPER-002/trading.db" in shown
    assert "a strategy must not raise" not in shown
    assert main(["alerts", "-n", "0"]) == 2


def test_an_alert_that_stands_with_its_node_yet_is_acknowledged_all_the_same(rundir, home, capsys):
    fell = raised(rundir, "a strategy must not raise")
    assert main(["alerts", "ack", fell, "--json"]) == 0
    (seen,) = json.loads(capsys.readouterr().out)
    assert (seen["id"], seen["source"]) == (fell, "traders/PAPER-001/trading.db")
    assert seen["acknowledged_by"]
    assert main(["alerts", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []
    assert main(["alerts", "--all", "--json"]) == 0
    assert [one["id"] for one in json.loads(capsys.readouterr().out)] == [fell]
    assert main(["alerts", "ack", "nothing"]) == 2
    assert "must be there to be acknowledged" in capsys.readouterr().err


def test_what_became_of_an_alert_is_shown(home, capsys):
    with DeskStore.open(home.store) as store:
        row = store.raise_alert("critical", "supervisor", "a trader must live", trader="T-1")
        plan = AlertPlan(rank=1, channels=("pager",))
        AlertLedger(store).take(lambda alert: plan)
    assert main(["alerts", "ack", row.id, "--note", "it lives"]) == 0
    capsys.readouterr()
    assert main(["alerts", "show", row.id]) == 0
    shown = capsys.readouterr().out
    assert "at L1, told to pager" in shown
    assert "it lives" in shown
    assert "pager pending" in shown
    assert main(["alerts", "show", row.id, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [step["what"] for step in told["steps"]] == ["taken", "acknowledged"]
    assert [(one["channel"], one["state"]) for one in told["deliveries"]] == [("pager", "pending")]
    assert main(["alerts", "show", "nothing"]) == 2


def test_a_note_that_steers_a_terminal_is_refused(home, capsys):
    with DeskStore.open(home.store) as store:
        row = store.raise_alert("critical", "supervisor", "a trader must live")
    assert main(["alerts", "ack", row.id, "--note", "it\x1b[2J lives"]) == 2
    assert "printable" in capsys.readouterr().err


def test_without_a_channel_there_is_nothing_to_test(workspace, capsys):
    assert main(["alerts", "test"]) == 2
    assert "monitoring.webhooks" in capsys.readouterr().err


def test_a_store_that_cannot_be_read_hides_no_other_and_is_no_success(home, capsys):
    first, second = (home.trader(f"PAPER-00{n}").make() for n in (1, 2))
    first.store.write_bytes(b"not a database" * 100)
    raised(second, "a margin call")
    assert main(["alerts"]) == 2
    said = capsys.readouterr()
    assert "a margin call" in said.out
    assert "the alerts of traders/PAPER-001/trading.db are missing" in said.err


def test_alerts_of_a_trader_that_never_was_are_a_slip(rundir, capsys):
    assert main(["alerts", "--trader", "PAPER-001"]) == 0
    assert main(["alerts", "--trader", "PAPER-009"]) == 2
    assert "one of PAPER-001" in capsys.readouterr().err


def test_the_engine_finds_the_same_alerts(rundir, workspace):
    from nautilus_lab.config import load_settings
    from nautilus_lab.trading import TradingEngine

    fell = raised(rundir, "a strategy must not raise")
    found = TradingEngine(load_settings()).alerts()
    assert [one.id for one in found.alerts] == [fell]
    assert found.unread == {}


def test_the_commands_of_every_process_are_listed_with_what_they_take(capsys):
    assert main(["commands"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any("orders.submit" in ln and "orders:write" in ln and "once" in ln for ln in lines)
    assert any(ln.startswith("supervisor") for ln in lines)
    assert main(["commands", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {"node", "supervisor", "gateway", "monitor"} == set(told)
    alerts = {"alerts.open", "alerts.acknowledge"}
    assert {c["name"] for c in told["gateway"]} == {"gateway.status"} | alerts
