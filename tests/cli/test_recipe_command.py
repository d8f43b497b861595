"""`snapshotter recipe` as a user runs it."""

import json

import pytest
from command_line import Run, assert_one_line


def test_the_metadata_of_datasette_names_the_database_of_the_url(run: Run) -> None:
    done = run("recipe", "datasette", "--database", "sqlite:////var/lib/my history.db")
    assert (done.returncode, done.stderr) == (0, "")
    assert [*json.loads(done.stdout)["databases"]] == ["my history"]


@pytest.mark.parametrize(
    "url", ["postgresql://reader:hidden@server/history", "mysql://server/history", "sqlite://"]
)
def test_datasette_opens_files_of_sqlite_alone(run: Run, url: str) -> None:
    done = run("recipe", "datasette", "--database", url)
    assert_one_line(done, 2, "Datasette opens files of SQLite")
    assert "hidden" not in done.stderr
