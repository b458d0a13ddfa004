"""What a Redis must be to be trusted with events, and what its users must be allowed."""

from __future__ import annotations

import asyncio

import pytest

from nautilus_lab.config import BusSettings
from nautilus_lab.exceptions import AccessDenied, ConfigError
from nautilus_lab.platform.bus import RedisBus

pytestmark = [pytest.mark.redis, pytest.mark.processes]


@pytest.mark.parametrize(
    "lacks", ["-xadd", "-publish", "-hget", "-evalsha", "-info", "-@scripting"]
)
def test_a_user_without_a_right_is_refused_at_the_start(own_server, lacks):
    own_server.cli("ACL", "SETUSER", "desk", "on", ">hush", "~*", "&*", "+@all", lacks)
    url = f"redis://desk:hush@127.0.0.1:{own_server.port}/0"
    with pytest.raises((AccessDenied, ConfigError)) as caught:
        RedisBus.serve(BusSettings(url=url, persistence="none", start_wait_s=20))
    assert "hush" not in str(caught.value)


def test_a_user_who_may_not_touch_the_stream_is_refused_at_the_start(own_server):
    own_server.cli("ACL", "SETUSER", "desk", "on", ">hush", "~other*", "&*", "+@all")
    url = f"redis://desk:hush@127.0.0.1:{own_server.port}/0"
    with pytest.raises(AccessDenied):
        RedisBus.serve(BusSettings(url=url, persistence="none", start_wait_s=20))


async def test_a_reader_without_rights_says_so(own_server, opened, until):
    own_server.cli("ACL", "SETUSER", "desk", "on", ">hush", "~*", "&*", "+@all", "-xread")
    url = f"redis://desk:hush@127.0.0.1:{own_server.port}/0"
    reader = opened(RedisBus.connect(BusSettings(url=url)))
    await until(lambda: "Redis must let us in" in reader.health)


def test_a_key_that_is_no_stream_is_refused(own_server):
    own_server.cli("SET", "nautilus-streams", "somebody else's")
    settings = BusSettings(url=own_server.url, persistence="none", start_wait_s=20)
    with pytest.raises(ConfigError, match="must hold a stream"):
        RedisBus.serve(settings)


def test_trying_the_rights_leaves_nothing_behind(own_server):
    settings = BusSettings(url=own_server.url, persistence="none", start_wait_s=20)
    RedisBus.serve(settings).close()
    assert own_server.cli("DBSIZE").strip() == "0"


async def test_an_old_redis_is_refused(opened):
    """Redis 6.0 knows neither XAUTOCLAIM nor XTRIM MINID."""
    answers = {b"INFO": _info("redis_version:6.0.16\r\nmaxmemory:0\r\nmaxmemory_policy:noeviction")}
    async with await asyncio.start_server(
        lambda r, w: _answer(r, w, answers), "127.0.0.1", 0
    ) as server:
        port = server.sockets[0].getsockname()[1]
        settings = BusSettings(url=f"redis://127.0.0.1:{port}", start_wait_s=20)
        with pytest.raises(ConfigError, match=r"6\.2 or newer") as caught:
            await asyncio.to_thread(RedisBus.serve, settings)
        assert caught.value.value == "6.0.16"


async def test_what_is_no_redis_is_no_trouble_for_whoever_publishes(opened, event, until):
    """Something else answers at the port: an HTTP server, a silence."""

    async def talk(reader, writer):
        await reader.read(100)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 100)
        writer.close()

    async with await asyncio.start_server(talk, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        settings = BusSettings(url=f"redis://127.0.0.1:{port}", start_wait_s=0, timeout_ms=200)
        bus = opened(RedisBus.serve(settings))
        bus.publish(event(1))
        await until(lambda: "Redis must" in bus.health)
        assert bus.pending == 1


def _info(text: str) -> bytes:
    return f"${len(text)}\r\n{text}\r\n".encode()


async def _answer(reader, writer, answers) -> None:
    """Answer as a Redis does, as far as a bus asks."""
    while line := await reader.readline():
        words = []
        for _ in range(int(line[1:])):
            size = int((await reader.readline())[1:])
            words.append((await reader.readexactly(size + 2))[:-2].upper())
        writer.write(answers.get(words[0], b"+OK\r\n"))
        await writer.drain()
    writer.close()
