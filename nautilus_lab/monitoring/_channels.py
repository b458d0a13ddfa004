"""The channels that settings ask for."""

from __future__ import annotations

from nautilus_lab.config import Settings
from nautilus_lab.monitoring._channel import Channel
from nautilus_lab.monitoring._log import LogChannel
from nautilus_lab.monitoring._mail import MailChannel
from nautilus_lab.monitoring._republish import BusChannel
from nautilus_lab.monitoring._webhook import WebhookChannel
from nautilus_lab.platform.bus import IpcBus, ProcessBus, RedisBus
from nautilus_lab.platform.rundir import Home


def channels_of(settings: Settings, *, bus: ProcessBus | None = None) -> dict[str, Channel]:
    """Return every channel by name; connects to nothing.

    Parameters
    ----------
    settings : Settings
        Of the workspace.
    bus : IpcBus or RedisBus, optional
        What alerts are published on; without one there is no channel ``"bus"``.
    """
    rules = settings.monitoring
    made: list[Channel] = [LogChannel()]
    if bus is not None:
        made.append(BusChannel(bus))
    made += [WebhookChannel(name, hook) for name, hook in rules.webhooks.items()]
    made += [MailChannel(name, mail) for name, mail in rules.mails.items()]
    return {channel.name: channel for channel in made}


def serve_bus(settings: Settings) -> ProcessBus:
    """Open the monitor's own end of the bus: over Redis, or at a socket in the lab's home.

    Raises
    ------
    ConfigError, AccessDenied
        When the settings name a Redis that cannot be used; one that is not there is waited for.
    StoreError, PortBusy, BusError
        When the socket cannot be bound.
    """
    if settings.bus.url != "ipc":
        return RedisBus.serve(settings.bus)
    return IpcBus.serve(Home(settings.home_path).monitor_files.events)
