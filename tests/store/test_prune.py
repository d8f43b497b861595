"""What is old goes, with all that belongs to it, in small transactions; the rest stays."""

import gc
import json
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from accounts import add
from pruning import pruned_before
from runs import COUNTS, insert_run
from sqlalchemy import Engine, event, insert, select, update
from syncer import Syncer, history

from snapshotter.errors import Stopped
from snapshotter.store import prune
from snapshotter.store.lock import lock
from snapshotter.store.prune import Old, Removed, total
from snapshotter.store.tables import (
    CHANGES,
    FIELDS,
    JOBS,
    OUTPUTS,
    PRUNED,
    REJECTS,
    SNAPSHOTS,
)
from snapshotter.store.write import Stamp

sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
BEFORE = datetime(2026, 1, 1, tzinfo=UTC)
OLD, NEW = BEFORE - timedelta(days=1), BEFORE + timedelta(days=1)
FIRST = Stamp("acme", 1, OLD)


def insert_jobs(engine: Engine, *rows: dict[str, Any]) -> None:
    same = {"account_id": "acme", "snapshot_id": 1, "first_seen_at": OLD, "last_changed_at": OLD}
    with engine.begin() as connection:
        insert_run(connection, FIRST)
        for row in rows:
            connection.execute(insert(JOBS).values({"status": "completed", **same, **row}))


def insert_rejects(engine: Engine, *rows: dict[str, Any]) -> None:
    same = {"account_id": "acme", "snapshot_id": 1, "reason": "x", "rejected_at": NEW}
    with engine.begin() as connection:
        insert_run(connection, FIRST)
        for row in rows:
            payload = json.dumps(row.pop("record"))
            connection.execute(insert(REJECTS).values({**same, **row, "payload": payload}))


def ids(engine: Engine, column: Any) -> list[Any]:
    with engine.connect() as connection:
        return sorted(connection.execute(select(column)).scalars(), key=str)


def removed(engine: Engine, *account_ids: str) -> Removed:
    return total(prune.prune(engine, [Old(name, BEFORE) for name in account_ids or ("acme",)]))


def test_jobs_go_with_all_their_rows(syncer: Syncer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prune, "AT_ONCE", 4)
    history(syncer.account, 30)
    syncer.account.add_job(id=9, status="running")
    syncer()
    job_ids = sorted(syncer.account.jobs)
    middle = datetime.fromisoformat(syncer.account.jobs[job_ids[11]]["completed_at"])
    stay = set(job_ids[11:]) | {9}
    assert pruned_before(syncer, middle) == Removed(jobs=len(syncer.account.jobs) - len(stay))
    assert {row["id"] for row in syncer.rows(JOBS)} == stay
    children = {row["id"] for row in syncer.rows(OUTPUTS)}
    assert {row["job_id"] for row in syncer.rows(OUTPUTS)} <= stay
    assert {row["output_id"] for row in syncer.rows(FIELDS)} <= children
    assert {row["job_id"] for row in syncer.rows(CHANGES)} == stay
    known = {row["job_id"]: row for row in syncer.rows(PRUNED)}
    assert known.keys() == {*job_ids} - stay
    for job_id, row in known.items():
        job = syncer.account.jobs[job_id]
        at = datetime.fromisoformat(job["updated_at"])
        assert (row["status"], row["updated_at"], row["gone_at"]) == (job["status"], at, None)
        assert (row["account_id"], row["created_at"]) == ("acme", at)
    assert pruned_before(syncer, middle) == Removed()


@sqlite
@pytest.mark.parametrize(
    ("job", "goes"),
    [
        ({"finished_at": OLD}, True),
        ({"finished_at": BEFORE}, False),
        ({"finished_at": OLD, "gone_at": NEW}, True),
        ({"finished_at": NEW, "gone_at": NEW}, False),
        ({"status": "running", "gone_at": OLD}, True),
        ({"status": "running", "gone_at": NEW}, False),
        ({"status": "running", "created_at": OLD}, False),
        ({"created_at": OLD}, False),
    ],
)
def test_its_end_decides_and_else_when_it_was_gone(
    engine: Engine, job: dict[str, Any], *, goes: bool
) -> None:
    insert_jobs(engine, {"id": 1, **job})
    assert prune.count(engine, Old("acme", BEFORE)).jobs == goes
    assert removed(engine).jobs == goes
    with engine.connect() as connection:
        rows = connection.execute(select(PRUNED.c.job_id, PRUNED.c.gone_at)).all()
    assert [*map(tuple, rows)] == ([(1, job.get("gone_at"))] if goes else [])


def record(at: datetime | None, job_id: int | None = 7) -> dict[str, Any]:
    return {"id": job_id, "status": "failed", "updated_at": None if at is None else at.isoformat()}


@sqlite
@pytest.mark.parametrize(
    ("reject", "job_finished_at", "expected"),
    [
        # reject, when the stored job finished: (jobs, records) that go
        ({"record": record(OLD)}, None, (0, 1)),
        ({"record": record(NEW)}, None, (0, 0)),
        ({"record": record(None)}, None, (0, 0)),
        ({"record": record(None), "rejected_at": OLD}, None, (0, 1)),
        ({"record": record(OLD)}, OLD, (1, 1)),
        ({"record": record(NEW)}, OLD, (0, 0)),
        ({"record": record(OLD)}, NEW, (0, 0)),
        ({"record": None}, OLD, (1, 1)),
        ({"record": None}, None, (0, 0)),
        ({"record": None, "rejected_at": OLD}, None, (0, 1)),
        ({"record": record(OLD), "job_id": None}, None, (0, 0)),
    ],
)
def test_records_set_aside_go_by_their_own_times(
    engine: Engine,
    reject: dict[str, Any],
    job_finished_at: datetime | None,
    expected: tuple[int, int],
) -> None:
    if job_finished_at is not None:
        insert_jobs(engine, {"id": 7, "finished_at": job_finished_at})
    insert_rejects(engine, {"job_id": 7, **reject})
    planned = prune.count(engine, Old("acme", BEFORE))
    assert (planned.jobs, planned.rejected) == expected
    found = removed(engine)
    assert (found.jobs, found.rejected) == expected
    assert len(ids(engine, REJECTS.c.id)) == 1 - expected[1]
    # A job of which nothing came and nothing is stored leaves nothing to recognise it by.
    is_known = expected[0] or (expected[1] and reject["record"] is not None)
    assert ids(engine, PRUNED.c.job_id) == ([7] if is_known else [])


@sqlite
def test_runs_go_that_no_row_refers_to(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prune, "AT_ONCE", 2)
    run = {"account_id": "acme", "kind": "full", "status": "completed", **dict.fromkeys(COUNTS, 0)}
    insert_jobs(engine, {"id": 1, "finished_at": NEW})  # by run 1
    insert_rejects(engine, {"job_id": None, "record": record(NEW, None), "snapshot_id": 2})
    old = {**run, "started_at": OLD, "finished_at": OLD}
    runs: list[dict[str, Any]] = [
        *({"id": n, **old} for n in (2, 3, 4, 5)),
        {"id": 6, **old, "watermark": OLD},
        {"id": 7, **old, "finished_at": BEFORE},
        {"id": 8, **old, "finished_at": None},
        *({"id": n, **old} for n in (9, 10)),
    ]
    with engine.begin() as connection:
        connection.execute(update(SNAPSHOTS).values(finished_at=OLD))
        for row in runs:
            connection.execute(insert(SNAPSHOTS).values(row))
    assert prune.count(engine, Old("acme", BEFORE)) == Removed(runs=4)
    assert removed(engine) == Removed(runs=4)
    # By a job, by a record, the last complete one, too young, without an end, the last one.
    assert sorted(ids(engine, SNAPSHOTS.c.id)) == [1, 2, 6, 7, 8, 10]


@pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
def test_a_batch_is_read_from_the_index(engine: Engine) -> None:
    """Else each batch would sort all old jobs, which takes hours for a million."""
    insert_jobs(engine, *({"id": n, "finished_at": OLD} for n in range(1, 100)))
    statements: list[str] = []

    @event.listens_for(engine, "before_cursor_execute")
    def explain(connection: Any, _cursor: Any, statement: str, given: Any, *_: Any) -> None:
        if "LIMIT" in statement and "finished_at AS at" in statement:
            is_sqlite = engine.dialect.name == "sqlite"
            cursor = connection.connection.cursor()
            if not is_sqlite:
                cursor.execute("set local enable_seqscan = off")
            cursor.execute(f"explain {'query plan ' if is_sqlite else ''}{statement}", given)
            statements.append("\n".join(str(row) for row in cursor.fetchall()))

    assert removed(engine).jobs == 99
    assert statements
    for plan in statements:
        assert "ix_jobs_account_id_gone_at_finished_at" in plan
        assert "Presorted Key" in plan or "Sort" not in plan


@sqlite
def test_other_accounts_keep_theirs_and_a_busy_one_too(engine: Engine) -> None:
    for n, name in enumerate(("acme", "beta", "gamma")):
        add(engine, name, 10 * n + 1, 10 * n + 2)
    with engine.begin() as connection:
        connection.execute(update(JOBS).values(finished_at=OLD))
    with lock(engine, "acme"), pytest.raises(Stopped, match="a run of account acme is in progress"):
        removed(engine, "acme", "beta")
    assert ids(engine, JOBS.c.account_id) == ["acme", "acme", "gamma", "gamma"]
    assert removed(engine, "acme").jobs == 2


@sqlite
def test_it_holds_the_lock_and_lets_go_of_it(engine: Engine) -> None:
    add(engine, "acme", 1)
    with engine.begin() as connection:
        connection.execute(update(JOBS).values(finished_at=OLD))
    with closing(prune.prune(engine, [Old("acme", BEFORE)])) as batches:
        assert next(batches) == Removed(jobs=1)
        with lock(engine, "acme") as taken:
            assert taken is None
    with lock(engine, "acme") as taken:
        assert taken is not None


def test_a_batch_leaves_nothing_that_only_the_collector_frees(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It seldom runs, so what is left of each batch would grow with the jobs."""
    monkeypatch.setattr(prune, "AT_ONCE", 1)
    add(engine, "acme", 1, 2, 3)
    left = []
    for each in prune.prune(engine, [Old("acme", datetime.now(UTC))]):
        assert each.jobs
        left.append(gc.collect())
        if len(left) == 3:
            break
    assert left[1:] == [0, 0]
