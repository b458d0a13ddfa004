"""Sections of what was told that day: limits that were adjusted, and alerts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nautilus_lab.reports._report import Column, Section
from nautilus_lab.reports._times import to_second

if TYPE_CHECKING:
    from nautilus_lab.reports._told import Adjustment, ToldAlert

_UNKNOWN = "Not known: nobody looked."
_ALERT = ("time", "severity", "component", "rule", "detail", "seen by", "seen at", "stands in")


def adjustments_section(adjustments: Sequence[Adjustment] | None) -> Section:
    """Return how limits moved that day."""
    return Section(
        name="Limit adjustments",
        columns=(
            *(Column(name="time"), Column(name="limit"), Column(name="change")),
            *(Column(name="before", unit="of the base", form=".0%"),),
            *(Column(name="after", unit="of the base", form=".0%"),),
            *(Column(name="by"), Column(name="reason"), Column(name="audit row")),
        ),
        rows=tuple(
            (
                *(to_second(one.time), one.limit, one.change, one.before, one.after),
                *(one.by, one.reason, one.row),
            )
            for one in sorted(adjustments or (), key=lambda one: (one.time, one.row))
        ),
        note=_UNKNOWN if adjustments is None else "As the audit trail of the node has them.",
    )


def alerts_section(alerts: Sequence[ToldAlert] | None) -> Section:
    """Return what was raised that day, and who saw to what."""
    return Section(
        name="Alerts",
        columns=tuple(map(_named, _ALERT)),
        rows=tuple(
            (
                *(to_second(one.time), one.severity, one.component, one.rule, one.detail),
                *(one.seen_by or None, None if one.seen_at is None else to_second(one.seen_at)),
                one.source,
            )
            for one in sorted(alerts or (), key=lambda one: (one.time, one.rule))
        ),
        note=_UNKNOWN
        if alerts is None
        else (
            "Raised that day, or seen to that day. Nobody can mark as seen what stands in a "
            "node's own trading.db."
        ),
    )


def _named(name: str) -> Column:
    return Column(name=name)
