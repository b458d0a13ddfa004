"""The thread that writes what a process publishes into Redis."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias

from nautilus_lab.config import BusSettings
from nautilus_lab.exceptions import AccessDenied, BusError, ConfigError, LabError
from nautilus_lab.platform.bus._redis._address import RedisAddress
from nautilus_lab.platform.bus._redis._checks import check_rights, check_server
from nautilus_lab.platform.bus._redis._link import Link
from nautilus_lab.platform.bus._redis._stream import (
    APPEND,
    FIELDS,
    TELL,
    TRIM,
    Keys,
    is_event,
    payload_of,
    words,
)
from nautilus_lab.platform.bus._redis._wire import Wire, Word
from nautilus_lab.platform.connection import Backoff, CircuitBreaker, ConnectionState
from nautilus_lab.platform.messages import AlertRaised, Envelope
from nautilus_lab.platform.telemetry import LimitedLog

_log = logging.getLogger(__name__)

_BATCH = 512
_PAGE = 500
_TRIM_EVERY_S = 15.0
_TRIM_EVERY_EVENTS = 5_000
_TRIM_STEP = 10_000  # as the script has it
_SOURCE_AGAIN_S = 1.0
_MOST_HELD = 10_000
_WAIT_MS = 500
# Nothing is read while nothing is written, so a broken connection shows only when it is tried.
_LOOK_EVERY_S = 1.0

Writer: TypeAlias = tuple[str, str]  # trader, writer
Position: TypeAlias = tuple[int, int]  # epoch, seq


class EventSource(Protocol):
    """A store that has every event before the bus has it; `TradingStore` is one."""

    def outbox_after(
        self, writer: str, epoch: int, seq: int, limit: int = 1_000
    ) -> Sequence[Envelope]:
        """Return the events of `writer` after (`epoch`, `seq`), oldest first."""
        ...

    def latest_epoch(self, writer: str) -> int:
        """Return the epoch that `writer` is in; 0 when the store does not know it."""
        ...

    def close(self) -> None:
        """Let go of the store."""
        ...


class _Item(NamedTuple):
    envelope: Envelope
    payload: bytes

    @property
    def writer(self) -> Writer:
        return self.envelope.trader, self.envelope.writer

    @property
    def position(self) -> Position:
        return self.envelope.epoch, self.envelope.seq or 0


class _Behind(Exception):
    """Events of a writer are missing before those that wait: fetch them from the source."""

    def __init__(self, writer: Writer) -> None:
        self.writer = writer


class StreamWriter:
    """A bounded queue, and a thread of its own that empties it into Redis.

    `put` never waits and never raises. While Redis is away the latest state of each topic is
    held; events stay in the store that `source` opens and are fetched from there, in order,
    before any later one is written. Without a source as many wait here as `queue` allows.

    Attributes
    ----------
    lost : int
        Events that nobody will hear of: without a source, and more than the queue holds.
    gaps : int
        Times that an event was written although its predecessor is neither on the stream nor in
        the store.
    unreplicated : int
        Writes that fewer than `wait_replicas` replicas confirmed in time.
    passed : int
        Entries that were trimmed before a consumer group had them.
    """

    def __init__(
        self,
        address: RedisAddress,
        settings: BusSettings,
        *,
        source: Callable[[], EventSource] | None,
        on_state: Callable[[ConnectionState], object],
        on_alert: Callable[[AlertRaised], object],
    ) -> None:
        self.lost = self.gaps = self.unreplicated = self.passed = self.skipped = 0
        self._address = address
        self._settings = settings
        self._keys = Keys(settings.stream, settings.channel_prefix)
        self._timeout_s = settings.timeout_ms / 1e3
        self._open_source = source
        self._source: EventSource | None = None
        self._on_alert = on_alert
        self._queue: deque[_Item] = deque()
        self._held: dict[str, _Item] = {}  # topic -> the latest state, while Redis is away
        self._turn = threading.Lock()  # of the two above
        self._newest: dict[Writer, Position] = {}  # what was put last
        self._behind: dict[Writer, float] = {}  # -> when to ask the source (monotonic)
        self._written: dict[Writer, Position] = {}  # what is on the stream
        self._accepting: set[Writer] = set()  # the source was asked; a gap is one now
        self._limited = LimitedLog(_log)
        self._woken = False
        self._idle = False
        self._flush_s = 1.0
        self._refusal: LabError | None = None
        self._verdict = threading.Event()  # whether the first attempt has ended
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake = asyncio.Event()
        self._ending = asyncio.Event()
        self._wire: Wire | None = None
        self._link = Link(
            str(address),
            backoff=Backoff(base_s=0.2, cap_s=5.0, attempts=settings.attempts),
            breaker=CircuitBreaker(failures=settings.attempts, open_s=settings.probe_s),
            on_state=on_state,
        )
        self._thread = threading.Thread(target=self._run, name="redis-writer", daemon=True)

    # --- called by any thread ----------------------------------------------------------------

    def start(self, wait_s: float) -> None:
        """Begin; raise what Redis must not be, if that is known within `wait_s`."""
        self._thread.start()
        if not self._verdict.wait(wait_s):
            _log.warning("%s does not answer yet; events wait in the store", self._address)
        if self._refusal is not None:
            self.close()
            raise self._refusal

    def put(self, envelope: Envelope, payload: bytes) -> None:
        """Queue an envelope."""
        item = _Item(envelope, payload)
        event = is_event(envelope)
        with self._turn:
            if event and envelope.seq is not None:
                self._newest[item.writer] = item.position
            full = len(self._queue) >= self._settings.queue
            if event and full:
                if self._open_source is not None and envelope.seq is not None:
                    self._behind.setdefault(item.writer, 0.0)
                else:
                    self.lost += 1
                    self._limited.warning("the queue to Redis is full and no store has the event")
            elif event or (not full and self._link.state is ConnectionState.CONNECTED):
                self._queue.append(item)
            elif envelope.topic in self._held or len(self._held) < _MOST_HELD:
                self._held[envelope.topic] = item
            if self._woken or self._loop is None:
                return
            self._woken = True
        try:
            self._loop.call_soon_threadsafe(self._wake.set)
        except RuntimeError:
            self._woken = False  # the thread has ended

    @property
    def state(self) -> ConnectionState:
        """Where the connection stands."""
        return self._link.state

    @property
    def trouble(self) -> str:
        """Why there is no connection; empty when there is one."""
        return self._link.trouble

    @property
    def pending(self) -> int:
        """How many events of their present epochs are not on the stream yet."""
        count = 0
        for writer, (epoch, seq) in tuple(self._newest.items()):
            on_stream = self._written.get(writer, (0, 0))
            count += max(0, seq - (on_stream[1] if on_stream[0] == epoch else 0))
        return count

    @property
    def idle(self) -> bool:
        """Whether everything that was put is written, as far as Redis takes it."""
        return self._idle and not self._queue and not self._held and not self._behind

    def reconnect(self) -> None:
        """Try again at once."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._link.reconnect)

    def close(self, flush_s: float = 1.0) -> None:
        """Write what waits, if Redis takes it within `flush_s`, and end the thread."""
        self._flush_s = flush_s
        if self._loop is not None and self._thread.is_alive():
            with contextlib.suppress(RuntimeError):  # the thread ends by itself just now
                self._loop.call_soon_threadsafe(self._ending.set)
            self._thread.join(flush_s + 1.0)

    # --- the thread --------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            asyncio.run(self._main())
        except Exception:
            _log.exception("the thread that writes to Redis failed")
            self._link.trouble = "the thread that writes to Redis failed; see the log"
            self._link.enter(ConnectionState.ERROR)
        finally:
            self._verdict.set()
            if self._source is not None:
                self._source.close()

    async def _main(self) -> None:
        self._loop = loop = asyncio.get_running_loop()
        keeping = asyncio.ensure_future(
            self._link.keep(self._connect, self._work, self._disconnect)
        )
        try:
            await self._ending.wait()
            if self._link.state is ConnectionState.CONNECTED:
                deadline = loop.time() + self._flush_s
                while not self.idle and loop.time() < deadline:
                    await asyncio.wait([keeping], timeout=0.01)
        finally:
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
        self._link.enter(ConnectionState.DISCONNECTED)

    async def _connect(self) -> None:
        try:
            self._wire = wire = await Wire.open(
                self._address, key=self._keys.stream, timeout_s=self._timeout_s
            )
            try:
                await check_server(wire, self._settings.persistence)
            except ConfigError as error:
                if not self._verdict.is_set():
                    raise
                # In mid-flight trading goes on, and so does what little keeps others informed.
                self._tell(error.rule, str(error.value), error.remedy)
            self._append, self._states, self._trim_script = await wire.calls(
                [("SCRIPT", "LOAD", script) for script in (APPEND, TELL, TRIM)]
            )
            # Each time: one that is full lets us in and takes nothing.
            await check_rights(wire, self._keys)
            await wire.call("EVALSHA", self._states, 0)  # nothing is told
        except (ConfigError, AccessDenied) as error:
            if not self._verdict.is_set():
                self._refusal = error
            raise
        finally:
            self._verdict.set()

    async def _disconnect(self) -> None:
        self._idle = False
        if self._wire is not None:
            wire, self._wire = self._wire, None
            await wire.close()

    async def _work(self) -> None:
        assert self._wire is not None
        # What was on the stream may not be on this one: every writer is compared anew.
        self._written.clear()
        self._accepting.clear()
        with self._turn:
            for writer in self._newest:
                self._behind.setdefault(writer, 0.0)
        self._since_trim = 0
        now = time.monotonic()
        trim_at, health_at = now, now + self._settings.health_s
        while True:
            self._woken = False
            with self._turn:
                due = [writer for writer, at in self._behind.items() if now >= at]
            for writer in due:
                await self._catch_up(writer)
            busy = await self._write_some()
            now = time.monotonic()
            if now >= trim_at or self._since_trim >= _TRIM_EVERY_EVENTS:
                await self._trim()
                trim_at = now + _TRIM_EVERY_S
            if now >= health_at:
                await self._check_health()
                health_at = now + self._settings.health_s
            if busy:
                continue
            self._idle = True
            with self._turn:
                pause = min(trim_at, health_at, now + _LOOK_EVERY_S, *self._behind.values()) - now
            try:
                async with asyncio.timeout(max(0.0, pause)):
                    await self._wake.wait()
            except TimeoutError:
                await self._wire.call("PING")
            self._wake.clear()
            now = time.monotonic()

    # --- writing -----------------------------------------------------------------------------

    async def _write_some(self) -> bool:
        """Write a batch; whether there was any."""
        with self._turn:
            self._idle = self._idle and not self._held and not self._queue
            held = list(itertools.islice(self._held.values(), _BATCH))
            for item in held:
                del self._held[item.envelope.topic]
            batch = [self._queue.popleft() for _ in range(min(_BATCH, len(self._queue)))]
        if not held and not batch:
            return False
        if held:
            await self._write(held)
        done = 0
        try:
            while done < len(batch):
                done += await self._write(batch[done:])
        except BaseException:
            # Whether they arrived is not known. Each is written only where its predecessor
            # stands, so those that did are left out.
            self._put_back(batch[done:])
            raise
        return True

    async def _write(self, items: Sequence[_Item]) -> int:
        """Write items from the front, in one go; return how many are done with."""
        commands: list[Sequence[Word]] = []
        # beside the commands: what they append, and the first item of it
        appends: list[tuple[Writer, Position, int] | None] = []
        at = dict(self._written)
        done = 0
        behind: Writer | None = None
        try:
            for kind, run in itertools.groupby(items, _kind_of):
                if kind == "state":
                    told = list(run)
                    commands.append(self._telling(told))
                    appends.append(None)
                    done += len(told)
                elif kind == "loose":
                    for item in run:
                        pairs = zip(FIELDS, words(*item), strict=True)
                        commands.append(("XADD", self._keys.stream, "*", *itertools.chain(*pairs)))
                        appends.append(None)
                        done += 1
                elif isinstance(kind, tuple):
                    new: list[_Item] = []
                    before, first = at.get(kind), done
                    try:
                        for item in run:
                            if self._follows(item, at):
                                new.append(item)
                                at[kind] = item.position
                            done += 1
                    finally:
                        if new:
                            commands.append(self._appending(kind, before, new))
                            appends.append((kind, at[kind], first))
                            self._since_trim += len(new)
        except _Behind as error:
            behind = error.writer
        if commands:
            answers = await self._calls(commands, any(appends))
            for append, answer in zip(appends, answers, strict=True):
                if append is None:
                    continue
                writer, position, first = append
                if not answer[0]:
                    # Somebody else wrote, or the stream began anew: from there once more.
                    behind, done = writer, first
                    self._written.pop(writer, None)
                    break
                self._written[writer] = position
        if behind is not None:
            await self._catch_up(behind)
        return done

    def _follows(self, item: _Item, at: dict[Writer, Position]) -> bool:
        """Whether an event is to be written next; `_Behind` when others come before it."""
        writer, now = item.writer, item.position
        if writer in self._behind:
            # From the source, in its turn; but without one it has waited here.
            return False
        last = at.get(writer)
        if last is None and writer not in self._accepting:
            raise _Behind(writer)
        if last is not None and now <= last:
            if now[0] < last[0]:
                self.skipped += 1
                self._limited.warning(
                    "an event of epoch %d of %s/%s was left out: epoch %d is on the stream",
                    now[0], *writer, last[0],
                )  # fmt: skip
            return False
        direct = last is None or now == (last[0], last[1] + 1)
        if not direct and writer not in self._accepting:
            raise _Behind(writer)
        self._accepting.discard(writer)
        if not direct and now[1] != 1:
            self.gaps += 1
            self._limited.warning("events of %s/%s between %s and %s are lost", *writer, last, now)
        return True

    def _appending(
        self, writer: Writer, before: Position | None, items: Iterable[_Item]
    ) -> Sequence[Word]:
        items = list(items)
        return (
            "EVALSHA", self._append, 2, self._keys.stream, self._keys.written,
            "/".join(writer), _as_text(before), _as_text(items[-1].position),
            *itertools.chain.from_iterable(words(*item) for item in items),
        )  # fmt: skip

    def _telling(self, items: Sequence[_Item]) -> Sequence[Word]:
        pairs: list[Word] = []
        for item in items:
            pairs += (self._keys.channel(item.envelope.topic), item.payload)
        if len(items) == 1:
            return ("PUBLISH", *pairs)
        return ("EVALSHA", self._states, 0, *pairs)

    async def _calls(self, commands: Sequence[Sequence[Word]], events: bool) -> list[Any]:
        assert self._wire is not None
        if not (events and self._settings.wait_replicas):
            return await self._wire.calls(commands)
        wait = ("WAIT", self._settings.wait_replicas, min(_WAIT_MS, self._settings.timeout_ms))
        *answers, confirmed = await self._wire.calls(
            (*commands, wait), timeout_s=self._timeout_s + _WAIT_MS / 1e3
        )
        if confirmed < self._settings.wait_replicas:
            self.unreplicated += 1
            self._limited.warning(
                "%d of %d replicas confirmed a write in time; a fail-over now may lose it",
                confirmed, self._settings.wait_replicas,
            )  # fmt: skip
        return answers

    def _put_back(self, items: Sequence[_Item]) -> None:
        with self._turn:
            self._queue.extendleft(reversed([i for i in items if is_event(i.envelope)]))

    # --- catching up -------------------------------------------------------------------------

    async def _catch_up(self, writer: Writer) -> None:
        """Bring the stream to where the source is, from where the stream is."""
        assert self._wire is not None
        field = "/".join(writer)
        raw = await self._wire.call("HGET", self._keys.written, field)
        try:
            at = await self._from_source(writer, _position(raw))
        except LabError as error:
            if self._source_failed(error):
                self._behind[writer] = time.monotonic() + _SOURCE_AGAIN_S
                return
            raise
        self._behind.pop(writer, None)
        self._accepting.add(writer)
        if at is None:
            self._written.pop(writer, None)
        else:
            self._written[writer] = at

    def _source_failed(self, error: LabError) -> bool:
        if isinstance(error, _SourceFailed):
            self._limited.warning("the store cannot be asked for events: %s", error)
            return True
        return False

    async def _from_source(self, writer: Writer, at: Position | None) -> Position | None:
        if self._open_source is None:
            return at
        with _asking():
            if self._source is None:
                self._source = self._open_source()
            latest = self._source.latest_epoch(writer[1])
        after = at or (0, 0)
        if latest and after[0] > latest:
            self._tell(
                "the store of a trader must be the one that its stream is from",
                f"{'/'.join(writer)}: epoch {after[0]} on the stream, {latest} in the store",
                "nothing to do if the trader began anew; its events follow on the stream",
            )
            after = (0, 0)
        for _ in itertools.count():
            with _asking():
                page = self._source.outbox_after(writer[1], *after, limit=_PAGE)
            page = [event for event in page if event.trader == writer[0]]
            if not page:
                return at
            items = [_Item(event, payload_of(event)) for event in page]
            (answer,) = await self._calls([self._appending(writer, at, items)], events=True)
            if answer[0]:
                at = after = items[-1].position
                self._since_trim += len(items)
            else:
                # Somebody else wrote meanwhile: go on from there.
                theirs = _position(answer[1])
                if theirs == at:
                    raise BusError("the stream must take what follows", value=theirs)
                at = theirs
                after = theirs or (0, 0)
        raise AssertionError

    # --- upkeep ------------------------------------------------------------------------------

    async def _trim(self) -> None:
        assert self._wire is not None
        self._since_trim = 0
        oldest = int((time.time() - self._settings.retention_hours * 3_600) * 1e3)
        while True:
            trimmed, unread, *groups = await self._wire.call(
                "EVALSHA", self._trim_script, 2, self._keys.stream, self._keys.passed,
                f"{max(0, oldest)}-0", self._settings.max_events,
            )  # fmt: skip
            if unread:
                self.passed += unread
                names = ", ".join(
                    f"{name.decode()}: {count}"
                    for name, count in zip(groups[::2], groups[1::2], strict=True)
                )
                self._tell(
                    "every consumer group must have read what leaves the stream",
                    f"{names} entries of {self._keys.stream} were trimmed unread",
                    "see why it is slow or remove it (XGROUP DESTROY); raise bus.max_events",
                )
            if trimmed < _TRIM_STEP:
                return

    async def _check_health(self) -> None:
        """See that the server answers, is the master and has what we wrote."""
        assert self._wire is not None
        role = await self._wire.call("ROLE")
        if role[0] != b"master":
            raise BusError("only a master takes events", value=self._wire.where)
        try:
            await check_server(self._wire, "none")
        except ConfigError as error:
            self._tell(error.rule, str(error.value), error.remedy)
        for writer, position in tuple(self._written.items()):
            raw = await self._wire.call("HGET", self._keys.written, "/".join(writer))
            if _position(raw) != position:
                await self._catch_up(writer)

    def _tell(self, rule: str, detail: str, remedy: str) -> None:
        _log.warning("%s; %s; %s", rule, detail, remedy)
        try:
            self._on_alert(
                AlertRaised(
                    severity="warning", component="bus", rule=rule, detail=detail, remedy=remedy
                )
            )
        except Exception:
            _log.exception("the handler of alerts failed")


class _SourceFailed(LabError):
    """The store could not be asked."""


class _asking:  # noqa: N801 (a context)
    """Tells what a store raises apart from what Redis does."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, LabError):
            raise _SourceFailed(error.rule, value=error.value, remedy=error.remedy) from error


def _kind_of(item: _Item) -> Writer | Literal["loose", "state"]:
    if item.envelope.seq is not None:
        return item.writer
    return "loose" if is_event(item.envelope) else "state"


def _as_text(position: Position | None) -> str:
    return "" if position is None else f"{position[0]}:{position[1]}"


def _position(raw: bytes | None) -> Position | None:
    if not raw:
        return None
    epoch, _, seq = raw.decode().partition(":")
    return int(epoch), int(seq)
