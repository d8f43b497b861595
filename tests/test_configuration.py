"""The configuration file: where it is searched, what it may contain, and what is refused."""

import os
from pathlib import Path

import pytest

from snapshotter import logs
from snapshotter.configuration import Configuration, load, places, read
from snapshotter.errors import UsageError
from snapshotter.message_mask import Mask


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the path of the file of the working folder, which does not exist yet."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(logs, "_secrets", set())
    monkeypatch.setattr(logs, "_mask", Mask())
    return tmp_path / "snapshotter.toml"


def written(path: Path, text: str | bytes, mode: int = 0o600) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    path.chmod(mode)
    return path


def refusal(path: Path, text: str | bytes) -> str:
    """Return why a file is refused; it must be one line that names the file."""
    with pytest.raises(UsageError) as caught:
        read(written(path, text))
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    return message.replace(f"{path}: ", "")


def test_without_a_file_nothing_is_set(file: Path) -> None:
    found = load({})
    assert (found.path, found.options, found.accounts) == (None, {}, {})
    assert found.searched == (file, file.parent / "home" / "snapshotter" / "snapshotter.toml")


def test_the_nearest_file_is_used(file: Path) -> None:
    """`--config`, the variable, the working folder, the user's folder: the first that is there."""
    home = written(places()[1], "variables = 'drop'")
    assert load({}).path == home
    written(file, "variables = 'keep'")
    assert (load({}).path, load({}).options) == (file, {"variables": "keep"})
    named, other = (written(file.parent / name, "") for name in ("named.toml", "other.toml"))
    assert load({"SNAPSHOTTER_CONFIG": f" {named}\r"}).path == named
    assert load({"SNAPSHOTTER_CONFIG": str(named)}, Path("other.toml")).path == other
    assert load({"SNAPSHOTTER_CONFIG": " "}).path == file


def test_a_file_that_is_named_must_exist(file: Path) -> None:
    written(file, "")
    with pytest.raises(UsageError, match=r"--config: there is no file '.*/none.toml'"):
        load({}, Path("none.toml"))
    with pytest.raises(UsageError, match=r"SNAPSHOTTER_CONFIG: there is no file '.*/none.toml'"):
        load({"SNAPSHOTTER_CONFIG": "none.toml"})


def test_a_file_that_others_may_change_is_not_taken_from_the_working_folder(file: Path) -> None:
    """It could send the key of the environment to another service."""
    written(file, "api_url = 'https://evil.example'", 0o666)
    with pytest.raises(UsageError, match="everybody may write it; if you trust it, name it with"):
        load({})
    assert load({}, file).path == file


TEXT = """
database = "sqlite:///a.db"
[sync]
reserve_credits = 5
[accounts.acme]
api_key_file = "acme.key"
[accounts.globex]
account_id = "globex-eu"
api_key_env = "GLOBEX_KEY"
"""


@pytest.mark.parametrize(
    "data",
    [
        TEXT.encode(),
        b"\xef\xbb\xbf" + TEXT.encode(),
        TEXT.replace("\n", "\r\n").encode(),
        TEXT.encode("utf-16"),
    ],
    ids=["plain", "byte order mark", "CRLF", "UTF-16"],
)
def test_a_file_is_read(file: Path, data: bytes) -> None:
    found = read(written(file, data))
    assert found.options == {"database": "sqlite:///a.db", "sync": {"reserve_credits": 5}}
    assert found.accounts == {
        "acme": {"account_id": "acme", "api_key_file": str(file.parent / "acme.key")},
        "globex": {"account_id": "globex-eu", "api_key_env": "GLOBEX_KEY"},
    }
    assert [found.account_id(name) for name in ("acme", "globex", "other")] == [
        *("acme", "globex-eu", "other"),
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("database =", "is not valid TOML: Invalid value (at line 1, the end)"),
        ("a = 1\nb : 2", "line 2"),
        ("[accounts.x]\n[accounts.x]", "accounts.x is defined twice (at line 2, column 12)"),
        ("a = 1\na = 2\n", "a setting is defined twice (at line 2, column 6)"),
        (b"a = '\xff'", "is not UTF-8 text; save it as UTF-8"),
        (b"a = 1\0", "has NUL characters"),
        ("a = " + "[" * 100_000, "is not"),
        ("[a" + ".a" * 3_000 + "]", "is not a configuration file: it is nested too deeply"),
        ("a = " + "9" * 5_000, "has a number with too many digits"),
        ("#" * 2**20 + "#", "is too long to be a configuration file"),
        ("accounts = 3", "accounts must be tables: [accounts.NAME]"),
        ("accounts.x = 3", "accounts.x must be a table: [accounts.x]"),
        ("[accounts.x]\napi_keyfile = 'k'", "unknown setting 'api_keyfile'; did you mean"),
        ("[accounts.x]\nfoo = 'k'", "unknown setting 'foo'; known are account_id, api_url"),
        ("[accounts.x]\naccount_id = 7", "accounts.x.account_id must be a text in quotes"),
        ("[accounts.x]\napi_key_env = true", "accounts.x.api_key_env must be a text in quotes"),
        ("[accounts.x]\napi_key_env = ''", "accounts.x.api_key_env is empty"),
        ("[accounts.x]\napi_key_env='A'\napi_key_file='B'", "has several sources of the key: "),
        ("[accounts.'a b']", "accounts.a b: not a valid account id"),
        ("[accounts.x]\naccount_id='a/b'", "accounts.x.account_id: not a valid account id"),
        ("[accounts.x]\napi_url = 'ftp://x'", "accounts.x.api_url: not a base URL"),
        ("api_url = 'ftp://x'", "api_url: not a base URL"),
        ("secret_names = 3", "secret_names must be a text in quotes"),
        ("[accounts.x]\n[accounts.y]\naccount_id='x'", "accounts.x and accounts.y are the same"),
        (
            "[accounts.x]\naccount_id='z'\n[accounts.y]\naccount_id='x'",
            "accounts.x has the name of the account of accounts.y; rename it",
        ),
    ],
)
def test_what_is_refused(file: Path, text: str | bytes, expected: str) -> None:
    assert expected in refusal(file, text)


def test_one_id_at_two_services_is_two_accounts(file: Path) -> None:
    text = "[accounts.x]\n[accounts.y]\naccount_id='x'\napi_url='https://eu.example'"
    assert set(read(written(file, text)).accounts) == {"x", "y"}


def test_what_is_not_a_readable_file_is_refused(file: Path) -> None:
    file.mkdir()
    with pytest.raises(UsageError, match="is a folder; name a file"):
        load({})
    file.rmdir()
    file.symlink_to("nothing")
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        load({})


def test_a_pipe_that_is_not_named_is_not_waited_for(file: Path) -> None:
    os.mkfifo(file)
    with pytest.raises(UsageError, match="is not a regular file; if it is meant, name it"):
        load({})


def test_a_file_without_permission(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    written(file, "")
    monkeypatch.setattr(Path, "open", refuse)  # root may read everything
    with pytest.raises(UsageError, match="cannot be read: Permission denied"):
        load({})


@pytest.mark.parametrize(
    "text",
    [
        "[accounts.x]\napi_key = 'hunter2'",
        "hash_key = 'hunter2'",
        "database = 'postgresql://joe:hunter2@host/db'",
        "database = 'postgresql://host/db?sslpassword=hunter2'",
        "[sync]\nping_url = 'https://joe:hunter2@ping.example/x'",
        "[sync]\nnames = ['password=hunter2']",
        "[sync]\nreserv_credits = '--api-key hunter2'",
    ],
)
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_a_file_with_a_secret_that_others_can_read_is_refused(
    file: Path, text: str, mode: int
) -> None:
    """It is learned, too, so that no later line can show it."""
    written(file, text, mode)
    with pytest.raises(UsageError, match=rf"can be read by others .*; run chmod 600 {file}") as why:
        load({})
    assert "hunter2" not in str(why.value)
    assert logs.masked("a hunter2") == "a ***"
    file.chmod(0o400)
    assert load({}).path == file


@pytest.mark.parametrize(
    "text", ["[accounts.x]\napi_key_file = '/etc/x.key'", "database = 'postgresql://joe@host/db'"]
)
def test_a_file_without_a_secret_may_be_read_by_others(file: Path, text: str) -> None:
    written(file, text, 0o644)
    assert load({}).path == file


def test_a_pipe_has_no_mode(file: Path) -> None:
    reader, writer = os.pipe()
    os.fchmod(reader, 0o644)
    os.write(writer, b"hash_key = 'hunter2'")
    os.close(writer)
    found = load({}, Path(f"/dev/fd/{reader}"))
    os.close(reader)
    assert found.options == {"hash_key": "hunter2"}
    assert file.name not in str(found.path)


def test_settings_without_an_option_stand_for_variables(file: Path) -> None:
    text = "hash_key = 'hunter2'\nsecret_names = ['pin', 'iban']\napi_url = 'https://x.example/'"
    found = read(written(file, text))
    assert found.environment({"A": "b", "SNAPSHOTTER_HASH_KEY": "own"}) == {
        "A": "b",
        "SNAPSHOTTER_HASH_KEY": "own",
        "SNAPSHOTTER_SECRET_NAMES": "pin,iban",
        "XPLENTY_API_URL": "https://x.example",
    }
    assert Configuration().environment({"A": "b"}) == {"A": "b"}


def test_a_secret_is_not_printed_with_the_configuration(file: Path) -> None:
    found = read(written(file, "hash_key = 'hunter2'\n[accounts.x]\napi_key = 'hunter3'"))
    assert "hunter" not in repr(found)
