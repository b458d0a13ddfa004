"""A real Nautilus engine with several venues, a gate, and all the algorithms."""

from __future__ import annotations

from decimal import Decimal

from nautilus_trader.backtest.config import BacktestEngineConfig
from nautilus_trader.backtest.engine import BacktestEngine
from nautilus_trader.backtest.models import LatencyModel
from nautilus_trader.config import LoggingConfig, RiskEngineConfig
from nautilus_trader.model.currencies import USD
from nautilus_trader.model.data import QuoteTick, TradeTick
from nautilus_trader.model.enums import (
    AccountType,
    AggressorSide,
    OmsType,
    OrderSide,
    TimeInForce,
)
from nautilus_trader.model.events import OrderFilled
from nautilus_trader.model.identifiers import (
    ExecAlgorithmId,
    InstrumentId,
    Symbol,
    TradeId,
    TraderId,
    Venue,
)
from nautilus_trader.model.instruments import Equity
from nautilus_trader.model.objects import Money, Price, Quantity
from nautilus_trader.trading.strategy import Strategy

from nautilus_lab.execution import MemoryJournal
from nautilus_lab.execution.algorithms import build_algorithms
from nautilus_lab.execution.gate import Gate, TradingSwitch

SECOND = 1_000_000_000


def share(venue, *, symbol="AAPL", fee_bps=0.0, tick="0.01"):
    fee = Decimal(str(fee_bps)) / 10_000
    increment = Price.from_str(tick)
    return Equity(
        instrument_id=InstrumentId(Symbol(symbol), Venue(venue)),
        raw_symbol=Symbol(symbol),
        currency=USD,
        price_precision=increment.precision,
        price_increment=increment,
        lot_size=Quantity.from_int(1),
        maker_fee=fee,
        taker_fee=fee,
        ts_event=0,
        ts_init=0,
    )


def quote(instrument, second, bid, ask, bid_size=1_000, ask_size=1_000):
    at = round(second * SECOND)
    return QuoteTick(
        instrument.id,
        Price(bid, instrument.price_precision),
        Price(ask, instrument.price_precision),
        Quantity.from_int(bid_size),
        Quantity.from_int(ask_size),
        at,
        at,
    )


def trade(instrument, second, size, price=100.0):
    at = round(second * SECOND)
    return TradeTick(
        instrument.id,
        Price(price, instrument.price_precision),
        Quantity.from_int(size),
        AggressorSide.NO_AGGRESSOR,
        TradeId(f"{second}"),
        at,
        at,
    )


class Script(Strategy):
    """Does what a test says at a second of the market's clock, and writes down what it hears."""

    def __init__(self, at):
        super().__init__()
        self.at = at  # second -> what to do
        self.events = []

    def on_start(self):
        for second, act in self.at.items():
            self.clock.set_time_alert_ns(
                f"at {second}", round(second * SECOND), lambda _, act=act: act(self)
            )

    def on_order_event(self, event):
        self.events.append(event)

    def ask(self, algorithm, instrument, units, *, side="BUY", limit=None, lasts="GTC", **told):
        """Send an order to an algorithm."""
        facts = {
            "instrument_id": instrument.id,
            "order_side": OrderSide[side],
            "quantity": Quantity.from_int(units),
            "time_in_force": TimeInForce[lasts],
            "exec_algorithm_id": ExecAlgorithmId(algorithm),
            "exec_algorithm_params": told,
            "tags": ["by:ana"],
        }
        if limit is None:
            self.parent = self.order_factory.market(**facts)
        else:
            self.parent = self.order_factory.limit(
                **facts, price=Price(limit, instrument.price_precision)
            )
        self.submit_order(self.parent)

    def cancel(self):
        """Cancel what was sent last."""
        self.cancel_order(self.cache.order(self.parent.client_order_id))


class Market:
    """Runs a script against venues and keeps what came of it."""

    def __init__(
        self,
        instruments,
        data,
        at,
        *,
        checks=(),
        cash=10_000_000,
        account=AccountType.MARGIN,
        consumed=True,
        latency_s=0.0,
        **told,
    ):
        self.routed = []
        self.journal = MemoryJournal()
        self.switch = TradingSwitch()
        told.setdefault("on_routed", self.routed.append)
        engine = BacktestEngine(
            BacktestEngineConfig(
                trader_id=TraderId("T-1"),
                logging=LoggingConfig(bypass_logging=True),
                risk_engine=RiskEngineConfig(bypass=True),
                run_analysis=False,
            )
        )
        self.engine = engine
        for venue in dict.fromkeys(i.id.venue for i in instruments):
            engine.add_venue(
                venue,
                OmsType.NETTING,
                account,
                [Money(cash, USD)],
                USD,
                trade_execution=False,
                liquidity_consumption=consumed,
                latency_model=LatencyModel(round(latency_s * SECOND)) if latency_s else None,
            )
        for instrument in instruments:
            engine.add_instrument(instrument)
        engine.add_data(sorted(data, key=lambda d: d.ts_init))
        self.script = Script(at)
        engine.add_strategy(self.script)
        self.algorithms = {a.id.value: a for a in build_algorithms(**told)}
        engine.add_exec_algorithms(list(self.algorithms.values()))
        self.gate = Gate(engine.kernel, checks=checks, journal=self.journal, state=self.switch)
        self.gate.install()

    def run(self):
        self.engine.run()
        cache = self.engine.cache
        self.orders = {o.client_order_id.value: o for o in cache.orders()}
        self.parent = self.orders[self.script.parent.client_order_id.value]
        stem = f"{self.parent.client_order_id.value}-E"
        self.children = [o for name, o in self.orders.items() if name.startswith(stem)]
        self.children.sort(key=lambda o: int(o.client_order_id.value.rpartition("-E")[2]))
        self.fills = [
            event
            for order in self.orders.values()
            for event in order.events
            if isinstance(event, OrderFilled)
        ]
        self.filled = sum(int(fill.last_qty) for fill in self.fills)
        self.engine.dispose()
        return self

    @property
    def slices(self):
        """Second and size of each child."""
        return [(o.ts_init / SECOND, int(o.quantity)) for o in self.children]

    @property
    def cost(self):
        """What all fills cost, fees included; what they bring, for a sale."""
        total = Decimal(0)
        for fill in self.fills:
            value = fill.last_qty.as_decimal() * fill.last_px.as_decimal()
            fee = fill.commission.as_decimal()
            total += value + fee if fill.order_side == OrderSide.BUY else value - fee
        return total
