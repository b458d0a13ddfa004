"""Which processes a lab needs beside its nodes."""

from __future__ import annotations

from nautilus_lab.config import Settings
from nautilus_lab.platform.rundir import Home
from nautilus_lab.trading.supervisor._alerts import Alerts
from nautilus_lab.trading.supervisor._process import Child
from nautilus_lab.trading.supervisor._restarts import RestartBudget
from nautilus_lab.trading.supervisor._service import Service


def services_of(home: Home, settings: Settings, alert: Alerts) -> tuple[Service, ...]:
    """Return the services that `settings` ask for, not started: the stream gateways."""
    rules = settings.supervisor
    return tuple(
        Service(
            child,
            budget=RestartBudget(most=rules.restarts, window_s=rules.restart_window_s),
            alert=alert,
        )
        for child in _gateways(home, settings)
    )


def _gateways(home: Home, settings: Settings) -> list[Child]:
    streaming = settings.streaming
    return [
        Child(
            name="gateway",
            module="nautilus_lab.streaming",
            arguments=[
                *("--home", str(home.path)),
                *("--host", streaming.host),
                *("--port", str(streaming.port)),
            ],
            record=home.gateway,
            output=home.logs / "gateway.out",
            lock=home.gateway_lock,
        )
    ]
