"""`snapshotter config show`."""

import json
from pathlib import Path
from typing import Any

import pytest
from command_line import Run, assert_one_line

FILE = """
database = "postgresql://joe:hunter2@host/db?sslpassword=hunter3"
[sync]
reserve_credits = 500
[verify]
sample = 7
[accounts.acme]
api_key_env = "ACME_KEY"
[accounts.globex]
account_id = "globex-eu"
api_key = "hunter4"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "snapshotter.toml"
    path.write_text(FILE)
    path.chmod(0o600)
    return path


def rows(text: str) -> list[list[str]]:
    """Return the printed settings, split at their columns."""
    return [line.split(maxsplit=2) for line in text.partition("settings:\n")[2].splitlines()]


def test_each_value_with_its_source(run: Run, file: Path) -> None:
    done = run(
        "config",
        "show",
        ACME_KEY="hunter5",
        SNAPSHOTTER_SYNC_RESERVE_CREDITS="600",
        SNAPSHOTTER_VARIABLES="drop",
    )
    assert (done.returncode, done.stderr) == (0, "")
    found = rows(done.stdout)
    for expected in (
        ["database", "postgresql://joe:***@host/db", f"file {file}"],
        ["sync.reserve_credits", "600", "variable SNAPSHOTTER_SYNC_RESERVE_CREDITS"],
        ["verify.sample", "7", f"file {file}"],
        ["variables", "drop", "variable SNAPSHOTTER_VARIABLES"],
        ["timeout", "30.0", "default"],
        ["demo.database", "demo.db", "default"],
    ):
        assert expected in found
    assert f"file: {file}\n" in done.stdout
    assert (
        "  acme                https://api.xplenty.com  key from accounts.acme.api_key_env\n"
        "  globex (globex-eu)  https://api.xplenty.com  key from accounts.globex."
    ) in done.stdout
    assert "hunter" not in done.stdout


def test_the_same_as_json(run: Run, file: Path) -> None:
    done = run("--config", str(file), "config", "show", "--json", ACME_KEY="hunter5")
    assert done.returncode == 0
    assert "hunter" not in done.stdout
    found: dict[str, Any] = json.loads(done.stdout)
    assert (found["file"], found["named_by"], found["problems"]) == (str(file), "--config", [])
    assert [each["has_key"] for each in found["accounts"]] == [True, True]
    by_name = {(each["command"], each["name"]): each for each in found["settings"]}
    assert by_name["sync", "reserve_credits"] == {
        "command": "sync",
        "name": "reserve_credits",
        "value": "500",
        "source": "file",
        "from": str(file),
    }
    assert by_name["sync", "max_time"]["value"] is None
    assert by_name["db check", "database"]["value"] == "postgresql://joe:***@host/db"


def test_without_a_file(run: Run, tmp_path: Path) -> None:
    done = run("config", "show")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"file: none\nsearched: {tmp_path}/snapshotter.toml, /nonex")
    assert ["database", "sqlite:///job_history.db", "default"] in rows(done.stdout)
    assert "accounts: none\n" in done.stdout
    own = run("config", "show", XPLENTY_ACCOUNT_ID="acme", XPLENTY_API_KEY="hunter2")
    assert (
        "accounts (XPLENTY_ACCOUNT_ID selects acme):\n"
        "  acme  https://api.xplenty.com  key from XPLENTY_API_KEY\n"
    ) in own.stdout
    assert "hunter2" not in own.stdout


def test_a_key_file_for_accounts_without_a_source(run: Run, file: Path, tmp_path: Path) -> None:
    (tmp_path / "shared.key").write_text("hunter2")
    (tmp_path / "shared.key").chmod(0o600)
    file.write_text("api_key_file = 'shared.key'\n[accounts.acme]\n[accounts.globex]")
    done = run("config", "show")
    assert done.returncode == 0
    assert done.stdout.count("key from api_key_file\n") == 2


def test_a_key_in_the_place_of_its_file_is_not_shown(run: Run, file: Path) -> None:
    file.write_text("[sync]\napi_key_file = 'hunter2'")
    done = run("config", "show", SNAPSHOTTER_VERIFY_API_KEY_FILE="hunter2")
    assert done.returncode == 2
    assert "hunter2" not in done.stdout
    for subject in (f"{file}: sync.api_key_file", "SNAPSHOTTER_VERIFY_API_KEY_FILE"):
        assert f"problem: {subject}: there is no such file; name the file" in done.stdout


def test_a_database_that_cannot_be_read_is_a_problem(run: Run, file: Path) -> None:
    file.write_text("database = 'sqlite:///a.db?timeout=5'")
    done = run("config", "show")
    assert done.returncode == 2
    assert f"problem: {file}: database: a SQLite URL takes no options after '?'" in done.stdout


@pytest.mark.parametrize(
    ("text", "mode", "expected"),
    [
        ("not toml", 0o600, "is not valid TOML"),
        ("hash_key = 'hunter2'", 0o644, "can be read by others"),
        ("[sync]\nreserv_credits = 'hunter2'", 0o600, "did you mean 'reserve_credits'?"),
        ("[sync]\nreserve_credits = 'hunter2'", 0o600, "sync.reserve_credits: it is not a valid"),
        ("[sync]\nfull = 'hunter2'", 0o600, "sync.full: expected true or false"),
        ("[accounts.x]", 0o600, "accounts.x: no source of the API key; add one of api_key_env"),
    ],
)
def test_it_works_with_a_file_that_cannot_be_used(
    run: Run, file: Path, text: str, mode: int, expected: str
) -> None:
    file.write_text(text)
    file.chmod(mode)
    done = run("config", "show")
    assert_one_line(done, 2, "the configuration has 1 problem")
    (problem,) = [line for line in done.stdout.splitlines() if line.startswith("problem: ")]
    assert expected in problem
    assert "hunter2" not in done.stdout
    assert ["timeout", "30.0", "default"] in rows(done.stdout)


def test_a_file_that_is_missing(run: Run) -> None:
    done = run("config", "show", SNAPSHOTTER_CONFIG="none.toml")
    assert_one_line(done, 2, "1 problem")
    assert "file: none (by SNAPSHOTTER_CONFIG)\n" in done.stdout
    assert "problem: SNAPSHOTTER_CONFIG: there is no file " in done.stdout


def test_a_variable_that_cannot_be_used_and_one_that_means_nothing(run: Run) -> None:
    done = run(
        "config",
        "show",
        SNAPSHOTTER_SYNC_OVERLAP="hunter2",
        SNAPSHOTTER_SYNC_RESERV_CREDITS="500",
        SNAPSHOTTER_HOME="/srv",
    )
    assert_one_line(done, 2, "the configuration has 2 problems")
    assert "problem: SNAPSHOTTER_SYNC_OVERLAP: it is not a valid integer\n" in done.stdout
    assert (
        "problem: the variable SNAPSHOTTER_SYNC_RESERV_CREDITS means nothing; did you mean "
        "'SNAPSHOTTER_SYNC_RESERVE_CREDITS'?\n"
    ) in done.stdout
    assert "HOME" not in done.stdout


def test_a_run_is_not_disturbed_by_a_variable_that_means_nothing(run: Run) -> None:
    done = run("demo", SNAPSHOTTER_SYNC_RESERV_CREDITS="5", SNAPSHOTTER_DEMO_DATABASE="/none/x")
    assert_one_line(done, 1, "/none")
