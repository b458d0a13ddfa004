"""The operators by name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING

from nautilus_lab.exceptions import InputError
from nautilus_lab.factors.expressions._cross_section import cross_sectional_operators
from nautilus_lab.factors.expressions._elementwise import elementwise_operators
from nautilus_lab.factors.expressions._operator import Family, Kind, Operator
from nautilus_lab.factors.expressions._time_series import time_series_operators

if TYPE_CHECKING:
    import pandas as pd


class OperatorTable(Mapping[str, Operator]):
    """Operators by name; each name once."""

    def __init__(self, operators: Iterable[Operator]) -> None:
        self._operators: dict[str, Operator] = {}
        for one in operators:
            if one.name in self._operators:
                raise InputError("an operator's name must be its own", value=one.name)
            self._operators[one.name] = one

    def __getitem__(self, name: str) -> Operator:
        found = self._operators.get(name)
        if found is None:
            raise InputError("an operator must be in the table", value=name, remedy=self.near(name))
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._operators)

    def __len__(self) -> int:
        return len(self._operators)

    def __contains__(self, name: object) -> bool:
        return name in self._operators

    def __repr__(self) -> str:
        return f"OperatorTable({len(self)} operators)"

    def near(self, name: str) -> str:
        """Return the operators that a name was perhaps meant to be, as a question."""
        near = get_close_matches(name.lower(), self._operators, 3, 0.5)
        return f"did you mean {' or '.join(near)}?" if near else "see OPERATORS.table()"

    def table(self, family: Family | None = None) -> pd.DataFrame:
        """Return the operators, or those of one family, as a table by name.

        Returns
        -------
        DataFrame, shape (operators, 8)
            ``call``, ``family``, ``formula``, ``arguments`` (with kinds and bounds), ``returns``,
            ``warm_up``, ``missing`` (where it is not known) and ``reference``.
        """
        import pandas as pd

        rows = {
            one.name: {
                "call": one.call,
                "family": one.family.value,
                "formula": one.formula,
                "arguments": ", ".join(_described(one)),
                "returns": one.returns.value,
                "warm_up": one.warm_up.value + (", fading" if one.fades else ""),
                "missing": one.missing,
                "reference": one.reference,
            }
            for one in self._operators.values()
            if family is None or one.family is family
        }
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis("operator")


def _described(operator: Operator) -> Iterator[str]:
    for one in operator.arguments:
        bounds = ""
        if one.kind in (Kind.WINDOW, Kind.WHOLE, Kind.CONSTANT) and one.least != -float("inf"):
            upper = f" to {one.most:g}" if one.most != float("inf") else " or more"
            bounds = f" {one.least:g}{upper}"
        yield f"{one}: {one.kind.value}{bounds}"


OPERATORS = OperatorTable(
    (*elementwise_operators(), *cross_sectional_operators(), *time_series_operators())
)
