"""A checkpoint of an audit chain: its root and its last hash, sealed by a key outside the store."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from typing import Annotated

import msgspec

from nautilus_lab.exceptions import InputError
from nautilus_lab.platform.audit._chain import GENESIS
from nautilus_lab.platform.audit._merkle import MerkleTree
from nautilus_lab.platform.store import AuditRow, canonical_json

_Hex = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$")]
_Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a chain was at one moment; whoever keeps a copy can tell when it is another.

    Attributes
    ----------
    trader, chain : str
        Whose trail, and which of its chains.
    number : int
        Counts the checkpoints of the trail's file, from 1.
    size : int
        The number of the last row that it covers.
    root : str
        The Merkle tree hash of RFC 6962 over the hashes of rows 1 to `size`, hexadecimal.
    head : str
        The hash of row `size`, hexadecimal.
    peaks : tuple of str
        The tree's complete subtrees, the largest first: enough to go on from here without the
        rows before.
    ts_ns : int
        When it was made, UNIX nanoseconds UTC.
    key : str
        Which key sealed it: the beginning of the key's SHA-256.
    prev : str
        The seal of checkpoint ``number - 1``; zeros for the first.
    seal : str
        HMAC-SHA256 over the canonical JSON of all other fields, hexadecimal.
    """

    trader: str
    chain: str
    number: Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]
    size: _Count
    root: _Hex
    head: _Hex
    peaks: tuple[_Hex, ...]
    ts_ns: _Count
    key: str
    prev: _Hex
    seal: _Hex

    def __str__(self) -> str:
        return f"checkpoint {self.number}: {self.chain} to row {self.size}, root {self.root[:16]}"

    @property
    def tree(self) -> MerkleTree:
        """The tree as it was.

        Raises
        ------
        InputError
            When the peaks do not make up a tree of that size and root.
        """
        tree = MerkleTree(self.size, tuple(bytes.fromhex(peak) for peak in self.peaks))
        if tree.root.hex() != self.root:
            raise InputError("the peaks of a checkpoint must have its root", value=str(self))
        return tree


@dataclass(frozen=True)
class SealKey:
    """The key of seals. Whoever has it can seal anything: it is kept where the store is not.

    Parameters
    ----------
    secret : bytes
        At least 32 bytes.

    Raises
    ------
    InputError
        When it is shorter.
    """

    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if len(self.secret) < 32:
            raise InputError("a key of seals must have 32 bytes", value=f"{len(self.secret)} bytes")

    @property
    def name(self) -> str:
        """What it is called in checkpoints; tells nothing of it."""
        return hashlib.sha256(b"name of key" + self.secret).hexdigest()[:16]

    def checkpoint(
        self,
        *,
        trader: str,
        chain: str,
        number: int,
        tree: MerkleTree,
        head: bytes,
        ts_ns: int,
        prev: str = GENESIS.hex(),
    ) -> Checkpoint:
        """Seal what a chain is after its row ``tree.size``, whose hash is `head`."""
        facts = {
            "trader": trader,
            "chain": chain,
            "number": number,
            "size": tree.size,
            "root": tree.root.hex(),
            "head": head.hex(),
            "peaks": tuple([peak.hex() for peak in tree.peaks]),
            "ts_ns": ts_ns,
            "key": self.name,
            "prev": prev,
        }
        return Checkpoint(**facts, seal=self._seal(facts))  # type: ignore[arg-type]

    def sealed(self, checkpoint: Checkpoint) -> bool:
        """Whether `checkpoint` is as it was when this key sealed it."""
        facts = msgspec.structs.asdict(checkpoint)
        seal = facts.pop("seal")
        try:
            return hmac.compare_digest(self._seal(facts), seal)
        except InputError:
            return False  # text that was never sealed

    def _seal(self, facts: dict[str, object]) -> str:
        return hmac.new(self.secret, canonical_json(facts).encode(), hashlib.sha256).hexdigest()


def covers(checkpoint: Checkpoint, row: AuditRow) -> bool:
    """Whether `row` is the last that `checkpoint` covers, as it was then."""
    return (checkpoint.chain, checkpoint.size, checkpoint.head) == (
        row.chain,
        row.seq,
        row.hash.hex(),
    )
