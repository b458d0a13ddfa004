"""Factors by the hundred thousand, none of them made before it is asked for."""

from __future__ import annotations

import random
from bisect import bisect_right
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, combinations
from types import MappingProxyType
from typing import overload

from nautilus_lab.exceptions import InputError
from nautilus_lab.factors.expressions._definition import FactorDefinition, PointInTime
from nautilus_lab.factors.expressions._operator import Family
from nautilus_lab.factors.expressions._operators import OPERATORS
from nautilus_lab.factors.expressions._parse import BAR_FIELDS, parse
from nautilus_lab.factors.expressions._tree import Call

_PLACE = "{x}"


@dataclass(frozen=True, kw_only=True)
class FactorSource:
    """One series that factors are made of.

    Attributes
    ----------
    name : str
        As it goes by in the names of factors.
    expression : str
        Its text; see `parse`.
    lineage : tuple of str, default=("bars",)
        Where its data comes from.
    point_in_time : PointInTime
        From when on its data may be used.
    """

    name: str
    expression: str
    lineage: tuple[str, ...] = ("bars",)
    point_in_time: PointInTime = PointInTime.BAR_CLOSE


BAR_SOURCES = tuple(
    FactorSource(name=name, expression=expression)
    for name, expression in {
        "open": "open",
        "high": "high",
        "low": "low",
        "close": "close",
        "vwap": "vwap",
        "volume": "volume",
        "dollars": "close * volume",
        "return": "returns",
        "size_of_return": "abs(returns)",
        "gain": "max(returns, 0)",
        "loss": "min(returns, 0)",
        "overnight": "open / delay(close, 1) - 1",
        "intraday": "close / open - 1",
        "range": "(high - low) / close",
        "true_range": "(max(high, delay(close, 1)) - min(low, delay(close, 1))) / close",
        "upper_shadow": "(high - max(open, close)) / close",
        "lower_shadow": "(min(open, close) - low) / close",
        "place_in_range": "(close - low) / (high - low)",
        "gap_to_vwap": "close / vwap - 1",
        "growth_of_volume": "volume / delay(volume, 1) - 1",
        "return_by_volume": "returns * volume",
        "impact": "abs(returns) / (close * volume)",
        "log_volume": "log(volume)",
        "log_range": "log(high / low)",
    }.items()
)

WINDOWS = (5, 10, 15, 20, 30, 40, 60, 90, 120, 180, 250)

OF_ONE = (
    "ts_mean",
    "ts_std",
    "ts_zscore",
    "ts_skew",
    "ts_kurt",
    "ts_min",
    "ts_max",
    "ts_argmin",
    "ts_argmax",
    "ts_rank",
    "ts_slope",
    "ts_rsquare",
    "ts_resid",
    "decay_linear",
    "ewm_mean",
    "ewm_std",
    "delta",
    "delay",
)
RATIOS = ("ts_mean", "ts_std", "decay_linear", "ewm_mean")
OF_TWO = ("ts_corr",)
OUTER = ("ts_rank", "ts_zscore", "ts_slope", "delta")
INNER = ("ts_mean", "ts_std", "ts_skew", "ewm_mean")

TRANSFORMS: Mapping[str, str] = MappingProxyType(
    {
        "raw": "{x}",
        "rank": "rank({x})",
        "zscore": "zscore({x})",
        "sector": "neutralize({x}, sector)",
    }
)


class FactorSpace(Sequence[FactorDefinition]):
    """All factors of some operators, windows, sources, shapes and universes, made on demand.

    Four kinds, in this order: an operator of a source, ``ts_mean(x, 20)``; the same operator over
    a short and a long window, ``ts_mean(x, 5) / ts_mean(x, 20)``; an operator of two sources,
    ``ts_corr(x, y, 20)``; an operator of an operator, ``ts_rank(ts_std(x, 20), 5)``. Each in every
    shape (as it is, ranked, scored, less its sector's mean) and every universe. No two compute the
    same: their texts are canonical and differ, or their universes do. With the defaults there are
    411,840.

    Parameters
    ----------
    sources : sequence of FactorSource
        The series. None may begin with an operator of the space.
    windows : sequence of int
        Rising.
    outer_windows : sequence of int
        Of the outer operator of the fourth kind.
    of_one, ratios, of_two, outer, inner : sequence of str
        Which operators stand where; an empty one leaves its kind out.
    transforms : mapping of str to str
        Name -> a cross-sectional expression of ``{x}``.
    universes : sequence of str
        Names of groups of symbols.
    frequency : str, default="1d"
        How often the factors are computed.
    fields : collection of str, optional
        What the sources may read.

    Examples
    --------
    >>> space = FactorSpace()
    >>> len(space)
    411840
    >>> space[12_345].name, space[12_345].expression
    ('zscore.delta.close.10@large', 'zscore(delta(close, 10))')
    >>> len(space.sample(200, seed=7))
    200
    """

    def __init__(
        self,
        *,
        sources: Sequence[FactorSource] = BAR_SOURCES,
        windows: Sequence[int] = WINDOWS,
        outer_windows: Sequence[int] = (5, 20, 60),
        of_one: Sequence[str] = OF_ONE,
        ratios: Sequence[str] = RATIOS,
        of_two: Sequence[str] = OF_TWO,
        outer: Sequence[str] = OUTER,
        inner: Sequence[str] = INNER,
        transforms: Mapping[str, str] = TRANSFORMS,
        universes: Sequence[str] = ("all", "large", "mid", "small"),
        frequency: str = "1d",
        fields: Collection[str] = BAR_FIELDS,
    ) -> None:
        self.sources, self.universes = tuple(sources), tuple(universes)
        self.windows, self.outer_windows = tuple(windows), tuple(outer_windows)
        self.of_one, self.ratios, self.of_two = tuple(of_one), tuple(ratios), tuple(of_two)
        self.outer, self.inner = tuple(outer), tuple(inner)
        self.transforms, self.frequency, self.fields = dict(transforms), frequency, tuple(fields)
        self._require_order()
        self._texts = [self._source_text(source) for source in self.sources]
        _require_different("sources", self._texts)
        _require_different("names of sources", [source.name for source in self.sources])
        shapes = [self._transform_text(shape) for shape in self.transforms.values()]
        _require_different("transforms", shapes)
        self._window_pairs = list(combinations(self.windows, 2))
        self._source_pairs = list(combinations(range(len(self.sources)), 2))
        s, w = len(self.sources), len(self.windows)
        kinds = (
            s * len(self.of_one) * w,
            s * len(self.ratios) * len(self._window_pairs),
            len(self._source_pairs) * len(self.of_two) * w,
            s * len(self.outer) * len(self.outer_windows) * len(self.inner) * w,
        )
        each = len(self.transforms) * len(self.universes)
        self._ends = list(accumulate(size * each for size in kinds))  # of each kind

    def __repr__(self) -> str:
        return (
            f"FactorSpace({len(self):,} factors: {len(self.sources)} sources, {len(self.windows)} "
            f"windows, {len(self.transforms)} shapes, {len(self.universes)} universes)"
        )

    def __len__(self) -> int:
        return self._ends[-1]

    @overload
    def __getitem__(self, index: int) -> FactorDefinition: ...

    @overload
    def __getitem__(self, index: slice) -> FactorSelection: ...

    def __getitem__(self, index: int | slice) -> FactorDefinition | FactorSelection:
        """Return a factor, or those of a slice, which are not made yet either."""
        if isinstance(index, slice):
            return FactorSelection(self, range(len(self))[index])
        size = len(self)
        if not -size <= index < size:
            raise IndexError(f"the space has {size:,} factors")
        return self._made(index % size)

    def __iter__(self) -> Iterator[FactorDefinition]:
        return map(self._made, range(len(self)))

    def sample(self, size: int, *, seed: int) -> FactorSelection:
        """Draw factors, from each kind and universe by its share.

        Parameters
        ----------
        size : int
            How many; with at least as many as there are kinds and universes, each has one.
        seed : int
            The same seed draws the same factors.

        Returns
        -------
        FactorSelection
            In the order of the space, each once.

        Raises
        ------
        InputError
            When there are not so many factors.
        """
        if not 0 <= size <= len(self):
            raise InputError(f"a sample has 0 to {len(self):,} factors", value=size)
        strata = self._strata()
        draw = random.Random(seed)
        found: list[int] = []
        for stratum, count in zip(strata, _shares([len(s) for s in strata], size), strict=True):
            found += draw.sample(stratum, count)
        return FactorSelection(self, sorted(found))

    def _strata(self) -> list[range]:
        count = len(self.universes)
        begins = [0, *self._ends[:-1]]
        return [
            range(begin + universe, end, count)
            for begin, end in zip(begins, self._ends, strict=True)
            for universe in range(count)
            if end > begin
        ]

    def _made(self, index: int) -> FactorDefinition:
        kind = bisect_right(self._ends, index)
        rest = index - (self._ends[kind - 1] if kind else 0)
        rest, universe = divmod(rest, len(self.universes))
        rest, shape = divmod(rest, len(self.transforms))
        name, text, sources = (self._one, self._ratio, self._two, self._nested)[kind](rest)
        transform = list(self.transforms)[shape]
        where = self.universes[universe]
        return FactorDefinition(
            name=f"{transform}.{name}@{where}",
            expression=self.transforms[transform].replace(_PLACE, text),
            universe=where,
            frequency=self.frequency,
            point_in_time=max(
                (source.point_in_time for source in sources), key=list(PointInTime).index
            ),
            lineage=(
                *dict.fromkeys(part for source in sources for part in source.lineage),
                *(source.name for source in sources),
                name.split(".", 1)[0],
                transform,
                where,
            ),
        )

    def _one(self, rest: int) -> tuple[str, str, tuple[FactorSource, ...]]:
        rest, window = divmod(rest, len(self.windows))
        place, operator = divmod(rest, len(self.of_one))
        source, text = self._source(place)
        name, rows = self.of_one[operator], self.windows[window]
        return f"{name}.{source.name}.{rows}", f"{name}({text}, {rows})", (source,)

    def _ratio(self, rest: int) -> tuple[str, str, tuple[FactorSource, ...]]:
        rest, pair = divmod(rest, len(self._window_pairs))
        place, operator = divmod(rest, len(self.ratios))
        source, text = self._source(place)
        name = self.ratios[operator]
        short, long = self._window_pairs[pair]
        ratio = f"{name}({text}, {short}) / {name}({text}, {long})"
        return f"{name}.{source.name}.{short}.{long}", ratio, (source,)

    def _two(self, rest: int) -> tuple[str, str, tuple[FactorSource, ...]]:
        rest, window = divmod(rest, len(self.windows))
        pair, operator = divmod(rest, len(self.of_two))
        both = [self._source(place) for place in self._source_pairs[pair]]
        name, rows = self.of_two[operator], self.windows[window]
        first, second = sorted(text for _, text in both)
        sources = tuple(source for source, _ in both)
        names = ".".join(source.name for source in sources)
        return f"{name}.{names}.{rows}", f"{name}({first}, {second}, {rows})", sources

    def _nested(self, rest: int) -> tuple[str, str, tuple[FactorSource, ...]]:
        rest, window = divmod(rest, len(self.windows))
        rest, inner = divmod(rest, len(self.inner))
        rest, wide = divmod(rest, len(self.outer_windows))
        place, outer = divmod(rest, len(self.outer))
        source, text = self._source(place)
        name, of, rows, over = (
            self.outer[outer],
            self.inner[inner],
            self.windows[window],
            self.outer_windows[wide],
        )
        nested = f"{name}({of}({text}, {rows}), {over})"
        return f"{name}.{over}.{of}.{source.name}.{rows}", nested, (source,)

    def _source(self, place: int) -> tuple[FactorSource, str]:
        return self.sources[place], self._texts[place]

    def _source_text(self, source: FactorSource) -> str:
        used = {*self.of_one, *self.ratios, *self.of_two, *self.outer, *self.inner}
        expression = parse(source.expression, fields=self.fields)
        root = expression.root
        if isinstance(root, Call) and root.operator in used:
            raise InputError(
                "a source must not begin with an operator of the space",
                value=f"{source.name}: {source.expression}",
                remedy="its factors would be there twice",
            )
        return expression.text

    def _transform_text(self, transform: str) -> str:
        """Return the canonical text of a transform of a placeholder."""
        shape = parse(transform.replace(_PLACE, "x"), fields={*self.fields, "x"})
        families = {OPERATORS[name].family for name in shape.operators}
        if "x" not in shape.fields or not families <= {Family.CROSS_SECTIONAL}:
            raise InputError("a transform is a cross-sectional expression of {x}", value=transform)
        return shape.text

    def _require_order(self) -> None:
        for name in ("windows", "outer_windows"):
            windows = getattr(self, name)
            if not windows or list(windows) != sorted(set(windows)):
                raise InputError(f"{name} must rise", value=windows)
        if not self.sources or not self.universes or not self.transforms:
            raise InputError("a space has sources, transforms and universes")
        _require_different("universes", self.universes)
        operators = {"of_one": 1, "ratios": 1, "of_two": 2, "outer": 1, "inner": 1}
        for place, count in operators.items():
            names = getattr(self, place)
            _require_different(place, names)
            for name in names:
                one = OPERATORS[name]
                fits = one.family is Family.TIME_SERIES and len(one.arguments) == count + 1
                if not fits or (count == 2 and not one.commutes):
                    raise InputError(
                        f"{place} are time-series operators of {count} series and a window",
                        value=one.call,
                    )
                least = one.arguments[-1].least
                if min(*self.windows, *self.outer_windows) < least:
                    raise InputError(f"{one.call} needs windows from {least:g}")


@dataclass(frozen=True, eq=False, repr=False)
class FactorSelection(Sequence[FactorDefinition]):
    """Some factors of a space, made on demand.

    Attributes
    ----------
    space : FactorSpace
        Of which.
    indices : sequence of int
        Where they stand in it.
    """

    space: FactorSpace
    indices: Sequence[int]

    def __repr__(self) -> str:
        return f"FactorSelection({len(self):,} of {len(self.space):,} factors)"

    def __len__(self) -> int:
        return len(self.indices)

    @overload
    def __getitem__(self, index: int) -> FactorDefinition: ...

    @overload
    def __getitem__(self, index: slice) -> FactorSelection: ...

    def __getitem__(self, index: int | slice) -> FactorDefinition | FactorSelection:
        """Return a factor, or a selection of the selection."""
        if isinstance(index, slice):
            return FactorSelection(self.space, self.indices[index])
        return self.space[self.indices[index]]

    def __iter__(self) -> Iterator[FactorDefinition]:
        return (self.space[index] for index in self.indices)


def _require_different(what: str, names: Sequence[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"{what} must differ", value=", ".join(twice))


def _shares(sizes: list[int], total: int) -> list[int]:
    """Split `total` by size, the rest to the largest remainders; one each while it lasts."""
    exact = [total * size / sum(sizes) for size in sizes]
    counts = [int(share) for share in exact]
    order = sorted(range(len(sizes)), key=lambda at: (counts[at] > 0, counts[at] - exact[at], at))
    for at in order[: total - sum(counts)]:
        counts[at] += 1
    if total >= len(sizes):
        for at, count in enumerate(counts):
            if not count:
                counts[at] = 1
                counts[counts.index(max(counts))] -= 1
    return counts
