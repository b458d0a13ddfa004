"""The risk of a day: measures, limits, breaches, and whether the measures held."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from nautilus_lab.exceptions import InputError
from nautilus_lab.provenance import Provenance
from nautilus_lab.reports._completeness import Completeness
from nautilus_lab.reports._report import Column, Report, Section

if TYPE_CHECKING:
    import pandas as pd

    from nautilus_lab.reports._lineage import Lineage
    from nautilus_lab.risk import LimitReport, RiskReport, VarBacktest

_BASEL_STYLE = "A Basel-style measure, not a regulatory figure: nobody has approved the model."


@dataclass(frozen=True, kw_only=True, slots=True)
class Breach:
    """A limit that said no, or was found exceeded, as it was told then.

    Attributes
    ----------
    time : datetime
        When, tz-aware.
    limit, scope : str
        Which limit, and what it was held against.
    value, limit_value : float
        What was measured and what is allowed; NaN where it could not be measured.
    action : str
        What followed.
    order_id : str
        The order that was refused; empty when it was none.
    reason : str
        What was said.
    """

    time: datetime
    limit: str
    scope: str
    value: float
    limit_value: float
    action: str = ""
    order_id: str = ""
    reason: str = ""


def daily_risk_report(
    *,
    subject: str,
    as_of: datetime,
    lineage: Lineage,
    risk: Sequence[RiskReport] = (),
    limits: LimitReport | None = None,
    breaches: Sequence[Breach] | None = None,
    backtests: Sequence[VarBacktest] = (),
    positions: pd.DataFrame | None = None,
    unit: str = "fraction",
    completeness: Sequence[Completeness] = (),
    provenance: Provenance | None = None,
) -> Report:
    """Return the risk of a day as a report.

    A part that is not given is there all the same, as missing: nobody shall read that there was
    no breach where nobody looked.

    Parameters
    ----------
    subject : str
        Whose risk: a trader, a book.
    as_of : datetime
        The end of the day, tz-aware.
    lineage : Lineage
        Data, code and parameters.
    risk : sequence of RiskReport, optional
        What models measured.
    limits : LimitReport, optional
        How much of each limit is used.
    breaches : sequence of Breach, optional
        What was breached that day; empty for nothing, None for not known.
    backtests : sequence of VarBacktest, optional
        Whether value at risk held.
    positions : DataFrame, optional
        What was held, as it shall be shown.
    unit : str, default="fraction"
        What losses are counted in: fractions of capital, or a currency.
    completeness : sequence of Completeness
        What else was counted.
    provenance : Provenance, optional
        Notices; those of all risk reports and backtests when not given.

    Raises
    ------
    InputError
        When a time has no zone, or nothing at all is given.
    """
    given = {
        "risk measures": bool(risk),
        "limit utilisation": limits is not None,
        "breaches": breaches is not None,
        "backtest of value at risk": bool(backtests),
    }
    if not any(given.values()) and positions is None:
        raise InputError("a daily report must be given something to report", value="nothing")
    counted = [
        Completeness(
            what="parts of this report",
            expected=len(given),
            present=sum(given.values()),
            missing=tuple(name for name, there in given.items() if not there),
        )
    ]
    sections = [
        _measures(risk, unit),
        _contributions(risk, unit),
        _utilisation(limits),
        _breaches(breaches),
        _tests(backtests),
        _zones(backtests),
    ]
    if positions is not None:
        sections.insert(0, Section.of_frame("Positions", positions))
    if limits is not None:
        counted.append(
            Completeness(
                what="limits evaluated and measured",
                expected=len(limits),
                present=sum(_is_told(row.level, row.value, row.limit_value) for row in limits),
                missing=tuple(
                    f"{row.limit} of {row.scope}: {row.reason or 'cannot be measured'}"
                    for row in limits
                    if not _is_told(row.level, row.value, row.limit_value)
                ),
            )
        )
    if backtests:
        counted.append(
            Completeness(
                what="periods of the backtests",
                expected=sum(one.n_observations for one in backtests),
                present=sum(one.n_observations - one.missing for one in backtests),
            )
        )
    return Report(
        title="Daily risk",
        subject=subject,
        as_of=as_of,
        sections=tuple(sections),
        lineage=lineage,
        completeness=(*counted, *completeness),
        provenance=_of_all(risk, backtests) if provenance is None else provenance,
    )


def _is_told(level: str, value: float, limit_value: float) -> bool:
    return level != "never" and value == value and limit_value == limit_value


def _of_all(risk: Sequence[RiskReport], backtests: Sequence[VarBacktest]) -> Provenance:
    found = [*(one.provenance for one in risk), *(one.provenance for one in backtests)]
    return Provenance(
        source=", ".join(dict.fromkeys(one.source for one in found if one.source)),
        notices=tuple(dict.fromkeys(text for one in found for text in one.notices)),
        simulated=any(one.simulated for one in found),
    )


def _measures(risk: Sequence[RiskReport], unit: str) -> Section:
    return Section(
        name="Risk measures",
        columns=(
            Column(name="method"),
            Column(name="confidence", form="g"),
            Column(name="value at risk", unit=unit),
            Column(name="expected shortfall", unit=unit),
            Column(name="standard error", unit=unit),
            Column(name="periods"),
            Column(name="first period"),
            Column(name="last period"),
            Column(name="uncovered", unit="fraction", form=".2%"),
            Column(name="notices"),
        ),
        rows=tuple(
            (
                *(one.method, one.confidence, one.value_at_risk, one.expected_shortfall),
                *(one.standard_error, one.n_observations),
                *(str(one.times[0]), str(one.times[-1])),
                *(one.uncovered_share, " ".join(one.notices) or None),
            )
            for one in risk
        ),
        source=" ".join(dict.fromkeys(one.rule for one in risk)),
        note="Losses are positive, of one period ahead." if risk else "Not measured.",
    )


def _contributions(risk: Sequence[RiskReport], unit: str) -> Section:
    return Section(
        name="Contributions",
        columns=(
            Column(name="method"),
            Column(name="symbol"),
            Column(name="weight"),
            Column(name="of value at risk", unit=unit),
            Column(name="of expected shortfall", unit=unit),
        ),
        rows=tuple(
            (one.method, str(symbol), weight, var, es)
            for one in risk
            for symbol, weight, var, es in zip(
                one.symbols,
                one.held,
                one.value_at_risk_contributions,
                one.contributions,
                strict=True,
            )
        ),
        note="Each symbol's part; they sum to the measure." if risk else "Not measured.",
    )


def _utilisation(limits: LimitReport | None) -> Section:
    return Section(
        name="Limit utilisation",
        columns=(
            *(Column(name="limit"), Column(name="scope"), Column(name="level")),
            *(Column(name="value"), Column(name="limit value"), Column(name="unit")),
            *(Column(name="utilisation", unit="fraction", form=".1%"), Column(name="reason")),
        ),
        rows=tuple(
            (
                *(row.limit, row.scope, row.level, row.value, row.limit_value, row.unit),
                *(row.utilisation, row.reason or None),
            )
            for row in limits or ()
        ),
        note=(
            "Not evaluated: of no limit may anybody say that it holds."
            if limits is None
            else "The worst first. NaN could not be measured, and counts as a breach."
        ),
    )


def _breaches(breaches: Sequence[Breach] | None) -> Section:
    return Section(
        name="Breaches",
        columns=tuple(
            Column(name=name)
            for name in (
                *("time", "limit", "scope", "value", "limit value", "action", "order", "reason"),
            )
        ),
        rows=tuple(
            (
                *(one.time, one.limit, one.scope, one.value, one.limit_value),
                *(one.action, one.order_id or None, one.reason),
            )
            for one in sorted(breaches or (), key=lambda one: (one.time, one.limit, one.scope))
        ),
        note="Not known: nobody looked." if breaches is None else "As they were told that day.",
    )


def _tests(backtests: Sequence[VarBacktest]) -> Section:
    return Section(
        name="Backtest",
        columns=(
            Column(name="backtest"),
            Column(name="confidence", form="g"),
            Column(name="test"),
            Column(name="likelihood ratio"),
            Column(name="p value"),
            Column(name="rejected at 5%"),
            Column(name="power"),
        ),
        rows=tuple(
            (
                *(number, one.confidence, test.name, test.statistic, test.p_value),
                *(bool(test.rejected()), test.power),
            )
            for number, one in enumerate(backtests, start=1)
            for test in (one.kupiec, one.independence, one.conditional_coverage)
        ),
        note="Power: the chance to find a model with twice the promised exceptions."
        if backtests
        else "Not tested.",
    )


def _zones(backtests: Sequence[VarBacktest]) -> Section:
    return Section(
        name="Exceptions",
        columns=(
            *(Column(name="backtest"), Column(name="confidence", form="g")),
            *(Column(name="exceptions"), Column(name="promised")),
            *(Column(name="periods"), Column(name="missing"), Column(name="zone")),
            *(Column(name="in the zone's periods"), Column(name="zone's periods")),
            *(Column(name="multiplier 1996"), Column(name="multiplier 2019")),
        ),
        rows=tuple(
            (
                *(number, one.confidence, one.n_exceptions, one.expected),
                *(one.n_observations, one.missing, one.light.zone),
                *(one.light.exceptions, one.light.observations),
                *(one.light.multiplier_1996, one.light.multiplier_2019),
            )
            for number, one in enumerate(backtests, start=1)
        ),
        note=_BASEL_STYLE if backtests else "Not tested.",
    )
