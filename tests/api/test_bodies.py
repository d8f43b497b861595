"""Bodies of answers: compressed in many ways, too large, in other encodings."""

import gzip
import json
import tracemalloc
import zlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from clock import Impatient
from samples import job
from wire import answer, serve

from snapshotter.api.bodies import MAX_BODY
from snapshotter.api.client import Client, ListFilters
from snapshotter.api.paging import Cursor
from snapshotter.api.records import Reject
from snapshotter.errors import BadAnswer, RequestFailed
from snapshotter.settings import Key, Service
from snapshotter.simulator.account import SimulatedAccount
from snapshotter.simulator.faults import Answer, Request
from snapshotter.simulator.server import serve as serve_account

ONE = json.dumps(job()).encode()


def asked(body: bytes, headers: str = "") -> int | None:
    with serve(answer(body=body, headers=headers)) as wire:
        service = Service("acme", Key("s3cr3t"), wire.url, 20.0)
        with Client(service, clock=Impatient()) as client:
            found = client.job(7)
            return None if found is None else found.job_id


def raw(body: bytes) -> bytes:
    deflate = zlib.compressobj(wbits=-15)
    return deflate.compress(body) + deflate.flush()


READABLE: dict[str, tuple[bytes, str]] = {
    "gzip": (gzip.compress(ONE), "gzip"),
    "x-gzip": (gzip.compress(ONE), "x-gzip"),
    "two members": (gzip.compress(ONE[:100]) + gzip.compress(ONE[100:]), "gzip"),
    "padded": (gzip.compress(ONE) + b"\0" * 9, "gzip"),
    "something behind": (gzip.compress(ONE) + b"xyz", "gzip"),
    "deflate": (zlib.compress(ONE), "deflate"),
    "bare deflate": (raw(ONE), "deflate"),
    "twice": (gzip.compress(zlib.compress(ONE)), "deflate, gzip"),
    "identity": (ONE, "identity"),
    "a wrong word": (ONE, "utf-8"),
    "a mark": (b"\xef\xbb\xbf" + ONE, "identity"),
    "a mark, compressed": (gzip.compress(b"\xef\xbb\xbf" + ONE), "gzip"),
    "large": (gzip.compress(json.dumps(job(errors="e " * 2**20)).encode()), "gzip"),
}


@pytest.mark.parametrize("name", READABLE)
def test_a_body_that_can_be_read(name: str) -> None:
    body, encoding = READABLE[name]
    assert asked(body, f"Content-Encoding: {encoding}\r\n") == 7


UNREADABLE: dict[str, tuple[bytes, str, str]] = {
    "cut gzip": (gzip.compress(ONE)[:-20], "gzip", "cut short or garbled"),
    "cut deflate": (zlib.compress(ONE)[:-20], "deflate", "cut short or garbled"),
    "brotli": (b"\x0b\x02", "br", "encoded as br, which was not asked for"),
    "again and again": (ONE, "gzip, gzip, gzip", "compressed again and again"),
    "UTF-16": (ONE.decode().encode("utf-16"), "identity", "got a body in UTF-16"),
    "UTF-16 without a mark": (ONE.decode().encode("utf-16-be"), "identity", "in UTF-16"),
    "UTF-32": (ONE.decode().encode("utf-32"), "identity", "got a body in UTF-32"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_body_that_cannot_be_read(name: str) -> None:
    body, encoding, said = UNREADABLE[name]
    with pytest.raises(RequestFailed, match=said):
        asked(body, f"Content-Encoding: {encoding}\r\n")


@pytest.mark.parametrize(
    ("compress", "encoding"),
    [
        (gzip.compress, "gzip"),
        (zlib.compress, "deflate"),
        (raw, "deflate"),
        (lambda body: gzip.compress(gzip.compress(body)), "gzip, gzip"),
    ],
    ids=["gzip", "deflate", "bare deflate", "twice"],
)
def test_a_body_that_inflates_beyond_all_bounds_takes_little_memory(
    compress: Callable[[bytes], bytes], encoding: str
) -> None:
    body = compress(b" " * (4 * MAX_BODY))
    tracemalloc.start()
    try:
        with pytest.raises(BadAnswer, match="the body is over 32 MiB"):
            asked(body, f"Content-Encoding: {encoding}\r\n")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2.5 * MAX_BODY


def test_a_body_of_too_many_values_is_not_read() -> None:
    with pytest.raises(BadAnswer, match="over 500,000 values"):
        asked(b"[" * 2**22)


def test_a_job_of_too_many_values_is_set_aside_with_its_id() -> None:
    body = b'{"id":7,"x":[' + b"{}," * 2**21 + b"1]}"
    with serve(answer(body=body)) as wire:
        service = Service("acme", Key("s3cr3t"), wire.url, 20.0)
        found = Client(service, clock=Impatient()).job(7)
    assert isinstance(found, Reject)
    assert found.reason == "job 7: it has over 500,000 values, too many to read"


@pytest.mark.parametrize("jobs", [101, 1_001, 6_000, 20_000])
def test_a_server_that_ignores_the_limit_is_read(jobs: int) -> None:
    account = SimulatedAccount(links="none")
    start = datetime(2026, 1, 1, tzinfo=UTC)
    records = [
        {"id": n, "created_at": (start + timedelta(seconds=n)).isoformat()}
        for n in range(1, jobs + 1)
    ]

    def rest_of_the_list(request: Request) -> Answer:
        return Answer(200, {}, json.dumps(records[int(request.query["offset"]) :]).encode())

    account.intercept = rest_of_the_list
    with serve_account(account) as url:
        service = Service("acme", Key(account.api_key), url, 20.0)
        with Client(service, clock=Impatient()) as client:
            read = {r.job_id for page in client.jobs(ListFilters(), Cursor()) for r in page.records}
    assert read == set(range(1, jobs + 1))


def test_a_page_of_too_many_records_is_read_in_parts() -> None:
    page = b"[" + b",".join(b'{"id":%d,"status":"x"}' % n for n in range(1, 250_001)) + b"]"
    with serve(answer(body=page)) as wire:
        service = Service("acme", Key("s3cr3t"), wire.url, 20.0)
        listed = Client(service, clock=Impatient()).page(0)
    assert [r.job_id for r in listed.records] == list(range(1, 1001))
    assert listed.more


def test_a_job_with_much_to_say_is_read() -> None:
    errors = "e" * (17 * 2**20)
    with serve(answer(body=json.dumps(job(errors=errors)).encode())) as wire:
        service = Service("acme", Key("s3cr3t"), wire.url, 60.0)
        found = Client(service, clock=Impatient()).job(7)
    assert found is not None
    assert found.job_id == 7
