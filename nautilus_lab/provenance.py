"""Where a frame came from and what a reader must be told about it.

The marks ride in `DataFrame.attrs`, as plain JSON values, so that selections, arithmetic and
parquet files keep them; every tear sheet and chart prints them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["SURVIVORS_ONLY", "Provenance", "mark", "provenance"]

SURVIVORS_ONLY = (
    "Survivor bias: only companies that still traded at the end of the sample are in it, so "
    "returns are overstated."
)

_KEY = "nautilus_lab"


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """What is known of a frame's origin.

    Attributes
    ----------
    source : str
        Who published the data: ``"skfolio 1.12 sp500_dataset"``. Empty when unknown.
    notices : tuple of str
        Sentences a reader must see beside any result: known biases, gaps, adjustments.
    simulated : bool
        Whether any value was made by a simulator and not observed in a market.
    """

    source: str = ""
    notices: tuple[str, ...] = ()
    simulated: bool = False

    @property
    def caption(self) -> str:
        """The line charts and tear sheets print; empty when there is nothing to say."""
        marks = ("SIMULATED DATA",) if self.simulated else ()
        return " ".join((*marks, *self.notices))


def mark[Frame: (pd.DataFrame, pd.Series)](frame: Frame, made_by: Provenance) -> Frame:
    """Return `frame` (shallow copy) carrying `made_by`."""
    marked = frame.copy(deep=False)
    marked.attrs = {
        **frame.attrs,
        _KEY: {
            "source": made_by.source,
            "notices": list(made_by.notices),
            "simulated": made_by.simulated,
        },
    }
    return marked


def provenance(*frames: pd.DataFrame | pd.Series[float]) -> Provenance:
    """Return what is known of `frames` together: simulated if any is, every notice once."""
    found = [frame.attrs.get(_KEY, {}) for frame in frames]
    sources = dict.fromkeys(str(f["source"]) for f in found if f.get("source"))
    notices = dict.fromkeys(str(n) for f in found for n in f.get("notices", ()))
    return Provenance(
        source=", ".join(sources),
        notices=tuple(notices),
        simulated=any(bool(f.get("simulated")) for f in found),
    )
