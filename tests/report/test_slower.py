"""Which slower packages are findings, from rows alone."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from snapshotter.report.policy import facts
from snapshotter.report.slower import slower

ORDERS = {"package_id": 434, "package_name": "orders"}
SINCE = date(2026, 1, 10)
REGRESSION = {
    **ORDERS,
    "ratio": 2.06,
    "since": datetime(2026, 1, 10, 4, tzinfo=UTC),
    "recent_p50": 1231.0,
    "baseline_p50": 598,
    "baseline_runs": 30,
    "edited": 1,
}
STEP = {
    **ORDERS,
    "since": SINCE,
    "ratio": 2.0,
    "p50_seconds": 1200,
    "before_seconds": 600,
    "before_days": 40,
}


def texts(**trends: Any) -> list[str]:
    return [finding.text for finding in slower(trends, facts(trends))]


def compared(*seconds: int, recent: int = 5) -> list[dict[str, Any]]:
    first = len(seconds) - recent
    return [
        {**ORDERS, "seconds": value, "is_recent": place >= first}
        for place, value in enumerate(seconds)
    ]


def days(before: int, after: int, **columns: Any) -> list[dict[str, Any]]:
    return [
        {
            **ORDERS,
            "day": SINCE + timedelta(days=number),
            "p50_seconds": (1200 if number >= 0 else 600) + number % 7,
            "runs": 3,
            **columns,
        }
        for number in range(-before, after)
    ]


def others(number: int) -> dict[str, list[dict[str, Any]]]:
    """Return rows that only make the account have that number of other packages."""
    return {"recovery": [{"package_id": each, "failing_runs": 0} for each in range(number)]}


def test_a_regression_is_reported_if_the_recent_runs_are_the_slowest() -> None:
    runs = compared(*range(500, 530), *range(1000, 1005))
    assert texts(runtime_regressions=[REGRESSION], compared_runs=runs) == [
        (
            "orders takes 2.1 times as long since 10 January 2026 (median 20 min 31 s, before "
            "9 min 58 s over 30 runs); the package was edited in between."
        )
    ]
    unknown = {**REGRESSION, "ratio": None, "since": None, "edited": 0, "baseline_p50": 0}
    assert texts(runtime_regressions=[unknown], compared_runs=runs) == [
        "orders takes much longer than before (median 20 min 31 s, before 0 s over 30 runs)."
    ]


def test_a_regression_that_chance_explains_is_not() -> None:
    scattered = compared(*range(500, 526), *range(2000, 2004), *range(1000, 1005))
    assert texts(runtime_regressions=[REGRESSION], compared_runs=scattered) == []
    assert texts(runtime_regressions=[REGRESSION]) == []


def test_the_more_packages_the_more_runs_are_needed() -> None:
    one_apart = compared(*range(500, 529), 2000, *range(1000, 1005))
    for number, reported in ((3, 1), (400, 0)):
        rows = others(number)
        found = texts(runtime_regressions=[REGRESSION], compared_runs=one_apart, **rows)
        assert len(found) == reported
    clear = compared(*range(500, 530), *range(1000, 1005))
    assert len(texts(runtime_regressions=[REGRESSION], compared_runs=clear, **others(499))) == 1


def test_a_step_is_reported_if_there_is_no_regression() -> None:
    text = (
        "orders takes 2.0 times as long since 10 January 2026 (median 20 min, before 10 min over "
        "40 days with runs)."
    )
    rows = {"runtime_by_day": days(40, 10), "runtime_steps": [STEP]}
    assert texts(**rows) == [text]
    found = texts(runtime_regressions=[REGRESSION], **rows)
    assert [each.split(" since")[0] for each in found] == ["orders takes 2.1 times as long"]


def test_a_step_that_chance_explains_is_not() -> None:
    short = {"runtime_by_day": days(5, 5), "runtime_steps": [STEP]}
    assert len(texts(**short)) == 0
    level = {"runtime_by_day": days(40, 10, p50_seconds=600), "runtime_steps": [STEP]}
    assert texts(**level) == []


def test_it_costs_what_the_runs_since_took_longer() -> None:
    rows = {"runtime_by_day": days(40, 10), "runtime_steps": [STEP]}
    (found,) = slower(rows, facts(rows))
    assert found.weight == 600 * 30 / 3600
    assert (found.package_id, found.since) == (434, SINCE)
