"""What keeps the audit tables append-only on PostgreSQL: whether it is as made, and put back."""

from __future__ import annotations

import re

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from nautilus_lab.platform.store._audit_postgresql import FUNCTIONS, GRANTS, TRIGGERS, names_of
from nautilus_lab.platform.store._tables import audit, audit_archived

_TABLES = (audit, audit_archived)
_FUNCTION = re.compile(r"FUNCTION {schema}\.(\w+)\(\).*?\$\$(.*?)\$\$", re.DOTALL)
_TRIGGER = re.compile(
    r"TRIGGER (\w+) BEFORE ([A-Z ]+) ON {schema}\.(\w+)\s+"
    r"FOR EACH (ROW|STATEMENT) EXECUTE FUNCTION {schema}\.(\w+)\(\)"
)
# the bits of pg_trigger.tgtype
_BITS = {"ROW": 1, "BEFORE": 2, "INSERT": 4, "DELETE": 8, "UPDATE": 16, "TRUNCATE": 32}

# Whoever has every right can write into the catalogue itself: this finds what others did, and
# what such a person did with the words of the language.
_CHECK = """
DO $check$
DECLARE
    said text;
BEGIN
    WITH mine AS (
        SELECT c.* FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = '{schema_name}' AND c.relname IN ('audit', 'audit_archived')
    ),
    functions (name, body) AS (VALUES {functions}),
    triggers (name, tab, bits, function) AS (VALUES {triggers}),
    tables (name, columns) AS (VALUES {tables}),
    known_functions AS (
        SELECT p.*, pg_get_functiondef(p.oid) AS said FROM pg_proc p
        JOIN pg_namespace n ON n.oid = p.pronamespace
        JOIN functions f ON f.name = p.proname
        WHERE n.nspname = '{schema_name}'
    ),
    found_triggers AS (
        SELECT t.*, c.relname, pg_get_triggerdef(t.oid) AS said
        FROM pg_trigger t JOIN mine c ON c.oid = t.tgrelid WHERE NOT t.tgisinternal
    ),
    found_columns AS (
        SELECT c.relname, string_agg(concat_ws(' ',
            a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull::text, a.attacl::text,
            pg_get_expr(d.adbin, d.adrelid)
        ), ', ' ORDER BY a.attnum) AS columns
        FROM mine c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
            AND NOT a.attisdropped
        LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
        GROUP BY c.relname
    ),
    rights AS (
        SELECT c.relname, pg_get_userbyid(r.grantee) AS name, r.grantee, r.privilege_type,
            r.is_grantable
        FROM mine c CROSS JOIN aclexplode(COALESCE(c.relacl, acldefault('r', c.relowner))) r
        WHERE r.grantee <> c.relowner
    ),
    broken (what, name, fault, stands) AS (
        SELECT 'trigger', w.name, CASE WHEN t.oid IS NULL THEN 'missing' ELSE 'altered' END, t.said
        FROM triggers w LEFT JOIN found_triggers t ON (t.tgname, t.relname) = (w.name, w.tab)
        WHERE t.oid IS NULL OR t.tgenabled NOT IN ('O', 'A') OR t.tgtype <> w.bits
            OR t.tgqual IS NOT NULL OR t.tgnargs <> 0 OR cardinality(t.tgattr) <> 0
            OR t.tgfoid NOT IN (SELECT oid FROM known_functions WHERE proname = w.function)
        UNION ALL
        SELECT 'trigger', t.tgname, 'unknown', t.said FROM found_triggers t
        WHERE NOT EXISTS (SELECT FROM triggers w WHERE (w.name, w.tab) = (t.tgname, t.relname))
        UNION ALL
        SELECT 'function', f.name, CASE WHEN p.oid IS NULL THEN 'missing' ELSE 'altered' END, p.said
        FROM functions f LEFT JOIN known_functions p ON p.proname = f.name
        WHERE p.oid IS NULL OR p.prosrc <> f.body OR p.prosecdef
            OR p.proconfig IS DISTINCT FROM ARRAY['search_path=pg_catalog']
            OR p.prolang <> (SELECT oid FROM pg_language WHERE lanname = 'plpgsql')
            OR pg_get_userbyid(p.proowner) <> '{owner_name}'
        UNION ALL
        SELECT 'table', t.name, CASE WHEN c.oid IS NULL THEN 'missing' ELSE 'altered' END,
            format('%s; kind %s, kept %s, of %s',
                f.columns, c.relkind, c.relpersistence, pg_get_userbyid(c.relowner))
        FROM tables t LEFT JOIN mine c ON c.relname = t.name
        LEFT JOIN found_columns f ON f.relname = t.name
        WHERE c.oid IS NULL OR f.columns IS DISTINCT FROM t.columns
            OR c.relkind <> 'r' OR c.relpersistence <> 'p' OR c.relrowsecurity
            OR pg_get_userbyid(c.relowner) <> '{owner_name}'
            OR EXISTS (SELECT FROM pg_inherits i WHERE c.oid IN (i.inhparent, i.inhrelid))
            OR (SELECT array_agg(pg_get_constraintdef(k.oid)) FROM pg_constraint k
                WHERE k.conrelid = c.oid AND k.contype <> 'n')
                IS DISTINCT FROM ARRAY['PRIMARY KEY (chain, seq)']
        UNION ALL
        SELECT 'rule', r.rulename, 'unknown', pg_get_ruledef(r.oid)
        FROM pg_rewrite r JOIN mine c ON c.oid = r.ev_class WHERE c.relkind = 'r'
        UNION ALL
        SELECT 'right', format('%s on %s', r.privilege_type, r.relname), 'unknown',
            CASE WHEN r.grantee = 0 THEN 'PUBLIC' ELSE r.name END
        FROM rights r WHERE r.is_grantable OR r.grantee = 0 OR r.name <> '{writer_name}'
            OR (r.relname, r.privilege_type) NOT IN
                (('audit', 'SELECT'), ('audit', 'INSERT'), ('audit_archived', 'SELECT'))
        UNION ALL
        SELECT 'schema', n.nspname, 'altered', format('of %s', pg_get_userbyid(n.nspowner))
        FROM pg_namespace n WHERE n.nspname = '{schema_name}' AND (
            pg_get_userbyid(n.nspowner) <> '{owner_name}'
            OR EXISTS (SELECT FROM aclexplode(n.nspacl) r WHERE r.privilege_type = 'CREATE'
                AND r.grantee <> n.nspowner))
        UNION ALL
        SELECT 'role', r.rolname, 'altered', 'it can log in, or do more than append'
        FROM pg_roles r
        WHERE (r.rolname = '{owner_name}' AND (r.rolcanlogin OR r.rolsuper))
            OR (r.rolname = '{writer_name}' AND (r.rolsuper OR r.rolcreaterole
                OR pg_has_role(r.oid, '{owner_name}', 'MEMBER')))
        UNION ALL
        SELECT 'setting', 'session_replication_role', 'altered', array_to_string(setconfig, ', ')
        FROM pg_db_role_setting, unnest(setconfig) one
        WHERE one LIKE 'session_replication_role=%' AND one NOT LIKE '%=origin'
        UNION ALL
        SELECT 'setting', 'session_replication_role', 'altered', reset_val FROM pg_settings
        WHERE name = 'session_replication_role' AND reset_val <> 'origin'
    )
    SELECT string_agg(format('the %s %s is %s: %s', what, name, fault, stands), E'\\n'
        ORDER BY what, name) INTO said FROM broken;
    IF said IS NOT NULL THEN
        RAISE EXCEPTION 'what keeps the audit tables append-only is not as it was made'
            USING DETAIL = said, ERRCODE = 'integrity_constraint_violation';
    END IF;
END $check$;
"""

# What does not belong there goes, whatever it is called.
_REMOVE = """
DO $remove$
DECLARE
    one record;
BEGIN
    FOR one IN SELECT t.tgname AS name, t.tgrelid::regclass AS tab FROM pg_trigger t
        WHERE NOT t.tgisinternal AND t.tgrelid IN ({tables})
    LOOP
        EXECUTE format('DROP TRIGGER %I ON %s', one.name, one.tab);
    END LOOP;
    FOR one IN SELECT r.rulename AS name, r.ev_class::regclass AS tab FROM pg_rewrite r
        WHERE r.ev_class IN ({tables})
    LOOP
        EXECUTE format('DROP RULE %I ON %s', one.name, one.tab);
    END LOOP;
    FOR one IN SELECT DISTINCT r.grantee, pg_get_userbyid(r.grantee) AS name,
            c.oid::regclass AS tab
        FROM pg_class c CROSS JOIN aclexplode(c.relacl) r
        WHERE c.oid IN ({tables}) AND r.grantee NOT IN (0, c.relowner)
    LOOP
        EXECUTE format('REVOKE ALL ON %s FROM %I CASCADE', one.tab, one.name);
    END LOOP;
END $remove$
"""


def postgresql_audit_check(
    *, schema: str = "nautilus_lab", owner: str = "lab_owner", writer: str = "lab_writer"
) -> str:
    """Return the script that fails unless what keeps the audit tables append-only is as made.

    It changes nothing. With ``psql -v ON_ERROR_STOP=1`` it ends with 3 then, and the error's
    detail has a line for each trigger, function, table, rule, right, role or setting: which,
    whether it is missing, altered or unknown there, and what stands in its place.

    Parameters
    ----------
    schema, owner, writer : str
        As `postgresql_audit` was given them.

    Raises
    ------
    InputError
        As `postgresql_audit`.
    """
    names = names_of(schema, owner, writer)
    functions = [
        f"({_quoted(name)}, {_quoted(body.format(**names))})"
        for name, body in _FUNCTION.findall(FUNCTIONS)
    ]
    triggers = [
        f"({_quoted(name)}, {_quoted(table)}, {_bits(events, each)}, {_quoted(function)})"
        for name, events, table, each, function in _TRIGGER.findall(TRIGGERS)
    ]
    return _CHECK.format(
        functions=", ".join(functions),
        triggers=", ".join(triggers),
        tables=", ".join(f"('{table.name}', {_quoted(_columns(table))})" for table in _TABLES),
        **names,
    )


def postgresql_audit_guards(
    *, schema: str = "nautilus_lab", owner: str = "lab_owner", writer: str = "lab_writer"
) -> str:
    """Return the script that puts functions, triggers and rights of the audit tables back.

    For a superuser, after `postgresql_audit_check` has said what was found: keep that. Tables,
    roles and settings stay as they are.

    Parameters
    ----------
    schema, owner, writer : str
        As `postgresql_audit` was given them.

    Raises
    ------
    InputError
        As `postgresql_audit`.
    """
    names = names_of(schema, owner, writer)
    tables = ", ".join(f"'{names['schema']}.{table.name}'::regclass" for table in _TABLES)
    parts = [_REMOVE.format(tables=tables)]
    parts += [part.format(**names) for part in (FUNCTIONS, TRIGGERS, GRANTS)]
    script = ";\n".join(part.strip() for part in parts)
    return f"BEGIN;\n{script};\nCOMMIT;\n"


def _bits(events: str, each: str) -> int:
    statement = 0 if each == "STATEMENT" else _BITS[each]
    return statement + _BITS["BEFORE"] + sum(_BITS[event] for event in events.split(" OR "))


def _columns(table: sa.Table) -> str:
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    return ", ".join(
        f"{column.name} {column.type.compile(dialect=dialect).lower()} true"
        for column in table.columns
    )


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
