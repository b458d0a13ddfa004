"""Settings of what a node warns of before a limit is exceeded."""

from __future__ import annotations

from pydantic import Field

from nautilus_lab.config._section import Section


class EarlyWarningSettings(Section):
    """When a node warns before a limit is exceeded, and of orders and P&L that are unusual.

    A warning is given when a breach within `horizon_s` has `probability`, at the earliest
    `warm_up_s` after the start, and of one limit and scope once in `again_s`. `patterns` has the
    numbers of orders, of denials and rejections, and the changes of equity watched.
    """

    enabled: bool = True
    patterns: bool = True
    horizon_s: float = Field(default=300.0, gt=0, le=86_400, allow_inf_nan=False)
    probability: float = Field(default=0.8, ge=0.5, le=1, allow_inf_nan=False)
    warm_up_s: float = Field(default=300.0, ge=0, le=86_400, allow_inf_nan=False)
    again_s: float = Field(default=1_800.0, ge=0, le=86_400, allow_inf_nan=False)
