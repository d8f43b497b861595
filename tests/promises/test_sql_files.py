"""The SQL files as they are, and statements as they are printed, in the tools that people use."""

import os
import re
import shutil
import subprocess
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import psycopg
import pytest
from databases import PostgresServer
from sqlalchemy import Engine, text
from trend_jobs import DAY, ended, log_two_runs, put, ran

from snapshotter import statements
from snapshotter.export.bundle import Bundle, export_all
from snapshotter.export.style import Style
from snapshotter.models import METADATA
from snapshotter.resources import resource_folder
from snapshotter.trends import trends
from snapshotter.trends.filters import Filters
from snapshotter.trends.standalone import filled, for_duckdb

README = (Path(__file__).parent.parent.parent / "README.md").read_text()
NAMES = trends.names()
NO_FILTER: dict[str, Any] = dict.fromkeys(("account_id", "package_id", "since", "until"))
DAYS = {"since": DAY.date(), "until": date(2026, 1, 25)}
PARAMETERS: dict[str, dict[str, Any]] = {
    "none": NO_FILTER,
    "package": {**NO_FILTER, "package_id": 434},
    "days": {**NO_FILTER, **DAYS},
    "days as text": {**NO_FILTER, **{name: str(day) for name, day in DAYS.items()}},
    "all": {"account_id": "acme", "package_id": 434, **DAYS},
    "another account": {**NO_FILTER, "account_id": "beta"},
}


@pytest.fixture
def history(engine: Engine) -> Engine:
    """Return a database in which every trend has an answer for package 434 of two."""
    own: dict[str, Any] = {"package_id": 434, "creator": {"type": "Schedule", "id": 7}}
    put(
        engine,
        *(
            ended(n, n, 10 if n < 20 else 30, outputs=[
                {"id": n, "name": "a", "records_count": 5, "component": {"fields": ["b"] * (n % 2)}}
            ], **own)
            for n in range(1, 26)
        ),
        *(ended(50 + n, 1440 * n, 10 if n < 7 else 30, **own) for n in range(1, 13)),
        ended(30, 30, status="failed", **own),
        ran(31, 1, status="running", **own),
        ran(40, 20),
    )  # fmt: skip
    log_two_runs(engine)
    return engine


def as_filters(parameters: dict[str, Any]) -> Filters:
    """Return parameters as the command has them."""
    days = {
        name: date.fromisoformat(parameters[name])
        for name in DAYS
        if isinstance(parameters[name], str)
    }
    return Filters(**{**parameters, **days})


@pytest.mark.parametrize("name", NAMES)
def test_pandas_runs_each_file_with_parameters(history: Engine, name: str) -> None:
    path = resource_folder("sql") / f"{name}.sql"
    with history.connect() as connection:
        for case, parameters in PARAMETERS.items():
            found = pd.read_sql(text(path.read_text()), connection, params=parameters)
            expected = trends.rows(connection, name, as_filters(parameters))
            assert list(found.columns) == expected.columns
            assert len(found) == len(expected.rows), case
            assert bool(len(found)) == (case != "another account"), case


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("name", NAMES)
def test_postgresql_knows_the_types_of_prepared_parameters(history: Engine, name: str) -> None:
    """A parameter may be one for all its places, or one for each."""
    source = statements.source(statements.files()[name])
    url = history.url
    with psycopg.connect(f"host={url.query['host']} user=postgres dbname={url.database}") as raw:
        for case, parameters in PARAMETERS.items():
            expected = len(raw.execute(named(source), parameters, prepare=True).fetchall())
            places = [part[1] for part in re.finditer(r":([a-z_]+)", statements.bare(source))]
            values = [parameters[place] for place in places]
            each = statements.with_parameters(escaped(source), lambda _: "%s")
            assert len(raw.execute(each, values, prepare=True).fetchall()) == expected, case


def escaped(source: str) -> Any:
    return statements.bare(source).replace("%", "%%")


def named(source: str) -> Any:
    return statements.with_parameters(escaped(source), "%({})s".format)


@pytest.mark.parametrize("name", NAMES)
def test_a_printed_statement_runs_in_its_engine(history: Engine, name: str) -> None:
    connection = history.raw_connection()
    for case, parameters in PARAMETERS.items():
        filters = as_filters(parameters)
        cursor = connection.cursor()
        cursor.execute(filled(name, filters))
        found = cursor.fetchall()
        cursor.close()
        with history.connect() as other:
            assert len(found) == len(trends.rows(other, name, filters).rows), case
    connection.close()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_duckdb_runs_what_is_printed_for_it(history: Engine, tmp_path: Path) -> None:
    export_all(history, Bundle(tmp_path / "all", Style("parquet"), DAY))
    with duckdb.connect() as duck, history.connect() as connection:
        duck.execute("set timezone = 'UTC'")
        for table in METADATA.tables:
            duck.execute(f"create view {table} as from '{tmp_path}/all/{table}.parquet'")
        for name in NAMES:
            used = statements.parameters(for_duckdb(name).replace("$", ":"))
            for case, parameters in PARAMETERS.items():
                filters = as_filters(parameters)
                values = {parameter: parameters[parameter] for parameter in used}
                expected = trends.rows(connection, name, filters)
                with_values = duck.execute(for_duckdb(name), values).df()
                assert list(with_values.columns) == expected.columns
                assert len(with_values) == len(expected.rows), (name, case)
                found = duck.execute(filled(name, filters)).fetchall()
                assert len(found) == len(expected.rows), (name, case)


@pytest.mark.parametrize("name", NAMES)
def test_each_shell_runs_each_file_as_the_readme_states(
    name: str, history: Engine, postgres: PostgresServer
) -> None:
    """Run the README's lines, but for the file and for where the database is."""
    with history.connect() as connection:
        expected = len(trends.rows(connection, name, Filters(package_id=434)).rows)
    url = history.url
    history.dispose()
    shell = {"sqlite": "sqlite3", "postgresql": "psql"}.get(history.dialect.name, "mariadb")
    search = os.pathsep.join([str(postgres.binaries), os.environ["PATH"]])
    if shutil.which(shell, path=search) is None:
        pytest.skip(f"no {shell} here")
    block = README.partition("<!-- shells -->\n```sh\n")[2].partition("```")[0]
    (command,) = (line for line in block.splitlines() if f"{shell} " in line)
    command = command.replace("runtime_by_week", name)
    environment = {**os.environ, "PATH": search}
    if shell == "sqlite3":
        command = command.replace("job_history.db", str(url.database))
    elif shell == "psql":
        command = command.replace("psql ", "psql -X ", 1)
        environment |= {"PGHOST": str(url.query["host"]), "PGUSER": str(url.username)}
        environment |= {"PGDATABASE": str(url.database)}
    else:
        socket = f"--socket={url.query['unix_socket']}"
        command = command.replace("mariadb ", f"mariadb {socket} --user=root ", 1)
        command = command.replace("job_history", str(url.database))
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        cwd=resource_folder("sql").parent,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == 1 + expected
