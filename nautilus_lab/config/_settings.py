"""The settings of a workspace, all sections of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator

from nautilus_lab.config._audit import AuditSettings
from nautilus_lab.config._bus import BusSettings
from nautilus_lab.config._dashboards import DashboardSettings
from nautilus_lab.config._data import DataSettings
from nautilus_lab.config._firm import FirmSettings
from nautilus_lab.config._jobs import JobSettings
from nautilus_lab.config._monitoring import MonitoringSettings
from nautilus_lab.config._recording import RecordingSettings
from nautilus_lab.config._secrets import REVEALING
from nautilus_lab.config._section import Section
from nautilus_lab.config._store import StoreSettings
from nautilus_lab.config._streaming import StreamingSettings
from nautilus_lab.config._supervisor import SupervisorSettings
from nautilus_lab.config._trading import TradingSettings


def _named(path: Path) -> Path:
    if path == Path():
        raise ValueError("must name a folder of its own, not the workspace")
    return path


Folder = Annotated[Path, AfterValidator(_named)]


class Settings(Section):
    """Everything that can be set. `root` is the workspace; relative paths start there."""

    root: Path
    home: Folder = Path(".lab")  # run directories, stores, logs
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    data: DataSettings = DataSettings()
    store: StoreSettings = StoreSettings()
    audit: AuditSettings = AuditSettings()
    trading: TradingSettings = TradingSettings()
    supervisor: SupervisorSettings = SupervisorSettings()
    bus: BusSettings = BusSettings()
    streaming: StreamingSettings = StreamingSettings()
    monitoring: MonitoringSettings = MonitoringSettings()
    recording: RecordingSettings = RecordingSettings()
    dashboards: DashboardSettings = DashboardSettings()
    jobs: JobSettings = JobSettings()
    firm: FirmSettings = FirmSettings()

    def to_private_json(self) -> str:
        """Return all of it with its secrets, for files of mode 0600 and private sockets only.

        Every other dump hides them, and cannot be read back where it has hidden one.
        """
        return self.model_dump_json(context=REVEALING)

    @property
    def home_path(self) -> Path:
        """The absolute path of `home`."""
        return self.root / self.home

    @property
    def data_path(self) -> Path:
        """The absolute path of the catalog."""
        return self.root / self.data.directory

    @property
    def runs_path(self) -> Path:
        """The absolute path of what notebook runs leave behind."""
        return self.root / self.jobs.directory
