"""A trader whose node or venue is killed at a named place, under order flow: nothing is lost."""

import asyncio

import pytest

from tests.faults.campaign import VENUES, Campaign

pytestmark = [pytest.mark.processes, pytest.mark.timeout(120)]

BACK_S = 15.0
AT = (
    ("node", "commands.after_begin"),
    ("node", "gate.before_commit"),
    ("node", "gate.after_commit"),
    ("node", "gate.after_forward"),
    ("node", "client.before_send"),
    ("node", "client.after_send"),
    ("node", "client.before_event"),
    ("node", "outbox.before_store"),
    ("node", "outbox.after_store"),
    ("node", "commands.before_finish"),
    ("venue", "venue.before_append"),
    ("venue", "venue.after_append"),
)


@pytest.fixture
def campaign(workspace, catalog, monkeypatch):
    plan = workspace / "failpoint"
    monkeypatch.setenv("NL_FAILPOINT", f"@{plan}")
    campaign = Campaign(workspace, seed=20_261_125)
    campaign.plan = plan
    yield campaign
    asyncio.run(campaign.stop())


async def die(campaign, process, place):
    """Send orders until `process` ends itself at `place`, and wait until it is back."""
    victims = {name: campaign.pid(name) for name in (["node"] if process == "node" else VENUES)}
    over = asyncio.Event()
    flow = asyncio.create_task(campaign.flow(over))
    try:
        campaign.plan.write_text(f"{process}:{place}@{campaign.random.randint(1, 5)}", "utf-8")
        async with asyncio.timeout(20):
            while campaign.plan.exists():
                await asyncio.sleep(0.01)
        begun = asyncio.get_running_loop().time()
        await campaign.back(victims)
        took = asyncio.get_running_loop().time() - begun
        await asyncio.sleep(0.2)
    finally:
        over.set()
        await flow
    return took


async def test_whatever_is_killed_at_ten_named_places_no_order_is_lost_or_doubled(campaign):
    await campaign.start()
    for process, place in AT:
        took = await die(campaign, process, place)
        assert took < BACK_S, place
        assert await campaign.settled() == [], place
    assert len(campaign.placed) > len(AT)


async def test_a_halted_trader_stays_halted_when_its_node_is_killed(campaign):
    await campaign.start()
    await campaign.ask("risk.halt", {"reason": "a drill"})
    dead = campaign.pid("node")
    await campaign.kill("node", 0.2)
    assert campaign.pid("node") != dead
    state = await campaign.ask("risk.state")
    assert (state["state"], state["reason"]) == ("HALTED", "a drill")
    placed = dict(campaign.placed)
    over = asyncio.Event()
    flow = asyncio.create_task(campaign.flow(over))
    await asyncio.sleep(0.5)
    over.set()
    await flow
    assert campaign.placed == placed
    assert await campaign.settled() == []
