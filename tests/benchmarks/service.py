"""The server's process, as those that measure see it."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import requests

from .account import ACCOUNT_ID, Account

ROOT = Path(__file__).parent.parent.parent
# The folder in which `python -m` finds this package by its name: pytest knows it as `benchmarks`.
TOP = ROOT if str(__package__).startswith("tests.") else ROOT / "tests"


class Service:
    """An account that is being served."""

    def __init__(self, account: Account, port: int) -> None:
        self.account = account
        self.url = f"http://127.0.0.1:{port}"
        self.jobs_url = f"{self.url}/{ACCOUNT_ID}/api/jobs"

    def requests(self) -> int:
        """Count the requests so far, which these here do not add to."""
        return int(self._ask("requests"))

    def let_pass(self, seconds: int) -> None:
        """Set the server's clock so much further ahead."""
        self._ask(f"pass?seconds={seconds}")

    def touch(self, jobs: int) -> None:
        """Change this number of jobs now."""
        self._ask(f"touch?jobs={jobs}")

    def _ask(self, what: str) -> bytes:
        with requests.Session() as session:
            session.trust_env = False
            answer = session.get(f"{self.url}/{ACCOUNT_ID}/api/{what}", timeout=60)
        answer.raise_for_status()
        return answer.content


@contextmanager
def serve(account: Account, latency: float = 0) -> Iterator[Service]:
    """Serve from another process, which ends with this one, however that ends."""
    command = [sys.executable, "-m", f"{__package__}.server", str(account.file), str(latency)]
    with subprocess.Popen(
        command, cwd=TOP, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield Service(account, int(process.stdout.readline()))
        finally:
            process.stdin.close()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
