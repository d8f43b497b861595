"""What the tests stand on: real databases, a simulated account, no network beyond loopback."""

import gc
import ipaddress
import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pymysql.connections
import pytest
from databases import MariaDBServer, PostgresServer, Servers, fast_folder
from sqlalchemy import Engine
from syncer import Syncer

from snapshotter.simulator.account import SimulatedAccount
from snapshotter.simulator.server import serve
from snapshotter.store import revisions
from snapshotter.store.engine import open_engine

pytest_plugins = ["command_line"]

_DATABASES = ("sqlite", "postgresql", "mariadb")
# The project's own; libpq's, which would turn it away from the tests' server; and proxies, by which
# requests would not reach the simulator.
_FOREIGN_VARIABLES = ("XPLENTY_", "SNAPSHOTTER_", "PG")
_SERVERS = pytest.StashKey[str]()  # the address of the run's `Servers`


def pytest_configure(config: pytest.Config) -> None:
    """Share the database servers among the workers of pytest-xdist, if it is in use.

    The tests' own files are in memory, too: a tenth of the time went into deleting them.
    """
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", fast_folder())
    if hasattr(config, "workerinput"):
        config.stash[_SERVERS] = config.workerinput["servers"]
        return
    stack = ExitStack()
    config.add_cleanup(stack.close)
    config.stash[_SERVERS] = stack.enter_context(Servers()).address


@pytest.hookimpl(optionalhook=True)  # there is none without pytest-xdist
def pytest_configure_node(node: Any) -> None:
    """Pass the servers' addresses to a worker."""
    node.workerinput["servers"] = node.config.stash[_SERVERS]


def pytest_collection_finish() -> None:
    """Keep what collecting has made out of the garbage collector's sight: it stays to the end.

    What tests make is looked through less often than by default, which takes 8 % off their time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the slow tests first, so that no worker is left alone with one at the end."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.fixture(scope="session", autouse=True)
def _bare_environment() -> Iterator[None]:
    """Keep what the developer's shell has set out of the tests."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith(_FOREIGN_VARIABLES) or name.lower().endswith("_proxy"):
                patch.delenv(name)
        patch.setenv("XDG_CONFIG_HOME", "/nonexistent")  # the developer's own configuration file
        yield


@pytest.fixture(scope="session", autouse=True)
def _no_network() -> Iterator[None]:
    """Fail a test that connects to, or looks up, anything but loopback and Unix sockets.

    It sees Python's sockets: not those of libpq, nor those of a command in a process of its own.
    """
    connect, connect_ex = socket.socket.connect, socket.socket.connect_ex
    look_up = socket.getaddrinfo

    def guarded_connect(self: socket.socket, address: Any) -> None:
        _require_local(self.family, address)
        connect(self, address)

    def guarded_connect_ex(self: socket.socket, address: Any) -> int:
        _require_local(self.family, address)
        return connect_ex(self, address)

    def guarded_look_up(host: Any, *args: Any, **options: Any) -> Any:
        if host:
            _require_local(socket.AF_INET, (host,))
        return look_up(host, *args, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded_connect)
        patch.setattr(socket.socket, "connect_ex", guarded_connect_ex)
        patch.setattr(socket, "getaddrinfo", guarded_look_up)
        yield


@pytest.fixture(scope="session", autouse=True)
def _one_default_context() -> Iterator[None]:
    """Load the host's certificates once for all connections to MariaDB, not for each of them.

    PyMySQL loads them although it verifies nothing by default: it takes longer than all the rest.
    """
    create = pymysql.connections.Connection._create_ssl_ctx  # noqa: SLF001
    default: dict[str, Any] = {}

    def create_once(self: Any, options: Any) -> Any:
        if options:
            return create(self, options)
        if not default:
            default["context"] = create(self, options)
        return default["context"]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pymysql.connections.Connection, "_create_ssl_ctx", create_once)
        yield


def _require_local(family: int, address: Any) -> None:
    if family == socket.AF_UNIX:
        return
    host = address[0].decode() if isinstance(address[0], bytes) else address[0]
    try:
        local = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        local = False
    if not local:
        # No `Exception`: what is under test cannot catch it and go on.
        pytest.fail(f"a test reached for the network: {address!r}")


@pytest.fixture(scope="session")
def postgres(pytestconfig: pytest.Config) -> PostgresServer:
    return Servers.get(pytestconfig.stash[_SERVERS], PostgresServer)


@pytest.fixture(scope="session")
def mariadb(pytestconfig: pytest.Config) -> MariaDBServer:
    if not MariaDBServer.is_installed():
        reason = f"no MariaDB here: apt-get install {' '.join(MariaDBServer.packages)}"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return Servers.get(pytestconfig.stash[_SERVERS], MariaDBServer)


@pytest.fixture(scope="session")
def _migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("migrated") / "test.db"
    revisions.upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def _migrated_postgresql(postgres: PostgresServer) -> str:
    url = postgres.create_database()
    revisions.upgrade(url)
    return url


@pytest.fixture(scope="session")
def _migrated_mariadb(mariadb: MariaDBServer) -> str:
    url = mariadb.create_database()
    revisions.upgrade(url)
    return url


@pytest.fixture(params=_DATABASES)
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Yield the URL of a database without tables: one test for each kind.

    A test for some kinds only is marked so:
    `@pytest.mark.parametrize("empty_database_url", ["sqlite"], indirect=True)`.
    """
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/test.db"
        return
    name = "postgres" if request.param == "postgresql" else request.param
    server: PostgresServer | MariaDBServer = request.getfixturevalue(name)
    url = server.create_database()
    yield url
    server.drop_database(url)


@pytest.fixture(params=_DATABASES)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Yield the URL of a database with the schema at head and no jobs; kinds as above."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("_migrated_sqlite"), tmp_path / "test.db")
        yield f"sqlite:///{tmp_path}/test.db"
        return
    name = "postgres" if request.param == "postgresql" else request.param
    server: PostgresServer | MariaDBServer = request.getfixturevalue(name)
    url = server.create_database(like=request.getfixturevalue(f"_migrated_{request.param}"))
    yield url
    server.drop_database(url)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    engine = open_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def account() -> SimulatedAccount:
    return SimulatedAccount()


@pytest.fixture
def api(account: SimulatedAccount) -> Iterator[str]:
    """Yield the URL of the API that serves `account`."""
    with serve(account) as url:
        yield url


@pytest.fixture
def syncer(engine: Engine, account: SimulatedAccount, api: str) -> Syncer:
    return Syncer(engine, account, api)
