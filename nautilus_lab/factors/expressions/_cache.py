"""Values of sub-expressions, kept up to a bound on memory."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING

from nautilus_lab.exceptions import InputError

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray


class ExpressionCache:
    """Values of sub-expressions, the least recently used dropped first.

    A value is kept by the canonical text of its sub-expression and by what the fields it reads
    hold, so that one cache serves many expressions, calls and panels.

    Parameters
    ----------
    max_bytes : int, default=1 GiB
        The bound. A value that is larger by itself is not kept.

    Attributes
    ----------
    hits, misses : int
        How often a value was there when it was asked for, and how often not.
    """

    def __init__(self, max_bytes: int = 2**30) -> None:
        if not max_bytes >= 0:
            raise InputError("max_bytes must be at least 0", value=max_bytes)
        self.max_bytes = max_bytes
        self.hits = self.misses = 0
        self._values: OrderedDict[str, FloatArray] = OrderedDict()
        self._bytes = 0
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._values)

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def __repr__(self) -> str:
        return (
            f"ExpressionCache({len(self)} values, {self._bytes / 2**20:,.0f} of "
            f"{self.max_bytes / 2**20:,.0f} MiB)"
        )

    @property
    def nbytes(self) -> int:
        """How many bytes its values take."""
        return self._bytes

    def get(self, key: str) -> FloatArray | None:
        """Return a value, or None; it is not to be written to."""
        with self._lock:
            found = self._values.get(key)
            if found is None:
                self.misses += 1
                return None
            self.hits += 1
            self._values.move_to_end(key)
            return found

    def put(self, key: str, value: FloatArray) -> None:
        """Keep a value, if there is room for it at all."""
        with self._lock:
            if value.nbytes > self.max_bytes or key in self._values:
                return
            self._values[key] = value
            self._bytes += value.nbytes
            while self._bytes > self.max_bytes:
                _, dropped = self._values.popitem(last=False)
                self._bytes -= dropped.nbytes

    def drop(self, key: str) -> FloatArray | None:
        """Forget a value and return it, or None."""
        with self._lock:
            found = self._values.pop(key, None)
            if found is not None:
                self._bytes -= found.nbytes
            return found

    def clear(self) -> None:
        """Forget all values."""
        with self._lock:
            self._values.clear()
            self._bytes = 0
