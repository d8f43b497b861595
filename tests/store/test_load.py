import gc
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from runs import insert_run
from samples import job
from sqlalchemy import Engine, select, text

from snapshotter.api import records
from snapshotter.errors import UsageError
from snapshotter.flatten import JobRows
from snapshotter.redact import Redaction
from snapshotter.store import rejects
from snapshotter.store.engine import open_engine
from snapshotter.store.load import Loaded, load, mark_gone
from snapshotter.store.prepared import Prepared, prepare
from snapshotter.store.tables import CHANGES, FIELDS, JOBS, OUTPUTS
from snapshotter.store.write import Stamp

FIRST = Stamp("acme", 1, datetime(2026, 1, 5, tzinfo=UTC))
SECOND = Stamp("acme", 2, datetime(2026, 1, 6, tzinfo=UTC))


def prepared(*documents: dict[str, Any]) -> list[Prepared]:
    return [prepare(records.read(json.dumps(d).encode()), Redaction()) for d in documents]


def rows(*documents: dict[str, Any]) -> list[JobRows]:
    return [each.rows for each in prepared(*documents)]


def put(engine: Engine, run: Stamp, *documents: dict[str, Any]) -> Loaded:
    with engine.begin() as connection:
        insert_run(connection, run)
        return load(connection, run, prepared(*documents))


def contents(engine: Engine) -> dict[str, list[tuple[Any, ...]]]:
    with engine.connect() as connection:
        return {
            table.name: [tuple(row) for row in connection.execute(select(table).order_by(*key))]
            for table, key in (
                (JOBS, [JOBS.c.id]),
                (OUTPUTS, [OUTPUTS.c.id]),
                (FIELDS, [FIELDS.c.output_id, FIELDS.c.position]),
                (CHANGES, [CHANGES.c.id]),
            )
        }


def test_a_job_lands_whole(engine: Engine) -> None:
    assert put(engine, FIRST, job()) == Loaded([7], [], {})
    (expected,) = rows(job())
    with engine.connect() as connection:
        stored = connection.execute(select(JOBS)).mappings().one()
        output = connection.execute(select(OUTPUTS)).mappings().one()
        change = connection.execute(select(CHANGES)).mappings().one()
    assert dict(stored) == {
        **expected.job,
        "account_id": "acme",
        "first_seen_at": FIRST.observed_at,
        "last_changed_at": FIRST.observed_at,
        "snapshot_id": 1,
        "gone_at": None,
    }
    assert dict(output) == expected.outputs[0]
    assert contents(engine)["output_fields"] == expected.fields
    assert dict(change) == {
        "id": 1,
        "job_id": 7,
        "snapshot_id": 1,
        "observed_at": FIRST.observed_at,
        "status": "completed",
        "progress": 1.0,
        "runtime_in_seconds": 110,
        "outputs_count": 1,
        "records_count": 1200,
    }


def test_the_same_again_writes_nothing(engine: Engine) -> None:
    put(engine, FIRST, job(), job(id=8, outputs=None))
    before = contents(engine)
    assert put(engine, SECOND, job(), job(id=8, outputs=None)) == Loaded([], [], {})
    assert contents(engine) == before


def test_a_changed_job_replaces_its_children(engine: Engine) -> None:
    put(engine, FIRST, job(status="running"))
    newer = job(
        updated_at="2026-01-02T04:00:00Z",
        outputs=[{"id": 71, "records_count": 5, "component": {"fields": ["total", "id", "vat"]}}],
    )
    assert put(engine, SECOND, newer) == Loaded([], [7], {})
    found = contents(engine)
    assert [row[0] for row in found["job_outputs"]] == [71]
    assert found["output_fields"] == [(71, 1, "total"), (71, 2, "id"), (71, 3, "vat")]
    assert [(row[2], row[4], row[8]) for row in found["job_changes"]] == [
        (1, "running", 1200),
        (2, "completed", 5),
    ]
    with engine.connect() as connection:
        stored = connection.execute(select(JOBS)).mappings().one()
    assert (stored["first_seen_at"], stored["last_changed_at"], stored["snapshot_id"]) == (
        FIRST.observed_at,
        SECOND.observed_at,
        2,
    )


def test_a_move_without_updated_at_is_a_change(engine: Engine) -> None:
    put(engine, FIRST, job(status="running", progress=0.1))
    assert put(engine, SECOND, job(status="running", progress=0.2)).changed == [7]
    assert [row[5] for row in contents(engine)["job_changes"]] == [0.1, 0.2]


def test_a_change_that_moves_no_state_leaves_no_history(engine: Engine) -> None:
    put(engine, FIRST, job())
    assert put(engine, SECOND, job(errors="late words")).changed == [7]
    assert len(contents(engine)["job_changes"]) == 1


def test_an_older_answer_never_overwrites_a_newer(engine: Engine) -> None:
    put(engine, FIRST, job())
    before = contents(engine)
    older = job(status="running", updated_at="2026-01-02T03:06:04Z")
    assert put(engine, SECOND, older) == Loaded([], [], {})
    assert contents(engine) == before


def test_of_two_answers_in_a_page_the_newer_counts(engine: Engine) -> None:
    newer, older = job(), job(status="running", updated_at="2026-01-02T03:05:00Z")
    assert put(engine, FIRST, newer, older) == Loaded([7], [], {})
    assert contents(engine)["jobs"][0][2] == "completed"


def test_a_change_counts_once_a_run(engine: Engine) -> None:
    put(engine, FIRST, job(status="running", progress=0.1))
    assert put(engine, FIRST, job(status="running", progress=0.2)).changed == []
    assert contents(engine)["jobs"][0][4] == 0.2


def test_a_job_of_another_account_is_an_error_that_names_both(engine: Engine) -> None:
    put(engine, FIRST, job())
    before = contents(engine)
    with pytest.raises(UsageError, match=r"job 7 of account other .* under account acme"):
        put(engine, Stamp("other", 2, SECOND.observed_at), job(id=6), job(status="running"))
    assert contents(engine) == before


def test_an_output_that_is_another_jobs_is_refused_alone(engine: Engine) -> None:
    put(engine, FIRST, job())
    thief = job(id=8, outputs=[{"id": 80}, {"id": 70}])
    loaded = put(engine, SECOND, thief, job(id=9, outputs=[{"id": 90}]))
    assert loaded.inserted == [9]
    assert loaded.refused == {8: "job 8: output 70 already belongs to job 7, at `$.outputs[1].id`"}
    assert [row[0] for row in contents(engine)["jobs"]] == [7, 9]


def test_a_gone_job_stays_and_may_come_back(engine: Engine) -> None:
    put(engine, FIRST, job())
    with engine.begin() as connection:
        insert_run(connection, SECOND)
        assert mark_gone(connection, SECOND, 7)
        assert not mark_gone(connection, SECOND, 7)
        assert not mark_gone(connection, SECOND, 99)
    assert contents(engine)["jobs"][0][-1] == SECOND.observed_at
    third = Stamp("acme", 3, datetime(2026, 1, 7, tzinfo=UTC))
    assert put(engine, third, job()).changed == [7]
    assert contents(engine)["jobs"][0][-1] is None


EXTREMES: dict[str, dict[str, Any]] = {
    "four bytes": {"errors": "\N{PILE OF POO} Ünï", "variables": {"\N{PILE OF POO}": "''"}},
    "long errors": {"errors": "e" * 70_000},
    "years": {"created_at": "1970-01-01T00:00:00Z", "updated_at": "9999-12-31T23:59:59Z"},
    "fractions of a second": {"updated_at": "2026-01-02T03:06:05.123456Z"},
    "beyond a float": {"outputs": [{"id": 70, "records_count": 2**53 + 1}]},
    "beyond 64 bits": {"new": {"n": 2**70, "f": 0.1}},
    "nul": {"errors": "a\0b", "new": "\0", "variables": {"a": "\0"}},
    "case and blanks": {"package": {"name": "Orders "}, "status": "Completed "},
    "an offset": {"created_at": "2026-01-02T12:04:05+09:00"},
}


@pytest.mark.parametrize("name", EXTREMES)
def test_every_engine_returns_what_it_was_given(engine: Engine, name: str) -> None:
    document = job(**EXTREMES[name])
    put(engine, FIRST, document)
    assert put(engine, SECOND, document) == Loaded([], [], {})
    (expected,) = rows(document)
    with engine.connect() as connection:
        stored = connection.execute(select(JOBS)).mappings().one()
    assert {column: stored[column] for column in expected.job} == expected.job


@pytest.mark.slow
def test_a_reader_sees_no_half_job(engine: Engine) -> None:
    with engine.begin() as connection:
        insert_run(connection, FIRST)
    with engine.connect() as writer, writer.begin() as transaction:
        load(writer, FIRST, prepared(job()))
        other = open_engine(engine.url.render_as_string(hide_password=False), read_only=True)
        with other.connect() as reader:
            assert reader.execute(text("select count(*) from jobs")).scalar() == 0
        other.dispose()
        transaction.commit()
    assert len(contents(engine)["jobs"]) == 1


def test_a_load_leaves_nothing_that_only_the_collector_frees(engine: Engine) -> None:
    """It seldom runs during a load, so what is left of each page would grow with the jobs."""
    put(engine, FIRST, job())
    (output,) = job()["outputs"]
    for number in (8, 9):  # the first of them fills caches
        batch = prepared(job(id=number, outputs=[{**output, "id": number}]))
        gc.collect()
        with engine.begin() as connection:
            assert load(connection, FIRST, batch).inserted == [number]
            rejects.forget(connection, "acme", [number])
        left = gc.collect()
    assert left == 0


@pytest.mark.parametrize("change", [{}, {"status": "failed"}, {"owner_id": 9}])
def test_a_second_load_leaves_nothing_either(engine: Engine, change: dict[str, Any]) -> None:
    (output,) = job()["outputs"]
    documents = [job(id=n, outputs=[{**output, "id": n}]) for n in (8, 9)]
    put(engine, FIRST, *documents)
    put(engine, SECOND)
    for document in documents:  # the first of them fills caches
        batch = prepared(document | change)
        gc.collect()
        with engine.begin() as connection:
            loaded = load(connection, SECOND, batch)
        left = gc.collect()
        assert loaded.changed == ([document["id"]] if change else [])
    assert left == 0
