"""Commands that go through the gateway to a node."""

import asyncio
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from websockets.asyncio.client import connect

from nautilus_lab.client.protocol import AckFrame, CloseCode, CommandFrame, ResultFrame
from nautilus_lab.platform.access import Principal, Role, TokenIssuer, signing_key
from nautilus_lab.platform.messages import new_id
from nautilus_lab.platform.rundir import Home, ProcessRecord
from nautilus_lab.streaming import StreamingEngine, _asking
from tests.streaming.wire import Wire

SOON_S = 5.0


def buy(units: object = 3, **changes) -> CommandFrame:
    body = {"units": units} | changes.pop("body", {})
    given = {
        "id": new_id(),
        "name": "orders.buy",
        "version": 2,
        "deadline_ns": time.time_ns() + int(SOON_S * 1e9),
        "body": body,
    }
    return CommandFrame(**given | changes)


async def asked(wire: Wire, frame: CommandFrame) -> ResultFrame:
    await wire.send(frame)
    while (result := await wire.next(ResultFrame)).id != frame.id:
        pass
    return result


@pytest.fixture
def token_of(home):
    def issue(*roles: Role, ttl_s: float = 60, name: str = "ada") -> str:
        issuer = TokenIssuer(signing_key(home / "signing.key"), ttl_s=ttl_s)
        return issuer.issue(Principal(name, frozenset(roles)))

    return issue


@pytest.fixture(params=["json", "msgpack"])
async def trader(request, dial, token_of):
    """A trader's connection, in either encoding."""
    async with dial(request.param) as wire:
        await wire.hello(token_of(Role.TRADER))
        await wire.subscribe()
        yield wire


# --- the good case --------------------------------------------------------------------------


async def test_a_command_is_acknowledged_and_its_result_comes_back(trader, node):
    frame = buy(7)
    await trader.send(frame)
    assert await trader.next(AckFrame, ResultFrame) == AckFrame(id=frame.id)
    assert await trader.next(ResultFrame) == ResultFrame(id=frame.id, ok=True, body={"units": 7})


async def test_the_node_sees_the_viewer_and_not_the_gateway(trader, node):
    await asked(trader, buy(1))
    assert node.bought == [("ada", 1)]


async def test_the_same_id_again_is_answered_but_not_done_again(trader, node):
    frame = buy(1)
    assert await asked(trader, frame) == await asked(trader, frame)
    assert node.bought == [("ada", 1)]


async def test_a_command_needs_no_subscription_where_there_is_one_trader(dial, token_of, node):
    async with dial() as wire:
        await wire.hello(token_of(Role.TRADER))
        while not (result := await asked(wire, buy(1))).ok:
            # At the very start the gateway has not yet asked the node what it answers.
            assert result.error_type == "NodeNotRunning"
    assert node.bought == [("ada", 1)]


async def test_events_go_on_while_a_command_runs(trader, node):
    frame = buy(1, body={"wait_s": 30.0})
    await trader.send(frame)
    await trader.next(AckFrame)
    node.fill(1)
    assert (await trader.events(1))[0].body.trade_id == "T-1"


async def test_the_local_owner_s_token_may_do_what_the_viewer_s_may_not(dial, home, node, gateway):
    answers = {}
    for name in ("gateway", "operator"):
        async with dial() as wire:
            await wire.hello((home / f"{name}.token").read_text())
            await wire.subscribe()
            answers[name] = await asked(wire, buy(1))
    assert (answers["gateway"].error_type, answers["operator"].ok) == ("AccessDenied", True)
    assert len(node.bought) == 1


# --- who may --------------------------------------------------------------------------------


@pytest.mark.parametrize("role", [Role.VIEWER, Role.RISK_OFFICER, Role.DEPLOYER, Role.ADMIN])
async def test_a_role_without_the_permission_is_refused_and_the_node_not_asked(
    dial, token_of, node, role
):
    async with dial() as wire:
        await wire.hello(token_of(role))
        await wire.subscribe()
        before = list(node.asked)
        result = await asked(wire, buy(1))
    assert (result.ok, result.error_type) == (False, "AccessDenied")
    assert "orders:write" in result.error
    assert (node.bought, node.asked) == ([], before)


async def test_the_node_refuses_what_a_gateway_would_let_through(
    dial, token_of, node, gateway, monkeypatch
):
    # A gateway that does not check stands for one that was tampered with.
    async with dial() as wire:
        await wire.hello(token_of(Role.VIEWER))
        await wire.subscribe()
        relay = gateway._gateway.feed("PAPER-001").relay
        monkeypatch.setattr(relay, "require", lambda principal, name: None)
        result = await asked(wire, buy(1))
    assert (result.error_type, node.bought) == ("AccessDenied", [])


# --- what is wrong with it ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "error_type", "text"),
    [
        ({"name": "orders.steal"}, "InputError", "must be one that the node answers"),
        ({"version": 1}, "MessageError", "must be of version 2"),
        ({"deadline_ns": 1}, "DeadlineExceeded", "before its deadline"),
        ({"deadline_ns": -(2**62)}, "DeadlineExceeded", "before its deadline"),
        ({"timeout_s": 0.0}, "InputError", "timeout_s"),
        ({"timeout_s": 1e9}, "InputError", "timeout_s"),
        ({"trader": "LIVE-007"}, "InputError", "must have a run directory"),
        ({"trader": "../PAPER-001"}, "InputError", "must have a run directory"),
        ({"body": {"units": "many"}}, "InputError", "must follow its schema"),
        ({"body": {"more": 1}}, "InputError", "must follow its schema"),
        ({"body": {"units": 10**30}}, "InputError", "body"),
    ],
)
async def test_a_wrong_command_is_answered_with_what_is_wrong_and_not_done(
    dial, token_of, node, change, error_type, text
):
    async with dial("json") as wire:
        await wire.hello(token_of(Role.TRADER))
        await wire.subscribe()
        frame = buy(1, **change)
        result = await asked(wire, frame)
        assert (result.ok, result.error_type) == (False, error_type)
        assert text in result.error
        assert node.bought == []
        # The connection is as good as before.
        assert (await asked(wire, buy(2))).ok


async def test_a_time_that_is_no_number_is_refused(dial, token_of, node):
    async with dial("msgpack") as wire:
        await wire.hello(token_of(Role.TRADER))
        await wire.subscribe()
        result = await asked(wire, buy(1, timeout_s=float("nan")))
    assert (result.error_type, node.bought) == ("InputError", [])


@pytest.mark.parametrize("command_id", ["", "x" * 65])
async def test_an_id_that_is_none_ends_the_connection(trader, node, command_id):
    await trader.send(buy(1, id=command_id))
    _, code = await trader.refusal()
    assert (code, node.bought) == (CloseCode.BAD_FRAME, [])


async def test_a_viewer_has_few_commands_at_once(dial, token_of, node, monkeypatch):
    monkeypatch.setattr(_asking, "MOST_COMMANDS", 2)
    async with dial() as wire:
        await wire.hello(token_of(Role.TRADER))
        await wire.subscribe()
        for _ in range(2):
            await wire.send(buy(1, body={"wait_s": 30.0}))
            await wire.next(AckFrame)
        result = await asked(wire, buy(9))
    assert (result.error_type, "2 commands at once" in result.error) == ("InputError", True)
    assert [units for _, units in node.bought] == [1, 1]


# --- what nobody can know -------------------------------------------------------------------


async def test_without_a_node_a_command_was_certainly_not_done(trader, node):
    await node.stop()
    result = await asked(trader, buy(1))
    assert (result.ok, result.error_type, node.bought) == (False, "NodeNotRunning", [])


async def test_a_result_that_does_not_come_in_time_is_told_as_unknown(trader, node):
    now = time.time_ns()
    frame = buy(1, body={"wait_s": 30.0}, deadline_ns=now + 10**8, timeout_s=0.1)
    result = await asked(trader, frame)
    assert (result.ok, result.error_type, result.value) == (False, "OutcomeUnknown", frame.id)
    assert node.bought == [("ada", 1)]


async def test_what_a_client_left_behind_can_be_asked_for_under_its_id(dial, token_of, node):
    frame = buy(5, body={"wait_s": 0.2})
    async with dial() as wire:
        await wire.hello(token_of(Role.TRADER))
        await wire.subscribe()
        await wire.send(frame)
        await wire.next(AckFrame)
    async with dial() as wire:
        await wire.hello(token_of(Role.TRADER))
        await wire.subscribe()
        assert (await asked(wire, frame)).body == {"units": 5}
    assert node.bought == [("ada", 5)]


@pytest.mark.processes
async def test_a_node_that_dies_over_a_command_leaves_its_outcome_unknown(
    home: Path, token_of, settings, repository
):
    script = repository / "tests" / "streaming" / "fake_node.py"
    process = subprocess.Popen([sys.executable, str(script), "--home", str(home)])
    engine = StreamingEngine(home, settings=settings)
    try:
        run = Home(home).trader("PAPER-001")
        while (record := ProcessRecord.read(run.node)) is None:
            assert process.poll() is None
            await asyncio.sleep(0.05)
        assert record.pid == process.pid
        url = await engine.start()
        async with connect(url, proxy=None) as socket:
            wire = Wire(socket)
            await wire.hello(token_of(Role.TRADER))
            await wire.subscribe()
            frame = buy(1, body={"wait_s": 60.0})
            await wire.send(frame)
            assert (await wire.next(AckFrame)).id == frame.id
            process.send_signal(signal.SIGKILL)
            result = await wire.next(ResultFrame)
        assert (result.id, result.error_type) == (frame.id, "OutcomeUnknown")
        assert "ended meanwhile" in result.error
    finally:
        process.kill()
        process.wait()
        await engine.stop()
