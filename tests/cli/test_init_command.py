"""`snapshotter init`, by options and on a terminal."""

import stat
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command import Done
from command_line import Run, assert_one_line

from snapshotter.cli.init import SOURCES
from snapshotter.key_sources import KIND_OF
from snapshotter.simulator.account import SimulatedAccount

Init = Callable[..., Done]


@pytest.fixture
def init(run: Run, api: str) -> Init:
    def init(*words: str, **environment: str) -> Done:
        return run("init", "--api-url", api, *words, **environment)

    return init


@pytest.fixture
def key(account: SimulatedAccount) -> dict[str, str]:
    """Return the variable with the key of the simulated account."""
    account.add_job(id=7)
    return {"ACME_API_KEY": account.api_key}


def settings(folder: Path) -> dict[str, Any]:
    return tomllib.loads((folder / "snapshotter.toml").read_text())


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_by_options(
    init: Init, run: Run, key: dict[str, str], api: str, account: SimulatedAccount, tmp_path: Path
) -> None:
    done = init("--account", "acme", "--database", "sqlite:///own.db", **key)
    assert done.returncode == 0, done.stderr
    assert account.api_key not in done.stdout + done.stderr
    assert "account acme: 5,000 credits left, newest change 20" in done.stderr
    assert "database sqlite:///own.db: will be created by the first run" in done.stderr
    assert names(tmp_path) == ["acme.key", "snapshotter.toml"]
    assert [mode(tmp_path / name) for name in names(tmp_path)] == [0o600, 0o600]
    assert settings(tmp_path) == {
        "database": "sqlite:///own.db",
        "sync": {},
        "status": {},
        "accounts": {"acme": {"account_id": "acme", "api_key_file": "acme.key", "api_url": api}},
    }
    assert "next: snapshotter sync\n" in done.stdout
    assert "`snapshotter recipe systemd` or `snapshotter recipe cron`" in done.stdout
    assert "1 new" in run("sync").stdout


@pytest.mark.parametrize(
    ("source", "setting", "place", "expected"),
    [
        ("env", "api_key_env", "ACME_API_KEY", "set the variable ACME_API_KEY wherever it runs"),
        (
            "credential",
            "api_key_credential",
            "acme",
            "store the key of acme in /etc/snapshotter/acme",
        ),
    ],
)
def test_other_sources_of_the_key(
    init: Init,
    key: dict[str, str],
    tmp_path: Path,
    source: str,
    setting: str,
    place: str,
    expected: str,
) -> None:
    done = init("--account", "acme", "--key-source", source, **key)
    assert done.returncode == 0, done.stderr
    assert settings(tmp_path)["accounts"]["acme"][setting] == place
    assert expected in done.stdout
    assert names(tmp_path) == ["snapshotter.toml"]


def test_the_key_of_the_only_account_in_its_usual_variable(
    init: Init, account: SimulatedAccount, tmp_path: Path
) -> None:
    done = init(
        *("--account", "acme", "--key-source", "env"),
        XPLENTY_API_KEY=account.api_key,
        XPLENTY_ACCOUNT_ID="acme",
    )
    assert settings(tmp_path)["accounts"]["acme"]["api_key_env"] == "XPLENTY_API_KEY"
    assert "XPLENTY_ACCOUNT_ID is set here, and selects its account alone" in done.stdout


def test_several_accounts_and_a_key_that_is_already_in_its_file(
    init: Init, run: Run, key: dict[str, str], account: SimulatedAccount, tmp_path: Path
) -> None:
    (tmp_path / "acme.key").write_text(account.api_key)
    (tmp_path / "acme.key").chmod(0o600)
    done = init("--account", "acme", "--account", "acme", "--account", "other", **key)
    assert_one_line(done, 2, "no key of the account 'other': set OTHER_API_KEY to it")
    assert names(tmp_path) == ["acme.key"]
    assert init("--account", "acme").returncode == 0
    assert run("sync").returncode == 0


def test_without_a_terminal_accounts_must_be_named(init: Init, tmp_path: Path) -> None:
    assert_one_line(init(), 2, "init asks on a terminal; without one, name each account with")
    assert_one_line(init("--yes"), 2, "name each account with --account")
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    ("words", "variables", "exit_code", "expected"),
    [
        (
            ["--account", "acme"],
            {"ACME_API_KEY": "wrong-key"},
            77,
            "the key is refused, check ACME_API_KEY",
        ),
        (["--account", "nobody"], {"NOBODY_API_KEY": "demo-key"}, 2, "nobody"),
        (["--account", "a/b"], {}, 2, "--account: not a valid account id"),
        (["--account", "acme"], {"ACME_API_KEY": "a b"}, 2, "ACME_API_KEY: not a valid API key"),
        (["--account", "acme", "--database", "sqlite:////none/x.db"], None, 1, "no folder '/none'"),
        (["--account", "acme", "--database", "mongo://x"], None, 2, "no database driver 'mongo'"),
        (["--account", "acme", "--database", "postgresql://127.0.0.1:1/x"], None, None, "refused"),
        (["--account", "acme", "--config", "none/snap.toml", "--key-source", "x"], None, 2, "'x'"),
    ],
)
def test_what_fails_is_reported_and_nothing_is_written(
    init: Init,
    key: dict[str, str],
    tmp_path: Path,
    words: list[str],
    variables: dict[str, str] | None,
    exit_code: int | None,
    expected: str,
) -> None:
    done = init(*words, **(key if variables is None else variables))
    assert done.returncode == exit_code or (exit_code is None and done.returncode)
    last = done.stderr.splitlines()[-1]
    assert last.startswith("snapshotter: ")
    assert expected in last
    assert "wrong-key" not in done.stderr
    assert names(tmp_path) == []


def test_a_file_is_replaced_only_with_yes(
    init: Init, key: dict[str, str], account: SimulatedAccount, tmp_path: Path
) -> None:
    """Also one that cannot be read. What replaces it is for its owner only."""
    file = tmp_path / "snapshotter.toml"
    file.write_text("not toml")
    file.chmod(0o644)
    done = init("--account", "acme", **key)
    assert_one_line(done, 2, f"'{file}' already exists; add --yes to replace it")
    assert file.read_text() == "not toml"
    assert init("--account", "acme", "--yes", **key).returncode == 0
    assert mode(file) == 0o600
    (tmp_path / "acme.key").write_text("another")
    (tmp_path / "acme.key").chmod(0o600)
    file.unlink()
    done = init("--account", "acme", **key)
    assert done.returncode == 2
    assert "acme.key' already exists; add --yes to replace it" in done.stderr
    assert not file.exists()
    assert init("--account", "acme", "--yes", **key).returncode == 0
    assert (tmp_path / "acme.key").read_text() == f"{account.api_key}\n"


def test_another_place(init: Init, run: Run, key: dict[str, str], tmp_path: Path) -> None:
    """A relative path of the database is of the working folder, as it is on a command line."""
    done = init("--account", "acme", "--config", "etc/own.toml", **key)
    assert done.returncode == 0, done.stderr
    assert f"next: snapshotter sync --config {tmp_path}/etc/own.toml\n" in done.stdout
    assert names(tmp_path / "etc") == ["acme.key", "own.toml"]
    assert run("sync", SNAPSHOTTER_CONFIG="etc/own.toml").returncode == 0
    assert (tmp_path / "job_history.db").exists()


def test_the_sources_are_those_of_keys() -> None:
    assert tuple(KIND_OF) == SOURCES
