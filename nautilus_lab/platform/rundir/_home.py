"""The home of a lab: the supervisor's files and every trader's run directory."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from nautilus_lab.exceptions import InputError
from nautilus_lab.platform.rundir._lock import Lock
from nautilus_lab.platform.rundir._private import private_folder, socket_path
from nautilus_lab.platform.rundir._trader import RunDirectory

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


@dataclass(frozen=True)
class Home:
    """The folder that `Settings.home_path` names.

    ====================  =====================================================
    `store`               ``desk.db``: users, runs, ledgers, jobs, alerts
    `signing_key`         the key that signs access tokens, 0600
    `supervisor`          the process record of the supervisor
    `supervisor_lock`     held by the one supervisor that may run
    `supervisor_commands` its socket
    `gateway`             the process record of the stream gateway
    `gateway_token`       a viewer's token for the gateway, for local users, 0600
    `gateway_lock`        held by the one gateway that may run
    `traders`             one run directory each
    `logs`                the folder of logs that are no trader's
    ====================  =====================================================
    """

    path: Path

    def make(self) -> Home:
        """Create the folders; harmless when they are there."""
        private_folder(self.path)
        private_folder(self.path / "traders")
        private_folder(self.logs)
        return self

    def trader(self, trader_id: str) -> RunDirectory:
        """Return the run directory of `trader_id`, made or not.

        Raises
        ------
        InputError
            When the id is no plain name: with it a path would lead elsewhere.
        """
        if not _PLAIN.fullmatch(trader_id):
            raise InputError(
                "a trader id must be a plain name", value=trader_id, remedy='write "PAPER-001"'
            )
        return RunDirectory(self.path / "traders" / trader_id, trader_id)

    @property
    def trader_ids(self) -> tuple[str, ...]:
        """Every trader that has a run directory, sorted."""
        folder = self.path / "traders"
        if not folder.is_dir():
            return ()
        names = (entry.name for entry in folder.iterdir() if entry.is_dir())
        return tuple(sorted(filter(_PLAIN.fullmatch, names)))

    @property
    def store(self) -> Path:
        return self.path / "desk.db"

    @property
    def signing_key(self) -> Path:
        return self.path / "signing.key"

    @property
    def supervisor(self) -> Path:
        return self.path / "supervisor.json"

    @property
    def supervisor_lock(self) -> Lock:
        return Lock(self.path / "supervisor.lock", "the supervisor of this lab")

    @property
    def supervisor_commands(self) -> str:
        return f"ipc://{socket_path(self.path, 'supervisor.sock')}"

    @property
    def gateway(self) -> Path:
        return self.path / "gateway.json"

    @property
    def gateway_token(self) -> Path:
        return self.path / "gateway.token"

    @property
    def gateway_lock(self) -> Lock:
        return Lock(self.path / "gateway.lock", "the stream gateway of this lab")

    @property
    def logs(self) -> Path:
        return self.path / "logs"
