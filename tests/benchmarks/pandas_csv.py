"""The `jobs` table as CSV by pandas alone, which is what `snapshotter export jobs` is held against.

`python -m tests.benchmarks.pandas_csv DATABASE_URL FILE`
"""

import sys

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
            chunk.to_csv(
                file,
                mode="a" if number else "w",
                header=not number,
                index=False,
                date_format="%Y-%m-%dT%H:%M:%SZ",
            )
    engine.dispose()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
