"""Alerts on the bus, where every desk of the lab can follow them."""

from __future__ import annotations

from nautilus_lab.exceptions import LabError
from nautilus_lab.monitoring._channel import Notice, Outcome
from nautilus_lab.platform.bus import ProcessBus
from nautilus_lab.platform.messages import AlertUpdated, envelope


class BusChannel:
    """Publishes how each alert stands, as the state ``system.monitor.{trader}``.

    An alert of the lab's own has ``lab`` for its trader.

    Parameters
    ----------
    bus : IpcBus or RedisBus
        Where to.
    """

    name = "bus"

    def __init__(self, bus: ProcessBus) -> None:
        self._bus = bus

    def __repr__(self) -> str:
        return f"BusChannel({self._bus!r})"

    async def send(self, notice: Notice) -> Outcome:
        """Publish it; a reader who is not there misses it, and finds it in the store."""
        one = notice.alert
        body = AlertUpdated(
            alert_id=one.id,
            event=notice.event,
            severity=one.severity,
            component=one.component,
            rule=one.rule,
            detail=one.detail,
            remedy=one.remedy,
            scope=one.scope,
            level=one.level,
            rank=one.rank,
            count=one.count,
            raised_ns=one.ts_ns,
            acknowledged_by=one.acknowledged_by or "",
        )
        topic = f"system.monitor.{one.trader or 'lab'}"
        try:
            self._bus.publish(envelope(body, topic, trader=one.trader, writer="monitor"))
        except LabError as error:
            return Outcome(how="later", detail=str(error), away=True)
        return Outcome(how="sent")

    def close(self) -> None:
        """Close the bus' end."""
        self._bus.close()
