"""What is measured, one method a scenario: each puts its figures into the results."""

import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, Self

from snapshotter.trends import trends

from . import account, measure, results, rows
from .contenders import (
    DLT,
    FLOOR,
    HAND,
    SYNC,
    Contenders,
    check_rows,
    fetch_only,
    module,
    snapshotter,
    sync,
)
from .measure import Usage
from .results import Measurement, Results, middle
from .service import ROOT, TOP, Service, serve
from .stores import Stores, count, sqlite_path

LATENCY = 0.1
OPEN_JOBS = 10
CHANGED = 200
BETWEEN_RUNS = 15 * 60  # seconds, as under cron
STARTING_JOBS = 100  # one page: what any first load takes
_MB = 1024 * 1024


@dataclass(frozen=True)
class Options:
    """How much is measured; `growth` are the numbers of jobs of its first loads, ascending."""

    jobs: int
    rounds: int
    kinds: Sequence[str]
    peers: Sequence[str]
    growth: Sequence[int]
    cache: Path


class Stored(NamedTuple):
    """A database that holds an account which is being served."""

    service: Service
    url: str


@dataclass
class Benchmark:
    """Measures inside its `with`; what it started and wrote is gone afterwards."""

    options: Options
    results: Results = field(default_factory=Results)
    _stored: dict[str, Stored] = field(default_factory=dict)

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            self._stores = stack.enter_context(Stores())
            self._account = account.make(self._file("account"), self.options.jobs, OPEN_JOBS)
            self._service = stack.enter_context(serve(self._account))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def load(self) -> None:
        """Load the account into an empty database: everybody, in turns."""
        file = self._file("rows")
        rows.copy(sqlite_path(self._store("sqlite").url), file)
        contenders = Contenders(self._service, self._stores, file, self.options.cache)
        taken: dict[tuple[str, str], list[Measurement]] = defaultdict(list)
        for number in range(1, self.options.rounds + 1):
            for kind in self.options.kinds:
                for name in (FLOOR, SYNC, *self.options.peers):
                    run = contenders.load(name, kind)
                    _say(f"round {number}: {name} on {kind}", run.usage)
                    loaded = sum(self._account.rows.values())
                    taken[name, kind].append(_taken(run.usage, run.requests, loaded))
                    for part, seconds in run.parts.items():
                        taken[f"{name}: {part}", kind].append(Measurement(seconds))
        for (name, kind), measurements in taken.items():
            self._note(name, kind, *measurements)
        for kind in self.options.kinds:
            walls = {
                name: self.results.measurements[name, kind].wall
                for name in (FLOOR, SYNC, *self.options.peers)
            }
            self._figure(results.SYNC_TO_FLOOR, kind, walls[SYNC] / walls[FLOOR])
            for name, figure in ((DLT, results.DLT_TO_SYNC), (HAND, results.HAND_TO_SYNC)):
                if name in walls:
                    self._figure(figure, kind, walls[name] / walls[SYNC])

    def latency(self) -> None:
        """Load the account once, with 100 ms of latency for each answer."""
        with serve(self._account, LATENCY) as service:
            one_by_one = fetch_only(service)
            for kind in self.options.kinds:
                with self._stores.fresh(kind) as url:
                    before = service.requests()
                    usage = sync(service, url)
                    requests = service.requests() - before
                _say(f"first load at 100 ms on {kind}", usage)
                self._note("pages one by one at 100 ms", kind, Measurement(one_by_one))
                self._note("first load at 100 ms", kind, _taken(usage, requests))
                self._figure(results.LATENCY, kind, usage.wall / one_by_one)

    def nothing_new(self) -> None:
        """Sync when nothing has happened since the last time."""
        for kind in self.options.kinds:
            stored = self._store(kind)
            taken = []
            for _ in range(self.options.rounds):
                stored.service.let_pass(BETWEEN_RUNS)
                taken.append(self._sync_again(stored))
            self._note("nothing new", kind, *taken)
            self._figure(results.NOTHING_NEW, kind, middle(taken).wall)

    def growth(self) -> None:
        """Load accounts of several sizes, and keep the largest for what comes after."""
        starting = self._first_load(STARTING_JOBS).wall
        a_job = {}
        peaks = []
        for jobs in self.options.growth:
            taken = self._first_load(jobs)
            self._note(f"first load of {jobs:,} jobs", "sqlite", taken)
            a_job[jobs] = (taken.wall - starting) / jobs
            peaks.append(taken.peak or 0)
        self._note(f"first load of {STARTING_JOBS:,} jobs", "sqlite", Measurement(starting))
        fewest, most = self.options.growth[0], self.options.growth[-1]
        self._figure(results.GROWTH, "sqlite", a_job[most] / a_job[fewest])
        self._figure(results.GROWTH_PEAK, "sqlite", max(peaks))

    def incremental(self) -> None:
        """Sync when some jobs of the largest account have changed."""
        stored = self._store("sqlite")
        taken = []
        for _ in range(self.options.rounds):
            stored.service.let_pass(BETWEEN_RUNS)
            stored.service.touch(CHANGED)
            taken.append(self._sync_again(stored))
        check_rows("incremental sync", count(stored.url, _TABLES), stored.service)
        found = middle(taken)
        assert found.cpu is not None
        assert found.requests is not None
        self._note(f"{CHANGED} changed of {_jobs(stored)}", "sqlite", *taken)
        above = found.requests - stored.service.account.open_jobs
        self._figure(results.INCREMENTAL_REQUESTS, "sqlite", above)
        self._figure(results.INCREMENTAL_CPU, "sqlite", found.cpu)

    def csv(self) -> None:
        """Write the jobs of the largest account as CSV: the command, and pandas alone."""
        stored = self._store("sqlite")
        files = {name: self._file(f"{name}.csv") for name in ("export", "pandas")}
        commands = {
            "export": (snapshotter("export", "jobs", "-o", str(files["export"])), ROOT),
            "pandas": ([*module("pandas_csv"), stored.url, str(files["pandas"])], TOP),
        }
        taken: dict[str, list[Measurement]] = defaultdict(list)
        for _ in range(self.options.rounds):
            for name, (command, folder) in commands.items():
                usage = measure.run(command, _database(stored), folder)
                _say(f"CSV by {name}", usage)
                lines = files[name].read_bytes().count(b"\n") - 1
                if lines != stored.service.account.jobs:
                    raise measure.Failed(f"{name} wrote {lines:,} rows of {_jobs(stored)}")
                taken[name].append(_taken(usage, rows=lines))
        for name, measurements in taken.items():
            self._note(f"CSV of {_jobs(stored)}, {name}", "sqlite", *measurements)
        walls = {name: middle(measurements).wall for name, measurements in taken.items()}
        self._figure(results.CSV, "sqlite", walls["pandas"] / walls["export"])

    def trends(self) -> None:
        """Ask every trend of the largest account; once."""
        stored = self._store("sqlite")
        walls = []
        for name in trends.names():
            command = snapshotter("trends", name, "--format", "csv")
            usage = measure.run(command, _database(stored), ROOT)
            _say(f"trend {name}", usage)
            if not usage.printed:
                raise measure.Failed(f"trend {name} printed nothing")
            self._note(f"trend {name} of {_jobs(stored)}", "sqlite", _taken(usage))
            walls.append(usage.wall)
        self._figure(results.SLOWEST_TREND, "sqlite", max(walls))

    def report(self) -> None:
        """Write the report of the largest account; once."""
        stored = self._store("sqlite")
        command = snapshotter("report", "-o", str(self._file("report.html")))
        usage = measure.run(command, _database(stored), ROOT)
        _say("report", usage)
        self._note(f"report of {_jobs(stored)}", "sqlite", _taken(usage))
        self._figure(results.REPORT, "sqlite", usage.wall)

    def _file(self, name: str) -> Path:
        return self._stores.folder / name

    def _store(self, kind: str) -> Stored:
        """Return a database that holds the account, or a larger one if `growth` has left it."""
        if kind not in self._stored:
            stored = Stored(self._service, self._stack.enter_context(self._stores.fresh(kind)))
            _say(f"filling {kind}", sync(*stored))
            self._stored[kind] = stored
        return self._stored[kind]

    def _first_load(self, jobs: int) -> Measurement:
        open_jobs = OPEN_JOBS if jobs > STARTING_JOBS else 0
        grown = account.make(self._file(f"account of {jobs}"), jobs, open_jobs)
        service = self._stack.enter_context(serve(grown))
        stored = Stored(service, self._stack.enter_context(self._stores.fresh("sqlite")))
        usage = sync(*stored)
        _say(f"first load of {jobs:,} jobs", usage)
        check_rows(f"sync of {jobs:,} jobs", count(stored.url, _TABLES), service)
        self._stored["sqlite"] = stored
        return _taken(usage, service.requests(), sum(grown.rows.values()))

    def _sync_again(self, stored: Stored) -> Measurement:
        before = stored.service.requests()
        usage = sync(*stored)
        _say(f"sync of {_jobs(stored)} again", usage)
        return _taken(usage, stored.service.requests() - before)

    def _note(self, name: str, kind: str, *taken: Measurement) -> None:
        self.results.measurements[name, kind] = middle(taken)

    def _figure(self, name: str, kind: str, value: float) -> None:
        self.results.figures[name, kind] = value


_TABLES = {name: name for name in ("jobs", "job_outputs", "output_fields")}

# In this order, whatever order they are asked for in: `growth` makes what the later ones read.
SCENARIOS: dict[str, Callable[[Benchmark], None]] = {
    "load": Benchmark.load,
    "latency": Benchmark.latency,
    "nothing-new": Benchmark.nothing_new,
    "growth": Benchmark.growth,
    "incremental": Benchmark.incremental,
    "csv": Benchmark.csv,
    "trends": Benchmark.trends,
    "report": Benchmark.report,
}


def _taken(usage: Usage, requests: int | None = None, rows: int | None = None) -> Measurement:
    return Measurement(
        usage.wall,
        usage.cpu,
        usage.peak / _MB,
        requests,
        None if rows is None else rows / usage.wall,
    )


def _database(stored: Stored) -> dict[str, str]:
    return {"SNAPSHOTTER_DATABASE_URL": stored.url}


def _jobs(stored: Stored) -> str:
    return f"{stored.service.account.jobs:,} jobs"


def _say(what: str, usage: Usage) -> None:
    print(f"{what}: {usage.wall:.2f} s", file=sys.stderr, flush=True)
