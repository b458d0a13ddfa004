"""One trial, as the ledger tells it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from nautilus_lab.analytics.significance import SharpeSample
from nautilus_lab.display import Table
from nautilus_lab.exceptions import NotEnoughData
from nautilus_lab.trials._batch import MEASURES, Kind
from nautilus_lab.trials._recipe import Recipe

if TYPE_CHECKING:
    import pandas as pd

    from nautilus_lab.trials._entry import Entry
    from nautilus_lab.trials._ledger import Ledger
    from nautilus_lab.trials._reproduction import Reproduction
    from nautilus_lab.trials._verdict import DeflatedSharpe


@dataclass(frozen=True, kw_only=True, eq=False)
class Run:
    """One trial.

    Attributes
    ----------
    id : str
        ``"17"``, or ``"17.2"`` where an entry of the ledger holds several.
    study, kind, name : str
    hash : str
        Of what was tried: definition, data and settings.
    parameters : mapping
        Plain data.
    data : mapping of str to mapping
        By name, ``digest``, ``shape``, ``begin``, ``end``, ``source``, and ``kept``: why the data
        are not kept beside the ledger, empty when they are.
    code : mapping
        ``python``, ``packages``, and the revisions of ``library`` and ``workspace``, ``+`` where
        changed since.
    results : mapping of str to float
        ``sharpe`` (per period), ``t``, ``p``, ...
    recipe : Recipe
        How it is made again.
    recorded : datetime
        UTC.
    seed : int or None
    job : str
        The notebook run it was made in (`nautilus_lab.jobs`); empty outside of one.
    sampled : bool
        Whether its entry keeps the returns of some trials only.
    """

    id: str
    study: str
    kind: Kind
    name: str
    hash: str
    parameters: Mapping[str, Any] = field(repr=False)
    data: Mapping[str, Mapping[str, Any]] = field(repr=False)
    code: Mapping[str, Any] = field(repr=False)
    results: Mapping[str, float] = field(repr=False)
    recipe: Recipe = field(repr=False)
    recorded: datetime
    seed: int | None
    job: str
    sampled: bool
    row: int = field(repr=False)
    returns: pd.Series[float] | None = field(repr=False)
    ledger: Ledger = field(repr=False)

    def __repr__(self) -> str:
        return (
            f"Run({self.id}, {self.study!r}, {self.name}, sharpe={self.results['sharpe']:.4f}, "
            f"t={self.results['t']:.2f})"
        )

    def _repr_html_(self) -> str:
        return Table(title=f"Trial {self.id} of {self.study}", rows=self.rows(), wide=True).html

    @property
    def sample(self) -> SharpeSample:
        """Its Sharpe ratio per period, and what decides how sure it is.

        Raises
        ------
        NotEnoughData
            When it has fewer than 2 returns.
        """
        told = self.results
        if not told["n_observations"] >= 2:
            raise NotEnoughData(
                "a Sharpe ratio is taken of at least 2 returns",
                value=f"{told['n_observations']:g} of trial {self.id}",
            )
        return SharpeSample(
            sharpe=told["sharpe"],
            n_observations=int(told["n_observations"]),
            skewness=told["skewness"],
            kurtosis=told["kurtosis"],
        )

    @property
    def periods_per_year(self) -> float:
        """Returns a year, by their times; NaN when those are not known."""
        years = self.results["years"]
        return self.results["n_observations"] / years if years > 0 else math.nan

    def deflated_sharpe(self) -> DeflatedSharpe:
        """Judge it against all trials of its study; see `Ledger.deflated_sharpe`."""
        return self.ledger.deflated_sharpe(self)

    def reproduce(
        self,
        *data: pd.DataFrame,
        tolerance: float = 1e-9,
        changed_code: bool = False,
    ) -> Reproduction:
        """Make the trial again and compare.

        It imports and calls the function that the entry names, when the entry has the text of it
        recorded and it is none of Python itself: of a ledger from elsewhere as much an act of
        trust as running its notebook all the same, since who wrote it chose function and text.

        Parameters
        ----------
        *data : DataFrame
            In the order of `data`; by default what was kept beside the ledger.
        tolerance : float, default=1e-9
            Results that differ by no more, relative to their size, are equal.
        changed_code : bool, default=False
            Make it although the text of a function that decides it has changed.

        Returns
        -------
        Reproduction
            ``equal``, ``differs`` with what does, or ``cannot`` with the reasons.
        """
        from nautilus_lab.trials._reproduction import reproduce

        return reproduce(self, data, tolerance=tolerance, changed_code=changed_code)

    def rows(self) -> list[dict[str, object]]:
        """Return everything that is known as rows of ``part``, ``what``, ``value``."""
        return [
            {"part": part, "what": what, "value": value}
            for (part, what), value in self.facts().items()
        ]

    def facts(self) -> dict[tuple[str, str], object]:
        """Return everything that is known by part and place."""
        first = {"study": self.study, "kind": self.kind, "name": self.name, "hash": self.hash}
        first |= {"recorded": f"{self.recorded:%Y-%m-%d %H:%M:%S}Z", "job": self.job}
        if self.seed is not None:
            first["seed"] = str(self.seed)
        known: dict[tuple[str, str], object] = {("trial", key): one for key, one in first.items()}
        recipe = self.recipe.as_plain()
        parts = (("parameters", self.parameters), ("data", self.data), ("code", self.code))
        for part, tree in (*parts, ("recipe", recipe), ("results", self.results)):
            known |= {(part, place): leaf for place, leaf in _leaves(tree, "")}
        return known


def run_of(entry: Entry, row: int, ledger: Ledger) -> Run:
    """Return a trial of an entry."""
    import pandas as pd

    told, columns = entry.told, entry.columns
    returns = None
    if "returns" in columns:
        places = (columns["rows"] == row).nonzero()[0]
        if len(places):
            times = entry.times
            index = None if times is None else pd.DatetimeIndex(times, tz="UTC")
            values = columns["returns"][places[0]].astype(float)
            returns = pd.Series(values, index, name=entry.names[row]).dropna()
    results = {name: float(line[row]) for name, line in entry.results.items()}
    order = (*MEASURES, *sorted(set(results) - set(MEASURES)))
    return Run(
        id=str(entry.seq) if entry.n == 1 else f"{entry.seq}.{row}",
        study=entry.study,
        kind=told["kind"],
        name=entry.names[row],
        hash=entry.hashes[row].tobytes().hex(),
        parameters={
            **told["parameters"],
            **{name: line[row] for name, line in entry.varying.items()},
        },
        data=told["data"],
        code=told["code"],
        results={name: results[name] for name in order},
        recipe=Recipe(**told["recipe"]),
        recorded=datetime.fromtimestamp(told["recorded_ns"] / 1e9, UTC),
        seed=told["seed"],
        job=told["job"],
        sampled=told["sampled"],
        row=row,
        returns=returns,
        ledger=ledger,
    )


def _leaves(tree: object, place: str) -> list[tuple[str, object]]:
    if isinstance(tree, Mapping):
        return [
            leaf
            for key, below in tree.items()
            for leaf in _leaves(below, f"{place}.{key}" if place else str(key))
        ]
    return [(place, str(tree) if isinstance(tree, list | tuple) else tree)]
