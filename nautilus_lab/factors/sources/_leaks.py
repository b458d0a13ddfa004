"""Whether a factor of a source knows its future."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, cast

from nautilus_lab.exceptions import InputError
from nautilus_lab.factors.point_in_time import Leak, Release, Session
from nautilus_lab.factors.point_in_time._moments import as_times
from nautilus_lab.factors.sources._catalogue import factors_named
from nautilus_lab.factors.sources._definition import SourceFactor, SourceInput
from nautilus_lab.factors.sources._synthesise import synthesise
from nautilus_lab.factors.sources._tables import over_time, rows_by_series, zoned

if TYPE_CHECKING:
    import pandas as pd

    from nautilus_lab._typing import BoolArray, Prices


def find_source_leaks(
    names: str | Iterable[str],
    frames: Mapping[str, pd.DataFrame],
    *,
    like: Prices,
    symbols: Mapping[str, Mapping[Any, str]] | None = None,
    cuts: int = 4,
    session: Session | None = None,
    tolerance: float = 1e-9,
) -> dict[str, tuple[Leak, ...]]:
    """Compute factors again without their future, and return the values that are not the same.

    Parameters
    ----------
    names, frames, like, symbols, session
        As `synthesise` takes them.
    cuts : int, default=4
        After how many rows, evenly spread over the later half, everything is taken away that was
        not known yet, from the prices and from every frame.
    tolerance : float, default=1e-9
        Relative; what rounding may differ by.

    Returns
    -------
    dict of str to tuple of Leak
        By factor; empty when there is none.

    Raises
    ------
    InputError
        When there are too few rows, or as `synthesise` raises.
    """
    import numpy as np

    if not 1 <= cuts < len(like) // 2:
        raise InputError("cuts must leave half of the rows", value=f"{cuts} of {len(like)} rows")
    asked = factors_named(names)
    clock = session or Session()
    moments = clock.moments(cast("pd.DatetimeIndex", like.index))
    every = [one.name for one in asked]
    whole = synthesise(every, frames, like=like, symbols=symbols, session=clock)
    found: dict[str, tuple[Leak, ...]] = {}
    for row in np.linspace(len(like) // 2, len(like) - 2, cuts).astype(int):
        kept = like.iloc[: row + 1]
        alone = synthesise(
            every,
            _cut(asked, frames, moments[row], clock),
            like=kept,
            symbols=symbols,
            session=clock,
            missing="leave out",  # nothing of it was known yet
        )
        for name in every:
            before = whole[name].iloc[: row + 1].to_numpy(dtype=float)
            after = np.full(before.shape, np.nan)
            if name in alone:
                after = alone[name].to_numpy(dtype=float)
            same = np.isclose(before, after, rtol=tolerance, atol=1e-12, equal_nan=True)
            leaks = tuple(
                Leak(
                    time=kept.index[r],
                    symbol=kept.columns[c],
                    cut=kept.index[-1],
                    whole=float(before[r, c]),
                    alone=float(after[r, c]),
                )
                for r, c in np.argwhere(~same)
            )
            if leaks:
                found[name] = found.get(name, ()) + leaks
    return found


def _cut(
    asked: list[SourceFactor], frames: Mapping[str, pd.DataFrame], moment: Any, clock: Session
) -> dict[str, pd.DataFrame]:
    """Return frames without what was not known by a moment."""
    past = dict(frames)
    inputs = {(one.table.name, one.of): one for factor in asked for one in factor.inputs}
    for name in {table for table, _ in inputs}:
        of_table = [one for (table, _), one in inputs.items() if table == name]
        if of_table[0].table.kind == "series":  # each series has a lag of its own
            past[name] = _past_series(of_table, frames[name], moment)
        elif of_table[0].table.kind != "prices":
            past[name] = _past(of_table[0], frames[name], moment, clock)
    return past


def _past_series(inputs: list[SourceInput], frame: pd.DataFrame, moment: Any) -> pd.DataFrame:
    import numpy as np

    if over_time(frame):
        stamps = frame.index.to_series()
        known = {one.of: frame[one.of].where(_known(one.release, stamps, moment)) for one in inputs}
        return frame.assign(**known)
    columns = inputs[0].table.columns
    told = columns["released"] in frame.columns
    stamp = columns["released"] if told else columns["period"]
    kept = np.ones(len(frame), dtype=bool)
    places = rows_by_series(frame, columns["series"])
    for one in inputs:
        rows = places[one.of]
        rule = one.told if told else one.release
        kept[rows] = _known(rule, frame[stamp].iloc[rows], moment)
    return frame[kept]


def _past(one: SourceInput, frame: pd.DataFrame, moment: Any, clock: Session) -> pd.DataFrame:
    """Return the rows of a frame that were known by a moment."""
    import pandas as pd

    columns, kind = one.table.columns, one.table.kind
    told = columns.get("released", "")
    if kind == "bars":
        times = (
            frame.index.get_level_values("timestamp")
            if isinstance(frame.index, pd.MultiIndex)
            else pd.DatetimeIndex(frame["timestamp"])
        )
        each = pd.DatetimeIndex(times.unique()).sort_values()
        closed = pd.Series(clock.moments(each) <= moment, each)
        return frame[closed.reindex(times).to_numpy()]
    if kind == "facts":
        return frame[_known(one.told, frame["filed"], moment)]
    if kind == "events":
        return frame[_known(one.told, zoned(frame[told], one), moment)]
    if kind == "statements":
        return frame[_reported(one, frame, told, moment)]
    return frame[_known(one.told, frame[told], moment)]


def _reported(one: SourceInput, frame: pd.DataFrame, told: str, moment: Any) -> BoolArray:
    """Return which statements were known: by their report, else by their lag."""
    known = _known(one.release, frame[one.table.columns["period"]], moment)
    if told in frame.columns:
        said = frame[told].replace("None", None).notna().to_numpy()
        days = as_times(frame[told][said], told).tz_localize(None).normalize()
        known[said] = _known(one.told, days.to_series(), moment)
    return known


def _known(release: Release, told: pd.Series[Any], moment: Any) -> BoolArray:
    import numpy as np

    return np.asarray(release.moments(told, "the release") <= moment)
