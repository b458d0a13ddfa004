"""A node of Nautilus that publishes on a Redis by itself.

``python nautilus_node.py PORT ENCODING`` prints what happened, as one JSON
object: the truth that is compared with what was read.
"""

from __future__ import annotations

import json
import sys
import time
import warnings

warnings.simplefilter("ignore")

from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig  # noqa: E402
from nautilus_trader.config import (  # noqa: E402
    DatabaseConfig,
    LoggingConfig,
    MessageBusConfig,
    StrategyConfig,
)
from nautilus_trader.model import BarType, Money, QuoteTick, TraderId, Venue  # noqa: E402
from nautilus_trader.model.currencies import USD  # noqa: E402
from nautilus_trader.model.enums import AccountType, OmsType, OrderSide  # noqa: E402
from nautilus_trader.model.objects import Price, Quantity  # noqa: E402
from nautilus_trader.test_kit.providers import TestInstrumentProvider  # noqa: E402
from nautilus_trader.trading.strategy import Strategy  # noqa: E402

APPLE = TestInstrumentProvider.equity("AAPL", "SIM")
SECOND = 1_000_000_000
START = 1_600_000_000 * SECOND


class Script(Strategy):
    """Buys, is filled in parts, changes and cancels an order, and is refused one."""

    def on_start(self) -> None:
        self.step = 0
        self.subscribe_quote_ticks(APPLE.id)
        self.subscribe_bars(BarType.from_str(f"{APPLE.id}-1-SECOND-MID-INTERNAL"))

    def on_quote_tick(self, quote) -> None:
        self.step += 1
        if self.step == 2:
            self.submit_order(
                self.order_factory.market(APPLE.id, OrderSide.BUY, Quantity.from_int(700))
            )
            self.resting = self.order_factory.limit(
                APPLE.id, OrderSide.BUY, Quantity.from_int(10), Price.from_str("90.00")
            )
            self.submit_order(self.resting)
        if self.step == 3:
            self.modify_order(self.resting, Quantity.from_int(20), Price.from_str("91.00"))
        if self.step == 4:
            self.cancel_order(self.resting)
            self.submit_order(  # more than the account has
                self.order_factory.market(APPLE.id, OrderSide.BUY, Quantity.from_int(10**6))
            )
        if self.step == 5:
            self.submit_order(
                self.order_factory.market(APPLE.id, OrderSide.SELL, Quantity.from_int(200))
            )


def main(port: int, encoding: str) -> None:
    engine = BacktestEngine(
        BacktestEngineConfig(
            trader_id=TraderId("PAPER-001"),
            logging=LoggingConfig(bypass_logging=True),
            message_bus=MessageBusConfig(
                database=DatabaseConfig(host="127.0.0.1", port=port),
                encoding=encoding,
                streams_prefix="lab",
                stream_per_topic=False,
            ),
        )
    )
    engine.add_venue(
        Venue("SIM"), OmsType.NETTING, AccountType.CASH, [Money(1_000_000, USD)], base_currency=USD
    )
    engine.add_instrument(APPLE)
    engine.add_strategy(Script(StrategyConfig(strategy_id="tilt", order_id_tag="001")))
    engine.add_data(
        [
            QuoteTick(
                APPLE.id,
                Price.from_str(f"{100 + i / 100:.2f}"),
                Price.from_str(f"{100.02 + i / 100:.2f}"),
                Quantity.from_int(500),
                Quantity.from_int(500),
                START + i * SECOND,
                START + i * SECOND,
            )
            for i in range(8)
        ]
    )
    engine.run()
    orders = engine.cache.orders()
    told = {
        "orders": {
            str(order.client_order_id): {
                "status": order.status.name,
                "quantity": str(order.quantity),
                "filled": str(order.filled_qty),
                "average": order.avg_px,
            }
            for order in orders
        },
        "fills": sorted(
            [str(fill.trade_id), str(fill.last_qty), str(fill.last_px)]
            for order in orders
            for fill in order.events
            if type(fill).__name__ == "OrderFilled"
        ),
        "cash": str(engine.portfolio.account(Venue("SIM")).balance_total(USD).as_decimal()),
        "position": str(engine.portfolio.net_position(APPLE.id)),
    }
    time.sleep(0.5)  # its writer has a thread and a buffer of its own
    engine.dispose()
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
