"""Where intents go while the store cannot write: a local file, chained, on the disk at once."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec
import uuid_utils

from nautilus_lab.exceptions import StoreError
from nautilus_lab.platform.audit._disk import read_from, sync_folder, write_at
from nautilus_lab.platform.failpoint import reach
from nautilus_lab.platform.store import IntentState, OrderIntent

_ROOM = 1 << 20  # bytes that are taken before they are needed: on a full disk there are none left
_HASH = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$")]


class _Head(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    spool: str
    made_ns: int


class _Kept(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    client_order_id: str
    command: str
    order: str
    state: IntentState


class SpoolEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was written in one go: the intents of one command.

    Attributes
    ----------
    number : int
        Its place in the spool, from 1.
    ts_ns : int
        When, UNIX nanoseconds UTC.
    actor : str
        Who did it.
    intents : tuple
        What is about to be done, as the journal takes it.
    why : str
        Why the store could not take it.
    prev, hash : str
        SHA-256 of what is before it, and of the entry without `hash`, hexadecimal.
    """

    number: int
    ts_ns: int
    actor: str
    intents: tuple[_Kept, ...]
    why: str
    prev: _HASH
    hash: _HASH = "0" * 64

    def order_intents(self) -> tuple[OrderIntent, ...]:
        """Return the intents; their facts are the text that was spooled."""
        return tuple(
            [
                OrderIntent(
                    client_order_id=kept.client_order_id,
                    command=kept.command,
                    body=msgspec.json.decode(kept.order, type=dict),
                    state=kept.state,
                )
                for kept in self.intents
            ]
        )


@dataclass(frozen=True, kw_only=True)
class SpoolRead:
    """What a spool holds.

    Attributes
    ----------
    id : str
        The spool's id; empty when there is no file.
    entries : tuple of SpoolEntry
        What is in it, up to the first that is not as it was written.
    trouble : str
        What is wrong after them; empty when nothing is.
    torn : int
        Bytes of an entry that was not written to its end, and so was never vouched for.
    """

    id: str
    entries: tuple[SpoolEntry, ...] = ()
    trouble: str = ""
    torn: int = 0


class Spool:
    """A file that takes intents when the store does not, and gives them back in their order.

    An entry is on the disk before `add` returns, bound to the one before by its hash, and read
    back whole or not at all. The file's room is taken when it is made, so that a disk that is
    full since then takes entries all the same.

    Parameters
    ----------
    path : Path
        The file, 0600; its folder must be there. What was folded into the chain stays beside it,
        as ``<name>-<id>``.

    Raises
    ------
    StoreError
        When it cannot be made or read.

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> spool = Spool(Path(folder.name) / "spool")
    >>> sell = OrderIntent(client_order_id="O-1", command="submit", body={"side": "SELL"})
    >>> spool.add((sell,), actor="strategy:tilt", why="the disk is full").number
    1
    >>> Spool(spool.path).pending
    1
    >>> spool.close()
    >>> folder.cleanup()
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._handle: int | None = None
        self._id = ""
        self._end = 0
        self._last = ""
        self._entries: list[SpoolEntry] = []
        self.trouble = ""
        self._retiring = False  # whether what is in it was folded and only has to be moved aside
        self._open()

    def __repr__(self) -> str:
        return f"Spool({str(self.path)!r}, {self.pending} pending)"

    @property
    def id(self) -> str:
        """The id of the spool that is written to now."""
        return self._id

    @property
    def entries(self) -> tuple[SpoolEntry, ...]:
        """What waits to be folded into the chain, oldest first."""
        return () if self._retiring else tuple(self._entries)

    @property
    def pending(self) -> int:
        """How many entries wait."""
        return 0 if self._retiring else len(self._entries)

    def add(
        self, intents: Sequence[OrderIntent], *, actor: str, why: str, ts_ns: int | None = None
    ) -> SpoolEntry:
        """Write the intents of one command; they are on the disk when this returns.

        Raises
        ------
        StoreError
            When they cannot be written, or the spool is damaged; nothing of them is there then.
        """
        if self._retiring:
            self.retire()
        if self.trouble:
            raise StoreError(
                "a spool must be as it was written",
                value=f"{self.path}: {self.trouble}",
                remedy="it is set aside once the store writes again",
            )
        entry = _sealed(
            SpoolEntry(
                number=len(self._entries) + 1,
                ts_ns=time.time_ns() if ts_ns is None else ts_ns,
                actor=actor,
                intents=tuple(
                    [
                        _Kept(
                            client_order_id=intent.client_order_id,
                            command=intent.command,
                            order=intent.text,
                            state=intent.state,
                        )
                        for intent in intents
                    ]
                ),
                why=why,
                prev=self._last,
            )
        )
        line = _encoded(entry)
        try:
            if self._handle is None:
                self._open()
            assert self._handle is not None
            write_at(self._handle, line, self._end)
            reach("audit.spool_before_sync")
            os.fdatasync(self._handle)
        except OSError as error:
            self._take_back(len(line))
            raise _unusable(self.path, error) from None
        reach("audit.spool_after_sync")
        self._end += len(line)
        self._last = entry.hash
        self._entries.append(entry)
        return entry

    def retire(self) -> Path | None:
        """Move what was folded aside and begin anew; returns where it is, None if nothing was.

        Raises
        ------
        StoreError
            When that cannot be done; it is tried again before anything is added.
        """
        if not self._entries and not self.trouble:
            return None
        self._retiring = True
        kept = self.path.with_name(f"{self.path.name}-{self._id}")
        try:
            assert self._handle is not None
            if not self.trouble:
                os.ftruncate(self._handle, self._end)
            reach("audit.spool_before_move")
            os.replace(self.path, kept)
            sync_folder(self.path.parent)
        except OSError as error:
            raise _unusable(self.path, error) from None
        self.close()
        self._open()
        self._retiring = False
        return kept

    def close(self) -> None:
        """Close the file; calling it twice is harmless."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def _open(self) -> None:
        flags = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            try:
                self._handle = os.open(self.path, flags)
            except FileNotFoundError:
                self._make()
                self._handle = os.open(self.path, flags)
            data = read_from(self._handle, 0)
            found = _parsed(data)
            if found.torn:
                # Else its end would stand behind a shorter entry that is written over it.
                write_at(self._handle, bytes(found.torn), len(data.rstrip(b"\0")) - found.torn)
        except OSError as error:
            raise _unusable(self.path, error) from None
        self._id, self.trouble = found.id or f"unreadable-{uuid_utils.uuid7()}", found.trouble
        self._entries = list(found.entries)
        lines = data.split(b"\n", len(self._entries) + 1)[: len(self._entries) + 1]
        self._end = sum(len(line) + 1 for line in lines)
        self._last = self._entries[-1].hash if self._entries else _first(lines[0])

    def _make(self) -> None:
        """Make the file whole beside its place, so that nobody finds a half of it."""
        new = self.path.with_name(f".{self.path.name}.new")
        handle = os.open(new, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(handle, 0, _ROOM)
            head = _Head(spool=str(uuid_utils.uuid7()), made_ns=time.time_ns())
            write_at(handle, msgspec.json.encode(head) + b"\n", 0)
            os.fsync(handle)
        except OSError:
            new.unlink(missing_ok=True)
            raise
        finally:
            os.close(handle)
        os.replace(new, self.path)
        sync_folder(self.path.parent)

    def _take_back(self, size: int) -> None:
        """Leave no half of an entry that could not be written: the next one begins there."""
        if self._handle is not None:
            try:
                write_at(self._handle, bytes(size), self._end)
            except OSError:
                self.close()  # and read again what is there, before anything else is added


def read_spool(path: Path) -> SpoolRead:
    """Read a spool without touching it; a file that is not there holds nothing.

    Raises
    ------
    StoreError
        When it cannot be read.
    """
    try:
        return _parsed(path.read_bytes())
    except FileNotFoundError:
        return SpoolRead(id="")
    except OSError as error:
        raise _unusable(path, error) from None


def _parsed(data: bytes) -> SpoolRead:
    # Zeros are room that nothing was written to.
    lines = data.rstrip(b"\0").split(b"\n")
    rest = lines.pop()
    try:
        head = msgspec.json.decode(lines[0], type=_Head)
    except (IndexError, msgspec.DecodeError, UnicodeDecodeError):
        return SpoolRead(id="", trouble="it does not begin as a spool")
    entries: list[SpoolEntry] = []
    last = _first(lines[0])
    for line in lines[1:]:
        try:
            entry = msgspec.json.decode(line, type=SpoolEntry)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            entry = None
        number = len(entries) + 1
        if entry is None or (entry.number, entry.prev) != (number, last) or _sealed(entry) != entry:
            trouble = f"entry {number} is not as it was written"
            return SpoolRead(id=head.spool, entries=tuple(entries), trouble=trouble)
        entries.append(entry)
        last = entry.hash
    return SpoolRead(id=head.spool, entries=tuple(entries), torn=len(rest))


def _first(head: bytes) -> str:
    return hashlib.sha256(head).hexdigest()


def _sealed(entry: SpoolEntry) -> SpoolEntry:
    bare = msgspec.structs.replace(entry, hash="0" * 64)
    own = hashlib.sha256(msgspec.json.encode(bare)).hexdigest()
    return msgspec.structs.replace(entry, hash=own)


def _encoded(entry: SpoolEntry) -> bytes:
    return msgspec.json.encode(entry) + b"\n"


def _unusable(path: Path, error: OSError) -> StoreError:
    return StoreError(
        f"a spool must be readable and writable: {error.strerror}",
        value=str(path),
        remedy="check its folder's owner and mode, and that its disk has room",
    )
