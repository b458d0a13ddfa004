"""Every kind of verb, from a shell's view, on a real node."""

import json

import pytest

from nautilus_lab.cli import main
from nautilus_lab.config import load_settings
from nautilus_lab.platform.rundir import Home

pytestmark = [pytest.mark.processes, pytest.mark.timeout(150)]


@pytest.fixture
def shell(workspace, catalog, monkeypatch, capsys):
    monkeypatch.setenv("NL_TRADING__SECONDS_PER_DAY", "5")
    monkeypatch.setenv("NL_TRADING__REPLAY_SYMBOLS", "AAPL,MSFT")

    def run(line, *, code=0):
        assert main(line.split()) == code, capsys.readouterr().err
        shown = capsys.readouterr()
        return json.loads(shown.out) if "--json" in line and not code else shown.out + shown.err

    yield run
    if Home(load_settings().home_path).supervisor.exists():
        main(["node", "stop"])


def test_a_day_at_the_shell(shell, workspace):
    (workspace / "flat.json").write_text('{"AAPL": 0.0, "MSFT": 0.0}')
    assert " trades, pid " in shell(f"node start --targets {workspace}/flat.json")
    status = shell("node status --json")
    assert (status["state"], status["simulated"]) == ("running", True)

    placed = shell("order submit AAPL.PAPER BUY 10 --json")
    (order,) = placed["client_order_ids"]
    found = shell(f"order find {order} --json")
    assert [(o["instrument"], o["side"], o["quantity"]) for o in found] == [
        ("AAPL.PAPER", "BUY", "10")
    ]
    resting = shell("order submit AAPL.PAPER BUY 10 --limit 1.00 --json")["client_order_ids"][0]
    assert [o["client_order_id"] for o in shell("order list --json")] == [resting]
    shell(f"order modify {resting} --limit 1.05")
    assert shell("order list --json")[0]["limit_price"] == "1.05"
    denied = shell("order submit AAPL.PAPER BUY 1000000", code=2)
    assert denied.startswith("OrderDenied")
    assert "do:" in denied

    # What the venue refuses a moment later is no success either.
    auction = shell("order submit AAPL.PAPER BUY 1 --lasts AT_THE_OPEN", code=2)
    assert "REJECTED" in auction
    assert "this venue has no auctions" in auction
    assert shell("order submit AAPL.PAPER BUY 1").split()[1] in ("ACCEPTED", "FILLED")
    assert "one of" in shell("order cancel-all --instrument FOO.PAPER", code=2)
    assert "one of" in shell("order cancel-all --strategy nosuch", code=2)
    assert "nothing works" in shell("order cancel-all --instrument MSFT.PAPER")

    assert "node told" in shell("halt the-feed-is-wrong")
    assert shell("state --json")["state"] == "HALTED"
    assert "runs, and is HALTED (the-feed-is-wrong), pid" in shell("node start")
    assert shell("order submit AAPL.PAPER BUY 1", code=2).startswith("OrderDenied")
    assert resting in shell(f"order cancel {resting}")  # a halted trader may cancel
    shell("resume mended")
    assert shell("state --json")["state"] == "ACTIVE"
    shell("order submit MSFT.PAPER BUY 10 --limit 1.00")
    assert len(shell("order cancel-all --json")["ended"]) == 1

    assert {"AAPL", "MSFT"} == set(shell("targets show --json")["weights"])
    listed = shell("strategy list --json")
    assert {one["state"] for one in listed} <= {"running", "paused", "stopped"}
    (gateway,) = shell("gateway status --json")
    assert gateway["url"].startswith("ws://127.0.0.1:")
    assert shell("alerts --json") == []
    traders = shell("traders --json")
    assert traders["traders"][0]["open_files"] > 10
    names = {s["name"] for s in traders["services"]}
    assert names == {"gateway", "monitor", "PAPER-001 venue PAPER"}
    assert shell("logs -n 1").count("\n") == 1

    assert "KILLED" in shell("kill --all enough")
    assert shell("order submit AAPL.PAPER BUY 1", code=2).startswith("OrderDenied")
    assert "it is one trader or all" in shell("node stop --all --trader PAPER-002", code=2)
    stopped = shell("node stop --all").splitlines()
    assert stopped[0].startswith("PAPER-001 stopped: node asked (")
    assert stopped[1].startswith("now nothing of this workspace runs")
    assert shell("node status", code=2).startswith("NodeNotRunning")
    assert shell("state --json")["state"] == "KILLED"
