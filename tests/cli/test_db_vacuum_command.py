"""`snapshotter db vacuum` as a user runs it."""

import re

import pytest
from accounts import add
from command import run
from sqlalchemy import Engine

from snapshotter.store.lock import lock


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_it_prints_the_sizes(engine: Engine, database_url: str) -> None:
    add(engine, "acme", 1)
    done = run(["db", "vacuum", "--database", database_url])
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"vacuumed: \d\.\d MB before, \d\.\d MB now\n", done.stdout)
    with lock(engine, "acme"):
        done = run(["db", "vacuum", "--database", database_url])
    assert (done.returncode, "a run of account acme is in progress" in done.stderr) == (75, True)
