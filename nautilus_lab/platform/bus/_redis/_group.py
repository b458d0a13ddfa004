"""Reading the stream for a consumer group: each entry is handed over until it is done with."""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from nautilus_lab.config import BusSettings
from nautilus_lab.exceptions import BusError, InputError, LabError, MessageError, StoreError
from nautilus_lab.platform.bus._redis._address import RedisAddress
from nautilus_lab.platform.bus._redis._link import Link
from nautilus_lab.platform.bus._redis._stream import (
    BURY,
    LEASE,
    Keys,
    entry,
    envelope_in,
    info,
)
from nautilus_lab.platform.bus._redis._wire import Wire
from nautilus_lab.platform.connection import Backoff, CircuitBreaker, ConnectionState
from nautilus_lab.platform.messages import AlertRaised, Envelope

_log = logging.getLogger(__name__)

GROUP = "dashboard-group"
CONSUMER = "dashboard-consumer"

_BATCH = 256
_BLOCK_MS = 1_000
_LEASE_MS = 15_000
_CARE_EVERY_S = 5.0
# Deliveries after which an entry that fails is given up, and after which one is not even tried
# again: it may have ended the process each time.
_MOST_DELIVERIES = 5
_MOST_DEATHS = 2 * _MOST_DELIVERIES
_MOST_DEAD = 10_000
_MOST_FIELDS = 100

Take = Callable[[Sequence[Envelope]], None]


class _Entry(NamedTuple):
    identity: bytes
    fields: Mapping[bytes, bytes]
    deliveries: int


class StreamGroup:
    """The one process that reads a stream for a consumer group, and keeps what it reads.

    An entry is acknowledged when `take` has returned, that is, when it is stored. What an
    earlier process took and did not acknowledge is taken up first. An entry that cannot be
    used is handed over again, `retry_s` later; after five deliveries it goes to the dead-letter
    stream with the reason. While the store cannot write, nothing is acknowledged and nothing
    more is read.

    One process at a time holds the lease of a group; another one waits for it.

    Parameters
    ----------
    settings : BusSettings
        The section ``[bus]``.
    owner : str
        Who we are, the same after a restart: its lease is taken over at once.
    take : callable
        Stores envelopes, all or none; called on a thread. What it raises decides: a `StoreError`
        is the store's fault and is waited out, an `InputError` or `MessageError` an entry's.
    on_gap : callable, optional
        Told what was lost on the stream before the group had it; called on the loop.
    on_state, on_alert : callable, optional
        As `RedisBus.serve` takes them; called on the loop.
    group, consumer : str
        The names in Redis.
    retry_s : float, default=1.0
        Seconds before an entry that failed is handed over again.

    Attributes
    ----------
    taken : int
        Entries that were stored and acknowledged.
    dead : int
        Entries that went to the dead-letter stream.
    deleted : int
        Entries that somebody deleted after they were handed over and before they were stored.
    passed : int
        Entries that were trimmed before they were read, since the stream began.
    restarts : int
        How often the group had vanished with its stream.
    behind : int or None
        Entries that wait on the stream, as of a moment ago; None while Redis cannot tell.
    """

    def __init__(
        self,
        settings: BusSettings,
        *,
        owner: str,
        take: Take,
        on_gap: Callable[[str], object] = lambda why: None,
        on_state: Callable[[ConnectionState], object] = lambda state: None,
        on_alert: Callable[[AlertRaised], object] = lambda alert: None,
        group: str = GROUP,
        consumer: str = CONSUMER,
        retry_s: float = 1.0,
    ) -> None:
        self.taken = self.dead = self.deleted = self.passed = self.restarts = 0
        self.behind: int | None = None
        self.address = RedisAddress.parse(settings.url)
        self.group, self.consumer = group, consumer
        self._keys = Keys(settings.stream, settings.channel_prefix)
        self._timeout_s = settings.timeout_ms / 1e3
        self._owner = owner
        self._take = take
        self._on_gap = on_gap
        self._on_alert = on_alert
        self._retry_s = retry_s
        self._store_trouble = ""
        self._had_group = False
        self._wire: Wire | None = None
        self._retry_at = float("inf")  # monotonic; when something waits to be tried again
        self._link = Link(
            str(self.address),
            backoff=Backoff(base_s=0.2, cap_s=5.0, attempts=settings.attempts),
            breaker=CircuitBreaker(failures=settings.attempts, open_s=settings.probe_s),
            on_state=on_state,
        )
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, on the running loop; a Redis that is not there is waited for."""
        self._task = asyncio.create_task(
            self._link.keep(self._connect, self._work, self._disconnect),
            name=f"{self.group} at {self.address}",
        )

    async def close(self) -> None:
        """Finish what is being stored, give the lease back and end; twice is harmless."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
            self._link.enter(ConnectionState.DISCONNECTED)

    @property
    def state(self) -> ConnectionState:
        """Where the connection stands."""
        return self._link.state

    @property
    def trouble(self) -> str:
        """What is wrong with Redis or the store; empty when all is well."""
        return self._link.trouble or self._store_trouble

    def reconnect(self) -> None:
        """Try to connect at once, also after ERROR."""
        self._link.reconnect()

    # --- the session -------------------------------------------------------------------------

    async def _connect(self) -> None:
        self._wire = wire = await Wire.open(
            self.address, key=self._keys.stream, timeout_s=self._timeout_s
        )
        self._lease, self._bury = await wire.calls(
            [("SCRIPT", "LOAD", script) for script in (LEASE, BURY)]
        )
        await self._hold(_LEASE_MS)
        await self._make_group()

    async def _disconnect(self) -> None:
        if self._wire is not None:
            wire, self._wire = self._wire, None
            await wire.close()

    async def _work(self) -> None:
        await self._care()
        await self._reclaim(0)  # nobody else reads: it is a dead predecessor's, or ours
        care_at = time.monotonic() + _CARE_EVERY_S
        while True:
            await self._read_some(min(care_at, self._retry_at))
            now = time.monotonic()
            if now >= self._retry_at:
                await self._reclaim(int(self._retry_s * 1e3))
            if now >= care_at:
                await self._care()
                care_at = now + _CARE_EVERY_S

    async def _read_some(self, until: float) -> None:
        assert self._wire is not None
        block_ms = max(1, min(_BLOCK_MS, int((until - time.monotonic()) * 1e3)))
        try:
            answer = await self._wire.call(
                "XREADGROUP", "GROUP", self.group, self.consumer, "COUNT", _BATCH,
                "BLOCK", block_ms, "STREAMS", self._keys.stream, ">",
                timeout_s=block_ms / 1e3 + self._timeout_s,
            )  # fmt: skip
        except BusError as error:
            if "NOGROUP" not in error.rule and "no longer exists" not in error.rule:
                raise
            await self._make_group()
            return
        if answer:
            await self._handle([_Entry(i, entry(pairs), 1) for i, pairs in answer[0][1]])

    async def _make_group(self) -> None:
        assert self._wire is not None
        try:
            # From the beginning: what is on the stream already belongs into the history.
            await self._wire.call(
                "XGROUP", "CREATE", self._keys.stream, self.group, "0", "MKSTREAM"
            )
        except BusError as error:
            if "BUSYGROUP" not in error.rule:
                raise
        else:
            _log.info("group %s made at %s", self.group, self._keys.stream)
            if self._had_group:
                self.restarts += 1
                self._lost("the stream was deleted with its group, or Redis came back without them")
        self._had_group = True

    async def _hold(self, milliseconds: int) -> None:
        """Take the lease, or keep it."""
        assert self._wire is not None
        holder = await self._wire.call(
            "EVALSHA", self._lease, 1, self._keys.lease(self.group), self._owner, milliseconds
        )
        if holder is not None:
            raise BusError(
                f"one process at a time reads for {self.group}",
                value=holder.decode(errors="replace"),
                remedy="stop it, or name another stream: bus.stream",
            )

    async def _care(self) -> None:
        """Keep the lease, see how much waits and whether anything was trimmed unread."""
        assert self._wire is not None
        await self._hold(_LEASE_MS)
        passed = int(await self._wire.call("HGET", self._keys.passed, self.group) or 0)
        if passed > self.passed:
            self._lost(f"{passed - self.passed} entries were trimmed before they were read")
        self.passed = passed
        for told in map(info, await self._wire.call("XINFO", "GROUPS", self._keys.stream)):
            if told["name"].decode() == self.group:
                # Redis 6.2 does not tell the lag, and 7 not after somebody deleted entries.
                lag = told.get("lag")
                self.behind = None if lag is None else lag + told["pending"]

    # --- entries -----------------------------------------------------------------------------

    async def _reclaim(self, idle_ms: int) -> None:
        """Take up entries that were handed over and not acknowledged, whoever had them."""
        assert self._wire is not None
        self._retry_at = float("inf")
        start: bytes | str = "0-0"
        while True:
            start, claimed, *deleted = await self._wire.call(
                "XAUTOCLAIM", self._keys.stream, self.group, self.consumer, idle_ms, start,
                "COUNT", _BATCH,
            )  # fmt: skip
            # Redis 7 names those that are gone, 6.2 answers with nothing in their place.
            present = [pair for pair in claimed if pair is not None and pair[1] is not None]
            gone = len(deleted[0]) if deleted else len(claimed) - len(present)
            if gone:
                self.deleted += gone
                self._lost(f"{gone} entries were deleted before they were stored")
            if present:
                times = await self._deliveries(present[0][0], present[-1][0])
                await self._handle([_Entry(i, entry(p), times.get(i, 1)) for i, p in present])
            if start == b"0-0":
                break
        left, *_ = await self._wire.call("XPENDING", self._keys.stream, self.group)
        if left:
            self._try_again_later()

    async def _deliveries(self, first: bytes, last: bytes) -> dict[bytes, int]:
        assert self._wire is not None
        pending = await self._wire.call(
            "XPENDING", self._keys.stream, self.group, first, last, 10 * _BATCH, self.consumer
        )
        return {identity: times for identity, _, _, times in pending}

    async def _handle(self, entries: Sequence[_Entry]) -> None:
        """Store entries and acknowledge them; those that often failed by themselves."""
        plain = [one for one in entries if one.deliveries < _MOST_DELIVERIES]
        await self._store(plain)
        for one in entries:
            if one.deliveries > _MOST_DEATHS:
                await self._give_up(one, "it was delivered again and again and never stored")
            elif one.deliveries >= _MOST_DELIVERIES:
                await self._store([one])

    async def _store(self, entries: Sequence[_Entry]) -> None:
        good: list[tuple[_Entry, Envelope]] = []
        for one in entries:
            try:
                good.append((one, envelope_in(one.fields)))
            except LabError as error:
                await self._failed(one, error)
        if not good:
            return
        try:
            await self._taken([envelope for _, envelope in good])
        except (InputError, MessageError) as error:
            if len(good) == 1:
                await self._failed(good[0][0], error)
                return
            for one, _ in good:
                await self._store([one])
            return
        assert self._wire is not None
        await self._wire.call(
            "XACK", self._keys.stream, self.group, *(one.identity for one, _ in good)
        )
        self.taken += len(good)

    async def _taken(self, envelopes: Sequence[Envelope]) -> None:
        """Have envelopes stored, however long that takes."""
        waits = iter(Backoff(base_s=0.2, cap_s=5.0, attempts=1_000_000))
        while True:
            try:
                await self._storing(envelopes)
            except StoreError as error:
                if not self._store_trouble:
                    _log.error(
                        "nothing is acknowledged until the history can be written: %s", error
                    )
                self._store_trouble = str(error)
                await asyncio.sleep(next(waits))
                await self._hold(_LEASE_MS)
            else:
                self._store_trouble = ""
                return

    async def _storing(self, envelopes: Sequence[Envelope]) -> None:
        storing = asyncio.ensure_future(asyncio.to_thread(self._take, envelopes))
        try:
            await asyncio.shield(storing)
        except asyncio.CancelledError:
            await asyncio.wait([storing])  # a thread cannot be ended; its store stays open
            raise

    async def _failed(self, one: _Entry, error: LabError) -> None:
        if one.deliveries >= _MOST_DELIVERIES:
            await self._give_up(one, str(error))
        else:
            self._try_again_later()

    def _try_again_later(self) -> None:
        self._retry_at = min(self._retry_at, time.monotonic() + self._retry_s)

    async def _give_up(self, one: _Entry, why: str) -> None:
        """Put an entry among the dead letters and acknowledge it, both or neither."""
        assert self._wire is not None
        # Somebody else's entry may have more fields than a script can unpack.
        kept = itertools.islice(one.fields.items(), _MOST_FIELDS)
        pairs = itertools.chain.from_iterable(kept)
        await self._wire.call(
            "EVALSHA", self._bury, 2, self._keys.stream, self._keys.dead, self.group,
            one.identity, _MOST_DEAD, why, one.deliveries, *pairs,
        )  # fmt: skip
        self.dead += 1
        self._tell(
            "every entry of the stream must be an event of ours",
            f"{one.identity.decode()} of {self._keys.stream} is given up: {why}",
            f"look at it: redis-cli XRANGE {self._keys.dead} - +",
        )

    # --- telling -----------------------------------------------------------------------------

    def _lost(self, why: str) -> None:
        self._tell("the history must have read what leaves the stream", why, "it asks the stores")
        try:
            self._on_gap(why)
        except Exception:
            _log.exception("the handler of gaps failed")

    def _tell(self, rule: str, detail: str, remedy: str) -> None:
        _log.warning("%s; %s; %s", rule, detail, remedy)
        try:
            self._on_alert(
                AlertRaised(
                    severity="warning", component="history", rule=rule, detail=detail, remedy=remedy
                )
            )
        except Exception:
            _log.exception("the handler of alerts failed")
