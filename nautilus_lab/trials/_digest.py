"""One hash for one thing: parameters as plain data, frames by what they hold."""

from __future__ import annotations

import datetime
import enum
import hashlib
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nautilus_lab.exceptions import InputError

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

SIZE = 16  # bytes of the hash of a trial
# Python itself writes no longer number as text.
_MOST_BITS = 14_000


@dataclass(frozen=True, kw_only=True)
class Fingerprint:
    """What a frame of data held.

    Attributes
    ----------
    digest : str
        Hash of its values, its index and its columns; the marks of provenance are not in it.
    shape : tuple of int
    begin, end : str
        First and last time, ISO; empty of data without times.
    """

    digest: str
    shape: tuple[int, ...]
    begin: str = ""
    end: str = ""


def digest_of(*parts: str | bytes) -> str:
    """Return the hash of some texts, each told apart from its neighbours."""
    whole = hashlib.blake2b(digest_size=SIZE)
    for part in parts:
        given = part.encode("utf-8", "surrogatepass") if isinstance(part, str) else part
        whole.update(len(given).to_bytes(8, "little"))
        whole.update(given)
    return whole.hexdigest()


def plain(value: Any, *, where: str = "parameters") -> Any:
    """Return `value` as JSON can hold it and give it back.

    Raises
    ------
    InputError
        When something in it is no plain data, or it is too deep or too long a number; names its
        place.
    """
    try:
        return _plain(value, where)
    except RecursionError:
        raise InputError(
            "a recorded parameter must end: a few lists and mappings within each other",
            value=where,
            remedy="pass what it is made from, or leave it out",
        ) from None


def _plain(value: Any, where: str) -> Any:
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, enum.Enum):
        return value.name
    if isinstance(value, datetime.date):  # also datetime and Timestamp
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): _plain(one, f"{where}.{key}") for key, one in value.items()}
    if isinstance(value, list | tuple | range):
        return [_plain(one, f"{where}[{at}]") for at, one in enumerate(value)]
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:  # a numpy scalar
        return _plain(value.item(), where)
    if isinstance(value, int):
        if value.bit_length() > _MOST_BITS:
            raise InputError(
                f"a recorded number must have at most {_MOST_BITS:,} bits",
                value=f"{where} has {value.bit_length():,}",
                remedy="pass it as a float, or as a text",
            )
        return value
    if isinstance(value, float):
        # Every JSON reader takes these; NaN it would not.
        return value if math.isfinite(value) else {"float": str(value)}
    raise InputError(
        "a recorded parameter must be plain data: text, numbers, lists and mappings of them",
        value=f"{where} is a {type(value).__name__}",
        remedy="pass what it is made from, or leave it out",
    )


def given_back(value: Any) -> Any:
    """Return plain data as they were: numbers that JSON has not, too."""
    if isinstance(value, Mapping):
        if set(value) == {"float"} and value["float"] in ("nan", "inf", "-inf"):
            return float(value["float"])
        return {key: given_back(one) for key, one in value.items()}
    return [given_back(one) for one in value] if isinstance(value, list) else value


def lost(value: Any, *, tuples: bool = False, where: str = "") -> str:
    """Say what of a value is not given back as it was once it is plain data; nothing if all is.

    Parameters
    ----------
    value : object
        That `plain` takes.
    tuples : bool, default=False
        Whether a list in place of a tuple counts.
    where : str
        Its place.
    """
    if isinstance(value, enum.Enum | datetime.date) or (tuples and isinstance(value, tuple)):
        return f"{where} was a {type(value).__name__}"
    if isinstance(value, Mapping):
        keys = (key for key in value if not isinstance(key, str))
        for key in keys:
            return f"{where} had the key {key!r}, a {type(key).__name__}"
        if given_back(value) != value and set(value) == {"float"}:
            return f"{where} reads as a number"
    parts: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, Mapping):
        parts = value.items()
    elif isinstance(value, list | tuple):
        parts = enumerate(value)
    for key, one in parts:
        told = lost(one, tuples=tuples, where=f"{where}.{key}" if where else str(key))
        if told:
            return told
    return ""


def canonical(value: Any) -> str:
    """Return plain data as the one text that stands for it, in ASCII."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def fingerprint(frame: pd.DataFrame | pd.Series[float]) -> Fingerprint:
    """Return what tells a frame, or a series, from every other."""
    import numpy as np
    import pandas as pd

    table = frame.to_frame() if isinstance(frame, pd.Series) else frame
    parts: list[str | bytes] = [f"{table.shape}"]
    for index in (table.columns, table.index):
        parts += _labels(index)
    numeric = all(kind.kind in "fiub" for kind in table.dtypes if hasattr(kind, "kind"))
    if numeric and all(hasattr(kind, "kind") for kind in table.dtypes):
        parts.append(_bytes(np.asarray(table.to_numpy(dtype=np.float64))))
    else:
        for column in range(table.shape[1]):
            parts += _labels(pd.Index(table.iloc[:, column]))
    times = table.index.get_level_values(0) if len(table) else table.index
    dated = isinstance(times, pd.DatetimeIndex) and len(times) > 0
    return Fingerprint(
        digest=digest_of(*parts),
        shape=tuple(frame.shape),
        begin=times[0].isoformat() if dated else "",
        end=times[-1].isoformat() if dated else "",
    )


def row_digests(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Return a hash of each row of numbers as float32, shape (row, 16): NaN and 0 have no sign."""
    import numpy as np

    flat = values.reshape(len(values), -1)
    told = []
    for begin in range(0, len(flat), 4_096):
        with np.errstate(over="ignore"):
            block = flat[begin : begin + 4_096].astype(np.float32) + np.float32(0)
        block[np.isnan(block)] = np.nan
        rows = np.ascontiguousarray(block)
        told += [hashlib.blake2b(row, digest_size=SIZE).digest() for row in rows]
    return np.frombuffer(b"".join(told), np.uint8).reshape(-1, SIZE)


def joined_digests(rows: NDArray[np.uint8], *shared: str) -> NDArray[np.uint8]:
    """Return hashes of each row's together with what all rows share, shape (row, 16)."""
    import numpy as np

    begun = hashlib.blake2b(digest_size=SIZE)
    begun.update(digest_of(*shared).encode())
    told = []
    for row in np.ascontiguousarray(rows):
        one = begun.copy()
        one.update(row)
        told.append(one.digest())
    return np.frombuffer(b"".join(told), np.uint8).reshape(-1, SIZE)


def _labels(index: pd.Index[Any]) -> list[str | bytes]:
    import numpy as np
    import pandas as pd

    if isinstance(index, pd.MultiIndex):
        return [
            part
            for level in range(index.nlevels)
            for part in _labels(index.get_level_values(level))
        ]
    if isinstance(index, pd.DatetimeIndex):
        return ["times", _bytes(index.as_unit("ns").asi8)]
    if index.dtype.kind in "fiub":
        return [f"{index.dtype.kind}", _bytes(np.asarray(index))]
    try:
        codes, seen = pd.factorize(index)
    except TypeError:
        raise InputError(
            "recorded data must hold numbers, times and texts",
            value=f"a {type(index[0]).__name__}",
            remedy="spread it over columns, or leave it out",
        ) from None
    names = [f"{type(one).__name__}:{one}" for one in seen]
    return [canonical(names), _bytes(np.asarray(codes, dtype=np.int64))]


def _bytes(values: NDArray[Any]) -> bytes:
    import numpy as np

    if values.dtype.kind == "f":
        values = values + 0.0  # of -0.0, 0.0
        values[np.isnan(values)] = np.nan
    return np.ascontiguousarray(values).tobytes()
