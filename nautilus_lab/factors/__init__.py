"""What foretells returns: scores by symbol and date, and the study of what followed them."""

from nautilus_lab.factors._engine import FactorEngine
from nautilus_lab.factors._evaluate import evaluate
from nautilus_lab.factors._forward import forward_returns
from nautilus_lab.factors._scores import low_volatility, momentum
from nautilus_lab.factors._study import FactorStudy

__all__ = [
    "FactorEngine",
    "FactorStudy",
    "evaluate",
    "forward_returns",
    "low_volatility",
    "momentum",
]
