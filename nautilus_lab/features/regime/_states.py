"""Which state a price is in, as a number, from the past alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from nautilus_lab.exceptions import InputError
from nautilus_lab.features._feature import Values
from nautilus_lab.features._parameter import Parameter
from nautilus_lab.features._registry import FeatureRegistry
from nautilus_lab.features._windows import window_and_one, window_of
from nautilus_lab.features.regime._held import Held, Score

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray

STATES = FeatureRegistry()

# The code of `market_regime`: three times the state of volatility, and the one of momentum.
MARKET_REGIMES: Mapping[int, str] = MappingProxyType(
    {
        0: "quiet fall",
        1: "quiet",
        2: "quiet rise",
        3: "fall",
        4: "usual",
        5: "rise",
        6: "turbulent fall",
        7: "turbulent",
        8: "turbulent rise",
    }
)

# what of its threshold a score must keep for its state to stay: 1 is no hysteresis
_HOLD = Parameter(default=0.5, least=0.0, most=1.0)
_VOLATILITY = {
    "lookback": Parameter(default=252, least=20),
    "quantile": Parameter(default=0.8, least=0.51, most=1.0),
}


def _first(states: Any, scores: Any) -> tuple[Any, ...]:
    return states[0], scores[0]


def _of_returns(score: Callable[..., FloatArray], close: FloatArray, *settings: int) -> FloatArray:
    """Return a score of log returns, as long as the closes: of the first bar there is none."""
    import numpy as np

    found = np.full(len(close), np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):  # of what is not above 0 there is none
        found[1:] = score(np.diff(np.log(close)), *settings)
    return found


def _place_of_volatility(close: FloatArray, window: int, lookback: int) -> FloatArray:
    """Return where realised volatility is among the last ones, from -1 to 1."""
    from nautilus_lab.features.regime._state_kernels import deviations, places

    return 2 * places(_of_returns(deviations, close, window), lookback) - 1


def _momentum(close: FloatArray, window: int) -> FloatArray:
    from nautilus_lab.features.regime._state_kernels import t_statistics

    return _of_returns(t_statistics, close, window)


def _volatility_held(settings: Values) -> Held:
    window, lookback = int(settings["window"]), int(settings["lookback"])
    enter = 2 * settings["quantile"] - 1
    score = Score(
        function=lambda close: _place_of_volatility(close, window, lookback),
        history=window + lookback,
        enter=enter,
        leave=enter * settings["hold"],
    )
    return Held(
        scores=(score,),
        outputs=lambda states, scores: (states[0], (scores[0] + 1) / 2),
    )


@STATES.define(
    title="State of volatility",
    group="regime",
    inputs=("close",),
    outputs=("state", "place"),
    parameters={"window": Parameter(default=20, least=2), **_VOLATILITY, "hold": _HOLD},
    warm_up=lambda settings: int(settings["window"] + settings["lookback"]) - 1,
    history=lambda settings: int(settings["window"] + settings["lookback"]),
    accumulate=lambda settings: _volatility_held(settings).stream(),
    reference="where the deviation of the last log returns stands among those of the lookback, 0 "
    "the lowest and 1 the highest: 1 from the quantile on, -1 from 1 - quantile down, 0 between; "
    "left when the place has come back to 0.5 + hold * (quantile - 0.5), or its mirror",
)
def volatility_state(
    close: FloatArray,
    window: int = 20,
    lookback: int = 252,
    quantile: float = 0.8,
    hold: float = 0.5,
) -> tuple[FloatArray, ...]:
    """Return 1 where volatility is high for its past, -1 where low, else 0; and its place."""
    return _volatility_held(
        {"window": window, "lookback": lookback, "quantile": quantile, "hold": hold}
    ).batch(close)


def _momentum_held(settings: Values) -> Held:
    window, enter = int(settings["window"]), float(settings["threshold"])
    score = Score(
        function=lambda close: _momentum(close, window),
        history=window + 1,
        enter=enter,
        leave=enter * settings["hold"],
    )
    return Held(scores=(score,), outputs=_first)


@STATES.define(
    title="State of momentum",
    group="regime",
    inputs=("close",),
    outputs=("state", "t_statistic"),
    parameters={
        "window": Parameter(default=60, least=3),
        "threshold": Parameter(default=1.0, least=0.01, most=100.0),
        "hold": _HOLD,
    },
    warm_up=window_of,
    history=window_and_one,
    accumulate=lambda settings: _momentum_held(settings).stream(),
    reference="Student's t of the mean log return: 1 up from the threshold on, -1 down, 0 flat; "
    "left at hold * threshold; the sign of past returns is that of Moskowitz, Ooi and Pedersen "
    "(2012), Journal of Financial Economics 104, 228-250",
)
def momentum_state(
    close: FloatArray, window: int = 60, threshold: float = 1.0, hold: float = 0.5
) -> tuple[FloatArray, ...]:
    """Return 1 where a price goes up, -1 where down, else 0; and the t-statistic of its drift."""
    return _momentum_held({"window": window, "threshold": threshold, "hold": hold}).batch(close)


def _reversion_held(settings: Values) -> Held:
    window, lag = int(settings["window"]), int(settings["lag"])
    enter = float(settings["threshold"])

    def function(close: FloatArray) -> FloatArray:
        from nautilus_lab.features.regime._state_kernels import variance_ratio_scores

        return _of_returns(variance_ratio_scores, close, window, lag)

    score = Score(
        function=function, history=window + 1, enter=enter, leave=enter * settings["hold"]
    )
    return Held(scores=(score,), outputs=_first)


@STATES.define(
    title="State of reversion",
    group="regime",
    inputs=("close",),
    outputs=("state", "z_score"),
    parameters={
        "window": Parameter(default=250, least=20),
        "lag": Parameter(default=5, least=2, most=10),
        "threshold": Parameter(default=1.65, least=0.01, most=100.0),
        "hold": _HOLD,
    },
    warm_up=window_of,
    history=window_and_one,
    accumulate=lambda settings: _reversion_held(settings).stream(),
    reference="Lo and MacKinlay (1988), Review of Financial Studies 1, 41-66: how far the variance "
    "ratio is from 1 in standard errors that allow for changing variance: 1 trending from the "
    "threshold on, -1 reverting, 0 as a random walk; left at hold * threshold",
)
def reversion_state(
    close: FloatArray,
    window: int = 250,
    lag: int = 5,
    threshold: float = 1.65,
    hold: float = 0.5,
) -> tuple[FloatArray, ...]:
    """Return 1 where returns go on, -1 where they turn back, else 0; and how surely."""
    return _reversion_held(
        {"window": window, "lag": lag, "threshold": threshold, "hold": hold}
    ).batch(close)


def _drawdown_held(settings: Values) -> Held:
    window, hold = int(settings["window"]), float(settings["hold"])
    levels = float(settings["correction"]), float(settings["bear"])
    if not levels[0] < levels[1]:
        raise InputError(
            "a bear market is a deeper fall than a correction",
            value=f"correction={levels[0]:g}, bear={levels[1]:g}",
            remedy="pass correction=0.1, bear=0.2",
        )

    def function(close: FloatArray) -> FloatArray:
        import numpy as np

        found = np.full(len(close), np.nan)
        if len(close) >= window:
            tops = np.lib.stride_tricks.sliding_window_view(close, window).max(axis=1)
            with np.errstate(divide="ignore", invalid="ignore"):
                found[window - 1 :] = 1 - close[window - 1 :] / tops
        return found

    return Held(
        scores=tuple(
            Score(function=function, history=window, enter=level, leave=level * hold)
            for level in levels
        ),
        outputs=lambda states, scores: (states[0] + states[1], scores[0]),
    )


@STATES.define(
    title="State of drawdown",
    group="regime",
    inputs=("close",),
    outputs=("state", "drawdown"),
    parameters={
        "window": Parameter(default=252, least=2),
        "correction": Parameter(default=0.1, least=0.001, most=0.999),
        "bear": Parameter(default=0.2, least=0.001, most=0.999),
        "hold": _HOLD,
    },
    warm_up=lambda settings: _drawdown_held(settings).history - 1,
    history=window_of,
    accumulate=lambda settings: _drawdown_held(settings).stream(),
    reference="how far below the highest close of the window: 0 near it, 1 from `correction` on, "
    "2 where it is a bear market, too, from `bear` on; each is left at hold times its threshold",
)
def drawdown_state(
    close: FloatArray,
    window: int = 252,
    correction: float = 0.1,
    bear: float = 0.2,
    hold: float = 0.5,
) -> tuple[FloatArray, ...]:
    """Return how many thresholds a price has fallen through; and how far it is down."""
    return _drawdown_held(
        {"window": window, "correction": correction, "bear": bear, "hold": hold}
    ).batch(close)


def _market_held(settings: Values) -> Held:
    volatility = _volatility_held({**settings, "window": settings["volatility_window"]})
    momentum = _momentum_held(settings)
    return Held(
        scores=volatility.scores + momentum.scores,
        outputs=lambda states, scores: (3 * (states[0] + 1) + states[1] + 1, *states),
    )


@STATES.define(
    title="Regime of a market",
    group="regime",
    inputs=("close",),
    outputs=("code", "volatility", "momentum"),
    parameters={
        "volatility_window": Parameter(default=20, least=2),
        **_VOLATILITY,
        "window": Parameter(default=60, least=3),
        "threshold": Parameter(default=1.0, least=0.01, most=100.0),
        "hold": _HOLD,
    },
    warm_up=lambda settings: _market_held(settings).history - 1,
    history=lambda settings: _market_held(settings).history,
    accumulate=lambda settings: _market_held(settings).stream(),
    reference="three times the state of volatility and the state of momentum, from 0, a quiet "
    "fall, to 8, a turbulent rise: MARKET_REGIMES names them",
)
def market_regime(
    close: FloatArray,
    volatility_window: int = 20,
    lookback: int = 252,
    quantile: float = 0.8,
    window: int = 60,
    threshold: float = 1.0,
    hold: float = 0.5,
) -> tuple[FloatArray, ...]:
    """Return a code for volatility and momentum together, and the state of each."""
    settings: Values = {
        "volatility_window": volatility_window,
        "lookback": lookback,
        "quantile": quantile,
        "window": window,
        "threshold": threshold,
        "hold": hold,
    }
    return _market_held(settings).batch(close)
