"""The measures that a node's limits need, in a file of its run directory."""

from __future__ import annotations

import math
from pathlib import Path

import msgspec

from nautilus_lab.exceptions import InputError, StoreError
from nautilus_lab.platform.rundir import write_whole
from nautilus_lab.risk.limits import Measured, Measures

_LONGEST = 16 << 20


class _Kept(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    value: float | str
    as_of_ns: int


def write_measures(path: Path, measures: Measures) -> None:
    """Write measures, whole or not at all.

    Raises
    ------
    InputError
        When one is not finite: leave out what is not known, and the limit that needs it fails.
    StoreError
        When the file cannot be written.
    """
    for name, one in measures.values.items():
        if not isinstance(one.value, str) and not math.isfinite(one.value):
            raise InputError(
                "a measure must be finite",
                value=f"{name}: {one.value}",
                remedy="leave it out; the limit that needs it fails then",
            )
    kept = {name: _Kept(one.value, one.as_of_ns) for name, one in measures.values.items()}
    write_whole(path, msgspec.json.encode(kept))


def read_measures(path: Path) -> Measures:
    """Read measures.

    Raises
    ------
    StoreError
        When the file is none, or what it says cannot be.
    """
    try:
        data = path.read_bytes()
        if len(data) > _LONGEST:
            raise ValueError(f"it is longer than {_LONGEST} bytes")
        kept = msgspec.json.decode(data, type=dict[str, _Kept])
        return Measures({name: Measured(one.value, one.as_of_ns) for name, one in kept.items()})
    except (ValueError, OSError) as error:
        raise StoreError(
            f"measures must be readable: {error}",
            value=str(path),
            remedy="write them again: lab.trading.tell_measures(measures)",
        ) from None
