"""What can go wrong, by what to do about it; each error has the exit code of the command.

    SnapshotterError
    ├── UsageError       2   the call or the configuration is wrong: fix it
    ├── Failure          1   any other failure, such as an answer that no retry improves
    │   ├── DatabaseError    the database cannot be used
    │   └── RequestRefused   the API refuses one request for good; others may be answered
    ├── RecordError     65   something is set aside, missing or different; the rest is done
    ├── KeyRefused      77   the API refused the key
    └── Stopped         75   stopped early, nothing lost: run again later
        ├── Busy             another run reads the account
        └── RequestFailed    one request got no usable answer in all its attempts; others may
            └── BadAnswer    the answer is not what the API sends: cut short, HTML, another shape

A message is one line: what was asked, what came, what to do. `Interrupted` (75) is a signal that
asks to stop at once: a BaseException, so that no handler on the way swallows it.
"""

from collections.abc import Iterable

AGAIN = "; run again later"  # ends the last line of a run only, not that of one that continues
CONTINUES = "; nothing is lost, the next run continues"
SEVERITY = (1, 2, 77, 75, 65, 0)  # exit codes, the worst first


class SnapshotterError(Exception):
    exit_code = 1


class UsageError(SnapshotterError):
    exit_code = 2


class Failure(SnapshotterError):
    exit_code = 1


class DatabaseError(Failure):
    pass


class RequestRefused(Failure):
    """The API refuses one request, however often it is sent. `body`: the start of its answer."""

    body = b""


class RecordError(SnapshotterError):
    """A record that is not as documented. `job_id` is None if it could not be read."""

    exit_code = 65

    def __init__(self, message: str, job_id: int | None = None) -> None:
        super().__init__(message)
        self.job_id = job_id


class KeyRefused(SnapshotterError):
    exit_code = 77


class Stopped(SnapshotterError):
    exit_code = 75


class Busy(Stopped):
    pass


class RequestFailed(Stopped):
    """One request got no usable answer; other requests may.

    `body` is the start of its last answer, `pause` the seconds that the answer asks to wait.
    """

    body = b""
    pause = 0.0


class BadAnswer(RequestFailed):
    pass


class Interrupted(BaseException):
    pass


def worst(exit_codes: Iterable[int]) -> int:
    """Return the worst of some exit codes; one that is not documented counts as failed."""
    known = {code if code in SEVERITY else Failure.exit_code for code in exit_codes}
    return min(known, key=SEVERITY.index, default=0)
