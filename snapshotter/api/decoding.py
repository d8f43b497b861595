"""From the body of an answer to JSON, unread: what encoding it is in, and how much of it is taken.

Raises `BadAnswer` for what is not UTF-8 JSON of the shape that was asked for.
"""

import codecs
import re

import msgspec
import requests

from snapshotter.api.records import only, split
from snapshotter.errors import BadAnswer

MOST_RECORDS = 1000  # of a page; 100 are asked for, and a server that sends more has more pages

MOST_VALUES = 1_000_000  # of a body; each takes memory, far more than its bytes

_NULL = msgspec.Raw(b"null")
_MANY = 200_000  # commas and brackets; a body with fewer takes little memory, whatever it is
# A string that does not end goes to the end of the body: looked for once, not from each quote on.
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)|[\[\]{},]', re.DOTALL)
# In this order: the marks of UTF-32 begin with those of UTF-16.
_MARKS = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}


def page(response: requests.Response, body: bytes) -> tuple[list[bytes], bool | None]:
    """Return the records, and whether the Link header names a next page: whether, never where."""
    body, is_cut = _bounded(_utf8(body))
    records = split(body)
    more = "next" in response.links if response.headers.get("Link") is not None else None
    if is_cut or len(records) > MOST_RECORDS:
        return records[:MOST_RECORDS], True
    return records, more


def record(_response: requests.Response, body: bytes) -> bytes:
    body, _ = _bounded(_utf8(body))
    return only(body)


class Budget(msgspec.Struct):
    """The credits of an hour, as they came; a server may send anything in place of a number."""

    limit: msgspec.Raw = _NULL
    remaining: msgspec.Raw = _NULL


class _RateLimits(msgspec.Struct):
    limits: msgspec.Raw = _NULL


def budget(_response: requests.Response, body: bytes) -> Budget:
    """Return the credits that an answer names; of another shape it names none."""
    try:
        answer = msgspec.json.decode(only(_utf8(body)), type=_RateLimits)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise BadAnswer("expected a JSON object, got one that is garbled") from None
    try:
        return msgspec.json.decode(answer.limits, type=Budget)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Budget()


def _utf8(body: bytes) -> bytes:
    """Return the body without its byte order mark."""
    if body.startswith(codecs.BOM_UTF8):
        return body[len(codecs.BOM_UTF8) :]
    start = body[:4]
    found = next((name for mark, name in _MARKS.items() if start.startswith(mark)), None)
    if found is None and len(start) > 1 and not (start[0] and start[1]):
        found = "UTF-16" if start.count(0) == len(start) // 2 else "UTF-32"
    if found is not None:
        raise BadAnswer(f"expected JSON in UTF-8, got a body in {found} or another encoding")
    return body


def _bounded(body: bytes) -> tuple[bytes, bool]:
    """Return the body, cut behind `MOST_RECORDS`, and whether it was.

    Raises `BadAnswer` if it has too many values to be read within bounds of memory and time.
    """
    if sum(map(body.count, (b",", b"[", b"{"))) < _MANY:
        return body, False
    depth = records = 0
    is_page = body.lstrip()[:1] == b"["
    for number, token in enumerate(_TOKEN.finditer(body)):
        depth += {b"[": 1, b"{": 1, b"]": -1, b"}": -1}.get(token[0], 0)
        if is_page and depth == 1 and token[0] == b",":
            records += 1
            if records == MOST_RECORDS:
                return body[: token.start()] + b"]", True
        if number == MOST_VALUES:
            raise BadAnswer(f"over {MOST_VALUES:,} values in one answer, more than is read")
    return body, False
