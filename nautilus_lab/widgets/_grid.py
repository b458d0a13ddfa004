"""A table that keeps up."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, TypeAlias

import traitlets as t

from nautilus_lab.exceptions import InputError
from nautilus_lab.widgets._asking import Asking
from nautilus_lab.widgets._library import Theme

Cell: TypeAlias = str | float | int | None
Row: TypeAlias = Mapping[str, Cell]


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of a `Grid`.

    Parameters
    ----------
    key : str
        Which value of a row.
    label : str
        What stands above it.
    kind : str, default="text"
        ``text``; ``number``; ``exact``, a number with all its decimals; ``signed``, a number with
        its sign, coloured; ``time``, UNIX seconds; ``side``; ``status``; ``bar``, a fraction,
        coloured by the row's ``level``; ``action``, a button with the value as its label, which
        calls the grid's `on_press`.
    digits : int, default=2
        Decimals of a number; the fewest of one that is exact.
    width : float, default=1.0
        Share of the table's width.
    fits : int, default=0
        How many characters are seen whole, however little room there is: the table scrolls then.
    flash : bool, default=False
        Whether a change lights up for a moment.
    confirm : bool, default=False
        Whether a button must be pressed twice.
    """

    key: str
    label: str
    kind: Literal[
        "text", "number", "exact", "signed", "time", "side", "status", "bar", "action"
    ] = "text"
    digits: int = 2
    width: float = 1.0
    fits: int = 0
    flash: bool = False
    confirm: bool = False


class Grid(Asking):
    """Rows by id, of which only what changed is sent.

    Parameters
    ----------
    columns : sequence of Column
        What is shown of each row.
    title, empty : str
        What stands above the table, and in it while there are no rows.
    height : int, default=240
        Pixels, at least: beside a higher neighbour a table grows.
    newest_first : bool, default=False
        Whether new rows are put on top.
    sort_by : str, default=""
        The column whose values order the rows at first, ``"-key"`` for the largest first; none
        when empty.
    most_rows : int, default=500
        The oldest row makes room for one more; the table says so.
    on_press : callable, optional
        Called with a row's id and a column's key when its button was pressed. It decides whether
        the one who pressed may; what became of it is shown by `answer`.
    theme : {"auto", "dark", "light"}, default="auto"
        Colours; those of the page around when "auto".

    Examples
    --------
    >>> grid = Grid([Column(key="quantity", label="Quantity", kind="number")])
    >>> grid.put([{"id": "AAPL", "quantity": 10.0}, {"id": "KO", "quantity": 5.0}])
    >>> grid.put([{"id": "KO", "quantity": 7.0}])
    >>> grid.remove(["AAPL"])
    >>> grid.rows
    [{'id': 'KO', 'quantity': 7.0}]
    """

    columns = t.List(t.Dict()).tag(sync=True)
    rows = t.List(t.Dict()).tag(sync=True)
    title = t.Unicode().tag(sync=True)
    empty = t.Unicode().tag(sync=True)
    height = t.Int(240).tag(sync=True)
    newest_first = t.Bool(False).tag(sync=True)
    sort_by = t.Unicode().tag(sync=True)
    most_rows = t.Int(500).tag(sync=True)

    def __init__(
        self,
        columns: Sequence[Column],
        *,
        title: str = "",
        empty: str = "nothing here yet",
        height: int = 240,
        newest_first: bool = False,
        sort_by: str = "",
        most_rows: int = 500,
        on_press: Callable[[str, str], None] | None = None,
        theme: Theme = "auto",
    ) -> None:
        if not columns:
            raise InputError("a grid needs a column", remedy="pass [Column(key=..., label=...)]")
        self._most_rows = most_rows
        self._on_press = on_press
        self._buttons = frozenset(c.key for c in columns if c.kind == "action")
        self._place: dict[str, dict[str, Cell]] = {}  # id -> its row, oldest first
        super().__init__(
            columns=[asdict(column) for column in columns],
            title=title,
            empty=empty,
            height=height,
            newest_first=newest_first,
            sort_by=sort_by,
            most_rows=most_rows,
            theme=theme,
        )

    def put(self, rows: Iterable[Row]) -> None:
        """Add rows, or bring those with a known ``id`` up to date.

        Raises
        ------
        InputError
            When a row has no ``id``; none is added then.
        """
        wanted = [dict(row) for row in rows]
        for row in wanted:
            if not isinstance(row.get("id"), str):
                raise InputError("a row must have an id of type str", value=row.get("id"))
        news: dict[str, dict[str, Cell]] = {}
        for row in wanted:
            row_id = str(row["id"])
            clean = {key: _showable(value) for key, value in row.items()}
            known = self._place.get(row_id)
            if known is None:
                self._place[row_id] = clean
                news[row_id] = clean
                continue
            changed = {key: value for key, value in clean.items() if known.get(key) != value}
            known.update(changed)
            if changed:
                news[row_id] = {**news.get(row_id, {}), **changed, "id": row_id}
        gone = []
        while len(self._place) > self._most_rows:
            oldest = next(iter(self._place))
            del self._place[oldest]
            if news.pop(oldest, None) is None:
                gone.append(oldest)
        self._tell(list(news.values()), gone)

    def remove(self, ids: Iterable[str]) -> None:
        """Take rows away; ids that are not there are no error."""
        gone = [row_id for row_id in ids if self._place.pop(row_id, None) is not None]
        self._tell([], gone)

    def replace(self, rows: Iterable[Row]) -> None:
        """Show these rows and no others."""
        self._place.clear()
        self.put(rows)
        self._send_all()

    def _tell(self, rows: list[dict[str, Cell]], gone: list[str]) -> None:
        # The trait is changed in place: a page that opens reads it, open ones get the news.
        self.rows[:] = list(self._place.values())
        if rows or gone:
            self.send({"kind": "rows", "rows": rows, "gone": gone})

    def _send_all(self) -> None:
        self.send({"kind": "all", "rows": self.rows})

    def _take(self, content: dict[str, Any]) -> None:
        row = self._place.get(str(content.get("id", "")))
        pressed = str(content.get("key", ""))
        # A page can say what it likes, and change each trait: only a button that is there counts.
        there = row is not None and pressed in self._buttons and bool(row.get(pressed))
        if content.get("kind") == "press" and self._on_press and row is not None and there:
            self._on_press(str(row["id"]), pressed)


def _showable(value: Any) -> Cell:
    # JSON, which widgets speak, has no NaN.
    return None if isinstance(value, float) and not math.isfinite(value) else value
