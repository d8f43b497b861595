"""The client against answers good and bad, on real sockets."""

import base64
import gzip
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from clients import client, read
from clock import Impatient
from samples import job
from wire import answer, serve

from snapshotter.api.client import Client, ListFilters
from snapshotter.api.records import Record
from snapshotter.errors import Failure, KeyRefused, RequestRefused
from snapshotter.settings import Key, Service

PAGE = json.dumps([job()]).encode()


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


def test_a_gzipped_page() -> None:
    body = gzip.compress(PAGE)
    script = answer(body=body, headers="Content-Encoding: gzip\r\nLink: <x>; rel=prev\r\n")
    with serve(script) as wire, client(wire.url) as asking:
        assert read(asking) == [7]


def test_one_job() -> None:
    with serve(answer(body=json.dumps(job()).encode()), answer(404)) as wire:
        asking = client(wire.url)
        found = asking.job(7)
        assert isinstance(found, Record)
        assert found.job.id == 7
        assert asking.job(8) is None


def test_the_budget_is_free_to_ask() -> None:
    body = b'{"limits": {"limit": 5000, "remaining": 1234}}'
    with serve(answer(body=body)) as wire, client(wire.url) as asking:
        assert asking.credits() == 1234
    assert wire.requests[0].startswith(b"GET /acme/api/rate_limit_status ")


def test_a_server_without_a_budget_is_read_all_the_same() -> None:
    with serve(answer(404)) as wire, client(wire.url) as asking:
        assert asking.credits() is None


def test_an_error_that_nests_without_end() -> None:
    with (
        serve(answer(422, b"[" * 100_000)) as wire,
        client(wire.url) as asking,
        pytest.raises(Failure, match="answered 422"),
    ):
        read(asking)


def test_a_key_that_is_sent_back_across_the_bound_of_a_message_is_hidden() -> None:
    body = json.dumps({"message": "x" * 295 + "s3cr3t-of-the-test"}).encode()
    with serve(answer(422, body)) as wire:
        service = Service("acme", Key("s3cr3t-of-the-test"), wire.url, 5.0)
        with pytest.raises(RequestRefused) as caught:
            Client(service, clock=Impatient()).job(7)
    assert "s3" not in str(caught.value)


def test_one_job_may_be_forbidden_and_a_key_refused() -> None:
    with serve(answer(403), answer(401)) as wire:
        client = Client(Service("acme", Key("s3cr3t"), wire.url, 5.0), clock=Impatient())
        with pytest.raises(RequestRefused, match="not allowed to read this job"):
            client.job(7)
        with pytest.raises(KeyRefused):
            client.job(7)
