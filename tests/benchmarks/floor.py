"""The floor: what anyone's command must do, and nothing else.

`python -m tests.benchmarks.floor JOBS_URL JOBS [DATABASE_URL ROWS]` fetches the pages of the list
one by one over one `requests` session, decodes each with msgspec, untyped, and throws it away. Then
it writes rows that were worked out beforehand into tables that have all their keys and indexes, by
the plain driver: `sqlite3.executemany`, or psycopg's COPY; a transaction a page, as `sync` does.

It prints the seconds of `fetch` and `write`, and those of wall and CPU (`aside`, `aside_cpu`) that
it took to read the rows: they are not part of the floor.
"""

import json
import marshal
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import requests

PAGE = 100

Page = dict[str, list[tuple[Any, ...]]]


def fetch(jobs_url: str, jobs: int) -> int:
    """Fetch and decode all pages; return the number of jobs in them."""
    found = 0
    with requests.Session() as session:
        session.trust_env = False
        for offset in range(0, jobs, PAGE):
            query = f"?limit={PAGE}&offset={offset}&sort=created&direction=asc"
            answer = session.get(jobs_url + query, timeout=60)
            found += len(msgspec.json.decode(answer.content))
    return found


class Rows:
    """A file of `rows`, read page by page. `aside` and `aside_cpu` are the seconds it takes."""

    def __init__(self, file: Path) -> None:
        self.aside = self.aside_cpu = 0.0
        self._file = file.open("rb")
        self.columns: dict[str, list[str]] = marshal.load(self._file)

    def __iter__(self) -> Iterator[Page]:
        while page := self._next():
            yield page

    def _next(self) -> Page:
        began, began_cpu = time.perf_counter(), time.process_time()
        page: Page = marshal.load(self._file)
        self.aside += time.perf_counter() - began
        self.aside_cpu += time.process_time() - began_cpu
        return page


def write_sqlite(database: str, rows: Rows) -> None:
    connection = sqlite3.connect(database, isolation_level=None)
    for pragma in ("journal_mode=wal", "synchronous=normal", "foreign_keys=on"):
        connection.execute(f"pragma {pragma}")
    statements = {
        table: f"insert into {table} ({', '.join(columns)}) values ({_marks(len(columns))})"
        for table, columns in rows.columns.items()
    }
    for page in rows:
        connection.execute("begin immediate")
        for table, statement in statements.items():
            connection.executemany(statement, page[table])
        connection.execute("commit")
    connection.close()


def write_postgresql(conninfo: str, rows: Rows) -> None:
    import psycopg  # noqa: PLC0415 - none of its time is SQLite's

    statements = {
        table: f"copy {table} ({', '.join(columns)}) from stdin"
        for table, columns in rows.columns.items()
    }
    with psycopg.connect(conninfo, autocommit=True, options="-c timezone=UTC") as connection:
        for page in rows:
            with connection.transaction(), connection.cursor() as cursor:
                for table, statement in statements.items():
                    with cursor.copy(statement) as copy:
                        for row in page[table]:
                            copy.write_row(row)


def _marks(count: int) -> str:
    return ", ".join("?" * count)


def _write(database_url: str, rows: Rows) -> None:
    scheme, _, rest = database_url.partition("://")
    writers: dict[str, Callable[[str, Rows], None]] = {
        "sqlite": lambda path, rows: write_sqlite(path.removeprefix("/"), rows),
        "postgresql+psycopg": lambda rest, rows: write_postgresql(f"postgresql://{rest}", rows),
    }
    writers[scheme](rest, rows)


def main(jobs_url: str, jobs: int, database_url: str = "", rows_file: str = "") -> None:
    began = time.perf_counter()
    if (found := fetch(jobs_url, jobs)) != jobs:
        sys.exit(f"the floor fetched {found:,} jobs of {jobs:,}")
    took = {"fetch": time.perf_counter() - began}
    if database_url:
        began = time.perf_counter()
        rows = Rows(Path(rows_file))
        _write(database_url, rows)
        took["write"] = time.perf_counter() - began - rows.aside
        took |= {"aside": rows.aside, "aside_cpu": rows.aside_cpu}
    print(json.dumps(took))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), *sys.argv[3:])
