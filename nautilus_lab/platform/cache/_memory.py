"""The cache within one process."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from nautilus_lab.exceptions import InputError, StoreError
from nautilus_lab.platform.cache._base import CacheKey

_Content: TypeAlias = bytes | deque[bytes] | set[bytes]


@dataclass
class _Entry:
    content: _Content
    until: float  # on the clock of the cache


class MemoryCache:
    """Keeps everything in this process, bounded.

    Parameters
    ----------
    most_keys : int, default=100_000
        Keys held; the one unused for longest is forgotten first.
    clock : callable, optional
        Seconds on a clock that only goes forward.

    Examples
    --------
    >>> import asyncio
    >>> from nautilus_lab.platform.cache import latest_quote
    >>> async def example():
    ...     cache = MemoryCache()
    ...     await cache.put(latest_quote("PAPER", "AAPL"), b"100.0")
    ...     return await cache.get(latest_quote("PAPER", "AAPL"))
    >>> asyncio.run(example())
    b'100.0'
    """

    def __init__(
        self, *, most_keys: int = 100_000, clock: Callable[[], float] = time.monotonic
    ) -> None:
        if not most_keys >= 1:
            raise InputError("most_keys must be at least 1", value=most_keys)
        self._most_keys = most_keys
        self._clock = clock
        self._entries: OrderedDict[str, _Entry] = OrderedDict()  # least recently used first
        self._closed = False

    async def put(self, key: CacheKey, value: bytes) -> None:
        """Put one value in the place of whatever `key` held."""
        self._write(key, value)

    async def get(self, key: CacheKey) -> bytes | None:
        """Return the value; None when there is none."""
        return self._read(key, bytes)

    async def append(self, key: CacheKey, value: bytes) -> None:
        """Add the newest entry of a list; the oldest beyond `key.keep` fall out."""
        entries: deque[bytes] | None = self._read(key, deque)
        if entries is None or entries.maxlen != key.keep:
            entries = deque(entries or (), key.keep)
        entries.append(value)
        self._write(key, entries)

    async def recent(self, key: CacheKey, most: int) -> list[bytes]:
        """Return the newest entries of a list, newest first; none when there is no list."""
        if not most >= 1:
            raise InputError("most must be at least 1", value=most)
        entries: deque[bytes] = self._read(key, deque) or deque()
        return [entry for entry, _ in zip(reversed(entries), range(most), strict=False)]

    async def add(self, key: CacheKey, member: bytes) -> None:
        """Add a member to a set."""
        members: set[bytes] = self._read(key, set) or set()
        members.add(member)
        self._write(key, members)

    async def members(self, key: CacheKey) -> frozenset[bytes]:
        """Return the members of a set; none when there is no set."""
        members: set[bytes] = self._read(key, set) or set()
        return frozenset(members)

    async def delete(self, key: CacheKey) -> None:
        """Forget what `key` holds; harmless when it holds nothing."""
        self._open()
        self._entries.pop(key.text, None)

    async def close(self) -> None:
        """Forget everything."""
        self._closed = True
        self._entries.clear()

    def __len__(self) -> int:
        return len(self._entries)

    def __repr__(self) -> str:
        return f"MemoryCache({len(self)} of {self._most_keys} keys)"

    def _open(self) -> None:
        if self._closed:
            raise StoreError("a closed cache holds nothing", remedy="make a new one")

    def _read[C](self, key: CacheKey, kind: type[C]) -> C | None:
        self._open()
        entry = self._entries.get(key.text)
        if entry is None:
            return None
        if not self._clock() < entry.until:
            del self._entries[key.text]
            return None
        if not isinstance(entry.content, kind):
            raise InputError(
                f"a cache key must be used as the kind it holds ({type(entry.content).__name__})",
                value=key.text,
                remedy="delete it first, or use another key",
            )
        self._entries.move_to_end(key.text)
        return entry.content

    def _write(self, key: CacheKey, content: _Content) -> None:
        self._open()
        until = float("inf") if key.ttl_s is None else self._clock() + key.ttl_s
        self._entries[key.text] = _Entry(content, until)
        self._entries.move_to_end(key.text)
        while len(self._entries) > self._most_keys:
            self._entries.popitem(last=False)
