"""Runs the revisions on the connection that is passed in, else on SNAPSHOTTER_DATABASE_URL."""

import os
import sqlite3
from contextlib import nullcontext
from typing import Any, Literal

from alembic import context, op
from alembic.autogenerate.api import AutogenContext
from alembic.ddl.impl import _impls
from alembic.ddl.sqlite import SQLiteImpl
from alembic.script import ScriptDirectory
from sqlalchemy import JSON, Column, Connection, Table, create_engine, event
from sqlalchemy.dialects import mysql
from sqlalchemy.types import TypeEngine

from snapshotter.errors import SnapshotterError
from snapshotter.models import METADATA
from snapshotter.settings import DATABASE_URL_VARIABLE, DEFAULT_DATABASE_URL
from snapshotter.store import views
from snapshotter.store.engine import named_errors, open_engine
from snapshotter.store.ownership import revision_of
from snapshotter.store.revisions import ready_for_copies
from snapshotter.store.sizes import apply_packet_limit

OLD_SQLITE = sqlite3.sqlite_version_info < (3, 35)


def compare_type(
    context_: Any,
    column: Column[Any],  # noqa: ARG001 - the interface is Alembic's
    metadata_column: Column[Any],
    inspected: TypeEngine[Any],
    declared: TypeEngine[Any],
) -> bool | None:
    """Compare JSON with the LONGTEXT that MariaDB stores it as; leave other types to Alembic."""
    del metadata_column
    if context_.dialect.name in ("mysql", "mariadb") and isinstance(declared, JSON):
        return not isinstance(inspected, (JSON, mysql.LONGTEXT))
    return None


def render_item(kind: str, item: Any, autogen: AutogenContext) -> str | Literal[False]:
    """Write the project's column types under their own names into a new revision."""
    package, _, module = type(item).__module__.partition(".")
    if kind == "type" and package == "snapshotter":
        autogen.imports.add(f"from snapshotter import {module}")
        return f"{module}.{item!r}"
    return False


def is_ours(name: str | None, kind: str, _parents: Any) -> bool:
    """Whether to compare something: the user's own tables are not compared."""
    return kind != "table" or name in {**METADATA.tables, **views.METADATA.tables}


def moves() -> bool:
    """Whether the command goes to another revision; `alembic check` and others only look."""
    try:
        context.get_revision_argument()
    except KeyError:
        return False
    return True


def with_dynamic_rows(table: Table, *_: Any, **__: Any) -> None:
    """Allow long keys whatever default row format a MariaDB server has."""
    for name in ("mysql", "mariadb"):
        table.dialect_options[name]["row_format"] = "DYNAMIC"


def number(_context: Any, _revision: Any, directives: list[Any]) -> None:
    """Number a new revision: `ownership` knows a database of ours by such a revision."""
    newest = ScriptDirectory.from_config(context.config).get_current_head()
    for directive in directives:
        directive.rev_id = f"{int(newest or 0) + 1:04}"


def needs_database() -> bool:
    """Whether the command is another than `alembic revision`, or compares with a database."""
    options: Any = context.config.cmd_opts
    name = getattr(options, "cmd", [None])[0]
    return getattr(name, "__name__", "") != "revision" or options.autogenerate


class OldSQLiteImpl(SQLiteImpl):
    """Copies a table to drop a column, which SQLite before 3.35 cannot do otherwise."""

    def drop_column(self, table_name: str, column: Column[Any], *_: Any, **__: Any) -> None:
        with op.batch_alter_table(table_name, recreate="always") as batch:
            batch.drop_column(str(column.name))


# Defining the class has replaced Alembic's own.
_impls["sqlite"] = OldSQLiteImpl if OLD_SQLITE else SQLiteImpl


def run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=[METADATA, views.METADATA],
        render_as_batch=True,
        compare_type=compare_type,
        compare_server_default=True,
        render_item=render_item,
        process_revision_directives=number,
        include_name=is_ours,
        # Without a schema, Alembic takes the first table of that name on the search path.
        version_table_schema=connection.dialect.default_schema_name
        if connection.dialect.name == "postgresql"
        else None,
    )
    apply_packet_limit(connection.engine)  # the calendar's rows are joined into long statements
    event.listen(Table, "before_create", with_dynamic_rows)
    try:
        with context.begin_transaction(), views.set_aside(connection) if moves() else nullcontext():
            context.run_migrations()
    finally:
        event.remove(Table, "before_create", with_dynamic_rows)


if context.is_offline_mode():
    raise SystemExit("snapshotter's revisions run on a database: leave --sql out")

given: Connection | None = context.config.attributes.get("connection")
if given is not None:
    run(given)
elif not needs_database():
    with create_engine("sqlite://").connect() as empty:
        run(empty)
else:
    try:
        engine = open_engine(os.environ.get(DATABASE_URL_VARIABLE) or DEFAULT_DATABASE_URL)
        try:
            with named_errors(), engine.connect() as own, ready_for_copies(own):
                revision_of(own)  # raises if the database is another program's
                run(own)
                own.commit()
        finally:
            engine.dispose()
    except SnapshotterError as error:
        raise SystemExit(f"snapshotter: {error}") from None
