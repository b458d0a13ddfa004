"""Expressions of a panel that grows: new rows in, their values out, only what is needed kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from nautilus_lab.exceptions import BadData, InputError
from nautilus_lab.factors.expressions._definition import FactorDefinition
from nautilus_lab.factors.expressions._evaluate import (
    Wanted,
    computed,
    framed,
    named_universes,
    read,
    read_fields,
)
from nautilus_lab.factors.expressions._fields import Panel, panel
from nautilus_lab.factors.expressions._parse import BAR_FIELDS
from nautilus_lab.provenance import mark, provenance

if TYPE_CHECKING:
    import pandas as pd

    from nautilus_lab._typing import Scores


class ExpressionStream:
    """Expressions brought up to date with new rows.

    The values of new rows are those of a computation over the whole history. What is kept is as
    many earlier rows as the expressions look back, and of an exponential average as many as it
    takes to fade below a float's digits.

    Parameters
    ----------
    expressions : mapping of str to expression, or iterable of FactorDefinition
        By name.
    fields : iterable of str, optional
        What texts may name; the fields of bars when not given.
    definitions : mapping of str to str, optional
        Names that stand for expressions.
    universes : iterable of str, optional
        The universes that every update tells; ``"all"`` for that of texts.
    threads : int, default=2
        For wide panels.

    Attributes
    ----------
    lookback : int
        How many earlier rows are kept at most.
    rows : int
        How many rows it has seen.

    Examples
    --------
    >>> import pandas as pd
    >>> days = pd.date_range("2024-01-01", periods=4, tz="UTC")
    >>> close = pd.DataFrame({"A": [10.0, 11.0, 12.0, 16.0]}, days)
    >>> stream = ExpressionStream({"mean": "ts_mean(close, 3)"})
    >>> stream.update({"close": close.iloc[:3]})["mean"]["A"].to_list()
    [nan, nan, 11.0]
    >>> stream.update({"close": close.iloc[3:]})["mean"]["A"].to_list()
    [13.0]
    """

    def __init__(
        self,
        expressions: Mapping[str, Wanted] | Iterable[FactorDefinition],
        *,
        fields: Iterable[str] = BAR_FIELDS,
        definitions: Mapping[str, str] | None = None,
        universes: Iterable[str] = (),
        threads: int = 2,
    ) -> None:
        self._jobs = read(expressions, tuple(fields), definitions, universes)
        self._numbers, self._groups = read_fields(self._jobs)
        self._universes = frozenset(universes)
        self._threads = threads
        self.lookback = max(one.lookback for one, _ in self._jobs.values())
        self.rows = 0
        self._kept: Panel | None = None

    def __repr__(self) -> str:
        return f"ExpressionStream({len(self._jobs)} expressions, {self.rows:,} rows seen)"

    def update(
        self,
        fields: Mapping[str, pd.DataFrame],
        *,
        universe: pd.DataFrame | Mapping[str, pd.DataFrame] | None = None,
    ) -> dict[str, Scores]:
        """Take new rows; return their values.

        Parameters
        ----------
        fields : mapping of str to DataFrame, shape (new times, symbol)
            What the expressions read, later than all before, of the same symbols.
        universe : DataFrame of bool, shape (new times, symbol), or mapping of such, optional
            The universes that the stream was made with.

        Returns
        -------
        dict of str to DataFrame, shape (new times, symbol)

        Raises
        ------
        InputError
            When a field or universe is missing.
        BadData
            When rows are not new, symbols others than before, or see `evaluate`. The stream stays
            as it was.
        """
        universes = named_universes(universe)
        if set(universes) != self._universes:
            raise InputError(
                "every update tells the universes that the stream was made with",
                value=", ".join(universes) or "none",
                remedy=f"pass {', '.join(sorted(self._universes)) or 'none'}",
            )
        new = panel(fields, self._numbers, self._groups, universes, whole=False)
        joined = new if self._kept is None else _joined(self._kept, new)
        skip = len(joined.times) - len(new.times)
        made_by = provenance(*(fields[name] for name in (*self._numbers, *self._groups)))
        found = {
            name: mark(framed(values[skip:], new), made_by)
            for name, values in computed(joined, self._jobs, None, self._threads)
        }
        self.rows += len(new.times)
        self._kept = _last(joined, self.lookback)
        return found


def _joined(kept: Panel, new: Panel) -> Panel:
    import numpy as np

    if not new.symbols.equals(kept.symbols):
        strange = [str(s) for s in new.symbols.symmetric_difference(kept.symbols)[:3]]
        raise BadData(
            "new rows must be of the symbols before",
            value=", ".join(strange) or "in another order",
            remedy="begin a new stream with the whole history",
        )
    if not new.times[0] > kept.times[-1]:
        raise BadData(
            "new rows must be later than all before",
            value=f"{new.times[0].isoformat()} after {kept.times[-1].isoformat()}",
        )
    return Panel(
        numbers={
            name: np.concatenate([kept.numbers[name], values])
            for name, values in new.numbers.items()
        },
        labels={
            name: np.concatenate([kept.labels[name], values]) for name, values in new.labels.items()
        },
        universes={
            name: np.concatenate([kept.universes[name], values])
            for name, values in new.universes.items()
        },
        times=kept.times.append(new.times),
        symbols=new.symbols,
        start=kept.start,
    )


def _last(joined: Panel, lookback: int) -> Panel:
    """Return the last rows of a panel, in memory of their own; at least one, for its time."""
    first = max(len(joined.times) - max(lookback, 1), 0)
    return Panel(
        numbers={name: values[first:].copy() for name, values in joined.numbers.items()},
        labels={name: values[first:].copy() for name, values in joined.labels.items()},
        universes={name: values[first:].copy() for name, values in joined.universes.items()},
        times=joined.times[first:],
        symbols=joined.symbols,
        start=joined.start + first,
    )
