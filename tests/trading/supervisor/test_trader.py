"""One trader: brought back, given up, left alone, stopped; on processes that stand in."""

import asyncio
import json
import os
import signal
import time

import pytest

from nautilus_lab.config import Settings, load_settings
from nautilus_lab.exceptions import NodeError
from nautilus_lab.platform.rundir import Latch, ProcessRecord
from nautilus_lab.platform.store import DeskStore
from nautilus_lab.trading.supervisor import DeskAlerts, TraderKeeper
from nautilus_lab.trading.supervisor._wanted import Wanted
from tests.trading.supervisor.conftest import gone, kill, told, until, watch_until

pytestmark = [pytest.mark.processes, pytest.mark.timeout(90)]


def latch(keeper):
    return Latch(keeper.rundir.latch).read()


async def test_a_node_that_is_killed_is_brought_back_and_somebody_is_told(keep, alert):
    keeper = keep()
    await keeper.start()
    venue, before = keeper.venues[0].pid, keeper.node.pid
    await kill(before)
    begun = time.monotonic()
    await watch_until(keeper, lambda: keeper.node.pid not in (0, before))
    assert time.monotonic() - begun < 10
    status = await keeper.status()
    assert (status.state, status.restarts, status.pid) == ("running", 1, keeper.node.pid)
    assert status.rss_mib > 5
    assert status.threads >= 1
    assert status.open_files >= 3
    assert keeper.venues[0].pid == venue
    ((severity, rule, detail, _, trader),) = alert.told
    assert (severity, trader) == ("warning", "PAPER-001")
    assert rule == "the node must stay up"
    assert "died and is brought back" in detail
    assert latch(keeper).state == "ACTIVE"


async def test_a_venue_that_is_killed_is_brought_back_without_the_node(keep):
    keeper = keep(when_node_dies="halt")
    await keeper.start()
    node, before = keeper.node.pid, keeper.venues[0].pid
    await kill(before)
    await watch_until(keeper, lambda: keeper.venues[0].pid not in (0, before))
    assert keeper.node.pid == node
    assert latch(keeper).state == "ACTIVE"  # the policy is about nodes


async def test_a_frozen_node_is_found_killed_and_brought_back_with_a_dump(keep, alert, caplog):
    keeper = keep(missed_beats=2)
    await keeper.start()
    before = keeper.node.pid
    os.kill(before, signal.SIGSTOP)
    await watch_until(keeper, lambda: keeper.node.pid not in (0, before))
    assert gone(before)
    assert "froze (stopped by a signal) and is brought back" in alert.told[0][2]
    assert "does not answer: thread" in caplog.text


async def test_a_node_that_hangs_in_code_is_found_and_its_output_says_where(keep, alert):
    keeper = keep(missed_beats=2, behave={"hangs": True})
    starting = asyncio.ensure_future(keeper.start())  # the status after it hangs already
    await until(lambda: keeper.node.pid and keeper.rundir.node.exists())
    await asyncio.wait_for(starting, 10)
    (keeper.rundir.path / "behave.json").unlink()
    before = keeper.node.pid
    await watch_until(keeper, lambda: keeper.node.pid not in (0, before))
    assert "hanging; " in alert.told[0][2]
    assert "hang_here" in (keeper.rundir.logs / "node.out").read_text()


async def test_a_node_that_dies_again_and_again_is_given_up_and_its_trader_halted(keep, alert):
    keeper = keep(restarts=3)
    await keeper.start()
    for _ in range(4):
        await kill(keeper.node.pid)
        await watch_until(keeper, lambda: keeper.halted or keeper.node.alive)
    assert keeper.halted == "the node died more than 3 times in 10 minutes"
    held = latch(keeper)
    assert (held.state, held.automatic, held.by) == ("HALTED", True, "supervisor")
    assert keeper.halted in held.reason
    severity, rule, _, remedy, _ = alert.told[-1]
    assert (severity, rule) == ("critical", "a trader must not die again and again")
    assert "nautilus-lab node start" in remedy
    assert [one[0] for one in alert.told] == ["warning"] * 3 + ["critical"]
    for _ in range(3):
        await keeper.watch()
    assert keeper.node.pid == 0
    status = await keeper.status()
    assert (status.state, status.restarts) == ("faulted", 3)
    assert status.equity is status.orders is status.fills is status.epoch is None  # nobody says
    assert "more than 3 times" in status.detail
    # The venue, where positions and working orders are, is left alone.
    assert keeper.venues[0].alive


async def test_another_supervisor_gives_a_trader_that_was_given_up_no_new_attempts(keep, home):
    keeper = keep(restarts=1)
    await keeper.start()
    for _ in range(2):
        await kill(keeper.node.pid)
        await watch_until(keeper, lambda: keeper.halted or keeper.node.alive)
    adopted = TraderKeeper.adopt(home, "PAPER-001", alert=keeper._alert)
    assert adopted.halted == keeper.halted
    await adopted.watch()
    assert adopted.node.pid == 0
    assert (await adopted.status()).restarts == 1


async def test_another_supervisor_counts_the_restarts_of_the_one_before(keep, home, alert):
    keeper = keep(restarts=1)
    await keeper.start()
    await kill(keeper.node.pid)
    await watch_until(keeper, lambda: keeper.node.alive)
    adopted = TraderKeeper.adopt(home, "PAPER-001", alert=alert)
    await kill(adopted.node.pid)
    await watch_until(adopted, lambda: adopted.halted)
    assert "more than 1 times" in adopted.halted


async def test_a_note_that_cannot_be_read_gives_no_new_attempts(keep, home, alert):
    keeper = keep()
    await keeper.start()
    keeper._marker.write_bytes(b"{")
    adopted = TraderKeeper.adopt(home, "PAPER-001", alert=alert)
    assert "cannot be read" in adopted.halted
    keeper._marker.unlink()
    assert Wanted.read(keeper._marker) is None


async def test_a_start_that_is_asked_for_after_giving_up_has_all_attempts_again(keep):
    keeper = keep(restarts=0)
    await keeper.start()
    await kill(keeper.node.pid)
    await watch_until(keeper, lambda: keeper.halted)
    again = keep(restarts=2)
    await again.start()
    assert Wanted.read(again._marker) == Wanted()
    # The node is back, and what it may do is a person's decision still.
    assert latch(again).state == "HALTED"


@pytest.mark.parametrize(
    ("policy", "state"), [("keep", "ACTIVE"), ("reduce", "REDUCE_ONLY"), ("halt", "HALTED")]
)
async def test_a_node_that_died_comes_back_in_the_state_the_policy_names(
    keep, alert, policy, state
):
    keeper = keep(when_node_dies=policy)
    await keeper.start()
    before = keeper.node.pid
    await kill(before)
    await watch_until(keeper, lambda: keeper.node.pid not in (0, before))
    assert latch(keeper).state == state
    assert (f"{policy}ed by its latch" in alert.told[0][2]) is (policy != "keep")


async def test_a_policy_never_loosens_what_is_tighter(keep):
    keeper = keep(when_node_dies="reduce")
    await keeper.start()
    Latch(keeper.rundir.latch).tighten("KILLED", reason="enough", by="ana")
    before = keeper.node.pid
    await kill(before)
    await watch_until(keeper, lambda: keeper.node.pid not in (0, before))
    assert (latch(keeper).state, latch(keeper).by) == ("KILLED", "ana")


@pytest.mark.parametrize(
    ("policy", "state", "command"),
    [("reduce", "REDUCE_ONLY", "risk.reduce_only"), ("halt", "HALTED", "risk.halt")],
)
async def test_a_trader_nobody_looks_at_falls_to_what_the_policy_names_and_is_told_once(
    keep, alert, policy, state, command
):
    keeper = keep(when_unattended=policy, unattended_s=0.2)
    await keeper.start()
    keeper._attendance.begin()
    await watch_until(keeper, lambda: told(keeper.rundir))
    assert latch(keeper).state == state
    assert "nobody who may trade was attached for 0.2 s" in latch(keeper).reason
    for _ in range(3):
        await keeper.watch()
    assert [name for name, _ in told(keeper.rundir)] == [command]
    assert [one[1] for one in alert.told] == ["somebody must be attached"]


async def test_a_trader_nobody_looks_at_trades_on_where_the_policy_is_to_keep(keep, alert):
    keeper = keep(when_unattended="keep", unattended_s=0.01)
    await keeper.start()
    await asyncio.sleep(0.1)
    await keeper.watch()
    assert latch(keeper).state == "ACTIVE"
    assert alert.told == []


async def test_a_stop_says_which_steps_it_took(keep):
    keeper = keep(behave={"ignores_stop": True})
    await keeper.start()
    stopped = await keeper.stop()
    assert [(e.process, e.how) for e in stopped.endings] == [
        ("node", "terminated"),
        ("venue PAPER", "terminated"),
    ]
    assert str(stopped).startswith("PAPER-001 stopped: node terminated (")
    assert not keeper._marker.exists()
    with pytest.raises(NodeError, match="must not be stopped while it starts"):
        await keeper.start()


async def test_a_node_that_cannot_come_back_is_given_up_in_its_own_words(keep, alert):
    keeper = keep(restarts=1)
    await keeper.start()
    (keeper.rundir.path / "behave.json").write_text(
        json.dumps({"fails": "the disk must have room"})
    )
    await kill(keeper.node.pid)
    await watch_until(keeper, lambda: keeper.halted)
    assert "the last time: the disk must have room" in keeper.halted


async def test_a_restart_goes_by_the_settings_as_they_are_now_and_gives_all_attempts_again(
    keep,
):
    keeper = keep(restarts=1)
    await keeper.start()
    venue, first = keeper.venues[0].pid, keeper.node.pid
    await kill(first)
    await watch_until(keeper, lambda: keeper.node.alive)
    more = keeper.settings.model_dump()
    more["trading"]["venues"] = ("PAPER", "XNYS")
    status = await keeper.restart(Settings.model_validate(more))
    assert (status.state, status.restarts) == ("running", 0)
    assert [v.name for v in keeper.venues] == ["venue PAPER", "venue XNYS"]
    assert keeper.venues[0].pid == venue
    second = keeper.venues[1].pid
    assert second
    await kill(keeper.node.pid)
    await watch_until(keeper, lambda: keeper.node.alive)
    assert not keeper.halted
    more["trading"]["venues"] = ("PAPER",)
    await keeper.restart(Settings.model_validate(more))
    assert gone(second)
    assert keeper.venues[0].pid == venue


async def test_traders_live_side_by_side_and_one_falls_alone(keep):
    keepers = [keep(f"PAPER-00{n}") for n in (1, 2, 3)]
    await asyncio.gather(*(keeper.start() for keeper in keepers))
    pids = [child.pid for keeper in keepers for child in keeper.children]
    assert len(set(pids)) == 6
    addresses = {ProcessRecord.read(keeper.rundir.node).address for keeper in keepers}
    assert len(addresses) == 3
    first, *others = keepers
    await kill(first.node.pid)
    for keeper in others:
        await keeper.watch()
        assert (await keeper.status()).restarts == 0
    await first.stop()
    assert all(keeper.node.alive for keeper in others)


async def test_an_alert_is_in_the_store_that_the_processes_of_a_lab_share(keep, home, caplog):
    alert = DeskAlerts(home)
    await alert("critical", "a node must live", detail="it died", remedy="look", trader="PAPER-001")
    with DeskStore.open(home.store) as store:
        (row,) = store.alerts()
    assert (row.severity, row.rule, row.trader) == ("critical", "a node must live", "PAPER-001")
    assert "a node must live" in caplog.text
    home.store.unlink()
    home.store.mkdir()
    await alert("warning", "another", trader="PAPER-001")  # never raises
    assert "could not be stored" in caplog.text


async def test_settings_of_another_home_are_not_adopted(keep, home):
    keeper = keep()
    elsewhere = keeper.settings.model_copy(update={"root": load_settings().root / "other"})
    keeper.rundir.settings.write_text(elsewhere.to_private_json())
    assert TraderKeeper.adopt(home, "PAPER-001") is None
