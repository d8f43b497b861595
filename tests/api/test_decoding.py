"""From a body to the text of its records, or to the credits that it names."""

import pytest
from clients import client
from wire import answer, serve

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
