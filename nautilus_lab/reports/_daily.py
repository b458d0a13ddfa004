"""The risk of a day: measures, limits, breaches, and whether the measures held."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from nautilus_lab.exceptions import InputError
from nautilus_lab.provenance import Provenance
from nautilus_lab.reports._account import account_section, strategies_section
from nautilus_lab.reports._completeness import Completeness
from nautilus_lab.reports._report import Column, Report, Section
from nautilus_lab.reports._stress_sections import (
    BASEL_STYLE,
    attribution_section,
    capital_section,
    reverse_section,
    scenarios_section,
    stressed_section,
)
from nautilus_lab.reports._times import to_second
from nautilus_lab.reports._told_sections import adjustments_section, alerts_section

if TYPE_CHECKING:
    import pandas as pd

    from nautilus_lab.reports._account import AccountDay
    from nautilus_lab.reports._capital import CapitalFigure
    from nautilus_lab.reports._lineage import Lineage
    from nautilus_lab.reports._told import Adjustment, ToldAlert
    from nautilus_lab.risk import (
        AttributionTest,
        LimitReport,
        ReverseStress,
        RiskReport,
        StressedRisk,
        StressTest,
        VarBacktest,
    )

_TOGETHER = timedelta(minutes=1)


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
    stressed: Sequence[StressedRisk] = (),
    scenarios: StressTest | None = None,
    reverse: ReverseStress | None = None,
    attribution: AttributionTest | str | None = None,
    capital: Sequence[CapitalFigure] = (),
    adjustments: Sequence[Adjustment] | None = None,
    alerts: Sequence[ToldAlert] | None = None,
    account: AccountDay | None = None,
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
    stressed : sequence of StressedRisk, optional
        Risk in the worst window there was.
    scenarios : StressTest, optional
        What named events would cost.
    reverse : ReverseStress, optional
        The likeliest way to a given loss.
    attribution : AttributionTest or str, optional
        Whether the model's P&L explains that of the positions; or why there is nothing to compare.
    capital : sequence of CapitalFigure, optional
        Basel-style measures.
    adjustments : sequence of Adjustment, optional
        How limits moved that day; empty for not at all, None for not known.
    alerts : sequence of ToldAlert, optional
        What was raised that day, and who saw to it; empty for nothing, None for not known.
    account : AccountDay, optional
        What the account was worth at the end of the day.
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
        "stressed risk": bool(stressed),
        "scenarios": scenarios is not None,
        "reverse stress": reverse is not None,
        "P&L attribution": attribution is not None,
        "capital figures": bool(capital),
        "limit adjustments": adjustments is not None,
        "alerts": alerts is not None,
        "equity at the end of the day": account is not None and not account.unknown,
    }
    if not any(given.values()) and positions is None and account is None:
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
        account_section(account),
        strategies_section(account),
        _measures(risk, unit),
        _contributions(risk, unit),
        stressed_section(stressed, unit),
        scenarios_section(scenarios, unit),
        reverse_section(reverse, unit),
        _utilisation(limits),
        _breaches(breaches),
        adjustments_section(adjustments),
        alerts_section(alerts),
        _zones(backtests),
        _tests(backtests),
        attribution_section(attribution),
        capital_section(capital, unit),
    ]
    if positions is not None:
        sections.insert(2, Section.of_frame("Positions", positions, forms={"value": ",.2f"}))
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
            Column.of_money("value at risk", unit),
            Column.of_money("expected shortfall", unit),
            Column.of_money("standard error", unit),
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
                *(_period(one.times[0]), _period(one.times[-1])),
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
            *(Column(name="method"), Column(name="confidence", form="g")),
            *(Column(name="symbol"), Column.of_money("weight", unit)),
            Column.of_money("of value at risk", unit),
            Column.of_money("of expected shortfall", unit),
            Column(name="marginal value at risk", unit="fraction"),
            Column(name="marginal expected shortfall", unit="fraction"),
        ),
        rows=tuple(
            (one.method, one.confidence, str(symbol), *figures)
            for one in risk
            for symbol, *figures in zip(
                one.symbols,
                one.held,
                one.value_at_risk_contributions,
                one.contributions,
                one.marginal_value_at_risk,
                one.marginal_expected_shortfall,
                strict=True,
            )
        ),
        note=(
            "Each symbol's part, which sum to the measure, and how the measure grows with one more "
            "unit of its weight. Of value at risk they are read off one period."
            if risk
            else "Not measured."
        ),
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
                *("time", "last time", "times", "limit", "scope", "value", "limit value"),
                *("action", "order", "reason"),
            )
        ),
        rows=tuple(
            (
                *(to_second(alike[0].time), to_second(alike[-1].time), len(alike)),
                *(worst.limit, worst.scope),
                *(worst.value, worst.limit_value, worst.action, worst.order_id or None),
                worst.reason,
            )
            for alike in _alike(breaches or ())
            for worst in (max(alike, key=lambda one: (one.value != one.value, one.value)),)
        ),
        note="Not known: nobody looked."
        if breaches is None
        else (
            "As they were told that day; those of one limit, scope and action within a minute of "
            "each other in one row, by the worst of them."
        ),
    )


def _alike(breaches: Sequence[Breach]) -> list[list[Breach]]:
    """Return breaches in order of time, those that repeat each other together."""
    found: list[list[Breach]] = []
    last: dict[tuple[str, str, str], list[Breach]] = {}
    for one in sorted(breaches, key=lambda one: (one.time, one.limit, one.scope)):
        key = (one.limit, one.scope, one.action)
        group = last.get(key)
        if group is None or one.time - group[-1].time > _TOGETHER:
            group = last[key] = []
            found.append(group)
        group.append(one)
    return found


def _period(time: object) -> str:
    """Return the time of a period: a day where it is one."""
    return str(time).removesuffix(" 00:00:00+00:00")


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
        note=BASEL_STYLE if backtests else "Not tested.",
    )
