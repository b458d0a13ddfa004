"""Settings of the message bus."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from nautilus_lab.config._secrets import Address
from nautilus_lab.config._section import Section


class BusSettings(Section):
    """How messages travel between processes: over sockets of this machine, or over a Redis.

    `url` is ``"ipc"``, or the address of a Redis as docs/platform/bus.md tabulates them; one with
    a password belongs into `NL_BUS__URL`. Events are kept on the stream for `retention_hours` and
    until every consumer group has them, but never more than `max_events`. With `wait_replicas`
    a write counts when so many replicas have it. `history` keeps the durable history writer.
    """

    url: Address = Field(default="ipc", repr=False)
    stream: str = Field(default="nautilus-streams", pattern=r"^[A-Za-z0-9_.:-]{1,64}$")
    channel_prefix: str = Field(default="", pattern=r"^[A-Za-z0-9_.:-]{0,64}$")
    timeout_ms: int = Field(default=1_000, ge=50, le=60_000)
    start_wait_s: float = Field(default=2.0, ge=0, le=30)
    attempts: int = Field(default=10, ge=1, le=10)
    probe_s: float = Field(default=30.0, ge=0.1, le=3_600)
    health_s: float = Field(default=30.0, ge=0.1, le=3_600)
    queue: int = Field(default=10_000, ge=100, le=1_000_000)
    retention_hours: float = Field(default=24.0, gt=0, le=8_760)
    max_events: int = Field(default=1_000_000, ge=1_000, le=100_000_000)
    wait_replicas: int = Field(default=0, ge=0, le=10)
    persistence: Literal["none", "rdb", "aof"] = "rdb"
    history: bool = False
