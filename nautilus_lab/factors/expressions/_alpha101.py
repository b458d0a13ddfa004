"""The 101 formulaic alphas, read from the texts they were published in."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from nautilus_lab.factors.expressions._operators import OPERATORS
from nautilus_lab.factors.expressions._parse import BAR_FIELDS, Dialect, parse, parse_dialect
from nautilus_lab.factors.expressions._tree import Constant, Node

# number -> text, one a line
_PUBLISHED = Path(__file__).with_name("alpha101.tsv")

# number -> why it cannot be computed from the fields of bars and industries
ALPHA101_LEFT_OUT: Mapping[int, str] = MappingProxyType(
    {56: "it reads the market capitalisation, cap, which neither bars nor industries tell"}
)

# name there, in lower case -> name here
_NAMES = {
    "correlation": "ts_corr",
    "covariance": "ts_cov",
    "stddev": "ts_std",
    "sum": "ts_sum",
    "product": "ts_product",
    "indneutralize": "neutralize",
}
_INDUSTRY = re.compile(r"\bIndClass\.")
_ADV = re.compile(r"adv(\d+)")


def alpha101_published() -> dict[int, str]:
    """Return the 101 formulas as they were published [1]_, by number.

    References
    ----------
    .. [1] Kakushadze, Z. (2016). 101 Formulaic Alphas. Wilmott 2016(84), 72-81; arXiv:1601.00991,
       appendix A.

    Examples
    --------
    >>> alpha101_published()[101]
    '((close - open) / ((high - low) + .001))'
    """
    lines = _PUBLISHED.read_text("utf-8").splitlines()
    return {int(number): text for number, text in (line.split("\t") for line in lines)}


def alpha101(*, traded: str = "vwap * volume") -> dict[str, str]:
    """Return the formulaic alphas [1]_ as expressions; 100 of the 101, see `ALPHA101_LEFT_OUT`.

    They read open, high, low, close, volume, vwap, returns and the groups sector, industry and
    subindustry. The paper's rules are kept: a window of 8.9 days is one of 8, ``min`` and ``max``
    of a number of days are those of a window, ``adv20`` is the mean of what was traded in 20 days,
    ``rank`` and ``ts_rank`` give fractions. A comparison is 0 or 1.

    Parameters
    ----------
    traded : str, default="vwap * volume"
        What ``adv`` is the mean of, an expression: the paper says dollar volume. It also compares
        ``adv20`` with shares, in 7 and 21, which makes sense with ``traded="volume"``.

    Returns
    -------
    dict of str to str
        ``"alpha001"`` and so on -> expression.

    Raises
    ------
    InputError
        When `traded` is no expression of the fields.

    References
    ----------
    .. [1] Kakushadze, Z. (2016). 101 Formulaic Alphas. Wilmott 2016(84), 72-81; arXiv:1601.00991.

    Examples
    --------
    >>> alpha101()["alpha041"]
    '(high * low) ** 0.5 - vwap'
    """
    volume = parse(traded).text
    dialect = Dialect(
        operator=_operator, field=lambda name: _average_traded(name, volume), whole=math.floor
    )
    return {
        f"alpha{number:03}": parse_dialect(_INDUSTRY.sub("", text), dialect, BAR_FIELDS).text
        for number, text in alpha101_published().items()
        if number not in ALPHA101_LEFT_OUT
    }


def _operator(name: str, arguments: tuple[Node, ...]) -> str:
    lower = name.lower()
    if lower in ("min", "max") and isinstance(arguments[-1], Constant):
        return f"ts_{lower}"
    return _NAMES.get(lower, lower if lower in OPERATORS else name)


def _average_traded(name: str, volume: str) -> str | None:
    found = _ADV.fullmatch(name)
    return f"ts_mean({volume}, {found[1]})" if found else None
