"""The runs of an account, as `doctor` reports them: the lock, the age of the data, the rejects."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from runs import COUNTS
from sqlalchemy import Engine, insert, update

from snapshotter.doctor import runs
from snapshotter.doctor.report import Report
from snapshotter.store.lock import lock
from snapshotter.store.tables import ACCOUNTS, REJECTS, SNAPSHOTS

NOW = datetime.now(UTC).replace(microsecond=0)
DAY = runs.Limits(NOW, timedelta(days=1))

sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def line(check: Callable[[Report], None]) -> str:
    report = Report("x")
    check(report)
    (found,) = report.checks
    return f"{found.status}: {found.found}; {found.advice}"


def add_run(engine: Engine, ago: timedelta, **columns: Any) -> None:
    """Add a complete run of acme, and the account with the first one."""
    started = NOW - ago
    row = {"account_id": "acme", "kind": "full", "status": "completed", "watermark": started}
    row |= {"started_at": started, **dict.fromkeys(COUNTS, 0), **columns}
    with engine.begin() as connection:
        if connection.execute(ACCOUNTS.select()).first() is None:
            connection.execute(insert(ACCOUNTS).values(account_id="acme", api_url="https://x"))
        connection.execute(insert(SNAPSHOTS).values(row))


def fresh(engine: Engine, *, is_configured: bool = True) -> str:
    known = runs.stored(engine, NOW).get("acme")
    return line(lambda report: runs.fresh(report, known, DAY, is_configured=is_configured))


def locked(engine: Engine) -> str:
    known = runs.stored(engine, NOW).get("acme")
    return line(lambda report: runs.lock(report, engine, "acme", known))


def rejected(engine: Engine) -> str:
    known = runs.stored(engine, NOW)["acme"]
    return line(lambda report: runs.rejects(report, engine, known, NOW))


def set_aside(engine: Engine, ago: timedelta) -> None:
    row = {"snapshot_id": 1, "account_id": "acme", "reason": "x", "payload": "{}"}
    with engine.begin() as connection:
        connection.execute(insert(REJECTS).values(row | {"rejected_at": NOW - ago}))


@sqlite
def test_no_run_yet(engine: Engine) -> None:
    assert fresh(engine) == "warning: nothing is stored of it yet; run 'snapshotter sync'"


@sqlite
def test_fresh_data(engine: Engine) -> None:
    add_run(engine, timedelta(hours=23))
    assert fresh(engine) == "ok: the last complete run began 23 h ago; "


@sqlite
def test_old_data(engine: Engine) -> None:
    add_run(engine, timedelta(hours=25))
    words = "the last complete run began 1 day 1 h ago, more than 1 day"
    assert fresh(engine).startswith(f"FAILED: {words}; 'snapshotter status' lists the last runs")
    add_run(engine, timedelta(hours=1), status="failed", error="it broke\nat length")
    assert fresh(engine).startswith(f"FAILED: {words}; the last run: it broke; ")


@sqlite
def test_runs_of_which_none_is_complete(engine: Engine) -> None:
    add_run(engine, timedelta(hours=1), status="partial", watermark=None)
    assert fresh(engine).startswith("FAILED: no run of the whole list has completed yet; ")


@sqlite
def test_an_account_that_is_not_configured_may_be_old(engine: Engine) -> None:
    add_run(engine, timedelta(hours=25))
    found = fresh(engine, is_configured=False)
    assert found.startswith("warning: the last complete run began 1 day 1 h ago, more than 1 day;")
    assert "accounts forget" in found


def test_who_holds_the_lock(engine: Engine) -> None:
    assert locked(engine).startswith("ok: not held")
    add_run(engine, timedelta(hours=1), status="running", watermark=None)
    assert locked(engine).startswith("warning: run 1, begun ")
    assert "did not finish" in locked(engine)
    with lock(engine, "acme"):
        assert locked(engine).startswith("ok: held by run 1, begun ")


@sqlite
def test_a_run_that_has_ended_meanwhile_was_not_killed(engine: Engine) -> None:
    add_run(engine, timedelta(hours=1), status="running", watermark=None)
    known = runs.stored(engine, NOW)["acme"]
    with engine.begin() as connection:
        connection.execute(update(SNAPSHOTS).values(status="completed"))
    assert line(lambda report: runs.lock(report, engine, "acme", known)).startswith("ok: not held")


@sqlite
def test_a_run_that_hangs(engine: Engine) -> None:
    add_run(engine, timedelta(days=2), status="running", watermark=None)
    with lock(engine, "acme"):
        assert locked(engine).startswith("warning: held by run 1, begun ")
        assert ", for 2 days" in locked(engine)


@sqlite
def test_a_lock_of_a_run_that_has_no_row_yet(engine: Engine) -> None:
    with lock(engine, "acme"):
        assert locked(engine).startswith("ok: held by a run")


@sqlite
def test_what_is_set_aside(engine: Engine) -> None:
    add_run(engine, timedelta(hours=1))
    assert rejected(engine) == "ok: no record is set aside; "
    set_aside(engine, timedelta(days=6))
    assert rejected(engine) == (
        "ok: 1 record set aside, the oldest for 6 days; later runs try again; "
    )
    set_aside(engine, timedelta(days=8))
    assert rejected(engine) == (
        "warning: 2 records set aside, the oldest for 8 days; 'snapshotter rejects' lists the "
        "reasons"
    )
