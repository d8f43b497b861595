"""How a check is run: whatever it raises is a line, and none takes longer than it may."""

import threading

import pytest

from snapshotter import logs
from snapshotter.doctor.report import Check, Report, Runner
from snapshotter.errors import UsageError


@pytest.fixture
def emitted() -> list[Check]:
    return []


@pytest.fixture
def runner(emitted: list[Check]) -> Runner:
    return Runner(emitted.append, 5.0)


def fails(error: BaseException) -> object:
    raise error


def test_what_a_check_finds_and_returns(runner: Runner, emitted: list[Check]) -> None:
    def check(report: Report) -> int:
        report.ok("one")
        report.warn("two", "do it")
        report.skip("three")
        return 7

    assert runner.run(Report("disk", "acme"), check) == 7
    assert emitted == [
        Check("disk", "acme", "ok", "one"),
        Check("disk", "acme", "warning", "two", "do it"),
        Check("disk", "acme", "skipped", "three"),
    ]


@pytest.mark.parametrize(
    ("error", "found", "advice"),
    [
        (UsageError("no key: set it"), "no key: set it", ""),
        (PermissionError(13, "Permission denied", "/x"), "'/x': Permission denied", "check the"),
        (ImportError("no psycopg"), "a package is missing or broken (no psycopg)", "install"),
        (ZeroDivisionError("by 0"), "a bug in snapshotter: ZeroDivisionError: by 0", "report it"),
    ],
)
def test_whatever_a_check_raises_is_a_line(
    runner: Runner, emitted: list[Check], error: Exception, found: str, advice: str
) -> None:
    assert runner.run(Report("key"), lambda _: fails(error)) is None
    ((_, _, status, words, what),) = [
        (e.name, e.account, e.status, e.found, e.advice) for e in emitted
    ]
    assert (status, words) == ("FAILED", found)
    assert advice in what
    assert runner.run(Report("next"), lambda _: 1) == 1


def test_a_check_that_hangs_is_given_up(emitted: list[Check]) -> None:
    runner, go_on = Runner(emitted.append, 0.05), threading.Event()

    def hang(report: Report) -> int:
        report.ok("so far")
        go_on.wait()
        return 1

    assert runner.run(Report("database"), hang) is None
    assert [each.status for each in emitted] == ["ok", "FAILED"]
    assert emitted[1].found == "no result within 0.05 s"
    go_on.set()
    assert runner.run(Report("disk"), lambda _: 2) in (2, None)


def test_without_another_thread_the_check_runs_here(
    runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_thread(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", no_thread)
    assert runner.run(Report("disk"), lambda _: threading.current_thread().name) == "MainThread"


def test_a_line_and_a_document() -> None:
    check = Check("key", "acme", "FAILED", "none", "set one")
    assert check.line() == "FAILED   key acme: none; set one"
    assert Check("disk", None, "ok", "fine").line() == "ok       disk: fine"
    assert check.document() == {
        "name": "key",
        "account": "acme",
        "status": "FAILED",
        "found": "none",
        "advice": "set one",
    }


def test_a_document_has_no_secret() -> None:
    logs.learn("hunter2-in-a-report")
    check = Check("key", None, "FAILED", "it is hunter2-in-a-report", "not hunter2-in-a-report")
    assert "hunter2" not in str(check.document())
