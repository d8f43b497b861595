"""A SQLite connection that waits for locks in slices, so that a signal or the end is noticed."""

import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from snapshotter.store.wait_limit import WaitLimit

_SLICE_MS = 200  # how long SQLite waits for a lock by itself, before time and signals are looked at

Result = TypeVar("Result")


class _Cursor(sqlite3.Cursor):
    def execute(self, *statement: Any) -> "_Cursor":
        done: _Cursor = self.connection.retry_while_locked(  # type: ignore[attr-defined]
            lambda: super(_Cursor, self).execute(*statement)
        )
        return done


class WaitingConnection(sqlite3.Connection):
    wait_limit = WaitLimit()

    def cursor(self, factory: Any = _Cursor) -> Any:
        return super().cursor(factory)

    def execute(self, *statement: Any) -> Any:
        return self.cursor().execute(*statement)  # the driver would take its own kind of cursor

    def commit(self) -> None:
        self.retry_while_locked(super().commit)

    def retry_while_locked(self, call: Callable[[], Result]) -> Result:
        """Call again while another session holds a lock, until the time to wait is over."""
        began = time.monotonic()
        while True:
            try:
                return call()
            except sqlite3.OperationalError as error:
                waited = time.monotonic() - began
                code = error.sqlite_errorcode
                passes = code & 0xFF == sqlite3.SQLITE_BUSY and code != sqlite3.SQLITE_BUSY_SNAPSHOT
                if not passes or waited >= self.wait_limit.seconds():
                    error.waited = waited  # type: ignore[attr-defined]
                    raise
                time.sleep(0.01)


def open_file(path: Path, wait_limit: WaitLimit, query: str, *first: str) -> sqlite3.Connection:
    """Open the file and read its schema, because SQLite looks at nothing before."""
    uri = f"{Path(os.path.abspath(path)).as_uri()}?{query}"  # noqa: PTH100 - of a link, the link
    connection = sqlite3.connect(uri, uri=True, factory=WaitingConnection, check_same_thread=False)
    try:
        connection.wait_limit = wait_limit
        # The driver's own BEGIN comes too late for DDL and is too weak for writers, so the engine
        # sends one.
        connection.isolation_level = None
        for statement in (f"pragma busy_timeout = {_SLICE_MS}", "pragma foreign_keys = on", *first):
            connection.execute(statement)
        connection.execute("select count(*) from sqlite_master").fetchall()
    except BaseException:
        connection.close()
        raise
    return connection
