"""The best prices a node rests at, in a file of its run directory that the others read."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import msgspec

from nautilus_lab.exceptions import StoreError

_LONGEST = 16 << 20

# the best bid and offer, raw; None where nothing rests
Best: TypeAlias = tuple[int | None, int | None]


@dataclass(frozen=True, kw_only=True)
class Interest:
    """What rests on a node.

    Attributes
    ----------
    unit : int
        How many raw prices make one.
    best : mapping of str to (int or None, int or None)
        Instrument -> its best bid and offer.
    """

    unit: int
    best: Mapping[str, Best]


class _Kept(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    # As text: a raw price may need more than 64 bits.
    unit: str
    best: dict[str, tuple[str | None, str | None]]


def write_interest(path: Path, interest: Interest) -> None:
    """Write what rests, whole or not at all; the disk is not waited for.

    Raises
    ------
    StoreError
        When the file cannot be written.
    """
    kept = _Kept(
        unit=str(interest.unit),
        best={name: (_text(bid), _text(offer)) for name, (bid, offer) in interest.best.items()},
    )
    new = path.with_name(f"{path.name}.new")
    try:
        new.write_bytes(msgspec.json.encode(kept))
        os.replace(new, path)
    except OSError as error:
        raise StoreError(
            f"what rests on a node must be told to the others: {error.strerror}",
            value=str(path),
            remedy="check the disk, and who owns the folder",
        ) from None


def read_interest(path: Path) -> Interest:
    """Read what rests on a node.

    Raises
    ------
    StoreError
        When the file is none, or what it says cannot be.
    """
    try:
        data = path.read_bytes()
        if len(data) > _LONGEST:
            raise ValueError(f"it is longer than {_LONGEST} bytes")
        kept = msgspec.json.decode(data, type=_Kept)
        best = {name: (_raw(bid), _raw(offer)) for name, (bid, offer) in kept.best.items()}
        return Interest(unit=int(kept.unit), best=best)
    except (ValueError, OSError) as error:
        raise StoreError(
            f"what rests on a node must be readable: {error}",
            value=str(path),
            remedy="restart that node, or release what it holds: nautilus-lab leases release",
        ) from None


def _text(raw: int | None) -> str | None:
    return None if raw is None else str(raw)


def _raw(text: str | None) -> int | None:
    return None if text is None else int(text)
