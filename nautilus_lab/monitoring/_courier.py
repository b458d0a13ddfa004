"""Delivering on one channel what is due there."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Protocol, TypeVar

from nautilus_lab.exceptions import LabError
from nautilus_lab.monitoring._channel import Channel, Notice, Outcome
from nautilus_lab.platform.commands import ChannelStatus
from nautilus_lab.platform.failpoint import reach
from nautilus_lab.platform.store import AlertLedger, AlertRow, DeliveryRow
from nautilus_lab.platform.telemetry import LimitedLog

_log = logging.getLogger(__name__)
_trouble = LimitedLog(_log)

_S = 1_000_000_000
_BASE_S = 0.5
_CAP_S = 60.0
_IDLE_S = 30.0
_STORE_AWAY_S = 1.0

T = TypeVar("T")


class OnStore(Protocol):
    """Runs something on the thread of the stores."""

    def __call__(self, work: Callable[[], T]) -> Awaitable[T]:
        """Return what it returns."""
        ...


class Courier:
    """Delivers on one channel, one after the other, and tries again what was not taken.

    That a delivery begins is stored before it is sent, and its outcome after: one that was killed
    in between is sent again by the next monitor, with the same id and the next attempt. Nothing
    else begins before an outcome is stored, however long the store is away. Waits grow with full
    jitter to a minute at most. Where the receiver is away nothing else is tried
    meanwhile; where one notice fails the others go on.

    Parameters
    ----------
    channel : Channel
        Where to.
    ledger : AlertLedger
        What is due.
    on_store : callable
        Runs what touches the store.
    undelivered_s : float
        After how long without success `on_trouble` is told.
    give_up_s : float
        After how long a delivery is dropped.
    on_trouble : callable
        Told the channel's name and what is wrong, once; and "" when it delivers again.
    troubled : bool, default=False
        Whether it was told by an earlier monitor, and is still to be told that it delivers.
    now_ns : callable, optional
        UNIX nanoseconds UTC.
    """

    def __init__(
        self,
        channel: Channel,
        ledger: AlertLedger,
        on_store: OnStore,
        *,
        undelivered_s: float,
        give_up_s: float,
        on_trouble: Callable[[str, str], Awaitable[None]],
        troubled: bool = False,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self.channel = channel
        self._ledger = ledger
        self._on_store = on_store
        self._undelivered_ns = round(undelivered_s * _S)
        self._give_up_ns = round(give_up_s * _S)
        self._on_trouble = on_trouble
        self._now_ns = now_ns
        self._delivering = self._waiting = False
        self._given: deque[tuple[DeliveryRow, AlertRow]] = deque()
        self._unnoted: DeliveryRow | None = None  # whose outcome the store does not have yet
        self._wake = asyncio.Event()
        self._told = troubled  # whether its trouble was
        self._sent = self._refused = 0
        self._trouble = ""
        self._trouble_ns = 0
        self._failed = 0  # times in a row that the receiver was away

    @property
    def status(self) -> ChannelStatus:
        """How it is."""
        return ChannelStatus(
            name=self.channel.name,
            sent=self._sent,
            refused=self._refused,
            trouble=self._trouble,
            trouble_ns=self._trouble_ns,
        )

    @property
    def busy(self) -> bool:
        """Whether something is on its way, about to be, or not noted."""
        return self._delivering or bool(self._given) or self._unnoted is not None

    @property
    def waits(self) -> bool:
        """Whether it has nothing to do: what is new may be begun for it."""
        return self._waiting and not self.busy

    def wake(self) -> None:
        """Look now for what is due."""
        self._wake.set()

    def hand(self, begun: tuple[DeliveryRow, AlertRow]) -> None:
        """Deliver what was begun for it already."""
        self._given.append(begun)
        self._wake.set()

    async def run(self) -> None:
        """Deliver until cancelled."""
        while True:
            try:
                pause_s = await self.deliver_one()
            except LabError as error:
                _trouble.warning("%s cannot deliver: %s", self.channel.name, error)
                pause_s = _STORE_AWAY_S
            if pause_s is None:
                await self._idle()
            elif pause_s > 0:
                await asyncio.sleep(pause_s)

    async def deliver_one(self) -> float | None:
        """Try what is due first; return how long to leave the channel alone, None with nothing due.

        Raises
        ------
        LabError
            When the store cannot be read or written.
        """
        self._wake.clear()
        name = self.channel.name
        self._delivering = True
        try:
            await self._note()
            begun: tuple[DeliveryRow, AlertRow] | None
            if self._given:
                begun = self._given.popleft()
            else:
                begin = partial(self._ledger.begin, name, now_ns=self._now_ns())
                begun = await self._on_store(begin)
            return None if begun is None else await self._deliver(*begun)
        finally:
            self._delivering = False

    async def _deliver(self, delivery: DeliveryRow, alert: AlertRow) -> float:
        reach("monitor.before_send")
        outcome = await self._send(delivery, alert)
        reach("monitor.after_send")
        self._unnoted = noted = self._noted(delivery, outcome)
        try:
            await self._note()
        finally:
            await self._tell(delivery, alert, outcome, noted)
            self._failed = self._failed + 1 if outcome.away else 0
        if not outcome.away:
            return 0.0
        return max((noted.next_ns - self._now_ns()) / _S, 0.0)

    async def _note(self) -> None:
        # In the store it is "sending" until then, which nobody but the next monitor would mend.
        if (noted := self._unnoted) is not None:
            await self._on_store(lambda: self._ledger.note(noted))
            self._unnoted = None

    async def _send(self, delivery: DeliveryRow, alert: AlertRow) -> Outcome:
        notice = Notice(
            delivery=delivery.id,
            event=delivery.event,
            attempt=delivery.attempts,
            # As high as it was then: it may have climbed while this waited.
            alert=replace(alert, rank=delivery.rank),
        )
        try:
            return await self.channel.send(notice)
        except Exception as error:
            # A channel's fault must not end all its deliveries.
            _log.exception("the channel %s failed", self.channel.name)
            return Outcome(how="later", detail=f"{type(error).__name__}: {error}")

    def _noted(self, delivery: DeliveryRow, outcome: Outcome) -> DeliveryRow:
        now = self._now_ns()
        if outcome.how != "later":
            return replace(delivery, state=outcome.how, ended_ns=now, error=outcome.detail)
        if now - delivery.created_ns > self._give_up_ns:
            return replace(delivery, state="dropped", ended_ns=now, error=outcome.detail)
        tries = max(delivery.attempts, self._failed) if outcome.away else delivery.attempts
        longest_s = min(_BASE_S * 2.0 ** min(tries - 1, 16), _CAP_S)
        wait_s = max(random.uniform(0, longest_s), outcome.retry_after_s or 0.0)
        return replace(
            delivery, state="pending", next_ns=now + round(wait_s * _S), error=outcome.detail
        )

    async def _tell(
        self, delivery: DeliveryRow, alert: AlertRow, outcome: Outcome, noted: DeliveryRow
    ) -> None:
        name = self.channel.name
        if outcome.how == "sent":
            self._sent += 1
            self._trouble, self._trouble_ns = "", 0
            if outcome.detail.startswith("but"):
                _log.error("alert %s was sent over %s, %s", alert.id, name, outcome.detail)
            if self._told:
                self._told = False
                await self._on_trouble(name, "")
            return
        if not self._trouble:
            self._trouble_ns = self._now_ns()
        self._trouble = outcome.detail
        _log.warning(
            "alert %s was not taken by %s at attempt %d: %s, %s",
            *(alert.id, name, delivery.attempts, outcome.detail, noted.state),
        )
        for_good = noted.state in ("refused", "dropped")
        self._refused += for_good
        waited = self._now_ns() - delivery.created_ns > self._undelivered_ns
        if (for_good or waited) and not self._told:
            self._told = True
            what = noted.state if for_good else "not delivered yet"
            await self._on_trouble(name, f"alert {alert.id} is {what}: {outcome.detail}")

    async def _idle(self) -> None:
        name = self.channel.name
        due = await self._on_store(lambda: self._ledger.next_delivery_ns(name))
        wait_s = _IDLE_S if due is None else min(max((due - self._now_ns()) / _S, 0.0), _IDLE_S)
        self._waiting = True
        try:
            async with asyncio.timeout(wait_s):
                await self._wake.wait()
        except TimeoutError:
            return
        finally:
            self._waiting = False
