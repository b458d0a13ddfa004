"""What came after the observations, one line for each horizon."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nautilus_lab.exceptions import BadData, InputError, NotEnoughData

if TYPE_CHECKING:
    from nautilus_lab.factors.scale._typing import (
        ByteArray,
        CountArray,
        KeyArray,
        SingleArray,
    )


@dataclass(frozen=True, kw_only=True, eq=False)
class Ahead:
    """Forward returns, checked; NaN at the end, where the future is not known yet.

    Attributes
    ----------
    labels : tuple
        Of the horizons.
    values : array of float32, shape (horizon, observation)
    """

    labels: tuple[Any, ...]
    values: SingleArray

    @classmethod
    def of(cls, returns: Any, n_observations: int) -> Ahead:
        """Take one line, an array (horizon, observation), a mapping or a frame of lines."""
        import numpy as np
        import pandas as pd

        labels: list[Any]
        if isinstance(returns, pd.DataFrame):
            labels, values = list(returns.columns), returns.to_numpy(dtype=float).T
        elif isinstance(returns, Mapping):
            labels = list(returns)
            values = np.array([np.asarray(returns[label], dtype=float) for label in labels])
        else:
            values = np.atleast_2d(np.asarray(returns, dtype=float))
            labels = list(range(1, len(values) + 1))
        if values.ndim != 2 or values.shape[1] != n_observations or not len(values):
            raise InputError(
                f"returns ahead have a line of {n_observations} observations for each horizon",
                value=f"shape {values.shape}",
                remedy="align them to the factors' observations",
            )
        for label, line in zip(labels, values, strict=True):
            known = line[~np.isnan(line)]
            if np.isinf(line).any():
                place = int(np.isinf(line).argmax())
                raise BadData(
                    "returns ahead must be finite or NaN",
                    value=f"horizon {label} at observation {place}",
                    remedy="mend the prices they come from",
                )
            if len(known) < 2:
                raise NotEnoughData(
                    "a horizon must know two returns",
                    value=f"horizon {label}: {len(known)}",
                    remedy="pass a longer history or a shorter horizon",
                )
            if known.min() == known.max():
                raise BadData(
                    "returns ahead must vary",
                    value=f"horizon {label}: {known[0]:g} throughout",
                    remedy="leave the horizon out",
                )
        return cls(labels=tuple(labels), values=np.ascontiguousarray(values, dtype=np.float32))

    def for_pearson(self) -> tuple[SingleArray, CountArray, CountArray, ByteArray]:
        """Return lines of length one, where each begins and ends to be known, and without gaps."""
        import numpy as np

        from nautilus_lab.factors.scale._moment_kernels import standardise

        unit = np.empty_like(self.values)
        standardise(self.values, unit, 0, True)
        known = ~np.isnan(self.values)
        begins = known.argmax(axis=1).astype(np.int32)
        ends = (known.shape[1] - known[:, ::-1].argmax(axis=1)).astype(np.int32)
        solid = (known.sum(axis=1) == ends - begins).astype(np.uint8)
        return unit, begins, ends, solid

    def for_spearman(self) -> tuple[KeyArray, SingleArray, ByteArray, CountArray]:
        """Return sorted keys, ranks of length one, and which and how many are known."""
        import numpy as np

        from nautilus_lab.factors.scale._moment_kernels import standardise
        from nautilus_lab.factors.scale._rank_kernels import pack, row_ranks

        keys = np.empty(self.values.shape, np.int64)
        pack(self.values.view(np.int32), keys)
        keys.sort(axis=1)
        ranked = np.empty_like(self.values)
        row_ranks(keys, np.ones(self.values.shape[1], np.uint8), ranked)
        unit = np.empty_like(ranked)
        standardise(ranked, unit, 0, True)
        known = ~np.isnan(self.values)
        return keys, unit, known.astype(np.uint8), known.sum(axis=1).astype(np.int32)
