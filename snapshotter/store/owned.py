"""Removes rows together with all rows that refer to them, by the models' foreign keys.

So the rows that a table of a later revision has for a job are removed with the job.
"""

from collections.abc import Iterable
from functools import cache
from typing import Any

from sqlalchemy import Column, Connection, Delete, Select, Table, delete, select, text

from snapshotter.models import METADATA
from snapshotter.store.tables import among, chunks


def referring(table: Table) -> list[Column[Any]]:
    """Return the columns of other tables that refer to this table's key."""
    return [
        column
        for other in METADATA.sorted_tables
        for column in other.columns
        if any(key.column.table is table for key in column.foreign_keys)
    ]


def lock_jobs_first(connection: Connection) -> None:
    """Take the lock on the jobs that a write of them takes, before another table is written.

    A load writes the jobs first, and `deferred` locks them before it adds a key to another table of
    PostgreSQL. A transaction that wrote another table first could deadlock with either.
    """
    if connection.dialect.name == "postgresql":
        connection.execute(text("lock table jobs in row exclusive mode"))


def remove(connection: Connection, table: Table, keys: Iterable[int]) -> None:
    """Remove the rows of these keys, after the rows that refer to them."""
    (key,) = table.primary_key.columns
    for some in chunks(keys):
        for column in referring(table):
            _remove_referring(connection, column, some)
        connection.execute(_deletion(key), {"ids": some})


def _remove_referring(connection: Connection, column: Column[Any], keys: tuple[int, ...]) -> None:
    if not referring(column.table):
        connection.execute(_deletion(column), {"ids": keys})
        return
    # By their keys: MariaDB would read all fields to find those of a subquery.
    found = connection.execute(_keys_by(column), {"ids": keys}).scalars().all()
    remove(connection, column.table, found)


@cache
def _deletion(column: Column[Any]) -> Delete:
    return delete(column.table).where(among(column))


@cache
def _keys_by(column: Column[Any]) -> Select[Any]:
    (key,) = column.table.primary_key.columns
    return select(key).where(among(column))
