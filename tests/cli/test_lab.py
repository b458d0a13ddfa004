"""What serves the traders: gateways, alerts, the table of commands."""

import json

from nautilus_lab.cli import main
from nautilus_lab.platform.store import DeskStore


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


def test_the_commands_of_every_process_are_listed_with_what_they_take(capsys):
    assert main(["commands"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any("orders.submit" in ln and "orders:write" in ln and "once" in ln for ln in lines)
    assert any(ln.startswith("supervisor") for ln in lines)
    assert main(["commands", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {"node", "supervisor", "gateway"} == set(told)
    assert {c["name"] for c in told["gateway"]} == {"gateway.status"}
