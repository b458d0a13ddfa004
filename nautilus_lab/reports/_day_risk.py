"""All that is measured of what was held at the end of a day."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

from nautilus_lab.exceptions import LabError
from nautilus_lab.reports._capital import CapitalFigure, capital_figures
from nautilus_lab.reports._completeness import Completeness
from nautilus_lab.reports._lineage import DataUsed, data_used
from nautilus_lab.risk import (
    AttributionTest,
    Coverage,
    Proxy,
    ReverseStress,
    RiskLimitEngine,
    RiskReport,
    StressedRisk,
    StressTest,
    VarBacktest,
    attribution_test,
    cover,
)
from nautilus_lab.risk.limits import Measures

if TYPE_CHECKING:
    import pandas as pd

    from nautilus_lab._typing import Returns, Weights

_STALE = timedelta(days=5)  # a long weekend is not
_COMPARED = 250
# What a reverse stress loses: so many times the expected shortfall.
_REVERSE_TIMES = 3.0
_VALUE_AT_RISK, _SHORTFALL = 0.99, 0.975  # the confidences that limits are of

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, eq=False)
class DayRisk:
    """What was measured; what could not be is empty, and among the notices with its reason.

    Attributes
    ----------
    risk : tuple of RiskReport
        By the engine's model, and by the same at 97.5 %.
    backtests : tuple of VarBacktest
        Of holding what is held over the past.
    stressed : tuple of StressedRisk
        In the worst window there was, by the same models.
    scenarios : StressTest or None
        Named events.
    reverse : ReverseStress or None
        The likeliest way to lose three times the expected shortfall.
    attribution : AttributionTest, str or None
        Whether proxies explain the P&L; why there is nothing to compare.
    capital : tuple of CapitalFigure
        Basel-style measures.
    used : tuple of DataUsed
        What was read.
    counted : tuple of Completeness
        How many positions have returns to the day.
    notices : tuple of str
        What a reader must know.
    """

    risk: tuple[RiskReport, ...] = ()
    backtests: tuple[VarBacktest, ...] = ()
    stressed: tuple[StressedRisk, ...] = ()
    scenarios: StressTest | None = None
    reverse: ReverseStress | None = None
    attribution: AttributionTest | str | None = None
    capital: tuple[CapitalFigure, ...] = ()
    used: tuple[DataUsed, ...] = ()
    counted: tuple[Completeness, ...] = ()
    notices: tuple[str, ...] = ()

    def measures(self, as_of_ns: int) -> Measures:
        """Return what limits read of it: value at risk at 99 %, shortfalls at 97.5 %."""
        found = {}
        for one in self.risk:
            if one.confidence == _VALUE_AT_RISK:
                found["value_at_risk"] = one.value_at_risk
            elif one.confidence == _SHORTFALL:
                found["expected_shortfall"] = one.expected_shortfall
        for stressed in self.stressed:
            if stressed.stressed.confidence == _SHORTFALL:
                found["stressed_expected_shortfall"] = stressed.stressed.expected_shortfall
        return Measures.at(as_of_ns, **found)


def measure_day(
    held: Weights,
    returns: Returns,
    *,
    engine: RiskLimitEngine,
    until: datetime,
    window: int,
    history: int | None,
    proxies: Mapping[str, Proxy],
) -> DayRisk:
    """Measure what was held; nothing is raised for what cannot be measured.

    Parameters
    ----------
    held : Series, symbol -> money
        What was held.
    returns : DataFrame, shape (time, symbol)
        Daily returns, of proxies as well; of days that are over by `until`.
    engine : RiskLimitEngine
        With its model.
    until : datetime
        The market's time at the end of the day.
    window : int
        Periods that each value at risk of the backtest is estimated from.
    history : int or None
        How many periods the risk of the day is measured from, the latest; None for all. Stress and
        backtests read all in any case.
    proxies : mapping of str to Proxy
        Symbol -> what stands in for its history.
    """
    import pandas as pd

    # A day that is not over has no close yet.
    known = returns[returns.index < pd.Timestamp(until).normalize()]
    wanted = {*held.index, *(one.symbol for name, one in proxies.items() if name in held.index)}
    kept = known[[name for name in known.columns if name in wanted]]
    if kept.empty:
        missing = ", ".join(map(str, held.index))
        return DayRisk(notices=(f"Risk was not measured: no returns of {missing}.",))
    try:
        covered = cover(kept, held, proxies=proxies, max_uncovered=engine.max_uncovered)
        recent = kept if history is None else kept.iloc[-history:]
        risk = [one.measure(recent, held, proxies=proxies) for one in _at_both(engine)]
    except LabError as error:
        return DayRisk(notices=(f"Risk was not measured: {error}.",))
    late = pd.Timestamp(until) - kept.index[-1]
    stale = late > _STALE
    notices = []
    if stale:
        notices.append(f"The returns end {late.days} days before the day: what came is not in.")
    return _Measuring(covered, engine, notices).all(risk, kept, held, proxies, window, stale)


def _at_both(engine: RiskLimitEngine) -> tuple[RiskLimitEngine, ...]:
    """Return the engine, and the same with its model at the confidence of shortfalls."""
    if engine.model.confidence == _SHORTFALL:
        return (engine,)
    return engine, replace(engine, model=replace(engine.model, confidence=_SHORTFALL))


class _Measuring:
    """One measurement after the other; each that fails is a notice."""

    def __init__(self, covered: Coverage, engine: RiskLimitEngine, notices: list[str]) -> None:
        self._returns, self._weights = covered.returns, covered.weights
        self._engine = engine
        self._engines = _at_both(engine)
        self._notices = notices

    def all(
        self,
        risk: Sequence[RiskReport],
        kept: Returns,
        held: Weights,
        proxies: Mapping[str, Proxy],
        window: int,
        stale: bool,
    ) -> DayRisk:
        returns, weights, engine = self._returns, self._weights, self._engine
        backtest = self._try(
            "Value at risk was not tested", lambda: engine.backtest(returns, weights, window=window)
        )
        stressed = self._try(
            "Stressed risk was not measured",
            lambda: tuple(one.stressed(returns, weights) for one in self._engines),
        )
        scenarios = self._try(
            "Scenarios were not played",
            lambda: engine.stress_test(weights, returns=returns, skip_uncovered=True),
        )
        loss = _REVERSE_TIMES * risk[-1].expected_shortfall
        reverse = self._try(
            "The reverse stress was not searched",
            lambda: engine.reverse_stress(returns, weights, loss=loss),
        )
        capital: tuple[CapitalFigure, ...] | None = None
        if stressed and backtest is not None:
            capital = self._try(
                "Capital figures were not made",
                lambda: capital_figures(
                    returns, weights, stressed=stressed[-1], light=backtest.light
                ),
            )
        lacking = tuple(str(s) for s in held.index if stale or s not in returns.columns)
        return DayRisk(
            risk=tuple(risk),
            backtests=() if backtest is None else (backtest,),
            stressed=stressed or (),
            scenarios=scenarios,
            reverse=reverse,
            attribution=self._attribution(kept, held, proxies),
            capital=capital or (),
            used=(data_used("returns", kept),),
            counted=(
                Completeness(
                    what="symbols with returns to the day",
                    expected=len(held),
                    present=len(held) - len(lacking),
                    missing=lacking,
                ),
            ),
            notices=tuple(self._notices),
        )

    def _try(self, what: str, make: Callable[[], T]) -> T | None:
        try:
            return make()
        except LabError as error:
            self._notices.append(f"{what}: {error}.")
            return None

    def _attribution(
        self, kept: Returns, held: Weights, proxies: Mapping[str, Proxy]
    ) -> AttributionTest | str | None:
        """Compare the P&L of positions with that of the proxies declared for some of them."""
        stand_in = {name: one for name, one in proxies.items() if name in held.index}
        compared = [name for name, one in stand_in.items() if name in kept and one.symbol in kept]
        if not stand_in:
            return (
                "each position is measured by its own returns, so that the P&L of the model is "
                "that of the positions."
            )
        if not compared:
            return f"{', '.join(stand_in)} have no returns of their own to compare."
        own = kept[[name for name in held.index if name in kept]].dropna().iloc[-_COMPARED:]
        explained = own.copy()
        for name in compared:
            one = stand_in[name]
            explained[name] = one.beta * kept[one.symbol].loc[own.index]
        weights: pd.Series[float] = held[list(own.columns)]
        return self._try(
            "P&L attribution was not tested",
            lambda: attribution_test(own @ weights, explained @ weights),
        )
