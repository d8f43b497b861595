"""What is asked again, how often and after which pause, and what is asked once."""

import json
import socket
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from clients import client, limited, read
from clock import Impatient
from samples import job
from wire import Script, answer, reset, serve

from snapshotter.api.client import Client
from snapshotter.api.limits import Allowance, Limits
from snapshotter.api.retry import ATTEMPTS, Caller, Retrying
from snapshotter.errors import (
    BadAnswer,
    Failure,
    KeyRefused,
    RequestFailed,
    SnapshotterError,
    Stopped,
    UsageError,
)
from snapshotter.message_mask import Mask
from snapshotter.settings import Key, Service

PAGE = json.dumps([job()]).encode()


def test_a_request_that_is_given_up_is_not_reported(caplog: pytest.LogCaptureFixture) -> None:
    """A page that nobody reads any more is cut off while it is waited for: no fault of the API."""

    def give_up(_connection: socket.socket, _number: int) -> None:
        asking._session.abort()  # noqa: SLF001 - as the end of a listing does

    with (
        serve(give_up) as wire,
        client(wire.url) as asking,
        pytest.raises(Stopped, match="given up"),
    ):
        asking.job(7)
    assert caplog.messages == []


def test_a_request_cut_short_by_the_end_of_the_run_has_not_failed() -> None:
    clock = Impatient()

    def late(connection: socket.socket, number: int) -> None:
        answer(503)(connection, number)
        clock.passed += 40 * (number == ATTEMPTS - 1)

    service = Service("acme", Key("s3cr3t"), "", 5.0)
    with (
        serve(late) as wire,
        Client(replace(service, api_url=wire.url), Limits(seconds=40), clock=clock) as asking,
        pytest.raises(Stopped, match="503") as caught,
    ):
        asking.job(7)
    assert type(caught.value) is Stopped
    assert len(wire.requests) == ATTEMPTS


def test_of_clocks_that_disagree_the_earliest_counts() -> None:
    dates = ("Fri, 02 Jan 2026 03:04:05 GMT", "Fri, 02 Jan 2026 03:00:00 GMT")
    scripts = [answer(body=json.dumps(job()).encode(), headers=f"Date: {d}\r\n") for d in dates]
    with serve(*scripts) as wire, client(wire.url) as asking:
        asking.job(7)
        asking.job(7)
        assert asking.server_clock == datetime(2026, 1, 2, 3, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize("date", ["", "Date: yesterday\r\n", "Date: \r\n"])
def test_a_server_without_a_clock(date: str) -> None:
    with serve(answer(body=json.dumps(job()).encode(), headers=date)) as wire:
        asking = client(wire.url)
        assert asking.job(7) is not None
        assert asking.server_clock is None


# Each row: what the server answers, the error it ends in, and what the message has.
FINAL: list[tuple[int, bytes, type[SnapshotterError], str]] = [
    (302, b"", UsageError, "answered 302, a redirect, which is not followed"),
    (400, b'{"message": "no such sort"}', Failure, "answered 400 (no such sort)"),
    (401, b'{"message": "bad key"}', KeyRefused, "answered 401 (bad key); the key is refused"),
    (402, b"", Failure, "answered 402"),
    (403, b"<html>", KeyRefused, "answered 403; the key is refused"),
    (
        404,
        b'{"message": "gone"}',
        UsageError,
        "answered 404 (gone); check XPLENTY_ACCOUNT_ID (or account_id ",
    ),
    (406, b"", Failure, "answered 406"),
    (415, b"", Failure, "answered 415"),
    (422, b'{"message": "a\\nb"}', Failure, "answered 422 (a b)"),
]


@pytest.mark.parametrize(("status", "body", "error", "said"), FINAL, ids=lambda v: str(v)[:20])
def test_a_final_answer_is_asked_for_once(
    status: int, body: bytes, error: type[SnapshotterError], said: str
) -> None:
    headers = "Location: http://evil.example/\r\n" if status == 302 else ""
    with (
        serve(answer(status, body, headers)) as wire,
        client(wire.url) as asking,
        pytest.raises(error) as caught,
    ):
        read(asking)
    assert said in str(caught.value)
    assert "s3cr3t" not in str(caught.value)
    # What may be refused for one record of a page is asked for by one record, here and elsewhere.
    assert len(wire.requests) == (4 if status in (400, 422) else 1)


PASSING: list[tuple[Script, type[SnapshotterError], str]] = [
    (answer(429), Stopped, "the credits of this hour are spent"),
    (answer(500), Stopped, "answered 500"),
    (answer(502, b"<html>"), Stopped, "answered 502"),
    (answer(503, b'{"message": "soon"}'), Stopped, "answered 503 (soon)"),
    (answer(504), Stopped, "answered 504"),
    (answer(599), Stopped, "answered 599"),
    (answer(body=PAGE, length=len(PAGE) + 9), Stopped, "run again later"),
    (answer(body=PAGE[:-9]), BadAnswer, "cut short"),
    (answer(body=b"<!doctype html>"), BadAnswer, "got HTML"),
    (answer(body=b"{}"), BadAnswer, "another JSON value"),
    (answer(body=b"not gzip", headers="Content-Encoding: gzip\r\n"), Stopped, "garbled"),
    (reset, Stopped, "no connection"),
]


@pytest.mark.parametrize(("script", "error", "said"), PASSING)
def test_a_fault_is_tried_again_and_then_given_up(
    script: Script, error: type[SnapshotterError], said: str
) -> None:
    pauses: list[float] = []
    with serve(script) as wire, client(wire.url, pauses) as asking:
        with pytest.raises(error) as caught:
            read(asking)
        assert asking.requests_sent == ATTEMPTS
    assert said in str(caught.value)
    assert caught.value.exit_code == 75
    assert pauses == [0.5, 1.0, 2.0, 4.0]
    assert len(wire.requests) == ATTEMPTS


@pytest.mark.parametrize(("script", "_error", "_said"), PASSING)
def test_a_fault_that_passes_is_forgotten(script: Script, _error: Any, _said: str) -> None:
    good = answer(body=PAGE, headers="Link: <x>; rel=prev\r\n")
    with serve(script, script, good) as wire, client(wire.url) as asking:
        assert read(asking) == [7]


def test_retry_after_is_honoured_up_to_a_limit() -> None:
    pauses: list[float] = []
    good = answer(body=b"[]")
    with serve(answer(503, headers="Retry-After: 17\r\n"), good) as wire:
        read(client(wire.url, pauses))
    assert pauses == [17.0]
    with (
        serve(answer(503, headers="Retry-After: 21600\r\n"), good) as wire,
        pytest.raises(Stopped, match="the server asks to wait 6 h"),
    ):
        read(client(wire.url, pauses))
    assert len(wire.requests) == 1


def test_no_pause_is_begun_that_outlasts_the_run() -> None:
    fault = answer(503, headers="Retry-After: 30\r\n")
    clock = Impatient()
    with (
        serve(fault) as wire,
        limited(wire.url, Limits(seconds=50), clock) as asking,
        pytest.raises(Stopped, match="answered 503"),
    ):
        asking.job(7)
    assert clock.pauses == [30.0]
    assert len(wire.requests) == 2


def test_a_date_in_retry_after_is_by_the_servers_clock() -> None:
    pauses: list[float] = []
    fault = answer(
        503,
        headers="Date: Fri, 02 Jan 1970 03:04:05 GMT\r\n"
        "Retry-After: Fri, 02 Jan 1970 03:04:22 GMT\r\n",
    )
    with serve(fault, answer(body=b"[]")) as wire:
        read(client(wire.url, pauses))
    assert pauses == [17.0]


def test_while_it_tries_again_it_does_not_say_so_of_the_next_run(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with serve(answer(503)) as wire:
        client = Client(Service("acme", Key("s3cr3t"), wire.url, 5.0), clock=Impatient())
        with pytest.raises(RequestFailed, match="run again later"):
            client.job(7)
    assert "attempt 1 of 5, next in" in caplog.text
    assert "run again" not in caplog.text


def retrying_by(clock: Impatient, limits: Limits = Limits(), jitter: float = 1.0) -> Retrying:  # noqa: B008 - immutable
    caller = Caller("http://127.0.0.1/acme/api/", 5.0, Mask("s3cr3t"), "XPLENTY_API_KEY")
    return Retrying(caller, Allowance(limits, clock), clock, lambda: jitter)


def test_pauses_double_up_to_a_bound() -> None:
    clock = Impatient()
    for jitter, share in ((0.0, 0.5), (1.0, 1.0)):
        clock.pauses.clear()
        retrying = retrying_by(clock, Limits(), jitter)
        for attempt in range(1, 9):
            retrying.wait(attempt, ATTEMPTS, Stopped("answered 503"))
        assert clock.pauses == [share * pause for pause in (0.5, 1, 2, 4, 8, 16, 20, 20)]


def test_a_pause_is_as_long_as_the_answer_asks() -> None:
    clock = Impatient()
    error = RequestFailed("answered 503")
    error.pause = 17.0
    retrying_by(clock).wait(1, ATTEMPTS, error)
    retrying_by(clock).wait(1, ATTEMPTS, error, at_least=3.0)
    assert clock.pauses == [17.0, 3.0]


def test_time_is_measured_by_the_server_if_it_saw_more_of_it() -> None:
    clock = Impatient()
    retrying = retrying_by(clock)
    elapsed = retrying.stopwatch()
    clock.passed = 60
    assert timedelta(seconds=60) <= elapsed() < timedelta(seconds=90)
    retrying.latest_server_clock = datetime(2026, 1, 2, 3, 0, tzinfo=UTC)
    elapsed = retrying.stopwatch()
    retrying.latest_server_clock = datetime(2026, 1, 2, 4, 0, tzinfo=UTC)
    assert elapsed() == timedelta(hours=1)
