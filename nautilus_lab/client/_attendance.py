"""Who looks at the traders of a lab, as its gateways tell."""

from __future__ import annotations

from pathlib import Path

import msgspec

from nautilus_lab.exceptions import LabError


class Attendance(msgspec.Struct, frozen=True, kw_only=True):
    """Who is attached to one trader through one gateway.

    Attributes
    ----------
    trader : str
        Whose desk they look at.
    viewers : int
        How many look.
    operators : int
        How many of them may at least halt the trader.
    attended_ns : int
        When an operator was there last, UNIX ns: now while one is; 0 for never.
    frames : int
        Deltas that were handed to viewers since the gateway began.
    commands : int
        Commands that were forwarded to the node since then.
    """

    trader: str
    viewers: int = 0
    operators: int = 0
    attended_ns: int = 0
    frames: int = 0
    commands: int = 0


class GatewayStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How one gateway is.

    Attributes
    ----------
    number, pid, url
        Which of the home's it is, its process, where viewers connect.
    viewers : int
        Connections, also of those who look at no trader.
    traders : tuple of Attendance
        Who is attached to whom.
    refused : dict of str to int
        Close code -> how many connections were ended with it.
    loop_lag_ms : float
        The worst lag of its event loop in the last 5 s, milliseconds.
    rss_mib : float
        Resident memory, MiB.
    cpu_s : float
        Processor time since it began, seconds.
    """

    number: int
    pid: int
    url: str
    viewers: int = 0
    traders: tuple[Attendance, ...] = ()
    refused: dict[str, int] = {}
    loop_lag_ms: float = 0.0
    rss_mib: float = 0.0
    cpu_s: float = 0.0


async def gateways(home_path: Path, *, timeout_s: float = 1.0) -> tuple[GatewayStatus, ...]:
    """Ask every gateway of a home how it is; one that does not answer in time is left out.

    Parameters
    ----------
    home_path : Path
        The lab's home.
    timeout_s : float, default=1
        Seconds to wait for each.
    """
    from nautilus_lab.platform.commands import CommandClient
    from nautilus_lab.platform.rundir import Home

    found = []
    for files in Home(home_path).gateways:
        client = CommandClient(files.commands)
        try:
            found.append(
                await client.call("gateway.status", timeout_s=timeout_s, answer=GatewayStatus)
            )
        except LabError:
            continue
    return tuple(found)


def attendance_of(trader: str, told: tuple[GatewayStatus, ...]) -> Attendance:
    """Add up who is attached to `trader` through all gateways that told.

    Examples
    --------
    >>> one = Attendance(trader="T-1", viewers=3, operators=1, attended_ns=9)
    >>> two = Attendance(trader="T-1", viewers=2, attended_ns=5)
    >>> first = GatewayStatus(number=1, pid=7, url="ws://127.0.0.1:7/stream", traders=(one,))
    >>> second = GatewayStatus(number=2, pid=8, url="ws://127.0.0.1:8/stream", traders=(two,))
    >>> attendance_of("T-1", (first, second))
    Attendance(trader='T-1', viewers=5, operators=1, attended_ns=9, frames=0, commands=0)
    """
    parts = [one for status in told for one in status.traders if one.trader == trader]
    return Attendance(
        trader=trader,
        viewers=sum(one.viewers for one in parts),
        operators=sum(one.operators for one in parts),
        attended_ns=max((one.attended_ns for one in parts), default=0),
        frames=sum(one.frames for one in parts),
        commands=sum(one.commands for one in parts),
    )
