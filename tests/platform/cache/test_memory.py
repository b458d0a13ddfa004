"""The cache within one process is bounded."""

import pytest

from nautilus_lab.exceptions import InputError
from nautilus_lab.platform.cache import CacheKey, MemoryCache


def _key(number):
    return CacheKey(text=f"k{number}", ttl_s=60)


async def test_the_key_unused_for_longest_is_forgotten_first():
    cache = MemoryCache(most_keys=3)
    for number in range(3):
        await cache.put(_key(number), b"x")
    await cache.get(_key(0))  # used: 1 is now the oldest
    await cache.put(_key(3), b"x")
    assert [await cache.get(_key(n)) for n in range(4)] == [b"x", None, b"x", b"x"]
    assert len(cache) == 3


async def test_a_million_keys_leave_no_more_than_the_bound():
    cache = MemoryCache(most_keys=100)
    for number in range(20_000):
        await cache.append(_key(number), b"x")
    assert len(cache) == 100


async def test_what_has_run_out_takes_no_room():
    now = [0.0]
    cache = MemoryCache(clock=lambda: now[0])
    await cache.put(_key(1), b"x")
    now[0] = 60.0
    assert await cache.get(_key(1)) is None
    assert len(cache) == 0


def test_a_bound_must_be_positive():
    with pytest.raises(InputError, match="most_keys"):
        MemoryCache(most_keys=0)
