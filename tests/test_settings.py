from pathlib import Path

import pytest

from snapshotter.errors import UsageError
from snapshotter.settings import DEFAULT_API_URL, Key, Privacy, Variables, privacy, service

GOOD = {"XPLENTY_ACCOUNT_ID": "acme", "XPLENTY_API_KEY": "s3cr3t"}


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
def test_a_service_of_ones_own(url: str) -> None:
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
def test_what_cannot_be_is_one_line(change: dict[str, str], said: str) -> None:
    with pytest.raises(UsageError) as caught:
        service({**GOOD, **change})
    assert said in str(caught.value)
    assert "s3cr3t" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_key_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="No such file"):
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
        ({}, "hash", "no key to hash by; set SNAPSHOTTER_HASH_KEY to a long random text"),
        ({"SNAPSHOTTER_HASH_KEY": " "}, "hash", "no key to hash by"),
    ],
)
def test_privacy_that_cannot_be_is_one_line(
    environment: dict[str, str], variables: str, said: str
) -> None:
    with pytest.raises(UsageError) as caught:
        privacy(environment, variables)
    assert said in str(caught.value)
    assert "s3cr3t" not in str(caught.value)
    assert "\n" not in str(caught.value)
