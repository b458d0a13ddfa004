"""The streaming engine of a lab."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nautilus_lab.config import StreamingSettings
from nautilus_lab.engine import Health, Lifecycle, State
from nautilus_lab.exceptions import StoreError
from nautilus_lab.platform.rundir import Home, ProcessRecord

if TYPE_CHECKING:
    from nautilus_lab.streaming._gateway import Gateway


class StreamingEngine:
    """The stream gateway of a lab: how it is, and one of this process' own when asked for.

    The gateway usually is a process that the supervisor keeps; `health` reads its record.
    `start` runs one here, on the present event loop, for tests and notebooks.

    Parameters
    ----------
    home : path
        The folder that `Settings.home_path` names.
    settings : StreamingSettings, optional
        Host, port, conflation, life of tokens, heartbeat.
    """

    name = "streaming"

    def __init__(self, home: Path | str, *, settings: StreamingSettings | None = None) -> None:
        self.home = Home(Path(home))
        self.settings = settings or StreamingSettings()
        self._life = Lifecycle(owner=self.name)
        self._gateway: Gateway | None = None  # of this process

    @property
    def url(self) -> str:
        """Where the gateway answers; empty when none runs."""
        record = self._record()
        return record.address if record is not None and record.alive else ""

    def health(self) -> Health:
        """Report the gateway's state, whichever process it runs in."""
        if self._gateway is not None:
            return self._life.health()
        try:
            record = ProcessRecord.read(self.home.gateway)
        except (StoreError, OSError) as error:
            return Health(state=State.FAULTED, detail=str(error))
        if record is None:
            return Health(state=State.STOPPED, detail="no gateway runs")
        started_ns = int(record.started * 1e9)
        if record.alive:
            detail = f"{record.address}, process {record.pid}"
            return Health(state=State.RUNNING, detail=detail, since_ns=started_ns)
        return Health(state=State.FAULTED, detail=f"process {record.pid} has ended unasked")

    async def start(self) -> str:
        """Run a gateway in this process and return its url.

        Raises
        ------
        PortBusy
            When another process holds the port.
        NodeAlreadyRunning
            When another gateway serves this home.
        LifecycleError
            When it runs already.
        """
        from nautilus_lab.streaming._gateway import Gateway

        self._life.move(State.STARTING)
        gateway = Gateway(home=self.home, settings=self.settings)
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

    def __repr__(self) -> str:
        return f"StreamingEngine({self.url or self.health().state.value})"

    def _record(self) -> ProcessRecord | None:
        try:
            return ProcessRecord.read(self.home.gateway)
        except StoreError:
            return None
