"""How Nautilus is told to leave to the gate what is the gate's."""

from pathlib import Path

from nautilus_lab.config import TradingSettings
from nautilus_lab.trading.node._nautilus import node_config


def test_nautilus_counts_no_orders_that_the_gate_lets_through():
    config = node_config(trader_id="T-1", venues=("PAPER",), logs=Path(), log_level="INFO")
    (most,) = [
        m.le
        for m in TradingSettings.model_fields["max_orders_per_second"].metadata
        if hasattr(m, "le")
    ]
    for rate in (
        config.risk_engine.max_order_submit_rate,
        config.risk_engine.max_order_modify_rate,
    ):
        assert int(rate.partition("/")[0]) > most
    assert config.risk_engine.bypass is False
