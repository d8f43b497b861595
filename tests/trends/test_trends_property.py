"""Each trend against its reference, on random accounts, on every engine and on Parquet in DuckDB.

`TRENDS=recovery,retries` narrows it to some trends; `EXAMPLES=500` tries that many, new each time.
"""

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from reference import REFERENCE
from runs import insert_run, replace
from sqlalchemy import (
    BigInteger,
    Boolean,
    Connection,
    Date,
    Double,
    Engine,
    Integer,
    SmallInteger,
    Table,
    delete,
    select,
    text,
)

from snapshotter import statements
from snapshotter.api.records import read
from snapshotter.models import METADATA, UTCDateTime
from snapshotter.redact import Redaction
from snapshotter.statuses import FINAL_STATUSES
from snapshotter.store.load import load, mark_gone
from snapshotter.store.prepared import prepare
from snapshotter.store.write import Stamp
from snapshotter.times import epoch
from snapshotter.trends import trends
from snapshotter.trends.filters import Filters
from snapshotter.trends.values import normalized

Run_ = Callable[[str, Filters], list[tuple[Any, ...]]]
TABLES = [
    METADATA.tables[name]
    for name in (
        *("jobs", "job_outputs", "output_fields", "output_days", "accounts", "snapshots"),
        "log_summaries",
    )
]
ACCOUNT = METADATA.tables["accounts"]
CALENDAR = METADATA.tables["calendar"]
CHOSEN = [name for name in os.environ.get("TRENDS", "").split(",") if name] or list(REFERENCE)
EXAMPLES = os.environ.get("EXAMPLES")
STEPS = "runtime_steps"  # which needs more days than the other trends


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


# Few, so that some are the same: about the ends of an hour, a day, a week, a year.
MOMENTS = [
    moment("2025-12-31T23:59:59.500000"),
    moment("2026-01-01T00:00:00"),
    moment("2026-01-04T22:30:00"),
    moment("2026-01-05T00:00:00"),
    moment("2026-01-05T00:10:00"),
    moment("2026-01-05T00:59:59.999999"),
    moment("2026-01-05T01:00:00"),
    moment("2026-01-05T01:00:01"),
    moment("2026-01-06T12:00:00.250000"),
    moment("2026-01-07T12:00:00"),
    moment("2026-01-12T03:00:00"),
    moment("2026-01-13T03:20:00"),
]
SLOWER_FROM = MOMENTS[10]
# What no job can be: of one job in five, one thing or another is of these.
ODD_MOMENTS = [
    moment("0001-01-01T00:00:00"),
    moment("1970-01-01T00:00:00"),
    moment("2009-12-31T23:00:00"),
    moment("2013-05-06T07:08:09"),
    moment("2046-01-01T00:00:00"),
    moment("2049-12-31T23:30:00"),
    moment("9999-12-31T23:59:59.999999"),
]
ODD_SECONDS = [-(2**63), -7210, -1, 10**9, 10**9 + 1, 2**62, 2**63 - 1]
ODD_NODES = [-(2**63), -1, 10**6, 10**6 + 1, 2**63 - 1]
ODD_RECORDS = [-(2**63), -1, 10**16, 10**16 + 1, 2**63 - 1]
LONG_AGO = timedelta(days=20 * 365)  # before the calendar
STATUSES = ["completed"] * 5 + ["failed"] * 3 + ["stopped", "running", "queued", "paused", None]
ACCOUNTS = ["acme", "other"]


@dataclass
class History:
    jobs: list[tuple[str, dict[str, Any]]]  # account and document
    gone: list[int]
    accounts: list[dict[str, Any]]
    snapshots: list[dict[str, Any]]
    filters: list[Filters] = field(default_factory=list)
    trends: list[str] = field(default_factory=lambda: CHOSEN)


def one_of(*values: Any) -> st.SearchStrategy[Any]:
    return st.sampled_from(values)


def sent(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


outputs = st.lists(
    st.fixed_dictionaries(
        {
            "name": one_of("a", "a", "A", None),
            "records_count": one_of(0, 1, 5, 5, 40, None),
            "component": st.none()
            | st.fixed_dictionaries(
                {
                    "name": one_of("x", "x", None),
                    "fields": st.lists(one_of("a", "b", "c", "A"), max_size=4)
                    | one_of(None, ["a", "b", "c"]),
                }
            ),
        }
    ),
    max_size=3,
)


@st.composite
def jobs(draw: st.DrawFn, job_id: int, *, backwards: bool) -> dict[str, Any]:
    """Return a job as the API returns it."""
    status = draw(one_of(*STATUSES))
    places = sorted(draw(st.lists(st.integers(0, len(MOMENTS) - 1), min_size=3, max_size=3)))
    created, started, finished = (MOMENTS[place] for place in places)
    shift = timedelta(0)
    if status in FINAL_STATUSES and draw(st.integers(0, 9)) == 9:
        shift = LONG_AGO
    lost = draw(one_of(*[()] * 7, ("created_at",), ("started_at",), ("created_at", "started_at")))
    number = draw(one_of(1, 1, 1, 1, 2, 2, 3, 4, None))
    seconds = draw(one_of(*[0, 10, 10, 11, 12] * 2, 600, 700_000, None))
    if seconds is not None and finished >= SLOWER_FROM:
        seconds *= 4  # so that some packages become slower
    made = draw(outputs)
    for place, output in enumerate(made):
        output["id"] = (1000 - job_id if backwards else job_id) * 10 + (place * 7 + 5) % 10
    job = {
        "id": job_id,
        "status": status,
        "package_id": number,
        "package": draw(
            one_of(
                None,
                {"name": None},
                {"name": f"package {number}"},
                {"name": "renamed"},
            )
        ),
        "created_at": None if "created_at" in lost else sent(created - shift),
        "started_at": None if "started_at" in lost else sent(started - shift),
        "completed_at": draw(one_of(*[sent(finished - shift)] * 4, None)),
        "runtime_in_seconds": seconds,
        "errors": draw(
            one_of(None, "", "  ", "row 12 is bad", "row 345 is bad", "Row 1 is bad", "timeout")
        ),
        "creator": draw(
            one_of(
                *[{"type": "Schedule", "id": 7}] * 3,
                {"type": "Schedule", "id": 8},
                {"type": "Schedule"},
                {"type": "User", "id": 7},
                None,
            )
        ),
        "attempts": draw(one_of(0, 0, 1, 2, 3, None)),
        "cluster_id": draw(one_of(1, 1, 2, None)),
        "cluster": draw(
            st.none()
            | st.fixed_dictionaries(
                {
                    "name": one_of("small", "big", None),
                    "nodes": one_of(1, 2, 5, None),
                    "available_since": one_of(None, *map(sent, MOMENTS)),
                }
            )
        ),
        "outputs": made,
    }
    if draw(st.integers(0, 4)) == 4:
        draw(made_odd(job))
    return job


@st.composite
def made_odd(draw: st.DrawFn, job: dict[str, Any]) -> None:
    """Put an impossible value into a job."""
    what = draw(one_of("created_at", "started_at", "completed_at", "seconds", "nodes", "records"))
    if what == "seconds":
        job["runtime_in_seconds"] = draw(one_of(*ODD_SECONDS))
    elif what == "nodes":
        job["cluster"] = {"nodes": draw(one_of(*ODD_NODES))}
    elif what == "records":
        for output in job["outputs"]:
            output["records_count"] = draw(one_of(*ODD_RECORDS))
    else:
        job[what] = sent(draw(one_of(*ODD_MOMENTS)))


@st.composite
def packages_edited(draw: st.DrawFn, job: dict[str, Any]) -> None:
    if job["package"] is not None:
        at = draw(one_of(None, None, *map(sent, MOMENTS)))
        job["package"] = {**job["package"], "updated_at": at}


days = one_of(*map(date.fromisoformat, ("2025-12-31", "2026-01-01", "2026-01-05", "2026-01-06")))


@st.composite
def filters(draw: st.DrawFn) -> Filters:
    since = draw(st.none() | days)
    later = date(2026, 1, 7), date(2026, 1, 13)
    return Filters(
        since,
        draw(st.none() | one_of(*later)),
        draw(one_of(None, None, 1, 2, 99)),
        draw(one_of(None, None, None, *ACCOUNTS)),
    )


def times(name: str, at: datetime | None) -> dict[str, Any]:
    return {name: at, f"{name.removesuffix('_at')}_epoch": epoch(at)}


@st.composite
def snapshots(draw: st.DrawFn, number: int) -> dict[str, Any]:
    started, finished = sorted(draw(st.tuples(one_of(*MOMENTS), one_of(*MOMENTS))))
    counts = ("requests", "pages", "jobs_seen", "jobs_inserted", "jobs_changed", "jobs_unchanged")
    return {
        "id": number,
        "account_id": draw(one_of(*ACCOUNTS)),
        "kind": draw(one_of("full", "incremental")),
        "status": draw(one_of("running", "completed", "failed")),
        **times("started_at", started),
        **times("finished_at", draw(one_of(None, finished, finished, started, MOMENTS[0]))),
        **times("watermark", draw(st.none() | one_of(*MOMENTS, ODD_MOMENTS[4]))),
        **{count: number * 10 + place for place, count in enumerate(counts)},
        "jobs_rejected": draw(one_of(0, 2)),
        "credits_spent": draw(one_of(None, 3)),
        "credits_remaining": draw(one_of(None, 40)),
        "error": draw(one_of(None, "no answer")),
    }


@st.composite
def histories(draw: st.DrawFn) -> History:
    backwards = draw(st.booleans())
    second = draw(st.booleans())
    size = draw(one_of(0, 1, 2, 3, 5, 8, 12, 20, 30, 40, 40))
    of_one = size > 20 and draw(st.booleans())  # enough runs of a package to find a regression
    was_idle = draw(st.integers(0, 3)) == 3
    numbered: list[tuple[str, dict[str, Any]]] = []
    for job_id in range(1, size + 1):
        job = draw(jobs(job_id, backwards=backwards))
        draw(packages_edited(job))
        if of_one and job_id % 8:
            job |= {"package_id": 1, "status": "completed"}
        if was_idle and (job["completed_at"] or "") < SLOWER_FROM.isoformat():
            job["runtime_in_seconds"] = 0
        numbered.append((ACCOUNTS[second and job_id % 3 == 0], job))
    gone = [job_id for job_id in range(1, size + 1) if draw(st.integers(0, 9)) == 9]
    known = [
        {"account_id": name, "api_url": "https://api", **times("watermark", watermark)}
        for name in ACCOUNTS
        if (watermark := draw(st.none() | one_of(*MOMENTS))) or draw(st.booleans())
    ]
    taken = [draw(snapshots(number)) for number in range(1, draw(st.integers(0, 5)) + 1)]
    return History(numbered, gone, known, taken, [Filters(), draw(filters()), draw(filters())])


@st.composite
def stepped(draw: st.DrawFn) -> History:
    """Return jobs of two accounts on many days, of packages that may become slower on one."""
    numbered: list[tuple[str, dict[str, Any]]] = []
    for package, account in ((1, "acme"), (1, "other"), (2, "other")):
        days = draw(st.integers(8, 44))
        step, factor = draw(st.integers(0, days)), draw(one_of(1, 1.5, 2, 3))
        usual = draw(one_of((10, 11, 12), (10,), (0, 10), (10, 30), (10**9 // 3, 10**9 // 3 - 1)))
        for day in range(days):
            began = MOMENTS[0] + timedelta(days=day)
            for _ in range(draw(one_of(1, 1, 1, 2, 0))):
                seconds = draw(one_of(*usual)) * (factor if day >= step else 1)
                number = len(numbered) + 1
                times = dict.fromkeys(("created_at", "started_at", "completed_at"), sent(began))
                named = {"package_id": package, "package": {"name": "the same"}}
                own = {"id": number, "status": "completed", "runtime_in_seconds": int(seconds)}
                numbered.append((account, {**own, **named, **times}))
    limited = Filters(MOMENTS[0].date() + timedelta(days=9))
    chosen = [Filters(), limited, Filters(package_id=1), Filters(account_id="other")]
    return History(numbered, [], [], [], chosen, [name for name in CHOSEN if name == STEPS])


def property_test(test: Callable[..., None]) -> Callable[..., None]:
    """Try the same histories in each run, unless `EXAMPLES` asks for others."""
    return settings(
        max_examples=int(EXAMPLES or 40),
        derandomize=EXAMPLES is None,
        database=None,
        deadline=None,
        # To make a failure small takes minutes if all trends run.
        phases=[Phase.generate, Phase.shrink] if "TRENDS" in os.environ else [Phase.generate],
        suppress_health_check=[*HealthCheck],
    )(given(histories() | stepped())(test))


@pytest.fixture
def calendar(engine: Engine) -> pd.DataFrame:
    with engine.connect() as connection:
        return frame(connection, CALENDAR)


def store(engine: Engine, history: History) -> None:
    """Replace what is stored by a history."""
    with engine.begin() as connection:
        for table in reversed(METADATA.sorted_tables):
            if table is not CALENDAR:
                connection.execute(delete(table))
        for account in ACCOUNTS:
            run = Stamp(account, 1, MOMENTS[-1])
            insert_run(connection, run)
            began = {"id": run.snapshot_id, "started_epoch": int(run.observed_at.timestamp())}
            replace(connection, METADATA.tables["snapshots"], began)  # as each run has it
            records = [read(json.dumps(job).encode()) for of, job in history.jobs if of == account]
            jobs = [prepare(record, Redaction()) for record in records]
            if account == ACCOUNTS[0]:  # the other's outputs are not counted by day
                replace(
                    connection,
                    ACCOUNT,
                    {"account_id": account, "output_days_since": run.observed_at},
                )
            for some in (jobs[::2], jobs[1::2]):
                load(connection, run, some)
            for job_id in history.gone:
                mark_gone(connection, run, job_id)
        summarize(connection)
        for name in ("accounts", "snapshots"):
            for row in getattr(history, name):
                replace(connection, METADATA.tables[name], row)


def summarize(connection: Connection) -> None:
    """Store summaries of every second job; of every fifth, that of an earlier failure."""
    jobs = METADATA.tables["jobs"]
    for job_id, finished in connection.execute(select(jobs.c.id, jobs.c.finished_epoch)).all():
        if job_id % 2 == 0:
            late = 1 if job_id % 5 == 0 else 0
            row = {
                "job_id": job_id,
                "error_summary": None if job_id % 3 == 0 else f"row {job_id} lacks a key",
                "finished_epoch": None if finished is None else finished - late,
                "requested_at": MOMENTS[-1],
            }
            replace(connection, METADATA.tables["log_summaries"], row)


def frame(connection: Connection, table: Table) -> pd.DataFrame:
    found = [tuple(row) for row in connection.execute(select(table))]
    return pd.DataFrame(found, columns=list(table.columns.keys()), dtype=object)


def check(engine: Engine, history: History, calendar: pd.DataFrame, run: Run_) -> None:
    """Return the trends whose answer differs from their reference."""
    with engine.connect() as connection:
        tables = {table.name: frame(connection, table) for table in TABLES}
    tables["calendar"] = calendar
    wrong = [
        f"{name} under {chosen}:\n{found}"
        for chosen in history.filters
        for name in history.trends
        if (found := difference(run(name, chosen), REFERENCE[name](tables, chosen)))
    ]
    assert not wrong, "\n".join(wrong)


def difference(answer: Sequence[tuple[Any, ...]], expected: Sequence[tuple[Any, ...]]) -> str:
    """Return where two answers differ; empty if they are equal."""
    for row, other in zip(answer, expected, strict=False):
        if len(row) != len(other) or not all(map(same, row, other)):
            return f"  SQL       {row}\n  reference {other}"
    if len(answer) != len(expected):
        longer = max(answer, expected, key=len)
        left = longer[min(len(answer), len(expected))]
        return f"  {len(answer)} rows, by the reference {len(expected)}; without partner {left}"
    return ""


def same(value: Any, expected: Any) -> bool:
    if isinstance(expected, float) and isinstance(value, float):
        # Ratios are rounded to six places: two engines may be a millionth apart.
        return bool(value == pytest.approx(expected, rel=1e-6, abs=1.1e-6))
    return type(value) is type(expected) and bool(value == expected)


@pytest.mark.slow
@property_test
def test_the_databases_answer_as_the_reference_does(
    engine: Engine, calendar: pd.DataFrame, history: History
) -> None:
    store(engine, history)
    with engine.connect() as connection:

        def run(name: str, chosen: Filters) -> list[tuple[Any, ...]]:
            with trends.run(connection, name, chosen) as result:
                columns = list(result.keys())
                return normalized(columns, result.all())

        check(engine, history, calendar, run)
        for name in history.trends:
            result = connection.execute(text(f"select * from {name}"))
            columns = list(result.keys())
            view = normalized(columns, result.all())
            assert view == run(name, Filters()), name


@pytest.mark.slow
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@property_test
def test_duckdb_answers_from_parquet_as_the_reference_does(
    engine: Engine, calendar: pd.DataFrame, tmp_path: Path, history: History
) -> None:
    store(engine, history)
    with engine.connect() as connection:
        for table in TABLES:
            write(frame(connection, table), table, tmp_path)
    if not (tmp_path / "calendar.parquet").exists():
        write(calendar, CALENDAR, tmp_path)
    with duckdb.connect(config={"threads": 1}) as duck:  # more would only wait for each other
        duck.execute("set timezone = 'UTC'")
        for path in tmp_path.glob("*.parquet"):
            duck.execute(f"create view {path.stem} as select * from read_parquet('{path}')")

        def run(name: str, chosen: Filters) -> list[tuple[Any, ...]]:
            source = statements.source(statements.files()[name])
            used = {each: getattr(chosen, each) for each in statements.parameters(source)}
            result = duck.execute(statements.with_parameters(source, "${}".format), used)
            columns = [column[0] for column in result.description or ()]
            return normalized(columns, result.fetchall())

        check(engine, history, calendar, run)


def write(found: pd.DataFrame, table: Table, folder: Path) -> None:
    columns = {
        column.name: pa.array(
            [
                json.dumps(value) if isinstance(value, dict | list) else value
                for value in found[column.name]
            ],
            arrow(column.type),
        )
        for column in table.columns
    }
    pq.write_table(pa.table(columns), folder / f"{table.name}.parquet")


def arrow(type_: Any) -> Any:
    """Return the type that a column has in Parquet."""
    match type_:
        case BigInteger() | Integer() | SmallInteger():
            return pa.int64()
        case UTCDateTime():
            return pa.timestamp("us", tz="UTC")
        case Date():
            return pa.date32()
        case Double():
            return pa.float64()
        case Boolean():
            return pa.bool_()
        case _:
            return pa.string()


def test_each_trend_has_its_reference() -> None:
    assert sorted(REFERENCE) == trends.names()
