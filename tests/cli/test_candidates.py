"""What a shell is offered, and that asking for it costs little."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from snapshotter.cli import candidates
from snapshotter.cli.entry import group
from snapshotter.models import METADATA
from snapshotter.statuses import STATUSES
from snapshotter.trends.trends import names


def offered(words: list[str], incomplete: str) -> list[str]:
    """Return the values offered for a word, as click finds them."""
    found = ShellComplete(group(), {}, "snapshotter", "").get_completions(words, incomplete)
    return [f"{item.type}:{item.value}" if item.type != "plain" else item.value for item in found]


def test_the_tables_are_those_of_the_models() -> None:
    assert set(candidates.TABLES) == {*METADATA.tables}


@pytest.mark.parametrize(
    ("words", "incomplete", "expected"),
    [
        (["trends"], "runtime_by", ["runtime_by_day", "runtime_by_week"]),
        (["export"], "job", ["job_changes", "job_outputs", "jobs"]),
        (["export", "jobs", "--status"], "", [*STATUSES]),
        (["sync", "--status"], "fail", ["failed"]),
        (["export", "jobs", "--format"], "p", ["parquet"]),
        (["export", "jobs", "-o"], "x", ["file:x"]),
        (["export", "--all"], "x", ["dir:x"]),
        (["completion"], "", ["bash", "zsh", "fish"]),
        (["db"], "up", ["upgrade"]),
    ],
)
def test_what_is_offered(words: list[str], incomplete: str, expected: list[str]) -> None:
    assert offered(words, incomplete) == expected


def test_all_trends_are_offered_and_ones_own(tmp_path: Path) -> None:
    (tmp_path / "own_trend.sql").touch()
    assert offered(["trends", "--sql-dir", str(tmp_path)], "") == [*names(), "own_trend"]
    assert offered(["trends", "--sql-dir", str(tmp_path / "none")], "") == [*names()]


def test_the_accounts_of_the_configuration_file_are_offered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "snapshotter.toml"
    file.write_text('[accounts.acme]\napi_key_env = "A"\n[accounts.beta]\napi_key_env = "B"\n')
    for command in ("sync", "status", "trends"):
        assert offered([command, "--account"], "") == ["acme", "beta"]
        assert offered([command, "--account"], "a") == ["acme"]
    other = tmp_path / "other.toml"
    other.write_text('[accounts.globex]\napi_key_env = "G"\n')
    assert offered(["sync", "--config", str(other), "--account"], "") == ["globex"]
    assert offered(["--config", str(other), "status", "--account"], "") == ["globex"]
    file.write_text("[accounts")
    assert offered(["sync", "--account"], "") == []


def test_completing_imports_nothing_heavy_and_opens_no_database(tmp_path: Path) -> None:
    code = (
        "import os, sys; from snapshotter.cli.entry import group\n"
        "try: group().main([], prog_name='snapshotter')\n"
        "except SystemExit: pass\n"
        "heavy = {'pandas', 'alembic', 'sqlalchemy', 'sqlite3', 'requests', 'msgspec', 'rich'}\n"
        "heavy &= set(sys.modules)\n"
        "sys.exit(repr(heavy) if heavy else 0)"
    )
    asked = {
        "_SNAPSHOTTER_COMPLETE": "bash_complete",
        "COMP_WORDS": "snapshotter export jo",
        "COMP_CWORD": "2",
        "SNAPSHOTTER_DATABASE_URL": "nonsense",
    }
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **asked},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split() == ["plain,job_changes", "plain,job_outputs", "plain,jobs"]
    assert not [*tmp_path.iterdir()]
