"""The drawings of the charts, held to the charts' data."""

import re
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from snapshotter.report import stills as module
from snapshotter.report.charts import charts
from snapshotter.report.rendering import render
from snapshotter.report.sections import SECTIONS
from snapshotter.report.stills import MAX_SERIES, stills
from snapshotter.report.svg import Drawing

FIRST = date(2026, 1, 1)
HOSTILE = '</svg><script>alert(1)</script>&"'
CSS = Path(module.__file__).with_name("report.css").read_text("utf-8")


def of(package_id: int, name: str = "orders", account: str = "acme") -> dict[str, Any]:
    return {"account_id": account, "package_id": package_id, "package_name": name}


def dated(rows: list[dict[str, Any]], days: int, **values: Any) -> list[dict[str, Any]]:
    """Return each row for each day."""
    at = [FIRST + timedelta(days=day) for day in range(days)]
    return [{**row, "day": day, **values} for row in rows for day in at]


def history(packages: int, days: int = 31, accounts: tuple[str, ...] = ("acme",)) -> Any:
    """Return the charts' data of packages that run every day."""
    rows = [
        of(number, f"package {number:02}", account)
        for account in accounts
        for number in range(packages)
    ]
    known = [{"account_id": account} for account in accounts]
    seconds = dict.fromkeys(
        ("p50_seconds", "p95_seconds", "cluster_p50_seconds", "queue_p50_seconds"), 600
    )
    weeks = [FIRST + timedelta(days=day) for day in range(4, days, 7)]
    usual = {"usual_records": 100, "z_score": 0, "output_name": "o"}
    return charts(
        {
            "runtime_by_day": dated(rows, days, runs=2, **seconds),
            "slowest_packages": [{**row, "total_seconds": 9} for row in rows],
            "failures_by_day": dated(rows, days, runs=4, failed=1, stopped=1),
            "failure_reasons": [{**each, "reason": HOSTILE, "failures": 3} for each in known],
            "queue_wait_by_day": dated(known, days, runs=1, **seconds),
            "concurrency": dated(known, days, hour=3, peak=5),
            "records_by_day": dated(rows, days, records=100, **usual),
            "node_hours_by_week": [
                {**row, "week": week, "node_hours": 1.5} for row in rows for week in weeks
            ],
        },
        FIRST,
        FIRST + timedelta(days=days - 1),
    )


def names(of: Drawing) -> list[str]:
    return [text.text for text in of.texts if not text.style]


def test_each_chart_has_a_drawing() -> None:
    keys = {chart.key for section in SECTIONS for chart in section.charts}
    assert set(stills(history(1))) == keys
    assert stills({}) == {}


@pytest.mark.parametrize("key", [chart.key for section in SECTIONS for chart in section.charts])
def test_a_drawing_is_valid_labelled_and_without_colours_of_its_own(key: str) -> None:
    chart = {"key": key, "title": HOSTILE}
    text = render("still.html.j2", chart=chart, still=stills(history(3))[key])
    (svg,) = ET.fromstring(text)  # noqa: S314 - our own
    title, about = svg[:2]
    assert svg.attrib["role"] == "img"
    assert svg.attrib["aria-labelledby"] == f"{title.attrib['id']} {about.attrib['id']}"
    assert title.text == HOSTILE
    assert len(about.text or "") > 40
    assert {each.tag for each in svg} == {"title", "desc", "path", "text"}
    for each in svg:
        assert not {"fill", "stroke", "style"} & set(each.attrib)
        for style in each.attrib.get("class", "").split():
            assert re.search(rf"\.{style}\b", CSS), style


def test_what_there_is_is_drawn() -> None:
    found = stills(history(2))
    assert names(found["runtime"]) == ["package 00", "package 01"]
    assert names(found["failures"]) == ["completed", "failed", "stopped"]
    assert names(found["reasons"]) == [HOSTILE, "3"]
    assert names(found["waits"]) == ["all of it", "for the cluster", "in its queue"]
    assert names(found["records"]) == ["records of all outputs"]
    assert names(found["nodes"]) == ["package 00", "package 01"]
    assert names(found["peaks"]) == [f"up to {jobs}" for jobs in range(1, 6)]
    assert "minutes" in [text.text for text in found["runtime"].texts]
    assert "31 Jan" in [text.text for text in found["failures"].texts]


def test_a_number_agrees_with_its_noun() -> None:
    row = {"account_id": "acme", "day": FIRST, "hour": 3, "peak": 1}
    found = stills(charts({"concurrency": [row]}, FIRST, FIRST))
    assert found["peaks"].about.startswith("At most 1 job at once.")


def test_nothing_to_draw() -> None:
    found = stills(charts({}, FIRST, FIRST))
    for key in ("runtime", "reasons", "waits", "records", "nodes"):
        assert "nothing in these days" in names(found[key]), key
    assert names(found["peaks"]) == []


def test_packages_beyond_the_first_are_left_out_or_summed() -> None:
    found = stills(history(12))
    assert names(found["runtime"]) == [f"package {number:02}" for number in range(MAX_SERIES)]
    assert names(found["nodes"]) == [
        *(f"package {number:02}" for number in range(MAX_SERIES - 1)),
        "5 others",
    ]


def test_accounts_have_lines_of_their_own() -> None:
    found = stills(history(2, accounts=("acme", "beta")))
    assert names(found["waits"]) == ["acme", "beta"]
    assert set(names(found["runtime"])) == {
        f"package {number:02} ({account})" for number in (0, 1) for account in ("acme", "beta")
    }
    assert names(found["peaks"])[-1] == "up to 5"


def test_a_rare_package_is_joined_by_its_weekly_medians() -> None:
    rows = [{**of(7), "day": FIRST + timedelta(days=day)} for day in (0, 7, 9, 14, 28)]
    seconds = [60, 60, 180, 60, 60]
    runs = [
        {**row, "runs": 1, "p50_seconds": each, "p95_seconds": each}
        for row, each in zip(rows, seconds, strict=True)
    ]
    data = charts(
        {"runtime_by_day": runs, "slowest_packages": [{**of(7), "total_seconds": 9}]},
        FIRST,
        FIRST + timedelta(days=30),
    )
    (path,) = [mark.d for mark in stills(data)["runtime"].marks if mark.style == "line s1"][:1]
    assert (path.count("M"), path.count("L")) == (1, 3)


def test_days_without_runs_and_unusual_days_are_marked() -> None:
    row = {**of(7), "runs": 1, "p50_seconds": 60, "p95_seconds": 60}
    output = {**of(7), "output_name": "o", "usual_records": 10.0, "records": 900, "z_score": 9}
    data = charts(
        {
            "runtime_by_day": [{**row, "day": FIRST}],
            "slowest_packages": [{**of(7), "total_seconds": 9}],
            "records_by_day": [{**output, "day": FIRST}],
        },
        FIRST,
        FIRST + timedelta(days=9),
    )
    found = stills(data)
    (idle,) = (mark.d for mark in found["runtime"].marks if mark.style == "idle")
    assert idle.count("M") == 9
    (unusual,) = (mark.d for mark in found["records"].marks if mark.style == "unusual")
    assert unusual.count("M") == 1


def test_ten_years_of_many_packages_are_small() -> None:
    found = stills(history(40, days=3_650))
    size = sum(len(mark.d) for each in found.values() for mark in each.marks)
    assert size < 250_000
