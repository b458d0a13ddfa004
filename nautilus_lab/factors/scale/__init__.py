"""Hundreds of thousands of factors on one machine: scanned, compared, brought together."""

from nautilus_lab.factors.scale._clusters import FactorClusters, clusters
from nautilus_lab.factors.scale._duplicates import DuplicatePairs, near_duplicates
from nautilus_lab.factors.scale._estimate import MemoryEstimate, estimate
from nautilus_lab.factors.scale._matrix import FactorMatrix
from nautilus_lab.factors.scale._neighbours import Neighbours, most_correlated
from nautilus_lab.factors.scale._panel import FactorStudies, evaluate_many
from nautilus_lab.factors.scale._progress import ProgressBar
from nautilus_lab.factors.scale._scan import FactorScan, scan
from nautilus_lab.factors.scale._sign_plan import SignPlan
from nautilus_lab.factors.scale._standard import ranks, zscores

__all__ = [
    "DuplicatePairs",
    "FactorClusters",
    "FactorMatrix",
    "FactorScan",
    "FactorStudies",
    "MemoryEstimate",
    "Neighbours",
    "ProgressBar",
    "SignPlan",
    "clusters",
    "estimate",
    "evaluate_many",
    "most_correlated",
    "near_duplicates",
    "ranks",
    "scan",
    "zscores",
]
