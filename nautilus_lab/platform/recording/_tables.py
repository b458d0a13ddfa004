"""What the recorder's files look like: five tables, their columns, and rows made into batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from nautilus_lab.platform.messages import Envelope, encode

VERSION = "2"

_TIME = pa.timestamp("ns", tz="UTC")
# every table begins with these: the place in the order seen, and the time
_SEEN = (("n", pa.int64()), ("ts", _TIME))
_SOURCE = (("source_ts", _TIME), ("instrument", pa.string()))


@dataclass(frozen=True, eq=False)  # there are five: each is itself alone, and hashed a lot
class RecordTable:
    """One of the recorder's tables.

    Attributes
    ----------
    name : str
        What its files' names begin with.
    schema : pyarrow.Schema
        Its columns; the first, `n`, is the row's place in the order seen over all tables.
    """

    name: str
    schema: pa.Schema

    def batch(self, numbers: Sequence[int], rows: Sequence[tuple[Any, ...]]) -> pa.RecordBatch:
        """Return `rows`, values in the order of the columns after `n`, as a batch."""
        columns = [numbers, *zip(*rows, strict=True)]
        if self is DECISIONS:
            columns[-1] = [encode(d) if isinstance(d, Envelope) else d for d in columns[-1]]
        return pa.record_batch(
            [
                pa.array(column, type=kind)
                for column, kind in zip(columns, self.schema.types, strict=True)
            ],
            schema=self.schema,
        )


def _table(name: str, *columns: tuple[str, pa.DataType]) -> RecordTable:
    return RecordTable(name, pa.schema([*_SEEN, *columns]))


_NUMBER = pa.float64()

QUOTES = _table(
    "quotes",
    *_SOURCE,
    ("bid", _NUMBER),
    ("ask", _NUMBER),
    ("bid_size", _NUMBER),
    ("ask_size", _NUMBER),
)
TRADES = _table(
    "trades",
    *_SOURCE,
    ("price", _NUMBER),
    ("size", _NUMBER),
    ("side", pa.string()),
    ("trade_id", pa.string()),
)
BARS = _table(
    "bars",
    *_SOURCE,
    ("spec", pa.string()),
    ("open", _NUMBER),
    ("high", _NUMBER),
    ("low", _NUMBER),
    ("close", _NUMBER),
    ("volume", _NUMBER),
)
# `data` is the encoded envelope; or, where `topic` is empty, the facts as msgpack.
DECISIONS = _table(
    "decisions",
    ("kind", pa.string()),
    ("topic", pa.string()),
    ("data", pa.binary()),
)
# What the recorder says of the recording itself, few: where it began, ended, has a hole, and the
# present every now and then, so that a reader need not begin at the very first row.
MARKS = _table("marks", ("kind", pa.string()), ("data", pa.binary()))
TABLES = {table.name: table for table in (QUOTES, TRADES, BARS, DECISIONS, MARKS)}
