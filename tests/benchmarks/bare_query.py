"""Queries alone, by the plain driver: what no command that needs their rows can do without.

`python -m tests.benchmarks.bare_query DATABASE_URL FILE...` runs the statement in each file, reads
all of its rows and throws them away, and prints the number of rows.
"""

import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit


def _connect(database_url: str) -> Any:
    url = urlsplit(database_url)  # SQLAlchemy would take longer than most queries
    database, query = url.path.removeprefix("/"), dict(parse_qsl(url.query))
    if url.scheme == "sqlite":
        return sqlite3.connect(database)
    if url.scheme == "postgresql+psycopg":
        import psycopg  # noqa: PLC0415 - none of its time is another's

        return psycopg.connect(dbname=database, user=url.username, host=query["host"])
    import pymysql  # noqa: PLC0415 - as above

    socket = query["unix_socket"]
    return pymysql.connect(
        user=url.username, database=database, unix_socket=socket, charset="utf8mb4"
    )


def main(database_url: str, *files: str) -> None:
    rows = 0
    with closing(_connect(database_url)) as connection:
        for file in files:
            cursor = connection.cursor()
            cursor.execute(Path(file).read_text().rstrip().removesuffix(";"))
            while found := cursor.fetchmany(1000):
                rows += len(found)
            cursor.close()
    print(rows)


if __name__ == "__main__":
    main(*sys.argv[1:])
