"""The trader's processes from the command line, with a node that stands in."""

import json

from nautilus_lab.cli import main
from nautilus_lab.platform.rundir import Latch, ProcessRecord
from nautilus_lab.trading.commands import NodeStatus


def test_a_status_says_also_what_the_trader_may_do(node, capsys):
    Latch(node.rundir.latch).tighten("HALTED", reason="by hand", by="ana")
    assert main(["node", "status"]) == 0
    shown = capsys.readouterr().out
    assert "running" in shown
    assert "HALTED: by hand" in shown
    assert main(["node", "status", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["trader"] == "PAPER-001"


def test_traders_are_listed_with_what_they_may_do_running_or_not(node, home, capsys):
    home.trader("PAPER-002").make()
    main(["kill", "--trader", "PAPER-002"])
    capsys.readouterr()
    assert main(["traders"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [ln.split()[:3] for ln in lines[1:]] == [
        ["PAPER-001", "stopped", "ACTIVE"],  # it answers, and has no record
        ["PAPER-002", "stopped", "KILLED"],
    ]
    assert main(["traders", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["services"] == []


def test_stopping_all_where_nothing_runs_is_no_error(home, capsys):
    assert main(["node", "stop", "--all"]) == 0
    assert capsys.readouterr().out == f"nothing of this workspace runs: {home.path}\n"
    assert main(["node", "stop", "--all", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []
    assert main(["node", "stop"]) == 2  # of one trader, who was meant to run


def test_a_log_is_followed_and_shown_without_what_steers_a_terminal(rundir, capsys):
    (rundir.logs / "node.log").write_text("one\n\x1b[31mtoken=abcdef\x1b[0m\nthree\n")
    assert main(["logs", "-n", "2"]) == 0
    assert capsys.readouterr().out == "token=[hidden]\nthree\n"
    assert main(["logs", "--of", "nobody"]) == 2
    assert "choose among" in capsys.readouterr().err


def test_what_a_silent_node_does_not_say_is_not_zero(node, capsys):
    silent = NodeStatus(trader="PAPER-001", state="unreachable", detail="it is busy")
    node.answers["node.status"] = silent
    assert main(["node", "status", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert {told[name] for name in ("equity", "orders", "fills", "epoch")} == {None}
    assert main(["node", "status"]) == 0
    fields = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert {fields[name] for name in ("equity", "orders", "fills", "epoch")} == {"-"}
    node.answers["node.status"] = NodeStatus(
        trader="PAPER-001", state="running", orders=0, equity=1001953.5799999991
    )
    assert main(["node", "status"]) == 0
    fields = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert (fields["equity"], fields["orders"]) == ("1,001,953.58", "0")


def test_stopping_all_says_when_a_node_runs_that_nobody_can_stop(node, home, capsys):
    record = ProcessRecord.of_this_process("node", address=node.rundir.commands)
    record.write(node.rundir.node)  # and no supervisor
    assert main(["node", "stop", "--all"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "none does, and PAPER-001 run on" in said.err
