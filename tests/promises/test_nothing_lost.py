"""The promise, as a law: whatever happens on the way, one quiet sync makes the tables the account.

Jobs are created, progress without a word, finish, are retouched, vanish, turn malformed and are
mended, between runs and between two requests of a run; runs fail, are killed, and run out of
budget. `pytest -m soak` goes on with it for SOAK_SECONDS (half an hour).
"""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from clock import Impatient
from counted_outputs import assert_counted
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Engine, delete, event, select

from snapshotter.api.client import Client
from snapshotter.api.limits import Limits
from snapshotter.api.records import Record, read_all
from snapshotter.errors import DatabaseError, Stopped
from snapshotter.flatten import flatten
from snapshotter.models import METADATA
from snapshotter.redact import Redaction
from snapshotter.settings import Key, Service
from snapshotter.simulator.account import SimulatedAccount
from snapshotter.simulator.faults import GARBLED, Request, as_sent
from snapshotter.simulator.history import FINAL, STATUSES, stamp
from snapshotter.simulator.server import serve
from snapshotter.store.engine import open_engine
from snapshotter.store.lock import lock
from snapshotter.store.tables import ACCOUNTS, CHANGES, FIELDS, JOBS, OUTPUTS, REJECTS
from snapshotter.sync.context import Context
from snapshotter.sync.sync import Plan, sync
from snapshotter.times import now

LAG = 60  # seconds; how long after its updated_at the API may show a change
ANY = st.integers(0, 2**16)
# What may happen to an account, and to which of its jobs.
CHANGE = st.tuples(
    st.sampled_from(
        [
            *("create", "create", "tie", "progress", "finish", "retouch", "vanish", "wait"),
            *("spoil", "mend", "mend silently"),
        ]
    ),
    ANY,
)
# Those that pass: what is final ends a run at once, and is in the table of failures.
FAULT = st.sampled_from(["429", "500", "502", "503", "reset", "cut", "html", "broken"])


class Killed(BaseException):
    """Stands for SIGKILL: from there on the process does nothing more to the database."""


class Accounts(RuleBasedStateMachine):
    """An account that lives, and the runs that follow it."""

    fresh: Callable[[], str]  # returns the URL of a database without jobs

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.url = type(self).fresh()
        self.engine = open_engine(self.url)
        self.vanished: set[int] = set()

    @initialize(
        seed=ANY, lag=st.sampled_from([0, LAG]), jobs=st.integers(0, 30), names_pages=st.booleans()
    )
    def open(self, seed: int, lag: int, jobs: int, *, names_pages: bool) -> None:
        self.names_pages = names_pages
        links: Any = "right" if names_pages else "none"
        self.account = SimulatedAccount(seed=seed, lag=lag, page_cap=7, links=links)
        for n in range(jobs):
            at = self.account.now - timedelta(seconds=4 * (jobs - n) // 3)
            self.account.add_job(created_at=at, started_at=at, completed_at=at, updated_at=at)
        self.api = self.stack.enter_context(serve(self.account))

    # The account

    @rule(change=CHANGE)
    def change(self, change: tuple[str, int]) -> None:
        kind, number = change
        with self.account.lock:
            if kind == "wait":
                self.account.advance(number % 7200 if number % 3 else number % 5)
            elif kind in ("create", "tie"):
                self.create(number, is_tie=kind == "tie")
            elif self.account.jobs:
                jobs = sorted(self.account.jobs)
                self.move(kind, self.account.jobs[jobs[number % len(jobs)]], number)
            self.account.touch()

    def create(self, number: int, *, is_tie: bool) -> None:
        at = self.account.now
        if is_tie and self.account.jobs:
            at = datetime.fromisoformat(max(j["created_at"] for j in self.account.jobs.values()))
        status = STATUSES[number % len(STATUSES)]
        self.account.add_job(status=status, created_at=at, updated_at=self.account.now)

    def move(self, kind: str, job: dict[str, Any], number: int) -> None:
        is_open = job["status"] not in FINAL
        match kind:
            case "progress" if is_open:
                job["progress"] = number % 100 / 100
                job["runtime_in_seconds"] = number
                for output in job["outputs"]:
                    output["records_count"] = number
            case "finish" if is_open:
                job["status"] = FINAL[number % len(FINAL)]
                job["completed_at"] = job["updated_at"] = stamp(self.account.now)
            case "retouch":
                job["errors"], job["updated_at"] = f"words {number}", stamp(self.account.now)
            case "vanish":
                self.vanished.add(job["id"])
                self.account.remove_job(job["id"])
            case "spoil":
                job["owner_id"], job["updated_at"] = GARBLED, stamp(self.account.now)
            case "mend" | "mend silently" if job["owner_id"] == GARBLED:
                job["owner_id"] = 8
                if kind == "mend":
                    job["updated_at"] = stamp(self.account.now)

    @rule(
        cap=st.integers(1, 12),
        varies=st.booleans(),
        lead=st.sampled_from(["right", "wrong"]),
        shuffles=st.booleans(),
        date_offset=st.sampled_from([0, 0, None, -86_400, 86_400]),
    )
    def serve_otherwise(
        self, cap: int, lead: Any, date_offset: float | None, *, varies: bool, shuffles: bool
    ) -> None:
        account = self.account
        account.page_cap, account.varies_cap = cap, varies
        if self.names_pages:
            account.links = lead
        account.shuffles_ties, account.date_offset = shuffles, date_offset

    # The runs

    def sync(self, plan: Plan | None = None, limits: Limits | None = None) -> None:
        service = Service(self.account.account_id, Key(self.account.api_key), self.api)
        with Client(service, limits or Limits(), clock=Impatient()) as client:
            sync(Context(self.engine, client, service, Redaction()), plan or Plan())

    def try_to_sync(self, plan: Plan | None = None, limits: Limits | None = None) -> None:
        with suppress(Stopped):  # the next run continues
            self.sync(plan, limits)

    @rule(full=st.booleans())
    def a_run(self, *, full: bool) -> None:
        self.try_to_sync(Plan(full=full))

    @rule(changes=st.lists(CHANGE, min_size=1, max_size=12))
    def a_run_under_change(self, changes: list[tuple[str, int]]) -> None:
        todo = iter(changes)

        def change(_request: Request) -> None:
            if (next_one := next(todo, None)) is not None:
                self.change(next_one)

        self.account.before_answer = change
        self.try_to_sync()
        self.account.before_answer = None

    @rule(faults=st.lists(FAULT, min_size=1, max_size=9), after=st.integers(0, 6))
    def a_run_with_faults(self, faults: list[str], after: int) -> None:
        asked = iter(range(1000))

        def fail(_request: Request) -> None:
            if next(asked) == after:
                self.account.failing = [*faults]

        self.account.before_answer = fail
        self.try_to_sync()
        self.account.before_answer, self.account.failing = None, []

    @rule(requests=st.integers(3, 12))
    def a_run_on_a_budget(self, requests: int) -> None:
        self.try_to_sync(limits=Limits(requests=requests))

    @rule(statements=st.integers(0, 120))
    def a_run_that_is_killed(self, statements: int) -> None:
        left = iter(range(statements))

        def kill(*_: Any, **__: Any) -> None:
            if next(left, None) is None:
                raise Killed

        event.listen(self.engine, "before_cursor_execute", kill)
        with suppress(Killed, DatabaseError):
            self.try_to_sync()
        self.engine.dispose()
        self.engine = open_engine(self.url)
        # A server notices a closed session a little later, and only then ends its lock.
        deadline, is_free = time.monotonic() + 30, False
        while not is_free:
            assert time.monotonic() < deadline
            with lock(self.engine, self.account.account_id) as check_lock:
                is_free = check_lock is not None
            if not is_free:
                time.sleep(0.005)

    @precondition(lambda self: self.account.jobs)
    @rule(number=ANY)
    def a_run_for_one_job(self, number: int) -> None:
        jobs = sorted(self.account.jobs)
        self.try_to_sync(Plan(ids=[jobs[number % len(jobs)]]))

    # The end

    def teardown(self) -> None:
        try:
            if hasattr(self, "api"):
                self.account.advance(LAG + 61)
                self.account.lag = 0  # quiet: what has changed shows by now
                # The clock alone moves on, so that what is set aside may be tried again, also what
                # was set aside by this host's clock, because the server sent none.
                self.account.now = max(self.account.now, now()) + timedelta(days=4)
                self.account.date_offset = self.account.date_offset or 0
                self.sync()
                if any(row["vanishing_since"] for row in self.rows(ACCOUNTS)):
                    # So many are gone that a later run has to find the same.
                    self.account.now += timedelta(hours=1)
                    self.sync()
                self.assert_equal()
        finally:
            self.engine.dispose()
            self.stack.close()

    def assert_equal(self) -> None:
        """Compare every row with what the account holds."""
        documents = [as_sent(job) for _, job in sorted(self.account.jobs.items())]
        records = read_all(documents)
        expected = {r.job_id: flatten(r, Redaction()) for r in records if isinstance(r, Record)}
        spoilt = {r.job_id for r in records} - expected.keys()
        jobs = {row["id"]: row for row in self.rows(JOBS)}
        aside = {row["job_id"] for row in self.rows(REJECTS)}
        assert aside == spoilt
        here = {job_id for job_id, row in jobs.items() if row["gone_at"] is None}
        assert here - spoilt == expected.keys()
        assert jobs.keys() - here <= self.vanished
        for job_id, rows in expected.items():
            assert {name: jobs[job_id][name] for name in rows.job} == rows.job
        outputs = sorted((o for r in expected.values() for o in r.outputs), key=lambda o: o["id"])
        stored = [o for o in self.rows(OUTPUTS) if o["job_id"] in expected]
        assert sorted(stored, key=lambda o: o["id"]) == outputs
        fields = sorted(field for rows in expected.values() for field in rows.fields)
        of_these = {output["id"] for output in outputs}
        fields_stored = [tuple(row.values()) for row in self.rows(FIELDS)]
        assert sorted(row for row in fields_stored if row[0] in of_these) == fields
        self.assert_history(jobs)
        with self.engine.connect() as connection:
            assert_counted(connection)

    def assert_history(self, jobs: dict[int, dict[str, Any]]) -> None:
        """Assert that the last change of each job is its state, and that no change is empty."""
        states: dict[int, list[tuple[Any, ...]]] = {}
        for row in self.rows(CHANGES):
            state = (row["status"], row["progress"], row["runtime_in_seconds"])
            states.setdefault(row["job_id"], []).append(
                (*state, row["outputs_count"], row["records_count"])
            )
        assert states.keys() == jobs.keys()
        for job_id, seen in states.items():
            assert seen[-1][:3] == tuple(
                jobs[job_id][name] for name in ("status", "progress", "runtime_in_seconds")
            )
            assert all(one != other for one, other in pairwise(seen))

    def rows(self, table: Any) -> list[dict[str, Any]]:
        with self.engine.connect() as connection:
            key = [column.name for column in table.primary_key]
            statement = select(table).order_by(*(table.c[name] for name in key))
            return [dict(row) for row in connection.execute(statement).mappings()]


@pytest.fixture
def fresh(database_url: str, tmp_path: Path) -> Iterator[Callable[[], str]]:
    """Yield a function that returns the URL of a database without jobs, fresh at each call."""
    if database_url.startswith("sqlite"):
        spare = tmp_path / "spare.db"
        shutil.copy(tmp_path / "test.db", spare)
        yield lambda: _copied(spare, tmp_path)
        return
    engine = open_engine(database_url)
    yield lambda: _emptied(engine, database_url)
    engine.dispose()


def _copied(spare: Path, folder: Path) -> str:
    for path in folder.glob("used.db*"):
        path.unlink()
    shutil.copy(spare, folder / "used.db")
    return f"sqlite:///{folder}/used.db"


def _emptied(engine: Engine, url: str) -> str:
    with engine.begin() as connection:
        for table in reversed(METADATA.sorted_tables):
            if table.name != "calendar":
                connection.execute(delete(table))
    return url


def check(fresh: Callable[[], str], examples: int) -> None:
    machine = type("Machine", (Accounts,), {"fresh": staticmethod(fresh)})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=15,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.slow
def test_one_quiet_sync_makes_the_tables_the_account(
    fresh: Callable[[], str], database_url: str
) -> None:
    # The soak tries more, for as long as one likes.
    on_sqlite = int(os.environ.get("EX", "40"))
    check(fresh, examples=on_sqlite if database_url.startswith("sqlite") else 10)


@pytest.mark.soak
@pytest.mark.slow
def test_it_does_so_for_long(fresh: Callable[[], str], capsys: pytest.CaptureFixture[str]) -> None:
    """Share SOAK_SECONDS out among the three databases."""
    seconds = float(os.environ.get("SOAK_SECONDS", "1800")) / 3
    began, rounds = time.monotonic(), 0
    while rounds == 0 or time.monotonic() - began < seconds:
        check(fresh, examples=10)
        rounds += 1
    with capsys.disabled():
        print(f"\nsoak: {rounds * 10} accounts in {time.monotonic() - began:.0f} s")  # noqa: T201 - the soak's word
