"""A plugin: runs the command as a user does, and names a simulated account by its variables."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from snapshotter.simulator.account import Account

Done = subprocess.CompletedProcess[str]
Run = Callable[..., Done]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    def run(*words: str, stdin: str = "", **environment: str) -> Done:
        done = subprocess.run(
            [sys.executable, "-m", "snapshotter", *words],
            cwd=tmp_path,
            env={**os.environ, **environment},
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )
        assert "Traceback" not in done.stderr
        return done

    return run


@pytest.fixture
def acme(account: Account, api: str) -> dict[str, str]:
    """Give the variables that name the simulated account."""
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
