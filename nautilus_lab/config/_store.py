"""Settings of the stores."""

from __future__ import annotations

from pydantic import Field

from nautilus_lab.config._section import Section


class StoreSettings(Section):
    """The stores of orders, fills, journal, audit and runs."""

    busy_timeout_ms: int = Field(default=5_000, ge=0, le=60_000)
