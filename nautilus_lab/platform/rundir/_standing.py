"""What a trader may do, as a type that is there at run time too."""

from __future__ import annotations

from typing import Literal, TypeAlias

# `platform.latch.STANDINGS`, which loads no typing.
Standing: TypeAlias = Literal["ACTIVE", "REDUCE_ONLY", "HALTED", "KILLED"]
