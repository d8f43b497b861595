"""The parts that write files of the jobs: by the command, and by pandas alone."""

import shutil
from collections import defaultdict
from pathlib import Path

from pyarrow import parquet

from . import bounds, targets
from .contenders import module, snapshotter
from .fixture import Fixture
from .measure import Failed
from .recorder import Recorder, taken
from .results import Measurement
from .service import ROOT, TOP

EXPORT, PANDAS = "export", "pandas"
JOBS = "select * from jobs order by id"
FIGURES = {"csv": targets.CSV, "json": targets.JSON, "parquet": targets.PARQUET}
_KIND = "sqlite"


def exports(fixture: Fixture, record: Recorder) -> None:
    """Write the jobs in each format; of an account with changes, a spreadsheet and everything."""
    if fixture.stage.has_changes:
        _with_changes(fixture, record)
        return
    for ending, figure in FIGURES.items():
        if ending == "csv" or fixture.stage.is_compared:
            own, pandas = _beside_pandas(fixture, record, ending)
            bound = bounds.of_rows(fixture, _KIND, JOBS)
            record.figure(figure, _KIND, own.wall / pandas.wall, bound)
        else:  # each takes pandas a minute for a million jobs
            _alone(fixture, record, ending)


def _beside_pandas(
    fixture: Fixture, record: Recorder, ending: str
) -> tuple[Measurement, Measurement]:
    url = fixture.stored(_KIND)
    files = {name: fixture.folder / f"{name}.{ending}" for name in (EXPORT, PANDAS)}
    commands = {
        EXPORT: (snapshotter("export", "jobs", "-o", str(files[EXPORT])), ROOT),
        PANDAS: ([*module("pandas_alone"), url, str(files[PANDAS])], TOP),
    }
    measured: dict[str, list[Measurement]] = defaultdict(list)
    for _ in range(fixture.stage.rounds if ending == "csv" else 1):
        for name, (command, folder) in commands.items():
            usage = fixture.watched(f"{ending} by {name}", command, url, folder)
            rows = count_rows(files[name])
            if rows != fixture.account.jobs:
                raise Failed(f"{name} wrote {rows:,} rows of {fixture.account.jobs:,} as {ending}")
            measured[name].append(taken(usage, rows=rows))
            _remove(files[name])
    own, pandas = (
        record.note(f"{ending} of jobs, {name}", _KIND, *measured[name])
        for name in (EXPORT, PANDAS)
    )
    return own, pandas


def _alone(fixture: Fixture, record: Recorder, ending: str) -> None:
    file = fixture.folder / f"{EXPORT}.{ending}"
    usage = fixture.run(f"{ending} by {EXPORT}", _KIND, "export", "jobs", "-o", str(file))
    record.note(f"{ending} of jobs, {EXPORT}", _KIND, taken(usage, rows=fixture.account.jobs))
    _remove(file)


def _with_changes(fixture: Fixture, record: Recorder) -> None:
    for ending in ("csv", "xlsx"):
        _alone(fixture, record, ending)
    folder = fixture.folder / "all"
    arguments = ("export", "--all", str(folder), "--format", "parquet")
    usage = fixture.run("everything as Parquet", _KIND, *arguments)
    rows = sum(fixture.account.rows.values())
    record.note("everything as Parquet, export", _KIND, taken(usage, rows=rows))
    _remove(folder)


def count_rows(file: Path) -> int:
    """Count the rows of a file that one of them has written."""
    if file.suffix == ".parquet":
        files = sorted(file.iterdir()) if file.is_dir() else [file]
        return sum(parquet.read_metadata(each).num_rows for each in files)
    with file.open("rb") as opened:
        if file.suffix == ".json":
            return sum(line.startswith(b"{") for line in opened)
        return sum(1 for _ in opened) - 1


def _remove(file: Path) -> None:
    if file.is_dir():
        shutil.rmtree(file)
    else:
        file.unlink()
