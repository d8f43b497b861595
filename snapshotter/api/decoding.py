"""From the body of an answer to the JSON text of its records.

Raises `BadAnswer` for what is not UTF-8 JSON of the shape that was asked for.
"""

import codecs

import msgspec
import requests

from snapshotter.api.cutting import only, split
from snapshotter.errors import BadAnswer

_NULL = msgspec.Raw(b"null")
# In this order: the marks of UTF-32 begin with those of UTF-16.
_MARKS = {
    codecs.BOM_UTF32_LE: "UTF-32",
    codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16",
    codecs.BOM_UTF16_BE: "UTF-16",
}


def page(response: requests.Response, body: bytes) -> tuple[list[bytes], bool | None]:
    """Return the records, and whether the Link header names a next page; None without one."""
    records, is_cut = split(_utf8(body))
    more = "next" in response.links if response.headers.get("Link") is not None else None
    return records, True if is_cut else more


def record(_response: requests.Response, body: bytes) -> bytes:
    return only(_utf8(body))


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
