"""How long work is done: in chunks, here or elsewhere, told of, and gone on with after a crash."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import queue
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nautilus_lab.exceptions import InputError, StoreError
from nautilus_lab.factors.scale._threads import spans

if TYPE_CHECKING:
    from nautilus_lab.factors.scale._typing import AnyArray

    Answer = dict[str, AnyArray]

# Chunks handed to an executor and not answered yet; their inputs and answers are in memory.
_AHEAD = 8
_HASHED = 1 << 24  # bytes


@dataclass(frozen=True, kw_only=True)
class Running:
    """Where and how the chunks of one work are done; see `nautilus_lab.factors.scale`.

    Attributes
    ----------
    executor : object or None
        Anything with ``submit(function, *arguments)`` that answers a future: an executor of
        `concurrent.futures`, or a Dask client.
    folder : path or None
        Where finished chunks are kept.
    progress : callable or None
        Called with the number of chunks done and their number, from the thread of the caller.
    """

    executor: Any = None
    folder: str | os.PathLike[str] | None = None
    progress: Callable[[int, int], object] | None = None

    def each(
        self,
        work: str,
        task: Callable[..., Answer],
        chunks: Sequence[Any],
        inputs: Callable[[Any], tuple[Any, ...]],
        *,
        settings: Mapping[str, Any],
        sources: Callable[[], str],
    ) -> Iterator[tuple[Any, Answer]]:
        """Yield each chunk with the answer of ``task(*inputs(chunk))``, in no certain order.

        Parameters
        ----------
        work : str
            What is done; a part of the manifest.
        task : callable
            Importable by name, for other processes; answers named arrays.
        chunks : sequence
            What the work is cut into, as JSON can hold it.
        inputs : callable
            From a chunk to the arguments of `task`.
        settings : mapping
            All that the answers depend on beside the inputs, as JSON can hold it.
        sources : callable
            The hash of the inputs; called only when a folder is kept.
        """
        if self.folder is None:
            yield from self._done(task, list(enumerate(chunks)), inputs, len(chunks), None)
            return
        manifest = {
            "format": 2,
            "work": work,
            "inputs": sources(),
            "settings": json.loads(json.dumps(dict(settings))),
            "chunks": json.loads(json.dumps(list(chunks))),
        }
        with _kept(Path(self.folder), manifest) as folder:
            left = []
            for number, chunk in enumerate(chunks):
                answer = _read(folder, number)
                if answer is None:
                    left.append((number, chunk))
                else:
                    yield chunk, answer
            yield from self._done(task, left, inputs, len(chunks), folder)

    def _done(
        self,
        task: Callable[..., Answer],
        left: Sequence[tuple[int, Any]],
        inputs: Callable[[Any], tuple[Any, ...]],
        total: int,
        folder: Path | None,
    ) -> Iterator[tuple[Any, Answer]]:
        done = total - len(left)
        if self.progress is not None:
            self.progress(done, total)
        answers = (
            ((number, chunk, task(*inputs(chunk))) for number, chunk in left)
            if self.executor is None
            else _elsewhere(self.executor, task, left, inputs)
        )
        for number, chunk, answer in answers:
            if folder is not None:
                _write(folder, number, answer)
            done += 1
            if self.progress is not None:
                self.progress(done, total)
            yield chunk, answer


def _elsewhere(
    executor: Any,
    task: Callable[..., Answer],
    left: Sequence[tuple[int, Any]],
    inputs: Callable[[Any], tuple[Any, ...]],
) -> Iterator[tuple[int, Any, Answer]]:
    """Yield answers as they come, with a few chunks under way at a time."""
    finished: queue.SimpleQueue[Any] = queue.SimpleQueue()
    underway: dict[int, tuple[Any, Any]] = {}  # number -> chunk, future
    waiting = iter(left)

    def send() -> None:
        for number, chunk in waiting:
            future = executor.submit(task, *inputs(chunk))
            underway[number] = chunk, future
            # Not the future it is called with: Dask's is another object than ours.
            future.add_done_callback(lambda _, number=number: finished.put(number))
            return

    try:
        for _ in range(_AHEAD):
            send()
        while underway:
            number = finished.get()
            chunk, future = underway.pop(number)
            answer = future.result()
            send()
            yield number, chunk, answer
    finally:
        for _, future in underway.values():
            future.cancel()


def hash_of(*arrays: AnyArray) -> str:
    """Return a hash of the shapes, kinds and bytes of contiguous arrays."""
    from concurrent.futures import ThreadPoolExecutor

    import numpy as np

    def of(piece: memoryview) -> bytes:
        return hashlib.blake2b(piece, digest_size=16).digest()

    whole = hashlib.blake2b(digest_size=16)
    with ThreadPoolExecutor(2) as pool:
        for array in arrays:
            whole.update(f"{array.shape} {array.dtype.str};".encode())
            flat = memoryview(np.ascontiguousarray(array).view(np.uint8).reshape(-1))
            pieces = [flat[begin:end] for begin, end in spans(len(flat), _HASHED)]
            for digest in pool.map(of, pieces):
                whole.update(digest)
    return whole.hexdigest()


@contextmanager
def _kept(folder: Path, manifest: dict[str, Any]) -> Iterator[Path]:
    """Hold the folder for this process alone, its manifest written or found to be the same."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "lock").open("a")
    except OSError as error:
        raise StoreError(
            "the folder of a work must be writable", value=str(error), remedy="pass another folder"
        ) from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(
                "one process at a time works in a folder",
                value=str(folder),
                remedy="wait for it, or pass another folder",
            ) from None
        path = folder / "manifest.json"
        if path.exists():
            _require_same(_manifest(path), manifest, folder)
        else:
            _replace(path, json.dumps(manifest, indent=1).encode())
        yield folder


def _manifest(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        found = str(error)
    if not isinstance(found, dict):
        raise StoreError(
            "the manifest of a work must be readable",
            value=f"{path}: {found}",
            remedy="pass a new folder",
        )
    return found


def _require_same(found: dict[str, Any], wanted: dict[str, Any], folder: Path) -> None:
    for key, what in (
        ("format", "another version's files"),
        ("work", "another work"),
        ("settings", "other settings"),
        ("inputs", "other inputs"),
        ("chunks", "other chunks"),
    ):
        if found.get(key) != wanted[key]:
            told = f": {found.get(key)}" if key in ("work", "settings") else ""
            raise InputError(
                "a folder is gone on with by the work that began it",
                value=f"{folder} holds {what}{told}",
                remedy="pass a new folder, or the inputs and settings it was begun with",
            )


def _place(folder: Path, number: int) -> Path:
    return folder / f"chunk-{number:06d}.npz"


def _write(folder: Path, number: int, answer: Answer) -> None:
    import io

    import numpy as np

    held = io.BytesIO()
    np.savez(held, allow_pickle=False, **answer)
    _replace(_place(folder, number), held.getvalue())


def _read(folder: Path, number: int) -> Answer | None:
    import numpy as np

    path = _place(folder, number)
    if not path.exists():
        return None
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as kept:
            return {name: kept[name] for name in kept.files}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise StoreError(
            "a finished chunk must be readable",
            value=f"{path}: {error}",
            remedy="delete it: it is then done again",
        ) from error


def _replace(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole or not at all, whatever ends the process."""
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
