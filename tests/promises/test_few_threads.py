"""What the host allows: a run makes do with few threads."""

from pathlib import Path

import command
import pytest

from snapshotter.simulator.account import SimulatedAccount
from snapshotter.simulator.server import serve as serve_account

FEW_THREADS = """
import sys, threading
# The name has changed in Python 3.13.
name = next(n for n in ("_start_joinable_thread", "_start_new_thread") if hasattr(threading, n))
left, start = int(sys.argv.pop(1)), getattr(threading, name)
def start_one(*words, **named):
    global left
    if left == 0:
        raise RuntimeError("can't start new thread")
    left -= 1
    return start(*words, **named)
setattr(threading, name, start_one)
from snapshotter.__main__ import main
main()
"""


@pytest.mark.slow
@pytest.mark.parametrize("threads", [0, 1, 3])
def test_few_threads_may_be_started(threads: int, tmp_path: Path) -> None:
    """The list is read with those that can be had; the same jobs, at the same cost."""
    account = SimulatedAccount()
    for _ in range(1700):
        account.add_job()
    with serve_account(account) as url:
        variables = {
            "XPLENTY_ACCOUNT_ID": "acme",
            "XPLENTY_API_KEY": account.api_key,
            "XPLENTY_API_URL": url,
        }
        done = command.python(
            ["-c", FEW_THREADS, str(threads), "sync"], cwd=tmp_path, env=variables
        )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("1,700 jobs seen, 1,700 new, ")
