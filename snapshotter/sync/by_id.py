"""Requests single jobs. One whose own call fails is set aside and holds back no other."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from enum import Enum

from snapshotter.api.records import Record, Reject
from snapshotter.errors import (
    KeyRefused,
    RequestFailed,
    RequestRefused,
    SnapshotterError,
    Stopped,
    UsageError,
)
from snapshotter.store.load import Mode
from snapshotter.sync.run import Run

LOST_AFTER = 3  # jobs in a row without an answer, before checking whether the API answers at all
GIVEN_UP_AFTER = 9  # jobs in a row while the list answers; the rest is left to the next run


class NoAnswer(Enum):
    """`MISSING`: the API has no such job. `FAILED`: its call fails, and it is set aside."""

    MISSING = 1
    FAILED = 2


class ById:
    """Requests jobs one by one for a run."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._failed: list[tuple[int, SnapshotterError]] = []  # not set aside yet
        self._in_a_row = 0
        self._ask: Callable[[int], Record | Reject | None] = run.client.job
        self.is_given_up = False

    @contextmanager
    def in_turn(self, job_ids: Sequence[int]) -> Iterator[None]:
        """Request the next of these jobs early, as long as the block gets one after another."""
        try:
            with self._run.client.jobs_in_turn(job_ids) as self._ask:
                yield
        finally:
            self._ask = self._run.client.job

    def note_list_failed(self) -> None:
        """Note that the list failed, so that one more failed job means that the API is down."""
        self._in_a_row = LOST_AFTER - 1

    def get(self, job_id: int) -> Record | Reject | NoAnswer:
        """Request a job. Raises `Stopped` if the API answers nothing at all."""
        try:
            answer = self._ask(job_id)
        except (RequestFailed, RequestRefused, KeyRefused, UsageError) as error:
            self._fail(job_id, error)
            return NoAnswer.FAILED
        self.settle()
        self._in_a_row = 0
        return NoAnswer.MISSING if answer is None else _asked_for(job_id, answer)

    def bring(self, job_id: int) -> Record | Reject | NoAnswer:
        """Request a job, and store it, even if it was pruned."""
        answer = self.get(job_id)
        if not isinstance(answer, NoAnswer):
            self._run.store([answer], Mode(partial=True, restores=True))
        return answer

    def settle(self) -> None:
        """Set aside the jobs that failed, now that another request has succeeded."""
        rejects = [
            Reject(job_id, None, f"job {job_id}: {error}", None) for job_id, error in self._failed
        ]
        self._failed.clear()
        if rejects:
            self._run.store(rejects)

    def _fail(self, job_id: int, error: SnapshotterError) -> None:
        self._failed.append((job_id, error))
        self._in_a_row += 1
        # A refusal for the key or the account may concern every request, or this job alone.
        if isinstance(error, KeyRefused | UsageError) or self._in_a_row % LOST_AFTER == 0:
            self._probe(error)
        if self._in_a_row >= GIVEN_UP_AFTER and not self.is_given_up:
            self.is_given_up = True
            self._run.note(
                f"{self._in_a_row} jobs in a row could not be requested; "
                "the next run asks for the rest",
                error,
            )

    def _probe(self, error: SnapshotterError) -> None:
        try:
            with suppress(RequestRefused):  # which is an answer
                self._run.client.page(0, limit=1)
        except RequestFailed:
            raise Stopped(
                f"the API gives no usable answer, to {self._in_a_row} requests in a row: {error}"
            ) from None
        self.settle()


def _asked_for(job_id: int, answer: Record | Reject) -> Record | Reject:
    """Return the answer, or a reject if it is about another job."""
    if answer.job_id == job_id:
        return answer
    payload = answer.document if isinstance(answer, Record) else answer.payload
    came = "a record with no id" if answer.job_id is None else f"job {answer.job_id}"
    return Reject(job_id, None, f"job {job_id}: the API returned {came}", payload)
