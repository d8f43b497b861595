"""The benchmark works, at a size that shows nothing of speed; no test here looks at the time."""

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
import requests
from benchmarks import account, contenders, measure, results, rows, scenarios, stores
from benchmarks.__main__ import main
from benchmarks.results import Measurement, Results, Target
from benchmarks.server import Api, Jobs
from benchmarks.service import ROOT, TOP, serve
from benchmarks.shapes import CHANGING
from click.testing import CliRunner

from snapshotter.trends import trends

JOBS = 300
MEASURED = Results(
    about={"jobs": "20,000", "CPU": "Some Chip 2.0"},
    figures={("sync ÷ floor", "sqlite"): 1.25, ("dlt ÷ sync", "postgresql"): 1234.5},
    measurements={
        ("floor", "sqlite"): Measurement(1.5, 1.25, 40, 200, 300_000),
        ("floor: fetch", "sqlite"): Measurement(0.5),
        ("sync", "postgresql"): Measurement(2, 1.75, 80, 207, 230_000),
    },
)


@pytest.fixture(scope="module")
def benchmark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[scenarios.Benchmark]:
    options = scenarios.Options(
        jobs=JOBS,
        rounds=1,
        kinds=("sqlite",),
        peers=(contenders.HAND,),
        growth=(200, 400),
        cache=tmp_path_factory.mktemp("cache"),
    )
    with scenarios.Benchmark(options) as benchmark:
        yield benchmark


def measured(benchmark: scenarios.Benchmark) -> set[str]:
    return {name for name, _ in benchmark.results.measurements}


@pytest.mark.slow
def test_the_floor_sync_and_the_hand_script_load_the_account(
    benchmark: scenarios.Benchmark,
) -> None:
    benchmark.load()
    assert {"floor", "floor: fetch", "floor: write", "sync", "hand script"} <= measured(benchmark)
    loaded = {
        name: benchmark.results.measurements[name, "sqlite"] for name in ("floor", "hand script")
    }
    # A script cannot know that the last page was the last one.
    assert [each.requests for each in loaded.values()] == [3, 4]
    assert all(None not in each for each in loaded.values())
    assert {(results.SYNC_TO_FLOOR, "sqlite"), (results.HAND_TO_SYNC, "sqlite")} <= set(
        benchmark.results.figures
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("scenario", "figures"),
    [
        ("latency", [results.LATENCY]),
        ("nothing-new", [results.NOTHING_NEW]),
        ("growth", [results.GROWTH, results.GROWTH_PEAK]),
        ("incremental", [results.INCREMENTAL_REQUESTS, results.INCREMENTAL_CPU]),
        ("csv", [results.CSV]),
        ("report", [results.REPORT]),
    ],
)
def test_a_scenario_gives_its_figures(
    benchmark: scenarios.Benchmark, scenario: str, figures: list[str]
) -> None:
    scenarios.SCENARIOS[scenario](benchmark)
    assert {(figure, "sqlite") for figure in figures} <= set(benchmark.results.figures)


@pytest.mark.slow
def test_every_trend_is_measured(
    benchmark: scenarios.Benchmark, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trends, "names", lambda: ["open_jobs", "snapshot_log"])
    benchmark.trends()
    measured_trends = [name for name in measured(benchmark) if name.startswith("trend ")]
    assert sorted(name.split()[1] for name in measured_trends) == ["open_jobs", "snapshot_log"]


@pytest.mark.slow
def test_the_command_prints_its_tables_and_leaves_the_last_results() -> None:
    before = sorted((ROOT / "tests" / "benchmarks").glob("RESULTS.md"))
    texts = [path.read_text() for path in before]
    command = ["--jobs=200", "--rounds=1", "--no-peers", "--databases=sqlite", "--only=load"]
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks", *command],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    found = results.parse(done.stdout)
    assert set(found.figures) == {(results.SYNC_TO_FLOOR, "sqlite")}
    assert found.about["jobs"] == "200"
    assert [path.read_text() for path in before] == texts


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("--databases=oracle", "'oracle' is none of sqlite, postgresql"),
        ("--only=load,sleep", "'sleep' is none of load, latency"),
        ("--jobs=1", "1 is not in the range x>=200"),
    ],
)
def test_an_option_that_makes_no_sense_is_refused(option: str, said: str) -> None:
    done = CliRunner().invoke(main, [option])
    assert done.exit_code == 2
    assert said in done.output


def test_rows_that_are_missing_fail_the_benchmark(tmp_path: Path) -> None:
    with serve(account.make(tmp_path / "account", 200)) as service:
        whole = {"jobs": 200, "job_outputs": 400, "output_fields": 4000}
        contenders.check_rows("dlt on sqlite", whole, service)
        with pytest.raises(measure.Failed, match=r"dlt on sqlite loaded .*'jobs': 199"):
            contenders.check_rows("dlt on sqlite", whole | {"jobs": 199}, service)


def test_a_command_that_fails_prints_why(tmp_path: Path) -> None:
    with pytest.raises(measure.Failed, match=r"(?s)ended with 3:.*it broke"):
        measure.run(
            [sys.executable, "-c", "import sys; print('it broke', file=sys.stderr); sys.exit(3)"],
            {},
            tmp_path,
        )


def test_what_a_command_takes_is_its_own_and_its_childrens(tmp_path: Path) -> None:
    big = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'b\"x\" * 200_000_000'])"
    small = measure.run([sys.executable, "-c", "print('small')"], {}, tmp_path)
    assert small.printed == "small\n"
    assert small.peak < 50_000_000  # and not this process's
    assert measure.run([sys.executable, "-c", big], {}, tmp_path).peak > 200_000_000


# The account and its server


def test_the_server_returns_the_pages_of_the_account(tmp_path: Path) -> None:
    whole = list(account.documents(JOBS, 5))
    made = account.make(tmp_path / "account", JOBS, 5)
    assert made.rows == {"jobs": 300, "job_outputs": 600, "output_fields": 6000}
    with serve(made) as service:
        pages = [
            requests.get(service.jobs_url, params={"offset": at, "limit": 100}, timeout=9).json()
            for at in range(0, JOBS + 100, 100)
        ]
        assert service.requests() == 4
    assert pages == [whole[:100], whole[100:200], whole[200:], []]


def test_an_account_with_changes_has_them_in_many_packages() -> None:
    layouts: dict[tuple[int, str], list[list[str]]] = {}
    jobs = list(account.documents(4_000, shape=CHANGING))
    for job in jobs:
        for output in job["outputs"]:
            seen = layouts.setdefault((job["package_id"], output["name"]), [])
            if (fields := output["component"]["fields"]) not in seen:
                seen.append(fields)
    assert len({package for package, _ in layouts}) == 200
    assert {len(job["outputs"]) for job in jobs} == {2, 3, 4}
    pairs = [pair for seen in layouts.values() for pair in pairwise(seen)]
    changes = {len(after) - len(before) for before, after in pairs}
    assert changes == {-1, 0, 1}  # removed, moved, added
    assert {job["attempts"] for job in jobs if job["status"] == "failed"} >= {0, 1}
    retried = [job["attempts"] for job in jobs if job["package_id"] == 1]
    assert 0 < sum(retried) < len(retried)


def test_the_server_knows_the_open_the_changed_and_the_newest(tmp_path: Path) -> None:
    made = account.make(tmp_path / "account", JOBS, 5)
    jobs = Jobs(made.file)
    api = Api(jobs)
    moment = max(job["updated_at"] for job in account.documents(JOBS, 5))

    def listed(**query: str) -> list[int]:
        status, body, _ = api.answer("/acme/api/jobs", {"limit": "100"} | query)
        assert status == 200
        return [job["id"] for job in json.loads(body)]

    open_ids = [jobs.first_id + place for place in range(195, 200)]
    assert listed(status="running") == open_ids
    assert listed(sort="updated", direction="desc") == listed(since=moment)
    api.answer("/acme/api/touch", {"jobs": "3"})
    changed = [jobs.first_id, jobs.first_id + 100, jobs.first_id + 200]
    assert listed(since=f"{api.now - timedelta(minutes=1):%Y-%m-%dT%H:%M:%SZ}") == changed
    assert listed(sort="updated", direction="desc") == changed[-1:]
    assert listed()[:2] == [jobs.first_id, jobs.first_id + 1]
    assert json.loads(api.answer(f"/acme/api/jobs/{changed[1]}", {})[1])["attempts"] == 1
    assert api.answer("/acme/api/jobs/1", {})[0] == 404


@pytest.mark.slow
def test_the_floors_rows_are_those_of_the_tables(tmp_path: Path) -> None:
    with serve(account.make(tmp_path / "account", 250)) as service:
        source = tmp_path / "source.db"
        contenders.sync(service, f"sqlite:///{source}")
        rows.copy(source, tmp_path / "rows")
        with stores.Stores() as here, here.fresh("sqlite", migrated=True) as url:
            command = [
                *contenders.module("floor"),
                service.jobs_url,
                "250",
                url,
                str(tmp_path / "rows"),
            ]
            measure.run(command, {}, TOP)
            for table in ("jobs", "job_outputs", "output_fields", "job_changes"):
                assert everything(stores.sqlite_path(url), table) == everything(source, table)


def everything(database: Path, table: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(database)
    found = connection.execute(f"select * from {table} order by 1, 2").fetchall()
    connection.close()
    assert found
    return found


# Figures


def test_the_middle_is_the_median_of_each_number() -> None:
    taken = [Measurement(3, 1, 10, None), Measurement(1, 2, 30, 5), Measurement(2, 9, 20, 5)]
    assert results.middle(taken) == Measurement(2, 2, 20, None, None)


def test_results_are_read_back_as_they_were_written() -> None:
    before = results.document(MEASURED) + "\n## What bounds it\n\nThe wire.\n"
    assert results.parse(results.document(MEASURED)) == MEASURED
    assert results.document(MEASURED, before) == before
    assert results.parse(before) == MEASURED


def test_last_figures_stand_beside_the_new_ones() -> None:
    last = Results(figures={("sync ÷ floor", "sqlite"): 2.5}, measurements=MEASURED.measurements)
    text = results.render(MEASURED, last)
    line = next(line for line in text.splitlines() if line.startswith("| sync ÷ floor"))
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells == ["sync ÷ floor", "sqlite", "1.25", "≤ 1.5", "≤ 1.2", "yes", "2.50"]
    assert results.parse(text) == MEASURED


@pytest.mark.parametrize(
    ("sign", "value", "held"),
    [("≤", 1.5, True), ("≤", 1.51, False), ("≥", 1.5, True), ("≥", 1.49, False)],
)
def test_a_target_is_held_or_not(sign: str, value: float, held: bool) -> None:  # noqa: FBT001 - a case
    assert Target({"sqlite": 1.5}, sign=sign).is_held("sqlite", value) is held
