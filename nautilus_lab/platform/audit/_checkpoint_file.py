"""The files of checkpoints: appended to, never rewritten, kept outside the store."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import logging
import os
import re
import stat
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from nautilus_lab.exceptions import AuditError, StoreError
from nautilus_lab.platform.audit._chain import GENESIS
from nautilus_lab.platform.audit._checkpoint import Checkpoint, SealKey
from nautilus_lab.platform.audit._disk import read_from, sync_folder, write_at
from nautilus_lab.platform.audit._merkle import MerkleTree

_log = logging.getLogger(__name__)

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

    A file that has become large is kept beside as ``<name>-<last number>``, and the next one is
    begun; its first checkpoint holds the seal of the last one before, as every one does. Where
    that cannot be done, as where files can only be appended to, the file grows on.

    Parameters
    ----------
    path : Path
        The file; made on first use, 0600.
    trader : str
        Whose trail it is; checkpoints of another one do not belong into it.
    key : SealKey or None
        What seals them; None when they can only be read, and not told from forged ones.
    rotate_bytes : int, default=16 MiB
        How large a file becomes before the next one is begun.
    """

    def __init__(
        self, path: Path, *, trader: str, key: SealKey | None, rotate_bytes: int = 1 << 24
    ) -> None:
        self.path = path
        self.trader = trader
        self.key = key
        self._rotate_bytes = rotate_bytes
        self._stays = False  # whether the file cannot be exchanged for the next one
        # what `appending` has read so far, of which file: a node appends for months
        self._end = 0
        self._inode = 0
        self._lasts: dict[str, Checkpoint] = {}  # chain -> its last
        self._last: Checkpoint | None = None

    def __repr__(self) -> str:
        return f"CheckpointFile({str(self.path)!r})"

    @property
    def latest(self) -> Checkpoint | None:
        """The last one that `appending` saw or made; None before it was used."""
        return self._last

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files that are there, the oldest first."""
        kept = self._kept()
        # Its exchange was begun and not ended: both names are of one file.
        same = bool(kept) and self.path.exists() and self.path.samefile(kept[-1])
        return kept if same or not self.path.exists() else (*kept, self.path)

    def _kept(self) -> tuple[Path, ...]:
        if not self.path.parent.is_dir():
            return ()
        stem, suffix = re.escape(self.path.stem), re.escape(self.path.suffix)
        named = re.compile(rf"{stem}-(\d{{10}}){suffix}")
        return tuple(sorted(one for one in self.path.parent.iterdir() if named.fullmatch(one.name)))

    def read(self) -> CheckpointsRead:
        """Read all of them; where there is no file there are none.

        Raises
        ------
        StoreError
            When one cannot be read.
        """
        while True:
            kept = self._kept()
            try:
                pieces = [(path.name, _read(path)) for path in self.paths]
            except FileNotFoundError:
                pieces = []
            except OSError as error:
                raise _unusable(self.path, error) from None
            if kept == self._kept() and (pieces or not self.paths):
                break  # otherwise the next one was begun meanwhile
        checkpoints: list[Checkpoint] = []
        for number, (name, data) in enumerate(pieces, 1):
            found = self._parsed(data, checkpoints[-1] if checkpoints else None)
            checkpoints += found.checkpoints
            trouble, torn = found.trouble, found.torn
            if torn and number < len(pieces):
                trouble = trouble or f"{name} ends within a line"
            if number == len(pieces) and kept and (not data or not self.path.exists()):
                # The next one has lines before it has its name, and the name is never free.
                trouble = trouble or f"{self.path.name}, which comes after {kept[-1].name}, is gone"
            if trouble or number == len(pieces):
                return CheckpointsRead(checkpoints=tuple(checkpoints), trouble=trouble, torn=torn)
        return CheckpointsRead(checkpoints=())

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
        handle = self._hold()
        try:
            self._catch_up(handle)
            appender = Appender(self, self._last, dict(self._lasts))
            yield appender
            if appender.made:
                # A line that a loss of power cut off was never vouched for: the next begins there.
                if os.fstat(handle).st_size != self._end:
                    os.ftruncate(handle, self._end)
                lines = b"".join(_line(one) for one in appender.made)
                if not self._begun_next(lines):
                    _write(handle, lines, self._end)
                self._note(appender.made)
        except OSError as error:
            raise _unusable(self.path, error) from None
        finally:
            os.close(handle)

    def _hold(self) -> int:
        """Open the file and lock it, alone."""
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        while True:
            try:
                handle = os.open(self.path, flags, 0o600)
            except OSError as error:
                raise _unusable(self.path, error) from None
            try:
                self._lock(handle)
                if self.path.exists() and os.path.samestat(os.fstat(handle), self.path.stat()):
                    return handle
            except BaseException:
                os.close(handle)
                raise
            os.close(handle)  # who held it before has begun the next one

    def _begun_next(self, lines: bytes) -> bool:
        """Begin the next file with `lines` if this one is large enough; whether it was begun."""
        if self._stays or self._last is None or self._end < self._rotate_bytes:
            return False
        kept = self.path.with_name(f"{self.path.stem}-{self._last.number:010d}{self.path.suffix}")
        handle, made = tempfile.mkstemp(dir=self.path.parent, prefix=f".{self.path.name}.")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)  # nobody appends to it before us
            _write(handle, lines, 0)
            # The name is never free: who opens it meanwhile has the old file, and looks again.
            with contextlib.suppress(FileExistsError):
                os.link(self.path, kept)
            os.replace(made, self.path)
            self._inode, self._end = os.fstat(handle).st_ino, 0
        except OSError as error:
            _log.warning("checkpoints go on in %s: %s", self.path, error)
            self._stays = True
            Path(made).unlink(missing_ok=True)
            return False
        finally:
            os.close(handle)
        sync_folder(self.path.parent)
        return True

    def _catch_up(self, handle: int) -> None:
        """Read what was appended since the last time."""
        self._catch_up_kept(handle)
        if os.fstat(handle).st_size < self._end:
            raise self._tampered("it is shorter than it was")
        found = self._parsed(read_from(handle, self._end), self._last)
        if found.trouble:
            raise self._tampered(found.trouble)
        self._note(found.checkpoints)

    def _catch_up_kept(self, handle: int) -> None:
        """Read what is in files before this one, and was not read before."""
        inode = os.fstat(handle).st_ino
        if inode == self._inode:
            return
        kept = [path for path in self._kept() if path.stat().st_ino != inode]
        if kept and not os.fstat(handle).st_size:
            raise self._tampered("what comes after those that are kept is gone")
        if self._inode:
            known = [path.stat().st_ino for path in kept]
            if self._inode not in known:
                raise self._tampered("what was appended to before is gone")
            kept = kept[known.index(self._inode) :]
        for path in kept:
            data = path.read_bytes()[self._end if path.stat().st_ino == self._inode else 0 :]
            found = self._parsed(data, self._last)
            if found.trouble or found.torn:
                raise self._tampered(found.trouble or f"{path.name} ends within a line")
            self._note(found.checkpoints)
        self._inode, self._end = inode, 0

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


def _read(path: Path) -> bytes:
    if stat.S_ISFIFO(path.stat().st_mode):  # which would be waited for, without end
        raise OSError(errno.ESPIPE, "Is a pipe")
    return path.read_bytes()


def _write(handle: int, data: bytes, at: int) -> None:
    write_at(handle, data, at)
    os.fsync(handle)


def _unusable(path: Path, error: OSError) -> StoreError:
    return StoreError(
        f"a file of checkpoints must be readable and writable: {error.strerror}",
        value=str(path),
        remedy="check its folder's owner and mode, and that its disk has room",
    )
