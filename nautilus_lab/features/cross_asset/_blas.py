"""BLAS held to one thread, where many small products are made one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController


@lru_cache(maxsize=1)
def _controller() -> ThreadpoolController:
    # To find the libraries takes longer than to hold them: once is enough.
    import numpy  # noqa: F401
    import scipy.linalg  # noqa: F401
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Hold BLAS to one thread: of a matrix of a hundred rows the second one only waits, spinning.

    Holds for the whole process while it lasts.
    """
    with _controller().limit(limits=1, user_api="blas"):
        yield
