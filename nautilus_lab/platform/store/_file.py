"""A store in one file that any thread may use: opened, closed, and its short transactions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

import sqlalchemy as sa

from nautilus_lab.exceptions import StoreError
from nautilus_lab.platform.store._database import engine_for, place_of, translating
from nautilus_lab.platform.store._schema import Schema, prepare


class StoreFile:
    """What stores with a pool of connections share; each says its `_schema`."""

    _schema: ClassVar[Schema]

    def __init__(self, engine: sa.Engine, where: str) -> None:
        self._engine: sa.Engine | None = engine
        self._where = where

    @classmethod
    def open(
        cls, path: Path | str, *, busy_timeout_ms: int = 5_000, read_only: bool = False
    ) -> Self:
        """Open the store at `path`; make or migrate it when that is needed.

        Parameters
        ----------
        path : path or str
            The file, or a ``sqlite:`` URL.
        busy_timeout_ms : int, default=5000
            How long a write waits for another to finish, milliseconds.
        read_only : bool, default=False
            Write nothing, not even a missing file.

        Raises
        ------
        StoreError
            When the file cannot be opened, is no such store, or is of a newer schema. It is left as
            it was.
        InputError
            When an argument is out of bounds.
        """
        where = place_of(path)
        engine = engine_for(
            where, busy_timeout_ms=busy_timeout_ms, read_only=read_only, pooled=True
        )
        try:
            with translating(where, "opening it"), engine.connect() as connection:
                prepare(
                    connection,
                    cls._schema,
                    where,
                    busy_timeout_ms=busy_timeout_ms,
                    read_only=read_only,
                )
        except BaseException:
            engine.dispose()
            raise
        return cls(engine, where)

    def __repr__(self) -> str:
        state = "closed" if self._engine is None else "open"
        return f"{type(self).__name__}({self._where!r}, {state})"

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
        if self._engine is not None:
            with translating(self._where, "closing it"):
                self._engine.dispose()
            self._engine = None

    @contextmanager
    def reading(self, doing: str) -> Iterator[sa.Connection]:
        """Begin a transaction that reads; `doing` is for the words of an error."""
        engine = self._open()
        with translating(self._where, doing), engine.begin() as connection:
            yield connection

    @contextmanager
    def writing(self, doing: str) -> Iterator[sa.Connection]:
        """Begin a transaction that has the right to write from its beginning."""
        engine = self._open().execution_options(write=True)
        with translating(self._where, doing), engine.begin() as connection:
            yield connection

    def _open(self) -> sa.Engine:
        if self._engine is None:
            raise StoreError(
                "a store must be open to be used",
                value=self._where,
                remedy=f"open it again: {type(self).__name__}.open(path)",
            )
        return self._engine
