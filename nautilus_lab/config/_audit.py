"""Settings of the audit trail."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from nautilus_lab.config._section import Section


class AuditSettings(Section):
    """What of the audit trail is kept outside of its database, and for how long.

    A checkpoint is made each `checkpoint_rows` rows, and each `checkpoint_s` in which a row was
    written; it goes to a file of the folder `checkpoints`, by default in the run directory, and is
    sealed by the key in the file `key`, by default `audit.key` in the home. Both are safest where
    the database's owner cannot write. Beyond `rotate_mib` the next file of checkpoints is begun.
    Rows stay in the database for `keep_days` before they can be archived, archives for
    `retain_days` before they can be discarded; nothing goes by itself.
    """

    checkpoint_rows: int = Field(default=1_000, ge=1, le=1_000_000)
    checkpoint_s: float = Field(default=60.0, ge=0.1, le=86_400, allow_inf_nan=False)
    checkpoints: Path | None = None
    key: Path | None = None
    rotate_mib: float = Field(default=16.0, ge=0.01, le=1_024, allow_inf_nan=False)
    keep_days: float = Field(default=730.0, ge=0, le=36_500, allow_inf_nan=False)
    retain_days: float = Field(default=2_557.0, ge=0, le=36_500, allow_inf_nan=False)

    def below(self, root: Path) -> AuditSettings:
        """Return the same with paths that a process in any folder finds."""
        given = {"checkpoints": self.checkpoints, "key": self.key}
        return self.model_copy(update={n: root / p for n, p in given.items() if p is not None})
