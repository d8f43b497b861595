"""One account from its key to the end of its run, as commands and Python programs call it."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest
from clock import Impatient
from sqlalchemy import func, select
from syncer import history

from snapshotter import logs
from snapshotter.api.client import ListFilters
from snapshotter.errors import Interrupted, KeyRefused, Stopped, UsageError
from snapshotter.message_mask import Mask
from snapshotter.settings import Key, Service
from snapshotter.simulator.account import SimulatedAccount
from snapshotter.store.opening import Database, reading
from snapshotter.store.tables import JOBS, SNAPSHOTS
from snapshotter.sync.account_run import RunOptions, client_of, run_account
from snapshotter.sync.run import Run
from snapshotter.sync.sync import Plan


@pytest.fixture(autouse=True)
def _unmarked_logs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "ABOUT", logs.About())
    monkeypatch.setattr(logs, "_secrets", set())
    monkeypatch.setattr(logs, "_mask", Mask())


@pytest.fixture
def service(account: SimulatedAccount, api: str) -> Service:
    return Service(account.account_id, Key(account.api_key), api)


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database(f"sqlite:///{tmp_path}/x.db")


@dataclass
class Stopping:
    """Watches a run, and stops it after some jobs: by a signal noted by the clock, or at once."""

    clock: Impatient = field(default_factory=Impatient)
    after: int = 10**9
    error: type[BaseException] | None = None
    run: Run | None = None
    jobs: int = 0

    def begin(self, run: Run) -> None:
        self.run = run

    def progress(self, jobs: int) -> None:
        self.jobs = jobs
        if jobs >= self.after:
            self.clock.interrupted = "stopped by SIGINT"
            if self.error is not None:
                raise self.error


def test_a_run_stores_the_account_and_returns_the_counts(
    service: Service, database: Database, account: SimulatedAccount
) -> None:
    history(account, 3)
    watcher = Stopping()
    outcome = run_account(service, database, Plan(), RunOptions(clock=Impatient(), watcher=watcher))
    assert (outcome.status, outcome.inserted, watcher.jobs) == ("completed", 3, 3)
    assert watcher.run is not None
    assert watcher.run.outcome is outcome
    with reading(database.url) as engine, engine.connect() as connection:
        assert [row.status for row in connection.execute(SNAPSHOTS.select())] == ["completed"]


def test_nobody_has_to_watch(service: Service, database: Database) -> None:
    assert run_account(service, database, Plan(), RunOptions()).status == "completed"


def test_lines_name_the_account_and_the_run(service: Service, database: Database) -> None:
    with logs.marked(logs.RunMark()) as mark:
        run_account(service, database, Plan(), RunOptions())
        assert (mark.account, mark.run) == (service.account_id, 1)
    assert (logs.ABOUT.account, logs.ABOUT.run) == ("", None)
    with client_of(service, RunOptions()):
        assert logs.ABOUT.account == service.account_id
    assert logs.masked(f"the key {service.key.secret}") == "the key ***"


@pytest.mark.parametrize(
    ("error", "expected", "message"),
    [
        (None, Stopped, "stopped by SIGINT"),
        (Interrupted, Interrupted, "interrupted"),
    ],
)
def test_a_run_that_a_signal_ends_reports_what_was_saved(
    service: Service,
    database: Database,
    account: SimulatedAccount,
    error: type[BaseException] | None,
    expected: type[BaseException],
    message: str,
) -> None:
    history(account, 2500)  # more pages than are requested ahead
    clock = Impatient()
    watcher = Stopping(clock, after=1, error=error)
    with pytest.raises(expected) as raised:
        run_account(service, database, Plan(), RunOptions(clock=clock, watcher=watcher))
    with reading(database.url) as engine, engine.connect() as connection:
        saved = connection.execute(select(func.count()).select_from(JOBS)).scalar()
    assert str(raised.value) == (
        f"{message} after {saved:,} jobs were saved; nothing is lost, the next run continues"
    )
    assert run_account(service, database, Plan(), RunOptions()).status == "completed"


def test_a_run_that_has_saved_nothing_reports_no_number(
    service: Service, database: Database
) -> None:
    clock = Impatient()
    clock.interrupted = "stopped by SIGTERM"
    with pytest.raises(Stopped, match=r"^stopped by SIGTERM; nothing is lost"):
        run_account(service, database, Plan(), RunOptions(clock=clock))


def test_a_refused_key_is_raised(service: Service, database: Database) -> None:
    wrong = Service(service.account_id, Key("wrong"), service.api_url)
    with pytest.raises(KeyRefused):
        run_account(wrong, database, Plan(), RunOptions())


def test_an_unknown_status_is_taken_for_a_typing_error(
    service: Service, database: Database
) -> None:
    plan = Plan(filters=ListFilters(status="faild"))
    with pytest.raises(UsageError, match="did you mean 'failed'"):
        run_account(service, database, plan, RunOptions(clock=Impatient()))
