"""Servers as they are set up in the field, for the tests of this one thing each.

They listen on a Unix socket in a folder of their own, and die with the process that started them.
"""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

import pytest
from databases import MariaDBServer

_NOBODY = 65534


class SpecialMariaDB(MariaDBServer):
    """MariaDB with more options on its command line."""

    def __init__(self, *options: str) -> None:
        self._options = options

    def _prepare(self) -> list[str]:
        return [*super()._prepare(), *self._options]


class PgBouncer:
    """A pooler before PostgreSQL, in its usual configuration but for `pool_mode`."""

    package = "pgbouncer"

    def __init__(self, server_folder: Path, pool_mode: str) -> None:
        self._server_folder, self._pool_mode = server_folder, pool_mode

    @staticmethod
    def program() -> str:
        found = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
        if found is None:
            reason = f"no pgbouncer here: apt-get install {PgBouncer.package}"
            if os.environ.get("CI"):
                pytest.fail(reason)
            pytest.skip(reason)
        return found

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self.folder = Path(tempfile.mkdtemp(prefix="pgb-", dir="/tmp"))
            stack.callback(shutil.rmtree, self.folder)
            (self.folder / "ini").write_text(
                f"[databases]\n* = host={self._server_folder} user=postgres\n[pgbouncer]\n"
                f"listen_addr =\nunix_socket_dir = {self.folder}\nlisten_port = 6432\n"
                f"auth_type = any\npool_mode = {self._pool_mode}\n"
            )
            as_nobody: dict[str, Any] = {}
            if os.geteuid() == 0:  # it does not run as root
                os.chown(self.folder, _NOBODY, _NOBODY)
                as_nobody = {"user": _NOBODY, "group": _NOBODY, "extra_groups": []}
            process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", self.program(), str(self.folder / "ini")],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                **as_nobody,
            )
            stack.callback(process.wait)
            stack.callback(process.send_signal, signal.SIGKILL)
            self._wait(process)
            self._close = stack.pop_all().close
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def url(self, database: str) -> str:
        return f"postgresql://postgres@/{database}?host={self.folder}&port=6432"

    def _wait(self, process: "subprocess.Popen[bytes]") -> None:
        deadline = time.monotonic() + 30
        while True:
            with socket.socket(socket.AF_UNIX) as channel:
                if channel.connect_ex(str(self.folder / ".s.PGSQL.6432")) == 0:
                    return
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("pgbouncer did not start")
            time.sleep(0.02)
