"""The Merkle tree of RFC 6962, over leaves that are only ever added."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from nautilus_lab.exceptions import InputError

_LEAF, _NODE = b"\x00", b"\x01"
_SIZE = 32


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of a leaf: ``SHA-256(0x00 || data)``."""
    return hashlib.sha256(_LEAF + data).digest()


class MerkleTree:
    """The root over all leaves so far, from no more than one hash per bit of their number.

    A row of an audit chain is a leaf as it is: its hash begins with the leaf's prefix.

    Parameters
    ----------
    size : int, default=0
        How many leaves there are already.
    peaks : sequence of bytes
        The roots of the complete subtrees that they make up, the largest first.

    Raises
    ------
    InputError
        When there is not one peak of 32 bytes for each bit that is set in `size`.

    References
    ----------
    .. [1] Laurie, B., Langley, A., & Kasper, E. (2013). RFC 6962: Certificate Transparency,
       section 2.1.

    Examples
    --------
    >>> tree = MerkleTree()
    >>> tree.root.hex()[:16]  # of nothing: SHA-256 of the empty string
    'e3b0c44298fc1c14'
    >>> tree.add(leaf_hash(b""))
    >>> tree.root.hex()[:16]
    '6e340b9cffb37a98'
    """

    __slots__ = ("_peaks", "size")

    def __init__(self, size: int = 0, peaks: Sequence[bytes] = ()) -> None:
        if size < 0 or len(peaks) != size.bit_count() or any(len(p) != _SIZE for p in peaks):
            raise InputError(
                "a Merkle tree has one peak of 32 bytes for each bit of its size",
                value=f"size {size}, {len(peaks)} peaks",
            )
        self.size = size
        self._peaks = list(peaks)

    def __repr__(self) -> str:
        return f"MerkleTree({self.size} leaves, {self.root.hex()[:8]})"

    def add(self, leaf: bytes) -> None:
        """Add the hash of one leaf."""
        peaks, whole = self._peaks, self.size
        while whole & 1:
            leaf = hashlib.sha256(_NODE + peaks.pop() + leaf).digest()
            whole >>= 1
        peaks.append(leaf)
        self.size += 1

    def extend(self, leaves: Iterable[bytes]) -> None:
        """Add the hashes of several leaves."""
        # All verification of a chain goes through here: an attribute a leaf is time.
        peaks, size, sha256 = self._peaks, self.size, hashlib.sha256
        for leaf in leaves:
            whole = size
            while whole & 1:
                leaf = sha256(_NODE + peaks.pop() + leaf).digest()
                whole >>= 1
            peaks.append(leaf)
            size += 1
        self.size = size

    @property
    def peaks(self) -> tuple[bytes, ...]:
        """The roots of the complete subtrees, the largest first; enough to go on from here."""
        return tuple(self._peaks)

    @property
    def root(self) -> bytes:
        """The Merkle tree hash of all leaves."""
        if not self._peaks:
            return hashlib.sha256().digest()
        root = self._peaks[-1]
        for peak in self._peaks[-2::-1]:
            root = hashlib.sha256(_NODE + peak + root).digest()
        return root
