"""Each command is done once, also over restarts and kills."""

import asyncio
import os
import signal
import subprocess
import sys

import pytest

from nautilus_lab.exceptions import InputError, LimitBreached, OutcomeUnknown
from nautilus_lab.platform.access import LocalOwner
from nautilus_lab.platform.commands import CommandClient, CommandServer, StoreCommandLog
from nautilus_lab.platform.store import TradingStore

from .conftest import TABLE, Add, handlers


@pytest.fixture
def store(sockets):
    with TradingStore.open(sockets / "trading.db") as store:
        yield store


@pytest.fixture
def served(address, counter, store):
    """Run a server with the store's log, as often as is asked for."""

    def serve():
        return CommandServer(
            address, TABLE, LocalOwner().verify, handlers(counter), log=StoreCommandLog(store)
        )

    return serve


async def test_after_a_restart_the_same_id_is_answered_the_same_and_not_done_again(
    served, client, counter
):
    answers = []
    for _ in range(3):
        server = served()
        await server.start()
        answers.append(
            await client.call("counter.add", Add(amount=5), version=2, command_id="once")
        )
        await server.stop()
    assert answers == [5, 5, 5]
    assert counter.calls == ["counter.add"]


async def test_after_a_restart_a_failure_is_repeated_too(served, client, counter):
    counter.error = LimitBreached("notional must stay below 10", value=12, remedy="less")
    for _ in range(2):
        server = served()
        await server.start()
        with pytest.raises(LimitBreached, match="got 12; less"):
            await client.call("counter.fail", command_id="once")
        await server.stop()
    assert counter.calls == ["counter.fail"]


@pytest.mark.parametrize("amount", [6, 5.0000001, -5])
async def test_after_a_restart_an_id_with_another_body_is_refused(served, client, counter, amount):
    server = served()
    await server.start()
    await client.call("counter.add", Add(amount=5), version=2, command_id="once")
    await server.stop()
    server = served()
    await server.start()
    try:
        with pytest.raises(InputError, match="id must be its own"):
            await client.call("counter.add", Add(amount=amount), version=2, command_id="once")
        with pytest.raises(InputError, match="id must be its own"):
            await client.call("counter.wait", command_id="once")
    finally:
        await server.stop()
    assert counter.total == 5


async def test_what_was_cut_short_by_a_stop_stays_unknown_after_it(served, client, counter, until):
    server = served()
    await server.start()
    asking = asyncio.create_task(client.call("counter.wait", command_id="once", timeout_s=60))
    await until(lambda: counter.calls)
    await server.stop(grace_s=0)
    with pytest.raises(OutcomeUnknown):
        await asking
    server = served()
    await server.start()
    try:
        for _ in range(2):
            with pytest.raises(OutcomeUnknown) as error:
                await client.call("counter.wait", command_id="once")
            assert error.value.value == "once"
    finally:
        await server.stop()
    assert counter.calls == ["counter.wait"]


async def test_a_caller_that_goes_away_does_not_undo_what_it_asked_for(
    served, client, counter, until
):
    server = served()
    await server.start()
    try:
        asking = asyncio.create_task(client.call("counter.wait", command_id="once", timeout_s=60))
        await until(lambda: counter.calls)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        counter.go_on.set()
        await until(lambda: counter.total == 1)
        assert await client.call("counter.wait", command_id="once") == 1
    finally:
        await server.stop()
    assert counter.calls == ["counter.wait"]


async def test_what_was_forgotten_is_done_again_when_somebody_gives_it_a_new_deadline(
    served, client, counter, store
):
    server = served()
    await server.start()
    try:
        await client.call("counter.add", Add(amount=5), version=2, command_id="once")
        assert StoreCommandLog(store, most=1).prune() == 0
        await client.call("counter.add", Add(amount=1), version=2, command_id="twice")
        assert StoreCommandLog(store, most=1).prune() == 1
        assert await client.call("counter.add", Add(amount=5), version=2, command_id="once") == 11
    finally:
        await server.stop()


# Counts in a file what it is asked to count, and may be told to fall over it.
_COUNTING = """
import asyncio, os, signal, sys
from pathlib import Path
from nautilus_lab.platform.access import LocalOwner, Permission
from nautilus_lab.platform.commands import CommandServer, CommandSpec, CommandTable, StoreCommandLog
from nautilus_lab.platform.store import TradingStore

folder, die = Path(sys.argv[1]), sys.argv[2]
count = folder / "count"

async def add(request):
    if die == "in":
        os.kill(os.getpid(), signal.SIGKILL)
    with count.open("a") as file:
        file.write("1")
    return len(count.read_text())

async def main():
    table = CommandTable(
        CommandSpec(name="count.add", permission=Permission.ORDERS_WRITE, summary="Adds.")
    )
    log = StoreCommandLog(TradingStore.open(folder / "trading.db"))
    server = CommandServer(
        f"ipc://{folder}/commands.sock", table, LocalOwner().verify, {"count.add": add}, log=log
    )
    await server.start()
    print("listening", flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.fixture
def counting(sockets):
    running = []

    async def start(die: str = "", failpoint: str = "") -> subprocess.Popen:
        environment = {**os.environ, **({"NL_FAILPOINT": failpoint} if failpoint else {})}
        process = subprocess.Popen(
            [sys.executable, "-c", _COUNTING, str(sockets), die],
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        running.append(process)
        assert await asyncio.to_thread(process.stdout.readline) == "listening\n"
        return process

    yield start
    for process in running:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.mark.processes
@pytest.mark.xdist_group("processes")
@pytest.mark.parametrize(
    ("die", "failpoint", "counted"),
    [("", "commands.after_begin", 0), ("in", "", 0), ("", "commands.before_finish", 1)],
)
async def test_what_a_process_was_killed_over_is_unknown_when_it_is_back_and_never_done_again(
    address, sockets, counting, die, failpoint, counted
):
    client = CommandClient(address, ack_timeout_s=10)
    process = await counting(die, failpoint)
    asking = asyncio.create_task(client.call("count.add", command_id="once", timeout_s=60))
    assert await asyncio.to_thread(process.wait, 20) == -signal.SIGKILL
    asking.cancel()
    await counting()
    with pytest.raises(OutcomeUnknown, match="its end is not known"):
        await client.call("count.add", command_id="once")
    count = sockets / "count"
    assert (len(count.read_text()) if count.exists() else 0) == counted
    # Another command is done as ever.
    assert await client.call("count.add", command_id="another") == counted + 1


@pytest.mark.processes
@pytest.mark.xdist_group("processes")
async def test_what_ended_before_the_kill_is_answered_the_same_after_it(address, counting):
    client = CommandClient(address, ack_timeout_s=10)
    process = await counting()
    assert await client.call("count.add", command_id="once") == 1
    process.kill()
    process.wait()
    await counting()
    assert await client.call("count.add", command_id="once") == 1
    assert await client.call("count.add") == 2
