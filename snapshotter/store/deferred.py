"""Leaves the secondary indexes of an empty database to the end of its first load.

Each job touches another page of most of them, so to maintain them job by job takes longer than to
build them once. On PostgreSQL the foreign keys are left to the end, too: to check them row by row
takes most of the server's time. What is missing is read from the database itself, and so a load
that was killed is recognized by every later run.

MariaDB keeps all of them, because there a change of a table ends the transaction.
"""

from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from typing import NamedTuple

from sqlalchemy import (
    Connection,
    Engine,
    ForeignKeyConstraint,
    Index,
    Table,
    exc,
    exists,
    func,
    inspect,
    select,
    text,
)
from sqlalchemy.schema import CreateIndex, DropIndex

from snapshotter.errors import DatabaseError
from snapshotter.store.tables import CHANGES, FIELDS, JOBS, OUTPUTS
from snapshotter.texts import counted

# A load writes the first of them before the others: who holds it waits for no load in progress.
_LOADED = (JOBS, OUTPUTS, FIELDS, CHANGES)
# An index on one of these grows at its end, which costs little, and some are read by the load.
_ASCENDING = ("job_id", "snapshot_id")
# The trends look up a name by it for each of their rows, also during a first load.
_KEPT = ("ix_jobs_named",)
REMEDY = "the next 'snapshotter sync' builds them, 'snapshotter db upgrade' does now"
# Less than PostgreSQL's `deadlock_timeout`, so that this session ends its wait, not another one.
_WAITS = "500ms"
_CATALOGUE = {
    "sqlite": "select tbl_name, name, 1 from sqlite_master where type = 'index'",
    "postgresql": (
        "select t.relname, i.relname, true from pg_index x "
        "join pg_class i on i.oid = x.indexrelid join pg_class t on t.oid = x.indrelid "
        "join pg_namespace n on n.oid = t.relnamespace where n.nspname = current_schema() "
        "union all select t.relname, c.conname, c.convalidated from pg_constraint c "
        "join pg_class t on t.oid = c.conrelid join pg_namespace n on n.oid = t.relnamespace "
        "where n.nspname = current_schema() and c.contype = 'f'"
    ),
}


class KeyViolatedError(DatabaseError):
    """Rows refer to others that are missing, so that a foreign key cannot be built."""


class Part(NamedTuple):
    """An index or a foreign key; `is_there`: it is a key that still has to be validated."""

    of: Index | ForeignKeyConstraint
    table: Table
    is_there: bool = False

    @property
    def name(self) -> str:
        return str(self.of.name)

    @property
    def is_index(self) -> bool:
        return isinstance(self.of, Index)


def missing(connection: Connection) -> list[Part]:
    """Return what a first load has left out and nothing has built since."""
    catalogue = _CATALOGUE.get(connection.dialect.name)
    if catalogue is None:
        return []
    found = {(table, name): valid for table, name, valid in connection.execute(text(catalogue))}
    return [
        part._replace(is_there=key in found)
        for part in _parts(connection)
        if not found.get(key := (part.table.name, part.name))
    ]


def in_words(parts: Collection[Part]) -> str:
    """Return a line that names what is missing, and why it may be."""
    kinds = (
        ("indexes", [part.name for part in parts if part.is_index]),
        ("foreign keys", [part.name for part in parts if not part.is_index]),
    )
    named = [f"{kind} {', '.join(sorted(names))}" for kind, names in kinds if names]
    return f"until the end of a first load, the {' and the '.join(named)} are missing"


def violations(connection: Connection, parts: Iterable[Part]) -> list[str]:
    """Return a line for each foreign key that cannot be built, because rows refer to missing ones.

    While a key is missing, nothing prevents anybody from deleting the rows that others refer to.
    """
    keys = (part.of for part in parts if isinstance(part.of, ForeignKeyConstraint))
    return [line for key in keys if (line := _violation(connection, key))]


def _violation(connection: Connection, key: ForeignKeyConstraint) -> str:
    (element,) = key.elements
    column, referred = element.parent, element.column
    missing_ones = column.is_not(None), ~exists().where(referred == column)
    found = select(func.count(), func.min(column)).select_from(key.table).where(*missing_ones)
    rows, example = connection.execute(found).one()
    if not rows:
        return ""
    return (
        f"{key.table.name} has {counted(rows, 'row')} with a {column.name} that "
        f"{referred.table.name} lacks, for example {example}: delete them and what refers to them, "
        f"or restore what is missing; until then {key.name} cannot be built"
    )


def leave_out(engine: Engine) -> bool:
    """Drop what is built at the end of a load, if no job is stored; return whether it was dropped.

    If another session is at work, or this user may not, nothing is dropped.
    """
    if engine.dialect.name not in _CATALOGUE:
        return False
    with suppress(exc.DBAPIError), engine.begin() as connection:
        if _has_jobs(connection):  # without the lock below, for which readers would wait
            return False
        if connection.dialect.name == "postgresql":
            connection.execute(text(f"set local lock_timeout = '{_WAITS}'"))
            tables = ", ".join(sorted({table.name for table in _locked()}))
            connection.execute(text(f"lock table jobs, {tables} in access exclusive mode"))
            if _has_jobs(connection):
                return False
        for part in _as_expected(connection):
            if isinstance(part.of, Index):
                connection.execute(DropIndex(part.of))
            else:
                connection.exec_driver_sql(
                    f"alter table {part.table.name} drop constraint {part.name}"
                )
        return True
    return False


def build(engine: Engine, part: Part) -> None:
    """Build a part that is missing, unless another session has built it meanwhile.

    An index waits for writers of its table, and they for it. To validate a key makes nobody wait.
    Raises `KeyViolatedError` if rows violate a key.
    """
    with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("select pg_advisory_xact_lock(7230195)"))
        left = [each for each in missing(connection) if each.name == part.name]
        if not left:
            return
        if isinstance(part.of, Index):
            connection.execute(CreateIndex(part.of))
            return
        if not left[0].is_there:
            connection.execute(text("lock table jobs in share row exclusive mode"))
            connection.exec_driver_sql(_addition(part.of))
    if not part.is_index:
        _validate(engine, part)


def _validate(engine: Engine, part: Part) -> None:
    try:
        with engine.begin() as connection:
            connection.exec_driver_sql(
                f"alter table {part.table.name} validate constraint {part.name}"
            )
    except exc.IntegrityError:
        with engine.connect() as connection:
            lines = violations(connection, [part])
        if not lines:
            raise
        raise KeyViolatedError(lines[0]) from None


def gather_statistics(engine: Engine) -> None:
    """Let PostgreSQL count what a load has brought, before its own collector comes to it.

    Until then it expects next to no rows, and takes minutes for a trend that takes a second.
    """
    if engine.dialect.name == "postgresql":
        with engine.begin() as connection:
            connection.execute(text(f"analyze {', '.join(table.name for table in _LOADED)}"))


def _addition(key: ForeignKeyConstraint) -> str:
    """Return the SQL that adds a key of the models; our names need no quotes."""
    columns, referred = (
        ", ".join(names)
        for names in (key.column_keys, [element.column.name for element in key.elements])
    )
    return (
        f"alter table {key.table.name} add constraint {key.name} foreign key ({columns}) "
        f"references {key.referred_table.name} ({referred}) not valid"
    )


def build_all(engine: Engine) -> None:
    """Build everything that is missing."""
    with engine.connect() as connection:
        parts = missing(connection)
    for part in parts:
        build(engine, part)


def _parts(connection: Connection) -> Iterator[Part]:
    """Yield the indexes that a load leaves out, and on PostgreSQL the foreign keys."""
    for table in _LOADED:
        for index in sorted(table.indexes, key=lambda index: str(index.name)):
            if next(iter(index.columns)).name not in _ASCENDING and index.name not in _KEPT:
                yield Part(index, table)
    if connection.dialect.name == "postgresql":
        for table in _LOADED:
            for key in sorted(table.foreign_key_constraints, key=lambda key: str(key.name)):
                yield Part(key, table)


def _as_expected(connection: Connection) -> list[Part]:
    """Return the parts that the database has with the columns of the models."""
    found, schema = inspect(connection), None
    if connection.dialect.name == "postgresql":
        schema = connection.dialect.default_schema_name
    columns: dict[tuple[str, str | None], list[str | None]] = {}
    for table in _LOADED:
        for index in found.get_indexes(table.name, schema):
            columns[table.name, index["name"]] = list(index["column_names"])
        for key in found.get_foreign_keys(table.name, schema):
            columns[table.name, key["name"]] = list(key["constrained_columns"])
    return [
        part
        for part in _parts(connection)
        if columns.get((part.table.name, part.name)) == [each.name for each in part.of.columns]
    ]


def _locked() -> set[Table]:
    """Return the tables of the parts, and those that their keys refer to."""
    referred = {key.referred_table for table in _LOADED for key in table.foreign_key_constraints}
    return {*_LOADED, *referred} - {JOBS}


def _has_jobs(connection: Connection) -> bool:
    return connection.execute(select(JOBS.c.id).limit(1)).first() is not None
