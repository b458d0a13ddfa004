"""Answering the command that acknowledges an alert, whichever process is asked."""

from __future__ import annotations

from pathlib import Path

from nautilus_lab.alerts._acknowledge import acknowledge
from nautilus_lab.config import AuditSettings
from nautilus_lab.platform.commands import AcknowledgedAlert, Request
from nautilus_lab.platform.rundir import Home


def answer_acknowledge(
    home: Home, request: Request, *, audit: AuditSettings, root: Path = Path()
) -> AcknowledgedAlert:
    """Acknowledge what `request` asks, by who asks; raises as `acknowledge`, and blocks."""
    asked, principal = request.body, request.principal
    cause: dict[str, object] = {
        "command": request.name,
        "command_id": request.id,
        "roles": sorted(role.value for role in principal.roles),
    }
    if principal.token_id:
        cause["token"] = principal.token_id
    row = acknowledge(
        home,
        asked.alert_id,
        audit=audit,
        root=root,
        by=principal.name,
        note=asked.note,
        cause=cause,
    )
    return AcknowledgedAlert(
        alert_id=row.id,
        rule=row.rule,
        by=row.acknowledged_by or "",
        acknowledged_ns=row.acknowledged_ns or 0,
        note=row.note,
    )
