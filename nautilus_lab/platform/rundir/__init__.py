"""Run directories: where a running lab keeps its state, sockets, locks and logs."""

from nautilus_lab.platform.latch import STANDINGS, Latch, LatchState, write_whole
from nautilus_lab.platform.rundir._beat import Beat
from nautilus_lab.platform.rundir._failure import Failure
from nautilus_lab.platform.rundir._gateway import GatewayFiles, GatewayTrail
from nautilus_lab.platform.rundir._history import HistoryFiles
from nautilus_lab.platform.rundir._home import Home
from nautilus_lab.platform.rundir._key import private_key
from nautilus_lab.platform.rundir._lock import Lock
from nautilus_lab.platform.rundir._measurer import MeasurerFiles
from nautilus_lab.platform.rundir._monitor import MonitorFiles
from nautilus_lab.platform.rundir._private import private_folder, socket_path
from nautilus_lab.platform.rundir._record import ProcessRecord
from nautilus_lab.platform.rundir._resume_request import ResumeRequest
from nautilus_lab.platform.rundir._socket import claim_socket, is_answered, socket_file
from nautilus_lab.platform.rundir._standing import Standing
from nautilus_lab.platform.rundir._trader import RunDirectory, VenueFiles

__all__ = [
    "STANDINGS",
    "Beat",
    "Failure",
    "GatewayFiles",
    "GatewayTrail",
    "HistoryFiles",
    "Home",
    "Latch",
    "LatchState",
    "Lock",
    "MeasurerFiles",
    "MonitorFiles",
    "ProcessRecord",
    "ResumeRequest",
    "RunDirectory",
    "Standing",
    "VenueFiles",
    "claim_socket",
    "is_answered",
    "private_folder",
    "private_key",
    "socket_file",
    "socket_path",
    "write_whole",
]
