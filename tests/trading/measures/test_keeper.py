"""When a trader is measured, and what is told when it cannot be: a node that stands in answers."""

import asyncio

import pandas as pd
import pytest

from nautilus_lab.config import load_settings
from nautilus_lab.exceptions import NodeAlreadyRunning
from nautilus_lab.platform.access import LocalOwner
from nautilus_lab.platform.commands import CommandServer, CommandTable
from nautilus_lab.platform.messages import Snapshot, envelope
from nautilus_lab.platform.rundir import Home, ProcessRecord
from nautilus_lab.platform.store import DeskStore
from nautilus_lab.risk.limits import Measures
from nautilus_lab.trading import Measurement
from nautilus_lab.trading._measures_file import write_measures
from nautilus_lab.trading.commands import NodeStatus
from nautilus_lab.trading.commands._node import NODE_SPECS
from nautilus_lab.trading.measures import MeasureKeeper
from tests.trading.measures.conftest import TODAY, position

TRADER = "PAPER-001"
VAR = {"limit": "max_value_at_risk", "max_loss": 1_000.0}


class Node:
    """Answers as a node does that holds what it is given."""

    def __init__(self, home, limits, trader=TRADER):
        settings = load_settings(trading={"limits": limits, "trader_id": trader})
        self.run = home.trader(trader).make()
        self.hangs_s = 0.0
        self.run.settings.write_text(settings.to_private_json())
        self.positions, self.fills, self.asked = [], 0, 0
        self.server = CommandServer(
            self.run.commands,
            CommandTable(*NODE_SPECS[:2]),
            LocalOwner().verify,
            {"node.status": self._status, "node.snapshot": self._snapshot},
        )
        ProcessRecord.of_this_process("node").write(self.run.node)

    async def _status(self, request):
        await asyncio.sleep(self.hangs_s)
        market_ns = pd.Timestamp(TODAY).as_unit("ns").value
        return NodeStatus(
            trader=TRADER, state="running", epoch=1, fills=self.fills, source_ts=market_ns
        )

    async def _snapshot(self, request):
        self.asked += 1
        states = tuple(
            envelope(
                one,
                f"trading.position.{TRADER}.all.{one.instrument}",
                trader=TRADER,
                writer="node",
            )
            for one in self.positions
        )
        return Snapshot(trader=TRADER, epoch=1, seq=0, ts=self.asked, simulated=True, states=states)

    def hold(self, *positions):
        self.positions, self.fills = positions, self.fills + 1

    @property
    def measured(self):
        return Measurement.read(self.run.measured)


@pytest.fixture
def home(workspace, catalog):
    return Home(load_settings().home_path).make()


@pytest.fixture
async def node(home):
    """Make one with limits; it ends with the test."""
    made = []

    async def start(*limits, **more):
        made.append(Node(home, limits, **more))
        await made[-1].server.start()
        return made[-1]

    yield start
    for one in made:
        await one.server.stop()


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def keeper(home):
    clock = Clock()
    made = MeasureKeeper(home, now_s=clock)

    async def look(*, after_s=1.0):
        clock.now += after_s
        await made.look()

    return look


def alerts(home, *, open_only=True):
    if not home.store.exists():
        return []
    with DeskStore.open(home.store, read_only=True) as desk:
        return [(a.component, a.rule, a.detail) for a in desk.alerts(open_only=open_only)]


async def test_it_is_measured_until_positions_stand_still_and_then_every_minute(node, keeper):
    node = await node(VAR)
    node.hold(position("JPM.PAPER", 100, 140.0))
    for _ in range(10):
        await keeper()
    assert node.asked == 2
    assert node.measured.held == {"JPM.PAPER": 100}
    assert node.measured.values["value_at_risk"] > 0
    await keeper(after_s=60)
    assert node.asked == 3


async def test_a_fill_is_measured_at_the_next_looks(node, keeper):
    node = await node(VAR)
    for _ in range(5):
        await keeper()
    assert node.measured.values == {"value_at_risk": 0.0}
    node.hold(position("JPM.PAPER", 100, 140.0))
    await keeper()
    await keeper()
    assert node.measured.held == {"JPM.PAPER": 100}


async def test_a_trader_whose_limits_need_no_measure_is_not_asked(node, keeper):
    node = await node({"limit": "max_leverage", "max_times": 2.0})
    await keeper()
    await keeper()
    assert (node.asked, node.measured) == (0, None)


async def test_what_cannot_be_measured_is_one_alert_and_seen_to_when_it_can(node, keeper, home):
    node = await node(VAR)
    node.hold(position("NEWCO.PAPER", 1, 100.0))
    for _ in range(5):
        await keeper()
    ((component, rule, detail),) = alerts(home)
    assert (component, rule) == ("measures", "what limits need must be measurable")
    assert "value_at_risk: 100.0% of the gross value has no history" in detail
    assert "NEWCO.PAPER (the catalog has no prices of it)" in detail
    assert "value_at_risk" in node.measured.missing
    node.hold(position("NEWCO.PAPER", 1, 101.0), position("JPM.PAPER", 1, 5.0))
    for _ in range(3):
        await keeper()
    assert "95.3%" in node.measured.missing["value_at_risk"]
    assert len(alerts(home, open_only=False)) == 1  # the same, whatever it is worth
    node.hold()
    for _ in range(3):
        await keeper()
    assert alerts(home) == []
    assert len(alerts(home, open_only=False)) == 1


async def test_a_regime_of_what_nobody_holds_is_missed_all_the_same(node, keeper, home):
    rule = {"rule": "regime", "signal": "measured_regime:NEWCO"}
    node = await node({"limit": "max_leverage", "max_times": 2.0, "adjust": rule})
    await keeper()
    ((_, _, detail),) = alerts(home)
    assert "measured_regime:NEWCO" in detail
    assert "the catalog has no prices of it" in detail


async def test_what_somebody_told_is_no_trouble(node, keeper, home):
    node = await node(VAR)
    write_measures(node.run.measures, Measures.at(1, value_at_risk=1.0))
    node.hold(position("NEWCO.PAPER", 1, 100.0))
    for _ in range(3):
        await keeper()
    assert "value_at_risk" in node.measured.missing
    assert alerts(home) == []


async def test_a_node_that_does_not_answer_is_told_of_once(node, keeper, home):
    node = await node(VAR)
    await node.server.stop()
    for _ in range(7):
        await keeper()
    assert [(rule, detail) for _, rule, detail in alerts(home, open_only=False)] == [
        ("what a trader holds must be measured for its limits", alerts(home)[0][2])
    ]
    assert alerts(home)[0][2].startswith("its node does not answer: ")


async def test_settings_that_cannot_be_read_are_told_of_and_mended(node, keeper, home):
    node = await node(VAR)
    whole = node.run.settings.read_text()
    node.run.settings.write_text("{")
    await keeper()
    assert len(alerts(home)) == 1
    node.run.settings.write_text(whole)
    await keeper()
    await keeper()
    assert alerts(home) == []
    assert node.measured is not None


async def test_a_catalog_that_is_gone_is_told_of(workspace, node, keeper, home):
    (workspace / "lab.toml").write_text('[data]\ndirectory = "nowhere"\n')
    node = await node(VAR)
    node.hold(position("JPM.PAPER", 1, 100.0))
    await keeper()
    await keeper()
    assert "the data catalog must be built" in alerts(home)[0][2]


async def test_there_is_one_in_a_home_and_it_leaves_nothing(home):
    stopping = asyncio.Event()
    running = asyncio.create_task(MeasureKeeper(home).run(stopping))
    async with asyncio.timeout(10):
        while not home.measurer_files.record.exists():
            await asyncio.sleep(0.01)
    with pytest.raises(NodeAlreadyRunning, match="measures for the limits of this lab"):
        await MeasureKeeper(home).run(asyncio.Event())
    stopping.set()
    await running
    assert not home.measurer_files.record.exists()


async def test_a_node_that_hangs_keeps_no_other_from_being_measured(home, node):
    hanging = await node(VAR)
    other = await node(VAR, trader="PAPER-002")
    hanging.hangs_s = 60.0
    stopping = asyncio.Event()
    running = asyncio.create_task(MeasureKeeper(home).run(stopping))
    async with asyncio.timeout(20):
        while other.asked < 2:  # until its positions stand still
            await asyncio.sleep(0.01)
    assert (other.measured.values, hanging.asked) == ({"value_at_risk": 0.0}, 0)
    stopping.set()
    await running
