"""A run publishes target weights, and a node is asked to trade them."""

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

import nautilus_lab as nl
from nautilus_lab.config import load_settings
from nautilus_lab.exceptions import InputError, NodeNotRunning
from nautilus_lab.jobs import run_notebook
from nautilus_lab.platform.access import Principal
from nautilus_lab.platform.commands import CommandServer, CommandSpec, CommandTable
from nautilus_lab.platform.rundir import Home
from nautilus_lab.trading import TargetTable
from nautilus_lab.trading.commands import NODE_COMMANDS

NOW = datetime.now(UTC)
WHOLE = {
    "universe": ("AAPL", "MSFT"),
    "as_of": NOW - timedelta(hours=1),
    "valid_until": NOW + timedelta(days=1),
}


@pytest.fixture
async def taken(workspace):
    """The tables that a stand-in of a node is asked to trade."""
    tables = []

    async def take(request):
        body = request.body
        tables.append(TargetTable(**{n: getattr(body, n) for n in body.__struct_fields__}))
        return "taken"

    rundir = Home(load_settings().home_path).make().trader("PAPER-001").make()
    spec: CommandSpec = NODE_COMMANDS.spec("node.targets")
    server = CommandServer(
        rundir.commands,
        CommandTable(spec),
        lambda token: Principal.owner(),
        {"node.targets": take},
    )
    await server.start()
    yield tables
    await server.stop()


async def test_a_table_reaches_the_node_whole_and_hashed(taken):
    made = await nl.publish_targets(
        pd.Series({"AAPL": 0.5, "MSFT": 0.3}), name="tilt", strategy="HoldTargets-001", **WHOLE
    )
    (table,) = taken
    assert table == made
    assert table.check().weights == {"AAPL": 0.5, "MSFT": 0.3}
    assert table.hash == table.digest
    assert table.as_of_ns == int((NOW - timedelta(hours=1)).timestamp() * 1e6) * 1_000
    assert (table.name, table.strategy, table.run_id) == ("tilt", "HoldTargets-001", "")


@pytest.mark.parametrize(
    ("weights", "more", "rule"),
    [
        ({"AAPL": 0.5}, {}, "must cover its universe"),
        ({"AAPL": 0.5, "MSFT": float("nan")}, {}, "fraction from 0 to 1"),
        ({"AAPL": 0.5, "MSFT": 0.1}, {"as_of": "2026-03-02"}, "as_of must be a datetime"),
        ({"AAPL": 0.5, "MSFT": 0.1}, {"valid_until": NOW - timedelta(days=1)}, "valid after"),
        ({"AAPL": 0.5, "MSFT": 0.1}, {"universe": ()}, "must name its symbols"),
        ({"AAPL": 0.5, "MSFT": 0.1}, {"universe": ("AAPL", "MSFT", "AAPL")}, "each once"),
    ],
)
async def test_what_breaks_a_rule_is_sent_to_nobody(taken, weights, more, rule):
    with pytest.raises(InputError, match=rule):
        await nl.publish_targets(weights, **{**WHOLE, **more})
    assert taken == []


async def test_a_time_without_a_zone_is_utc(taken):
    made = await nl.publish_targets(
        {"AAPL": 0.5}, universe=["AAPL"], as_of=datetime(2026, 3, 2), valid_until=NOW
    )
    assert made.as_of_ns == 1_772_409_600 * 10**9


async def test_without_a_node_it_says_how_to_start_one(workspace):
    with pytest.raises(NodeNotRunning, match="must be running"):
        await nl.publish_targets({"AAPL": 0.5, "MSFT": 0.1}, **WHOLE)


@pytest.mark.processes
async def test_a_run_says_which_it_was(taken, notebook):
    path = notebook(
        "rebalance",
        "import nautilus_lab as nl\n"
        "from datetime import UTC, datetime, timedelta\n"
        "now = datetime.now(UTC)\n"
        "table = await nl.publish_targets({'AAPL': share}, universe=['AAPL'], as_of=now,\n"
        "    valid_until=now + timedelta(days=1), name='weekly')\n"
        "print(table.run_id)",
        parameters="share = 0.1",
    )
    record = await asyncio.to_thread(run_notebook, path, {"share": 0.4}, settings=load_settings())
    (table,) = taken
    assert (table.run_id, table.notebook) == (record.run_id, "rebalance.ipynb")
    assert (table.weights, table.name) == ({"AAPL": 0.4}, "weekly")
    assert record.run_id in json.dumps(record.output_path.read_text("utf-8"))
