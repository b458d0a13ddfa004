"""Everything that was tried, counted: studies, their trials, and what the best of them is worth."""

from nautilus_lab.trials._batch import MEASURES, Batch, Outcome
from nautilus_lab.trials._book import Verification
from nautilus_lab.trials._comparison import Comparison
from nautilus_lab.trials._digest import row_digests
from nautilus_lab.trials._ledger import Ledger, open_study, sampled_rows
from nautilus_lab.trials._recipe import Recipe
from nautilus_lab.trials._reproduction import Reproduction
from nautilus_lab.trials._run import Run
from nautilus_lab.trials._study import Study
from nautilus_lab.trials._verdict import DeflatedSharpe

__all__ = [
    "MEASURES",
    "Batch",
    "Comparison",
    "DeflatedSharpe",
    "Ledger",
    "Outcome",
    "Recipe",
    "Reproduction",
    "Run",
    "Study",
    "Verification",
    "open_study",
    "row_digests",
    "sampled_rows",
]
