"""The trader's processes from the command line, with a node that stands in."""

import json

from nautilus_lab.cli import main
from nautilus_lab.platform.rundir import Latch


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
    assert capsys.readouterr().out == "nothing of this workspace runs\n"
    assert main(["node", "stop"]) == 2  # of one trader, who was meant to run


def test_a_log_is_followed_and_shown_without_what_steers_a_terminal(rundir, capsys):
    (rundir.logs / "node.log").write_text("one\n\x1b[31mtoken=abcdef\x1b[0m\nthree\n")
    assert main(["logs", "-n", "2"]) == 0
    assert capsys.readouterr().out == "token=[hidden]\nthree\n"
    assert main(["logs", "--of", "nobody"]) == 2
    assert "choose among" in capsys.readouterr().err
