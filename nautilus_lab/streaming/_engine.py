"""The streaming engine of a lab."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from nautilus_lab.config import AuditSettings, StreamingSettings
from nautilus_lab.engine import Health, Lifecycle, State
from nautilus_lab.exceptions import StoreError
from nautilus_lab.platform.rundir import Home, ProcessRecord

if TYPE_CHECKING:
    import pandas as pd

    from nautilus_lab.streaming._gateway import Gateway


class StreamingEngine:
    """The stream gateways of a lab: how they are, and one of this process' own when asked for.

    Gateways usually are processes that the supervisor keeps; `health` reads their records.
    `start` runs one here, on the present event loop, for tests and notebooks.

    Parameters
    ----------
    home : path
        The folder that `Settings.home_path` names.
    settings : StreamingSettings, optional
        Host, port, conflation, life of tokens, heartbeat.
    number : int, default=1
        Which of the home's gateways `start` runs.
    audit : AuditSettings, optional
        Where the checkpoints of its audit trail go.
    """

    name = "streaming"

    def __init__(
        self,
        home: Path | str,
        *,
        settings: StreamingSettings | None = None,
        number: int = 1,
        audit: AuditSettings | None = None,
    ) -> None:
        self.home = Home(Path(home))
        self.settings = settings or StreamingSettings()
        self.number = number
        self.audit = audit or AuditSettings()
        self._life = Lifecycle(owner=self.name)
        self._gateway: Gateway | None = None  # of this process

    @property
    def url(self) -> str:
        """Where a gateway answers: this process' own or the first that lives; empty for none."""
        if self._gateway is not None:
            return self._gateway.url
        try:
            return next((record.address for record in self._records() if record.alive), "")
        except StoreError:
            return ""

    def health(self) -> Health:
        """Report the gateways' state, whichever process they run in."""
        if self._gateway is not None:
            return self._life.health()
        try:
            records = self._records()
        except (StoreError, OSError) as error:
            return Health(state=State.FAULTED, detail=str(error))
        if not records:
            return Health(state=State.STOPPED, detail="no gateway runs")
        living = [record for record in records if record.alive]
        gone = [f"process {record.pid} has ended unasked" for record in records if not record.alive]
        if not living:
            return Health(state=State.FAULTED, detail=", ".join(gone))
        told = [f"{record.address}, process {record.pid}" for record in living]
        return Health(
            state=State.DEGRADED if gone else State.RUNNING,
            detail="; ".join([*told, *gone]),
            since_ns=int(min(record.started for record in living) * 1e9),
        )

    async def start(self) -> str:
        """Run a gateway in this process and return its url.

        Raises
        ------
        PortBusy
            When another process holds the port.
        NodeAlreadyRunning
            When another gateway of this home has the same number.
        LifecycleError
            When it runs already.
        """
        from nautilus_lab.streaming._gateway import Gateway

        self._life.move(State.STARTING)
        gateway = Gateway(
            home=self.home, settings=self.settings, number=self.number, audit=self.audit
        )
        try:
            url = await gateway.start()
        except BaseException as error:
            self._life.move(State.FAULTED, str(error))
            raise
        self._gateway = gateway
        self._life.move(State.RUNNING)
        return url

    async def stop(self) -> None:
        """End the gateway of this process; one in another process is left alone."""
        gateway, self._gateway = self._gateway, None
        if gateway is not None:
            self._life.move(State.STOPPING)
            await gateway.stop()
            self._life.move(State.STOPPED)

    def history(
        self,
        pattern: str = ">",
        start: str | datetime | None = None,
        end: str | datetime | None = None,
        *,
        trader: str | None = None,
    ) -> pd.DataFrame:
        """Return the events of the past that the history writer kept.

        Parameters
        ----------
        pattern : str, default=">"
            Topics: ``"trading.fill.>"``; as `Bus.subscribe` takes it.
        start, end : str or datetime, optional
            From when on, and before when; UTC unless they say otherwise.
        trader : str, optional
            Only this one's.

        Returns
        -------
        DataFrame
            One row an event, as they happened: `ts` (UTC), `topic`, `trader`, `writer`, `epoch`,
            `seq` (missing for events without a number), `kind`, `simulated`, `id`, and `body`,
            the message itself. No rows when nothing happened.

        Raises
        ------
        InputError
            When `pattern` is none, or a time cannot be read.
        StoreError
            When nobody keeps a history here: ``bus.history`` is not set.
        """
        from nautilus_lab.streaming.history._frame import history_frame

        return history_frame(self.home, pattern, start, end, trader=trader)

    def __repr__(self) -> str:
        return f"StreamingEngine({self.url or self.health().state.value})"

    def _records(self) -> list[ProcessRecord]:
        records = (ProcessRecord.read(files.record) for files in self.home.gateways)
        return [record for record in records if record is not None]
