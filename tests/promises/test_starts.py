"""How much a command imports: what it does not need would be most of the time that it takes."""

import subprocess
import sys
from pathlib import Path

import pytest

from snapshotter.store.opening import Database, filling

# Each takes from 5 to 50 times as long to import as the command itself needs.
_HEAVY = {
    *("alembic", "mako", "pandas", "numpy", "pyarrow", "xlsxwriter", "babel", "jinja2"),
    *("requests", "urllib3", "prometheus_client", "keyring", "rich", "psycopg", "pymysql"),
    *("sqlalchemy.orm", "sqlalchemy.dialects.mysql", "sqlalchemy.dialects.postgresql"),
    *("snapshotter.models", "snapshotter.api.client", "snapshotter.simulator.account"),
}
# Little each, but `--help` has a tenth of a second.
_FOR_ONE_COMMAND = {
    *("difflib", "random", "sqlalchemy", "msgspec", "snapshotter.cli.shown_settings"),
    "snapshotter.configured_accounts",
}
_MODELS = {
    *("sqlalchemy.dialects.mysql", "sqlalchemy.dialects.postgresql"),
    "snapshotter.models",
}
_PROGRAM = """
import sys
from snapshotter.cli.entry import group

for words in {commands!r}:
    group().main(words, standalone_mode=False)
    print(file=sys.stdout)
print(*({heavy!r} & set(sys.modules)), file=sys.stderr)
"""


@pytest.fixture(scope="module")
def database_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    url = f"sqlite:///{tmp_path_factory.mktemp('starts') / 'jobs.db'}"
    with filling(Database(url)):
        return url


@pytest.mark.parametrize(
    ("commands", "needed"),
    [
        (
            [
                ["status"],
                ["status", "--json"],
                ["trends"],
                ["trends", "runtime_by_day", "--format", "markdown"],
                ["trends", "runtime_by_day", "--last", "30d", "--sql"],
                ["db", "current"],
                ["config", "show"],
                ["completion", "bash"],
            ],
            set(),
        ),
        ([["trends", "runtime_by_day", "--format", "table"]], {"rich"}),
        ([["trends", "runtime_by_day", "--format", "csv"]], set()),
        (
            [
                ["accounts"],
                ["digest"],
                ["rejects"],
                ["export", "jobs", "--format", "json", "-o", "-"],
            ],
            _MODELS,
        ),
    ],
    ids=["no models", "a table", "CSV", "models"],
)
def test_commands_import_what_they_need(
    commands: list[list[str]], needed: set[str], database_url: str, tmp_path: Path
) -> None:
    """A database of the newest schema, without a terminal."""
    assert imported(commands, database_url, tmp_path) - needed == set()


def test_help_imports_nothing_of_a_single_command(database_url: str, tmp_path: Path) -> None:
    heavy = _HEAVY | _FOR_ONE_COMMAND
    assert imported([["--help"]], database_url, tmp_path, heavy) == set()


def test_a_new_database_gets_its_schema_without_alembic(tmp_path: Path) -> None:
    assert imported([["db", "upgrade"]], f"sqlite:///{tmp_path / 'jobs.db'}", tmp_path) == _MODELS


def test_a_command_ends_without_a_last_search_for_garbage(tmp_path: Path) -> None:
    """The interpreter searches what is not frozen: nearly nothing is left of the modules."""
    program = """
import atexit, gc, sys
from snapshotter.cli.entry import main
atexit.register(lambda: print(len(gc.get_objects()), gc.get_freeze_count(), file=sys.stderr))
sys.argv = ["snapshotter", "--help"]
main()
"""
    searched, frozen = run(program, {}, tmp_path).split()
    assert int(searched) < int(frozen) / 10


def imported(
    commands: list[list[str]], database_url: str, folder: Path, heavy: set[str] = _HEAVY
) -> set[str]:
    """Return which of the heavy modules these commands import."""
    program = _PROGRAM.format(commands=commands, heavy=heavy)
    printed = run(program, {"SNAPSHOTTER_DATABASE_URL": database_url}, folder)
    return set(printed.splitlines()[-1].split())


def run(program: str, variables: dict[str, str], folder: Path) -> str:
    """Run a program of Python; return what it printed to standard error."""
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={"HOME": str(folder), **variables},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stderr
