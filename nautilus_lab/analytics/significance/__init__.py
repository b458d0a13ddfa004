"""Whether it was luck: Sharpe ratios and p-values of what was chosen among many."""

from nautilus_lab.analytics.significance._deflated import (
    deflated_sharpe,
    expected_max_sharpe,
    haircut_sharpe,
    minimum_backtest_years,
)
from nautilus_lab.analytics.significance._effective import EffectiveTrials, effective_trials
from nautilus_lab.analytics.significance._multiple_tests import MultipleTests, multiple_tests
from nautilus_lab.analytics.significance._overfitting import Overfitting, overfitting
from nautilus_lab.analytics.significance._probabilistic import SharpeSample

__all__ = [
    "EffectiveTrials",
    "MultipleTests",
    "Overfitting",
    "SharpeSample",
    "deflated_sharpe",
    "effective_trials",
    "expected_max_sharpe",
    "haircut_sharpe",
    "minimum_backtest_years",
    "multiple_tests",
    "overfitting",
]
