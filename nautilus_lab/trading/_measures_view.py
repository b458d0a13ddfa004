"""The measures of a trader as people look at them: how old, from where, and what is missing."""

from __future__ import annotations

import time

import msgspec

from nautilus_lab.config import Settings
from nautilus_lab.exceptions import StoreError
from nautilus_lab.platform.rundir import RunDirectory
from nautilus_lab.risk.limits import MEASURES, Measures
from nautilus_lab.trading._measurement import Measurement
from nautilus_lab.trading._measures_file import read_measures
from nautilus_lab.trading._needs import needs_of

_NS = 1_000_000_000


class MeasureRow(msgspec.Struct, frozen=True, kw_only=True):
    """One measure.

    Attributes
    ----------
    name : str
        ``"value_at_risk"``, or with a symbol ``"volume:AAPL"``.
    value : float, str or None
        None where it could not be measured.
    unit : str
        What it is counted in.
    as_of_ns : int or None
        What time it is of, UNIX nanoseconds.
    age_s : float or None
        How long ago that is.
    source : {"measured", "told", ""}
        Whether the lab's process measured it, or somebody told it by `tell_measures`.
    why : str
        Why it could not be measured.
    """

    name: str
    value: float | str | None
    unit: str
    as_of_ns: int | None = None
    age_s: float | None = None
    source: str = ""
    why: str = ""


class MeasuresView(msgspec.Struct, frozen=True, kw_only=True):
    """The measures of a trader.

    Attributes
    ----------
    trader : str
        Whose.
    rows : tuple of MeasureRow
        What is missing first, then by name.
    needs : tuple of str
        What its limits read and the lab's process measures.
    measured : Measurement or None
        The last measurement; None where there was none.
    age_s : float or None
        How long ago that was.
    """

    trader: str
    rows: tuple[MeasureRow, ...]
    needs: tuple[str, ...]
    measured: Measurement | None
    age_s: float | None

    @property
    def lacking(self) -> tuple[str, ...]:
        """What limits need of the account, or of what is held, and nobody knows."""
        known = {row.name for row in self.rows if row.value is not None}
        held = {name.rpartition(".")[0] for name in (self.measured.held if self.measured else ())}
        needed = [need for need in self.needs if not need.endswith(":*")]
        for need in self.needs:
            if need.endswith(":*"):  # of each symbol that is held
                needed += [f"{need[:-1]}{symbol}" for symbol in sorted(held)]
        return tuple(name for name in needed if name not in known)


def measures_view(
    rundir: RunDirectory, settings: Settings, *, now_ns: int | None = None
) -> MeasuresView:
    """Return the measures that are kept for a trader; asks no process.

    Parameters
    ----------
    rundir : RunDirectory
        The trader's.
    settings : Settings
        Taken where the trader was never started, and has none of its own.
    now_ns : int, optional
        UNIX nanoseconds; the clock's when not given.

    Raises
    ------
    StoreError
        When a file is there and cannot be read.
    """
    now_ns = time.time_ns() if now_ns is None else now_ns
    settings = _own(rundir, settings)
    made = Measurement.read(rundir.measured)
    told = read_measures(rundir.measures) if rundir.measures.exists() else Measures()
    ours = Measures() if made is None else made.measures()
    both = told.latest(ours)
    rows = [
        MeasureRow(name=name, value=None, unit=_unit(name), why=why)
        for name, why in both.missing.items()
    ]
    for name, one in both.values.items():
        from_us = ours.values.get(name) == one
        rows.append(
            MeasureRow(
                name=name,
                value=one.value,
                unit=_unit(name),
                as_of_ns=one.as_of_ns,
                age_s=round((now_ns - one.as_of_ns) / _NS, 3),
                source="measured" if from_us else "told",
            )
        )
    return MeasuresView(
        trader=rundir.trader_id,
        rows=tuple(sorted(rows, key=lambda row: (row.value is not None, row.name))),
        needs=tuple(sorted(needs_of(settings.trading))),
        measured=made,
        age_s=None if made is None else round((now_ns - made.as_of_ns) / _NS, 3),
    )


def _own(rundir: RunDirectory, settings: Settings) -> Settings:
    """Return what the trader was started with last."""
    try:
        return Settings.model_validate_json(rundir.settings.read_bytes())
    except FileNotFoundError:
        return settings
    except (OSError, ValueError) as error:
        raise StoreError(
            f"a trader's settings must be readable: {type(error).__name__}",
            value=str(rundir.settings),
            remedy="start it again: nautilus-lab node start",
        ) from None


def _unit(name: str) -> str:
    return MEASURES[name.partition(":")[0]]
