"""Cuts the body of an answer into its records, unread, so that a bad record spoils no other.

The work is bounded, whatever came: every scan goes over the body once, and a page with more
records or values than a page can sensibly have is refused before it is read.
"""

import contextlib
import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from typing import Any

import msgspec
from msgspec import Raw, Struct

from snapshotter.errors import BadAnswer

MAX_RECORDS = 5_000  # of a page; the API hands out a hundred
MAX_VALUES = 500_000  # of a page of several records, or of one record; each takes some 100 bytes
_MAX_TOKENS = 1_000_000  # looked at one by one, which takes about a second
_SMALL = 2**20  # bytes; what is shorter cannot hold so much that it must be counted first
_BOM = b"\xef\xbb\xbf"
# A string without an end reaches to the end: no place is looked at twice.
TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[\]{},]', re.DOTALL)
_STEPS = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_COMMA = ord(",")


def split(body: bytes) -> list[bytes]:
    """Cut a page into its records.

    A page that is not strictly JSON (a control character or a bad escape in a string, NaN, endless
    nesting) is cut by its brackets and strings. Raises `BadAnswer` when that cannot be done, or
    when there are more than `MAX_RECORDS` records, or `MAX_VALUES` values in several.
    """
    body = body.removeprefix(_BOM)
    try:
        if len(body) > _SMALL:
            _refuse_too_many(body)
        records = msgspec.json.decode(body, type=list[Raw])
        if len(records) > MAX_RECORDS:
            raise _too_many()
    except msgspec.ValidationError:
        raise BadAnswer("expected a JSON array of jobs, got another JSON value") from None
    except (msgspec.DecodeError, RecursionError) as error:
        parts = _cut(body, error)
    else:
        parts = [bytes(record) for record in records]
    if len(parts) > 1 and holds_too_much(body):
        raise BadAnswer(
            f"expected a page of jobs, got one of over {MAX_VALUES:,} values: too large to read"
        )
    return parts


def only(body: bytes) -> bytes:
    """Return the one object that a body is, unread. Raises `BadAnswer` when it is not one."""
    body = body.removeprefix(_BOM)
    with contextlib.suppress(BadAnswer):
        records = split(b"[%b]" % body)
        if len(records) == 1 and (records[0][:1], records[0][-1:]) == (b"{", b"}"):
            return records[0]
    came = _opening(body)
    with contextlib.suppress(msgspec.DecodeError, RecursionError):
        msgspec.json.decode(body, type=Raw)
        came = "another JSON value"
    raise BadAnswer(f"expected a JSON object, got {came}")


def holds_too_much(raw: bytes) -> bool:
    """Whether JSON text has more than `MAX_VALUES` values."""
    if len(raw) <= _SMALL or sum(map(raw.count, (b",", b"[", b"{"))) <= MAX_VALUES:
        return False
    # Those in strings do not count: a long log has many commas.
    outside = (token for token in TOKEN.finditer(raw) if raw[token.start()] in b",[{")
    return next(islice(outside, MAX_VALUES, None), None) is not None


def _refuse_too_many(body: bytes) -> None:
    try:
        msgspec.json.decode(body, type=_row_of_records())
    except msgspec.ValidationError as error:
        if "at most length" in str(error):
            raise _too_many() from None


@lru_cache(1)
def _row_of_records() -> type[Struct]:
    """Return a type that stops reading past `MAX_RECORDS` elements, which a list does not."""
    fields: list[Any] = [(f"record_{n}", Raw, Raw(b"null")) for n in range(MAX_RECORDS)]
    return msgspec.defstruct("RowOfRecords", fields, array_like=True, forbid_unknown_fields=True)


def _too_many() -> BadAnswer:
    return BadAnswer(f"expected a page of jobs, got more than {MAX_RECORDS:,} records")


def _cut(body: bytes, strict_error: Exception) -> list[bytes]:
    records: list[bytes] = []
    for record in _between_brackets(body):
        if record is None:
            why = f" ({strict_error})" if isinstance(strict_error, msgspec.DecodeError) else ""
            raise BadAnswer(f"expected a JSON array of jobs, got {_opening(body)}{why}") from None
        records += [record] if record else []
        if len(records) > MAX_RECORDS:
            raise _too_many() from None
    return records


def _between_brackets(body: bytes) -> Iterator[bytes | None]:
    """Yield what stands between the outermost brackets and commas, and None if that fails."""
    depth = start = 0
    tokens = TOKEN.finditer(body) if body[:1_000].lstrip().startswith(b"[") else iter(())
    for number, token in enumerate(tokens):
        at = token.start()
        step = _STEPS.get(body[at], 0)
        if depth == 1 and (step < 0 or body[at] == _COMMA):
            yield body[start:at].strip()
            start = at + 1
        depth += step
        if depth == 1 and step > 0:
            start = at + 1
        if depth == 0 or number > _MAX_TOKENS:
            break
    if depth or not start or body[start:].strip():
        yield None


def _opening(body: bytes) -> str:
    start = body[:200].lstrip().lower()
    if start.startswith((b"<!doctype html", b"<html", b"<head", b"<body")):
        return "HTML"
    return "a body that is empty" if not start else "a body that is cut short or no JSON"
