"""What one stream gateway of a lab owns on disk."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nautilus_lab.exceptions import InputError
from nautilus_lab.platform.rundir._lock import Lock
from nautilus_lab.platform.rundir._private import private_folder, socket_path

MOST_GATEWAYS = 64


@dataclass(frozen=True)
class GatewayFiles:
    """The files of gateway `number` of the lab at `home`; the first one's carry no number.

    ==========  ==========================================================
    `name`      ``"gateway"``, ``"gateway-2"``, ...
    `record`    its process record, with the address for viewers
    `lock`      held by the one process that may be this gateway
    `commands`  its socket, for those who ask who is attached
    `log`       its own log, which rotates
    `output`    what its process prints
    `trail`     where its audit trail is
    ==========  ==========================================================

    Parameters
    ----------
    home : Path
        The lab's home.
    number : int, default=1
        1 to 64.
    """

    home: Path
    number: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.number <= MOST_GATEWAYS:
            raise InputError(
                f"a gateway's number must lie in 1 to {MOST_GATEWAYS}", value=self.number
            )

    @property
    def name(self) -> str:
        """``"gateway"``, ``"gateway-2"``, ..."""
        return "gateway" if self.number == 1 else f"gateway-{self.number}"

    @property
    def record(self) -> Path:
        return self.home / f"{self.name}.json"

    @property
    def lock(self) -> Lock:
        what = "the stream gateway of this lab"
        return Lock(
            self.home / f"{self.name}.lock",
            what if self.number == 1 else f"{what} with number {self.number}",
        )

    @property
    def commands(self) -> str:
        return f"ipc://{socket_path(self.home, f'{self.name}.sock')}"

    @property
    def log(self) -> Path:
        return self.home / "logs" / f"{self.name}.log"

    @property
    def output(self) -> Path:
        return self.home / "logs" / f"{self.name}.out"

    @property
    def trail(self) -> GatewayTrail:
        return GatewayTrail(self)


@dataclass(frozen=True)
class GatewayTrail:
    """The folder of a gateway's audit trail, 0700: what a `RunDirectory` is to a trader's.

    ============  ==========================================================
    `store`       ``audit.db``: its audit chain, written by it alone
    `audit`       what of the trail is kept beside it
    `audit_lock`  held by who appends to the trail from the command line
    `node_lock`   held by the gateway
    ============  ==========================================================
    """

    gateway: GatewayFiles

    def make(self) -> GatewayTrail:
        """Create the folders; harmless when they are there."""
        private_folder(self.path.parent)
        private_folder(self.path)
        return self

    @property
    def trader_id(self) -> str:
        """Whose trail it is: ``"@gateway"``, which no trader can be called."""
        return f"@{self.gateway.name}"

    @property
    def path(self) -> Path:
        return self.gateway.home / "gateways" / self.gateway.name

    @property
    def store(self) -> Path:
        return self.path / "audit.db"

    @property
    def audit(self) -> Path:
        return self.path / "audit"

    @property
    def node_lock(self) -> Lock:
        return self.gateway.lock

    @property
    def audit_lock(self) -> Lock:
        what = f"an audit command on {self.gateway.name}"
        return Lock(self.path / "audit.lock", what, remedy="wait until that one has ended")
