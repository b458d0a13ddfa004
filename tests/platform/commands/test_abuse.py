"""What a stranger, a flood and a wrong clock can do to a process that answers commands."""

import asyncio
import gc
import os
import subprocess
import sys
import time

import psutil
import pytest

from nautilus_lab.exceptions import InputError, NodeError
from nautilus_lab.platform.commands import _server
from nautilus_lab.platform.messages import Command, encode, new_id

from .conftest import Add

_NOBODY = 65534
# Becomes another user once it has what it needs, and asks as if it were the owner.
_STRANGER = """
import os, sys, time, zmq
from nautilus_lab.platform.messages import Command, encode

command = Command(id="x", name="counter.wait", deadline_ns=time.time_ns() + 60 * 10**9)
socket = zmq.Context().socket(zmq.DEALER)
os.setgroups([])
os.setgid(int(sys.argv[2]))
os.setuid(int(sys.argv[2]))
socket.connect(sys.argv[1])
socket.send(encode(command))
print(socket.poll(1500), flush=True)
socket.close(linger=0)
"""


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize(("uid", "answered"), [(_NOBODY, False), (0, True)])
async def test_another_user_is_hung_up_on_although_the_file_lets_it_in(
    server, address, sockets, counter, uid, answered
):
    path = sockets / "commands.sock"
    sockets.chmod(0o711)
    path.chmod(0o777)
    told = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", _STRANGER, address, str(uid)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert (told.stdout.strip() != "0") is answered, told.stderr
    assert counter.calls == (["counter.wait"] if answered else [])
    counter.go_on.set()


async def test_a_flood_of_nonsense_hurts_nobody_and_fills_no_memory(
    server, client, raw, until, caplog
):
    gc.collect()
    process = psutil.Process()
    before = process.memory_info().rss
    for _ in range(20):
        for _ in range(250):
            await raw.send(os.urandom(2_000))
        answered_at = time.monotonic()
        assert (await client.call("counter.read", timeout_s=10))["total"] == 0
        assert time.monotonic() - answered_at < 5
    await until(lambda: server.malformed == 5_000)
    gc.collect()
    assert process.memory_info().rss - before < 30 * 1024 * 1024
    # Each is counted, and few are written down.
    assert len(caplog.records) < 100


async def test_a_flood_of_commands_is_bounded_and_the_rest_is_refused(
    server, client, raw, counter, until, monkeypatch
):
    monkeypatch.setattr(_server, "_MOST_AT_ONCE", 20)
    ids = [await raw.command("counter.wait") for _ in range(200)]
    results = {}
    while len(results) < 180:
        reply = await raw.reply()
        if hasattr(reply, "ok"):
            results[reply.id] = reply
    assert {result.error_type for result in results.values()} == {"NodeError"}
    assert all("was not done" in result.remedy for result in results.values())
    await until(lambda: len(counter.calls) == 20)
    counter.go_on.set()
    while len(results) < 200:
        reply = await raw.reply()
        if hasattr(reply, "ok"):
            results[reply.id] = reply
    assert results.keys() == set(ids)
    assert counter.total == 20


async def test_what_reads_or_halts_finds_room_beside_what_fills_it(
    server, client, counter, until, monkeypatch
):
    monkeypatch.setattr(_server, "_MOST_AT_ONCE", 2)
    waiting = [asyncio.create_task(client.call("counter.wait", timeout_s=60)) for _ in range(2)]
    await until(lambda: len(counter.calls) == 2)
    with pytest.raises(NodeError, match="at most 2 commands"):
        await client.call("counter.add", Add(amount=1), version=2)
    assert (await client.call("counter.read"))["total"] == 0
    counter.go_on.set()
    await asyncio.gather(*waiting)


@pytest.mark.parametrize("command_id", ["", "x" * 65, "x" * 100_000, "a\nb", "\x1b[31m"])
async def test_an_id_that_is_none_is_refused(server, raw, counter, command_id):
    await raw.command("counter.wait", id=command_id)
    await raw.reply()
    result = await raw.reply()
    assert (result.ok, result.error_type) == (False, "InputError")
    assert "1 to 64 printable characters" in result.error
    assert counter.calls == []


@pytest.mark.parametrize("deadline_s", [2 * 24 * 3_600, 1e9])
async def test_a_deadline_too_far_away_is_refused(server, raw, counter, deadline_s):
    await raw.command("counter.wait", deadline_s=deadline_s)
    await raw.reply()
    result = await raw.reply()
    assert (result.error_type, "within a day" in result.error) == ("InputError", True)
    assert counter.calls == []


@pytest.mark.parametrize("deadline_ns", [0, 1, -(2**63), 2**63 - 1])
async def test_a_deadline_out_of_all_bounds_is_refused(server, raw, counter, deadline_ns):
    await raw.send(encode(Command(id=new_id(), name="counter.wait", deadline_ns=deadline_ns)))
    await raw.reply()
    assert (await raw.reply()).ok is False
    assert counter.calls == []


@pytest.mark.parametrize("depth", [200, 900, 5_000])
async def test_a_body_nested_without_end_is_refused_and_the_server_lives(
    server, client, raw, counter, depth
):
    # msgpack: a command whose body holds lists of lists of lists ...
    body = b"\x81\xa6amount" + b"\x91" * depth + b"\x01"
    head = encode(Command(id="deep", name="counter.add", deadline_ns=time.time_ns() + 10**10))
    await raw.send(head.replace(b"\xa4body\x80", b"\xa4body" + body))
    reply = await raw.reply()
    while not hasattr(reply, "ok"):
        reply = await raw.reply()
    assert (reply.ok, reply.error_type) in [(False, "InputError"), (False, "MessageError")]
    assert (await client.call("counter.read"))["total"] == 0
    assert "counter.add" not in counter.calls


async def test_an_owner_s_name_in_a_body_gives_no_rights(server, client):
    with pytest.raises(InputError, match="unknown field"):
        await client.call("counter.add", {"amount": 1, "principal": "root"}, version=2)
