"""How transactions begin in SQLite, and what ends a statement from outside."""

import sqlite3
from threading import Timer
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.exc import OperationalError

from snapshotter.store.engine import open_engine
from snapshotter.store.server_setup import ServerSetup
from snapshotter.store.session_setup import READS, is_pooled, on_each_statement, set_up_sessions
from snapshotter.store.urls import address_of, parse
from snapshotter.store.wait_limit import WaitLimit

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
ENDLESS = text(
    "with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n"
)


def first_statement(engine: Engine) -> str:
    """Return the statement that begins a transaction of the engine."""
    statements: list[str] = []

    def note(*given: Any) -> None:
        statements.append(given[2])

    with engine.connect() as connection:
        event.listen(connection, "before_cursor_execute", note)
        connection.execute(text("select 1"))
    return statements[0]


def test_a_transaction_takes_the_lock_of_a_writer_at_once(engine: Engine) -> None:
    assert first_statement(engine) == "begin immediate"


def test_a_transaction_that_only_reads_takes_no_lock(database_url: str, engine: Engine) -> None:
    assert first_statement(engine.execution_options(**{READS: True})) == "begin"
    reader = open_engine(database_url, read_only=True)
    assert first_statement(reader) == "begin"
    reader.dispose()


def test_a_statement_is_ended_by_another_thread(database_url: str) -> None:
    engine = create_engine(database_url)
    address = address_of(*parse(database_url))
    cut = set_up_sessions(engine, address, ServerSetup(WaitLimit(), read_only=False))
    with engine.connect() as connection:
        driver: Any = connection.connection.dbapi_connection
        timer = Timer(0.2, cut, [driver])
        timer.start()
        with pytest.raises(OperationalError, match="interrupted"):
            connection.execute(ENDLESS)
        timer.join()
        connection.rollback()
        assert connection.execute(text("select 1")).scalar_one() == 1
    engine.dispose()


def test_each_statement_is_noted_when_it_begins_and_ends(engine: Engine) -> None:
    noted: list[str] = []

    def begin(connection: object) -> None:
        assert isinstance(connection, sqlite3.Connection)
        noted.append("begin")

    on_each_statement(engine, begin, lambda: noted.append("end"))
    with engine.connect() as connection:
        assert noted == []
        connection.execute(text("select 1"))
        assert noted == ["begin", "end"] * 2  # with the one that begins the transaction


def test_a_file_has_no_pooler(engine: Engine) -> None:
    with engine.connect() as connection:
        assert not is_pooled(connection)
