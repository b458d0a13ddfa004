"""Where dynamic limits stand, in a file of the run directory."""

from __future__ import annotations

from pathlib import Path

import msgspec

from nautilus_lab.exceptions import LabError
from nautilus_lab.platform.rundir import write_whole
from nautilus_lab.risk.adjustment import AdjustmentState, Loosening, state_of

_LONGEST = 4 << 20


class KeptAdjustments(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """By the key of each limit where it stands, and what was asked for."""

    states: dict[str, AdjustmentState] = {}
    requests: tuple[Loosening, ...] = ()


def write_kept(path: Path, kept: KeptAdjustments) -> None:
    """Write it, whole or not at all.

    Raises
    ------
    StoreError
        When it cannot be written.
    """
    write_whole(path, msgspec.json.encode(kept))


def read_kept(path: Path, *, must_exist: bool) -> tuple[KeptAdjustments, str]:
    """Return what was kept, and why it cannot be believed; empty when it can."""
    try:
        data = path.read_bytes()
        if len(data) > _LONGEST:
            raise ValueError(f"it is longer than {_LONGEST} bytes")
        kept = msgspec.json.decode(data, type=KeptAdjustments)
        for state in kept.states.values():
            state_of(state.plain)
        return kept, ""
    except FileNotFoundError:
        return KeptAdjustments(), "it is gone" if must_exist else ""
    except (ValueError, OSError, RecursionError, LabError) as error:
        return KeptAdjustments(), f"it cannot be read: {error}"
