"""What a day's surveillance found, as a report."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from nautilus_lab.provenance import Provenance
from nautilus_lab.reports._completeness import Completeness
from nautilus_lab.reports._lineage import Lineage
from nautilus_lab.reports._report import Column, Report, Section

if TYPE_CHECKING:
    from nautilus_lab.surveillance import SurveillanceReport

_NOTE = (
    "A pattern to review, not a finding: figures cannot tell why somebody traded, honest flow "
    "has such shapes by chance, and where none is found there may be some."
)


def surveillance_report(
    found: SurveillanceReport,
    *,
    subject: str,
    as_of: datetime,
    lineage: Lineage,
    completeness: tuple[Completeness, ...] = (),
    provenance: Provenance | None = None,
) -> Report:
    """Return the patterns of a day with their figures and evidence, one row for each.

    Parameters
    ----------
    found : SurveillanceReport
        What `Surveillance.review` gave.
    subject : str
        Whose day: a trader, a desk.
    as_of : datetime
        The end of what was looked at, tz-aware.
    lineage : Lineage
        Data and code; the thresholds are added to its parameters.
    completeness : tuple of Completeness
        What else was counted.
    provenance : Provenance, optional
        Notices; what `found` carries when not given.
    """
    numbered = list(enumerate(found.patterns, start=1))
    patterns = Section(
        name="Patterns to review",
        columns=tuple(
            map(_plain, ("number", "pattern", "owner", "instrument", "begin", "end", "note"))
        ),
        rows=tuple(
            (
                n,
                one.kind,
                one.owner,
                one.instrument,
                one.begin,
                one.end,
                one.note,
            )
            for n, one in numbered
        ),
        note=_NOTE,
    )
    figures = Section(
        name="Figures",
        columns=tuple(map(_plain, ("number", "figure", "value", "threshold", "unit"))),
        rows=tuple(
            (n, each.name, each.value, each.threshold, each.unit)
            for n, one in numbered
            for each in one.figures
        ),
    )
    evidence = Section(
        name="Evidence",
        columns=tuple(map(_plain, ("number", "what", "id"))),
        rows=tuple(
            (n, what, name)
            for n, one in numbered
            for what, names in (("order", one.order_ids), ("fill", one.trade_ids))
            for name in names
        ),
    )
    lost = Section(
        name="Not assessed",
        columns=tuple(map(_plain, ("pattern", "what", "reason"))),
        rows=tuple((one.kind, one.what, one.reason) for one in found.not_assessed),
        note="Of these nobody may say that nothing was found.",
    )
    kinds = ("wash", "layering", "marking the close")
    unseen = {one.kind for one in found.not_assessed}
    assessed = Completeness(
        what="patterns looked for in everything",
        expected=len(kinds),
        present=len(kinds) - len(unseen),
        missing=tuple(kind for kind in kinds if kind in unseen),
    )
    thresholds = {text.partition("(")[0]: text for text in found.settings}
    return Report(
        title="Surveillance",
        subject=subject,
        as_of=as_of,
        sections=(
            Section(
                name="Read",
                columns=tuple(map(_plain, ("what", "count"))),
                rows=(
                    ("orders", found.n_orders),
                    ("fills", found.n_fills),
                    ("patterns to review", len(found.patterns)),
                ),
            ),
            patterns,
            figures,
            evidence,
            lost,
        ),
        lineage=Lineage(
            code=lineage.code,
            data=lineage.data,
            parameters={**lineage.parameters, **thresholds},
        ),
        completeness=(assessed, *completeness),
        provenance=found.provenance if provenance is None else provenance,
    )


def _plain(name: str) -> Column:
    return Column(name=name)
