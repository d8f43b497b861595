"""`History` does what the commands do, in any thread, and leaves the process as it is."""

import asyncio
import gc
import logging
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from failing import failing
from readme import README, block
from sqlalchemy import Engine
from trend_jobs import DAY, ended, put

import snapshotter
from snapshotter import (
    DatabaseError,
    History,
    KeyRefused,
    Outcome,
    SnapshotterError,
    Stopped,
    UsageError,
    errors,
    logs,
)
from snapshotter.history.options import SyncOptions, TrendFilters
from snapshotter.simulator.account import SimulatedAccount
from snapshotter.store.lock import lock
from snapshotter.trends import trends
from snapshotter.trends.filters import Filters

sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def own(account: SimulatedAccount) -> SimulatedAccount:
    """Return an account with failed and completed jobs."""
    for number in range(40):
        at = account.now - timedelta(hours=40 - number)
        status = "failed" if number % 4 == 3 else "completed"
        account.add_job(status=status, created_at=at, runtime_in_seconds=60 * number)
    return account


def sync(history: History, account: SimulatedAccount, api: str, **options: Any) -> Outcome:
    return history.sync(account.account_id, account.api_key, api_url=api, **options)


def test_a_history_from_nothing(own: SimulatedAccount, api: str, empty_database_url: str) -> None:
    with History(empty_database_url) as history:
        with pytest.raises(DatabaseError):
            history.accounts()
        outcome = sync(history, own, api, log_summaries=True)
        assert (outcome.status, outcome.inserted, outcome.noted) == ("completed", 40, [])
        assert sync(history, own, api).inserted == 0
        (stored,) = history.accounts()
        assert (stored.account_id, stored.jobs, stored.runs) == ("acme", 40, 2)
        reasons = history.trend("failure_reasons", account="acme")
        assert reasons["summary"].tolist() == ["Package failed to execute."]
        assert "failed" in " ".join(each.text for each in history.findings())


def test_every_error_can_be_imported_from_the_package() -> None:
    raised = {
        name
        for name, each in vars(errors).items()
        if isinstance(each, type) and issubclass(each, SnapshotterError)
    }
    assert raised < {*snapshotter.__all__}


def test_a_trend_is_that_of_the_command(engine: Engine, database_url: str) -> None:
    put(engine, *(ended(n, n, 30 * n) for n in range(1, 20)))
    put(engine, ended(40, 40, 7), account_id="beta")
    history = History(database_url)
    for name in trends.names():
        with engine.connect() as connection:
            expected = trends.rows(connection, name, Filters())
        found = history.trend(name)
        assert list(found.columns) == expected.columns
        assert len(found) == len(expected.rows)
    weeks = history.trend("runtime_by_week", account="acme", package="one", since=DAY)
    assert weeks["p95_seconds"].tolist() == [543.0]
    assert weeks["week"].tolist() == [pd.Timestamp("2026-01-05")]
    assert str(weeks["runs"].dtype) == "Int64"
    assert len(history.trend("runtime_by_day", last=timedelta(days=1), package=1)) == 2
    assert history.trend("runtime_by_day", until="2026-01-05").empty


@sqlite
@pytest.mark.parametrize(
    ("name", "filters", "message"),
    [
        ("runtime_by_dya", {}, "no trend 'runtime_by_dya'; did you mean 'runtime_by_day'?"),
        ("runtime_by_day", {"account": "acne"}, "no account 'acne' in this database; did you mean"),
        ("runtime_by_day", {"package": "oen"}, "--package 'oen': no job of such a package"),
        ("runtime_by_day", {"package": "ones"}, "did you mean 'one'?"),
        ("runtime_by_day", {"package": 99}, "no job of such a package is stored"),
        ("runtime_by_day", {"pakage": 99}, "no option 'pakage'; did you mean 'package'?"),
    ],
)
def test_a_wrong_name_is_an_error_with_the_nearest(
    engine: Engine, database_url: str, name: str, filters: Any, message: str
) -> None:
    put(engine, ended(1, 1))
    with pytest.raises(UsageError) as caught:
        History(database_url).trend(name, **filters)
    assert message in str(caught.value)


def test_a_url_that_is_not_valid() -> None:
    with pytest.raises(UsageError, match="no database driver 'sqlte'; did you mean 'sqlite'"):
        History("sqlte:///x.db")


def test_a_database_without_tables(empty_database_url: str) -> None:
    history = History(empty_database_url)
    for ask in (history.accounts, history.findings, lambda: history.trend("freshness")):
        with pytest.raises(DatabaseError):
            ask()


def test_a_failed_job_that_cannot_be_requested_is_in_the_outcome(
    own: SimulatedAccount, api: str, tmp_path: Path
) -> None:
    failed = max(own.jobs)
    own.intercept = failing(422, f"jobs/{failed}")
    history = History(f"sqlite:///{tmp_path}/test.db")
    outcome = sync(history, own, api, log_summaries=True)
    assert outcome.status == "completed"
    assert f"job {failed}" in outcome.noted[0]
    assert sync(history, own, api, ids=[999_999]).missing == [999_999]


@sqlite
def test_errors_are_those_of_the_command_and_show_no_key(
    own: SimulatedAccount, api: str, database_url: str, engine: Engine
) -> None:
    history = History(database_url)
    with pytest.raises(KeyRefused) as caught:
        history.sync("acme", "wr0ng-s3cr3t", api_url=api)
    assert "s3cr3t" not in str(caught.value)
    with lock(engine, "acme"), pytest.raises(Stopped, match="is being read by"):
        sync(history, own, api)
    with pytest.raises(Stopped, match="--max-requests 3"):
        sync(history, own, api, max_requests=3)
    assert sync(history, own, api).status == "completed"


def test_no_password_is_shown() -> None:
    history = History("postgresql://etl:hunter2@127.0.0.1:1/history?sslpassword=hunter2")
    assert repr(history) == "History('postgresql://etl:***@127.0.0.1:1/history')"
    with pytest.raises(SnapshotterError) as caught:
        history.accounts()
    assert "hunter2" not in str(caught.value)


@pytest.fixture
def untouched() -> Iterator[None]:
    """Check that the process is afterwards as it was before."""

    def seen() -> tuple[Any, ...]:
        handlers = tuple(signal.getsignal(number) for number in signal.valid_signals())
        loggers = (list(logging.root.handlers), logging.root.level)
        own = logging.getLogger("snapshotter")
        timers = signal.getitimer(signal.ITIMER_REAL)
        about = replace(logs.ABOUT)  # what the lines of the command's log are about
        return handlers, loggers, (list(own.handlers), own.level), gc.get_threshold(), timers, about

    before = seen()
    yield
    assert seen() == before


@pytest.mark.usefixtures("untouched")
def test_the_process_is_left_as_it_is(
    own: SimulatedAccount, api: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    history = History(f"sqlite:///{tmp_path}/test.db")
    during: list[Any] = []

    def note(_jobs: int) -> None:
        during.append((signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)))

    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    sync(history, own, api, progress=note, log_summaries=True)
    history.trend("runtime_by_day")
    history.findings()
    assert set(during) == {before}
    assert capfd.readouterr() == ("", "")


@pytest.mark.usefixtures("untouched")
def test_in_threads_and_several_at_once(own: SimulatedAccount, api: str, tmp_path: Path) -> None:
    def work(number: int) -> tuple[str, int]:
        history = History(f"sqlite:///{tmp_path}/{number}.db")
        outcome = sync(history, own, api)
        return outcome.status, len(history.trend("runtime_by_day"))

    with ThreadPoolExecutor(3) as pool:
        first, *others = pool.map(work, range(3))
    assert first[0] == "completed"
    assert others == [first, first]


@pytest.mark.usefixtures("untouched")
def test_in_a_running_event_loop(own: SimulatedAccount, api: str, tmp_path: Path) -> None:
    async def notebook() -> list[Any]:
        history = History(f"sqlite:///{tmp_path}/test.db")
        here = sync(history, own, api).status
        there = await asyncio.to_thread(sync, history, own, api)
        return [here, there.status, len(await asyncio.to_thread(history.trend, "freshness"))]

    assert asyncio.run(notebook()) == ["completed", "completed", 1]


def test_an_interrupted_run_is_continued(own: SimulatedAccount, api: str, tmp_path: Path) -> None:
    """A notebook's Stop button raises `KeyboardInterrupt` in the main thread."""
    assert threading.current_thread() is threading.main_thread()
    own.page_cap = 5
    history = History(f"sqlite:///{tmp_path}/test.db")

    def stop(_jobs: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sync(history, own, api, progress=stop)
    (last,) = history.trend("snapshot_log").to_dict("records")
    assert (last["status"], last["error"]) == ("partial", "interrupted")
    sync(history, own, api)
    assert history.accounts()[0].jobs == 40


def test_the_page_of_the_readme(
    account: SimulatedAccount,
    api: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Its lines run as they are, but for the account."""
    account.populate(days=30)
    monkeypatch.chdir(tmp_path)
    lines = block("python").replace(
        '"your-account", "your-key"', f'"acme", "demo-key", api_url="{api}"'
    )
    names: dict[str, Any] = {}
    exec(lines, names)  # noqa: S102 - the README's own lines
    first, *others = capsys.readouterr().out.splitlines()
    assert first == f"{len(account.jobs):,} new jobs, 0 records set aside"
    assert "p95_seconds" in others[0]
    assert any("product_catalogue" in line for line in others)
    assert len(names["weeks"]) in (4, 5, 6)


def test_the_readme_lists_every_option() -> None:
    page = README.partition("## From Python\n")[2].partition("\n## ")[0]
    for name in {*SyncOptions.__annotations__, *TrendFilters.__annotations__}:
        assert f"`{name}`" in page
    for name in ("UsageError", "DatabaseError", "Failure", "KeyRefused", "Stopped"):
        assert f"`{name}` (" in page or f"`{name}` and" in page
        assert f"({getattr(snapshotter, name).exit_code}" in page


def test_what_the_package_exports() -> None:
    for name in snapshotter.__all__:
        assert getattr(snapshotter, name).__name__ == name
    with pytest.raises(AttributeError):
        getattr(snapshotter, "Histroy")  # noqa: B009 - mypy knows that there is none


def test_import_takes_nothing_heavy() -> None:
    code = (
        "import sys, snapshotter; snapshotter.UsageError\n"
        "heavy = {'pandas', 'sqlalchemy', 'requests', 'msgspec', 'click'} & set(sys.modules)\n"
        "sys.exit(repr(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
