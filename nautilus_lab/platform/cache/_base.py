"""What every cache promises."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from nautilus_lab.exceptions import InputError


@dataclass(frozen=True, kw_only=True)
class CacheKey:
    """A place in the cache, and how long and how much of it is kept.

    Parameters
    ----------
    text : str
        The key, parts joined by colons.
    ttl_s : float or None
        Seconds after the last write until it is gone; None keeps it.
    keep : int or None
        For a list, the newest so many entries are kept.
    """

    text: str
    ttl_s: float | None
    keep: int | None = None

    def __post_init__(self) -> None:
        if not self.text:
            raise InputError("a cache key must not be empty")
        if self.ttl_s is not None and not 0 < self.ttl_s < float("inf"):
            raise InputError("ttl_s must be positive and finite, or None", value=self.ttl_s)
        if self.keep is not None and not self.keep >= 1:
            raise InputError("keep must be at least 1, or None", value=self.keep)


@runtime_checkable
class Cache(Protocol):
    """Holds bytes under keys for a while; what it holds may be gone at any time.

    A key holds one value, one list or one set; using it as another kind is an `InputError`.
    Every write starts the key's time to live anew.
    """

    async def put(self, key: CacheKey, value: bytes) -> None:
        """Put one value in the place of whatever `key` held."""
        ...

    async def get(self, key: CacheKey) -> bytes | None:
        """Return the value; None when there is none."""
        ...

    async def append(self, key: CacheKey, value: bytes) -> None:
        """Add the newest entry of a list; the oldest beyond `key.keep` fall out."""
        ...

    async def recent(self, key: CacheKey, most: int) -> list[bytes]:
        """Return the newest entries of a list, newest first; none when there is no list."""
        ...

    async def add(self, key: CacheKey, member: bytes) -> None:
        """Add a member to a set."""
        ...

    async def members(self, key: CacheKey) -> frozenset[bytes]:
        """Return the members of a set; none when there is no set."""
        ...

    async def delete(self, key: CacheKey) -> None:
        """Forget what `key` holds; harmless when it holds nothing."""
        ...

    async def close(self) -> None:
        """Give resources back; calling it twice is harmless."""
        ...
