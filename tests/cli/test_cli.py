"""The command as a user runs it: a process, its words and its exit code."""

import json
import os
import re
import shutil
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from lines import unmarked
from sqlalchemy import text
from wire import answer, reset, serve

from snapshotter.simulator.account import GARBLED, Account
from snapshotter.store.engine import connect
from snapshotter.store.lock import lock
from snapshotter.store.revisions import head

Done = subprocess.CompletedProcess[str]
Run = Callable[..., Done]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    def run(*words: str, stdin: str = "", **environment: str) -> Done:
        done = subprocess.run(
            [sys.executable, "-m", "snapshotter", *words],
            cwd=tmp_path,
            env={**os.environ, **environment},
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )
        assert "Traceback" not in done.stderr
        return done

    return run


@pytest.fixture
def acme(account: Account, api: str) -> dict[str, str]:
    """Give the variables that name the simulated account."""
    return {
        "XPLENTY_ACCOUNT_ID": account.account_id,
        "XPLENTY_API_KEY": account.api_key,
        "XPLENTY_API_URL": api,
    }


def assert_one_line(done: Done, exit_code: int, said: str) -> None:
    assert done.returncode == exit_code, done.stderr
    assert said in done.stderr
    assert done.stderr.startswith("snapshotter: ")
    assert done.stderr.count("\n") == 1


def test_sync_ends_with_a_line_to_read(run: Run, acme: dict[str, str], account: Account) -> None:
    account.populate(days=3)
    done = run("sync", **acme)
    assert (done.returncode, done.stderr) == (0, "")
    jobs = len(account.jobs)
    line = f"{jobs} jobs seen, {jobs} new, 0 changed, 4 requests, 4,997 credits left, "
    assert done.stdout.startswith(line)
    assert re.search(r" s \[20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ acme run 1\]\n$", done.stdout)


def test_the_file_is_its_owners_alone(run: Run, acme: dict[str, str], tmp_path: Path) -> None:
    assert run("sync", **acme).returncode == 0
    assert stat.S_IMODE((tmp_path / "job_history.db").stat().st_mode) == 0o600


def test_listed_jobs(run: Run, acme: dict[str, str], account: Account, tmp_path: Path) -> None:
    for job_id in (7, 8, 9):
        account.add_job(id=job_id)
    assert run("sync", "7", **acme).stdout.startswith("1 jobs seen, 1 new")
    (tmp_path / "ids").write_text("8  # why\n\n9\n8\n")
    assert run("sync", "--ids-file", "ids", **acme).stdout.startswith("2 jobs seen, 2 new")
    done = run("sync", "--ids-file", "-", stdin="9\n10\n", **acme)
    assert_one_line(done, 65, "the API has no job 10; the others are stored")


def test_records_set_aside_are_exit_65(run: Run, acme: dict[str, str], account: Account) -> None:
    account.add_job(id=7, owner_id=GARBLED)
    account.add_job(id=8)
    done = run("sync", **acme)
    assert done.returncode == 65
    assert done.stdout.startswith("1 jobs seen, 1 new, 0 changed, 1 set aside")
    aside, last = done.stderr.splitlines()
    assert "set aside: job 7: JSON is malformed: invalid character" in aside
    assert "1 records were set aside into rejected_records" in last


def test_an_unknown_status_is_kept_and_logged(
    run: Run, acme: dict[str, str], account: Account, tmp_path: Path
) -> None:
    account.add_job(id=7, status="paused")
    done = run("sync", **acme)
    assert done.returncode == 0
    assert "job 7 has a status that is not known: 'paused'" in done.stderr
    with closing(sqlite3.connect(tmp_path / "job_history.db")) as connection, connection:
        assert connection.execute("select status from jobs").fetchall() == [("paused",)]


def test_the_key_is_nowhere(run: Run, acme: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "key").write_text("s3cr3t-demo\n")
    done = run("-vv", "sync", "--api-key-file", "key", **{**acme, "XPLENTY_API_KEY": ""})
    assert done.returncode == 77
    assert "s3cr3t-demo" not in done.stdout + done.stderr
    for path in tmp_path.glob("job_history.db*"):
        assert b"s3cr3t-demo" not in path.read_bytes()


def test_logs_as_json(run: Run, acme: dict[str, str], account: Account) -> None:
    account.add_job(status="paused")
    done = run("--log-format", "json", "sync", **acme)
    warning, last = (json.loads(line) for line in done.stderr.splitlines())
    assert (warning["level"], warning["account"], warning["run"]) == ("warning", "acme", 1)
    assert "not known" in warning["message"]
    assert (last["level"], last["exit_code"], last["jobs_inserted"]) == ("info", 0, 1)
    assert last["message"] == unmarked(done.stdout).strip()


BAD_CALLS: list[tuple[list[str], dict[str, str], int, str]] = [
    (["sync"], {"XPLENTY_ACCOUNT_ID": ""}, 2, "set XPLENTY_ACCOUNT_ID"),
    (["sync"], {"XPLENTY_API_KEY": ""}, 2, "set XPLENTY_API_KEY"),
    (["sync"], {"XPLENTY_API_KEY": "wrong"}, 77, "answered 401"),
    (["sync"], {"XPLENTY_ACCOUNT_ID": "nobody"}, 2, "answered 404"),
    (["sync"], {"XPLENTY_API_URL": "http://10.0.0.1"}, 2, "in clear"),
    (["sync", "--database", "oracle://x/y"], {}, 2, "no database driver 'oracle'"),
    (["sync", "--database", "nonsense"], {}, 2, "the database's URL cannot be read"),
    (["sync", "--database", "sqlite:///no/such/folder.db"], {}, 1, "cannot write the database"),
    (["sync", "--database", "sqlite://"], {}, 2, "name a file"),
    (["sync", "--database", "postgresql://u:pw@127.0.0.1:1/x"], {}, 1, "cannot be used"),
    (["sync", "seven"], {}, 2, "'seven' is not a valid integer"),
    (["sync", "0"], {}, 2, "0 is not in the range"),
    (["sync", str(2**63)], {}, 2, "is not in the range"),
    (["sync", "--ids-file", "nothing"], {}, 2, "No such file"),
    (["sync", "--since", "yesterday"], {}, 2, "'yesterday' is not a time; expected something like"),
    (["sync", "7", "--full"], {}, 2, "leave --full and the filters out"),
    (["sync", "--full", "--status", "failed"], {}, 2, "--full reads the whole list"),
    (["sync", "--status", "nonsense"], {}, 1, "answered 422"),
    (["sync", "--nonsense"], {}, 2, "No such option"),
    (["nonsense"], {}, 2, "No such command"),
    (["sync", "--timeout", "nan"], {}, 2, "must be a finite number"),
    (["sync", "--database", "sqlite:///x.db?a=b"], {}, 2, "takes no options"),
    (["sync", "--ids-file", "/bin/sh"], {}, 2, "is not UTF-8 text"),
    (["trends"], {"SNAPSHOTTER_DATABASE_URL": "sqlite:///x.db"}, 0, ""),
    (["trends", "runtime_by_day"], {}, 1, "no database at 'job_history.db'"),
    (["export", "jobs", "-o", "-"], {}, 1, "no database at 'job_history.db'"),
    (["db", "check"], {}, 1, "no database at 'job_history.db'"),
]


@pytest.mark.parametrize(
    ("words", "change", "exit_code", "said"), BAD_CALLS, ids=lambda v: str(v)[:50]
)
def test_a_bad_call_gets_one_line(
    run: Run,
    acme: dict[str, str],
    words: list[str],
    change: dict[str, str],
    exit_code: int,
    said: str,
) -> None:
    done = run(*words, **{**acme, **change})
    if exit_code:
        assert_one_line(done, exit_code, said)
        assert done.stdout == ""
    else:
        assert done.returncode == 0


def test_ids_that_are_none(run: Run, acme: dict[str, str]) -> None:
    done = run("sync", "--ids-file", "-", stdin="7\nx9\n", **acme)
    assert_one_line(done, 2, "line 2: not a job id: 'x9'")
    assert_one_line(run("sync", "--ids-file", "-", **acme), 2, "has no job id")


def test_a_database_that_is_not_writable(run: Run, acme: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "folder.db").mkdir()
    done = run("sync", "--database", "sqlite:///folder.db", **acme)
    assert_one_line(done, 1, "cannot be used")
    (tmp_path / "other.db").write_text("this is no database, it is a letter to a friend\n" * 99)
    done = run("sync", "--database", "sqlite:///other.db", **acme)
    assert_one_line(done, 1, "cannot be used")


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


def test_the_schema_commands(run: Run, tmp_path: Path) -> None:
    assert run("db", "upgrade").stdout == f"at revision {head()}\n"
    assert run("db", "current").stdout == f"{head()} (this version's: {head()})\n"
    assert run("db", "check").returncode == 0
    with closing(sqlite3.connect(tmp_path / "job_history.db")) as connection, connection:
        connection.execute("drop table calendar")
    assert_one_line(run("db", "check"), 1, "the database differs from the models")


def test_a_schema_that_is_behind_names_the_command(
    run: Run, acme: dict[str, str], tmp_path: Path
) -> None:
    run("db", "upgrade")
    with closing(sqlite3.connect(tmp_path / "job_history.db")) as connection, connection:
        connection.execute("update alembic_version set version_num = '0000'")
    assert_one_line(run("sync", **acme), 1, "run 'snapshotter db upgrade'")


def test_the_demo(run: Run, tmp_path: Path) -> None:
    done = run("demo")
    assert (done.returncode, done.stderr) == (0, "")
    first, second = (line for line in done.stdout.splitlines() if "jobs seen" in line)
    assert int(first.split()[0].replace(",", "")) > 2000
    assert ", 0 changed" in first
    assert ", 0 changed" not in second
    assert "orders_to_warehouse" in done.stdout
    assert (tmp_path / "demo.db").exists()
    assert_one_line(run("demo"), 2, "'demo.db' already exists")


def test_what_the_demo_tells_is_there(run: Run, tmp_path: Path) -> None:
    """A package got slower, and one lost a column of its output: SQL finds both."""
    assert run("demo").returncode == 0
    with closing(sqlite3.connect(tmp_path / "demo.db")) as connection, connection:
        means = connection.execute(
            "select run_date > date('2026-01-31', '-21 days'), avg(runtime_in_seconds) from jobs "
            "where package_name = 'orders_to_warehouse' and status = 'completed' group by 1"
        ).fetchall()
        widths = connection.execute(
            "select distinct count(*) from jobs join job_outputs on job_id = jobs.id "
            "join output_fields on output_id = job_outputs.id "
            "where package_name = 'customer_profiles' group by job_outputs.id"
        ).fetchall()
    assert means[1][1] > 1.5 * means[0][1]
    assert sorted(widths) == [(7,), (8,)]


def test_a_reader_that_goes_early(run: Run, tmp_path: Path) -> None:
    assert run("demo").returncode == 0
    command = (
        f"{sys.executable} -m snapshotter export jobs -o - --database sqlite:///demo.db | head -1"
    )
    done = subprocess.run(
        [shutil.which("bash") or "bash", "-c", command],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.startswith("id,")
    assert done.stderr == ""


@pytest.mark.slow
def test_two_first_runs_at_once(
    acme: dict[str, str], account: Account, empty_database_url: str, tmp_path: Path
) -> None:
    """One makes the tables and reads, the other finds it at work or has nothing left to do."""
    for _ in range(250):
        account.add_job()
    variables = {**os.environ, **acme, "SNAPSHOTTER_DATABASE_URL": empty_database_url}
    command = [sys.executable, "-m", "snapshotter", "sync"]
    for _ in range(3):
        runs = [
            subprocess.Popen(
                command,
                cwd=tmp_path,
                env=variables,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for _ in range(3)
        ]
        ends = [(run.communicate(), run.returncode) for run in runs]
        assert {code for _, code in ends} <= {0, 75}, ends
        assert 0 in {code for _, code in ends}
        for (_, errors), code in ends:
            if code == 75:
                assert "account acme is being read by " in errors


def test_a_run_finds_another_at_work_by_whatever_path(
    run: Run, acme: dict[str, str], tmp_path: Path
) -> None:
    """Also while that one writes: finding it at work needs no lock of the database."""
    assert run("sync", **acme).returncode == 0
    (tmp_path / "link.db").symlink_to(tmp_path / "job_history.db")
    engine = connect(f"sqlite:///{tmp_path}/job_history.db")
    with lock(engine, "acme") as hold, engine.begin() as writing:
        assert hold is not None
        writing.execute(text("update snapshots set status = 'running'"))
        for url in ("sqlite:///job_history.db", "sqlite:///link.db"):
            done = run("sync", "--database", url, **acme)
            assert_one_line(done, 75, "account acme is being read by")
    engine.dispose()


def test_standard_output_that_is_full(run: Run, acme: dict[str, str], tmp_path: Path) -> None:
    """What was asked for is not there; a run whose work is done has not failed."""
    for words, exit_code in ((["sync"], 0), (["status"], 1)):
        with Path("/dev/full").open("w") as full:
            done = subprocess.run(
                [sys.executable, "-m", "snapshotter", *words],
                cwd=tmp_path,
                env={**os.environ, **acme},
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
                check=False,
            )
        assert done.returncode == exit_code
        assert done.stderr == (
            "snapshotter: cannot write standard output: No space left on device\n"
        )
    assert run("status").returncode == 0


def test_trends_in_each_shape(run: Run, acme: dict[str, str], account: Account) -> None:
    for job_id, seconds in ((1, 10), (2, 30)):
        account.add_job(
            id=job_id,
            created_at="2026-01-05T00:00:00Z",
            runtime_in_seconds=seconds,
            package={"id": 434, "name": "=orders"},
        )
    run("sync", **acme)
    csv = "package_id,package_name,runs,total_seconds,share,p50_seconds,p95_seconds\n"
    done = run("trends", "slowest_packages", "--package", "=orders", "--last", "9w")
    assert (done.stdout, done.stderr) == (f"{csv}434,'=orders,2,40,1.0,20.0,29.0\n", "")
    done = run("trends", "slowest_packages", "--format", "json", "--package-id", "434")
    (row,) = json.loads(done.stdout)
    assert (row["package_name"], row["total_seconds"], row["share"]) == ("=orders", 40, 1.0)
    done = run("trends", "slowest_packages", "--format", "markdown")
    assert done.stdout.endswith("\n| 434 | =orders | 2 | 40 | 1.0 | 20.0 | 29.0 |\n")
    done = run("trends", "slowest_packages", "--format", "table")
    assert done.stdout.splitlines()[-1].split() == ["434", "=orders", "2", "40", "1", "20", "29"]
    done = run("trends", "runtime_by_day", "--limit", "1", "--format", "json")
    assert len(json.loads(done.stdout)) == 1
    done = run("trends", "slowest_packages", "--until", "2026-01-01")
    assert (done.returncode, done.stdout) == (0, csv)
    assert done.stderr.startswith("no rows")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--last", "7d", "--since", "2026-01-01"], "--last and --since both set the first day"),
        (["--package", "x", "--package-id", "1"], "both name a package"),
        (["--package", "x"], "--package 'x': no job of such a package"),
        (["--until", "2026-01-01", "--since", "2026-01-01"], "the range is empty"),
        (["--since", "2026-02-30"], "is not a day"),
        (["--last", "soon"], "is not a length of time"),
        (["--sql-dir", "none"], "is not a folder"),
    ],
)
def test_trends_that_cannot_be(run: Run, acme: dict[str, str], words: list[str], said: str) -> None:
    run("sync", **acme)
    assert_one_line(run("trends", "recovery", *words), 2, said)


def test_returns_of_a_file_saved_on_windows(
    run: Run, acme: dict[str, str], account: Account, tmp_path: Path
) -> None:
    account.add_job(id=7)
    returned = {name: f"{value}\r" for name, value in acme.items()}
    returned |= {
        "SNAPSHOTTER_DATABASE_URL": "sqlite:///own.db\r",
        "SNAPSHOTTER_VARIABLES": "mask\r",
    }
    (tmp_path / "ids").write_bytes(b"\xef\xbb\xbf7\r\n")
    assert run("sync", "--ids-file", "ids\r", "\r", **returned).returncode == 0
    assert run("sync", "--database", " sqlite:///own.db\r", **acme).returncode == 0
    assert run("status\r", SNAPSHOTTER_DATABASE_URL="\r").returncode == 1
    assert sorted(path.name for path in tmp_path.glob("*.db*") if ".lock" not in path.name) == [
        "own.db"
    ]


def test_no_words_get_the_help(run: Run) -> None:
    done = run()
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Usage: snapshotter [OPTIONS] COMMAND")


def test_a_variable_with_a_key_in_it_is_not_quoted(run: Run, acme: dict[str, str]) -> None:
    done = run("sync", **{**acme, "SNAPSHOTTER_VARIABLES": "hunter2"})
    assert_one_line(done, 2, "'--variables': it is not one of mask, hash, keep, drop")
    assert "hunter2" not in done.stderr


def test_a_refused_key_names_where_it_came_from(
    run: Run, acme: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "key").write_text("other-key\n")
    (tmp_path / "key").chmod(0o600)
    assert_one_line(run("sync", "--api-key-file", "key", **acme), 77, "check --api-key-file 'key'")


def test_differences_of_the_schema_are_words(run: Run, tmp_path: Path) -> None:
    run("db", "upgrade")
    with closing(sqlite3.connect(tmp_path / "job_history.db")) as connection, connection:
        connection.execute("drop table calendar")
        connection.execute("create table mine (x integer)")
        connection.execute("alter table jobs add column odd text")
        connection.execute("drop index ix_job_changes_job_id")
    connection.close()
    done = run("db", "check")
    assert_one_line(done, 1, "the database differs from the models in 3 places")
    assert sorted(done.stdout.splitlines()) == [
        "column jobs.odd is not one of this program's",
        "index ix_job_changes_job_id of table job_changes is missing",
        "table calendar is missing",
    ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["trends", "runtime_by_dya"], "no trend 'runtime_by_dya'; did you mean 'runtime_by_day'?"),
        (["export", "jbos", "-o", "-"], "no table or trend 'jbos'; did you mean 'jobs'?"),
        (["export", "jobs", "-o", "-", "--status", "faild"], "did you mean 'failed'?"),
        (["sync", "--status", "faild"], "did you mean 'failed'?"),
        (["trends", "recovery", "--last", "7"], "'7' has no unit; did you mean 7d?"),
        (
            ["trends", "recovery", "--last", "1h"],
            "'1h' is not in days or weeks; expected something like 30d",
        ),
        (["report", "-o", "x.html", "--last", "7"], "'7' has no unit; did you mean 7d?"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_what_was_meant(run: Run, acme: dict[str, str], words: list[str], said: str) -> None:
    run("db", "upgrade")
    done = run(*words, **acme)
    assert_one_line(done, 1 if words[0] == "sync" else 2, said)


def test_an_error_of_the_database_names_it_without_its_password(
    run: Run, acme: dict[str, str]
) -> None:
    url = "postgresql://joe:hunter2@127.0.0.1:1/x?sslpassword=hunter3"
    done = run("status", "--database", url, **acme)
    assert_one_line(done, 1, "(database postgresql://joe:***@127.0.0.1:1/x)")
    assert "hunter" not in done.stderr


HOST = """
import sys
from snapshotter.cli import entry

def fail(*_, **__):
    raise {error}

entry.group = fail
entry.main()
"""


@pytest.mark.parametrize(
    ("error", "exit_code", "said"),
    [
        ("MemoryError()", 1, "not enough memory"),
        ("RecursionError('x')", 1, "nested too deeply"),
        ("OSError(28, 'No space left on device', 'a.db')", 1, "'a.db': No space left on device"),
        ("PermissionError(13, 'Permission denied', 'x')", 1, "'x': Permission denied"),
        ("BrokenPipeError(32, 'Broken pipe')", 1, "Broken pipe"),
        ("KeyboardInterrupt", 75, "interrupted; nothing is lost"),
        ("ModuleNotFoundError('x', name='fcntl')", 2, "needs Linux or macOS"),
        ("ModuleNotFoundError('x', name='_sqlite3')", 2, "built without sqlite3"),
        ("ImportError('no module', name='msgspec')", 2, "a package is missing or broken"),
        ("UnicodeEncodeError('utf-8', chr(0xdc80), 0, 1, 'surrogates')", 2, "not UTF-8"),
        ('RuntimeError("can\'t start new thread")', 1, "no more threads"),
        ("__import__('sqlite3').OperationalError('disk I/O error')", 1, "cannot be used: disk I/O"),
        ("ValueError('x')", 1, "a bug in snapshotter: ValueError: x"),
    ],
)
def test_what_the_host_lacks_is_no_bug(error: str, exit_code: int, said: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", HOST.format(error=error)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert_one_line(done, exit_code, said)


def test_verify_says_what_moved(run: Run, acme: dict[str, str], account: Account) -> None:
    account.add_job()
    assert run("sync", **acme).returncode == 0
    account.advance(3600)
    account.add_job()
    done = run("verify", **acme)
    assert (done.returncode, done.stderr) == (0, "")
    assert "differs" not in done.stdout
    assert "2           1  moved since the last sync" in done.stdout
    assert "1 jobs moved since the last sync; that is no difference" in done.stdout
