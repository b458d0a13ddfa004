"""One run of a notebook, as its ledger row tells it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from nautilus_lab.platform.store import RunRow, RunStatus


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """One run of a notebook.

    Attributes
    ----------
    run_id : str
        UUID version 7, so that ids sort by time.
    notebook : str
        The notebook, relative to the workspace.
    parameters : dict
        What was passed; the others had their defaults.
    status : {"queued", "running", "succeeded", "failed", "interrupted"}
        Where it stands.
    started : datetime
        UTC.
    seconds : float or None
        How long it took; None while it runs.
    output_path, html_path : Path or None
        The executed notebook and the HTML page; None when the run left none.
    error : str
        The cell and the error that ended it; empty when nothing did.
    """

    run_id: str
    notebook: str
    parameters: dict[str, Any]
    status: RunStatus
    started: datetime
    seconds: float | None
    output_path: Path | None
    html_path: Path | None
    error: str

    @classmethod
    def of(cls, row: RunRow, root: Path) -> RunRecord:
        """Return what `row` of the ledger says; its paths start at `root`."""
        return cls(
            run_id=row.run_id,
            notebook=row.notebook,
            parameters=dict(row.parameters),
            status=row.status,
            started=datetime.fromtimestamp(row.started_ns / 1e9, UTC),
            seconds=row.seconds,
            output_path=root / row.output_path if row.output_path else None,
            html_path=root / row.html_path if row.html_path else None,
            error=row.error,
        )

    def __repr__(self) -> str:
        took = "" if self.seconds is None else f", {self.seconds:.1f} s"
        why = f", {self.error}" if self.error else ""
        return f"RunRecord({self.notebook}, {self.status}{took}{why})"

    def __str__(self) -> str:
        took = "" if self.seconds is None else f"{self.seconds:.1f} s"
        line = f"{self.started:%Y-%m-%d %H:%M}  {self.status:<11} {took:>9}  {self.notebook}"
        return f"{line}  {self.error}" if self.error else line
