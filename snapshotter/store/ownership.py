"""Whether a database is this program's: its revision, and its tables, known by their columns."""

import re
import sqlite3

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import OperationalError, ProgrammingError

from snapshotter.errors import DatabaseError

# Columns that each of our tables has in every revision.
_SIGNS = {
    "accounts": "account_id api_url watermark newest_updated_at listing_since listing_offset",
    "calendar": "day week month weekday",
    "job_changes": "id job_id snapshot_id observed_at records_count",
    "job_outputs": "id job_id records_count component_name preview_url extra",
    "jobs": "id account_id status package_id cluster_id run_date first_seen_at gone_at extra",
    "log_summaries": "job_id error_summary action_items requested_at finished_epoch",
    "output_days": "first_output_id account_id package_id run_date runs zero_runs",
    "output_fields": "output_id position name",
    "pruned_jobs": "job_id account_id status created_at updated_at pruned_at",
    "rejected_records": "id snapshot_id account_id job_id reason payload rejected_at",
    "snapshots": "id account_id kind status started_at jobs_seen jobs_rejected",
}
# A database of ours without one of the others is damaged.
_CORE = {"jobs", "job_changes", "snapshots"}


def revision_of(connection: Connection) -> str | None:
    """Return the revision of the schema; None if there is none yet.

    Raises `DatabaseError` if the database is another program's.
    """
    names = _names(connection)
    if "alembic_version" not in names:
        if connection.dialect.name == "sqlite" and names and not names & _SIGNS.keys():
            raise _foreign(f"it has the tables {', '.join(sorted(names)[:3])}")
        return None
    result = connection.execute(text("select * from alembic_version"))
    columns, rows = list(result.keys()), result.fetchall()
    if columns != ["version_num"]:
        raise _foreign("its alembic_version has other columns")
    if not rows:
        if names - {"alembic_version"} and not names & _SIGNS.keys():
            raise _foreign("its alembic_version is empty, beside other tables")
        return None
    found = ", ".join(repr(row[0]) for row in rows[:3])
    if not names >= _CORE or not _has_our_columns(connection, names):
        raise _foreign(f"it is at revision {found}, without the tables of this one")
    if len(rows) > 1 or not re.fullmatch(r"\d{4}", str(rows[0][0])):
        raise _foreign(f"it is at revision {found}, which this one does not have")
    return str(rows[0][0])


def _names(connection: Connection) -> set[str]:
    """Return the tables and views of the schema that our tables go into."""
    found, schema = inspect(connection), None
    if connection.dialect.name == "postgresql":  # else every visible schema is listed
        schema = connection.dialect.default_schema_name
    return {*found.get_table_names(schema), *found.get_view_names(schema)}


def _foreign(why: str) -> DatabaseError:
    return DatabaseError(
        f"the database belongs to another program: {why}; nothing is touched, name another database"
    )


def _has_our_columns(connection: Connection, names: set[str]) -> bool:
    ours = [table for table in _SIGNS if table in names]
    columns = [f"{table}.{column}" for table in ours for column in _SIGNS[table].split()]
    probe = f"select {', '.join(columns)} from {', '.join(ours)} where 1 = 0"  # noqa: S608 - our own names
    try:
        connection.execute(text(probe))
    except (OperationalError, ProgrammingError) as error:
        if _lacks_something(error.orig):
            connection.rollback()
            return False
        raise
    return True


def _lacks_something(error: BaseException | None) -> bool:
    """Whether a statement failed because a table or column does not exist."""
    if isinstance(error, sqlite3.Error):
        return str(error).startswith("no such")
    code = getattr(error, "sqlstate", None) or (error.args[0] if error and error.args else None)
    return code in {"42P01", "42703", 1146, 1054}


def clear(connection: Connection) -> None:
    """Remove what a killed first upgrade left in a database that has no revision yet.

    MariaDB commits each statement, so some of the tables may be there, empty, and Alembic's own.
    Raises `DatabaseError` if another program made a table of the same name.
    """
    from snapshotter.models import METADATA  # noqa: PLC0415 - only an empty database asks

    names = _names(connection)
    ours = [table for table in METADATA.sorted_tables if table.name in names]
    killed = connection.dialect.name in ("mysql", "mariadb") and "alembic_version" in names
    for table in ours:
        if not (killed and _is_left_by_an_upgrade(connection, table.name)):
            raise DatabaseError(
                f"the database already has a table {table.name!r} that this tool did not create; "
                "name another database"
            )
    for table in reversed(ours):
        table.drop(connection)


def _is_left_by_an_upgrade(connection: Connection, table: str) -> bool:
    """Whether a table has our columns, each with a comment as in ours, and no rows yet."""
    columns = inspect(connection).get_columns(table)
    known = {column["name"] for column in columns}
    if not known >= set(_SIGNS.get(table, "id").split()):
        return False
    if not all(column.get("comment") for column in columns):
        return False
    return table == "calendar" or not has_rows(connection, table)


def has_rows(connection: Connection, table: str) -> bool:
    return connection.execute(text(f"select 1 from {table} limit 1")).first() is not None  # noqa: S608 - our own name
