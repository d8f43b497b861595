"""A database of any earlier release is upgraded to head with all its rows, on each engine."""

import re
from pathlib import Path
from typing import Any

import pytest
from old_databases import (
    CHECKOUTS,
    ENGINES,
    FOLDER,
    ORPHANS,
    RELEASES,
    ROWS,
    WITH_KEYS,
    load,
)
from sqlalchemy import Engine, inspect, select, text

from snapshotter.models import METADATA
from snapshotter.store import revisions

CHANGELOG = Path(__file__).parent.parent.parent / "CHANGELOG.md"
REVISIONS = sorted({*RELEASES.values(), *CHECKOUTS})
# What an upgrade works out of other columns; another new column is null in old rows.
WORKED_OUT = {
    *("watermark_epoch", "started_epoch", "finished_epoch", "created_epoch", "epoch"),
    *("cluster_wait_seconds", "error_fingerprint", "fields_digest"),
}


def test_each_release_has_a_database_of_each_engine() -> None:
    released = re.findall(r"^## (\d+\.\d+\.\d+)", CHANGELOG.read_text(), re.MULTILINE)
    assert sorted(RELEASES) == sorted(released)
    expected = {f"{revision}.{engine}.dump" for revision in REVISIONS for engine in ENGINES}
    assert {path.name for path in FOLDER.iterdir()} == expected


@pytest.mark.parametrize("revision", REVISIONS)
def test_it_is_upgraded_with_all_its_rows(empty_database_url: str, revision: str) -> None:
    name = {"sqlite": "sqlite", "postgresql+psycopg": "postgresql"}
    kind = name.get(empty_database_url.partition(":")[0], "mariadb")
    engine = load(empty_database_url, FOLDER / f"{revision}.{kind}.dump")
    assert revisions.current(engine) == revision
    before = columns(engine)
    revisions.upgrade(engine)
    revisions.check(engine)
    found = stored(engine)
    for table, expected in ROWS.items():
        for row in expected:
            assert known(found[table], row) == {
                column: value if column in before[table] or column in WORKED_OUT else None
                for column, value in row.items()
            }
    extra = {table: len(found[table]) - len(rows) for table, rows in ROWS.items()}
    if revision < WITH_KEYS:
        assert known(found["jobs"], ORPHANS["jobs"][0]) == ORPHANS["jobs"][0]
        with engine.connect() as connection:
            left = connection.execute(text("select id from job_changes_without_jobs")).scalars()
            assert [*left] == [ORPHANS["job_changes"][0]["id"]]
        # The orphan, and the account and the run that it lacked.
        assert extra == dict.fromkeys(ROWS, 0) | {"accounts": 1, "snapshots": 1, "jobs": 1}
    else:
        assert extra == dict.fromkeys(ROWS, 0)
    engine.dispose()


def columns(engine: Engine) -> dict[str, set[str]]:
    with engine.connect() as connection:
        found = inspect(connection)
        return {
            table: {column["name"] for column in found.get_columns(table)}
            for table in found.get_table_names()
        }


def stored(engine: Engine) -> dict[str, list[dict[str, Any]]]:
    with engine.connect() as connection:
        return {
            name: [dict(row) for row in connection.execute(select(table)).mappings()]
            for name, table in METADATA.tables.items()
        }


def known(rows: list[dict[str, Any]], like: dict[str, Any]) -> dict[str, Any]:
    """Return the columns of `like` of the stored row that has its key, the first of them."""
    keys = [*like][: 2 if "position" in like else 1]
    (row,) = [row for row in rows if all(row[key] == like[key] for key in keys)]
    return {column: row[column] for column in like}
