"""Which failing packages are findings, from rows alone."""

from datetime import UTC, datetime, timedelta
from typing import Any

from snapshotter.report.failing import failing
from snapshotter.report.policy import facts

ORDERS = {"package_id": 434, "package_name": "orders"}
SINCE = datetime(2026, 1, 30, tzinfo=UTC)
REASONS = [
    {"package_id": 434, "reason": "Out of memory."},
    {"package_id": 434, "reason": "Rare"},
]


def texts(**trends: Any) -> list[str]:
    return [finding.text for finding in failing(trends, facts(trends))]


def day(failed: int, runs: int, package_id: int = 434) -> dict[str, Any]:
    """Return a day of that number of runs, and one more that was stopped."""
    name = "orders" if package_id == 434 else f"p{package_id}"
    counts = {"runs": runs + 1, "failed": failed, "stopped": 1}
    return {"package_id": package_id, "package_name": name, **counts}


def streak(length: int) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of a package whose last runs failed, an hour apart; the last one rarely."""
    jobs = [
        {
            **ORDERS,
            "job_id": 100 + place,
            "finished_at": SINCE + timedelta(hours=place),
            "reason": "Disk full." if place == length - 1 else "Out of memory.",
        }
        for place in range(length)
    ]
    return {
        "recovery": [{**ORDERS, "failing_runs": length, "failing_since": SINCE}],
        "last_failures": jobs[::-1],
        "job_urls": [{"job_id": 100 + length - 1, "url": "https://xplenty.com/acme/jobs/1"}],
    }


def test_failures_with_the_most_frequent_reason() -> None:
    assert texts(failures_by_day=[day(12, 60)], package_failure_reasons=REASONS) == [
        "orders failed 12 of 60 runs (20 %); most often: Out of memory."
    ]
    assert texts(failures_by_day=[day(12, 60)]) == ["orders failed 12 of 60 runs (20 %)."]
    assert texts(failures_by_day=[day(2, 4)]) == []


def test_a_package_fails_often_only_if_the_others_do_not() -> None:
    own = day(12, 60)
    assert len(texts(failures_by_day=[own, *(day(2, 60, each) for each in range(8))])) == 1
    assert texts(failures_by_day=[own, *(day(9, 60, each) for each in range(8))]) == []
    assert texts(failures_by_day=[day(40, 1000)]) == []  # less than 5 %


def test_a_failing_package_is_reported_with_the_reason_and_the_page_of_its_last_job() -> None:
    rows = {"failures_by_day": [day(4, 60)], "package_failure_reasons": REASONS, **streak(4)}
    (found,) = failing(rows, facts(rows))
    assert found.text == (
        "orders failed each of its last 4 runs, since 30 January 2026; the last one: Disk full."
    )
    assert (found.job_id, found.url) == (103, "https://xplenty.com/acme/jobs/1")
    assert found.since == SINCE
    assert found.found_from == SINCE + timedelta(hours=2)  # the third failure in a row
    assert texts(failures_by_day=[day(4, 60)], recovery=rows["recovery"]) == [
        "orders failed each of its last 4 runs, since 30 January 2026."
    ]


def test_the_summary_of_a_log_is_added_to_the_reason() -> None:
    rows = {"failures_by_day": [day(4, 60)], "package_failure_reasons": REASONS, **streak(4)}
    rows["last_failures"][0]["summary"] = "The volume  /data\nis full."
    (text,) = texts(**rows)
    assert text.endswith("; the last one: Disk full (The volume /data is full).")
    often = {**rows, "failures_by_day": [day(12, 60)], "recovery": []}
    rows["last_failures"][0]["summary"] = None
    rows["last_failures"][1]["summary"] = "4 GB were needed."
    rows["last_failures"][2]["summary"] = "An older one"
    (text,) = texts(**often)
    assert text.endswith("; most often: Out of memory (4 GB were needed).")


def test_a_streak_is_reported_only_if_it_is_longer_than_usual_failures_make() -> None:
    assert texts(failures_by_day=[day(2, 60)], **streak(2)) == []
    often = [day(33, 60)]
    assert "each of its last" not in " ".join(texts(failures_by_day=often, **streak(3)))
    many = [day(1, 60, each) for each in range(500)]
    assert texts(failures_by_day=[day(3, 60), *many], **streak(3)) == []
    assert len(texts(failures_by_day=[day(5, 60), *many], **streak(5))) == 1


def test_it_costs_the_runs_that_are_lost_and_the_hours_that_they_burnt() -> None:
    rows = {
        "failures_by_day": [day(4, 60)],
        "slowest_packages": [{**ORDERS, "p50_seconds": 7200}],
        "retries": [{**ORDERS, "hours_burnt": 1.5}, {**ORDERS, "hours_burnt": None}],
        **streak(4),
    }
    (found,) = failing(rows, facts(rows))
    assert found.weight == 4 * 2 + 1.5
    quick = {**rows, "slowest_packages": [], "retries": []}
    assert [each.weight for each in failing(quick, facts(quick))] == [4]
