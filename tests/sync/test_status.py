"""`snapshotter status`: how fresh the data is, what the last runs did, what waits."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from command import Done, run
from runs import insert_run
from samples import job
from sqlalchemy import Engine, func, insert, select, update

from snapshotter.api import records
from snapshotter.cli.parameters import Duration
from snapshotter.redact import Redaction
from snapshotter.statuses import STATUSES
from snapshotter.store.load import load
from snapshotter.store.prepared import prepare
from snapshotter.store.tables import (
    ACCOUNTS,
    ANSWERED,
    COMPLETE,
    JOBS,
    OPEN,
    REJECTS,
    SNAPSHOTS,
    live,
)
from snapshotter.store.write import Stamp
from snapshotter.sync.status import freshness

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)

sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def ago(**units: float) -> datetime:
    return NOW - timedelta(**units)


def add_account(engine: Engine, account_id: str = "acme", **columns: Any) -> None:
    url = "https://api.xplenty.com"
    with engine.begin() as connection:
        connection.execute(insert(ACCOUNTS).values(account_id=account_id, api_url=url, **columns))


def add_run(engine: Engine, started_at: datetime, **columns: Any) -> None:
    """Add a plain run that completed within 20 seconds and found nothing new, but for `columns`."""
    row = {
        "account_id": "acme",
        "kind": "incremental",
        "status": "completed",
        "started_at": started_at,
        "finished_at": started_at + timedelta(seconds=20),
        "since": started_at - timedelta(minutes=65),
        "watermark": started_at,
        "requests": 3,
        "pages": 1,
        "jobs_seen": 2,
        "jobs_inserted": 0,
        "jobs_changed": 0,
        "jobs_unchanged": 2,
        "jobs_rejected": 0,
        "credits_remaining": 4000,
        "credits_spent": 2,
        "error": None,
        **columns,
    }
    with engine.begin() as connection:
        connection.execute(insert(SNAPSHOTS).values(row))


def add_job(
    engine: Engine, job_id: int, account_id: str = "acme", *, gone: bool = False, **fields: Any
) -> None:
    document = job(id=job_id, outputs=[], **fields)
    record = records.read(json.dumps(document).encode())
    run = Stamp(account_id, 1, NOW)
    with engine.begin() as connection:
        insert_run(connection, run)
        load(connection, run, [prepare(record, Redaction())])
        if gone:
            connection.execute(update(JOBS).where(JOBS.c.id == job_id).values(gone_at=NOW))


def set_aside(engine: Engine, account_id: str = "acme", job_id: int | None = None) -> None:
    with engine.begin() as connection:
        connection.execute(
            insert(REJECTS).values(
                snapshot_id=1,
                account_id=account_id,
                job_id=job_id,
                reason="a reason",
                payload="null",
                rejected_at=NOW,
            )
        )


def printed(engine: Engine) -> str:
    return "\n".join(line for each in freshness(engine, NOW) for line in each.lines(NOW))


def document(engine: Engine) -> Any:
    """Return what `--json` prints, parsed."""
    return json.loads(json.dumps([each.document(NOW) for each in freshness(engine, NOW)]))


def an_account_at_work(engine: Engine) -> None:
    """Add six runs (one failed, one had to stop, one is in progress), and things that wait."""
    add_account(
        engine,
        watermark=ago(hours=3),
        listing_since=ago(hours=4, minutes=5),
        listing_offset=1298,
        listing_edge=ago(hours=4),
    )
    add_run(engine, ago(days=2), kind="full", since=None)
    add_run(engine, ago(hours=4), jobs_seen=1234, jobs_inserted=1200, jobs_changed=30)
    add_run(
        engine,
        ago(hours=3),
        jobs_seen=5,
        jobs_inserted=1,
        jobs_rejected=2,
        requests=1002,
        credits_spent=1001,
    )
    add_run(
        engine, ago(hours=2), kind="jobs", jobs_seen=1, since=None, watermark=None, credits_spent=1
    )
    add_run(
        engine,
        ago(hours=1),
        status="partial",
        watermark=None,
        credits_spent=None,
        credits_remaining=None,
        error="500 credits left of this hour's",
    )
    add_run(
        engine,
        ago(minutes=1),
        status="running",
        finished_at=None,
        since=None,
        watermark=None,
        jobs_seen=0,
        requests=0,
        credits_spent=0,
        credits_remaining=None,
    )
    add_job(engine, 7)
    add_job(engine, 8)
    add_job(engine, 9, status="running", completed_at=None)
    add_job(engine, 10, status=None, completed_at=None)
    add_job(engine, 11, status="failed", completed_at=None, failed_at=None, updated_at=None)
    add_job(engine, 12, status="running", completed_at=None, gone=True)
    for job_id in (13, 14, None):
        set_aside(engine, job_id=job_id)


WHOLE_TEXT = """\
account acme
  fresh: as of 2026-01-31T09:00:00Z, 3 h ago
  stored: 5 jobs
  waiting: 2 open jobs, 3 records set aside, a listing in progress, at offset 1,298
  last runs:
    6  2026-01-31T11:59:00Z  incremental  running: 0 seen, 0 new, 0 changed, 0 set aside, 0 credits
    5  2026-01-31T11:00:00Z  incremental  partial: 2 seen, 0 new, 0 changed, 0 set aside, ? credits
      500 credits left of this hour's
    4  2026-01-31T10:00:00Z  jobs  completed: 1 seen, 0 new, 0 changed, 0 set aside, 1 credit
    3  2026-01-31T09:00:00Z  incremental  completed: 5 seen, 1 new, 0 changed, 2 set aside, \
1,001 credits
    2  2026-01-31T08:00:00Z  incremental  completed: 1,234 seen, 1,200 new, 30 changed, \
0 set aside, 2 credits"""


def test_the_whole_text(engine: Engine) -> None:
    an_account_at_work(engine)
    assert printed(engine) == WHOLE_TEXT


def test_the_whole_json(engine: Engine) -> None:
    an_account_at_work(engine)
    (account,) = document(engine)
    runs = account.pop("runs")
    assert account == {
        "account_id": "acme",
        "fresh_at": "2026-01-31T09:00:00Z",
        "age_seconds": 10_800,
        "ahead_of_clock": None,
        "watermark": "2026-01-31T09:00:00Z",
        "jobs": 5,
        "open_jobs": 2,
        "pruned_jobs": 0,
        "rejected_records": 3,
        "listing_under_way": {"offset": 1298, "since": "2026-01-31T07:55:00Z"},
    }
    assert [run["id"] for run in runs] == [6, 5, 4, 3, 2]
    assert runs[0] == {
        "id": 6,
        "kind": "incremental",
        "status": "running",
        "started_at": "2026-01-31T11:59:00Z",
        "finished_at": None,
        "jobs_seen": 0,
        "jobs_inserted": 0,
        "jobs_changed": 0,
        "jobs_rejected": 0,
        "requests": 0,
        "credits_spent": 0,
        "credits_remaining": None,
        "error": None,
    }
    assert runs[3] == {
        "id": 3,
        "kind": "incremental",
        "status": "completed",
        "started_at": "2026-01-31T09:00:00Z",
        "finished_at": "2026-01-31T09:00:20Z",
        "jobs_seen": 5,
        "jobs_inserted": 1,
        "jobs_changed": 0,
        "jobs_rejected": 2,
        "requests": 1002,
        "credits_spent": 1001,
        "credits_remaining": 4000,
        "error": None,
    }


@sqlite
def test_two_accounts(engine: Engine) -> None:
    add_account(engine, "beta", watermark=ago(minutes=10))
    add_account(engine, "acme")
    add_run(engine, ago(minutes=10), account_id="beta")
    add_run(engine, ago(minutes=5), status="failed", watermark=None, error="the key is refused")
    add_job(engine, 7, "beta")
    set_aside(engine, "acme", 8)
    assert (
        printed(engine)
        == """\
account acme
  fresh: never, no run has completed
  stored: 0 jobs
  waiting: 1 record set aside
  last runs:
    2  2026-01-31T11:55:00Z  incremental  failed: 2 seen, 0 new, 0 changed, 0 set aside, 2 credits
      the key is refused
account beta
  fresh: as of 2026-01-31T11:50:00Z, 10 min ago
  stored: 1 job
  waiting: nothing
  last runs:
    1  2026-01-31T11:50:00Z  incremental  completed: 2 seen, 0 new, 0 changed, 0 set aside, \
2 credits"""
    )
    acme, beta = document(engine)
    assert (acme["fresh_at"], acme["age_seconds"], acme["listing_under_way"]) == (None, None, None)
    assert (beta["fresh_at"], beta["age_seconds"]) == ("2026-01-31T11:50:00Z", 600)
    stale = [each.is_stale(NOW, timedelta(days=365)) for each in freshness(engine, NOW)]
    assert stale == [True, False]


@sqlite
def test_a_whole_listing_under_way(engine: Engine) -> None:
    add_account(engine, listing_offset=0)
    assert "waiting: a listing in progress, at offset 0" in printed(engine)
    assert document(engine)[0]["listing_under_way"] == {"offset": 0, "since": None}


@sqlite
def test_the_age_is_that_of_the_last_run_that_brought_all(engine: Engine) -> None:
    """Runs of some jobs, and those that did not end well, do not make the data fresher."""
    add_account(engine)
    add_run(engine, ago(hours=5))
    add_run(engine, ago(hours=4), kind="jobs", watermark=None)
    add_run(engine, ago(hours=3), status="partial")
    add_run(engine, ago(hours=2), status="failed", watermark=None)
    add_run(engine, ago(hours=1), status="running", watermark=None)
    (account,) = freshness(engine, NOW)
    assert account.age(NOW) == timedelta(hours=5)
    assert not account.is_stale(NOW, timedelta(hours=5))
    assert account.is_stale(NOW, timedelta(hours=5, seconds=-1))


@sqlite
def test_clocks_that_are_a_little_apart(engine: Engine) -> None:
    add_account(engine)
    add_run(engine, ago(minutes=-4))
    (account,) = freshness(engine, NOW)
    assert (account.age(NOW), account.ahead) == (timedelta(0), None)


@sqlite
def test_a_clock_that_ran_ahead_once_blinds_nobody(engine: Engine) -> None:
    add_account(engine)
    add_run(engine, ago(hours=5))
    add_run(engine, ago(days=-7300))
    (account,) = freshness(engine, NOW)
    assert account.age(NOW) == timedelta(hours=5)
    assert account.is_stale(NOW, timedelta(hours=4))
    assert account.document(NOW)["ahead_of_clock"] == "2046-01-26T12:00:00Z"
    assert (
        "  not counted: a run that began at 2046-01-26T12:00:00Z, which is in the future by this "
        "host's clock" in account.lines(NOW)
    )


@sqlite
def test_jobs_without_a_run_of_the_whole_list(engine: Engine) -> None:
    add_account(engine)
    add_run(engine, ago(hours=1), kind="jobs", watermark=None)
    add_job(engine, 7)
    assert "never" not in printed(engine)
    assert "fresh: no run of the whole list has completed yet" in printed(engine)
    assert document(engine)[0]["fresh_at"] is None


@pytest.mark.parametrize(
    ("statuses", "failed"),
    [
        ((), 0),
        (("failed", "failed"), 2),
        (("completed", "failed", "failed", "running"), 2),
        (("failed", "completed"), 0),
        (("failed", "partial", "failed"), 1),
    ],
)
@sqlite
def test_runs_that_failed_in_a_row(engine: Engine, statuses: tuple[str, ...], failed: int) -> None:
    add_account(engine)
    for hours, status in enumerate(statuses):
        add_run(engine, ago(hours=10 - hours), status=status)
    (found,) = freshness(engine, NOW)
    assert found.failed_in_a_row == failed


@sqlite
def test_an_error_of_a_run_is_one_line(engine: Engine) -> None:
    add_account(engine)
    add_run(engine, ago(hours=1), status="failed", error="it broke\nat line 7\n")
    assert printed(engine).endswith("\n      it broke")


# The command


def status(engine: Engine, *options: str) -> Done:
    url = engine.url.render_as_string(hide_password=False)
    done = run(["status", *options, "--database", url])
    assert "Traceback" not in done.stderr
    return done


@sqlite
def test_an_empty_database(engine: Engine) -> None:
    done = status(engine)
    assert (done.returncode, done.stdout, done.stderr) == (
        0,
        "no accounts yet; 'snapshotter sync' adds the first\n",
        "",
    )
    done = status(engine, "--json", "--max-age", "2h")
    assert (done.returncode, json.loads(done.stdout)) == (1, {"accounts": []})
    assert done.stderr == (
        "snapshotter: stale: no account at all has no complete run in the last 2 h; "
        "see why sync does not complete\n"
    )


@sqlite
def test_it_asks_for_no_account_and_no_key(engine: Engine) -> None:
    began = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2)
    add_account(engine, watermark=began)
    add_run(engine, began)
    done = status(engine)
    assert (done.returncode, done.stderr) == (0, "")
    account, fresh, *others = done.stdout.splitlines()
    assert (account, len(others)) == ("account acme", 5)
    assert fresh.startswith(f"  fresh: as of {began:%Y-%m-%dT%H:%M:%SZ}, 2 h")
    (document,) = json.loads(status(engine, "--json").stdout)["accounts"]
    assert 7200 <= document["age_seconds"] < 7300


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90),
        ("90s", 90),
        ("30m", 1800),
        ("2h", 7200),
        ("1.5h", 5400),
        ("1d", 86_400),
        ("1w", 604_800),
    ],
)
def test_a_length_of_time(text: str, seconds: int) -> None:
    assert Duration().convert(text, None, None) == timedelta(seconds=seconds)


@sqlite
def test_data_older_than_max_age_is_exit_1(engine: Engine) -> None:
    for account_id in ("acme", "beta"):
        add_account(engine, account_id)
        began = datetime.now(UTC) - timedelta(hours=1.5, minutes=-1)
        add_run(engine, began, account_id=account_id)
    done = status(engine, "--max-age", "1.5h")
    assert (done.returncode, done.stderr) == (0, "")
    with engine.begin() as connection:
        connection.execute(
            update(SNAPSHOTS)
            .where(SNAPSHOTS.c.account_id == "beta")
            .values(started_at=datetime.now(UTC) - timedelta(hours=1.5, seconds=1))
        )
    done = status(engine, "--max-age", "1.5h")
    assert done.returncode == 1
    assert done.stderr == (
        "snapshotter: stale: beta has no complete run in the last 1 h 30 min; "
        "see why sync does not complete\n"
    )
    assert done.stdout.startswith("account acme\n")


@sqlite
@pytest.mark.parametrize("limit", ["", "0", "0h", "-5", "h", "2 h", "2y", "1e3", "2h30m", "nan"])
def test_a_length_of_time_that_is_none(engine: Engine, limit: str) -> None:
    done = status(engine, f"--max-age={limit}")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("snapshotter: Invalid value for '--max-age': ")
    assert (
        f"{limit!r} is not a length of time; expected something like 90s, 30m, 2h or 7d"
        in done.stderr
    )
    assert done.stderr.count("\n") == 1


@sqlite
def test_the_conditions_are_those_of_the_runs(engine: Engine) -> None:
    """They are written twice: as SQL here, and in `store.tables` for all that needs the models."""
    for name in ("acme", "emea"):
        add_account(engine, name)
    add_account(engine, "never")
    with engine.begin() as connection:
        mistyped = update(ACCOUNTS).where(ACCOUNTS.c.account_id == "never")
        connection.execute(mistyped.values(api_url=""))
    for number, status in enumerate(["completed", "partial", "failed", "running"]):
        for watermark in (None, NOW):
            at = ago(hours=20 - 2 * number - (watermark is None))
            add_run(engine, at, status=status, watermark=watermark)
    for number, job_status in enumerate((*STATUSES, "new", None), 1):
        for gone in (False, True):
            add_job(engine, 10 * number + gone, status=job_status, gone=gone)
    found = {each.account_id: each for each in freshness(engine, NOW)}
    jobs = select(func.count()).select_from(JOBS).where(*live("acme"))
    began = select(func.max(SNAPSHOTS.c.started_at)).where(*COMPLETE)
    answered = select(ACCOUNTS.c.account_id).where(ANSWERED)
    with engine.connect() as connection:
        assert found.keys() == {*connection.execute(answered).scalars()}
        assert found["acme"].fresh_at == connection.execute(began).scalar_one()
        assert found["acme"].jobs == connection.execute(jobs).scalar_one()
        assert found["acme"].open_jobs == connection.execute(jobs.where(*OPEN)).scalar_one()
    assert (found["acme"].jobs, found["emea"].jobs) == (len(STATUSES) + 2, 0)
