"""The `jobs` table by pandas alone, which is what `snapshotter export jobs` is held against.

`python -m tests.benchmarks.pandas_alone DATABASE_URL FILE` writes CSV, JSON (an object a line), or
Parquet (a folder with a file for each chunk), by the ending of FILE. It keeps one chunk in memory.
"""

import sys
from pathlib import Path

import pandas as pd
from sqlalchemy import create_engine

ROWS = 20_000  # of a chunk


def main(database_url: str, file: str) -> None:
    engine = create_engine(database_url)
    with engine.connect().execution_options(stream_results=True) as connection:
        chunks = pd.read_sql_query(
            "select * from jobs order by id",
            connection,
            chunksize=ROWS,
            dtype_backend="numpy_nullable",
        )
        for number, chunk in enumerate(chunks):
            _write(chunk, Path(file), number)
    engine.dispose()


def _write(chunk: pd.DataFrame, file: Path, number: int) -> None:
    if file.suffix == ".csv":
        chunk.to_csv(
            file,
            mode="a" if number else "w",
            header=not number,
            index=False,
            date_format="%Y-%m-%dT%H:%M:%SZ",
        )
    elif file.suffix == ".json":
        chunk.to_json(file, orient="records", lines=True, mode="a" if number else "w")
    else:
        file.mkdir(exist_ok=True)
        chunk.to_parquet(file / f"{number:06}.parquet", index=False)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
