import json
from datetime import UTC, datetime
from typing import Any

import pytest
from samples import job, sample

from snapshotter.api.cutting import split
from snapshotter.api.records import Record, Reject, read, read_all
from snapshotter.api.schema import MAX_DEPTH
from snapshotter.errors import RecordError
from snapshotter.flatten import flatten
from snapshotter.redact import Redaction


def record_of(document: Any) -> Record:
    return read(json.dumps(document).encode())


def test_the_samples_are_read() -> None:
    records = [record_of(document) for document in sample("list-jobs")]
    assert [record.job.id for record in records] == [304, 303, 299, 157]
    assert record_of(sample("job-with-log-summary")).job.log_summary is not None


def test_a_job_of_nothing_but_its_id_is_a_job() -> None:
    assert record_of({"id": 1}).job.outputs is None


@pytest.mark.parametrize("name", sorted(set(job()) - {"id"}))
def test_every_field_may_be_null_or_missing(name: str) -> None:
    document = job()
    assert record_of({**document, name: None}).job.id == 7
    del document[name]
    assert record_of(document).job.id == 7


NO_ID = [
    ({"id": "7x"}, "Expected `int`, got `str` - at `$.id`"),
    ({"id": "007"}, "Expected `int`, got `str` - at `$.id`"),
    ({"id": ""}, "Expected `int`, got `str` - at `$.id`"),
    ({"id": None}, "Expected `int`, got `null` - at `$.id`"),
    ({"id": 7.5}, "Expected `int`, got `float` - at `$.id`"),
    ({"id": True}, "Expected `int`, got `bool` - at `$.id`"),
    ({"id": [7]}, "Expected `int`, got `array` - at `$.id`"),
    ({"id": 0}, "Expected `int` >= 1 - at `$.id`"),
    ({"id": -7}, "Expected `int` >= 1 - at `$.id`"),
    ({"id": 2**63}, "at `$.id`"),
    ({"id": "password=hunter2"}, "Expected `int`, got `str` - at `$.id`"),
]


@pytest.mark.parametrize(("fields", "reason"), NO_ID, ids=lambda value: str(value)[:40])
def test_only_a_record_without_a_usable_id_is_set_aside(
    fields: dict[str, Any], reason: str
) -> None:
    with pytest.raises(RecordError) as caught:
        record_of(job(**fields))
    assert str(caught.value).startswith("a record with no id: ")
    assert reason in str(caught.value)
    assert caught.value.job_id is None


@pytest.mark.parametrize("job_id", ["7", 7.0, 2**63 - 1, str(2**63 - 1)])
def test_an_id_in_another_notation_is_the_same_id(job_id: Any) -> None:
    assert record_of(job(id=job_id)).job_id == int(job_id)


def test_an_id_longer_than_any_integer_is_none() -> None:
    (found,) = read_all([b'{"id": 1' + b"0" * 5000 + b"}"])
    assert (type(found), found.job_id) == (Reject, None)


def test_a_bad_record_spoils_no_other() -> None:
    body = json.dumps([job(), job(id="x"), 5, job(id=9)]).encode()
    records = read_all(split(body)[0])
    assert [(type(record), record.job_id) for record in records] == [
        (Record, 7),
        (Reject, None),
        (Reject, None),
        (Record, 9),
    ]


@pytest.mark.parametrize(
    ("bad", "errors"),
    [
        (rb'"\ud800"', "\N{REPLACEMENT CHARACTER}"),
        (rb'"\ud83d\ude00 \udc00"', "\N{GRINNING FACE} \N{REPLACEMENT CHARACTER}"),
        (b'"\xed\xa0\x80"', "\N{REPLACEMENT CHARACTER}" * 3),
        (b'"a\xff"', "a\N{REPLACEMENT CHARACTER}"),
        (b'"a\tb"', "a\tb"),
        (b'"a\nb"', "a\nb"),
        (b'"a\0b"', "a\N{REPLACEMENT CHARACTER}b"),
        (b'"a\x01b"', "a\x01b"),
        (rb'"C:\data\new \\ \u12"', "C:\\data\new \\ \\u12"),
        (rb'"\x41"', r"\x41"),
        (b"NaN", "NaN"),
        (b"-Infinity", "-Infinity"),
        (b"1e400", "1e400"),
        (b"9" * 5000, "9" * 5000),
    ],
)
def test_what_is_not_json_or_no_database_takes_costs_no_job(bad: bytes, errors: str) -> None:
    body = b'[{"id": 1}, {"id": 2, "errors": ' + bad + b'}, {"id": 3}]'
    records = read_all(split(body)[0])
    assert [(type(record), record.job_id) for record in records] == [
        (Record, 1),
        (Record, 2),
        (Record, 3),
    ]
    assert isinstance(records[1], Record)
    assert records[1].job.errors == errors
    assert records[1].document == {"id": 2, "errors": errors}


@pytest.mark.parametrize("bad", [rb"\ud800", b"\xff", b"\xed\xa0\x80", b"\0", rb"\u0000", rb"\q"])
@pytest.mark.parametrize(
    "record",
    [
        b'{"id": 2, "created_at": "@"}',
        b'{"id": 2, "updated_at": "@"}',
        b'{"id": 2, "status": "@"}',
        b'{"id": 2, "@": 1}',
        b'{"id": 2, "variables": {"@": "@"}}',
        b'{"id": 2, "package": {"name": "@", "@": "@"}}',
        b'{"id": 2, "outputs": [{"id": 20, "name": "@", "component": {"fields": ["@"]}}]}',
        b'{"id": 2, "log_summary": {"@": "@"}}',
        b'{"id": "2@"}',
        b'{"id": 2, "status": "@" nonsense}',
        b'{"id": 2, "status": "@',
    ],
)
def test_nothing_that_no_encoding_takes_is_left_anywhere(record: bytes, bad: bytes) -> None:
    (found,) = read_all([record.replace(b"@", bad)])
    held: Any = found
    if isinstance(found, Record):
        rows = flatten(found, Redaction())
        held = (found.misfit_kinds, found.document, rows.job, rows.outputs, rows.fields)
    written = repr(held) + json.dumps(held, ensure_ascii=False, default=str)
    written.encode()
    assert "\0" not in written
    assert type(found) is (Reject if b'"2@"' in record or b"nonsense" in record else type(found))


def test_a_record_that_is_not_json_keeps_its_text_its_id_and_its_place() -> None:
    bad = b'{"zz": {"id": 5}, "id": 2, "created_at": "2026-01-02T03:04:05Z", "errors": say "it"}'
    body = b'[{"id": 1}, ' + bad + b', {"id": 3},]'
    one, two, three = read_all(split(body)[0])
    assert (one.job_id, three.job_id) == (1, 3)
    assert isinstance(two, Reject)
    assert (two.job_id, two.payload) == (2, bad.decode())
    assert two.created_at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert two.reason.startswith("job 2: JSON is malformed")


@pytest.mark.parametrize("depth", [29, 150, 450, 900, 100_000])
def test_what_nests_too_deep_is_kept_as_text_from_there_on(depth: int) -> None:
    deep = b"[" * depth + b"1" + b"]" * depth
    body = b'[{"id": 1}, {"id": 2, "status": "failed", "new": ' + deep + b"}]"
    one, two = read_all(split(body)[0])
    assert isinstance(one, Record)
    assert isinstance(two, Record)
    assert two.job.status == "failed"
    found, levels = two.document["new"], 0
    while isinstance(found, list):
        (found,) = found
        levels += 1
    assert levels == MAX_DEPTH - 1  # the record itself is a level
    assert json.dumps(found) == f'"{"[" * (depth - levels)}1{"]" * (depth - levels)}"'


def test_a_time_past_the_calendar_is_not_a_time() -> None:
    for raw in (
        b'{"id": 1, "created_at": "9999-12-31T23:59:59-10:00"}',
        b'{"id": 1, "created_at": "0001-01-01T00:00:00+10:00"}',
    ):
        (record,) = read_all([raw])
        assert (type(record), record.created_at) == (Record, None)


def test_nul_characters_give_way_everywhere() -> None:
    record = record_of(job(errors="a\0b", variables={"x\0": ["\0"]}, new="\0"))
    assert record.job.errors == "a\N{REPLACEMENT CHARACTER}b"
    assert "\0" not in json.dumps(record.document, ensure_ascii=False)


@pytest.mark.parametrize(
    ("sent", "errors"),
    [
        (rb"\u0000", "\N{REPLACEMENT CHARACTER}"),
        (rb"\\u0000", r"\u0000"),
        (rb"\\\u0000", "\\\N{REPLACEMENT CHARACTER}"),
    ],
)
def test_a_backslash_may_be_meant(sent: bytes, errors: str) -> None:
    assert read(b'{"id": 1, "errors": "' + sent + b'"}').job.errors == errors
