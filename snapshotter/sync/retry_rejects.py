"""Tries rejected records again when they are due: first as stored, then from the API."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from snapshotter import __version__
from snapshotter.api.records import Record, Reject
from snapshotter.errors import RequestFailed, RequestRefused
from snapshotter.store import rejects
from snapshotter.store.load import Mode
from snapshotter.store.reject_payload import is_whole, read_again, time_of
from snapshotter.store.rejects import RejectState
from snapshotter.sync.by_id import ById, NoAnswer
from snapshotter.sync.gone import Gone
from snapshotter.sync.run import Run

MOST_REQUESTS = 50  # of a run, except `rejects --retry`
AT_ONCE = 20  # jobs stored at once, so that two that exchanged their outputs come together
BYTES_AT_ONCE = 4_000_000


def retry(run: Run, by_id: ById, gone: Gone, *, everything: bool = False) -> None:
    """Try the records that are due, the longest waiting first; with `everything`, all of them."""
    _Retry(run, by_id, gone, everything=everything).run()


class _Retry:
    def __init__(self, run: Run, by_id: ById, gone: Gone, *, everything: bool) -> None:
        self._run, self._by_id, self._gone = run, by_id, gone
        self._everything = everything
        self._began_at = run.client.requests_sent
        self._answers: list[Record | Reject] = []
        self._bytes = 0

    def run(self) -> None:
        due = self._due()
        self._read_again(due)
        for row in self._due():
            if self._has_spent_all or self._by_id.is_given_up:
                break
            if row.job_id is not None:
                self._ask(row.job_id)
        self._store()
        self._look_for_those_without_id([row for row in self._due() if row.job_id is None])

    def _due(self) -> list[RejectState]:
        run = self._run
        now, mine = run.stamp.observed_at, run.outcome.snapshot_id
        return [
            row
            for row in rejects.states(run.engine, run.account_id)
            if self._everything or (row.snapshot_id != mine and row.is_due(now))
        ]

    @property
    def _has_spent_all(self) -> bool:
        sent = self._run.client.requests_sent - self._began_at
        return not self._everything and sent >= MOST_REQUESTS

    def _read_again(self, due: Sequence[RejectState]) -> None:
        """Read the stored records, which another version may not have understood."""
        ids = {row.id for row in due if self._everything or row.program_version != __version__}
        run, unread = self._run, list[int]()
        for row in rejects.listed(run.engine, run.account_id) if ids else ():
            kept = read_again(row) if row.id in ids else None
            if isinstance(kept, Record):
                run.store([kept])
                if row.job_id is None:
                    with run.engine.begin() as connection:
                        rejects.forget_rows(connection, [row.id])
            elif kept is not None and is_whole(row):
                unread.append(row.id)
        # This version does not understand them either, so they wait for their pauses again.
        rejects.note_version(run.engine, unread)

    def _ask(self, job_id: int) -> None:
        answer = self._by_id.get(job_id)
        if answer is NoAnswer.MISSING:
            self._gone.miss(job_id)
        elif not isinstance(answer, NoAnswer):
            self._answers.append(answer)
            self._bytes += len(answer.raw) if isinstance(answer, Record) else 0
            if len(self._answers) == AT_ONCE or self._bytes > BYTES_AT_ONCE:
                self._store()

    def _store(self) -> None:
        """Store the answers; list the stored jobs again, because lists are more detailed."""
        answers, self._answers, self._bytes = self._answers, [], 0
        if not answers:
            return
        self._run.store(answers, Mode(partial=True))
        # Jobs that share a second are listed together.
        seconds = {
            record.job.updated_at.replace(microsecond=0): record.job.id
            for record in answers
            if isinstance(record, Record)
            and record.job.updated_at is not None
            and record.job.id in self._run.outcome.seen
        }
        for at, job_id in seconds.items():
            if self._has_spent_all:
                break
            self._list_of(at, f"job {job_id}")

    def _list_of(self, at: datetime | None, whose: str) -> bool:
        """Store what was updated in that second. Returns whether that is surely all of it."""
        if at is None:
            return False
        try:
            records, is_all = self._run.client.touched_at(at)
        except (RequestFailed, RequestRefused) as error:
            self._run.note(f"the list has not given {whose}", error)
            return False
        self._run.store(records)
        return is_all

    def _look_for_those_without_id(self, due: Iterable[RejectState]) -> None:
        """Look for records without an id by their updated_at.

        One that is not found there is stored by now, under an id that it was given, or is gone.
        """
        waiting = defaultdict(list)
        for row in due:
            kept = rejects.record(self._run.engine, row.id)
            if kept is not None and (at := time_of(kept, "updated_at")) is not None:
                waiting[at].append(row.id)
        for at, row_ids in waiting.items():
            if self._has_spent_all:
                return
            if self._list_of(at, "a record with no id"):
                self._run.forget_unseen_rejects(row_ids)
