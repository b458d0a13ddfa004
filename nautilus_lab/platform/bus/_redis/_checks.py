"""What a Redis must be like to be trusted with events."""

from __future__ import annotations

import logging
from typing import Literal, TypeAlias

from nautilus_lab.exceptions import AccessDenied, BusError, ConfigError
from nautilus_lab.platform.bus._redis._stream import Keys
from nautilus_lab.platform.bus._redis._wire import Wire

_log = logging.getLogger(__name__)

# XAUTOCLAIM and XTRIM MINID
_OLDEST = (6, 2)

Persistence: TypeAlias = Literal["none", "rdb", "aof"]


async def check_server(wire: Wire, persistence: Persistence) -> None:
    """Refuse a Redis that may throw events away, or is too old.

    Raises
    ------
    ConfigError
        When it evicts keys under pressure, when that cannot be read, or when its version is older
        than 6.2. That it keeps less on its disk than `persistence` says is logged.
    """
    try:
        told = await _info(wire, "server", "memory", "persistence")
    except (BusError, AccessDenied) as error:
        raise ConfigError(
            f"it must be known whether Redis evicts keys: {error.rule}",
            value=wire.where,
            remedy="let the user run INFO: ACL SETUSER ... +info",
        ) from None
    version = tuple(int(part) for part in told.get("redis_version", "0.0").split(".")[:2])
    if version < _OLDEST:
        raise ConfigError(
            "Redis must be 6.2 or newer", value=told.get("redis_version"), remedy="upgrade it"
        )
    policy = told.get("maxmemory_policy", "unknown")
    if int(told.get("maxmemory", "0")) > 0 and policy != "noeviction":
        raise ConfigError(
            "a Redis that carries events must not evict keys when its memory is full",
            value=f"maxmemory-policy {policy} at {wire.where}",
            remedy="CONFIG SET maxmemory-policy noeviction, and the same in redis.conf; "
            "a cache that evicts needs a Redis of its own",
        )
    if persistence == "none":
        return
    appends = told.get("aof_enabled") == "1"
    if persistence == "aof" and not appends:
        _log.warning(
            "%s keeps no append-only file, against bus.persistence: a restart loses the stream, "
            "which is then filled again from the stores; CONFIG SET appendonly yes",
            wire.where,
        )
    if persistence == "rdb" and not appends and not await _saves(wire):
        _log.warning(
            "%s saves nothing to its disk, against bus.persistence: a restart loses the stream, "
            'which is then filled again from the stores; CONFIG SET save "60 1000"',
            wire.where,
        )


async def check_rights(wire: Wire, keys: Keys) -> None:
    """Try what a publisher does, without leaving a trace.

    Raises
    ------
    AccessDenied
        When the user may not append to the stream, read its positions, or publish.
    ConfigError
        When the stream's key holds something else.
    """
    await wire.call("HGET", keys.written, "")
    await wire.call("PUBLISH", keys.probe, "")
    try:
        await wire.call("XLEN", keys.stream)
        # 0-0 is never taken, which is found out after the right to try it.
        await wire.call("XADD", keys.stream, "NOMKSTREAM", "0-0", "probe", "")
    except BusError as error:
        if "WRONGTYPE" in error.rule:
            raise ConfigError(
                "the key of the stream must hold a stream, or nothing",
                value=f"{keys.stream} at {wire.where}",
                remedy="name another: bus.stream",
            ) from None
        if "0-0" not in error.rule:
            raise


async def _saves(wire: Wire) -> bool:
    try:
        answer = await wire.call("CONFIG", "GET", "save")
    except (BusError, AccessDenied):
        return True  # hosted ones hide it; they have backups of their own
    return bool(answer and answer[1])


async def _info(wire: Wire, *sections: str) -> dict[str, str]:
    told: dict[str, str] = {}
    for text in await wire.calls([("INFO", section) for section in sections]):
        for line in text.decode().splitlines():
            name, found, value = line.partition(":")
            if found:
                told[name] = value
    return told
