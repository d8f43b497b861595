"""`snapshotter trends` as a user runs it."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import on_a_terminal
import pytest
from command_line import Run, assert_one_line

from snapshotter.simulator.account import SimulatedAccount


@pytest.mark.slow
def test_a_trend_in_each_format(run: Run, acme: dict[str, str], account: SimulatedAccount) -> None:
    for job_id, seconds in ((1, 10), (2, 30)):
        account.add_job(
            id=job_id,
            created_at="2026-01-05T00:00:00Z",
            runtime_in_seconds=seconds,
            package={"id": 434, "name": "=orders"},
        )
    run("sync", **acme)
    csv = "account_id,package_id,package_name,runs,total_seconds,share,p50_seconds,p95_seconds\n"
    done = run("trends", "slowest_packages", "--package", "=orders", "--last", "9w")
    assert (done.stdout, done.stderr) == (f"{csv}acme,434,'=orders,2,40,1.0,20.0,29.0\n", "")
    done = run("trends", "slowest_packages", "--format", "json", "--package-id", "434")
    (row,) = json.loads(done.stdout)
    assert (row["package_name"], row["total_seconds"], row["share"]) == ("=orders", 40, 1.0)
    done = run("trends", "slowest_packages", "--format", "markdown")
    assert done.stdout.endswith("\n| acme | 434 | =orders | 2 | 40 | 1.0 | 20.0 | 29.0 |\n")
    done = run("trends", "slowest_packages", "--format", "table")
    assert " ".join(done.stdout.splitlines()[-1].split()) == "=orders 40 s 1 20 s 29 s 2 434"
    done = run("trends", "runtime_by_day", "--limit", "1", "--format", "json")
    assert len(json.loads(done.stdout)) == 1
    done = run("trends", "slowest_packages", "--until", "2026-01-01")
    assert (done.returncode, done.stdout) == (0, csv)
    assert done.stderr.startswith("no rows")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--last", "7d", "--since", "2026-01-01"], "--last and --since both set the first day"),
        (["--package", "x", "--package-id", "1"], "both name a package"),
        (["--package", "x"], "--package 'x': no job of such a package"),
        (["--until", "2026-01-01", "--since", "2026-01-01"], "the range is empty"),
        (["--since", "2026-02-30"], "is not a day"),
        (["--last", "soon"], "is not a length of time"),
        (["--sql-dir", "none"], "is not a folder"),
        (["--account", "acne"], "no account 'acne' in this database; did you mean 'acme'?"),
    ],
)
def test_options_that_are_not_valid(
    run: Run, acme: dict[str, str], words: list[str], expected: str
) -> None:
    run("sync", **acme)
    assert_one_line(run("trends", "recovery", *words), 2, expected)


def test_a_trend_in_a_file_is_what_export_writes(
    run: Run, acme: dict[str, str], account: SimulatedAccount, tmp_path: Path
) -> None:
    for job_id in (1, 2):
        account.add_job(id=job_id, package_id=job_id, package={"id": job_id, "name": f"p{job_id}"})
    run("sync", **acme)
    for name in ("x.csv", "x.json", "x.parquet"):
        words = ("slowest_packages", "--last", "9w", "-o")
        done = run("trends", *words, f"trends-{name}")
        assert (done.returncode, done.stdout) == (0, "")
        assert done.stderr == f"2 rows of slowest_packages in trends-{name}\n"
        assert run("export", *words, name).returncode == 0
        assert (tmp_path / f"trends-{name}").read_bytes() == (tmp_path / name).read_bytes()
    (tmp_path / "mine.sql").write_text("select id, package_name from jobs order by id")
    own = ("trends", "mine", "--sql-dir", ".", "--limit", "1", "-o")
    assert run(*own, "mine.csv").stderr == "1 row of mine in mine.csv\n"
    assert (tmp_path / "mine.csv").read_text() == "id,package_name\n1,p1\n"
    german = run("trends", "slowest_packages", "--excel", "--locale", "de_DE")
    assert german.stdout.startswith("\ufeffaccount_id;package_id;")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-o", "x.xyz"], "unknown ending of 'x.xyz'"),
        (["-o", "x", "--format", "markdown"], "--format markdown is for standard output"),
        (["--format", "table", "--excel"], "--raw, --excel and --locale are for CSV"),
        (["--format", "parquet"], "parquet cannot go to standard output; name a file"),
        (["--excel", "--locale", "tlh"], "--locale 'tlh' is not a known locale"),
    ],
)
def test_what_cannot_be_written_is_refused_before_a_database_is_opened(
    run: Run, words: list[str], said: str
) -> None:
    assert_one_line(run("trends", "recovery", *words), 2, said)


def test_an_unknown_status_is_named_without_a_database(run: Run) -> None:
    done = run("export", "jobs", "-o", "x.csv", "--status", "faild")
    assert_one_line(done, 2, "--status 'faild' is not a documented status; did you mean 'failed'?")


def test_the_statement_of_a_trend_runs_as_it_is(run: Run, tmp_path: Path) -> None:
    assert run("demo").returncode == 0
    demo = ("--database", "sqlite:///demo.db")
    asked = ("runtime_by_week", "--package", "orders_to_warehouse", "--until", "2025-12-01")
    statement = run("trends", *asked, "--sql", *demo).stdout
    assert statement.startswith("-- How long did each package take, week by week?\n")
    with closing(sqlite3.connect(tmp_path / "demo.db")) as connection:
        rows = connection.execute(statement).fetchall()
    shown = run("trends", *asked, "--format", "json", *demo)
    assert [row[3] for row in rows] == [row["week"] for row in json.loads(shown.stdout)]


def test_the_statement_needs_no_database_without_names(run: Run) -> None:
    done = run("trends", "failure_reasons", "--sql", "--package-id", "434", "--since", "2026-01-01")
    assert (done.returncode, done.stderr) == (0, "")
    assert "package_id = 434" in done.stdout
    assert "run_date >= '2026-01-01'" in done.stdout
    assert "$since" in run("trends", "failure_reasons", "--sql", "--dialect", "duckdb").stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--dialect", "duckdb"], "add --sql"),
        (["--sql", "--limit", "3"], "leave --limit, --format and -o out"),
        (["--sql", "-o", "x.csv"], "leave --limit, --format and -o out"),
    ],
)
def test_options_that_a_statement_cannot_have(run: Run, words: list[str], said: str) -> None:
    assert_one_line(run("trends", "failure_reasons", *words), 2, said)


@pytest.mark.slow
def test_a_terminal_shows_the_first_rows_and_a_pipe_gets_all(
    run: Run, acme: dict[str, str], account: SimulatedAccount, tmp_path: Path
) -> None:
    for number in range(1, 104):
        package = {"id": number, "name": f"p{number}"}
        account.add_job(id=number, package_id=number, package=package, outputs=[])
    run("sync", **acme)

    def on_terminal(*words: str) -> list[str]:
        _, printed = on_a_terminal.run(["trends", "freshness", *words], cwd=tmp_path)
        return printed.decode().splitlines()

    shown = on_terminal()
    assert sum(" p" in f" {line}" for line in shown[2:]) == 100
    assert shown[-1].strip() == "… 3 more rows; --limit 0 shows all"
    assert len(on_terminal("--limit", "0")) == len(shown) + 2
    assert len(on_terminal("--limit", "5")) == len(shown) - 96
    for shape, heads in (("table", 2), ("markdown", 2), ("csv", 1)):
        done = run("trends", "freshness", "--format", shape)
        assert len(done.stdout.splitlines()) == 103 + heads, shape
    assert len(json.loads(run("trends", "freshness", "--format", "json").stdout)) == 103
