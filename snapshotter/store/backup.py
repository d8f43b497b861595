"""Backs a SQLite database up while it is used, and checks the backup: what `db backup` does.

By SQLite's own online backup, which copies the file's pages as of one moment: a plain copy of a
file in use misses what is in its log, or has half of a transaction.
"""

import shlex
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Engine

from snapshotter import files
from snapshotter.errors import Failure, UsageError
from snapshotter.store.driver_errors import as_our_error
from snapshotter.store.engine import reading
from snapshotter.store.ownership import revision_of
from snapshotter.targets import database_file

_PAGES_AT_ONCE = 1_000
_OF_POSTGRESQL = "pg_dump --format=custom"
_OF_MARIADB = "mariadb-dump --single-transaction"


def require_file(url: URL, target: Path) -> None:
    """Raise `UsageError`, with the command to use instead, if the database is on a server."""
    if url.get_backend_name() == "sqlite":
        return
    is_postgresql = url.get_backend_name() == "postgresql"
    command = _OF_POSTGRESQL if is_postgresql else _OF_MARIADB
    host = url.query.get("host") if is_postgresql else None
    given = {
        "host": url.host or (host if isinstance(host, str) else None),
        "port": url.port,
        "socket": None if is_postgresql else url.query.get("unix_socket"),
        ("username" if is_postgresql else "user"): url.username,
        ("file" if is_postgresql else "result-file"): target,
    }
    options = [f"--{name}={value}" for name, value in given.items() if value is not None]
    words = shlex.join([*options, str(url.database or "")])
    raise UsageError(
        f"'db backup' is for SQLite; back a server's database up by its own tool: {command} {words}"
    )


def backup(
    engine: Engine, target: Path, between: Callable[[], None], *, replaces: bool
) -> dict[str, int]:
    """Write a checked backup, which appears whole, and return its rows by table.

    A file at `target` is replaced only with `replaces`. `between` is called between two parts of
    the file, and ends the backup by raising. Raises `UsageError` for a target that cannot be one,
    `Failure` if the backup differs, `DatabaseError`.
    """
    with reading(engine).connect() as connection:
        revision = revision_of(connection)  # which begins the transaction: the moment of the backup
        before = _counts(connection.connection.driver_connection)
        place = files.placed(target, database_file(connection), replaces=replaces)
        with place as path, closing(sqlite3.connect(path)) as copy:
            copy.execute("pragma synchronous = off")  # it is synced once, at the end
            source: Any = connection.connection.driver_connection
            try:
                source.backup(copy, pages=_PAGES_AT_ONCE, progress=lambda *_: between())
                _require_same(copy, before, revision)
            except sqlite3.Error as error:
                raise as_our_error(error) from None
    return before


def _require_same(copy: sqlite3.Connection, before: dict[str, int], revision: str | None) -> None:
    found = [row[0] for row in copy.execute("pragma integrity_check")]
    if found != ["ok"]:
        raise Failure(f"the backup is damaged, as the database may be: {found[0]}")
    after = _counts(copy)
    differing = [name for name in before if after.get(name) != before[name]]
    if differing:
        raise Failure(f"the backup has another number of rows in {', '.join(differing)}")
    if "alembic_version" in after:
        found = [row[0] for row in copy.execute("select version_num from alembic_version")]
        if found != [revision]:
            raise Failure(f"the backup is not at revision {revision}, as the database is")


def _counts(connection: Any) -> dict[str, int]:
    tables = connection.execute(
        "select name from sqlite_master where type = 'table' and substr(name, 1, 7) <> 'sqlite_'"
    ).fetchall()
    quoted = {name: '"' + name.replace('"', '""') + '"' for (name,) in tables}
    return {
        name: int(connection.execute(f"select count(*) from {each}").fetchone()[0])  # noqa: S608 - quoted
        for name, each in quoted.items()
    }
