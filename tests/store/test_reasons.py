"""What reasons of one kind have in common, and one line for each kind."""

import pytest

from snapshotter.store import reasons

REASONS = [
    (
        "job 7: Output 70 is job 9's - at `$.outputs[1].id`",
        "Output … is job …'s - at `$.outputs[…].id`",
    ),
    ("a record with no id: Expected `object`, got `int`", "Expected `object`, got `int`"),
    (
        (
            "job -3: the database refuses it: (1366, \"Wrong string: '\\xF0\\x9F' for column "
            '`x`.`jobs`.`errors` at row 12")'
        ),
        (
            "the database refuses it: (…, \"Wrong string: '…' for column "
            '`x`.`jobs`.`errors` at row …")'
        ),
    ),
    (
        'job 1: character with byte sequence 0xf0 0x9f 0x93 in encoding "UTF8"',
        'character with byte sequence … in encoding "UTF8"',
    ),
    (
        "job 8: GET http://127.0.0.1:4711/acme/api/jobs/8: the API answered 500 (oops)",
        "GET http://…:…/acme/api/jobs/…: the API answered 500 (oops)",
    ),
]


@pytest.mark.parametrize(("reason", "group"), REASONS)
def test_what_reasons_have_in_common(reason: str, group: str) -> None:
    assert reasons.group_of(reason) == group
