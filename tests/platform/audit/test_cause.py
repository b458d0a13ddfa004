"""Rows say which command they are because of, as long as it is being done."""

import asyncio
import json

import pytest

from nautilus_lab.platform.audit import AuditTrail, Spool, because
from nautilus_lab.platform.store import OrderIntent, TradingStore

ASKED = {"command": "orders.submit", "command_id": "c-1", "roles": ["trader"], "token": "j-1"}


@pytest.fixture
def trail():
    with TradingStore.open(":memory:") as store:
        yield AuditTrail(store)


def asked(row):
    return json.loads(row.body).get("asked")


def test_a_row_and_an_intent_say_what_they_are_because_of(trail):
    with because(ASKED):
        row = trail.append("trading.state", {"state": "HALTED"}, actor="ana")
        trail.intend("O-1", "submit", {"side": "BUY"}, actor="strategy:S-1")
    after = trail.append("note", {}, actor="ana")
    assert asked(row) == asked(list(trail._store.audit_rows())[1]) == ASKED
    assert asked(after) is None
    body = json.loads(list(trail._store.audit_rows())[1].body)
    assert list(body) == ["asked", "client_order_id", "command", "order"]  # canonical
    assert trail.verify().ok


async def test_what_was_begun_by_a_command_and_goes_on_after_it_is_not_because_of_it(trail):
    go_on = asyncio.Event()

    async def later():
        await go_on.wait()
        return trail.append("note", {}, actor="strategy:S-1")

    with because(ASKED):
        task = asyncio.create_task(later())
        await asyncio.sleep(0)
    go_on.set()
    assert asked(await task) is None


async def test_of_two_commands_at_once_each_row_has_its_own(trail):
    async def command(name):
        with because({"command": name}):
            await asyncio.sleep(0)
            return trail.append("note", {}, actor="ana")

    rows = await asyncio.gather(*map(command, ("one", "other")))
    assert [asked(row)["command"] for row in rows] == ["one", "other"]


def test_what_was_set_aside_is_not_because_of_the_command_that_brings_it_in(tmp_path):
    with TradingStore.open(tmp_path / "trading.db") as store:
        spool = Spool(tmp_path / "spool")
        trail = AuditTrail(store, spool=spool)
        sell = OrderIntent(client_order_id="O-1", command="submit", body={"side": "SELL"})
        trail.set_aside((sell,), actor="strategy:S-1", why="it is locked")
        with because(ASKED):
            trail.append("note", {}, actor="ana")
        assert [asked(row) for row in store.audit_rows()] == [None, None, ASKED]
        spool.close()
