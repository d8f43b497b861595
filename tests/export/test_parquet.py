"""The types and the row groups of Parquet."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from exports import put
from samples import job
from sqlalchemy import Engine

from snapshotter.export.export import export
from snapshotter.export.selection import Selection
from snapshotter.export.style import Style


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
