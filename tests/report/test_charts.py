from datetime import date
from typing import Any

from snapshotter.report.charts import MAX_REASONS, charts

FIRST, LAST = date(2026, 1, 1), date(2026, 1, 31)
ORDERS = {"account_id": "acme", "package_id": 434, "package_name": "orders"}
LINES = {"account_id": "acme", "package_id": 435, "package_name": "Lines"}


def test_nothing_to_draw() -> None:
    found = charts({}, FIRST, LAST)
    assert (found["start"], found["days"], found["packages"]) == ("2026-01-01", 31, [])
    assert (found["waits"], found["peaks"], found["weeks"]) == ([[[]] * 6], [[[]] * 3], [])
    assert (found["accounts"], found["all_reasons"]) == ([], [[]])


def test_days_are_gaps_and_packages_are_in_the_order_of_their_names() -> None:
    def day(of: dict[str, Any], number: int, seconds: float | None) -> dict[str, Any]:
        times = {"p50_seconds": seconds, "p95_seconds": 123.456}
        return {**of, "day": date(2026, 1, number), "runs": 2, **times}

    rows = [day(ORDERS, 3, 60.0), day(ORDERS, 4, 9.876), day(ORDERS, 9, None)]
    undated = {**ORDERS, "day": None}
    found = charts({"runtime_by_day": [*rows, undated], "open_jobs": [LINES]}, FIRST, LAST)
    assert found["packages"] == [
        {"id": 435, "name": "Lines", "label": "Lines (435)", "account": 0},
        {"id": 434, "name": "orders", "label": "orders (434)", "account": 0},
    ]
    seconds, p95, runs = [60, 9.88, None], [123.0] * 3, [2] * 3
    assert found["runtime"] == [0, [[2, 1, 5], seconds, p95, runs]]


def test_unusual_days_of_an_output_are_by_index() -> None:
    def day(number: int, records: int, z_score: float) -> dict[str, Any]:
        usual = {"usual_records": 100.0, "z_score": z_score}
        return {
            **ORDERS,
            "output_name": "o",
            "day": date(2026, 1, number),
            "records": records,
        } | usual

    found = charts({"records_by_day": [day(1, 90, -1.0), day(2, 900, 8.04)]}, FIRST, LAST)
    assert found["records"] == [[["o", [0, 1], [90, 900], {1: 8.0}, {1: 100.0}]]]


def test_slower_packages_come_first_and_then_the_slowest() -> None:
    slowest = [{**ORDERS, "total_seconds": 9}, {**LINES, "total_seconds": 8}]
    slowdown = {**LINES, "since": date(2026, 1, 20)}
    found = charts({"runtime_steps": [slowdown], "slowest_packages": slowest}, FIRST, LAST)
    assert found["top"] == [0, 1]
    assert found["slower"] == {0: "2026-01-20"}
    assert found["totals"] == [[0, 0, 0, 8, 0, 0], [0, 0, 0, 9, 0, 0]]


def test_totals_of_a_package_are_sums_over_its_days() -> None:
    days = [
        {**ORDERS, "day": date(2026, 1, number), "runs": 10, "failed": 2, "stopped": number}
        for number in (1, 2)
    ]
    found = charts({"failures_by_day": days, "open_jobs": [LINES]}, FIRST, LAST)
    assert found["totals"] == [[0] * 6, [20, 4, 3, 0, 0, 0]]


def test_node_hours_are_by_week() -> None:
    weeks = [
        {**ORDERS, "week": date(2026, 1, day), "node_hours": hours}
        for day, hours in ((5, 1.5), (12, None))
    ]
    found = charts({"node_hours_by_week": weeks, "open_jobs": [LINES]}, FIRST, LAST)
    assert found["weeks"] == ["2026-01-05", "2026-01-12"]
    assert found["node_hours"] == [0, [1.5, 0]]


def test_only_the_most_frequent_reasons() -> None:
    reasons = [{**ORDERS, "reason": None, "failures": n} for n in range(20, 0, -1)]
    found = charts({"package_failure_reasons": reasons, "failure_reasons": reasons}, FIRST, LAST)
    expected = [("", n) for n in range(20, 20 - MAX_REASONS, -1)]
    assert found["all_reasons"] == [expected]
    assert found["reasons"] == {0: expected}


def test_a_rare_package_has_weekly_medians() -> None:
    """A week's median counts each run; it is on the last day of the week with a run."""

    def day(of: dict[str, Any], number: int, seconds: float, runs: int = 1) -> dict[str, Any]:
        times = {"p50_seconds": seconds, "p95_seconds": 2 * seconds}
        return {**of, "day": date(2026, 1, number), "runs": runs, **times}

    rare = [day(ORDERS, 5, 10), day(ORDERS, 7, 40), day(ORDERS, 9, 50, 2), day(ORDERS, 21, 30)]
    often = [day(LINES, number, 60) for number in (5, 6, 8, 9, 11)]
    found = charts({"runtime_by_day": [*rare, *often]}, FIRST, LAST)
    assert found["weekly"] == [0, [[8, 12], [45, 30], [90, 60], [4, 1]]]


def test_accounts_are_apart() -> None:
    """Nothing is a sum of two accounts, and packages of the same name have two lines."""
    beta = {**ORDERS, "account_id": "beta"}
    reasons = [{"account_id": each, "reason": "r", "failures": 3} for each in ("beta", "acme")]
    waits = dict.fromkeys(
        ("cluster_p50_seconds", "queue_p50_seconds", "p50_seconds", "p95_seconds", "runs"), 5
    )
    of_beta = {"account_id": "beta", "day": date(2026, 1, 2)}
    peaks = [{**of_beta, "hour": 3, "peak": 2}]
    trends: dict[str, list[dict[str, Any]]] = {
        "open_jobs": [beta, ORDERS],
        "failure_reasons": reasons,
        "queue_wait_by_day": [{**of_beta, **waits}],
        "concurrency": peaks,
    }
    found = charts(trends, FIRST, LAST)
    assert found["accounts"] == ["acme", "beta"]
    assert found["packages"] == [
        {"id": 434, "name": "orders (acme)", "label": "orders (434), acme", "account": 0},
        {"id": 434, "name": "orders (beta)", "label": "orders (434), beta", "account": 1},
    ]
    assert found["all_reasons"] == [[("r", 3)], [("r", 3)]]
    assert found["waits"] == [[[]] * 6, [[1], [5], [5], [5], [5], [5]]]
    assert found["peaks"] == [[[]] * 3, [[1], [3], [2]]]
