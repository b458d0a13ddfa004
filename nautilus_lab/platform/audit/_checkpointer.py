"""Making checkpoints while a node runs, on a thread of its own."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from nautilus_lab.exceptions import AuditError, InputError, LabError
from nautilus_lab.platform.audit._chain import GENESIS
from nautilus_lab.platform.audit._checkpoint import Checkpoint
from nautilus_lab.platform.audit._checkpoint_file import Appender, CheckpointFile
from nautilus_lab.platform.audit._guards import require_guards, require_in_place
from nautilus_lab.platform.audit._merkle import MerkleTree
from nautilus_lab.platform.audit._verify import verify_chain
from nautilus_lab.platform.store import TradingStore

_log = logging.getLogger(__name__)

_TICK_S = 0.25
_TRY_AGAIN_S = 5.0
# So few rows are read at a time that the thread which trades never waits for the interpreter.
_PAGE = 32
_LET_OTHERS_S = 0.0005


def make_checkpoints(
    store: TradingStore,
    file: CheckpointFile,
    *,
    chain: str | None = None,
    every: int = 1_000,
    rest: bool = True,
    between: Callable[[], None] = lambda: None,
) -> tuple[Checkpoint, ...]:
    """Checkpoint what the chains of a store have gained since their last checkpoint.

    Every row is verified on its way: what does not continue the last checkpoint, or does not
    hold, is never vouched for.

    Parameters
    ----------
    store : TradingStore
        Whose chains.
    file : CheckpointFile
        Where their checkpoints are.
    chain : str, optional
        Only this one; all of the store when not given.
    every : int, default=1000
        A checkpoint each so many rows.
    rest : bool, default=True
        Also one after the last row, if there are rows since.
    between : callable, optional
        Called after every few rows.

    Returns
    -------
    tuple of Checkpoint
        Those that were made; they are on the disk.

    Raises
    ------
    AuditError
        When a chain does not hold, or is not what was checkpointed before: it names the first bad
        row. Also when something in the file is not as it was sealed.
    StoreError
        When the store cannot be read or the file not be written.
    """
    if not every > 0:
        raise InputError("checkpoints are made each so many rows, at least 1", value=every)
    tampered: AuditError | None = None
    with file.appending() as appender:
        # Also those that are gone from the store altogether.
        known = sorted({*store.audit_chains(), *appender.chains})
        for name in known if chain is None else (chain,):
            try:
                _continue(store, appender, name, every, rest, between)
            except AuditError as error:
                tampered = tampered or error  # the others get theirs all the same
    if tampered is not None:
        raise tampered
    return tuple(appender.made)


def _continue(
    store: TradingStore,
    appender: Appender,
    chain: str,
    every: int,
    rest: bool,
    between: Callable[[], None],
) -> None:
    last = appender.last(chain)
    seq, head, tree = 0, GENESIS, MerkleTree()
    if last is not None:
        seq, head, tree = last.size, bytes.fromhex(last.head), last.tree
        _require_row(store, chain, last)
    for page in store.audit_pages(seq + 1, chain=chain, size=_PAGE):
        begin = 0
        while begin < len(page):
            part = page[begin : begin + every - seq % every]
            verdict = verify_chain([part], chain=chain, after=(seq, head), tree=tree)
            verdict.require()
            seq, head = verdict.head_seq, verdict.head
            begin += len(part)
            if seq % every == 0:
                last = appender.add(chain, tree, head)
        between()
    if rest and seq > (0 if last is None else last.size):
        appender.add(chain, tree, head)


def _require_row(store: TradingStore, chain: str, last: Checkpoint) -> None:
    """Raise unless the chain still has the row that `last` ended with."""
    page = next(store.audit_pages(last.size, chain=chain, size=1), [])
    if not page or page[0][1] != last.size:
        gone = "cut off at its end" if not page else "gone"
        raise AuditError(
            "a chain must have the rows that were checkpointed",
            value=f"row {last.size} of {chain} is {gone}; {last}",
            remedy="nautilus-lab audit verify says what was done",
        )
    if page[0][7] != bytes.fromhex(last.head):
        raise AuditError(
            "a chain must be what was checkpointed",
            value=f"row {last.size} of {chain} has another hash; {last}",
            remedy="nautilus-lab audit verify says what was done",
        )


class Checkpointer:
    """Makes checkpoints beside a running node, and says when it cannot.

    Parameters
    ----------
    open_store : callable
        Opens the store for this thread, to be read.
    file : CheckpointFile
        Where they go.
    rows : callable
        How many rows there are now, as cheap as it can be; called four times a second.
    every : int, default=1000
        A checkpoint each so many rows.
    every_s : float, default=60
        And each so many seconds in which a row was written.
    on_trouble : callable, optional
        Called on this thread with the `LabError` that keeps checkpoints from being made, or with
        what is found amiss beside them, each time that is another one, and with None when it has
        passed.
    on_begun : callable, optional
        Called once, on this thread, with the last checkpoint after the first look: who writes a
        row of it into the chain has the chain tell that there is a file of checkpoints.
    """

    def __init__(
        self,
        open_store: Callable[[], TradingStore],
        file: CheckpointFile,
        *,
        rows: Callable[[], int],
        every: int = 1_000,
        every_s: float = 60.0,
        on_trouble: Callable[[LabError | None], object] = lambda error: None,
        on_begun: Callable[[Checkpoint], object] = lambda checkpoint: None,
    ) -> None:
        self._open_store = open_store
        self._file = file
        self._rows = rows
        self._every = every
        self._every_s = every_s
        self._on_trouble = on_trouble
        self._on_begun: Callable[[Checkpoint], object] | None = on_begun
        self._trouble = ""
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="audit-checkpoints", daemon=True)
        self.made = 0

    def __repr__(self) -> str:
        return f"Checkpointer({self._file!r}, {self.made} made)"

    def start(self) -> None:
        """Begin; the rows since the last checkpoint get one at once."""
        self._thread.start()

    def stop(self, timeout_s: float = 10.0) -> None:
        """Make a last checkpoint and end; harmless when it never began."""
        self._over.set()
        if self._thread.ident is not None:
            self._thread.join(timeout_s)
            if self._thread.is_alive():
                _log.error("the last checkpoint was not made within %g s", timeout_s)

    def _run(self) -> None:
        store: TradingStore | None = None
        covered = whole = -1  # rows with a checkpoint, and how many times `every` of them
        due_at = again_at = 0.0
        while True:
            over = self._over.wait(0.0 if covered < 0 and not self._trouble else _TICK_S)
            rows, now = self._rows(), time.monotonic()
            due = rows != covered and (now >= due_at or over)
            if (due or rows // self._every > whole) and (now >= again_at or over):
                try:
                    if store is None:
                        store = self._open_store()
                    self._make(store, rest=due)
                except Exception as error:
                    if not isinstance(error, LabError):
                        _log.exception("no checkpoint could be made")
                        error = AuditError(f"a checkpoint must be made: {error}")
                    self._tell(error)
                    again_at = now + _TRY_AGAIN_S
                else:
                    self._tell(None)
                    whole = rows // self._every
                    if due:
                        # The first rows of all wait for nothing: until then nobody could tell if
                        # they were gone.
                        covered, due_at = rows, now + self._every_s if rows else 0.0
            if over:
                break
        if store is not None:
            store.close()

    def _make(self, store: TradingStore, *, rest: bool) -> None:
        made = make_checkpoints(
            store,
            self._file,
            every=self._every,
            rest=rest,
            between=lambda: None if self._over.is_set() else time.sleep(_LET_OTHERS_S),
        )
        self.made += len(made)
        for one in made:
            _log.info("%s, seal %s", one, one.seal)  # a copy beside the file
        last = self._file.latest
        if self._on_begun is not None and last is not None:
            tell, self._on_begun = self._on_begun, None
            tell(last)
        # Last: of all times, now the checkpoints are needed.
        require_in_place(store)
        require_guards(store.broken_guards())

    def _tell(self, error: LabError | None) -> None:
        text = "" if error is None else str(error)
        if text != self._trouble:
            self._trouble = text
            self._on_trouble(error)
