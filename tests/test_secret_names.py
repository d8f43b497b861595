"""Which names hide their values, and which look like those but do not."""

import pytest

from snapshotter.redact import Redaction

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
