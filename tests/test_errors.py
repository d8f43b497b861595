"""Each kind of error has the exit code that the README documents."""

import pytest

from snapshotter.errors import (
    BadAnswer,
    Busy,
    DatabaseError,
    Failure,
    Interrupted,
    KeyRefused,
    RecordError,
    RequestFailed,
    RequestRefused,
    SnapshotterError,
    Stopped,
    UsageError,
    worst,
)

EXIT_CODES: dict[type[SnapshotterError], int] = {
    SnapshotterError: 1,
    Failure: 1,
    DatabaseError: 1,
    RequestRefused: 1,
    UsageError: 2,
    RecordError: 65,
    Stopped: 75,
    RequestFailed: 75,
    BadAnswer: 75,
    Busy: 75,
    KeyRefused: 77,
}


@pytest.mark.parametrize(("error", "exit_code"), EXIT_CODES.items())
def test_an_error_has_its_documented_exit_code(
    error: type[SnapshotterError], exit_code: int
) -> None:
    assert error.exit_code == exit_code


def test_a_record_error_names_its_job() -> None:
    assert RecordError("it is malformed").job_id is None
    assert RecordError("it is malformed", 7).job_id == 7


def test_no_handler_of_exceptions_catches_an_interruption() -> None:
    assert not issubclass(Interrupted, Exception)


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        ([], 0),
        ([0, 0], 0),
        ([0, 65], 65),
        ([65, 75], 75),
        ([75, 77], 77),
        ([77, 2], 2),
        ([2, 1], 1),
        ([0, 65, 75, 77, 2, 1], 1),
        ([0, -9], 1),
    ],
)
def test_the_worst_exit_code(codes: list[int], expected: int) -> None:
    assert worst(codes) == worst(reversed(codes)) == expected
