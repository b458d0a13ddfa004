"""Alerts are asked of the gateway: they are a lab's, whether or not its nodes and monitor run."""

from __future__ import annotations

import asyncio
import json
import time

import pytest

from nautilus_lab.client.protocol import AckFrame, CommandFrame, ResultFrame
from nautilus_lab.platform.access import Principal, Role, TokenIssuer, signing_key
from nautilus_lab.platform.audit import GATEWAY, OPERATORS
from nautilus_lab.platform.commands import CommandClient
from nautilus_lab.platform.messages import Command, new_id
from nautilus_lab.platform.rundir import Home
from nautilus_lab.platform.store import DeskStore, TradingStore


@pytest.fixture
def issued(home):
    def issue(*roles: Role, name: str = "ada") -> str:
        return TokenIssuer(signing_key(home / "signing.key")).issue(
            Principal(name, frozenset(roles))
        )

    return issue


@pytest.fixture
def desk(home, gateway):
    with DeskStore.open(Home(home).store) as store:
        yield store


def asks(name, **body):
    deadline_ns = time.time_ns() + 5_000_000_000
    return CommandFrame(id=new_id(), name=name, deadline_ns=deadline_ns, body=body)


async def told(wire, frame) -> ResultFrame:
    await wire.send(frame)
    while (result := await wire.next(ResultFrame)).id != frame.id:
        pass
    return result


@pytest.mark.parametrize("encoding", ["json", "msgpack"])
async def test_a_viewer_sees_what_is_open_and_that_no_monitor_runs(dial, desk, issued, encoding):
    raised = desk.raise_alert("critical", "risk", "gross must hold", trader="PAPER-001")
    async with dial(encoding) as wire:
        await wire.hello(issued(Role.VIEWER))
        frame = asks("alerts.open", trader="PAPER-001", most=10)
        await wire.send(frame)
        assert (await wire.next(AckFrame)).id == frame.id
        found = (await wire.next(ResultFrame)).body
    assert [one["id"] for one in found["alerts"]] == [raised.id]
    assert found["counts"] == {"critical": 1}
    assert found["monitor"]["state"] == "absent"


async def test_who_only_looks_acknowledges_nothing_and_is_written_down(
    dial, desk, issued, home, gateway
):
    raised = desk.raise_alert("critical", "risk", "gross must hold", trader="PAPER-001")
    async with dial() as wire:
        await wire.hello(issued(Role.VIEWER, name="vic"))
        result = await told(wire, asks("alerts.acknowledge", alert_id=raised.id))
    assert (result.ok, result.error_type) == (False, "AccessDenied")
    assert len(desk.alerts(open_only=True)) == 1
    await gateway.stop()
    with TradingStore.open(Home(home).gateway_files(1).trail.store, read_only=True) as store:
        refused = [r for r in store.audit_rows(chain=GATEWAY) if r.kind == "command.refused"]
    assert [(r.actor, json.loads(r.body)["command"]) for r in refused] == [
        ("vic", "alerts.acknowledge")
    ]


async def test_who_may_acknowledges_by_the_name_of_the_token_and_it_is_audited(
    dial, desk, issued, node
):
    raised = desk.raise_alert("critical", "risk", "gross must hold", trader="PAPER-001")
    TradingStore.open(node.run.store).close()
    async with dial() as wire:
        await wire.hello(issued(Role.RISK_OFFICER, name="rita"))
        frame = asks("alerts.acknowledge", alert_id=raised.id, note="reduced")
        result = await told(wire, frame)
        assert (result.body["by"], result.body["note"]) == ("rita", "reduced")
        # What is open is read anew at once, though it was read a moment ago.
        assert (await told(wire, asks("alerts.open"))).body["alerts"] == []
        again = await told(wire, asks("alerts.acknowledge", alert_id=raised.id, note="no, me"))
        assert (again.body["by"], again.body["note"]) == ("rita", "reduced")
    with TradingStore.open(node.run.store, read_only=True) as store:
        (row,) = store.audit_rows(chain=OPERATORS)
    asked = json.loads(row.body)["asked"]
    assert (row.kind, row.actor) == ("alert.acknowledged", "rita")
    assert (asked["command_id"], asked["roles"]) == (frame.id, ["risk_officer"])
    assert asked["token"]


@pytest.mark.parametrize(
    ("name", "body", "kind"),
    [
        ("alerts.open", {"most": 0}, "InputError"),
        ("alerts.open", {"most": 501}, "InputError"),
        ("alerts.open", {"most": float("nan")}, "InputError"),
        ("alerts.open", {"trader": "../../etc"}, "InputError"),
        ("alerts.open", {"trader": "PAPER-009"}, "InputError"),
        ("alerts.open", {"whose": "PAPER-001"}, "InputError"),
        ("alerts.acknowledge", {}, "InputError"),
        ("alerts.acknowledge", {"alert_id": "x"}, "StoreError"),
    ],
)
async def test_what_is_asked_amiss_gets_one_typed_error(gateway, issued, dial, name, body, kind):
    async with dial() as wire:
        await wire.hello(issued(Role.TRADER))
        result = await told(wire, asks(name, **body))
    assert (result.ok, result.error_type) == (False, kind)


async def test_a_command_without_a_token_is_nobodys_there_though_its_owners_on_the_socket(
    gateway, desk, home
):
    from nautilus_lab.exceptions import AccessDenied

    inner = gateway._gateway
    command = Command(id="1", name="alerts.open", version=1, deadline_ns=2**62, body={})
    with pytest.raises(AccessDenied, match="token"):
        await inner.answer(command)
    found = await CommandClient(Home(home).gateway_files(1).commands).call("alerts.open")
    assert found["alerts"] == []


async def test_it_answers_while_no_node_runs(dial, desk, issued, node):
    desk.raise_alert("critical", "supervisor", "a node must answer", trader="PAPER-001")
    await node.stop()
    async with dial() as wire:
        await wire.hello(issued(Role.VIEWER))
        async with asyncio.timeout(10):
            found = await told(wire, asks("alerts.open", trader="PAPER-001"))
    assert [one["rule"] for one in found.body["alerts"]] == ["a node must answer"]
