"""The health of a node: looked after and told with each beat."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Sequence

from nautilus_lab.engine import State
from nautilus_lab.exceptions import NodeError
from nautilus_lab.platform.connection import ConnectionState
from nautilus_lab.platform.messages import HealthUpdated
from nautilus_lab.platform.recording import FlightRecorder
from nautilus_lab.platform.rundir import RunDirectory
from nautilus_lab.platform.store import TradingStore
from nautilus_lab.platform.telemetry import LoopLag, resource_use
from nautilus_lab.trading.node._checkpoints import Checkpointing
from nautilus_lab.trading.node._condition import NodeCondition
from nautilus_lab.trading.node._data import PaperDataClient
from nautilus_lab.trading.node._desk import Desk
from nautilus_lab.trading.node._journal import StoreJournal
from nautilus_lab.trading.node._states import TradingStates

_RECORDER = "recorder"
_STORE = "store"
_WRITE_AGAIN_S = 10.0


class HealthWatch:
    """Looks with each beat at what a node depends on, and tells how it is.

    Parameters
    ----------
    condition : NodeCondition
        Where it is said that something is amiss.
    rundir : RunDirectory
        Where the beat is seen.
    every_s : float
        Between two beats.
    desk : Desk
        Publishes it.
    recorder : FlightRecorder
        May be behind or full.
    store : TradingStore
        May be out of reach.
    journal : StoreJournal
        Has it take what was put aside meanwhile.
    states : TradingStates
        Tightened when the audit trail was tampered with.
    checkpointing : Checkpointing
        Knows whether it was.
    data : sequence of PaperDataClient
        Say whether a replay is over.
    bus_state : callable
        Returns how the message bus is; None for one that has no states.
    """

    def __init__(
        self,
        condition: NodeCondition,
        rundir: RunDirectory,
        *,
        every_s: float,
        desk: Desk,
        recorder: FlightRecorder,
        store: TradingStore,
        journal: StoreJournal,
        states: TradingStates,
        checkpointing: Checkpointing,
        data: Sequence[PaperDataClient],
        bus_state: Callable[[], ConnectionState | None],
    ) -> None:
        self._condition = condition
        self._rundir = rundir
        self._every_s = every_s
        self._desk = desk
        self._recorder = recorder
        self._store = store
        self._journal = journal
        self._states = states
        self._checkpointing = checkpointing
        self._data = data
        self._bus_state = bus_state
        self._write_after = 0.0  # time.monotonic() until which a failing store is left alone

    async def beat(self, lag: LoopLag) -> None:
        """Beat until cancelled; raises `NodeError` when the run directory was taken away."""
        every_s = self._every_s
        self._rundir.heartbeat.begin(every_s)
        while True:
            self._look_after_recorder()
            self._look_after_store()
            self._checkpointing.look(self._states)
            if all(client.replay_ended for client in self._data):
                self._condition.remark("the replay is over: the last close stands")
            if not self._rundir.node.exists() and self._condition.state is not State.STARTING:
                raise NodeError(
                    "a node needs its run directory",
                    value=str(self._rundir.path),
                    remedy="start it again; what was taken away is lost",
                )
            bus = self._bus_state()
            self._desk.state(
                HealthUpdated(
                    component="node",
                    state=self._condition.state.value,
                    detail=self._condition.detail,
                    pid=os.getpid(),
                    loop_lag_ms=round(lag.lag_ms, 1),
                    rss_mib=round(resource_use().rss_mib, 1),
                    bus=bus.value if bus is not None else "",
                ),
                f"system.health.{self._desk.trader}",
            )
            self._rundir.heartbeat.beat(every_s)
            await asyncio.sleep(every_s)

    def _look_after_recorder(self) -> None:
        health = self._recorder.health()
        if health.ok:
            self._condition.mended(_RECORDER)
        else:
            self._condition.amiss(_RECORDER, f"the flight recorder: {health.detail}")

    def _look_after_store(self) -> None:
        """Say so when nothing can be written, although orders are denied then one by one."""
        trouble, now = self._store.trouble, time.monotonic()
        if not trouble and self._journal.fold():
            return self._condition.mended(_STORE)
        trouble = trouble or self._store.trouble
        self._condition.amiss(_STORE, f"the trader's store: {trouble}")
        if now > self._write_after and not self._desk.waiting:  # else their turn tells
            # Nobody else may write for hours, and a locked store holds up the loop with each try.
            self._write_after = now + _WRITE_AGAIN_S
            self._condition.tell(self._condition.state.value, self._condition.detail)
