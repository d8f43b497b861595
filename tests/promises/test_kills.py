"""Killed anywhere, what is stored is whole, and the next run continues: real signals and databases.

`killed.py` strikes a run at a statement's boundary; the other tests run the command as cron does.
"""

import copy
import functools
import json
import os
import random
import select as poll
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qsl

import databases
import pytest
from accounts import add
from alembic import command
from command import Running, start, start_fresh
from counted_outputs import assert_counted
from lines import unmarked
from old_rows import OLD_ROWS
from sqlalchemy import Connection, Engine, delete, func, insert, inspect, select, text

from snapshotter.api.records import read
from snapshotter.errors import RecordError
from snapshotter.flatten import JobRows, flatten
from snapshotter.models import METADATA
from snapshotter.redact import Redaction
from snapshotter.simulator.account import SimulatedAccount
from snapshotter.simulator.faults import GARBLED, Answer, Request, as_sent
from snapshotter.store import deferred, output_days, revisions, views
from snapshotter.store.engine import open_engine
from snapshotter.store.tables import (
    ACCOUNTS,
    CHANGES,
    FIELDS,
    JOBS,
    OUTPUTS,
    PRUNED,
    REJECTS,
    SNAPSHOTS,
)

TABLES = [table for table in METADATA.sorted_tables if table.name != "calendar"]
KILLS = 4
PATIENCE = 60  # seconds; a guard against hanging, far past anything that is waited for
PAUSE = 0.005  # seconds; without one, who looks again takes the time of what they wait for
BOOKKEEPING = ("account_id", "first_seen_at", "last_changed_at", "snapshot_id", "gone_at")


@pytest.fixture
def account() -> SimulatedAccount:
    return SimulatedAccount(page_cap=5)


# What is stored, and what should be


def stamp(at: datetime) -> str:
    """Render a time as the API does."""
    return f"{at:%Y-%m-%dT%H:%M:%SZ}"


def whole(job: dict[str, Any]) -> JobRows:
    """Return the rows that a job of the API makes, in an order."""
    return in_order(*flatten(read(as_sent(job)), Redaction())[:3])


def in_order(
    job: dict[str, Any], outputs: list[dict[str, Any]], fields: list[tuple[int, int, str]]
) -> JobRows:
    return JobRows(job, sorted(outputs, key=lambda output: int(output["id"])), sorted(fields))


def stored(connection: Connection) -> dict[int, JobRows]:
    """Return the rows of each job as `whole` does; children of no job are an error."""
    jobs: dict[int, JobRows] = {}
    for row in connection.execute(select(JOBS)).mappings():
        job = {name: value for name, value in row.items() if name not in BOOKKEEPING}
        jobs[job["id"]] = JobRows(job, [], [])
    owners: dict[int, int] = {}
    for row in connection.execute(select(OUTPUTS)).mappings():
        owners[row["id"]] = row["job_id"]
        jobs[row["job_id"]].outputs.append(dict(row))
    for output_id, position, name in connection.execute(
        select(FIELDS.c.output_id, FIELDS.c.position, FIELDS.c.name)
    ):
        jobs[owners[output_id]].fields.append((output_id, position, name))
    return {job_id: in_order(*rows[:3]) for job_id, rows in jobs.items()}


def last_states(connection: Connection) -> dict[int, tuple[Any, ...]]:
    """Return the last state of each job in `job_changes`."""
    last = select(func.max(CHANGES.c.id)).group_by(CHANGES.c.job_id)
    found = connection.execute(select(CHANGES).where(CHANGES.c.id.in_(last)))
    return {
        row.job_id: (
            row.status,
            row.progress,
            row.runtime_in_seconds,
            row.outputs_count,
            row.records_count,
        )
        for row in found
    }


def state(rows: JobRows) -> tuple[Any, ...]:
    job = rows.job
    records = sum(output["records_count"] for output in rows.outputs)
    return job["status"], job["progress"], job["runtime_in_seconds"], job["outputs_count"], records


class Store:
    """A database as a reader sees it, who keeps connections of their own."""

    def __init__(self, url: str) -> None:
        self.writer = open_engine(url)
        self.reader = open_engine(url, read_only=True)
        with self.writer.connect() as writer, self.reader.connect() as reader:
            self._own = {self._session(writer), self._session(reader)}

    def close(self) -> None:
        self.writer.dispose()
        self.reader.dispose()

    def rows(self, table: Any) -> list[Any]:
        with self.reader.connect() as connection:
            return list(connection.execute(select(table).order_by(*table.primary_key)).all())

    def keep(self) -> dict[str, list[dict[str, Any]]]:
        with self.reader.connect() as connection:
            return {
                table.name: [dict(row) for row in connection.execute(select(table)).mappings()]
                for table in TABLES
            }

    def restore(self, kept: Mapping[str, list[dict[str, Any]]]) -> None:
        with self.writer.begin() as connection:
            for table in reversed(TABLES):
                connection.execute(delete(table))
            for table in TABLES:
                if kept[table.name]:
                    connection.execute(insert(table), kept[table.name])

    def drop(self) -> None:
        """Make the database empty, without a schema."""
        with self.writer.begin() as connection:
            for view in inspect(connection).get_view_names():
                connection.execute(text(f"drop view {view}"))
            views.METADATA.drop_all(connection)
            METADATA.drop_all(connection)
            connection.execute(text("drop table if exists alembic_version"))

    def is_at_head(self) -> bool:
        return revisions.current(self.reader) == revisions.head()

    def wait_until_alone(self) -> None:
        """Wait until the server has noticed that the processes that had it are gone.

        A lock goes with its session: none is ever taken away by hand.
        """
        deadline = time.monotonic() + PATIENCE
        while sessions := self.other_sessions():
            assert time.monotonic() < deadline, f"sessions {sessions} are still there"
            time.sleep(PAUSE)

    @contextmanager
    def _one_moment(self) -> Iterator[Connection]:
        """Yield a connection whose reads all see the same moment."""
        with self.reader.connect() as connection:
            if connection.dialect.name == "sqlite":  # does so anyway
                yield connection
            else:
                yield connection.execution_options(isolation_level="REPEATABLE READ")

    def makes_readers_wait(self) -> bool:
        """Whether a run drops indexes just now, for which PostgreSQL excludes readers."""
        if self.reader.dialect.name != "postgresql":
            return False
        with self.reader.connect() as connection:
            locked = text(
                "select exists (select 1 from pg_locks where granted "
                "and mode = 'AccessExclusiveLock' and relation = 'jobs'::regclass)"
            )
            return bool(connection.execute(locked).scalar())

    def other_sessions(self) -> set[int]:
        """Return the sessions of all others in this database, also those older than this object."""
        statement = {
            "sqlite": "select 0 where false",
            "postgresql": "select pid from pg_stat_activity "
            "where datname = current_database() and backend_type = 'client backend'",
            "mysql": "select id from information_schema.processlist where db = database()",
        }[self.reader.dialect.name]
        with self.reader.connect() as connection:
            return {*connection.execute(text(statement)).scalars()} - self._own

    @staticmethod
    def _session(connection: Connection) -> int:
        statement = {
            "sqlite": "select 0",
            "postgresql": "select pg_backend_pid()",
            "mysql": "select connection_id()",
        }[connection.dialect.name]
        return int(connection.execute(text(statement)).scalar_one())

    @property
    def url(self) -> str:
        return self.writer.url.render_as_string(hide_password=False)

    def assert_no_half_job(self, *versions: Mapping[int, JobRows]) -> dict[int, JobRows]:
        """Assert that each stored job is whole, in one of its versions; return the jobs."""
        with self._one_moment() as connection:
            jobs, states = stored(connection), last_states(connection)
            assert_counted(connection)
        for job_id, rows in jobs.items():
            assert rows in [version[job_id] for version in versions if job_id in version]
        assert states == {job_id: state(rows) for job_id, rows in jobs.items()}
        return jobs

    def assert_equal_to(self, account: SimulatedAccount) -> None:
        jobs = {job_id: whole(job) for job_id, job in account.jobs.items()}
        assert self.assert_no_half_job(jobs) == jobs
        assert self.rows(REJECTS) == []
        assert [row for row in self.rows(JOBS) if row.gone_at is not None] == []


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    store = Store(database_url)
    yield store
    store.close()


@pytest.fixture
def empty_store(empty_database_url: str) -> Iterator[Store]:
    store = Store(empty_database_url)
    yield store
    store.close()


@pytest.mark.parametrize("database_url", ["postgresql", "mariadb"], indirect=True)
def test_a_store_waits_for_sessions_that_are_older_than_itself(database_url: str) -> None:
    """Such as the one that has made the database, which a busy server notices late."""
    older = open_engine(database_url)
    with older.connect() as connection:
        connection.execute(text("select 1"))
        store = Store(database_url)
        assert len(store.other_sessions()) == 1
    older.dispose()
    store.wait_until_alone()
    store.close()


# The command


@dataclass(frozen=True)
class Ended:
    """How a run ended: its exit code, or less the signal's number, and what it printed."""

    code: int
    said: str


class Forks:
    """Runs of the command in forks of one process, see `killed.py`."""

    def __init__(self, environment: dict[str, str], folder: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(databases.__file__).with_name("killed.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
            cwd=folder,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()  # a run that has halted goes on to its end
        self._process.stdout.read()
        self._process.stdout.close()
        assert self._process.wait(PATIENCE) == 0

    def run(
        self,
        *words: str,
        at: int = sys.maxsize,
        number: signal.Signals = signal.SIGKILL,
        **order: Any,
    ) -> Ended:
        self._say(json.dumps({"words": words, "at": at, "number": number, **order}))
        return Ended(**self._answer())

    def halting(self, *words: str, look: Callable[[str], None], **order: Any) -> Ended:
        """Run the command, and look at each boundary while it waits there."""
        self._say(json.dumps({"words": words, "halts": True, **order}))
        while "halted" in (answer := self._answer()):
            look(answer["halted"])
            self._say("go on")
        return Ended(**answer)

    def _say(self, line: str) -> None:
        assert self._process.stdin
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout
        answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answer


@pytest.fixture
def environment(account: SimulatedAccount, api: str) -> dict[str, str]:
    return {
        **os.environ,
        "XPLENTY_ACCOUNT_ID": account.account_id,
        "XPLENTY_API_KEY": account.api_key,
        "XPLENTY_API_URL": api,
    }


@pytest.fixture
def forks(environment: dict[str, str], store: Store, tmp_path: Path) -> Iterator[Forks]:
    with Forks({**environment, "SNAPSHOTTER_DATABASE_URL": store.url}, tmp_path) as forks:
        yield forks


# A kill at every statement's boundary


def outputs(job_id: int, names: str, fields: int) -> list[dict[str, Any]]:
    """Return an output for each name, with `fields` fields each."""
    return [
        {
            "id": job_id * 10 + n,
            "name": name,
            "records_count": 100 * n,
            "progress": 1,
            "component": {"name": name, "fields": [f"{name}_{i}" for i in range(fields)]},
        }
        for n, name in enumerate(names.split(), 1)
    ]


def change(account: SimulatedAccount, job_id: int, names: str, fields: int, **other: Any) -> None:
    """Change a job at the account: it has these outputs now."""
    made = outputs(job_id, names, fields)
    moved = {"updated_at": stamp(account.now), "outputs": made, "outputs_count": len(made)}
    account.jobs[job_id].update({**moved, **other})


def finished(account: SimulatedAccount, numbers: range) -> None:
    """Add finished jobs with these ids, each created ten minutes after the one before."""
    for job_id in numbers:
        at = account.now - timedelta(minutes=10 * (numbers.stop - job_id))
        made = outputs(job_id, "orders lines", 3)
        account.add_job(
            id=job_id,
            outputs=made,
            created_at=at,
            started_at=at,
            completed_at=at,
            runtime_in_seconds=job_id,
        )


BEFORE_COMMIT, AFTER_COMMIT = "before: commit", "after: a commit"
OPEN, BAD, BAD_LATER = 3, 4, 16


def first_day(account: SimulatedAccount) -> None:
    """Nine jobs in three pages: one is open, and one is malformed."""
    finished(account, range(1, 10))
    account.jobs[OPEN].update(status="running", completed_at=None, progress=0.2)
    account.jobs[BAD]["owner_id"] = GARBLED
    account.touch()


def next_day(account: SimulatedAccount) -> None:
    """Nine jobs to list, in three pages: of the first day three that changed, and the last.

    The open job moves without that its `updated_at` does, and another job is malformed.
    """
    account.advance(86_400)
    finished(account, range(12, 17))
    account.jobs[BAD_LATER]["owner_id"] = GARBLED
    for job_id in (1, 5, 6):
        change(account, job_id, "orders", 2)
    change(account, OPEN, "orders", 4, progress=0.6, updated_at=account.jobs[OPEN]["updated_at"])
    account.touch()


def mend(account: SimulatedAccount) -> None:
    """Move the time on after a kill: malformed jobs get well, and those that were read change."""
    account.advance(60)
    for job_id in {BAD, BAD_LATER} & account.jobs.keys():
        mended = {"owner_id": 8, "runtime_in_seconds": 17, "updated_at": stamp(account.now)}
        account.jobs[job_id].update(mended)
    change(account, 5, "orders lines returns", 1)
    change(account, OPEN, "orders", 5, progress=0.7, updated_at=account.jobs[OPEN]["updated_at"])
    account.touch()


def mend_again(account: SimulatedAccount) -> None:
    """Change as many jobs as there are, in each page."""
    account.advance(3600)
    for job_id in account.jobs:
        change(account, job_id, "orders lines returns refunds", 6)
    account.touch()


class Trial:
    """A run to be killed, again and again from the same beginning."""

    def __init__(self, account: SimulatedAccount, store: Store, forks: Forks) -> None:
        self.account, self.store, self.forks = account, store, forks
        self._kept, self._now = store.keep(), account.now
        self.step = 1 if store.writer.dialect.name == "sqlite" else 3
        self._jobs = copy.deepcopy(account.jobs)
        self.ended = Ended(0, "")
        self.asked: list[tuple[str | None, int]] = []

    @property
    def place(self) -> str:
        """Where the run was killed."""
        return self.ended.said.splitlines()[-1].removeprefix("killed ")

    def run(
        self, at: int = sys.maxsize, number: signal.Signals = signal.SIGKILL, **order: Any
    ) -> None:
        """Run the command; `asked` has the pages that it asked for: a listing's since, a place.

        Without those past the list's end, of which a first load may request some early.
        """
        self.account.requests.clear()
        self.ended = self.forks.run("sync", at=at, number=number, **order)
        self.store.wait_until_alone()
        queries = [dict(parse_qsl(query)) for _path, query in self.account.requests]
        self.asked = [
            (query.get("since"), int(query["offset"]))
            for query in queries
            if query.get("sort") == "created"
            and "status" not in query
            and int(query["offset"]) < len(self.account.jobs)
        ]

    def begin_again(self) -> None:
        deferred.build_all(self.store.writer)  # else a first load would have none to leave out
        self.store.restore(self._kept)
        with self.account.lock:
            self.account.now, self.account.credits_remaining = self._now, self.account.credits
            self.account.jobs = copy.deepcopy(self._jobs)
            self.account.touch()


def readable(account: SimulatedAccount) -> dict[int, JobRows]:
    """Return the rows of the account's jobs, without those that are malformed."""
    jobs = {}
    for job_id, job in account.jobs.items():
        with suppress(RecordError):
            jobs[job_id] = whole(job)
    return jobs


def assert_claims_what_is_stored(
    trial: Trial, earlier: Mapping[int, JobRows], watermark: datetime | None
) -> None:
    """Compare the checkpoint, or a watermark that has moved, with the jobs that are new to it.

    The `created_at` of all listed jobs differ: a page is stored up to the checkpoint's edge.
    """
    account, store = trial.account, trial.store
    claims = store.rows(ACCOUNTS)
    if not claims:
        assert store.rows(JOBS) == store.rows(REJECTS) == []
        return
    (claim,) = claims
    with store.reader.connect() as connection:
        jobs = stored(connection)
    aside, now = {row.job_id for row in store.rows(REJECTS)}, readable(account)
    for job_id, job in account.jobs.items():
        if earlier and (job_id == BAD or now.get(job_id) == earlier.get(job_id)):
            continue  # no other than it was
        here = job_id in aside or (job_id in jobs and jobs[job_id] == now.get(job_id))
        created_at, updated_at = (
            datetime.fromisoformat(job[name]) for name in ("created_at", "updated_at")
        )
        if claim.listing_offset is not None:
            listed = claim.listing_since is None or updated_at >= claim.listing_since
            edge = claim.listing_edge
            assert here == (listed and edge is not None and created_at <= edge)
        elif claim.watermark == watermark:
            assert not here
        elif job_id != OPEN:  # of what no list shows, the watermark does not speak
            assert here


def assert_the_next_run_resumes(trial: Trial, before: int, pages: int, again: int) -> None:
    """Run to the end after a kill; the first `before` runs do not count.

    A listing has `pages`, of which at most `again` may be requested again.
    """
    account, store, place, asked = trial.account, trial.store, trial.place, trial.asked
    statuses = [row.status for row in store.rows(SNAPSHOTS)][before:]
    assert statuses in ([], ["running"], ["completed"])
    in_progress = [
        (claim.listing_since and stamp(claim.listing_since), claim.listing_offset)
        for claim in store.rows(ACCOUNTS)
        if claim.listing_offset is not None
    ]
    mend(account)
    trial.run()
    assert trial.ended.code == 0, (place, trial.ended.said)
    store.assert_equal_to(account)
    assert trial.asked[: len(in_progress)] == in_progress, place
    of_each = Counter(since for since, _offset in asked + trial.asked)
    assert all(of_each[since] <= pages + again for since, _offset in asked), place
    *killed, last = store.rows(SNAPSHOTS)[before:]
    assert last.status == "completed"
    if statuses == ["running"]:
        assert [row.status for row in killed] == ["failed"]
        assert "killed" in killed[0].error
    else:
        assert [row.status for row in killed] == statuses


@pytest.mark.slow
@pytest.mark.parametrize(
    ("days", "together"),
    [([first_day], False), ([first_day], True), ([first_day, next_day], False)],
    ids=["first", "first, all pages at once", "next"],
)
def test_a_kill_at_every_boundary_of_a_run(
    account: SimulatedAccount,
    store: Store,
    forks: Forks,
    days: list[Callable[[SimulatedAccount], None]],
    *,
    together: bool,
) -> None:
    """A run on the empty tables until its first page is in; and all of one that finds changes.

    On a server, which takes longer, at each third boundary only, but at each commit. Pages are
    stored one by one, or as if all had come before the first is stored.
    """
    for day in days[:-1]:
        day(account)
        assert forks.run("sync").code == 65
    earlier = readable(account)
    days[-1](account)
    trial = Trial(account, store, forks)
    before = len(store.rows(SNAPSHOTS))
    watermark = store.rows(ACCOUNTS)[0].watermark if before else None
    trial.run(together=together)
    pages = len(trial.asked)
    assert (trial.ended.code, pages) == (65, 3)
    # The page in progress, and the one that was asked for early; of a first load all are.
    again = 2 if earlier else pages
    trial.begin_again()
    places: list[str] = []
    forks.halting("sync", look=places.append, together=together)
    store.wait_until_alone()
    kills = 0
    for boundary, place in enumerate(places):
        if boundary % trial.step and place not in (BEFORE_COMMIT, AFTER_COMMIT):
            continue
        trial.begin_again()
        trial.run(at=boundary, together=together)
        assert (trial.ended.code, trial.place) == (-signal.SIGKILL, place)
        kills += 1
        jobs = store.assert_no_half_job(earlier, readable(account))
        assert_claims_what_is_stored(trial, earlier, watermark)
        # If nothing was committed since the kill before, the next run finds the same.
        if place == AFTER_COMMIT or boundary % 8 == 0:
            assert_the_next_run_resumes(trial, before, pages, again)
        if not before and jobs:
            break
    assert kills >= (50 if before else 15) / trial.step


@pytest.mark.slow
@pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)
def test_a_kill_while_the_indexes_are_built(
    account: SimulatedAccount, store: Store, forks: Forks
) -> None:
    """At each boundary of the end of a first load: nothing is lost, and the next run builds them.

    Whatever that run reads. MariaDB builds none.
    """
    finished(account, range(1, 10))
    account.touch()
    trial = Trial(account, store, forks)
    places: list[str] = []
    assert forks.halting("sync", look=places.append, together=True).code == 0
    store.wait_until_alone()
    stored_at = max(n for n, place in enumerate(places) if "output_fields" in place)
    orders = (["sync"], ["sync", "--status", "failed"], ["db", "upgrade"], ["sync", "5"])
    left: set[str] = set()
    kills = range(places.index(AFTER_COMMIT, stored_at), len(places), trial.step + 1)
    for number, boundary in enumerate(kills):
        trial.begin_again()
        trial.run(at=boundary, together=True)
        assert trial.ended.code == -signal.SIGKILL
        left |= missing_parts(store)
        store.assert_equal_to(account)
        words = orders[number % len(orders)]
        assert forks.run(*words).code == 0, trial.place
        store.wait_until_alone()
        revisions.check(store.reader)
        assert output_days.waiting(store.reader) == []
        trial.run()
        assert trial.ended.code == 0, (trial.place, trial.ended.said)
        store.assert_equal_to(account)
    assert len(kills) >= 8
    assert len(left) >= 6  # else no kill came before the last was built


def missing_parts(store: Store) -> set[str]:
    with store.reader.connect() as connection:
        return {part.name for part in deferred.missing(connection)}


# A kill at a random moment


class Spawned:
    """The command in a process of its own; `fresh`: one that has to import first, as under cron."""

    def __init__(
        self,
        environment: dict[str, str],
        folder: Path,
        *words: str,
        stderr: int = subprocess.PIPE,
        fresh: bool = False,
    ) -> None:
        begin = start_fresh if fresh else start
        self._process: Running = begin(words, env=environment, cwd=folder, stderr=stderr)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def send(self, *numbers: signal.Signals) -> None:
        for number in numbers:
            self._process.send_signal(number)

    def ended_within(self, seconds: float) -> bool:
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def line(self) -> str:
        """Wait for a line on standard error."""
        assert self._process.stderr
        return self._process.stderr.readline()

    def end(self, *, within: float = PATIENCE) -> Ended:
        """Wait for the end; return what was printed on standard error."""
        _out, said = self._process.communicate(timeout=within)
        said = unmarked(said or "")
        assert "Traceback" not in said
        return Ended(self._process.wait(), said)


@pytest.mark.slow
def test_kills_at_random_moments_of_a_first_run(
    account: SimulatedAccount, empty_store: Store, environment: dict[str, str], tmp_path: Path
) -> None:
    """From nothing, through the imports, the schema and the pages, to the end.

    While it imports, a run has no database: one that is to be killed does so for SQLite only.
    """
    store, chance = empty_store, random.Random(7)  # noqa: S311 - the moments are not secret
    environment = {**environment, "SNAPSHOTTER_DATABASE_URL": store.url}
    is_fresh = store.writer.dialect.name == "sqlite"
    first_run = functools.partial(Spawned, environment, tmp_path, "sync", fresh=is_fresh)
    finished(account, range(1, 40))
    account.touch()
    began = time.monotonic()
    with first_run() as run:
        assert run.end() == Ended(0, "")
    undisturbed = time.monotonic() - began
    store.drop()
    kills = 0
    while kills < KILLS:
        with first_run() as run:
            if not run.ended_within(chance.uniform(0, undisturbed)):
                run.send(signal.SIGKILL)
            ended = run.end()  # it may have ended just before the signal
        store.wait_until_alone()
        if ended.code == 0:
            store.assert_equal_to(account)
            store.drop()
            continue
        assert ended.code == -signal.SIGKILL
        kills += 1
        if store.is_at_head():
            store.assert_no_half_job(readable(account))
    with first_run() as run:
        assert run.end() == Ended(0, "")
    store.assert_equal_to(account)


@pytest.mark.slow
@pytest.mark.parametrize("empty_database_url", ["mariadb"], indirect=True)
def test_a_kill_at_every_boundary_of_the_first_upgrade(
    account: SimulatedAccount, empty_store: Store, environment: dict[str, str], tmp_path: Path
) -> None:
    """MariaDB commits each statement that makes a table: some are there; the next run continues.

    The other engines take all of it back.
    """
    store = empty_store
    account.add_job()
    with Forks({**environment, "SNAPSHOTTER_DATABASE_URL": store.url}, tmp_path) as forks:
        assert forks.run("db", "upgrade").code == 0
        expected = schema(store.writer)
        boundary = 0
        while True:
            store.wait_until_alone()
            store.drop()
            killed = forks.run("db", "upgrade", at=boundary)
            if killed.code != -signal.SIGKILL:
                break
            store.wait_until_alone()
            ended = forks.run("sync")
            assert ended.code == 0, (killed.said, ended.said)
            assert schema(store.writer) == expected
            store.assert_equal_to(account)
            boundary += to_the_next_boundary(killed.said)
    assert killed.code == 0
    assert boundary > 25


def to_the_next_boundary(printed: str) -> int:
    """Return how many boundaries of an upgrade to go on by, after the one that is named last.

    What the same statements do to one table, or view, after another is killed now and then, at each
    of its statements: the numbers share no divisor with that of the statements.
    """
    steps = {
        "before: CREATE": 4,  # tables and their indexes
        "set sql_quote_show_create": 4,  # the comments of a table, by one statement
        "SELECT snapshotter_views": 10,  # a view, by three statements, which these are parts of
        "security invoker view": 10,
        "view_definition": 10,
    }
    place = printed.splitlines()[-1]
    return next((step for part, step in steps.items() if part in place), 1)


@pytest.mark.slow
@pytest.mark.parametrize("empty_database_url", ["sqlite", "mariadb"], indirect=True)
def test_a_kill_at_every_boundary_of_an_upgrade_with_rows(
    empty_store: Store, environment: dict[str, str], tmp_path: Path
) -> None:
    """From revision 0006, whose rows lack some that the keys need; the next upgrade continues."""
    store = empty_store
    with Forks({**environment, "SNAPSHOTTER_DATABASE_URL": store.url}, tmp_path) as forks:
        boundary, expected = -1, None
        while True:
            store.wait_until_alone()
            store.drop()
            fill_at_revision_0006(store.url)
            if boundary < 0:
                assert forks.run("db", "upgrade").code == 0
                expected = schema(store.writer), rows_of(store.writer)
                boundary = 0
                continue
            killed = forks.run("db", "upgrade", at=boundary)
            if killed.code != -signal.SIGKILL:
                break
            store.wait_until_alone()
            ended = forks.run("db", "upgrade")
            assert ended.code == 0, (killed.said, ended.said)
            assert (schema(store.writer), rows_of(store.writer)) == expected, killed.said
            assert forks.run("db", "check").code == 0
            # SQLite takes all of them back.
            boundary += 9 if "sqlite" in store.url else to_the_next_boundary(killed.said)
    assert killed.code == 0
    assert boundary > 20


def fill_at_revision_0006(url: str) -> None:
    engine = open_engine(url)
    with engine.connect() as connection, revisions.ready_for_copies(connection):
        connection.execute(text("drop table if exists job_changes_without_jobs"))
        command.upgrade(revisions._alembic(connection), "0006")  # noqa: SLF001
        for statement in OLD_ROWS:
            connection.exec_driver_sql(statement)
        connection.commit()
    engine.dispose()


def rows_of(engine: Engine) -> list[list[tuple[Any, ...]]]:
    queries = (
        "select id, account_id, snapshot_id, created_at, run_date, extra from jobs order by id",
        "select id, job_id, snapshot_id, observed_at from job_changes order by id",
        "select id, job_id from job_changes_without_jobs",
        "select id, account_id, status from snapshots order by id",
        "select account_id, api_url from accounts order by account_id",
    )
    with engine.connect() as connection:
        return [[tuple(row) for row in connection.execute(text(query))] for query in queries]


def schema(engine: Engine) -> dict[str, Any]:
    with engine.connect() as connection:
        found = inspect(connection)
        tables = {
            table: (
                [(column["name"], str(column["type"])) for column in found.get_columns(table)],
                sorted(str(index["name"]) for index in found.get_indexes(table)),
                sorted(str(key["name"]) for key in found.get_foreign_keys(table)),
            )
            for table in sorted(found.get_table_names())
        }
        days = connection.execute(text("select count(*) from calendar")).scalar_one()
    return {**tables, "days": days}


# Housekeeping


def aged(account: SimulatedAccount) -> str:
    """Have five jobs finish ten days before the others; return the age that they alone have."""
    account.now -= timedelta(days=10)
    finished(account, range(1, 6))
    account.now += timedelta(days=10)
    finished(account, range(6, 9))
    return f"{(datetime.now(UTC) - account.now).days + 5}d"


def test_a_kill_while_jobs_are_pruned(
    account: SimulatedAccount, store: Store, forks: Forks
) -> None:
    """Each job is whole or pruned, and the next prune removes the rest. At each fifth boundary."""
    words = ("db", "prune", "--older-than", aged(account), "--yes")
    assert forks.run("sync").code == 0
    kept, jobs = store.keep(), readable(account)
    places: list[str] = []
    assert forks.halting(*words, look=places.append, pruned_at_once=2).code == 0
    store.wait_until_alone()
    left = [row.id for row in store.rows(JOBS)]
    assert left == [6, 7, 8]
    for boundary, place in enumerate(places):
        if boundary % 5 and place != BEFORE_COMMIT:
            continue
        store.restore(kept)
        killed = forks.run(*words, at=boundary, pruned_at_once=2)
        assert killed.code == -signal.SIGKILL, killed.said
        store.wait_until_alone()
        stored_now = {*store.assert_no_half_job(jobs)}
        pruned = {row.job_id for row in store.rows(PRUNED)}
        assert (stored_now | pruned, stored_now & pruned) == ({*jobs}, set()), place
    assert forks.run(*words).code == 0
    assert [row.id for row in store.rows(JOBS)] == left
    assert forks.run("sync", "--full").code == 0
    assert [row.id for row in store.rows(JOBS)] == left


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_signal_stops_a_prune_after_its_transaction_and_a_copy_without_rows(
    account: SimulatedAccount, store: Store, forks: Forks, tmp_path: Path
) -> None:
    words = ("db", "prune", "--older-than", aged(account), "--yes")
    assert forks.run("sync").code == 0
    copied = open_engine(f"sqlite:///{tmp_path}/copy.db")
    copying = ("db", "copy", "--to", f"sqlite:///{tmp_path}/copy.db")
    revisions.upgrade(copied)
    ended = forks.run(*copying, at=8, number=signal.SIGTERM)
    assert ended.code == 75, ended.said
    assert "stopped by SIGTERM; nothing was copied, run it again" in ended.said
    with copied.connect() as connection:
        assert connection.execute(select(ACCOUNTS)).all() == []
    copied.dispose()
    ended = forks.run(*words, at=3, number=signal.SIGINT, pruned_at_once=2)
    assert ended.code == 75, ended.said
    removed = 8 - len(store.rows(JOBS))
    assert 0 < removed < 5
    assert f"removed: {removed} jobs with outputs" in ended.said
    assert "stopped by SIGINT; run it again to remove the rest" in ended.said


def test_a_kill_while_a_database_is_copied(
    store: Store, environment: dict[str, str], tmp_path: Path
) -> None:
    """All rows are there, or none; then the next copy begins anew. At five boundaries."""
    source = f"sqlite:///{tmp_path}/source.db"
    revisions.upgrade(source)
    engine = open_engine(source)
    add(engine, "acme", 1, 2, 3)
    words = ("db", "copy", "--to", store.url)
    before = store.keep()
    with Forks({**environment, "SNAPSHOTTER_DATABASE_URL": source}, tmp_path) as forks:
        places: list[str] = []
        assert forks.halting(*words, look=places.append).code == 0
        whole_copy = store.keep()
        assert len(whole_copy["jobs"]) == 3
        kills_in_vain = 0
        for boundary in range(0, len(places), len(places) // 5 + 1):
            store.restore(before)
            store.wait_until_alone()
            killed = forks.run(*words, at=boundary)
            assert killed.code == -signal.SIGKILL, killed.said
            store.wait_until_alone()
            assert store.keep() in (before, whole_copy), killed.said
            kills_in_vain += store.keep() == whole_copy
        assert kills_in_vain < 3  # most are before the commit
        store.restore(before)
        assert forks.run(*words).code == 0
    assert store.keep() == whole_copy
    engine.dispose()


# SIGTERM and SIGINT


class Gate:
    """Holds back the answer to a request, from the moment that it came until it is opened."""

    def __init__(self, account: SimulatedAccount, holds: Callable[[Request], bool]) -> None:
        self.reached, self._opened = threading.Event(), threading.Event()
        self._holds = holds
        account.intercept = self._intercept

    def open(self) -> None:
        self._opened.set()

    def wait(self) -> None:
        assert self.reached.wait(PATIENCE)

    def _intercept(self, request: Request) -> Answer | None:
        if self._holds(request):
            self.reached.set()
            assert self._opened.wait(PATIENCE)
        return None


def is_second_page(request: Request) -> bool:
    return request.query.get("offset") == "3" and request.query.get("limit") == "100"


@pytest.fixture
def spawn(environment: dict[str, str], store: Store, tmp_path: Path) -> Callable[..., Spawned]:
    return functools.partial(
        Spawned, {**environment, "SNAPSHOTTER_DATABASE_URL": store.url}, tmp_path
    )


on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def assert_gone_on_with(
    store: Store, account: SimulatedAccount, spawn: Callable[..., Spawned]
) -> None:
    """Check that the lock is free, and that a plain run brings the rest."""
    account.intercept = None
    store.wait_until_alone()
    with spawn("sync") as run:
        assert run.end() == Ended(0, "")
    store.assert_equal_to(account)
    *_, last = store.rows(SNAPSHOTS)
    assert last.status == "completed"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("database_url", "number"),
    [
        ("sqlite", signal.SIGTERM),
        ("sqlite", signal.SIGINT),
        ("sqlite", signal.SIGHUP),
        ("postgresql", signal.SIGTERM),
        ("mariadb", signal.SIGTERM),
    ],
    indirect=["database_url"],
)
def test_a_signal_lets_the_page_in_progress_be_stored(
    account: SimulatedAccount, store: Store, spawn: Callable[..., Spawned], number: signal.Signals
) -> None:
    finished(account, range(1, 16))
    account.touch()
    gate = Gate(account, is_second_page)
    with spawn("sync") as run:
        gate.wait()
        run.send(number)
        gate.open()
        ended = run.end()
    assert ended.code == 75
    # Five of the first page, and three more of the second; pages behind it may have come already.
    saved = len(store.rows(JOBS))
    assert saved >= 8
    assert ended.said == (
        f"snapshotter: stopped by {number.name} after {saved} jobs were saved; nothing is lost, "
        "the next run continues\n"
    )
    (row,) = store.rows(SNAPSHOTS)
    assert (row.status, row.jobs_inserted) == ("partial", saved)
    assert row.pages >= 2
    assert number.name in row.error
    assert store.assert_no_half_job(readable(account)).keys() == set(range(1, saved + 1))
    assert_gone_on_with(store, account, spawn)


@on_sqlite
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_wait_before_another_try(
    account: SimulatedAccount, store: Store, spawn: Callable[..., Spawned], number: signal.Signals
) -> None:
    finished(account, range(1, 16))
    account.touch()
    account.intercept = lambda request: (
        Answer(503, {"Retry-After": "60"}) if is_second_page(request) else None
    )
    with spawn("sync") as run:
        assert "next in 60.0 s" in run.line()
        run.send(number)
        ended = run.end(within=30)
    assert ended.code == 75
    assert ended.said == (
        f"snapshotter: stopped by {number.name} after 5 jobs were saved; nothing is lost, the next "
        "run continues\n"
    )
    assert len(store.rows(JOBS)) == 5
    assert [row.status for row in store.rows(SNAPSHOTS)] == ["partial"]
    assert_gone_on_with(store, account, spawn)


def wait_for_jobs(store: Store, jobs: int) -> None:
    end = time.monotonic() + PATIENCE
    while len(store.rows(JOBS)) < jobs:
        assert time.monotonic() < end
        time.sleep(PAUSE)


@on_sqlite
def test_two_signals_do_not_wait_for_the_server(
    account: SimulatedAccount, store: Store, spawn: Callable[..., Spawned]
) -> None:
    finished(account, range(1, 16))
    account.touch()
    gate = Gate(account, is_second_page)
    with spawn("sync", "--timeout", "3600") as run:
        gate.wait()
        wait_for_jobs(store, 5)  # the second page is asked for before the first is stored
        run.send(signal.SIGINT, signal.SIGTERM)
        ended = run.end()
        gate.open()
    assert ended.code == 75
    # A run that cannot be interrupted where it is, on a busy machine, is ended without the number,
    # and the next one notes in its row that it was.
    number = " after 5 jobs were saved"
    assert ended.said.replace(number, "") == (
        "snapshotter: interrupted; nothing is lost, the next run continues\n"
    )
    assert len(store.rows(JOBS)) == 5
    (snapshot,) = store.rows(SNAPSHOTS)
    assert snapshot.status == "partial" or (
        snapshot.status == "running" and number not in ended.said
    )
    assert_gone_on_with(store, account, spawn)


@on_sqlite
def test_on_a_terminal_the_first_signal_announces_the_second(
    account: SimulatedAccount, store: Store, spawn: Callable[..., Spawned]
) -> None:
    finished(account, range(1, 16))
    account.touch()
    gate = Gate(account, is_second_page)
    terminal, other_end = os.openpty()
    with spawn("sync", "--timeout", "3600", stderr=other_end) as run:
        os.close(other_end)
        gate.wait()
        wait_for_jobs(store, 5)
        run.send(signal.SIGINT)
        said = b""
        while b"press Ctrl-C again to stop now" not in said:
            assert poll.select([terminal], [], [], PATIENCE)[0], said
            said += os.read(terminal, 1000)
        run.send(signal.SIGINT)
        assert run.end().code == 75
        gate.open()
    os.close(terminal)
    assert len(store.rows(JOBS)) == 5
    assert_gone_on_with(store, account, spawn)


@on_sqlite
def test_a_signal_while_the_command_starts(
    account: SimulatedAccount, store: Store, spawn: Callable[..., Spawned]
) -> None:
    """Until it has its own handler, the signal's usual effect is as good: nothing has begun."""
    finished(account, range(1, 16))
    account.touch()
    for delay in (0, 0.05, 0.15, 0.3):
        gate = Gate(account, lambda _request: True)  # no run gets further than its first request
        with spawn("sync", fresh=True) as run:
            assert not run.ended_within(delay)
            run.send(signal.SIGTERM)
            gate.open()
            ended = run.end()
        assert ended.code in (-signal.SIGTERM, 75)
        assert ended.said.count("\n") == (ended.code == 75), ended.said
    assert_gone_on_with(store, account, spawn)


@pytest.mark.slow
@on_sqlite
def test_a_signal_at_every_boundary_of_a_run(
    account: SimulatedAccount, store: Store, forks: Forks
) -> None:
    """Whatever a run is at, it ends in order: stopped with all that it has, or at its own end."""
    first_day(account)
    assert forks.run("sync").code == 65
    earlier = readable(account)
    next_day(account)
    trial = Trial(account, store, forks)
    watermark = store.rows(ACCOUNTS)[0].watermark
    stopped = 0
    for boundary in count(step=3):
        trial.begin_again()
        trial.run(at=boundary, number=signal.SIGTERM)
        jobs = store.assert_no_half_job(earlier, readable(account))
        assert_claims_what_is_stored(trial, earlier, watermark)
        *_, row = store.rows(SNAPSHOTS)
        if trial.ended.code != 75:
            break
        stopped += 1
        # One that was asked for early may be left.
        assert row.status == "partial"
        assert len(trial.asked) - 1 <= row.pages <= len(trial.asked)
        assert "stopped by SIGTERM" in row.error
    assert (trial.ended.code, row.status) == (65, "completed")
    assert jobs == readable(account)
    assert stopped > 12


# Readers


@pytest.mark.slow
def test_a_reader_sees_no_half_job(account: SimulatedAccount, store: Store, forks: Forks) -> None:
    """A reader sees every job as the API had it at one time.

    They look at each boundary while the run waits there, and then, while others run, all the time.
    """
    versions: list[dict[int, JobRows]] = []
    seen: set[int] = set()
    looks = 0

    def look(_place: str = "") -> None:
        nonlocal looks
        if store.makes_readers_wait():
            return
        looks += 1
        rows = store.assert_no_half_job(*versions).get(OPEN)
        seen.update(n for n, version in enumerate(versions) if version[OPEN] == rows)

    for day in (first_day, next_day):
        day(account)
        versions.append(readable(account))
        forks.halting("sync", look=look)
    assert looks > 80
    with ThreadPoolExecutor(1) as aside:
        for day in (mend, mend_again):
            day(account)
            versions.append(readable(account))
            run = aside.submit(forks.run, "sync")
            while not run.done():
                look()
            look()
    store.assert_equal_to(account)
    assert seen == {0, 1, 2, 3}
