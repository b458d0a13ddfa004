"""What foretells returns: scores by symbol and date, and the study of what followed them."""

from nautilus_lab.factors._engine import FactorEngine
from nautilus_lab.factors._evaluate import evaluate
from nautilus_lab.factors._forward import forward_returns
from nautilus_lab.factors._scores import low_volatility, momentum
from nautilus_lab.factors._study import FactorStudy
from nautilus_lab.factors.scale import FactorMatrix, clusters, evaluate_many, most_correlated, scan

__all__ = [
    "FactorEngine",
    "FactorMatrix",
    "FactorStudy",
    "clusters",
    "evaluate",
    "evaluate_many",
    "forward_returns",
    "low_volatility",
    "momentum",
    "most_correlated",
    "scan",
]
