"""The API's answers as types, as far as columns hold them; a field may be missing or null.

Source: the vendor's v2 documentation of jobs, and its older answers and clients. An integer is
never a string, a fraction or a boolean, and fits 64 bits; a time has its zone.

Parts that many jobs share (package, cluster, fields) stay raw; each distinct text is decoded once
and cached.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from snapshotter.api.cutting import TOKEN

JobId = Annotated[int, Meta(ge=1, le=2**63 - 1)]
Int = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
Time = Annotated[datetime, Meta(tz=True)]
Fraction = Annotated[float, Meta(ge=0, le=1)]
ShortText = Annotated[str, Meta(max_length=255)]
MAX_DEPTH = 28  # levels of nesting; a documented job has five, and MariaDB takes 32 of JSON
PARTS_KEPT = 2048  # of a kind; an account has some hundred packages
LARGEST_KEPT = 8_192  # bytes of a part; so what is kept takes a few dozen megabytes at most
_NOTHING = Raw(b"null")


class Component(Struct, gc=False):
    name: str | None = None
    type: str | None = None
    fields: list[str | None] | None = None


class Output(Struct, gc=False):
    id: Int
    name: str | None = None
    records_count: Int | None = None
    progress: Fraction | None = None
    created_at: Time | None = None
    updated_at: Time | None = None
    url: str | None = None
    preview_url: str | None = None
    preview_type: str | None = None
    component: Raw = _NOTHING  # a `Component`
    component_name: str | None = None  # in answers of 2014, which have no `component`
    component_type: str | None = None


class Creator(Struct, gc=False):
    type: str | None = None
    id: Int | None = None
    display_name: str | None = None
    url: str | None = None


class Package(Struct, gc=False):
    id: Int | None = None
    name: str | None = None
    url: str | None = None
    updated_at: Time | None = None


class Cluster(Struct, gc=False):
    id: Int | None = None
    name: str | None = None
    url: str | None = None
    nodes: Int | None = None
    available_since: Time | None = None


class Job(Struct, gc=False):
    id: JobId
    status: ShortText | None = None
    owner_id: Int | None = None
    progress: Fraction | None = None
    outputs_count: Int | None = None
    outputs: list[Output] | None = None
    created_at: Time | None = None
    started_at: Time | None = None
    failed_at: Time | None = None
    completed_at: Time | None = None
    updated_at: Time | None = None
    cluster_id: Int | None = None
    package_id: Int | None = None
    errors: str | None = None
    runtime_in_seconds: Int | None = None
    attempts: Int | None = None
    master_auto_retry_attempts: Int | None = None
    variables: Raw = _NOTHING
    dynamic_variables: Raw = _NOTHING
    url: str | None = None
    html_url: str | None = None
    log_url: str | None = None
    creator: Raw = _NOTHING
    package: Raw = _NOTHING
    cluster: Raw = _NOTHING
    log_summary: Raw | UnsetType = UNSET  # anything: no column holds a part of it


class LogSummary(Struct, gc=False):
    """Only in answers about one job, and only if asked for."""

    id: Int | None = None
    body: str | None = None
    error_summary: str | None = None
    openai_extract: str | None = None
    action_items: list[str | None] | None = None
    created_at: Time | None = None


def is_too_deep(raw: bytes) -> bool:
    """Whether JSON text nests deeper than `MAX_DEPTH`."""
    if raw.count(b"[") + raw.count(b"{") <= MAX_DEPTH:
        return False
    depth = 0
    for token in TOKEN.finditer(raw):
        first = raw[token.start()]
        if first in b"[{":
            depth += 1
            if depth > MAX_DEPTH:
                return True
        elif first in b"]}":
            depth -= 1
    return False


class Kept(NamedTuple):
    """A function of a part's text, with its results cached if the text is small.

    `of_small` is for the parts of a record of at most `LARGEST_KEPT` bytes: it does not look.
    """

    of_small: Callable[..., Any]
    of_any: Callable[..., Any]


def kept(read: Callable[..., Any]) -> Kept:
    """Return `read`, a function of a part's text and perhaps more, with its last results cached.

    It must return the same for the same text, and its results must not be changed.
    """
    cached = lru_cache(PARTS_KEPT)(read)

    def read_any(raw: bytes, *more: Any) -> Any:
        return cached(raw, *more) if len(raw) <= LARGEST_KEPT else read(raw, *more)

    return Kept(cached, read_any)


def _reader(kind: Any) -> Kept:
    """Return what decodes a part that is left undecoded in jobs; its results are not to be changed.

    It returns None for null, and raises `msgspec.DecodeError` or `UnicodeDecodeError`.
    """
    decode = msgspec.json.Decoder(kind | None).decode

    @kept
    def read_part(raw: bytes) -> Any:
        if is_too_deep(raw):
            raise msgspec.ValidationError(f"Expected no more than {MAX_DEPTH} levels")
        found = decode(raw)
        if isinstance(found, Struct):
            msgspec.json.decode(raw)  # what no type names is to be JSON, too
            check_times(found)
        return found

    return read_part


def check_times(part: Struct) -> None:
    """Raise `OverflowError` for a time that is not between the years 1 and 9999 UTC."""
    for name in part.__struct_fields__:
        value = getattr(part, name)
        if isinstance(value, datetime) and value.tzinfo is not UTC:
            value.astimezone(UTC)


read_object = _reader(dict[str, Any])
read_creator, read_package, read_cluster = _reader(Creator), _reader(Package), _reader(Cluster)
read_component, read_anything = _reader(Component), _reader(Any)
