"""States that are kept until a score has come well back: hysteresis, in batch and bar by bar."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from nautilus_lab.features.streaming._recent import RecentBars

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray

Scores: TypeAlias = Sequence[Any]  # arrays of shape (bars,), or numbers of one bar


@dataclass(frozen=True, kw_only=True)
class Held:
    """States of closes, each by a score that must be far out to enter one, and less so to stay.

    Attributes
    ----------
    scores : callable
        Takes closes; returns arrays of that length, one for each of `rules`.
    rules : tuple of (float, float)
        How far from 0 a score enters its state, 1 above and -1 below, and where it leaves it.
    history : int
        How many closes decide the last scores.
    outputs : callable
        Takes the states and the scores; returns what the feature does.
    """

    scores: Callable[[FloatArray], Sequence[FloatArray]]
    rules: tuple[tuple[float, float], ...]
    history: int
    outputs: Callable[[Scores, Scores], tuple[Any, ...]]

    def batch(self, close: FloatArray) -> tuple[FloatArray, ...]:
        """Return the outputs of all closes."""
        from nautilus_lab.features.regime._state_kernels import states

        scores = self.scores(close)
        pairs = zip(scores, self.rules, strict=True)
        return self.outputs([states(score, *rule) for score, rule in pairs], scores)

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
        self._states = [float("nan")] * len(held.rules)

    def update(self, close: float) -> tuple[float, ...]:
        """Take a close."""
        from nautilus_lab.features.regime._state_kernels import next_state

        held = self._held
        self._recent.add([close])
        closes = self._recent.last(0, held.history)
        scores = [float(score[-1]) for score in held.scores(closes)]
        for at, (score, rule) in enumerate(zip(scores, held.rules, strict=True)):
            self._states[at] = next_state(self._states[at], score, *rule)
        return held.outputs(self._states, scores)
