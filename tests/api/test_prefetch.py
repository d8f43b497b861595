"""Pages that threads request before they are needed."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

from snapshotter.api.bodies import TooLarge
from snapshotter.api.paging import Listed
from snapshotter.api.prefetch import THREADS, Calls, Threads
from snapshotter.api.records import Reject
from snapshotter.errors import Stopped

Ask = Callable[[int], Listed[Reject]]


def page(by: str, offset: int) -> Listed[Reject]:
    """Return a page whose record names who asked for it."""
    return Listed([Reject(offset, None, by, None)], more=True)


def calls(by_thread: Ask, **changes: Any) -> Calls[Listed[Reject]]:
    given: dict[str, Any] = {
        "ask": lambda offset: page("reader", offset),
        "new_ask": lambda: by_thread,
        "cancel": lambda: None,
        "room": lambda: 100,
        **changes,
    }
    return Calls(**given)


def test_what_was_started_is_taken_in_any_order() -> None:
    with Threads(calls(lambda offset: page("thread", offset))) as threads:
        for offset in range(3 * THREADS):
            threads.start(offset)
        for offset in reversed(range(3 * THREADS)):
            assert threads.wait(offset) == page("thread", offset)
            assert threads.has(offset)
            assert threads.take(offset) == page("thread", offset)


def test_each_thread_has_an_asker_of_its_own() -> None:
    made: list[str] = []
    all_ask = threading.Barrier(THREADS, timeout=60)

    def new_ask() -> Ask:
        made.append(threading.current_thread().name)

        def ask(offset: int) -> Listed[Reject]:
            all_ask.wait()
            return page("thread", offset)

        return ask

    with Threads(calls(lambda _: page("", 0), new_ask=new_ask)) as threads:
        for offset in range(2 * THREADS):
            threads.start(offset)
        for offset in range(2 * THREADS):
            threads.take(offset)
    assert made == ["prefetch"] * THREADS


def test_what_is_not_answered_takes_room() -> None:
    let_go = threading.Event()

    def ask(offset: int) -> Listed[Reject]:
        assert let_go.wait(60)
        return page("thread", offset)

    with Threads(calls(ask, room=lambda: 3)) as threads:
        assert threads.room() == 3
        for offset in (5, 6, 7):
            threads.start(offset)
        assert threads.room() == 0
        let_go.set()
        for offset in (5, 6, 7):
            threads.wait(offset)
        assert threads.room() == 3  # by now the limits have counted them


def test_an_answer_too_large_to_keep_is_asked_for_again_by_the_reader() -> None:
    def ask(_offset: int) -> Listed[Reject]:
        raise TooLarge(1, b"")

    with Threads(calls(ask)) as threads:
        threads.start(5)
        assert threads.wait(5) is None
        assert threads.take(5) == page("reader", 5)


def test_an_error_is_raised_where_its_answer_is_taken() -> None:
    def ask(offset: int) -> Listed[Reject]:
        if offset == 5:
            raise Stopped("no credits")
        return page("thread", offset)

    with Threads(calls(ask)) as threads:
        threads.start(5)
        threads.start(6)
        assert threads.wait(5) is None
        assert not threads.has(5)
        with pytest.raises(Stopped, match="no credits"):
            threads.take(5)
        assert threads.take(6) == page("thread", 6)


def test_the_end_cancels_what_is_under_way_and_what_waits() -> None:
    is_asking, is_cancelled = threading.Event(), threading.Event()
    asked: list[int] = []

    def ask(offset: int) -> Listed[Reject]:
        asked.append(offset)
        is_asking.set()
        assert is_cancelled.wait(60)
        raise Stopped("given up")

    with Threads(calls(ask, cancel=is_cancelled.set)) as threads:
        threads.start(0)
        threads.drop(0)
        threads.start(1)
        assert is_asking.wait(60)
    assert is_cancelled.is_set()
    assert len(asked) <= 2


def test_with_no_thread_to_start_the_reader_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with Threads(calls(lambda offset: page("thread", offset))) as threads:
        threads.start(0)
        threads.start(1)
        assert [threads.take(offset) for offset in (0, 1)] == [page("reader", 0), page("reader", 1)]
