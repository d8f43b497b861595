"""Which names hide their values, and which look like those but do not."""

import pytest

from snapshotter.redact import Redaction
from snapshotter.secret_names import SecretNames

SECRET = "hunter2-7f3a"


@pytest.mark.parametrize(
    "name", ["pw", "DB_PW", "pass", "dbPass", "PASS2", "bearer", "sig", "x-sig"]
)
def test_variables_are_hidden_by_whole_words_too(name: str) -> None:
    assert Redaction().variables({name: SECRET}) == {name: "***"}


@pytest.mark.parametrize(
    "name", ["compass", "design", "passed_rows", "signal", "passengers", "bearers", "bypass"]
)
def test_variables_with_other_words_stay(name: str) -> None:
    assert Redaction().variables({name: "1"}) == {name: "1"}


@pytest.mark.parametrize("name", ["password", "DB_PASSWORD", "apiKey", "tokens", "x-auth", "dsn"])
def test_a_secret_part_hides_a_name_in_any_case(name: str) -> None:
    assert SecretNames().hides(name)
    assert SecretNames().hides(name.swapcase())


@pytest.mark.parametrize(
    ("name", "is_secret"),
    [
        ("password", True),
        ("db_pw", True),
        ("secret_key", True),
        ("api-key", True),
        ("token", True),
        ("auth", True),
        ("primary_key", False),
        ("key", False),
        ("token_count", False),
        ("PasswordExpiredException", False),
    ],
)
def test_in_free_text_fewer_names_are_secret(name: str, is_secret: bool) -> None:  # noqa: FBT001 - a case
    assert SecretNames().hides_assigned(name) is is_secret


def test_more_parts_hide_more_names() -> None:
    names = SecretNames(["IBAN", ""])
    assert names.hides("my_iban")
    assert names.hides_assigned("iban_of_joe")
    assert not names.hides("day")
    assert not SecretNames().hides("my_iban")


def test_a_very_long_name_is_searched_too() -> None:
    assert SecretNames().hides("x" * 1_000 + "PassWord")
    assert SecretNames().hides_assigned("x" * 1_000 + "PassWord")
    assert SecretNames().hides("x" * 1_000 + "_pw")
    assert not SecretNames().hides("x" * 1_000)
