"""From a body to the text of its records, or to the credits that it names."""

import pytest
import requests
from clients import client
from wire import answer, serve

from snapshotter.api import decoding
from snapshotter.api.cutting import MOST_RECORDS
from snapshotter.errors import BadAnswer


@pytest.mark.parametrize("body", [b"[]", b"null", b"", b"1,2", b"{"])
def test_an_answer_that_is_not_a_job(body: bytes) -> None:
    with serve(answer(body=body)) as wire, client(wire.url) as asking, pytest.raises(BadAnswer):
        asking.job(7)


@pytest.mark.parametrize("body", [b'{"a": NaN}', b'{"limits": "\xff', b'{"limits"}'])
def test_a_budget_that_is_garbled(body: bytes) -> None:
    with (
        serve(answer(body=body)) as wire,
        client(wire.url) as asking,
        pytest.raises(BadAnswer, match="expected a JSON object"),
    ):
        asking.credits()


@pytest.mark.parametrize(
    "body",
    [
        *(b"{}", b'{"limits": 5}', b'{"limits": {"remaining": "x"}}'),
        *(b'{"a": "\xff"}', b'{"limits": {"remaining": -1, "limit": [1, 2]}}'),
    ],
)
def test_a_budget_that_is_not_a_number_is_unknown(body: bytes) -> None:
    with serve(answer(body=body)) as wire, client(wire.url) as asking:
        assert asking.credits() is None


@pytest.mark.parametrize(
    ("headers", "more"),
    [
        ({}, None),
        ({"Link": '<http://x/?offset=1>; rel="next"'}, True),
        ({"Link": '<http://x/>; rel="prev"'}, False),
        ({"Link": ""}, False),
    ],
)
def test_a_header_names_a_next_page_or_none(headers: dict[str, str], more: bool | None) -> None:  # noqa: FBT001 - a case
    response = requests.Response()
    response.headers.update(headers)
    assert decoding.page(response, b'[{"id": 1}, 2]') == ([b'{"id": 1}', b"2"], more)


def test_a_page_that_is_cut_has_more_whatever_the_header_says() -> None:
    response = requests.Response()
    response.headers["Link"] = '<http://x/>; rel="prev"'
    records, more = decoding.page(response, b"[" + b"1," * MOST_RECORDS + b"1]")
    assert (len(records), more) == (MOST_RECORDS, True)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_a_body_in_utf_8_is_read(encoding: str) -> None:
    assert decoding.record(requests.Response(), '{"a": "é"}'.encode(encoding)) == (
        '{"a": "é"}'.encode()
    )


@pytest.mark.parametrize(
    "encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"]
)
def test_a_body_in_another_encoding_is_named(encoding: str) -> None:
    said = f"in UTF-8, got a body in {encoding[:6].upper()}"
    with pytest.raises(BadAnswer, match=said):
        decoding.record(requests.Response(), '{"id": 1}'.encode(encoding))


def test_the_credits_stay_as_they_came() -> None:
    body = b'{"limits": {"limit": 5000, "remaining": "many"}, "new": 1}'
    found = decoding.budget(requests.Response(), body)
    assert (bytes(found.limit), bytes(found.remaining)) == (b"5000", b'"many"')
