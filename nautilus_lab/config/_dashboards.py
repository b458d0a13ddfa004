"""Settings of the served dashboards."""

from __future__ import annotations

from typing import Literal

from nautilus_lab.config._section import Section


class DashboardSettings(Section):
    """What the served dashboards may do: look, or trade as the owner of this workspace."""

    role: Literal["viewer", "operator"] = "viewer"
