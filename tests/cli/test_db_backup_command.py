"""`snapshotter db backup` as a user runs it."""

from pathlib import Path

import pytest
from accounts import add
from command import run
from sqlalchemy import Engine

from snapshotter.store.accounts import stored
from snapshotter.store.engine import open_engine


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_it_prints_what_it_wrote_and_refuses_the_rest(
    engine: Engine, database_url: str, tmp_path: Path
) -> None:
    add(engine, "acme", 1, 2)
    words = ["db", "backup", "copy.db", "--database", database_url]
    done = run(words, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("backed up 14,6")
    assert done.stdout.endswith(" MB; checked\n")
    copied = open_engine(f"sqlite:///{tmp_path}/copy.db")
    assert stored(copied)[0].jobs == 2
    copied.dispose()
    done = run(words, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "snapshotter: 'copy.db' exists; add --force to replace it, or name another file\n"
    )
    assert run([*words, "--force"], cwd=tmp_path).returncode == 0
    done = run(["db", "backup", "x.db"], cwd=tmp_path)
    assert (done.returncode, "no database at 'job_history.db'" in done.stderr) == (1, True)
    done = run(["db", "backup", "x", "--database", "mysql://joe:hunter2@h/history"], cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith(
        ": mariadb-dump --single-transaction --host=h --user=joe --result-file=x history\n"
    )
    assert not (tmp_path / "x.db").exists()
