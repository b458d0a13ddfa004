"""What a lab needs beside its nodes: processes that belong to no trader."""

from __future__ import annotations

import logging

from nautilus_lab.exceptions import LabError
from nautilus_lab.platform.commands import CommandClient
from nautilus_lab.trading.commands import ServiceStatus
from nautilus_lab.trading.supervisor._alerts import Alerts
from nautilus_lab.trading.supervisor._heartbeat import Heartbeat
from nautilus_lab.trading.supervisor._process import Child
from nautilus_lab.trading.supervisor._restarts import RestartBudget

log = logging.getLogger(__name__)

_START_S = 20.0
_STOP_S = 5.0
_ASK_S = 2.0


class Service:
    """Keeps one process of the lab alive: a gateway, the history writer.

    Parameters
    ----------
    child : Child
        The process.
    budget : RestartBudget
        How often it may be brought back.
    alert : Alerts
        Told when it dies, and when it is given up.
    commands : str, optional
        Where it answers commands; one that does not answer there is frozen, and is killed and
        brought back.
    heart : Heartbeat, optional
        How often it is asked there, and how often in vain.
    """

    def __init__(
        self,
        child: Child,
        *,
        budget: RestartBudget,
        alert: Alerts,
        commands: str = "",
        heart: Heartbeat | None = None,
    ) -> None:
        self.child = child
        self.budget = budget
        self._alert = alert
        self._client = CommandClient(commands, ack_timeout_s=_ASK_S) if commands else None
        self._heart = heart or Heartbeat(every_s=2.0, missed=8)
        self._given_up = False

    @property
    def name(self) -> str:
        """What it is called."""
        return self.child.name

    async def start(self) -> None:
        """Start it, or find it running; raises `NodeError` with its own words."""
        self._given_up = False
        if not self.child.alive:
            await self.child.start(_START_S)

    async def watch(self) -> None:
        """Bring it back when it died or froze."""
        self.child.rotate()
        if self._given_up:
            return
        how = "died"
        if self.child.alive:
            if not await self._frozen():
                return
            how = f"froze ({await self.child.dump()})"
            await self.child.kill()
        if not self.budget.take():
            self._given_up = True
            await self._alert(
                "critical",
                f"the {self.name} must stay up",
                detail=f"it {how}, more than {self.budget.most} times and is given up",
                remedy="see its log, then: nautilus-lab node start",
            )
            return
        await self._alert(
            "warning", f"the {self.name} must stay up", detail=f"it {how} and is brought back"
        )
        try:
            await self.child.start(_START_S)
            self._heart.forget()
        except LabError as error:
            log.error("the %s could not be started: %s", self.name, error)

    async def _frozen(self) -> bool:
        if self._client is None or not self._heart.due:
            return False
        client = self._client
        await self._heart.ask(lambda: client.call("commands.list", timeout_s=_ASK_S))
        return self._heart.frozen and self.child.alive

    async def stop(self) -> None:
        """End it."""
        await self.child.stop(_STOP_S)

    def status(self) -> ServiceStatus:
        """Return how it is and what it uses."""
        return status_of(self.child, self.name, restarts=self.budget.total)


def status_of(child: Child, name: str, *, restarts: int) -> ServiceStatus:
    """Return how a kept process is and what it uses."""
    usage = child.usage()
    return ServiceStatus(
        name=name,
        pid=child.pid,
        address=child.address,
        restarts=restarts,
        cpu_percent=usage.cpu_percent,
        rss_mib=usage.rss_mib,
        threads=usage.threads,
        open_files=usage.open_files,
    )
