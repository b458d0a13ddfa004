"""What happened while a trail could not be written."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field

# who is named; what others did is counted together
_MOST_NAMED = 32
_OTHERS = "others"


@dataclass(kw_only=True)
class Gap:
    """A time in which nothing could be written, and what then has no row of its own.

    Attributes
    ----------
    why : str
        Why not: the rule that the first write broke.
    since_ns, until_ns : int
        From the first thing that could not be written to the last, UNIX nanoseconds UTC.
    refused : int
        How many writes the store refused.
    """

    why: str
    since_ns: int = field(default_factory=time.time_ns)
    until_ns: int = 0
    refused: int = 0
    _missed: Counter[tuple[str, str]] = field(default_factory=Counter)  # kind, actor -> how many

    def refuse(self) -> None:
        """Count a write that was refused."""
        self.refused += 1
        self.until_ns = time.time_ns()

    def miss(self, kind: str, actor: str, times: int = 1) -> None:
        """Count what will have no row."""
        known = (kind, actor) in self._missed or len(self._missed) < _MOST_NAMED
        self._missed[kind, actor if known else _OTHERS] += times
        self.until_ns = time.time_ns()

    @property
    def facts(self) -> dict[str, object]:
        """What its row says."""
        missed: dict[str, dict[str, int]] = {}
        for (kind, actor), times in self._missed.items():
            missed.setdefault(kind, {})[actor] = times
        return {
            "since_ns": self.since_ns,
            "until_ns": self.until_ns,
            "refused": self.refused,
            "why": self.why,
            **({"missed": missed} if missed else {}),
        }
