"""Signals to a command that waits: for the API, for a lock, for nothing at all."""

import functools
import shutil
import signal
import socket
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import permutations
from pathlib import Path

import pytest
from command import Process, Running, python, start, start_fresh
from lines import unmarked
from wire import answer, serve

from snapshotter.interrupt import InterruptibleClock

CREDITS = answer(body=b'{"limits": {"limit": 5000, "remaining": 4000}}')
PATIENCE = 25  # seconds; less than a driver waits for a lock
ASKING = ("SIGINT", "SIGTERM", "SIGHUP")


class Silence:
    """Answers only once it is `opened`; `asked` is set by the first request."""

    def __init__(self) -> None:
        self.asked, self.opened = threading.Event(), threading.Event()

    def __call__(self, connection: socket.socket, number: int) -> None:
        self.asked.set()
        self.opened.wait(PATIENCE)
        answer(body=b"[]", headers="Date: Fri, 02 Jan 2026 03:04:05 GMT\r\n")(connection, number)


@contextmanager
def syncing(folder: Path, *before: str) -> Iterator[tuple[Running, Silence]]:
    """Start a sync that waits for its first page."""
    silence = Silence()
    with serve(CREDITS, silence) as wire:
        variables = {
            "XPLENTY_ACCOUNT_ID": "acme",
            "XPLENTY_API_KEY": "demo-key",
            "XPLENTY_API_URL": wire.url,
        }
        begin = functools.partial(start_fresh, before=before) if before else start
        process = begin(["sync", "--timeout", "3600"], cwd=folder, env=variables)
        try:
            assert silence.asked.wait(60)
            yield process, silence
        finally:
            silence.opened.set()
            process.kill()
            process.communicate()


def last_run(folder: Path) -> tuple[str, str | None]:
    with closing(sqlite3.connect(folder / "job_history.db")) as connection, connection:
        ((status, error),) = connection.execute("select status, error from snapshots").fetchall()
    connection.close()
    return status, error


@pytest.mark.slow
@pytest.mark.parametrize("numbers", [*permutations(ASKING, 2)], ids=" ".join)
def test_a_second_signal_ends_any_wait(tmp_path: Path, numbers: tuple[str, str]) -> None:
    with syncing(tmp_path) as (process, _):
        for name in numbers:
            process.send_signal(signal.Signals[name])
        _, said = process.communicate(timeout=PATIENCE)
        assert process.returncode == 75
        assert unmarked(said) == (
            "snapshotter: interrupted; nothing is lost, the next run continues\n"
        )
    assert last_run(tmp_path)[0] != "completed"


def test_sigquit_ends_it_at_once(tmp_path: Path) -> None:
    with syncing(tmp_path) as (process, _):
        process.send_signal(signal.SIGQUIT)
        process.communicate(timeout=PATIENCE)
        assert process.returncode == 75


def test_a_terminal_that_hangs_up_lets_the_page_be_stored(tmp_path: Path) -> None:
    with syncing(tmp_path) as (process, silence):
        process.send_signal(signal.SIGHUP)
        silence.opened.set()
        process.communicate(timeout=PATIENCE)
        assert process.returncode == 75
    assert last_run(tmp_path) == (
        "partial",
        "stopped by SIGHUP; nothing is lost, the next run continues",
    )


@pytest.mark.slow
def test_nohup_is_respected(tmp_path: Path) -> None:
    nohup = shutil.which("nohup")
    assert nohup is not None
    with syncing(tmp_path, nohup) as (process, silence):
        process.send_signal(signal.SIGHUP)
        silence.opened.set()
        process.communicate(timeout=PATIENCE)
        assert process.returncode == 0
    assert last_run(tmp_path) == ("completed", None)


SWALLOWED = """
import os, signal
from contextlib import suppress
from snapshotter import interrupt
from snapshotter.cli import entry

def run():
    with suppress(BaseException):  # as a library may
        os.kill(os.getpid(), signal.SIGTERM)
    with interrupt.InterruptibleClock():
        print("begun", flush=True)

entry.group = run
entry.main()
"""


def test_a_run_does_not_begin_after_a_signal_that_a_library_swallowed() -> None:
    done = python(["-c", SWALLOWED])
    assert (done.returncode, done.stdout) == (75, "")


WAITING_IN_C = """
import sqlite3, sys
from snapshotter.cli import entry

def wait():
    connection = sqlite3.connect(sys.argv[1], timeout=3600, isolation_level=None)
    print("waiting", flush=True)
    connection.execute("begin immediate")

entry.group = wait
entry.main()
"""


def is_asleep(pid: int) -> Callable[[], bool]:
    return lambda: Path(f"/proc/{pid}/task/{pid}/stat").read_text().rpartition(") ")[2][0] == "S"


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_signal_ends_a_driver_that_waits_in_c(tmp_path: Path) -> None:
    """Python runs no handler there: only a thread can end the process."""
    path = tmp_path / "locked.db"
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("begin immediate")
    with Process(["-c", WAITING_IN_C, str(path)]) as process:
        assert process.stdout
        assert process.stdout.readline() == "waiting\n"
        while not is_asleep(process.pid)():
            pass
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=PATIENCE)
    holder.close()
    assert process.returncode == 75
    assert said == "snapshotter: interrupted; nothing is lost, the next run continues\n"


def test_work_without_a_limit_has_no_time_left_after_a_signal() -> None:
    clock = InterruptibleClock()
    assert clock.time_left() is None
    clock.interrupted = "stopped by SIGTERM"
    assert clock.time_left() == 0
