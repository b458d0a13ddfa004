"""How much of what a report is about is in it."""

from __future__ import annotations

from dataclasses import dataclass

from nautilus_lab.exceptions import InputError


@dataclass(frozen=True, kw_only=True, slots=True)
class Completeness:
    """How many of the things that should be in a report are.

    Parameters
    ----------
    what : str
        What was counted: ``"limits evaluated"``.
    expected, present : int
        How many there should be, and how many there are.
    missing : tuple of str
        Those that are not, by name and reason.

    Raises
    ------
    InputError
        When a count is negative or more is present than expected.

    Examples
    --------
    >>> Completeness(what="limits evaluated", expected=4, present=3).share
    0.75
    """

    what: str
    expected: int
    present: int
    missing: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.present <= self.expected:
            raise InputError(
                f"{self.what}: at least 0 and at most what is expected can be present",
                value=f"{self.present} of {self.expected}",
            )

    @property
    def share(self) -> float:
        """The part that is present, a fraction; 1 when nothing was expected."""
        return self.present / self.expected if self.expected else 1.0
