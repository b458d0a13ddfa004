"""The risk limit engine: measures, and holds a book against its limits."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Self

from nautilus_lab.engine import Health, State
from nautilus_lab.exceptions import InputError
from nautilus_lab.provenance import mark, provenance
from nautilus_lab.risk._coverage import Proxy, cover
from nautilus_lab.risk._historical import HistoricalRisk
from nautilus_lab.risk._model import RiskModel
from nautilus_lab.risk._report import RiskReport
from nautilus_lab.risk._scenarios import (
    HISTORICAL_SCENARIOS,
    HistoricalScenario,
    ReverseStress,
    Scenario,
    StressTest,
    reverse_stress,
    stress_test,
)
from nautilus_lab.risk._stressed import StressedRisk, stressed_risk
from nautilus_lab.risk.adjustment import book_of
from nautilus_lab.risk.backtests import VarBacktest, backtest_value_at_risk, rolling_risk
from nautilus_lab.risk.limits import (
    LimitBook,
    LimitReport,
    MaxPositionNotional,
    Measures,
    Order,
    levels_of,
)

if TYPE_CHECKING:
    import pandas as pd

    from nautilus_lab._typing import Returns, ReturnSeries, Weights
    from nautilus_lab.config import TradingSettings


def _positions_alone() -> LimitBook:
    return LimitBook([MaxPositionNotional(max_notional=250_000.0)])


@dataclass(frozen=True, kw_only=True)
class RiskLimitEngine:
    """Measures the risk of a portfolio and holds positions against their limit.

    Parameters
    ----------
    model : RiskModel, default=HistoricalRisk()
        How risk is measured.
    limits : LimitBook, default=LimitBook([MaxPositionNotional(max_notional=250_000)])
        What positions are held against.
    max_uncovered : float, default=0.05
        The largest share of the gross weights, in [0, 1), that may be without a history where
        `measure` is given `proxies`.

    Raises
    ------
    InputError
        When `max_uncovered` is not in [0, 1).

    Examples
    --------
    >>> book = LimitBook([MaxPositionNotional(max_notional=10_000)])
    >>> engine = RiskLimitEngine(limits=book)
    >>> report = engine.evaluate({"AAPL": -50, "MSFT": 10}, {"AAPL": 190.0, "MSFT": 420.0})
    >>> [(row.scope, row.value, row.level) for row in report]
    [('AAPL', 9500.0, 'critical'), ('MSFT', 4200.0, 'ok')]
    """

    model: RiskModel = field(default_factory=HistoricalRisk)
    limits: LimitBook = field(default_factory=_positions_alone)
    max_uncovered: float = 0.05

    def __post_init__(self) -> None:
        if not 0 <= self.max_uncovered < 1:
            raise InputError(
                "max_uncovered must lie in [0, 1)",
                value=self.max_uncovered,
                remedy="pass a fraction: 0.05",
            )

    @classmethod
    def of_settings(cls, trading: TradingSettings) -> Self:
        """Return an engine that holds positions against the limits of `trading`.

        Raises
        ------
        ConfigError
            When `trading.limits` has one that is none.
        """
        most = trading.max_position_notional
        position = MaxPositionNotional(
            max_notional=trading.max_order_notional if most is None else most
        )
        book = LimitBook((position,), levels=levels_of(trading.limit_levels))
        return cls(
            limits=book + book_of(trading.limits),
            max_uncovered=trading.measures.max_uncovered,
        )

    @property
    def name(self) -> str:
        """The name the engine goes by."""
        return "risk"

    def health(self) -> Health:
        """Report that the engine answers calls; it has no work of its own."""
        return Health(state=State.READY)

    def measure(
        self,
        returns: Returns | ReturnSeries,
        weights: Weights | Mapping[str, float] | None = None,
        *,
        proxies: Mapping[str, Proxy] | None = None,
    ) -> RiskReport:
        """Measure the risk of holding a portfolio for one period; see `RiskModel.measure`.

        Parameters
        ----------
        returns : Series, shape (time,), or DataFrame, shape (time, symbol)
            Simple returns, fractions, of one portfolio or of the symbols it holds.
        weights : Series or mapping, symbol -> fraction of capital, optional
            What is held; required for more than one symbol.
        proxies : mapping of str to Proxy, optional
            Symbol short of history -> what stands in for it. Given, also when empty, symbols
            short of history without one are left out, and named in the report, up to
            `max_uncovered`; see `cover`. Not given, every symbol must have all returns.

        Returns
        -------
        RiskReport
            Losses positive, per period of `returns`.

        Raises
        ------
        InputError
            When weights are missing, name symbols without returns or are not finite numbers.
        NotEnoughData
            When there are too few returns, or more than `max_uncovered` has no history.
        BadData
            When a return is NaN or infinite, or times are unsorted or repeated.
        """
        import pandas as pd

        if proxies is None:
            return self.model.measure(returns, weights)
        if isinstance(returns, pd.Series) or weights is None:
            raise InputError(
                "proxies belong to a frame of several symbols with weights",
                value="a series, or no weights",
                remedy="pass the returns of each symbol and what is held of it",
            )
        covered = cover(returns, weights, proxies=proxies, max_uncovered=self.max_uncovered)
        report = self.model.measure(covered.returns, covered.weights)
        return replace(
            report,
            notices=(*covered.notices, *report.notices),
            uncovered_share=covered.uncovered_share,
        )

    def stressed(
        self,
        returns: Returns | ReturnSeries,
        weights: Weights | Mapping[str, float] | None = None,
        *,
        window: int = 252,
    ) -> StressedRisk:
        """Measure in the window that was worst for what is held; see `stressed_risk`."""
        return stressed_risk(returns, weights, model=self.model, window=window)

    def stress_test(
        self,
        weights: Weights | Mapping[str, float],
        scenarios: Sequence[Scenario | HistoricalScenario] = HISTORICAL_SCENARIOS,
        *,
        returns: Returns | None = None,
        skip_uncovered: bool = False,
    ) -> StressTest:
        """Work out what named events would cost; see `stress_test`."""
        return stress_test(weights, scenarios, returns=returns, skip_uncovered=skip_uncovered)

    def reverse_stress(
        self,
        returns: Returns | ReturnSeries,
        weights: Weights | Mapping[str, float] | None = None,
        *,
        loss: float,
    ) -> ReverseStress:
        """Find the likeliest returns that lose `loss`; see `reverse_stress`."""
        return reverse_stress(returns, weights, loss=loss)

    def backtest(
        self,
        returns: Returns | ReturnSeries,
        weights: Weights | Mapping[str, float] | None = None,
        *,
        window: int = 250,
    ) -> VarBacktest:
        """Hold what the model would have said each day against what came.

        See `rolling_risk` for what it would have said, `backtest_value_at_risk` for how that is
        judged.
        """
        rolled = rolling_risk(returns, weights, model=self.model, window=window)
        return backtest_value_at_risk(
            mark(rolled["return"], provenance(returns)),
            rolled["value_at_risk"],
            confidence=self.model.confidence,
        )

    def evaluate(
        self,
        positions: Mapping[str, float] | pd.Series[float] | pd.DataFrame,
        prices: Mapping[str, float] | pd.Series[float],
        *,
        equity: float | Mapping[str, float] = math.nan,
        orders: Iterable[Order] = (),
        day_start_equity: float = math.nan,
        high_water: float = math.nan,
        highs: Mapping[int, float] = MappingProxyType({}),
        strategy_day_loss: Mapping[str, float] = MappingProxyType({}),
        measures: Measures | None = None,
        now_ns: int | None = None,
    ) -> LimitReport:
        """Hold positions against `limits`; see `LimitBook.evaluate`, which can be told more.

        Raises
        ------
        InputError
            When a symbol held has no price.
        BadData
            When units are not finite, or a price is NaN, infinite or not positive.
        """
        return self.limits.evaluate(
            positions,
            prices,
            equity=equity,
            orders=orders,
            day_start_equity=day_start_equity,
            high_water=high_water,
            highs=highs,
            strategy_day_loss=strategy_day_loss,
            measures=measures,
            now_ns=now_ns,
        )
