"""Each library does its part, in any version that pyproject.toml allows.

Every command runs once, in a process of its own, on each database and in each format. `.ci/run`
runs these tests with the lowest versions and with the newest Python: `pytest -m libraries`.
"""

import csv
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import openpyxl
import pyarrow.parquet
import pytest

from snapshotter.simulator.account import SimulatedAccount
from snapshotter.simulator.server import serve

pytestmark = [pytest.mark.libraries, pytest.mark.slow]


def run(url: str, *arguments: str, folder: Path, api: str = "http://127.0.0.1:1") -> str:
    """Return what the command prints. A warning of a library is an error."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-m", "snapshotter", *arguments],
        cwd=folder,
        env=os.environ
        | {
            "XPLENTY_ACCOUNT_ID": "acme",
            "XPLENTY_API_KEY": "demo-key",
            "XPLENTY_API_URL": api,
            "SNAPSHOTTER_DATABASE_URL": url,
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_command_on_each_database(empty_database_url: str, tmp_path: Path) -> None:
    url, account = empty_database_url, SimulatedAccount(now=datetime.now(UTC))
    account.populate(days=20)
    with serve(account) as api:
        first = run(url, "sync", folder=tmp_path, api=api)
        assert first.startswith(f"{len(account.jobs)} jobs seen, {len(account.jobs)} new, ")
        assert "nothing failed" in run(url, "doctor", folder=tmp_path, api=api)
        account.advance(6 * 3600)
        run(url, "sync", folder=tmp_path, api=api)
        run(url, "verify", folder=tmp_path, api=api)
    assert "as expected" in run(url, "db", "check", folder=tmp_path)
    run(url, "db", "upgrade", folder=tmp_path)
    run(url, "db", "current", folder=tmp_path)
    status = json.loads(run(url, "status", "--json", folder=tmp_path))
    assert status["accounts"][0]["account_id"] == "acme"
    run(url, "status", "--prometheus", "history.prom", folder=tmp_path)
    assert 'snapshotter_jobs{account="acme"}' in (tmp_path / "history.prom").read_text()
    run(url, "rejects", folder=tmp_path)
    code = (
        "import sys; from snapshotter import History; history = History(sys.argv[1])\n"
        "print(*history.trend('runtime_by_week').dtypes, len(history.accounts()))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, url],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[:4] == ["string", "Int64", "string", "datetime64[s]"]
    assert "acme" in run(url, "accounts", folder=tmp_path)
    printed = run(url, "trends", "slowest_packages", "--format", "table", folder=tmp_path)
    assert "clickstream_sessions" in printed
    run(url, "export", "--all", "history", folder=tmp_path)
    with (tmp_path / "history" / "jobs.csv").open(newline="") as file:
        assert {int(row["id"]) for row in csv.DictReader(file)} == {*account.jobs}
    assert '"problems": []' in run(url, "config", "show", "--json", folder=tmp_path)
    run(url, "report", "-o", "report.html", folder=tmp_path)
    assert (tmp_path / "report.html").read_text().rstrip().endswith("</html>")
    assert "ExecStart=" in run(url, "recipe", "systemd", folder=tmp_path)
    assert "complete -o nosort" in run(url, "completion", "bash", folder=tmp_path)


@pytest.mark.parametrize("empty_database_url", ["sqlite"], indirect=True)
def test_a_configuration_file(empty_database_url: str, tmp_path: Path) -> None:
    """Found by platformdirs, written by init; values by click's sources; a key by keyring."""
    account = SimulatedAccount()
    with serve(account) as api:
        run(empty_database_url, "init", "--account", "acme", folder=tmp_path, api=api)
    file = tmp_path / "snapshotter.toml"
    for added, expected in (
        ("[verify]\nsample = 'x'\n", "verify.sample: it is not a valid integer"),
        ("[accounts.other]\napi_key_keyring = 'x'\n", "NoKeyringError"),
    ):
        changed = tmp_path / "changed.toml"
        changed.write_text(file.read_text() + added)
        done = subprocess.run(
            [sys.executable, "-W", "error", "-m", "snapshotter", "config", "show"],
            cwd=tmp_path,
            env=os.environ
            | {
                "SNAPSHOTTER_CONFIG": "changed.toml",
                "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, expected in done.stdout) == (2, True), done.stdout + done.stderr


@pytest.mark.parametrize("empty_database_url", ["sqlite"], indirect=True)
def test_every_format(empty_database_url: str, tmp_path: Path) -> None:
    url, account = empty_database_url, SimulatedAccount()
    account.populate(days=20)
    with serve(account) as api:
        run(url, "sync", folder=tmp_path, api=api)
    for format_ in ("json", "parquet", "xlsx"):
        run(url, "export", "jobs", "-o", f"jobs.{format_}", folder=tmp_path)
        run(url, "export", "--all", f"all-{format_}", "--format", format_, folder=tmp_path)
    ids = {*account.jobs}
    assert {job["id"] for job in json.loads((tmp_path / "jobs.json").read_text())} == ids
    table = pyarrow.parquet.read_table(tmp_path / "jobs.parquet")
    assert {*table["id"].to_pylist()} == ids
    counted = duckdb.execute(
        "select count(*) from read_parquet(?)", [str(tmp_path / "jobs.parquet")]
    )
    assert counted.fetchall() == [(len(ids),)]
    sheet = openpyxl.load_workbook(tmp_path / "jobs.xlsx").active
    assert sheet.max_row == len(ids) + 1
