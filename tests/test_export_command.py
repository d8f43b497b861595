"""`snapshotter export` as a user runs it: its files, its words and its exit code."""

import csv
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from samples import job
from test_export import put

from snapshotter.database import connect
from snapshotter.export import names

Run = Callable[..., subprocess.CompletedProcess[str]]

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def run(database_url: str, tmp_path: Path) -> Run:
    folder = tmp_path / "here"
    folder.mkdir()

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "snapshotter", *words, "--database", database_url],
            cwd=folder,
            env=os.environ,
            capture_output=True,
            text=True,
            check=False,
        )
        assert "Traceback" not in done.stderr
        return done

    return run


@pytest.mark.parametrize(
    "name", ["x.csv", "x.csv.gz", "x.json", "x.json.gz", "x.parquet", "x.xlsx"]
)
def test_an_empty_database_says_so(run: Run, name: str, tmp_path: Path) -> None:
    done = run("export", "jobs", "-o", name)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", f"0 rows of jobs in {name}\n")
    assert (tmp_path / "here" / name).stat().st_size > 0


def test_all_of_an_empty_database(run: Run, tmp_path: Path) -> None:
    done = run("export", "--all", "out", "--format", "json")
    files = len(names())
    said = f"14,610 rows of {files} files in out\n"
    assert (done.returncode, done.stdout, done.stderr) == (0, "", said)
    manifest = json.loads((tmp_path / "here" / "out" / "manifest.json").read_text())
    assert [entry["name"] for entry in manifest["files"]] == names()


def test_months(run: Run, tmp_path: Path) -> None:
    words = "--format", "parquet", "--partition-by", "month"
    done = run("export", "jobs", "-o", "out", *words)
    assert (done.returncode, done.stderr) == (0, "0 rows of jobs in out\n")
    assert run("export", "--all", "all", *words).returncode == 0
    part = "month=__HIVE_DEFAULT_PARTITION__/part-0.parquet"
    assert (tmp_path / "here" / "out" / part).exists()
    assert (tmp_path / "here" / "all" / "jobs" / part).exists()


def test_raw_says_so(run: Run, database_url: str) -> None:
    engine = connect(database_url)
    put(engine, job(errors="=1+1", runtime_in_seconds=None, package={"name": "-x"}))
    engine.dispose()

    def cell(column: str, *words: str) -> str:
        done = run(*words)
        assert done.returncode == 0, done.stderr
        said = "raw: formulas in text are left as they are; open it in no spreadsheet\n"
        assert done.stderr == (said if "--raw" in words else "")
        (row,) = csv.DictReader(done.stdout.splitlines())
        return row[column]

    assert cell("errors", "export", "jobs", "-o", "-") == "'=1+1"
    assert cell("errors", "export", "jobs", "-o", "-", "--raw") == "=1+1"
    assert cell("package_name", "trends", "slowest_packages") == "'-x"
    assert cell("package_name", "export", "slowest_packages", "-o", "-", "--raw") == "-x"


def test_a_library_that_is_missing_is_named(run: Run, tmp_path: Path) -> None:
    (tmp_path / "here" / "pyarrow.py").write_text("raise ImportError")
    done = run("export", "jobs", "-o", "x.parquet")
    assert done.returncode == 2
    assert done.stderr == (
        "snapshotter: parquet needs pyarrow, which is not installed; "
        "pip install 'xplenty-snapshotter[parquet]'\n"
    )


BAD_CALLS: list[tuple[list[str], int, str]] = [
    ([], 2, "name one table or trend to export, or --all DIR: one of the two"),
    (["jobs", "--all", "out"], 2, "name one table or trend to export, or --all DIR"),
    (["jobs"], 2, "no output given: add -o FILE (or -o - for standard output)"),
    (["jobs", "-o", ""], 2, "no output given: add -o FILE"),
    (["--all", ""], 2, "no output given"),
    (["--all", "out", "-o", "x"], 2, "--all DIR says where to: leave -o out"),
    (["jobz", "-o", "x"], 2, "no table or trend 'jobz'; did you mean 'jobs'?"),
    (["jobs", "-o", "x", "--format", "pdf"], 2, "'pdf' is not one of 'csv', 'parquet', 'xlsx'"),
    (["jobs", "-o", "x.parquet.gz"], 2, "leave .gz out of its name"),
    (["jobs", "-o", "-", "--format", "xlsx"], 2, "xlsx is nothing for standard output"),
    (["jobs", "-o", "x.json", "--raw"], 2, "--raw is for CSV"),
    (["jobs", "-o", "x", "--partition-by", "month"], 2, "add --format parquet"),
    (["jobs", "-o", "x", "--partition-by", "day"], 2, "'day' is not"),
    (
        ["calendar", "-o", "x", "--format", "parquet", "--partition-by", "month"],
        *(2, "calendar has no months of jobs; --partition-by is for jobs, "),
    ),
    (["accounts", "-o", "x", "--since", "2026-01-01"], 2, "cannot be narrowed by day"),
    (
        ["jobs", "-o", "x", "--since", "2026-01-02", "--until", "2026-01-01"],
        *(2, "--until 2026-01-01 is not after --since 2026-01-02"),
    ),
    (["--all", "x", "--since", "2026-01-02", "--until", "2026-01-02"], 2, "no day lies between"),
    (["--all", "full"], 2, "it holds what is no earlier export; name another folder, or empty it"),
    (["jobs", "-o", "full"], 2, "it is a folder"),
    (["--all", "no/out"], 2, "there is no folder"),
    (["jobs", "-o", "no/x.csv"], 2, "there is no folder"),
    (["jobs", "-o", "/dev/full"], 1, "cannot write '/dev/full': No space left on device"),
    (["--all", "/proc/self/out"], 1, "cannot write '/proc/self/out': "),
]


@pytest.mark.parametrize(("words", "exit_code", "said"), BAD_CALLS)
def test_a_call_that_cannot_be(
    run: Run, words: list[str], exit_code: int, said: str, tmp_path: Path
) -> None:
    folder = tmp_path / "here"
    (folder / "full").mkdir()
    (folder / "full" / "mine").write_text("x")
    done = run("export", *words)
    assert (done.returncode, done.stdout) == (exit_code, "")
    assert said in done.stderr
    assert done.stderr.startswith("snapshotter: ")
    assert done.stderr.count("\n") == 1
    assert [path.relative_to(folder).as_posix() for path in folder.rglob("*")] == [
        "full",
        "full/mine",
    ]


def test_a_reader_that_leaves(run: Run, database_url: str) -> None:
    del run
    shell = f"{sys.executable} -m snapshotter export calendar -o - --database {database_url}"
    for format_ in ("csv", "json"):
        done = subprocess.run(
            [str(shutil.which("sh")), "-c", f"{shell} --format {format_} | head -n 1"],
            capture_output=True,
            text=True,
            check=True,
        )
        assert (len(done.stdout.splitlines()), done.stderr) == (1, "")
