"""The one object a notebook holds."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nautilus_lab._engines import EngineTable, engine_table
from nautilus_lab.config import Settings, load_settings

if TYPE_CHECKING:
    from nautilus_lab.analytics import AnalyticsEngine
    from nautilus_lab.backtesting import BacktestingEngine
    from nautilus_lab.factors import FactorEngine
    from nautilus_lab.features import FeatureEngine
    from nautilus_lab.jobs import RunRecord
    from nautilus_lab.marketdata import MarketDataEngine
    from nautilus_lab.portfolio import PortfolioEngine
    from nautilus_lab.risk import RiskLimitEngine
    from nautilus_lab.streaming import StreamingEngine
    from nautilus_lab.trading import TradingEngine
    from nautilus_lab.trials import Ledger


class Lab:
    """The engines of one workspace, made when they are first used.

    It reads the settings, hands each engine its own, and holds no logic. Making one starts
    nothing: no process, no file, no heavy import.

    Parameters
    ----------
    root : path, optional
        The workspace; the nearest parent folder with a ``lab.toml`` when not given.
    **sections
        Settings that win over ``lab.toml`` and the environment, by section.

    Raises
    ------
    ConfigError
        When a setting is unknown or out of bounds.

    Examples
    --------
    >>> lab = Lab(trading={"seconds_per_day": 5})
    >>> lab.settings.trading.seconds_per_day
    5.0
    """

    def __init__(self, root: Path | str | None = None, **sections: Mapping[str, Any]) -> None:
        self.settings: Settings = load_settings(root, **sections)

    @cached_property
    def marketdata(self) -> MarketDataEngine:
        """Engine 10: prices, bars and macro series out of the catalog."""
        from nautilus_lab.marketdata import MarketDataEngine

        return MarketDataEngine(self.settings.data_path)

    @cached_property
    def factors(self) -> FactorEngine:
        """Engine 5: scores, and how well they rank what follows."""
        from nautilus_lab.factors import FactorEngine

        return FactorEngine(ledger=self.ledger)

    @cached_property
    def features(self) -> FeatureEngine:
        """Engine 7: indicators and features of bars, in batch and bar by bar."""
        from nautilus_lab.features import FeatureEngine

        return FeatureEngine()

    @cached_property
    def backtesting(self) -> BacktestingEngine:
        """Engine 2: strategies on history, event by event or as a sweep."""
        from nautilus_lab.backtesting import BacktestingEngine

        return BacktestingEngine(ledger=self.ledger)

    @cached_property
    def portfolio(self) -> PortfolioEngine:
        """Engine 11: weights under objectives and constraints."""
        from nautilus_lab.portfolio import PortfolioEngine

        return PortfolioEngine()

    @cached_property
    def analytics(self) -> AnalyticsEngine:
        """Engine 3: performance, and the tear sheets that show it."""
        from nautilus_lab.analytics import AnalyticsEngine

        return AnalyticsEngine()

    @cached_property
    def risk(self) -> RiskLimitEngine:
        """Engine 4: risk measures and limits."""
        from nautilus_lab.risk import RiskLimitEngine

        return RiskLimitEngine.of_settings(self.settings.trading)

    @cached_property
    def trading(self) -> TradingEngine:
        """Engine 1: the trading node, in a kernel of its own."""
        from nautilus_lab.trading import TradingEngine

        return TradingEngine(self.settings)

    @cached_property
    def streaming(self) -> StreamingEngine:
        """Engine 8: the gateway that desks and dashboards connect to."""
        from nautilus_lab.streaming import StreamingEngine

        return StreamingEngine(
            self.settings.home_path,
            settings=self.settings.streaming,
            audit=self.settings.audit.below(self.settings.root),
        )

    @cached_property
    def ledger(self) -> Ledger:
        """Everything that was tried here, by study."""
        from nautilus_lab.trials import Ledger

        return Ledger(folder=self.settings.home_path / "trials")

    @property
    def engines(self) -> EngineTable:
        """The eleven engines: tier, state, target and what was measured."""
        return engine_table(self)

    def run(
        self, notebook: Path | str, parameters: Mapping[str, object] | None = None
    ) -> RunRecord:
        """Run a notebook with `parameters`; see `nautilus_lab.jobs.run_notebook`."""
        from nautilus_lab.jobs import run_notebook

        return run_notebook(notebook, dict(parameters or {}), settings=self.settings)

    def __repr__(self) -> str:
        return f"Lab({str(self.settings.root)!r})"
