"""What goes to the driver past SQLAlchemy: the same rows, and as few statements as can be."""

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from runs import insert_run
from samples import job
from sqlalchemy import Connection, Engine, event, exc, select, text

from snapshotter.api import records
from snapshotter.errors import Stopped
from snapshotter.flatten import JobRows
from snapshotter.redact import Redaction
from snapshotter.store.bulk import encode, insert_encoded
from snapshotter.store.engine import named_errors, open_engine
from snapshotter.store.load import Loaded, Mode, load
from snapshotter.store.prepared import Prepared, prepare
from snapshotter.store.tables import CHANGES, FIELDS, JOBS, OUTPUTS
from snapshotter.store.write import Stamp

FIRST = Stamp("acme", 1, datetime(2026, 1, 5, 1, 2, 3, 456789, tzinfo=UTC))
SECOND = Stamp("acme", 2, datetime(2026, 1, 6, tzinfo=UTC))


def prepared(document: dict[str, Any]) -> Prepared:
    return prepare(records.read(json.dumps(document).encode()), Redaction())


def batch(count: int, **fields: Any) -> list[Prepared]:
    """Return `count` jobs of two outputs each, of ten fields each."""
    names = [f"field {place}" for place in range(10)]
    return [
        prepared(
            job(
                id=number,
                outputs=[
                    {"id": number * 10 + place, "records_count": 5, "component": {"fields": names}}
                    for place in (1, 2)
                ],
                **fields,
            )
        )
        for number in range(1, count + 1)
    ]


@contextmanager
def statements_of(engine: Engine) -> Iterator[list[str]]:
    """Return the statements of the block: each one's verb, and its first table if it has one."""
    statements: list[str] = []

    def note(*given: Any) -> None:
        words = given[2].replace("\n", " ").split()
        named = [word for word in words if word in ("jobs", *tables)]
        statements.append(" ".join([words[0].lower(), *named[:1]]))

    tables = ("job_outputs", "output_fields", "job_changes")
    event.listen(engine, "before_cursor_execute", note)
    yield statements
    event.remove(engine, "before_cursor_execute", note)


def put(engine: Engine, run: Stamp, jobs: list[Prepared]) -> Loaded:
    with engine.begin() as connection:
        insert_run(connection, run)
        return load(connection, run, jobs)


def sent(engine: Engine, run: Stamp, jobs: list[Prepared]) -> list[str]:
    with engine.begin() as connection:
        insert_run(connection, run)
    with engine.begin() as connection, statements_of(engine) as statements:
        load(connection, run, jobs)
    # Only the names of savepoints differ from engine to engine.
    return [statement.removesuffix(" savepoint") for statement in statements]


def inserts(engine: Engine, *tables: str) -> list[str]:
    verb = "copy" if engine.dialect.name == "postgresql" else "insert"
    return [f"{verb} {table}" for table in tables]


def insert_fields(connection: Connection, rows: list[tuple[int, int, str]]) -> None:
    names = tuple(FIELDS.columns.keys())
    encoded = encode(connection.dialect, FIELDS, names, rows)
    insert_encoded(connection, FIELDS, names, encoded)


def test_a_batch_of_new_jobs_is_a_statement_a_table(engine: Engine) -> None:
    assert sent(engine, FIRST, batch(16)) == [
        "select jobs",
        "savepoint",
        *inserts(engine, "jobs", "job_outputs", "output_fields", "job_changes"),
        "select",  # whether the account's outputs are counted by day
        "release",
    ]


def test_an_unchanged_batch_is_only_read(engine: Engine) -> None:
    put(engine, FIRST, batch(16))
    assert sent(engine, SECOND, batch(16)) == [
        "select jobs",
        "select job_outputs",
        "select output_fields",
    ]


def test_of_a_batch_that_moved_only_the_jobs_are_read(engine: Engine) -> None:
    put(engine, FIRST, batch(16, status="running"))
    assert sent(engine, SECOND, batch(16)) == [
        "select jobs",
        "savepoint",
        "select job_outputs",  # whose fields go
        "delete output_fields",
        "delete job_outputs",
        "update jobs",
        *inserts(engine, "job_outputs", "output_fields", "job_changes"),
        "select",  # whether the account's outputs are counted by day
        "release",
    ]


def test_a_batch_that_changed_without_moving_leaves_no_history(engine: Engine) -> None:
    put(engine, FIRST, batch(16))
    assert sent(engine, SECOND, batch(16, errors="late words")) == [
        "select jobs",
        "select job_outputs",  # for their records
        "savepoint",
        "select job_outputs",
        "delete output_fields",
        "delete job_outputs",
        "update jobs",
        *inserts(engine, "job_outputs", "output_fields"),
        "select",  # whether the account's outputs are counted by day
        "release",
    ]


def rows_written(connection: Connection) -> int:
    """Return how many rows were ever inserted, updated or deleted, as far as the engine counts."""
    match connection.dialect.name:
        case "sqlite":
            driver: Any = connection.connection.driver_connection
            return int(driver.total_changes)
        case "postgresql":
            counted = "sum(n_tup_ins + n_tup_upd + n_tup_del) from pg_stat_xact_user_tables"
            return int(connection.execute(text(f"select {counted}")).scalar_one())
        case _:
            counted = "'Handler_write', 'Handler_update', 'Handler_delete'"
            status = text(f"show session status where Variable_name in ({counted})")
            return sum(int(row[1]) for row in connection.execute(status))


def test_an_unchanged_batch_writes_no_row(engine: Engine) -> None:
    jobs = batch(20)
    put(engine, FIRST, jobs)
    with engine.begin() as connection:
        insert_run(connection, SECOND)
        before = rows_written(connection)
        assert load(connection, SECOND, jobs) == Loaded([], [], {})
        assert rows_written(connection) == before
        changed = [*jobs[:-1], prepared(job(id=20, outputs=None))]
        assert load(connection, SECOND, changed) == Loaded([], [20], {})
        # The job with its history; of its own, two outputs and twenty fields went.
        assert rows_written(connection) == before + 24


@pytest.mark.slow
@pytest.mark.parametrize("bad", [0, 500, 999])
def test_of_a_thousand_jobs_a_bad_one_is_refused_alone(engine: Engine, bad: int) -> None:
    put(engine, FIRST, [prepared(job(id=2_000, outputs=[{"id": 7}]))])
    jobs = batch(1_000)
    jobs[bad].rows.outputs[1]["id"] = 7
    jobs[bad].rows.fields.clear()
    with engine.begin() as connection:
        insert_run(connection, SECOND)
    with engine.begin() as connection, statements_of(engine) as statements:
        loaded = load(connection, SECOND, jobs)
    reason = f"job {bad + 1}: output 7 already belongs to job 2000, at `$.outputs[1].id`"
    assert loaded == Loaded([n for n in range(1, 1_001) if n != bad + 1], [], {bad + 1: reason})
    assert sum(statement.startswith("savepoint") for statement in statements) <= 21
    with engine.connect() as connection:
        stored = connection.execute(select(JOBS.c.id).order_by(JOBS.c.id)).scalars().all()
        fields = connection.execute(select(FIELDS)).all()
    assert stored == [*loaded.inserted, 2_000]
    assert len(fields) == 999 * 20


@pytest.mark.parametrize("count", [1, 3_332, 3_333, 3_334, 6_666, 10_000])
def test_any_number_of_fields_goes_in(engine: Engine, count: int) -> None:
    names = [f"field {place}" for place in range(count)]
    put(engine, FIRST, [prepared(job(outputs=[{"id": 70, "component": {"fields": names}}]))])
    with engine.connect() as connection:
        stored = connection.execute(select(FIELDS).order_by(FIELDS.c.position)).all()
    assert stored == [(70, place, name) for place, name in enumerate(names, 1)]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_sqlite_takes_many_fields_in_one_statement(engine: Engine) -> None:
    """Two hundred jobs have 4,000 fields: 3,333 in one statement, and the others one by one."""
    assert sent(engine, FIRST, batch(200)).count("insert output_fields") == 2


def test_no_rows_are_no_statement(engine: Engine) -> None:
    with engine.begin() as connection, statements_of(engine) as statements:
        insert_fields(connection, [])
        assert load(connection, FIRST, []) == Loaded([], [], {})
    assert statements == []


def test_a_time_without_a_zone_is_an_error(engine: Engine) -> None:
    (naive,) = batch(1)
    naive.rows.job["started_at"] = datetime(2026, 1, 5)  # noqa: DTZ001 - just that
    with pytest.raises(ValueError, match="a time without a time zone"):
        put(engine, FIRST, [naive])


def test_records_past_64_bits_do_not_end_a_run(engine: Engine) -> None:
    most = 2**63 - 1
    outputs = [{"id": 70, "records_count": most}, {"id": 71, "records_count": most}]
    assert put(engine, FIRST, [prepared(job(outputs=outputs))]).inserted == [7]
    assert put(engine, SECOND, [prepared(job(outputs=outputs))]) == Loaded([], [], {})
    with engine.connect() as connection:
        assert connection.execute(select(CHANGES.c.records_count)).scalar_one() == most


odd = st.sampled_from(
    [
        *("\\N", "\\.", "\\", "\t", "\n", "\r\n", "a\tb\\n", "'", '"', "%s", "?", ":x", "$1", "{}"),
        *("\0", "\x1a", "\x1f", "\x7f", "\u2028", "\ufffe", "\N{PILE OF POO}", "e\u0301", "", " "),
    ]
)
words = st.none() | odd | st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
integers = st.none() | st.integers(-(2**63), 2**63 - 1) | st.sampled_from([-(2**63), 2**63 - 1])
fractions = st.none() | st.floats(0, 1)
times = st.none() | st.datetimes(
    datetime(1, 1, 2),  # noqa: DTZ001 - the strategy adds the zone
    datetime(9999, 12, 30),  # noqa: DTZ001
    timezones=st.builds(
        timezone, st.integers(-14 * 60, 14 * 60).map(lambda m: timedelta(minutes=m))
    ),
).map(datetime.isoformat)
leaves = st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(-1e300, 1e300) | words
documents = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words.map(str), inner, max_size=3),
    max_leaves=6,
)
objects = st.none() | st.dictionaries(words.map(str), documents, max_size=3)
components = st.fixed_dictionaries(
    {}, optional={"name": words, "type": words, "fields": st.lists(words.map(str), max_size=4)}
)
outputs = st.lists(
    st.fixed_dictionaries(
        {"id": st.integers(1, 2**63 - 1)},
        optional={
            **dict.fromkeys(("name", "url", "preview_url", "preview_type"), words),
            **dict.fromkeys(("created_at", "updated_at"), times),
            "records_count": integers,
            "progress": fractions,
            "component": components,
            "unheard of": documents,
        },
    ),
    max_size=3,
    unique_by=lambda output: str(output["id"]),
)
jobs = st.fixed_dictionaries(
    {"id": st.integers(1, 2**63 - 1)},
    optional={
        **dict.fromkeys(("errors", "url", "html_url", "log_url"), words),
        **dict.fromkeys(
            ("created_at", "started_at", "failed_at", "completed_at", "updated_at"), times
        ),
        **dict.fromkeys(("owner_id", "outputs_count", "runtime_in_seconds", "attempts"), integers),
        **dict.fromkeys(("variables", "dynamic_variables"), objects),
        "status": st.sampled_from(["completed", "failed", "running", "a new one"]),
        "progress": fractions,
        "package": st.fixed_dictionaries({"name": words, "updated_at": times, "unheard": words}),
        "cluster": st.fixed_dictionaries({"name": words, "available_since": times}),
        "outputs": outputs,
        "unheard of": documents,
    },
)


def stored(connection: Connection) -> JobRows:
    """Read the one job back as SQLAlchemy returns it."""
    row = dict(connection.execute(select(JOBS)).mappings().one())
    for name in ("account_id", "first_seen_at", "last_changed_at", "snapshot_id", "gone_at"):
        del row[name]
    outputs = connection.execute(select(OUTPUTS).order_by(OUTPUTS.c.id)).mappings()
    fields = connection.execute(select(FIELDS).order_by(FIELDS.c.output_id, FIELDS.c.position))
    return JobRows(row, [dict(output) for output in outputs], [tuple(field) for field in fields])


@pytest.mark.slow
@given(document=jobs)
@example(document={"id": 1, "created_at": "0001-01-01T00:00:00Z", "unheard of": -(2**70)})
@example(document={"id": 1, "updated_at": "9999-12-31T23:59:59.999999Z", "errors": "\0\\N\t"})
@example(document={"id": 1, "unheard of": [1e23, 5e-324, 1.7976931348623157e308, 1e16, -0.0, 1.10]})
@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_job_reads_back_as_it_was_given(engine: Engine, document: dict[str, Any]) -> None:
    answer = prepared(document)
    given = answer.rows
    given.outputs.sort(key=lambda output: int(output["id"]))
    with engine.connect() as connection:
        for run, expected in (
            (FIRST, Loaded([given.job["id"]], [], {})),
            (SECOND, Loaded([], [], {})),  # the comparison sees no difference either
        ):
            insert_run(connection, run)
            assert load(connection, run, [answer]) == expected
            found = stored(connection)
            assert found.job == given.job
            assert found.outputs == given.outputs
            assert found.fields == sorted(given.fields)
        # The other way to write: all of the job is changed into it.
        load(connection, FIRST, [prepared(job(id=given.job["id"]))], Mode(overwrite=True))
        load(connection, SECOND, [answer], Mode(overwrite=True))
        assert stored(connection)._replace(fields=[]) == given._replace(fields=[])
        connection.rollback()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_sqlite_keeps_a_time_to_the_millisecond_or_further(engine: Engine) -> None:
    put(engine, FIRST, batch(1, updated_at="2026-01-02T12:04:05.1+09:00"))
    with engine.connect() as connection:
        kept = text("select updated_at, created_at, last_changed_at, run_date from jobs")
        assert connection.execute(kept).one() == (
            "2026-01-02 03:04:05.100",
            "2026-01-02 03:04:05.000",
            "2026-01-05 01:02:03.456789",
            "2026-01-02",
        )


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_lost_server_is_one_line_in_a_copy_too(engine: Engine) -> None:
    other = open_engine(engine.url.render_as_string(hide_password=False))
    with suppress(exc.SQLAlchemyError), engine.begin() as connection:
        mine = connection.execute(text("select pg_backend_pid()")).scalar_one()
        with other.begin() as killer:
            killer.execute(text("select pg_terminate_backend(:pid, 10000)"), {"pid": mine})
        with pytest.raises(Stopped, match="the database cannot be used now: "), named_errors():
            insert_fields(connection, [(1, 1, "id")])
    other.dispose()


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_refused_copy_raises_sqlalchemys_error(engine: Engine) -> None:
    for error, fields in (
        (exc.IntegrityError, [(1, 1, "of no output")]),
        (exc.DataError, [(2**70, 1, "past 64 bits")]),
        (exc.DataError, [(1, 1, "nul \0")]),
    ):
        with pytest.raises(error), engine.begin() as connection:
            insert_fields(connection, fields)
