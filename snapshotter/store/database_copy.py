"""Copies all rows of a database into an empty one, of any engine: what `db copy` does.

The copy is all or nothing. The target gets its tables and views as in a first run. Then one
transaction writes the rows, reads them again, and is committed only if both sides have the same: so
a copy that was killed leaves empty tables, as the next one expects them. The source is read as of
one moment, and may be written meanwhile.
"""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, Table, delete, func, inspect, select, text
from sqlalchemy.exc import SQLAlchemyError

from snapshotter.errors import DatabaseError, Failure, UsageError
from snapshotter.models import METADATA
from snapshotter.store import sizes
from snapshotter.store.accounts import alone
from snapshotter.store.bulk import Encoded, encode, insert_encoded
from snapshotter.store.engine import reading, unmoving
from snapshotter.store.error_scope import UNSENDABLE, ErrorScope, scope_of, words
from snapshotter.store.ownership import has_rows, revision_of
from snapshotter.store.tables import ACCOUNTS, CALENDAR
from snapshotter.texts import counted

_VALUES_AT_ONCE = 20_000  # read and written together
_NEGATIVE_ZERO = re.compile(rb"-0\.0(?![0-9])")  # not every engine keeps its sign
_TABLES = METADATA.sorted_tables  # a table after those that it refers to

Rows = Sequence[tuple[Any, ...]]


@dataclass
class Digest:
    """The number of rows, and the sum of a hash of each: equal for equal rows in any order."""

    rows: int = 0
    total: int = 0

    def add(self, rows: Rows) -> None:
        self.rows += len(rows)
        self.total = (self.total + sum(map(_hash, rows))) % 2**128


def _hash(row: tuple[Any, ...]) -> int:
    try:
        data = msgspec.json.encode(row, order="deterministic")
    except OverflowError:  # an integer past 64 bits, which JSON allows
        data = json.dumps(row, sort_keys=True, default=str).encode("utf-8", "surrogatepass")
    if b"-0.0" in data:
        data = _NEGATIVE_ZERO.sub(b"0.0", data)
    return int.from_bytes(blake2b(data, digest_size=16).digest(), "little")


def require_other(source: Engine, target: Engine) -> None:
    """Raise `UsageError` if both engines are of the same database, by their URLs or files."""
    here, there = source.url, target.url
    if "sqlite" in (here.get_backend_name(), there.get_backend_name()):
        files = [Path(str(url.database)) for url in (here, there)]
        is_same = here.get_backend_name() == there.get_backend_name() and (
            all(file.exists() for file in files) and files[0].samefile(files[1])
        )
    else:
        is_same = all(
            getattr(here, part) == getattr(there, part)
            for part in ("drivername", "host", "port", "database", "query")
        )
    if is_same:
        raise UsageError("--to is the database itself; name another one")


def require_empty(target: Engine) -> None:
    """Raise `UsageError` if the database has rows of ours, or belongs to another program."""
    with reading(target).connect() as connection:
        try:
            revision_of(connection)
        except DatabaseError as error:
            raise UsageError(f"--to cannot be used: {error}") from None
        for table in _tables_of(connection):
            if table is not CALENDAR and has_rows(connection, table.name):
                number = connection.execute(select(func.count()).select_from(table)).scalar_one()
                raise UsageError(
                    f"--to is not empty: {counted(number, 'row')} in {table.name}; name an empty "
                    "database, which gets its tables by itself"
                )


def _tables_of(connection: Connection) -> list[Table]:
    schema = None
    if connection.dialect.name == "postgresql":
        schema = connection.dialect.default_schema_name
    names = {*inspect(connection).get_table_names(schema)}
    return [table for table in _TABLES if table.name in names]


def copy(source: Engine, target: Engine, between: Callable[[], None]) -> dict[str, int]:
    """Copy every row, and return their numbers by table.

    Both schemas are at head, and the target is empty. `between` is called between two batches, and
    ends the copy by raising. Raises `Failure` if the target refuses a row or ends up with others,
    `Stopped` if a run uses it.
    """
    sizes.apply_packet_limit(target)
    with unmoving(source).connect() as there:
        accounts = [*there.execute(select(ACCOUNTS.c.account_id)).scalars()]
        with alone(target, accounts), target.begin() as here:
            _be_durable(here)
            here.execute(delete(CALENDAR))  # which has its rows already
            before = {table: _copy_table(there, here, table, between) for table in _TABLES}
            for table, digest in before.items():
                if _digest(here, table, between) != digest:
                    raise Failure(f"the copy of {table.name} has other rows; nothing was copied")
            _set_sequences(here)
    return {table.name: digest.rows for table, digest in before.items()}


def _copy_table(
    there: Connection, here: Connection, table: Table, between: Callable[[], None]
) -> Digest:
    digest, names = Digest(), tuple(table.columns.keys())
    for rows in _batches(there, table):
        between()
        digest.add(rows)
        try:
            encoded = encode(here.dialect, table, names, rows)
            _require_short(here, table, encoded)
            insert_encoded(here, table, names, encoded)
        except (SQLAlchemyError, *UNSENDABLE) as error:
            if scope_of(error) is ErrorScope.DATABASE:
                raise
            raise Failure(
                f"--to refuses a row of {table.name}: {words(error)}; nothing was copied"
            ) from None
    return digest


def _digest(connection: Connection, table: Table, between: Callable[[], None]) -> Digest:
    digest = Digest()
    for rows in _batches(connection, table):
        between()
        digest.add(rows)
    return digest


def _batches(connection: Connection, table: Table) -> Iterator[Rows]:
    number = max(1, _VALUES_AT_ONCE // len(table.columns))
    streams = {"stream_results": True, "max_row_buffer": number}
    with connection.execute(select(table), execution_options=streams) as result:
        for rows in result.partitions(number):
            yield [tuple(row) for row in rows]


def _require_short(connection: Connection, table: Table, rows: Sequence[Encoded]) -> None:
    """Refuse a row that would cost the connection to MariaDB."""
    limit = sizes.limit_of(connection)
    if limit is None:
        return
    longest = max(map(sizes.sent, rows))
    if longest > limit:
        raise Failure(
            f"--to cannot take a row of {table.name} of {longest:,} bytes; raise its "
            "max_allowed_packet; nothing was copied"
        )


def _be_durable(connection: Connection) -> None:
    """Have the commit wait for the disk, which a run need not do: the source may be deleted."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("set local synchronous_commit = on"))


def _set_sequences(connection: Connection) -> None:
    """Let PostgreSQL's next rows have numbers after those that were copied."""
    if connection.dialect.name != "postgresql":
        return
    for table in _TABLES:
        if (column := table.autoincrement_column) is None:
            continue
        sequence = func.pg_get_serial_sequence(table.name, column.name)
        highest = select(func.max(column)).scalar_subquery()
        connection.execute(
            select(func.setval(sequence, func.coalesce(highest, 1), highest.is_not(None)))
        )
