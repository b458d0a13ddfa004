"""Which factors there are."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import TYPE_CHECKING

from nautilus_lab.exceptions import InputError
from nautilus_lab.factors.sources._definition import SourceFactor, SourceFamily
from nautilus_lab.factors.sources._read import FAMILIES, family

if TYPE_CHECKING:
    import pandas as pd


def source_family(name: str) -> SourceFamily:
    """Return the factors of a source.

    Parameters
    ----------
    name : str
        ``"alpha_vantage"``, ``"fred"``, ``"edgar"``, ``"data_gov"``, ``"yahoo"``,
        ``"trading_economics"``, ``"dbnomics"`` or ``"ibkr"``.

    Raises
    ------
    InputError
        When there is no such source.

    Examples
    --------
    >>> source_family("fred")
    SourceFamily(FRED: 32 factors of the frames fred)
    """
    if name not in FAMILIES:
        raise InputError("a source must be known", value=name, remedy=", ".join(FAMILIES))
    return family(name)


def source_factor(name: str) -> SourceFactor:
    """Return a factor of a source.

    Parameters
    ----------
    name : str
        Source and factor: ``"fred.inflation"``.

    Raises
    ------
    InputError
        When there is none; names those that are near.

    Examples
    --------
    >>> source_factor("edgar.gross_profitability").expression
    'gross_profit / assets'
    """
    return factors_named(name)[0]


def source_catalog(find: str = "") -> pd.DataFrame:
    """Return every factor of every source, or those whose row has a text in it.

    Parameters
    ----------
    find : str, default=""
        Part of any cell, in any case.

    Returns
    -------
    DataFrame
        By name: source, title, reads, expression, known, universe, frequency, units, reference.

    Examples
    --------
    >>> source_catalog("piotroski").index.to_list()
    ['edgar.return_on_assets', 'edgar.f_score']
    """
    import pandas as pd

    rows = [_row(factor) for name in FAMILIES for factor in family(name).factors]
    table = pd.DataFrame(rows).set_index("name")
    if not find:
        return table
    cells = table.reset_index().astype(str).apply(lambda row: " ".join(row).lower(), axis=1)
    return table[cells.str.contains(find.lower(), regex=False).to_numpy()]


def factors_named(names: str | Iterable[str]) -> list[SourceFactor]:
    """Return factors by the names of sources and factors, each once."""
    found: dict[str, SourceFactor] = {}
    for name in [names] if isinstance(names, str) else names:
        source, _, short = name.partition(".")
        if source not in FAMILIES:
            raise InputError("a source must be known", value=name, remedy=", ".join(FAMILIES))
        every = {one.name: one for one in family(source).factors}
        if short and name not in every:
            near = get_close_matches(name, every, n=3)
            raise InputError(
                f"{family(source).title} must have the factor",
                value=name,
                remedy=f"did you mean {' or '.join(near)}?" if near else "see source_catalog()",
            )
        found |= {name: every[name]} if short else every
    if not found:
        raise InputError("ask for a factor", remedy='pass "fred", or "fred.inflation"')
    return list(found.values())


def _row(factor: SourceFactor) -> dict[str, str]:
    return {
        "name": factor.name,
        "source": factor.source,
        "title": factor.title,
        "reads": "; ".join(f"{one.name} = {one.text}" for one in factor.inputs),
        "expression": factor.expression,
        "known": factor.rule,
        "universe": factor.universe,
        "frequency": factor.frequency,
        "units": factor.units,
        "reference": factor.reference,
    }
