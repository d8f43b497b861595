"""Returns the space of removed rows to the file system, or to new rows: what `db vacuum` does."""

import os
import shutil
import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, select, text

from snapshotter.errors import DatabaseError
from snapshotter.models import METADATA
from snapshotter.store import accounts
from snapshotter.store.driver_errors import as_our_error
from snapshotter.store.engine import checkpoint, reading
from snapshotter.store.tables import ACCOUNTS
from snapshotter.targets import database_file
from snapshotter.texts import in_megabytes

_NAMES = [table.name for table in METADATA.sorted_tables]
_TEMPORARY = ("SQLITE_TMPDIR", "TMPDIR")  # variables, as SQLite reads them
_TEMPORARY_FOLDERS = ("/var/tmp", "/usr/tmp", "/tmp", ".")  # noqa: S108 - SQLite's own list


def size(engine: Engine) -> int:
    """Return the bytes that the database takes; on a server, those of this command's tables."""
    with reading(engine).connect() as connection:
        match connection.dialect.name:
            case "sqlite":
                path = database_file(connection)
                files = [] if path is None else [path, path.with_name(f"{path.name}-wal")]
                return sum(file.stat().st_size for file in files if file.exists())
            case "postgresql":
                statement = text(
                    "select coalesce(sum(pg_total_relation_size(to_regclass(name))), 0) "
                    "from unnest(cast(:names as text[])) as name"
                )
            case _:
                statement = text(
                    "select coalesce(sum(data_length + index_length + data_free), 0) "
                    "from information_schema.tables "
                    "where table_schema = database() and find_in_set(table_name, :names)"
                )
        names: Any = _NAMES if connection.dialect.name == "postgresql" else ",".join(_NAMES)
        return int(connection.execute(statement, {"names": names}).scalar_one())


def vacuum(engine: Engine) -> None:
    """Rebuild the tables, or on PostgreSQL let new rows use the space of removed ones.

    Raises `DatabaseError` without room for a copy of a SQLite database, `Stopped` if the
    database is busy.
    """
    match engine.dialect.name:
        case "sqlite":
            _vacuum_sqlite(engine)
        case "postgresql":
            with _autocommitting(engine) as connection:
                _vacuum_postgresql(connection)
        case _:
            with _autocommitting(engine) as connection:
                for name in _NAMES:
                    _require_done(connection, name)


def _autocommitting(engine: Engine) -> Connection:
    return engine.connect().execution_options(isolation_level="AUTOCOMMIT")


def _vacuum_postgresql(connection: Connection) -> None:
    """Vacuum the tables of PostgreSQL, which only warns of those that it skips."""
    warnings: list[str] = []
    driver: Any = connection.connection.driver_connection
    driver.add_notice_handler(lambda notice: warnings.append(str(notice.message_primary)))
    for name in _NAMES:
        connection.execute(text(f"vacuum (analyze) {name}"))
        if warnings:
            raise DatabaseError(f"cannot vacuum {name}: {warnings[0]}; run it as the owner")


def _require_done(connection: Connection, name: str) -> None:
    """Rebuild a table of MariaDB, which reports a failure as a row."""
    for row in connection.execute(text(f"optimize table {name}")).mappings():
        if row["Msg_type"].lower() == "error":
            raise DatabaseError(f"cannot rebuild {name}: {row['Msg_text']}")


def _vacuum_sqlite(engine: Engine) -> None:
    with reading(engine).connect() as connection:
        names = [*connection.execute(select(ACCOUNTS.c.account_id)).scalars()]
    with accounts.alone(engine, names):
        raw = engine.raw_connection()  # outside a transaction, in which it is refused
        try:
            driver: Any = raw.driver_connection
            _require_room(driver)
            driver.execute("vacuum")
        except sqlite3.Error as error:
            raise as_our_error(error) from None
        finally:
            raw.close()
    checkpoint(engine)


def _require_room(connection: Any) -> None:
    """Check for room for the copy that SQLite makes, and for the log of writing it back."""
    path = Path(next(row[2] for row in connection.execute("pragma database_list").fetchall()))
    value = {
        name: connection.execute(f"pragma {name}").fetchone()[0]
        for name in ("page_size", "page_count", "freelist_count", "journal_mode")
    }
    copy = (value["page_count"] - value["freelist_count"]) * value["page_size"]
    log = copy if value["journal_mode"] == "wal" else value["page_count"] * value["page_size"]
    needs = [(path.parent, log), (_temporary_folder(), copy)]
    for folder, _ in needs:
        device = folder.stat().st_dev
        bytes_ = sum(number for other, number in needs if other.stat().st_dev == device)
        free = shutil.disk_usage(folder).free
        if free < bytes_:
            raise DatabaseError(
                f"no room to rebuild the database: it needs {in_megabytes(bytes_)} in "
                f"{str(folder)!r}, which has {in_megabytes(free)} free; nothing was changed, make "
                "room there, or set SQLITE_TMPDIR to a folder on another disk"
            )


def _temporary_folder() -> Path:
    """Return where SQLite puts the copy."""
    named = [os.environ[name] for name in _TEMPORARY if os.environ.get(name)]
    folders = [Path(name) for name in (*named, *_TEMPORARY_FOLDERS)]
    return next((each for each in folders if each.is_dir() and os.access(each, os.W_OK)), Path())
