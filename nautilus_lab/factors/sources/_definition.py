"""What a factor of a source is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from nautilus_lab.factors.expressions import FactorDefinition, PointInTime
from nautilus_lab.factors.point_in_time import FiscalMeasure, Release

Kind = Literal["series", "events", "facts", "statements", "snapshots", "bars", "prices"]


@dataclass(frozen=True, kw_only=True)
class SourceTable:
    """A frame that factors of a source are computed from.

    Attributes
    ----------
    name : str
        Its key among the frames that `synthesise` is given.
    kind : str
        ============== ====================================================================
        ``series``     a row for each value: series, period, value, and its release if told;
                       or a wide frame, periods in rows and series in columns
        ``events``     a row for each event of a calendar: when, what, and the figures of it
        ``facts``      a row for each fact of a filing: symbol, tag, unit, start, end, val, filed
        ``statements`` a row for each statement of a quarter: symbol, its end, a column each item
        ``snapshots``  a row for each answer: symbol, when it was asked, a column for each item
        ``bars``       rows by (timestamp, symbol)
        ============== ====================================================================
    columns : mapping of str to str
        Part -> column: ``{"period": "date", "released": "realtime_start"}``.
    zone : str, default=""
        Of times without one.
    """

    name: str
    kind: Kind
    columns: Mapping[str, str] = field(default_factory=dict)
    zone: str = ""


@dataclass(frozen=True, kw_only=True)
class SourceInput:
    """One thing that a factor reads.

    Attributes
    ----------
    name : str
        As the expression calls it.
    table : SourceTable
        In which frame it stands.
    of : str
        What of it: the series, the item, the column; of a concept, its name.
    title : str
        In words.
    each : str, default=""
        An expression of ``x``, computed over its own periods before it is aligned; of series that
        are revised, over the periods as they were known after each release.
    measure : str, default=""
        Of facts and statements, see `fiscal_values`; of events ``"actual"``, ``"surprise"`` or
        ``"revision"``.
    ago : int, default=0
        Of facts and statements, of how many years before.
    release : Release
        When it became known, where the frame does not tell.
    told : Release
        When it became known, where the frame tells.
    max_age : str, default=""
        For how long a value is shown after its release.
    tags : tuple of str, default=()
        Of a concept, the first that was told counts.
    unit : str, default=""
        Of facts.
    """

    name: str
    table: SourceTable
    of: str
    title: str = ""
    each: str = ""
    measure: FiscalMeasure | Literal["", "actual", "surprise", "revision"] = ""
    ago: int = 0
    release: Release = field(default_factory=Release)
    told: Release = field(default_factory=Release)
    max_age: str = ""
    tags: tuple[str, ...] = ()
    unit: str = ""

    @property
    def everybodys(self) -> bool:
        """Whether it is the same for every symbol."""
        # "^VIX:close" is a column of one symbol's bars
        market = self.table.kind == "bars" and ":" in self.of
        return self.table.kind in ("series", "events") or market

    @property
    def text(self) -> str:
        """Where it comes from, in words."""
        parts = [self.of]
        if self.measure:
            parts.append(self.measure.replace("_", " "))
        if self.ago:
            parts.append(f"{self.ago} year{'s' if self.ago > 1 else ''} ago")
        if self.each:
            parts.append(self.each)
        return ", ".join(parts)


@dataclass(frozen=True, kw_only=True)
class SourceFactor:
    """A factor of a source.

    Attributes
    ----------
    name : str
        ``"fred.term_spread"``.
    title : str
        In words.
    source : str
        Of which.
    expression : str
        Of its inputs, on the rows of the prices.
    inputs : tuple of SourceInput
        What it reads.
    units : str
        Of its values.
    universe : str
        ``"each"``: of every symbol a value of its own; ``"market"``: the same for all.
    frequency : str
        How often it can change: the frequency of its slowest input.
    reference : str
        Where it was described.
    """

    name: str
    title: str
    source: str
    expression: str
    inputs: tuple[SourceInput, ...]
    units: str
    universe: Literal["each", "market"]
    frequency: str
    reference: str

    @property
    def point_in_time(self) -> PointInTime:
        """From when on its data may be used."""
        barred = all(one.table.kind in ("bars", "prices") for one in self.inputs)
        return PointInTime.BAR_CLOSE if barred else PointInTime.RELEASE

    @property
    def rule(self) -> str:
        """When its inputs count as known, in words."""
        rules = dict.fromkeys(_rule(one) for one in self.inputs)
        return "; ".join(rules)

    @property
    def lineage(self) -> tuple[str, ...]:
        """Where it comes from, from source to shape."""
        return (self.source, *(one.text for one in self.inputs), self.expression)

    @property
    def definition(self) -> FactorDefinition:
        """The factor as others know it, an expression of the names of its inputs."""
        return FactorDefinition(
            name=self.name,
            expression=self.expression,
            frequency="1d",
            point_in_time=self.point_in_time,
            lineage=self.lineage,
        )


@dataclass(frozen=True, kw_only=True)
class SourceFamily:
    """The factors of a source.

    Attributes
    ----------
    name, title : str
    reference : str
        Who publishes the data.
    tables : tuple of SourceTable
        The frames that they are computed from.
    factors : tuple of SourceFactor
    """

    name: str
    title: str
    reference: str
    tables: tuple[SourceTable, ...]
    factors: tuple[SourceFactor, ...]

    def __repr__(self) -> str:
        frames = ", ".join(one.name for one in self.tables)
        return f"SourceFamily({self.title}: {len(self.factors)} factors of the frames {frames})"


def _rule(one: SourceInput) -> str:
    if one.table.kind == "prices":
        return "the row's own price"
    if one.table.kind == "bars":
        return "known when its bar has closed"
    if one.table.kind in ("series", "statements"):
        return f"{one.told.text}; where not told {one.release.text}"
    return one.told.text
