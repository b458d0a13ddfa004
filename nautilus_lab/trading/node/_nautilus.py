"""How NautilusTrader is configured in a node."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from nautilus_trader.common import Environment
from nautilus_trader.config import (
    CacheConfig,
    LiveDataClientConfig,
    LiveExecClientConfig,
    LiveExecEngineConfig,
    LiveRiskEngineConfig,
    LoggingConfig,
    TradingNodeConfig,
)
from nautilus_trader.model.identifiers import TraderId

# Above the largest that trading.max_orders_per_second may be: the gate counts, and says which limit
# it was. Nautilus alone would let through no more than 100 a second.
_NEVER_REACHED = "100000/00:00:01"


def node_config(
    *, trader_id: str, venues: Iterable[str], logs: Path, log_level: str
) -> TradingNodeConfig:
    """Return the configuration of a node that trades at `venues` and reconciles with them."""
    return TradingNodeConfig(
        environment=Environment.LIVE,
        trader_id=TraderId(trader_id),
        logging=LoggingConfig(
            log_level="ERROR",
            log_level_file=log_level,
            log_directory=str(logs),
            log_file_name="nautilus",
            log_file_max_size=10_000_000,
            log_file_max_backup_count=5,
            log_colors=False,
            clear_log_file=False,
        ),
        # Of 20 instruments the default would keep 200 000 quotes, which nobody here reads.
        cache=CacheConfig(tick_capacity=500),
        # Reconciled at the start by Nautilus, and from then on by the venue's client: Nautilus'
        # own checks reject the orders of a venue that does not answer.
        # It invents fills where positions differ, too; here that halts the trader instead.
        exec_engine=LiveExecEngineConfig(
            reconciliation=True,
            inflight_check_interval_ms=0,
            filter_position_reports=True,
            generate_missing_orders=False,
        ),
        risk_engine=LiveRiskEngineConfig(
            max_order_submit_rate=_NEVER_REACHED, max_order_modify_rate=_NEVER_REACHED
        ),
        data_clients={venue: LiveDataClientConfig() for venue in venues},
        exec_clients={venue: LiveExecClientConfig() for venue in venues},
        timeout_connection=20.0,
        timeout_reconciliation=20.0,
        timeout_portfolio=10.0,
        timeout_disconnection=3.0,
        timeout_post_stop=0.5,
    )
