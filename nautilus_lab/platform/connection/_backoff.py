"""How long to wait before trying again."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random

from nautilus_lab.exceptions import InputError


@dataclass(frozen=True, kw_only=True)
class Backoff:
    """Exponential waits with full jitter, a bounded number of them [1]_.

    Parameters
    ----------
    base_s : float, default=1.0
        Longest first wait, seconds.
    cap_s : float, default=60.0
        Longest wait of all, seconds.
    attempts : int, default=10
        How many waits there are before giving up.

    Examples
    --------
    >>> waits = list(Backoff(base_s=1, cap_s=4, attempts=4))
    >>> [wait <= cap for wait, cap in zip(waits, (1, 2, 4, 4))]
    [True, True, True, True]

    References
    ----------
    .. [1] Brooker, M. (2015). Exponential backoff and jitter. AWS Architecture Blog.
    """

    base_s: float = 1.0
    cap_s: float = 60.0
    attempts: int = 10
    random: Random = field(default_factory=Random, repr=False, compare=False)

    def __post_init__(self) -> None:
        if not 0 < self.base_s <= self.cap_s < float("inf"):
            raise InputError(
                "waits must satisfy 0 < base_s <= cap_s < infinity",
                value=f"base_s={self.base_s}, cap_s={self.cap_s}",
            )
        if not self.attempts >= 0:
            raise InputError("attempts must not be negative", value=self.attempts)

    def __iter__(self) -> Iterator[float]:
        """Yield each wait in seconds."""
        longest = self.base_s
        for _ in range(self.attempts):
            yield self.random.uniform(0, longest)
            longest = min(self.cap_s, 2 * longest)
