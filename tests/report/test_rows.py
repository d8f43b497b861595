"""Names of packages, and what is unusual, by the rows of trends."""

import pytest

from snapshotter.report.rows import Key, Row, Trends, is_unusual, labels, names_of


def test_a_package_has_the_first_name_that_any_trend_knows() -> None:
    trends: Trends = {
        "runtime_by_day": [
            {"package_id": 1, "package_name": None},
            {"package_id": 2, "package_name": "lines"},
        ],
        "records_by_day": [{"package_id": 3}],  # it has no names
        "failures_by_day": [
            {"package_id": 1, "package_name": "orders"},
            {"package_id": 2, "package_name": "other"},
        ],
        "concurrency": [{"hour": 3}],
    }
    found = {key[1]: name for key, name in names_of(trends).items()}
    assert found == {1: "orders", 2: "lines", 3: "package 3"}


def test_a_package_without_a_name_has_its_id_and_jobs_may_have_no_package() -> None:
    rows: list[Row] = [
        {"package_id": 9, "package_name": ""},
        {"package_id": 8, "package_name": " \t\u3000"},
        {"package_id": None, "package_name": None},
    ]
    found = names_of({"recovery": rows})
    numbered: dict[Key, str] = {(None, 9): "package 9", (None, 8): "package 8"}
    assert found == {**numbered, (None, None): "jobs without a package"}
    assert names_of({}) == {}


def test_a_name_that_is_alike_once_spelled_has_its_account() -> None:
    rows: list[Row] = [
        {"account_id": "acme", "package_id": 1, "package_name": "orders"},
        {"account_id": "beta", "package_id": 2, "package_name": "ordinary"},
    ]
    assert [*labels({"recovery": rows}).values()] == ["orders", "ordinary"]
    cut = labels({"recovery": rows}, lambda name: name[:3])
    assert [*cut.values()] == ["ord (acme)", "ord (beta)"]


@pytest.mark.parametrize(
    ("records", "usual", "z_score", "unusual"),
    [
        (0, 100.0, -9.0, True),
        (50, 100.0, -9.0, True),
        (51, 100.0, -9.0, False),
        (199, 100.0, 9.0, False),
        (200, 100.0, 9.0, True),
        (0, 100.0, -3.5, True),
        (0, 100.0, -3.4, False),
        (500, 100.0, 3.4, False),
        (500, 100.0, None, False),
        (500, 0.0, 9.0, False),
        (500, None, None, False),
    ],
)
def test_a_day_is_unusual_if_both_its_score_and_its_ratio_are(
    records: int, usual: float | None, z_score: float | None, *, unusual: bool
) -> None:
    row: Row = {"records": records, "usual_records": usual, "z_score": z_score}
    assert is_unusual(row) == unusual
