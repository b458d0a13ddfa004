"""Settings: `lab.toml` at the workspace's root, then the environment (`NL_...`), then arguments.

`NL_TRADING__SECONDS_PER_DAY=5` sets `trading.seconds_per_day`. Unknown keys are refused, in the
file and in the environment alike. Everything has a default that runs on one machine.
"""

from nautilus_lab._root import find_root
from nautilus_lab.config._audit import AuditSettings
from nautilus_lab.config._bus import BusSettings
from nautilus_lab.config._channels import MailSettings, SeverityName, WebhookSettings
from nautilus_lab.config._dashboards import DashboardSettings
from nautilus_lab.config._data import DataSettings
from nautilus_lab.config._early_warning import EarlyWarningSettings
from nautilus_lab.config._firm import FirmSettings
from nautilus_lab.config._jobs import JobSettings
from nautilus_lab.config._levels import LevelSettings, LevelsSettings
from nautilus_lab.config._loading import load_settings
from nautilus_lab.config._measures import MeasureSettings, OptionTerms, ProxySettings
from nautilus_lab.config._monitoring import MonitoringSettings
from nautilus_lab.config._recording import RecordingSettings
from nautilus_lab.config._settings import Settings
from nautilus_lab.config._store import StoreSettings
from nautilus_lab.config._streaming import StreamingSettings
from nautilus_lab.config._supervisor import SupervisorSettings
from nautilus_lab.config._trading import TradingSettings
from nautilus_lab.config._venues import VenueSettings

__all__ = [
    "AuditSettings",
    "BusSettings",
    "DashboardSettings",
    "DataSettings",
    "EarlyWarningSettings",
    "FirmSettings",
    "JobSettings",
    "LevelSettings",
    "LevelsSettings",
    "MailSettings",
    "MeasureSettings",
    "MonitoringSettings",
    "OptionTerms",
    "ProxySettings",
    "RecordingSettings",
    "Settings",
    "SeverityName",
    "StoreSettings",
    "StreamingSettings",
    "SupervisorSettings",
    "TradingSettings",
    "VenueSettings",
    "WebhookSettings",
    "find_root",
    "load_settings",
]
