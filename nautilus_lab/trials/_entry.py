"""One line of the ledger: a batch of trials in columns, as bytes that a hash is taken of."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from nautilus_lab.exceptions import AuditError
from nautilus_lab.trials._digest import canonical

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from nautilus_lab._typing import FloatArray
    from nautilus_lab.trials._batch import Batch

GENESIS = "0" * 64


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What the ledger holds of one batch.

    Attributes
    ----------
    seq : int
        1, 2, 3, ... over all studies.
    study : str
    head : str
        JSON: what the trials share.
    payload : bytes
        What each has of its own, in columns.
    previous, digest : str
        Of the entry before, and of this one with it.
    """

    seq: int
    study: str
    head: str
    payload: bytes
    previous: str
    digest: str

    @cached_property
    def told(self) -> dict[str, Any]:
        """What the trials share."""
        found: dict[str, Any] = json.loads(self.head)
        return found

    @cached_property
    def columns(self) -> Mapping[str, NDArray[Any]]:
        """The arrays of the payload by name, each read when it is asked for."""
        import numpy as np

        try:
            held: Mapping[str, NDArray[Any]] = np.load(io.BytesIO(self.payload), allow_pickle=False)
            return held
        except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
            raise AuditError(
                "an entry of the ledger must be readable",
                value=f"entry {self.seq}: {error}",
                remedy="nautilus-lab trials verify",
            ) from error

    @property
    def n(self) -> int:
        """How many trials it has."""
        return int(self.told["n"])

    @cached_property
    def names(self) -> list[str]:
        """Their names."""
        found: list[str] = json.loads(zlib.decompress(self.columns["names"].tobytes()))
        return found

    @cached_property
    def varying(self) -> dict[str, list[Any]]:
        """What each has of its own, beside results."""
        found: dict[str, list[Any]] = json.loads(zlib.decompress(self.columns["varying"].tobytes()))
        return found

    @cached_property
    def hashes(self) -> NDArray[np.uint8]:
        """Of what was tried, shape (trial, 16)."""
        return self.columns["hashes"]

    @property
    def keys(self) -> NDArray[np.bytes_]:
        """The hashes as one value each, shape (trial,)."""
        import numpy as np

        return np.ascontiguousarray(self.hashes).view("S16").reshape(-1)

    @cached_property
    def results(self) -> dict[str, FloatArray]:
        """By name, shape (trial,)."""
        return dict(zip(self.told["results"], self.columns["results"], strict=True))

    @property
    def times(self) -> NDArray[np.int64] | None:
        """Of the returns, UNIX nanoseconds; None when they have none."""
        import numpy as np

        if "times" not in self.columns:
            return None
        steps = np.frombuffer(zlib.decompress(self.columns["times"].tobytes()), np.int64)
        return np.cumsum(steps)

    @property
    def sound(self) -> bool:
        """Whether the digest is that of what it holds."""
        return self.digest == chained(
            self.previous, self.seq, self.study, self.head, sum_of(self.payload)
        )


def sum_of(payload: bytes) -> str:
    """Return the SHA-256 of a payload."""
    return hashlib.sha256(payload).hexdigest()


def chained(previous: str, seq: int, study: str, head: str, payload_sum: str) -> str:
    """Return the digest of an entry: SHA-256 over the one before and all that it holds."""
    told = canonical([previous, seq, study, head, payload_sum])
    return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()


def packed(batch: Batch) -> bytes:
    """Return the columns of a batch as bytes."""
    import numpy as np
    import pandas as pd

    arrays: dict[str, NDArray[Any]] = {
        "names": _text([str(name) for name in batch.names]),
        "varying": _text({name: list(line) for name, line in batch.varying.items()}),
        "hashes": np.ascontiguousarray(batch.hashes),
    }
    lines = [np.asarray(line, dtype=np.float64) for line in batch.outcome.results.values()]
    arrays["results"] = np.stack(lines)
    returns = batch.outcome.returns
    if returns is not None and returns.shape[1]:
        rows = np.arange(returns.shape[1]) if batch.rows is None else batch.rows
        arrays["returns"] = np.ascontiguousarray(returns.to_numpy(dtype=np.float32).T)
        arrays["rows"] = np.asarray(rows, dtype=np.int32)
        if isinstance(returns.index, pd.DatetimeIndex):
            # Most are as far apart as those before: the steps take hardly any room.
            steps = np.diff(returns.index.as_unit("ns").asi8, prepend=np.int64(0))
            arrays["times"] = np.frombuffer(zlib.compress(steps.tobytes(), 1), np.uint8)
    held = io.BytesIO()
    np.savez(held, allow_pickle=False, **arrays)
    return held.getvalue()


def _text(value: Any) -> NDArray[np.uint8]:
    import numpy as np

    written = json.dumps(value, separators=(",", ":"))
    return np.frombuffer(zlib.compress(written.encode(), 1), np.uint8)
