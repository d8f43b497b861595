"""Servers as they are set up in the field: the same text and times from each, and one line."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from databases import MariaDBServer, PostgresServer
from servers import PgBouncer, SpecialMariaDB
from sqlalchemy import Engine, insert, inspect, select, text
from sqlalchemy.exc import DataError

from snapshotter.errors import DatabaseError
from snapshotter.models import Base
from snapshotter.store.engine import connect
from snapshotter.store.lock import lock
from snapshotter.store.revisions import check, require_head
from snapshotter.store.tables import ACCOUNTS

AT = datetime(2026, 2, 1, 3, 4, 5, 678901, UTC)
WORDS = "a\\b 'c' \"d\" größe"
ODD_SETTINGS = {
    "datestyle": "German",
    "intervalstyle": "iso_8601",
    "bytea_output": "escape",
    "client_encoding": "latin1",
    "extra_float_digits": "-15",
    "standard_conforming_strings": "off",
    "timezone": "Asia/Tokyo",
    "default_transaction_isolation": "serializable",
}


def write_and_read(engine: Engine) -> None:
    """Make the tables, and bring a time, words and a number there and back."""
    require_head(engine, may_create=True)
    row: dict[str, Any] = {"account_id": "acme", "api_url": WORDS, "watermark": AT}
    with engine.begin() as connection:
        connection.execute(insert(ACCOUNTS).values(row))
        jobs = Base.metadata.tables["jobs"]
        stamp = {"first_seen_at": AT, "last_changed_at": AT, "snapshot_id": 1}
        connection.execute(
            insert(jobs).values(id=2**53 + 1, account_id="acme", progress=0.1 + 0.2, **stamp)
        )
    with engine.connect() as connection:
        found = connection.execute(select(ACCOUNTS.c.api_url, ACCOUNTS.c.watermark)).one()
        assert tuple(found) == (WORDS, AT)
        assert connection.execute(select(jobs.c.id, jobs.c.progress)).one() == (
            2**53 + 1,
            0.1 + 0.2,
        )
    check(engine)


def name_in(url: str) -> str:
    return url.split("@/")[1].split("?", maxsplit=1)[0]


@pytest.fixture(params=["UTF8", "SQL_ASCII", "LATIN1"])
def odd_database(
    request: pytest.FixtureRequest, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """Yield the URL of a database with odd settings, for each encoding."""
    name = f"odd_{request.param.lower()}_{uuid4().hex}"
    postgres._execute(f"create database {name} encoding '{request.param}' template template0")  # noqa: SLF001
    for setting, value in ODD_SETTINGS.items():
        postgres._execute(f"alter database {name} set {setting} = '{value}'")  # noqa: SLF001
    monkeypatch.setenv("PGCLIENTENCODING", "latin1")
    url = f"postgresql://postgres@/{name}?host={postgres.folder}"
    yield url
    postgres.drop_database(url)


@pytest.mark.slow
def test_whatever_a_database_has_set(odd_database: str) -> None:
    engine = connect(odd_database)
    write_and_read(engine)
    engine.dispose()


@pytest.mark.slow
@pytest.mark.parametrize("odd_database", ["LATIN1"], indirect=True)
def test_what_an_encoding_cannot_hold_fails_alone(odd_database: str) -> None:
    engine = connect(odd_database)
    require_head(engine, may_create=True)
    with engine.begin() as connection:
        with pytest.raises(DataError), connection.begin_nested():
            connection.execute(insert(ACCOUNTS).values(account_id="a", api_url="📦"))
        connection.execute(insert(ACCOUNTS).values(account_id="b", api_url=WORDS))
    with engine.connect() as connection:
        assert connection.execute(select(ACCOUNTS.c.account_id)).scalars().all() == ["b"]
    engine.dispose()


@pytest.mark.slow
@pytest.mark.parametrize("way", ["the URL", "PGOPTIONS"])
def test_tables_go_into_the_first_schema_of_the_search_path(
    way: str, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody's tables of the same names, in a schema behind it, are not ours."""
    url = postgres.create_database()
    admin = connect(url)
    with admin.begin() as connection:
        connection.execute(text("create schema history"))
        connection.execute(text("create table public.jobs (theirs text)"))
        connection.execute(text("create table public.alembic_version (version_num text)"))
        connection.execute(text("insert into public.alembic_version values ('abcdef012345')"))
    if way == "PGOPTIONS":
        monkeypatch.setenv("PGOPTIONS", "-csearch_path=history,public")
        engine = connect(url)
    else:
        engine = connect(f"{url}&options=-csearch_path%3Dhistory,public")
    write_and_read(engine)
    assert sorted(inspect(admin).get_table_names("public")) == ["alembic_version", "jobs"]
    assert len(inspect(admin).get_table_names("history")) == 9
    engine.dispose()
    admin.dispose()
    postgres.drop_database(url)


def test_a_database_that_may_only_be_read(postgres: PostgresServer) -> None:
    url = postgres.create_database()
    postgres._execute(f"alter database {name_in(url)} set default_transaction_read_only = on")  # noqa: SLF001
    with pytest.raises(DatabaseError, match="it may only be read"):
        connect(url).connect()
    engine = connect(url, read_only=True)
    with pytest.raises(DatabaseError, match="no tables yet"):
        require_head(engine)
    engine.dispose()
    postgres.drop_database(url)


@pytest.mark.slow
@pytest.mark.parametrize("pool_mode", ["session", "transaction"])
def test_a_pooler_in_its_usual_configuration(pool_mode: str, postgres: PostgresServer) -> None:
    """A second run is held off through the pooler, and past it, in either order."""
    url = postgres.create_database()
    postgres._execute(f"alter database {name_in(url)} set datestyle = 'German'")  # noqa: SLF001
    postgres._execute(  # noqa: SLF001
        f"alter database {name_in(url)} set idle_in_transaction_session_timeout = '90s'"
    )
    with PgBouncer(postgres.folder, pool_mode) as pooler:
        pooled, direct = connect(pooler.url(name_in(url))), connect(url)
        write_and_read(pooled)
        for first, second in ((pooled, pooled), (pooled, direct), (direct, pooled)):
            with lock(first, "acme") as hold:
                assert hold is not None
                # The pooler may give each of these another session of the server.
                with first.begin() as one, first.begin() as other:
                    for connection in (one, other):
                        for setting, value in (
                            ("datestyle", "ISO, YMD"),
                            ("idle_in_transaction_session_timeout", "0"),
                        ):
                            shown = connection.execute(text(f"show {setting}")).scalar()
                            assert shown == value
                hold()
                with lock(second, "acme") as again, lock(second, "other") as another:
                    assert (again, another is not None) == (None, True)
            with lock(second, "acme") as free:
                assert free is not None
        with direct.connect() as connection:
            # Nothing of ours is left in the sessions that others get next.
            assert connection.info["snapshotter_local_settings"] == ""
        pooled.dispose()
        direct.dispose()
    postgres.drop_database(url)


def test_a_pooler_keeps_nothing_of_ours(postgres: PostgresServer) -> None:
    url = postgres.create_database()
    with PgBouncer(postgres.folder, "transaction") as pooler:
        import psycopg  # noqa: PLC0415 - as another program would

        engine = connect(pooler.url(name_in(url)))
        with engine.begin() as connection:
            connection.execute(text("select 1"))
        engine.dispose()
        plain = pooler.url(name_in(url))
        with psycopg.connect(plain, autocommit=True) as other:
            found = other.execute("show lock_timeout").fetchone()
            assert found == ("0",)
    postgres.drop_database(url)


def test_sessions_that_are_idle_live_on(postgres: PostgresServer) -> None:
    url = postgres.create_database()
    postgres._execute(f"alter database {name_in(url)} set idle_session_timeout = '50ms'")  # noqa: SLF001
    engine = connect(url)
    with lock(engine, "acme") as hold:
        assert hold is not None
        with engine.connect() as connection:
            shown = connection.execute(text("show idle_session_timeout")).scalar()
        assert shown == "0"
        hold()
    engine.dispose()
    postgres.drop_database(url)


def test_mariadb_that_logs_statements_and_keeps_rows_compact(mariadb: MariaDBServer) -> None:
    del mariadb  # skipped if there is none
    options = ("--log-bin=log", "--server-id=1", "--binlog-format=STATEMENT")
    with SpecialMariaDB(*options, "--innodb-default-row-format=compact") as server:
        url = server.create_database()
        engine = connect(url)
        write_and_read(engine)
        with engine.connect() as connection:
            formats = connection.execute(
                text(
                    "select distinct row_format from information_schema.tables "
                    "where table_schema = database() and table_name <> 'alembic_version'"
                )
            )
            assert formats.scalars().all() == ["Dynamic"]
        engine.dispose()
