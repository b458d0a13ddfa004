"""A feature whose function is watched while it is checked, so that what it does is named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from numbers import Integral
from typing import TYPE_CHECKING, Any

from nautilus_lab.exceptions import LabError
from nautilus_lab.features._feature import Accumulator, Feature, FeatureSpec, Values

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray

_TWICE = 3  # bars that another instrument's accumulator is fed, too


class BrokenRule(Exception):
    """What a feature does that keeps it from being checked any further."""


def guarded(spec: FeatureSpec) -> FeatureSpec:
    """Return a feature that raises `BrokenRule` when its function, or accumulator, misbehaves."""
    _require_counts(spec)
    feature = spec.feature
    watched: dict[str, Any] = {"function": _Watched(feature)}
    if feature.accumulate is not None:
        watched["accumulate"] = partial(_Kept, feature, feature.accumulate)
    return replace(spec, feature=replace(feature, **watched))


def _require_counts(spec: FeatureSpec) -> None:
    for name, least in (("warm_up", 0), ("history", 1)):
        try:
            bars: Any = getattr(spec, name)
        except LabError:  # settings that cannot be: the caller's to mend, not the feature's
            raise
        except Exception as error:
            raise BrokenRule(f"its {name} raises {_told(error)}") from error
        if not _is_count(bars, least):
            raise BrokenRule(f"its {name} is {bars!r}, and should be a whole number from {least}")


def _is_count(bars: object, least: int) -> bool:
    return not isinstance(bars, bool) and isinstance(bars, Integral) and int(bars) >= least


class _Watched:
    """A function of arrays, its answers looked at; the first one is asked for twice."""

    def __init__(self, feature: Feature) -> None:
        self._feature, self._asked = feature, False

    def __call__(self, *inputs: FloatArray, **settings: Any) -> tuple[FloatArray, ...]:
        import numpy as np

        if not self._asked:
            self._asked = True
            one, other = (self._answer([a.copy() for a in inputs], settings) for _ in "12")
            if not all(
                np.array_equal(a, b, equal_nan=True) for a, b in zip(one, other, strict=True)
            ):
                raise BrokenRule("it does not give the same twice: it keeps or draws something")
            if any(np.shares_memory(a, b) for a in one for b in other):
                raise BrokenRule(
                    "its answers share their memory: the next one writes over the last"
                )
        return self._answer(inputs, settings)

    def _answer(self, inputs: Any, settings: dict[str, Any]) -> tuple[FloatArray, ...]:
        import numpy as np

        bars, shape = len(inputs[0]), inputs[0].shape
        try:
            found = self._feature.function(*inputs, **settings)
        except Exception as error:  # whatever it is, it is what is wrong with the feature
            raise BrokenRule(f"of {bars} bars it raises {_told(error)}") from error
        for one in found:
            if not isinstance(one, np.ndarray):
                kind = type(one).__name__
                raise BrokenRule(f"its outputs are a {kind}, and should be an array of float64")
            if one.dtype != np.float64:
                raise BrokenRule(f"its outputs are {one.dtype}, and should be float64")
            if len(shape) == 1 and one.shape != shape:
                raise BrokenRule(f"its outputs are {one.shape}, and should be {shape}")
        return found


class _Kept:
    """An accumulator, its answers looked at, beside that of another instrument.

    The other one sees some of the bars just before: what they share shows in the values.
    """

    def __init__(
        self, feature: Feature, accumulate: Callable[[Values], Accumulator], settings: Values
    ) -> None:
        self._feature, self._left = feature, _TWICE
        try:
            self._other, self._of = accumulate(settings), accumulate(settings)
        except Exception as error:
            raise BrokenRule(f"its accumulator raises {_told(error)}") from error

    def update(self, *bar: Any) -> Any:
        try:
            if self._left:
                self._left -= 1
                self._other.update(*bar)
            found: Any = self._of.update(*bar)
        except Exception as error:
            raise BrokenRule(f"its accumulator raises {_told(error)}") from error
        count = len(self._feature.outputs)
        alone = len(bar) == len(self._feature.inputs) and isinstance(bar[0], float)
        if alone and not (isinstance(found, tuple) and len(found) == count):
            raise BrokenRule(f"its accumulator gives {found!r}, and should a tuple of {count}")
        return found


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
