"""Keys of blocks of rows, sorted: order and places of their values at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nautilus_lab.factors.scale._typing import KeyArray, SingleArray

# Rows whose keys are made, sorted and used while they are in the second-level cache.
KEYED = 256
# numpy sorts so many keys of 64 bits without a branch. Beyond, it partitions, which takes some
# processors four times as long a key: runs of this length are sorted, and merged here.
_RUN = 256


class KeyRoom:
    """Room for the keys of up to `KEYED` rows, used again for each block.

    Parameters
    ----------
    width : int
        Values in a row.
    """

    def __init__(self, width: int) -> None:
        import numpy as np

        self._width = width
        self._run = width
        count = 1
        while self._run > _RUN:
            count *= 2
            self._run = -(-width // count)
        # what is beyond the row sorts behind all of it
        self._keys = np.full((KEYED, count * self._run), np.iinfo(np.int64).max)
        self._merged = np.empty_like(self._keys) if count > 1 else self._keys

    def sorted(self, values: SingleArray) -> KeyArray:
        """Return the sorted keys of some rows; good until it is called again."""
        import numpy as np

        from nautilus_lab.factors.scale._rank_kernels import merge, pack

        n = len(values)
        keys, other = self._keys[:n], self._merged[:n]
        keys[:, self._width :] = np.iinfo(np.int64).max
        pack(values.view(np.int32), keys)
        keys.reshape(-1, self._run).sort(axis=1)
        run = self._run
        while run < keys.shape[1]:
            merge(keys, run, other)
            keys, other = other, keys
            run *= 2
        return keys[:, : self._width]
