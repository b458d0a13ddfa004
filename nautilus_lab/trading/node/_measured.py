"""The measures that a node's limits read: told, or measured beside it, while they are true."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path

from nautilus_lab.config import MeasureSettings
from nautilus_lab.exceptions import LabError
from nautilus_lab.risk.limits import Measures
from nautilus_lab.trading._measurement import Measurement
from nautilus_lab.trading._measures_file import read_measures

log = logging.getLogger(__name__)

_NS = 1_000_000_000
# What is not made anew for so many intervals is none: its process hangs, or is gone.
_INTERVALS = 10


class MeasuresRead:
    """Reads what was told by `write_measures`, and what a process measures beside the node.

    Of two measures of one name the later one is taken. What was measured of other positions than
    are held counts for `grace_s` after they moved, in which it is made anew.

    Parameters
    ----------
    told, measured : Path, optional
        The two files.
    rules : MeasureSettings, optional
        How it is measured beside the node; None where nothing is.
    """

    def __init__(
        self, told: Path | None, measured: Path | None, rules: MeasureSettings | None
    ) -> None:
        self._told = _Kept(told, read_measures)
        self._measured = _Kept(measured, Measurement.read)
        self._rules = rules or MeasureSettings()
        self._awaited = rules is not None
        self._made_ns = 0  # the measurement that positions are held against
        self._agreed_ns = 0  # when they were those that it is of, or it was new

    @property
    def changed(self) -> bool:
        """Whether there is something that was not read yet."""
        return self._told.changed or self._measured.changed

    def awaited(self, now_ns: int) -> bool:
        """Whether a process is to measure, and did not lately."""
        return self._awaited and self._latest(now_ns)[0] is None

    def read(self, held: Mapping[str, float], now_ns: int) -> Measures:
        """Return the measures that hold now.

        Parameters
        ----------
        held : mapping of str to float
            Instrument -> signed units.
        now_ns : int
            UNIX nanoseconds.
        """
        told = self._told.read() or Measures()
        made, why = self._latest(now_ns)
        if made is None:
            return told.latest(Measures(missing=why))
        moved = made.moved(held)
        if not moved or made.as_of_ns != self._made_ns:
            self._made_ns, self._agreed_ns = made.as_of_ns, now_ns
        in_time = 0 <= now_ns - self._agreed_ns <= self._rules.grace_s * _NS
        return told.latest(made.measures() if in_time else made.measures(moved=moved))

    def _latest(self, now_ns: int) -> tuple[Measurement | None, Mapping[str, str]]:
        """Return the last measurement; where it is too old none, and why."""
        made = self._measured.read()
        if made is None:
            return None, {}
        age_s = (now_ns - made.as_of_ns) / _NS
        if age_s <= _INTERVALS * self._rules.every_s:
            return made, {}
        why = f"it was made {age_s:,.0f} s ago, and is to be each {self._rules.every_s:,.0f} s"
        return None, {**dict.fromkeys(made.values, why), **made.missing}


class _Kept[T]:
    """What a file says, read again when it changed."""

    def __init__(self, path: Path | None, read: Callable[[Path], T]) -> None:
        self._path = path
        self._read = read
        self._at: tuple[int, int] | None = None  # of the file, when it was read last
        self._found: T | None = None

    def read(self) -> T | None:
        """Return it; None when there is no file, or it cannot be read."""
        at = self._version()
        if self._path is not None and at is not None and at != self._at:
            self._at = at
            try:
                self._found = self._read(self._path)
            except LabError:
                # Of what cannot be read nothing is known.
                log.exception("the measures that limits need cannot be read")
                self._found = None
        return self._found

    @property
    def changed(self) -> bool:
        """Whether the file is another one than was read last."""
        return self._version() not in (None, self._at)

    def _version(self) -> tuple[int, int] | None:
        try:
            found = None if self._path is None else self._path.stat()
        except FileNotFoundError:
            return None
        return None if found is None else (found.st_mtime_ns, found.st_size)
