"""A PostgreSQL server, as `doctor` reports it: what it has set, and what its user may do."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
from databases import PostgresServer
from examined import examined, lines
from sqlalchemy import make_url

from snapshotter.store.engine import open_engine

postgresql = pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
empty = pytest.mark.parametrize("empty_database_url", ["postgresql"], indirect=True)


def found(url: str) -> list[str]:
    return lines(examined({}, url), "database")


def execute(url: str, *statements: str) -> None:
    engine = open_engine(url)
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
    engine.dispose()


@pytest.fixture
def reader(postgres: PostgresServer) -> Iterator[str]:
    """Yield the name of a user without rights."""
    name = f"reader_{uuid4().hex}"
    postgres._execute(f"create role {name} login")  # noqa: SLF001
    yield name
    postgres._execute(f"drop role {name}")  # noqa: SLF001


def as_user(url: str, name: str) -> str:
    return make_url(url).set(username=name).render_as_string()


@postgresql
def test_a_server_that_is_well(database_url: str) -> None:
    (line,) = found(database_url)
    assert line.startswith("ok: PostgreSQL ")
    assert line.endswith(" (at least 10), encoding UTF8, schema public; ")


@empty
def test_an_encoding_that_lacks_characters(
    empty_database_url: str, postgres: PostgresServer
) -> None:
    name = f"latin_{uuid4().hex}"
    postgres._execute(  # noqa: SLF001
        f"create database {name} template template0 encoding 'LATIN1' lc_collate 'C' lc_ctype 'C'"
    )
    url = make_url(empty_database_url).set(database=name).render_as_string()
    one, two = found(url)
    assert "encoding LATIN1" in one
    assert two.startswith("warning: the encoding LATIN1 lacks characters that the API sends; ")
    postgres.drop_database(url)


@postgresql
def test_a_user_who_may_only_read(database_url: str, reader: str) -> None:
    execute(
        database_url,
        f"grant select on all tables in schema public to {reader}",
        f"grant insert, update, delete on jobs to {reader}",
    )
    one, two, three = found(as_user(database_url, reader))
    assert one.startswith("ok")
    assert two.startswith(f"FAILED: the user {reader} may not insert accounts, update accounts, ")
    assert "jobs" not in two
    assert "grant select, insert, update, delete on all tables in schema public" in two
    assert three.startswith(f"warning: the user {reader} may not change the schema")
    execute(database_url, f"drop owned by {reader}")


@empty
def test_a_user_who_may_not_create_the_tables(empty_database_url: str, reader: str) -> None:
    _, line = found(as_user(empty_database_url, reader))
    assert line.startswith(f"FAILED: the user {reader} may not create tables in the schema public;")


@postgresql
def test_a_server_that_may_only_be_read(database_url: str, postgres: PostgresServer) -> None:
    name = make_url(database_url).database
    postgres._execute(f"alter database {name} set default_transaction_read_only = on")  # noqa: SLF001
    one, two = found(database_url)
    assert one.startswith("ok")
    assert two.startswith("FAILED: the database cannot be used: it may only be read")


@empty
def test_a_search_path_without_a_schema(empty_database_url: str, postgres: PostgresServer) -> None:
    name = make_url(empty_database_url).database
    postgres._execute(f"alter database {name} set search_path = nowhere")  # noqa: SLF001
    (line,) = found(empty_database_url)
    assert line.startswith("FAILED: no schema of the database's search_path exists")
