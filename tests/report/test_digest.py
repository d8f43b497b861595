"""What a digest contains, and what is new in it, decided from the history alone."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from noisy import NOW, Change, Noise, regular, store_noise
from sqlalchemy import Engine, insert, select

from snapshotter.api.schema import LogSummary
from snapshotter.api.summaries import Summary
from snapshotter.errors import UsageError
from snapshotter.report.digest import Digest, Item, Period, digest
from snapshotter.store.log_summaries import FailedJob, put
from snapshotter.store.tables import JOBS, SNAPSHOTS
from snapshotter.times import epoch

DAY = timedelta(days=1)
WEEK = timedelta(days=7)

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def failing(younger: float, older: float = 0) -> Change:
    """Return what makes the runs of these ages fail."""

    @regular
    def change(job: dict[str, Any]) -> None:
        if older < job["age"] < younger:
            job |= {"status": "failed", "error_fingerprint": f"Disk {job['id'] % 10} full."}

    return change


def stored(engine: Engine, change: Change, account: str = "acme") -> None:
    """Store a package that runs at 6 and at 18 o'clock, up to the morning of the last day."""
    store_noise(engine, Noise(1, 1, clockwork=(1,), account=account), change)


def made(engine: Engine, last: timedelta = DAY, **period: Any) -> Digest:
    with engine.connect() as connection:
        return digest(connection, Period(last, **period), NOW)


def news(engine: Engine, last: timedelta = DAY, **period: Any) -> list[tuple[str, bool]]:
    return [(item.kind, item.new) for item in made(engine, last, **period).items]


def add_run(engine: Engine, finished_at: datetime, watermark: datetime | None) -> None:
    counted = ("jobs_seen", "jobs_inserted", "jobs_changed", "jobs_unchanged", "jobs_rejected")
    row = {
        **dict.fromkeys((*counted, "requests", "pages"), 1),
        "account_id": "acme",
        "kind": "incremental",
        "status": "completed",
        "started_at": finished_at,
        "started_epoch": epoch(finished_at),
        "finished_at": finished_at,
        "finished_epoch": epoch(finished_at),
        "watermark": watermark,
        "watermark_epoch": epoch(watermark),
    }
    with engine.begin() as connection:
        connection.execute(insert(SNAPSHOTS).values(row))


def test_nothing_stands_out(engine: Engine) -> None:
    stored(engine, failing(0))
    found = made(engine)
    assert found == Digest(["acme"], NOW - DAY, NOW, [])
    assert made(engine) == found  # no state


def test_a_streak_is_new_from_the_failure_on_that_made_it_a_finding(engine: Engine) -> None:
    """With one package, three failures in a row are evidence; runs are half a day apart."""
    stored(engine, failing(2.5))
    assert news(engine, timedelta(days=1)) == [("failing", False)]
    assert news(engine, timedelta(days=2)) == [("failing", True)]
    (item,) = made(engine).items
    assert item.text.startswith(
        "package of 1 failed each of its last 5 runs, since 29 January 2026; the last one: Disk "
    )
    assert item.url == f"https://xplenty.com/acme/jobs/{item.job_id}"
    assert (item.account_id, item.package_id) == ("acme", 1)


def test_runs_that_failed_in_the_period_are_listed_with_reason_and_page(engine: Engine) -> None:
    stored(engine, failing(0.5))
    (item,) = made(engine).items
    assert isinstance(item, Item)
    assert (item.kind, item.new) == ("failed", True)
    assert item.text.startswith(
        "package of 1 failed 1 of 2 runs, and has not completed since; the last one: Disk "
    )
    assert item.url == f"https://xplenty.com/acme/jobs/{item.job_id}"
    assert made(engine, timedelta(hours=3)).items == []
    failed = select(JOBS.c.id, JOBS.c.finished_epoch).where(JOBS.c.id == item.job_id)
    with engine.begin() as connection:
        (row,) = connection.execute(failed)
        summary = Summary(LogSummary(error_summary="/data is full."), {})
        put(connection, FailedJob(row.id, row.finished_epoch, 0), summary, NOW)
    (item,) = made(engine).items
    assert item.text.endswith(" full (/data is full).")


def test_a_long_name_is_cut(engine: Engine) -> None:
    @regular
    def change(job: dict[str, Any]) -> None:
        job["package_name"] = 300 * "x"
        if job["age"] < 0.5:
            job["status"] = "failed"

    stored(engine, change)
    (item,) = made(engine).items
    assert item.text.startswith(f"{59 * 'x'}… failed 1 of 2 runs")


def test_a_run_that_failed_before_another_completed(engine: Engine) -> None:
    stored(engine, failing(1, 0.5))
    (item,) = made(engine).items
    assert item.text.startswith("package of 1 failed 1 of 2 runs; the last one: Disk ")


@regular
def slower(job: dict[str, Any]) -> None:
    if job["age"] < 5:
        job["runtime_in_seconds"] *= 2


def test_a_slower_package_is_new_once(engine: Engine) -> None:
    stored(engine, slower)
    assert news(engine, DAY) == [("slower", False)]
    assert news(engine, WEEK) == [("slower", True)]


@regular
def empty(job: dict[str, Any]) -> None:
    if 3 < job["age"] < 6:
        job["records"] = 0


def test_an_odd_day_that_is_over_is_not_repeated(engine: Engine) -> None:
    stored(engine, empty)
    assert news(engine, DAY) == []
    assert news(engine, WEEK) == [("volume", True)]


def test_the_digest_before_had_the_data_of_the_last_complete_run(engine: Engine) -> None:
    """A sync that came late: what it brought is news, although it is older than a day."""
    stored(engine, failing(2.5))
    watermark = NOW - timedelta(days=2)
    add_run(engine, NOW - timedelta(hours=25), watermark)
    add_run(engine, NOW - timedelta(hours=24.5), None)  # of single ids, or filtered
    add_run(engine, NOW - timedelta(hours=23), NOW - timedelta(hours=23))
    assert made(engine).since == watermark
    assert news(engine) == [("failing", True)]
    assert news(engine, since=NOW - DAY) == [("failing", False)]


def test_a_snapshot_is_behind_once_a_day_has_passed(engine: Engine) -> None:
    stored(engine, failing(0))
    later = NOW + timedelta(days=3)
    with engine.connect() as connection:
        found = digest(connection, Period(DAY), later)
        before = digest(connection, Period(4 * DAY), later)
    assert [(item.kind, item.account_id) for item in found.items] == [("snapshot", "acme")]
    assert found.items[0].text.startswith("The snapshot is 3 days behind")
    assert [item.new for item in before.items] == [True]


def test_accounts_are_kept_apart(engine: Engine) -> None:
    stored(engine, failing(0))
    other = Noise(1, 1, clockwork=(1,), account="beta", first_job=5 * 10**6)
    store_noise(engine, other, failing(0.5))
    found = made(engine)
    assert found.accounts == ["acme", "beta"]
    (item,) = found.items
    assert item.text.startswith("package of 1 (beta) failed 1 of 2 runs")
    assert made(engine, account="acme").items == []
    assert made(engine, account="beta").accounts == ["beta"]
    with pytest.raises(UsageError, match="nobody"):
        made(engine, account="nobody")


def test_a_period_that_begins_after_the_newest_data_is_refused(engine: Engine) -> None:
    with pytest.raises(UsageError, match="--since 2026-01-31T12:00:01Z is in the future"):
        made(engine, since=NOW + timedelta(seconds=1))
    stored(engine, failing(0))
    assert made(engine, since=NOW).since == NOW
    after = "--since 2026-01-31T12:00:01Z is after the newest data that is stored, 2026-01-31T12:00"
    with pytest.raises(UsageError, match=after):
        made(engine, since=NOW + timedelta(seconds=1))
    with engine.connect() as connection, pytest.raises(UsageError, match=after):  # behind
        digest(connection, Period(DAY, NOW + timedelta(seconds=1)), NOW + DAY)


def test_without_jobs_there_is_nothing_to_compare(engine: Engine) -> None:
    found = made(engine)
    assert (found.accounts, found.since, found.until) == ([], NOW - DAY, None)
    since = datetime(2026, 1, 1, tzinfo=UTC)
    assert made(engine, since=since).since == since


def test_a_database_that_was_never_synced_has_no_snapshot(engine: Engine) -> None:
    (item,) = made(engine).items
    assert (item.kind, item.text) == ("snapshot", "No snapshot is complete yet.")
    assert item.new
    assert item.account_id is None


@pytest.mark.parametrize("last", [timedelta(days=100), timedelta(days=100_000), timedelta.max])
def test_a_period_before_the_first_job_makes_all_of_it_new(engine: Engine, last: timedelta) -> None:
    stored(engine, slower)
    assert news(engine, last) == [("slower", True)]
