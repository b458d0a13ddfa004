"""The audit table on PostgreSQL: its owner, who may append, and what keeps it append-only."""

from __future__ import annotations

import re

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from nautilus_lab.exceptions import InputError
from nautilus_lab.platform.store._tables import audit, audit_archived

_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")

# Functions look nothing up by a path that their caller chose.
FUNCTIONS = """
CREATE OR REPLACE FUNCTION {schema}.audit_refuses() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    RAISE EXCEPTION 'audit rows must not be changed or deleted: % on %', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END $$;

CREATE OR REPLACE FUNCTION {schema}.audit_is_chained() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
DECLARE
    last record;
BEGIN
    -- One appends to a chain at a time; a sequence would leave gaps where a transaction ended.
    PERFORM pg_advisory_xact_lock(hashtextextended('nautilus_lab.audit.' || NEW.chain, 0));
    SELECT seq, hash INTO last FROM {schema}.audit
        WHERE chain = NEW.chain ORDER BY seq DESC LIMIT 1;
    IF NEW.seq IS DISTINCT FROM COALESCE(last.seq, 0) + 1 THEN
        RAISE EXCEPTION 'an audit row must follow the last one: wrong seq'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.prev IS DISTINCT FROM COALESCE(last.hash, decode(repeat('00', 32), 'hex')) THEN
        RAISE EXCEPTION 'an audit row must follow the last one: wrong prev'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF length(NEW.hash) IS DISTINCT FROM 32 THEN
        RAISE EXCEPTION 'an audit hash must have 32 bytes'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION {schema}.audit_is_archived() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    IF OLD.seq > COALESCE(
        (SELECT max(seq) FROM {schema}.audit_archived WHERE chain = OLD.chain), 0
    ) THEN
        RAISE EXCEPTION 'audit rows must not be changed or deleted: % on %', TG_OP, TG_TABLE_NAME
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN OLD;
END $$;

CREATE OR REPLACE FUNCTION {schema}.audit_archived_is_true() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('nautilus_lab.audit.' || NEW.chain, 0));
    IF NEW.hash IS DISTINCT FROM
        (SELECT hash FROM {schema}.audit WHERE chain = NEW.chain AND seq = NEW.seq) THEN
        RAISE EXCEPTION 'what is noted as archived must be a row of the chain'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NEW.seq >= (SELECT max(seq) FROM {schema}.audit WHERE chain = NEW.chain)
        OR NEW.seq <= COALESCE(
            (SELECT max(seq) FROM {schema}.audit_archived WHERE chain = NEW.chain), 0
        ) THEN
        RAISE EXCEPTION 'what is noted as archived must be more than before, never the last row'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$
"""

# Row triggers do not see a TRUNCATE: it has one of its own.
TRIGGERS = """
CREATE TRIGGER audit_is_chained BEFORE INSERT ON {schema}.audit
    FOR EACH ROW EXECUTE FUNCTION {schema}.audit_is_chained();
CREATE TRIGGER audit_is_not_updated BEFORE UPDATE ON {schema}.audit
    FOR EACH ROW EXECUTE FUNCTION {schema}.audit_refuses();
CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON {schema}.audit
    FOR EACH ROW EXECUTE FUNCTION {schema}.audit_is_archived();
CREATE TRIGGER audit_is_not_truncated BEFORE TRUNCATE ON {schema}.audit
    FOR EACH STATEMENT EXECUTE FUNCTION {schema}.audit_refuses();
CREATE TRIGGER audit_archived_is_true BEFORE INSERT ON {schema}.audit_archived
    FOR EACH ROW EXECUTE FUNCTION {schema}.audit_archived_is_true();
CREATE TRIGGER audit_archived_is_not_changed BEFORE UPDATE OR DELETE ON {schema}.audit_archived
    FOR EACH ROW EXECUTE FUNCTION {schema}.audit_refuses();
CREATE TRIGGER audit_archived_is_not_truncated BEFORE TRUNCATE ON {schema}.audit_archived
    FOR EACH STATEMENT EXECUTE FUNCTION {schema}.audit_refuses()
"""

_ROLES = """
DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{owner_name}') THEN
        CREATE ROLE {owner} NOLOGIN;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{writer_name}') THEN
        CREATE ROLE {writer} LOGIN;
    END IF;
    IF pg_has_role('{writer_name}', '{owner_name}', 'MEMBER') THEN
        RAISE EXCEPTION 'who appends to the audit trail must not be its owner: {writer_name}';
    END IF;
END $$;
CREATE SCHEMA {schema} AUTHORIZATION {owner}
"""

GRANTS = """
ALTER TABLE {schema}.audit OWNER TO {owner};
ALTER TABLE {schema}.audit_archived OWNER TO {owner};
ALTER FUNCTION {schema}.audit_refuses() OWNER TO {owner};
ALTER FUNCTION {schema}.audit_is_chained() OWNER TO {owner};
ALTER FUNCTION {schema}.audit_is_archived() OWNER TO {owner};
ALTER FUNCTION {schema}.audit_archived_is_true() OWNER TO {owner};
REVOKE ALL ON {schema}.audit, {schema}.audit_archived FROM PUBLIC;
GRANT USAGE ON SCHEMA {schema} TO {writer};
GRANT SELECT, INSERT ON {schema}.audit TO {writer};
GRANT SELECT ON {schema}.audit_archived TO {writer}
"""


def postgresql_audit(
    *, schema: str = "nautilus_lab", owner: str = "lab_owner", writer: str = "lab_writer"
) -> str:
    """Return the script that makes the audit tables on PostgreSQL; a superuser runs it once.

    The owner cannot log in, and the writer can only read and append. Triggers refuse what the
    owner himself might do by accident; he can drop them, and a superuser can do everything:
    checkpoints outside of the database are what shows that.

    Parameters
    ----------
    schema : str, default="nautilus_lab"
        Made for them; one for each trader.
    owner, writer : str
        Two roles, made where they are not there.

    Raises
    ------
    InputError
        When a name is no plain lower-case one, or both roles are the same.

    References
    ----------
    .. [1] PostgreSQL 15 documentation, chapters 5.7 (Privileges), 13.3.5 (Advisory Locks) and 39
       (Triggers).
    """
    names = names_of(schema, owner, writer)
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    tables = [
        str(
            sa.schema.CreateTable(table.to_metadata(sa.MetaData(), schema=schema)).compile(
                dialect=dialect
            )
        )
        for table in (audit, audit_archived)
    ]
    parts = [_ROLES, *tables, FUNCTIONS, TRIGGERS, GRANTS]
    script = ";\n".join(part.strip().format(**names) for part in parts)
    return f"BEGIN;\n{script};\nCOMMIT;\n"


def names_of(schema: str, owner: str, writer: str) -> dict[str, str]:
    """Return the names as the scripts have them: quoted, and plain.

    Raises
    ------
    InputError
        When a name is no plain lower-case one, or both roles are the same.
    """
    for name in (schema, owner, writer):
        if not _NAME.fullmatch(name):
            raise InputError(
                "names on PostgreSQL must be lower-case letters, digits and underscores",
                value=name,
            )
    if owner == writer:
        raise InputError("who appends to the audit trail must not be its owner", value=writer)
    # Quoted: a name may be a word of the language.
    quoted = {"schema": f'"{schema}"', "owner": f'"{owner}"', "writer": f'"{writer}"'}
    return quoted | {"schema_name": schema, "owner_name": owner, "writer_name": writer}
