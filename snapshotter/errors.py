"""What can go wrong, by what to do about it; each error carries the exit code of the command.

    SnapshotterError
    ├── UsageError       2   the call or the configuration is wrong: mend it
    ├── Failure          1   a bug, or an answer that no retry mends
    │   ├── DatabaseError    the database cannot be used
    │   └── RequestRefused   the API refuses one request for good; others may be answered
    ├── RecordError     65   one record is malformed: it is set aside
    ├── KeyRefused      77   the API refused the key
    └── Stopped         75   stopped early, nothing lost: run again later
        └── RequestFailed    one request got no usable answer in all its attempts; others may
            └── BadAnswer    the answer is not what the API sends: cut short, HTML, another shape

A message is one line: what was asked, what came, what to do. `Interrupted` (75) stands apart: a
signal that asks to stop at once, which nothing on the way is to catch.
"""

AGAIN = "; run again later"  # what a run's last words may end with, and no line of one that goes on


class SnapshotterError(Exception):
    exit_code = 1


class UsageError(SnapshotterError):
    exit_code = 2


class Failure(SnapshotterError):
    exit_code = 1


class DatabaseError(Failure):
    pass


class RequestRefused(Failure):
    """The API refuses one request, however often it is sent. `body` is how its answer begins."""

    body = b""


class RecordError(SnapshotterError):
    """A record that is not as documented. `job_id` is None where it could not be read."""

    exit_code = 65

    def __init__(self, message: str, job_id: int | None = None) -> None:
        super().__init__(message)
        self.job_id = job_id


class KeyRefused(SnapshotterError):
    exit_code = 77


class Stopped(SnapshotterError):
    exit_code = 75


class RequestFailed(Stopped):
    """One request got no usable answer. It says nothing of other requests.

    `body` is how its last answer begins, `pause` the seconds that it asks to wait.
    """

    body = b""
    pause = 0.0


class BadAnswer(RequestFailed):
    pass


class Interrupted(BaseException):
    pass
