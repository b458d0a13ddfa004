"""Settings of the supervisor."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from nautilus_lab.config._section import Section


class SupervisorSettings(Section):
    """What the supervisor does with nodes that die, freeze or are left alone.

    A node that dies is brought back at most `restarts` times in `restart_window_s`; past that the
    trader is halted. A node that lives but misses `missed_beats` answers, one asked for each
    `heartbeat_s`, is frozen: it is killed and brought back. `when_node_dies` says in which trading
    state it comes back, `when_unattended` what it falls to after `unattended_s` in which nobody
    who may trade was attached; both only ever tighten. A node that is told to stop has
    `trading.stop_timeout_s` to do so by itself and `terminate_timeout_s` after SIGTERM; then its
    session is killed.
    """

    restarts: int = Field(default=3, ge=0, le=1_000_000)
    restart_window_s: float = Field(default=600.0, gt=0, le=86_400, allow_inf_nan=False)
    heartbeat_s: float = Field(default=1.0, ge=0.1, le=30, allow_inf_nan=False)
    missed_beats: int = Field(default=8, ge=2, le=1_000)
    when_node_dies: Literal["keep", "reduce", "halt"] = "keep"
    when_unattended: Literal["keep", "reduce", "halt"] = "keep"
    unattended_s: float = Field(default=900.0, gt=0, le=604_800, allow_inf_nan=False)
    terminate_timeout_s: float = Field(default=5.0, gt=0, le=600, allow_inf_nan=False)
