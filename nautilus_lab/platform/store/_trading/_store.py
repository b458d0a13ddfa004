"""The store of one trader: orders, fills, journal, outbox and audit chain."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

from nautilus_lab.platform.store import _sqlite
from nautilus_lab.platform.store._checkpoints import Checkpoints
from nautilus_lab.platform.store._database import engine_for, place_of, translating
from nautilus_lab.platform.store._schema import TRADING, driver_of, prepare
from nautilus_lab.platform.store._trading._alerts import Alerts
from nautilus_lab.platform.store._trading._audit import AuditChains
from nautilus_lab.platform.store._trading._commands import Commands
from nautilus_lab.platform.store._trading._equity import Equities
from nautilus_lab.platform.store._trading._events import Events
from nautilus_lab.platform.store._trading._intents import Intents
from nautilus_lab.platform.store._trading._orders import Orders


class TradingStore(Events, Orders, Equities, Alerts, Intents, Commands, AuditChains):
    """What a trader did, in one file, written by its node alone.

    The one rule: a store is used from the thread that opened it, which for a node is the thread
    of its event loop; every method is short enough for that. Others read the same file through
    a store of their own, opened with ``read_only=True``.

    Every method that writes is one transaction: all of it is there after it returned, whatever
    happens to the process then, and nothing of it when it raised. A loss of power may take the
    last commits with it, never the order or the integrity of what is left; see
    ``docs/platform/store.md``.

    Attributes
    ----------
    trouble : str
        The rule that the last write broke; empty when it was written.

    Examples
    --------
    >>> from nautilus_lab.platform.messages import NodeStateChanged, envelope
    >>> with TradingStore.open(":memory:") as store:
    ...     epoch = store.begin_epoch("node")
    ...     body = NodeStateChanged(component="node", state="running")
    ...     event = envelope(body, "system.node.T-1", trader="T-1", writer="node", epoch=epoch)
    ...     store.record(event).seq
    1
    """

    @classmethod
    def open(
        cls, path: Path | str, *, busy_timeout_ms: int = 5_000, read_only: bool = False
    ) -> Self:
        """Open the store at `path`; make or migrate it when that is needed.

        Parameters
        ----------
        path : path or str
            The file; ``":memory:"`` for a store that ends with the process; or a ``sqlite:`` URL.
        busy_timeout_ms : int, default=5000
            How long a write waits for another process to finish its own, milliseconds.
        read_only : bool, default=False
            Write nothing, not even a missing file.

        Raises
        ------
        StoreError
            When the file cannot be opened, is no trading store, or is of a newer schema. It is
            left as it was.
        InputError
            When an argument is out of bounds.
        """
        where = place_of(path)
        engine = engine_for(
            where, busy_timeout_ms=busy_timeout_ms, read_only=read_only, pooled=False
        )
        with translating(where, "opening it"):
            connection = engine.connect()
            try:
                prepare(
                    connection,
                    TRADING,
                    where,
                    busy_timeout_ms=busy_timeout_ms,
                    read_only=read_only,
                )
                checkpoints = None
                if not read_only and where != _sqlite.MEMORY:
                    checkpoints = Checkpoints(
                        driver_of(connection),
                        lambda: _sqlite.connect(
                            where, busy_timeout_ms=busy_timeout_ms, read_only=False, pooled=False
                        ),
                        where,
                    )
                return cls(engine, connection, where, checkpoints)
            except BaseException:
                connection.close()
                raise

    def __repr__(self) -> str:
        state = "closed" if self._connection is None else "open"
        return f"TradingStore({self._where!r}, {state})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; calling it twice is harmless."""
        if self._connection is not None:
            with translating(self._where, "closing it"):
                connection = self._mine()
                if self._checkpoints is not None:
                    self._checkpoints.close()
                connection.close()
                self._engine.dispose()
            self._connection = None
