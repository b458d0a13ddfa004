"""What every risk model does alike: check, estimate, report."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from nautilus_lab.exceptions import InputError
from nautilus_lab.provenance import provenance
from nautilus_lab.risk._report import RiskReport
from nautilus_lab.risk._sample import Sample, sample_of
from nautilus_lab.risk._tail import tail_size

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray, Returns, ReturnSeries, Weights


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Estimate:
    """What a model makes of a sample; losses positive, for one period.

    Attributes
    ----------
    value_at_risk, expected_shortfall : float
        Unit of the sample's weights times returns.
    var_slopes, es_slopes : array, shape (symbol,)
        How each figure grows with one more unit of a symbol's weight: their marginals.
    rule : str
        How the figures were made, in a sentence.
    tail : float, optional
        How many observations or draws make up the tail; None for a closed form.
    notices : tuple of str
        What a reader must know: that a model did not apply, and what did in its place.
    standard_error : float, optional
        That of `expected_shortfall` by the draws; None where nothing is drawn.
    """

    value_at_risk: float
    expected_shortfall: float
    var_slopes: FloatArray
    es_slopes: FloatArray
    rule: str
    tail: float | None = None
    notices: tuple[str, ...] = ()
    standard_error: float | None = None


@dataclass(frozen=True, kw_only=True)
class RiskModel(ABC):
    """A way to measure value at risk and expected shortfall; a new one writes `estimate` only.

    Parameters
    ----------
    confidence : float, default=0.99
        Share of periods, in (0, 1), in which the loss stays within the value at risk. It is read
        as the decimal number that it prints as: 0.9 leaves exactly a tenth.
    min_observations : int, default=100
        Refuse to estimate from fewer returns than this.

    Raises
    ------
    InputError
        When `confidence` is not in (0, 1) or `min_observations` not at least 1.
    """

    confidence: float = 0.99
    min_observations: int = 100

    method: ClassVar[str]

    def __post_init__(self) -> None:
        if not 0 < self.confidence < 1:
            raise InputError(
                "confidence must lie in (0, 1)",
                value=self.confidence,
                remedy="pass a fraction: confidence=0.99",
            )
        if not self.min_observations >= 1:
            raise InputError(
                "min_observations must be at least 1",
                value=self.min_observations,
                remedy="pass a count of periods: min_observations=100",
            )

    def measure(
        self,
        returns: Returns | ReturnSeries,
        weights: Weights | Mapping[str, float] | None = None,
    ) -> RiskReport:
        """Measure the risk of holding a portfolio for one period.

        Parameters
        ----------
        returns : Series, shape (time,), or DataFrame, shape (time, symbol)
            Simple returns, fractions, of one portfolio or of the symbols it holds.
        weights : Series or mapping, symbol -> fraction of capital, optional
            What is held; need not sum to 1, shorts are negative, money gives money. Symbols
            without a weight are not held. Required for more than one symbol.

        Returns
        -------
        RiskReport
            Losses positive, per period of `returns`, never scaled to another.

        Raises
        ------
        InputError
            When weights are missing, name symbols without returns or are not finite numbers.
        NotEnoughData
            When there are fewer returns than `min_observations`, or than the model needs.
        BadData
            When a return is NaN or infinite, or times are unsorted or repeated.
        """
        sample, times, symbols = sample_of(returns, weights, at_least=self.needed)
        found = self.estimate(sample)
        return RiskReport(
            confidence=self.confidence,
            method=self.method,
            value_at_risk=found.value_at_risk,
            expected_shortfall=found.expected_shortfall,
            tail=found.tail,
            n_observations=len(sample.portfolio),
            rule=found.rule,
            notices=found.notices,
            standard_error=found.standard_error,
            symbols=symbols,
            times=times,
            held=sample.weights,
            var_slopes=found.var_slopes,
            es_slopes=found.es_slopes,
            portfolio=sample.portfolio,
            provenance=provenance(returns),
        )

    @abstractmethod
    def estimate(self, sample: Sample) -> Estimate:
        """Estimate from checked arrays of at least `needed` periods."""

    @property
    def needed(self) -> int:
        """How many periods the model needs at least."""
        return max(self.min_observations, 2)

    def _whole_tail(self) -> int:
        """Return the observations below which the tail holds none of them."""
        return math.ceil(1 / tail_size(1, self.confidence))
