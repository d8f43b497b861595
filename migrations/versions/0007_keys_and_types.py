"""Foreign keys; JSON as jsonb in PostgreSQL; times and days that SQLite's clients read alike."""

import logging
import re
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

from snapshotter.store import postgresql_views

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

log = logging.getLogger("snapshotter.migrations")

# name, table, column, the table that it refers to, its key
KEYS = (
    ("fk_jobs_account_id_accounts", "jobs", "account_id", "accounts", "account_id"),
    ("fk_jobs_snapshot_id_snapshots", "jobs", "snapshot_id", "snapshots", "id"),
    ("fk_job_changes_job_id_jobs", "job_changes", "job_id", "jobs", "id"),
    ("fk_job_changes_snapshot_id_snapshots", "job_changes", "snapshot_id", "snapshots", "id"),
    ("fk_snapshots_account_id_accounts", "snapshots", "account_id", "accounts", "account_id"),
)
# By these a referred row is deleted without reading the table that refers to it.
KEY_INDEXES = (
    ("ix_jobs_snapshot_id", "jobs", "snapshot_id"),
    ("ix_job_changes_snapshot_id", "job_changes", "snapshot_id"),
    ("ix_snapshots_account_id", "snapshots", "account_id"),
)
_RUNS = ("status", "package_id", "run_date", "runtime_in_seconds", "finished_epoch")
# name, whether only jobs with a package's name, columns before, columns from now on
CHANGED_INDEXES = (
    ("ix_jobs_runs", False, _RUNS, (*_RUNS, "account_id")),
    ("ix_jobs_named", True, ("package_id",), ("package_id", "account_id")),
)
DOCUMENTS = {"jobs": ("variables", "dynamic_variables", "extra"), "job_outputs": ("extra",)}
COMMENT = (
    "base URL of the service that has the account",
    "base URL of the service that has the account; empty until it has answered",
)
# The changes of jobs that are not stored, which a key cannot allow.
LEFT_OVER = "job_changes_without_jobs"

# In SQLite: the columns that hold times and days.
TIMES = {
    "accounts": "watermark newest_updated_at listing_since listing_clock listing_edge counted_at "
    "vanishing_since",
    "calendar": "",
    "job_changes": "observed_at",
    "job_outputs": "created_at updated_at",
    "jobs": "created_at started_at failed_at completed_at updated_at cluster_available_since "
    "package_updated_at finished_at first_seen_at last_changed_at gone_at",
    "rejected_records": "rejected_at next_attempt_at",
    "snapshots": "started_at finished_at since watermark",
}
DAYS = {"calendar": "day week month", "jobs": "run_date"}
TO_MILLISECONDS = (
    "case when length({0}) = 26 and substr({0}, 24) = '000' then substr({0}, 1, 23) else {0} end"
)
TO_MICROSECONDS = "case when length({0}) = 23 then {0} || '000' else {0} end"


def upgrade() -> None:
    connection = op.get_bind()
    keep_changes_without_jobs(connection)
    insert_missing_runs(connection)
    insert_missing_accounts(connection)
    match connection.dialect.name:
        case "sqlite":
            rebuild_tables(connection, is_upgrade=True)
        case "postgresql":
            change_documents(connection, "jsonb")
            change_in_place(is_upgrade=True)
        case _:
            alter_in_mariadb(connection, is_upgrade=True)
    comment(COMMENT[1])


def downgrade() -> None:
    connection = op.get_bind()
    match connection.dialect.name:
        case "sqlite":
            rebuild_tables(connection, is_upgrade=False)
        case "postgresql":
            change_in_place(is_upgrade=False)
            change_documents(connection, "json")
        case _:
            alter_in_mariadb(connection, is_upgrade=False)
    connection.exec_driver_sql("delete from accounts where api_url = ''")
    bring_changes_back(connection)
    comment(COMMENT[0])


def comment(words: str) -> None:
    """Set the comment of the one column whose meaning changes, as revision 0005 does."""
    script: Any = op.get_context().script
    script.get_revision("0005").module.change({"accounts": {"api_url": words}})


# What refers to rows that are missing. MariaDB commits each statement: each step can be repeated.

WITHOUT_JOB = "where not exists (select 1 from jobs where jobs.id = job_changes.job_id)"


def keep_changes_without_jobs(connection: sa.Connection) -> None:
    """Move the changes of deleted jobs into a table of their own; the key would not allow them."""
    query = f"select count(*) from job_changes {WITHOUT_JOB}"  # noqa: S608 - our own names
    count = connection.exec_driver_sql(query).scalar()
    if not count:
        return
    if not sa.inspect(connection).has_table(LEFT_OVER):
        connection.exec_driver_sql(
            f"create table {LEFT_OVER} as select * from job_changes where 1 = 0"  # noqa: S608
        )
    connection.exec_driver_sql(
        f"insert into {LEFT_OVER} select * from job_changes {WITHOUT_JOB} "  # noqa: S608 - our own names
        f"and id not in (select id from {LEFT_OVER})"
    )
    connection.exec_driver_sql(f"delete from job_changes {WITHOUT_JOB}")  # noqa: S608
    log.warning(
        "%s rows of job_changes belong to jobs that are not stored; they are now in the table %s, "
        "which you can drop",
        count,
        LEFT_OVER,
    )


def bring_changes_back(connection: sa.Connection) -> None:
    if sa.inspect(connection).has_table(LEFT_OVER):
        connection.exec_driver_sql(
            f"insert into job_changes select * from {LEFT_OVER} "  # noqa: S608 - our own names
            "where id not in (select id from job_changes)"
        )
        op.drop_table(LEFT_OVER)


def insert_missing_runs(connection: sa.Connection) -> None:
    """Insert a row for each run that jobs or changes name and that was deleted."""
    counts = (
        "requests, pages, jobs_seen, jobs_inserted, jobs_changed, jobs_unchanged, jobs_rejected"
    )
    result = connection.exec_driver_sql(
        f"insert into snapshots (id, account_id, kind, status, started_at, error, {counts}) "  # noqa: S608 - our own names
        "select named.snapshot_id, min(named.account_id), 'jobs', 'failed', min(named.seen_at), "
        "'the row of this run was missing; an upgrade of the schema inserted this one', "
        "0, 0, 0, 0, 0, 0, 0 from ("
        "select snapshot_id, account_id, last_changed_at as seen_at from jobs union all "
        "select job_changes.snapshot_id, jobs.account_id, job_changes.observed_at from job_changes "
        "inner join jobs on job_changes.job_id = jobs.id) as named "
        "left join snapshots on named.snapshot_id = snapshots.id "
        "where snapshots.id is null group by named.snapshot_id"
    )
    if not result.rowcount or result.rowcount < 0:
        return
    log.warning("inserted %s rows of snapshots, of runs that stored jobs name", result.rowcount)
    if connection.dialect.name == "postgresql":  # the next run takes a number after these
        connection.exec_driver_sql(
            "select setval(pg_get_serial_sequence('snapshots', 'id'), greatest("
            "nextval(pg_get_serial_sequence('snapshots', 'id')), max(id))) from snapshots"
        )


def insert_missing_accounts(connection: sa.Connection) -> None:
    """Insert a row for each account that has jobs or runs alone: it has not answered yet."""
    connection.exec_driver_sql(
        "insert into accounts (account_id, api_url) select named.account_id, '' from ("
        "select account_id from jobs union select account_id from snapshots) as named "
        "where not exists (select 1 from accounts where accounts.account_id = named.account_id)"
    )


# PostgreSQL


def change_documents(connection: sa.Connection, to: str) -> None:
    """Change the type of the columns of JSON; users' views that read them are made again."""
    with postgresql_views.set_aside(connection, DOCUMENTS):
        for table, columns in DOCUMENTS.items():
            try:
                with connection.begin_nested():
                    convert(connection, table, columns, f"{to} using {{0}}::{to}")
            except sa.exc.DataError:
                # jsonb takes less than json does; an earlier version may have stored it.
                connection.exec_driver_sql(TO_JSONB_IF_POSSIBLE)
                convert(connection, table, columns, "jsonb using pg_temp.jsonb_or_text({0})")


def convert(connection: sa.Connection, table: str, columns: tuple[str, ...], to: str) -> None:
    """Change the type of columns in one statement, which copies the table once."""
    changes = (f"alter column {column} type {to.format(column)}" for column in columns)
    connection.exec_driver_sql(f"alter table {table} {', '.join(changes)}")


TO_JSONB_IF_POSSIBLE = """
create or replace function pg_temp.jsonb_or_text(document json) returns jsonb
language plpgsql strict as $$
begin
    return document::jsonb;
exception when data_exception then
    return to_jsonb(replace(document::text, '\\u0000', '\\ufffd'));
end
$$
"""


def change_in_place(*, is_upgrade: bool) -> None:
    for name, table, column, to, key in KEYS:
        if is_upgrade:
            op.create_foreign_key(name, table, to, [column], [key])
        else:
            op.drop_constraint(name, table, type_="foreignkey")
    for name, table, column in KEY_INDEXES:
        if is_upgrade:
            op.create_index(name, table, [column])
        else:
            op.drop_index(name, table)
    for name, only_named, before, after in CHANGED_INDEXES:
        op.drop_index(name, "jobs")
        where = sa.text("package_name is not null") if only_named else None
        op.create_index(name, "jobs", list(after if is_upgrade else before), postgresql_where=where)


# MariaDB


def alter_in_mariadb(connection: sa.Connection, *, is_upgrade: bool) -> None:
    """Change each table by one statement, which copies it once; what is done already stays."""
    for table in ("snapshots", "jobs", "job_changes"):  # a key needs the one that it refers to
        changes = list(mariadb_changes(sa.inspect(connection), table, is_upgrade=is_upgrade))
        if changes:
            connection.exec_driver_sql(f"alter table {table} {', '.join(changes)}")


def mariadb_changes(found: sa.Inspector, table: str, *, is_upgrade: bool) -> Iterator[str]:
    keys = {each["name"] for each in found.get_foreign_keys(table)}
    indexes = {each["name"]: tuple(each["column_names"]) for each in found.get_indexes(table)}
    for name, of_table, column, to, key in KEYS:
        if of_table == table and (name in keys) != is_upgrade:
            yield (
                f"add constraint {name} foreign key ({column}) references {to} ({key})"
                if is_upgrade
                else f"drop foreign key {name}"
            )
    for name, of_table, column in KEY_INDEXES:
        if of_table == table and (name in indexes) != is_upgrade:
            yield f"add index {name} ({column})" if is_upgrade else f"drop index {name}"
    for name, _, before, after in CHANGED_INDEXES if table == "jobs" else ():
        columns = after if is_upgrade else before
        if indexes.get(name) != columns:
            if name in indexes:
                yield f"drop index {name}"
            yield f"add index {name} ({', '.join(columns)})"


# SQLite: a key needs a new table, and so does the declared type of a column.


def rebuild_tables(connection: sa.Connection, *, is_upgrade: bool) -> None:
    """Copy every table that has times, days or keys; what users added to the file stays.

    Views and triggers are dropped meanwhile: SQLite checks them whenever a table is renamed.
    """
    if connection.exec_driver_sql("pragma foreign_keys").scalar():
        raise RuntimeError("SQLite's foreign keys must be off before the transaction begins")
    created = connection.exec_driver_sql(
        "select type, name, tbl_name, sql from sqlite_master where sql is not null"
    ).all()
    programs = [each for each in created if each.type in ("view", "trigger")]
    for each in programs:
        connection.exec_driver_sql(f"drop {each.type} if exists {quoted(each.name)}")
    changed = {name for name, *_ in (*KEY_INDEXES, *CHANGED_INDEXES)}
    for table in TIMES:
        rebuild(connection, table, is_upgrade=is_upgrade)
        for each in created:
            if (each.type, each.tbl_name) == ("index", table) and each.name not in changed:
                connection.exec_driver_sql(each.sql)
    for name, table, column in KEY_INDEXES if is_upgrade else ():
        op.create_index(name, table, [column])
    for name, only_named, before, after in CHANGED_INDEXES:
        where = sa.text("package_name is not null") if only_named else None
        op.create_index(name, "jobs", list(after if is_upgrade else before), sqlite_where=where)
    for each in sorted(programs, key=lambda each: each.type == "trigger"):
        connection.exec_driver_sql(each.sql)


def rebuild(connection: sa.Connection, table: str, *, is_upgrade: bool) -> None:
    statement = connection.exec_driver_sql(
        "select sql from sqlite_master where type = 'table' and name = ?", (table,)
    ).scalar_one()
    change = TO_MILLISECONDS if is_upgrade else TO_MICROSECONDS
    times = TIMES[table].split()
    columns = columns_of(connection, table)
    values = [change.format(name) if name in times else quoted(name) for name in columns]
    connection.exec_driver_sql(definition(statement, table, is_upgrade=is_upgrade))
    connection.exec_driver_sql(
        f"insert into {NEW} ({', '.join(map(quoted, columns))}) "  # noqa: S608 - names from the file
        f"select {', '.join(values)} from {table}",
    )
    connection.exec_driver_sql(f"drop table {table}")
    connection.exec_driver_sql(f"alter table {NEW} rename to {table}")


def columns_of(connection: sa.Connection, table: str) -> list[str]:
    """Return the columns of a table of SQLite, but for those that it computes by itself."""
    rows = connection.exec_driver_sql(f"pragma table_xinfo({table})").all()
    if not rows:  # SQLite before 3.26, which computes none
        rows = connection.exec_driver_sql(f"pragma table_info({table})").all()
    return [row.name for row in rows if not getattr(row, "hidden", False)]


NEW = "snapshotter_new_table"


def definition(statement: str, table: str, *, is_upgrade: bool) -> str:
    """Return the statement that creates the new table, from the one that created the old."""
    items, options = parts(statement)
    before, after = ("DATE", "TEXT") if is_upgrade else ("TEXT", "DATE")
    names = {name for name, of_table, *_ in KEYS if of_table == table}
    kept = [
        retyped(item, DAYS.get(table, "").split(), before, after)
        for item in items
        if not any(re.match(rf"CONSTRAINT {name}\b", item) for name in names)
    ]
    if is_upgrade:
        kept += [
            f"CONSTRAINT {name} FOREIGN KEY({column}) REFERENCES {to} ({key})"
            for name, of_table, column, to, key in KEYS
            if of_table == table
        ]
    return f"CREATE TABLE {NEW} (\n\t" + ", \n\t".join(kept) + f"\n){options}"


def retyped(item: str, days: list[str], before: str, after: str) -> str:
    """Return the definition of a column, with another type if it is one of days."""
    pattern = rf'("?(?:{"|".join(days)})"?\s+){before}\b'
    return re.sub(rf"\A{pattern}", rf"\1{after}", item) if days else item


# Within a definition: what may hold a comma or a parenthesis that does not end it.
TOKEN = re.compile(
    r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]|--[^\n]*|/\*.*?\*/|.""", re.DOTALL
)


def parts(statement: str) -> tuple[list[str], str]:
    """Return the definitions of columns and constraints in a `create table`, and what follows."""
    head, opening, body = statement.partition("(")
    del head, opening
    items, depth, end = [""], 0, 0
    for token in TOKEN.finditer(body):
        if depth == 0 and token[0] == ")":
            end = token.end()
            break
        depth += {"(": 1, ")": -1}.get(token[0], 0)
        if depth == 0 and token[0] == ",":
            items.append("")
        elif not token[0].startswith("--"):
            items[-1] += token[0]
    return [item.strip() for item in items], body[end:]


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
