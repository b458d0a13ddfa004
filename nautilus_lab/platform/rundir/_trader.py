"""The run directory of one trader."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from nautilus_lab.platform.latch import TraderFolder
from nautilus_lab.platform.rundir._beat import Beat
from nautilus_lab.platform.rundir._lock import Lock
from nautilus_lab.platform.rundir._private import private_folder, socket_path

# The venue whose files bear no name: it was there before there were several.
_FIRST_VENUE = "PAPER"
# Likewise the strategy that trades the table of the node's start.
_FIRST_HOLDER = "HoldTargets-001"
_OF_VENUE = re.compile(r"venue(?:-([A-Z][A-Z0-9]*))?\.(?:db|json|sock)")


@dataclass(frozen=True)
class VenueFiles:
    """What one paper venue owns in a trader's run directory.

    Attributes
    ----------
    record : Path
        Its process record.
    lock : Lock
        Held by the one process of it that may run.
    book : Path
        Its own durable book.
    orders, quotes : str
        The addresses of its sockets.
    output, log : Path
        What it prints, and its log.
    """

    record: Path
    lock: Lock
    book: Path
    orders: str
    quotes: str
    output: Path
    log: Path


@dataclass(frozen=True)
class RunDirectory:
    """Everything one trader owns on disk, mode 0700.

    =====================  ==============================================================
    `store`                ``trading.db``: orders, fills, journal, audit, outbox
    `node`, `venue`        the process records of the node and of the first paper venue
    `heartbeat`            touched by the node at each beat; absent while none should beat
    `node_lock`            held by the one node that may run
    `venue_lock`           held by the first paper venue; `venue_of` has every venue's files
    `kernel_connection`    the Jupyter connection file of the node's kernel
    `settings`             the settings its processes were started with
    `failure`              why the last start failed; absent when it did not
    `latch`                the kill latch: what the trader may do
    `resume_asked`         who asked to resume a killed trader; absent when nobody did
    `day`                  the equity its loss of the day is counted from
    `high_water`           the highest equity there was, which drawdowns are counted from
    `adjusted`             where the limits that adjust themselves stand, and what was asked for
    `disabled`             the strategies that a limit disabled, and why
    `measures`             the measures that limits need, put there by who measures
    `measured`             those that the lab's own process measured, and what it could not
    `interest`             the best prices the node rests at, for the other nodes of the home
    `targets`              the target weights the node's own strategy trades; `targets_of` has all
    `deployed`             which strategies the node runs
    `held_up`              the strategy whose code the node was stuck in; absent when in none
    `commands`, `events`   the node's sockets: ROUTER for commands, PUB for the bus
    `venue_orders`, `venue_quotes`   the first paper venue's sockets
    `venue_book`           the first paper venue's own durable book
    `replay`               where the replay is that all paper venues play
    `logs`                 the folder of rotated logs
    `recording`            the flight recorder's folder: all that the node saw and decided
    `audit`                what of the audit trail is kept beside the store
    `audit_lock`           held by who appends to the trail from the command line
    =====================  ==============================================================
    """

    path: Path
    trader_id: str

    def make(self) -> RunDirectory:
        """Create the folders; harmless when they are there."""
        private_folder(self.path)
        private_folder(self.logs)
        return self

    def folder(self) -> TraderFolder:
        """Return as much of this as a kill needs."""
        return TraderFolder(os.fspath(self.path), self.trader_id)

    @property
    def store(self) -> Path:
        return Path(self.folder().store)

    @property
    def node(self) -> Path:
        return self.path / "node.json"

    @property
    def heartbeat(self) -> Beat:
        return Beat(self.path / "heartbeat")

    @property
    def venue(self) -> Path:
        return self.venue_of(_FIRST_VENUE).record

    @property
    def node_lock(self) -> Lock:
        return Lock(self.path / "node.lock", f"the node of trader {self.trader_id}")

    def venue_of(self, name: str) -> VenueFiles:
        """Return the files of the paper venue `name`, whether they are there or not."""
        stem = "venue" if name == _FIRST_VENUE else f"venue-{name}"
        quotes = "quotes" if name == _FIRST_VENUE else f"quotes-{name}"
        return VenueFiles(
            record=self.path / f"{stem}.json",
            lock=Lock(self.path / f"{stem}.lock", f"the venue {name} of trader {self.trader_id}"),
            book=self.path / f"{stem}.db",
            orders=f"ipc://{socket_path(self.path, f'{stem}.sock')}",
            quotes=f"ipc://{socket_path(self.path, f'{quotes}.sock')}",
            output=self.logs / f"{stem}.out",
            log=self.logs / f"{stem}.log",
        )

    def venues(self) -> dict[str, VenueFiles]:
        """Return the files of every paper venue that has run here, alive or not, by name."""
        if not self.path.is_dir():
            return {}
        found = (_OF_VENUE.fullmatch(entry.name) for entry in self.path.iterdir())
        names = sorted({m[1] or _FIRST_VENUE for m in found if m})
        return {name: self.venue_of(name) for name in names}

    @property
    def venue_lock(self) -> Lock:
        return self.venue_of(_FIRST_VENUE).lock

    @property
    def kernel_connection(self) -> Path:
        return self.path / "kernel.json"

    @property
    def settings(self) -> Path:
        return self.path / "settings.json"

    @property
    def failure(self) -> Path:
        return self.path / "failure.json"

    @property
    def latch(self) -> Path:
        return Path(self.folder().latch)

    @property
    def resume_asked(self) -> Path:
        return Path(self.folder().resume_asked)

    @property
    def day(self) -> Path:
        return self.path / "day.json"

    @property
    def high_water(self) -> Path:
        return self.path / "high_water.json"

    @property
    def adjusted(self) -> Path:
        return self.path / "adjusted.json"

    @property
    def disabled(self) -> Path:
        return self.path / "disabled.json"

    @property
    def measures(self) -> Path:
        return self.path / "measures.json"

    @property
    def measured(self) -> Path:
        return self.path / "measured.json"

    @property
    def interest(self) -> Path:
        return self.path / "interest.json"

    @property
    def targets(self) -> Path:
        return self.path / "targets.json"

    def targets_of(self, strategy: str) -> Path:
        """Return where the target weights of a strategy are kept."""
        return self.targets if strategy == _FIRST_HOLDER else self.path / f"targets-{strategy}.json"

    @property
    def deployed(self) -> Path:
        return self.path / "deployed.json"

    @property
    def held_up(self) -> Path:
        return self.path / "held_up.json"

    @property
    def commands(self) -> str:
        return f"ipc://{socket_path(self.path, 'commands.sock')}"

    @property
    def events(self) -> str:
        return f"ipc://{socket_path(self.path, 'events.sock')}"

    @property
    def venue_orders(self) -> str:
        return self.venue_of(_FIRST_VENUE).orders

    @property
    def venue_quotes(self) -> str:
        return self.venue_of(_FIRST_VENUE).quotes

    @property
    def venue_book(self) -> Path:
        return self.venue_of(_FIRST_VENUE).book

    @property
    def replay(self) -> Path:
        return self.path / "replay.json"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def recording(self) -> Path:
        return self.path / "recording"

    @property
    def audit(self) -> Path:
        return self.path / "audit"

    @property
    def audit_lock(self) -> Lock:
        what = f"an audit command on trader {self.trader_id}"
        return Lock(self.path / "audit.lock", what, remedy="wait until that one has ended")
