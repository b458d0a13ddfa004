"""Settings of the stream gateways."""

from __future__ import annotations

from pydantic import Field

from nautilus_lab.config._section import Section


class StreamingSettings(Section):
    """The stream gateways; port 0 takes a free one and writes it to the run directory.

    With a port, gateway N listens N - 1 ports further.
    """

    gateways: int = Field(default=1, ge=1, le=16)
    host: str = "127.0.0.1"
    port: int = Field(default=0, ge=0, le=65_535)
    conflate_ms: int = Field(default=200, ge=10, le=10_000)
    token_minutes: int = Field(default=60, ge=1, le=1_440)
    heartbeat_s: float = Field(default=2.0, gt=0, le=30)
