"""One connection to the Redis that holds the stream.

Only this file imports redis-py. Of it a connection is used that has one attempt: whether, when
and how often to try again is said in `_link.py`, so that a time-out of a second is a second.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeAlias

import redis.exceptions
from redis.asyncio.connection import Connection, SSLConnection, UnixDomainSocketConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.crc import key_slot

from nautilus_lab.exceptions import AccessDenied, BusError, NotReachable
from nautilus_lab.platform.bus._redis._address import RedisAddress

Word: TypeAlias = str | bytes | int

_LONG_S = 1e6


class Wire:
    """A connection; made by `open`, used by one task for calls or by two for subscriptions.

    Every failure is a `NotReachable` (no connection, or no answer in time), an `AccessDenied` or a
    `BusError` (Redis answered with another error).
    """

    def __init__(self, connection: Any, where: str, timeout_s: float) -> None:
        self.where = where
        self._connection = connection
        self._timeout_s = timeout_s

    @classmethod
    async def open(cls, address: RedisAddress, *, key: str, timeout_s: float) -> Wire:
        """Connect to the server that `address` leads to and that takes writes of `key`."""
        if address.kind == "sentinel":
            return await _through(address, _ask_sentinel, key, timeout_s)
        if address.kind == "cluster":
            return await _through(address, _ask_cluster, key, timeout_s)
        host, port = address.hosts[0] if address.hosts else ("", 0)
        return await cls._connect(address, host, port, timeout_s)

    @classmethod
    async def _connect(
        cls,
        address: RedisAddress,
        host: str,
        port: int,
        timeout_s: float,
        *,
        as_sentinel: bool = False,
    ) -> Wire:
        settings: dict[str, Any] = {
            "db": 0 if as_sentinel else address.db,
            "username": address.sentinel_user if as_sentinel else address.username,
            "password": address.sentinel_password if as_sentinel else address.password,
            "socket_timeout": timeout_s,
            "socket_connect_timeout": timeout_s,
            "retry": Retry(NoBackoff(), 0),
            "protocol": 2,
            "driver_info": None,
            "client_name": "nautilus-lab",
        }
        kind: Any = Connection
        if address.path:
            kind, where = UnixDomainSocketConnection, address.path
            settings["path"] = address.path
        else:
            where = f"{host}:{port}"
            settings |= {"host": host, "port": port}
        if address.tls:
            kind = SSLConnection
            settings |= {
                "ssl_ca_certs": address.ca,
                "ssl_certfile": address.cert,
                "ssl_keyfile": address.key,
            }
        with _translated(where):
            connection = kind(**settings)
            try:
                await connection.connect()
            except BaseException:
                await connection.disconnect(nowait=True)
                raise
        return cls(connection, where, timeout_s)

    async def call(self, *words: Word, timeout_s: float | None = None) -> Any:
        """Send one command and return its answer: bytes, int, None or lists of these."""
        (answer,) = await self.calls((words,), timeout_s=timeout_s)
        return answer

    async def calls(
        self, commands: Sequence[Sequence[Word]], *, timeout_s: float | None = None
    ) -> list[Any]:
        """Send several commands in one go and return their answers, all within `timeout_s`."""
        with _translated(self.where):
            async with asyncio.timeout(self._timeout_s if timeout_s is None else timeout_s):
                request = b"".join(map(_packed, commands))
                await self._connection.send_packed_command(request, check_health=False)
                return [await self._read() for _ in commands]

    async def send(self, *words: Word) -> None:
        """Send one command whose answer `receive` returns."""
        with _translated(self.where):
            await self._connection.send_command(*words, check_health=False)

    async def receive(self, timeout_s: float) -> Any:
        """Return the next answer or message."""
        with _translated(self.where):
            async with asyncio.timeout(timeout_s):
                return await self._read()

    async def _read(self) -> Any:
        # A time-out of redis-py's own that was asked for answers None, and leaves the answer
        # that comes later to whoever asks next.
        return await self._connection.read_response(timeout=_LONG_S)

    async def close(self) -> None:
        """Let go of the connection, at once."""
        await self._connection.disconnect(nowait=True)


def _packed(words: Sequence[Word]) -> bytes:
    """Return a command as it goes over the wire; redis-py takes five times as long."""
    parts = [b"*%d\r\n" % len(words)]
    for word in words:
        data = word if isinstance(word, bytes) else str(word).encode()
        parts.append(b"$%d\r\n%b\r\n" % (len(data), data))
    return b"".join(parts)


async def _through(address: RedisAddress, ask: Any, key: str, timeout_s: float) -> Wire:
    """Ask those who know, one after the other, and connect to what they say."""
    trouble: Exception | None = None
    for host, port in address.hosts:
        try:
            guide = await Wire._connect(
                address, host, port, timeout_s, as_sentinel=address.kind == "sentinel"
            )
            try:
                found = await ask(guide, address, key)
            finally:
                await guide.close()
            wire = await Wire._connect(address, found[0] or host, found[1], timeout_s)
            role = await wire.call("ROLE")
            if role[0] == b"master":
                return wire
            await wire.close()
            trouble = NotReachable("a fail-over is under way", value=wire.where)
        except (BusError, NotReachable) as error:
            trouble = error
    raise NotReachable(
        "one of those who know the master must answer, and it must be one",
        value=f"{address}: {trouble}",
        remedy="check that they run, and the name",
    )


async def _ask_sentinel(guide: Wire, address: RedisAddress, key: str) -> tuple[str, int]:
    found = await guide.call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", address.master)
    if not found:
        raise BusError("the Sentinel must know the master", value=address.master)
    return found[0].decode(), int(found[1])


async def _ask_cluster(guide: Wire, address: RedisAddress, key: str) -> tuple[str, int]:
    slot = key_slot(key.encode())
    for first, last, node, *_ in await guide.call("CLUSTER", "SLOTS"):
        if first <= slot <= last:
            return node[0].decode(), int(node[1])
    raise BusError("the cluster must serve every slot", value=slot)


@contextmanager
def _translated(where: str) -> Iterator[None]:
    """Turn what redis-py and the network raise into what a bus raises."""
    try:
        yield
    except TimeoutError:
        raise NotReachable(
            "Redis must answer in time",
            value=where,
            remedy="see what keeps it busy: redis-cli SLOWLOG GET; raise bus.timeout_ms",
        ) from None
    except (redis.exceptions.AuthenticationError, redis.exceptions.NoPermissionError) as error:
        raise AccessDenied(
            f"Redis must let us in: {error}",
            value=where,
            remedy="check user, password and ACL; docs/platform/bus.md lists what is needed",
        ) from None
    except redis.exceptions.ResponseError as error:
        raise BusError(f"Redis must do what it is asked: {error}", value=where) from None
    except (redis.exceptions.RedisError, OSError, EOFError) as error:
        raise NotReachable(
            f"Redis must answer: {str(error) or type(error).__name__}",
            value=where,
            remedy="check that it runs, and bus.url",
        ) from None
