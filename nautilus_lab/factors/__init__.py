"""What foretells returns: scores by symbol and date, and the study of what followed them."""

from nautilus_lab.factors._engine import FactorEngine
from nautilus_lab.factors._evaluate import evaluate
from nautilus_lab.factors._forward import forward_returns
from nautilus_lab.factors._scores import low_volatility, momentum
from nautilus_lab.factors._study import FactorStudy
from nautilus_lab.factors.expressions import (
    OPERATORS,
    Expression,
    ExpressionCache,
    ExpressionStream,
    FactorDefinition,
    FactorSource,
    FactorSpace,
    PointInTime,
    alpha101,
    alpha158,
    bar_fields,
    evaluate_each,
    evaluate_many,
    parse,
)
from nautilus_lab.factors.expressions import evaluate as evaluate_expression

__all__ = [
    "OPERATORS",
    "Expression",
    "ExpressionCache",
    "ExpressionStream",
    "FactorDefinition",
    "FactorEngine",
    "FactorSource",
    "FactorSpace",
    "FactorStudy",
    "PointInTime",
    "alpha101",
    "alpha158",
    "bar_fields",
    "evaluate",
    "evaluate_each",
    "evaluate_expression",
    "evaluate_many",
    "forward_returns",
    "low_volatility",
    "momentum",
    "parse",
]
