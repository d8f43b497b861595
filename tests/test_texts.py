"""Text as people write it: what is stripped, decoded and suggested."""

import pytest

from snapshotter.errors import UsageError
from snapshotter.texts import (
    cleaned,
    counted,
    decoded,
    in_megabytes,
    nearest,
    no_account,
    suggestion,
)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("acme", "acme"),
        (" acme\r\n", "acme"),
        ("\ufeff\tacme\0", "acme"),
        ("\xa0a b\xa0", "a b"),
        (" \r\n", ""),
        ("", ""),
    ],
)
def test_a_setting_loses_what_is_around_it_and_nothing_else(value: str, expected: str) -> None:
    assert cleaned(value) == expected


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_file_is_decoded_without_its_byte_order_mark(encoding: str) -> None:
    assert decoded("caf\xe9\n".encode(encoding), "x.txt") == "caf\xe9\n"
    assert decoded(b"", "x.txt") == ""


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"caf\xe9", "x.txt is not UTF-8 text; save it as UTF-8"),
        (b"\xff\xfea", "x.txt is not UTF-8 text"),  # half a character of UTF-16
        ("ab".encode("utf-16-le"), "x.txt has NUL characters"),
        (b"a\0b", "x.txt has NUL characters"),
    ],
)
def test_a_file_in_another_encoding_is_named(data: bytes, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        decoded(data, "x.txt")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("jbos", "; did you mean 'jobs'?"),
        ("JOBS", "; did you mean 'jobs'?"),
        ("account", "; did you mean 'Accounts'?"),
        ("nonsense", ""),
        ("", ""),
    ],
)
def test_the_most_similar_name_is_suggested(name: str, expected: str) -> None:
    assert nearest(name, ["jobs", "Accounts", "calendar"]) == expected
    assert nearest(name, []) == ""


@pytest.mark.parametrize(
    ("number", "expected"), [(0, "0 jobs"), (1, "1 job"), (2, "2 jobs"), (2_000, "2,000 jobs")]
)
def test_a_number_agrees_with_its_noun(number: int, expected: str) -> None:
    assert counted(number, "job") == expected


def test_an_unknown_account_is_named_with_a_similar_one() -> None:
    message = "no account 'acmee' in this database"
    assert no_account("acmee", ["acme", "beta"]) == f"{message}; did you mean 'acme'?"
    assert no_account("acmee", []) == f"{message}; 'snapshotter accounts' lists them"


def test_a_size_is_in_megabytes() -> None:
    assert (in_megabytes(0), in_megabytes(1_234_567_890)) == ("0.0 MB", "1,234.6 MB")


def test_an_unknown_name_gets_the_nearest_or_all() -> None:
    assert suggestion("faild", ["failed", "idle"]) == "; did you mean 'failed'?"
    assert suggestion("xyz", ["failed", "idle", "failed"]) == "; known are failed, idle"
