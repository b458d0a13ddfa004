"""A piece of a chain in a file of its own, which is verified without the store it came from."""

from __future__ import annotations

import gzip
import hashlib
import os
import tempfile
import time
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import IO, Annotated, Any, cast

import msgspec

from nautilus_lab.exceptions import AuditError, InputError, StoreError
from nautilus_lab.platform.audit._chain import GENESIS
from nautilus_lab.platform.audit._checkpoint import Checkpoint, SealKey
from nautilus_lab.platform.audit._disk import sync_folder
from nautilus_lab.platform.audit._merkle import MerkleTree
from nautilus_lab.platform.audit._verify import AuditVerdict, verify_chain
from nautilus_lab.platform.store import AuditValues

_FORMAT = 1
_PAGE = 1_000
_LONGEST = 1 << 28  # bytes of a line: a small file may unpack to more than there is memory
_Hex = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$")]


class PieceHead(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The first line of a piece: what it is of.

    Attributes
    ----------
    audit_piece : int
        The version of the format: 1.
    trader, chain : str
        Whose trail, and which chain.
    after : int
        The number of the row before its first; 0 when it is the chain's beginning.
    prev : str
        That row's hash, hexadecimal.
    base : Checkpoint or None
        The checkpoint that covers that row; None at the chain's beginning.
    made_ns : int
        When it was written, UNIX nanoseconds UTC.
    by : str
        Who had it written.
    """

    audit_piece: int
    trader: str
    chain: str
    after: Annotated[int, msgspec.Meta(ge=0)]
    prev: _Hex
    base: Checkpoint | None
    made_ns: int
    by: str


class _End(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    end: int  # the number of the last row
    head: _Hex
    first_ns: int
    last_ns: int


class _RowLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    row: tuple[int, int, str, str, str, _Hex, _Hex]


class _CheckpointLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    checkpoint: Checkpoint


@dataclass(frozen=True, kw_only=True)
class Piece:
    """What a file holds of a chain, and whether it holds.

    Attributes
    ----------
    path : Path
        The file.
    trader, chain : str
        Whose trail, and which chain.
    first, last : int
        The numbers of its first and last row; `last` is ``first - 1`` when it has none.
    first_ns, last_ns : int
        The earliest and latest time of its rows, UNIX nanoseconds UTC.
    prev, head : bytes
        The hash of the row before its first, and of its last.
    sha256 : bytes
        Of the file's bytes.
    verdict : AuditVerdict
        Whether its rows hold, and hold what its checkpoints tell.
    authenticated : bool
        Whether every checkpoint in it was found to be sealed by the key that was given.
    trouble : str
        What else is wrong; empty when nothing is.
    """

    path: Path
    trader: str
    chain: str
    first: int
    last: int
    first_ns: int
    last_ns: int
    prev: bytes
    head: bytes
    sha256: bytes
    verdict: AuditVerdict
    authenticated: bool
    trouble: str = ""

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong with it."""
        return self.verdict.ok and not self.trouble

    def require(self) -> None:
        """Raise unless nothing is wrong.

        Raises
        ------
        AuditError
            Naming what is.
        """
        self.verdict.require()
        if self.trouble:
            raise AuditError("a piece of an audit trail must hold", value=self.trouble)


def write_piece(
    path: Path,
    pages: Iterable[Sequence[AuditValues]],
    *,
    trader: str,
    chain: str,
    last: int,
    checkpoints: Sequence[Checkpoint],
    base: Checkpoint | None,
    by: str,
) -> int:
    """Write the rows of a chain after `base` up to row `last` into a file; say how many.

    The file is there whole or not at all, and on the disk when this returns. One whose name ends
    in ``.gz`` is compressed.

    Parameters
    ----------
    path : Path
        The file; one that is there already is refused.
    pages : iterable of sequences
        The rows after `base`, as `TradingStore.audit_pages` yields them.
    trader, chain : str
        Whose trail, and which chain.
    last : int
        The last row that is taken.
    checkpoints : sequence of Checkpoint
        Those of the chain; the ones that cover rows of the piece go with it.
    base : Checkpoint or None
        After what it begins; None for the chain's beginning.
    by : str
        Who has it written.

    Raises
    ------
    InputError
        When the file is there already.
    StoreError
        When it cannot be written.
    """
    after = 0 if base is None else base.size
    waiting = sorted(
        (one for one in checkpoints if one.chain == chain and after < one.size <= last),
        key=lambda one: one.size,
    )
    head = PieceHead(
        audit_piece=_FORMAT,
        trader=trader,
        chain=chain,
        after=after,
        prev=GENESIS.hex() if base is None else base.head,
        base=base,
        made_ns=time.time_ns(),
        by=by,
    )
    encode = msgspec.json.encode
    count, end, times = 0, head.prev, [0, 0]
    try:
        with _new(path) as file:
            file.write(encode(head) + b"\n")
            for values in _until(pages, last):
                _, seq, ts_ns, actor, kind, body, prev, own = values
                row = _RowLine(row=(seq, ts_ns, actor, kind, body, prev.hex(), own.hex()))
                file.write(encode(row) + b"\n")
                while waiting and waiting[0].size == seq:
                    file.write(encode(_CheckpointLine(checkpoint=waiting.pop(0))) + b"\n")
                times = (
                    [ts_ns, ts_ns] if not count else [min(times[0], ts_ns), max(times[1], ts_ns)]
                )
                count, end = count + 1, own.hex()
            said = _End(end=after + count, head=end, first_ns=times[0], last_ns=times[1])
            file.write(encode(said) + b"\n")
    except FileExistsError:
        raise InputError(
            "a piece is written into a file that is not there yet", value=str(path)
        ) from None
    except OSError as error:
        raise StoreError(
            f"a piece of an audit trail must be writable: {error.strerror}",
            value=str(path),
            remedy="name another file, or see that its disk has room",
        ) from None
    return count


def read_piece(
    path: Path, *, key: SealKey | None = None, anchors: Sequence[Checkpoint] = ()
) -> Piece:
    """Verify a piece; reads it twice, a page at a time.

    Parameters
    ----------
    path : Path
        The file.
    key : SealKey, optional
        By which its checkpoints are told from forged ones; they, or `anchors`, must cover its last
        row then.
    anchors : sequence of Checkpoint
        Checkpoints that were kept elsewhere and are trusted.

    Raises
    ------
    AuditError
        When the file is no piece, or is damaged so that its lines cannot be read.
    StoreError
        When it cannot be read.
    """
    if path.exists() and not path.is_file():  # a pipe would be waited for, without end
        raise StoreError(
            "a piece of an audit trail must be a file",
            value=str(path),
            remedy="name the exported file itself",
        )
    head: PieceHead | None = None
    end: _End | None = None
    rows = 0
    found: list[Checkpoint] = []
    trouble = ""
    for line in _lines(path):
        if head is None:
            head = _head(path, line)
        elif end is not None:
            trouble = "something follows its end"
        elif isinstance(line, _RowLine):
            rows += 1
        elif isinstance(line, _CheckpointLine):
            found.append(line.checkpoint)
        else:
            end = line
    if head is None:
        raise _no_piece(path, "it is empty")
    trouble = trouble or _strangers(head, found)
    forged = [
        one
        for one in (*((head.base,) if head.base is not None else ()), *found)
        if key is not None and not key.sealed(one)
    ]
    if forged and not trouble:
        trouble = f"{forged[0]} is not sealed by the key {key.name if key is not None else ''}"
    tree = MerkleTree() if not head.after else None
    if head.base is not None:
        try:
            tree = head.base.tree
        except InputError as error:
            trouble = trouble or error.rule
    verdict = verify_chain(
        _pages(path, head.chain),
        chain=head.chain,
        checkpoints=[*found, *anchors],
        after=(head.after, bytes.fromhex(head.prev)),
        tree=tree,
    )
    if verdict.ok and end is None:
        verdict = replace(
            verdict,
            first_bad=verdict.head_seq + 1,
            kind="truncation",
            detail=f"the file ends after row {verdict.head_seq}, without its end",
        )
    elif (
        verdict.ok
        and end is not None
        and (end.end, end.head)
        != (
            verdict.head_seq,
            verdict.head.hex(),
        )
    ):
        verdict = replace(
            verdict,
            first_bad=verdict.head_seq + 1,
            kind="truncation",
            detail=f"the file has rows to {verdict.head_seq}, and was written with {end.end}",
        )
    if key is not None and not trouble and verdict.ok and verdict.anchored < verdict.head_seq:
        # Every piece ends with a checkpoint: who wrote rows anew must take that away.
        trouble = f"no checkpoint covers the rows after {verdict.anchored}: it was taken away"
    return Piece(
        path=path,
        trader=head.trader,
        chain=head.chain,
        first=head.after + 1,
        last=head.after + rows,
        first_ns=0 if end is None else end.first_ns,
        last_ns=0 if end is None else end.last_ns,
        prev=bytes.fromhex(head.prev),
        head=verdict.head,
        sha256=_digest(path),
        verdict=verdict,
        authenticated=key is not None and not forged and bool(found or head.base),
        trouble=trouble,
    )


def _strangers(head: PieceHead, found: Sequence[Checkpoint]) -> str:
    base = head.base
    if (head.after == 0) != (base is None):
        return "it begins where no checkpoint is"
    if base is not None and (base.size, base.head) != (head.after, head.prev):
        return "it does not begin where its checkpoint is"
    for one in (*found, *((base,) if base is not None else ())):
        if (one.trader, one.chain) != (head.trader, head.chain):
            return f"{one} of trader {one.trader} is of another trail"
    return ""


def _until(pages: Iterable[Sequence[AuditValues]], last: int) -> Iterator[AuditValues]:
    for page in pages:
        for values in page:
            if values[1] > last:
                return
            yield values


@contextmanager
def _new(path: Path) -> Iterator[IO[bytes]]:
    """Write a file beside its place and move it there when it is whole."""
    if path.exists():
        raise FileExistsError(path)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mode 0600
    try:
        with os.fdopen(handle, "wb") as raw:
            if path.suffix == ".gz":
                with gzip.GzipFile(fileobj=raw, mode="wb", filename="", mtime=0) as packed:
                    yield cast(IO[bytes], packed)
            else:
                yield raw
            raw.flush()
            os.fsync(raw.fileno())
        os.link(name, path)
    finally:
        os.unlink(name)
    sync_folder(path.parent)


def _lines(path: Path) -> Iterator[Any]:
    """Yield what the lines of a piece say; the first is a `PieceHead`."""
    kinds = {b'{"row"': _RowLine, b'{"che': _CheckpointLine, b'{"end': _End, b'{"aud': PieceHead}
    decoders = {start[:5]: msgspec.json.Decoder(kind) for start, kind in kinds.items()}
    opened = gzip.open if path.suffix == ".gz" else open
    number = 0
    try:
        with opened(path, "rb") as file:
            for number, line in enumerate(iter(partial(file.readline, _LONGEST), b""), 1):
                decoder = decoders.get(line[:5])
                if decoder is None or not line.endswith(b"\n"):
                    raise _no_piece(path, f"line {number} is none of a piece")
                yield decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _no_piece(path, f"line {number}: {error}") from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise _no_piece(path, f"after line {number}: {error}") from None
    except OSError as error:
        raise StoreError(
            f"a piece of an audit trail must be readable: {error.strerror}",
            value=str(path),
            remedy="check its name, its owner and its mode",
        ) from None


def _pages(path: Path, chain: str) -> Iterator[list[AuditValues]]:
    page: list[AuditValues] = []
    for line in _lines(path):
        if isinstance(line, _RowLine):
            seq, ts_ns, actor, kind, body, prev, own = line.row
            hashes = bytes.fromhex(prev), bytes.fromhex(own)
            page.append((chain, seq, ts_ns, actor, kind, body, *hashes))
            if len(page) == _PAGE:
                yield page
                page = []
    if page:
        yield page


def _head(path: Path, line: Any) -> PieceHead:
    if not isinstance(line, PieceHead):
        raise _no_piece(path, "it does not begin as one")
    if line.audit_piece != _FORMAT:
        raise _no_piece(path, f"its format is {line.audit_piece}, not {_FORMAT}")
    return line


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _no_piece(path: Path, why: str) -> AuditError:
    return AuditError(
        "the file must be a piece of an audit trail, and whole",
        value=f"{path}: {why}",
        remedy="compare it with another copy, or export it again",
    )
