"""Strategies and target tables from the command line."""

import json
import textwrap
import time

import pytest

from nautilus_lab.cli import main
from nautilus_lab.exceptions import StrategyFailed
from nautilus_lab.platform.commands import (
    DeployStrategy,
    OneStrategy,
    QuietStrategy,
    ReplaceStrategy,
    StrategyView,
)
from nautilus_lab.trading import TargetTable, target_table

VIEW = StrategyView(
    strategy="mine-001", name="mine", version="1", content_hash="ab" * 32, state="running"
)


@pytest.fixture
def source(workspace):
    path = workspace / "mine.py"
    path.write_text(
        textwrap.dedent(
            """
            from nautilus_trader.trading.strategy import Strategy

            open("executed", "w")

            class Mine(Strategy):
                pass
            """
        )
    )
    return path


def test_publishing_copies_the_file_and_executes_nothing(home, source, workspace, capsys):
    assert main(["strategy", "publish", str(source), "mine", "1.0"]) == 0
    assert "mine 1.0 is published, sha256 " in capsys.readouterr().out
    assert (home.strategies / "mine" / "1.0" / "strategy.py").read_text() == source.read_text()
    assert not (workspace / "executed").exists()
    assert main(["strategy", "versions", "--json"]) == 0
    found = {(v["name"], v["version"]) for v in json.loads(capsys.readouterr().out)}
    assert ("mine", "1.0") in found
    source.write_text(source.read_text() + "# changed\n")
    assert main(["strategy", "publish", str(source), "mine", "1.0"]) == 2
    assert "must stay what it was published as" in capsys.readouterr().err
    assert main(["strategy", "publish", str(source), "../mine", "1.1"]) == 2
    assert main(["strategy", "publish", "nowhere.py", "mine", "1.1"]) == 2
    assert main(["strategy", "versions"]) == 0
    assert "comes along" in capsys.readouterr().out


def test_a_version_is_deployed_with_its_parameters(node, capsys):
    node.answers["strategy.deploy"] = VIEW
    arguments = "strategy deploy mine 1.0 -p size 5 -p symbol AAPL --when-it-falls keep"
    assert main(arguments.split()) == 0
    assert node.bodies == [
        DeployStrategy(
            name="mine",
            version="1.0",
            parameters={"size": 5, "symbol": "AAPL"},
            when_it_falls="keep",
        )
    ]
    assert "mine-001" in capsys.readouterr().out


def test_a_strategy_that_cannot_be_deployed_exits_with_2(node, capsys):
    node.answers["strategy.deploy"] = StrategyFailed("a strategy's file must be importable")
    assert main(["strategy", "deploy", "mine", "1.0"]) == 2
    assert capsys.readouterr().err.startswith("StrategyFailed")


def test_each_step_of_a_strategys_life_is_asked_of_the_node(node):
    for verb in ("start", "resume", "remove"):
        assert main(["strategy", verb, "mine-001"]) == 0
    assert main(["strategy", "stop", "mine-001", "--cancel-orders"]) == 0
    assert main(["strategy", "pause", "mine-001", "--keep-orders"]) == 0
    assert main(["strategy", "replace", "mine-001", "2.0"]) == 0
    assert main(["strategy", "replace", "mine-001", "2.0", "-p", "size", "7"]) == 0
    assert [name for name, _, _ in node.asked] == [
        *("strategy.start", "strategy.resume", "strategy.remove", "strategy.stop"),
        *("strategy.pause", "strategy.replace", "strategy.replace"),
    ]
    one = OneStrategy(strategy="mine-001")
    assert node.bodies == [
        *(one, one, one),
        QuietStrategy(strategy="mine-001", cancel_orders=True),
        QuietStrategy(strategy="mine-001", cancel_orders=False),
        ReplaceStrategy(strategy="mine-001", version="2.0"),
        ReplaceStrategy(strategy="mine-001", version="2.0", parameters={"size": 7}),
    ]


def test_what_becomes_of_orders_must_be_said(node):
    with pytest.raises(SystemExit):
        main(["strategy", "stop", "mine-001"])
    with pytest.raises(SystemExit):
        main(["strategy", "pause", "mine-001", "--cancel-orders", "--keep-orders"])
    assert node.asked == []


def test_the_strategies_are_listed(node, capsys):
    node.answers["strategy.list"] = [VIEW]
    assert main(["strategy", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split()[:5] == ["mine-001", "mine", "1", "abababababab", "running"]
    assert main(["strategy", "list", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["content_hash"] == "ab" * 32


def test_weights_and_whole_tables_are_published_sealed(node, workspace, capsys):
    path = workspace / "book.json"
    path.write_text('{"AAPL": 0.5, "MSFT": 0.25}')
    assert main(["targets", "publish", str(path)]) == 0
    (body,) = node.bodies
    assert (body.name, body.weights) == ("book", {"AAPL": 0.5, "MSFT": 0.25})
    assert body.universe == ("AAPL", "MSFT")
    assert body.hash in capsys.readouterr().out
    now = time.time_ns()
    table = target_table(
        {"AAPL": 1.0},
        universe=["AAPL"],
        as_of_ns=now - 10,
        valid_until_ns=now + 10**12,
        run_id="run-1",
    )
    table.write(path)
    assert main(["targets", "publish", str(path), "--json"]) == 0
    assert node.bodies[1].hash == table.hash
    assert node.bodies[1].run_id == "run-1"
    assert json.loads(capsys.readouterr().out)["hash"] == table.hash


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("AAPL: 1", "readable JSON"),
        ('["AAPL"]', "map symbols"),
        ('{"AAPL": 0.5, "AAPL": 0.1}', "twice"),
        ('{"AAPL": NaN}', "fraction from 0 to 1"),
        ('{"AAPL": 1.5}', "fraction from 0 to 1"),
        ('{"weights": {"AAPL": "half"}, "name": "x"}', "must be whole"),
        ('{"weights": {"AAPL": 0.5}, "name": "x", "hash": "00"}', "what was hashed"),
    ],
)
def test_a_table_that_breaks_a_rule_is_not_sent(node, workspace, capsys, text, rule):
    path = workspace / "book.json"
    path.write_text(text)
    assert main(["targets", "publish", str(path)]) == 2
    assert rule in capsys.readouterr().err
    assert node.asked == []


def test_the_table_is_shown_from_the_node_and_from_the_file_without_one(node, rundir, capsys):
    table = TargetTable(weights={"AAPL": 0.5}, name="book", made_ns=1).sealed()
    node.answers["targets.show"] = table
    assert main(["targets", "show"]) == 0
    assert "book" in capsys.readouterr().out
    assert main(["targets", "show", "--trader", "PAPER-002"]) == 2
    assert "given targets" in capsys.readouterr().err
    from nautilus_lab.config import load_settings
    from nautilus_lab.platform.rundir import Home

    other = Home(load_settings().home_path).trader("PAPER-003").make()
    table.write(other.targets)
    assert main(["targets", "show", "--trader", "PAPER-003", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["hash"] == table.hash
