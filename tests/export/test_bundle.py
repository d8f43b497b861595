"""Exports of many files: whole or not at all, of one moment, listed in their manifest."""

import csv
import hashlib
import json
import os
import platform
import subprocess
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pyarrow.parquet as pq
import pytest
from exports import YEARS, fill_years, put
from runs import replace
from samples import job
from sqlalchemy import Engine, insert

from snapshotter import __version__, statements
from snapshotter.errors import Failure, UsageError
from snapshotter.export import bundle
from snapshotter.export.bundle import Bundle, export_all, export_by_month
from snapshotter.export.export import write
from snapshotter.export.selection import NO_MONTH, OF_JOBS, Selection, names
from snapshotter.export.style import FORMATS, Format, Style
from snapshotter.models import METADATA
from snapshotter.store.revisions import head
from snapshotter.times import stamp
from snapshotter.trends import trends
from snapshotter.trends.filters import Filters
from snapshotter.trends.values import normalized

NOW = datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC)
CSV, PARQUET = Style(), Style("parquet")


def fill(engine: Engine) -> None:
    """Put three jobs of January, one of February, and one of no day, with an output each."""

    def of(job_id: int, day: str | None, seconds: int) -> dict[str, Any]:
        at = day and f"{day}T03:04:05Z"
        component = {"name": "to_db", "type": "database", "fields": ["a", "b"]}
        outputs = [{"id": 10 * job_id, "records_count": seconds, "component": component}]
        times = {"created_at": at, "started_at": at, "runtime_in_seconds": seconds}
        return job(id=job_id, outputs=outputs, **times)

    january = of(1, "2026-01-01", 10), of(2, "2026-01-31", 25), of(3, "2026-01-31", 100)
    put(engine, *january, of(4, "2026-02-01", 7), of(5, None, 1))
    with engine.begin() as connection:
        watermark = datetime(2026, 2, 1, tzinfo=UTC)
        account = {"account_id": "acme", "api_url": "x", "watermark": watermark}
        replace(connection, METADATA.tables["accounts"], account)


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def rows_of(path: Path) -> int:
    match path.suffix:
        case ".csv":
            return len(list(csv.DictReader(path.read_text().splitlines())))
        case ".json":
            return len(json.loads(path.read_text()))
        case ".parquet":
            return int(pq.ParquetFile(path).metadata.num_rows)
        case _:
            return int(openpyxl.load_workbook(path).worksheets[0].max_row) - 1


@pytest.mark.slow
@pytest.mark.parametrize("format_", FORMATS)
def test_all_with_their_manifest(engine: Engine, format_: Format, tmp_path: Path) -> None:
    fill(engine)
    folder = tmp_path / "out"
    entries = export_all(engine, Bundle(folder, Style(format_), NOW))
    assert [path.name for path in tmp_path.iterdir() if "test.db" not in path.name] == ["out"]
    written = files(folder)
    manifest = json.loads(written.pop("manifest.json"))
    listed = manifest.pop("files")
    library = {"parquet": ["pyarrow"], "xlsx": ["xlsxwriter"]}.get(format_, [])
    assert manifest == {
        "product": "xplenty-snapshotter",
        "created_at": "2026-02-03T04:05:06Z",
        "format": format_,
        "raw": False,
        "filters": {},
        "accounts": [{"account_id": "acme", "watermark": "2026-02-01T00:00:00Z"}],
        "versions": {
            "snapshotter": __version__,
            "schema": head(),
            "python": platform.python_version(),
            **{name: version(name) for name in library},
        },
    }
    assert listed == [
        {
            "name": name,
            "path": f"{name}.{format_}",
            "rows": rows_of(folder / f"{name}.{format_}"),
            "bytes": len(written[f"{name}.{format_}"]),
            "sha256": hashlib.sha256(written[f"{name}.{format_}"]).hexdigest(),
            "filters": {},
        }
        for name in names()
    ]
    assert set(written) == {entry["path"] for entry in listed}
    rows = {entry.name: entry.rows for entry in entries}
    assert {name: rows[name] for name in (*OF_JOBS, "calendar", "runtime_by_day")} == {
        "jobs": 5,
        "job_outputs": 5,
        "output_fields": 10,
        "job_changes": 5,
        "log_summaries": 0,
        "calendar": 14610,
        "runtime_by_day": 4,
    }


@pytest.mark.slow
def test_all_are_of_one_moment(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(engine)

    def meanwhile(connection: Any, selection: Selection, *rest: Any) -> int:
        if selection.name == "jobs":  # accounts, calendar and two more are written already
            put(engine, job(id=99, outputs=[{"id": 990}]))
        return int(write(connection, selection, *rest))

    monkeypatch.setattr(bundle, "write", meanwhile)
    rows = Counter(dict.fromkeys(names(), 0))
    for entry in export_all(engine, Bundle(tmp_path / "out", CSV, NOW)):
        rows[entry.name] += entry.rows
    assert (rows["jobs"], rows["job_outputs"], rows["output_fields"]) == (5, 5, 10)
    monkeypatch.undo()
    assert {e.name: e.rows for e in export_all(engine, Bundle(tmp_path / "out", CSV, NOW))}[
        "jobs"
    ] == 6


def test_a_filter_narrows_what_it_can(engine: Engine, tmp_path: Path) -> None:
    fill(engine)
    filters = Filters(date(2026, 1, 31), date(2026, 2, 1), 434)
    entries = export_all(engine, Bundle(tmp_path / "out", CSV, NOW), filters, "completed")
    days = {"since": "2026-01-31", "until": "2026-02-01"}
    found = {entry.name: (entry.rows, entry.filters) for entry in entries}
    whole: dict[str, Any] = {**days, "package_id": 434, "status": "completed"}
    assert {name: found[name] for name in ("accounts", "calendar", "jobs", "runtime_by_day")} == {
        "accounts": (1, {}),
        "calendar": (1, days),
        "jobs": (2, whole),
        "runtime_by_day": (1, {**days, "package_id": 434}),
    }
    assert json.loads((tmp_path / "out/manifest.json").read_bytes())["filters"] == whole


@pytest.mark.slow
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_failure_leaves_the_old_files(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(engine)
    folder = tmp_path / "out"
    export_all(engine, Bundle(folder, CSV, NOW))
    before = files(folder)
    for broken in ("write", "_put"):
        with monkeypatch.context() as patch:

            def full(*_: Any) -> int:
                raise OSError(28, "No space left on device")

            patch.setattr(bundle, broken, full)
            said = "cannot write '.*/(out|new)': No space left on device"
            with pytest.raises(Failure, match=said):
                export_all(engine, Bundle(folder, PARQUET, NOW))
            with pytest.raises(Failure, match=said):
                export_all(engine, Bundle(tmp_path / "new", PARQUET, NOW, by_month=True))
            with pytest.raises(Failure, match=said):
                export_by_month(engine, Bundle(tmp_path / "new", PARQUET, NOW), Selection("jobs"))
        assert files(folder) == before
        assert [p.name for p in tmp_path.iterdir() if "test.db" not in p.name] == ["out"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_old_folder_comes_back_if_the_new_one_cannot_be_moved(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "out"
    export_all(engine, Bundle(folder, CSV, NOW))
    before = files(folder)
    replace = Path.replace

    def refusing(self: Path, target: Path) -> Path:
        if self.name.endswith(".part"):
            raise OSError(5, "Input/output error")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", refusing)
    with pytest.raises(Failure, match=r"cannot write '.*out': Input/output error"):
        export_all(engine, Bundle(folder, PARQUET, NOW))
    assert files(folder) == before
    assert [p.name for p in tmp_path.iterdir() if "test.db" not in p.name] == ["out"]


@pytest.mark.slow
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_earlier_export_gives_way_and_nothing_else_does(engine: Engine, tmp_path: Path) -> None:
    fill(engine)
    folder = tmp_path / "out"
    folder.mkdir()
    export_all(engine, Bundle(folder, CSV, NOW))
    export_all(engine, Bundle(folder, PARQUET, NOW, by_month=True))
    assert not list(folder.glob("*.csv"))
    export_all(engine, Bundle(folder, CSV, NOW))
    assert not list(folder.rglob("*.parquet"))
    with pytest.raises(
        UsageError, match="it contains files that no earlier export wrote; name another"
    ):
        export_by_month(engine, Bundle(folder, PARQUET, NOW), Selection("jobs"))
    (folder / "mine.txt").write_text("x")
    before = files(folder)
    with pytest.raises(
        UsageError, match="it contains files that no earlier export wrote; name another"
    ):
        export_all(engine, Bundle(folder, CSV, NOW))
    assert files(folder) == before
    for manifest in ("", "[]", "{}", '{"product": "other", "files": []}', '{"files": [1]}'):
        other = tmp_path / "other"
        other.mkdir(exist_ok=True)
        (other / "manifest.json").write_text(manifest)
        with pytest.raises(UsageError, match="it contains files that no earlier export wrote"):
            export_all(engine, Bundle(other, CSV, NOW))
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "behind")
    export_all(engine, Bundle(link, CSV, NOW))
    assert link.is_symlink()
    assert (tmp_path / "behind" / "manifest.json").exists()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_folder_that_cannot_be(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for target, said in {
        tmp_path / "file": "it is a file; name a folder",
        tmp_path / "no" / "out": "there is no folder '.*/no'",
        Path("/proc"): "it is a mount point; name a folder in it",
    }.items():
        if target.exists() or target.is_relative_to(tmp_path):
            with pytest.raises(UsageError, match=said):
                export_all(engine, Bundle(target, CSV, NOW))
    assert (tmp_path / "file").read_text() == "x"


@pytest.mark.parametrize("whole", [True, False])
def test_parquet_by_month(engine: Engine, tmp_path: Path, whole: bool) -> None:  # noqa: FBT001 - a case
    fill(engine)
    found: dict[str, dict[str, list[Any]]] = {}
    out = tmp_path / "out"
    if whole:
        export_all(engine, Bundle(out, PARQUET, NOW, by_month=True))
    for name in OF_JOBS:
        folder = (out if whole else tmp_path) / name
        if not whole:
            entries = export_by_month(engine, Bundle(folder, PARQUET, NOW), Selection(name))
            assert set(files(folder)) == {"_manifest.json", *(entry.path for entry in entries)}
        key = {"jobs": "id", "output_fields": "output_id"}.get(name, "job_id")
        found[name] = {
            path.parent.name: [row[key] for row in pq.ParquetFile(path).read().to_pylist()]
            for path in sorted(folder.glob("*/part-0.parquet"))
        }
    months = "month=2026-01", "month=2026-02", f"month={NO_MONTH}"
    jobs = dict(zip(months, [[1, 2, 3], [4], [5]], strict=True))
    fields = dict(zip(months, [[10, 10, 20, 20, 30, 30], [40, 40], [50, 50]], strict=True))
    assert found == {
        "jobs": jobs,
        "job_outputs": jobs,
        "job_changes": jobs,
        "output_fields": fields,
        "log_summaries": {months[-1]: []},
    }


def test_months_within_the_filters(engine: Engine, tmp_path: Path) -> None:
    fill(engine)
    days = Filters(date(2026, 1, 31), date(2026, 2, 2))
    for name, rows in {"jobs": [2, 1], "output_fields": [4, 2]}.items():
        selection = Selection(name, days)
        entries = export_by_month(engine, Bundle(tmp_path / name, PARQUET, NOW), selection)
        assert [(entry.path, entry.rows) for entry in entries] == [
            ("month=2026-01/part-0.parquet", rows[0]),
            ("month=2026-02/part-0.parquet", rows[1]),
        ]
    with pytest.raises(
        UsageError, match="calendar cannot be split by month; --partition-by is for"
    ):
        export_by_month(engine, Bundle(tmp_path / "x", PARQUET, NOW), Selection("calendar"))


def test_months_of_any_year(engine: Engine, tmp_path: Path) -> None:
    fill_years(engine)
    days = Filters(date(1, 1, 1), date(9999, 12, 31))
    months = [f"month={year:04}-12/part-0.parquet" for year in YEARS]
    for selection, last in ((Selection("job_outputs"), 7), (Selection("job_outputs", days), 6)):
        entries = export_by_month(engine, Bundle(tmp_path / "out", PARQUET, NOW), selection)
        assert [(entry.path, entry.rows) for entry in entries] == [
            (month, 1) for month in months[:last]
        ]
    with duckdb.connect() as duck:
        found = duck.execute(f"select month, id from read_parquet('{tmp_path}/out/*/*.parquet')")
        assert sorted(found.fetchall()) == [(f"{year:04}-12", year) for year in YEARS[:-1]]
    assert len(export_all(engine, Bundle(tmp_path / "all", PARQUET, NOW, by_month=True))) > len(
        names()
    )


@pytest.mark.parametrize("name", OF_JOBS)
def test_no_rows_are_one_part_with_the_columns(engine: Engine, name: str, tmp_path: Path) -> None:
    (entry,) = export_by_month(engine, Bundle(tmp_path / "x", PARQUET, NOW), Selection(name))
    assert (entry.path, entry.rows) == (f"month={NO_MONTH}/part-0.parquet", 0)
    columns = [column.name for column in METADATA.tables[name].columns]
    with duckdb.connect() as duck:
        found = duck.execute(f"select * from read_parquet('{tmp_path}/x/*/*.parquet')")
        assert [column[0] for column in found.description] == [*columns, "month"]
        assert found.fetchall() == []


def without_parameters(trend: str) -> str:
    source = statements.source(statements.files()[trend])
    return statements.with_parameters(source, lambda _: "null")


def from_the_database(engine: Engine) -> dict[str, list[Any]]:
    found = {}
    with engine.connect() as connection:
        for name in trends.names():
            with trends.run(connection, name, Filters()) as result:
                columns = list(result.keys())
                rows = normalized(columns, result.all())
            found[name] = [tuple(map(plain, row)) for row in rows]
    return found


def plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    return str(value) if isinstance(value, date) else value


def fill_every_trend(engine: Engine) -> None:
    """Add what `fill` leaves some trends without: slow runs, a failure, new fields, an open job."""
    for number in range(1, 31):
        began = datetime(2026, 3, number, 3, tzinfo=UTC)
        seconds = 100 if number < 26 else 300
        ended = {
            "status": "failed" if number == 20 else "completed",
            "errors": "Job 20 lost /tmp/a" if number == 20 else "",
            "completed_at": stamp(began + timedelta(seconds=seconds)),
        }
        is_open = number == 30
        fields = ["id", "total"] if number < 15 else ["id", "tax", "total"]
        output = {"id": 9000 + number, "name": "orders", "records_count": 10 * number}
        put(
            engine,
            job(
                id=9000 + number,
                package_id=900,
                package={"id": 900, "name": "nightly"},
                creator={"type": "Schedule", "id": 3},
                created_at=stamp(began),
                started_at=stamp(began),
                updated_at=stamp(began),
                runtime_in_seconds=seconds,
                outputs=[{**output, "component": {"name": "to_db", "fields": fields}}],
                **({"status": "running", "completed_at": None} if is_open else ended),
            ),
        )
    began = datetime(2026, 3, 31, tzinfo=UTC)  # or what ends later would lie in the future
    now = {"started_at": began, "started_epoch": int(began.timestamp())}
    counts = ("jobs_seen", "jobs_inserted", "jobs_changed", "jobs_unchanged", "jobs_rejected")
    run = {"account_id": "acme", "kind": "full", "status": "running", "requests": 1, "pages": 1}
    with engine.begin() as connection:
        connection.execute(
            insert(METADATA.tables["snapshots"]).values(**run, **now, **dict.fromkeys(counts, 0))
        )


@pytest.mark.slow
def test_duckdb_computes_the_same_numbers(engine: Engine, tmp_path: Path) -> None:
    """The files of the trends, run on the Parquet files, return what the database returns."""
    fill(engine)
    fill_every_trend(engine)
    export_all(engine, Bundle(tmp_path / "out", PARQUET, NOW, by_month=True))
    answers: dict[str, list[Any]] = {}
    with duckdb.connect() as duck:
        for table in METADATA.tables:
            path = f"{tmp_path}/out/{table}" + ("/*/*" if table in OF_JOBS else "") + ".parquet"
            duck.execute(f"create view {table} as select * from read_parquet('{path}')")
        assert duck.execute(
            "select month, typeof(month), count(*) from jobs group by all order by 1 nulls last"
        ).fetchall() == [
            ("2026-01", "VARCHAR", 3),
            ("2026-02", "VARCHAR", 1),
            ("2026-03", "VARCHAR", 30),
            (None, "VARCHAR", 1),
        ]
        for name in trends.names():
            rows = duck.execute(without_parameters(name)).fetchall()
            answers[name] = [tuple(map(plain, row)) for row in rows]
    assert answers == from_the_database(engine)
    assert {name for name, rows in answers.items() if not rows} == set()


SPARK = """
import datetime, decimal, json, sys
from pathlib import Path
from pyspark.sql import SparkSession

def plain(value):
    if isinstance(value, decimal.Decimal):
        return float(value)
    if isinstance(value, datetime.datetime):  # of the session's zone, without naming it
        return str(value.replace(tzinfo=datetime.UTC))
    return str(value) if isinstance(value, datetime.date) else value

folder, queries = Path(sys.argv[1]), json.load(sys.stdin)
settings = {
    "spark.ui.enabled": "false",
    "spark.sql.shuffle.partitions": "2",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.doubleQuotedIdentifiers": "true",
}
spark = SparkSession.builder.master("local[1]").config(map=settings).getOrCreate()
for path in folder.iterdir():
    if path.is_dir() or path.suffix == ".parquet":
        spark.read.parquet(str(path)).createOrReplaceTempView(path.stem)
months = spark.sql("select month, count(*) from jobs group by month order by month nulls last")
queries = {name: spark.sql(sql.strip().rstrip(";")) for name, sql in queries.items()}
answers = {name: [[plain(v) for v in row] for row in q.collect()] for name, q in queries.items()}
print(json.dumps([str(spark.table("jobs").schema["month"].dataType), months.collect(), answers]))
"""


@pytest.mark.spark
@pytest.mark.slow
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_spark_computes_the_same_numbers(engine: Engine, tmp_path: Path) -> None:
    fill(engine)
    export_all(engine, Bundle(tmp_path / "out", PARQUET, NOW, by_month=True))
    done = subprocess.run(
        [os.environ["SPARK_PYTHON"], "-c", SPARK, str(tmp_path / "out")],
        input=json.dumps({name: without_parameters(name) for name in trends.names()}),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    type_, months, answers = json.loads(done.stdout.splitlines()[-1])
    assert type_ == "StringType()"
    assert months == [["2026-01", 3], ["2026-02", 1], [None, 1]]
    expected = from_the_database(engine)
    assert {name: [tuple(row) for row in rows] for name, rows in answers.items()} == expected


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_folder_that_cannot_be_created(engine: Engine, tmp_path: Path) -> None:
    if os.geteuid() == 0:
        target = Path("/proc/self/out")  # where not even root can create files
    else:
        (tmp_path / "shut").mkdir(mode=0o500)
        target = tmp_path / "shut" / "out"
    with pytest.raises(Failure, match=f"cannot write '{target}': "):
        export_all(engine, Bundle(target, CSV, NOW))
