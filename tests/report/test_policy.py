"""What a finding is, and the facts that all kinds share."""

from datetime import UTC, date, datetime

from snapshotter.report.policy import FAILED_SNAPSHOT, LATE_SNAPSHOT, OVERDUE, facts

DAYS = [
    {"account_id": "acme", "package_id": 1, "package_name": "p", "day": day, "runs": 2}
    for day in (date(2026, 1, 1), date(2026, 1, 2), None)
]


def test_a_broken_snapshot_weighs_more_than_any_hours() -> None:
    weights = [
        LATE_SNAPSHOT.finding("", 0).weight,
        FAILED_SNAPSHOT.finding("", 10**6).weight,
        OVERDUE.finding("", 10**8).weight,
        OVERDUE.finding("", 1).weight,
    ]
    assert weights == sorted(weights, reverse=True)


def test_the_same_finding_of_another_day_has_the_same_subject() -> None:
    one = OVERDUE.finding("1 day", 1, package_id=1, account_id="acme")
    other = OVERDUE.finding("2 days", 2, package_id=1, account_id="acme", since=date(2026, 1, 1))
    assert one.subject == other.subject
    assert one.subject != OVERDUE.finding("1 day", 1, package_id=1, account_id="beta").subject


def test_facts_of_the_rows() -> None:
    known = facts(
        {
            "runtime_by_day": [{**row, "p50_seconds": 60} for row in DAYS],
            "slowest_packages": [{**DAYS[0], "p50_seconds": 1800}],
            "retries": [{**DAYS[0], "hours_burnt": 2}, {**DAYS[0], "hours_burnt": None}],
            "job_urls": [{"job_id": 7, "url": "https://xplenty.com/acme/jobs/7"}],
            "open_jobs": [{"account_id": "acme", "package_id": 2}],
        }
    )
    key = ("acme", 1)
    assert known.names == {key: "p", ("acme", 2): "package 2"}
    assert known.chance == 0.001
    assert known.hours(key, 3) == 1.5
    assert known.lost(key, 3) == 3
    assert known.burnt == {key: 2}
    assert known.runs_since(key, date(2026, 1, 2)) == 2
    assert known.runs_since(key, datetime(2026, 1, 1, 5, tzinfo=UTC)) == 4
    assert known.of_account("acme") == ""
    assert known.about(DAYS[0], 7)["url"] == "https://xplenty.com/acme/jobs/7"
    two = facts({"open_jobs": [{"account_id": name, "package_id": 1} for name in ("a", "b")]})
    assert two.of_account("a") == " of a"
    assert two.names == {("a", 1): "package 1 (a)", ("b", 1): "package 1 (b)"}
