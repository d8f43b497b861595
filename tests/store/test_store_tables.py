"""The handles of the tables, and the conditions that queries share."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from runs import insert_account
from samples import job, store
from sqlalchemy import ColumnElement, Engine, Table, insert, select, update

from snapshotter.models import METADATA
from snapshotter.statuses import FINAL_STATUSES, STATUSES, is_open
from snapshotter.store import tables
from snapshotter.store.tables import COMPLETE, JOBS, OPEN, SNAPSHOTS, chunks, live

NOW = datetime(2026, 1, 31, tzinfo=UTC)
STATES = (*STATUSES, "paused", None)  # one that no version knows yet, and none at all


def test_each_table_has_one_handle() -> None:
    handles = [value for value in vars(tables).values() if isinstance(value, Table)]
    assert sorted(table.name for table in handles) == sorted(METADATA.tables)


@pytest.fixture
def states(engine: Engine) -> Engine:
    """Return a database with a job in each state; its id is the state's place in `STATES`."""
    jobs = [job(id=n + 1, status=state, outputs=[]) for n, state in enumerate(STATES)]
    store(engine, *jobs, at=NOW)
    return engine


def found(engine: Engine, *conditions: ColumnElement[bool]) -> list[str | None]:
    with engine.connect() as connection:
        ids = connection.execute(select(JOBS.c.id).where(*conditions).order_by(JOBS.c.id))
        return [STATES[job_id - 1] for job_id in ids.scalars()]


def test_open_jobs_are_those_whose_status_is_not_final(states: Engine) -> None:
    expected = [state for state in STATES if is_open(state)]
    assert found(states, *OPEN) == expected
    assert not set(expected) & set(FINAL_STATUSES)
    assert {"running", "paused", None} <= set(expected)
    # The first condition leaves none of them out.
    assert found(states, OPEN[1]) == expected


def test_live_jobs_are_those_of_the_account_that_are_not_gone(states: Engine) -> None:
    with states.begin() as connection:
        connection.execute(update(JOBS).where(JOBS.c.id == 1).values(gone_at=NOW))
        insert_account(connection, "other")
        connection.execute(update(JOBS).where(JOBS.c.id == 2).values(account_id="other"))
    assert found(states, *live("acme")) == list(STATES[2:])
    assert found(states, *live("other")) == [STATES[1]]
    assert found(states, *live("ACME")) == []


@pytest.mark.parametrize(
    ("columns", "complete"),
    [
        ({"kind": "full", "status": "completed", "watermark": NOW}, True),
        ({"kind": "incremental", "status": "completed", "watermark": NOW}, True),
        ({"kind": "incremental", "status": "completed", "watermark": None}, False),  # by filters
        ({"kind": "jobs", "status": "completed", "watermark": None}, False),
        ({"kind": "full", "status": "partial", "watermark": NOW}, False),
    ],
)
def test_complete_runs_are_those_that_moved_the_watermark(
    engine: Engine, columns: dict[str, Any], *, complete: bool
) -> None:
    counts = ("requests", "pages", "jobs_seen", "jobs_inserted", "jobs_changed")
    more = ("jobs_unchanged", "jobs_rejected")
    row = {"account_id": "acme", "started_at": NOW, **dict.fromkeys((*counts, *more), 0)}
    with engine.begin() as connection:
        insert_account(connection, "acme")
        connection.execute(insert(SNAPSHOTS).values({**row, **columns}))
        ids = connection.execute(select(SNAPSHOTS.c.id).where(*COMPLETE)).all()
    assert bool(ids) is complete


@pytest.mark.parametrize(
    ("count", "lengths"),
    [(0, []), (1, [1]), (500, [500]), (501, [500, 1]), (1_200, [500, 500, 200])],
)
def test_chunks_have_each_id_once_and_in_order(count: int, lengths: list[int]) -> None:
    found = list(chunks(range(count)))
    assert [len(chunk) for chunk in found] == lengths
    assert [each for chunk in found for each in chunk] == list(range(count))


def test_chunks_read_no_more_ids_than_are_asked_for() -> None:
    read: list[int] = []

    def ids() -> Iterator[int]:
        for number in range(2_000):
            read.append(number)
            yield number

    assert len(next(chunks(ids()))) == len(read) == 500


def test_every_engine_accepts_a_chunk_of_the_longest_ids(states: Engine) -> None:
    largest = 2**63 - 1
    (chunk, *_) = chunks(range(largest - 998, largest + 1))
    assert found(states, JOBS.c.id.in_((1, *chunk[1:]))) == [STATES[0]]
