"""Factors as expressions: read, checked, computed, brought up to date, and made by the many."""

from nautilus_lab.factors.expressions._alpha101 import (
    ALPHA101_LEFT_OUT,
    alpha101,
    alpha101_published,
)
from nautilus_lab.factors.expressions._alpha158 import alpha158
from nautilus_lab.factors.expressions._cache import ExpressionCache
from nautilus_lab.factors.expressions._definition import FactorDefinition, PointInTime
from nautilus_lab.factors.expressions._evaluate import evaluate, evaluate_each, evaluate_many
from nautilus_lab.factors.expressions._fields import bar_fields
from nautilus_lab.factors.expressions._operator import Argument, Family, Kind, Operator
from nautilus_lab.factors.expressions._operators import OPERATORS, OperatorTable
from nautilus_lab.factors.expressions._parse import BAR_FIELDS, parse
from nautilus_lab.factors.expressions._space import (
    BAR_SOURCES,
    FactorSelection,
    FactorSource,
    FactorSpace,
)
from nautilus_lab.factors.expressions._stream import ExpressionStream
from nautilus_lab.factors.expressions._tree import Expression

__all__ = [
    "ALPHA101_LEFT_OUT",
    "BAR_FIELDS",
    "BAR_SOURCES",
    "OPERATORS",
    "Argument",
    "Expression",
    "ExpressionCache",
    "ExpressionStream",
    "FactorDefinition",
    "FactorSelection",
    "FactorSource",
    "FactorSpace",
    "Family",
    "Kind",
    "Operator",
    "OperatorTable",
    "PointInTime",
    "alpha101",
    "alpha101_published",
    "alpha158",
    "bar_fields",
    "evaluate",
    "evaluate_each",
    "evaluate_many",
    "parse",
]
