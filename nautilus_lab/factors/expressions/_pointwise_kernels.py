"""Arithmetic where NaN means not known: no comparison with it is false, nothing is infinite."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numba


def _elementwise(function: Callable[..., float]) -> Any:
    """Return a function of numbers as one of arrays, compiled when it is first called."""
    vectorize: Any = numba.vectorize
    return vectorize(cache=True)(function)


@_elementwise
def divide(a: float, b: float) -> float:
    if b == 0.0:
        return math.nan
    c = a / b
    return c if math.isfinite(c) else math.nan


@_elementwise
def power(a: float, b: float) -> float:
    if math.isnan(a) or math.isnan(b) or (a == 0.0 and b < 0.0) or (a < 0.0 and b != math.floor(b)):
        return math.nan
    c = a**b
    return c if math.isfinite(c) else math.nan


@_elementwise
def signed_power(a: float, b: float) -> float:
    if math.isnan(a) or math.isnan(b) or (a == 0.0 and b < 0.0):
        return math.nan
    if a == 0.0:
        return 0.0
    c = math.copysign(abs(a) ** b, a)
    return c if math.isfinite(c) else math.nan


@_elementwise
def logarithm(a: float) -> float:
    return math.log(a) if a > 0.0 else math.nan


@_elementwise
def square_root(a: float) -> float:
    return math.sqrt(a) if a >= 0.0 else math.nan


@_elementwise
def less(a: float, b: float) -> float:
    if math.isnan(a) or math.isnan(b):
        return math.nan
    return 1.0 if a < b else 0.0


@_elementwise
def less_equal(a: float, b: float) -> float:
    if math.isnan(a) or math.isnan(b):
        return math.nan
    return 1.0 if a <= b else 0.0


@_elementwise
def equal(a: float, b: float) -> float:
    if math.isnan(a) or math.isnan(b):
        return math.nan
    return 1.0 if a == b else 0.0


@_elementwise
def not_equal(a: float, b: float) -> float:
    if math.isnan(a) or math.isnan(b):
        return math.nan
    return 1.0 if a != b else 0.0


@_elementwise
def both(a: float, b: float) -> float:
    if math.isnan(a) or math.isnan(b):
        return math.nan
    return 1.0 if a != 0.0 and b != 0.0 else 0.0


@_elementwise
def either(a: float, b: float) -> float:
    if math.isnan(a) or math.isnan(b):
        return math.nan
    return 1.0 if a != 0.0 or b != 0.0 else 0.0


@_elementwise
def opposite(a: float) -> float:
    if math.isnan(a):
        return math.nan
    return 1.0 if a == 0.0 else 0.0


@_elementwise
def choose(condition: float, a: float, b: float) -> float:
    if math.isnan(condition):
        return math.nan
    return a if condition != 0.0 else b
