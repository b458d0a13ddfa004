"""The paper venue as a process: it replays prices, holds the book, and outlives the node."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Sequence
from decimal import Decimal

import msgspec
import zmq
import zmq.asyncio

from nautilus_lab.exceptions import InputError, MessageError
from nautilus_lab.execution.paper._book import PaperBook
from nautilus_lab.execution.paper._clerk import Clerk
from nautilus_lab.execution.paper._clock import ReplayClock
from nautilus_lab.execution.paper._faults import Faults
from nautilus_lab.execution.paper._ledger import Ledger
from nautilus_lab.execution.paper._market import Market
from nautilus_lab.execution.paper._replay import Replay
from nautilus_lab.execution.paper._terms import VenueTerms
from nautilus_lab.execution.paper._wire import (
    Disturb,
    Done,
    Hello,
    Push,
    Refused,
    Reply,
    Request,
    Say,
    Tape,
    VenueEvent,
    VenueQuote,
    Welcome,
    number_of,
    pack,
    unpack_request,
)
from nautilus_lab.platform.failpoint import reach
from nautilus_lab.platform.messages import new_id
from nautilus_lab.platform.telemetry import LimitedLog

log = logging.getLogger(__name__)

_MOST_CLIENTS = 64
_MOST_MISSED = 1_000  # events in one Welcome
_LARGEST_REQUEST = 1 << 20  # bytes; whoever sends more is cut off
_LATE_S = 1.0
_STORM_STEP_S = 0.01
_LOOK_AGAIN_S = 1.0  # the clock may have been set meanwhile


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
    starting_cash : Decimal
        USD that a new ledger begins with; one that has begun keeps its own.
    terms : VenueTerms, optional
        Fees, spread, depth, leverage and latency.
    name : str, default="PAPER"
        What it is called; its account is ``NAME-1``.
    faults : bool, default=False
        Whether it may be told to fail.
    clock : ReplayClock, optional
        What it shares with the venues beside it; without one it goes on where it stopped.
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
        terms: VenueTerms | None = None,
        name: str = "PAPER",
        faults: bool = False,
        clock: ReplayClock | None = None,
    ) -> None:
        terms = terms or VenueTerms()
        self._ledger = ledger
        self._addresses = (orders_address, quotes_address)
        self._step_s = seconds_per_day / replay.steps_per_day
        self._session = new_id()
        self._book_id = ledger.settled("book", new_id())
        self._market = Market(replay, terms)
        self._faults = Faults(allowed=faults)
        deposited = Decimal(ledger.settled("starting_cash", str(starting_cash)))
        self._book = PaperBook(
            starting_cash=deposited, terms=terms, account_id=f"{name}-1", archive=ledger
        )
        self._book.resume(ledger.state(deposited))
        self._clerk = Clerk(self._book, replay.symbols, rejects=self._faults.rejects)
        self._clock = clock
        self._due = 0.0  # when the next step is, by the machine's clock
        self._played = ""  # the replayed day
        self._clients: dict[bytes, None] = {}  # identity -> , the longest silent first
        self._unread = LimitedLog(log)
        self._last_tape = b""
        self._stormy = asyncio.Event()  # the tape may have to repeat itself
        self._changed = asyncio.Event()  # what time will do next may be sooner now

    async def serve(self, ready: Callable[[], None] = lambda: None) -> None:
        """Serve until cancelled; calls `ready` once both sockets are bound."""
        context = zmq.asyncio.Context()
        self._router = context.socket(zmq.ROUTER)
        self._router.setsockopt(zmq.LINGER, 200)
        self._router.setsockopt(zmq.MAXMSGSIZE, _LARGEST_REQUEST)
        self._tape = context.socket(zmq.PUB)
        self._tape.setsockopt(zmq.LINGER, 0)
        try:
            self._router.bind(self._addresses[0])
            self._tape.bind(self._addresses[1])
            self._go_on()
            await self._play()  # nobody trades before there is a price
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._replay(), name="replay")
                tasks.create_task(self._keep_time(), name="time")
                tasks.create_task(self._answer(), name="orders")
                tasks.create_task(self._storm(), name="storm")
                await asyncio.sleep(0)
                ready()
        finally:
            self._router.close()
            self._tape.close()
            context.term()

    # --- prices ---------------------------------------------------------------------------

    def _go_on(self) -> None:
        """Go on where the replay is; at its start when another start is asked for."""
        market, ledger, ago_s = self._market, self._ledger, 0.0
        until = ledger.fact("replayed_until")
        if until is None or ledger.fact("replayed_from") != market.begun:
            until = market.bookmark
        if self._clock is not None:
            until, ago_s = self._clock.join(market.begun, until)
        market.go_on(until)
        steps, into_s = divmod(ago_s, self._step_s)
        market.advance(int(steps))
        self._due = time.monotonic() - into_s + self._step_s

    async def _replay(self) -> None:
        while True:
            await asyncio.sleep(max(0.0, self._due - time.monotonic()))
            behind = int((time.monotonic() - self._due) / self._step_s)
            # Steps that the machine was too slow for are played; those it slept through are not.
            skipped = behind if behind * self._step_s > _LATE_S else 0
            self._market.advance(1 + skipped)
            now = self._due + skipped * self._step_s
            await self._play()
            if self._clock is not None:
                self._clock.mark(self._market.begun, self._market.bookmark, now)
            self._due = now + self._step_s

    async def _play(self) -> None:
        market, book, now = self._market, self._book, time.time_ns()
        events = book.pass_time(now)
        if self._played != market.date:
            self._played = market.date
            events += book.open_session(market.date, now)
        prices = market.prices()
        for symbol, bid, ask, _ in prices:
            events += book.quote(symbol, bid, ask, now)
        events += book.close_out(now)
        wrong_by = self._faults.wrong_by()
        await self._tell(events, {"replayed_from": market.begun, "replayed_until": market.bookmark})
        tape = Tape(
            ts=now,
            source_ts=market.instant.source_ts,
            session=self._session,
            ended=market.ended,
            quotes=[
                VenueQuote(
                    symbol=symbol,
                    bid=float(bid) * wrong_by,
                    ask=float(ask) * wrong_by,
                    bid_size=float(book.size(symbol, "SELL")),
                    ask_size=float(book.size(symbol, "BUY")),
                    volume=volume,
                )
                for symbol, bid, ask, volume in prices
            ],
        )
        self._last_tape = pack(tape)
        if not self._faults.silent_s(time.monotonic()):
            await self._tape.send(self._last_tape, flags=zmq.NOBLOCK)

    async def _storm(self) -> None:
        """Repeat the last instant of the tape while the venue is told to."""
        quotes, owed, since = len(self._market.prices()), 0.0, time.monotonic()
        while True:
            now = time.monotonic()
            per_s = self._faults.storm_per_s(now)
            if not per_s:
                self._stormy.clear()
                await self._stormy.wait()
                since = time.monotonic()
                continue
            # A second's worth at most: what a busy machine is late by must not stop its venue.
            owed = min(owed + per_s * (now - since), per_s)
            since = now
            while owed >= quotes:
                owed -= quotes
                await self._tape.send(self._last_tape, flags=zmq.NOBLOCK)
            await asyncio.sleep(_STORM_STEP_S)

    # --- time -----------------------------------------------------------------------------

    async def _keep_time(self) -> None:
        while True:
            await self._tell(self._book.pass_time(time.time_ns()))
            self._changed.clear()
            due = self._book.next_due_ns
            wait_s = _LOOK_AGAIN_S if due is None else (due - time.time_ns()) / 1e9
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(max(wait_s, 0.0), _LOOK_AGAIN_S)):
                    await self._changed.wait()

    # --- orders ---------------------------------------------------------------------------

    async def _answer(self) -> None:
        while True:
            identity, *frames = await self._router.recv_multipart()
            while silent_s := self._faults.silent_s(time.monotonic()):
                await asyncio.sleep(silent_s)
            await self._take(identity, frames[-1] if frames else b"")
            # A socket that always has more must not keep the market from moving.
            await asyncio.sleep(0)

    async def _take(self, identity: bytes, data: bytes) -> None:
        try:
            request = unpack_request(data)
        except MessageError as error:
            self._unread.warning("unreadable request: %s", error)
            number = number_of(data)
            if number is not None:
                await self._reply(identity, number, Refused(reason=str(error)))
            return
        lossy = not isinstance(request.ask, Hello | Disturb)
        if lossy and self._faults.loses_request():
            return
        say, events = self._do(identity, request)
        # Durable first, then the answer, then everybody else.
        if events:
            self._write(events)
        if not (lossy and self._faults.loses_answer()):
            await self._reply(identity, request.id, say)
        reach("venue.after_answer")
        await self._push(events)
        reach("venue.after_push")

    def _do(self, identity: bytes, request: Request) -> tuple[Say, list[VenueEvent]]:
        ask, now, before = request.ask, time.time_ns(), self._book.seq
        if request.deadline_ns and now > request.deadline_ns:
            late_ms = (now - request.deadline_ns) / 1e6
            return Refused(reason=f"it came {late_ms:.0f} ms after its deadline"), []
        try:
            match ask:
                case Hello():
                    return self._welcome(identity, ask), []
                case Disturb():
                    self._faults.plan(ask, time.monotonic())
                    self._stormy.set()
                    return Done(), []
                case _:
                    return self._clerk.do(ask, now)
        except InputError as error:
            return Refused(reason=str(error)), []
        except Exception:
            if self._book.seq != before:
                raise  # half done: the ledger knows how the book was before
            log.exception("a request could not be done: %s", type(ask).__name__)
            return Refused(reason="the venue failed at it; see its log"), []

    def _welcome(self, identity: bytes, hello: Hello) -> Welcome:
        after, seq = hello.after_seq, self._book.seq
        if after is not None and after < 0:
            raise InputError("events are numbered from 1", value=after)
        self._clients.pop(identity, None)
        self._clients[identity] = None
        if len(self._clients) > _MOST_CLIENTS:
            del self._clients[next(iter(self._clients))]
        missed: list[VenueEvent] = []
        if after is not None and after < seq:
            missed = list(self._ledger.events(after, most=_MOST_MISSED))
        return Welcome(session=self._session, seq=seq, missed=missed, book=self._book_id)

    # --- news -----------------------------------------------------------------------------

    async def _tell(
        self, events: Sequence[VenueEvent], facts: dict[str, str] | None = None
    ) -> None:
        if events or facts:
            self._write(events, facts)
            await self._push(events)

    def _write(self, events: Sequence[VenueEvent], facts: dict[str, str] | None = None) -> None:
        facts = dict(facts or {})
        if any(event.fill is not None for event in events):
            facts["balances"] = msgspec.json.encode(self._book.balances).decode()
        self._ledger.append(events, facts)
        self._book.forget()
        if any(e.order.due_ns or e.order.expire_ns for e in events):
            self._changed.set()

    async def _push(self, events: Sequence[VenueEvent]) -> None:
        if self._faults.silent_s(time.monotonic()):
            return
        for event in events:
            if self._faults.loses_push():
                continue
            message = pack(Push(event=event))
            for identity in list(self._clients):
                await self._send(identity, message)

    async def _reply(self, identity: bytes, number: int, say: Say) -> None:
        await self._send(identity, pack(Reply(id=number, say=say)))

    async def _send(self, identity: bytes, message: bytes) -> None:
        # It never waits, so that messages leave in the order in which they were made. A client
        # that is gone, or too slow to read, catches up by its next Hello.
        with contextlib.suppress(zmq.Again):
            await self._router.send_multipart([identity, message], flags=zmq.NOBLOCK)
