"""The benchmark works, at a size that shows nothing of speed; no test here looks at the time."""

import json
import math
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
import requests
from benchmarks import __main__ as entry
from benchmarks import (
    account,
    bare_query,
    bounds,
    contenders,
    exports,
    loads,
    machine,
    measure,
    pandas_alone,
    results,
    rows,
    scenarios,
    starts,
    stores,
    targets,
)
from benchmarks.fixture import Fixture
from benchmarks.progress import Progress
from benchmarks.recorder import Recorder
from benchmarks.results import DONE, Key, Measurement, Part, Results
from benchmarks.server import Api, Jobs
from benchmarks.service import ROOT, TOP, serve
from benchmarks.shapes import CHANGING
from benchmarks.stages import PARTS, Options, stages
from benchmarks.targets import Target
from click.testing import CliRunner

from snapshotter.trends import trends

JOBS = 300
OF_LOAD = ("load", "sync ÷ floor", "sqlite", "20,000")
MEASURED = Results(
    about={"rounds": "3", "CPU": "Some Chip 2.0"},
    figures={
        Key(*OF_LOAD): 1.25,
        Key("load", "dlt ÷ sync", "postgresql", "100,000"): 1234.5,
        Key("report", targets.REPORT, "sqlite", "100,000"): 17.5,
    },
    bounds={Key("report", targets.REPORT, "sqlite", "100,000"): "alone: 9.10 s (9.00 of CPU)"},
    measurements={
        Key("load", "floor", "sqlite", "20,000"): Measurement(1.5, 1.25, 40, 200, 300_000),
        Key("load", "floor: fetch", "sqlite", "20,000"): Measurement(0.5),
        Key("load", "sync", "postgresql", "100,000"): Measurement(2, 1.75, 80, 207, 230_000),
    },
    parts={
        ("load", "20,000"): Part("d55b465", "2026-11-27", 61, DONE),
        ("report", "100,000"): Part("d55b465", "2026-11-27", 19, DONE),
    },
)


def options(tmp_path: Path, *sizes: int, compared: int = 0) -> Options:
    return Options(
        sizes=sizes,
        compared=compared or sizes[-1],
        rounds=1,
        peer_rounds=1,
        kinds=("sqlite",),
        peers=(contenders.HAND,),
        cache=tmp_path / "cache",
        forty_pages=210,
    )


@pytest.fixture
def _lenient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each target be held: on a busy machine none may be, and what bounds it takes time."""
    for what, target in targets.TARGETS.items():
        limit = math.inf if target.sign == "≤" else 0.0
        held = target._replace(limits=dict.fromkeys(target.limits, limit))
        monkeypatch.setitem(targets.TARGETS, what, held)


def run(options: Options, *parts: str) -> Results:
    found = Results()
    scenarios.run(options, found, lambda: None, parts)
    assert found.failed() == []
    return found


TOOK = r"\d+\.\d\d s \(\d+\.\d\d of CPU\)"


def figures(found: Results) -> set[tuple[str, str, str]]:
    return {(key.part, key.what, key.account) for key in found.figures}


@pytest.mark.slow
@pytest.mark.usefixtures("_lenient")
def test_everybody_loads_and_the_sizes_are_compared(tmp_path: Path) -> None:
    found = run(options(tmp_path, 200, 300, compared=200), "load")
    loaded = {key.what: each for key, each in found.measurements.items() if key.account == "200"}
    assert set(loaded) == {"floor", "floor: fetch", "floor: write", "sync", "hand script"}
    # A script cannot know that the last page was the last one.
    assert [loaded[name].requests for name in ("floor", "hand script")] == [2, 3]
    assert all(None not in loaded[name] for name in ("floor", "hand script"))
    of_all = {
        ("load", what, jobs) for what in (targets.A_JOB, targets.PEAK) for jobs in ("200", "300")
    }
    assert figures(found) == of_all | {
        ("load", targets.SYNC_TO_FLOOR, "200"),
        ("load", targets.HAND_TO_SYNC, "200"),
        ("load", targets.GROWTH, "300"),
        ("load", targets.WHOLE_GROWTH, "300"),
    }


@pytest.mark.slow
@pytest.mark.usefixtures("_lenient")
def test_starts_and_slow_servers_are_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(starts, "STARTS", 1)
    monkeypatch.setattr(loads, "LATENCY", 0.001)
    found = run(options(tmp_path, 200), "start", "forty-pages", "latency")
    assert figures(found) == {
        ("start", targets.START_TREND, "200"),
        ("start", targets.START_STATUS, "200"),
        ("start", targets.START_HELP, "200"),
        ("forty-pages", targets.FORTY_PAGES, "210"),
        ("latency", targets.LATENCY, "200"),
    }


@pytest.mark.slow
@pytest.mark.usefixtures("_lenient")
def test_runs_with_little_to_do_and_what_reads_are_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trends, "names", lambda: ["retries"])
    monkeypatch.setitem(targets.TARGETS, targets.SLOWEST_TREND, Target({"sqlite": 0}))
    monkeypatch.setattr(exports, "FIGURES", {"csv": targets.CSV})
    found = run(
        options(tmp_path, 200), "nothing-new", "incremental", "trends", "table", "report", "exports"
    )
    assert figures(found) == {
        ("nothing-new", targets.NOTHING_NEW, "200"),
        ("incremental", targets.INCREMENTAL_REQUESTS, "200"),
        ("incremental", targets.INCREMENTAL_CPU, "200"),
        ("incremental", targets.INCREMENTAL_WALL, "200"),
        ("trends", targets.SLOWEST_TREND, "200"),
        ("trends", targets.SLOWEST_RECENT_TREND, "200"),
        ("table", targets.TABLE, "200"),
        ("report", targets.REPORT, "200"),
        ("exports", targets.CSV, "200"),
    }
    asked = {key.what for key in found.measurements if key.part == "trends"}
    assert asked == {"trend retries", "trend retries of 90 days"}
    assert [key.what for key in found.bounds] == [targets.SLOWEST_TREND]
    [bound] = found.bounds.values()
    assert re.fullmatch(rf"alone: retries {TOOK}", bound)


@pytest.mark.slow
def test_the_command_prints_its_tables_and_leaves_the_last_results() -> None:
    before = sorted((ROOT / "tests" / "benchmarks").glob("RESULTS.md"))
    texts = [path.read_text() for path in before]
    command = ["--jobs=200", "--rounds=1", "--no-peers", "--databases=sqlite", "--only=nothing-new"]
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks", *command],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    found = results.parse(done.stdout)
    assert figures(found) == {("nothing-new", targets.NOTHING_NEW, "200")}
    assert found.parts["nothing-new", "200"].ended == DONE
    assert "[200] nothing new on sqlite: " in done.stderr
    assert [path.read_text() for path in before] == texts


# What is measured, and what happens if some of it fails


def test_a_run_with_growth_measures_each_account(tmp_path: Path) -> None:
    growing = replace(
        options(tmp_path, 20, 100, 1000, compared=100),
        kinds=("sqlite", "postgresql"),
        rounds=3,
        changing=300,
        wide=30,
    )
    found = {stage.account: stage for stage in stages(growing)}
    assert list(found) == ["200", "210", "20", "100", "1,000", "300 changing", "30 wide"]
    assert {name: stage.rounds for name, stage in found.items()} == {
        "200": 3,
        "210": 3,
        "20": 3,
        "100": 3,
        "1,000": 1,
        "300 changing": 1,
        "30 wide": 1,
    }
    assert found["100"].is_compared
    assert [name for name, stage in found.items() if stage.has_floor] == ["20", "100"]
    assert found["100"].reads == ["sqlite"]
    assert found["1,000"].reads == ["sqlite", "postgresql"]
    assert found["20"].parts == ("load", "latency")
    assert "mariadb" in found["1,000"].parts
    assert {"load", "trends", "report", "exports", "table"} == set(found["300 changing"].parts)
    assert {part for stage in found.values() for part in stage.parts} == set(PARTS)
    assert set(PARTS) == set(scenarios.SCENARIOS)


@pytest.fixture
def faked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Callable[[Fixture, Recorder], None]]:
    def measured(_: Fixture, record: Recorder) -> None:
        record.report(targets.LONG_REPORT, "sqlite", 1)

    parts: dict[str, Callable[[Fixture, Recorder], None]] = dict.fromkeys(PARTS, measured)
    monkeypatch.setattr(scenarios, "SCENARIOS", parts)
    return parts


def test_a_part_that_fails_keeps_what_the_others_measure(
    faked: dict[str, Callable[[Fixture, Recorder], None]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def failing(fixture: Fixture, record: Recorder) -> None:
        faked["start"](fixture, record)
        raise measure.Failed("trend retries | printed\nnothing")

    faked["trends"] = failing
    found, saved = Results(), list[str]()
    scenarios.run(options(tmp_path, 20), found, lambda: saved.append(results.document(found)))
    assert {key.part for key in found.figures} == {part for part in PARTS if part != "mariadb"}
    assert found.parts["trends", "20"].ended == "failed: trend retries / printed nothing"
    assert found.failed() == ["trends of 20: failed: trend retries / printed nothing"]
    assert "**Not measured to the end:** trends of 20: failed: trend retries" in saved[-1]
    assert results.parse(saved[-1]).failed() == found.failed()
    assert len(saved) == len(PARTS) - 1
    assert "FAILED: trends of 20 jobs" in capsys.readouterr().err


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, KeyError])
def test_what_was_measured_is_saved_if_the_run_is_interrupted(
    faked: dict[str, Callable[[Fixture, Recorder], None]],
    tmp_path: Path,
    error: type[BaseException],
) -> None:
    def stopped(*_: object) -> None:
        raise error

    faked["load"] = stopped
    found, saved = Results(), list[Results]()
    with pytest.raises(error):
        scenarios.run(
            options(tmp_path, 20),
            found,
            lambda: saved.append(results.parse(results.document(found))),
        )
    assert saved[-1].failed() == ["load of 20: interrupted"]
    assert {key.part for key in saved[-1].figures} == {"start", "forty-pages"}


def test_a_failing_target_is_shown_with_what_bounds_it(capsys: pytest.CaptureFixture[str]) -> None:
    found = Results()
    record = Recorder(found, Progress(), "report", "100,000")
    record.figure(targets.REPORT, "sqlite", 17.5, lambda: "alone: 9.10 s | all")
    record.figure(targets.SLOWEST_TREND, "sqlite", 1, lambda: pytest.fail("it is held"))
    text = results.document(found)
    line = next(line for line in text.splitlines() if "| no " in line)
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells[4:] == ["17.50", "≤ 4", "-", "no", "alone: 9.10 s / all"]
    assert "**17.50**" in text
    assert "**1.00**" not in text
    printed = capsys.readouterr().err
    assert f"MISSED: {targets.REPORT} on sqlite is 17.50, and the target ≤ 4" in printed
    assert "what bounds it: alone: 9.10 s / all" in printed


def test_a_bound_that_cannot_be_measured_leaves_the_figure() -> None:
    def failing() -> str:
        raise measure.Failed("no such table")

    found = Results()
    record = Recorder(found, Progress(), "report", "100,000")
    with pytest.raises(measure.Failed):
        record.figure(targets.REPORT, "sqlite", 17.5, failing)
    assert list(found.figures.values()) == [17.5]


def test_the_bound_of_a_first_load_is_the_floor() -> None:
    loaded = {
        "sync": Measurement(30, 20, 140),
        "floor": Measurement(25, 18, 35),
        "floor: fetch": Measurement(2),
        "floor: write": Measurement(22),
    }
    found = Results()
    record = Recorder(found, Progress(), "load", "100,000")
    for what, each in loaded.items():
        record.note(what, "sqlite", each)
    assert bounds.of_a_load(record, "sqlite")() == (
        "sync 30.00 s (20.00 s of CPU); floor 25.00 s (fetch 2.00 s, write 22.00 s)"
    )
    small = Recorder(found, Progress(), "start", "200")
    small.note("first load", "sqlite", Measurement(1, 1, 86))
    largest = Recorder(found, Progress(), "load", "1,000,000")
    largest.note("sync", "sqlite", Measurement(400, 250, 150))
    assert bounds.of_growth(largest, "sqlite", 100_000)() == (
        "sync of 1,000,000: 400 µs a job, 250 of CPU; sync of 100,000: 300 µs a job, 200 of CPU; "
        "floor of 100,000: 250 µs a job, 180 of CPU"
    )
    assert re.fullmatch(
        r"bare Python \d+ MB; first load of 200 jobs 86 MB; floor 35 MB",
        bounds.of_peak(record, "sqlite")(),
    )


def test_the_bound_of_a_start_is_what_it_imports() -> None:
    assert re.fullmatch(
        r"bare Python \d\.\d\d s; imports \d\.\d\d s \(.*click \d\.\d\d.*\)",
        bounds.of_a_start(["--help"], {})(),
    )


def test_what_other_parts_measured_is_taken_over() -> None:
    found = Results()
    found.take_over(MEASURED, ["load"])
    assert set(found.parts) == {("load", "20,000")}
    assert {key.part for key in (*found.figures, *found.measurements)} == {"load"}
    assert found.bounds == {}
    found.take_over(MEASURED, ["report"])
    assert found.figures == MEASURED.figures
    assert found.bounds == MEASURED.bounds
    found.forget("load", "20,000")
    assert {key.account for key in found.figures} == {"100,000"}
    assert ("load", "20,000") not in found.parts


def test_parts_that_run_alone_join_the_results_of_such_a_machine(
    faked: dict[str, Callable[[Fixture, Recorder], None]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file, chip = tmp_path / "RESULTS.md", "Some Chip"
    monkeypatch.setattr(entry, "RESULTS", file)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(machine, "describe", lambda: {"CPU": chip})

    def written(*arguments: str) -> tuple[int, Results]:
        done = CliRunner().invoke(entry.main, ["--write", "--jobs=200", *arguments])
        return done.exit_code, results.parse(file.read_text())

    assert written("--only=load,report")[0] == 0
    monkeypatch.setattr(machine, "commit", lambda: "abc1234")

    def failing(*_: object) -> None:
        raise measure.Failed("no space")

    faked["report"] = failing
    code, found = written("--only=report")
    assert code == 1
    assert {key.part for key in found.figures} == {"load"}
    assert found.parts["report", "200"].commit == "abc1234"
    assert found.parts["load", "200"].commit != "abc1234"
    assert found.failed() == ["report of 200: failed: no space"]
    chip = "Another Chip"
    assert {part for part, _ in written("--only=table")[1].parts} == {"table"}


def test_figures_of_another_machine_are_not_taken_over() -> None:
    assert MEASURED.is_of({"rounds": "1", "CPU": "Some Chip 2.0"})
    assert not MEASURED.is_of({"CPU": "Another Chip"})


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("--databases=oracle", "'oracle' is none of sqlite, postgresql"),
        ("--only=load,sleep", "'sleep' is none of start, forty-pages"),
        ("--jobs=1", "1 is not in the range x>=200"),
    ],
)
def test_an_option_that_makes_no_sense_is_refused(option: str, said: str) -> None:
    done = CliRunner().invoke(entry.main, [option])
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


def test_a_command_can_be_run_on_a_terminal(tmp_path: Path) -> None:
    code = "import os, sys; print(sys.stdout.isatty(), os.get_terminal_size().columns)"
    usage = measure.run_on_terminal([sys.executable, "-c", code], {}, tmp_path)
    assert usage.printed == "True 120\r\n"
    with pytest.raises(measure.Failed, match="ended with 3"):
        measure.run_on_terminal([sys.executable, "-c", "raise SystemExit(3)"], {}, tmp_path)


def test_a_query_is_run_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number, query in enumerate(("select 1 union select 2;\n", "select 3")):
        (tmp_path / f"{number}.sql").write_text(query)
    files = [str(file) for file in sorted(tmp_path.glob("*.sql"))]
    bare_query.main(f"sqlite:///{tmp_path / 'a.db'}", *files)
    assert capsys.readouterr().out == "3\n"


@pytest.mark.parametrize("ending", exports.FIGURES)
def test_pandas_alone_writes_all_jobs_in_chunks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    monkeypatch.setattr(pandas_alone, "ROWS", 2)
    with closing(sqlite3.connect(tmp_path / "a.db")) as database:
        database.execute("create table jobs (id integer, status text)")
        database.executemany("insert into jobs values (?, 'failed')", [(1,), (2,), (3,)])
        database.commit()
    file = tmp_path / f"jobs.{ending}"
    pandas_alone.main(f"sqlite:///{tmp_path / 'a.db'}", str(file))
    assert exports.count_rows(file) == 3


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


def test_figures_stand_at_a_glance_by_the_number_of_jobs() -> None:
    lines = results.render(MEASURED).splitlines()
    table = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[:5]]
    assert table[0] == ["at a glance", "database", "20,000", "100,000", "target"]
    assert table[2:] == [
        ["sync ÷ floor", "sqlite", "1.25", "-", "≤ 1.5"],
        ["dlt ÷ sync", "postgresql", "-", "1,234.50", "≥ 3"],
        [targets.REPORT, "sqlite", "-", "**17.50**", "≤ 4"],
    ]


def test_last_figures_stand_beside_the_new_ones() -> None:
    last = Results(figures={Key(*OF_LOAD): 2.5}, measurements=MEASURED.measurements)
    text = results.render(MEASURED, last)
    line = next(line for line in text.splitlines() if line.startswith("| load"))
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    assert cells == [*OF_LOAD, "1.25", "≤ 1.5", "≤ 1.2", "yes", "-", "2.50"]
    assert results.parse(text) == MEASURED


@pytest.mark.parametrize(
    ("sign", "value", "held"),
    [("≤", 1.5, True), ("≤", 1.51, False), ("≥", 1.5, True), ("≥", 1.49, False)],
)
def test_a_target_is_held_or_not(sign: str, value: float, held: bool) -> None:  # noqa: FBT001 - a case
    assert Target({"sqlite": 1.5}, sign=sign).is_held("sqlite", value) is held
