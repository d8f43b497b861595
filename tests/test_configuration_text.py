"""The text of a new configuration file."""

import re
import tomllib
from pathlib import Path

import pytest

from snapshotter.configuration import read
from snapshotter.configuration_text import SOURCES, NewAccount, default_place, quoted, text
from snapshotter.settings import Key

ACCOUNTS = [
    NewAccount("acme", "file", "acme.key", Key("hunter2")),
    NewAccount("a.b~c", "env", "A_B_C_API_KEY", Key("hunter2"), "https://eu.example"),
    NewAccount("c", "credential", "c", Key("hunter2")),
    NewAccount("d", "keyring", "snapshotter", Key("hunter2")),
]


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "snapshotter.toml"
    path.write_text(text('sqlite:///a "b".db', ACCOUNTS))
    found = read(path)
    assert found.options["database"] == 'sqlite:///a "b".db'
    assert found.accounts == {
        "acme": {"account_id": "acme", "api_key_file": str(tmp_path / "acme.key")},
        "a.b~c": {
            "account_id": "a.b~c",
            "api_key_env": "A_B_C_API_KEY",
            "api_url": "https://eu.example",
        },
        "c": {"account_id": "c", "api_key_credential": "c"},
        "d": {"account_id": "d", "api_key_keyring": "snapshotter"},
    }


def test_no_key_is_in_it() -> None:
    assert "hunter2" not in text("x", ACCOUNTS)
    assert "hunter2" not in repr(ACCOUNTS)


def test_what_the_comments_propose_is_valid() -> None:
    """Each setting that a comment shows can be uncommented."""
    proposed = re.sub(r"(?m)^# (\w+ = )", r"\1", text("x", ACCOUNTS))
    found = tomllib.loads(proposed)
    assert {"variables", "sync", "status"} <= {*found}
    assert {*found["sync"]} == {"reserve_credits", "parallel", "ping_url"}
    assert {*found["status"]} == {"max_age"}


@pytest.mark.parametrize("value", ["a", 'a"b', "a\\b", "a\nb\x00\x7f", "\u00e9\U0001f600"])
def test_a_text_is_quoted(value: str) -> None:
    assert tomllib.loads(f"a = {quoted(value)}") == {"a": value}


def test_where_a_key_is_kept() -> None:
    assert [default_place("my-acct.eu", source) for source in SOURCES] == [
        "my-acct.eu.key",
        "MY_ACCT_EU_API_KEY",
        "my-acct.eu",
        "snapshotter",
    ]
