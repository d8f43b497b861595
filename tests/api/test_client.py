"""The client against answers good and bad, on real sockets."""

import base64
import gzip
import json
import socket
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from clock import Impatient
from samples import job
from wire import Script, answer, drip, reset, serve

from snapshotter.api.client import Client, ListFilters
from snapshotter.api.limits import Limits
from snapshotter.api.paging import Cursor
from snapshotter.api.records import Record
from snapshotter.api.retry import ATTEMPTS
from snapshotter.errors import (
    BadAnswer,
    Failure,
    KeyRefused,
    SnapshotterError,
    Stopped,
    UsageError,
)
from snapshotter.settings import Key, Service

PAGE = json.dumps([job()]).encode()


def client(url: str, pauses: list[float] | None = None, timeout: float = 5.0) -> Client:
    return Client(
        Service("acme", Key("s3cr3t"), url, timeout),
        clock=Impatient(pauses),
        jitter=lambda: 1.0,
    )


def read(client_: Client, filters: ListFilters = ListFilters()) -> list[int | None]:  # noqa: B008 - immutable
    return [r.job_id for page in client_.jobs(filters, Cursor()) for r in page.records]


def test_what_is_sent() -> None:
    filters = ListFilters(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "failed", 434)
    with serve(answer(body=b"[]")) as wire, client(wire.url) as asking:
        assert read(asking, filters) == []
    head, *headers = wire.requests[0].decode().split("\r\n")
    assert head == (
        "GET /acme/api/jobs?sort=created&direction=asc&limit=100&since=2026-01-02T03%3A04%3A05Z"
        "&status=failed&package_id=434&offset=0 HTTP/1.1"
    )
    assert "Accept: application/vnd.xplenty+json; version=2" in headers
    assert f"Authorization: Basic {base64.b64encode(b's3cr3t:').decode()}" in headers
    assert any(header.startswith("Accept-Encoding: gzip") for header in headers)


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


def test_a_netrc_replaces_no_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login other password other\n")
    monkeypatch.setenv("NETRC", str(netrc))
    with serve(answer(body=b"[]")) as wire, client(wire.url) as asking:
        read(asking)
    assert base64.b64encode(b"s3cr3t:") in wire.requests[0]


def test_credits_and_the_clock_are_noted() -> None:
    headers = "X-RateLimit-Remaining: 4321\r\nDate: Fri, 02 Jan 2026 03:04:05 GMT\r\n"
    with serve(answer(body=b"[]", headers=headers)) as wire, client(wire.url) as asking:
        read(asking)
        assert asking.credits_remaining == 4321
        assert asking.server_clock == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


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


def test_a_gzipped_page() -> None:
    body = gzip.compress(PAGE)
    script = answer(body=body, headers="Content-Encoding: gzip\r\nLink: <x>; rel=prev\r\n")
    with serve(script) as wire, client(wire.url) as asking:
        assert read(asking) == [7]


def test_a_link_shows_whether_there_is_more_and_never_where() -> None:
    first = answer(
        body=json.dumps(
            [job(id=n, created_at=f"2026-01-0{n}T00:00:00Z") for n in (1, 2, 3)]
        ).encode(),
        headers='Link: <http://evil.example/steal>; rel="next"\r\n',
    )
    second = answer(
        body=json.dumps(
            [job(id=n, created_at=f"2026-01-0{n}T00:00:00Z") for n in (2, 3, 4)]
        ).encode(),
        headers='Link: <http://evil.example/steal>; rel="prev"\r\n',
    )
    with serve(first, second) as wire, client(wire.url) as asking:
        assert read(asking) == [1, 2, 3, 4]
    assert b"offset=1 " in wire.requests[1]


# Each row: what the server answers, the error it ends in, and what the message has.
FINAL: list[tuple[int, bytes, type[SnapshotterError], str]] = [
    (302, b"", UsageError, "answered 302, a redirect, which is not followed"),
    (400, b'{"message": "no such sort"}', Failure, "answered 400 (no such sort)"),
    (401, b'{"message": "bad key"}', KeyRefused, "answered 401 (bad key); the key is refused"),
    (402, b"", Failure, "answered 402"),
    (403, b"<html>", KeyRefused, "answered 403; the key is refused"),
    (404, b'{"message": "gone"}', UsageError, "answered 404 (gone); check XPLENTY_ACCOUNT_ID"),
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
        pytest.raises(Stopped, match="asks to wait 21600 s"),
    ):
        read(client(wire.url, pauses))
    assert len(wire.requests) == 1


@pytest.mark.parametrize(
    "start",
    [b"HTTP/1.1 200 OK\r\nX-Slow:", b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n["],
    ids=["headers", "body"],
)
def test_a_server_that_drips_is_cut_off(start: bytes) -> None:
    with serve(drip(start), answer(body=b"[]")) as wire, client(wire.url, timeout=0.5) as asking:
        assert read(asking) == []
        assert asking.requests_sent == 2


def test_no_server() -> None:
    with serve(reset) as wire:
        url = wire.url
    with pytest.raises(Stopped, match=r"no connection .*refused"):
        read(client(url))


def test_one_job() -> None:
    with serve(answer(body=json.dumps(job()).encode()), answer(404)) as wire:
        asking = client(wire.url)
        found = asking.job(7)
        assert isinstance(found, Record)
        assert found.job.id == 7
        assert asking.job(8) is None


@pytest.mark.parametrize("body", [b"[]", b"null", b"", b"1,2", b"{"])
def test_an_answer_that_is_not_a_job(body: bytes) -> None:
    with serve(answer(body=body)) as wire, client(wire.url) as asking, pytest.raises(BadAnswer):
        asking.job(7)


def test_the_budget_is_free_to_ask() -> None:
    body = b'{"limits": {"limit": 5000, "remaining": 1234}}'
    with serve(answer(body=body)) as wire, client(wire.url) as asking:
        assert asking.credits() == 1234
    assert wire.requests[0].startswith(b"GET /acme/api/rate_limit_status ")


def test_a_server_without_a_budget_is_read_all_the_same() -> None:
    with serve(answer(404)) as wire, client(wire.url) as asking:
        assert asking.credits() is None


def test_plain_http_goes_by_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with serve(answer(body=b"[]")) as wire, serve(answer(body=b"[]")) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.setenv("all_proxy", proxy.url)
        read(client(wire.url))
    assert (len(wire.requests), len(proxy.requests)) == (1, 0)


def test_https_goes_by_the_proxy_and_keeps_its_key_from_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with serve(answer(502)) as proxy:
        monkeypatch.setenv("https_proxy", proxy.url)
        with pytest.raises(Stopped):
            read(client("https://api.example"))
    assert proxy.requests[0].startswith(b"CONNECT api.example:443 ")
    assert all(base64.b64encode(b"s3cr3t:") not in request for request in proxy.requests)


@pytest.mark.parametrize("to", ["http://[::1", "/caf\xe9", "http://evil.example/"])
def test_the_target_of_a_redirect_is_ignored(to: str) -> None:
    def redirect(connection: socket.socket, _number: int) -> None:
        head = f"HTTP/1.1 302 X\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n"
        connection.sendall(head.encode("latin-1"))

    with (
        serve(redirect) as wire,
        client(wire.url) as asking,
        pytest.raises(UsageError, match="a redirect, which is not followed"),
    ):
        read(asking)


@pytest.mark.parametrize("body", [b'{"a": NaN}', b'{"limits": "\xff', b'{"limits"}'])
def test_a_budget_that_is_garbled(body: bytes) -> None:
    with (
        serve(answer(body=body)) as wire,
        client(wire.url) as asking,
        pytest.raises(BadAnswer, match="expected a JSON object"),
    ):
        asking.credits()


def test_an_error_that_nests_without_end() -> None:
    with (
        serve(answer(422, b"[" * 100_000)) as wire,
        client(wire.url) as asking,
        pytest.raises(Failure, match="answered 422"),
    ):
        read(asking)


@pytest.mark.parametrize(
    "body",
    [
        *(b"{}", b'{"limits": 5}', b'{"limits": {"remaining": "x"}}'),
        *(b'{"a": "\xff"}', b'{"limits": {"remaining": -1, "limit": [1, 2]}}'),
    ],
)
def test_a_budget_that_is_not_a_number_is_unknown(body: bytes) -> None:
    with serve(answer(body=body)) as wire, client(wire.url) as asking:
        assert asking.credits() is None


def limited(url: str, limits: Limits, clock: Impatient | None = None) -> Client:
    return Client(Service("acme", Key("s3cr3t"), url, 5.0), limits, clock=clock or Impatient())


BUDGET = answer(body=b'{"limits": {"limit": 5000, "remaining": 503}}')


def test_the_reserve_is_never_spent() -> None:
    one = json.dumps(job()).encode()
    counted = [answer(body=one, headers=f"X-RateLimit-Remaining: {n}\r\n") for n in (502, 501, 500)]
    with serve(BUDGET, *counted) as wire, limited(wire.url, Limits(reserve=500)) as asking:
        asking.credits()
        for _ in range(3):
            asking.job(7)
        with pytest.raises(Stopped, match=r"500 credits are left .* and 500 are to be kept"):
            asking.job(7)
        asking.credits()
    assert (asking.requests_sent, asking.credits_spent, len(wire.requests)) == (5, 3, 5)


def test_a_lost_answer_may_have_cost_a_credit() -> None:
    budget = answer(body=b'{"limits": {"limit": 5000, "remaining": 502}}')
    with serve(budget, reset) as wire, limited(wire.url, Limits(reserve=500)) as asking:
        asking.credits()
        with pytest.raises(Stopped, match="500 credits are left"):
            asking.job(7)
    assert len(wire.requests) == 3


def test_retries_spend_no_reserve_either() -> None:
    fault = answer(503, headers="X-RateLimit-Remaining: 500\r\n")
    with serve(BUDGET, fault) as wire, limited(wire.url, Limits(reserve=500)) as asking:
        asking.credits()
        with pytest.raises(Stopped, match="500 credits are left"):
            asking.job(7)
    assert len(wire.requests) == 2


def test_a_reserve_that_nobody_asked_for_is_a_tenth_of_a_small_budget() -> None:
    small = answer(body=b'{"limits": {"limit": 300, "remaining": 31}}')
    spent = answer(body=json.dumps(job()).encode(), headers="X-RateLimit-Remaining: 30\r\n")
    with serve(small, spent) as wire, limited(wire.url, Limits(reserve=None)) as asking:
        asking.credits()
        asking.job(7)
        with pytest.raises(Stopped, match=r"30 credits are left .* and 30 are to be kept"):
            asking.job(7)


def test_a_reserve_as_large_as_the_budget_is_a_wrong_call() -> None:
    with (
        serve(BUDGET) as wire,
        limited(wire.url, Limits(reserve=5000)) as asking,
        pytest.raises(UsageError, match="--reserve-credits 5000 leaves nothing of the account's"),
    ):
        asking.credits()


def test_the_number_of_requests_is_bounded_retries_included() -> None:
    with (
        serve(answer(503)) as wire,
        limited(wire.url, Limits(requests=3)) as asking,
        pytest.raises(Stopped, match="--max-requests 3 are sent"),
    ):
        asking.job(7)
    assert len(wire.requests) == 3


def test_a_run_ends_in_time() -> None:
    clock = Impatient()
    with (
        serve(answer(body=json.dumps(job()).encode())) as wire,
        limited(wire.url, Limits(seconds=60), clock) as asking,
    ):
        asking.job(7)
        clock.passed = 61
        with pytest.raises(Stopped, match="--max-time 60 s are over"):
            asking.job(7)
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


def test_a_request_ends_with_the_run() -> None:
    with serve(drip(b"HTTP/1.1 200 OK\r\n")) as wire:
        asking = Client(Service("acme", Key("s3cr3t"), wire.url, 30.0), Limits(seconds=0.4))
        with pytest.raises(Stopped, match=r"no whole answer within 0\.\d+ s"):
            asking.job(7)


def test_an_interrupted_run_sends_nothing_more() -> None:
    clock = Impatient()
    with (
        serve(answer(503), answer(body=json.dumps(job()).encode())) as wire,
        limited(wire.url, Limits(), clock) as asking,
    ):
        asking.job(7)
        clock.interrupted = "stopped by SIGTERM"
        with pytest.raises(Stopped, match="stopped by SIGTERM; nothing is lost"):
            asking.job(7)
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


def link(rel: str) -> str:
    return f'Link: <http://evil.example/?offset=4000>; rel="{rel}"\r\n'


def test_a_server_that_names_pages_is_believed_when_it_names_none() -> None:
    many = json.dumps([job(id=n, created_at=f"2026-01-0{n}T00:00:00Z") for n in (1, 2, 3)])
    few = json.dumps([job(id=n, created_at=f"2026-01-0{n}T00:00:00Z") for n in (2, 3)])
    first, alone = answer(body=many.encode(), headers=link("next")), answer(body=few.encode())
    with serve(first, alone) as wire, client(wire.url) as asking:
        asking.page(0)
        assert read(asking) == [2, 3]
    assert len(wire.requests) == 2


def test_a_server_that_names_no_page_before_has_ceased_to_name_any() -> None:
    first, later = answer(body=PAGE, headers=link("next")), answer(body=PAGE)
    with serve(first, later) as wire, client(wire.url) as asking:
        asking.page(0)
        assert asking.sends_links
        asking.page(1)
        assert not asking.sends_links


def test_the_newest_job_may_be_one_that_cannot_be_read() -> None:
    bad = job(owner_id="x", updated_at="2026-01-03T00:00:00Z")
    worse = {**bad, "updated_at": "soon"}
    with serve(answer(body=json.dumps([bad]).encode())) as wire:
        assert client(wire.url).newest() == datetime(2026, 1, 3, tzinfo=UTC)
    pages = [answer(body=json.dumps(each).encode()) for each in ([worse], [worse, job()])]
    with serve(*pages) as wire:
        assert client(wire.url).newest() == datetime(2026, 1, 2, 3, 6, 5, tzinfo=UTC)
