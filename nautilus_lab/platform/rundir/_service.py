"""What a process that a lab has one of owns on disk."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from nautilus_lab.platform.rundir._lock import Lock


@dataclass(frozen=True)
class ServiceFiles:
    """The files that every such process has; each kind says its name, and what it is."""

    name: ClassVar[str]
    what: ClassVar[str]

    home: Path

    @property
    def record(self) -> Path:
        return self.home / f"{self.name}.json"

    @property
    def lock(self) -> Lock:
        return Lock(self.home / f"{self.name}.lock", self.what)

    @property
    def log(self) -> Path:
        return self.home / "logs" / f"{self.name}.log"

    @property
    def output(self) -> Path:
        return self.home / "logs" / f"{self.name}.out"
