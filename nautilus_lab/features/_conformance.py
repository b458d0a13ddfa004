"""What every feature must keep to, checked by running it: also one that a user adds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from nautilus_lab.features._drawn_ticks import drawn_ticks
from nautilus_lab.features._feature import TIME_INPUT, FeatureSpec
from nautilus_lab.features._guarded import BrokenRule, guarded
from nautilus_lab.features.streaming import FeatureStream

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray

# batch and stream may differ by so much of a value, or of 1 where that is more
TOLERANCE = 1e-9
_CUTS = 7
_BEYOND = 150
# ticks that windows of volume and of time are certain to be full after
_LEAST = 2_000


@dataclass(frozen=True, kw_only=True)
class Conformance:
    """What was found of one feature.

    Attributes
    ----------
    feature : str
        Its label.
    bars : int
        How many bars, or ticks, it was run on; 0 when it could not be.
    difference : float
        The largest one of batch and stream, as a fraction of the value, of 1 below that.
    problems : tuple of str
        What it does not keep to; nothing for one that conforms.
    """

    feature: str
    bars: int
    difference: float
    problems: tuple[str, ...]

    @property
    def ok(self) -> bool:
        """Whether it conforms."""
        return not self.problems


def conformance(spec: FeatureSpec, columns: Mapping[str, FloatArray] | None = None) -> Conformance:
    """Run a feature in batch and as a stream, and say what does not agree.

    Checked are: its outputs have the length of its inputs, which it leaves alone; its first value
    comes after its declared warm-up, and of fewer bars it says NaN; it looks at no later bar, for
    cutting the bars off changes nothing before the cut; a stream gives what a batch gives, to
    1e-9, though it keeps no more than the declared history; prices that stand still give no
    infinity. It gives the same twice, as float64 in memory of its own, and raises nothing; what
    two instruments keep in a stream is apart. One that is beside other series is run beside drawn
    ones; one of all instruments on several of them, some with gaps, and it must not change with
    their order.

    Parameters
    ----------
    spec : FeatureSpec
        What is checked.
    columns : mapping of str to array, optional
        The inputs; a drawn price when not given, and of a column that no bars have a drawn series.
        Not read for one of all instruments.

    Returns
    -------
    Conformance

    Raises
    ------
    InputError
        When the settings are such as the feature refuses.
    """
    try:
        return _examined(guarded(spec), columns)
    except BrokenRule as broken:
        return _found(spec, 0, float("nan"), [str(broken)])


def _examined(spec: FeatureSpec, columns: Mapping[str, FloatArray] | None) -> Conformance:
    import numpy as np

    # so long that a stream has forgotten its beginning
    bars = spec.history + spec.warm_up + _BEYOND
    if spec.feature.scope == "universe":
        from nautilus_lab.features._universe_conformance import universe_problems

        apart, found = universe_problems(spec, bars, _difference, TOLERANCE)
        return _found(spec, bars, apart, found)
    if columns is not None:
        given = columns
    elif spec.feature.data == "bars":
        given = drawn_columns(spec.inputs, bars)
    else:
        levels = int(spec.settings["levels"]) if spec.feature.data == "book" else 1
        given = drawn_ticks(bars + _LEAST, levels=max(10, levels))
    inputs = [np.ascontiguousarray(given[name], dtype=float) for name in spec.inputs]
    asked = spec
    if spec.feature.scope == "relative":
        spec = _beside(spec)
        inputs += [_drawn_beside(inputs[0], seed=n) for n, _ in enumerate(spec.against, 100)]
    problems: list[str] = []
    before = [one.copy() for one in inputs]
    batch = np.array(spec.evaluate(*inputs))
    of_bars = spec.feature.data == "bars" and spec.feature.scope == "instrument"
    if columns is None and of_bars and not np.isfinite(batch).any():
        # what no price has, such as an arc sine, is of ratios
        return _examined(spec, {name: np.sin(np.arange(bars) / 7) for name in spec.inputs})
    if any(not np.array_equal(a, b, equal_nan=True) for a, b in zip(before, inputs, strict=True)):
        problems.append("it changes its inputs")
    shape = (len(spec.columns), len(inputs[0]))
    if batch.shape != shape:
        problems.append(f"its outputs are {batch.shape}, and should be {shape}")
        return _found(asked, shape[1], np.nan, problems)
    problems += _of_warm_up(spec, inputs, batch)
    problems += _of_later_bars(spec, inputs, batch)
    problems += _of_still_prices(spec, len(inputs[0]))
    streamed = _streamed(spec, inputs)
    difference = _difference(batch, streamed)
    if not difference <= TOLERANCE:
        at = int(np.argmax(np.abs(np.nan_to_num(batch) - np.nan_to_num(streamed)).max(axis=0)))
        problems.append(f"batch and stream differ by {difference:.1e}, most at bar {at}")
    return _found(asked, shape[1], difference, problems)


def drawn_bars(bars: int, *, seed: int = 7) -> dict[str, FloatArray]:
    """Return the columns of so many bars of a drawn price, one gap and one still day in them."""
    import numpy as np

    draw = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(draw.standard_normal(bars) * 0.01))
    close[bars // 3 :] *= 1.1
    opened = np.r_[close[0], close[:-1]] * np.exp(draw.standard_normal(bars) * 0.003)
    top, bottom = np.maximum(opened, close), np.minimum(opened, close)
    high = top * np.exp(np.abs(draw.standard_normal(bars)) * 0.004)
    low = bottom * np.exp(-np.abs(draw.standard_normal(bars)) * 0.004)
    still = bars // 2
    opened[still] = high[still] = low[still] = close[still] = close[still - 1]
    volume = draw.integers(1_000, 100_000, bars).astype(float)
    return {"open": opened, "high": high, "low": low, "close": close, "volume": volume}


def _beside(spec: FeatureSpec) -> FeatureSpec:
    """Return a relative feature beside as many drawn series as named, or up to two."""
    count = len(spec.against) or min(2, spec.feature.most_against)
    return replace(spec, against=tuple(f"BESIDE_{number}" for number in range(count)))


def _drawn_beside(level: FloatArray, *, seed: int) -> FloatArray:
    import numpy as np

    own = np.random.default_rng(seed).standard_normal(len(level)) * 0.01
    return np.asarray(level**0.5 * np.exp(np.cumsum(own)))


def drawn_columns(names: Iterable[str], bars: int, *, seed: int = 7) -> dict[str, FloatArray]:
    """Return drawn bars, and of each other name a positive series that wanders."""
    import numpy as np

    drawn = drawn_bars(bars, seed=seed)
    drawn[TIME_INPUT] = 1.7e9 + 21_600.0 * np.arange(bars, dtype=float)  # four a day
    for number, name in enumerate(names):
        if name not in drawn:
            draw = np.random.default_rng([seed, number])
            drawn[name] = np.asarray(20 * np.exp(np.cumsum(draw.standard_normal(bars) * 0.02)))
    return drawn


def _found(spec: FeatureSpec, bars: int, difference: float, problems: list[str]) -> Conformance:
    return Conformance(
        feature=spec.label, bars=bars, difference=difference, problems=tuple(problems)
    )


def _of_warm_up(spec: FeatureSpec, inputs: list[FloatArray], batch: FloatArray) -> Iterator[str]:
    import numpy as np

    known = np.isfinite(batch)
    first = np.where(known.any(axis=1), known.argmax(axis=1), batch.shape[1]).max()
    counted = spec.feature.clock == "rows"
    if first < spec.warm_up or first > (spec.warm_up if counted else batch.shape[1] - 1):
        yield f"its first value is of bar {first}, and its warm-up is {spec.warm_up}"
    short = [one[: spec.warm_up] for one in inputs]
    if spec.warm_up and np.isfinite(np.array(spec.evaluate(*short))).all(axis=0).any():
        yield f"it has values of {spec.warm_up} bars"


def _of_later_bars(spec: FeatureSpec, inputs: list[FloatArray], batch: FloatArray) -> Iterator[str]:
    import numpy as np

    size = len(inputs[0])
    for cut in np.linspace(min(spec.warm_up + 1, size), size - 1, _CUTS).astype(int):
        part = np.array(spec.evaluate(*[one[:cut].copy() for one in inputs]))
        if not _difference(batch[:, :cut], part) <= TOLERANCE:
            yield f"its values before bar {cut} change with what comes after"
            return


def _of_still_prices(spec: FeatureSpec, size: int) -> Iterator[str]:
    import numpy as np

    names = (*spec.inputs, *spec.against)
    still = [np.full(size, 1_000.0 if name == "volume" else 100.0) for name in names]
    if np.isinf(np.array(spec.evaluate(*still))).any():
        yield "prices that stand still make it infinite"


def _streamed(spec: FeatureSpec, inputs: list[FloatArray]) -> FloatArray:
    import numpy as np

    stream = FeatureStream(["X", *spec.against], [spec])
    out = np.empty((len(spec.columns), len(inputs[0])))
    for at, bar in enumerate(zip(*inputs, strict=True)):
        if spec.against:
            own = len(spec.inputs)
            told = {"X": dict(zip(spec.inputs, bar[:own], strict=True))}
            told |= {
                name: dict.fromkeys(spec.inputs, level)
                for name, level in zip(spec.against, bar[own:], strict=True)
            }
            out[:, at] = stream.update_all(told)[0]
            continue
        out[:, at] = stream.update("X", dict(zip(spec.inputs, bar, strict=True)))
    return out


def _difference(one: FloatArray, other: FloatArray) -> float:
    import numpy as np

    if not np.array_equal(np.isnan(one), np.isnan(other)):
        return float("inf")
    with np.errstate(invalid="ignore"):
        apart = np.abs(one - other) / np.maximum(1.0, np.abs(one))
    apart[(one == other) | np.isnan(one)] = 0.0
    return float(apart.max(initial=0.0))
