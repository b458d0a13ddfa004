"""Leaving alone what fails, with exactly one probe at a time."""

from __future__ import annotations

import asyncio
import random
import threading

import pytest

from nautilus_lab.exceptions import InputError, NotReachable
from nautilus_lab.platform.connection import BreakerState, CircuitBreaker

OPEN, CLOSED, HALF_OPEN = BreakerState.OPEN, BreakerState.CLOSED, BreakerState.HALF_OPEN


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def breaker_of(clock, failures=3, open_s=30.0) -> CircuitBreaker:
    return CircuitBreaker(failures=failures, open_s=open_s, clock=clock)


def fail(breaker, times=1) -> None:
    for _ in range(times):
        with pytest.raises(OSError, match="down"), breaker.admit():
            raise OSError("down")


def succeed(breaker) -> None:
    with breaker.admit():
        pass


def test_it_opens_after_so_many_failures_in_a_row(clock):
    breaker = breaker_of(clock)
    fail(breaker, 2)
    assert breaker.state is CLOSED
    fail(breaker)
    assert breaker.state is OPEN
    with pytest.raises(NotReachable, match="left alone"), breaker.admit():
        raise AssertionError("it was let through")


def test_a_success_between_begins_the_count_anew(clock):
    breaker = breaker_of(clock)
    for _ in range(5):
        fail(breaker, 2)
        succeed(breaker)
    assert breaker.state is CLOSED


def test_it_says_when_the_next_probe_may_pass(clock):
    breaker = breaker_of(clock)
    assert breaker.opens_in_s == 0
    fail(breaker, 3)
    clock.now += 12
    assert breaker.opens_in_s == 18
    clock.now += 18
    assert breaker.opens_in_s == 0
    with breaker.admit():
        assert breaker.opens_in_s == 30  # a probe is under way: no use in coming back sooner


def test_a_probe_that_succeeds_closes_it_and_one_that_fails_does_not(clock):
    breaker = breaker_of(clock)
    fail(breaker, 3)
    clock.now += 30
    fail(breaker)
    assert breaker.state is OPEN
    clock.now += 29.9
    with pytest.raises(NotReachable), breaker.admit():
        pass
    clock.now += 0.1
    succeed(breaker)
    assert breaker.state is CLOSED
    fail(breaker, 2)
    assert breaker.state is CLOSED  # the count began anew


def test_of_many_threads_one_probes(clock):
    breaker = breaker_of(clock)
    fail(breaker, 3)
    clock.now += 30
    gate, inside, done = threading.Barrier(16), threading.Semaphore(0), threading.Event()
    passed, refused = [], []

    def ask():
        gate.wait()
        try:
            with breaker.admit():
                passed.append(threading.get_ident())
                inside.release()
                assert done.wait(10)
        except NotReachable:
            refused.append(threading.get_ident())

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    assert inside.acquire(timeout=10)
    while len(refused) < 15:
        assert any(thread.is_alive() for thread in threads)
    assert breaker.state is HALF_OPEN
    done.set()
    for thread in threads:
        thread.join()
    assert len(passed) == 1
    assert breaker.state is CLOSED


def test_never_do_two_probe_at_once_however_they_end(clock):
    """Threads that fail, succeed and give up at random, while the clock jumps."""
    breaker = breaker_of(clock, failures=1, open_s=1.0)
    fail(breaker)
    counting = threading.Lock()
    probing = most = probes = 0
    chance = random.Random(7)

    def ask(rolls):
        nonlocal probing, most, probes
        for roll in rolls:
            clock.now += 0.6
            try:
                with breaker.admit():
                    if breaker.state is not HALF_OPEN:
                        continue  # closed for now: any number may pass
                    with counting:
                        probing += 1
                        probes += 1
                        most = max(most, probing)
                    try:
                        threading.Event().wait(0.0002)
                        if roll < 0.6:
                            raise OSError("down")
                        if roll < 0.9:
                            raise KeyboardInterrupt
                    finally:
                        with counting:
                            probing -= 1
            except NotReachable:
                continue
            except OSError:
                continue
            except KeyboardInterrupt:
                continue
            finally:
                if breaker.state is CLOSED:
                    fail_quietly(breaker)

    threads = [
        threading.Thread(target=ask, args=([chance.random() for _ in range(200)],))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert probes > 50
    assert most == 1


def fail_quietly(breaker) -> None:
    try:
        with breaker.admit():
            raise OSError("down")
    except (OSError, NotReachable):
        return


async def test_a_cancelled_probe_makes_room_for_another_and_decides_nothing(clock):
    breaker = breaker_of(clock)
    fail(breaker, 3)
    clock.now += 30
    entered = asyncio.Event()

    async def probe():
        with breaker.admit():
            entered.set()
            await asyncio.sleep(3_600)

    task = asyncio.create_task(probe())
    await entered.wait()
    with pytest.raises(NotReachable), breaker.admit():
        pass
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert breaker.state is HALF_OPEN
    succeed(breaker)
    assert breaker.state is CLOSED


async def test_a_cancelled_call_counts_neither_way(clock):
    breaker = breaker_of(clock)
    fail(breaker, 2)
    entered = asyncio.Event()

    async def call():
        with breaker.admit():
            entered.set()
            await asyncio.sleep(3_600)

    task = asyncio.create_task(call())
    await entered.wait()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert breaker.state is CLOSED
    fail(breaker)
    assert breaker.state is OPEN


@pytest.mark.parametrize("late_fails", [True, False])
def test_a_call_from_before_it_opened_has_no_say_when_it_ends_late(clock, late_fails):
    breaker = breaker_of(clock)
    late = breaker.admit()
    late.__enter__()
    fail(breaker, 3)
    clock.now += 30
    probe = breaker.admit()
    probe.__enter__()
    if late_fails:
        late.__exit__(OSError, OSError("late"), None)
    else:
        late.__exit__(None, None, None)
    assert breaker.state is HALF_OPEN
    with pytest.raises(NotReachable), breaker.admit():
        pass
    probe.__exit__(None, None, None)
    assert breaker.state is CLOSED


def test_a_probe_that_was_given_back_has_no_say_in_the_next_one(clock):
    breaker = breaker_of(clock)
    fail(breaker, 3)
    clock.now += 30
    first = breaker.admit()
    first.__enter__()
    first.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
    second = breaker.admit()
    second.__enter__()
    with pytest.raises(NotReachable), breaker.admit():
        pass
    second.__exit__(None, None, None)
    assert breaker.state is CLOSED


def test_a_person_may_close_it(clock):
    breaker = breaker_of(clock)
    fail(breaker, 3)
    breaker.reset()
    assert breaker.state is CLOSED
    fail(breaker, 2)
    assert breaker.state is CLOSED


@pytest.mark.parametrize(
    ("failures", "open_s"),
    [(0, 30), (-1, 30), (3, 0), (3, -1), (3, float("nan")), (3, float("inf"))],
)
def test_settings_out_of_bounds_are_refused(failures, open_s):
    with pytest.raises(InputError):
        CircuitBreaker(failures=failures, open_s=open_s)
