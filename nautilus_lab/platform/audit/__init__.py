"""The audit trail: a chain of hashes that shows when a row was changed, removed or moved."""

from nautilus_lab.platform.audit._chain import GENESIS, is_sound, next_row, row_hash
from nautilus_lab.platform.audit._trail import AuditTrail
from nautilus_lab.platform.audit._verify import AuditVerdict, Tampering, verify
from nautilus_lab.platform.store import AuditRow, canonical_json

__all__ = [
    "GENESIS",
    "AuditRow",
    "AuditTrail",
    "AuditVerdict",
    "Tampering",
    "canonical_json",
    "is_sound",
    "next_row",
    "row_hash",
    "verify",
]
