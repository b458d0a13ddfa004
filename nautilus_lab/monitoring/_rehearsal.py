"""Trying every channel, before it matters."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from nautilus_lab.config import Settings
from nautilus_lab.monitoring._channel import Channel, Notice
from nautilus_lab.monitoring._channels import channels_of
from nautilus_lab.platform.messages import new_id
from nautilus_lab.platform.store import AlertRow


@dataclass(frozen=True, kw_only=True)
class Rehearsed:
    """What one channel made of a test alert.

    Attributes
    ----------
    channel : str
        Its name.
    how : str
        ``"sent"``, ``"later"`` or ``"refused"``.
    detail : str
        What was answered.
    seconds : float
        How long it took.
    """

    channel: str
    how: str
    detail: str
    seconds: float


async def rehearse(settings: Settings) -> tuple[Rehearsed, ...]:
    """Send a test alert over every webhook and mail of `settings`, once, and say what came of it.

    It asks no process and stores nothing.
    """
    channels = channels_of(settings)
    del channels["log"]
    alert = AlertRow(
        id=new_id(),
        ts_ns=time.time_ns(),
        severity="info",
        component="test",
        trader="",
        rule="a test alert must arrive",
        detail="somebody tries the channels; nothing is wrong",
        remedy="nothing",
    )
    return tuple(await asyncio.gather(*(_try(channel, alert) for channel in channels.values())))


async def _try(channel: Channel, alert: AlertRow) -> Rehearsed:
    began = time.monotonic()
    delivery = f"{alert.id}.0.{channel.name}"
    notice = Notice(delivery=delivery, event="raised", attempt=1, alert=alert)
    try:
        outcome = await channel.send(notice)
    finally:
        channel.close()
    return Rehearsed(
        channel=channel.name,
        how=outcome.how,
        detail=outcome.detail,
        seconds=round(time.monotonic() - began, 3),
    )
