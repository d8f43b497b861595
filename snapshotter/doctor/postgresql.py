"""A PostgreSQL server: its version, the encoding, the schema, the rights, a pooler."""

from typing import Any

from sqlalchemy import Connection, text

from snapshotter.doctor.report import Report
from snapshotter.models import METADATA
from snapshotter.store.session_setup import is_pooled
from snapshotter.texts import counted

_FACTS = """
select
    current_setting('server_version') as version,
    current_setting('server_encoding') as encoding,
    current_schema() as schema,
    current_user as user,
    has_schema_privilege(current_schema(), 'create') as may_create
"""
# The rights on our tables that the user lacks, and the owner whom an upgrade needs.
_TABLES = """
select
    tablename as table,
    pg_has_role(tableowner, 'usage') as may_alter,
    array(
        select each
        from unnest(array['select', 'insert', 'update', 'delete']) as each
        where not has_table_privilege(format('%I.%I', schemaname, tablename), each)
    ) as lacks
from pg_tables
where schemaname = current_schema() and tablename = any(:names)
order by tablename
"""


def check(report: Report, connection: Connection) -> None:
    """Report what the server has set, and the rights that the user lacks."""
    facts = connection.execute(text(_FACTS)).mappings().one()
    pooler = ", behind a pooler, of which a run takes two connections"
    report.ok(
        f"PostgreSQL {facts['version']} (at least 10), encoding {facts['encoding']}, schema "
        f"{facts['schema']}{pooler if is_pooled(connection) else ''}"
    )
    if facts["encoding"] != "UTF8":
        report.warn(
            f"the encoding {facts['encoding']} lacks characters that the API sends",
            "records with such characters are set aside; create the database with encoding UTF8",
        )
    names = [*METADATA.tables]
    tables = connection.execute(text(_TABLES), {"names": names}).mappings().all()
    _check_rights(report, facts, tables)


def _check_rights(report: Report, facts: Any, tables: Any) -> None:
    lacks = [f"{right} {each['table']}" for each in tables for right in each["lacks"]]
    if lacks:
        more = f" and {len(lacks) - 3} more" if lacks[3:] else ""
        report.fail(
            f"the user {facts['user']} may not {', '.join(lacks[:3])}{more}",
            f"grant select, insert, update, delete on all tables in schema {facts['schema']}",
        )
    if not facts["may_create"] and not tables:
        report.fail(
            f"the user {facts['user']} may not create tables in the schema {facts['schema']}",
            f"grant create on schema {facts['schema']}, or set another search_path",
        )
    elif not facts["may_create"] or not all(each["may_alter"] for each in tables):
        report.warn(
            f"the user {facts['user']} may not change the schema ({counted(len(tables), 'table')})",
            "run 'snapshotter db upgrade' as the owner of the tables",
        )
