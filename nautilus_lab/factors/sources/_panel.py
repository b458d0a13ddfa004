"""The factors of sources on the rows of a price frame."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nautilus_lab.exceptions import InputError
from nautilus_lab.factors.sources._definition import SourceFactor
from nautilus_lab.provenance import Provenance, mark

if TYPE_CHECKING:
    import pandas as pd

    from nautilus_lab._typing import Scores


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class SourcePanel(Mapping[str, "pd.DataFrame"]):
    """Factors by name, each a frame (time, symbol); what all symbols share is kept once.

    Attributes
    ----------
    factors : mapping of str to SourceFactor
        What each is.
    kept : mapping of str to DataFrame or Series
        By name; a series is the same for all symbols.
    left_out : mapping of str to str
        Factors that could not be computed, and why.
    symbols : Index
        The columns of every frame.
    made_by : Provenance
        Of the frames.
    """

    factors: Mapping[str, SourceFactor]
    kept: Mapping[str, pd.DataFrame | pd.Series[float]]
    left_out: Mapping[str, str]
    symbols: pd.Index[Any]
    made_by: Provenance

    def __repr__(self) -> str:
        left = f", {len(self.left_out)} left out" if self.left_out else ""
        return f"SourcePanel({len(self.kept)} factors x {len(self.symbols)} symbols{left})"

    def __getitem__(self, name: str) -> Scores:
        """Return a factor of every symbol; NaN where it was not known."""
        import numpy as np
        import pandas as pd

        if name not in self.kept:
            why = self.left_out.get(name, "")
            raise InputError(
                "the panel must hold the factor",
                value=f"{name}: {why}" if why else name,
                remedy=f"it has {', '.join(self.kept)}",
            )
        found = self.kept[name]
        if isinstance(found, pd.Series):
            wide = np.repeat(found.to_numpy()[:, None], len(self.symbols), axis=1)
            found = pd.DataFrame(wide, found.index, self.symbols)
        return mark(found, self.made_by)

    def __iter__(self) -> Iterator[str]:
        return iter(self.kept)

    def __len__(self) -> int:
        return len(self.kept)

    def __contains__(self, name: object) -> bool:
        return name in self.kept

    def lineage(self, name: str) -> tuple[str, ...]:
        """Return where a factor comes from, from source to shape."""
        if name not in self.factors:
            raise InputError("the panel must hold the factor", value=name)
        return self.factors[name].lineage

    def summary(self) -> pd.DataFrame:
        """Return by factor: title, share of rows known, first row known, its newest value."""
        import pandas as pd

        rows = {}
        for name, found in self.kept.items():
            first = found.dropna(how="all").index
            last = found.mean(axis=1) if isinstance(found, pd.DataFrame) else found
            known = found.notna().to_numpy()
            rows[name] = {
                "title": self.factors[name].title,
                "known": float(known.mean()),
                "since": first[0] if len(first) else pd.NaT,
                "newest": float(last.iloc[-1]),
                "universe": self.factors[name].universe,
            }
        return pd.DataFrame.from_dict(rows, orient="index")
