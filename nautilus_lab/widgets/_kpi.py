"""The figures that are looked at first."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import traitlets as t

from nautilus_lab.exceptions import InputError
from nautilus_lab.widgets._library import LabWidget, Theme


@dataclass(frozen=True, kw_only=True)
class Kpi:
    """One card.

    Parameters
    ----------
    key : str
        The name its value goes by.
    label : str
        What stands above it.
    unit : str, default=""
        What stands below it.
    digits : int, default=2
        Decimals.
    signed : bool, default=False
        Whether to show the sign of gains, too.
    coloured : bool, default=False
        Whether gains and losses have colours.
    """

    key: str
    label: str
    unit: str = ""
    digits: int = 2
    signed: bool = False
    coloured: bool = False


class KpiRow(LabWidget):
    """Cards side by side, of which only those that changed are sent.

    Parameters
    ----------
    cards : sequence of Kpi
        The cards, from left to right.
    theme : {"auto", "dark", "light"}, default="auto"
        Colours; those of the page around when "auto".

    Examples
    --------
    >>> row = KpiRow([Kpi(key="equity", label="Equity", unit="USD")])
    >>> row.put({"equity": 1_000_250.0})
    >>> row.values
    {'equity': 1000250.0}
    """

    cards = t.List(t.Dict()).tag(sync=True)
    values = t.Dict().tag(sync=True)
    notes = t.Dict().tag(sync=True)

    def __init__(self, cards: Sequence[Kpi], *, theme: Theme = "auto") -> None:
        super().__init__(cards=[asdict(card) for card in cards], theme=theme)

    def put(self, values: Mapping[str, float], notes: Mapping[str, str] | None = None) -> None:
        """Show values, and what is to stand below them; one that is not finite shows as a dash.

        Raises
        ------
        InputError
            When a key is no card's.
        """
        keys = {card["key"] for card in self.cards}
        if unknown := (values.keys() | (notes or {}).keys()) - keys:
            raise InputError("a value must belong to a card", value=sorted(unknown))
        fresh = {
            key: value if math.isfinite(value) else None
            for key, value in values.items()
            if key not in self.values or not _same(self.values[key], value)
        }
        said = {key: text for key, text in (notes or {}).items() if self.notes.get(key) != text}
        # Changed in place: a page that opens reads the trait, open ones get the news.
        self.values.update(fresh)
        self.notes.update(said)
        if fresh or said:
            self.send({"kind": "values", "values": fresh, "notes": said})

    def _send_all(self) -> None:
        self.send({"kind": "values", "values": self.values, "notes": self.notes})


def _same(known: float | None, value: float) -> bool:
    return known == value or (known is None and not math.isfinite(value))
