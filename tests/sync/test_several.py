"""Several accounts: none stops the others, and what stops all of them."""

import logging
import threading
from collections.abc import Callable, Iterator

import pytest

from snapshotter import logs
from snapshotter.configured_accounts import Account
from snapshotter.errors import (
    DatabaseError,
    Interrupted,
    KeyRefused,
    RecordError,
    SnapshotterError,
    Stopped,
    UsageError,
)
from snapshotter.key_sources import KeySource
from snapshotter.sync.several import Attempt, Work, failure, run_each

PATIENCE = 30.0  # seconds
NAMES = ("acme", "globex", "initech")


class World:
    """What the accounts do, and what is seen of it. `errors`: what the work with one raises."""

    def __init__(self, **errors: BaseException) -> None:
        self.errors = errors
        self.attempts = [
            Attempt(Account(name, name, "", KeySource("", "", ""), {})) for name in NAMES
        ]
        self.ended: list[str] = []
        self.begun: list[str] = []
        self.interrupted = ""
        self.database: SnapshotterError | None = None
        self.before: Callable[[Attempt], None] = lambda _attempt: None

    def do(self, attempt: Attempt) -> None:
        self.begun.append(attempt.account_id)
        logs.run_mark().run = len(self.begun)
        self.before(attempt)
        if error := self.errors.get(attempt.account_id):
            raise error
        attempt.summary = "done"

    def check(self) -> None:
        if self.database is not None:
            raise self.database

    def run(self, at_once: int = 1) -> list[int]:
        """Run all; return their exit codes."""

        def ending(error: BaseException) -> tuple[int, str]:
            code = error.exit_code if isinstance(error, SnapshotterError) else 1
            return 75 if isinstance(error, Interrupted) else code, str(error)

        work = Work(
            self.do,
            ending,
            lambda: self.interrupted,
            self.check,
            self.check,
            lambda attempt: self.ended.append(attempt.account_id),
        )
        run_each(self.attempts, work, at_once)
        return [attempt.exit_code for attempt in self.attempts]


@pytest.fixture(params=[1, 2, 3, 32], ids="{} at once".format)
def at_once(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (KeyRefused("the key"), 77),
        (Stopped("a lock"), 75),
        (RecordError("a record"), 65),
        (ValueError("a bug"), 1),
        (MemoryError(), 1),
        (SystemExit(3), 1),
        (DatabaseError("one table"), 1),
    ],
    ids=repr,
)
def test_one_that_fails_does_not_stop_the_others(
    error: BaseException, code: int, at_once: int
) -> None:
    world = World(acme=error)
    assert world.run(at_once) == [code, 0, 0]
    assert sorted(world.begun) == sorted(world.ended) == sorted(NAMES)
    assert all(attempt.has_begun for attempt in world.attempts)
    found = failure(world.attempts)
    assert found is not None
    assert (found.exit_code, str(found)) == (
        code,
        f"1 of 3 accounts did not end with 0: acme ({code})",
    )


def test_two_of_one_id_would_be_one_account_of_the_database(at_once: int) -> None:
    """Each would find the other's jobs to be gone."""
    world = World()
    other = Account("acme-eu", "acme", "https://eu.example", KeySource("", "", ""), {})
    world.attempts.append(Attempt(other))
    with pytest.raises(UsageError, match="accounts acme and acme-eu have the same id 'acme'"):
        world.run(at_once)
    assert world.begun == []


def test_the_exit_code_is_the_worst(at_once: int) -> None:
    world = World(acme=Stopped("x"), globex=KeyRefused("x"), initech=RecordError("x"))
    world.run(at_once)
    found = failure(world.attempts)
    assert found is not None
    assert found.exit_code == 77
    assert str(found).endswith(": acme (75), globex (77), initech (65)")


def test_all_is_well(at_once: int) -> None:
    world = World()
    assert world.run(at_once) == [0, 0, 0]
    assert failure(world.attempts) is None


def test_one_after_another_is_as_configured() -> None:
    world = World()
    world.run()
    assert world.begun == world.ended == [*NAMES]


def test_some_run_at_once() -> None:
    world = World()
    both = threading.Barrier(2, timeout=PATIENCE)
    world.attempts = world.attempts[:2]

    def before(_attempt: Attempt) -> None:
        both.wait()

    world.before = before
    assert world.run(at_once=2) == [0, 0]


def test_no_more_run_at_once_than_allowed() -> None:
    world, now, most = World(), set[str](), list[int]()
    lock, both = threading.Lock(), threading.Barrier(2, timeout=PATIENCE)

    def before(attempt: Attempt) -> None:
        with lock:
            now.add(attempt.account_id)
            most.append(len(now))
        if len(most) <= 2:
            both.wait()
        with lock:
            now.discard(attempt.account_id)

    world.before = before
    assert world.run(at_once=2) == [0, 0, 0]
    assert max(most) == 2


def test_each_line_names_its_own_account_and_run(
    at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "ABOUT", logs.About())  # other tests of the process have set it
    world = World()
    seen: dict[str, str] = {}
    world.before = lambda attempt: seen.update({attempt.account_id: logs.mark()})
    world.run(at_once)
    for attempt in world.attempts:
        assert f"Z {attempt.account_id} run {attempt.mark.run}]" in seen[attempt.account_id]
    assert sorted(attempt.mark.run or 0 for attempt in world.attempts) == [1, 2, 3]
    assert "run" not in logs.mark()


def test_a_single_account_has_the_mark_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "ABOUT", logs.About(account="acme"))
    world = World()
    world.attempts = world.attempts[:1]
    world.run(at_once=3)
    assert (logs.ABOUT.run, world.ended) == (1, ["acme"])


def test_a_lost_database_stops_all() -> None:
    world = World(acme=DatabaseError("gone"))
    world.before = lambda _attempt: setattr(world, "database", DatabaseError("no database"))
    assert world.run() == [1, 1, 1]
    assert world.begun == ["acme"]
    assert [attempt.message for attempt in world.attempts] == [
        "gone",
        *["did not begin: no database"] * 2,
    ]
    assert [attempt.has_begun for attempt in world.attempts] == [True, False, False]


def test_a_database_that_is_locked_is_not_lost(at_once: int) -> None:
    world = World(acme=DatabaseError("gone"))
    world.database = Stopped("locked")
    assert world.run(at_once) == [1, 0, 0]


def test_a_database_that_cannot_be_used_is_reported_for_each() -> None:
    world = World()
    world.database = DatabaseError("no database")
    assert world.run(at_once=2) == [1, 1, 1]
    assert (world.begun, sorted(world.ended)) == ([], sorted(NAMES))


@pytest.mark.parametrize("is_at_once", [False, True])
def test_a_signal_stops_all(*, is_at_once: bool) -> None:
    world = World(acme=Stopped("stopped by SIGTERM"))
    world.before = lambda _attempt: setattr(world, "interrupted", "stopped by SIGTERM")
    if not is_at_once:
        assert world.run() == [75, 75, 75]
        assert world.begun == ["acme"]
        assert world.attempts[1].message == (
            "did not begin: stopped by SIGTERM; nothing is lost, the next run continues"
        )
    else:
        world.interrupted = "stopped by SIGTERM"
        assert world.run(at_once=2) == [75, 75, 75]
        assert world.begun == []


def test_a_second_signal_stops_all() -> None:
    world = World(acme=Interrupted("interrupted"))
    assert world.run() == [75, 75, 75]
    assert world.begun == ["acme"]


def test_a_second_signal_does_not_wait_for_the_threads() -> None:
    """It is raised in the main thread, which waits for them."""
    world, never = World(), threading.Event()

    def before(attempt: Attempt) -> None:
        if attempt.account_id != "acme":
            never.wait(PATIENCE)

    def ended(attempt: Attempt) -> None:
        world.ended.append(attempt.account_id)
        if len(world.ended) == 1:
            raise Interrupted

    world.before = before
    work = Work(world.do, lambda _: (75, "interrupted"), str, world.check, world.check, ended)
    run_each(world.attempts, work, at_once=3)
    never.set()
    assert [attempt.exit_code for attempt in world.attempts] == [0, 75, 75]
    assert sorted(world.ended) == sorted(NAMES)


@pytest.fixture
def no_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)


@pytest.mark.usefixtures("no_threads")
def test_a_host_that_allows_no_threads_runs_one_after_another() -> None:
    world = World()
    assert world.run(at_once=3) == [0, 0, 0]
    assert world.begun == [*NAMES]


@pytest.fixture(autouse=True)
def _no_traceback(capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    logging.getLogger().setLevel(logging.WARNING)
    yield
    assert "Traceback" not in capfd.readouterr().err
