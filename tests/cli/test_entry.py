"""How the command starts and ends: its words, and a line and an exit code for every error."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from command import python
from command_line import Run, assert_one_line

from snapshotter.cli import entry
from snapshotter.simulator.account import SimulatedAccount


def test_returns_of_a_file_saved_on_windows(
    run: Run, acme: dict[str, str], account: SimulatedAccount, tmp_path: Path
) -> None:
    account.add_job(id=7)
    returned = {name: f"{value}\r" for name, value in acme.items()}
    returned |= {
        "SNAPSHOTTER_DATABASE_URL": "sqlite:///own.db\r",
        "SNAPSHOTTER_VARIABLES": "mask\r",
    }
    (tmp_path / "ids").write_bytes(b"\xef\xbb\xbf7\r\n")
    assert run("sync", "--ids-file", "ids\r", "\r", **returned).returncode == 0
    assert run("sync", "--database", " sqlite:///own.db\r", **acme).returncode == 0
    assert run("status\r", SNAPSHOTTER_DATABASE_URL="\r").returncode == 1
    assert sorted(path.name for path in tmp_path.glob("*.db*") if ".lock" not in path.name) == [
        "own.db"
    ]


def test_no_words_get_the_help(run: Run) -> None:
    done = run()
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("Usage: snapshotter [OPTIONS] COMMAND")


def test_an_error_of_the_database_names_it_without_its_password(
    run: Run, acme: dict[str, str]
) -> None:
    url = "postgresql://joe:hunter2@127.0.0.1:1/x?sslpassword=hunter3"
    done = run("status", "--database", url, **acme)
    assert_one_line(done, 1, "(postgresql://joe:***@127.0.0.1:1/x)")
    assert "hunter" not in done.stderr


HOST = """
import sys
from snapshotter.cli import entry

def fail(*_, **__):
    raise {error}

entry.group = fail
entry.main()
"""


@pytest.mark.parametrize(
    ("error", "exit_code", "said"),
    [
        ("MemoryError()", 1, "not enough memory"),
        ("RecursionError('x')", 1, "nested too deeply"),
        ("OSError(28, 'No space left on device', 'a.db')", 1, "'a.db': No space left on device"),
        ("PermissionError(13, 'Permission denied', 'x')", 1, "'x': Permission denied"),
        ("BrokenPipeError(32, 'Broken pipe')", 1, "Broken pipe"),
        ("KeyboardInterrupt", 75, "interrupted; nothing is lost"),
        ("ModuleNotFoundError('x', name='fcntl')", 2, "needs Linux or macOS"),
        ("ModuleNotFoundError('x', name='_sqlite3')", 2, "built without sqlite3"),
        ("ImportError('no module', name='msgspec')", 2, "a package is missing or broken"),
        ("UnicodeEncodeError('utf-8', chr(0xdc80), 0, 1, 'surrogates')", 2, "not UTF-8"),
        ('RuntimeError("can\'t start new thread")', 1, "no more threads"),
        ("__import__('sqlite3').OperationalError('disk I/O error')", 1, "cannot be used: disk I/O"),
        ("ValueError('x')", 1, "a bug in snapshotter: ValueError: x"),
    ],
)
def test_what_the_host_lacks_is_not_a_bug(error: str, exit_code: int, said: str) -> None:
    done = python(["-c", HOST.format(error=error)])
    assert_one_line(done, exit_code, said)


IMPORTED = """
import signal
import sys
from importlib.abc import MetaPathFinder

from snapshotter.cli import entry

class Finder(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == {name!r}:
            sys.meta_path.remove(self)
            signal.raise_signal(signal.SIGTERM)

sys.meta_path.insert(0, Finder())
sys.argv = ["snapshotter", "status"]
entry.main()
"""


@pytest.mark.parametrize(
    "name", ["click.core", "click.decorators", "snapshotter.cli.sync", "sqlalchemy", "sqlite3"]
)
def test_a_signal_while_a_library_is_imported(name: str) -> None:
    """A package whose import has ended half-way may lack names that an error needs."""
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED.format(name=name)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert_one_line(done, 75, "interrupted; nothing is lost")


TWICE = """
import signal
from snapshotter import interrupt
from snapshotter.cli import entry

def interrupted_again(exit_code, end_with=interrupt.end_with):
    signal.raise_signal(signal.SIGTERM)
    end_with(exit_code)

interrupt.end_with = interrupted_again
entry.group = lambda: signal.raise_signal(signal.SIGTERM)
entry.main()
"""


def test_a_second_signal_while_the_first_is_handled() -> None:
    """`timeout` and terminals send one to the process and to its group."""
    assert_one_line(python(["-c", TWICE]), 75, "interrupted; nothing is lost")


BEFORE = IMPORTED.replace("from snapshotter.cli import entry", "from snapshotter.cli import main")
# A shell's job in the background ignores the signal.
BEFORE = BEFORE.replace(
    "entry.main()", "signal.signal(signal.SIGINT, signal.default_int_handler)\nmain()"
).replace("SIGTERM", "SIGINT")


def test_an_interrupt_before_the_command_has_begun() -> None:
    """Nothing is printed and nothing has begun: the shell sees which signal ended it."""
    program = BEFORE.format(name="snapshotter.cli.entry")
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (-signal.SIGINT, "")


SWALLOWED = """
import signal
from snapshotter.cli import entry

def fail():
    try:
        signal.raise_signal(signal.SIGTERM)
    except BaseException:
        raise AttributeError("half a module") from None

entry.group = fail
entry.main()
"""


def test_what_fails_after_a_signal_was_swallowed() -> None:
    """Such as a library that finds one of its modules missing, because its import was ended."""
    swallow = (
        "import signal\n    try: signal.raise_signal(15)\n    except BaseException: pass\n    "
    )
    host = HOST.replace("raise {error}", f"{swallow}raise AttributeError")
    assert_one_line(python(["-c", host]), 75, "interrupted; nothing is lost")


@pytest.mark.parametrize(
    ("words", "is_json"),
    [
        (["--log-format", "json", "sync"], True),
        (["sync", "--log-format=json"], True),
        (["sync", "--log-format", "text"], False),
        (["sync", "--log-format"], False),
        (["export", "json"], False),
        ([], False),
    ],
)
def test_errors_are_json_if_any_word_asks_for_it(words: list[str], is_json: bool) -> None:  # noqa: FBT001 - a case
    assert entry._asks_for_json(words) is is_json  # noqa: SLF001 - asked before click parses


def test_every_command_is_in_the_group() -> None:
    assert sorted(entry.group().commands) == [
        *("accounts", "config", "db", "demo", "digest", "export", "init", "recipe"),
        *("rejects", "report", "status", "sync", "trends", "verify"),
    ]
