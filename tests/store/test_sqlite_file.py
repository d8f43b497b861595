"""SQLite files as they are found: read even if nothing may be written, and left as they are."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import command
import pytest
from examined import examined, lines

from snapshotter.errors import DatabaseError
from snapshotter.simulator.account import SimulatedAccount
from snapshotter.simulator.server import serve
from snapshotter.store.engine import open_engine
from snapshotter.store.revisions import current, head, upgrade


def run(*words: str, database: Path, **more: str) -> command.Done:
    return command.run(words, env={"SNAPSHOTTER_DATABASE_URL": f"sqlite:///{database}", **more})


def mounted(*words: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"cannot be mounted here: {done.stderr.strip()}")


def mode_of(path: Path) -> str:
    with closing(sqlite3.connect(path)) as connection:
        ((mode,),) = connection.execute("pragma journal_mode").fetchall()
        return str(mode)


@pytest.fixture
def file(database_url: str) -> Path:
    return Path(database_url.removeprefix("sqlite:///"))


pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def read_only(file: Path, tmp_path: Path) -> Iterator[Path]:
    """Yield the file on a read-only mount."""
    folder = tmp_path / "mount"
    folder.mkdir()
    mounted("mount", "--bind", str(file.parent), str(folder))
    try:
        mounted("mount", "-o", "remount,ro,bind", str(folder))
        yield folder / file.name
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture
def without_memory(file: Path, tmp_path: Path) -> Iterator[Path]:
    """Yield a folder, with the file in it, on a file system that cannot share memory."""
    source, folder = tmp_path / "source", tmp_path / "mount"
    source.mkdir()
    folder.mkdir()
    shutil.move(file, source / file.name)
    if shutil.which("bindfs") is None:
        pytest.skip("no bindfs here: apt-get install bindfs")
    mounted("bindfs", "-o", "direct_io", str(source), str(folder))
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_mount_that_may_only_be_read(read_only: Path) -> None:
    for words in (["status"], ["trends", "freshness"], ["db", "check"], ["export", "jobs", "-o-"]):
        done = run(*words, database=read_only)
        assert (done.returncode, done.stderr) == (0, "" if words[0] != "trends" else done.stderr)
    with pytest.raises(DatabaseError, match="only reading is permitted"):
        open_engine(f"sqlite:///{read_only}")
    checks = examined({}, f"sqlite:///{read_only}")
    read, written = lines(checks, "database")
    assert read.startswith("ok: SQLite ")
    assert "only reading is permitted" in written
    assert lines(checks, "schema")[0].startswith("ok: ")


def test_changes_that_only_a_writer_can_take_in(file: Path, read_only: Path) -> None:
    with closing(sqlite3.connect(file)) as writer:
        writer.execute("insert into accounts (account_id, api_url) values ('a', 'x')")
        writer.commit()
        shutil.copy(f"{file}-wal", file.parent / "kept")
    shutil.copy(file.parent / "kept", f"{file}-wal")
    done = run("status", database=read_only)
    assert done.returncode == 1
    assert "-wal' holds changes; merging them needs write access" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.slow
def test_a_file_system_without_shared_memory(without_memory: Path, file: Path) -> None:
    in_wal = without_memory / file.name
    assert run("status", database=in_wal).returncode == 0
    done = run("db", "upgrade", database=in_wal)
    assert done.returncode == 1
    assert "is in WAL mode, and its file system cannot do that" in done.stderr
    _, written = lines(examined({}, f"sqlite:///{in_wal}"), "database")
    assert written.startswith("FAILED: cannot write the database")
    assert "is in WAL mode, and its file system cannot do that" in written
    assert run("status", database=in_wal).returncode == 0
    new = without_memory / "new.db"
    for words in (["db", "upgrade"], ["db", "check"], ["db", "upgrade"], ["status"]):
        done = run(*words, database=new)
        assert done.returncode == 0, done.stderr
    assert mode_of(new) == "delete"
    assert sorted(path.name for path in without_memory.iterdir() if "new" in path.name) == [
        "new.db"
    ]


def test_a_file_keeps_its_journal_mode(file: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("pragma journal_mode = delete")
    account = SimulatedAccount()
    account.add_job()
    with serve(account) as url:
        variables = {
            "XPLENTY_ACCOUNT_ID": account.account_id,
            "XPLENTY_API_KEY": account.api_key,
            "XPLENTY_API_URL": url,
        }
        for database, mode in ((file, "delete"), (tmp_path / "new.db", "wal")):
            assert run("sync", database=database, **variables).returncode == 0
            assert mode_of(database) == mode


KILLED_WHILE_IT_TRIES = """
import os, signal, sys
from pathlib import Path
from snapshotter.store import sqlite_file

sqlite_file.sqlite3.connect = lambda _name: os.kill(os.getpid(), signal.SIGKILL)
sqlite_file._can_share_memory(Path(sys.argv[1]))
"""


def test_what_a_killed_run_tried_wal_mode_on_is_removed_by_the_next(
    file: Path, tmp_path: Path
) -> None:
    del file
    new = tmp_path / "folder" / "new.db"
    new.parent.mkdir()
    done = subprocess.run([sys.executable, "-c", KILLED_WHILE_IT_TRIES, str(new)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert len(list(new.parent.iterdir())) == 1
    upgrade(f"sqlite:///{new}")
    assert [path.name for path in new.parent.iterdir()] == ["new.db"]


def test_a_copy_has_all_though_a_reader_is_idle(file: Path) -> None:
    account = SimulatedAccount()
    for _ in range(300):
        account.add_job()
    with closing(sqlite3.connect(file)) as idle, serve(account) as url:
        idle.execute("select count(*) from jobs").fetchall()
        variables = {
            "XPLENTY_ACCOUNT_ID": account.account_id,
            "XPLENTY_API_KEY": account.api_key,
            "XPLENTY_API_URL": url,
        }
        assert run("sync", database=file, **variables).returncode == 0
        shutil.copy(file, file.with_name("copy.db"))
    with closing(sqlite3.connect(file.with_name("copy.db"))) as copy:
        assert copy.execute("select count(*) from jobs").fetchall() == [(300,)]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"x", "is not a SQLite database"),
        (b"garbage" * 1000, "the file is not a SQLite database"),
        ("folder", "is a folder"),
        ("fifo", "is not a regular file"),
    ],
)
def test_what_is_not_a_database(content: bytes | str, said: str, file: Path) -> None:
    path = file.with_name("other.db")
    if content == "folder":
        path.mkdir()
    elif content == "fifo":
        os.mkfifo(path)
    else:
        path.write_bytes(bytes(content))  # type: ignore[arg-type]
    for words in (["status"], ["db", "upgrade"], ["db", "current"]):
        done = run(*words, database=path)
        assert done.returncode == 1
        assert said in done.stderr
        assert done.stderr.count("\n") == 1
    if isinstance(content, bytes):
        assert path.read_bytes() == content
    assert [each.name for each in file.parent.glob("other.db*")] == ["other.db"]


@pytest.mark.slow
def test_a_disk_that_is_full_is_said_and_read(file: Path, tmp_path: Path) -> None:
    """On such a disk SQLite's shared memory may have no room, and a process dies of it."""
    image, folder = tmp_path / "image", tmp_path / "full"
    folder.mkdir()
    with image.open("wb") as disk:
        disk.truncate(6 * 1024 * 1024)
    mounted("mkfs.ext4", "-q", "-b", "1024", "-O", "^has_journal", str(image))
    mounted("mount", "-o", "loop", str(image), str(folder))
    try:
        path = Path(shutil.copy(file, folder))
        subprocess.run(  # until there is no room left
            ["dd", "if=/dev/zero", f"of={folder}/rest", "bs=1k"], capture_output=True, check=False
        )
        for words in (["status"], ["db", "check"], ["trends", "freshness"]):
            assert run(*words, database=path).returncode == 0
        done = run("db", "upgrade", database=path)
        assert (done.returncode, done.stderr.count("\n")) == (1, 1)
        assert "is full; nothing is changed" in done.stderr
        (folder / "rest").unlink()
        engine = open_engine(f"sqlite:///{path}")
        assert current(engine) == head()
        engine.dispose()
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_downgrade_by_an_old_sqlite_too(file: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute(
            "insert into jobs (id, account_id, first_seen_at, last_changed_at, "
            "snapshot_id) values (1, 'a', '2026-01-01', '2026-01-01', 1)"
        )
        connection.execute("insert into job_outputs (id, job_id) values (2, 1)")
        connection.commit()
    ini = str(Path(__file__).parent.parent.parent / "alembic.ini")
    for version in ("(3, 34, 1)", "sqlite3.sqlite_version_info"):
        for words in (["downgrade", "0002"], ["upgrade", "head"]):
            program = (
                f"import sqlite3, sys; sqlite3.sqlite_version_info = {version}\n"
                f"from alembic.config import main; main(['-c', {ini!r}, *{words!r}])"
            )
            variables = {"SNAPSHOTTER_DATABASE_URL": f"sqlite:///{file}"}
            done = command.python(["-c", program], cwd=tmp_path, env=variables)
            assert done.returncode == 0, done.stderr
    assert run("db", "check", database=file).returncode == 0
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("select job_id from job_outputs").fetchall() == [(1,)]
        assert connection.execute("pragma foreign_key_check").fetchall() == []
