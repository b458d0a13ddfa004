"""States that are kept until a score has come well back: hysteresis, in batch and bar by bar."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nautilus_lab.features.streaming._recent import RecentBars

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray


@dataclass(frozen=True, kw_only=True)
class Score:
    """A number of closes, and how far from 0 it begins a state.

    Attributes
    ----------
    function : callable
        Takes closes; returns an array of that length, NaN where it is not known.
    history : int
        How many closes decide its last value.
    enter : float
        The state is 1 from here on, -1 from as far below 0, ...
    leave : float
        ... until the score has come back to here.
    """

    function: Callable[[FloatArray], FloatArray]
    history: int
    enter: float
    leave: float


@dataclass(frozen=True, kw_only=True)
class Held:
    """States of closes, one for each score.

    Attributes
    ----------
    scores : tuple of Score
        What they are made of.
    outputs : callable
        Takes the states and the scores, arrays or numbers of one bar; returns what a feature does.
    """

    scores: tuple[Score, ...]
    outputs: Callable[[Sequence[Any], Sequence[Any]], tuple[Any, ...]]

    @property
    def history(self) -> int:
        """How many closes decide the last scores."""
        return max(score.history for score in self.scores)

    def batch(self, close: FloatArray) -> tuple[FloatArray, ...]:
        """Return the outputs of all closes."""
        from nautilus_lab.features.regime._state_kernels import states

        found = [score.function(close) for score in self.scores]
        pairs = zip(found, self.scores, strict=True)
        return self.outputs([states(one, s.enter, s.leave) for one, s in pairs], found)

    def stream(self) -> HeldStream:
        """Return what keeps the states bar by bar."""
        return HeldStream(self)


class HeldStream:
    """States that are brought up to date by each close.

    Parameters
    ----------
    held : Held
        Which.
    """

    def __init__(self, held: Held) -> None:
        self._held = held
        self._recent = RecentBars(["close"], held.history)
        self._states = [float("nan")] * len(held.scores)

    def update(self, close: float) -> tuple[float, ...]:
        """Take a close."""
        from nautilus_lab.features.regime._state_kernels import next_state

        self._recent.add([close])
        found = []
        for at, score in enumerate(self._held.scores):
            last = float(score.function(self._recent.last(0, score.history))[-1])
            self._states[at] = next_state(self._states[at], last, score.enter, score.leave)
            found.append(last)
        return self._held.outputs(self._states, found)
