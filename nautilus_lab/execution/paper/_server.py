"""The paper venue as a process: it replays prices, holds the book, and outlives the node."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

import zmq
import zmq.asyncio

from nautilus_lab.exceptions import InputError, MessageError
from nautilus_lab.execution.paper._book import PaperBook
from nautilus_lab.execution.paper._ledger import Ledger
from nautilus_lab.execution.paper._replay import Instant, Replay
from nautilus_lab.execution.paper._wire import (
    Account,
    Ask,
    CancelOrder,
    Fills,
    GetAccount,
    Hello,
    ListFills,
    ListOrders,
    ListPositions,
    ListSymbols,
    NewOrder,
    Orders,
    Positions,
    Push,
    Refused,
    Reply,
    Say,
    Symbols,
    Tape,
    VenueEvent,
    VenueQuote,
    Welcome,
    pack,
    unpack_request,
)
from nautilus_lab.platform.messages import new_id

log = logging.getLogger(__name__)

_CENT = Decimal("0.01")
_QUOTE_SIZE = 10_000.0
_MOST_CLIENTS = 64


class PaperVenue:
    """A broker and an exchange for one account, on two local sockets.

    Every event is in the ledger before a client hears of it, so killing the venue at any moment
    loses nothing that was told. A ledger that cannot be written ends the venue: it never trades
    without a memory.

    Parameters
    ----------
    replay : Replay
        Where prices come from.
    ledger : Ledger
        Where events are kept.
    orders_address, quotes_address : str
        The sockets to serve: requests and pushes, and the tape.
    seconds_per_day : float
        Real seconds one replayed day takes.
    half_spread_bps : float
        Half the quoted spread, in basis points of the price; at least half a cent is quoted.
    """

    def __init__(
        self,
        *,
        replay: Replay,
        ledger: Ledger,
        orders_address: str,
        quotes_address: str,
        seconds_per_day: float,
        starting_cash: Decimal,
        commission_bps: float = 0.0,
        half_spread_bps: float = 2.0,
    ) -> None:
        self._replay = replay
        self._ledger = ledger
        self._addresses = (orders_address, quotes_address)
        self._step_s = seconds_per_day / replay.steps_per_day
        self._half_spread = Decimal(str(half_spread_bps)) / 10_000
        if ledger.fact("starting_cash") is None:
            ledger.set_fact("starting_cash", str(starting_cash))
        self._book = PaperBook(
            starting_cash=Decimal(ledger.fact("starting_cash") or starting_cash),
            commission_bps=commission_bps,
        )
        self._book.restore(ledger.events())
        self._session = new_id()
        self._clients: dict[bytes, None] = {}  # identity -> , the oldest first
        self._ended = False

    async def serve(self, ready: Callable[[], None] = lambda: None) -> None:
        """Serve until cancelled; calls `ready` once both sockets are bound."""
        context = zmq.asyncio.Context()
        router = context.socket(zmq.ROUTER)
        router.setsockopt(zmq.LINGER, 200)
        tape = context.socket(zmq.PUB)
        tape.setsockopt(zmq.LINGER, 0)
        try:
            router.bind(self._addresses[0])
            tape.bind(self._addresses[1])
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._play(router, tape), name="replay")
                tasks.create_task(self._answer(router), name="orders")
                await asyncio.sleep(0)
                ready()
        finally:
            router.close()
            tape.close()
            context.term()

    # --- prices ---------------------------------------------------------------------------

    async def _play(self, router: zmq.asyncio.Socket, tape: zmq.asyncio.Socket) -> None:
        day, step = self._position()
        due = time.monotonic()
        while True:
            instant = self._replay.at(day, step)
            await self._move_to(instant, router, tape)
            if step + 1 < self._replay.steps_per_day:
                step += 1
            elif day < self._replay.last_day:
                day, step = day + 1, 0
            else:
                # History is over: the last close stands, and the tape says so.
                self._ended = True
            due = max(due + self._step_s, time.monotonic() - 1.0)
            await asyncio.sleep(max(0.0, due - time.monotonic()))

    def _position(self) -> tuple[int, int]:
        """Return where the replay goes on; at its start when another start is asked for."""
        replay, ledger = self._replay, self._ledger
        begun = replay.date_of(replay.first_day)
        saved = ledger.fact("replayed_until")
        if saved is None or ledger.fact("replayed_from") != begun:
            ledger.set_fact("replayed_from", begun)
            return replay.first_day, 0
        # By its date and share: symbols and speed may be others than the last time.
        date, step, steps = saved.split(" ")
        share = int(step) / int(steps)
        return replay.day_of(date), min(int(share * replay.steps_per_day), replay.steps_per_day - 1)

    async def _move_to(
        self, instant: Instant, router: zmq.asyncio.Socket, tape: zmq.asyncio.Socket
    ) -> None:
        now = time.time_ns()
        quotes, events = [], []
        for symbol, mid in zip(self._replay.symbols, instant.mids, strict=True):
            bid, ask = self._spread(float(mid))
            events += self._book.quote(symbol, bid, ask, now)
            quotes.append(
                VenueQuote(symbol=symbol, bid=float(bid), ask=float(ask), size=_QUOTE_SIZE)
            )
        await self._tell(events, router)
        if instant.step % max(1, round(1 / self._step_s)) == 0:
            date = self._replay.date_of(instant.day)
            until = f"{date} {instant.step} {self._replay.steps_per_day}"
            self._ledger.set_fact("replayed_until", until)
        message = Tape(
            ts=now,
            source_ts=instant.source_ts,
            session=self._session,
            ended=self._ended,
            quotes=quotes,
        )
        await tape.send(pack(message))

    def _spread(self, mid: float) -> tuple[Decimal, Decimal]:
        middle = Decimal(repr(mid))
        half = max(middle * self._half_spread, _CENT / 2)
        bid = max((middle - half).quantize(_CENT, ROUND_FLOOR), _CENT)
        ask = max((middle + half).quantize(_CENT, ROUND_CEILING), bid + _CENT)
        return bid, ask

    # --- orders ---------------------------------------------------------------------------

    async def _answer(self, router: zmq.asyncio.Socket) -> None:
        while True:
            identity, *frames = await router.recv_multipart()
            try:
                request = unpack_request(frames[-1] if frames else b"")
            except MessageError as error:
                log.warning("unreadable request: %s", error)
                continue
            try:
                say, events = self._do(identity, request.ask)
            except InputError as error:
                say, events = Refused(reason=str(error)), []
            # Durable first, then the answer, then everybody else.
            self._ledger.append(events) if events else None
            await self._send(router, identity, pack(Reply(id=request.id, say=say)))
            await self._push(events, router)

    def _do(self, identity: bytes, ask: Ask) -> tuple[Say, list[VenueEvent]]:
        book = self._book
        now = time.time_ns()
        match ask:
            case Hello():
                return self._welcome(identity, ask), []
            case NewOrder():
                if ask.symbol not in self._replay.symbols:
                    raise InputError("a symbol must trade at this venue", value=ask.symbol)
                events = book.submit(ask, now)
                known = [o for o in book.orders() if o.client_order_id == ask.client_order_id]
                return Orders(orders=known), events
            case CancelOrder():
                events = book.cancel(ask.client_order_id, now)
                return Orders(orders=[e.order for e in events]), events
            case ListOrders():
                return Orders(orders=book.orders(working_only=ask.working_only)), []
            case ListFills():
                return Fills(fills=list(book.fills)), []
            case ListPositions():
                return Positions(positions=book.positions), []
            case GetAccount():
                return Account(account=book.account), []
            case ListSymbols():
                return Symbols(symbols=list(self._replay.symbols)), []

    def _welcome(self, identity: bytes, hello: Hello) -> Welcome:
        self._clients.pop(identity, None)
        self._clients[identity] = None
        if len(self._clients) > _MOST_CLIENTS:
            del self._clients[next(iter(self._clients))]
        missed: list[VenueEvent] = []
        if hello.after_seq is not None and hello.after_seq < self._book.seq:
            missed = list(self._ledger.events(after=hello.after_seq))
        return Welcome(session=self._session, seq=self._book.seq, missed=missed)

    async def _tell(self, events: list[VenueEvent], router: zmq.asyncio.Socket) -> None:
        if events:
            self._ledger.append(events)
            await self._push(events, router)

    async def _push(self, events: list[VenueEvent], router: zmq.asyncio.Socket) -> None:
        for event in events:
            message = pack(Push(event=event))
            for identity in list(self._clients):
                await self._send(router, identity, message)

    async def _send(self, router: zmq.asyncio.Socket, identity: bytes, message: bytes) -> None:
        # A client that is gone, or too slow to read, catches up by its next Hello.
        with contextlib.suppress(zmq.Again):
            await router.send_multipart([identity, message], flags=zmq.NOBLOCK)
