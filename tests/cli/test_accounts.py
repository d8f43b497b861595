"""`snapshotter accounts`: what is stored of each, removing one, giving one another name."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import pytest
from samples import job
from sqlalchemy import Engine, func, insert, select

from snapshotter.api import records
from snapshotter.errors import Stopped, UsageError
from snapshotter.models import Base
from snapshotter.redact import Redaction
from snapshotter.store import accounts
from snapshotter.store.accounts import NAMED, find, forget, rename, stored
from snapshotter.store.ledger import ACCOUNTS, SNAPSHOTS
from snapshotter.store.load import CHANGES, FIELDS, JOBS, OUTPUTS, Run, load
from snapshotter.store.lock import lock
from snapshotter.store.prepared import prepare
from snapshotter.store.rejects import REJECTS

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
TABLES = (ACCOUNTS, SNAPSHOTS, REJECTS, JOBS, OUTPUTS, FIELDS, CHANGES)
URL = "https://api.xplenty.com"

sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def add(engine: Engine, account_id: str, *job_ids: int, row: bool = True) -> None:
    """Add an account with a run, a record set aside, and jobs of two outputs."""
    run: dict[str, Any] = {"account_id": account_id, "kind": "full", "status": "completed"}
    jobs = ("jobs_seen", "jobs_inserted", "jobs_changed", "jobs_unchanged", "jobs_rejected")
    run |= dict.fromkeys(("requests", "pages", *jobs), 0)
    aside = {"snapshot_id": 1, "account_id": account_id, "reason": "x", "payload": "{}"}
    with engine.begin() as connection:
        if row:
            mark = {"account_id": account_id, "api_url": URL, "watermark": NOW}
            connection.execute(insert(ACCOUNTS).values(mark))
        connection.execute(insert(SNAPSHOTS).values(run | {"started_at": NOW}))
        connection.execute(insert(REJECTS).values(aside | {"rejected_at": NOW}))
        for job_id in job_ids:
            outputs = [{"id": 10 * job_id + n, "fields": ["a", "b"]} for n in (1, 2)]
            document: dict[str, Any] = job(id=job_id, outputs=outputs)
            record = records.read(json.dumps(document).encode())
            load(connection, Run(account_id, 1, NOW), [prepare(record, Redaction())])


def counts(engine: Engine) -> dict[str, int]:
    with engine.connect() as connection:
        found = [
            connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in TABLES
        ]
    return {table.name: n for table, n in zip(TABLES, found, strict=True)}


def test_what_is_stored(engine: Engine) -> None:
    add(engine, "beta", 1, 2)
    add(engine, "acme", row=False)
    acme, beta = stored(engine)
    assert acme == accounts.Stored("acme", 0, 1, 1, NOW, NOW)
    assert beta == accounts.Stored("beta", 2, 1, 1, NOW, NOW)
    with pytest.raises(UsageError, match="no account 'acne' in this database; did you mean 'acme'"):
        find(stored(engine), "acne")


def test_every_table_that_names_an_account_is_known() -> None:
    named = {table.name for table in Base.metadata.sorted_tables if "account_id" in table.c}
    assert {table.name for table in NAMED} == named


def test_forgetting_removes_all_of_one_and_nothing_of_others(engine: Engine) -> None:
    add(engine, "beta", 1, 2)
    before = counts(engine)
    add(engine, "acme", 3, 4)
    with pytest.raises(UsageError, match="account 'acme' has 2 jobs; --with-jobs"):
        forget(engine, "acme", with_jobs=False)
    assert counts(engine)["jobs"] == 4
    assert forget(engine, "acme", with_jobs=True).jobs == 2
    assert counts(engine) == before
    assert [each.account_id for each in stored(engine)] == ["beta"]


@sqlite
def test_a_mistyped_account_goes_without_more(engine: Engine) -> None:
    add(engine, "acem")
    assert forget(engine, "acem", with_jobs=False).runs == 1
    assert stored(engine) == []


def test_renaming_moves_every_row(engine: Engine) -> None:
    add(engine, "acme", 1, 2)
    add(engine, "acme-group")  # its failed tries
    assert rename(engine, "acme", "acme-group").jobs == 2
    (account,) = stored(engine)
    assert (account.account_id, account.jobs, account.runs) == ("acme-group", 2, 2)
    with engine.connect() as connection:
        (row,) = connection.execute(select(ACCOUNTS)).all()
    assert (row.account_id, row.watermark) == ("acme-group", NOW)


@sqlite
def test_two_histories_are_not_joined(engine: Engine) -> None:
    add(engine, "acme", 1)
    add(engine, "beta", 2)
    with pytest.raises(UsageError, match="'beta' has 1 jobs of its own"):
        rename(engine, "acme", "beta")
    with pytest.raises(UsageError, match="has this name"):
        rename(engine, "acme", "acme")
    assert [each.jobs for each in stored(engine)] == [1, 1]


@pytest.mark.parametrize("busy", ["acme", "beta"])
def test_nothing_changes_while_a_run_is_under_way(engine: Engine, busy: str) -> None:
    add(engine, "acme", 1)
    with lock(engine, busy) as hold:
        assert hold is not None
        with pytest.raises(Stopped, match=f"a run of account {busy} is under way"):
            rename(engine, "acme", "beta")
    assert [each.account_id for each in stored(engine)] == ["acme"]


def command(engine: Engine, *words: str) -> subprocess.CompletedProcess[str]:
    url = engine.url.render_as_string(hide_password=False)
    return subprocess.run(
        [sys.executable, "-m", "snapshotter", *words],
        env={**os.environ, "SNAPSHOTTER_DATABASE_URL": url},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


@sqlite
def test_the_commands(engine: Engine) -> None:
    assert command(engine, "accounts").stdout == (
        "no account yet; 'snapshotter sync' brings the first\n"
    )
    add(engine, "acme", 1, 2)
    assert command(engine, "accounts").stdout == (
        "account        jobs      runs  first run             last run\n"
        "acme              2         1  2026-01-31T12:00:00Z  2026-01-31T12:00:00Z\n"
    )
    done = command(engine, "accounts", "rename", "acme", "acme-group")
    assert done.stdout == "account acme is now acme-group: 2 jobs, 1 runs\n"
    done = command(engine, "accounts", "rename", "acme-group", "a/b")
    assert (done.returncode, "not a valid account id" in done.stderr) == (2, True)
    done = command(engine, "accounts", "forget", "acme-grup")
    assert (done.returncode, done.stderr) == (
        2,
        "snapshotter: no account 'acme-grup' in this database; did you mean 'acme-group'?\n",
    )
    # Before the subcommand it would name the database of the list alone.
    done = command(engine, "accounts", "--database", "sqlite:///x.db", "forget", "acme-group")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "snapshotter: give --database after 'forget'\n"
    done = command(engine, "accounts", "forget", "acme-group", "--with-jobs")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("snapshotter: this would remove 2 jobs with their outputs, 1 run")
    done = command(engine, "accounts", "forget", "acme-group", "--with-jobs", "--yes")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("removed: 2 jobs with their outputs, 1 runs and 1 records")
    assert stored(engine) == []


@sqlite
def test_the_status_of_one_account(engine: Engine) -> None:
    add(engine, "acme", 1)
    add(engine, "beta", 2)
    done = command(engine, "status", "--account", "beta")
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "account beta")
    assert "acme" not in done.stdout
    done = command(engine, "status", "--account", "acem")
    assert (done.returncode, done.stdout) == (2, "")
    assert "no account 'acem' in this database; did you mean 'acme'?" in done.stderr
    done = command(engine, "status", "--account", "acem", "--max-age", "2h", "--json")
    assert (done.returncode, json.loads(done.stdout)) == (1, {"accounts": []})
    assert "stale: acem has no complete run" in done.stderr
