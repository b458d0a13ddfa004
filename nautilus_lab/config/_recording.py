"""Settings of the flight recorder."""

from __future__ import annotations

from pydantic import Field

from nautilus_lab.config._section import Section


class RecordingSettings(Section):
    """The flight recorder: how many days before today are kept, and how much all may take, GiB."""

    days: int = Field(default=30, ge=1, le=36_500)
    gib: float = Field(default=20.0, gt=0, le=1e6, allow_inf_nan=False)
