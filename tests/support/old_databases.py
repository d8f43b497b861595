"""Databases of earlier schemas, with rows, as dumps in `tests/data/databases`.

A dump was made by the migrations up to its revision, on the engine itself. Before a release, make
those of its schema, and add the release to `RELEASES`:

    .venv/bin/python tests/support/old_databases.py 0010

No dump is made again later: a database that is made anew is not one of that time. Each calendar has
three days instead of 14,610, and no dump has views, which are long; an upgrade makes them anew.
"""

import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import psycopg
from alembic import command
from databases import MariaDBServer, PostgresServer
from sqlalchemy import Connection, Engine, bindparam, inspect, text

from snapshotter.store import revisions, views
from snapshotter.store.engine import open_engine, to_json
from snapshotter.utc_times import _to_text

FOLDER = Path(__file__).parent.parent / "data" / "databases"
ENGINES = ("sqlite", "postgresql", "mariadb")
# The schema that each release of CHANGELOG.md had; the others were in checkouts.
RELEASES = {"0.1.0": "0004"}
CHECKOUTS = ("0001", "0002", "0003", "0005", "0006", "0007", "0008")
WITH_KEYS = "0007"  # from here on, no row refers to one that is missing

WORDS = "größe 📦 'x' \"y\" %s \\ \\n\ttab\n"
AT = datetime(2026, 1, 5, 3, 4, 5, 678901, tzinfo=UTC)
WHOLE = datetime(2026, 1, 5, 4, 0, tzinfo=UTC)
LARGEST = 2**63 - 1
_COUNTED = (
    *("requests", "pages", "jobs_seen", "jobs_inserted", "jobs_changed", "jobs_unchanged"),
    *("jobs_rejected", "credits_remaining", "credits_spent"),
)
_COUNTS = dict.fromkeys(_COUNTED, 3)
_READ = {"first_seen_at": AT, "last_changed_at": WHOLE}
_JOB = {
    "status": "failed",
    "owner_id": -(2**63),
    "progress": 0.1 + 0.2,
    "created_at": datetime(2026, 1, 5, 3, 0, tzinfo=UTC),
    "started_at": datetime(2026, 1, 5, 3, 1, 0, 500000, tzinfo=UTC),
    "failed_at": WHOLE,
    "updated_at": AT,
    "cluster_id": 52,
    "cluster_available_since": datetime(2026, 1, 5, 3, 0, 30, tzinfo=UTC),
    "package_id": 434,
    "package_name": WORDS,
    "errors": "Job 17 has no /tmp/a",
    "runtime_in_seconds": 3540,
    "variables": {"b": 1, "a": [1.5, None, "ä"]},
    "dynamic_variables": {},
    "extra": {"log_summary": WORDS, "large": 2**64},
    # Computed when a job is loaded.
    "run_date": date(2026, 1, 5),
    "queue_seconds": 60,
    "cluster_wait_seconds": 30,
    "finished_at": WHOLE,
    "created_epoch": 1767582000,
    "started_epoch": 1767582060,
    "finished_epoch": 1767585600,
    "error_fingerprint": "Job # has no <path>",
}
Rows = list[dict[str, Any]]
ROWS: dict[str, Rows] = {
    "accounts": [
        {
            "account_id": "acme",
            "api_url": "https://api.xplenty.com",
            "watermark": AT,
            "watermark_epoch": 1767582245,
            "newest_updated_at": WHOLE,
            "page_size": 100,
            "sends_links": True,
            "listing_since": AT,
            "listing_offset": 98,
            "unlisted": -2,
        },
        {"account_id": "Acme", "api_url": "https://api.xplenty.com", "sends_links": False},
    ],
    "snapshots": [
        {
            "id": 1,
            "account_id": "acme",
            "kind": "full",
            "status": "completed",
            **_COUNTS,
            "started_at": AT,
            "finished_at": WHOLE,
            "started_epoch": 1767582245,
            "finished_epoch": 1767585600,
            "watermark": AT,
            "watermark_epoch": 1767582245,
        },
        {
            "id": 3,
            "account_id": "Acme",
            "kind": "jobs",
            "status": "failed",
            **_COUNTS,
            "started_at": WHOLE,
            "started_epoch": 1767585600,
            "error": WORDS,
        },
    ],
    "jobs": [
        {"id": 7, "account_id": "acme", "snapshot_id": 1, **_READ, **_JOB},
        {"id": LARGEST, "account_id": "acme", "snapshot_id": 3, **_READ, "gone_at": WHOLE},
    ],
    "job_outputs": [
        {
            "id": LARGEST,
            "job_id": 7,
            "name": WORDS,
            "records_count": LARGEST,
            "component_name": "",
            "fields_digest": "5dfc582a7d4ec855",
            "extra": [],
            "created_at": AT,
        },
    ],
    "output_fields": [
        {"output_id": LARGEST, "position": 1, "name": WORDS},
        {"output_id": LARGEST, "position": 2, "name": ""},
    ],
    "job_changes": [
        {"id": 5, "job_id": 7, "snapshot_id": 1, "observed_at": AT, "status": "running"},
        {"id": 9, "job_id": 7, "snapshot_id": 3, "observed_at": WHOLE, "progress": 0.5},
    ],
    "rejected_records": [
        {
            "id": 4,
            "snapshot_id": 1,
            "account_id": "acme",
            "job_id": 12,
            "reason": WORDS,
            "payload": to_json({"id": 12, "name": WORDS}),
            "rejected_at": AT,
        },
        {
            "id": 6,
            "snapshot_id": 2,
            "account_id": "nobody",
            "reason": "no id",
            "payload": "null",
            "rejected_at": WHOLE,
            "job_id": 13,
        },
    ],
    "calendar": [
        {"day": date(2010, 1, 1), "week": date(2009, 12, 28), "month": date(2010, 1, 1)}
        | {"weekday": 5, "epoch": 1262304000},
        {"day": date(2026, 1, 5), "week": date(2026, 1, 5), "month": date(2026, 1, 1)}
        | {"weekday": 1, "epoch": 1767571200},
        {"day": date(2049, 12, 31), "week": date(2049, 12, 27), "month": date(2049, 12, 1)}
        | {"weekday": 5, "epoch": 2524521600},
    ],
}
# What a deletion by hand could leave before there were keys: a job without its account and its run,
# and a change without its job.
ORPHANS: dict[str, Rows] = {
    "jobs": [{"id": 8, "account_id": "deleted", "snapshot_id": 20, **_READ, "status": "running"}],
    "job_changes": [{"id": 10, "job_id": 99, "snapshot_id": 1, "observed_at": AT}],
}


def rows_at(revision: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the rows of a revision's dump, by table, with columns that it may not have yet."""
    for each in (ROWS, ORPHANS) if revision < WITH_KEYS else (ROWS,):
        for table, rows in each.items():
            for row in rows:
                yield table, row


def fill(connection: Connection, revision: str) -> None:
    """Insert the rows, in the texts that the program of that time wrote."""
    connection.execute(text("delete from calendar"))
    for table, row in rows_at(revision):
        columns = {column["name"] for column in inspect(connection).get_columns(table)}
        values = {
            name: _sent(connection.dialect.name, revision, value)
            for name, value in row.items()
            if name in columns
        }
        names, marks = ", ".join(values), ", ".join(f":{name}" for name in values)
        statement = text(f"insert into {table} ({names}) values ({marks})")
        connection.execute(statement.bindparams(*map(bindparam, values)), values)


def _sent(engine: str, revision: str, value: Any) -> Any:
    if isinstance(value, datetime):
        if engine == "sqlite" and revision >= WITH_KEYS:
            return _to_text(value)
        zone = "+00:00" if engine == "postgresql" else ""
        return f"{value:%Y-%m-%d %H:%M:%S.%f}{zone}"
    if isinstance(value, date):
        return value.isoformat()
    return to_json(value) if isinstance(value, dict | list) else value


def make(url: str, revision: str) -> None:
    """Make the database of a revision, with its rows."""
    engine = open_engine(url)
    with engine.connect() as connection, revisions.ready_for_copies(connection):
        command.upgrade(revisions._alembic(connection), revision)  # noqa: SLF001
        connection.commit()
        fill(connection, revision)
        if views.METADATA.tables.keys() & {*inspect(connection).get_table_names()}:
            views._drop(connection)  # noqa: SLF001
            connection.execute(text("delete from snapshotter_views"))
        connection.commit()
    engine.dispose()


def load(url: str, dump: Path) -> Engine:
    """Load a dump into an empty database."""
    engine = open_engine(url)
    statements = dump.read_text()
    match engine.dialect.name:
        case "sqlite":
            with closing(sqlite3.connect(str(engine.url.database))) as file:
                file.executescript(statements)
        case "postgresql":
            plain = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
            with psycopg.connect(plain) as server:  # the dump changes the session
                server.execute(statements.encode())
        case _:
            with engine.connect() as connection:
                for statement in statements.split(";\n\n"):
                    if statement.strip():
                        connection.exec_driver_sql(statement.replace("%", "%%"))
                connection.commit()
    return engine


def _dump(engine: Engine, server: Any) -> str:
    match engine.dialect.name:
        case "sqlite":
            with closing(sqlite3.connect(str(engine.url.database))) as file:
                return "\n".join(file.iterdump()) + "\n"
        case "postgresql":
            options = ("--inserts", "--no-owner", "--no-privileges", "--host", str(server.folder))
            program = server.binaries / "pg_dump"
            done = subprocess.run(
                [str(program), *options, "--username", "postgres", str(engine.url.database)],
                capture_output=True,
                text=True,
                check=True,
            )
            lines = done.stdout.splitlines()
            kept = (line for line in lines if line and not line.startswith(("--", "\\")))
            return "\n".join(kept) + "\n"
        case _:
            with engine.connect() as connection:
                return ";\n\n".join(_of_mariadb(connection)) + ";\n\n"


def _of_mariadb(connection: Connection) -> Iterator[str]:
    yield "set foreign_key_checks = 0"
    for table in inspect(connection).get_table_names():
        yield connection.execute(text(f"show create table {table}")).all()[0][1]
        for row in connection.execute(text(f"select * from {table}")).mappings():
            values = ", ".join(_literal(connection, value) for value in row.values())
            yield f"insert into {table} ({', '.join(map(str, row))}) values ({values})"
    yield "set foreign_key_checks = 1"


def _literal(connection: Connection, value: Any) -> str:
    driver: Any = connection.connection.driver_connection
    return str(driver.escape(value))


def main(revisions_: Sequence[str]) -> None:
    """Write the dumps of these revisions, on each engine."""
    FOLDER.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        PostgresServer() as postgres,
        MariaDBServer() as mariadb,
    ):
        for revision in revisions_:
            for engine, server in zip(ENGINES, (None, postgres, mariadb), strict=True):
                url = f"sqlite:///{folder}/{revision}.db"
                url = url if server is None else server.create_database()
                make(url, revision)
                opened = open_engine(url)
                (FOLDER / f"{revision}.{engine}.dump").write_text(_dump(opened, server))
                opened.dispose()


if __name__ == "__main__":
    main(sys.argv[1:])
