"""The file of checkpoints: appended to, never rewritten, kept outside the store."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from nautilus_lab.exceptions import AuditError, StoreError
from nautilus_lab.platform.audit._chain import GENESIS
from nautilus_lab.platform.audit._checkpoint import Checkpoint, SealKey
from nautilus_lab.platform.audit._merkle import MerkleTree

_PATIENCE_S = 5.0
_TICK_S = 0.005

_decoder = msgspec.json.Decoder(Checkpoint)


@dataclass(frozen=True, kw_only=True)
class CheckpointsRead:
    """What a file of checkpoints holds.

    Attributes
    ----------
    checkpoints : tuple of Checkpoint
        Those that are as they were sealed, oldest first, up to the first that is not.
    trouble : str
        What is wrong with the next one; empty when nothing is.
    torn : bool
        Whether the file ends within a line, as a loss of power leaves it.
    """

    checkpoints: tuple[Checkpoint, ...]
    trouble: str = ""
    torn: bool = False


class CheckpointFile:
    """The checkpoints of one trader's trail, a JSON object a line, each bound to the one before.

    Several processes may append: whoever does holds the file's lock. It may lie on another disk,
    or where its writer may only append.

    Parameters
    ----------
    path : Path
        The file; made on first use, 0600.
    trader : str
        Whose trail it is; checkpoints of another one do not belong into it.
    key : SealKey or None
        What seals them; None when they can only be read, and not told from forged ones.
    """

    def __init__(self, path: Path, *, trader: str, key: SealKey | None) -> None:
        self.path = path
        self.trader = trader
        self.key = key
        # what `appending` has read so far: a node appends for months
        self._end = 0
        self._lasts: dict[str, Checkpoint] = {}  # chain -> its last
        self._last: Checkpoint | None = None

    def __repr__(self) -> str:
        return f"CheckpointFile({str(self.path)!r})"

    @property
    def latest(self) -> Checkpoint | None:
        """The last one that `appending` saw or made; None before it was used."""
        return self._last

    def read(self) -> CheckpointsRead:
        """Read all of it; a file that is not there holds none.

        Raises
        ------
        StoreError
            When it cannot be read.
        """
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            return CheckpointsRead(checkpoints=())
        except OSError as error:
            raise _unusable(self.path, error) from None
        return self._parsed(data, None)

    def last(self, chain: str) -> Checkpoint | None:
        """Return the last checkpoint of `chain`; None before the first.

        Raises
        ------
        AuditError
            When something in it is not as it was sealed.
        StoreError
            When the file cannot be read.
        """
        found = self.read()
        if found.trouble:
            raise self._tampered(found.trouble)
        return next((one for one in reversed(found.checkpoints) if one.chain == chain), None)

    @contextmanager
    def appending(self) -> Iterator[Appender]:
        """Hold the file's lock and append; what is appended is on the disk when this ends.

        Raises
        ------
        AuditError
            When something in it is not as it was sealed: nothing is added to that.
        StoreError
            When the file cannot be written, or another process holds it.
        """
        try:
            handle = os.open(
                self.path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600
            )
        except OSError as error:
            raise _unusable(self.path, error) from None
        try:
            self._lock(handle)
            self._catch_up(handle)
            appender = Appender(self, self._last, dict(self._lasts))
            yield appender
            if appender.made:
                # A line that a loss of power cut off was never vouched for: the next begins there.
                if os.fstat(handle).st_size != self._end:
                    os.ftruncate(handle, self._end)
                _write(handle, b"".join(_line(one) for one in appender.made), self._end)
                self._note(appender.made)
        except OSError as error:
            raise _unusable(self.path, error) from None
        finally:
            os.close(handle)

    def _catch_up(self, handle: int) -> None:
        """Read what was appended since the last time."""
        if os.fstat(handle).st_size < self._end:
            raise self._tampered("it is shorter than it was")
        found = self._parsed(_from(handle, self._end), self._last)
        if found.trouble:
            raise self._tampered(found.trouble)
        self._note(found.checkpoints)

    def _note(self, checkpoints: Sequence[Checkpoint]) -> None:
        for one in checkpoints:
            self._last = self._lasts[one.chain] = one
            self._end += len(_line(one))

    def _parsed(self, data: bytes, before: Checkpoint | None) -> CheckpointsRead:
        lines = data.split(b"\n")
        torn = bool(lines.pop())
        read: list[Checkpoint] = []
        for line in lines:
            try:
                one = _decoder.decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                one = None
            trouble = "what follows is no checkpoint"
            if one is None or _line(one) != line + b"\n" or (trouble := self._trouble(one, before)):
                if before is not None:
                    trouble = f"after checkpoint {before.number}: {trouble}"
                return CheckpointsRead(checkpoints=tuple(read), trouble=trouble, torn=torn)
            read.append(one)
            before = one
        return CheckpointsRead(checkpoints=tuple(read), torn=torn)

    def _trouble(self, one: Checkpoint, before: Checkpoint | None) -> str:
        number, seal = (1, GENESIS.hex()) if before is None else (before.number + 1, before.seal)
        if one.trader != self.trader:
            return f"checkpoint {number} is of trader {one.trader}, not {self.trader}"
        if (one.number, one.prev) != (number, seal):
            return f"checkpoint {number} is missing: what comes next does not continue the last"
        if self.key is not None and one.key != self.key.name:
            return f"checkpoint {number} was sealed by the key {one.key}, not {self.key.name}"
        if self.key is not None and not self.key.sealed(one):
            return f"checkpoint {number} is not as it was sealed"
        return ""

    def _tampered(self, how: str) -> AuditError:
        return AuditError(
            "a file of checkpoints must be as it was sealed",
            value=f"{self.path}: {how}",
            remedy="keep it as it is, compare it with a copy, then move it away",
        )

    def _lock(self, handle: int) -> None:
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            try:
                return fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise StoreError(
                        "a file of checkpoints must be free to be appended to",
                        value=str(self.path),
                        remedy="another process holds it: try again",
                    ) from None
            time.sleep(_TICK_S)


class Appender:
    """What appends to a file of checkpoints while its lock is held.

    Attributes
    ----------
    made : list of Checkpoint
        What is to be appended.
    """

    def __init__(
        self, file: CheckpointFile, last: Checkpoint | None, lasts: dict[str, Checkpoint]
    ) -> None:
        self._file = file
        self._last = last
        self._lasts = lasts
        self.made: list[Checkpoint] = []

    @property
    def chains(self) -> frozenset[str]:
        """The chains that have checkpoints."""
        return frozenset(self._lasts)

    def last(self, chain: str) -> Checkpoint | None:
        """Return the last checkpoint of `chain`; None before the first."""
        return self._lasts.get(chain)

    def add(self, chain: str, tree: MerkleTree, head: bytes) -> Checkpoint:
        """Seal what `chain` is after row ``tree.size``, whose hash is `head`.

        Raises
        ------
        StoreError
            When there is no key.
        """
        if self._file.key is None:
            raise StoreError(
                "a checkpoint needs a key", value=str(self._file.path), remedy="open it with one"
            )
        before = self._last
        made = self._file.key.checkpoint(
            trader=self._file.trader,
            chain=chain,
            number=1 if before is None else before.number + 1,
            tree=tree,
            head=head,
            ts_ns=time.time_ns(),
            prev=GENESIS.hex() if before is None else before.seal,
        )
        self._last = self._lasts[chain] = made
        self.made.append(made)
        return made


def _line(checkpoint: Checkpoint) -> bytes:
    return msgspec.json.encode(checkpoint) + b"\n"


def _from(handle: int, at: int) -> bytes:
    pieces = []
    while piece := os.pread(handle, 1 << 20, at):
        pieces.append(piece)
        at += len(piece)
    return b"".join(pieces)


def _write(handle: int, data: bytes, at: int) -> None:
    while data:
        done = os.pwrite(handle, data, at)
        data, at = data[done:], at + done
    os.fsync(handle)


def _unusable(path: Path, error: OSError) -> StoreError:
    return StoreError(
        f"a file of checkpoints must be readable and writable: {error.strerror}",
        value=str(path),
        remedy="check its folder's owner and mode, and that its disk has room",
    )
