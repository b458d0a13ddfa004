"""What every cache promises, run over every cache."""

import pytest

from nautilus_lab.exceptions import InputError, StoreError
from nautilus_lab.platform.cache import Cache, CacheKey, MemoryCache

VALUE = CacheKey(text="latest:quote:PAPER:AAPL", ttl_s=60)
LIST = CacheKey(text="market:quote:PAPER:AAPL", ttl_s=60, keep=3)
SET = CacheKey(text="instruments:PAPER", ttl_s=None)
UNBOUNDED = CacheKey(text="all", ttl_s=60)


class Clock:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


# A cache joins the suite by adding itself here. One whose clock is a server's makes `clock.now`
# move by waiting.
CACHES = {"memory": lambda clock: MemoryCache(clock=clock)}


@pytest.fixture(params=CACHES)
async def cache(request, clock):
    cache = CACHES[request.param](clock)
    yield cache
    await cache.close()


async def test_every_cache_is_one(cache):
    assert isinstance(cache, Cache)


async def test_a_value_is_what_was_put(cache):
    assert await cache.get(VALUE) is None
    await cache.put(VALUE, b"\x00\xff")
    assert await cache.get(VALUE) == b"\x00\xff"
    await cache.put(VALUE, b"")
    assert await cache.get(VALUE) == b""


async def test_a_value_is_gone_when_its_time_has_come(cache, clock):
    await cache.put(VALUE, b"1")
    clock.now += 59.9
    assert await cache.get(VALUE) == b"1"
    clock.now += 0.1
    assert await cache.get(VALUE) is None


async def test_a_write_starts_the_time_anew_and_a_read_does_not(cache, clock):
    await cache.put(VALUE, b"1")
    await cache.append(LIST, b"1")
    clock.now += 50
    await cache.put(VALUE, b"2")
    await cache.recent(LIST, 1)
    clock.now += 50
    assert await cache.get(VALUE) == b"2"
    assert await cache.recent(LIST, 1) == []


async def test_without_a_time_to_live_it_stays(cache, clock):
    await cache.add(SET, b"AAPL")
    clock.now += 1e9
    assert await cache.members(SET) == {b"AAPL"}


async def test_the_time_of_the_last_write_counts(cache, clock):
    await cache.put(CacheKey(text="k", ttl_s=None), b"1")
    await cache.put(CacheKey(text="k", ttl_s=5), b"2")
    clock.now += 5
    assert await cache.get(CacheKey(text="k", ttl_s=None)) is None


async def test_the_newest_entries_of_a_list_come_first(cache):
    for number in range(5):
        await cache.append(LIST, b"%d" % number)
    assert await cache.recent(LIST, 2) == [b"4", b"3"]
    assert await cache.recent(LIST, 99) == [b"4", b"3", b"2"]


async def test_a_list_without_a_bound_keeps_all(cache):
    for number in range(2_000):
        await cache.append(UNBOUNDED, b"%d" % number)
    assert len(await cache.recent(UNBOUNDED, 5_000)) == 2_000


async def test_a_bound_that_shrinks_is_kept(cache):
    for number in range(10):
        await cache.append(UNBOUNDED, b"%d" % number)
    await cache.append(CacheKey(text="all", ttl_s=60, keep=2), b"new")
    assert await cache.recent(UNBOUNDED, 99) == [b"new", b"9"]


async def test_equal_entries_of_a_list_are_kept_and_of_a_set_are_one(cache):
    for _ in range(2):
        await cache.append(LIST, b"same")
        await cache.add(SET, b"same")
    assert await cache.recent(LIST, 9) == [b"same", b"same"]
    assert await cache.members(SET) == {b"same"}


async def test_a_list_or_a_set_that_is_not_there_is_empty(cache):
    assert await cache.recent(LIST, 5) == []
    assert await cache.members(SET) == frozenset()


async def test_what_is_deleted_is_gone(cache):
    await cache.put(VALUE, b"1")
    await cache.delete(VALUE)
    await cache.delete(VALUE)
    assert await cache.get(VALUE) is None


async def test_a_key_is_one_kind_at_a_time(cache):
    await cache.append(LIST, b"1")
    with pytest.raises(InputError, match="kind"):
        await cache.get(LIST)
    with pytest.raises(InputError, match="kind"):
        await cache.add(LIST, b"1")
    assert await cache.recent(LIST, 9) == [b"1"]
    await cache.put(LIST, b"now a value")
    assert await cache.get(LIST) == b"now a value"
    with pytest.raises(InputError, match="kind"):
        await cache.append(LIST, b"1")


async def test_an_answer_is_the_callers_own(cache):
    await cache.append(LIST, b"1")
    (await cache.recent(LIST, 9)).append(b"2")
    assert await cache.recent(LIST, 9) == [b"1"]


@pytest.mark.parametrize("most", [0, -1])
async def test_a_number_of_entries_must_be_positive(cache, most):
    with pytest.raises(InputError, match="most"):
        await cache.recent(LIST, most)


async def test_a_closed_cache_refuses(cache):
    await cache.close()
    await cache.close()
    with pytest.raises(StoreError, match="closed"):
        await cache.get(VALUE)
    with pytest.raises(StoreError, match="closed"):
        await cache.put(VALUE, b"1")


@pytest.mark.parametrize(
    ("text", "ttl_s", "keep"),
    [
        ("", 1, None),
        ("a", 0, None),
        ("a", -1, None),
        ("a", float("nan"), None),
        ("a", float("inf"), None),
        ("a", 1, 0),
        ("a", 1, -1),
    ],
)
def test_a_key_that_is_none_is_refused(text, ttl_s, keep):
    with pytest.raises(InputError):
        CacheKey(text=text, ttl_s=ttl_s, keep=keep)
