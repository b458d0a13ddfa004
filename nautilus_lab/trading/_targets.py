"""The target weights a node trades: written by a notebook, read by the node."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import msgspec

from nautilus_lab.exceptions import InputError, StoreError
from nautilus_lab.platform.rundir import write_whole


class Targets(msgspec.Struct, frozen=True, kw_only=True):
    """What fraction of equity to hold of each symbol, and where the numbers come from.

    Attributes
    ----------
    weights : dict of str to float
        symbol -> fraction of equity, 0 to 1; together at most 1. What is not named is sold.
    name : str
        What they are called in tables and in the audit trail.
    made_ns : int
        When they were made, UNIX ns.
    """

    weights: dict[str, float]
    name: str = "targets"
    made_ns: int = 0

    def check(self) -> Targets:
        """Return self, or raise `InputError` naming the weight that breaks a rule."""
        if not self.weights:
            raise InputError(
                "target weights must name at least one symbol",
                value=self.weights,
                remedy='pass {"AAPL": 0.5, "MSFT": 0.5}',
            )
        for symbol, weight in self.weights.items():
            if not 0 <= weight <= 1:
                raise InputError(
                    "a target weight must be a fraction from 0 to 1",
                    value=f"{symbol}: {weight}",
                    remedy="the paper account is a cash account: no short sales, no leverage",
                )
        if not math.fsum(self.weights.values()) <= 1 + 1e-9:
            raise InputError(
                "target weights must sum to at most 1",
                value=math.fsum(self.weights.values()),
                remedy="scale them: weights / weights.sum()",
            )
        return self

    def write(self, path: Path) -> None:
        """Write the targets, whole or not at all."""
        write_whole(path, msgspec.json.encode(self.check()))

    @classmethod
    def read(cls, path: Path) -> Targets | None:
        """Return the targets at `path`; None when there are none.

        Raises
        ------
        StoreError
            When the file is there but holds no valid targets.
        """
        try:
            return msgspec.json.decode(path.read_bytes(), type=cls).check()
        except FileNotFoundError:
            return None
        except (msgspec.DecodeError, InputError) as error:
            raise StoreError(
                f"target weights must be readable: {error}",
                value=str(path),
                remedy="publish them again with lab.trading.start(targets=...)",
            ) from None


def as_targets(weights: Mapping[str, float] | Targets, *, name: str, now_ns: int) -> Targets:
    """Return `weights` (any mapping or series of symbol to fraction) as checked `Targets`."""
    if isinstance(weights, Targets):
        return weights.check()
    try:
        plain = {str(symbol): float(weight) for symbol, weight in weights.items()}
    except (AttributeError, TypeError, ValueError):
        raise InputError(
            "target weights must map symbols to fractions",
            value=weights,
            remedy='pass {"AAPL": 0.5, "MSFT": 0.5} or a series',
        ) from None
    if len(plain) != len(weights):
        raise InputError(
            "a symbol may have one target weight",
            value=[str(symbol) for symbol in weights.keys()],  # noqa: SIM118 - a series too
            remedy="add up the weights of a symbol: weights.groupby(level=0).sum()",
        )
    # Optimisers leave dust of either sign: a millionth of equity buys nothing.
    cleaned = {symbol: 0.0 if abs(w) < 1e-6 else w for symbol, w in plain.items()}
    return Targets(weights=cleaned, name=name, made_ns=now_ns).check()
