"""What reasons of one kind have in common, and one line for each kind."""

import pytest

from snapshotter.store import reject_reasons

REASONS = [
    (
        "job 7: output 70 already belongs to job 9, at `$.outputs[1].id`",
        "output … already belongs to job …, at `$.outputs[…].id`",
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
    assert reject_reasons.group_of(reason) == group


def test_one_line_for_each_kind_of_reason() -> None:
    aside = [
        (1, "job 1: Expected `int` at line 3"),
        (None, "a record with no id: Expected `int` at line 4"),
        (7, "job 7: another"),
        *((n, f"job {n}: Expected `int` at line {n}") for n in range(2, 7)),
    ]
    assert reject_reasons.lines(aside) == [
        "7 records: Expected `int` at line … (jobs 1, 2, 3, 4, 5, …)",
        "job 7: another",
    ]


def test_records_without_an_id_are_counted_alone() -> None:
    assert reject_reasons.lines([(None, "got `null`")] * 2) == ["2 records: got `null`"]
    assert reject_reasons.lines([]) == []
