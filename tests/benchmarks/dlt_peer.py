"""dlt at its best: its REST API source, merged into the same kind of database.

A script for dlt's own environment: `python -P dlt_peer.py API_URL DATABASE_URL FOLDER`.

What is set was measured on two cores, at 20,000 jobs, beside what dlt does by itself. Parquet,
which ADBC loads, makes `normalize` a third faster than the usual files; two processes normalize; on
SQLite, where writers wait for each other, one thread loads. Left as it is: the strategy of merging,
delete-insert, for SQLite has no other, and with `upsert` a DELETE on PostgreSQL did not end within
six minutes; the buffers, for larger ones gained nothing. All nesting is needed, so
`max_table_nesting` saves nothing, and a list that is paged by offset is one resource, so there is
nothing to extract in parallel.
"""

import os
import sys

SETTINGS = {
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "RUNTIME__LOG_LEVEL": "ERROR",
    "NORMALIZE__WORKERS": "2",
    "EXTRACT__DATA_WRITER__FILE_MAX_ITEMS": "5000",  # a file a worker
}
ONE_WRITER = {"LOAD__WORKERS": "1"}


def main(api_url: str, database_url: str, folder: str) -> None:
    is_sqlite = database_url.startswith("sqlite")
    os.environ.update(SETTINGS | (ONE_WRITER if is_sqlite else {}))
    import dlt  # noqa: PLC0415 - it reads the settings
    from dlt.sources.rest_api import rest_api_source  # noqa: PLC0415

    source = rest_api_source(
        {
            "client": {
                "base_url": api_url,
                "paginator": {
                    "type": "offset",
                    "limit": 100,
                    "total_path": None,
                    "stop_after_empty_page": True,
                },
            },
            "resources": [
                {
                    "name": "jobs",
                    "primary_key": "id",
                    "write_disposition": "merge",
                    "endpoint": {
                        "path": "jobs",
                        "params": {"sort": "created", "direction": "asc"},
                        "data_selector": "$",
                    },
                }
            ],
        }
    )
    destinations = dlt.destinations
    pipeline = dlt.pipeline(
        "benchmark",
        pipelines_dir=folder,
        destination=(destinations.sqlalchemy if is_sqlite else destinations.postgres)(database_url),
        dataset_name="main" if is_sqlite else "benchmark",
    )
    pipeline.run(source, loader_file_format="parquet").raise_on_failed_jobs()


if __name__ == "__main__":  # its workers import this file too
    main(*sys.argv[1:])
