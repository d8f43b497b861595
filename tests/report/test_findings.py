from datetime import UTC, date, datetime, timedelta
from typing import Any

from snapshotter.report.findings import Finding, all_findings, findings

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


def test_a_database_without_an_account_has_no_snapshot() -> None:
    assert texts(complete_runs=[], snapshot_log=[]) == ["No snapshot is complete yet."]


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
    row = {
        **ORDERS,
        "since_seconds": 259_200,
        "usual_gap_seconds": 21_600.0,
        "p95_gap_seconds": 21_800.0,
        "runs": 60,
        "overdue": 1,
    }
    other = {**row, "package_id": 5, "since_seconds": 172_800}
    assert texts(freshness=[other, row]) == [
        (
            "orders is overdue: it last completed 3 days before the snapshot, and usually does "
            "every 6 h; so is 1 more."
        )
    ]
    assert texts(freshness=[{**row, "package_id": 5 + n} for n in range(4)])[0].endswith(
        "every 6 h; so are 3 more."
    )
    assert texts(freshness=[{**row, "overdue": 0}, {**row, "overdue": None}]) == []


def test_a_long_name_of_a_package_is_cut_in_a_sentence() -> None:
    row = {
        **ORDERS,
        "package_name": 300 * "x",
        "since_seconds": 259_200,
        "usual_gap_seconds": 21_600.0,
        "p95_gap_seconds": 21_800.0,
        "runs": 60,
        "overdue": 1,
    }
    assert texts(freshness=[row])[0].startswith(f"{59 * 'x'}… is overdue: ")
    assert texts(freshness=[{**row, "package_name": "  "}])[0].startswith("package 434 is overdue")


def test_a_package_is_overdue_only_after_gaps_that_its_own_do_not_explain() -> None:
    regular = {
        **ORDERS,
        "since_seconds": 180_000,
        "usual_gap_seconds": 86_400.0,
        "p95_gap_seconds": 86_500.0,
        "runs": 90,
        "overdue": 1,
    }
    assert texts(freshness=[regular]) == []  # one run may have failed
    assert len(texts(freshness=[{**regular, "since_seconds": 4 * 86_400}])) == 1
    irregular = {**regular, "since_seconds": 5 * 86_400, "p95_gap_seconds": 4 * 86_400}
    assert texts(freshness=[irregular]) == []


def test_a_package_that_has_not_run_for_a_month_has_been_retired() -> None:
    row = {
        **ORDERS,
        "usual_gap_seconds": 86_400.0,
        "p95_gap_seconds": 86_500.0,
        "runs": 90,
        "overdue": 1,
    }
    assert len(texts(freshness=[{**row, "since_seconds": 30 * 86_400}])) == 1
    assert texts(freshness=[{**row, "since_seconds": 30 * 86_400 + 1}]) == []
    monthly = {**row, "usual_gap_seconds": 30 * 86_400.0, "p95_gap_seconds": 31 * 86_400.0}
    assert len(texts(freshness=[{**monthly, "since_seconds": 200 * 86_400}])) == 1


def test_a_package_that_fails_is_not_overdue_as_well() -> None:
    late = {
        **ORDERS,
        "since_seconds": 259_200,
        "usual_gap_seconds": 21_600.0,
        "p95_gap_seconds": 21_800.0,
        "runs": 60,
        "overdue": 1,
    }
    fails = {**ORDERS, "failing_runs": 9, "failing_since": NOW}
    day = {**ORDERS, "runs": 60, "failed": 9, "stopped": 0}
    rows = {"freshness": [late], "recovery": [fails], "failures_by_day": [day]}
    assert [finding.kind for finding in all_findings(rows, NOW)] == ["Failing"]
    assert [finding.kind for finding in all_findings({"freshness": [late]}, NOW)] == ["Overdue"]


def test_lost_fields() -> None:
    row = {
        **ORDERS,
        "output_name": "profiles",
        "field": "loyalty_tier",
        "change": "removed",
        "changed_at": datetime(2026, 1, 17, tzinfo=UTC),
        "job_id": 7,
    }
    assert texts(output_field_changes=[row, {**row, "change": "moved"}]) == [
        "orders lost the field loyalty_tier of its output profiles on 17 January 2026."
    ]
    back = {**row, "change": "added", "changed_at": datetime(2026, 1, 18, tzinfo=UTC)}
    assert texts(output_field_changes=[back, row]) == []
    assert texts(output_field_changes=[row, {**row, "field": "b"}, {**row, "field": "c"}]) == [
        "orders lost 3 fields, loyalty_tier, b and c of its output profiles on 17 January 2026."
    ]


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
    newest_first = days(*[20.0] * 7, *[200.0] * 7)[::-1]
    assert len(texts(queue_wait_by_day=newest_first)) == 1
    assert texts(queue_wait_by_day=days(*[20.0, 400.0] * 4, *[20.0, 200.0, 200.0] * 2, 200)) == []
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


def lost_field(package_id: int, runs: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the row of a lost field, and those of this many runs since, of an hour each."""
    package = {"package_id": package_id, "package_name": f"p{package_id}"}
    change = {"output_name": "o", "field": "f", "change": "removed", "job_id": 7}
    at = datetime(2026, 1, 17, tzinfo=UTC)
    days = {**package, "day": date(2026, 1, 17), "runs": runs, "p50_seconds": 3600.0}
    return {**package, **change, "changed_at": at}, [days]


def test_findings_rank_by_the_hours_that_they_cost_but_a_broken_snapshot_is_first() -> None:
    fields = [lost_field(number, runs) for number, runs in ((1, 3), (2, 9))]
    rows = {
        "output_field_changes": [row for row, _ in fields],
        "runtime_by_day": [day for _, days in fields for day in days],
        "slowest_packages": [{"package_id": n, "p50_seconds": 3600.0} for n in (1, 2)],
    }
    late = complete_run(NOW - timedelta(hours=25))
    found = findings({**rows, "complete_runs": [late]}, NOW)
    assert [(finding.kind, finding.package_id) for finding in found] == [
        ("Snapshot", None),
        ("Fields", 2),
        ("Fields", 1),
    ]
    assert [finding.weight for finding in found[1:]] == [9, 3]


def test_five_findings_and_two_of_a_kind_before_others() -> None:
    fields = [lost_field(number, 100 + number) for number in range(8)]
    stuck = {
        **ORDERS,
        "job_id": 7,
        "status": "running",
        "age_seconds": 36_000,
        "p95_seconds": 1200.0,
        "stuck": 1,
    }
    rows = {
        "output_field_changes": [row for row, _ in fields],
        "runtime_by_day": [day for _, days in fields for day in days],
        "slowest_packages": [{"package_id": n, "p50_seconds": 3600.0} for n in range(8)],
        "open_jobs": [stuck],
    }
    found = findings(rows, NOW)
    assert [finding.kind for finding in found].count("Fields") == 4
    assert len(found) == 5
    assert found[-1].kind == "Stuck"
    assert found == sorted(found, key=lambda finding: -finding.weight)
    assert isinstance(found[0], Finding)
    assert len(all_findings(rows, NOW)) == 9


def test_a_finding_names_its_package_its_account_and_its_job() -> None:
    row = {**lost_field(3, 5)[0], "account_id": "acme"}
    pages = [{"job_id": 7, "url": "https://xplenty.com/acme/jobs/7"}]
    (found,) = findings({"output_field_changes": [row], "job_urls": pages}, NOW)
    assert (found.package_id, found.account_id, found.job_id) == (3, "acme", 7)
    assert found.url == "https://xplenty.com/acme/jobs/7"
    assert found.since == datetime(2026, 1, 17, tzinfo=UTC)


def test_accounts_are_named_only_if_packages_share_a_name() -> None:
    rows = [
        {**lost_field(number, 1)[0], "account_id": account, "package_name": name}
        for number, account, name in ((1, "acme", "p"), (2, "beta", "p"), (3, "beta", "q"))
    ]
    assert sorted(text.split(" lost")[0] for text in texts(output_field_changes=rows)) == [
        "p (acme)",
        "p (beta)",
        "q",
    ]


def test_waits_and_jobs_of_two_accounts_are_counted_apart() -> None:
    days = [
        {
            "account_id": account,
            "day": date(2026, 1, 1) + timedelta(days=index),
            "p50_seconds": 200.0 if index > 6 and account == "beta" else 20.0,
        }
        for index in range(14)
        for account in ("acme", "beta")
    ]
    assert texts(queue_wait_by_day=days) == [
        (
            "Jobs of beta wait longer to start since 8 January 2026: 3 min 20 s in the median, "
            "before 20 s."
        )
    ]
    job = {"status": "running", "age_seconds": 90_000, "p95_seconds": 1200.0, "stuck": 1}
    jobs = [
        {**job, "account_id": account, "package_id": 4, "package_name": "p", "job_id": number}
        for number, account in enumerate(("acme", "beta", "beta"))
    ]
    assert [text.split(" has")[0] for text in texts(open_jobs=jobs)] == [
        "Job 0 of p (acme)",
        "2 jobs look stuck: job 1 of p (beta)",
    ]
