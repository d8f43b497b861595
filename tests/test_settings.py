from pathlib import Path

import pytest

from snapshotter.configuration import Configuration
from snapshotter.configured_accounts import accounts
from snapshotter.errors import UsageError
from snapshotter.settings import DEFAULT_API_URL, Key, Privacy, Service, Variables, privacy

GOOD = {"XPLENTY_ACCOUNT_ID": "acme", "XPLENTY_API_KEY": "s3cr3t"}


def service(environment: dict[str, str], key_file: Path | None = None) -> Service:
    """Return the account of the environment, without a configuration file."""
    (account,) = accounts(environment, Configuration(), key_file=key_file)
    return account.service()


def test_the_service_by_its_variables() -> None:
    found = service(GOOD)
    assert (found.account_id, found.key.secret, found.api_url) == (
        "acme",
        "s3cr3t",
        DEFAULT_API_URL,
    )


def test_the_key_never_prints() -> None:
    found = service(GOOD)
    assert "s3cr3t" not in f"{found!r} {found} {found.key} {Key('s3cr3t')!r}"


def test_the_key_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("from-file\n")
    assert service(GOOD, file).key.secret == "from-file"


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:8080/", "http://localhost", "http://[::1]:1", "https://x.example/base"],
)
def test_a_service_at_another_url(url: str) -> None:
    assert service({**GOOD, "XPLENTY_API_URL": url}).api_url == url.rstrip("/")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"XPLENTY_ACCOUNT_ID": ""}, "XPLENTY_ACCOUNT_ID"),
        ({"XPLENTY_ACCOUNT_ID": "a/b"}, "not a valid account id"),
        ({"XPLENTY_ACCOUNT_ID": ".."}, "not a valid account id"),
        ({"XPLENTY_API_KEY": " "}, "XPLENTY_API_KEY"),
        ({"XPLENTY_API_KEY": "s3cr3t\nx"}, "not a valid API key"),
        ({"XPLENTY_API_URL": "http://api.xplenty.com"}, "in clear"),
        ({"XPLENTY_API_URL": "http://127.0.0.1.evil.example"}, "in clear"),
        ({"XPLENTY_API_URL": "ftp://x"}, "not a base URL"),
        ({"XPLENTY_API_URL": "https://u:p@x"}, "leave user and password out"),
        ({"XPLENTY_API_URL": "https://x:port"}, "not a URL"),
        ({"XPLENTY_API_URL": "api.xplenty.com"}, "not a base URL"),
        ({"XPLENTY_API_URL": "https://api..xplenty.com"}, "not a host name"),
        ({"XPLENTY_API_URL": f"https://{'a' * 64}.com"}, "not a host name"),
        ({"XPLENTY_API_URL": "https://a b"}, "not a host name"),
    ],
)
def test_a_setting_that_is_not_valid_gets_one_line(change: dict[str, str], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        service({**GOOD, **change})
    assert said in str(caught.value)
    assert "s3cr3t" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_key_file_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no such file"):
        service(GOOD, tmp_path / "nothing")


HASH_KEY = {"SNAPSHOTTER_HASH_KEY": " sixteen-or-more- "}


@pytest.mark.parametrize("variables", ["mask", "keep", "drop"])
def test_the_hash_key_is_read_only_to_hash_by(variables: Variables) -> None:
    assert privacy(HASH_KEY, variables) == Privacy(variables)
    assert privacy({"SNAPSHOTTER_HASH_KEY": "short"}, variables).hash_key is None
    assert privacy(HASH_KEY, "hash") == Privacy("hash", (), Key("sixteen-or-more-"))


def test_more_names_that_look_secret() -> None:
    found = privacy({"SNAPSHOTTER_SECRET_NAMES": " pin, Kennwort,, a b ,"}, "mask")
    assert found == Privacy("mask", ("pin", "Kennwort", "a b"))


def test_the_hash_key_never_prints() -> None:
    found = privacy(HASH_KEY, "hash")
    assert "sixteen" not in f"{found!r} {found} {found.hash_key}"


@pytest.mark.parametrize(
    ("environment", "variables", "said"),
    [
        ({}, "hide", "--variables (SNAPSHOTTER_VARIABLES) is not mask, hash, keep or drop"),
        ({}, "hash", "no key for the hashes; set SNAPSHOTTER_HASH_KEY to a long random text"),
        ({"SNAPSHOTTER_HASH_KEY": " "}, "hash", "no key for the hashes"),
    ],
)
def test_privacy_that_is_not_valid_gets_one_line(
    environment: dict[str, str], variables: str, said: str
) -> None:
    with pytest.raises(UsageError) as caught:
        privacy(environment, variables)
    assert said in str(caught.value)
    assert "s3cr3t" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("around", ["\r", "\ufeff", " \t", "\xa0", "\r\n"])
def test_white_space_around_a_value_is_dropped(around: str, tmp_path: Path) -> None:
    strayed = {name: f"{around}{value}{around}" for name, value in GOOD.items()}
    strayed["XPLENTY_API_URL"] = f"https://x.example/{around}"
    found = service(strayed)
    assert (found.account_id, found.key.secret) == ("acme", "s3cr3t")
    assert found.api_url == "https://x.example"
    file = tmp_path / "key"
    file.write_text(f"\ufefffrom-file{around}", encoding="utf-8")
    file.chmod(0o600)
    assert service(strayed, file).key.secret == "from-file"
    assert privacy({"SNAPSHOTTER_SECRET_NAMES": f"pin,kennwort{around}"}, "mask").secret_names == (
        "pin",
        "kennwort",
    )


@pytest.mark.parametrize("name", ["XPLENTY_API_URL", "XPLENTY_ACCOUNT_ID", "XPLENTY_API_KEY"])
@pytest.mark.parametrize(
    "pasted",
    [
        "hunter2:",
        "https://hunter2 x",
        "http://hunter2.example",
        "https://x/?hunter2",
        "ftp://hunter2",
    ],
)
def test_a_value_is_never_quoted(name: str, pasted: str) -> None:
    with pytest.raises(UsageError) as caught:
        service({**GOOD, name: pasted})
    assert "hunter2" not in str(caught.value)
    assert name in str(caught.value)


@pytest.mark.parametrize("empty", ["", " ", "\r", "\ufeff"])
def test_an_empty_variable_is_not_set(empty: str) -> None:
    assert service({**GOOD, "XPLENTY_API_URL": empty}).api_url == DEFAULT_API_URL
    with pytest.raises(UsageError, match="no API key"):
        service({**GOOD, "XPLENTY_API_KEY": empty})


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf\r\n", "is empty"),
        (b"one\ntwo\n", "has 2 lines"),
        ("key".encode("utf-16-le"), "has NUL characters; save it as UTF-8 text"),
        (b"\xff\xfek", "is not UTF-8 text"),
        (b"k\xe9y", "is not UTF-8 text"),
        (b"k" * 100_000, "is too long"),
    ],
)
def test_a_key_file_that_is_not_valid(tmp_path: Path, content: bytes, said: str) -> None:
    file = tmp_path / "key"
    file.write_bytes(content)
    file.chmod(0o600)
    with pytest.raises(UsageError, match=said) as caught:
        service(GOOD, file)
    assert str(file) in str(caught.value)
    with pytest.raises(UsageError, match="Is a directory"):
        service(GOOD, tmp_path)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_key_file_as_editors_save_it(tmp_path: Path, encoding: str) -> None:
    file = tmp_path / "key"
    file.write_bytes("from-file\r\n".encode(encoding))
    file.chmod(0o600)
    assert service(GOOD, file).key.secret == "from-file"


@pytest.mark.parametrize(("mode", "warnings"), [(0o600, 0), (0o400, 0), (0o640, 1), (0o604, 1)])
def test_a_key_file_that_others_can_read(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, mode: int, warnings: int
) -> None:
    file = tmp_path / "key"
    file.write_text("from-file\n")
    file.chmod(mode)
    assert service(GOOD, file).key.source == f"--api-key-file {str(file)!r}"
    assert len(caplog.records) == warnings
    if warnings:
        said = f"{str(file)!r} can be read by others (mode {mode:04o}); run chmod 600 {file}"
        assert caplog.messages == [f"--api-key-file {said}"]
