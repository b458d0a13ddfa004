"""TA-Lib's functions as features: its C code, not a rewrite."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache, lru_cache, partial
from typing import TYPE_CHECKING, Any

from nautilus_lab.exceptions import InputError
from nautilus_lab.features._feature import Accumulator, Feature, Values
from nautilus_lab.features._parameter import Parameter
from nautilus_lab.features.technical._running import (
    AccumulationDistribution,
    OnBalanceVolume,
    PriceVolumeTrend,
    RunningSum,
    VolumeIndex,
    VolumeWeightedPrice,
    WilliamsAccumulation,
)
from nautilus_lab.features.technical._trailing import (
    KaufmanAverage,
    ParabolicStop,
    SuperTrend,
    parabolic_sar,
)

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray

# its average over periods that come with the bars needs a column that no bars have
_LEFT_OUT = frozenset({"MAVP"})

# What is decided by a fixed number of bars has none of these. A weight that fades by 1 - 1/n a bar
# is below 1e-13 after 30 n bars; of averages of averages the polynomial in front needs some more.
_FADING = frozenset(
    "ACCBANDS ADOSC ADX ADXR APO ATR BBANDS CMO CVI DEMA DX EFI EMA ERI HA KC KDJ MA MACD MACDEXT "  # noqa: SIM905
    "MACDFIX MASSI MINUS_DI MINUS_DM NATR PLUS_DI PLUS_DM PPO PVO RMA RSI RVI SMI STOCH STOCHF "
    "STOCHRSI T3 TEMA TRIX TSI ZLEMA".split()
)
_FADES_AFTER = 45
# Averages by their number: Kaufman's may fade by no more than (2 / 31) ** 2 a bar; and MAMA.
_REMEMBERS = {6: 6_000, 7: 3_000}
_UNTOLD = {"MACDFIX": (12, 26)}  # periods that are no settings
# Ehlers' filters have fixed constants.
_EHLERS = frozenset({"HT_DCPERIOD", "HT_DCPHASE", "HT_PHASOR", "HT_SINE", "HT_TRENDMODE"})
_EHLERS_BARS = {"HT_TRENDLINE": 1_500, "MAMA": 3_000} | dict.fromkeys(_EHLERS, 1_500)

# It answers these by the number of a bar; how many bars ago is what can be compared over time. Of
# several bars that are the highest it takes one or another, by what was before the window.
_PLACES: dict[str, tuple[int, ...]] = {"MAXINDEX": (1,), "MININDEX": (-1,), "MINMAXINDEX": (-1, 1)}

# What all of the past decides is kept in a few numbers.
_ACCUMULATORS: dict[str, Callable[..., Accumulator]] = {
    "AD": AccumulationDistribution,
    "CUMSUM": RunningSum,
    "KAMA": KaufmanAverage,
    "NVI": partial(VolumeIndex, rising=False),
    "OBV": OnBalanceVolume,
    "PVI": partial(VolumeIndex, rising=True),
    "PVT": PriceVolumeTrend,
    "SAR": parabolic_sar,
    "SAREXT": ParabolicStop,
    "SUPERTREND": SuperTrend,
    "VWAP": VolumeWeightedPrice,
    "WAD": WilliamsAccumulation,
}

# TA-Lib tells no bounds; what is beyond its own is refused when its lookback is asked for.
_FRACTIONS = frozenset({"acceleration", "maximum", "vfactor", "fastlimit", "slowlimit"})


def talib_features() -> Iterator[Feature]:
    """Yield TA-Lib's functions, in its order; `MAVP` is left out."""
    import talib
    from talib.abstract import Function  # type: ignore[attr-defined]

    names: list[str] = talib.get_functions()  # type: ignore[no-untyped-call]
    for name in names:
        if name not in _LEFT_OUT:
            yield _feature(name, Function(name).info)


def _feature(name: str, info: dict[str, Any]) -> Feature:
    lower = name.lower()
    inputs: list[str] = []
    for given in info["input_names"].values():
        inputs += [given] if isinstance(given, str) else given
    outputs = info["output_names"]
    return Feature(
        name=lower,
        title=info["display_name"],
        group=_group(info["group"]),
        inputs=tuple(inputs),
        outputs=tuple(outputs) if len(outputs) > 1 else (lower,),
        parameters={
            key: Parameter(default=value, least=_least(key, value), most=_most(key))
            for key, value in info["parameters"].items()
        },
        function=partial(_call, name),
        warm_up=partial(_warm_up, name),
        history=partial(_history, name),
        accumulate=_accumulator(name),
        reference=f"TA-Lib, {name}",
    )


def _group(text: str) -> str:
    return {"Overlap Studies": "trend", "Pattern Recognition": "candlestick"}.get(
        text, text.split()[-1 if text.startswith("Math") else 0].lower()
    )


def _least(name: str, default: float) -> float:
    if "period" in name:
        return 1
    return 0 if isinstance(default, int) or name in _FRACTIONS else -1e6


def _most(name: str) -> float:
    return 100_000 if "period" in name else 1e6


def _accumulator(name: str) -> Callable[[Values], Accumulator] | None:
    made = _ACCUMULATORS.get(name)
    return None if made is None else lambda settings: made(**settings)


def _call(name: str, *inputs: FloatArray, **settings: Any) -> tuple[FloatArray, ...]:
    import numpy as np

    if name in _PLACES:
        from nautilus_lab.features.technical._recursions_kernels import bars_since_highest

        window = int(settings["timeperiod"])
        return tuple(bars_since_highest(way * inputs[0], window) for way in _PLACES[name])
    found = _compiled(name)(*inputs, **settings)
    outputs = found if isinstance(found, tuple) else (found,)
    if outputs[0].dtype == np.float64 and outputs[-1].dtype == np.float64:
        return outputs
    return tuple(
        one if one.dtype == np.float64 else _from_whole(name, one, settings) for one in outputs
    )


@cache
def _compiled(name: str) -> Callable[..., Any]:
    """Return the function of arrays, without what looks for a Series in each argument."""
    import inspect

    import talib

    function: Callable[..., Any] = inspect.unwrap(getattr(talib, name))
    return function


def _from_whole(name: str, found: Any, settings: dict[str, Any]) -> FloatArray:
    """Return whole numbers with NaN in the warm-up, where TA-Lib says 0."""
    import numpy as np

    values: FloatArray = found.astype(np.float64)
    values[: _warm_up(name, settings)] = np.nan
    return values


def _warm_up(name: str, settings: Values) -> int:
    return _lookback(name, tuple(settings.items()))


@lru_cache(maxsize=4_096)
def _lookback(name: str, settings: tuple[tuple[str, int | float], ...]) -> int:
    from talib.abstract import Function  # type: ignore[attr-defined]

    asked = Function(name)
    try:
        if settings:
            asked.set_parameters(dict(settings))
        bars = int(asked.lookback)
    except Exception as error:  # its own kind says nothing of what is wrong
        raise InputError(
            f"TA-Lib refuses these settings of {name.lower()}",
            value=", ".join(f"{k}={v}" for k, v in settings),
            remedy="see its catalog entry for the usual ones",
        ) from error
    if bars < 0:
        raise InputError(
            f"TA-Lib refuses these settings of {name.lower()}",
            value=", ".join(f"{k}={v}" for k, v in settings),
        )
    return bars


def _history(name: str, settings: Values) -> int:
    lookback = _warm_up(name, settings)
    if name in _EHLERS_BARS:
        return _EHLERS_BARS[name]
    if name not in _FADING:
        return lookback + 1
    periods = [value for key, value in settings.items() if "period" in key]
    remembers = sum(_REMEMBERS.get(int(v), 0) for k, v in settings.items() if "matype" in k)
    longest = int(max([*periods, *_UNTOLD.get(name, ())], default=5))
    return lookback + 1 + _FADES_AFTER * longest + 60 + remembers
