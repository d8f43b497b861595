"""Fixtures of tests that write files: a folder that others can enter, and a database's files."""

from pathlib import Path

import pytest
from writing import mode


@pytest.fixture
def everybodys(tmp_path: Path) -> Path:
    """Return a folder that others can enter: pytest's own is closed to them."""
    for folder in (tmp_path, *tmp_path.parents):
        if not mode(folder) & 0o001:
            folder.chmod(mode(folder) | 0o011)
    return tmp_path


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Return a file beside which are those that SQLite and a run put there."""
    (tmp_path / "db").mkdir()
    for name in ("h.db", "h.db-wal", "h.db-shm", "h.db.0123.lock"):
        (tmp_path / "db" / name).write_text("the database")
    return tmp_path / "db" / "h.db"
