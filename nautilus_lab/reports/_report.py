"""A report: tables of figures that say the same in every format."""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self, TypeAlias

from nautilus_lab.display import Facts, HasTearSheet, Table, TearSheet
from nautilus_lab.exceptions import InputError
from nautilus_lab.provenance import Provenance
from nautilus_lab.reports._completeness import Completeness
from nautilus_lab.reports._lineage import Lineage

if TYPE_CHECKING:
    import pandas as pd

# None is nothing to say; NaN is a figure that could not be had.
Cell: TypeAlias = str | float | int | bool | None

_LONGEST = 32_000  # characters of a cell; a spreadsheet takes 32,767
_EXACT = 10**15  # whole numbers that a spreadsheet holds to the last digit
_LARGEST = 1.79769313486231e308  # of 15 digits
_NOT_IN_NAMES = frozenset("[]:*?/\\'")


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """A column of a report.

    Parameters
    ----------
    name : str
        Its heading.
    unit : str, default=""
        What its figures are counted in: ``"USD"``, ``"fraction"``, ``"bp"``.
    form : str, default=",.6g"
        How people read its figures, a format specification; files for machines have all digits.
    """

    name: str
    unit: str = ""
    form: str = ",.6g"

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", _text(self.name))
        object.__setattr__(self, "unit", _text(self.unit))

    @classmethod
    def of_money(cls, name: str, unit: str) -> Self:
        """Return a column of a currency, which people read in cents, or of fractions."""
        return cls(name=name, unit=unit, form=",.6g" if unit in ("", "fraction") else ",.2f")

    @property
    def heading(self) -> str:
        """Name and unit."""
        return f"{self.name} ({self.unit})" if self.unit else self.name


@dataclass(frozen=True, kw_only=True)
class Section:
    r"""One table of a report.

    Figures are kept to 15 significant digits, which every format can hold: they read back equal
    from each. Times are text, ISO and UTC. Characters that cannot be printed are blanks.

    Parameters
    ----------
    name : str
        Its heading, unique in the report; at most 31 characters, none of ``[]:*?/\'``.
    columns : sequence of Column
        At least one, each name once.
    rows : sequence of sequence
        The cells; numbers, text, times, true or false, or None.
    source : str, default=""
        Where its figures come from: data and method.
    note : str, default=""
        What a reader must know of it.

    Raises
    ------
    InputError
        When a row has another number of cells, a cell is of another type or longer than 32,000
        characters, or a name cannot be one.
    """

    name: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Any, ...], ...] = ()
    source: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        name = _text(self.name)
        if not 1 <= len(name) <= 31 or _NOT_IN_NAMES & set(name):
            raise InputError(
                "a section's name must have 1 to 31 characters, none of []:*?/\\'", value=name
            )
        columns = tuple(self.columns)
        names = [column.name for column in columns]
        if not names or len(set(names)) < len(names):
            raise InputError("a section must have columns, each name once", value=names)
        rows = tuple(tuple(_cell(value) for value in row) for row in self.rows)
        wrong = [place for place, row in enumerate(rows) if len(row) != len(columns)]
        if wrong:
            raise InputError(
                f"each row of {name} must have {len(columns)} cells",
                value=f"{len(rows[wrong[0]])} in row {wrong[0]}",
            )
        for attribute, value in (
            ("name", name),
            ("columns", columns),
            ("rows", rows),
            ("source", _text(self.source)),
            ("note", _text(self.note)),
        ):
            object.__setattr__(self, attribute, value)

    @property
    def numeric(self) -> tuple[bool, ...]:
        """Whether a column has nothing but figures; they stand on the right."""
        return tuple(
            all(isinstance(row[n], int | float | None) for row in self.rows)
            and not any(isinstance(row[n], bool) for row in self.rows)
            for n in range(len(self.columns))
        )

    @classmethod
    def of_frame(
        cls,
        name: str,
        frame: pd.DataFrame,
        *,
        source: str = "",
        note: str = "",
        forms: Mapping[str, str] = MappingProxyType({}),
    ) -> Section:
        """Return a section of a frame's columns, read by `forms`; its index is left out."""
        return cls(
            name=name,
            columns=tuple(
                Column(name=str(column), form=forms.get(str(column), ",.6g"))
                for column in frame.columns
            ),
            rows=tuple(frame.itertuples(index=False, name=None)),
            source=source,
            note=note,
        )


@dataclass(frozen=True, kw_only=True)
class Report(HasTearSheet):
    """Sections with their lineage, as of a time, and how complete they are.

    Parameters
    ----------
    title : str
        The heading.
    subject : str
        What it is about: a trader, a book.
    as_of : datetime
        What is known at this time is in it, later things are not; tz-aware.
    sections : sequence of Section
        In reading order.
    lineage : Lineage
        Data, code and parameters.
    completeness : sequence of Completeness
        What was counted.
    provenance : Provenance, default=Provenance()
        Biases and gaps that a reader must see, and whether anything was simulated.

    Raises
    ------
    InputError
        When two sections have one name or `as_of` has no zone.
    """

    title: str
    subject: str
    as_of: datetime
    sections: tuple[Section, ...]
    lineage: Lineage
    completeness: tuple[Completeness, ...] = ()
    provenance: Provenance = field(default_factory=Provenance)

    def __post_init__(self) -> None:
        if self.as_of.tzinfo is None:
            raise InputError("as_of must have a time zone", value=self.as_of)
        object.__setattr__(self, "title", _text(self.title))
        object.__setattr__(self, "subject", _text(self.subject))
        object.__setattr__(self, "sections", tuple(self.sections))
        object.__setattr__(self, "completeness", tuple(self.completeness))
        # A spreadsheet does not tell capitals apart.
        names = [section.name.lower() for section in self.parts]
        if len(set(names)) < len(names):
            raise InputError("each section must have a name of its own", value=names)

    def __repr__(self) -> str:
        return (
            f"Report({self.title!r}, {self.subject}, {time_text(self.as_of)}, "
            f"{self.complete_text} complete)"
        )

    @property
    def complete(self) -> float:
        """The least of the shares that were counted, a fraction; 1 when nothing was."""
        return min((one.share for one in self.completeness), default=1.0)

    @property
    def complete_text(self) -> str:
        """The same in percent, rounded down: what lacks anything is not 100 %."""
        return f"{math.floor(self.complete * 1_000) / 10:.1f}%"

    @property
    def parts(self) -> tuple[Section, ...]:
        """All sections: what the report is, its own, completeness, and lineage."""
        return (_about(self), *self.sections, _counted(self), *_lineage(self.lineage))

    def write(self, path: str | Path) -> Path:
        """Write the report whole, or leave the file as it was.

        The same report gives the same bytes, in every format.

        Parameters
        ----------
        path : path
            Where to; its ending says how: ``.html``, ``.pdf``, ``.xlsx``, ``.csv``, ``.json``.

        Returns
        -------
        Path
            Where it was written.

        Raises
        ------
        InputError
            When the ending is another one, the folder does not exist or cannot be written, or a
            section has more rows than the format holds.
        """
        from nautilus_lab.reports._write import write

        return write(self, path)

    def render(self, form: str) -> bytes:
        """Return what `write` writes: "html", "pdf", "xlsx", "csv" or "json"."""
        from nautilus_lab.reports._write import render

        return render(self, form)

    def tear_sheet(self) -> TearSheet:
        """Return the report as facts and tables."""
        tables = [
            Table(
                title=section.name,
                rows=_frame(section),
                formats={column.heading: column.form for column in section.columns},
                note=" ".join(filter(None, (section.note, section.source))),
                wide=len(section.columns) > 4,
            )
            for section in self.parts[1:]
        ]
        return TearSheet(
            title=self.title,
            subtitle=self.subject,
            parts=(
                Facts(values={"As of": time_text(self.as_of), "Complete": self.complete_text}),
                *tables,
            ),
            provenance=self.provenance,
        )


def time_text(time: datetime) -> str:
    """Return a time as reports write it: ISO, UTC."""
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")


def number_text(value: float) -> str:
    """Return a number with all its digits; NaN and infinity by name."""
    if isinstance(value, int):
        return str(value)
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return repr(value)


def _about(report: Report) -> Section:
    said: list[tuple[Cell, ...]] = [
        ("report", report.title),
        ("subject", report.subject),
        ("as of", time_text(report.as_of)),
        ("complete", report.complete),
        ("simulated", report.provenance.simulated),
        *(("notice", notice) for notice in report.provenance.notices),
    ]
    return Section(
        name="About", columns=(Column(name="what"), Column(name="value")), rows=tuple(said)
    )


def _counted(report: Report) -> Section:
    rows: list[Sequence[Cell]] = []
    for one in report.completeness:
        rows.append((one.what, one.expected, one.present, one.share, None))
        rows += [(one.what, None, None, None, missing) for missing in one.missing]
    columns = (
        *(Column(name="what"), Column(name="expected"), Column(name="present")),
        *(Column(name="share", unit="fraction", form=".1%"), Column(name="missing")),
    )
    return Section(name="Completeness", columns=columns, rows=tuple(map(tuple, rows)))


def _lineage(lineage: Lineage) -> tuple[Section, Section]:
    named = tuple(Column(name=name) for name in ("data", "sha256", "rows", "last", "source"))
    used = tuple((o.name, o.sha256, o.rows, o.last, o.source or None) for o in lineage.data)
    made = (("code", lineage.code), *sorted(lineage.parameters.items()))
    return (
        Section(name="Data", columns=named, rows=used),
        Section(name="Made by", columns=(Column(name="what"), Column(name="value")), rows=made),
    )


def _frame(section: Section) -> pd.DataFrame:
    import pandas as pd

    heads = [column.heading for column in section.columns]
    # As objects: a column of whole numbers and blanks must not turn into floats.
    return pd.DataFrame(list(section.rows), columns=heads, dtype=object)


def _cell(value: object) -> Cell:
    import numpy as np

    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        text = _text(value)
        if len(text) > _LONGEST:
            raise InputError(
                f"a cell must not have more than {_LONGEST:,} characters", value=len(text)
            )
        return text
    if isinstance(value, datetime):
        if value != value:  # NaT
            return None
        if value.tzinfo is None:
            raise InputError("the times of a report must be tz-aware", value=value)
        return time_text(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, numbers.Integral):
        whole = int(value)
        return whole if abs(whole) < _EXACT else str(whole)
    if isinstance(value, Decimal | numbers.Real):
        number = float(value)
        if not math.isfinite(number):
            return number
        # -0.0 is 0 to every reader; and what rounds to above the largest number is that number.
        rounded = float(f"{number:.15g}") or 0.0
        return rounded if math.isfinite(rounded) else math.copysign(_LARGEST, number)
    raise InputError(
        "a cell must be a number, text, a time, true or false, or None",
        value=type(value).__name__,
    )


def _text(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in str(text))
