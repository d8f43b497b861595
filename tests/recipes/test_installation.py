"""What a recipe learns about this installation, and what of a database's URL it may print."""

import sys
import sysconfig
from pathlib import Path

import pytest

from snapshotter.configuration import Configuration
from snapshotter.errors import UsageError
from snapshotter.recipes.installation import (
    DatabaseLocation,
    Installation,
    database,
    this_installation,
)


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("sqlite:///a.db", DatabaseLocation("sqlite:///a.db", folder=".")),
        ("sqlite:////var/lib/a.db", DatabaseLocation("sqlite:////var/lib/a.db", folder="/var/lib")),
        ("postgresql://joe@h/x", DatabaseLocation("postgresql://joe@h/x")),
        ("postgresql://joe:hunter2@h/x", DatabaseLocation(is_secret=True)),
        ("postgresql://joe@h/x?sslpassword=hunter2", DatabaseLocation(is_secret=True)),
        ("mysql://joe:hunter2@h/x", DatabaseLocation(is_secret=True)),
    ],
)
def test_only_a_url_without_secrets_is_printed(
    url: str, expected: DatabaseLocation, tmp_path: Path
) -> None:
    if expected.folder == ".":
        expected = DatabaseLocation(expected.url, folder=str(tmp_path))
    assert database(url, is_given=True) == expected
    assert database(url, is_given=False) == DatabaseLocation(folder=expected.folder)


@pytest.mark.parametrize(("accounts", "expected"), [(1, "50m"), (3, "16m"), (20, "2m"), (99, "1m")])
def test_accounts_share_the_time_of_a_run(accounts: int, expected: str) -> None:
    configuration = Configuration(accounts={str(each): {} for each in range(accounts)})
    assert this_installation(DatabaseLocation(), configuration).max_time == expected


def test_paths_are_plain(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    found = this_installation(
        database("sqlite:///etc/../a.db", is_given=False), Configuration(Path("etc/../etc/s.toml"))
    )
    assert found.configuration == str(tmp_path / "etc" / "s.toml")
    assert found.database.folder == str(tmp_path)


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
def test_a_database_in_memory_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="in memory"):
        database(url, is_given=True)


def test_the_program_is_named_as_it_was_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A link, as pipx makes one, stays when the environment behind it is replaced."""
    link = tmp_path / "snapshotter"
    link.symlink_to("/bin/true")
    monkeypatch.setattr(sys, "argv", ["./snapshotter"])
    assert this_installation(DatabaseLocation(), Configuration()).program == (str(link),)


def test_a_program_without_a_script_is_started_as_a_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["/x/snapshotter/__main__.py"])
    monkeypatch.setattr(sysconfig, "get_path", lambda _: str(tmp_path))
    assert this_installation(DatabaseLocation(), Configuration()).program == (
        sys.executable,
        "-m",
        "snapshotter",
    )


def test_the_words_of_a_command() -> None:
    here = Installation(
        ("/bin/snapshotter",), "/srv", "joe", DatabaseLocation("sqlite:///a.db"), "/etc/s.toml"
    )
    assert here.command("sync", "--quiet") == [
        *("/bin/snapshotter", "sync", "--quiet"),
        *("--config", "/etc/s.toml", "--database", "sqlite:///a.db"),
    ]
    bare = Installation(("/bin/snapshotter",), "/srv", "joe", DatabaseLocation())
    assert bare.command("sync") == ["/bin/snapshotter", "sync"]


def test_what_is_written_and_what_a_container_needs() -> None:
    here = Installation(("/x",), "/srv", "joe", DatabaseLocation(folder="/data"), "/etc/s.toml")
    assert here.folders == ["/srv", "/data"]
    assert here.mounts == ["/srv", "/data", "/etc/s.toml"]
    inside = Installation(("/x",), "/srv", "joe", DatabaseLocation(folder="/srv"), "/srv/s.toml")
    assert inside.mounts == ["/srv"]
    beside = Installation(("/x",), "/srv", "joe", DatabaseLocation(folder="/data"), "/data/s.toml")
    assert beside.mounts == ["/srv", "/data"]


def test_a_folder_that_systemd_cannot_name_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = tmp_path / "a\\b"
    odd.mkdir()
    monkeypatch.chdir(odd)
    with pytest.raises(UsageError, match="the folder"):
        this_installation(DatabaseLocation(), Configuration())


@pytest.mark.parametrize(
    ("configuration", "variables", "credentials"),
    [
        (Configuration(), ("XPLENTY_ACCOUNT_ID", "XPLENTY_API_KEY"), ()),
        (Configuration(key_file=Path("k")), ("XPLENTY_ACCOUNT_ID",), ()),
        (Configuration(accounts={"a": {}}), ("XPLENTY_API_KEY",), ()),
        (Configuration(accounts={"a": {}}, key_file=Path("k")), (), ()),
        (Configuration(accounts={"a": {"api_key_file": "k"}, "b": {"api_key": "k"}}), (), ()),
        (
            Configuration(
                accounts={
                    "a": {"api_key_env": "A_KEY"},
                    "b": {"api_key_env": "A_KEY"},
                    "c": {"api_key_credential": "c"},
                }
            ),
            ("A_KEY",),
            ("c",),
        ),
    ],
)
def test_where_keys_come_from(
    configuration: Configuration, variables: tuple[str, ...], credentials: tuple[str, ...]
) -> None:
    found = this_installation(DatabaseLocation(), configuration)
    assert (found.variables, found.credentials) == (variables, credentials)
