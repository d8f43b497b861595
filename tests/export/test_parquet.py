"""The types and the row groups of Parquet."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from exports import put
from samples import job
from sqlalchemy import Engine

from snapshotter.export.export import export
from snapshotter.export.parquet import write
from snapshotter.export.selection import Selection
from snapshotter.export.style import Column, Kind, Style


def test_a_trend_has_its_types_with_any_rows(engine: Engine, tmp_path: Path) -> None:
    export(engine, Selection("runtime_by_day"), tmp_path / "x", Style("parquet"))
    empty = pq.read_schema(tmp_path / "x")
    put(engine, job(), job(id=8, runtime_in_seconds=None, package_id=None, outputs=None))
    export(engine, Selection("runtime_by_day"), tmp_path / "x", Style("parquet"))
    table = pq.read_table(tmp_path / "x")
    types = {
        "package_id": pa.int64(),
        "package_name": pa.string(),
        "runs": pa.int64(),
        "p50_seconds": pa.float64(),
        "max_seconds": pa.int64(),
    }
    for name, type_ in types.items():
        assert (empty.field(name).type, table.schema.field(name).type) == (type_, type_), name
    assert empty.field("day").type == pa.date32()
    assert [row["p50_seconds"] for row in table.to_pylist()] == [110.0, None]


def test_a_column_has_the_type_of_its_kind(tmp_path: Path) -> None:
    kinds: dict[Kind | None, tuple[Any, str]] = {
        "integer": (2**63 - 1, "int64"),
        "number": (0.1, "double"),
        "truth": (False, "bool"),
        "day": (date(1, 1, 1), "date32[day]"),
        "time": (datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC), "timestamp[us, tz=UTC]"),
        "text": ("=1+1", "string"),
        "document": ('{"a":1}', "string"),
        None: ("x", "string"),
    }
    columns = [Column(str(kind), kind) for kind in kinds]
    values = tuple(value for value, _ in kinds.values())
    with (tmp_path / "x").open("wb") as file:
        write(file, columns, [[values, (None,) * len(values)], [values]])
    table = pq.read_table(tmp_path / "x")
    assert {field.name: str(field.type) for field in table.schema} == {
        str(kind): type_ for kind, (_, type_) in kinds.items()
    }
    assert [tuple(row.values()) for row in table.to_pylist()] == [
        *(values, (None,) * len(values), values)
    ]


def test_rows_are_written_in_groups(tmp_path: Path) -> None:
    batch = [("x" * 2**20,)] * 3
    with (tmp_path / "x").open("wb") as file:
        write(file, [Column("x", "text")], [batch] * 7)
    found = pq.ParquetFile(tmp_path / "x").metadata
    assert [found.row_group(n).num_rows for n in range(found.num_row_groups)] == [9, 9, 3]
