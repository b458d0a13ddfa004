"""Nanoseconds as the times that reports write, and back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def ns_of(time: datetime) -> int:
    """Return a time as UNIX nanoseconds."""
    return (time - _EPOCH) // timedelta(microseconds=1) * 1_000


def to_second(time: datetime) -> datetime:
    """Return a time as people compare it: what it was to the microsecond stands in its store."""
    return time.replace(microsecond=0)


def moment(ns: int) -> datetime:
    """Return UNIX nanoseconds as a time, UTC, to the microsecond."""
    return datetime.fromtimestamp(ns // 10**9, UTC) + timedelta(microseconds=ns % 10**9 // 1_000)
