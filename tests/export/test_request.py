"""What an export is asked for: one file, a folder, or a folder by month."""

import io
from pathlib import Path

import pytest
from exports import NOW, put
from samples import job
from sqlalchemy import Engine

from snapshotter.errors import UsageError
from snapshotter.export.request import Request, carry_out
from snapshotter.export.style import FORMATS, Format, Style
from snapshotter.trends.filters import Window

sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.mark.parametrize("format_", [each for each in FORMATS if each != "parquet"])
def test_only_parquet_can_be_split_by_month(format_: Format) -> None:
    with pytest.raises(UsageError, match=f"is for Parquet, not {format_}; add --format parquet"):
        Request("jobs", Style(format_), Window(), by_month=True)


@sqlite
def test_one_table_into_a_stream(engine: Engine) -> None:
    put(engine, job(), job(id=8, status="failed", outputs=None))
    out = io.StringIO()
    request = Request("jobs", Style(), Window(), "failed")
    assert carry_out(engine, request, out, NOW) == "1 row of jobs"
    assert out.getvalue().count("\n") == 2


@sqlite
def test_all_into_a_folder(engine: Engine, tmp_path: Path) -> None:
    put(engine, job())
    done = carry_out(engine, Request(None, Style(), Window()), tmp_path / "out", NOW)
    files = [path for path in (tmp_path / "out").iterdir() if path.suffix == ".csv"]
    assert done.endswith(f" rows of {len(files)} files")
    assert tmp_path / "out" / "jobs.csv" in files


@sqlite
def test_a_table_by_month(engine: Engine, tmp_path: Path) -> None:
    put(engine, job(), job(id=8, outputs=None))
    request = Request("jobs", Style("parquet"), Window(), by_month=True)
    assert carry_out(engine, request, tmp_path / "out", NOW) == "2 rows of jobs"
    assert [path.suffix for path in (tmp_path / "out").rglob("*.parquet")] == [".parquet"]


@sqlite
def test_many_files_need_a_folder(engine: Engine) -> None:
    for name, by_month in ((None, False), ("jobs", True)):
        request = Request(name, Style("parquet"), Window(), by_month=by_month)
        with pytest.raises(UsageError, match="many files cannot go to standard output"):
            carry_out(engine, request, io.StringIO(), NOW)


@sqlite
def test_a_status_that_no_job_has_is_refused(engine: Engine) -> None:
    request = Request("jobs", Style(), Window(), "faild")
    with pytest.raises(UsageError, match="no job has it; did you mean 'failed'"):
        carry_out(engine, request, io.StringIO(), NOW)
