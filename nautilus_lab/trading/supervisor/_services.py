"""Which processes a lab needs beside its nodes."""

from __future__ import annotations

from nautilus_lab.config import Settings
from nautilus_lab.platform.rundir import HistoryFiles, Home, MonitorFiles, write_whole
from nautilus_lab.trading._needs import needs_of
from nautilus_lab.trading.supervisor._alerts import Alerts
from nautilus_lab.trading.supervisor._process import Child
from nautilus_lab.trading.supervisor._restarts import RestartBudget
from nautilus_lab.trading.supervisor._service import Service


def services_of(home: Home, settings: Settings, alert: Alerts) -> tuple[Service, ...]:
    """Return the services that `settings` ask for, not started.

    These are the stream gateways, with `bus.history` the history writer, and the monitor.
    """
    rules = settings.supervisor
    return tuple(
        Service(
            child,
            budget=RestartBudget(most=rules.restarts, window_s=rules.restart_window_s),
            alert=alert,
            commands=commands,
        )
        for child, commands in (
            *_history(home, settings),
            *_gateways(home, settings),
            *_monitor(home, settings),
        )
    )


def _history(home: Home, settings: Settings) -> list[tuple[Child, str]]:
    if not settings.bus.history:
        return []
    return [(_given("nautilus_lab.streaming.history", home.history_files, settings), "")]


def measurer_of(home: Home, settings: Settings, alert: Alerts) -> Service | None:
    """Return what measures for limits, not started; None where no limit of `settings` needs it."""
    if not needs_of(settings.trading):
        return None
    rules, files = settings.supervisor, home.measurer_files
    child = Child(
        name="measurer",
        module="nautilus_lab.trading.measures",
        arguments=["--home", str(home.path), "--log-level", settings.log_level],
        record=files.record,
        output=files.output,
        lock=files.lock,
    )
    return Service(
        child,
        budget=RestartBudget(most=rules.restarts, window_s=rules.restart_window_s),
        alert=alert,
    )


def _monitor(home: Home, settings: Settings) -> list[tuple[Child, str]]:
    if not settings.monitoring.enabled:
        return []
    files = home.monitor_files
    return [(_given("nautilus_lab.monitoring", files, settings), files.commands)]


def _given(module: str, files: HistoryFiles | MonitorFiles, settings: Settings) -> Child:
    """Return a process that reads all settings from a file of its own."""
    # On disk and not among its arguments: they hold secrets, the bus' address a password.
    write_whole(files.settings, settings.to_private_json().encode())
    return Child(
        name=files.name,
        module=module,
        arguments=["--settings", str(files.settings)],
        record=files.record,
        output=files.output,
        lock=files.lock,
    )


def _gateways(home: Home, settings: Settings) -> list[tuple[Child, str]]:
    """Return each, and where it answers commands."""
    streaming = settings.streaming
    made = []
    for number in range(1, streaming.gateways + 1):
        files = home.gateway_files(number)
        child = Child(
            name=files.name,
            module="nautilus_lab.streaming",
            arguments=[
                *("--home", str(home.path)),
                *("--number", str(number)),
                *("--host", streaming.host),
                *("--port", str(streaming.port)),
                *("--conflate-ms", str(streaming.conflate_ms)),
                *("--token-minutes", str(streaming.token_minutes)),
                *("--heartbeat-s", str(streaming.heartbeat_s)),
                *("--audit", settings.audit.below(settings.root).model_dump_json()),
                *("--log-level", settings.log_level),
            ],
            record=files.record,
            output=files.output,
            lock=files.lock,
        )
        made.append((child, files.commands))
    return made
