"""`snapshotter db copy` as a user runs it."""

from pathlib import Path

import pytest
from accounts import add
from command import run
from sqlalchemy import Engine, select, text
from sqlalchemy.sql.functions import count

from snapshotter.models import METADATA
from snapshotter.store.accounts import stored
from snapshotter.store.engine import open_engine

TABLES = METADATA.sorted_tables
sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@sqlite
def test_it_fills_a_database_and_refuses_a_full_one(
    engine: Engine, database_url: str, tmp_path: Path
) -> None:
    add(engine, "acme", 1, 2)
    with engine.connect() as connection:
        rows = sum(connection.scalar(select(count()).select_from(each)) or 0 for each in TABLES)
    words = ["db", "copy", "--database", database_url, "--to"]
    done = run([*words, "sqlite:///copy.db"], cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        f"copied 2 jobs to sqlite:///copy.db, {rows:,} rows in all; both databases have the same\n"
    )
    copied = open_engine(f"sqlite:///{tmp_path}/copy.db")
    assert stored(copied) == stored(engine)
    copied.dispose()
    assert run(["db", "check", "--database", "sqlite:///copy.db"], cwd=tmp_path).returncode == 0
    for target, reason in (
        ("sqlite:///copy.db", "--to is not empty: 1 row in accounts; name an empty database"),
        (f"sqlite:///{tmp_path}/../{tmp_path.name}/test.db", "--to is the database itself"),
        ("oracle://x", "no database driver 'oracle'"),
        ("postgresql://joe:hunter2@127.0.0.1:1/x?bad=hunter3", "its driver does not know"),
    ):
        done = run([*words, target], cwd=tmp_path)
        assert (done.returncode, done.stdout) == (2, "")
        assert reason in done.stderr
        assert "hunter" not in done.stderr
    done = run(words[:-1], cwd=tmp_path)
    assert (done.returncode, "Missing option '--to'" in done.stderr) == (2, True)
    done = run([*words, "postgresql://joe:hunter2@127.0.0.1:1/x"], cwd=tmp_path)
    assert (done.returncode, "hunter" in done.stderr) == (1, False)
    assert done.stderr.endswith("(postgresql://joe:***@127.0.0.1:1/x)\n")


@sqlite
def test_a_source_that_is_behind_names_itself(
    engine: Engine, database_url: str, tmp_path: Path
) -> None:
    with engine.begin() as connection:
        connection.execute(text("update alembic_version set version_num = '0008'"))
    words = ["db", "copy", "--database", database_url, "--to", "sqlite:///copy.db"]
    done = run(words, cwd=tmp_path)
    assert done.returncode == 1
    assert "is at revision 0008, behind " in done.stderr
    assert done.stderr.endswith(f"(database {database_url})\n")
    assert not (tmp_path / "copy.db").exists()
