"""Requests the summaries that the API makes of failed jobs' logs, each once.

Nothing depends on them: a run that has no credits left for them has completed nevertheless, and one
that cannot be read or stored holds back no other.
"""

import logging
from itertools import islice

from sqlalchemy.exc import SQLAlchemyError

from snapshotter.api import summaries
from snapshotter.errors import RecordError, RequestFailed, SnapshotterError, Stopped
from snapshotter.statuses import STATUSES
from snapshotter.store.error_scope import ErrorScope, scope_of, words
from snapshotter.store.log_summaries import FailedJob, due, put, put_failure
from snapshotter.sync.run import UNFORESEEN, Run
from snapshotter.texts import counted

log = logging.getLogger(__name__)

MOST_ASKED = 100  # of a run: the older failures of a large account are left to the next runs
GIVEN_UP_AFTER = 3  # requests in a row


def request_log_summaries(run: Run, *, only_seen: bool) -> None:
    """Request the summaries that are due, those of the latest failures first.

    `only_seen`: of the jobs that this run has read alone. Raises `Stopped` if a signal came.
    """
    waiting = due(run.engine, run.account_id, run.stamp.observed_at)
    if only_seen:
        waiting = [job for job in waiting if job.id in run.outcome.seen]
    log.info("log summaries: %s waiting", counted(len(waiting), "failed job"))
    done = _Summaries(run).request(waiting)
    if done < len(waiting):
        log.info("log summaries: %d are left to the next runs", len(waiting) - done)


class _Summaries:
    """Requests summaries, and counts what fails."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._failed: list[str] = []
        self._in_a_row = 0

    def request(self, waiting: list[FailedJob]) -> int:
        """Request summaries as long as there are spare credits; return how many jobs are done."""
        done = 0
        for job in islice(waiting, MOST_ASKED):
            if self._in_a_row == GIVEN_UP_AFTER or not self._run.client.has_spare_credits:
                break
            if not self._request(job):
                break
            done += 1
            self._run.show_progress()
        self._note_failures()
        return done

    def _request(self, job: FailedJob) -> bool:
        """Request and store a summary; return False if the run's limits allow no further request.

        Raises `Stopped` if a signal came.
        """
        try:
            self._bring(job)
        except SnapshotterError as error:
            if isinstance(error, Stopped) and not isinstance(error, RequestFailed):
                if self._run.client.is_interrupted:
                    raise
                log.info("log summaries: %s", error)
                return False
            self._fail(job, error)
        except (SQLAlchemyError, *UNFORESEEN) as error:
            if isinstance(error, SQLAlchemyError) and scope_of(error) is ErrorScope.DATABASE:
                raise
            self._fail(job, error)
        else:
            self._in_a_row = 0
        return True

    def _bring(self, job: FailedJob) -> None:
        run = self._run
        answer = run.client.log_summary(job.id)
        if answer is not None and answer.job_id != job.id:
            raise RecordError(f"job {job.id}: the API returned job {answer.job_id}")
        now = run.stamp.observed_at
        if answer is None or (answer.status != "failed" and answer.status in STATUSES):
            # It is gone, or has moved on: what the list has of it decides what is asked next.
            log.info("log summaries: job %d has not failed, by its own answer", job.id)
            with run.transaction() as connection:
                put_failure(connection, job, now)
            return
        came = answer.log_summary
        summary = None if came is None else summaries.columns(run.redact(came))
        with run.transaction() as connection:
            put(connection, job, summary, now)
        run.outcome.summaries += 1

    def _fail(self, job: FailedJob, error: Exception) -> None:
        self._in_a_row += 1
        why = str(error) if isinstance(error, SnapshotterError) else words(error)
        self._failed.append(f"job {job.id}: {self._run.redact.text(why)}")
        with self._run.transaction() as connection:
            put_failure(connection, job, self._run.stamp.observed_at)

    def _note_failures(self) -> None:
        if self._failed:
            jobs = counted(len(self._failed), "failed job")
            self._run.note(
                f"the log summaries of {jobs} could not be requested; first {self._failed[0]}"
            )
