"""A database's URL: what it may be, and that nothing of its password is ever printed."""

import socket
from pathlib import Path
from typing import Any

import pytest
from command import run
from databases import MariaDBServer, PostgresServer
from sqlalchemy import make_url

from snapshotter.errors import DatabaseError, UsageError
from snapshotter.store import urls
from snapshotter.store.engine import named_errors, open_engine

PARTS = ("Tr0ub4", "dor3")


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "mysql", "mariadb+pymysql"])
@pytest.mark.parametrize(
    ("sign", "code"),
    [("@", "40"), ("/", "2F"), ("?", "3F"), ("#", "23"), ("[", "5B"), ("]", "5D"), ("%", "25")],
)
def test_a_password_has_to_be_percent_encoded(scheme: str, sign: str, code: str) -> None:
    for host in ("127.0.0.1/x", "127.0.0.1:1/x?application_name=y", "h1:1,h2:2/x"):
        with pytest.raises(UsageError) as caught:
            open_engine(f"{scheme}://joe:{PARTS[0]}{sign}{PARTS[1]}zz@{host}")
        said = str(caught.value)
        assert f"percent-encode {sign} in the password or user (write %{code})" in said
        assert not any(part in said for part in PARTS)
    parsed, _ = urls.parse(f"{scheme}://joe:{PARTS[0]}%{code}{PARTS[1]}@127.0.0.1/x")
    assert parsed.password == f"{PARTS[0]}{sign}{PARTS[1]}"


@pytest.mark.parametrize(
    "rest",
    [
        "joe:Tr0ub4@dor3/x@h/y",
        "joe:Tr0ub4@dor3?x@h/y",
        "joe:Tr0ub4@h:dor3@h2/y",
        "joe:Tr0ub4/x",
        "joe:Tr0ub4:dor3/x",
        "joe@Tr0ub4@dor3/x",
        "/x?password=Tr0ub4&dor3=1",
        "joe@/x?bogus=Tr0ub4&password=dor3",
    ],
)
@pytest.mark.parametrize("scheme", ["postgresql", "mysql"])
def test_no_part_of_a_password_is_quoted(scheme: str, rest: str) -> None:
    with pytest.raises((UsageError, DatabaseError)) as caught, named_errors():
        open_engine(f"{scheme}://{rest}").connect()
    assert not any(part in str(caught.value) for part in PARTS)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("given", "driver"),
    [
        ("postgresql+psycopg2", "postgresql+psycopg"),
        ("postgresql+asyncpg", "postgresql+psycopg"),
        ("postgres", "postgresql+psycopg"),
        ("PostgreSQL", "postgresql+psycopg"),
        ("mysql+mysqldb", "mysql+pymysql"),
        ("mysql+mysqlconnector", "mysql+pymysql"),
        ("mariadb+mariadbconnector", "mariadb+pymysql"),
    ],
)
def test_any_driver_is_taken_as_ours(given: str, driver: str) -> None:
    assert urls.parse(f" {given}://u@h/x\r\n")[0].drivername == driver


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("oracle://u:Tr0ub4@h/x", "no database driver 'oracle'"),
        ("jdbc:postgresql://h/x?password=Tr0ub4", "cannot be read"),
        ("Tr0ub4", "cannot be read"),
        ("sqlite://x.db", "three slashes"),
        ("sqlite+pysqlcipher:///x.db", "no database driver"),
        ("postgresql://u@h/x?bogus=1", "does not know the option 'bogus'"),
        ("postgresql://u@h/x?autocommit=true", "does not know the option 'autocommit'"),
        ("mysql://u@h/x?bogus=1", "does not know the option 'bogus'"),
        ("mysql://u@h/x?cursorclass=y", "the option 'cursorclass' cannot be given in a URL"),
        ("mysql://u@h/x?ssl=true", "ssl_ca=FILE or ssl_verify_cert=true ask for TLS"),
        ("mysql://u@h/x?connect_timeout=soon", "has a value that cannot be"),
        ("mysql://u@h/x?read_timeout=soon", "has a value that cannot be"),
        ("mysql://u@h/x?charset=latin1", "charset=utf8mb4"),
        ("mysql://u@h/x?charset=utf8&charset=utf8mb4", "the option 'charset' is given twice"),
        ("postgresql://u@h/x?sslmode=a&sslmode=b", "the option 'sslmode' is given twice"),
        ("postgresql://u@h/x?application_name=me@home", "percent-encode @ in an option's value"),
        ("postgresql://h:5432/x?user=me@home", "percent-encode @ in an option's value"),
        ("mysql://u:Tr0ub4@h/x?a=me@home", "percent-encode @ in an option's value (write %40)"),
    ],
)
def test_a_url_that_cannot_be(url: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        open_engine(url)
    assert said in str(caught.value)
    assert "Tr0ub4" not in str(caught.value)


def test_several_hosts_as_libpq_lists_them(postgres: PostgresServer) -> None:
    parsed, hosts = urls.parse("postgresql://joe@h1:1,[::1]:2,h3/x?target_session_attrs=read-write")
    assert hosts == urls.Hosts("h1,::1,h3", "1,2,")
    assert (parsed.username, parsed.host, parsed.database) == ("joe", None, "x")
    url = postgres.create_database()
    name = url.split("@/")[1].split("?")[0]
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    engine = open_engine(f"postgresql://postgres@127.0.0.1:{port},127.0.0.1:{port}/{name}")
    with pytest.raises(DatabaseError) as caught:
        engine.connect()
    assert str(caught.value).count("host: ") == 2
    engine = open_engine(f"postgresql://postgres@/{name}?host=/nowhere,{postgres.folder}")
    with engine.connect() as connection:
        assert connection.exec_driver_sql("select 1").scalar() == 1
    engine.dispose()
    postgres.drop_database(url)


def test_several_hosts_are_shown_with_the_database() -> None:
    for given, expected in (
        ("postgresql://joe:Tr0ub4@h1:1,[::1]:2/x?sslmode=a", "postgresql://joe:***@h1:1,[::1]:2/x"),
        ("postgres://h1,h2:7/x", "postgresql://h1,h2:7/x"),
        ("postgresql+psycopg2://joe@h1/x", "postgresql://joe@h1/x"),
        ("mysql+pymysql://joe:Tr0ub4@h/x?charset=utf8mb4", "mysql://joe:***@h/x"),
        ("sqlite:///folder/file.db", "sqlite:///folder/file.db"),
    ):
        assert urls.shown(*urls.parse(given)) == expected


def test_an_error_names_several_hosts_and_the_database_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    hosts = f"joe:***@127.0.0.1:{port},127.0.0.1:{port}/x"
    for scheme in ("postgresql", "postgres", "postgresql+psycopg2"):
        url = f"{scheme}://{hosts.replace('***', 'Tr0ub4')}"
        done = run(["db", "current"], env={"SNAPSHOTTER_DATABASE_URL": url})
        assert done.returncode == 1
        assert done.stderr.count(f"(postgresql://{hosts})") == 1
        assert (done.stderr.count("://"), "Tr0ub4" in done.stderr) == (1, False)


def test_the_timeout_of_a_url_is_kept(mariadb: MariaDBServer) -> None:
    there = mariadb.create_database()
    for url, timeout in ((f"{there}&read_timeout=77", 77), (there, None)):
        engine = open_engine(url)
        with engine.connect() as connection:
            driver: Any = connection.connection.driver_connection
            assert vars(driver)["_read_timeout"] == timeout
            assert driver.charset == "utf8mb4"
        engine.dispose()
    mariadb.drop_database(there)


def test_a_service_file(postgres: PostgresServer, tmp_path: Path) -> None:
    url = postgres.create_database()
    name = url.split("@/")[1].split("?")[0]
    service_file = f"[mine]\nhost={postgres.folder}\nuser=postgres\ndbname={name}\n"
    (tmp_path / "services").write_text(service_file)
    for service, code, said in (
        ("mine", 0, "none, the database is empty"),
        ("yours", 2, "is defined in no service file"),
    ):
        variables = {
            "PGSERVICEFILE": str(tmp_path / "services"),
            "SNAPSHOTTER_DATABASE_URL": f"postgresql:///?service={service}",
        }
        done = run(["db", "current"], env=variables)
        assert done.returncode == code, done.stderr
        assert said in done.stdout + done.stderr
    postgres.drop_database(url)


def of(url: str, database: str) -> str:
    named: str = make_url(url).set(database=database).render_as_string(hide_password=False)
    return named


def test_what_a_server_refuses_is_configuration(
    postgres: PostgresServer, mariadb: MariaDBServer
) -> None:
    folder, there = postgres.folder, mariadb.create_database()
    for url, said in (
        (f"postgresql://postgres@/nope?host={folder}", "no such database"),
        (f"postgresql://nope@/postgres?host={folder}", "no such database or user"),
        (f"postgresql://postgres@/postgres?host={folder}&sslmode=x", "has a value that cannot be"),
        (of(there, "nope"), "there is no database of this name"),
        (there.replace("root@", "nope:Tr0ub4@"), "it refuses the user or the password"),
        (of(there, ""), "names no database"),
    ):
        with pytest.raises((UsageError, DatabaseError)) as caught:
            open_engine(url).connect()
        assert said in str(caught.value)
        assert "Tr0ub4" not in str(caught.value)
    mariadb.drop_database(there)


@pytest.mark.parametrize("scheme", ["postgresql", "mysql"])
def test_a_server_that_does_not_answer(scheme: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"{scheme}://joe:Tr0ub4@127.0.0.1:{server.getsockname()[1]}/x"
        with pytest.raises(DatabaseError, match="the database cannot be used: ") as caught:
            open_engine(url, time_left=lambda: 2.0).connect()
    assert "Tr0ub4" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:////x/y.db", "/x/y.db"),
        ("sqlite:///:memory:", None),
        ("sqlite://", None),
        ("postgresql://h/y", None),
    ],
)
def test_the_file_of_a_sqlite_database(url: str, path: str | None) -> None:
    assert urls.sqlite_file(url) == (path and Path(path))
