"""`snapshotter trends` as a user runs it."""

import json

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
    assert done.stdout.splitlines()[-1].split()[-7:] == [
        "434",
        "=orders",
        "2",
        "40",
        "1",
        "20",
        "29",
    ]
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
        (["--account", "acne"], "no account 'acne' in this database; did you mean 'acme'?"),
    ],
)
def test_options_that_are_not_valid(
    run: Run, acme: dict[str, str], words: list[str], said: str
) -> None:
    run("sync", **acme)
    assert_one_line(run("trends", "recovery", *words), 2, said)
