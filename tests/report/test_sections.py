"""The sections of the report, held to the trends, the charts' scripts and the findings."""

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import pytest
from report_files import NOW, history, only_sqlite, put
from samples import job
from sqlalchemy import Engine, insert

from snapshotter.report import sections as module
from snapshotter.report.answers import TRENDS, Answers, Scope, ask
from snapshotter.report.charts import charts
from snapshotter.report.rows import OUTLIER
from snapshotter.report.sections import SECTIONS, Anchor, Kind, TableOf
from snapshotter.store.tables import SNAPSHOTS
from snapshotter.times import epoch
from snapshotter.trends import trends
from snapshotter.trends.filters import Filters

TABLES = [table for section in SECTIONS for table in section.tables]
SCRIPTS = Path(module.__file__).with_name("scripts")


@pytest.fixture
def answers(engine: Engine) -> Answers:
    """Return what the report asks of a history that has rows for each of its tables."""
    put(engine, *history())
    put(engine, job(id=7, status="running", completed_at=None, outputs=[]))
    schedule = {"type": "Schedule", "id": 3}
    put(engine, job(id=8, creator=schedule, attempts=0, outputs=[]))
    counted = ("jobs_seen", "jobs_inserted", "jobs_changed", "jobs_unchanged", "jobs_rejected")
    numbers = dict.fromkeys((*counted, "requests", "pages", "credits_spent"), 1)
    words = {"account_id": "acme", "kind": "full", "status": "partial", "error": "no credits"}
    at = datetime(2026, 1, 20, 5, tzinfo=UTC)
    began = {"started_at": at, "started_epoch": epoch(at)}
    with engine.begin() as connection:
        connection.execute(insert(SNAPSHOTS).values(**numbers, **words, **began))
    with engine.connect() as connection:
        return ask(connection, Scope(timedelta(days=10_000)), NOW)


def columns_of(engine: Engine, table: TableOf) -> list[str]:
    with engine.connect() as connection:
        return list(trends.rows(connection, table.trend, Filters())[0])


def test_each_trend_of_the_report_has_one_table() -> None:
    assert sorted(table.trend for table in TABLES) == sorted(TRENDS)


def test_anchors_are_unique_and_all_that_findings_may_link_to() -> None:
    assert sorted(section.anchor for section in SECTIONS) == sorted(get_args(Anchor))
    assert len({section.short for section in SECTIONS}) == len(SECTIONS)


@only_sqlite
def test_each_column_is_one_of_its_trend(engine: Engine) -> None:
    for table in TABLES:
        known = columns_of(engine, table)
        names = [column.name for column in table.columns]
        assert set(names) <= set(known), table.trend
        assert len(names) == len(set(names)), table.trend
        assert table.flag is None or table.flag in known, table.trend


@only_sqlite
def test_rows_by_package_are_those_that_have_one(engine: Engine) -> None:
    for table in TABLES:
        known = columns_of(engine, table)
        assert table.by_package == ("package_id" in known), table.trend
        shown = {column.name for column in table.columns}
        assert not shown & {"package_id", "package_name"}, table.trend


def is_of_kind(value: Any, kind: Kind) -> bool:
    match kind:
        case "words":
            return isinstance(value, str)
        case "day":
            return type(value) is date
        case "time":
            return isinstance(value, datetime)
        case "yes":
            return value in (0, 1)
        case "number" | "id":
            return isinstance(value, int)
        case _:
            return isinstance(value, int | float)


@only_sqlite
def test_each_column_has_the_kind_of_its_values(answers: Answers) -> None:
    for table in TABLES:
        rows = answers.trends[table.trend]
        assert rows, table.trend
        for column in table.columns:
            values = [row[column.name] for row in rows if row[column.name] is not None]
            assert all(is_of_kind(value, column.kind) for value in values), (
                f"{table.trend}.{column.name}: {values}"
            )


def test_each_chart_is_drawn_by_a_script_of_its_own() -> None:
    source = (SCRIPTS / "page.js").read_text("utf-8")
    drawn = re.search(r"const CHARTS = \{(.*?)\};", source, re.DOTALL)
    assert drawn is not None
    keys = [chart.key for section in SECTIONS for chart in section.charts]
    assert sorted(keys) == sorted(re.findall(r"(\w+):", drawn[1]))


@only_sqlite
def test_tables_of_one_package_are_made_of_the_data_of_a_chart(answers: Answers) -> None:
    source = (SCRIPTS / "tables.js").read_text("utf-8")
    made = re.search(r"const PACKAGE_ROWS = \{(.*?)\};", source)
    assert made is not None
    series = [table.series for table in TABLES if table.series]
    assert sorted(series) == sorted(re.findall(r"(\w+):", made[1]))
    assert answers.days is not None
    assert set(series) <= set(charts(answers.trends, *answers.days))


def test_the_lead_of_volume_has_the_bound_that_marks_a_day() -> None:
    (volume,) = (section for section in SECTIONS if section.anchor == "volume")
    assert f"its z-score is {OUTLIER} or more" in volume.lead
