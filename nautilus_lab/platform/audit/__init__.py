"""The audit trail: a chain of hashes that shows when a row was changed, removed or moved."""

from nautilus_lab.platform.audit._cause import because
from nautilus_lab.platform.audit._chain import GENESIS, is_sound, next_row, row_hash
from nautilus_lab.platform.audit._checkpoint import Checkpoint, SealKey
from nautilus_lab.platform.audit._checkpoint_file import CheckpointFile, CheckpointsRead
from nautilus_lab.platform.audit._checkpointer import Checkpointer, make_checkpoints
from nautilus_lab.platform.audit._explain import Tampering
from nautilus_lab.platform.audit._files import AuditFiles
from nautilus_lab.platform.audit._holds import Hold
from nautilus_lab.platform.audit._keeper import Archived, AuditKeeper
from nautilus_lab.platform.audit._kinds import (
    GATEWAY,
    KINDS,
    NODE,
    NOT_YET,
    OPERATORS,
    AuditKind,
    is_known,
    kinds_table,
)
from nautilus_lab.platform.audit._merkle import MerkleTree, leaf_hash
from nautilus_lab.platform.audit._origin import origin
from nautilus_lab.platform.audit._piece import Piece, PieceHead, read_piece, write_piece
from nautilus_lab.platform.audit._queue import AuditQueue
from nautilus_lab.platform.audit._report import AuditReport, ChainReport, inspect_trail
from nautilus_lab.platform.audit._spool import Spool, SpoolEntry, SpoolRead, read_spool
from nautilus_lab.platform.audit._trail import AuditNote, AuditTrail
from nautilus_lab.platform.audit._verify import AuditVerdict, verify, verify_chain
from nautilus_lab.platform.store import AuditRow, canonical_json

__all__ = [
    "GATEWAY",
    "GENESIS",
    "KINDS",
    "NODE",
    "NOT_YET",
    "OPERATORS",
    "Archived",
    "AuditFiles",
    "AuditKeeper",
    "AuditKind",
    "AuditNote",
    "AuditQueue",
    "AuditReport",
    "AuditRow",
    "AuditTrail",
    "AuditVerdict",
    "ChainReport",
    "Checkpoint",
    "CheckpointFile",
    "Checkpointer",
    "CheckpointsRead",
    "Hold",
    "MerkleTree",
    "Piece",
    "PieceHead",
    "SealKey",
    "Spool",
    "SpoolEntry",
    "SpoolRead",
    "Tampering",
    "because",
    "canonical_json",
    "inspect_trail",
    "is_known",
    "is_sound",
    "kinds_table",
    "leaf_hash",
    "make_checkpoints",
    "next_row",
    "origin",
    "read_piece",
    "read_spool",
    "row_hash",
    "verify",
    "verify_chain",
    "write_piece",
]
