"""Each format by whole files, alike from every engine; what cannot be; memory, full disks."""

import csv
import gzip
import io
import json
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow.parquet as pq
import pytest
from command import Done, python
from exports import HOSTILE, PEACEFUL, YEARS, fill_years, put
from samples import job
from sqlalchemy import Engine, insert, update

from snapshotter.export.export import export
from snapshotter.export.formats import write
from snapshotter.export.selection import TABLES, Selection
from snapshotter.export.style import FORMATS, Asked, Column, Format, Style
from snapshotter.fingerprint import of_fields
from snapshotter.trends.filters import Filters


def fill(engine: Engine) -> None:
    component = {"name": "to_db", "fields": []}
    times = {"created_at": "2026-01-02T03:05:00Z", "updated_at": "2026-01-02T03:06:00.123456Z"}
    put(
        engine,
        job(
            outputs=[
                {"id": 70, "name": "=1+1", "records_count": 5, "progress": 0.5, **times},
                {"id": 71, "records_count": 2**53 + 1, "component": component, "odd": {"a": "é"}},
            ]
        ),
    )
    outputs = TABLES["job_outputs"]
    with engine.begin() as connection:  # the API's own are never negative
        first = update(outputs).where(outputs.c.id == 70)
        connection.execute(first.values(records_count=-5, progress=-0.5))


COLUMNS = [column.name for column in TABLES["job_outputs"].columns]
# What each row holds beside null; `extra` is checked apart.
FIRST = {
    "id": 70,
    "job_id": 7,
    "name": "=1+1",
    "records_count": -5,
    "progress": -0.5,
    "fields_digest": of_fields(434, None, "=1+1", ()),
}
SECOND = {
    "id": 71,
    "job_id": 7,
    "records_count": 2**53 + 1,
    "component_name": "to_db",
    "fields_digest": of_fields(434, "to_db", None, ()),
}


def rows(**times: Any) -> list[dict[str, Any]]:
    return [
        {name: {**FIRST, **times}.get(name) for name in COLUMNS},
        {name: {**SECOND, "extra": {"odd": {"a": "é"}}}.get(name) for name in COLUMNS},
    ]


def test_csv(engine: Engine, tmp_path: Path) -> None:
    fill(engine)
    assert export(engine, Selection("job_outputs"), tmp_path / "x.csv") == 2
    assert (tmp_path / "x.csv").read_bytes().decode() == (
        "id,job_id,name,records_count,progress,created_at,updated_at,url,preview_url,"
        "preview_type,component_name,component_type,fields_digest,extra\n"
        "70,7,'=1+1,-5,-0.5,2026-01-02T03:05:00Z,2026-01-02T03:06:00Z,,,,,,"
        f"{FIRST['fields_digest']},\n"
        f'71,7,,{2**53 + 1},,,,,,,to_db,,{SECOND["fields_digest"]},"{{""odd"":{{""a"":""é""}}}}"\n'
    )


def test_json(engine: Engine, tmp_path: Path) -> None:
    fill(engine)
    assert export(engine, Selection("job_outputs"), tmp_path / "x.json", Style("json")) == 2
    text = (tmp_path / "x.json").read_text(encoding="utf-8")
    assert json.loads(text) == rows(
        created_at="2026-01-02T03:05:00Z", updated_at="2026-01-02T03:06:00Z"
    )
    assert [line[:6] for line in text.splitlines()] == ["[", '{"id":', '{"id":', "]"]


def test_parquet(engine: Engine, tmp_path: Path) -> None:
    fill(engine)
    assert export(engine, Selection("job_outputs"), tmp_path / "x.parquet", Style("parquet")) == 2
    found = pq.read_table(tmp_path / "x.parquet")
    assert {field.name: str(field.type) for field in found.schema} == {
        **dict.fromkeys(COLUMNS, "string"),
        **dict.fromkeys(("id", "job_id", "records_count"), "int64"),
        "progress": "double",
        **dict.fromkeys(("created_at", "updated_at"), "timestamp[us, tz=UTC]"),
    }
    first, second = found.to_pylist()
    second["extra"] = json.loads(second["extra"])
    assert [first, second] == rows(
        created_at=datetime(2026, 1, 2, 3, 5, tzinfo=UTC),
        updated_at=datetime(2026, 1, 2, 3, 6, 0, 123456, tzinfo=UTC),
    )


def test_excel(engine: Engine, tmp_path: Path) -> None:
    fill(engine)
    assert export(engine, Selection("job_outputs"), tmp_path / "x.xlsx", Style("xlsx")) == 2
    (sheet,) = openpyxl.load_workbook(tmp_path / "x.xlsx").worksheets
    header, *cells = sheet.iter_rows()
    assert [cell.value for cell in header] == COLUMNS
    first, second = ({n: c.value for n, c in zip(COLUMNS, row, strict=True)} for row in cells)
    second["extra"] = json.loads(second["extra"])
    assert [first, second] == [
        rows(
            created_at=datetime(2026, 1, 2, 3, 5),  # noqa: DTZ001 - Excel knows no zones
            updated_at=datetime(2026, 1, 2, 3, 6, 0, 123000),  # noqa: DTZ001
        )[0],
        # Excel would make a round number of it.
        {**rows()[1], "records_count": str(2**53 + 1)},
    ]
    assert cells[0][COLUMNS.index("name")].data_type == "s"
    assert cells[0][COLUMNS.index("records_count")].data_type == "n"


def test_truth_and_days(engine: Engine, tmp_path: Path) -> None:
    account = {"account_id": "acme", "api_url": "x", "sends_links": True}
    with engine.begin() as connection:
        connection.execute(insert(TABLES["accounts"]).values(account))
    out = io.StringIO()
    export(engine, Selection("accounts"), out)
    assert next(csv.DictReader(io.StringIO(out.getvalue())))["sends_links"] == "True"
    export(engine, Selection("accounts"), tmp_path / "x", Style("parquet"))
    assert pq.read_table(tmp_path / "x").to_pylist()[0]["sends_links"] is True
    export(engine, Selection("accounts"), out := io.StringIO(), Style("json"))
    assert json.loads(out.getvalue())[0]["sends_links"] is True
    export(engine, Selection("accounts"), tmp_path / "x.xlsx", Style("xlsx"))
    sheet = openpyxl.load_workbook(tmp_path / "x.xlsx").worksheets[0]
    assert sheet.cell(2, list(TABLES["accounts"].columns.keys()).index("sends_links") + 1).value
    day = Filters(date(2026, 1, 5), date(2026, 1, 6))
    export(engine, Selection("calendar", day), tmp_path / "x", Style("parquet"))
    assert pq.read_table(tmp_path / "x").to_pylist() == [
        {
            "day": date(2026, 1, 5),
            "epoch": 1767571200,
            "week": date(2026, 1, 5),
            "month": date(2026, 1, 1),
            "weekday": 1,
        }
    ]


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("name", ["jobs", "accounts", "runtime_by_day"])
def test_no_rows_have_their_columns(
    engine: Engine, name: str, format_: Format, tmp_path: Path
) -> None:
    path = tmp_path / f"x.{format_}"
    assert export(engine, Selection(name), path, Style(format_)) == 0
    match format_:
        case "json":
            assert path.read_text() == "[]\n"
            return
        case "csv":
            (header,) = csv.reader(path.read_text().splitlines())
        case "parquet":
            header = pq.read_schema(path).names
        case "xlsx":
            sheet = openpyxl.load_workbook(path).worksheets[0]
            ((*header,),) = sheet.iter_rows(values_only=True)
    if name in TABLES:
        assert header == [column.name for column in TABLES[name].columns]
    else:
        assert header[:2] == ["account_id", "package_id"]


def csv_of(values: list[Any], *, raw: bool = False, column: str = "x") -> list[str]:
    out = io.StringIO(newline="")
    write(out, Style(raw=raw), [Column(column), Column("n")], [[(v, 1) for v in values]])
    out.seek(0)
    return [row[0] for row in csv.reader(out)]


def test_csv_has_no_formula_for_a_spreadsheet() -> None:
    assert csv_of(HOSTILE) == ["x", *("'" + text for text in HOSTILE)]
    assert csv_of(PEACEFUL) == ["x", *PEACEFUL]
    assert csv_of([-5, -0.5, None, True]) == ["x", "-5", "-0.5", "", "True"]
    assert csv_of([], column="=x") == ["'=x"]
    assert csv_of([*HOSTILE, *PEACEFUL], raw=True) == ["x", *HOSTILE, *PEACEFUL]


def test_csv_for_the_excel_of_a_country() -> None:
    at = datetime(2026, 1, 31, 1, 2, 3, tzinfo=UTC)
    rows = [(1, "Größe; a,b", 608.5, at, at.date()), (-2, " =1", None, None, None)]
    columns = [Column(name) for name in ("id", "name", "p50", "at", "day")]
    found = {}
    for locale in ("de_DE", "en_US"):
        out = io.StringIO(newline="")
        write(out, Asked(excel=True, locale=locale).style("-", {}), columns, [[*rows]])
        found[locale] = out.getvalue()
    assert found["de_DE"] == (
        '\ufeffid;name;p50;at;day\r\n1;"Größe; a,b";608,5;31.01.2026 01:02:03;31.01.2026\r\n'
        "-2;' =1;;;\r\n"
    )
    assert found["en_US"] == (
        '\ufeffid,name,p50,at,day\r\n1,"Größe; a,b",608.5,01/31/2026 01:02:03,01/31/2026\r\n'
        "-2,' =1,,,\r\n"
    )


@pytest.mark.parametrize("name", ["jobs", "runtime_by_day", "freshness"])
def test_a_table_and_a_trend_for_excel(engine: Engine, name: str, tmp_path: Path) -> None:
    put(engine, job(id=7), job(id=8))
    style = Asked(excel=True, locale="de_DE").style("x.csv", {})
    export(engine, Selection(name), tmp_path / "x.csv", style)
    raw = (tmp_path / "x.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    text = raw.decode("utf-8-sig")
    assert text.count("\r\n") == text.count("\n")
    assert not re.search(r"\d{4}-\d\d-\d\d[T;\r]", text)
    assert re.search(r";\d\d\.\d\d\.\d{4}", text)


def test_a_carriage_return_in_text_does_not_end_a_row(engine: Engine) -> None:
    put(engine, job(errors="a\rb"))
    out = io.StringIO(newline="")
    export(engine, Selection("jobs"), out)
    (row,) = csv.DictReader(io.StringIO(out.getvalue(), newline=""))
    assert (row["errors"], row["progress"], row["failed_at"]) == ("a\rb", "1.0", "")


@pytest.mark.parametrize("format_", ["json", "parquet"])
def test_no_apostrophe_in_formats_without_formulas(format_: Format, tmp_path: Path) -> None:
    path = tmp_path / "x"
    with path.open("wb") as file:
        write(file, Style(format_), [Column("x", "text")], [[(text,) for text in HOSTILE]])
    found = json.loads(path.read_bytes()) if format_ == "json" else pq.read_table(path).to_pylist()
    assert found == [{"x": text} for text in HOSTILE]


@pytest.mark.parametrize("format_", ["csv", "json"])
def test_gzip_is_the_same_bytes(format_: Format, tmp_path: Path) -> None:
    paths = tmp_path / "a.gz", tmp_path / "b.gz"
    for path in paths:
        with path.open("wb") as file:
            write(file, Style(format_, gzip=True), [Column("x")], [[("y",)]])
    first, second = (path.read_bytes() for path in paths)
    assert first == second
    assert first[4:8] == bytes(4)  # the time
    assert (
        gzip.decompress(first).decode() == {"csv": "x\ny\n", "json": '[\n{"x":"y"}\n]\n'}[format_]
    )


def test_gzip_is_closed_if_the_rows_end_in_an_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A file left open fails again when it is garbage-collected, with a traceback."""
    made: list[gzip.GzipFile] = []

    class Kept(gzip.GzipFile):
        def __init__(self, *given: Any, **named: Any) -> None:
            super().__init__(*given, **named)
            made.append(self)

    def batches() -> Iterator[list[tuple[Any, ...]]]:
        yield [("x" * 10**5,)]
        raise RuntimeError

    monkeypatch.setattr(gzip, "GzipFile", Kept)
    for style_ in (Style("csv", gzip=True), Style("json", gzip=True)):
        with (tmp_path / "x").open("wb") as file, pytest.raises(RuntimeError):
            write(file, style_, [Column("x")], batches())
    assert [each.closed for each in made] == [True, True]


def test_jobs_of_any_year_in_any_format(engine: Engine, tmp_path: Path) -> None:
    fill_years(engine)
    times = [f"{year:04}-12-31T23:59:59Z" for year in YEARS]
    days = [f"{year:04}-12-31" for year in YEARS]
    moments = [datetime(year, 12, 31, 23, 59, 59, 999999, tzinfo=UTC) for year in YEARS]
    out = tmp_path / "x"
    export(engine, Selection("jobs"), out)
    found = list(csv.DictReader(out.read_text().splitlines()))
    assert [row["created_at"] for row in found] == times
    assert [row["run_date"] for row in found] == days
    assert {(row["progress"], row["runtime_in_seconds"]) for row in found} == {
        ("0.0", str(2**63 - 1))
    }
    export(engine, Selection("jobs"), out, Style("json"))
    found = json.loads(out.read_text())
    assert [row["finished_at"] for row in found] == times
    assert '"progress":-0' not in out.read_text()
    export(engine, Selection("jobs"), out, Style("parquet"))
    table = pq.read_table(out).to_pylist()
    assert [row["started_at"] for row in table] == moments
    assert [row["run_date"] for row in table] == [at.date() for at in moments]
    export(engine, Selection("jobs"), tmp_path / "x.xlsx", Style("xlsx"))
    header, *cells = openpyxl.load_workbook(tmp_path / "x.xlsx").worksheets[0].iter_rows()
    places = [[cell.value for cell in header].index(name) for name in ("created_at", "run_date")]
    shown = [tuple(str(row[place].value)[:10] for place in places) for row in cells]
    assert shown == [(day, day) for day in days]


@pytest.mark.parametrize("format_", FORMATS)
def test_all_trends_of_jobs_of_any_year(engine: Engine, format_: Format, tmp_path: Path) -> None:
    fill_years(engine)
    for name in ("runtime_by_day", "throughput", "open_jobs", "freshness", "output_field_changes"):
        export(engine, Selection(name), tmp_path / name, Style(format_))
    if format_ == "csv":
        found = list(csv.DictReader((tmp_path / "runtime_by_day").read_text().splitlines()))
        assert [row["day"] for row in found] == [f"{year:04}-12-31" for year in YEARS[::-1]]


# In a process of its own: it exports, and prints the most memory that it held, in KiB.
EXPORT = """
import re, resource, sys
from pathlib import Path
from snapshotter.store.engine import open_engine
from snapshotter.errors import SnapshotterError
from snapshotter.export.export import export
from snapshotter.export.selection import Selection
from snapshotter.export.style import Asked
url, name, target, limit = sys.argv[1:]
if int(limit):  # as a full disk answers a write
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
try:
    style = Asked().style(target, {})
    export(open_engine(url, read_only=True), Selection(name), Path(target), style)
except SnapshotterError as error:
    sys.exit(f"{error.exit_code} {error}")
# Not getrusage: what the process forked from counts there.
print(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])
"""


def exporting(url: str, target: Path, limit: int) -> Done:
    """Export the calendar; no file may have more bytes than `limit`, if it is not 0."""
    words = ["-c", EXPORT, url, "calendar", str(target), str(limit)]
    return python(words, env={"TMPDIR": str(target.parent)})


def peak_of_export(url: str, name: str, target: Path) -> float:
    """Return the most memory, in MiB, of a process that exports, and was not forked from others."""
    words = [sys.executable, "-c", EXPORT, url, name, str(target), "0"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return int(done.stdout) / 1024


@pytest.mark.slow
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("ending", ["csv", "csv.gz", "json", "json.gz", "parquet", "xlsx"])
@pytest.mark.parametrize("limit", [0, 40_000])  # SQLite wants 32 KiB beside the database
def test_a_disk_that_is_full(database_url: str, ending: str, limit: int, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    target = folder / f"x.{ending}"
    if limit:
        target.write_text("before")
    elif Path("/dev/full").exists():
        target.symlink_to("/dev/full")
    else:
        pytest.skip("no /dev/full here")
    done = exporting(database_url, target, limit)
    assert done.returncode == 1
    reason = "File too large" if limit else "No space left on device"
    assert done.stderr == f"1 cannot write {str(target)!r}: {reason}\n"
    assert list(folder.iterdir()) == [target]
    assert target.is_symlink() or target.read_text() == "before"


@pytest.mark.slow
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_memory_does_not_grow_with_the_rows(database_url: str, tmp_path: Path) -> None:
    if not Path("/proc/self/status").exists():
        pytest.skip("no /proc here to read a process's memory from")
    peaks: dict[tuple[str, int], float] = {}
    few, many = 150_000, 600_000
    before = 0
    with closing(sqlite3.connect(tmp_path / "test.db")) as connection, connection:
        for rows in (few, many):
            connection.execute(
                "with recursive n(n) as (select ? union all select n + 1 from n where n + 1 < ?) "
                "insert into output_fields select n / 50, n % 50 + 1, 'field ' || n from n",
                (before, rows),
            )
            connection.commit()
            before = rows
            for ending in ("csv", "json", "parquet"):
                target = tmp_path / f"x.{ending}"
                peaks[ending, rows] = peak_of_export(database_url, "output_fields", target)
    connection.close()
    for ending in ("csv", "json", "parquet"):
        assert peaks[ending, many] < min(200, peaks[ending, few] + 9), peaks
