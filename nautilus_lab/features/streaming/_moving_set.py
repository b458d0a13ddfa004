"""The commonest averages of one column, all their settings in one call a tick."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nautilus_lab.features._feature import FeatureSpec

if TYPE_CHECKING:
    from nautilus_lab._typing import FloatArray

_KINDS = ("sma", "ema", "rsi", "bbands")
_SIMPLE = 0  # TA-Lib's number of a simple average


class MovingSet:
    """SMA, EMA, RSI and Bollinger bands of one column of one instrument, at all their settings.

    Parameters
    ----------
    specs : sequence of (FeatureSpec, int)
        Those that `takes` says yes to, and the place of the first output of each in `out`.
    out : array, shape (columns,)
        Where values are written.
    """

    __slots__ = ("_out", "_real", "_ring", "_update", "_whole")

    def __init__(self, specs: Sequence[tuple[FeatureSpec, int]], out: FloatArray) -> None:
        import numpy as np

        from nautilus_lab.features.streaming._moving_kernels import update

        kinds = [[one for one in specs if one[0].feature.name == kind] for kind in _KINDS]
        whole = [0, *[len(kind) for kind in kinds]]
        for kind in kinds:
            for spec, place in kind:
                whole += [int(spec.settings["timeperiod"]), place]
        sma, ema, rsi, bands = kinds
        # what `update` reads and keeps: the first value, then the sums of each kind
        real = [0.0] * (1 + len(sma))
        for spec, _ in ema:
            real += [0.0, 2.0 / (spec.settings["timeperiod"] + 1)]
        real += [0.0, 0.0] * len(rsi)
        for spec, _ in bands:
            real += [0.0, 0.0, spec.settings["nbdevup"], spec.settings["nbdevdn"]]
        longest = int(max(spec.settings["timeperiod"] for spec, _ in specs))
        self._ring = np.zeros(1 << (longest + 1).bit_length())
        self._whole, self._real = np.array(whole, dtype=np.int64), np.array(real)
        self._out, self._update = out, update

    @staticmethod
    def takes(spec: FeatureSpec) -> bool:
        """Whether a feature, as it is set, is one of these."""
        return (
            spec.feature.name in _KINDS
            and spec.feature.reference.startswith("TA-Lib")
            and spec.settings.get("matype", _SIMPLE) == _SIMPLE
        )

    def update(self, value: float) -> None:
        """Take the next value."""
        self._update(value, self._whole, self._real, self._ring, self._out)
