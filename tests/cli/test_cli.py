"""The command line as a user runs it: its words, its lines and its exit codes."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import Run, assert_one_line
from lines import unmarked

from snapshotter.simulator.account import SimulatedAccount


def test_the_key_is_neither_printed_nor_stored(
    run: Run, acme: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "key").write_text("s3cr3t-demo\n")
    done = run("-vv", "sync", "--api-key-file", "key", **{**acme, "XPLENTY_API_KEY": ""})
    assert done.returncode == 77
    assert "s3cr3t-demo" not in done.stdout + done.stderr
    for path in tmp_path.glob("job_history.db*"):
        assert b"s3cr3t-demo" not in path.read_bytes()


def test_logs_as_json(run: Run, acme: dict[str, str], account: SimulatedAccount) -> None:
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
    (["sync", "seven"], {}, 2, "'seven' is not a valid integer."),
    (["sync", "--timeout", "long"], {}, 2, "'long' is not a valid number."),
    (["sync", "0"], {}, 2, "0 is not in the range"),
    (["sync", str(2**63)], {}, 2, "is not in the range"),
    (["sync", "--ids-file", "nothing"], {}, 2, "No such file"),
    (["sync", "--since", "yesterday"], {}, 2, "'yesterday' is not a time; expected something like"),
    (["sync", "7", "--full"], {}, 2, "leave --full and the filters out"),
    (["sync", "--full", "--status", "failed"], {}, 2, "--full reads the whole list"),
    (["sync", "--status", "nonsense"], {}, 2, "answered 422"),
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


@pytest.mark.slow
def test_a_reader_that_leaves_early(run: Run, tmp_path: Path) -> None:
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
def test_standard_output_that_is_full(run: Run, acme: dict[str, str], tmp_path: Path) -> None:
    """A command without its output has failed; a run whose work is done has not."""
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


def test_a_refused_key_names_where_it_came_from(
    run: Run, acme: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "key").write_text("other-key\n")
    (tmp_path / "key").chmod(0o600)
    assert_one_line(run("sync", "--api-key-file", "key", **acme), 77, "check --api-key-file 'key'")


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
def test_a_typing_error_gets_a_suggestion(
    run: Run, acme: dict[str, str], words: list[str], said: str
) -> None:
    run("db", "upgrade")
    done = run(*words, **acme)
    assert_one_line(done, 2, said)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["trends", "runtime_by_dya"], "no trend 'runtime_by_dya'; did you mean 'runtime_by_day'?"),
        (["export", "jbos", "-o", "-"], "no table or trend 'jbos'; did you mean 'jobs'?"),
        (
            ["export", "accounts", "-o", "-", "--since", "2026-01-01"],
            "accounts cannot be narrowed by day; leave --last, --since and --until out",
        ),
        (
            ["export", "calendar", "-o", "x.parquet", "--partition-by", "month"],
            "calendar cannot be split by month",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_a_typing_error_is_not_blamed_on_a_missing_database(
    run: Run, words: list[str], said: str
) -> None:
    assert_one_line(run(*words), 2, said)
