"""Whatever is done to a trail behind a checkpoint is found and named; a clean one is clean."""

from __future__ import annotations

import random
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest

from nautilus_lab.exceptions import AuditError, StoreError
from nautilus_lab.platform.audit import AuditTrail, next_row
from nautilus_lab.platform.store import TradingStore
from tests.platform.audit.conftest import Trail
from tests.platform.audit.tampering import ATTACKS

ROWS, EVERY = 120, 50


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A trail of ROWS rows, all of them behind checkpoints."""
    trail = Trail(tmp_path_factory.mktemp("written"))
    for rows in (EVERY, EVERY, ROWS - 2 * EVERY):
        trail.write(rows)
        trail.keeper.checkpoint()
    return trail


def drop_guards(raw):
    named = "SELECT name FROM sqlite_master WHERE type='trigger'"
    for (name,) in raw.execute(named).fetchall():
        raw.execute(f"DROP TRIGGER {name}")


@pytest.fixture
def copy(written, tmp_path):
    """A copy of it that may be tampered with."""
    shutil.copytree(written.home.path, tmp_path / "home")
    return Trail(tmp_path)


def test_a_trail_that_was_not_touched_holds(copy):
    report = copy.inspect()
    assert report.ok
    report.require()
    (one,) = report.chains
    assert (one.chain, one.verdict.rows, one.verdict.anchored) == ("node", ROWS, ROWS)
    assert (one.checkpoints, report.troubles, report.spooled) == (3, (), 0)


@pytest.mark.parametrize("seed", range(25))
@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_whatever_is_done_to_the_rows_is_found_where_it_is_and_named(copy, attack, seed):
    with closing(sqlite3.connect(copy.files.store, isolation_level=None)) as raw:
        for (name,) in raw.execute(
            "SELECT name FROM sqlite_master WHERE type='trigger'"
        ).fetchall():
            raw.execute(f"DROP TRIGGER {name}")
        done = attack(raw, random.Random(f"{attack.__name__} {seed}"), ROWS)
    report = copy.inspect()
    assert not report.ok, done.what
    verdict = report.chains[0].verdict
    assert verdict.kind in done.kinds, (done.what, verdict)
    if done.first_bad is not None:
        assert verdict.first_bad in done.first_bad, (done.what, verdict)
    assert verdict.detail
    with pytest.raises(AuditError, match="must hold"):
        report.require()


def test_a_rewritten_row_that_a_checkpoint_vouches_against_is_named_itself(copy):
    with TradingStore.open(copy.files.store, read_only=True) as store:
        rows = list(store.audit_rows())
    forged = next_row(rows[58], chain="node", ts_ns=1, actor="mallory", kind="note", body={})
    copy.tamper(
        f"UPDATE audit SET ts_ns=1, actor='mallory', body='{{}}', hash=x'{forged.hash.hex()}' "
        "WHERE seq=60"
    )
    verdict = copy.verdict()
    assert (verdict.first_bad, verdict.kind) == (60, "edit")
    assert "row 61, which checkpoint 2" in verdict.detail


def test_the_end_of_a_whole_history_that_was_replaced_is_told_to_the_last_checkpoint(copy):
    """Found as another history: the rows hold by themselves, their hashes included."""
    with TradingStore.open(copy.files.store, read_only=True) as store:
        rows = list(store.audit_rows())
    last = rows[69]
    for old in rows[70:]:
        last = next_row(last, chain="node", ts_ns=1, actor=old.actor, kind="note", body={})
        copy.tamper(
            f"UPDATE audit SET ts_ns=1, body='{{}}', prev=x'{last.prev.hex()}', "
            f"hash=x'{last.hash.hex()}' WHERE seq={last.seq}"
        )
    with TradingStore.open(copy.files.store) as store:
        assert AuditTrail(store).verify().ok  # which the chain alone cannot see
    verdict = copy.verdict()
    assert (verdict.first_bad, verdict.kind, verdict.anchored) == (EVERY + 1, "fork", EVERY)
    assert verdict.rows == EVERY


def test_what_comes_after_the_last_checkpoint_is_not_covered_and_that_is_said(copy):
    copy.write(5)
    copy.tamper(f"DELETE FROM audit WHERE seq > {ROWS + 2}")
    report = copy.inspect()
    assert report.ok
    assert (report.chains[0].verdict.head_seq, report.chains[0].verdict.anchored) == (
        ROWS + 2,
        ROWS,
    )


@pytest.mark.parametrize(
    "body", ["{", "[]", "7", "{}", '{"checkpoint":{}}', '{"checkpoint":{"number":"x"}}', "null"]
)
@pytest.mark.parametrize("kind", ["audit.begun", "audit.discarded", "audit.hold", "audit.release"])
def test_a_row_forged_after_the_last_checkpoint_stops_no_verification(copy, kind, body):
    with TradingStore.open(copy.files.store) as store:
        for chain in ("node", "operators"):
            last = store.audit_head(chain=chain)
            facts = {"chain": chain, "ts_ns": 1, "actor": "mallory", "kind": kind, "text": body}
            store.append_audit([next_row(last, **facts)])
    report = copy.inspect()
    assert [one.verdict.head_seq for one in report.chains] == [ROWS + 1, 1]
    assert not report.ok  # nothing covers operators
    if kind in ("audit.hold", "audit.release"):
        with pytest.raises(AuditError, match="about holds"):
            copy.keeper.holds()


def test_a_chain_that_is_gone_altogether_is_found(copy):
    copy.tamper("DELETE FROM audit")
    verdict = copy.verdict()
    assert (verdict.first_bad, verdict.kind) == (1, "truncation")


@pytest.mark.parametrize(
    "rows", ["INSERT INTO audit SELECT chain, 0, ts_ns, actor, kind, body, prev, hash", None]
)
def test_a_row_before_the_first_is_found(copy, rows):
    seq = -7 if rows is None else 0
    copy.tamper(
        f"INSERT INTO audit SELECT chain, {seq}, ts_ns, actor, kind, body, prev, hash FROM audit "
        "WHERE seq = 1"
    )
    assert (copy.verdict().first_bad, copy.verdict().kind) == (1, "fork")


def test_a_file_without_the_types_of_its_columns_is_read_all_the_same(copy):
    """Its owner can rewrite the schema itself, and put anything into a column."""
    with closing(sqlite3.connect(copy.files.store, isolation_level=None)) as raw:
        for (name,) in raw.execute(
            "SELECT name FROM sqlite_master WHERE type='trigger'"
        ).fetchall():
            raw.execute(f"DROP TRIGGER {name}")
        columns = "chain, seq, ts_ns, actor, kind, body, prev, hash"
        raw.execute(f"CREATE TABLE other ({columns}, PRIMARY KEY (chain, seq)) WITHOUT ROWID")
        raw.execute("INSERT INTO other SELECT * FROM audit")
        raw.execute("DROP TABLE audit")
        raw.execute("ALTER TABLE other RENAME TO audit")
        for number, value in enumerate(("7", "1.5", "NULL", "x'00'", "'" + "x" * 9 + "'")):
            for column in ("ts_ns", "actor", "kind", "body", "prev", "hash"):
                raw.execute("BEGIN")
                raw.execute(f"UPDATE audit SET {column} = {value} WHERE seq = {number + 3}")
                raw.execute("COMMIT")
                verdict = copy.verdict()
                assert (verdict.first_bad, verdict.kind) == (3, "edit")


# --- what keeps the tables append-only ----------------------------------------------------


@pytest.mark.parametrize(
    ("attack", "said"),
    [
        (("DROP TRIGGER audit_is_not_updated",), "the trigger audit_is_not_updated is missing"),
        (
            (
                "DROP TRIGGER audit_is_not_deleted",
                "CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit BEGIN SELECT 1; END",
            ),
            "the trigger audit_is_not_deleted is not what it was made as",
        ),
        (("ALTER TABLE audit ADD COLUMN seen INTEGER",), "the table audit is not what it was"),
        (("ALTER TABLE audit_archived RENAME COLUMN ts_ns TO t",), "the table audit_archived"),
        (("ALTER TABLE audit RENAME COLUMN body TO text",), "the table audit is not"),
    ],
)
def test_a_chain_that_holds_without_its_guards_is_not_a_trail_that_holds(copy, attack, said):
    with closing(sqlite3.connect(copy.files.store, isolation_level=None)) as raw:
        for statement in attack:
            raw.execute(statement)
    report = copy.inspect()
    assert not report.ok
    assert said in " | ".join(map(str, report.guards))
    with pytest.raises(AuditError, match="append-only"):
        report.require()
    before = copy.files.store.read_bytes()
    assert not copy.keeper.inspect().ok
    assert said.split()[2] in copy.files.findings.read_text()
    assert copy.files.store.read_bytes() == before


def test_who_archives_is_refused_while_the_tables_are_not_guarded(copy):
    with closing(sqlite3.connect(copy.files.store, isolation_level=None)) as raw:
        raw.execute("DROP TRIGGER audit_is_not_deleted")
    with pytest.raises(AuditError, match="append-only"):
        copy.keeper.archive(older_than_days=0)


# --- what is kept beside the store --------------------------------------------------------


def troubles(trail):
    report = trail.inspect()
    assert not report.ok
    with pytest.raises(AuditError):
        report.require()
    return " | ".join(report.troubles)


def test_checkpoints_that_are_gone_are_told_of(copy):
    copy.files.checkpoints.unlink()
    assert "no checkpoint covers node" in troubles(copy)


def test_a_key_that_is_gone_is_told_of_and_none_is_made_in_its_place(copy):
    copy.files.key_path.unlink()
    assert "not told from forged ones" in troubles(copy)
    assert not copy.files.key_path.exists()
    with pytest.raises(StoreError, match="readable"):
        copy.files.key(make=True)


def test_a_key_that_others_may_read_is_told_of(copy):
    copy.files.key_path.chmod(0o644)
    assert "mode 0600" in troubles(copy)


def test_another_key_in_its_place_is_told_of(copy):
    copy.files.key_path.write_bytes(b"x" * 64)
    assert "sealed by the key" in troubles(copy)


def test_who_rewrites_rows_and_checkpoints_without_the_key_is_found(copy):
    copy.tamper("DELETE FROM audit WHERE seq > 60")
    lines = copy.files.checkpoints.read_text().splitlines(keepends=True)
    copy.files.checkpoints.write_text(lines[0] + lines[1].replace('"size":100', '"size":60'))
    assert "not as it was sealed" in troubles(copy)


def test_the_last_checkpoints_cut_off_with_the_rows_are_found_by_a_copy_kept_elsewhere(copy):
    kept = copy.keeper.checkpoints()
    copy.tamper(f"DELETE FROM audit WHERE seq > {EVERY}")
    lines = copy.files.checkpoints.read_text().splitlines(keepends=True)
    copy.files.checkpoints.write_text(lines[0])
    assert copy.inspect().ok  # a rollback of everything: nothing here can tell
    report = copy.inspect(anchors=kept[-1:])
    assert not report.ok
    assert (report.chains[0].verdict.kind, report.chains[0].verdict.first_bad) == (
        "truncation",
        EVERY + 1,
    )
    assert "lacks one that was kept elsewhere" in report.troubles[0]


def test_checkpoints_of_another_trader_are_told_of(copy):
    strangers = [replace_trader(one) for one in copy.keeper.checkpoints()]
    report = copy.inspect(anchors=strangers[:1])
    assert "is of trader T-9" in report.troubles[0]


def replace_trader(one):
    import msgspec

    return msgspec.structs.replace(one, trader="T-9")


def test_a_row_that_tells_of_a_checkpoint_gives_its_removal_away(copy):
    last = copy.keeper.checkpoints()[-1]
    with copy.opened() as chain:
        seen = {"number": last.number, "seal": last.seal}
        chain.append("audit.begun", {"checkpoint": seen}, actor="node")
    assert copy.inspect().ok
    lines = copy.files.checkpoints.read_text().splitlines(keepends=True)
    copy.files.checkpoints.write_text("".join(lines[:2]))
    assert f"lacks checkpoint {last.number}, of which row {ROWS + 1}" in troubles(copy)
    copy.files.checkpoints.unlink()
    copy.keeper.checkpoint()  # new ones, sealed by the right key
    assert "lacks checkpoint 3" in troubles(copy)


def test_verifying_from_a_row_on_reads_only_what_is_after_the_checkpoint_before(copy):
    copy.tamper("UPDATE audit SET body = '{}' WHERE seq = 20")
    report = copy.inspect(from_seq=EVERY + 10)
    assert report.ok
    assert report.chains[0].verdict.rows == ROWS - EVERY
    assert not copy.inspect(from_seq=20).ok
    copy.tamper(f"DELETE FROM audit WHERE seq >= {EVERY}")
    assert not copy.inspect(from_seq=EVERY + 10).ok


def test_a_page_of_the_file_that_is_broken_is_an_error_of_the_store(copy):
    data = bytearray(copy.files.store.read_bytes())
    for at in range(4096, len(data), 4096):
        data[at : at + 8] = b"\xff" * 8
    copy.files.store.write_bytes(data)
    with pytest.raises(StoreError):
        copy.inspect()


def test_nothing_is_written_into_a_trail_that_does_not_hold(copy):
    copy.tamper("UPDATE audit SET body = '{}' WHERE seq = 20")
    before = copy.files.store.read_bytes()
    assert not copy.keeper.inspect().ok
    assert copy.files.store.read_bytes() == before
    with TradingStore.open(copy.files.store, read_only=True) as store:
        assert store.audit_chains() == ("node",)


def test_that_it_was_verified_is_a_row_of_the_trail(copy):
    assert copy.keeper.inspect().ok
    with TradingStore.open(copy.files.store, read_only=True) as store:
        (row,) = store.audit_rows(chain="operators")
    assert (row.kind, row.actor) == ("audit.verified", "ana")
    assert f'"node":{ROWS}' in row.body
    report = copy.inspect()
    assert report.ok
    assert {one.chain: one.verdict.anchored for one in report.chains} == {
        "node": ROWS,
        "operators": 1,
    }
    assert replace(report, chains=()).ok
