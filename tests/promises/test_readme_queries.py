"""The lines of SQL that the README shows, each in its own client."""

import os
import re
import shlex
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pandas as pd
import pytest
from databases import PostgresServer
from readme import block
from sqlalchemy import URL, Engine, text
from trend_jobs import ended, put

LINE = block("query:sql").strip()


@pytest.fixture
def filled(engine: Engine) -> URL:
    put(engine, *(ended(n, n, 30 * n) for n in range(1, 20)))
    put(engine, ended(40, 40, 7), account_id="beta")
    with engine.connect() as connection:
        rows = [(row[0], row[1], str(row[2]), row[3]) for row in connection.execute(text(LINE))]
    assert rows == [("acme", "one", "2026-01-05", 543.0), ("beta", "one", "2026-01-05", 7.0)]
    return engine.url


def copy(database: URL, path: Path) -> None:
    with closing(sqlite3.connect(str(database.database))) as connection:
        connection.execute("vacuum into ?", [str(path)])


def test_the_line_runs_in_the_shell(filled: URL, postgres: PostgresServer, tmp_path: Path) -> None:
    """Word for word, but for where the database is."""
    kind = filled.get_backend_name()
    shell = {"sqlite": "sqlite3", "postgresql": "psql"}.get(kind, "mariadb")
    path = f"{postgres.binaries}{os.pathsep}{os.environ['PATH']}"
    if shutil.which(shell, path=path) is None:
        pytest.skip(f"no {shell} here")
    lines = block("query:shells").splitlines()
    command = next(line for line in lines if line.startswith(f"{shell} "))
    assert LINE in command
    environment = {**os.environ, "PATH": path}
    match shell:
        case "sqlite3":
            copy(filled, tmp_path / "job_history.db")
        case "psql":
            host, user = str(filled.query["host"]), str(filled.username)
            environment |= {"PGHOST": host, "PGUSER": user, "PSQLRC": os.devnull}
            command = command.replace("history", str(filled.database), 1)
        case _:
            command = command.replace("history", str(filled.database), 1)
            command += f" --socket={shlex.quote(str(filled.query['unix_socket']))} --user=root"
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"acme\W+one\W+2026-01-05\W+543", done.stdout)
    assert re.search(r"beta\W+one\W+2026-01-05\W+7", done.stdout)


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_the_line_runs_in_pandas(
    filled: URL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy(filled, tmp_path / "job_history.db")
    monkeypatch.chdir(tmp_path)
    names: dict[str, pd.DataFrame] = {}
    exec(block("query:pandas"), names)  # noqa: S102 - the README's own lines
    p95 = names["p95"]
    assert list(p95.p95_seconds) == [543.0, 7.0]
    assert p95.week[0] == pd.Timestamp("2026-01-05")


def test_pandas_reads_the_line_from_any_database(filled: URL, engine: Engine) -> None:
    del filled
    with engine.connect() as connection:
        frame = pd.read_sql(text(LINE), connection)
    assert [float(each) for each in frame.p95_seconds] == [543.0, 7.0]
