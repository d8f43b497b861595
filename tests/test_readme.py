"""What the README shows and tells is what happens."""

import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from snapshotter import trends
from snapshotter.cli import cli
from snapshotter.models import Base

README = (Path(__file__).parent.parent / "README.md").read_text()


def block(marker: str) -> str:
    """Give the fenced block behind `<!-- marker -->`."""
    found = re.search(rf"<!-- {marker} -->\n```\w+\n(.*?)```", README, re.DOTALL)
    assert found is not None, marker
    return found[1]


def test_the_demo_prints_what_the_readme_shows(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "snapshotter", "demo"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT", done.stdout) == block("demo")


def test_the_cron_line_works_as_written(tmp_path: Path, account: object, api: str) -> None:
    """Run the line as cron does: by sh, from $HOME, with next to no environment."""
    del account
    (line,) = re.findall(r"^\*/15 \* \* \* \* (.*)$", README, re.MULTILINE)
    assert "%" not in line  # cron would end the line there
    (tmp_path / ".snapshotter").write_text(
        f"export XPLENTY_ACCOUNT_ID=acme XPLENTY_API_KEY=demo-key XPLENTY_API_URL={api}\n"
    )
    command = tmp_path / "job-history" / ".venv" / "bin" / "snapshotter"
    command.parent.mkdir(parents=True)
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m snapshotter "$@"\n')
    command.chmod(0o755)
    environment = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "SHELL": "/bin/sh"}
    if "PYTHONPATH" in os.environ:
        environment["PYTHONPATH"] = os.environ["PYTHONPATH"]
    for _ in range(2):
        subprocess.run(["/bin/sh", "-c", line], cwd=tmp_path, env=environment, check=True)
    log = (tmp_path / "job-history" / "sync.log").read_text()
    assert log.count("\n") == 2
    assert log.startswith("0 jobs seen, 0 new, 0 changed, 3 requests, ")
    assert (tmp_path / "job-history" / "job_history.db").exists()


@pytest.mark.parametrize("name", [*trends.names(), *Base.metadata.tables])
def test_every_trend_and_table_is_told(name: str) -> None:
    assert f"| `{name}` |" in README


@pytest.mark.parametrize("name", [*trends.names()])
def test_a_trend_is_told_by_its_own_question(name: str) -> None:
    question = trends.question(name)
    assert f"| `{name}` | {question[0].lower()}{question[1:]} |" in README


def test_every_command_is_told() -> None:
    for name, command in cli.commands.items():
        words = [f"{name} {sub}" for sub in getattr(command, "commands", {})] or [name]
        for each in words:
            assert f"`{each}" in README, each


def test_every_option_of_sync_is_in_the_readme_or_its_help() -> None:
    sync = cli.commands["sync"]
    for option in sync.params:
        if isinstance(option, click.Option):
            assert option.help, option.name


def test_the_first_block_is_the_demo() -> None:
    first = block("ci:demo").splitlines()
    assert len(first) == 2
    assert first[1] == ".venv/bin/snapshotter demo"
