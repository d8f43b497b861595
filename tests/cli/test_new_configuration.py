"""What `init` tests and writes; the whole of it is in test_init_command."""

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from snapshotter.cli.new_configuration import (
    KeyPlace,
    key_at_hand,
    next_steps,
    portable,
    replaced,
    try_database,
    write,
)
from snapshotter.configuration_text import NewAccount
from snapshotter.errors import UsageError
from snapshotter.settings import Key
from snapshotter.store.revisions import head


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / "etc" / "snapshotter.toml"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("sqlite:///a.db", "sqlite:///{here}/a.db"),
        ("sqlite:///etc/a.db", "sqlite:///a.db"),
        ("sqlite:////a.db", "sqlite:////a.db"),
        ("sqlite:///:memory:", "sqlite:///:memory:"),
        ("postgresql://h/d", "postgresql://h/d"),
    ],
)
def test_a_database_is_the_same_from_any_folder(file: Path, url: str, expected: str) -> None:
    assert portable(url, file) == expected.format(here=file.parent.parent)


def test_a_database_that_does_not_exist_is_not_created(tmp_path: Path) -> None:
    path = tmp_path / "new.db"
    assert try_database(f"sqlite:///{path}").endswith("will be created by the first run")
    assert not path.exists()


def test_a_url_that_sync_would_refuse_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no options after '\?'"):
        try_database(f"sqlite:///{tmp_path}/new.db?timeout=5")


def test_a_database_with_tables(database_url: str) -> None:
    assert try_database(database_url).endswith(f": at revision {head()}")


@pytest.mark.parametrize("empty_database_url", ["postgresql", "mariadb"], indirect=True)
def test_a_database_without_tables_stays_so(empty_database_url: str) -> None:
    for _ in range(2):
        assert try_database(empty_database_url).endswith(": empty")


def keyring_of(entries: dict[tuple[str, str], str]) -> SimpleNamespace:
    def keep(service: str, user: str, secret: str) -> None:
        entries[service, user] = secret

    return SimpleNamespace(
        get_password=lambda service, user: entries.get((service, user)), set_password=keep
    )


def test_a_key_is_stored_in_the_keyring(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entries: dict[tuple[str, str], str] = {}
    monkeypatch.setitem(sys.modules, "keyring", keyring_of(entries))
    wanted = KeyPlace("acme", "keyring", "snapshotter")
    assert key_at_hand(wanted, file, is_only=True) is None
    account = NewAccount("acme", "keyring", "snapshotter", Key("s3cr3t"))
    assert write(file, "sqlite:////a.db", [account]) == [file]
    assert entries == {("snapshotter", "acme"): "s3cr3t"}
    assert "s3cr3t" not in file.read_text()
    assert key_at_hand(wanted, file, is_only=True) == ("snapshotter", Key("s3cr3t"))


def test_a_keyring_that_cannot_be_used(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    account = NewAccount("acme", "keyring", "snapshotter", Key("s3cr3t"))
    for library, expected in ((None, "needs the extra"), (SimpleNamespace(), "AttributeError")):
        monkeypatch.setitem(sys.modules, "keyring", library)
        with pytest.raises(UsageError, match=expected):
            write(file, "sqlite:////a.db", [account])
    assert not file.exists()


def test_what_would_be_replaced(file: Path) -> None:
    account = NewAccount("acme", "file", "acme.key", Key("s3cr3t"))
    assert replaced(file, [account]) == []
    write(file, "sqlite:////a.db", [account])
    assert replaced(file, [account]) == [file]
    other = NewAccount("acme", "file", "acme.key", Key("another"))
    assert replaced(file, [other]) == [file, file.with_name("acme.key")]


def test_the_next_steps_name_a_file_that_is_not_found_by_itself(file: Path) -> None:
    here = Path("snapshotter.toml").absolute()
    assert next_steps(here, [])[0] == "next: snapshotter sync"
    assert next_steps(file, [])[0] == f"next: snapshotter sync --config {file}"
