"""Servers as they are set up in the field: the same text and times from each, and one line."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, Self
from uuid import uuid4

import pytest
from databases import MariaDBServer, PostgresServer
from examined import examined, lines
from runs import insert_run
from servers import PgBouncer, SpecialMariaDB
from sqlalchemy import Engine, insert, inspect, select, text
from sqlalchemy.exc import DataError

from snapshotter.errors import DatabaseError, UsageError
from snapshotter.models import METADATA
from snapshotter.store.engine import open_engine
from snapshotter.store.lock import lock
from snapshotter.store.revisions import check, require_head
from snapshotter.store.server_setup import ServerSetup
from snapshotter.store.tables import ACCOUNTS
from snapshotter.store.wait_limit import WaitLimit
from snapshotter.store.write import Stamp

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
        insert_run(connection, Stamp("acme", 1, AT))
        jobs = METADATA.tables["jobs"]
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
    engine = open_engine(odd_database)
    write_and_read(engine)
    engine.dispose()


@pytest.mark.slow
@pytest.mark.parametrize("odd_database", ["LATIN1"], indirect=True)
def test_what_an_encoding_cannot_hold_fails_alone(odd_database: str) -> None:
    engine = open_engine(odd_database)
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
    admin = open_engine(url)
    with admin.begin() as connection:
        connection.execute(text("create schema history"))
        connection.execute(text("create table public.jobs (theirs text)"))
        connection.execute(text("create table public.alembic_version (version_num text)"))
        connection.execute(text("insert into public.alembic_version values ('abcdef012345')"))
    if way == "PGOPTIONS":
        monkeypatch.setenv("PGOPTIONS", "-csearch_path=history,public")
        engine = open_engine(url)
    else:
        engine = open_engine(f"{url}&options=-csearch_path%3Dhistory,public")
    write_and_read(engine)
    assert sorted(inspect(admin).get_table_names("public")) == ["alembic_version", "jobs"]
    ours = {*METADATA.tables, "alembic_version", "snapshotter_views"}
    assert {*inspect(admin).get_table_names("history")} == ours
    engine.dispose()
    admin.dispose()
    postgres.drop_database(url)


def test_a_database_that_may_only_be_read(postgres: PostgresServer) -> None:
    url = postgres.create_database()
    postgres._execute(f"alter database {name_in(url)} set default_transaction_read_only = on")  # noqa: SLF001
    with pytest.raises(DatabaseError, match="it may only be read"):
        open_engine(url).connect()
    engine = open_engine(url, read_only=True)
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
        pooled, direct = open_engine(pooler.url(name_in(url))), open_engine(url)
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

        engine = open_engine(pooler.url(name_in(url)))
        with engine.begin() as connection:
            connection.execute(text("select 1"))
        engine.dispose()
        plain = pooler.url(name_in(url))
        with psycopg.connect(plain, autocommit=True) as other:
            found = other.execute("show lock_timeout").fetchone()
            assert found == ("0",)
        (line,) = lines(examined({}, plain), "database")
        assert "behind a pooler, of which a run takes two connections" in line
    postgres.drop_database(url)


def test_sessions_that_are_idle_live_on(postgres: PostgresServer) -> None:
    url = postgres.create_database()
    postgres._execute(f"alter database {name_in(url)} set idle_session_timeout = '50ms'")  # noqa: SLF001
    engine = open_engine(url)
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
    sizes = ("--innodb-default-row-format=compact", "--max-allowed-packet=1M")
    with SpecialMariaDB(*options, *sizes) as server:
        url = server.create_database()
        engine = open_engine(url)
        write_and_read(engine)
        with engine.connect() as connection:
            formats = connection.execute(
                text(
                    "select distinct row_format from information_schema.tables "
                    "where table_schema = database() and table_name <> 'alembic_version' "
                    "and table_type = 'BASE TABLE'"
                )
            )
            assert formats.scalars().all() == ["Dynamic"]
        engine.dispose()
        one, two = lines(examined({}, url), "database")
        assert "binary log STATEMENT, so that runs use REPEATABLE READ" in one
        assert two.startswith("warning: max_allowed_packet is 1,048,576 bytes; larger records are")


def test_a_search_path_without_a_schema_is_named(postgres: PostgresServer) -> None:
    url = postgres.create_database()
    postgres._execute(f"alter database {name_in(url)} set search_path = nowhere")  # noqa: SLF001
    with pytest.raises(UsageError, match="no schema of the database's search_path exists"):
        open_engine(url).connect()
    postgres.drop_database(url)


LEVELS = {"postgresql": "show transaction_isolation", "mysql": "select @@session.tx_isolation"}
WAITS = {
    "postgresql": "select setting::int / 1000 from pg_settings where name = 'lock_timeout'",
    "mysql": "select @@innodb_lock_wait_timeout",
}


@pytest.mark.parametrize("database_url", ["postgresql", "mariadb"], indirect=True)
def test_a_session_sees_what_others_commit_and_waits_for_their_locks(database_url: str) -> None:
    def wait(left: float | None) -> tuple[str, int]:
        engine = open_engine(database_url, time_left=lambda: left)
        with engine.connect() as connection:
            level = connection.execute(text(LEVELS[engine.dialect.name])).scalar_one()
            seconds = connection.execute(text(WAITS[engine.dialect.name])).scalar_one()
        engine.dispose()
        return level.lower().replace("-", " "), seconds

    assert [wait(left) for left in (None, 5.0, 0.0)] == [
        ("read committed", seconds) for seconds in (30, 5, 2)
    ]


class Server:
    """A server of another version or configuration: it returns these answers in turn.

    `asked` has the statements that it was sent.
    """

    def __init__(self, *answers: Any, version: int = 0) -> None:
        self.asked: list[str] = []
        self.info = SimpleNamespace(server_version=version, backend_pid=77)
        self._answers = iter(answers)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def cursor(self) -> Self:
        return self

    def execute(self, statement: str) -> None:
        self.asked.append(statement)

    def fetchone(self) -> Any:
        return next(self._answers)

    fetchall = fetchone


PLAIN = False, "public", False, "off"  # pooled, schema, standby, read-only


def set_up_postgresql(
    version: int, answer: Sequence[Any] = PLAIN, *, read_only: bool = False
) -> str:
    """Return the first statement of a session."""
    server = Server(answer, version=version)
    assert ServerSetup(WaitLimit(), read_only).set_up_postgresql(server) == ""
    return server.asked[0]


def test_a_postgresql_that_is_too_old_is_named_and_left_alone() -> None:
    server = Server(version=90624)
    with pytest.raises(DatabaseError, match=r"^PostgreSQL 9 is too old; 10 or newer$"):
        ServerSetup(WaitLimit(), read_only=False).set_up_postgresql(server)
    assert server.asked == []


@pytest.mark.parametrize(
    ("version", "newer"),
    [
        (100000, set()),
        (130014, set()),
        (140000, {"idle_session_timeout"}),
        (170000, {"idle_session_timeout", "transaction_timeout"}),
    ],
)
def test_a_setting_is_sent_only_to_a_postgresql_that_knows_it(
    version: int, newer: set[str]
) -> None:
    sent = set_up_postgresql(version)
    names = {"idle_session_timeout", "transaction_timeout"}
    assert {name for name in names if f"'{name}'" in sent} == newer


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ((False, "public", True, "on"), "the server is a standby"),
        ((False, "public", False, "on"), "default_transaction_read_only is on"),
    ],
)
def test_a_postgresql_that_takes_no_writes_is_for_readers(answer: Sequence[Any], why: str) -> None:
    with pytest.raises(DatabaseError) as caught:
        set_up_postgresql(180000, answer)
    assert str(caught.value) == f"the database cannot be used: it may only be read ({why})"
    assert "synchronous_commit" not in set_up_postgresql(180000, answer, read_only=True)


PRESENT = {"version": "10.11.6-MariaDB", "innodb_page_size": "16384"}


def mariadb_with(*, database: str | None = "x", **variables: str) -> Server:
    return Server([*{**PRESENT, **variables}.items()], (database,))


def set_up_mariadb(server: Server, *, read_only: bool = False) -> list[str]:
    """Return the statements that set up the session."""
    ServerSetup(WaitLimit(), read_only).set_up_mariadb(server)
    return setting(server)


def setting(server: Server) -> list[str]:
    return [each for each in server.asked if each.startswith("set ")]


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"version": "10.1.48-MariaDB"}, "MariaDB 10.1.48-MariaDB is too old; 10.2 or newer"),
        ({"version": "5.5.5-10.1.9-MariaDB"}, "5.5.5-10.1.9-MariaDB is too old; 10.2 or newer"),
        ({"version": "5.7.44-log"}, "MySQL 5.7.44-log is too old; 8.0 or newer"),
        ({"innodb_page_size": "4096"}, "an innodb_page_size of 4096, in which"),
        ({"innodb_read_only": "ON"}, "innodb_read_only is on"),
    ],
)
def test_what_a_mariadb_lacks_is_named_before_anything_is_changed(
    variables: dict[str, str], said: str
) -> None:
    server = mariadb_with(**variables)
    with pytest.raises(DatabaseError) as caught:
        set_up_mariadb(server)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert setting(server) == []


def test_a_mariadb_without_innodb_is_named() -> None:
    server = Server([("version", "8.0.36")], ("x",))
    with pytest.raises(DatabaseError, match="this MySQL has no InnoDB, which the tables need"):
        set_up_mariadb(server)
    assert setting(server) == []


def test_a_url_has_to_name_a_database_of_mariadb() -> None:
    with pytest.raises(UsageError, match="the database's URL names no database, after the host"):
        set_up_mariadb(mariadb_with(database=None))


@pytest.mark.parametrize(
    "version", ["10.2.0-MariaDB", "5.5.5-10.6.1-MariaDB-log", "11.4.2-MariaDB", "8.0.36", "strange"]
)
def test_versions_that_are_new_enough(version: str) -> None:
    assert set_up_mariadb(mariadb_with(version=version))


@pytest.mark.parametrize("database_url", ["mariadb"], indirect=True)
def test_a_session_that_only_reads_sorts_in_more_memory(database_url: str) -> None:
    sizes = []
    for read_only in (False, True):
        engine = open_engine(database_url, read_only=read_only)
        with engine.connect() as connection:
            sizes.append(connection.scalar(text("select @@sort_buffer_size")))
        engine.dispose()
    assert sizes[0] < sizes[1] == 32 * 2**20


@pytest.mark.parametrize(("version", "read_only"), [("8.0.36", True), ("10.11.4-MariaDB", False)])
def test_only_a_mariadb_that_is_read_gets_it(version: str, *, read_only: bool) -> None:
    statements = set_up_mariadb(mariadb_with(version=version), read_only=read_only)
    assert not [statement for statement in statements if "sort_buffer_size" in statement]


def test_a_mariadb_that_takes_no_writes_can_be_read() -> None:
    assert set_up_mariadb(mariadb_with(innodb_read_only="ON"), read_only=True)


@pytest.mark.parametrize(
    ("log", "form", "level"),
    [
        ("ON", "STATEMENT", "repeatable read"),
        ("ON", "ROW", "read committed"),
        ("OFF", "STATEMENT", "read committed"),
    ],
)
def test_only_a_mariadb_that_logs_statements_repeats_its_reads(
    log: str, form: str, level: str
) -> None:
    first, *_ = set_up_mariadb(mariadb_with(log_bin=log, binlog_format=form))
    assert first == f"set session transaction isolation level {level}"


def test_a_server_is_checked_once() -> None:
    setup = ServerSetup(WaitLimit(), read_only=False)
    setup.set_up_mariadb(mariadb_with())
    again = Server()
    setup.set_up_mariadb(again)
    assert setting(again) == again.asked
