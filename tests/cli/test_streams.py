"""Standard streams that a caller has closed, filled or left: they cost no work and no exit code."""

import os
import pty
import shlex
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from command import FRESH, Done, run, start
from lines import unmarked

from snapshotter.simulator.account import SimulatedAccount
from snapshotter.simulator.server import serve

COMMAND = shlex.join(FRESH)


@pytest.fixture(scope="module")
def acme() -> Iterator[dict[str, str]]:
    account = SimulatedAccount()
    account.add_job(id=7)
    with serve(account) as url:
        yield {
            "XPLENTY_ACCOUNT_ID": account.account_id,
            "XPLENTY_API_KEY": account.api_key,
            "XPLENTY_API_URL": url,
        }


@pytest.fixture(scope="module")
def job_history(acme: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("synced")
    assert run(["sync"], env=acme, cwd=folder).returncode == 0
    return folder / "job_history.db"


@pytest.fixture
def synced(acme: dict[str, str], job_history: Path, tmp_path: Path) -> dict[str, str]:
    shutil.copy(job_history, tmp_path)
    return acme


def shell(line: str, folder: Path, environment: dict[str, str]) -> Done:
    """Run a line of sh, in which {} is the command."""
    return subprocess.run(
        ["/bin/sh", "-c", line.format(COMMAND)],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def jobs(folder: Path) -> int:
    with closing(sqlite3.connect(folder / "job_history.db")) as connection, connection:
        ((count,),) = connection.execute("select count(*) from jobs").fetchall()
    connection.close()
    return int(count)


@pytest.mark.slow
@pytest.mark.parametrize(
    "line",
    ["{} sync 2>&-", "{} sync >&-", "{} sync <&- >&- 2>&-", "{} sync 7 2>&-", "{} sync >/dev/full"],
)
def test_a_run_does_its_work(line: str, tmp_path: Path, acme: dict[str, str]) -> None:
    done = shell(line, tmp_path, acme)
    assert done.returncode == 0
    assert jobs(tmp_path) == 1
    full = "snapshotter: cannot write standard output: No space left on device\n"
    assert done.stderr == (full if "full" in line else "")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("line", "exit_code", "said"),
    [
        ("{} rejects --retry 2>&- >&-", 0, ""),
        ("{} status 2>&- | grep -q 'account acme'", 0, ""),
        ("{} export jobs -o jobs.csv >&- 2>&- && grep -q '^7,' jobs.csv", 0, ""),
        ("{} status --max-age 1h >&-", 0, ""),
        ("{} status >&-", 1, "snapshotter: standard output is closed\n"),
        ("{} export jobs -o - >&-", 1, "snapshotter: cannot write standard output: closed\n"),
        ("{} trends >/dev/full", 1, "standard output: No space left on device\n"),
        ("{} status --max-age 1s >&- 2>/dev/full", 1, ""),
        ("{} sync --nonsense 2>/dev/full", 2, ""),
        ("{} sync 99 2>/dev/full >/dev/full", 65, ""),
        ("XPLENTY_API_KEY=wrong {} sync 2>&-", 77, ""),
        ("XPLENTY_API_KEY=wrong {} -vv sync 2>/dev/full", 77, ""),
    ],
)
def test_what_cannot_be_printed_changes_no_exit_code(
    line: str, exit_code: int, said: str, tmp_path: Path, synced: dict[str, str]
) -> None:
    if "1s" in line:
        with closing(sqlite3.connect(tmp_path / "job_history.db")) as connection, connection:
            connection.execute("update snapshots set started_at = '2026-01-01 00:00:00.000000'")
        connection.close()
    done = shell(line, tmp_path, synced)
    assert (done.returncode, done.stdout) == (exit_code, "")
    assert unmarked(done.stderr).endswith(said)
    assert bool(done.stderr) == bool(said)


@pytest.mark.slow
def test_a_broken_pipe_on_standard_error(tmp_path: Path, synced: dict[str, str]) -> None:
    wait = "while ! [ -s code ]; do sleep 0.02; done"
    line = f"({{}} sync 99 >/dev/null; echo $? >code) 2>&1 | true; {wait}"
    assert shell(line, tmp_path, synced).stderr == ""
    assert (tmp_path / "code").read_text() == "65\n"


NASTY = "\x1b]0;owned\x07\x9b31m"


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        "status",
        "rejects",
        "rejects --all",
        "accounts",
        "export jobs -o -",
        "export rejected_records -o - --format json",
        "trends --sql-dir own",
        "trends own --sql-dir own",
        "trends own --sql-dir own --format csv",
        "trends own --sql-dir own --format markdown",
        "trends own --sql-dir own --format json",
        f"trends {NASTY}",
    ],
)
def test_no_text_of_others_controls_a_terminal(
    words: str, tmp_path: Path, synced: dict[str, str]
) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "own.sql").write_text(
        f'-- what {NASTY}?\nselect package_name, package_name as "a{NASTY}" from jobs'
    )
    with closing(sqlite3.connect(tmp_path / "job_history.db")) as connection, connection:
        connection.execute("update jobs set package_name = ?, status = ?", (NASTY, NASTY))
        connection.execute("update snapshots set error = ?", (NASTY,))
        connection.execute(
            "insert into rejected_records (snapshot_id, account_id, reason, payload, rejected_at) "
            "values (1, 'acme', ?, '{}', '2026-01-01 00:00:00.000000')",
            (NASTY,),
        )
    connection.close()
    shown = on_terminal(words.split(" "), tmp_path, synced)
    assert b"\x1b]" not in shown
    assert b"\x07" not in shown
    assert "\x9b".encode() not in shown
    assert b"x1b" in shown or b"u001b]" in shown or "accounts" in words


def on_terminal(words: list[str], folder: Path, environment: dict[str, str]) -> bytes:
    """Return what the command prints on a terminal, on both streams."""
    terminal, other_end = pty.openpty()
    variables = {**environment, "COLUMNS": "200"}
    with start(words, cwd=folder, env=variables, stdout=other_end, stderr=other_end):
        os.close(other_end)
        shown = b""
        while True:
            try:
                data = os.read(terminal, 65536)
            except OSError:  # the other end is closed
                break
            if not data:
                break
            shown += data
    os.close(terminal)
    return shown


def test_data_in_a_pipe_is_unchanged(tmp_path: Path, synced: dict[str, str]) -> None:
    with closing(sqlite3.connect(tmp_path / "job_history.db")) as connection, connection:
        connection.execute("update jobs set package_name = ?", (NASTY,))
    connection.close()
    assert NASTY in run(["export", "jobs", "-o", "-"], env=synced, cwd=tmp_path).stdout
