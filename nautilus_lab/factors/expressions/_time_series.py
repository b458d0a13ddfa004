"""The operators that look back over the rows of one symbol."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from nautilus_lab.factors.expressions._operator import (
    LONGEST_WINDOW,
    Argument,
    Family,
    Kind,
    Operator,
    Span,
    WarmUp,
)

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray

_X, _Y = Argument(name="x"), Argument(name="y")
_WINDOW = "NaN where the window has a NaN"


def _window(least: int = 1, default: int | None = None) -> Argument:
    return Argument(name="d", kind=Kind.WINDOW, default=default, least=least, most=LONGEST_WINDOW)


def _kernel(name: str, *settings: Any) -> Callable[..., None]:
    """Return a function of series, a window and a span that runs a kernel."""

    def run(*arguments: Any, span: Span) -> None:
        from nautilus_lab.factors.expressions import _rolling_kernels

        *series, window = arguments
        kernel = getattr(_rolling_kernels, name)
        span.run(kernel, *series, window=int(window), settings=settings)

    return run


def _delay(x: FloatArray, window: float, *, span: Span) -> None:
    import numpy as np

    lag, columns = int(window), slice(span.begin, span.end)
    span.out[:lag, columns] = np.nan
    span.out[lag:, columns] = x[: max(len(x) - lag, 0), columns]


def _delta(x: FloatArray, window: float, *, span: Span) -> None:
    import numpy as np

    _delay(x, window, span=span)
    part = span.out[:, span.begin : span.end]
    np.subtract(x[:, span.begin : span.end], part, out=part)


def _pct_change(x: FloatArray, window: float, *, span: Span) -> None:
    import numpy as np

    from nautilus_lab.factors.expressions._pointwise_kernels import divide

    _delay(x, window, span=span)
    part = span.out[:, span.begin : span.end]
    divide(x[:, span.begin : span.end], part, out=part)
    np.subtract(part, 1.0, out=part)


def _mean(x: FloatArray, window: float, *, span: Span) -> None:
    import numpy as np

    _kernel("sums")(x, window, span=span)
    part = span.out[:, span.begin : span.end]
    np.divide(part, window, out=part)


def _quantile(x: FloatArray, window: float, share: float, *, span: Span) -> None:
    _kernel("quantiles", share)(x, window, span=span)


def _operator(
    name: str,
    formula: str,
    function: Callable[..., None],
    *,
    reference: str,
    arguments: tuple[Argument, ...] = (_X, _window()),
    missing: str = _WINDOW,
    warm_up: WarmUp = WarmUp.WINDOW,
    fades: bool = False,
    commutes: bool = False,
) -> Operator:
    return Operator(
        name=name,
        family=Family.TIME_SERIES,
        arguments=arguments,
        formula=formula,
        missing=missing,
        reference=reference,
        function=function,
        warm_up=warm_up,
        fades=fades,
        commutes=commutes,
    )


def time_series_operators() -> tuple[Operator, ...]:
    """Return the operators that look back over the rows of one symbol."""
    kakushadze = "Kakushadze (2016), arXiv:1601.00991, app. A.1"
    pebay = "Joanes and Gill (1998); joined as in Pebay (2008)"
    line = "least squares on 1..d; qlib"
    lag = "NaN where either end is NaN"
    two = (_X, _window(2))
    return (
        _operator(
            "delay",
            "x of d rows ago",
            _delay,
            reference=kakushadze,
            missing="NaN where that is NaN",
            warm_up=WarmUp.LAG,
        ),
        _operator(
            "delta",
            "x less x of d rows ago",
            _delta,
            reference=kakushadze,
            missing=lag,
            warm_up=WarmUp.LAG,
        ),
        _operator(
            "pct_change",
            "x / x of d rows ago - 1",
            _pct_change,
            reference="pandas pct_change(d, fill_method=None)",
            arguments=(_X, _window(default=1)),
            missing=f"{lag} or the earlier one is 0",
            warm_up=WarmUp.LAG,
        ),
        _operator("ts_mean", "mean", _mean, reference="pandas rolling(d).mean()"),
        _operator("ts_sum", "sum", _kernel("sums"), reference=kakushadze),
        _operator(
            "ts_product",
            "product",
            _kernel("products"),
            reference=kakushadze,
            missing=f"{_WINDOW}, or the product is too large for a float",
        ),
        _operator(
            "ts_count",
            "number of rows where p holds",
            _kernel("sums"),
            reference="pandas rolling(d).sum() of the condition",
            arguments=(Argument(name="p", kind=Kind.CONDITION), _window()),
        ),
        _operator(
            "ts_std",
            "sample deviation, d - 1 degrees of freedom",
            _kernel("deviations", False),
            reference="Chan, Golub and LeVeque (1979); pandas rolling(d).std()",
            arguments=two,
        ),
        _operator(
            "ts_zscore",
            "(x - mean) / sample deviation",
            _kernel("deviations", True),
            reference="Chan, Golub and LeVeque (1979)",
            arguments=two,
            missing=f"{_WINDOW} or does not vary",
        ),
        _operator(
            "ts_skew",
            "sample skewness, unbiased",
            _kernel("shapes", False),
            reference=f"{pebay}; pandas rolling(d).skew()",
            arguments=(_X, _window(3)),
            missing=f"{_WINDOW} or does not vary",
        ),
        _operator(
            "ts_kurt",
            "sample excess kurtosis, unbiased",
            _kernel("shapes", True),
            reference=f"{pebay}; pandas rolling(d).kurt()",
            arguments=(_X, _window(4)),
            missing=f"{_WINDOW} or does not vary",
        ),
        _operator("ts_min", "smallest", _kernel("extremes", -1.0, False), reference=kakushadze),
        _operator("ts_max", "largest", _kernel("extremes", 1.0, False), reference=kakushadze),
        _operator(
            "ts_argmin",
            "place of the smallest, 1 the oldest; of equal ones the oldest",
            _kernel("extremes", -1.0, True),
            reference=f"{kakushadze}; numpy argmin + 1",
        ),
        _operator(
            "ts_argmax",
            "place of the largest, 1 the oldest; of equal ones the oldest",
            _kernel("extremes", 1.0, True),
            reference=f"{kakushadze}; numpy argmax + 1",
        ),
        _operator(
            "ts_rank",
            "rank of the newest from 1, over d, ties at their mean",
            _kernel("ranks"),
            reference=f"{kakushadze}; pandas rolling(d).rank(pct=True)",
        ),
        _operator(
            "ts_quantile",
            "quantile q, between two values a straight line",
            _quantile,
            reference="Hyndman and Fan (1996), type 7; pandas rolling(d).quantile(q)",
            arguments=(
                _X,
                _window(),
                Argument(name="q", kind=Kind.CONSTANT, least=0.0, most=1.0),
            ),
        ),
        _operator(
            "ts_cov",
            "sample covariance, d - 1 degrees of freedom",
            _kernel("comoments", False),
            reference=f"{kakushadze}; pandas rolling(d).cov()",
            arguments=(_X, _Y, _window(2)),
            commutes=True,
        ),
        _operator(
            "ts_corr",
            "Pearson's correlation",
            _kernel("comoments", True),
            reference=f"{kakushadze}; pandas rolling(d).corr()",
            arguments=(_X, _Y, _window(2)),
            missing=f"{_WINDOW} or a series does not vary",
            commutes=True,
        ),
        _operator(
            "ts_slope",
            "slope of a line",
            _kernel("trends", 0),
            reference=line,
            arguments=two,
        ),
        _operator(
            "ts_rsquare",
            "R squared of a line",
            _kernel("trends", 1),
            reference=line,
            arguments=two,
            missing=f"{_WINDOW} or does not vary",
        ),
        _operator(
            "ts_resid",
            "the newest value less the line's",
            _kernel("trends", 2),
            reference=line,
            arguments=two,
        ),
        _operator(
            "decay_linear",
            "mean with weights d for the newest, d - 1, ..., 1",
            _kernel("decays"),
            reference=f"{kakushadze}; TA-Lib WMA",
        ),
        _operator(
            "ewm_mean",
            "mean with weights (1 - 2 / (d + 1))^k, k rows ago",
            _kernel("fading", False),
            reference="pandas ewm(span=d, min_periods=d).mean() of each run without NaN",
            missing="NaN until d values since the last NaN, where it begins anew",
            fades=True,
        ),
        _operator(
            "ewm_std",
            "deviation with weights (1 - 2 / (d + 1))^k, k rows ago, unbiased",
            _kernel("fading", True),
            reference="pandas ewm(span=d, min_periods=d).std() of each run without NaN",
            arguments=two,
            missing="NaN until d values since the last NaN, where it begins anew",
            fades=True,
        ),
    )
