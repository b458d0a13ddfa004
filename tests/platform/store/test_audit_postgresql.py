"""PostgreSQL itself keeps the audit table append-only and chained."""

from __future__ import annotations

import subprocess

import pytest

from nautilus_lab.exceptions import InputError
from nautilus_lab.platform.audit import next_row, verify
from nautilus_lab.platform.store import AuditRow, postgresql_audit
from tests.platform.store.postgresql import available, running

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def server():
    available()
    with running() as started:
        done = started.sql(postgresql_audit())
        assert done.returncode == 0, done.stderr
        rows, last = [], None
        for number in range(5):
            last = next_row(
                last, chain="node", ts_ns=number, actor="ana", kind="note", body={"n": "it's"}
            )
            rows.append(last)
        done = started.sql("".join(map(insertion, rows)), role="lab_writer")
        assert done.returncode == 0, done.stderr
        started.rows = rows
        yield started


def insertion(row: AuditRow, table: str = "nautilus_lab.audit", end: str = "") -> str:
    def text(value: str) -> str:
        return "'" + value.replace("'", "''") + "'"

    return (
        f"INSERT INTO {table} VALUES ({text(row.chain)}, {row.seq}, {row.ts_ns}, "
        f"{text(row.actor)}, {text(row.kind)}, {text(row.body)}, "
        f"'\\x{row.prev.hex()}', '\\x{row.hash.hex()}') {end};\n"
    )


def stored(server) -> list[AuditRow]:
    done = server.sql(
        "SELECT chain, seq, ts_ns, actor, kind, body, encode(prev, 'hex'), encode(hash, 'hex') "
        "FROM nautilus_lab.audit WHERE chain = 'node' ORDER BY seq"
    )
    rows = []
    for line in done.stdout.splitlines():
        chain, seq, ts_ns, actor, kind, body, prev, own = line.split("|")
        hashes = {"prev": bytes.fromhex(prev), "hash": bytes.fromhex(own)}
        rows.append(
            AuditRow(
                chain=chain,
                seq=int(seq),
                ts_ns=int(ts_ns),
                actor=actor,
                kind=kind,
                body=body,
                **hashes,
            )
        )
    return rows


def test_what_the_writer_appended_is_a_chain_that_holds(server):
    assert stored(server)[:5] == server.rows
    assert verify(stored(server)).ok


ATTACKS = {
    "update": "UPDATE nautilus_lab.audit SET body = '{}'",
    "delete": "DELETE FROM nautilus_lab.audit",
    "truncate": "TRUNCATE nautilus_lab.audit",
    "truncate cascade": "TRUNCATE nautilus_lab.audit CASCADE",
    "upsert": "INSERT INTO nautilus_lab.audit SELECT * FROM nautilus_lab.audit WHERE seq = 3 "
    "ON CONFLICT (chain, seq) DO UPDATE SET body = '{}'",
    "merge": "MERGE INTO nautilus_lab.audit a USING (SELECT 3 AS seq) b ON a.seq = b.seq "
    "WHEN MATCHED THEN UPDATE SET body = '{}'",
    "drop": "DROP TABLE nautilus_lab.audit",
    "alter": "ALTER TABLE nautilus_lab.audit ALTER body TYPE varchar",
    "disable trigger": "ALTER TABLE nautilus_lab.audit DISABLE TRIGGER ALL",
    "drop trigger": "DROP TRIGGER audit_is_not_updated ON nautilus_lab.audit",
    "replace function": "CREATE OR REPLACE FUNCTION nautilus_lab.audit_refuses() RETURNS trigger "
    "LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$",
    "replica": "SET session_replication_role = replica",
    "become owner": "SET ROLE lab_owner",
    "note as archived": "INSERT INTO nautilus_lab.audit_archived "
    "SELECT chain, seq, hash, 'x', hash, 1 FROM nautilus_lab.audit WHERE seq = 3",
    "copy": "COPY nautilus_lab.audit FROM PROGRAM 'true'",
    "rule": "CREATE RULE r AS ON INSERT TO nautilus_lab.audit DO INSTEAD NOTHING",
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_the_writer_can_do_nothing_but_append(server, attack):
    before = stored(server)
    done = server.sql(ATTACKS[attack] + ";", role="lab_writer")
    assert done.returncode != 0
    # insufficient_privilege; for the upsert, also the chain's own refusal
    assert "42501" in done.stderr, done.stderr
    assert stored(server) == before


@pytest.mark.parametrize(
    "attack",
    ["update", "delete", "truncate", "truncate cascade", "upsert", "merge"],
)
@pytest.mark.parametrize("role", ["lab_owner", "boss"])
def test_not_even_its_owner_changes_a_row_by_accident(server, attack, role):
    before = stored(server)
    done = server.sql(f"SET ROLE {role}; {ATTACKS[attack]};")
    assert done.returncode != 0
    assert "audit row" in done.stderr, done.stderr
    assert stored(server) == before


def test_a_row_that_does_not_follow_is_refused(server):
    last = stored(server)[-1]
    follows = next_row(last, chain="node", ts_ns=9, actor="a", kind="k", body={})
    early = next_row(None, chain="node", ts_ns=9, actor="a", kind="k", body={})
    far = next_row(follows, chain="node", ts_ns=9, actor="a", kind="k", body={})
    for row, why in ((early, "wrong seq"), (far, "wrong seq")):
        done = server.sql(insertion(row), role="lab_writer")
        assert why in done.stderr
    forged = insertion(follows).replace(follows.prev.hex(), bytes(32).hex())
    assert "wrong prev" in server.sql(forged, role="lab_writer").stderr
    short = insertion(follows).replace(follows.hash.hex(), "00")
    assert "32 bytes" in server.sql(short, role="lab_writer").stderr
    ignored = server.sql(insertion(early, end="ON CONFLICT DO NOTHING"), role="lab_writer")
    assert "wrong seq" in ignored.stderr
    assert stored(server)[-1] == last


def test_two_that_append_at_once_leave_one_chain_without_a_fork(server):
    last = stored(server)[-1]
    rivals = [
        next_row(last, chain="node", ts_ns=n, actor=f"rival-{n}", kind="k", body={})
        for n in range(4)
    ]
    scripts = [f"BEGIN; {insertion(row)} SELECT pg_sleep(0.2); COMMIT;" for row in rivals]
    running_ = [
        subprocess.Popen(
            [
                *("psql", "-h", server.folder, "-U", "lab_writer", "-d", "postgres", "-X", "-q"),
                *("-v", "ON_ERROR_STOP=1", "-c", script),
            ],
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for script in scripts
    ]
    ended = [(one.communicate()[1], one.returncode) for one in running_]
    assert sorted(code == 0 for _, code in ended) == [False, False, False, True]
    assert all("wrong seq" in said for said, code in ended if code)
    assert verify(stored(server)).ok
    assert len(stored(server)) == last.seq + 1


def test_the_owner_may_cut_off_what_is_archived_and_nothing_else(server):
    keep = stored(server)
    note = (
        "SET ROLE lab_owner; INSERT INTO nautilus_lab.audit_archived SELECT chain, seq, hash, "
        "'a.jsonl', hash, 1 FROM nautilus_lab.audit WHERE chain = 'node' AND seq = {};"
    )
    assert "never the last row" in server.sql(note.format(keep[-1].seq)).stderr
    forged = note.format(2).replace("SELECT chain, seq, hash,", "SELECT chain, seq, '\\x00',")
    assert "must be a row of the chain" in server.sql(forged).stderr
    cut = "SET ROLE lab_owner; DELETE FROM nautilus_lab.audit WHERE seq <= {};"
    done = server.sql("BEGIN;" + note.format(2) + cut.format(3) + "COMMIT;")
    assert "must not be changed or deleted" in done.stderr
    assert stored(server) == keep
    done = server.sql("BEGIN;" + note.format(2) + cut.format(2) + "COMMIT;")
    assert done.returncode == 0, done.stderr
    assert stored(server) == keep[2:]
    assert verify(stored(server), after=keep[1]).ok
    for change in ("UPDATE nautilus_lab.audit_archived SET seq = 9", "TRUNCATE nautilus_lab.audit"):
        assert server.sql(f"SET ROLE lab_owner; {change};").returncode != 0


def test_a_writer_who_is_the_owner_is_refused(server):
    done = server.sql(
        'CREATE ROLE "both" LOGIN IN ROLE lab_owner;'
        + postgresql_audit(schema="other", writer="both")
    )
    assert "must not be its owner" in done.stderr
    assert "other" not in server.sql("SELECT nspname FROM pg_namespace").stdout


@pytest.mark.parametrize("name", ["", "Lab", "a b", "a;DROP TABLE x", "x" * 64, "é"])
def test_a_name_that_could_be_something_else_is_refused(name):
    for role in ("schema", "owner", "writer"):
        with pytest.raises(InputError, match="lower-case"):
            postgresql_audit(**{role: name})


def test_one_role_is_not_both():
    with pytest.raises(InputError, match="must not be its owner"):
        postgresql_audit(owner="lab", writer="lab")
