"""Sections of what bad times would cost, and of what a regulator's form makes of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nautilus_lab.reports._report import Column, Section

if TYPE_CHECKING:
    from nautilus_lab.reports._capital import CapitalFigure
    from nautilus_lab.risk import AttributionTest, ReverseStress, StressedRisk, StressTest

BASEL_STYLE = "A Basel-style measure, not a regulatory figure: nobody has approved the model."
_NOT_MEASURED = "Not measured."


def stressed_section(stressed: Sequence[StressedRisk], unit: str) -> Section:
    """Return value at risk and shortfall of the worst windows, beside those of the last ones."""
    return Section(
        name="Stressed risk",
        columns=(
            *(Column(name="confidence", form="g"), Column(name="window")),
            *(Column(name="begins"), Column(name="ends"), Column(name="periods")),
            Column.of_money("value at risk", unit),
            Column.of_money("expected shortfall", unit),
            *(Column(name="of the last one", form=".2f"), Column(name="windows searched")),
        ),
        rows=tuple(
            (
                *(risk.confidence, name, str(risk.times[0])[:10], str(risk.times[-1])[:10]),
                *(risk.n_observations, risk.value_at_risk, risk.expected_shortfall),
                *((one.ratio, one.n_windows) if risk is one.stressed else (None, None)),
            )
            for one in stressed
            for name, risk in (("worst for its shortfall", one.stressed), ("last", one.current))
        ),
        note=(
            "The window whose shortfall is the largest for what is held now. Losses are positive, "
            "of one period."
            if stressed
            else _NOT_MEASURED
        ),
    )


def scenarios_section(test: StressTest | None, unit: str) -> Section:
    """Return what named scenarios would cost."""
    note = _NOT_MEASURED
    if test is not None:
        note = "Losses are positive: each symbol's own return over the event, held throughout."
        if test.skipped:
            note += f" The returns do not reach {', '.join(test.skipped)}."
    return Section(
        name="Scenarios",
        columns=(
            *(Column(name="scenario"), Column.of_money("loss", unit)),
            *(Column(name="worst symbol"), Column.of_money("its part", unit)),
        ),
        rows=tuple(
            (
                *(one.name, one.loss),
                *(str(one.contributions.idxmax()), float(one.contributions.max())),
            )
            for one in (test.losses if test is not None else ())
        ),
        note=note,
    )


def reverse_section(reverse: ReverseStress | None, unit: str) -> Section:
    """Return the likeliest way to a given loss."""
    note = _NOT_MEASURED
    if reverse is not None:
        note = (
            f"The likeliest returns that lose {reverse.loss:,.2f} {unit} in one period, were "
            f"returns normal: {reverse.deviations:.1f} deviations out, a chance of "
            f"{reverse.probability:.2g} a period. Real tails are fatter: "
            f"{reverse.past_periods} of the past periods lost as much."
        )
    return Section(
        name="Reverse stress",
        columns=(
            *(Column(name="symbol"), Column(name="return", unit="fraction", form=".2%")),
            Column.of_money("loss", unit),
        ),
        rows=()
        if reverse is None
        else tuple(
            (str(symbol), float(move), float(lost))
            for symbol, move, lost in zip(
                reverse.shocks.index, reverse.shocks, reverse.contributions, strict=True
            )
        ),
        note=note,
    )


def attribution_section(attribution: AttributionTest | str | None) -> Section:
    """Return whether the model's P&L explains that of the positions."""
    known = attribution if attribution is not None and not isinstance(attribution, str) else None
    if known is not None:
        note = BASEL_STYLE
    else:
        note = f"Not tested: {attribution}" if attribution else "Not tested."
    return Section(
        name="P&L attribution",
        columns=(
            *(Column(name="rank correlation"), Column(name="largest distance")),
            *(Column(name="zone"), Column(name="periods")),
        ),
        rows=()
        if known is None
        else ((known.spearman, known.kolmogorov_smirnov, known.zone, known.observations),),
        note=note,
        source=""
        if known is None
        else (
            "Hypothetical P&L, by the positions' own returns, against the one that the declared "
            "proxies would explain. Green above 0.8 and below 0.09."
        ),
    )


def capital_section(figures: Sequence[CapitalFigure], unit: str) -> Section:
    """Return capital figures."""
    return Section(
        name="Capital, Basel-style",
        columns=(
            *(Column(name="measure"), Column.of_money("value", unit)),
            *(Column.of_money("of the last day", unit), Column.of_money("of the average", unit)),
            *(Column(name="multiplier", form="g"), Column(name="rule")),
        ),
        rows=tuple(
            (
                *(one.name, one.figure.value, one.figure.latest, one.figure.averaged),
                *(one.figure.multiplier, one.rule),
            )
            for one in figures
        ),
        note=BASEL_STYLE if figures else _NOT_MEASURED,
    )
