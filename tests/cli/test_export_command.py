"""`snapshotter export` as a user runs it: its files, its words and its exit code."""

import csv
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import command
import pytest
from exports import put
from samples import job

from snapshotter.export.selection import names
from snapshotter.store.engine import open_engine

Run = Callable[..., command.Done]

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def run(database_url: str, tmp_path: Path) -> Run:
    folder = tmp_path / "here"
    folder.mkdir()

    def run(*words: str) -> command.Done:
        done = command.run([*words, "--database", database_url], cwd=folder)
        assert "Traceback" not in done.stderr
        return done

    return run


@pytest.mark.parametrize(
    "name", ["x.csv", "x.csv.gz", "x.json", "x.json.gz", "x.parquet", "x.xlsx"]
)
def test_an_export_of_an_empty_database(run: Run, name: str, tmp_path: Path) -> None:
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


def test_raw_prints_a_warning(run: Run, database_url: str) -> None:
    engine = open_engine(database_url)
    put(engine, job(errors="=1+1", runtime_in_seconds=None, package={"name": "-x"}))
    engine.dispose()

    def cell(column: str, *words: str) -> str:
        done = run(*words)
        assert done.returncode == 0, done.stderr
        said = "raw: text that looks like a formula is unchanged; do not open it in a spreadsheet\n"
        assert done.stderr == (said if "--raw" in words else "")
        (row,) = csv.DictReader(done.stdout.splitlines())
        return row[column]

    assert cell("errors", "export", "jobs", "-o", "-") == "'=1+1"
    assert cell("errors", "export", "jobs", "-o", "-", "--raw") == "=1+1"
    assert cell("package_name", "trends", "slowest_packages") == "'-x"
    assert cell("package_name", "export", "slowest_packages", "-o", "-", "--raw") == "-x"


def test_a_library_that_is_missing_is_named(database_url: str, tmp_path: Path) -> None:
    (tmp_path / "pyarrow.py").write_text("raise ImportError")
    words = ["export", "jobs", "-o", "x.parquet", "--database", database_url]
    done = command.run_fresh(words, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr == (
        "snapshotter: parquet needs pyarrow, which is not installed; "
        "pip install 'xplenty-snapshotter[parquet]'\n"
    )


BAD_CALLS: list[tuple[list[str], int, str]] = [
    ([], 2, "name one table or trend to export, or give --all DIR: one of the two"),
    (["jobs", "--all", "out"], 2, "name one table or trend to export, or give --all DIR"),
    (["jobs"], 2, "no output given: add -o FILE (or -o - for standard output)"),
    (["jobs", "-o", ""], 2, "no output given: add -o FILE"),
    (["--all", ""], 2, "no output given"),
    (["--all", "out", "-o", "x"], 2, "--all DIR already names the target: leave -o out"),
    (["jobz", "-o", "x"], 2, "no table or trend 'jobz'; did you mean 'jobs'?"),
    (["jobs", "-o", "x", "--format", "pdf"], 2, "'pdf' is not one of 'csv', 'parquet', 'xlsx'"),
    (["jobs", "-o", "x.parquet.gz"], 2, "leave .gz out of its name"),
    (["jobs", "-o", "-", "--format", "xlsx"], 2, "xlsx cannot go to standard output"),
    (["jobs", "-o", "x.json", "--raw"], 2, "--raw is for CSV"),
    (["jobs", "-o", "x", "--partition-by", "month"], 2, "add --format parquet"),
    (["jobs", "-o", "x", "--partition-by", "day"], 2, "'day' is not"),
    (
        ["calendar", "-o", "x", "--format", "parquet", "--partition-by", "month"],
        *(2, "calendar cannot be split by month; --partition-by is for jobs, "),
    ),
    (["accounts", "-o", "x", "--since", "2026-01-01"], 2, "cannot be narrowed by day"),
    (
        ["jobs", "-o", "x", "--since", "2026-01-02", "--until", "2026-01-01"],
        *(2, "--until 2026-01-01 is not after --since 2026-01-02"),
    ),
    (["--all", "x", "--since", "2026-01-02", "--until", "2026-01-02"], 2, "the range is empty"),
    (["--all", "full"], 2, "it contains files that no earlier export wrote; name another"),
    (["jobs", "-o", "full"], 2, "it is a folder"),
    (["--all", "no/out"], 2, "there is no folder"),
    (["jobs", "-o", "no/x.csv"], 2, "there is no folder"),
    (["jobs", "-o", "/dev/full"], 1, "cannot write '/dev/full': No space left on device"),
    (["--all", "/proc/self/out"], 1, "cannot write '/proc/self/out': "),
]


@pytest.mark.slow
@pytest.mark.parametrize(("words", "exit_code", "said"), BAD_CALLS)
def test_a_bad_export_call_gets_one_line(
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


def test_the_database_is_not_overwritten(run: Run, tmp_path: Path) -> None:
    """By an export, a report or a folder; `test_targets` has all ways to name it."""
    (tmp_path / "here" / "link").symlink_to("../test.db")
    before = (tmp_path / "test.db").read_bytes()
    names = sorted(path.name for path in tmp_path.iterdir())
    for words in (
        ("export", "jobs", "-o", "link"),
        ("report", "-o", "../test.db"),
        ("export", "--all", "../test.db-wal"),
        ("export", "jobs", "-o", f"{tmp_path}/test.db-journal", "--format", "parquet",
         "--partition-by", "month"),
    ):  # fmt: skip
        done = run(*words)
        assert done.returncode == 2, done.stderr
        assert "it is the database, or one of its own files" in done.stderr
        assert done.stderr.count("\n") == 1
    assert (tmp_path / "test.db").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == names


@pytest.mark.slow
def test_the_database_is_not_appended_to(database_url: str, tmp_path: Path) -> None:
    before = (tmp_path / "test.db").read_bytes()
    line = f"{sys.executable} -m snapshotter $0 --database {database_url} >>{tmp_path}/test.db"
    for words in ("export jobs -o -", "report -o /dev/stdout"):
        done = subprocess.run(
            ["sh", "-c", line.replace("$0", words)], capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
        assert "it is the database" in done.stderr
    assert (tmp_path / "test.db").read_bytes() == before


@pytest.mark.slow
def test_what_is_written_is_for_its_owner_only(run: Run, tmp_path: Path) -> None:
    here = tmp_path / "here"
    (here / "shared").mkdir()
    (here / "shared").chmod(0o775)
    for words in (("export", "jobs", "-o", "x.csv"), ("report", "-o", "x.html")):
        assert run(*words).returncode == 0
    for folder in ("out", "shared"):
        assert run("export", "--all", folder).returncode == 0
    modes = {str(path.relative_to(here)): path.stat().st_mode & 0o777 for path in here.rglob("*")}
    assert (modes.pop("out"), modes.pop("shared")) == (0o700, 0o775)
    assert set(modes.values()) == {0o600}
    (here / "x.csv").chmod(0o644)
    assert run("export", "jobs", "-o", "x.csv").returncode == 0
    assert (here / "x.csv").stat().st_mode & 0o777 == 0o644


def test_a_name_of_several_lines_is_printed_on_one(run: Run, tmp_path: Path) -> None:
    name = "a\nb\x1b[31m"
    for words, said in (
        (("export", "jobs", "-o", name), "0 rows of jobs in a b\\x1b[31m\n"),
        (("report", "-o", name), "the report is in a b\\x1b[31m\n"),
    ):
        done = run(*words)
        assert (done.returncode, done.stderr) == (0, said)
        (tmp_path / "here" / name).unlink()
    done = run("export", "jobs", "-o", f"{name}/x")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "\x1b" not in done.stderr


@pytest.mark.slow
def test_devices_and_pipes(database_url: str, tmp_path: Path) -> None:
    command = f"{sys.executable} -m snapshotter export calendar --database {database_url} -o"

    def shell(line: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-c", line], cwd=tmp_path, capture_output=True, text=True, check=False
        )

    for line in (
        f"{command} /dev/stdout",
        f"{command} /dev/fd/7 7>&1 | cat",
        f"mkfifo pipe && {{ {command} pipe & cat pipe; }}",
    ):
        done = shell(line)
        assert (done.returncode, done.stdout[:9]) == (0, "day,epoch"), line
    done = shell(f"(echo before; {command} /dev/stdout; echo after) >x; cat x")
    assert (done.stdout.splitlines()[0], done.stdout.splitlines()[-1]) == ("before", "after")
    report = command.replace("export calendar", "report")
    for line, code, said in (
        (f"{command} /dev/stdout >/dev/full", 1, "'/dev/stdout': No space left on device"),
        (f"{command} - >/dev/full", 1, "standard output: No space left on device"),
        (f"{report} /dev/full", 1, "'/dev/full': No space left on device"),
        (f"{report} - >/dev/full", 1, "standard output: No space left on device"),
        (f"{command} /dev/fd/99", 1, "'/dev/fd/99': Bad file descriptor"),
        (f"{report} .", 2, "cannot write '.': it is a folder"),
        (f"{report} ''", 2, "no output given: add -o FILE (or -o - for standard output)"),
    ):
        done = shell(line)
        assert done.returncode == code, line
        assert done.stderr.startswith("snapshotter: ")
        assert said in done.stderr
        assert done.stderr.count("\n") == 1, done.stderr
    done = shell(f"{report} - | true; exit ${{PIPESTATUS[0]}}")
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.slow
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
