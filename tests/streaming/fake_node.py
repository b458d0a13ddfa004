"""A node's stand-in: the real bus and the real command server, a toy market behind them.

In tests an object; by hand a process: ``python tests/streaming/fake_node.py --home .lab``.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import math
import random
import signal
import sys
import time
from decimal import Decimal
from pathlib import Path

from nautilus_lab.platform.access import LocalOwner, Permission, TokenVerifier, signing_key
from nautilus_lab.platform.bus import IpcBus, RedisBus
from nautilus_lab.platform.commands import (
    CommandBody,
    CommandLog,
    CommandServer,
    CommandSpec,
    CommandTable,
    Handler,
    Request,
)
from nautilus_lab.platform.messages import (
    AccountUpdated,
    Envelope,
    HealthUpdated,
    LimitBreach,
    LimitUpdated,
    NodeStateChanged,
    OrderFilled,
    OrderUpdated,
    PnlUpdated,
    PositionUpdated,
    QuoteUpdated,
    Snapshot,
    envelope,
)
from nautilus_lab.platform.rundir import Home, ProcessRecord


class After(CommandBody, frozen=True, kw_only=True):
    epoch: int
    seq: int


class Buy(CommandBody, frozen=True, kw_only=True):
    units: int
    wait_s: float = 0.0


TABLE = CommandTable(
    CommandSpec(name="node.status", permission=Permission.NODE_READ, summary="-", reads=True),
    CommandSpec(name="node.snapshot", permission=Permission.NODE_READ, summary="-", reads=True),
    CommandSpec(
        name="node.events", permission=Permission.NODE_READ, summary="-", body=After, reads=True
    ),
    CommandSpec(
        name="orders.buy", permission=Permission.ORDERS_WRITE, summary="-", version=2, body=Buy
    ),
)


class FakeNode:
    """Publishes what it is told to, and answers as a node does."""

    table = TABLE

    def __init__(self, home: Path, trader: str = "PAPER-001", log: list[Envelope] | None = None):
        self.trader = trader
        self.home = Home(home).make()
        self.run = self.home.trader(trader).make()
        self.log = [] if log is None else log  # the outbox: outlives the node
        self.epoch = 1 + max((e.epoch for e in self.log), default=0)
        self.seq = 0
        self.states: dict[str, Envelope] = {}
        self.orders: dict[str, Envelope] = {}
        self.state = "running"
        self.asked: list[str] = []
        self.bought: list[tuple[str, int]] = []  # who, how many

    async def start(self, bus: RedisBus | None = None) -> FakeNode:
        self.bus = bus or IpcBus.serve(self.run.events)
        self.server = CommandServer(
            self.run.commands,
            self.table,
            LocalOwner(TokenVerifier(signing_key(self.home.signing_key))).verify,
            self.handlers(),
            log=self.command_log(),
        )
        await self.server.start()
        ProcessRecord.of_this_process("node", address=self.run.commands).write(self.run.node)
        self.event(
            NodeStateChanged(component="node", state=self.state), f"system.node.{self.trader}"
        )
        return self

    def handlers(self) -> dict[str, Handler]:
        return {
            "orders.buy": self._buy,
            "node.status": self._status,
            "node.snapshot": self._snapshot,
            "node.events": self._events,
        }

    def command_log(self) -> CommandLog | None:
        """What remembers the commands that were done; this process when None."""
        return None

    async def stop(self) -> None:
        """End as a killed node does: the sockets fall silent, the record's process is gone."""
        self.run.node.unlink(missing_ok=True)
        await self.server.stop(grace_s=0.1)
        self.bus.close()

    async def __aenter__(self) -> FakeNode:
        return await self.start()

    async def __aexit__(self, *error: object) -> None:
        await self.stop()

    def event(self, body, topic: str, *, lost: bool = False) -> Envelope:
        """Store an event and publish it, unless the bus is to lose it."""
        self.seq += 1
        message = envelope(
            body,
            topic,
            trader=self.trader,
            writer="node",
            epoch=self.epoch,
            seq=self.seq,
            simulated=True,
        )
        self.log.append(message)
        if isinstance(body, OrderUpdated):
            self.orders[body.client_order_id] = message
        if not lost:
            self.bus.publish(message)
        return message

    def put(self, body, topic: str) -> Envelope:
        """Publish a state."""
        message = envelope(
            body, topic, trader=self.trader, writer="node", epoch=self.epoch, simulated=True
        )
        self.states[topic] = message
        self.bus.publish(message)
        return message

    def quote(self, instrument: str, bid: float, ask: float) -> Envelope:
        symbol, venue = instrument.split(".")
        body = QuoteUpdated(instrument=instrument, bid=bid, ask=ask, bid_size=100, ask_size=100)
        return self.put(body, f"market.quote.{venue}.{symbol}")

    def fill(self, number: int, instrument: str = "AAPL.PAPER", *, lost: bool = False) -> Envelope:
        body = OrderFilled(
            trade_id=f"T-{number}",
            client_order_id=f"O-{number}",
            strategy="tilt",
            instrument=instrument,
            side="BUY",
            quantity=Decimal(10),
            price=Decimal("100.25"),
            commission=Decimal("0.10"),
        )
        return self.event(body, f"trading.fill.{self.trader}.tilt", lost=lost)

    def reject(self, number: int, reason: str) -> Envelope:
        body = OrderUpdated(
            client_order_id=f"R-{number}",
            strategy="tilt",
            instrument="AAPL.PAPER",
            side="BUY",
            order_type="MARKET",
            quantity=Decimal(10),
            status="REJECTED",
            reason=reason,
        )
        return self.event(body, f"trading.order.{self.trader}.tilt")

    async def _buy(self, request: Request) -> object:
        self.bought.append((request.principal.name, request.body.units))
        await asyncio.sleep(request.body.wait_s)
        return {"units": request.body.units}

    async def _status(self, request: Request) -> object:
        self.asked.append("status")
        return {"trader": self.trader, "state": self.state, "epoch": self.epoch}

    async def _snapshot(self, request: Request) -> object:
        self.asked.append("snapshot")
        return Snapshot(
            trader=self.trader,
            epoch=self.epoch,
            seq=self.seq,
            ts=time.time_ns(),
            simulated=True,
            orders=tuple(self.orders.values()),
            states=tuple(self.states.values()),
        )

    async def _events(self, request: Request) -> object:
        after = (request.body.epoch, request.body.seq)
        self.asked.append(f"events after {after}")
        return [e for e in self.log if (e.epoch, e.seq or 0) > after]


# instrument -> first price and daily volatility
SYMBOLS = {
    "AAPL": (182.40, 0.018),
    "AMD": (138.10, 0.032),
    "BAC": (33.85, 0.019),
    "CVX": (149.70, 0.017),
    "GE": (127.30, 0.020),
    "JNJ": (156.90, 0.010),
    "JPM": (171.20, 0.015),
    "KO": (59.95, 0.009),
    "MSFT": (374.50, 0.017),
    "PFE": (28.60, 0.016),
    "PG": (146.80, 0.010),
    "WMT": (157.75, 0.012),
    "XOM": (102.35, 0.017),
}
CASH = 1_000_000.0
LIMIT = 250_000.0


class Market:
    """Random walks, a strategy that trades them now and then, and the book that follows."""

    def __init__(self, node: FakeNode, *, per_second: float, seed: int) -> None:
        self.node = node
        self.random = random.Random(seed)
        self.pause_s = 1 / per_second
        self.prices = {symbol: price for symbol, (price, _) in SYMBOLS.items()}
        self.held = dict.fromkeys(SYMBOLS, 0.0)
        self.paid = dict.fromkeys(SYMBOLS, 0.0)
        self.realised = dict.fromkeys(SYMBOLS, 0.0)
        self.commissions = 0.0
        self.cash = CASH
        self.number = 0

    async def run(self) -> None:
        ticks = 0
        for symbol in SYMBOLS:
            self._trade(symbol, 0.35 * self.random.uniform(0.4, 1.6))
        while True:
            self._move()
            if ticks % max(1, round(1 / self.pause_s)) == 0:
                self._book()
            if self.random.random() < 0.35 * self.pause_s:
                self._trade(self.random.choice(list(SYMBOLS)), self.random.uniform(-0.4, 0.5))
            ticks += 1
            await asyncio.sleep(self.pause_s)

    def _move(self) -> None:
        for symbol, (_, daily) in SYMBOLS.items():
            self.prices[symbol] *= math.exp(self.random.gauss(2e-6, daily / 45))
            price = self.prices[symbol]
            half = max(0.005, price * 1e-4)
            self.node.quote(f"{symbol}.PAPER", round(price - half, 2), round(price + half, 2))

    def _trade(self, symbol: str, share: float) -> None:
        units = round(share * LIMIT / self.prices[symbol] / 10) * 10
        if units == 0:
            return
        self.number += 1
        order = {
            "client_order_id": f"O-{self.node.epoch}-{self.number:04d}",
            "strategy": "tilt",
            "instrument": f"{symbol}.PAPER",
            "side": "BUY" if units > 0 else "SELL",
            "order_type": "MARKET",
            "quantity": Decimal(abs(units)),
        }
        topic = f"trading.order.{self.node.trader}.tilt"
        notional = abs(units) * self.prices[symbol]
        self.node.put(
            LimitUpdated(
                limit="max_order_notional",
                scope=self.node.trader,
                value=notional,
                limit_value=LIMIT,
                utilisation=notional / LIMIT,
                level="breach" if notional > LIMIT else "warn" if notional > 0.8 * LIMIT else "ok",
            ),
            f"risk.limit.{self.node.trader}.max_order_notional",
        )
        if self.number % 9 == 0:
            reason = "order notional above max_order_notional"
            self.node.event(OrderUpdated(**order, status="DENIED", reason=reason), topic)
            self.node.event(
                LimitBreach(
                    limit="max_order_notional",
                    scope=self.node.trader,
                    value=notional * 3,
                    limit_value=LIMIT,
                    action="deny",
                    client_order_id=order["client_order_id"],
                    reason=reason,
                ),
                f"risk.breach.{self.node.trader}.max_order_notional",
            )
            return
        for status in ("SUBMITTED", "ACCEPTED"):
            self.node.event(OrderUpdated(**order, status=status), topic)
        if self.number % 11 == 0:
            return  # stays in the market
        price = round(self.prices[symbol] * (1 + math.copysign(1e-4, units)), 2)
        commission = round(abs(units) * price * 1e-4, 2)
        self._settle(symbol, units, price, commission)
        self.node.event(
            OrderFilled(
                trade_id=f"T-{self.node.epoch}-{self.number:04d}",
                client_order_id=order["client_order_id"],
                strategy="tilt",
                instrument=order["instrument"],
                side=order["side"],
                quantity=order["quantity"],
                price=Decimal(str(price)),
                commission=Decimal(str(commission)),
            ),
            f"trading.fill.{self.node.trader}.tilt",
        )
        self.node.event(
            OrderUpdated(
                **order,
                status="FILLED",
                filled=order["quantity"],
                average_price=Decimal(str(price)),
                venue_order_id=f"V-{self.number}",
            ),
            topic,
        )

    def _settle(self, symbol: str, units: float, price: float, commission: float) -> None:
        held, paid = self.held[symbol], self.paid[symbol]
        closing = max(-abs(held), -abs(units)) if held * units < 0 else 0.0
        if closing:
            self.realised[symbol] += -closing * (price - paid) * math.copysign(1, held)
        total = held + units
        if held * total <= 0:
            self.paid[symbol] = price if total else 0.0
        elif abs(total) > abs(held):
            self.paid[symbol] = (held * paid + units * price) / total
        self.held[symbol] = total
        self.cash -= units * price + commission
        self.commissions += commission

    def _book(self) -> None:
        trader, values = self.node.trader, {s: self.held[s] * self.prices[s] for s in SYMBOLS}
        unrealised = {s: self.held[s] * (self.prices[s] - self.paid[s]) for s in SYMBOLS}
        for symbol in SYMBOLS:
            self.node.put(
                PositionUpdated(
                    instrument=f"{symbol}.PAPER",
                    quantity=self.held[symbol],
                    average_price=self.paid[symbol],
                    market_price=self.prices[symbol],
                    market_value=values[symbol],
                    unrealised=unrealised[symbol],
                    realised=self.realised[symbol],
                ),
                f"trading.position.{trader}.tilt.{symbol}.PAPER",
            )
        equity = self.cash + sum(values.values())
        gross = sum(map(abs, values.values()))
        self.node.put(
            AccountUpdated(
                venue="PAPER",
                currency="USD",
                cash=self.cash,
                equity=equity,
                gross_exposure=gross,
                net_exposure=sum(values.values()),
            ),
            f"trading.account.{trader}.PAPER",
        )
        self.node.put(
            PnlUpdated(
                scope="account",
                currency="USD",
                realised=sum(self.realised.values()),
                unrealised=sum(unrealised.values()),
                commissions=self.commissions,
                total=equity - CASH,
                equity=equity,
            ),
            f"analytics.pnl.{trader}.account",
        )
        self._limit("gross_exposure", gross, 1.5 * CASH)
        self._limit("largest_position", max(map(abs, values.values())), 0.25 * CASH)
        self.node.put(
            HealthUpdated(component="node", state="running", pid=1, loop_lag_ms=0.4, rss_mib=210),
            "system.health.node",
        )

    def _limit(self, limit: str, value: float, most: float) -> None:
        used = value / most
        level = "breach" if used > 1 else "critical" if used > 0.95 else "warn"
        self.node.put(
            LimitUpdated(
                limit=limit,
                scope=self.node.trader,
                value=value,
                limit_value=most,
                utilisation=used,
                level=level if used > 0.8 else "ok",
            ),
            f"risk.limit.{self.node.trader}.{limit}",
        )


async def main(home: Path, trader: str, per_second: float, gateway: bool) -> None:
    from nautilus_lab.streaming import StreamingEngine

    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    node = FakeNode(home, trader)
    # A new process is a new epoch; the toy outbox does not outlive it.
    count = node.run.path / "fake.epoch"
    node.epoch = 1 + (int(count.read_text()) if count.exists() else 0)
    count.write_text(str(node.epoch))
    engine = StreamingEngine(home) if gateway else None
    async with node:
        if engine is not None:
            sys.stdout.write(f"{await engine.start()}\n")
            sys.stdout.flush()
        market = asyncio.create_task(Market(node, per_second=per_second, seed=7).run())
        waiting = asyncio.create_task(stop.wait())
        await asyncio.wait({market, waiting}, return_when=asyncio.FIRST_COMPLETED)
        market.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await market
        if engine is not None:
            await engine.stop()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A node's stand-in with a toy market.")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--trader", default="PAPER-001")
    parser.add_argument("--per-second", type=float, default=4.0)
    parser.add_argument("--gateway", action="store_true", help="run a gateway in here, too")
    asked = parser.parse_args()
    asyncio.run(main(asked.home, asked.trader, asked.per_second, asked.gateway))
