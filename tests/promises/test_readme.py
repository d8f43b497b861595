"""What the README shows and states is what happens."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import pytest
from command import run as run_command
from readme import README, block

from snapshotter.api.prefetch_plan import MOST_WASTED
from snapshotter.cli.entry import group
from snapshotter.models import METADATA
from snapshotter.trends import trends

ROOT = Path(__file__).parent.parent.parent
FIRST_LOAD = re.compile(r"(\d+) requests, ([\d,]+) credits left")


@pytest.mark.slow
def test_the_demo_prints_what_the_readme_shows(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "snapshotter", "demo"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    printed = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT", done.stdout)
    found, shown = FIRST_LOAD.search(printed), FIRST_LOAD.search(block("demo"))
    assert found
    assert shown
    for requests, credits_left in (found.groups(), shown.groups()):
        # The pages, the credits and the newest; what is wasted past the end can differ.
        assert 31 + 2 <= int(requests) <= 31 + 2 + MOST_WASTED
        assert int(credits_left.replace(",", "")) == 5000 + 1 - int(requests)
    assert printed.replace(found[0], shown[0], 1) == block("demo")


@pytest.mark.parametrize("name", [*trends.names(), *METADATA.tables])
def test_every_trend_and_table_is_listed(name: str) -> None:
    assert f"| `{name}` |" in README


@pytest.mark.parametrize("name", [*trends.names()])
def test_a_trend_is_listed_with_its_own_question(name: str) -> None:
    question = trends.question(name)
    assert f"| `{name}` | {question[0].lower()}{question[1:]} |" in README


def test_the_configuration_file_is_valid(tmp_path: Path) -> None:
    """And it means what the README describes: see `tests/cli/test_cli_configuration.py`."""
    (tmp_path / "snapshotter.toml").write_text(block("config:file"))
    (tmp_path / "acme.key").write_text("a-key")
    (tmp_path / "acme.key").chmod(0o600)
    shown = run_command(["config", "show"], env={"EMEA_API_KEY": "another-key"}, cwd=tmp_path)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "emea (acme-emea)" in shown.stdout
    assert "sync.reserve_credits  400 " in shown.stdout


def test_every_command_is_listed() -> None:
    for name, command in group().commands.items():
        words = [f"{name} {sub}" for sub in getattr(command, "commands", {})] or [name]
        for each in words:
            assert f"`{each}" in README, each


def test_every_option_of_sync_is_in_the_readme_or_its_help() -> None:
    sync = group().commands["sync"]
    for option in sync.params:
        if isinstance(option, click.Option):
            assert option.help, option.name


def test_the_first_block_is_the_demo() -> None:
    first = block("ci:demo").splitlines()
    assert len(first) == 2
    assert first[1] == ".venv/bin/snapshotter demo"


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as the quick start leaves it: `.venv/bin` with the command, and `demo.db`.

    Its `pip` does nothing: what the README installs with it is here already.
    """
    folder = tmp_path_factory.mktemp("checkout")
    programs = folder / ".venv" / "bin"
    programs.mkdir(parents=True)
    path = shlex.quote(os.environ.get("PYTHONPATH", ""))
    for name, does in {
        "snapshotter": f'PYTHONPATH={path} exec {sys.executable} -m snapshotter "$@"',
        "pip": "exit 0",
        "python3": f'exec {sys.executable} "$@"',
    }.items():
        (programs / name).write_text(f"#!/bin/sh\n{does}\n")
        (programs / name).chmod(0o755)
    run("sh", ".venv/bin/snapshotter demo", folder)
    return folder


def run(shell: str, text: str, folder: Path) -> str:
    command = {"sh": ["sh", "-ec", text], "python": [sys.executable, "-c", text]}[shell]
    done = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | {"SNAPSHOTTER_DATABASE_URL": "sqlite:///demo.db"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_the_demo_can_be_queried_as_written(checkout: Path) -> None:
    trend, select = block("ci:query").splitlines()
    assert run("sh", trend, checkout).startswith("account_id,package_id,package_name,since,ratio,")
    weeks = run("sh", select, checkout).splitlines()
    assert len(weeks) > 12
    assert all(re.fullmatch(r"20\d\d-\d\d-\d\d\|\d+\.\d+", week) for week in weeks)


@pytest.mark.slow
def test_the_exports_work_as_written_and_duckdb_reads_them(checkout: Path) -> None:
    printed = run("sh", block("ci:exports"), checkout)
    assert printed.count(",434,orders_to_warehouse,") > 10
    assert (checkout / "jobs.csv").read_text().count("\n") > 3000
    assert (checkout / "history" / "manifest.json").exists()
    assert "2026-01" in run("python", block("ci:duckdb"), checkout)


@pytest.mark.slow
def test_the_report_is_written_as_written(checkout: Path) -> None:
    run("sh", block("ci:report"), checkout)
    assert "</html>" in (checkout / "report.html").read_text()


@pytest.mark.slow
def test_the_digest_prints_what_the_readme_shows(checkout: Path) -> None:
    assert run("sh", block("ci:digest"), checkout) == block("digest")


@pytest.mark.slow
def test_the_housekeeping_works_as_written(checkout: Path, tmp_path: Path) -> None:
    own = shutil.copytree(checkout, tmp_path / "checkout")
    printed = run("sh", block("ci:housekeeping"), own)
    assert printed.startswith("backed up ")
    assert printed.endswith("both databases have the same\n")


def test_the_extras_are_those_of_the_package() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    table = README.partition("| extra | needed for |")[2].partition("\n\n")[0]
    listed = re.findall(r"`(\w+)`", table)
    assert {*listed, "test"} == {*extras["optional-dependencies"]}
