"""`snapshotter demo` as a user runs it."""

import shlex
import sqlite3
from contextlib import closing
from pathlib import Path

from command_line import Run, assert_one_line


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


def test_the_last_line_of_the_demo_can_be_copied(run: Run) -> None:
    done = run("demo", "--database", "my demo.db")
    last = shlex.split(done.stdout.splitlines()[-1])
    assert last[:3] == ["more:", "snapshotter", "trends"]
    assert run(*last[2:]).stdout.startswith("account_id,package_id,package_name,day,")


def test_the_demo_data_has_what_it_prints(run: Run, tmp_path: Path) -> None:
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
