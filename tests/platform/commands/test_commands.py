"""A command is checked, acknowledged, done once and answered."""

import asyncio
import logging
import signal
import socket as sockets_module
import stat
import subprocess
import sys
import time

import pytest
import zmq

from nautilus_lab import exceptions
from nautilus_lab.exceptions import (
    AccessDenied,
    DeadlineExceeded,
    InputError,
    LabError,
    LimitBreached,
    MessageError,
    NodeError,
    NotReachable,
    PortBusy,
    StoreError,
)
from nautilus_lab.platform.access import (
    LocalOwner,
    Principal,
    Role,
    TokenIssuer,
    TokenVerifier,
)
from nautilus_lab.platform.commands import CommandClient, CommandServer, ListedCommand, _server
from nautilus_lab.platform.messages import Ack, Command, Snapshot, encode, new_id

from .conftest import TABLE, Add, handlers

KEY = b"k" * 32


# --- the good case ------------------------------------------------------------------------


async def test_a_command_brings_its_result(server, client):
    assert await client.call("counter.add", Add(amount=2.5), version=2) == 2.5
    assert await client.call("counter.add", {"amount": 1}, version=2) == 3.5


async def test_a_command_is_acknowledged_before_it_is_done(server, raw, counter):
    command_id = await raw.command("counter.wait")
    assert await raw.reply() == Ack(id=command_id)
    assert counter.total == 0
    counter.go_on.set()
    result = await raw.reply()
    assert (result.id, result.ok, result.body) == (command_id, True, 1)


async def test_a_result_is_converted_to_what_is_asked_for(address, client):
    snapshot = Snapshot(trader="T-1", epoch=1, seq=9, ts=5, simulated=True)

    async def give(_):
        return snapshot

    given = dict.fromkeys((spec.name for spec in TABLE), give)
    server = CommandServer(address, TABLE, LocalOwner().verify, given)
    await server.start()
    try:
        assert await client.call("counter.read", answer=Snapshot) == snapshot
        with pytest.raises(MessageError, match=r"result of counter\.read"):
            await client.call("counter.read", answer=int)
    finally:
        await server.stop()


async def test_many_may_ask_at_once(server, client, counter):
    answers = await asyncio.gather(
        *(client.call("counter.add", Add(amount=1), version=2, timeout_s=30) for _ in range(100))
    )
    assert sorted(answers) == list(range(1, 101))
    assert counter.total == 100


async def test_one_that_waits_holds_up_nobody(server, client, counter, until):
    waiting = asyncio.create_task(client.call("counter.wait", timeout_s=60))
    await until(lambda: counter.calls == ["counter.wait"])
    assert (await client.call("counter.read"))["total"] == 0
    counter.go_on.set()
    assert await waiting == 1


async def test_the_caller_without_a_token_is_the_owner(server, client):
    asked_by = (await client.call("counter.read"))["asked by"]
    assert asked_by == Principal.owner().name


# --- errors cross the border --------------------------------------------------------------


@pytest.mark.parametrize("name", exceptions.__all__)
async def test_every_lab_error_arrives_as_it_was_raised(server, client, counter, name):
    counter.error = getattr(exceptions, name)("a rule", value="7 of 3", remedy="do this")
    with pytest.raises(LabError) as caught:
        await client.call("counter.fail")
    assert type(caught.value) is type(counter.error)
    assert str(caught.value) == "a rule; got 7 of 3; do this"


async def test_a_lab_error_of_another_package_arrives_as_a_node_error(server, client, counter):
    class OfAPlugin(LimitBreached):
        pass

    counter.error = OfAPlugin("a rule")
    with pytest.raises(NodeError, match="a rule"):
        await client.call("counter.fail")


async def test_any_other_error_is_logged_and_answered_without_details(
    server, client, counter, caplog
):
    counter.error = ZeroDivisionError("the password is swordfish")
    with caplog.at_level(logging.ERROR), pytest.raises(NodeError) as caught:
        await client.call("counter.fail")
    assert "swordfish" not in str(caught.value)
    assert "counter.fail" in str(caught.value)
    assert "ZeroDivisionError: the password is swordfish" in caplog.text


async def test_a_result_that_cannot_be_sent_is_an_error_and_not_silence(server, client, caplog):
    with caplog.at_level(logging.ERROR), pytest.raises(NodeError, match="fail inside"):
        await client.call("counter.odd")
    assert "TypeError" in caplog.text


# --- what is not in order is not done -----------------------------------------------------


async def test_an_unknown_command_is_refused_with_those_there_are(server, client):
    with pytest.raises(InputError, match=r"counter\.odd, counter\.read"):
        await client.call("counter.none")


async def test_a_server_tells_what_it_answers_and_what_each_takes(server, client):
    listed = {
        one.name: one for one in await client.call("commands.list", answer=list[ListedCommand])
    }
    assert listed["counter.read"] == ListedCommand(
        name="counter.read", version=1, permission="node:read", reads=True
    )
    assert listed["counter.add"].version == 2
    assert "commands.list" in listed


async def test_another_version_is_refused(server, client, counter):
    with pytest.raises(MessageError, match="version 2"):
        await client.call("counter.add", Add(amount=1), version=1)
    assert counter.calls == []


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({}, "missing required field `amount`"),
        ({"amount": "1"}, "Expected `float`, got `str`"),
        ({"amount": None}, "Expected `float`, got `null`"),
        ({"amount": 1, "amuont": 2}, "unknown field `amuont`"),
        ({"amount": float("nan")}, "finite"),
        ({"amount": float("-inf")}, "finite"),
        ({"amount": 1, "parts": [1.0, float("nan")]}, "finite"),
        ({"amount": 1, "parts": [{"deep": [float("inf")]}]}, "finite"),
    ],
)
async def test_a_body_that_breaks_its_schema_is_refused(server, client, counter, body, reason):
    with pytest.raises(InputError, match=reason) as caught:
        await client.call("counter.add", body, version=2)
    assert caught.value.remedy == "its fields are amount, parts, note"
    assert counter.calls == []


async def test_a_body_where_none_belongs_is_refused(server, client):
    with pytest.raises(InputError, match="takes no body"):
        await client.call("counter.read", {"verbose": True})


async def test_a_command_past_its_deadline_is_refused_unread(address, raw, counter):
    verified = []

    def verify(token):
        verified.append(token)
        return Principal.owner()

    server = CommandServer(address, TABLE, verify, handlers(counter))
    await server.start()
    try:
        command_id = await raw.command("counter.wait", deadline_s=-0.001)
        assert await raw.reply() == Ack(id=command_id)
        result = await raw.reply()
    finally:
        await server.stop()
    assert (result.ok, result.error_type) == (False, "DeadlineExceeded")
    assert "was not done" in result.remedy
    assert verified == counter.calls == []


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        (Role.VIEWER, False),
        (Role.RESEARCHER, False),
        (Role.TRADER, True),
        (Role.RISK_OFFICER, False),
        (Role.DEPLOYER, False),
        (Role.ADMIN, False),
    ],
)
async def test_the_role_of_the_token_decides(address, client, counter, role, allowed):
    token = TokenIssuer(KEY, audience="node").issue(Principal("ada", frozenset({role})))
    verify = LocalOwner(TokenVerifier(KEY, audience="node")).verify
    server = CommandServer(address, TABLE, verify, handlers(counter))
    await server.start()
    try:
        assert (await client.call("counter.read", token=token))["asked by"] == "ada"
        if allowed:
            assert await client.call("counter.add", Add(amount=1), version=2, token=token) == 1
        else:
            with pytest.raises(AccessDenied, match="orders:write"):
                await client.call("counter.add", Add(amount=1), version=2, token=token)
    finally:
        await server.stop()
    assert counter.total == int(allowed)


async def test_who_may_not_ask_is_told_of_with_what_is_known_of_them(address, client, counter):
    token = TokenIssuer(KEY).issue(Principal("vic", frozenset({Role.VIEWER})))
    refused = []
    server = CommandServer(
        address,
        TABLE,
        LocalOwner(TokenVerifier(KEY)).verify,
        handlers(counter),
        on_refused=lambda *what: refused.append(what),
    )
    await server.start()
    try:
        for shown in (token, "not.a.token"):
            with pytest.raises(AccessDenied):
                await client.call("counter.add", Add(amount=1), version=2, token=shown)
        with pytest.raises(LabError):  # nobody is refused: there is no such thing to ask for
            await client.call("counter.steal", token=token)
        await client.call("counter.read", token=token)
    finally:
        await server.stop()
    (known, unknown) = refused
    assert (known[0].name, known[1].name, "orders:write" in known[2].rule) == (
        *("counter.add", "vic", True),
    )
    assert known[1].token_id == TokenVerifier(KEY).verify(token).token_id
    assert (unknown[0].name, unknown[1]) == ("counter.add", None)


async def test_a_token_that_is_none_does_not_make_its_caller_the_owner(server, client, counter):
    with pytest.raises(AccessDenied):
        await client.call("counter.read", token="not.a.token")
    assert counter.calls == []


async def test_a_verifier_that_breaks_lets_nobody_in(address, client, counter, caplog):
    def broken(_):
        raise KeyError("users")

    server = CommandServer(address, TABLE, broken, handlers(counter))
    await server.start()
    try:
        with caplog.at_level(logging.ERROR), pytest.raises(NodeError):
            await client.call("counter.read")
    finally:
        await server.stop()
    assert counter.calls == []


@pytest.mark.parametrize(
    "frames",
    [
        [b""],
        [b"\xc1"],
        [b"\x91" * 100_000],
        [b"", b"two"],
        [b"a", b"b", b"c"],
        [encode(Ack(id="1"))],
        [encode(Command(id="1", name="counter.wait", deadline_ns=1))[:-1]],
        [b"\x84\xa2id\xc0\xa4name\xa1x\xabdeadline_ns\x01\xa4body\xc0"],
    ],
)
async def test_malformed_messages_are_counted_and_the_server_lives(
    server, client, raw, until, frames
):
    await raw.send(*frames)
    await until(lambda: server.malformed == 1)
    assert (await client.call("counter.read"))["total"] == 0


async def test_a_malformed_command_is_answered(server, raw):
    await raw.send(b"\xc1")
    result = await raw.reply()
    assert (result.id, result.ok, result.error_type) == ("", False, "MessageError")


async def test_a_command_too_large_is_not_sent(server, client, counter):
    with pytest.raises(InputError, match="at most 1048576 bytes"):
        await client.call("counter.add", {"amount": 1, "note": "x" * 2_000_000}, version=2)
    assert counter.calls == []


async def test_a_command_too_large_is_not_read(server, client, raw, counter):
    body = {"amount": 1, "note": "x" * 2_000_000}
    await raw.command("counter.add", body=body, version=2)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(raw.reply(), 0.5)
    assert counter.calls == []
    assert (await client.call("counter.read"))["total"] == 0


async def test_more_than_can_run_at_once_are_refused(server, client, counter, until, monkeypatch):
    monkeypatch.setattr(_server, "_MOST_AT_ONCE", 2)
    waiting = [asyncio.create_task(client.call("counter.wait", timeout_s=60)) for _ in range(2)]
    await until(lambda: len(counter.calls) == 2)
    with pytest.raises(NodeError, match="at most 2 commands"):
        await client.call("counter.add", Add(amount=1), version=2)
    counter.go_on.set()
    assert sorted(await asyncio.gather(*waiting)) == [1, 2]
    assert (await client.call("counter.read"))["total"] == 2


# --- once for each id ---------------------------------------------------------------------


async def test_a_command_that_comes_again_is_answered_again_and_done_once(server, client, counter):
    command_id = new_id()
    for _ in range(3):
        answer = await client.call("counter.add", Add(amount=5), version=2, command_id=command_id)
        assert answer == 5
    assert counter.total == 5


async def test_a_failure_is_repeated_too(server, client, counter):
    command_id = new_id()
    counter.error = LimitBreached("notional must stay below 10", value=12)
    for _ in range(2):
        with pytest.raises(LimitBreached, match="got 12"):
            await client.call("counter.fail", command_id=command_id)
    assert counter.calls == ["counter.fail"]


async def test_a_command_that_comes_again_while_it_runs_waits_for_the_same_end(
    server, client, counter, until
):
    command_id = new_id()
    calls = [
        asyncio.create_task(client.call("counter.wait", command_id=command_id, timeout_s=60))
        for _ in range(3)
    ]
    await until(lambda: counter.calls)
    await asyncio.sleep(0.05)
    counter.go_on.set()
    assert await asyncio.gather(*calls) == [1, 1, 1]
    assert counter.calls == ["counter.wait"]


@pytest.mark.parametrize("running", [True, False])
async def test_an_id_cannot_stand_for_two_commands(server, client, counter, until, running):
    command_id = new_id()
    first = asyncio.create_task(client.call("counter.wait", command_id=command_id, timeout_s=60))
    await until(lambda: counter.calls)
    if not running:
        counter.go_on.set()
        await first
    with pytest.raises(InputError, match="id must be its own"):
        await client.call("counter.add", Add(amount=1), version=2, command_id=command_id)
    counter.go_on.set()
    assert await first == 1
    assert counter.calls == ["counter.wait"]


async def test_another_principal_does_not_get_the_result_of_an_id(address, client, counter):
    issuer = TokenIssuer(KEY, audience="node")
    ada, bob = (issuer.issue(Principal(n, frozenset({Role.TRADER}))) for n in ("ada", "bob"))
    verify = LocalOwner(TokenVerifier(KEY, audience="node")).verify
    server = CommandServer(address, TABLE, verify, handlers(counter))
    await server.start()
    command_id = new_id()
    try:
        body = Add(amount=1)
        await client.call("counter.add", body, version=2, token=ada, command_id=command_id)
        with pytest.raises(InputError, match="id must be its own"):
            await client.call("counter.add", body, version=2, token=bob, command_id=command_id)
    finally:
        await server.stop()


async def test_what_only_reads_is_answered_afresh(server, client):
    command_id = new_id()
    assert (await client.call("counter.read", command_id=command_id))["total"] == 0
    await client.call("counter.add", Add(amount=5), version=2)
    assert (await client.call("counter.read", command_id=command_id))["total"] == 5


async def test_a_caller_that_gave_up_can_ask_for_the_result_by_its_id(
    server, client, counter, until
):
    command_id = new_id()
    with pytest.raises(DeadlineExceeded, match="not known") as caught:
        await client.call("counter.wait", command_id=command_id, timeout_s=0.3)
    assert caught.value.value == command_id
    counter.go_on.set()
    await until(lambda: counter.total == 1)
    assert await client.call("counter.wait", command_id=command_id) == 1
    assert counter.calls == ["counter.wait"]


class _BrokenLog:
    def __init__(self, where: str) -> None:
        self.where = where

    def begin(self, command_id, fingerprint, *, name, principal):
        if self.where == "begin":
            raise OSError("disk full")

    def finish(self, result):
        raise OSError("disk full")


async def test_what_cannot_be_noted_is_not_begun(address, client, counter, caplog):
    server = CommandServer(
        address, TABLE, LocalOwner().verify, handlers(counter), log=_BrokenLog("begin")
    )
    await server.start()
    try:
        with caplog.at_level(logging.ERROR), pytest.raises(NodeError):
            await client.call("counter.add", Add(amount=1), version=2)
    finally:
        await server.stop()
    assert counter.calls == []
    assert "disk full" in caplog.text


async def test_what_was_done_is_answered_though_its_end_cannot_be_noted(
    address, client, counter, caplog
):
    server = CommandServer(
        address, TABLE, LocalOwner().verify, handlers(counter), log=_BrokenLog("finish")
    )
    await server.start()
    try:
        with caplog.at_level(logging.ERROR):
            assert await client.call("counter.add", Add(amount=1), version=2) == 1
    finally:
        await server.stop()
    assert "could not be noted" in caplog.text


# --- nobody answers -----------------------------------------------------------------------


async def test_no_socket_is_said_at_once(client):
    with pytest.raises(NotReachable, match="must listen"):
        await client.call("counter.read", timeout_s=600)


async def test_a_socket_left_behind_is_said_at_once(client, sockets):
    left = sockets_module.socket(sockets_module.AF_UNIX)
    left.bind(str(sockets / "commands.sock"))
    left.close()
    with pytest.raises(NotReachable, match="must listen"):
        await client.call("counter.read", timeout_s=600)


async def test_silence_is_not_waited_for_longer_than_an_acknowledgement(address):
    with zmq.Context() as context, context.socket(zmq.ROUTER) as silent:
        silent.bind(address)
        with pytest.raises(NotReachable, match=r"acknowledged within 0\.1 s"):
            await CommandClient(address, ack_timeout_s=0.1).call("counter.read", timeout_s=600)
        silent.close(linger=0)


async def test_nonsense_in_reply_is_one_clear_error(address, client):
    with zmq.Context() as context, context.socket(zmq.ROUTER) as odd:
        odd.bind(address)
        call = asyncio.create_task(client.call("counter.read"))
        async with asyncio.timeout(20):
            while not odd.poll(0):
                await asyncio.sleep(0.005)
        odd.send_multipart([odd.recv_multipart()[0], b"\xc1"])
        with pytest.raises(MessageError, match="an Ack or a Result"):
            await call
        odd.close(linger=0)


@pytest.mark.parametrize("timeout_s", [0, -1, float("nan")])
async def test_a_timeout_must_be_positive(client, timeout_s):
    with pytest.raises(InputError, match="timeout_s"):
        await client.call("counter.read", timeout_s=timeout_s)


def test_an_address_that_is_none_is_refused():
    with pytest.raises(InputError, match="absolute path"):
        CommandClient("tcp://127.0.0.1:1")


# Counts what it is asked to count; tells on its output when it is told to.
_COUNTING = """
import asyncio, sys
from nautilus_lab.platform.access import LocalOwner, Permission
from nautilus_lab.platform.commands import CommandServer, CommandSpec, CommandTable

count = 0

async def add(request):
    global count
    count += 1
    return count

async def read(request):
    return count

async def main():
    table = CommandTable(
        CommandSpec(name="add", permission=Permission.NODE_READ, summary="Adds."),
        CommandSpec(name="read", permission=Permission.NODE_READ, summary="Reads.", reads=True),
    )
    server = CommandServer(sys.argv[1], table, LocalOwner().verify, {"add": add, "read": read})
    await server.start()
    print("listening", flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.mark.processes
async def test_what_a_frozen_server_did_not_acknowledge_it_never_does(client, address):
    process = subprocess.Popen(
        [sys.executable, "-c", _COUNTING, address], stdout=subprocess.PIPE, text=True
    )
    try:
        assert await asyncio.to_thread(process.stdout.readline) == "listening\n"
        assert await client.call("add") == 1
        process.send_signal(signal.SIGSTOP)
        with pytest.raises(NotReachable, match="acknowledged within 1 s"):
            await client.call("add", timeout_s=60)
        process.send_signal(signal.SIGCONT)
        patient = CommandClient(address, ack_timeout_s=30)
        assert await patient.call("read", timeout_s=30) == 1
    finally:
        process.send_signal(signal.SIGCONT)
        process.kill()
        process.wait()
        process.stdout.close()


# --- its life -----------------------------------------------------------------------------


async def test_the_socket_is_its_owners_alone(server, sockets):
    assert stat.S_IMODE((sockets / "commands.sock").stat().st_mode) == 0o600


async def test_a_second_server_cannot_take_the_address(server, address, counter):
    with pytest.raises(PortBusy):
        await CommandServer(address, TABLE, LocalOwner().verify, handlers(counter)).start()


async def test_a_folder_open_to_others_is_refused(address, sockets, counter):
    sockets.chmod(0o755)
    server = CommandServer(address, TABLE, LocalOwner().verify, handlers(counter))
    with pytest.raises(StoreError, match="0700"):
        await server.start()
    await server.stop()


async def test_a_stopped_server_lets_running_commands_end(server, client, counter, until):
    call = asyncio.create_task(client.call("counter.wait", timeout_s=60))
    await until(lambda: counter.calls)
    stopping = asyncio.create_task(server.stop(grace_s=60))
    await asyncio.sleep(0.05)
    counter.go_on.set()
    await stopping
    assert await call == 1
    assert "closed" in repr(server)
    with pytest.raises(NotReachable):
        await client.call("counter.read")
    await server.stop()


async def test_a_stop_has_an_end_although_its_socket_has_none(server, monkeypatch, caplog):
    monkeypatch.setattr(_server, "_END_S", 0.1)
    held = server._context.socket(zmq.DEALER)  # a context with an open socket does not end
    before = time.monotonic()
    await server.stop()
    assert time.monotonic() - before < 5
    assert "left to the system" in caplog.text
    held.close(linger=0)


async def test_what_is_cut_short_by_the_stop_is_answered_as_unknown(server, client, counter, until):
    command_id = new_id()
    call = asyncio.create_task(client.call("counter.wait", timeout_s=60, command_id=command_id))
    await until(lambda: counter.calls)
    await server.stop(grace_s=0)
    with pytest.raises(NodeError, match="outcome is not known"):
        await call
    await server.start()
    with pytest.raises(NodeError, match="its end is not known"):
        await client.call("counter.wait", timeout_s=60, command_id=command_id)
    assert counter.calls == ["counter.wait"]


async def test_every_command_needs_a_handler_and_every_handler_a_command(address, counter):
    given = handlers(counter)
    del given["counter.odd"]
    given["counter.more"] = counter.read
    with pytest.raises(InputError, match=r"counter\.more.*counter\.odd"):
        CommandServer(address, TABLE, LocalOwner().verify, given)
