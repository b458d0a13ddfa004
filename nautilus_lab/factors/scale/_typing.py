"""The arrays that pass between the kernels of this package."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    SingleArray: TypeAlias = NDArray[np.float32]
    ByteArray: TypeAlias = NDArray[np.uint8]
    CountArray: TypeAlias = NDArray[np.int32]
    KeyArray: TypeAlias = NDArray[np.int64]
    CodeArray: TypeAlias = NDArray[np.uint32]
    SketchArray: TypeAlias = NDArray[np.uint64]
    AnyArray: TypeAlias = NDArray[Any]
