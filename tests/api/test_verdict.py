"""What an answer means, as plain logic."""

import pytest
import requests

from snapshotter.api.verdict import Question, judge, judge_fault
from snapshotter.errors import (
    Failure,
    KeyRefused,
    RequestFailed,
    RequestRefused,
    SnapshotterError,
    Stopped,
    UsageError,
)
from snapshotter.message_mask import Mask

LIST = Question("GET jobs", Mask("s3cr3t"))
ONE = LIST._replace(is_of_one=True)

# Each row: the status, the headers, the error for a list, that for one job, and the pause.
VERDICTS: list[
    tuple[int, dict[str, str], type[SnapshotterError], type[SnapshotterError], float | None]
] = [
    (302, {}, UsageError, UsageError, None),
    (401, {}, KeyRefused, KeyRefused, None),
    (402, {}, Failure, RequestRefused, None),
    (403, {}, KeyRefused, RequestRefused, None),
    (404, {}, UsageError, UsageError, None),
    (407, {}, UsageError, UsageError, None),
    (408, {}, RequestFailed, RequestFailed, 0.0),
    (422, {}, RequestRefused, RequestRefused, None),
    (429, {}, Stopped, Stopped, 0.0),
    (429, {"X-RateLimit-Remaining": "0"}, Stopped, Stopped, None),
    (429, {"Retry-After": "17"}, Stopped, Stopped, 17.0),
    (500, {}, RequestFailed, RequestFailed, 0.0),
    (503, {"Retry-After": "60"}, RequestFailed, RequestFailed, 60.0),
    (503, {"Retry-After": "61"}, Stopped, RequestFailed, None),
]


def answer(status: int, headers: dict[str, str]) -> requests.Response:
    response = requests.Response()
    response.status_code = status
    response.headers.update(headers)
    return response


@pytest.mark.parametrize(("status", "headers", "of_list", "of_one", "pause"), VERDICTS)
def test_a_status_decides(
    status: int,
    headers: dict[str, str],
    of_list: type[SnapshotterError],
    of_one: type[SnapshotterError],
    pause: float | None,
) -> None:
    for question, error in ((LIST, of_list), (ONE, of_one)):
        verdict = judge(answer(status, headers), b'{"message": "key s3cr3t"}', question)
        assert (type(verdict.error), verdict.pause) == (error, pause)
        assert f"GET jobs: the API answered {status} (key ***)" in str(verdict.error)


def test_200_is_taken() -> None:
    assert judge(answer(200, {}), b"", LIST).error is None


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        (requests.ConnectTimeout("s3cr3t"), "no connection in time"),
        (requests.ReadTimeout("s3cr3t"), "no answer in time"),
        (requests.exceptions.SSLError("s3cr3t"), "TLS failed (***)"),
        (requests.ConnectionError("s3cr3t"), "no connection (***)"),
        (requests.exceptions.ChunkedEncodingError("x"), "the answer was cut short or garbled (x)"),
    ],
)
def test_a_fault_on_the_wire_may_pass(fault: requests.RequestException, why: str) -> None:
    verdict = judge_fault(fault, LIST)
    assert (type(verdict.error), verdict.pause) == (RequestFailed, 0.0)
    assert str(verdict.error) == f"GET jobs: {why}; run again later"
