"""Requests single jobs, with fewer attempts once the API has been seen to work."""

from snapshotter.api import bodies, decoding, summaries
from snapshotter.api.lists import ListReaders
from snapshotter.api.records import Record, Reject, read_all
from snapshotter.api.retry import ATTEMPTS, Request, Retrying
from snapshotter.api.summaries import Summarized
from snapshotter.api.transport import Session

ATTEMPTS_FOR_A_JOB = 3  # once the list has been seen to work; `ATTEMPTS` before
ATTEMPTS_FOR_THE_NEXT = 2  # after one that failed for good


class OneJob:
    """Requests one job after another. Raises as `Client.job` does.

    `most`: how many bytes an answer may have; `bodies.TooLarge` is raised for more.
    """

    def __init__(
        self,
        retrying: Retrying,
        session: Session,
        readers: ListReaders,
        most: int = bodies.MAX_BODY,
    ) -> None:
        self._retrying, self._session, self._readers = retrying, session, readers
        self._most = most
        self._has_failed = False  # the last call

    def record(self, job_id: int) -> Record | Reject | None:
        """Return one job; None if the API has no such job."""
        raw = self._get(job_id, {})
        return None if raw is None else read_all([raw])[0]

    def log_summary(self, job_id: int) -> Summarized | None:
        """Return a job with the summary of its log; None if the API has no such job.

        Raises `RecordError` for an answer that cannot be read.
        """
        raw = self._get(job_id, {"include": "log_summary"})
        return None if raw is None else summaries.read(raw)

    def _get(self, job_id: int, query: dict[str, str]) -> bytes | None:
        request: Request[bytes | None] = Request(
            f"jobs/{job_id}",
            query,
            decoding.record,
            self._session,
            is_of_one=True,
            when_missing=lambda: None,
            most=self._most,
        )
        attempts = ATTEMPTS_FOR_THE_NEXT if self._has_failed else ATTEMPTS_FOR_A_JOB
        self._has_failed = True  # unless an answer comes
        raw = self._retrying.get(request, attempts if self._readers.has_answered else ATTEMPTS)
        self._has_failed = False
        return raw
