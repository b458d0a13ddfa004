"""Who is disabled by the audit trail of a trader, which its file may not be looser than."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from nautilus_lab.platform.store import AuditRow, TradingStore

# rows of a kind among which the last of each strategy is
_MOST = 10_000


def read_disabled(store: TradingStore) -> dict[str, str]:
    """Return who is disabled and why, by the audit trail of a node."""
    rows = [
        row
        for kind in ("strategy.disabled", "strategy.enabled")
        for row in store.audit_tail(_MOST, kind=kind)
    ]
    return audited_disabled(sorted(rows, key=lambda row: row.seq))


def audited_disabled(rows: Iterable[AuditRow]) -> dict[str, str]:
    """Return who is disabled and why, by rows of a trail, oldest first.

    Only a person enables, and that is written down before it holds.
    """
    found: dict[str, str] = {}
    for row in rows:
        if row.kind == "strategy.disabled":
            facts = msgspec.json.decode(row.body)
            found[facts["strategy"]] = facts["reason"]
        elif row.kind == "strategy.enabled":
            found.pop(msgspec.json.decode(row.body)["strategy"], None)
    return found
