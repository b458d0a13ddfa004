"""What the lab's own process measured for a trader's limits, in a file of its run directory."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from nautilus_lab.exceptions import InputError, StoreError
from nautilus_lab.platform.rundir import write_whole
from nautilus_lab.risk.limits import Measured, Measures

_LONGEST = 16 << 20
_SAME = 1e-6  # positions that differ by less, relatively, are the same
_MOST_NAMED = 5


class Measurement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The measures of one moment: of which positions, and what could not be measured.

    Attributes
    ----------
    as_of_ns : int
        When the node was asked what it holds, UNIX nanoseconds.
    market_ns : int
        The market's own time then, which in a replay is an old one.
    took_s : float
        How long it took.
    held : dict of str to float
        Instrument -> signed units, as measured.
    values : dict of str to float or str
        Measure -> its value; ``"volume:AAPL"`` is of a symbol, the others of what is held.
    missing : dict of str to str
        Measure -> why it could not be measured.
    uncovered : dict of str to str
        Symbol that is held -> why it has no history; it is in no measure of the account.
    uncovered_share : float
        Their share of the gross value, a fraction.
    proxied : tuple of str
        Symbols that a proxy stands in for.
    first, last : str
        The days of the first and the last return, ISO; empty when none was read.
    observations : int
        How many returns were read.
    notices : tuple of str
        What a reader must know besides.
    """

    as_of_ns: int
    market_ns: int
    took_s: float = 0.0
    held: dict[str, float] = {}
    values: dict[str, float | str] = {}
    missing: dict[str, str] = {}
    uncovered: dict[str, str] = {}
    uncovered_share: float = 0.0
    proxied: tuple[str, ...] = ()
    first: str = ""
    last: str = ""
    observations: int = 0
    notices: tuple[str, ...] = ()

    def measures(self, *, moved: Sequence[str] = ()) -> Measures:
        """Return what limits may read of it.

        Parameters
        ----------
        moved : sequence of str, optional
            Instruments of which another number of units is held by now, and has been for too long:
            what is of the account is none then.
        """
        values, missing = self.values, self.missing
        if moved:
            named = ", ".join(moved[:_MOST_NAMED]) + (", ..." if moved[_MOST_NAMED:] else "")
            why = f"since it was made positions changed: {named}"
            of_account = [name for name in values if ":" not in name]
            missing = {**missing, **dict.fromkeys(of_account, why)}
            values = {name: value for name, value in values.items() if ":" in name}
        known = {name: Measured(value, self.as_of_ns) for name, value in values.items()}
        return Measures(known, missing)

    def moved(self, held: Mapping[str, float]) -> list[str]:
        """Return the instruments of which another number of units was measured, by name."""
        names = {*self.held, *held}
        return sorted(n for n in names if not _same(self.held.get(n, 0.0), held.get(n, 0.0)))

    def write(self, path: Path) -> None:
        """Write it, whole or not at all.

        Raises
        ------
        InputError
            When a measure is not finite.
        StoreError
            When the file cannot be written.
        """
        for name, value in self.values.items():
            if not isinstance(value, str) and not math.isfinite(value):
                raise InputError("a measure must be finite", value=f"{name}: {value}")
        write_whole(path, msgspec.json.encode(self))

    @classmethod
    def read(cls, path: Path) -> Measurement | None:
        """Return what is at `path`; None when nothing is.

        Raises
        ------
        StoreError
            When the file is none, or what it says cannot be.
        """
        try:
            data = path.read_bytes()
            if len(data) > _LONGEST:
                raise ValueError(f"it is longer than {_LONGEST} bytes")
            told = msgspec.json.decode(data, type=cls)
            Measures({name: Measured(value, 0) for name, value in told.values.items()})
            Measures(missing=told.missing)
        except FileNotFoundError:
            return None
        except (ValueError, OSError) as error:
            raise StoreError(
                f"what was measured must be readable: {error}",
                value=str(path),
                remedy="remove it; it is made anew within trading.measures.every_s",
            ) from None
        return told


def _same(one: float, other: float) -> bool:
    # Written so that NaN is like no other number.
    return abs(one - other) <= _SAME * max(abs(one), abs(other))
