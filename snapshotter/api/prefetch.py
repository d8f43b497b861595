"""Requests pages of a list, or single jobs, before they are needed, by a few threads."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from contextvars import copy_context
from functools import partial
from queue import SimpleQueue
from typing import Generic, NamedTuple, Self, TypeVar

from snapshotter.api.bodies import TooLarge
from snapshotter.api.deadlines import leave_signals_to_the_main_thread

THREADS = 8
_SLICE = 0.1  # seconds

T = TypeVar("T")


def _await(answer: Future[T]) -> None:
    # In slices: a signal that comes just before a wait begins does not end that one.
    while not wait([answer], _SLICE).done:
        pass


class Calls(NamedTuple, Generic[T]):
    """How to ask for one number, an offset of the list or a job's id: `ask` in the reader.

    `new_ask` returns what asks in a thread of its own; it may raise `bodies.TooLarge` for an answer
    that is too large to keep. `cancel` aborts the requests in flight. `room`: how many more
    requests the run's limits allow; 0 also if answers are too large to keep.
    """

    ask: Callable[[int], T]
    new_ask: Callable[[], Callable[[int], T]]
    cancel: Callable[[], None]
    room: Callable[[], float]


class Threads(Generic[T]):
    """Threads that ask, as `prefetch_plan.Prefetch` has it; they end with its `with`.

    If fewer threads can be started, the reader requests what no thread has when it comes there.
    """

    def __init__(self, calls: Calls[T]) -> None:
        self._calls = calls
        self._todo: SimpleQueue[tuple[int, Future[T]] | None] = SimpleQueue()
        self._answers: dict[int, Future[T]] = {}
        self._threads: list[threading.Thread] = []
        self._most = THREADS

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for answer in self._answers.values():
            answer.cancel()
        for _thread in self._threads:
            self._todo.put(None)
        self._calls.cancel()
        for thread in self._threads:
            thread.join(1)  # one that hangs, as in a name server, ends with the process

    def room(self) -> float:
        # Those not answered may not be counted by the limits yet.
        return self._calls.room() - sum(not answer.done() for answer in self._answers.values())

    def start(self, number: int) -> None:
        answer: Future[T] = Future()
        self._answers[number] = answer
        if len(self._threads) < min(self._most, len(self._answers)):
            self._add_thread()
        if self._threads:
            self._todo.put((number, answer))
        else:
            answer.cancel()

    def _add_thread(self) -> None:
        # In a copy of the context, which has the account that a line of the log is about.
        work = partial(copy_context().run, self._work)
        thread = threading.Thread(target=work, name="prefetch", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # no further thread may be started
            self._most = len(self._threads)
        else:
            self._threads.append(thread)

    def has(self, number: int) -> bool:
        answer = self._answers[number]
        return answer.done() and not answer.cancelled() and answer.exception() is None

    def wait(self, number: int) -> T | None:
        answer = self._answers[number]
        if answer.cancelled():
            return None
        _await(answer)
        return answer.result() if answer.exception() is None else None

    def take(self, number: int) -> T:
        answer = self._answers.pop(number)
        if answer.cancelled():
            return self._calls.ask(number)
        _await(answer)
        try:
            return answer.result()
        except TooLarge:
            return self._calls.ask(number)

    def drop(self, number: int) -> None:
        self._answers.pop(number).cancel()

    def _work(self) -> None:
        leave_signals_to_the_main_thread()
        ask: Callable[[int], T] | None = None
        while (task := self._todo.get()) is not None:
            number, answer = task
            if not answer.set_running_or_notify_cancel():
                continue
            try:
                ask = ask or self._calls.new_ask()
                answer.set_result(ask(number))
            except BaseException as error:  # noqa: BLE001 - it is raised where the answer is taken
                answer.set_exception(error)
