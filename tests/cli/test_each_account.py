"""Several accounts through the real command: the lines of each, and the exit code of all."""

import json
import signal
import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from command import start
from command_line import Run, assert_one_line
from lines import unmarked
from several import NAMES, Accounts
from sqlalchemy import func, select
from syncer import history

from snapshotter.cli.each_account import Manner, run_each_account
from snapshotter.configured_accounts import Account
from snapshotter.errors import DatabaseError
from snapshotter.key_sources import KeySource
from snapshotter.simulator.faults import GARBLED, Answer, Request
from snapshotter.store.engine import open_engine
from snapshotter.store.lock import lock
from snapshotter.store.opening import Database
from snapshotter.store.tables import JOBS
from snapshotter.sync.several import Attempt

pytest_plugins = ["several_fixtures"]

PATIENCE = 30.0  # seconds
NO_KEY = "api_key_env = 'NO_SUCH_VARIABLE'"


def stored(several: Accounts) -> dict[str, int]:
    """Return the number of stored jobs by account."""
    with closing(sqlite3.connect(several.folder / "job_history.db")) as connection:
        query = "select account_id, count(*) from jobs group by account_id"
        return dict(connection.execute(query).fetchall())


@pytest.mark.parametrize("words", [(), ("--parallel", "2")], ids=["one by one", "two at once"])
def test_each_account_has_its_summary_line(several: Accounts, words: tuple[str, ...]) -> None:
    done = several.run("sync", *words)
    assert (done.returncode, done.stderr) == (0, "")
    assert stored(several) == dict.fromkeys(NAMES, 1)
    lines = done.stdout.splitlines()
    assert all(line.startswith("1 jobs seen, 1 new, 0 changed, ") for line in lines)
    marks = [line.rpartition("Z ")[2] for line in lines]
    assert sorted(mark.split()[0] for mark in marks) == [*NAMES]
    if not words:
        assert marks == ["acme run 1]", "globex run 2]", "initech run 3]"]
    assert several.run("verify").returncode == 0


@pytest.mark.parametrize("words", [(), ("--parallel", "3")], ids=["one by one", "at once"])
def test_accounts_that_fail_do_not_stop_the_others(
    several: Accounts, words: tuple[str, ...]
) -> None:
    several.configure(acme=NO_KEY, globex="api_key = 'of-somebody-else'")
    several["initech"].add_job(id=9, owner_id=GARBLED)
    done = several.run("sync", *words)
    assert done.returncode == 2  # the worst of 2, 77 and 65
    assert stored(several) == {"initech": 1}
    (summary,) = done.stdout.splitlines()
    assert summary.startswith("1 jobs seen, 1 new, 0 changed, 1 set aside, ")
    *lines, last = done.stderr.splitlines()
    (no_key,) = (line for line in lines if "NO_SUCH_VARIABLE" in line)
    (refused,) = (line for line in lines if "the key is refused" in line)
    (aside,) = (line for line in lines if "1 record was set aside into" in line)
    assert no_key.endswith("Z acme]")
    assert "Z globex run " in refused
    assert "Z initech run " in aside
    assert unmarked(last) == (
        "snapshotter: 3 of 3 accounts did not end with 0: acme (2), globex (77), initech (65)"
    )


def test_quiet_prints_only_what_is_wrong(several: Accounts) -> None:
    done = several.run("sync", "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    done = several.run("sync", "--quiet", "--log-format", "json", "--parallel", "2")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    several.configure(globex=NO_KEY)
    done = several.run("sync", "--quiet")
    assert (done.returncode, done.stdout) == (2, "")
    reason, last = done.stderr.splitlines()
    assert "NO_SUCH_VARIABLE" in reason
    assert "1 of 3 accounts did not end with 0: globex (2)" in last


def test_quiet_with_one_account(several: Accounts) -> None:
    done = several.run("sync", "--quiet", "--account", "acme")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    engine = open_engine(f"sqlite:///{several.folder}/job_history.db")
    with lock(engine, "acme") as taken:
        assert taken is not None
        done = several.run("sync", "--quiet", "--account", "acme")
    engine.dispose()
    assert_one_line(done, 75, "account acme is being read by")
    several["acme"].add_job(id=9, owner_id=GARBLED)
    done = several.run("sync", "--quiet", "--account", "acme")
    assert done.returncode == 65
    assert "1 record was set aside" in done.stderr


def test_the_accounts_of_a_command_are_those_that_are_named(several: Accounts) -> None:
    assert several.run("sync", "--account", "globex", "--account", "acme").returncode == 0
    assert stored(several).keys() == {"acme", "globex"}
    done = several.run("verify", "--account", "globex")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("      ")  # as with one account that is configured
    done = several.run("sync", "--account", "glonex")
    assert_one_line(done, 2, "did you mean 'globex'?")


@pytest.mark.parametrize("words", [("7",), ("--package-id", "7")])
def test_ids_belong_to_one_account(several: Accounts, words: tuple[str, ...]) -> None:
    done = several.run("sync", *words)
    assert_one_line(done, 2, "name it with --account (acme, globex, initech)")
    assert several.run("sync", *words, "--account", "acme").returncode in (0, 65)


def test_verify_compares_each_account(several: Accounts) -> None:
    assert several.run("sync").returncode == 0
    several["globex"].add_job(id=9, updated_at=several["globex"].now.replace(year=2020))
    several["initech"].remove_job(3)
    done = several.run("verify")
    assert done.returncode == 65
    assert [line for line in done.stdout.splitlines() if line.startswith("account ")] == [
        f"account {name}" for name in NAMES
    ]
    assert done.stdout.count(" differences, ") + done.stdout.count(" difference, ") == 3
    *reasons, last = done.stderr.splitlines()
    assert len(reasons) == 2
    assert "2 of 3 accounts did not end with 0: globex (65), initech (65)" in last


def test_rejects_of_each_account(several: Accounts) -> None:
    for number, account in enumerate(several.each, 10):
        account.add_job(id=number, owner_id=GARBLED)
    assert several.run("sync").returncode == 65
    done = several.run("rejects", "--all", "--account", "globex")
    assert (done.returncode, done.stdout.count("job 11: ")) == (0, 1)
    assert "job 10" not in done.stdout
    assert_one_line(several.run("rejects", "--account", "glonex"), 2, "did you mean 'globex'?")
    for account in several.each[1:]:
        for job in account.jobs.values():
            job["owner_id"] = 8
    done = several.run("rejects", "--retry")
    assert done.returncode == 65
    assert "1 of 3 accounts did not end with 0: acme (65)" in done.stderr.splitlines()[-1]
    assert len(done.stdout.splitlines()) == 3
    assert several.run("rejects", "--retry", "--account", "globex").returncode == 0


def test_the_log_in_json_has_the_end_of_each_account(several: Accounts) -> None:
    several.configure(globex=NO_KEY)
    done = several.run("sync", "--log-format", "json")
    acme, globex, initech, last = map(json.loads, done.stderr.splitlines())
    assert (acme["account"], acme["exit_code"], acme["jobs_seen"]) == ("acme", 0, 1)
    assert (globex["account"], globex["exit_code"]) == ("globex", 2)
    assert (initech["account"], initech["run"]) == ("initech", 2)
    assert "account" not in last
    assert (last["exit_code"], last["accounts"]) == (2, {"acme": 0, "globex": 2, "initech": 0})


def test_a_database_that_cannot_be_used_stops_all(several: Accounts) -> None:
    url = "postgresql://joe:hunter2@127.0.0.1:1/x"
    done = several.run("sync", "--database", url)
    assert (done.returncode, done.stdout) == (1, "")
    first, second, third, last = done.stderr.splitlines()
    assert "did not begin" not in first
    assert "did not begin: " in second
    assert "did not begin: " in third
    assert "3 of 3 accounts" in last
    assert "hunter2" not in done.stderr
    assert all(not account.requests for account in several.each)


def test_a_database_without_tables_does_not_stop_the_next_account(tmp_path: Path) -> None:
    """The first account may have failed before it could create them, as on a full disk."""
    (tmp_path / "empty.db").touch()
    database = Database(f"sqlite:///{tmp_path / 'empty.db'}")
    attempts = [Attempt(Account(name, name, "", KeySource("", "", ""), {})) for name in NAMES]

    def do(attempt: Attempt) -> None:
        if attempt is attempts[0]:
            raise DatabaseError("the disk is full")

    options: Any = SimpleNamespace(clock=SimpleNamespace(interrupted=""))
    run_each_account(attempts, do, (options, database), Manner())
    assert [attempt.exit_code for attempt in attempts] == [1, 0, 0]


def test_a_line_of_a_thread_that_prefetches_names_its_account(several: Accounts) -> None:
    history(several["globex"], 900)
    failed: list[object] = []

    def fail_once(request: Request) -> Answer | None:
        if failed or int(request.query.get("offset", 0)) < 600:
            return None
        failed.append(request)
        return Answer(503)

    several["globex"].intercept = fail_once
    done = several.run("sync", "--parallel", "3")
    assert done.returncode == 0
    (line,) = done.stderr.splitlines()
    assert "(attempt " in line
    assert "Z globex run " in line


def test_without_a_file_the_environment_names_the_account(run: Run, acme: dict[str, str]) -> None:
    assert run("sync", "--account", "acme", "--parallel", "3", **acme).returncode == 0
    done = run("sync", "--account", "globex", **acme)
    assert done.returncode == 2


class Held:
    """Holds back what two accounts answer after their first request, until it is let go."""

    def __init__(self, several: Accounts, *names: str) -> None:
        self.let_go = threading.Event()
        self._waiting = threading.Semaphore(0)
        for name in names:
            several[name].before_answer = self._wait
        self._number = len(names)

    def _wait(self, request: Request) -> None:
        if request.path.endswith("/jobs"):
            self._waiting.release()
            self.let_go.wait(PATIENCE)

    def wait(self) -> None:
        """Wait until each of the accounts waits."""
        for _ in range(self._number):
            assert self._waiting.acquire(timeout=PATIENCE)


def test_a_signal_stops_accounts_that_run_at_once(several: Accounts) -> None:
    held = Held(several, "acme", "globex")
    with start(["sync", "--parallel", "2", "--json"], cwd=several.folder) as process:
        held.wait()
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=PATIENCE)
    held.let_go.set()
    assert process.returncode == 75
    found = json.loads(out)
    assert (found["status"], found["exit_code"]) == ("partial", 75)
    assert [each["status"] for each in found["accounts"]] == ["partial", "partial", "not_started"]
    *lines, last = unmarked(err).splitlines()
    assert sorted(lines) == [
        "snapshotter: did not begin: stopped by SIGTERM; nothing is lost, the next run continues",
        *["snapshotter: stopped by SIGTERM; nothing is lost, the next run continues"] * 2,
    ]
    assert "3 of 3 accounts did not end with 0: acme (75), globex (75), initech (75)" in last
    assert several.run("sync").returncode == 0
    assert stored(several) == dict.fromkeys(NAMES, 1)


def test_a_second_signal_ends_accounts_that_run_at_once(several: Accounts) -> None:
    held = Held(several, *NAMES)
    words = ["sync", "--parallel", "3", "--timeout", "3600"]
    with start(words, cwd=several.folder) as process:
        held.wait()
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=PATIENCE)
    held.let_go.set()
    assert (process.returncode, out) == (75, "")
    assert "nothing is lost, the next run continues" in err
    assert "Traceback" not in err
    assert several.run("sync").returncode == 0


def test_accounts_at_once_share_one_database(several: Accounts, empty_database_url: str) -> None:
    for account in several.each:
        first = 1000 * (1 + NAMES.index(account.account_id))
        for job_id in range(first, first + 250):
            account.add_job(id=job_id)
    words = ("--parallel", "3", "--database", empty_database_url)
    done = several.run("sync", *words)
    assert (done.returncode, done.stderr) == (0, "")
    engine = open_engine(empty_database_url)
    with engine.connect() as connection:
        query = select(JOBS.c.account_id, func.count()).group_by(JOBS.c.account_id)
        assert dict(connection.execute(query).all()) == dict.fromkeys(NAMES, 251)
    engine.dispose()
    for account in several.each:
        account.touch()
    done = several.run("sync", "--full", *words)
    assert (done.returncode, done.stderr) == (0, "")
