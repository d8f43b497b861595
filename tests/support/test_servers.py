"""The tests' own footing: fresh databases, servers that leave nothing behind, a closed network."""

import os
import select
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import databases
import pytest
from sqlalchemy import create_engine, inspect, text

from snapshotter.store import revisions
from snapshotter.store.engine import open_engine

if TYPE_CHECKING:
    from databases import MariaDBServer, PostgresServer

SERVERS = pytest.mark.parametrize("name", ["postgres", "mariadb"])


@SERVERS
def test_a_server_gives_fresh_databases(name: str, request: pytest.FixtureRequest) -> None:
    server: PostgresServer | MariaDBServer = request.getfixturevalue(name)
    used, fresh = server.create_database(), server.create_database()
    tables = {}
    for url in (used, fresh):
        engine = create_engine(url)
        tables[url] = inspect(engine).get_table_names()
        with engine.begin() as connection:
            connection.execute(text("create table jobs (id bigint primary key)"))
        engine.dispose()
    server.drop_database(used)
    server.drop_database(fresh)
    assert tables == {used: [], fresh: []}


@pytest.mark.parametrize(
    ("empty_database_url", "version"),
    [
        ("sqlite", "select 'SQLite ' || sqlite_version()"),
        ("postgresql", "select version()"),
        ("mariadb", "select version()"),
    ],
    indirect=["empty_database_url"],
)
def test_each_url_leads_to_its_own_kind_of_database(
    empty_database_url: str, version: str, request: pytest.FixtureRequest
) -> None:
    kind = request.node.callspec.id.split("-")[0]
    engine = create_engine(empty_database_url)
    with engine.connect() as connection:
        assert kind in connection.execute(text(version)).scalar_one().lower()
    engine.dispose()


def test_a_database_starts_at_head(database_url: str) -> None:
    engine = open_engine(database_url)
    assert revisions.current(engine) == revisions.head()
    revisions.check(engine)  # that the tables are the models'
    engine.dispose()


@pytest.mark.slow
@SERVERS
def test_a_server_dies_with_a_killed_parent(name: str, request: pytest.FixtureRequest) -> None:
    kind = type(request.getfixturevalue(name)).__name__
    program = (
        f"import databases, sys\n"
        f"with databases.{kind}() as server:\n"
        f"    print(server.pid, server.folder, flush=True)\n"
        f"    sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=Path(databases.__file__).parent,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as parent:
        assert parent.stdout is not None
        pid, folder = parent.stdout.readline().split()
        server = os.pidfd_open(int(pid))
        parent.kill()
    try:
        # A pidfd becomes readable when its process has ended.
        assert select.select([server], [], [], 30)[0] == [server]
    finally:
        os.close(server)
        shutil.rmtree(folder)  # the killed parent could not


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1", "api.xplenty.com"])
def test_the_network_is_closed(host: str) -> None:
    with pytest.raises(pytest.fail.Exception, match=host):
        socket.create_connection((host, 443), timeout=1)


def test_loopback_is_open() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as client,
    ):
        assert client.getpeername() == server.getsockname()
