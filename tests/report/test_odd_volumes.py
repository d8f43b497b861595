"""Which volumes are findings, from rows alone."""

from datetime import date, timedelta
from typing import Any

from snapshotter.report.odd_volumes import odd_volumes
from snapshotter.report.policy import facts

LAST = date(2026, 1, 18)


def rows(*last: int, usual: int = 500, output: str | None = "lines", package: int = 434) -> Any:
    """Return 60 days of an output with these records at the end, and about the usual before."""
    records = [usual - 20 + 7 * (day % 7) for day in range(60 - len(last))] + [*last]
    return [
        {
            "package_id": package,
            "output_name": output,
            "day": LAST - timedelta(days=59 - place),
            "runs": 1,
            "records": value,
            "usual_records": float(usual),
            "z_score": (value - usual) / 10,
        }
        for place, value in enumerate(records)
    ]


def texts(found: list[dict[str, Any]]) -> list[str]:
    trends = {"records_by_day": found}
    return [finding.text for finding in odd_volumes(found, facts(trends))]


def test_days_without_records() -> None:
    assert texts(rows(0)) == ["package 434 wrote nothing to lines on 18 January 2026."]
    assert texts(rows(0, 0)) == [
        "package 434 wrote nothing to lines on 2 days, last on 18 January 2026."
    ]
    assert texts(rows(0, 500, 0, 500, 500)) == [
        "package 434 wrote nothing to lines on 2 days, last on 16 January 2026."
    ]


def test_a_day_without_records_is_not_reported_if_other_outputs_have_as_many() -> None:
    others = [row for each in range(20) for row in rows(0, 500, 500, package=each)]
    assert texts([*rows(0, 500), *others]) == []
    many = [row for each in range(600) for row in rows(package=1000 + each)]
    assert texts([*rows(0, *[500] * 9), *many]) == []  # once, and long over
    assert len(texts([*rows(0, 0), *many])) == 1


def test_an_output_that_is_usually_empty_is_not_reported() -> None:
    found = [{**row, "usual_records": 0.0, "z_score": None} for row in rows(0)]
    assert texts(found) == []
    assert texts([{**row, "records": None, "z_score": None} for row in rows(0)]) == []
    assert texts([{**row, "day": None} for row in rows(0)]) == []


def test_unusual_volume() -> None:
    assert texts(rows(2000)) == [
        (
            "package 434 wrote 2,000 records to lines on 18 January 2026, while 500 are usual on "
            "that weekday."
        )
    ]
    assert texts(rows(10, output=None)) == [
        (
            "package 434 wrote 10 records to one without a name on 18 January 2026, while 500 are "
            "usual on that weekday."
        )
    ]
    assert texts(rows(520)) == []
    assert texts(rows(1))[0].startswith("package 434 wrote 1 record to lines on 18 January 2026")


def test_a_volume_that_the_output_often_varies_by_is_not_reported() -> None:
    varied = rows(*[100, 2500] * 20, 2000)
    assert texts(varied) == []


def test_a_day_with_fewer_runs_wrote_less_for_that() -> None:
    found = [{**row, "runs": 8, "records": 8 * row["records"]} for row in rows(500)]
    found[-1] |= {"runs": 2, "records": 1000, "usual_records": 4000.0, "z_score": -30.0}
    assert texts(found) == []
    found[-1] |= {"runs": 8}
    assert len(texts(found)) == 1
