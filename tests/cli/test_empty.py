"""A table without rows says what there is none of, on one line."""

import json

import pytest

from nautilus_lab.cli import main
from nautilus_lab.cli._shown import show_table
from nautilus_lab.platform.commands import StrategyView
from nautilus_lab.platform.messages import Snapshot
from nautilus_lab.platform.store import TradingStore


@pytest.mark.parametrize(
    ("verb", "said"),
    [
        ("alerts", "no open alerts"),
        ("alerts --all", "no alerts"),
        ("alerts --trader PAPER-001", "no open alerts of PAPER-001"),
        ("leases", "no leases: no node holds part of a firm limit"),
        ("leases log", "no lease has changed yet"),
        ("audit log", "no rows in node"),
        ("audit log --kind order.filled", "no rows of order.filled in node"),
        ("audit holds", "no holds"),
        ("runs", "no notebook was run"),
    ],
)
def test_of_a_lab_that_has_done_nothing(rundir, capsys, verb, said):
    TradingStore.open(rundir.store).close()
    assert main(verb.split()) == 0
    assert capsys.readouterr().out == f"{said}\n"


@pytest.mark.parametrize(
    ("verb", "said"),
    [("order list", "no working orders"), ("order list --all", "no orders")],
)
def test_of_a_node_without_orders(node, capsys, verb, said):
    node.answers["node.snapshot"] = Snapshot(
        trader="PAPER-001", epoch=1, seq=0, ts=1, simulated=True
    )
    assert main(verb.split()) == 0
    assert capsys.readouterr().out == f"{said}\n"


def test_of_a_node_without_strategies(node, capsys):
    node.answers["strategy.list"] = tuple[StrategyView, ...]()
    assert main(["strategy", "list"]) == 0
    assert capsys.readouterr().out == "no strategy is deployed\n"


def test_for_scripts_none_is_an_empty_list(home, capsys):
    assert main(["alerts", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []


def test_with_rows_they_stand_under_their_columns(capsys):
    show_table(("name", "n"), [("a", 1), ("bcdef", None)], none="names")
    assert capsys.readouterr().out == "name   n\na      1\nbcdef  -\n"
