"""What a factor foretold: the answer of an evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from nautilus_lab.display import HasTearSheet, TearSheet
from nautilus_lab.exceptions import InputError
from nautilus_lab.factors.evaluation._dropped import dropped_scores
from nautilus_lab.factors.evaluation._ic import (
    decay,
    ic_by_group,
    ic_by_period,
    rank_autocorrelation,
)
from nautilus_lab.factors.evaluation._portfolio import FactorPortfolio, Weighting, portfolio
from nautilus_lab.factors.evaluation._quantiles import monotonicity, quantile_table, spread_table
from nautilus_lab.factors.evaluation._regimes import by_state
from nautilus_lab.factors.evaluation._summary import names_over_time, plain_rows, summary
from nautilus_lab.factors.evaluation._tear_sheet import factor_tear_sheet
from nautilus_lab.provenance import Provenance

if TYPE_CHECKING:
    import pandas as pd

    from nautilus_lab.factors.evaluation._observations import Observations


@dataclass(frozen=True, kw_only=True, eq=False)
class FactorStudy(HasTearSheet):
    """How well scores foretold returns.

    Attributes
    ----------
    ic : DataFrame, shape (time, horizon)
        Information coefficient: Spearman's rank correlation, over the symbols of a date, of the
        scores and the returns that followed. NaN where a horizon's future is not known.
    pearson_ic : DataFrame, shape (time, horizon)
        The same with Pearson's correlation of the values themselves.
    ic_summary : DataFrame, shape (horizon, 6)
        ``mean`` and ``std`` (divisor n - 1) of `ic`; ``icir``, their ratio, per date and not
        scaled to a year; ``t``, the mean's t statistic by Newey and West with ``horizon - 1``
        lags, for returns that overlap; ``positive_share``; ``n_dates``.
    quantile_returns : DataFrame, shape (quantile, horizon)
        Mean return of the names in each quantile, equally weighted, then over dates; fractions of
        the whole holding period. Quantile 1 has the lowest scores.
    spread : DataFrame, shape (time, horizon)
        Return of the top quantile less that of the bottom one, fractions per holding period.
    turnover : DataFrame, shape (time, quantile)
        Share of the names of a quantile that were not in it one date before.
    dropped : DataFrame, shape (reason, horizon)
        How many of the scores handed in were not used, and why; with ``used`` last, the rows sum
        to all of them.
    n_names : int
        Median number of names scored a date.
    delay : int
        Bars between signal and trade: 1 trades at the next close.
    observations : Observations
        The grid of dates and names that every figure is read off.
    provenance : Provenance
        Where scores and prices came from, and what weakens the study.
    trials : tuple of str
        Under which ids the ledger has it, one for each horizon; empty when it is in none.
    """

    ic: pd.DataFrame
    pearson_ic: pd.DataFrame
    ic_summary: pd.DataFrame
    quantile_returns: pd.DataFrame
    spread: pd.DataFrame
    turnover: pd.DataFrame
    dropped: pd.DataFrame
    n_names: int
    delay: int
    observations: Observations = field(repr=False)
    provenance: Provenance = field(default_factory=Provenance)
    trials: tuple[str, ...] = ()

    def __repr__(self) -> str:
        means = ", ".join(f"{bar}: {mean:.4f}" for bar, mean in self.ic_summary["mean"].items())
        return f"FactorStudy(ic={{{means}}}, {len(self.ic)} dates, {self.n_names} names)"

    @property
    def horizons(self) -> tuple[int, ...]:
        """The holding periods, in bars."""
        return tuple(int(bar) for bar in self.ic.columns)

    @property
    def spread_summary(self) -> pd.DataFrame:
        """Mean, standard error, t, hit rate and number of dates of the spread by horizon."""
        return spread_table(self.spread)

    @property
    def names(self) -> pd.DataFrame:
        """How many names each date scored, and how many of them each horizon used."""
        return names_over_time(self.observations)

    def summary(self) -> pd.DataFrame:
        """Return the study in one table, shape (figure, horizon)."""
        return summary(self)

    def quantile_summary(self, *, by_group: bool = False) -> pd.DataFrame:
        """Return mean, error, hit rate and dates of each quantile; see `quantile_table`."""
        return quantile_table(self.observations, by_group=by_group)

    def monotonicity(self, *, draws: int = 1_000, seed: int = 0) -> pd.DataFrame:
        """Return whether returns rise from each quantile to the next, with a test; by horizon.

        Columns are ``spearman``, ``steps_up``, ``smallest_step`` and ``p_value``, that of Patton
        and Timmermann: small when they rise with each.
        """
        return monotonicity(self.observations, draws=draws, seed=seed)

    def decay(self, horizons: Sequence[int] | None = None) -> pd.DataFrame:
        """Return the IC of longer and longer holding periods, and of their last bar alone.

        Parameters
        ----------
        horizons : sequence of int, optional
            Bars held; each from 1 to the longest of the study when not given, or those that came
            with the scores.

        Returns
        -------
        DataFrame, shape (horizon, 4)
            ``ic``, ``icir``, ``t``, and ``bar_ic``: of the return of the last bar.

        Raises
        ------
        InputError
            When a horizon is less than 1.
        NotEnoughData
            When forward returns came with the scores and a horizon is not among them.
        """
        bars = list(horizons) if horizons is not None else self._every_horizon()
        if not bars or not all(bar >= 1 for bar in bars):
            raise InputError("horizons must be at least 1", value=bars, remedy="range(1, 22)")
        return decay(self.observations, bars)

    def ic_by_group(self) -> pd.DataFrame:
        """Return the summary of the IC within each group, shape ((group, horizon), 7).

        Raises
        ------
        InputError
            When the study has no groups.
        """
        return ic_by_group(self.observations)

    def ic_by_period(self, period: Literal["year", "month"] = "year") -> pd.DataFrame:
        """Return the mean IC of each calendar year, or (year, month), by horizon."""
        return ic_by_period(self.ic, period)

    def rank_autocorrelation(self, *, lag: int = 1) -> pd.Series[float]:
        """Return the correlation of each date's ranks with those of `lag` dates before."""
        return rank_autocorrelation(self.observations, lag=lag)

    def dropped_scores(self, horizon: int | None = None) -> pd.DataFrame:
        """Return each score that a horizon did not use, with its value and the reason.

        Parameters
        ----------
        horizon : int, optional
            The first of the study when not given.

        Returns
        -------
        DataFrame, shape ((time, symbol), 2)
            ``score`` as handed in (NaN for a symbol without prices) and ``reason``; counted by
            reason they are the rows of `dropped`.

        Raises
        ------
        InputError
            When the study has no such horizon.
        """
        bar = self.horizons[0] if horizon is None else horizon
        if bar not in self.horizons:
            raise InputError(
                "a horizon must be one of the study's",
                value=bar,
                remedy=f"choose from {', '.join(map(str, self.horizons))}",
            )
        return dropped_scores(self.observations, bar)

    def by(self, states: pd.Series[Any]) -> pd.DataFrame:
        """Return IC and spread by the state of the market that was known before each date.

        Parameters
        ----------
        states : Series, shape (time,)
            Any labels, over tz-aware times. A date belongs to the latest state of an earlier time.

        Returns
        -------
        DataFrame, shape ((state, horizon), 8)
            ``n_dates``, ``ic``, ``icir``, ``ic_t``, ``positive_share``, ``spread``,
            ``spread_error``, ``spread_t``. Dates before the first state are ``"not known"``.

        Raises
        ------
        InputError, NotEnoughData
            When `states` is no series over sorted, unique, tz-aware times, or empty.
        """
        return by_state(self.ic, self.spread, states)

    def portfolio(
        self,
        *,
        weighting: Weighting = "score",
        neutral: Literal["dollar", "group"] = "dollar",
        holding: int = 1,
        cost_bps: float = 0.0,
    ) -> FactorPortfolio:
        """Return what a long-short book of the factor would have earned.

        Parameters
        ----------
        weighting : {"score", "rank", "quantile"}, default="score"
            In proportion to scores or ranks less their mean; or the top quantile against the
            bottom one.
        neutral : {"dollar", "group"}, default="dollar"
            As much long as short; within each group, too.
        holding : int, default=1
            Over how many signals a book is built up and held.
        cost_bps : float, default=0.0
            What a trade costs, in hundredths of a percent of its value.

        Raises
        ------
        InputError
            When an argument breaks a rule, or the study has no groups.
        NotEnoughData
            When forward returns came with the scores and those of one bar are not among them.
        """
        return portfolio(
            self.observations,
            weighting=weighting,
            neutral=neutral,
            holding=holding,
            cost_bps=cost_bps,
            provenance=self.provenance,
        )

    def rows(self) -> dict[str, Any]:
        """Return the study as plain lists and numbers, for `nautilus_lab.widgets`."""
        return plain_rows(self)

    def tear_sheet(self, *, periods_per_year: float | None = None) -> TearSheet:
        """Return the study as a tear sheet.

        Parameters
        ----------
        periods_per_year : float, optional
            252 for trading days: then figures of the long-short book by year are on it, too.
        """
        return factor_tear_sheet(self, periods_per_year=periods_per_year)

    def _every_horizon(self) -> list[int]:
        if self.observations.prices is None:
            return list(self.horizons)
        return list(range(1, max(self.horizons) + 1))
