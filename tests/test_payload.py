import json
from typing import Any

import pytest
from samples import job, sample

from snapshotter import payload
from snapshotter.errors import BadAnswer, RecordError
from snapshotter.payload import Record, Reject


def read(document: Any) -> Record:
    return payload.read(json.dumps(document).encode())


def test_the_samples_are_read() -> None:
    records = [read(document) for document in sample("list-jobs")]
    assert [record.job.id for record in records] == [304, 303, 299, 157]
    assert read(sample("job-with-log-summary")).job.log_summary is not None


def test_a_job_of_nothing_but_its_id_is_a_job() -> None:
    assert read({"id": 1}).job.outputs is None


@pytest.mark.parametrize("name", sorted(set(job()) - {"id"}))
def test_every_field_may_be_null_or_missing(name: str) -> None:
    document = job()
    assert read({**document, name: None}).job.id == 7
    del document[name]
    assert read(document).job.id == 7


MALFORMED = [
    ({"id": "7"}, None, "Expected `int`, got `str` - at `$.id`"),
    ({"id": None}, None, "Expected `int`, got `null` - at `$.id`"),
    ({"id": 2**63}, None, "at `$.id`"),
    ({"owner_id": 17.0}, 7, "Expected `int | null`, got `float` - at `$.owner_id`"),
    ({"owner_id": True}, 7, "Expected `int | null`, got `bool` - at `$.owner_id`"),
    ({"status": 3}, 7, "Expected `str | null`, got `int` - at `$.status`"),
    ({"status": "x" * 256}, 7, "at `$.status`"),
    ({"progress": 1.5}, 7, "at `$.progress`"),
    ({"created_at": "2026-01-02T03:04:05"}, 7, "timezone component - at `$.created_at`"),
    ({"created_at": "yesterday"}, 7, "Invalid RFC3339 encoded datetime - at `$.created_at`"),
    ({"updated_at": "9999-12-31T23:59:59-05:00"}, 7, "at `$.updated_at`"),
    ({"outputs": {}}, 7, "Expected `array | null`, got `object` - at `$.outputs`"),
    ({"outputs": [{"name": "x"}]}, 7, "missing required field `id` - at `$.outputs[0]`"),
    ({"outputs": [{"id": 1}, {"id": 1}]}, 7, "stands twice - at `$.outputs[1].id`"),
    ({"outputs": [{"id": 1}, {"id": 2, "records_count": "9"}]}, 7, "`$.outputs[1].records_count`"),
    (
        {"outputs": [{"id": 1, "component": {"fields": [1]}}]},
        7,
        "`$.outputs[0].component.fields[0]`",
    ),
    ({"cluster": {"nodes": "2"}}, 7, "at `$.cluster.nodes`"),
    ({"package": []}, 7, "at `$.package`"),
    ({"variables": "a=b"}, 7, "at `$.variables`"),
]


@pytest.mark.parametrize(
    ("fields", "job_id", "reason"), MALFORMED, ids=lambda value: str(value)[:40]
)
def test_what_is_not_as_documented_is_named_with_its_path(
    fields: dict[str, Any], job_id: int | None, reason: str
) -> None:
    with pytest.raises(RecordError) as caught:
        read(job(**fields))
    assert reason in str(caught.value)
    assert caught.value.job_id == job_id
    assert str(caught.value).startswith("a record with no id: " if job_id is None else "job 7: ")


def test_a_bad_record_spoils_no_other() -> None:
    body = json.dumps([job(), job(id=8, owner_id="x"), 5, job(id=9)]).encode()
    records = payload.read_all(payload.split(body))
    assert [(type(record), record.job_id) for record in records] == [
        (Record, 7),
        (Reject, 8),
        (Reject, None),
        (Record, 9),
    ]


@pytest.mark.parametrize("bad", [rb'"\ud800"', b"NaN", b'"\xff"', b"1e400"])
def test_what_no_database_takes_costs_only_its_own_record(bad: bytes) -> None:
    body = b'[{"id": 1}, {"id": 2, "errors": ' + bad + b'}, {"id": 3}]'
    records = payload.read_all(payload.split(body))
    assert [(type(record), record.job_id) for record in records] == [
        (Record, 1),
        (Reject, 2),
        (Record, 3),
    ]


@pytest.mark.parametrize("depth", [150, 450, 900])
def test_what_nests_too_deep_is_set_aside(depth: int) -> None:
    deep = b'{"id": 2, "variables": ' + b'{"a":' * depth + b"1" + b"}" * depth + b"}"
    records = payload.read_all(payload.split(b'[{"id": 1}, ' + deep + b"]"))
    assert [(type(record), record.job_id) for record in records][:1] == [(Record, 1)]
    assert type(records[1]) is Reject
    assert len(json.dumps(records[1].payload)) < 99


def test_a_time_past_the_calendar_is_no_place_in_a_listing() -> None:
    (record,) = payload.read_all([b'{"id": 1, "created_at": "9999-12-31T23:59:59-10:00"}'])
    assert (type(record), record.created_at) == (Reject, None)


def test_nul_characters_give_way_everywhere() -> None:
    record = read(job(errors="a\0b", variables={"x\0": ["\0"]}, new="\0"))
    assert record.job.errors == "a\N{REPLACEMENT CHARACTER}b"
    assert "\0" not in json.dumps(record.document, ensure_ascii=False)


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        (rb"\u0000", "\N{REPLACEMENT CHARACTER}"),
        (rb"\\u0000", r"\u0000"),
        (rb"\\\u0000", "\\\N{REPLACEMENT CHARACTER}"),
    ],
)
def test_a_backslash_may_be_meant(sent: bytes, read: str) -> None:
    assert payload.read(b'{"id": 1, "errors": "' + sent + b'"}').job.errors == read


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"<!DOCTYPE html><p>hello", "got HTML"),
        (b"  <html>", "got HTML"),
        (b"", "empty"),
        (b'[{"id": 1}, {"id"', "cut short or no JSON"),
        (b'{"message": "x"}', "another JSON value"),
        (b"null", "another JSON value"),
        (b"[" * 100_000, "cut short or no JSON"),
    ],
)
def test_a_page_that_is_none_is_refused(body: bytes, said: str) -> None:
    with pytest.raises(BadAnswer, match="expected a JSON array of jobs") as caught:
        payload.split(body)
    assert said in str(caught.value)


@pytest.mark.parametrize("levels", [200, 5_000, 100_000])
def test_a_record_nested_without_end_spoils_no_other(levels: int) -> None:
    deep = b'{"id": 8, "zz": ' + b"[" * levels + b"]" * levels + b"}"
    good = b'{"id": 7, "errors": "a, [b] \\" {c"}'
    found = payload.read_all(payload.split(b"[" + good + b", " + deep + b" ," + good + b"]"))
    assert [isinstance(record, Record) for record in found] == [True, False, True]
    assert found[0].job_id == 7
    odd = b'{"id": 9, "progress": NaN}'
    found = payload.read_all(payload.split(b"[" + odd + b"," + deep + b"," + good + b"]"))
    assert [isinstance(record, Record) for record in found] == [False, False, True]
    with pytest.raises(BadAnswer, match="cut short"):
        payload.split(b"[" + good + b", " + deep[:-9])
