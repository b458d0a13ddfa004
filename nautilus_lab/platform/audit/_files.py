"""Where a trader's audit trail is kept beside its store."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nautilus_lab.config import Settings
from nautilus_lab.platform.audit._checkpoint import SealKey
from nautilus_lab.platform.audit._checkpoint_file import CheckpointFile
from nautilus_lab.platform.rundir import Home, RunDirectory, private_folder, private_key


@dataclass(frozen=True, kw_only=True)
class AuditFiles:
    """The files of one trader's trail.

    Attributes
    ----------
    rundir : RunDirectory
        Whose they are.
    checkpoints : Path
        The file of checkpoints.
    key_path : Path
        The key that seals them.
    """

    rundir: RunDirectory
    checkpoints: Path
    key_path: Path

    @classmethod
    def of(cls, settings: Settings, trader: str | None = None) -> AuditFiles:
        """Return those of a trader, by default of the settings' own, whether they are there or not.

        Raises
        ------
        InputError
            When the trader's id is no plain name.
        """
        home, audit = Home(settings.home_path), settings.audit
        rundir = home.trader(trader or settings.trading.trader_id)
        checkpoints, key = rundir.audit / "checkpoints.jsonl", home.audit_key
        if audit.checkpoints is not None:
            checkpoints = (
                settings.root / audit.checkpoints / f"{rundir.trader_id}.checkpoints.jsonl"
            )
        if audit.key is not None:
            key = settings.root / audit.key
        return cls(rundir=rundir, checkpoints=checkpoints, key_path=key)

    def make(self) -> AuditFiles:
        """Make the folders; harmless when they are there.

        Raises
        ------
        StoreError
            When one cannot be made, or is somebody else's.
        """
        private_folder(self.rundir.audit)
        private_folder(self.archives)
        return self

    @property
    def trader(self) -> str:
        """The trader's id."""
        return self.rundir.trader_id

    @property
    def store(self) -> Path:
        """The database."""
        return self.rundir.store

    @property
    def spool(self) -> Path:
        """What could not be written into the database."""
        return self.rundir.audit / "spool"

    @property
    def archives(self) -> Path:
        """The folder of what was cut off the database."""
        return self.rundir.audit / "archive"

    def key(self, *, make: bool = False) -> SealKey:
        """Return the key of seals.

        Parameters
        ----------
        make : bool, default=False
            Whether one that is not there is made; never when it has sealed something already.

        Raises
        ------
        StoreError
            When it is not there, or is not a private file of its user.
        """
        return SealKey(
            private_key(
                self.key_path,
                what="key of audit checkpoints",
                when_removed="bring it back from where it is kept; without it checkpoints are not "
                "told from forged ones",
                make=make and not self.checkpoints.exists(),
            )
        )

    def checkpoint_file(self, key: SealKey | None) -> CheckpointFile:
        """Return the file of checkpoints, as `key` judges it."""
        return CheckpointFile(self.checkpoints, trader=self.trader, key=key)
