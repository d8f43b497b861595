"""Cuts the body of an answer into its records, unread, so that a bad record spoils no other.

The work is bounded, whatever came: every scan goes over the body once, and of a page with more
records or values than a page can sensibly have, only the first records are taken.
"""

import contextlib
import re
from collections.abc import Iterator
from itertools import islice

import msgspec
from msgspec import Raw

from snapshotter.errors import BadAnswer

MOST_RECORDS = 1_000  # of a page; 100 are asked for, and what is left out comes with the next page
MAX_VALUES = 500_000  # of the records taken from a page, or of one; each takes some 100 bytes
_MAX_TOKENS = 3 * MAX_VALUES  # looked at one by one, which takes about a second
_SMALL = 2**20  # bytes; what is shorter cannot hold so much that it must be counted first
_BOM = b"\xef\xbb\xbf"
# A string without an end reaches to the end: no place is looked at twice.
TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[\]{},]', re.DOTALL)
_STEPS = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_COMMA = ord(",")


class _TooManyValues(BadAnswer):
    pass


def split(body: bytes, most: int = MOST_RECORDS) -> tuple[list[bytes], bool]:
    """Return the records of a page, and whether it has more than are returned.

    At most `most` are returned, and at least one, but not more than have `MAX_VALUES` values in
    all. A page that is not strictly JSON (a control character or a bad escape in a string, NaN,
    endless nesting) is cut by its brackets and strings. Raises `BadAnswer` if that cannot be done,
    or if not even the first of several records can be taken.
    """
    body, is_cut = _bounded(body.removeprefix(_BOM), most)
    try:
        records = msgspec.json.decode(body, type=list[Raw])
        parts = [bytes(record) for record in records[: most + 1]]
    except msgspec.ValidationError:
        raise BadAnswer("expected a JSON array of jobs, got another JSON value") from None
    except (msgspec.DecodeError, RecursionError) as error:
        parts = _cut(body, error, most)
    return parts[:most], is_cut or len(parts) > most


def _bounded(body: bytes, most: int) -> tuple[bytes, bool]:
    """Return a body that takes little memory to decode, and whether it was cut to that end."""
    if sum(map(body.count, (b",", b"[", b"{"))) <= MAX_VALUES:
        return body, False
    depth = values = records = end = 0
    is_page = body[:1_000].lstrip().startswith(b"[")
    for number, token in enumerate(TOKEN.finditer(body)):
        at = token.start()
        depth += _STEPS.get(body[at], 0)
        values += body[at] in b",[{"
        if is_page and depth == 1 and body[at] == _COMMA and values <= MAX_VALUES:
            records, end = records + 1, at
        if records == most or (end and values > MAX_VALUES):
            return body[:end] + b"]", True
        if values > MAX_VALUES or number > _MAX_TOKENS:
            break
    else:
        return body, False  # most of it is text
    with contextlib.suppress(msgspec.DecodeError, RecursionError):
        msgspec.json.decode(body, type=tuple[Raw])
        return body, False  # one record, which is set aside alone
    raise _TooManyValues(f"over {MAX_VALUES:,} values in one answer, too many to read")


def only(body: bytes) -> bytes:
    """Return the one object that a body is, unread. Raises `BadAnswer` when it is not one."""
    body = body.removeprefix(_BOM)
    try:
        records, _ = split(b"[%b]" % body)
    except _TooManyValues:
        raise
    except BadAnswer:
        records = []
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


def _cut(body: bytes, strict_error: Exception, most: int) -> list[bytes]:
    """Return the records, not many more than `most`, of a page that is not strictly JSON."""
    records: list[bytes] = []
    for record in _between_brackets(body):
        if record is None:
            why = f" ({strict_error})" if isinstance(strict_error, msgspec.DecodeError) else ""
            raise BadAnswer(f"expected a JSON array of jobs, got {_opening(body)}{why}") from None
        records += [record] if record else []
        if len(records) > most:
            break
    return records


def _between_brackets(body: bytes) -> Iterator[bytes | None]:
    """Yield what is between the outermost brackets and commas, and None if that fails."""
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
    return "a body that is empty" if not start else "a body that is cut short or not JSON"
