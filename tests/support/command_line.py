"""A plugin: runs the command as a user does, and names a simulated account by its variables."""

from collections.abc import Callable
from pathlib import Path

import command
import pytest
from command import Done

from snapshotter.simulator.account import SimulatedAccount

Run = Callable[..., Done]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    def run(*words: str, stdin: str = "", **environment: str) -> Done:
        done = command.run(words, cwd=tmp_path, env=environment, stdin=stdin)
        assert "Traceback" not in done.stderr
        return done

    return run


@pytest.fixture
def acme(account: SimulatedAccount, api: str) -> dict[str, str]:
    """Return the variables that name the simulated account."""
    return {
        "XPLENTY_ACCOUNT_ID": account.account_id,
        "XPLENTY_API_KEY": account.api_key,
        "XPLENTY_API_URL": api,
    }


def assert_one_line(done: Done, exit_code: int, said: str) -> None:
    assert done.returncode == exit_code, done.stderr
    assert said in done.stderr
    assert done.stderr.startswith("snapshotter: ")
    assert done.stderr.count("\n") == 1
