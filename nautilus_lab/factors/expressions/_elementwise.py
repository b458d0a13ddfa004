"""The operators of one value at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from nautilus_lab.factors.expressions._operator import Argument, Family, Kind, Operator

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray

_ANY = "NaN where an argument is NaN"
_IEEE = "IEEE 754"
_A, _B, _X = Argument(name="a"), Argument(name="b"), Argument(name="x")
_P, _Q = Argument(name="p", kind=Kind.CONDITION), Argument(name="q", kind=Kind.CONDITION)


def _numpy(name: str) -> Callable[..., None]:
    def run(*arguments: Any, out: FloatArray) -> None:
        import numpy as np

        getattr(np, name)(*arguments, out=out)

    return run


def _compiled(name: str) -> Callable[..., None]:
    def run(*arguments: Any, out: FloatArray) -> None:
        from nautilus_lab.factors.expressions import _pointwise_kernels

        getattr(_pointwise_kernels, name)(*arguments, out=out)

    return run


def _operator(
    name: str,
    arguments: tuple[Argument, ...],
    formula: str,
    function: Callable[..., None],
    *,
    sign: str = "",
    missing: str = _ANY,
    reference: str = _IEEE,
    returns: Kind = Kind.NUMBERS,
    commutes: bool = False,
) -> Operator:
    return Operator(
        name=name,
        family=Family.ELEMENTWISE,
        arguments=arguments,
        formula=formula,
        missing=missing,
        reference=reference,
        function=function,
        returns=returns,
        commutes=commutes,
        sign=sign,
    )


def _comparison(name: str, formula: str, sign: str, *, commutes: bool = False) -> Operator:
    return _operator(
        name,
        (_A, _B),
        f"1 where {formula}, else 0",
        _compiled(name),
        sign=sign,
        returns=Kind.CONDITION,
        commutes=commutes,
    )


def elementwise_operators() -> tuple[Operator, ...]:
    """Return the operators of one value at a time."""
    kakushadze = "Kakushadze (2016), arXiv:1601.00991, app. A.1"
    return (
        _operator("add", (_A, _B), "a + b", _numpy("add"), sign="+", commutes=True),
        _operator("subtract", (_A, _B), "a - b", _numpy("subtract"), sign="-"),
        _operator("multiply", (_A, _B), "a b", _numpy("multiply"), sign="*", commutes=True),
        _operator(
            "divide",
            (_A, _B),
            "a / b",
            _compiled("divide"),
            sign="/",
            missing=f"{_ANY} or b is 0; never infinite",
        ),
        _operator(
            "power",
            (_A, _B),
            "a to the power of b",
            _compiled("power"),
            sign="**",
            missing=f"{_ANY}, the power is not real, or infinite",
        ),
        _operator("negate", (_X,), "-x", _numpy("negative"), sign="-"),
        _comparison("less", "a < b", "<"),
        _comparison("less_equal", "a <= b", "<="),
        _comparison("equal", "a = b", "==", commutes=True),
        _comparison("not_equal", "a differs from b", "!=", commutes=True),
        _operator(
            "and",
            (_P, _Q),
            "1 where both hold, else 0",
            _compiled("both"),
            sign="and",
            returns=Kind.CONDITION,
            commutes=True,
        ),
        _operator(
            "or",
            (_P, _Q),
            "1 where either holds, else 0",
            _compiled("either"),
            sign="or",
            returns=Kind.CONDITION,
            commutes=True,
        ),
        _operator(
            "not",
            (_P,),
            "1 where p does not hold, else 0",
            _compiled("opposite"),
            sign="not",
            returns=Kind.CONDITION,
        ),
        _operator(
            "where",
            (_P, _A, _B),
            "a where p holds, else b",
            _compiled("choose"),
            missing="NaN where p is NaN, or the one of a and b that is taken",
            reference=f"{kakushadze}: p ? a : b",
        ),
        _operator("abs", (_X,), "|x|", _numpy("absolute")),
        _operator("sign", (_X,), "-1, 0 or 1", _numpy("sign")),
        _operator(
            "log", (_X,), "natural logarithm", _compiled("logarithm"), missing="NaN unless x > 0"
        ),
        _operator(
            "sqrt", (_X,), "square root", _compiled("square_root"), missing="NaN unless x >= 0"
        ),
        _operator(
            "signedpower",
            (_X, _A),
            "sign(x) |x|^a",
            _compiled("signed_power"),
            missing=f"{_ANY} or the power is infinite",
            reference=kakushadze,
        ),
        _operator("min", (_A, _B), "the smaller one", _numpy("minimum"), commutes=True),
        _operator("max", (_A, _B), "the larger one", _numpy("maximum"), commutes=True),
    )
