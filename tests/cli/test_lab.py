"""What serves the traders: gateways, alerts, the table of commands."""

import json

from nautilus_lab.cli import main
from nautilus_lab.platform.bus import LocalBus
from nautilus_lab.platform.messages import AlertRaised, NodeStateChanged
from nautilus_lab.platform.outbox import Outbox
from nautilus_lab.platform.store import DeskStore, TradingStore


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
    assert len(capsys.readouterr().out.splitlines()) == 1
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
    assert main(["alerts", "--seen", row.id]) == 0
    capsys.readouterr()
    assert main(["alerts", "--json"]) == 0
    assert [a["rule"] for a in json.loads(capsys.readouterr().out)] == ["another"]
    assert main(["alerts", "--all", "--json", "-n", "5"]) == 0
    assert len(json.loads(capsys.readouterr().out)) == 2
    assert main(["alerts", "--seen", "nothing"]) == 2
    assert "must be there to be acknowledged" in capsys.readouterr().err


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


def test_an_alert_of_a_node_cannot_be_acknowledged_and_that_is_said(rundir, home, capsys):
    fell = raised(rundir, "a strategy must not raise")
    assert main(["alerts", "--seen", fell]) == 2
    said = capsys.readouterr().err
    assert "only alerts of desk.db can be acknowledged" in said
    assert "traders/PAPER-001/trading.db" in said
    assert not home.store.exists()
    assert main(["alerts", "--seen", "nothing"]) == 2
    assert "must be there to be acknowledged" in capsys.readouterr().err


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
    assert {"node", "supervisor", "gateway"} == set(told)
    assert {c["name"] for c in told["gateway"]} == {"gateway.status"}
