"""What `snapshotter init` asks on a terminal; by options it is in test_init_command."""

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import on_a_terminal
import pytest
from command_line import Run

from snapshotter.simulator.account import SimulatedAccount


def settings(folder: Path) -> dict[str, Any]:
    return tomllib.loads((folder / "snapshotter.toml").read_text())


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


Talk = Callable[..., tuple[int, str]]


@pytest.fixture
def talk(tmp_path: Path, api: str) -> Talk:
    """Return a function that runs `init` on a terminal, and types each answer to its question."""

    def talk(*answers: tuple[str, str], words: tuple[str, ...] = (), **env: str) -> tuple[int, str]:
        variables = {"XPLENTY_API_URL": api, **env}
        exit_code, printed = on_a_terminal.converse(
            ["init", *words], answers, cwd=tmp_path, env=variables
        )
        return exit_code, printed.decode().replace("\r\n", "\n")

    return talk


def test_on_a_terminal(talk: Talk, run: Run, account: SimulatedAccount, tmp_path: Path) -> None:
    """The key is not shown; what fails can be corrected; a second account follows the first."""
    account.add_job(id=7)
    exit_code, printed = talk(
        ("Account, by its name in its URLs: ", "a/b"),
        ("not a valid account id", ""),
        ("Account, by its name in its URLs: ", "acme"),
        ("credential, keyring) [file]: ", "vault"),
        ("it is not one of file, env, credential, keyring", ""),
        ("credential, keyring) [file]: ", "file"),
        ("File for the key [acme.key]: ", "main.key"),
        ("API key of acme (not shown): ", "wrong-key"),
        ("Keep this account although its test failed? [y/N]: ", "n"),
        ("Account, by its name in its URLs [acme]: ", ""),
        ("credential, keyring) [file]: ", ""),
        ("File for the key [acme.key]: ", ""),
        ("API key of acme (not shown): ", account.api_key),
        ("Add another account? [y/N]: ", "y"),
        ("Account, by its name in its URLs: ", "acme"),
        ("acme is already one of the accounts", ""),
        ("Account, by its name in its URLs: ", "later"),
        ("credential, keyring) [file]: ", "env"),
        ("Variable with the key [LATER_API_KEY]: ", ""),
        ("API key of later (not shown, only for the test): ", "of-later"),
        ("Keep this account although its test failed? [y/N]: ", "y"),
        ("Add another account? [y/N]: ", "y"),
        ("Account, by its name in its URLs: ", "last"),
        ("credential, keyring) [env]: ", "credential"),
        ("Name of the credential [last]: ", ""),
        ("API key of last (not shown, only for the test): ", "of-last"),
        ("Keep this account although its test failed? [y/N]: ", "y"),
        ("Add another account? [y/N]: ", "n"),
        ("MariaDB) [sqlite:///job_history.db]: ", "mongo://x"),
        ("Keep this database although its test failed? [y/N]: ", "n"),
        ("MariaDB) [sqlite:///job_history.db]: ", "postgresql://joe:hunter2@127.0.0.1:1/x"),
        ("Keep this database although its test failed? [y/N]: ", "n"),
        ("MariaDB) [postgresql://joe:***@127.0.0.1:1/x]: ", "sqlite:///jobs.db"),
    )
    assert exit_code == 0, printed
    assert account.api_key not in printed
    assert "wrong-key" not in printed
    assert "failed: GET " in printed
    assert "the key is refused, check the key that was typed" in printed
    assert "LATER_API_KEY wherever it runs: in snapshotter.env, which the recipes read" in printed
    assert "key of last in /etc/snapshotter/last (chmod 600)" in printed
    assert "failed: no database driver 'mongo'" in printed
    assert names(tmp_path) == ["acme.key", "snapshotter.toml"]
    found = settings(tmp_path)
    assert found["database"] == "sqlite:///jobs.db"
    assert {name: each.get("api_key_env") for name, each in found["accounts"].items()} == {
        "acme": None,
        "later": "LATER_API_KEY",
        "last": None,
    }
    assert "1 new" in run("sync", "--account", "acme").stdout


def test_on_a_terminal_the_key_at_hand_is_offered(
    talk: Talk, account: SimulatedAccount, tmp_path: Path
) -> None:
    exit_code, printed = talk(
        ("Account, by its name in its URLs [acme]: ", ""),
        ("credential, keyring) [file]: ", "env"),
        ("Variable with the key [ACME_API_KEY]: ", ""),
        ("Use the key in XPLENTY_API_KEY? [Y/n]: ", ""),
        ("Add another account? [y/N]: ", ""),
        ("[sqlite:///job_history.db]: ", ""),
        XPLENTY_ACCOUNT_ID="acme",
        XPLENTY_API_KEY=account.api_key,
    )
    assert exit_code == 0, printed
    assert settings(tmp_path)["accounts"]["acme"]["api_key_env"] == "XPLENTY_API_KEY"


def test_on_a_terminal_a_file_is_kept_unless_asked(talk: Talk, tmp_path: Path) -> None:
    (tmp_path / "snapshotter.toml").write_text("variables = 'mask'")
    exit_code, printed = talk(("snapshotter.toml already exists. Replace it? [y/N]: ", ""))
    assert (exit_code, "nothing was written" in printed) == (75, True)
    assert (tmp_path / "snapshotter.toml").read_text() == "variables = 'mask'"


def test_ctrl_c_writes_nothing(talk: Talk, account: SimulatedAccount, tmp_path: Path) -> None:
    exit_code, printed = talk(
        ("Account, by its name in its URLs: ", "acme"),
        ("credential, keyring) [file]: ", ""),
        ("File for the key [acme.key]: ", ""),
        ("API key of acme (not shown): ", account.api_key),
        ("Add another account? [y/N]: ", on_a_terminal.CTRL_C),
    )
    assert exit_code == 75
    assert printed.rstrip().endswith("snapshotter: interrupted; nothing was written")
    assert names(tmp_path) == []
