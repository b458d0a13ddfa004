"""What foretells returns: scores by symbol and date, and the study of what followed them."""

from nautilus_lab.factors._engine import FactorEngine
from nautilus_lab.factors._evaluate import evaluate
from nautilus_lab.factors._forward import forward_returns
from nautilus_lab.factors._scores import low_volatility, momentum
from nautilus_lab.factors._study import FactorStudy
from nautilus_lab.factors.combination import (
    Combination,
    WalkForward,
    combine,
    neutralise,
    score_factors,
    standardise,
    winsorise,
)
from nautilus_lab.factors.evaluation import FactorPortfolio
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
    parse,
)
from nautilus_lab.factors.expressions import evaluate as evaluate_expression
from nautilus_lab.factors.expressions import evaluate_many as evaluate_expressions
from nautilus_lab.factors.point_in_time import (
    Release,
    Session,
    find_leaks,
    fiscal_values,
    reindexed_like,
)
from nautilus_lab.factors.scale import FactorMatrix, clusters, evaluate_many, most_correlated, scan
from nautilus_lab.factors.sources import (
    find_source_leaks,
    source_catalog,
    source_family,
    synthesise,
)

__all__ = [
    "OPERATORS",
    "Combination",
    "Expression",
    "ExpressionCache",
    "ExpressionStream",
    "FactorDefinition",
    "FactorEngine",
    "FactorMatrix",
    "FactorPortfolio",
    "FactorSource",
    "FactorSpace",
    "FactorStudy",
    "PointInTime",
    "Release",
    "Session",
    "WalkForward",
    "alpha101",
    "alpha158",
    "bar_fields",
    "clusters",
    "combine",
    "evaluate",
    "evaluate_each",
    "evaluate_expression",
    "evaluate_expressions",
    "evaluate_many",
    "find_leaks",
    "find_source_leaks",
    "fiscal_values",
    "forward_returns",
    "low_volatility",
    "momentum",
    "most_correlated",
    "neutralise",
    "parse",
    "reindexed_like",
    "scan",
    "score_factors",
    "source_catalog",
    "source_family",
    "standardise",
    "synthesise",
    "winsorise",
]
