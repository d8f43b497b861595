"""Bodies of answers: compressed in many ways, too large, in other encodings."""

import gzip
import json
import tracemalloc
import zlib
from collections.abc import Callable

import pytest
from clock import Impatient
from samples import job
from wire import answer, serve

from snapshotter.api.bodies import MAX_BODY
from snapshotter.api.client import Client
from snapshotter.errors import BadAnswer, RequestFailed
from snapshotter.settings import Key, Service

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


@pytest.mark.slow
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


def test_a_job_with_much_to_say_is_read() -> None:
    errors = "e" * (17 * 2**20)
    with serve(answer(body=json.dumps(job(errors=errors)).encode())) as wire:
        service = Service("acme", Key("s3cr3t"), wire.url, 60.0)
        found = Client(service, clock=Impatient()).job(7)
    assert found is not None
    assert found.job_id == 7


@pytest.mark.slow
def test_a_body_of_too_many_values_is_not_read() -> None:
    with pytest.raises(BadAnswer, match="over 500,000 values"):
        asked(b"[" * 2**22)
