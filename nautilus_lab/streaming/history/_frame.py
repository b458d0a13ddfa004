"""The past as a frame."""

from __future__ import annotations

from datetime import datetime

import pandas as pd

from nautilus_lab.exceptions import InputError, StoreError
from nautilus_lab.platform.bus import check_pattern
from nautilus_lab.platform.rundir import Home
from nautilus_lab.platform.store import HistoryStore


def history_frame(
    home: Home,
    pattern: str,
    start: str | datetime | None,
    end: str | datetime | None,
    *,
    trader: str | None,
) -> pd.DataFrame:
    """Return the events of a home's history; see `StreamingEngine.history`."""
    check_pattern(pattern)
    from_ns, to_ns = _nanoseconds("start", start), _nanoseconds("end", end)
    if from_ns is not None and to_ns is not None and not from_ns <= to_ns:
        raise InputError("start must not be after end", value=f"{start}, {end}")
    path = home.history_files.store
    if not path.exists():
        raise StoreError(
            "a history must be kept before it is read",
            value=str(path),
            remedy="set bus.url to a Redis and bus.history to true, then start a node",
        )
    with HistoryStore.open(path, read_only=True) as store:
        events = store.events(pattern, start_ns=from_ns, end_ns=to_ns, trader=trader)
    return pd.DataFrame(
        {
            "ts": pd.DatetimeIndex([event.ts for event in events], dtype="datetime64[ns, UTC]"),
            "topic": [event.topic for event in events],
            "trader": [event.trader for event in events],
            "writer": [event.writer for event in events],
            "epoch": pd.array([event.epoch for event in events], dtype="int64"),
            "seq": pd.array([event.seq for event in events], dtype="Int64"),
            "kind": [type(event.body).__name__ for event in events],
            "simulated": pd.array([event.simulated for event in events], dtype="bool"),
            "id": [event.id for event in events],
            "body": pd.Series([event.body for event in events], dtype="object"),
        }
    )


def _nanoseconds(name: str, when: str | datetime | None) -> int | None:
    if when is None:
        return None
    try:
        stamp = pd.Timestamp(when)
        if pd.isna(stamp):
            raise ValueError("it is no time")
        return int((stamp.tz_localize("UTC") if stamp.tz is None else stamp).as_unit("ns").value)
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(f"{name} must be a time: {error}", value=when) from None
