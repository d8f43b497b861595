"""Where an account's key is read from, and what is printed if there is none."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from snapshotter.errors import UsageError
from snapshotter.key_sources import KeySource

WHERE = "accounts.acme"


def source(kind: str, value: str) -> KeySource:
    return KeySource(kind, value, f"{WHERE}.{kind}", "acme")


def refusal(kind: str, value: str, **environment: str) -> str:
    with pytest.raises(UsageError) as caught:
        source(kind, value).read(environment)
    assert str(caught.value).startswith(WHERE)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_key_of_a_variable() -> None:
    found = source("api_key_env", "ACME_KEY").read({"ACME_KEY": " s3cr3t\r"})
    assert (found.secret, found.source) == ("s3cr3t", "ACME_KEY")
    assert "the variable ACME_KEY is not set" in refusal("api_key_env", "ACME_KEY", ACME_KEY=" ")


def test_a_key_in_the_place_of_its_variable_is_not_quoted() -> None:
    for key in ("hunter2", "HUNTER2", "Hunter_2"):
        expected = refusal("api_key_env", key)
        assert "the variable that it names is not set" in expected
        assert key not in expected


def test_a_key_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("s3cr3t\n")
    path.chmod(0o600)
    found = source("api_key_file", str(path)).read({})
    assert (found.secret, found.source) == ("s3cr3t", f"{WHERE}.api_key_file '{path}'")
    path.write_text(" \n")
    assert "is empty; put the API key into it" in refusal("api_key_file", str(path))
    path.unlink()
    assert str(path) not in refusal("api_key_file", str(path))


def test_a_key_of_systemd(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "acme"
    path.write_text("s3cr3t")
    path.chmod(0o440)  # systemd grants access by a list, whose mask the group's bits show
    here = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    assert source("api_key_credential", "acme").read(here).secret == "s3cr3t"
    assert not caplog.messages
    assert "CREDENTIALS_DIRECTORY is not set" in refusal("api_key_credential", "acme")
    assert "elsewhere, set it to the folder of FILE" in refusal("api_key_credential", "acme")
    assert "passed no such credential" in refusal("api_key_credential", "other", **here)
    for name in ("../acme", "..", "a/b", ""):
        assert "not the name of a credential" in refusal("api_key_credential", name, **here)


def keyring_of(entries: dict[tuple[str, str], str]) -> SimpleNamespace:
    return SimpleNamespace(get_password=lambda service, user: entries.get((service, user)))


def test_a_key_of_a_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", keyring_of({("snapshotter", "acme"): "s3cr3t"}))
    assert source("api_key_keyring", "snapshotter").read({}).secret == "s3cr3t"
    expected = refusal("api_key_keyring", "hunter2")
    assert "has no such entry; store the key with: keyring set SERVICE acme" in expected
    assert "hunter2" not in expected


def test_a_keyring_that_cannot_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real library, of which the tests' host has no backend."""
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
    import keyring  # noqa: PLC0415 - it reads the variable when it is imported

    keyring.core.init_backend()
    expected = refusal("api_key_keyring", "snapshotter")
    assert "the keyring cannot be read (NoKeyringError); unlock it" in expected


def test_a_keyring_without_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    assert "pip install 'xplenty-snapshotter[keyring]'" in refusal("api_key_keyring", "snapshotter")


def test_a_key_in_the_file() -> None:
    assert source("api_key", " s3cr3t ").read({}).secret == "s3cr3t"
    assert "not a valid API key" in refusal("api_key", "hunter 2")
    assert "hunter" not in refusal("api_key", "hunter 2")
    assert "s3cr3t" not in repr(source("api_key", "s3cr3t"))


def test_no_source() -> None:
    with pytest.raises(UsageError, match=r"accounts.acme: no source of .* add one of"):
        KeySource("", "", WHERE).read({"XPLENTY_API_KEY": "s3cr3t"})
