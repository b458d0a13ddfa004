"""What a supervisor can be asked."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from nautilus_lab.platform.access import Permission
from nautilus_lab.platform.commands import CommandBody, CommandSpec
from nautilus_lab.trading.commands._node import NodeStatus

HowEnded: TypeAlias = Literal["gone", "asked", "terminated", "killed"]


class StartTrader(CommandBody, frozen=True, kw_only=True):
    """The settings to start a trader's processes with, as JSON; `new` refuses one that runs."""

    settings: str
    new: bool = False


class RestartTrader(CommandBody, frozen=True, kw_only=True):
    """The settings a trader's node is to come back with, as JSON."""

    settings: str


class StopTrader(CommandBody, frozen=True, kw_only=True):
    """The trader to stop."""

    trader: str


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """How a process was ended.

    Attributes
    ----------
    process : str
        ``"node"``, or what else it is called.
    how : {"gone", "asked", "terminated", "killed"}
        What did it: nothing was needed, a command, SIGTERM, or SIGKILL of its session.
    seconds : float
        How long it took in all.
    """

    process: str
    how: HowEnded = "gone"
    seconds: float = 0.0

    def __str__(self) -> str:
        return f"{self.process} {self.how} ({self.seconds:.1f} s)"


class Stopped(msgspec.Struct, frozen=True, kw_only=True):
    """How a trader's processes ended, in the order in which they were stopped."""

    trader: str
    endings: tuple[Ending, ...] = ()

    def __str__(self) -> str:
        return f"{self.trader} stopped: {', '.join(map(str, self.endings)) or 'nothing ran'}"


class ServiceStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A process that a supervisor keeps beside the nodes.

    Attributes
    ----------
    name : str
        ``"gateway"``, or ``"PAPER-001 venue"`` where it is one trader's.
    pid : int
        Its process; 0 when it does not run.
    address : str
        Where it answers; empty when it does not.
    restarts : int
        How often it was brought back.
    cpu_percent : float
        Of one core since the last look, percent.
    rss_mib : float
        Resident memory, MiB.
    threads, open_files : int
        Sockets included.
    """

    name: str
    pid: int = 0
    address: str = ""
    restarts: int = 0
    cpu_percent: float = 0.0
    rss_mib: float = 0.0
    threads: int = 0
    open_files: int = 0


class LabStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What a supervisor keeps: its own process, every trader's node, and what serves them."""

    pid: int
    gateway: str = ""
    traders: tuple[NodeStatus, ...] = ()
    services: tuple[ServiceStatus, ...] = ()


SUPERVISOR_SPECS = (
    CommandSpec(
        name="supervisor.status",
        permission=Permission.NODE_READ,
        answer=LabStatus,
        summary="What runs, and what it uses of the machine.",
        reads=True,
    ),
    CommandSpec(
        name="supervisor.start",
        permission=Permission.NODE_START,
        body=StartTrader,
        answer=NodeStatus,
        summary="Start a trader's venues and node, and the gateways; answers when it trades.",
    ),
    CommandSpec(
        name="supervisor.restart",
        permission=Permission.NODE_START,
        body=RestartTrader,
        answer=NodeStatus,
        summary="Stop a trader's node and start it again; its venues stay.",
    ),
    CommandSpec(
        name="supervisor.stop",
        permission=Permission.NODE_STOP,
        body=StopTrader,
        answer=Stopped,
        summary="Stop a trader's node and venues; the last one ends gateways and supervisor too.",
    ),
    CommandSpec(
        name="supervisor.shutdown",
        permission=Permission.NODE_STOP,
        answer=tuple[Stopped, ...],
        summary="Stop every trader, the gateways and the supervisor.",
    ),
)
