"""What alerts are told through."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from nautilus_lab.platform.store import AlertRow, DeliveryEvent


@dataclass(frozen=True, kw_only=True)
class Notice:
    """One alert on its way to one channel.

    Attributes
    ----------
    delivery : str
        What the receiver knows it by: the same each time it is tried.
    event : {"raised", "escalated", "recovered"}
        What happened to the alert.
    attempt : int
        1 at first.
    alert : AlertRow
        As it stands.
    """

    delivery: str
    event: DeliveryEvent
    attempt: int
    alert: AlertRow

    @property
    def line(self) -> str:
        """The alert on one line, without anything that could end the line."""
        one = self.alert
        whose = f" {one.trader}" if one.trader else ""
        what = "" if self.event == "raised" else f" {self.event}"
        detail = f"; {one.detail}" if one.detail else ""
        text = f"[L{one.rank} {one.severity}{what}]{whose} {one.component}: {one.rule}{detail}"
        return "".join(c if c.isprintable() else " " for c in text)


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of an attempt.

    Attributes
    ----------
    how : {"sent", "later", "refused"}
        ``"later"`` may work when it is tried again, ``"refused"`` never will.
    detail : str
        What was answered, or what went wrong.
    retry_after_s : float or None
        What the receiver asked to be left in peace for, seconds.
    away : bool
        Whether it was not the notice but the receiver: others need not be tried now either.
    """

    how: Literal["sent", "later", "refused"]
    detail: str = ""
    retry_after_s: float | None = None
    away: bool = False


class Channel(Protocol):
    """One way to tell people.

    Attributes
    ----------
    name : str
        What settings call it.
    """

    name: str

    async def send(self, notice: Notice) -> Outcome:
        """Tell it once, within a time of its own; never raises but to be cancelled."""
        ...

    def close(self) -> None:
        """Let go of what it holds."""
        ...
