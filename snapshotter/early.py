"""Asks for pages of the list before they are needed, by a few threads."""

import signal
import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from queue import SimpleQueue
from typing import Self

from snapshotter.paging import Listed

THREADS = 8
_SLICE = 0.1  # seconds

_Answer = Future[Listed]


def _await(answer: _Answer) -> None:
    # In slices: a signal that comes just before a wait begins does not end that one.
    while not wait([answer], _SLICE).done:
        pass


class Threads:
    """The threads of one listing, for `paging.Early`; they end with its `with`.

    `ask` gives what the list has from an offset on. `leave` ends what a thread is waiting for.
    """

    def __init__(self, ask: Callable[[int], Listed], leave: Callable[[], None]) -> None:
        self._ask, self._leave = ask, leave
        self._todo: SimpleQueue[tuple[int, _Answer] | None] = SimpleQueue()
        self._answers: dict[int, _Answer] = {}
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for answer in self._answers.values():
            answer.cancel()
        for _thread in self._threads:
            self._todo.put(None)
        self._leave()
        for thread in self._threads:
            thread.join(1)  # one that hangs in a name server, say, is left to end with the process

    def start(self, offset: int) -> None:
        self._answers[offset] = answer = _Answer()
        self._todo.put((offset, answer))
        if len(self._threads) < min(THREADS, len(self._answers)):
            thread = threading.Thread(target=self._work, name="early", daemon=True)
            self._threads.append(thread)
            thread.start()

    def has(self, offset: int) -> bool:
        answer = self._answers[offset]
        return answer.done() and answer.exception() is None

    def wait(self, offset: int) -> Listed:
        answer = self._answers[offset]
        _await(answer)
        return answer.result() if answer.exception() is None else Listed((), more=None)

    def take(self, offset: int) -> Listed:
        answer = self._answers.pop(offset)
        _await(answer)
        return answer.result()

    def drop(self, offset: int) -> None:
        self._answers.pop(offset).cancel()

    def _work(self) -> None:
        # Signals are the main thread's: only there do they end a wait.
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        while (task := self._todo.get()) is not None:
            offset, answer = task
            if not answer.set_running_or_notify_cancel():
                continue
            try:
                answer.set_result(self._ask(offset))
            except BaseException as error:  # noqa: BLE001 - it is raised where the answer is taken
                answer.set_exception(error)
