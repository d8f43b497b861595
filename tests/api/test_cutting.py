"""Bodies cut into records: which are taken, which are refused, and how long it takes."""

import json
import time
from datetime import UTC, datetime

import pytest
from clock import Impatient
from samples import job
from wire import answer, serve

from snapshotter.api.client import Client
from snapshotter.api.cutting import MAX_VALUES, MOST_RECORDS, holds_too_much, only, split
from snapshotter.api.records import Record, Reject, read_all
from snapshotter.errors import BadAnswer
from snapshotter.settings import Key, Service


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"<!DOCTYPE html><p>hello", "got HTML"),
        (b"  <html>", "got HTML"),
        (b"", "empty"),
        (b'[{"id": 1}, {"id"', "cut short or not JSON"),
        (b'{"message": "x"}', "another JSON value"),
        (b"null", "another JSON value"),
        (b"[" * 100_000, "cut short or not JSON"),
    ],
)
def test_what_is_not_a_page_is_refused(body: bytes, said: str) -> None:
    with pytest.raises(BadAnswer, match="expected a JSON array of jobs") as caught:
        split(body)
    assert said in str(caught.value)


@pytest.mark.slow
@pytest.mark.parametrize("body", [b"[" * 3000 + b'"', b"[" * 3000, b'[{"a": "', b"[1", b'["'])
def test_the_work_on_a_body_that_is_not_json_grows_with_its_length_alone(body: bytes) -> None:
    """The time of twice as much is compared, generously: what goes back and forth takes 4 times."""

    def seconds(times: int) -> float:
        began = time.process_time()
        with pytest.raises(BadAnswer):
            split(body + rb"\"" * times)
        read_all([body + rb"\"" * times])
        return time.process_time() - began

    once = min(seconds(2**19) for _ in range(2))
    assert seconds(2**20) < 3 * once + 1


@pytest.mark.parametrize("end", [b"1]", b" " * 2**20 + b"1]", b"NaN]", b"1," * MAX_VALUES + b"1]"])
def test_of_a_page_of_too_many_records_the_first_are_taken(end: bytes) -> None:
    assert split(b"[" + b"1," * (MOST_RECORDS - 1) + b"1]") == ([b"1"] * MOST_RECORDS, False)
    assert split(b"[" + b"1," * MOST_RECORDS + end) == ([b"1"] * MOST_RECORDS, True)
    assert split(b"[1,2,3]", most=2) == ([b"1", b"2"], True)


@pytest.mark.slow
def test_of_a_page_of_too_many_values_the_first_are_taken_and_such_a_record_is_set_aside() -> None:
    heavy = (
        b'{"new": [' + b"{}," * MAX_VALUES + b'1], "id": 8, "created_at": "2026-01-02T03:04:05Z"}'
    )
    assert split(b'[{"id": 7},' + heavy + b"]") == ([b'{"id": 7}'], True)
    with pytest.raises(BadAnswer, match="over 500,000 values"):
        split(b"[" + heavy + b',{"id": 7}]')
    (found,) = read_all(split(b"[" + heavy + b"]")[0])
    assert found == Reject(
        8,
        datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        "job 8: it has over 500,000 values, too many to read",
        {"id": 8, "created_at": "2026-01-02T03:04:05Z"},
    )
    (found,) = read_all([heavy.replace(b'"created_at": "', b'"created_at": "\t')])
    assert (type(found), found.job_id) == (Reject, None)


def test_commas_in_text_are_not_values() -> None:
    long = {"id": 8, "errors": "a, b {c} [d]" * (MAX_VALUES // 2)}
    body = json.dumps([job(), long]).encode()
    assert [record.job_id for record in read_all(split(body)[0])] == [7, 8]
    (found,) = read_all([json.dumps(long).encode()])
    assert isinstance(found, Record)
    assert found.job.errors == long["errors"]


@pytest.mark.parametrize("body", [b'[{"id": 1}]', b'[{"id": 1, "errors": "\t"}]'])
def test_a_byte_order_mark_is_not_part_of_the_answer(body: bytes) -> None:
    assert len(split(b"\xef\xbb\xbf" + body)[0]) == 1
    assert only(b"\xef\xbb\xbf" + body[1:-1]) == body[1:-1]


@pytest.mark.parametrize("end", [b"x", b"]", b"}", b", 1]", b'"'])
def test_more_than_a_list_is_not_a_page(end: bytes) -> None:
    with pytest.raises(BadAnswer, match="expected a JSON array of jobs"):
        split(b'[{"id": 1}]' + end)
    with pytest.raises(BadAnswer, match="expected a JSON object"):
        only(b'{"id": 1}' + end)


@pytest.mark.parametrize("levels", [200, 5_000, 100_000])
def test_a_record_nested_without_end_spoils_no_other(levels: int) -> None:
    deep = b'{"id": 8, "zz": ' + b"[" * levels + b"]" * levels + b"}"
    good = b'{"id": 7, "errors": "a, [b] \\" {c"}'
    odd = b'{"id": 9, "progress": NaN}'
    for first in (good, odd):
        found = read_all(split(b"[" + first + b", " + deep + b" ," + good + b"]")[0])
        assert [isinstance(record, Record) for record in found] == [True, True, True]
        assert [record.job_id for record in found[1:]] == [8, 7]
    with pytest.raises(BadAnswer, match="cut short"):
        split(b"[" + good + b", " + deep[:-9])
    (cut,) = read_all([deep[:-9]])
    assert (type(cut), cut.job_id) == (Reject, 8)


def test_a_job_of_too_many_values_is_set_aside_with_its_id() -> None:
    body = b'{"id":7,"x":[' + b"{}," * 2**21 + b"1]}"
    with serve(answer(body=body)) as wire:
        service = Service("acme", Key("s3cr3t"), wire.url, 20.0)
        found = Client(service, clock=Impatient()).job(7)
    assert isinstance(found, Reject)
    assert found.reason == "job 7: it has over 500,000 values, too many to read"


def test_a_page_of_too_many_records_is_read_in_parts() -> None:
    page = b"[" + b",".join(b'{"id":%d,"status":"x"}' % n for n in range(1, 250_001)) + b"]"
    with serve(answer(body=page)) as wire:
        service = Service("acme", Key("s3cr3t"), wire.url, 20.0)
        listed = Client(service, clock=Impatient()).page(0)
    assert [r.job_id for r in listed.records] == list(range(1, 1001))
    assert listed.more


@pytest.mark.parametrize(
    ("body", "records"),
    [
        (b"[]", []),
        (b' [ {"a": [1, 2]} , "x,y" ,3 ] ', [b'{"a": [1, 2]}', b'"x,y"', b"3"]),
        (b'[{"a": NaN}, {"b": "[,]"}]', [b'{"a": NaN}', b'{"b": "[,]"}']),
        (b'[{"a": "\t"},]', [b'{"a": "\t"}']),
    ],
)
def test_a_page_is_cut_into_its_records_unread(body: bytes, records: list[bytes]) -> None:
    assert split(body) == (records, False)


def test_values_are_counted_outside_of_text() -> None:
    assert not holds_too_much(b"[1,2,3]")
    assert not holds_too_much(b'["' + b"," * (3 * MAX_VALUES) + b'"]')
    assert holds_too_much(b"[" + b"[]," * MAX_VALUES + b"1]")
