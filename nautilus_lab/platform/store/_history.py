"""The store of what came over the bus: every event of every trader, once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields

import sqlalchemy as sa

from nautilus_lab.exceptions import InputError
from nautilus_lab.platform import messages
from nautilus_lab.platform.messages import EVENTS, Envelope, topic_matches
from nautilus_lab.platform.store._database import intact
from nautilus_lab.platform.store._file import StoreFile
from nautilus_lab.platform.store._rows import GapRow
from nautilus_lab.platform.store._schema import HISTORY, driver_of
from nautilus_lab.platform.store._statement import insert_new, merge
from nautilus_lab.platform.store._tables import events, gaps, positions

Writer = tuple[str, str]  # trader, writer
Position = tuple[int, int]  # epoch, seq

_GAP = tuple(field.name for field in fields(GapRow))


class HistoryStore(StoreFile):
    """The events that a bus carried, in one file, kept by the history writer.

    An event is known by the id of its envelope: however often it comes, it stands once. Any
    thread may use the store; every method is one short transaction.

    Examples
    --------
    >>> import tempfile
    >>> from nautilus_lab.platform.messages import NodeStateChanged, envelope
    >>> body = NodeStateChanged(component="node", state="running")
    >>> event = envelope(body, "system.node.T-1", trader="T-1", writer="node", epoch=1, seq=1)
    >>> with tempfile.TemporaryDirectory() as d, HistoryStore.open(f"{d}/history.db") as history:
    ...     history.add([event]), history.add([event]), history.events("system.>") == (event,)
    (1, 0, True)
    """

    _schema = HISTORY

    def __init__(self, engine: sa.Engine, where: str) -> None:
        super().__init__(engine, where)
        self._add = insert_new(events, engine.dialect)

    # --- writing --------------------------------------------------------------------------

    def add(
        self,
        came: Sequence[Envelope],
        *,
        held: Mapping[Writer, Position] | None = None,
        missing: Sequence[GapRow] = (),
    ) -> int:
        """Store events, and how far their writers were followed, in one transaction.

        Parameters
        ----------
        came : sequence of Envelope
            Events; those that are stored already change nothing.
        held : mapping, optional
            (trader, writer) -> the (epoch, seq) up to which nothing is missing.
        missing : sequence of GapRow
            What nobody could supply.

        Returns
        -------
        int
            How many were new.

        Raises
        ------
        InputError
            When one is a state, or cannot be stored; nothing was stored then.
        StoreError
            When the store cannot write.
        """
        for envelope in came:
            if not isinstance(envelope.body, EVENTS):
                raise InputError(
                    "a history keeps events", value=type(envelope.body).__name__, remedy="leave it"
                )
        rows = [_row(envelope) for envelope in came]
        with self.writing("adding events") as connection:
            driver = driver_of(connection)
            new = sum(self._add(driver, row).rowcount for row in rows)
            for (trader, writer), (epoch, seq) in (held or {}).items():
                connection.execute(
                    merge(positions, connection.dialect),
                    {"trader": trader, "writer": writer, "epoch": epoch, "seq": seq},
                )
            for gap in missing:
                connection.execute(sa.insert(gaps), asdict(gap))
        return new

    # --- reading --------------------------------------------------------------------------

    def positions(self) -> dict[Writer, Position]:
        """Return for each (trader, writer) the (epoch, seq) up to which it was followed."""
        with self.reading("reading the positions") as connection:
            rows = connection.execute(sa.select(positions)).all()
        return {(row.trader, row.writer): (row.epoch, row.seq) for row in rows}

    def known(self, ids: Sequence[str]) -> frozenset[str]:
        """Return those of `ids` whose events are stored."""
        with self.reading("looking for events") as connection:
            wanted = sa.select(events.c.id).where(events.c.id.in_(list(ids)))
            return frozenset(connection.scalars(wanted).all())

    def events(
        self,
        pattern: str = ">",
        *,
        start_ns: int | None = None,
        end_ns: int | None = None,
        trader: str | None = None,
        limit: int | None = None,
    ) -> tuple[Envelope, ...]:
        """Return the events whose topic falls under `pattern`, as they happened.

        Parameters
        ----------
        pattern : str, default=">"
            As `Bus.subscribe` takes it.
        start_ns, end_ns : int, optional
            From when on, and before when; UNIX nanoseconds UTC.
        trader : str, optional
            Only this one's.
        limit : int, optional
            At most so many, the oldest.

        Raises
        ------
        InputError
            When `limit` is not positive.
        MessageError
            When a stored event cannot be read back.
        """
        if limit is not None and not limit > 0:
            raise InputError("limit must be positive", value=limit)
        wanted = sa.select(events.c.topic, events.c.envelope).order_by(events.c.ts_ns, events.c.id)
        if prefix := _prefix(pattern):
            wanted = wanted.where(events.c.topic.startswith(prefix, autoescape=True))
        if start_ns is not None:
            wanted = wanted.where(events.c.ts_ns >= start_ns)
        if end_ns is not None:
            wanted = wanted.where(events.c.ts_ns < end_ns)
        if trader is not None:
            wanted = wanted.where(events.c.trader == trader)
        found: list[Envelope] = []
        with self.reading("reading events") as connection:
            for topic, stored in connection.execute(wanted):
                if topic_matches(pattern, topic):
                    found.append(messages.decode(stored))
                    if len(found) == limit:
                        break
        return tuple(found)

    def count(self) -> int:
        """Return how many events are stored."""
        with self.reading("counting events") as connection:
            return connection.scalar(sa.select(sa.func.count()).select_from(events)) or 0

    def gaps(self) -> tuple[GapRow, ...]:
        """Return what is missing and could not be had, as it was found."""
        wanted = sa.select(*(gaps.c[name] for name in _GAP)).order_by(gaps.c.id)
        with self.reading("reading the gaps") as connection:
            rows = connection.execute(wanted).mappings().all()
        with intact(self._where):
            return tuple([GapRow(**row) for row in rows])


def _row(envelope: Envelope) -> dict[str, object]:
    return {
        "id": envelope.id,
        "topic": envelope.topic,
        "ts_ns": envelope.ts,
        "trader": envelope.trader,
        "writer": envelope.writer,
        "epoch": envelope.epoch,
        "seq": envelope.seq,
        "simulated": int(envelope.simulated),
        "envelope": messages.encode(envelope),
    }


def _prefix(pattern: str) -> str:
    parts = pattern.split(".")
    fixed = next((n for n, part in enumerate(parts) if part in ("*", ">")), None)
    return pattern if fixed is None else "".join(f"{part}." for part in parts[:fixed])
