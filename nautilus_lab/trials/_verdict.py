"""What a trial is worth among all that were tried."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nautilus_lab.analytics.significance import (
    EffectiveTrials,
    SharpeSample,
    deflated_sharpe,
    expected_max_sharpe,
    haircut_sharpe,
)
from nautilus_lab.analytics.significance._effective import weighted_spread
from nautilus_lab.display import Table

if TYPE_CHECKING:
    from nautilus_lab.trials._population import Population
    from nautilus_lab.trials._run import Run


@dataclass(frozen=True, kw_only=True)
class DeflatedSharpe:
    """The Sharpe ratio of a trial, judged against all that were tried.

    Attributes
    ----------
    run, name : str
    studies : tuple of str
        Whose trials were counted.
    probability : float
        The deflated Sharpe ratio: how likely the true one is above 0, when the best of the trials
        is looked at; below 0.95 it is not told from luck at the usual level. NaN without a
        Sharpe ratio.
    undeflated : float
        The same if nothing else had been tried.
    sharpe : SharpeSample
        Of the trial, per period.
    expected_max : float
        What the best of the trials shows without skill, per period.
    haircut : float
        The Sharpe ratio, per period, that says of one trial what this says of the best.
    n_trials : int
        Different trials.
    n_repeats : int
        Records of what had been tried before; not counted.
    effective : EffectiveTrials
        How many independent ones there are among them.
    periods_per_year : float
        NaN when not known.
    notices : tuple of str
        What must be read beside the figures.
    """

    run: str
    name: str
    studies: tuple[str, ...]
    probability: float
    undeflated: float
    sharpe: SharpeSample
    expected_max: float
    haircut: float
    n_trials: int
    n_repeats: int
    effective: EffectiveTrials
    periods_per_year: float
    notices: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return (
            f"DeflatedSharpe({self.probability:.4f}, alone {self.undeflated:.4f}; "
            f"{self.n_trials:,} trials, {self.effective.number:,.1f} effective; "
            f"sharpe {self.sharpe.sharpe:.4f} of {self.expected_max:.4f} expected without skill)"
        )

    def __str__(self) -> str:
        return "\n".join([Table(title=self._title, rows=self._rows()).text, *self.notices])

    def _repr_html_(self) -> str:
        return Table(title=self._title, rows=self._rows(), note=" ".join(self.notices)).html

    @property
    def _title(self) -> str:
        return f"Trial {self.run} of {', '.join(self.studies)}: {self.name}"

    def _rows(self) -> list[dict[str, object]]:
        year = math.sqrt(self.periods_per_year)
        rows: list[dict[str, object]] = [
            {"figure": "trials", "value": f"{self.n_trials:,}"},
            {
                "figure": "effective trials",
                "value": f"{self.effective.number:,.1f} (by {self.effective.method})",
            },
            {"figure": "repeats, not counted", "value": f"{self.n_repeats:,}"},
            {"figure": "Sharpe ratio, per period", "value": f"{self.sharpe.sharpe:.4f}"},
            {"figure": "expected of the best by luck", "value": f"{self.expected_max:.4f}"},
            {"figure": "after the haircut", "value": f"{self.haircut:.4f}"},
        ]
        if not math.isnan(year):
            annual = [self.sharpe.sharpe, self.expected_max, self.haircut]
            told = ", ".join(f"{one * year:.2f}" for one in annual)
            rows.append({"figure": "these three, a year", "value": told})
        return [
            *rows,
            {"figure": "probability of skill, alone", "value": f"{self.undeflated:.4f}"},
            {"figure": "probability of skill, deflated", "value": f"{self.probability:.4f}"},
        ]


def verdict_on(
    run: Run,
    population: Population,
    effective: EffectiveTrials,
    studies: tuple[str, ...],
    notices: tuple[str, ...],
    either_sign: bool,
) -> DeflatedSharpe:
    """Judge a trial against a population that it is one of."""
    import numpy as np

    results = population.results
    sharpes = results["sharpe"]
    yearly = run.periods_per_year
    with np.errstate(divide="ignore", invalid="ignore"):
        theirs = results["n_observations"] / results["years"]
        # Ratios per day and per month are told in the period of this trial.
        scale = np.sqrt(theirs / yearly)
    scale[~(np.isfinite(scale) & (scale > 0))] = 1.0
    sample, number = run.sample, max(1.0, effective.number)
    mean, variance = weighted_spread(effective.weights, sharpes * scale)
    told = list(notices)
    if either_sign:
        # Each trial and its opposite: the mean of all is 0.
        number, variance = 2 * number, variance + (0.0 if math.isnan(mean) else mean**2)
        told.append("Each trial counts with its opposite too, since either could be chosen.")
        if sample.sharpe < 0:
            sample = dataclasses.replace(sample, sharpe=-sample.sharpe, skewness=-sample.skewness)
    if math.isnan(sample.sharpe):
        told.append("Its returns do not vary: it has no Sharpe ratio.")
    if math.isnan(sample.skewness):
        told.append("Its returns were not kept: they are taken as normal.")
    without = int(np.isnan(sharpes).sum())
    if without:
        told.append(f"{without:,} trials have no Sharpe ratio; they count, their spread does not.")
    if population.n_unlike:
        told.append(
            f"{population.n_unlike:,} repeats came out otherwise than the first time: something "
            "that was not recorded decides."
        )
    return DeflatedSharpe(
        run=run.id,
        name=run.name,
        studies=studies,
        probability=deflated_sharpe(sample, n_trials=number, variance=variance),
        undeflated=sample.probability(),
        sharpe=sample,
        expected_max=expected_max_sharpe(number, variance),
        # Its p-values are two-sided: it counts opposites by itself.
        haircut=haircut_sharpe(sample, n_trials=max(1.0, effective.number)),
        n_trials=len(population),
        n_repeats=population.n_repeats,
        effective=effective,
        periods_per_year=yearly,
        notices=tuple(told),
    )
