"""Reads a list, or some single jobs, and requests by threads what comes next; each has its session.

Every request is one of the run's: its limits allow it, and it is counted, whether or not its answer
is used.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple, TypeVar

from snapshotter.api import bodies
from snapshotter.api.lists import PREFETCHED_BODY, ListReaders
from snapshotter.api.narrowing import PAGE_SIZE, Places
from snapshotter.api.one_job import OneJob
from snapshotter.api.paging import Cursor, ItemT, Listed, Page, pages
from snapshotter.api.prefetch import THREADS, Calls, Threads
from snapshotter.api.prefetch_plan import PrefetchPlan
from snapshotter.api.records import Record, Reject
from snapshotter.api.retry import Retrying
from snapshotter.api.transport import Session

T = TypeVar("T")
Job = Record | Reject | None  # None: the API has no such job


class ReadAhead(NamedTuple):
    """What reads ahead for one client. `requests_left`: how many the run's limits still allow."""

    retrying: Retrying
    session: Session
    readers: ListReaders
    requests_left: Callable[[], float]

    def pages(
        self,
        query: Mapping[str, str],
        cursor: Cursor,
        prepare: Callable[[Sequence[Record | Reject]], Sequence[ItemT]],
        alone: int,
    ) -> Generator[Page[ItemT]]:
        """Yield the pages of a list; `alone`: see `PrefetchPlan`."""
        places = Places()

        def ask_by(session: Session) -> Callable[[int], Listed[ItemT]]:
            list_ = self.readers.reader(query, places, session)

            def ask(offset: int) -> Listed[ItemT]:
                listed = list_(offset, PAGE_SIZE)
                return Listed(prepare(listed.records), listed.more)

            return ask

        with self._threads(ask_by) as threads:
            yield from pages(ask_by(self.session), cursor, PrefetchPlan(threads, alone))

    @contextmanager
    def jobs(self, ask: Callable[[int], Job], job_ids: Sequence[int]) -> Iterator["InTurn"]:
        """Yield what returns jobs one after another, in this order; `ask` requests one."""

        def ask_by(session: Session) -> Callable[[int], Job]:
            most = bodies.MAX_BODY if session is self.session else PREFETCHED_BODY
            return OneJob(self.retrying, session, self.readers, most).record

        with self._threads(ask_by) as threads:
            yield InTurn(ask, threads, job_ids)

    def _threads(self, ask_by: Callable[[Session], Callable[[int], T]]) -> Threads[T]:
        sessions: list[Session] = []

        def new_ask() -> Callable[[int], T]:
            sessions.append(Session(like=self.session))
            return ask_by(sessions[-1])

        def cancel() -> None:
            for session in sessions:
                session.abort()

        def room() -> float:
            return self.requests_left() if self.readers.has_room() else 0

        return Threads(Calls(ask_by(self.session), new_ask, cancel, room))


class InTurn:
    """Returns jobs in a known order: twice as many at a time after each one that is answered.

    After a request that fails it is one at a time again.
    """

    def __init__(
        self, ask: Callable[[int], Job], threads: Threads[Job], job_ids: Sequence[int]
    ) -> None:
        self._ask, self._threads = ask, threads
        self._left = deque(dict.fromkeys(job_ids))
        self._started: set[int] = set()
        self._most = 1

    def __call__(self, job_id: int) -> Job:
        """Return the next job. Raises what its request has raised."""
        self._start()
        try:
            answer = self._take(job_id)
        except BaseException:
            self._most = 1
            raise
        self._most = min(THREADS, 2 * self._most)
        return answer

    def _start(self) -> None:
        while self._most > 1 and self._left and len(self._started) < self._most:
            if self._threads.room() < 1:
                break
            self._started.add(self._left[0])
            self._threads.start(self._left.popleft())

    def _take(self, job_id: int) -> Job:
        if job_id in self._started:
            self._started.discard(job_id)
            return self._threads.take(job_id)
        if self._left and self._left[0] == job_id:
            self._left.popleft()
        return self._ask(job_id)
