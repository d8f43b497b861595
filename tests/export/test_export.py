import contextlib
import io
import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest
from exports import put, written
from samples import job, sample
from sqlalchemy import Engine, text
from sqlalchemy.event import listen, remove

from snapshotter.errors import DatabaseError, Failure, UsageError
from snapshotter.export import export as module
from snapshotter.export.export import export
from snapshotter.export.selection import TABLES, Selection
from snapshotter.export.style import Style
from snapshotter.store.engine import named_errors
from snapshotter.trends import trends
from snapshotter.trends.filters import Filters


def test_the_samples_are_exported_as_they_were_stored(engine: Engine) -> None:
    put(engine, *sample("list-jobs"))
    out = {int(row["id"]): row for row in written(engine, "jobs")}
    for sent in sample("list-jobs"):
        row = out[sent["id"]]
        extra = json.loads(row["extra"])
        for name, value in sent.items():
            match name:
                case "outputs":
                    continue
                case "package" | "cluster" | "creator":
                    for inner, part in value.items():
                        if inner not in extra[name]:
                            assert row[f"{name}_{inner}"] == str(part)
                        else:
                            assert extra[name][inner] == part
                case "variables":
                    assert json.loads(row[name]) == value
                case "progress":
                    assert float(row[name]) == value
                case _:
                    assert row[name] == ("" if value is None else str(value)), name
    outputs = {int(row["id"]): row for row in written(engine, "job_outputs")}
    assert outputs[521]["records_count"] == "10415234"
    assert outputs[521]["created_at"] == "2013-03-04T07:17:51Z"
    assert [tuple(row.values()) for row in written(engine, "output_fields")] == [
        ("521", "1", "id"),
        ("521", "2", "account_name"),
        ("522", "1", "id"),
        ("522", "2", "account_name"),
    ]


def test_integers_beside_nulls_stay_integers(engine: Engine) -> None:
    outputs = [{"id": 1, "records_count": 2**53 + 1}, {"id": 2}, {"id": 3, "records_count": 10}]
    put(engine, job(outputs=outputs, owner_id=2**63 - 1), job(id=8, owner_id=None, outputs=None))
    assert [row["records_count"] for row in written(engine, "job_outputs")] == [
        "9007199254740993",
        "",
        "10",
    ]
    assert [row["owner_id"] for row in written(engine, "jobs")] == [str(2**63 - 1), ""]


def test_text_with_quotes_lines_and_commas(engine: Engine) -> None:
    words = 'a "b", c\nd\N{PILE OF POO}'
    put(engine, job(errors=words, variables={"x": words}))
    (row,) = written(engine, "jobs")
    assert row["errors"] == words
    assert json.loads(row["variables"]) == {"x": words}


@pytest.mark.parametrize("name", [*sorted(TABLES), *trends.names()])
def test_every_name_of_an_empty_database_has_its_header(engine: Engine, name: str) -> None:
    file = io.StringIO()
    rows = export(engine, Selection(name), file)
    assert rows == (14610 if name == "calendar" else 0)
    columns = file.getvalue().splitlines()[0].split(",")
    if name in TABLES:
        assert columns == [column.name for column in TABLES[name].columns]
    else:
        assert len(columns) > 3


def test_chunks_leave_no_seam(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    put(engine, *(job(id=n, outputs=None, package_id=n) for n in range(1, 8)))
    whole = written(engine, "jobs"), written(engine, "runtime_by_day")
    monkeypatch.setattr(module, "CHUNK_ROWS", 3)
    assert (written(engine, "jobs"), written(engine, "runtime_by_day")) == whole


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_file_appears_whole_or_not_at_all(engine: Engine, tmp_path: Path) -> None:
    put(engine, job())
    target = tmp_path / "jobs.csv"
    assert export(engine, Selection("jobs"), target) == 1
    assert target.stat().st_mode & 0o777 == 0o600
    before = target.read_bytes()
    with pytest.raises(UsageError):
        export(engine, Selection("accounts", Filters(package_id=1)), target)
    assert target.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir() if "jobs.csv" in path.name] == ["jobs.csv"]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_target_that_is_not_valid(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no folder"):
        export(engine, Selection("jobs"), tmp_path / "no" / "jobs.csv")
    with pytest.raises(UsageError, match="it is a folder"):
        export(engine, Selection("jobs"), tmp_path)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_link_and_a_pipe_stay_what_they_are(engine: Engine, tmp_path: Path) -> None:
    put(engine, job())
    link, file, pipe = tmp_path / "link.csv", tmp_path / "file.csv", tmp_path / "pipe"
    link.symlink_to(file)
    export(engine, Selection("jobs"), link)
    assert link.is_symlink()
    assert file.read_text().startswith("id,")
    os.mkfifo(pipe)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()
    export(engine, Selection("jobs"), pipe)
    reader.join(10)
    assert pipe.is_fifo()
    assert read == [file.read_text()]


@pytest.mark.parametrize("name", ["jobs", "runtime_by_day"])
def test_a_database_that_fails_is_named_as_the_cause(
    engine: Engine, name: str, tmp_path: Path
) -> None:
    with engine.begin() as connection:
        connection.execute(text("alter table jobs rename to elsewhere"))
    with pytest.raises(DatabaseError, match=r"the database cannot be used: .*jobs"), named_errors():
        export(engine, Selection(name), tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_full_disk(engine: Engine) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    put(engine, job())
    full = Path("/dev/full").open("w")  # noqa: SIM115 - it cannot be closed in peace
    with pytest.raises(Failure, match="cannot write standard output: No space left"):
        export(engine, Selection("jobs"), full)
    with contextlib.suppress(OSError):
        full.close()


def test_parquet_of_a_trend_runs_its_statement_once(engine: Engine, tmp_path: Path) -> None:
    put(engine, job(id=7))
    asked: list[str] = []

    def note(*event: Any) -> None:
        asked.append(event[2])

    listen(engine, "before_cursor_execute", note)
    try:
        export(engine, Selection("runtime_by_day"), tmp_path / "x", Style("parquet"))
    finally:
        remove(engine, "before_cursor_execute", note)
    assert sum("p95_place" in statement for statement in asked) == 1
