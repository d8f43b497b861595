"""A SQLite connection waits for the locks of others, and notices a signal meanwhile."""

import signal
import sqlite3
from contextlib import closing
from pathlib import Path

import command
import pytest

from snapshotter.errors import Stopped
from snapshotter.simulator.account import SimulatedAccount
from snapshotter.simulator.server import serve
from snapshotter.store.engine import connect
from snapshotter.store.revisions import upgrade


@pytest.fixture
def file(database_url: str) -> Path:
    return Path(database_url.removeprefix("sqlite:///"))


pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def test_a_file_that_another_program_has_locked(file: Path) -> None:
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("begin immediate")
        ours = connect(f"sqlite:///{file}", time_left=lambda: 0.1)
        with pytest.raises(Stopped, match=rf"locked by another program.*{file.name}"):
            upgrade(ours)
        ours.dispose()


def test_a_signal_is_noticed_while_a_lock_is_waited_for(file: Path) -> None:
    account = SimulatedAccount()
    account.add_job()
    with (
        closing(sqlite3.connect(file, isolation_level=None)) as other,
        serve(account) as url,
    ):
        lock = file.parent
        other.execute("begin immediate")
        variables = {
            "XPLENTY_ACCOUNT_ID": account.account_id,
            "XPLENTY_API_KEY": account.api_key,
            "XPLENTY_API_URL": url,
        }
        with command.start(["sync", "--database", f"sqlite:///{file}"], env=variables) as process:
            while not list(lock.glob("*.lock")):
                assert process.poll() is None
            process.send_signal(signal.SIGTERM)
            _, said = process.communicate(timeout=20)
        assert process.returncode == 75
        assert str(file) in said
