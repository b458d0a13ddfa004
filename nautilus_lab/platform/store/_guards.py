"""What keeps the audit tables of a file append-only: as it was made, and put back."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal, TypeAlias

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from nautilus_lab.platform.store._tables import audit, audit_archived, audit_spools

GuardFault: TypeAlias = Literal["missing", "altered", "unknown"]

# As the migrations leave them: a test compares both.
_TRIGGERS = (
    """
    CREATE TRIGGER audit_is_not_updated BEFORE UPDATE ON audit BEGIN
        SELECT RAISE(ABORT, 'audit rows must not be changed');
    END
    """,
    """
    CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit
    WHEN OLD.seq > COALESCE(
        (SELECT MAX(seq) FROM audit_archived WHERE chain = OLD.chain), 0
    )
    BEGIN
        SELECT RAISE(ABORT, 'audit rows must not be deleted');
    END
    """,
    """
    CREATE TRIGGER audit_is_chained BEFORE INSERT ON audit BEGIN
        SELECT RAISE(ABORT, 'an audit row must follow the last one: wrong seq')
        WHERE NEW.seq IS NOT
            (SELECT COALESCE(MAX(seq), 0) + 1 FROM audit WHERE chain = NEW.chain);
        SELECT RAISE(ABORT, 'an audit row must follow the last one: wrong prev')
        WHERE NEW.prev IS NOT COALESCE(
            (SELECT hash FROM audit WHERE chain = NEW.chain ORDER BY seq DESC LIMIT 1),
            zeroblob(32)
        );
        SELECT RAISE(ABORT, 'an audit hash must have 32 bytes')
        WHERE length(NEW.hash) IS NOT 32;
    END
    """,
    """
    CREATE TRIGGER audit_archived_is_not_updated BEFORE UPDATE ON audit_archived BEGIN
        SELECT RAISE(ABORT, 'notes of archived audit rows must not be changed');
    END
    """,
    """
    CREATE TRIGGER audit_archived_is_not_deleted BEFORE DELETE ON audit_archived BEGIN
        SELECT RAISE(ABORT, 'notes of archived audit rows must not be deleted');
    END
    """,
    """
    CREATE TRIGGER audit_archived_is_true BEFORE INSERT ON audit_archived BEGIN
        SELECT RAISE(ABORT, 'what is noted as archived must be a row of the chain')
        WHERE NEW.hash IS NOT
            (SELECT hash FROM audit WHERE chain = NEW.chain AND seq = NEW.seq);
        SELECT RAISE(ABORT, 'what is noted as archived must not be the last row')
        WHERE NEW.seq >= (SELECT MAX(seq) FROM audit WHERE chain = NEW.chain);
        SELECT RAISE(ABORT, 'what is noted as archived must be more than before')
        WHERE NEW.seq <= COALESCE(
            (SELECT MAX(seq) FROM audit_archived WHERE chain = NEW.chain), 0
        );
    END
    """,
    """
    CREATE TRIGGER audit_spools_is_not_updated BEFORE UPDATE ON audit_spools BEGIN
        SELECT RAISE(ABORT, 'notes of spools must not be changed');
    END
    """,
    """
    CREATE TRIGGER audit_spools_is_not_deleted BEFORE DELETE ON audit_spools BEGIN
        SELECT RAISE(ABORT, 'notes of spools must not be deleted');
    END
    """,
    # not of an audit table: all of a file's triggers are known, since any could write into one
    """
    CREATE TRIGGER equity_is_not_updated BEFORE UPDATE ON equity BEGIN
        SELECT RAISE(ABORT, 'what an account was worth must not be changed');
    END
    """,
    """
    CREATE TRIGGER equity_is_not_deleted BEFORE DELETE ON equity BEGIN
        SELECT RAISE(ABORT, 'what an account was worth must not be deleted');
    END
    """,
)
_TABLES = (audit, audit_archived, audit_spools)

# What SQLite makes by itself for a key has no text. Text may be anything in a file that somebody
# wrote into, and a blob is read whatever it holds.
_FOUND = """
    SELECT type, CAST(name AS BLOB), CAST(sql AS BLOB) FROM sqlite_master
    WHERE sql IS NOT NULL
        AND (type = 'trigger' OR lower(tbl_name) IN ('audit', 'audit_archived', 'audit_spools'))
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class BrokenGuard:
    """Something around the audit tables that is not as it was made.

    Attributes
    ----------
    what : str
        ``"trigger"``, ``"table"`` or ``"index"``; on PostgreSQL also a function, a right, a role.
    name : str
        What it is called.
    fault : {"missing", "altered", "unknown"}
        It is gone; it is another one; or it is none of those that belong there.
    found : str
        What stands there instead; empty when nothing does.
    """

    what: str
    name: str
    fault: GuardFault
    found: str = ""

    def __str__(self) -> str:
        said = {
            "missing": "is missing",
            "altered": "is not what it was made as",
            "unknown": "does not belong there",
        }
        return f"the {self.what} {self.name} {said[self.fault]}"


def broken_guards(driver: sqlite3.Connection) -> tuple[BrokenGuard, ...]:
    """Return what is not as it was made: of the audit tables, and of all triggers of the file."""
    found = {
        (what, _text(name)): _text(sql) for what, name, sql in driver.execute(_FOUND).fetchall()
    }
    broken = []
    for key, wanted in _wanted().items():
        there = found.pop(key, None)
        if there is None:
            broken.append(BrokenGuard(what=key[0], name=key[1], fault="missing"))
        elif _spelled(there) != _spelled(wanted):
            broken.append(BrokenGuard(what=key[0], name=key[1], fault="altered", found=there))
    return (
        *broken,
        *(BrokenGuard(what=w, name=n, fault="unknown", found=s) for (w, n), s in found.items()),
    )


def restore_guards(driver: sqlite3.Connection, broken: Sequence[BrokenGuard]) -> None:
    """Put triggers back and remove what does not belong there.

    A table stays as it is: what is in it is evidence.
    """
    for one in broken:
        if one.what in ("trigger", "index"):
            quoted = one.name.replace('"', '""')
            driver.execute(f'DROP {one.what.upper()} IF EXISTS "{quoted}"')
            if (wanted := _wanted().get((one.what, one.name))) is not None:
                driver.execute(wanted)


@cache
def _wanted() -> dict[tuple[str, str], str]:
    """Return what must be there: (type, name) -> its text."""
    dialect = sqlite.dialect()
    tables = {
        ("table", str(table.name)): str(sa.schema.CreateTable(table).compile(dialect=dialect))
        for table in _TABLES
    }
    return tables | {("trigger", text.split()[2]): text for text in _TRIGGERS}


def _spelled(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "backslashreplace")
