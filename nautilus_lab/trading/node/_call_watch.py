"""Which strategy holds up the node: noted by a thread, since a node that is held up cannot."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from nautilus_lab.exceptions import StoreError
from nautilus_lab.platform.rundir import write_whole

log = logging.getLogger(__name__)

_PATIENCE_S = 5.0
_LOOK_EVERY_S = 0.25


class HeldUp(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A call that had not returned when its node ended.

    Attributes
    ----------
    strategy : str
        Whose code was called.
    where : str
        What of it.
    """

    strategy: str
    where: str


class CallWatch:
    """Knows whose code the node is in, and keeps in a file what has been there for too long.

    The node cannot do anything about it: it is in that code. Its supervisor finds it frozen and
    kills it, and its next life reads here whom to leave out. Code of a C library that does not let
    other threads run cannot be found this way.

    Parameters
    ----------
    path : Path, optional
        ``RunDirectory.held_up``; nothing is kept without.
    patience_s : float, default=5
        How long a call may take before it is kept; less than the supervisor's patience.

    Attributes
    ----------
    now : tuple or None
        Strategy, what of it was called, and when, by the monotonic clock.
    """

    def __init__(self, path: Path | None = None, *, patience_s: float = _PATIENCE_S) -> None:
        self.now: tuple[str, str, float] | None = None
        self._path = path
        self._patience_s = patience_s
        self._kept: tuple[str, str, float] | None = None
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    @contextmanager
    def calling(self, strategy: str, where: str) -> Iterator[None]:
        """Note that the node is in a strategy's code."""
        before, self.now = self.now, (strategy, where, time.monotonic())
        try:
            yield
        finally:
            self.now = before

    def start(self) -> None:
        """Begin to look."""
        if self._path is not None and self._thread is None:
            self._thread = threading.Thread(target=self._look, name="call-watch", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Look no more; calling it twice is harmless."""
        self._over.set()
        if self._thread is not None:
            self._thread.join()

    def take(self) -> HeldUp | None:
        """Return what held up an earlier life of the node until its end, and forget it."""
        if self._path is None:
            return None
        try:
            found = msgspec.json.decode(self._path.read_bytes(), type=HeldUp)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.DecodeError) as error:
            log.error("what held up the node before cannot be read: %s", error)
            found = None
        with contextlib.suppress(OSError):
            self._path.unlink()
        return found

    def _look(self) -> None:
        while not self._over.wait(_LOOK_EVERY_S):
            now = self.now
            if now is not None and time.monotonic() - now[2] > self._patience_s:
                if now is not self._kept:
                    self._keep(now)
            elif self._kept is not None:
                self._kept = None
                with contextlib.suppress(OSError):
                    self._file.unlink(missing_ok=True)

    def _keep(self, now: tuple[str, str, float]) -> None:
        strategy, where, _ = self._kept = now
        log.error("%s of %s has not returned for %g s", where, strategy, self._patience_s)
        try:
            write_whole(self._file, msgspec.json.encode(HeldUp(strategy=strategy, where=where)))
        except StoreError as error:
            log.error("that cannot be kept: %s", error)

    @property
    def _file(self) -> Path:
        assert self._path is not None
        return self._path
