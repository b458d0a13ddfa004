"""A node's stand-in that takes orders; as a process it can be killed and comes back.

``python tests/client/trading_node.py --home .lab --die before`` ends itself with SIGKILL over the
first order, before or after it is made; with ``--slow-s 0.5`` it thinks over each for so long.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path

import msgspec

from nautilus_lab.exceptions import InputError, LabError, OrderDenied
from nautilus_lab.platform.commands import (
    Cancelled,
    CommandLog,
    CommandTable,
    Found,
    Handler,
    MemoryCommandLog,
    Placed,
    Request,
    StateOfTrading,
    StoreCommandLog,
    StrategyView,
    SubmitOrder,
    order_ids,
)
from nautilus_lab.platform.messages import (
    Envelope,
    OrderFilled,
    OrderUpdated,
    StrategyUpdated,
    TradingStateUpdated,
    decode,
    encode,
)
from nautilus_lab.platform.store import TradingStore
from nautilus_lab.trading.commands import NODE_COMMANDS
from tests.streaming.fake_node import TABLE, FakeNode

MANUAL = "Manual-000"
_OURS = ("orders.", "risk.", "strategy.")
_OVER = ("DENIED", "REJECTED", "CANCELED", "EXPIRED", "FILLED")


async def nothing(request: Request) -> None:
    """Do nothing."""


class TradingNode(FakeNode):
    """Makes the orders it is asked for; what becomes of them is what a test says.

    `before` and `after` are awaited with each command that makes orders, before they are made and
    once they are; `refusal` is raised in place of making them.
    """

    table = CommandTable(*TABLE, *(spec for spec in NODE_COMMANDS if spec.name.startswith(_OURS)))

    def __init__(self, home: Path, trader: str = "PAPER-001", log: list[Envelope] | None = None):
        super().__init__(home, trader, log)
        self.before: Callable[[Request], Awaitable[None]] = nothing
        self.after: Callable[[Request], Awaitable[None]] = nothing
        self.refusal: LabError | None = None
        self.requests: list[Request] = []
        self.arrival = Decimal("100.00")
        self.stubborn: set[str] = set()  # orders that their venue does not end
        self.trading = StateOfTrading(state="ACTIVE", reason="new", by="node", since_ns=1)
        self.done = MemoryCommandLog()
        for envelope in self.log:
            if isinstance(envelope.body, OrderUpdated):
                self.orders[envelope.body.client_order_id] = envelope

    def command_log(self) -> CommandLog:
        return self.done

    def handlers(self) -> dict[str, Handler]:
        deployed = ("deploy", "replace", "start", "stop", "pause", "resume", "remove")
        return super().handlers() | {
            "orders.submit": self._submit,
            "orders.bracket": self._bracket,
            "orders.oco": self._oco,
            "orders.list": self._list,
            "orders.modify": self._modify,
            "orders.cancel": self._cancel,
            "orders.cancel_all": self._cancel_all,
            "orders.find": self._find,
            "risk.state": self._risk_state,
            "risk.halt": self._risk_halt,
            "risk.reduce_only": self._risk_reduce,
            "risk.ask_resume": self._risk_ask_resume,
            "risk.resume": self._risk_resume,
            "risk.limits": self._nothing,
            "risk.enable": self._nothing,
            "risk.accept_drawdown": self._nothing,
            "strategy.list": self._nothing,
            "strategy.versions": self._versions,
            **dict.fromkeys((f"strategy.{verb}" for verb in deployed), self._strategy),
        }

    # --- what a test says ---------------------------------------------------------------------

    def body(self, name: str) -> OrderUpdated:
        body = self.orders[name].body
        assert isinstance(body, OrderUpdated)
        return body

    def order(self, name: str, *, lost: bool = False, **fields) -> Envelope:
        """Tell of an order: as it was last, but for `fields`."""
        known = self.orders.get(name)
        if known is not None:
            body = msgspec.structs.replace(known.body, **fields)
        else:
            given = {"strategy": MANUAL, "status": "SUBMITTED", "instrument": "AAPL.PAPER"}
            body = OrderUpdated(client_order_id=name, **given | fields)
        return self.event(body, f"trading.order.{self.trader}.{body.strategy}", lost=lost)

    def execute(self, name: str, quantity: object, price: object, trade_id: str) -> None:
        """Fill an order, and tell as Nautilus does: the fill first, then the order."""
        units, paid, was = Decimal(str(quantity)), Decimal(str(price)), self.body(name)
        self.event(
            OrderFilled(
                trade_id=trade_id,
                client_order_id=name,
                strategy=was.strategy,
                instrument=was.instrument,
                side=was.side,
                quantity=units,
                price=paid,
                commission=Decimal("0.10"),
            ),
            f"trading.fill.{self.trader}.{was.strategy}",
        )
        filled = was.filled + units
        average = ((was.average_price or 0) * was.filled + paid * units) / filled
        self.order(
            name,
            filled=filled,
            average_price=average,
            status="FILLED" if filled >= was.quantity else "PARTIALLY_FILLED",
        )

    # --- what it answers ----------------------------------------------------------------------

    async def _submit(self, request: Request) -> Placed:
        return await self._make(request, order_ids(request.id), (request.body,))

    async def _bracket(self, request: Request) -> Placed:
        legs = (request.body.entry, request.body.take_profit, request.body.stop_loss)
        names = order_ids(request.id, 3)
        linked = [{}, {"parent": names[0]}, {"parent": names[0]}]
        return await self._make(request, names, legs, linked)

    async def _oco(self, request: Request) -> Placed:
        names = order_ids(request.id, 2)
        linked = [{"linked": (names[1],)}, {"linked": (names[0],)}]
        return await self._make(request, names, (request.body.first, request.body.second), linked)

    async def _list(self, request: Request) -> Placed:
        count = len(request.body.orders)
        names = order_ids(request.id, count) if count > 1 else (f"{order_ids(request.id)[0]}-1",)
        return await self._make(request, names, request.body.orders)

    async def _make(
        self,
        request: Request,
        names: tuple[str, ...],
        asked: tuple[SubmitOrder, ...],
        linked: list[dict[str, object]] | None = None,
    ) -> Placed:
        self.requests.append(request)
        await self.before(request)
        list_id = f"L-{names[0]}" if len(names) > 1 else None
        if self.refusal is not None:
            if isinstance(self.refusal, OrderDenied):
                for name, one in zip(names, asked, strict=True):
                    self._tell_made(name, one, request, status="DENIED", reason=self.refusal.rule)
            raise self.refusal
        for number, (name, one) in enumerate(zip(names, asked, strict=True)):
            more = (linked or [{}] * len(names))[number]
            status = "INITIALIZED" if one.algorithm or "parent" in more else "SUBMITTED"
            self._tell_made(name, one, request, status=status, list_id=list_id, **more)
        await self.after(request)
        statuses = tuple(self.body(name).status for name in names)
        return Placed(client_order_ids=names, statuses=statuses, list_id=list_id)

    def _tell_made(self, name: str, asked: SubmitOrder, request: Request, **more) -> None:
        self.order(
            name,
            instrument=asked.instrument,
            side=asked.side,
            order_type=asked.order_type,
            quantity=asked.quantity,
            limit_price=asked.limit_price,
            trigger_price=asked.trigger_price,
            time_in_force=asked.time_in_force,
            algorithm=asked.algorithm,
            arrival_price=self.arrival,
            by=request.principal.name,
            **more,
        )

    async def _modify(self, request: Request) -> Placed:
        asked = request.body
        self._working(asked.client_order_id)
        fields = ("quantity", "limit_price", "trigger_price")
        changes = {f: getattr(asked, f) for f in fields if getattr(asked, f) is not None}
        self.order(asked.client_order_id, **changes)
        return Placed(client_order_ids=(asked.client_order_id,), statuses=("ACCEPTED",))

    async def _cancel(self, request: Request) -> Cancelled:
        await self.before(request)
        name = request.body.client_order_id
        self._working(name)
        self.order(name, status="CANCELED")
        return Cancelled(ended=(name,))

    async def _cancel_all(self, request: Request) -> Cancelled:
        asked, names = request.body, []
        for name in list(self.orders):
            body = self.body(name)
            meant = asked.side in (None, body.side) and asked.instrument in (None, body.instrument)
            if meant and body.status not in _OVER:
                self.order(name, status="CANCELED")
                names.append(name)
        return Cancelled(ended=tuple(names))

    def _working(self, name: str) -> None:
        if name not in self.orders:
            raise InputError("an order must be one that the node has", value=name)
        if self.body(name).status in _OVER:
            raise InputError("an order must still work to be changed or cancelled", value=name)

    async def _find(self, request: Request) -> Found:
        self.asked.append("find")
        if (own := request.body.client_order_id) is not None:
            names = {own}
        else:
            (stem,) = order_ids(request.body.command_id)
            names = {name for name in self.orders if name == stem or name.startswith(f"{stem}-")}
        return Found(orders=tuple(self.orders[n] for n in sorted(names & self.orders.keys())))

    async def _risk_state(self, request: Request) -> StateOfTrading:
        return self.trading

    async def _risk_halt(self, request: Request) -> StateOfTrading:
        told = self._move("KILLED" if request.body.kill else "HALTED", request)
        if request.body.cancel_orders or request.body.kill:
            for name in self.orders.keys() - self.stubborn:
                if self.body(name).status not in _OVER:
                    self.order(name, status="CANCELED")
        return told

    async def _risk_reduce(self, request: Request) -> StateOfTrading:
        return self._move("REDUCE_ONLY", request)

    async def _risk_ask_resume(self, request: Request) -> StateOfTrading:
        self.requests.append(request)
        return self.trading

    async def _risk_resume(self, request: Request) -> StateOfTrading:
        return self._move(request.body.to, request)

    def _move(self, to: str, request: Request) -> StateOfTrading:
        self.requests.append(request)
        self.trading = StateOfTrading(
            state=to,
            reason=request.body.reason,
            by=request.principal.name,
            since_ns=self.trading.since_ns + 1,
        )
        told = {f: getattr(self.trading, f) for f in ("state", "reason", "by", "since_ns")}
        self.put(TradingStateUpdated(**told), f"risk.state.{self.trader}")
        return self.trading

    async def _strategy(self, request: Request) -> StrategyView | None:
        self.requests.append(request)
        verb = request.name.rpartition(".")[2]
        if verb == "remove":
            return None
        name = getattr(request.body, "strategy", "trend-001")
        view = StrategyView(
            strategy=name,
            name="trend",
            version=getattr(request.body, "version", "1"),
            content_hash="0" * 64,
            state={"pause": "paused", "stop": "stopped"}.get(verb, "running"),
        )
        body = StrategyUpdated(strategy=name, name="trend", version=view.version, state=view.state)
        self.put(body, f"strategy.state.{self.trader}.{name}")
        return view

    async def _versions(self, request: Request) -> object:
        return [{"name": "trend", "version": "1"}]

    async def _nothing(self, request: Request) -> object:
        return []


class DurableNode(TradingNode):
    """A process of its own, whose orders and commands outlive a kill."""

    def __init__(self, home: Path, die: str, slow_s: float) -> None:
        run = home / "traders" / "PAPER-001"
        run.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._file = run / "stand-in.events"
        super().__init__(home, log=self._read())
        self.store = TradingStore.open(self.run.store)
        self._slow_s = slow_s
        self.before = self._dies if die == "before" else self._thinks
        self.after = self._dies if die == "after" else nothing

    def command_log(self) -> CommandLog:
        return StoreCommandLog(self.store)

    def event(self, body, topic: str, *, lost: bool = False) -> Envelope:
        message = super().event(body, topic, lost=lost)
        data = encode(message)
        with self._file.open("ab") as file:
            file.write(len(data).to_bytes(4, "big") + data)
        return message

    def _read(self) -> list[Envelope]:
        data, found = self._file.read_bytes() if self._file.exists() else b"", []
        while data:
            size = int.from_bytes(data[:4], "big")
            found.append(decode(data[4 : 4 + size]))
            data = data[4 + size :]
        return found

    async def _thinks(self, request: Request) -> None:
        await asyncio.sleep(self._slow_s)

    async def _dies(self, request: Request) -> None:
        await asyncio.sleep(0.1)  # so that what was published has left
        os.kill(os.getpid(), signal.SIGKILL)


async def main(home: Path, die: str, slow_s: float) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    node = DurableNode(home, die, slow_s)
    async with node:
        await stop.wait()
    node.store.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="A node's stand-in that takes orders.")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--die", choices=["before", "after", ""], default="")
    parser.add_argument("--slow-s", type=float, default=0.0)
    asked = parser.parse_args()
    asyncio.run(main(asked.home, asked.die, asked.slow_s))
