"""How much memory a work takes, said before it starts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nautilus_lab.exceptions import InputError

Work = Literal[
    "zscores", "ranks", "scan", "most_correlated", "near_duplicates", "clusters", "evaluate_many"
]

# what a process holds before any data: Python, numpy, pandas, scipy, and what compiles kernels
_PROCESS = 340_000_000
_PLAN = 70_000_000  # correlations of a sample, libraries of linear algebra
_KEYS = 4_000_000  # a thread's keys and working rows


@dataclass(frozen=True, kw_only=True)
class MemoryEstimate:
    """The memory that a work takes at its peak.

    Attributes
    ----------
    work : str
        The name of the function.
    parts : dict of str to int
        What is held at the same time, bytes each; ``process`` is there before any data.
    """

    work: str
    parts: dict[str, int]

    @property
    def bytes(self) -> int:
        """All parts together."""
        return sum(self.parts.values())

    def __repr__(self) -> str:
        return f"MemoryEstimate({self.work}: {self.bytes / 1e6:,.0f} MB)"

    def require(self, max_bytes: int | None) -> None:
        """Raise `InputError` when it is more than `max_bytes`; None is no bound."""
        if max_bytes is not None and self.bytes > max_bytes:
            largest = max(self.parts, key=lambda part: self.parts[part])
            raise InputError(
                f"{self.work} must fit into max_bytes={max_bytes:,}",
                value=f"{self.bytes:,} bytes, most of them for {largest}",
                remedy="pass fewer factors at a time, or allow more",
            )


def estimate(
    work: Work,
    n_factors: int,
    n_observations: int,
    *,
    horizons: int = 1,
    queries: int = 1_000,
    k: int = 20,
    pairs: int | None = None,
    symbols: int = 1,
    quantiles: int = 5,
    threads: int = 2,
) -> MemoryEstimate:
    """Estimate what a work takes at its peak, the input and the process included.

    Parameters
    ----------
    work : str
        Name of the function: ``"scan"``, ``"near_duplicates"``, ...
    n_factors, n_observations : int
        Of the matrix; for ``"evaluate_many"`` the observations are dates.
    horizons : int, default=1
        Lines of what came after.
    queries, k : int
        Of `most_correlated`.
    pairs : int, optional
        How many pairs of duplicates to expect; by default one for each ten factors.
    symbols, quantiles : int
        Of `evaluate_many`.
    threads : int, default=2

    Returns
    -------
    MemoryEstimate

    Raises
    ------
    InputError
        For a work that is not known.

    Examples
    --------
    >>> estimate("zscores", 380_000, 252)
    MemoryEstimate(zscores: 1,106 MB)
    """
    cells = n_factors * n_observations
    parts = {"process": _PROCESS, "input": 4 * cells}
    expected = n_factors // 10 if pairs is None else pairs
    match work:
        case "zscores":
            parts["answer"] = 4 * cells
        case "ranks":
            parts |= {"answer": 4 * cells, "keys": _KEYS * threads}
        case "scan":
            parts |= {"answer": 12 * n_factors * horizons, "keys": _KEYS * threads}
        case "most_correlated":
            parts["standardised"] = 4 * cells
            parts["blocks"] = threads * queries * (4 * 512 + 8 * k)
        case "near_duplicates":
            parts["standardised"] = 4 * cells
            parts["codes"] = n_factors * (4 * 40 + 3 * 32 + 24)
            parts["plan"] = _PLAN
            parts["pairs"] = 3 * 16 * expected
        case "clusters":
            parts["standardised"] = 4 * cells
            parts["codes"] = n_factors * (4 * 40 + 3 * 32 + 24)
            parts["plan"] = _PLAN
            parts["components"] = n_factors * 64 + 16 * 24 * expected
        case "evaluate_many":
            parts["input"] *= symbols
            ahead = n_observations * symbols * horizons
            parts["returns ahead"] = 28 * ahead
            parts["answer"] = 4 * n_factors * n_observations * horizons * (2 + quantiles)
            parts["keys"] = _KEYS * threads
        case _:
            raise InputError("the work must be known", value=work, remedy="'scan'")
    return MemoryEstimate(work=work, parts=parts)
