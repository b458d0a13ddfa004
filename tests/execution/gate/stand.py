"""A gate in Nautilus' own backtest engine, driven one quote at a time."""

from __future__ import annotations

from decimal import Decimal
from types import TracebackType
from typing import Any, Self

from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
from nautilus_trader.backtest.models import FillModel, LatencyModel, MakerTakerFeeModel
from nautilus_trader.config import LoggingConfig, RiskEngineConfig, StrategyConfig
from nautilus_trader.model.currencies import USD
from nautilus_trader.model.data import QuoteTick
from nautilus_trader.model.enums import AccountType, OmsType, OrderSide
from nautilus_trader.model.identifiers import InstrumentId, Symbol, TraderId, Venue
from nautilus_trader.model.instruments import Equity
from nautilus_trader.model.objects import Currency, Money, Price, Quantity
from nautilus_trader.trading.strategy import Strategy

from nautilus_lab.execution import MemoryJournal
from nautilus_lab.execution.gate import Gate

SECOND = 1_000_000_000
DEEP = 1_000_000
CASH = 10_000_000.0


def equity(
    symbol: str, venue: str = "PAPER", *, fee: str = "0", currency: Currency = USD
) -> Equity:
    """A stock quoted in cents."""
    return Equity(
        instrument_id=InstrumentId(Symbol(symbol), Venue(venue)),
        raw_symbol=Symbol(symbol),
        currency=currency,
        price_precision=2,
        price_increment=Price.from_str("0.01"),
        lot_size=Quantity.from_int(1),
        maker_fee=Decimal(fee),
        taker_fee=Decimal(fee),
        ts_event=0,
        ts_init=0,
    )


AAPL = equity("AAPL")


class Hand(Strategy):
    """Does at its next quote what a test wants done, and remembers the outcome."""

    def __init__(self, tag: str = "001", **config: Any) -> None:
        super().__init__(StrategyConfig(strategy_id="Hand", order_id_tag=tag, **config))
        self.wanted: list[Any] = []
        self.done: list[Any] = []
        self.heard: list[Any] = []

    def on_start(self):
        for instrument in self.cache.instruments():
            self.subscribe_quote_ticks(instrument.id)

    def on_quote_tick(self, tick):
        wanted, self.wanted = self.wanted, []
        for act in wanted:
            self.done.append(act(self))

    def on_order_event(self, event):
        self.heard.append(event)

    # --- orders: made, and sent unless told otherwise

    def market(self, units, *, on=AAPL, send=True, **more):
        order = self.order_factory.market(on.id, _side(units), _quantity(units), **more)
        return self.send(order) if send else order

    def limit(self, units, price, *, on=AAPL, send=True, **more):
        order = self.order_factory.limit(on.id, _side(units), _quantity(units), _p(price), **more)
        return self.send(order) if send else order

    def stop_at(self, units, trigger, *, on=AAPL, send=True, **more):
        order = self.order_factory.stop_market(
            on.id, _side(units), _quantity(units), _p(trigger), **more
        )
        return self.send(order) if send else order

    def bracket(self, units, *, stop, profit, on=AAPL, send=True, **more):
        """Entry, stop-loss and take-profit, in this order."""
        orders = self.order_factory.bracket(
            on.id,
            _side(units),
            _quantity(units),
            sl_trigger_price=_p(stop),
            tp_price=_p(profit),
            **more,
        )
        if send:
            self.submit_order_list(orders)
        return orders

    def send(self, order):
        self.submit_order(order)
        return order

    def change(self, order, units=None, price=None, trigger=None):
        self.modify_order(
            order,
            quantity=None if units is None else Quantity.from_int(units),
            price=None if price is None else _p(price),
            trigger_price=None if trigger is None else _p(trigger),
        )


class Stand:
    """An engine with a gate, its venues around 100 USD."""

    def __init__(
        self,
        *checks,
        instruments=(AAPL,),
        journal=None,
        state=None,
        latency_ns=0,
        bypass=False,
        hands=1,
        fills=None,
        account=AccountType.MARGIN,
        quotes=True,
        algorithms=(),
        currency="USD",
        **gate,
    ):
        self.journal = journal if journal is not None else MemoryJournal()
        self.findings: list[Any] = []
        self.denials: list[str] = []
        self.over: list[Any] = []
        self.engine = engine = BacktestEngine(
            BacktestEngineConfig(
                trader_id=TraderId("T-1"),
                logging=LoggingConfig(bypass_logging=True),
                risk_engine=RiskEngineConfig(bypass=bypass),
                run_analysis=False,
            )
        )
        for venue in dict.fromkeys(i.id.venue for i in instruments):
            engine.add_venue(
                Venue(venue.value),
                OmsType.NETTING,
                account,
                [Money(CASH, USD)],
                USD,
                default_leverage=Decimal(20 if account is AccountType.MARGIN else 1),
                fill_model=fills or FillModel(),
                fee_model=MakerTakerFeeModel(),
                latency_model=LatencyModel(base_latency_nanos=latency_ns) if latency_ns else None,
                reject_stop_orders=False,
            )
        for instrument in instruments:
            engine.add_instrument(instrument)
        self.hands = [Hand(f"{n:03}") for n in range(1, hands + 1)]
        engine.add_strategies(self.hands)
        for algorithm in algorithms:
            engine.add_exec_algorithm(algorithm)
        self.gate = Gate(
            engine.kernel,
            checks=checks,
            journal=self.journal,
            state=state,
            currency=currency,
            on_checked=self.findings.extend,
            on_denied=self._denied,
            **gate,
        )
        self.gate.install()
        self.cache, self.book = engine.cache, self.gate.book
        for instrument in instruments:
            self.book.set_cash(instrument.id.venue.value, CASH)
        self.now = 0
        self.last = dict.fromkeys(instruments, ("99.98", "100.00"))
        if quotes:
            for instrument in instruments:
                self.quote(on=instrument)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.engine.dispose()

    def _denied(self, order, over, reason):
        self.denials.append(reason)
        self.over.append(over)

    def quote(self, bid=None, ask=None, *, on=None, size=DEEP, every_s=1.0):
        """Let time pass and a quote come; what strategies want is done at it."""
        on = on or next(iter(self.last))
        was = self.last[on]
        self.last[on] = bid, ask = (bid or was[0], ask or (bid and _above(bid)) or was[1])
        self.now += int(every_s * SECOND)
        units = Quantity.from_int(size)
        tick = QuoteTick(on.id, _p(bid), _p(ask), units, units, self.now, self.now)
        self.engine.add_data([tick])
        self.engine.run(streaming=True)
        self.engine.clear_data()

    def do(self, *acts, hand=0, **quote):
        """Have a strategy do this at the next quote; return what the last act gave."""
        strategy = self.hands[hand]
        strategy.wanted.extend(acts)
        self.quote(**quote)
        return strategy.done[-1] if strategy.done else None

    def status(self, order) -> str:
        """The status of an order by the cache: an emulated one becomes another object."""
        return self.cache.order(order.client_order_id).status_string()

    def reason(self) -> str:
        """Why the last order was denied."""
        return self.denials[-1]

    def held(self, on=AAPL, hand=None) -> float:
        """Units the book takes to be held."""
        strategy = None if hand is None else self.hands[hand].id.value
        return self.book.line(on.id.value, strategy).filled / self.book.UNIT

    def queued(self, on=AAPL, hand=None) -> tuple[float, float]:
        """Units the book takes to be working or on their way: to be bought, to be sold."""
        strategy = None if hand is None else self.hands[hand].id.value
        line = self.book.line(on.id.value, strategy)
        return line.buys / self.book.UNIT, line.sells / self.book.UNIT

    def verdicts(self) -> list[tuple[str, str]]:
        """What the journal says: command and verdict of each intent."""
        return [(intent.command, intent.verdict) for intent in self.journal.intents]


def _side(units):
    return OrderSide.BUY if units > 0 else OrderSide.SELL


def _quantity(units):
    return Quantity.from_int(abs(units))


def _p(price):
    return Price.from_str(f"{Decimal(str(price)):.2f}")


def _above(bid):
    return f"{Decimal(bid) + Decimal('0.02'):.2f}"
