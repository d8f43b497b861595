r"""Turns a record that is not as documented into one that is, and keeps what fits no column.

Only a usable id is worth losing a job for. A value of another type or range becomes null, and what
came stays under its own name, to be stored in `extra`. What can be converted without a loss is:
"17" and 17.0 are 17, "0.5" is 0.5, a time in another zone or notation is that time, `[]` in place
of an object is an empty one. A progress that left 0 to 1 by rounding alone is moved back (and
kept, too); 50.0, which some clients take for a half, is not.

A record is read leniently: a raw control character is itself, `\q` is a backslash and a q, NaN and
numbers that are too large are text, and what no database holds (lone surrogates, bytes that are not
UTF-8, NUL) is U+FFFD.
"""

import json
import math
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple, get_args, get_type_hints

import msgspec
from msgspec import Raw, Struct

from snapshotter.api.cutting import TOKEN, holds_too_much
from snapshotter.api.schema import (
    MAX_DEPTH,
    Cluster,
    Component,
    Creator,
    Fraction,
    Int,
    Job,
    JobId,
    LogSummary,
    Output,
    Package,
    ShortText,
    Time,
    is_too_deep,
)
from snapshotter.errors import RecordError

Object = dict[str, Any]

_UNHELD = re.compile("[\ud800-\udfff\0]")
_ESCAPE = re.compile(r'(\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))|\\')
_PLAIN_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,18})")
_PLAIN_NUMBER = re.compile(r"-?[0-9]{1,17}(?:\.[0-9]{1,17})?")
_MAX_DIGITS = 4_300  # as many as Python reads at once
_DRIFT = 0.001  # of a progress: sums of fractions are that far off at most
_ID_MEMBER = re.compile(rb'\s*:\s*"?([0-9]{1,19})"?\s*[,}]')
_TIME_MEMBER = re.compile(rb'\s*:\s*"([0-9T:+.Z -]{19,40})"')
_MOST_CHARACTERS = 255  # of a `ShortText`
_PARTS: dict[str, type[Struct]] = {"creator": Creator, "package": Package, "cluster": Cluster}
_LOOKED_AT = 100_000  # tokens of a record that is not JSON, to find its id


class Misfits(NamedTuple):
    """The values of a record that fit no column, because they are not as documented.

    `document` is the record without them. `of_job` is what did not fit, by name, as it came, and
    `of_outputs` the same by the id of the output. `kinds` has one line for each kind, as
    "progress: 50.0"; a text is never quoted in it.
    """

    document: Object
    of_job: Object
    of_outputs: dict[int, Object]
    kinds: tuple[str, ...]


def parse(raw: bytes) -> Any:
    """Read JSON leniently. Raises `ValueError` for what is not JSON even so, or is too large."""
    if holds_too_much(raw):
        raise ValueError("it has too many values")
    if is_too_deep(raw):
        raw = _with_deep_as_text(raw)
    text = raw.decode("utf-8", "replace")
    try:
        document = _loads(text)
    except ValueError:
        document = _loads(_ESCAPE.sub(lambda found: found[1] or r"\\", text))
    return _holdable(document)


def _loads(text: str) -> Any:
    return json.loads(
        text, strict=False, parse_constant=str, parse_float=_number, parse_int=_integer
    )


def _number(digits: str) -> float | str:
    number = float(digits)
    return number if math.isfinite(number) else digits


def _integer(digits: str) -> int | str:
    return int(digits) if len(digits) < _MAX_DIGITS else digits


def _holdable(value: Any) -> Any:
    match value:
        case str():
            return holdable(value)
        case dict():
            return {holdable(name): _holdable(item) for name, item in value.items()}
        case list():
            return [_holdable(item) for item in value]
        case _:
            return value


def holdable(text: str) -> str:
    """Return the text with U+FFFD for each character that no database holds."""
    return text if text.isascii() and "\0" not in text else _UNHELD.sub("\ufffd", text)


def _with_deep_as_text(raw: bytes) -> bytes:
    """Replace each value that nests past `MAX_DEPTH` by a string of its text."""
    parts: list[bytes] = []
    depth = done = start = 0
    for token in TOKEN.finditer(raw):
        at = token.start()
        if raw[at] in b"[{":
            depth += 1
            if depth == MAX_DEPTH + 1:
                start = at
        elif raw[at] in b"]}":
            if depth == MAX_DEPTH + 1:
                text = raw[start : at + 1].decode("utf-8", "replace")
                parts += raw[done:start], json.dumps(text).encode()
                done = at + 1
            depth -= 1
    return b"".join((*parts, raw[done:]))


def find(raw: bytes, time: str = "created_at") -> tuple[int | None, datetime | None]:
    """Search the text of a record, which need not be JSON, for its id and one of its times."""
    job_id = at = None
    name = f'"{time}"'.encode()
    depth = 0
    for number, token in enumerate(TOKEN.finditer(raw)):
        first = raw[token.start()]
        if first in b"[{":
            depth += 1
        elif first in b"]}":
            depth -= 1
        elif depth == 1 and token[0] == b'"id"' and (found := _ID_MEMBER.match(raw, token.end())):
            job_id = _usable_id(int(found[1]))
        elif depth == 1 and token[0] == name and (found := _TIME_MEMBER.match(raw, token.end())):
            at = read_time(found[1].decode())
        if number > _LOOKED_AT:
            break
    return job_id, at


def id_of(document: Object) -> int:
    """Return a record's id. Raises `RecordError` when it has none that can be used."""
    try:
        job_id = _usable_id(document.get("id"))
        return msgspec.convert(document, _HasId).id if job_id is None else job_id
    except msgspec.ValidationError as error:
        raise RecordError(f"a record with no id: {error}") from None


class _HasId(Struct):
    id: JobId


def _usable_id(value: Any) -> int | None:
    job_id = _as_integer(value)
    return job_id if job_id is not None and job_id > 0 else None


def read_time(text: str) -> datetime | None:
    """Return the moment that a text names in UTC; None for one without a zone, or for none."""
    words = text.strip()
    if words.endswith(" UTC"):
        words = f"{words[:-4]}+00:00"
    try:
        at = datetime.fromisoformat(words)
        return None if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def coerce(document: Object) -> Misfits:
    """Move what does not fit out of a record. Raises `RecordError` for one without a usable id."""
    kinds: dict[str, str] = {}
    of_outputs: dict[int, Object] = {}
    fitting, of_job = _fit(document, Job, "", kinds)
    fitting["id"] = id_of(document)
    for name, kind in _PARTS.items():
        if isinstance(fitting.get(name), dict):
            fitting[name], misfits = _fit(fitting[name], kind, f"{name}.", kinds)
            if misfits:
                of_job[name] = misfits
    if isinstance(fitting.get("outputs"), list):
        fitting["outputs"], of_outputs, misfit_outputs = _fit_outputs(fitting["outputs"], kinds)
        if misfit_outputs:
            of_job["outputs"] = misfit_outputs
    lines = tuple(f"{name}: {what}" for name, what in kinds.items())
    return Misfits(fitting, of_job, of_outputs, lines)


def fit(document: Object, kind: type[Struct]) -> tuple[Object, Object]:
    """Return the members of an object that fit a type, converted, and those that do not.

    Members that the type does not name fit. The result can be converted to the type.
    """
    return _fit(document, kind, "", {})


def _fit_outputs(
    outputs: list[Any], kinds: dict[str, str]
) -> tuple[list[Object], dict[int, Object], list[Any]]:
    """Return the outputs that can be rows, what did not fit in them, and those that cannot."""
    fitting: dict[int, Object] = {}
    misfits: dict[int, Object] = {}
    misfit_outputs: list[Any] = []
    for output in outputs:
        output_id = _as_integer(output.get("id")) if isinstance(output, dict) else None
        if output_id is None or output_id in fitting:
            kinds.setdefault("outputs", "no id" if output_id is None else "an id that came before")
            misfit_outputs.append(output)
            continue
        values, of_output = _fit(output, Output, "outputs.", kinds)
        values["id"] = output_id
        if isinstance(values.get("component"), dict):
            component, of_component = _fit(
                values["component"], Component, "outputs.component.", kinds
            )
            values["component"] = component
            if of_component:
                of_output["component"] = of_component
        fitting[output_id] = values
        if of_output:
            misfits[output_id] = of_output
    return list(fitting.values()), misfits, misfit_outputs


def _fit(
    document: Object, kind: type[Struct], path: str, kinds: dict[str, str]
) -> tuple[Object, Object]:
    """Return the members that fit, converted, and what came in place of those that do not."""
    fitting: Object = {}
    misfits: Object = {}
    converters = _CONVERTERS[kind]
    for name, value in document.items():
        convert = converters.get(name)
        if convert is None or value is None:
            fitting[name] = value
            continue
        fitting[name], is_whole = convert(value)
        if not is_whole:
            misfits[name] = value
            kinds.setdefault(f"{path}{name}", _described(value))
    return fitting, misfits


def _described(value: Any) -> str:
    match value:
        case bool():
            return str(value).lower()
        case int() | float():
            return str(value)[:30]
        case str():
            return "a text"
        case list():
            return "an array"
        case _:
            return "an object"


# Each converter returns what the column takes, and whether nothing was lost by that.
_Converted = tuple[Any, bool]


def _as_integer(value: Any) -> int | None:
    if isinstance(value, str) and _PLAIN_INTEGER.fullmatch(value):
        value = int(value)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if type(value) is int and -(2**63) <= value < 2**63:
        return value
    return None


def _integer_column(value: Any) -> _Converted:
    number = _as_integer(value)
    return number, number is not None


def _text_column(value: Any) -> _Converted:
    return (value, True) if isinstance(value, str) else (None, False)


def _short_column(value: Any) -> _Converted:
    fits = isinstance(value, str) and len(value) <= _MOST_CHARACTERS
    return (value, True) if fits else (None, False)


def _time_column(value: Any) -> _Converted:
    at = None
    if isinstance(value, str):
        try:
            at = msgspec.convert(value, Time).astimezone(UTC)
        except (msgspec.ValidationError, OverflowError):
            at = read_time(value)
    return (None, False) if at is None else (at.isoformat(), True)


def _fraction_column(value: Any) -> _Converted:
    if isinstance(value, str) and _PLAIN_NUMBER.fullmatch(value):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None, False
    if 0 <= value <= 1:
        return value, True
    return (min(1.0, max(0.0, value)) if -_DRIFT < value < 1 + _DRIFT else None), False


def _fields_column(value: Any) -> _Converted:
    """Keep each name at its place; what is not a name leaves its place empty."""
    if not isinstance(value, list):
        return None, False
    names = [name if isinstance(name, str) else None for name in value]
    return names, names == value


def _object_column(value: Any) -> _Converted:
    if value == []:  # an empty object, of those who write it as PHP does
        return {}, True
    return (value, True) if isinstance(value, dict) else (None, False)


def _array_column(value: Any) -> _Converted:
    return (value, True) if isinstance(value, list) else (None, False)


_COLUMNS: dict[Any, Callable[[Any], _Converted]] = {
    Int: _integer_column,
    str: _text_column,
    ShortText: _short_column,
    Time: _time_column,
    Fraction: _fraction_column,
    list[str | None]: _fields_column,
    list[Output]: _array_column,
    Raw: _object_column,
}


def _converters(kind: type[Struct]) -> dict[str, Callable[[Any], _Converted]]:
    hints = get_type_hints(kind, include_extras=True)
    if kind in (Job, Output):
        del hints["id"]  # the one that a row cannot do without
    if kind is Job:
        del hints["log_summary"]  # `extra` has all of it, whatever it is
    return {name: _COLUMNS[next(iter(get_args(hint)), hint)] for name, hint in hints.items()}


_KINDS: tuple[type[Struct], ...] = (Job, Output, Component, LogSummary, *_PARTS.values())
_CONVERTERS = {kind: _converters(kind) for kind in _KINDS}
