"""The bus that the settings of a workspace name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeAlias

import msgspec
from pydantic import ValidationError

from nautilus_lab.config import BusSettings
from nautilus_lab.exceptions import ConfigError
from nautilus_lab.platform.bus._ipc import IpcBus, StateHandler
from nautilus_lab.platform.bus._redis import EventSource, RedisBus
from nautilus_lab.platform.messages import AlertRaised
from nautilus_lab.platform.rundir import RunDirectory

ProcessBus: TypeAlias = IpcBus | RedisBus


class _Saved(msgspec.Struct):
    """What is read of the settings that a node was started with."""

    bus: dict[str, object] = {}


def bus_of(rundir: RunDirectory) -> BusSettings:
    """Return the bus that a trader's node was started with; the default when none was.

    Raises
    ------
    ConfigError
        When its settings cannot be read.
    """
    try:
        saved = msgspec.json.decode(rundir.settings.read_bytes(), type=_Saved)
        return BusSettings.model_validate(saved.bus)
    except FileNotFoundError:
        return BusSettings()
    except (OSError, msgspec.DecodeError, UnicodeDecodeError, ValidationError) as error:
        # a validation error shows the value, which may hold a password
        why = type(error).__name__ if isinstance(error, ValidationError) else str(error)
        raise ConfigError(
            f"the settings that a node was started with must be readable: {why}",
            value=str(rundir.settings),
            remedy="start the node again",
        ) from None


def open_bus(
    settings: BusSettings,
    rundir: RunDirectory,
    role: Literal["publish", "follow"],
    *,
    source: Callable[[], EventSource] | None = None,
    on_state: StateHandler | None = None,
    on_alert: Callable[[AlertRaised], object] | None = None,
) -> ProcessBus:
    """Open one end of the bus that carries a trader's messages.

    Parameters
    ----------
    settings : BusSettings
        The section ``[bus]``.
    rundir : RunDirectory
        The trader's; over Redis a follower is shown this trader's messages alone.
    role : {"publish", "follow"}
        Which end.
    source, on_state, on_alert : callable, optional
        See `RedisBus.serve`; over sockets only a follower has states, and readers ask the node
        for what they lack.

    Raises
    ------
    ConfigError, AccessDenied
        When the settings name a Redis that cannot be used; one that is not there is waited for.
    InputError, StoreError, PortBusy, BusError
        As `IpcBus.serve` and `IpcBus.connect` do.
    """
    if settings.url == "ipc":
        if role == "publish":
            return IpcBus.serve(rundir.events)
        return IpcBus.connect(rundir.events, on_state=on_state)
    if role == "publish":
        return RedisBus.serve(settings, source=source, on_state=on_state, on_alert=on_alert)
    return RedisBus.connect(settings, trader=rundir.trader_id, on_state=on_state)
