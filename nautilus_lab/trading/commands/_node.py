"""What a node can be asked about itself."""

from __future__ import annotations

from typing import Any

import msgspec

from nautilus_lab.platform.access import Permission
from nautilus_lab.platform.commands import CommandBody, CommandSpec
from nautilus_lab.platform.messages import Envelope, Snapshot


class EventsAfter(CommandBody, frozen=True, kw_only=True):
    """The point after which events are wanted."""

    epoch: int
    seq: int


class NodeStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How a node is.

    Attributes
    ----------
    trader : str
        The trader id.
    state : str
        Where the node is in its life; ``"stopped"`` when no process runs.
    detail : str
        One line for a person; empty when all is well.
    pid : int
        The node's process; 0 when none runs.
    epoch : int or None
        How many times the trader's node has started; None while its node does not say.
    restarts : int
        How often the supervisor brought it back since it was asked for.
    orders, fills : int or None
        How many the store holds; None while its node does not say.
    targets : str
        What the target weights it trades are called.
    equity : float or None
        Cash and positions at the market, USD; None while its node does not say.
    rss_mib : float
        Resident memory of the node's process, MiB.
    cpu_percent : float
        Of one core since the supervisor looked last, percent; 0 when no supervisor keeps it.
    threads, open_files : int
        Of the node's process, sockets included; 0 when no supervisor keeps it.
    source_ts : int or None
        The historical instant the replay is at, UNIX ns.
    simulated : bool
        Whether prices and fills come from a simulator.
    """

    trader: str
    state: str
    detail: str = ""
    pid: int = 0
    epoch: int | None = None
    restarts: int = 0
    orders: int | None = None
    fills: int | None = None
    targets: str = ""
    equity: float | None = None
    rss_mib: float = 0.0
    cpu_percent: float = 0.0
    threads: int = 0
    open_files: int = 0
    source_ts: int | None = None
    simulated: bool = True

    @classmethod
    def of(cls, answer: Any) -> NodeStatus:
        """Return what a `node.status` command answered."""
        return msgspec.convert(answer, cls)


NODE_SPECS = (
    CommandSpec(
        name="node.status",
        permission=Permission.NODE_READ,
        answer=NodeStatus,
        summary="How the node is.",
        reads=True,
    ),
    CommandSpec(
        name="node.snapshot",
        permission=Permission.NODE_READ,
        answer=Snapshot,
        summary="The present, stamped with the last event's number.",
        reads=True,
    ),
    CommandSpec(
        name="node.events",
        permission=Permission.NODE_READ,
        body=EventsAfter,
        answer=list[Envelope],
        summary="The stored events after a point, oldest first.",
        reads=True,
    ),
    CommandSpec(
        name="node.stop",
        permission=Permission.NODE_STOP,
        answer=str,
        summary="Stop trading and end the node; positions and working orders stay.",
    ),
)
