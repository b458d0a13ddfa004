"""The factor engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nautilus_lab.engine import Health, State
from nautilus_lab.factors._evaluate import evaluate
from nautilus_lab.factors._study import FactorStudy
from nautilus_lab.trials import Ledger, Study, open_study

if TYPE_CHECKING:
    from nautilus_lab._typing import Prices, Scores
    from nautilus_lab.factors._trials import Definition


@dataclass(frozen=True, kw_only=True)
class FactorEngine:
    """Studies how well scores foretell returns.

    Parameters
    ----------
    ledger : Ledger, optional
        Where a `study` that is given by name is recorded; that of the workspace when not given.

    Examples
    --------
    >>> import pandas as pd
    >>> days = pd.date_range("2024-01-01", periods=6, tz="UTC")
    >>> growth = {"A": 1.03, "B": 1.02, "C": 1.01, "D": 1.00}
    >>> prices = pd.DataFrame({s: [100 * g**t for t in range(6)] for s, g in growth.items()}, days)
    >>> from nautilus_lab.factors import momentum
    >>> scores = momentum(prices, window=2, skip=0)
    >>> FactorEngine().evaluate(scores, prices, horizons=[1], quantiles=2)
    FactorStudy(ic={1: 1.0000}, 2 dates, 4 names)
    """

    ledger: Ledger | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """The name the engine goes by."""
        return "factors"

    def health(self) -> Health:
        """Report that the engine answers calls; it has no work of its own."""
        return Health(state=State.READY)

    def evaluate(
        self,
        scores: Scores,
        prices: Prices,
        *,
        horizons: Sequence[int] = (1, 5, 21),
        quantiles: int = 5,
        delay: int = 1,
        study: Study | str | None = None,
        definition: Definition | None = None,
    ) -> FactorStudy:
        """Study how well scores foretell returns; see `nautilus_lab.factors.evaluate`."""
        return evaluate(
            scores,
            prices,
            horizons=horizons,
            quantiles=quantiles,
            delay=delay,
            study=None if study is None else open_study(study, self.ledger),
            definition=definition,
        )
