"""On PostgreSQL whoever takes away what keeps the audit tables append-only is found."""

from __future__ import annotations

import pytest

from nautilus_lab.exceptions import InputError
from nautilus_lab.platform.audit import next_row
from nautilus_lab.platform.store import (
    postgresql_audit,
    postgresql_audit_check,
    postgresql_audit_guards,
)
from tests.platform.store.postgresql import available, running
from tests.platform.store.test_audit_postgresql import insertion

pytestmark = [pytest.mark.processes, pytest.mark.xdist_group("processes")]

TRIGGERS = {
    "audit_is_chained": "audit",
    "audit_is_not_updated": "audit",
    "audit_is_not_deleted": "audit",
    "audit_is_not_truncated": "audit",
    "audit_archived_is_true": "audit_archived",
    "audit_archived_is_not_changed": "audit_archived",
    "audit_archived_is_not_truncated": "audit_archived",
}
IDLE = "LANGUAGE plpgsql SET search_path = pg_catalog AS $$ BEGIN RETURN NEW; END $$"
# what was done -> what must be said of it, and whether the script puts it back
ATTACKS = {
    "CREATE OR REPLACE FUNCTION lab.audit_refuses() RETURNS trigger " + IDLE: (
        "the function audit_refuses is altered",
        True,
    ),
    "ALTER FUNCTION lab.audit_is_chained() SECURITY DEFINER": (
        "the function audit_is_chained is altered",
        True,
    ),
    "ALTER FUNCTION lab.audit_is_chained() RESET ALL": (
        "the function audit_is_chained is altered",
        True,
    ),
    "ALTER TABLE lab.audit DISABLE TRIGGER audit_is_not_deleted": (
        "the trigger audit_is_not_deleted is altered",
        True,
    ),
    "ALTER TABLE lab.audit ENABLE REPLICA TRIGGER audit_is_chained": (
        "the trigger audit_is_chained is altered",
        True,
    ),
    "CREATE FUNCTION lab.quiet() RETURNS trigger "
    "LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;"
    "CREATE TRIGGER a_quiet BEFORE INSERT ON lab.audit FOR EACH ROW "
    "WHEN (NEW.kind = 'order.denied') EXECUTE FUNCTION lab.quiet()": (
        "the trigger a_quiet is unknown",
        True,
    ),
    "CREATE RULE quiet AS ON INSERT TO lab.audit DO INSTEAD NOTHING": (
        "the rule quiet is unknown",
        True,
    ),
    "GRANT UPDATE ON lab.audit TO lab_writer": ("the right UPDATE on audit is unknown", True),
    "GRANT DELETE ON lab.audit_archived TO PUBLIC": ("the right DELETE on audit_archived", True),
    "GRANT UPDATE (body) ON lab.audit TO lab_writer": ("the table audit is altered", True),
    "GRANT CREATE ON SCHEMA lab TO lab_writer": ("the schema lab is altered", False),
    "ALTER TABLE lab.audit ADD COLUMN seen integer": ("the table audit is altered", False),
    "ALTER TABLE lab.audit ALTER body TYPE varchar": ("the table audit is altered", False),
    "ALTER TABLE lab.audit ALTER actor DROP NOT NULL": ("the table audit is altered", False),
    "ALTER TABLE lab.audit ALTER kind SET DEFAULT 'x'": ("the table audit is altered", False),
    "ALTER TABLE lab.audit DROP CONSTRAINT audit_pkey": ("the table audit is altered", False),
    "ALTER TABLE lab.audit SET UNLOGGED": ("the table audit is altered", False),
    "ALTER TABLE lab.audit OWNER TO boss": ("the table audit is altered", True),
    "CREATE TABLE lab.more () INHERITS (lab.audit)": ("the table audit is altered", False),
    "ALTER TABLE lab.audit ENABLE ROW LEVEL SECURITY": ("the table audit is altered", False),
    "ALTER TABLE lab.audit RENAME TO kept; CREATE VIEW lab.audit AS SELECT * FROM lab.kept": (
        "the table audit is altered",
        False,
    ),
    "ALTER ROLE lab_owner LOGIN": ("the role lab_owner is altered", False),
    "GRANT lab_owner TO lab_writer": ("the role lab_writer is altered", False),
    "ALTER ROLE lab_writer SET session_replication_role = replica": (
        "the setting session_replication_role is altered",
        False,
    ),
}
NAMES = {"schema": "lab"}


@pytest.fixture(scope="module")
def server():
    available()
    with running() as started:
        done = started.sql(postgresql_audit(**NAMES))
        assert done.returncode == 0, done.stderr
        row = next_row(None, chain="node", ts_ns=1, actor="ana", kind="note", body={})
        assert started.sql(insertion(row, "lab.audit"), role="lab_writer").returncode == 0
        yield started


def after(server, *scripts, role="boss"):
    """Run scripts and the check, and undo all of it."""
    script = "\n".join(f"{one};" for one in scripts)
    check = f"SET LOCAL ROLE {role}; {postgresql_audit_check(**NAMES)}"
    return server.sql(f"BEGIN; {script} {check} ROLLBACK;")


def put_back() -> str:
    return postgresql_audit_guards(**NAMES).replace("BEGIN;\n", "", 1).replace("COMMIT;\n", "")


@pytest.mark.parametrize("role", ["boss", "lab_owner", "lab_writer"])
def test_tables_as_they_were_made_are_guarded_whoever_looks(server, role):
    done = after(server, role=role)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", TRIGGERS)
def test_a_trigger_that_was_dropped_is_found_and_put_back(server, name):
    drop = f"DROP TRIGGER {name} ON lab.{TRIGGERS[name]}"
    done = after(server, drop)
    assert done.returncode == 3
    assert f"the trigger {name} is missing" in done.stderr
    done = after(server, drop, put_back())
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", TRIGGERS)
def test_a_trigger_that_does_nothing_under_the_same_name_is_found_and_put_back(server, name):
    idle = f"CREATE FUNCTION lab.idle() RETURNS trigger {IDLE}"
    drop = f"DROP TRIGGER {name} ON lab.{TRIGGERS[name]}"
    events = "TRUNCATE" if "truncated" in name else "INSERT OR UPDATE OR DELETE"
    each = "STATEMENT" if "truncated" in name else "ROW"
    create = (
        f"CREATE TRIGGER {name} BEFORE {events} ON lab.{TRIGGERS[name]} FOR EACH {each} "
        "EXECUTE FUNCTION lab.idle()"
    )
    done = after(server, idle, drop, create)
    assert done.returncode == 3
    assert f"the trigger {name} is altered: CREATE TRIGGER" in done.stderr
    done = after(server, idle, drop, create, put_back())
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("attack", ATTACKS)
def test_whatever_else_is_changed_around_the_tables_is_found(server, attack):
    said, comes_back = ATTACKS[attack]
    done = after(server, attack)
    assert done.returncode == 3, done.stderr
    assert said in done.stderr
    assert "23000" in done.stderr
    if comes_back:
        done = after(server, attack, put_back())
        assert (done.returncode, done.stderr) == (0, "")


def test_what_was_put_back_refuses_again_and_rows_are_as_they_were(server):
    script = "DROP TRIGGER audit_is_not_deleted ON lab.audit;" + put_back()
    done = server.sql(f"BEGIN; {script} SELECT count(*) FROM lab.audit; DELETE FROM lab.audit;")
    assert done.stdout.strip() == "1"
    assert "must not be changed or deleted" in done.stderr


@pytest.mark.parametrize("make", [postgresql_audit_check, postgresql_audit_guards])
def test_a_name_that_could_be_something_else_is_refused(make):
    with pytest.raises(InputError, match="lower-case"):
        make(schema="a;DROP TABLE x")
    with pytest.raises(InputError, match="must not be its owner"):
        make(owner="lab", writer="lab")
