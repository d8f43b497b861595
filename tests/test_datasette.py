"""The demo's history in a real Datasette, with the metadata that the recipe prints."""

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import command
import pytest
from datasette_environment import Datasette, install
from readme import block

from snapshotter.datasette import metadata
from snapshotter.models import METADATA
from snapshotter.statements import files, view_files

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("datasette")]

SHOWN = {
    *("accounts", "jobs", "job_outputs", "output_fields"),
    *("job_changes", "log_summaries", "snapshots", "rejected_records"),
}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    done = command.run(["demo"], cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder / "demo.db"


@pytest.fixture(scope="module")
def datasette(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Datasette]:
    path = demo.with_name("metadata.json")
    words = ["recipe", "datasette", "--database", f"sqlite:///{demo}"]
    done = command.run(words)
    assert (done.returncode, done.stderr) == (0, "")
    path.write_text(done.stdout)
    with Datasette(install(tmp_path_factory.mktemp("datasette")), demo, path) as served:
        yield served


def rows(datasette: Datasette, query: str, **fields: str) -> list[dict[str, Any]]:
    answer = datasette.get(f"/demo/{query}.json?_shape=array&{urlencode(fields)}")
    return list(json.loads(answer))


def test_it_shows_the_tables_and_hides_the_helpers(datasette: Datasette) -> None:
    tables = json.loads(datasette.get("/demo.json"))["tables"]
    assert {table["name"] for table in tables if not table["hidden"]} == SHOWN


def test_it_describes_every_table_and_column(datasette: Datasette) -> None:
    described = metadata("demo")["databases"]["demo"]["tables"]
    for table in METADATA.tables.values():
        assert described[table.name]["description"]
        assert all(described[table.name]["columns"][column.name] for column in table.columns)
    page = datasette.get("/demo/job_outputs")
    assert "One row per output of a job" in page
    assert "number of records written" in page


def test_it_describes_every_view(datasette: Datasette) -> None:
    described = metadata("demo")["databases"]["demo"]["tables"]
    assert all(described[name]["description"] for name in view_files())
    page = datasette.get("/demo/packages")
    assert "Which packages are there, and since when do they run?" in page
    assert "jobs, whatever their status" in page


def test_the_line_of_the_readme(datasette: Datasette) -> None:
    query = urlencode({"sql": block("query:sql").strip(), "_shape": "array"})
    found = json.loads(datasette.get(f"/demo.json?{query}"))
    assert [*found[0]] == ["account_id", "package_name", "week", "p95_seconds"]


def test_it_facets_the_jobs_and_labels_links_to_them(datasette: Datasette, demo: Path) -> None:
    jobs = json.loads(datasette.get("/demo/jobs.json?_size=1"))
    with closing(sqlite3.connect(demo)) as connection:
        counted = connection.execute("select status, count(*) from jobs group by status").fetchall()
    facets = jobs["facet_results"]["status"]["results"]
    assert {facet["value"]: facet["count"] for facet in facets} == dict(counted)
    links = re.findall(r'<a href="/demo/jobs/(\d+)">(\w+)</a>', datasette.get("/demo/job_outputs"))
    assert links
    assert all(label and label != job for job, label in links)


@pytest.mark.parametrize("name", sorted(files()))
def test_each_trend_is_a_query_whose_empty_fields_mean_all(
    datasette: Datasette, demo: Path, name: str
) -> None:
    described = metadata("demo")["databases"]["demo"]["queries"][f"trend_{name}"]
    empty = dict.fromkeys(described["params"], "")
    with closing(sqlite3.connect(demo)) as connection:
        statement = files()[name].read_text()
        columns = connection.execute(statement, dict.fromkeys(empty)).description
        expected = connection.execute(statement, dict.fromkeys(empty)).fetchall()
    found = rows(datasette, f"trend_{name}", **empty)
    assert [*map(tuple, (row.values() for row in found))] == expected[: len(found)]
    assert len(found) == min(1000, len(expected))  # Datasette's page
    assert all([*row] == [column[0] for column in columns] for row in found)


def test_its_fields_filter(datasette: Datasette) -> None:
    fields = {
        "account_id": "acme",
        "package_id": "434",
        "since": "2026-01-19",
        "until": "2026-01-26",
    }
    (week,) = rows(datasette, "trend_runtime_by_week", **fields)
    assert (week["package_id"], week["week"]) == (434, "2026-01-19")


def test_its_pages_are_whole(datasette: Datasette) -> None:
    """A page of a query shows its question and a field for each parameter."""
    page = datasette.get("/demo/trend_runtime_by_week")
    assert "How long did each package take, week by week?" in page
    for field in ("account_id", "package_id", "since", "until"):
        assert f'name="{field}"' in page
