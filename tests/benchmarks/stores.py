"""The databases that are loaded into: a fresh one for each run, and gone after it."""

import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

import psycopg
from databases import MariaDBServer, PostgresServer

from snapshotter.store import revisions

KINDS = ("sqlite", "postgresql")


class Stores:
    """Provides databases inside its `with`; the servers are the tests' own, on a socket."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._templates: dict[str, str] = {}
        self._servers: dict[str, PostgresServer | MariaDBServer] = {}

    def __enter__(self) -> Self:
        self.folder = Path(self._stack.enter_context(TemporaryDirectory(prefix="benchmark-")))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @contextmanager
    def fresh(self, kind: str, *, migrated: bool = False) -> Iterator[str]:
        """Yield the SQLAlchemy URL of an empty database, or of one with the project's schema."""
        if kind == "sqlite":
            with TemporaryDirectory(dir=self.folder) as folder:
                path = Path(folder, "history.db")
                if migrated:
                    shutil.copy(sqlite_path(self._template(kind)), path)
                yield f"sqlite:///{path}"
            return
        server = self._server(kind)
        url = server.create_database(like=self._template(kind) if migrated else None)
        try:
            yield url
        finally:
            server.drop_database(url)

    def _template(self, kind: str) -> str:
        if kind not in self._templates:
            self._templates[kind] = self._stack.enter_context(self.fresh(kind))
            revisions.upgrade(self._templates[kind])
        return self._templates[kind]

    def _server(self, kind: str) -> PostgresServer | MariaDBServer:
        if kind not in self._servers:
            server: PostgresServer | MariaDBServer = (
                PostgresServer() if kind == "postgresql" else MariaDBServer()
            )
            self._servers[kind] = server
            self._stack.enter_context(server)
        return self._servers[kind]


def sqlite_path(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


def libpq_url(url: str) -> str:
    """Return a SQLAlchemy URL of PostgreSQL as libpq takes it."""
    return url.replace("postgresql+psycopg://", "postgresql://")


def count(url: str, tables: Mapping[str, str]) -> dict[str, int]:
    """Count the rows of tables, each of which goes by another name here."""
    queries = {name: f"select count(*) from {table}" for name, table in tables.items()}
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(sqlite_path(url))) as lite:
            return {name: lite.execute(query).fetchone()[0] for name, query in queries.items()}
    found = {}
    with psycopg.connect(libpq_url(url)) as connection:
        for name, query in queries.items():
            row = connection.execute(query.encode()).fetchone()
            assert row is not None
            found[name] = row[0]
    return found
