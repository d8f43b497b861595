"""Rows are removed with all rows that refer to them, of whatever tables."""

from accounts import add
from sqlalchemy import Engine, insert, select

from snapshotter.store import owned
from snapshotter.store.tables import CHANGES, FIELDS, JOBS, OUTPUTS


def test_a_job_goes_with_its_rows_and_no_others(engine: Engine) -> None:
    add(engine, "acme", 1, 2, 3)
    fields = [{"output_id": 10 * job_id + 1, "position": 1, "name": "a"} for job_id in (1, 2, 3)]
    with engine.begin() as connection:
        connection.execute(insert(FIELDS), fields)
        owned.remove(connection, JOBS, [1, 3])
        found = [
            sorted({*connection.execute(select(column)).scalars()})
            for column in (JOBS.c.id, OUTPUTS.c.job_id, FIELDS.c.output_id, CHANGES.c.job_id)
        ]
    assert found == [[2], [2], [21], [2]]


def test_every_table_that_refers_to_jobs_is_known() -> None:
    assert {*map(str, owned.referring(JOBS))} >= {"job_changes.job_id", "job_outputs.job_id"}
    assert [*map(str, owned.referring(OUTPUTS))] == ["output_fields.output_id"]
