"""Blocks of rows shared out among threads, with BLAS held to one thread each."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from nautilus_lab.exceptions import InputError


def spans(n: int, size: int) -> list[tuple[int, int]]:
    """Cut ``range(n)`` into pieces of at most `size`."""
    return [(begin, min(begin + size, n)) for begin in range(0, n, size)]


def checked_threads(threads: int | None) -> int:
    """Return how many threads to use; None is one for each core this process may run on."""
    if threads is None:
        return len(os.sched_getaffinity(0))
    if not threads >= 1:
        raise InputError("threads must be at least 1", value=threads, remedy="pass threads=2")
    return threads


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Hold BLAS to one thread: the threads here each call it, and its own would wait by spinning.

    Holds for the whole process while it lasts.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, user_api="blas"):
        yield


def share_out(work: Callable[[int, int], object], n: int, size: int, threads: int) -> None:
    """Call ``work(begin, end)`` for each piece of ``range(n)``; it must let go of the GIL."""
    pieces = spans(n, size)
    if threads == 1 or len(pieces) < 2:
        for begin, end in pieces:
            work(begin, end)
        return
    with ThreadPoolExecutor(threads) as pool:
        for done in [pool.submit(work, begin, end) for begin, end in pieces]:
            done.result()
