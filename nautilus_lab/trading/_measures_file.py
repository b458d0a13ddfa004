"""The measures that a node's limits need, in a file of its run directory."""

from __future__ import annotations

import math
from pathlib import Path

import msgspec

from nautilus_lab.exceptions import InputError, StoreError
from nautilus_lab.platform.rundir import write_whole
from nautilus_lab.risk.limits import MEASURES, Measured, Measures

_LONGEST = 16 << 20
# What a number of a kind can be; of the others, sensitivities and prices, any.
_WITHIN: dict[str, tuple[float, float]] = {
    "value_at_risk": (0.0, math.inf),
    "expected_shortfall": (0.0, math.inf),
    "stressed_expected_shortfall": (0.0, math.inf),
    "volatility": (0.0, math.inf),
    "volatility_rank": (0.0, 1.0),
    "volume": (0.0, math.inf),
    "correlation": (-1.0, 1.0),
}


class _Kept(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    value: float | str
    as_of_ns: int


def write_measures(path: Path, measures: Measures) -> None:
    """Write measures, whole or not at all.

    Raises
    ------
    InputError
        When one is not finite, or is none of its kind, as a negative value at risk, which every
        limit would be above: leave out what is not known, and the limit that needs it fails.
    StoreError
        When the file cannot be written.
    """
    _require_possible(measures)
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
        found = Measures({name: Measured(one.value, one.as_of_ns) for name, one in kept.items()})
        _require_possible(found)
        return found
    except (ValueError, OSError) as error:
        raise StoreError(
            f"measures must be readable: {error}",
            value=str(path),
            remedy="write them again: lab.trading.tell_measures(measures)",
        ) from None


def _require_possible(measures: Measures) -> None:
    for name, one in measures.values.items():
        if isinstance(one.value, str):
            continue
        if not math.isfinite(one.value):
            raise InputError(
                "a measure must be finite",
                value=f"{name}: {one.value}",
                remedy="leave it out; the limit that needs it fails then",
            )
        kind = name.partition(":")[0]
        least, most = _WITHIN.get(kind, (-math.inf, math.inf))
        if not least <= one.value <= most:
            within = f"at least {least:g}" if most == math.inf else f"in [{least:g}, {most:g}]"
            raise InputError(
                f"the measure {kind} must be {within}",
                value=f"{name}: {one.value}",
                remedy=f"it is {MEASURES[kind]}; leave out what is not known",
            )
