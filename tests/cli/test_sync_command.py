"""`snapshotter sync` as a user runs it."""

import re
import sqlite3
import stat
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from alembic import command
from command import start
from command_line import Run, assert_one_line
from sqlalchemy import text
from wire import answer, reset, serve

from snapshotter.simulator.account import SimulatedAccount
from snapshotter.simulator.faults import GARBLED
from snapshotter.store import revisions
from snapshotter.store.engine import open_engine
from snapshotter.store.lock import lock


def test_sync_ends_with_a_summary(
    run: Run, acme: dict[str, str], account: SimulatedAccount
) -> None:
    account.populate(days=3)
    done = run("sync", **acme)
    assert (done.returncode, done.stderr) == (0, "")
    jobs = len(account.jobs)
    line = f"{jobs} jobs seen, {jobs} new, 0 changed, 4 requests, 4,997 credits left, "
    assert done.stdout.startswith(line)
    assert re.search(r" s \[20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ acme run 1\]\n$", done.stdout)


def test_the_database_file_is_for_its_owner_only(
    run: Run, acme: dict[str, str], tmp_path: Path
) -> None:
    assert run("sync", **acme).returncode == 0
    assert stat.S_IMODE((tmp_path / "job_history.db").stat().st_mode) == 0o600


def test_listed_jobs(
    run: Run, acme: dict[str, str], account: SimulatedAccount, tmp_path: Path
) -> None:
    for job_id in (7, 8, 9):
        account.add_job(id=job_id)
    assert run("sync", "7", **acme).stdout.startswith("1 jobs seen, 1 new")
    (tmp_path / "ids").write_text("8  # why\n\n9\n8\n")
    assert run("sync", "--ids-file", "ids", **acme).stdout.startswith("2 jobs seen, 2 new")
    done = run("sync", "--ids-file", "-", stdin="9\n10\n", **acme)
    assert_one_line(done, 65, "the API has no job 10; the others are stored")


@pytest.mark.slow
def test_records_set_aside_are_exit_65(
    run: Run, acme: dict[str, str], account: SimulatedAccount
) -> None:
    account.add_job(id=7, owner_id=GARBLED)
    account.add_job(id=8)
    done = run("sync", **acme)
    assert done.returncode == 65
    assert done.stdout.startswith("1 jobs seen, 1 new, 0 changed, 1 set aside")
    aside, last = done.stderr.splitlines()
    assert "set aside: job 7: JSON is malformed: invalid character" in aside
    assert "1 record was set aside into rejected_records" in last
    assert "later runs try it again; 'snapshotter rejects' lists it" in last


def test_an_unknown_status_is_stored_and_logged(
    run: Run, acme: dict[str, str], account: SimulatedAccount, tmp_path: Path
) -> None:
    account.add_job(id=7, status="paused")
    done = run("sync", **acme)
    assert done.returncode == 0
    assert "job 7 has a status that is not known: 'paused'" in done.stderr
    with closing(sqlite3.connect(tmp_path / "job_history.db")) as connection, connection:
        assert connection.execute("select status from jobs").fetchall() == [("paused",)]


def test_ids_that_are_not_valid(run: Run, acme: dict[str, str]) -> None:
    done = run("sync", "--ids-file", "-", stdin="7\nx9\n", **acme)
    assert_one_line(done, 2, "line 2: not a job id: 'x9'")
    assert_one_line(run("sync", "--ids-file", "-", **acme), 2, "has no job id")


def test_a_database_that_is_not_writable(run: Run, acme: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "folder.db").mkdir()
    done = run("sync", "--database", "sqlite:///folder.db", **acme)
    assert_one_line(done, 1, "cannot be used")
    (tmp_path / "other.db").write_text("this is not a database, it is a letter to a friend\n" * 99)
    done = run("sync", "--database", "sqlite:///other.db", **acme)
    assert_one_line(done, 1, "cannot be used")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("script", "said"),
    [
        (answer(body=b"<!doctype html><html>"), "got HTML"),
        (answer(body=b'{"limits": '), "cut short"),
        (reset, "no connection"),
        (answer(503, headers="Retry-After: 7200\r\n"), "answered 503"),
    ],
)
def test_an_api_that_is_down_is_exit_75(
    run: Run, acme: dict[str, str], script: object, said: str, tmp_path: Path
) -> None:
    with serve(script) as wire:  # type: ignore[arg-type]
        done = run("sync", **{**acme, "XPLENTY_API_URL": wire.url})
    assert done.returncode == 75
    assert said in done.stderr.splitlines()[-1]
    with closing(sqlite3.connect(tmp_path / "job_history.db")) as connection, connection:
        ((status, error),) = connection.execute("select status, error from snapshots").fetchall()
    assert status == "partial"
    assert said in error


@pytest.mark.slow
def test_two_first_runs_at_once(
    acme: dict[str, str], account: SimulatedAccount, empty_database_url: str, tmp_path: Path
) -> None:
    """One makes the tables and reads, the other finds it at work or has nothing left to do."""
    for _ in range(250):
        account.add_job()
    variables = {**acme, "SNAPSHOTTER_DATABASE_URL": empty_database_url}
    for _ in range(3):
        with ExitStack() as stack:
            runs = [
                stack.enter_context(start(["sync"], cwd=tmp_path, env=variables)) for _ in range(3)
            ]
            ends = [(run.communicate(), run.returncode) for run in runs]
        assert {code for _, code in ends} <= {0, 75}, ends
        assert 0 in {code for _, code in ends}
        for (_, errors), code in ends:
            if code == 75:
                assert "account acme is being read by " in errors


@pytest.mark.slow
def test_a_run_notices_another_by_any_path(run: Run, acme: dict[str, str], tmp_path: Path) -> None:
    """Also while that one writes: finding it at work needs no lock of the database."""
    assert run("sync", **acme).returncode == 0
    (tmp_path / "link.db").symlink_to(tmp_path / "job_history.db")
    engine = open_engine(f"sqlite:///{tmp_path}/job_history.db")
    with lock(engine, "acme") as check_lock, engine.begin() as writing:
        assert check_lock is not None
        writing.execute(text("update snapshots set status = 'running'"))
        for url in ("sqlite:///job_history.db", "sqlite:///link.db"):
            done = run("sync", "--database", url, **acme)
            assert_one_line(done, 75, "account acme is being read by")
    engine.dispose()


def at_revision(url: str, revision: str) -> None:
    """Make the tables as they were at a revision, with an account."""
    engine = open_engine(url)
    with (
        engine.connect() as connection,
        revisions.ready_for_copies(connection),
        connection.begin(),
    ):
        command.upgrade(revisions._alembic(connection), revision)  # noqa: SLF001
        connection.execute(text("insert into accounts (account_id, api_url) values ('x', 'y')"))
    engine.dispose()


def test_an_old_schema_is_upgraded_only_if_asked(
    run: Run, acme: dict[str, str], empty_database_url: str, tmp_path: Path
) -> None:
    """And once, if two containers start at the same time."""
    at_revision(empty_database_url, "0007")
    variables = {**acme, "SNAPSHOTTER_DATABASE_URL": empty_database_url}
    done = run("sync", **variables)
    assert_one_line(done, 1, "is at revision 0007, behind")
    assert "run 'snapshotter db upgrade' (after a backup)" in done.stderr
    words = ["sync", "--upgrade", "--quiet"]
    with ExitStack() as stack:
        runs = [stack.enter_context(start(words, cwd=tmp_path, env=variables)) for _ in range(2)]
        ends = [(run.communicate(), run.returncode) for run in runs]
    assert (("", ""), 0) in ends, ends
    assert {code for _, code in ends} <= {0, 75}, ends
    done = run("db", "check", **variables)
    assert (done.returncode, done.stderr) == (0, "")
