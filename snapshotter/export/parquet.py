"""Writes rows as one Parquet file; `bundle` makes the folders of `--partition-by`."""

from collections.abc import Iterable
from typing import Any, BinaryIO

from snapshotter.export.style import Column, Rows

_ROW_GROUP_BYTES = 8 * 2**20


def write(file: BinaryIO, columns: list[Column], batches: Iterable[Rows]) -> None:
    import pyarrow as pa  # noqa: PLC0415 - of an extra
    import pyarrow.parquet as pq  # noqa: PLC0415

    pa.set_memory_pool(pa.system_memory_pool())  # the other pools hold some 30 MB more
    types = {
        "integer": pa.int64(),
        "number": pa.float64(),
        "truth": pa.bool_(),
        "day": pa.date32(),
        "time": pa.timestamp("us", "UTC"),
    }
    schema = pa.schema([(c.name, types.get(c.kind or "text", pa.string())) for c in columns])
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        group: list[Any] = []
        size = 0
        for batch in batches:
            arrays = [
                pa.array(values, field.type)
                for values, field in zip(zip(*batch, strict=True), schema, strict=True)
            ]
            group.append(pa.Table.from_arrays(arrays, schema=schema))
            size += group[-1].nbytes
            if size >= _ROW_GROUP_BYTES:
                writer.write_table(pa.concat_tables(group))
                group, size = [], 0
        if group:
            writer.write_table(pa.concat_tables(group))
