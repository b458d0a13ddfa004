"""The home of a lab: the supervisor's files and every trader's run directory."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from nautilus_lab.platform.latch import trader_folder, trader_folders
from nautilus_lab.platform.rundir._gateway import MOST_GATEWAYS, GatewayFiles, GatewayTrail
from nautilus_lab.platform.rundir._history import HistoryFiles
from nautilus_lab.platform.rundir._lock import Lock
from nautilus_lab.platform.rundir._measurer import MeasurerFiles
from nautilus_lab.platform.rundir._monitor import MonitorFiles
from nautilus_lab.platform.rundir._private import private_folder, socket_path
from nautilus_lab.platform.rundir._trader import RunDirectory

_GATEWAY = re.compile(r"gateway(?:-([2-9]|[1-5][0-9]|6[0-4]))?\.json")


@dataclass(frozen=True)
class Home:
    """The folder that `Settings.home_path` names.

    ====================  =====================================================
    `store`               ``desk.db``: users, runs, ledgers, jobs, alerts
    `leases`              ``leases.db``: what each node may use of the firm's limits
    `signing_key`         the key that signs access tokens, 0600
    `audit_key`           the key that seals the checkpoints of audit trails, 0600
    `supervisor`          the process record of the supervisor
    `supervisor_lock`     held by the one supervisor that may run
    `supervisor_commands` its socket
    `gateway`             the process record of the first stream gateway
    `gateway_lock`        held by the one first gateway that may run
    `gateways`            the files of every gateway that has a record
    `gateway_trails`      where their audit trails are
    `history_files`       the files of the history writer
    `measurer_files`      the files of the process that measures what limits need
    `monitor_files`       the files of the monitor, which delivers alerts
    `gateway_token`       a viewer's token for the gateways, for local users, 0600
    `operator_token`      the owner's token for the gateways, with every role, 0600
    `traders`             one run directory each
    `strategies`          the published versions of strategies
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
        return RunDirectory(Path(trader_folder(self.path, trader_id).path), trader_id)

    @property
    def trader_ids(self) -> tuple[str, ...]:
        """Every trader that has a run directory, sorted."""
        return tuple(trader_folders(self.path))

    @property
    def store(self) -> Path:
        return self.path / "desk.db"

    @property
    def leases(self) -> Path:
        return self.path / "leases.db"

    @property
    def signing_key(self) -> Path:
        return self.path / "signing.key"

    @property
    def audit_key(self) -> Path:
        return self.path / "audit.key"

    @property
    def supervisor(self) -> Path:
        return self.path / "supervisor.json"

    @property
    def supervisor_lock(self) -> Lock:
        return Lock(self.path / "supervisor.lock", "the supervisor of this lab")

    @property
    def supervisor_commands(self) -> str:
        return f"ipc://{socket_path(self.path, 'supervisor.sock')}"

    def gateway_files(self, number: int = 1) -> GatewayFiles:
        """Return the files of gateway `number`, which counts from 1."""
        return GatewayFiles(self.path, number)

    @property
    def gateways(self) -> tuple[GatewayFiles, ...]:
        """The files of every gateway that wrote a record, alive or not, by number."""
        if not self.path.is_dir():
            return ()
        found = (_GATEWAY.fullmatch(entry.name) for entry in self.path.iterdir())
        return tuple(self.gateway_files(n) for n in sorted(int(m[1] or 1) for m in found if m))

    @property
    def gateway_trails(self) -> tuple[GatewayTrail, ...]:
        """Where the audit trails of gateways are, of all that ever ran, by number."""
        trails = (self.gateway_files(number).trail for number in range(1, MOST_GATEWAYS + 1))
        return tuple(trail for trail in trails if trail.store.exists())

    @property
    def gateway(self) -> Path:
        return self.gateway_files().record

    @property
    def gateway_lock(self) -> Lock:
        return self.gateway_files().lock

    @property
    def history_files(self) -> HistoryFiles:
        return HistoryFiles(self.path)

    @property
    def measurer_files(self) -> MeasurerFiles:
        return MeasurerFiles(self.path)

    @property
    def monitor_files(self) -> MonitorFiles:
        return MonitorFiles(self.path)

    @property
    def gateway_token(self) -> Path:
        return self.path / "gateway.token"

    @property
    def operator_token(self) -> Path:
        return self.path / "operator.token"

    @property
    def strategies(self) -> Path:
        return self.path / "strategies"

    @property
    def logs(self) -> Path:
        return self.path / "logs"
