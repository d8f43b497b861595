from datetime import UTC, date, datetime, timedelta
from typing import Any

from snapshotter.report.findings import Finding, findings

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
ORDERS = {"package_id": 434, "package_name": "orders"}


def texts(**trends: Any) -> list[str]:
    return [finding.text for finding in findings(trends, NOW)]


def run_of_sync(**values: Any) -> dict[str, Any]:
    return {
        "account_id": "acme",
        "kind": "incremental",
        "status": "completed",
        "started_at": NOW - timedelta(hours=1),
        "error": None,
        **values,
    }


def complete_run(began: datetime | None = NOW - timedelta(hours=1)) -> dict[str, Any]:
    return {"account_id": "acme", "started_at": began}


def test_no_findings() -> None:
    assert findings({}, NOW) == []
    log = {"snapshot_log": [run_of_sync()], "complete_runs": [complete_run()]}
    assert findings(log, NOW) == []


def test_regression() -> None:
    row = {
        **ORDERS,
        "ratio": 2.06,
        "since": datetime(2026, 1, 10, 4, tzinfo=UTC),
        "recent_p50": 1231.0,
        "baseline_p50": 598,
        "baseline_runs": 30,
        "edited": 1,
    }
    assert texts(runtime_regressions=[row]) == [
        (
            "orders takes 2.1 times as long since 10 January 2026 (median 20 min 31 s, before "
            "9 min 58 s over 30 runs); the package was edited in between."
        )
    ]
    unknown = {**row, "ratio": None, "since": None, "edited": 0, "baseline_p50": 0}
    assert texts(runtime_regressions=[unknown]) == [
        "orders takes much longer than before (median 20 min 31 s, before 0 s over 30 runs)."
    ]


def test_slowdown_is_reported_if_there_is_no_regression() -> None:
    slowdown = {
        **ORDERS,
        "since": date(2026, 1, 10),
        "ratio": 2.0,
        "p50_seconds": 1200,
        "before_seconds": 600,
        "before_days": 68,
    }
    assert texts(runtime_steps=[slowdown]) == [
        (
            "orders takes 2.0 times as long since 10 January 2026 (median 20 min, before 10 min "
            "over 68 days with runs)."
        )
    ]


def test_failures_with_the_most_frequent_reason() -> None:
    day = {**ORDERS, "runs": 61, "failed": 12, "stopped": 1}
    reasons = [
        {"package_id": 434, "reason": "Out of memory."},
        {"package_id": 434, "reason": "Rare"},
    ]
    assert texts(failures_by_day=[day], package_failure_reasons=reasons) == [
        "orders failed 12 of 60 runs (20 %); most often: Out of memory."
    ]
    assert texts(failures_by_day=[{**day, "failed": 2}]) == []
    failing = {**ORDERS, "failing_runs": 4, "failing_since": datetime(2026, 1, 30, tzinfo=UTC)}
    assert texts(failures_by_day=[day], recovery=[failing]) == [
        "orders failed each of its last 4 runs, since 30 January 2026."
    ]


def test_stuck_jobs() -> None:
    job = {
        **ORDERS,
        "job_id": 7,
        "status": "running",
        "age_seconds": 90_000,
        "p95_seconds": 1200.0,
        "stuck": 1,
    }
    assert texts(open_jobs=[job, {**job, "job_id": 8, "stuck": 0}]) == [
        (
            "Job 7 of orders has been running for 1 day 1 h, while 95 % of its runs take at most "
            "20 min."
        )
    ]
    assert texts(open_jobs=[job, job])[0].startswith("2 jobs look stuck: job 7 of orders has been")


def test_overdue_packages() -> None:
    row = {**ORDERS, "since_seconds": 259_200, "usual_gap_seconds": 21_600.0, "overdue": 1}
    other = {**row, "package_id": 5, "since_seconds": 10**7}
    assert texts(freshness=[other, row]) == [
        (
            "orders is overdue: it last completed 3 days before the snapshot, and usually does "
            "every 6 h; so is 1 more."
        )
    ]


def test_lost_fields() -> None:
    row = {
        **ORDERS,
        "output_name": "profiles",
        "field": "loyalty_tier",
        "change": "removed",
        "changed_at": datetime(2026, 1, 17, tzinfo=UTC),
    }
    assert texts(output_field_changes=[row, {**row, "change": "moved"}]) == [
        "orders lost the field loyalty_tier of its output profiles on 17 January 2026."
    ]
    assert texts(output_field_changes=[row, {**row, "field": "b"}, {**row, "field": "c"}]) == [
        "orders lost 3 fields, loyalty_tier, b and c of its output profiles on 17 January 2026."
    ]


def test_unusual_volume() -> None:
    row = {
        "package_id": 434,
        "output_name": "lines",
        "day": date(2026, 1, 17),
        "records": 0,
        "usual_records": 500.0,
        "z_score": -40.0,
    }
    second = {**row, "day": date(2026, 1, 18)}
    assert texts(records_by_day=[row]) == ["package 434 wrote nothing to lines on 17 January 2026."]
    assert texts(records_by_day=[row, second]) == [
        "package 434 wrote nothing to lines on 2 days, last on 18 January 2026."
    ]
    assert texts(records_by_day=[{**row, "records": 2000, "z_score": 9.0}]) == [
        (
            "package 434 wrote 2,000 records to lines on 17 January 2026, while 500 are usual on "
            "that weekday."
        )
    ]
    assert texts(records_by_day=[{**row, "output_name": None, "records": 10, "z_score": -9.0}]) == [
        (
            "package 434 wrote 10 records to one without a name on 17 January 2026, while 500 are "
            "usual on that weekday."
        )
    ]
    assert texts(records_by_day=[{**row, "usual_records": 0.0, "z_score": None}]) == []
    assert texts(records_by_day=[{**row, "records": None, "z_score": None}]) == []


def test_longer_waits() -> None:
    def days(*seconds: float) -> list[dict[str, Any]]:
        first = date(2026, 1, 1)
        return [
            {"day": first + timedelta(days=index), "p50_seconds": value}
            for index, value in enumerate(seconds)
        ]

    assert texts(queue_wait_by_day=days(*[20.0] * 7, *[200.0] * 7)) == [
        "Jobs wait longer to start since 8 January 2026: 3 min 20 s in the median, before 20 s."
    ]
    assert texts(queue_wait_by_day=days(*[20.0] * 6, *[200.0] * 7)) == []
    assert texts(queue_wait_by_day=days(*[20.0] * 7, *[60.0] * 7)) == []


def test_snapshot_that_is_behind_or_failed() -> None:
    two_days_ago = NOW - timedelta(days=2)
    old = run_of_sync(started_at=two_days_ago)
    some = run_of_sync(kind="jobs")
    failed = run_of_sync(status="failed", error="the database is full.")
    assert texts(snapshot_log=[old, some], complete_runs=[complete_run(two_days_ago)]) == [
        "The snapshot is 2 days behind: its last complete run began 29 January 2026."
    ]
    assert texts(snapshot_log=[run_of_sync(), failed], complete_runs=[complete_run()]) == [
        "The last run of the snapshot failed: the database is full."
    ]
    assert texts(snapshot_log=[failed]) == ["No snapshot is complete yet."]


def test_a_run_of_filtered_jobs_is_not_a_complete_one() -> None:
    filtered = run_of_sync()
    two_days_ago = complete_run(NOW - timedelta(days=2))
    assert texts(snapshot_log=[filtered], complete_runs=[two_days_ago]) == [
        "The snapshot is 2 days behind: its last complete run began 29 January 2026."
    ]
    assert texts(snapshot_log=[filtered], complete_runs=[complete_run(None)]) == [
        "No snapshot is complete yet."
    ]


def test_an_account_without_runs_in_these_days_is_behind_too() -> None:
    beta = {"account_id": "beta", "started_at": NOW - timedelta(days=100)}
    assert texts(snapshot_log=[run_of_sync()], complete_runs=[complete_run(), beta]) == [
        "The snapshot of beta is 100 days behind: its last complete run began 23 October 2025."
    ]


def test_five_findings_and_two_of_a_kind_before_others() -> None:
    def failures(package_id: int, failed: int) -> dict[str, Any]:
        name = f"p{package_id}"
        return {
            "package_id": package_id,
            "package_name": name,
            "runs": 100,
            "failed": failed,
            "stopped": 0,
        }

    lost = {
        **ORDERS,
        "output_name": "o",
        "field": "f",
        "change": "removed",
        "changed_at": None,
    }
    found = findings(
        {
            "failures_by_day": [failures(number, 50 + number) for number in range(8)],
            "output_field_changes": [lost],
        },
        NOW,
    )
    assert [finding.kind for finding in found].count("Failing") == 4
    assert len(found) == 5
    assert "Fields" in [finding.kind for finding in found]
    assert found == sorted(found, key=lambda finding: -finding.weight)
    assert isinstance(found[0], Finding)
