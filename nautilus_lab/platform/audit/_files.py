"""Where a trader's audit trail is kept beside its store."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nautilus_lab.config import AuditSettings, Settings
from nautilus_lab.exceptions import AuditError, StoreError
from nautilus_lab.platform.audit._checkpoint import SealKey
from nautilus_lab.platform.audit._checkpoint_file import CheckpointFile
from nautilus_lab.platform.rundir import (
    GatewayTrail,
    Home,
    RunDirectory,
    private_folder,
    private_key,
)


@dataclass(frozen=True, kw_only=True)
class AuditFiles:
    """The files of one trader's trail, or of a gateway's.

    Attributes
    ----------
    rundir : RunDirectory or GatewayTrail
        Whose they are.
    checkpoints : Path
        The file of checkpoints.
    key_path : Path
        The key that seals them.
    chain : str, default="node"
        The chain of the process whose trail it is.
    rotate_mib : float, default=16
        How large the file of checkpoints becomes before another is begun.
    beside : tuple of AuditFiles
        The trails of other processes, whose checkpoints this one tells of: who removes one of
        them with all that is kept of it must forge this one, too.
    key_is_used : bool, default=False
        Whether the key has sealed something else, so that another one must not take its place.
    """

    rundir: RunDirectory | GatewayTrail
    checkpoints: Path
    key_path: Path
    chain: str = "node"
    rotate_mib: float = 16.0
    beside: tuple[AuditFiles, ...] = ()
    key_is_used: bool = False

    @classmethod
    def of(cls, settings: Settings, trader: str | None = None) -> AuditFiles:
        """Return those of a trader, by default of the settings' own, whether they are there or not.

        Raises
        ------
        InputError
            When the trader's id is no plain name.
        """
        home, name = Home(settings.home_path), trader or settings.trading.trader_id
        return cls.of_trader(home, settings.audit, name, root=settings.root)

    @classmethod
    def of_trader(
        cls, home: Home, audit: AuditSettings, trader: str, *, root: Path = Path()
    ) -> AuditFiles:
        """Return those of a trader, whether they are there or not.

        Parameters
        ----------
        home : Home
            Whose trader.
        audit : AuditSettings
            Where checkpoints and key are.
        trader : str
            Its id.
        root : Path, optional
            What the paths of `audit` are relative to.

        Raises
        ------
        InputError
            When the trader's id is no plain name.
        """
        rundir = home.trader(trader)
        return cls(
            rundir=rundir,
            checkpoints=_checkpoints(rundir, audit, root),
            key_path=_key(home, audit, root),
            rotate_mib=audit.rotate_mib,
            beside=cls.of_gateways(home, audit, root=root),
        )

    @classmethod
    def of_gateway(
        cls, home: Home, audit: AuditSettings, *, number: int = 1, root: Path = Path()
    ) -> AuditFiles:
        """Return those of a gateway, whether they are there or not.

        Parameters
        ----------
        home : Home
            Whose gateway.
        audit : AuditSettings
            Where checkpoints and key are.
        number : int, default=1
            Which of the home's gateways.
        root : Path, optional
            What the paths of `audit` are relative to.
        """
        rundir = home.gateway_files(number).trail
        traders = (_checkpoints(home.trader(one), audit, root) for one in home.trader_ids)
        return cls(
            rundir=rundir,
            checkpoints=_checkpoints(rundir, audit, root),
            key_path=_key(home, audit, root),
            chain="gateway",
            rotate_mib=audit.rotate_mib,
            key_is_used=any(path.exists() for path in traders),
        )

    @classmethod
    def of_gateways(
        cls, home: Home, audit: AuditSettings, *, root: Path = Path()
    ) -> tuple[AuditFiles, ...]:
        """Return those of every gateway that has a trail, by number."""
        numbers = [trail.gateway.number for trail in home.gateway_trails]
        return tuple([cls.of_gateway(home, audit, number=n, root=root) for n in numbers])

    def make(self) -> AuditFiles:
        """Make the folders; harmless when they are there.

        Raises
        ------
        StoreError
            When one cannot be made, or is somebody else's.
        """
        self.rundir.make()
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

    @property
    def findings(self) -> Path:
        """What was found wrong with the trail, where it is not in its rows."""
        return self.rundir.audit / "findings.jsonl"

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
                make=make and not self._has_sealed,
            )
        )

    def require_store(self) -> None:
        """Raise unless there is a store.

        Raises
        ------
        AuditError
            When checkpoints tell of its rows and it is gone or empty: it was taken.
        StoreError
            When there never was one.
        """
        store = self.store
        if store.exists() and (not store.is_file() or store.stat().st_size > 0):
            return
        if kept := self.checkpoint_file(None).paths:
            what = "is empty" if store.exists() else "is gone"
            raise AuditError(
                "a trail that was checkpointed must have its store",
                value=f"{store} {what}, and {kept[-1]} tells of its rows",
                remedy="keep the checkpoints as they are, and restore the store from a backup",
            )
        if not store.exists():
            raise StoreError(
                "a trader must have a store to have an audit trail",
                value=str(store),
                remedy="start its node once, or name another trader",
            )

    @property
    def _has_sealed(self) -> bool:
        mine = (self, *self.beside)
        return self.key_is_used or any(one.checkpoint_file(None).paths for one in mine)

    def checkpoint_file(self, key: SealKey | None) -> CheckpointFile:
        """Return the file of checkpoints, as `key` judges it."""
        return CheckpointFile(
            self.checkpoints, trader=self.trader, key=key, rotate_bytes=int(self.rotate_mib * 2**20)
        )

    def seen_beside(self) -> dict[str, object]:
        """Return the last checkpoint of each trail beside this one, for a row of this one.

        Raises
        ------
        StoreError
            When one cannot be read.
        """
        seen: dict[str, object] = {}
        for files in self.beside:
            read = files.checkpoint_file(None).read()
            if read.checkpoints:
                last = read.checkpoints[-1]
                seen[files.trader] = {"number": last.number, "seal": last.seal}
        return seen


def _checkpoints(rundir: RunDirectory | GatewayTrail, audit: AuditSettings, root: Path) -> Path:
    if audit.checkpoints is None:
        return rundir.audit / "checkpoints.jsonl"
    return root / audit.checkpoints / f"{rundir.trader_id}.checkpoints.jsonl"


def _key(home: Home, audit: AuditSettings, root: Path) -> Path:
    return home.audit_key if audit.key is None else root / audit.key
