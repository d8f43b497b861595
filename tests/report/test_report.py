"""The report's file: it has the numbers of the trends on every engine, and appears whole."""

import errno
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO

import pytest
from report_files import DAYS, HOSTILE, NOW, Tables, history, only_sqlite, put, without_plotly
from samples import job
from sqlalchemy import Engine, insert

from snapshotter.errors import Failure, UsageError
from snapshotter.models import METADATA
from snapshotter.report import report as module
from snapshotter.report.answers import Scope
from snapshotter.report.report import report
from snapshotter.times import epoch
from snapshotter.trends import trends
from snapshotter.trends.filters import Filters


def test_the_tables_hold_the_numbers_of_the_trends(engine: Engine, tmp_path: Path) -> None:
    put(engine, *history())
    target = tmp_path / "report.html"
    report(engine, target, Scope(DAYS), NOW)
    tables = Tables(without_plotly(target)).rows
    with engine.connect() as connection:
        _, by_day = trends.rows(connection, "runtime_by_day", Filters())
        _, slowest = trends.rows(connection, "slowest_packages", Filters())
        _, reasons = trends.rows(connection, "failure_reasons", Filters())
    assert sorted(tables["t-runtime_by_day"][1:]) == sorted(
        [name, day.isoformat(), *map(str, numbers)] for _, _, name, day, *numbers in by_day
    )
    assert tables["t-slowest_packages"][1:] == [
        [name, *map(str, numbers)] for _, _, name, *numbers in slowest
    ]
    assert [row[:3] for row in tables["t-failure_reasons"][1:]] == [
        [reason, str(failures), str(packages)] for _, reason, failures, packages, *_ in reasons
    ]
    assert tables["t-output_field_changes"][2][:4] == [
        HOSTILE[0],
        HOSTILE[3],
        HOSTILE[2],
        "removed",
    ]
    page = without_plotly(target)
    assert "takes 2.0 times as long since 16 January 2026 (median 20 min, before 10 min" in page


def test_one_package_alone(engine: Engine, tmp_path: Path) -> None:
    put(engine, *history())
    target = tmp_path / "report.html"
    report(engine, target, Scope(timedelta(days=3), "orders"), NOW)
    found = Tables(without_plotly(target))
    assert [row[:2] for row in found.rows["t-runtime_by_day"][1:]] == [
        ["orders", f"2026-01-{day}"] for day in (20, 19, 18)
    ]
    assert "18 January 2026 to 20 January 2026 (3 days, UTC)" in without_plotly(target)
    with pytest.raises(UsageError, match="no job of such a package"):
        report(engine, tmp_path / "other.html", Scope(DAYS, "nobody"), NOW)
    assert not (tmp_path / "other.html").exists()


def test_a_job_of_the_future_and_one_of_the_year_one_hide_no_other(
    engine: Engine, tmp_path: Path
) -> None:
    at = {"account_id": "acme", "api_url": "x", "watermark": NOW, "watermark_epoch": epoch(NOW)}
    with engine.begin() as connection:
        connection.execute(insert(METADATA.tables["accounts"]).values(at))
    put(engine, *history())
    target = tmp_path / "report.html"
    report(engine, target, Scope(DAYS), NOW)
    before = Tables(without_plotly(target)).rows
    for number, year in enumerate((1, 1970, 2046, 9999)):
        times = dict.fromkeys(
            ("created_at", "started_at", "updated_at", "completed_at"), f"{year:04}-06-01T00:00:00Z"
        )
        put(engine, job(id=9 * 10**6 + number, outputs=[], runtime_in_seconds=2**63 - 1, **times))
    report(engine, target, Scope(DAYS), NOW)
    found = without_plotly(target)
    assert "2 January 2026 to 31 January 2026 (30 days, UTC)" in found
    assert "2 jobs dated after 31 January 2026 are left out" in found
    assert "2046" not in found
    assert Tables(found).rows == before
    report(engine, target, Scope(timedelta(days=10**6)), NOW)
    assert "1 June 1970" not in without_plotly(target)


@only_sqlite
def test_the_file_appears_whole_or_not_at_all(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(engine, job())
    with pytest.raises(UsageError, match="there is no folder"):
        report(engine, tmp_path / "missing" / "report.html", Scope(DAYS), NOW)

    def full(file: BinaryIO, text: str) -> None:
        file.write(text[:99].encode())
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module, "write_text", full)
    target = tmp_path / "report.html"
    target.write_text("yesterday's")
    with pytest.raises(Failure, match=r"cannot write .*: No space left on device"):
        report(engine, target, Scope(DAYS), NOW)
    assert target.read_text() == "yesterday's"
    assert not list(tmp_path.glob("*.part"))
