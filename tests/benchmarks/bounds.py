"""What bounds a figure that misses its target, measured: each function returns one to call then.

What is called returns a text of numbers, for the tables.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from . import measure
from .contenders import FLOOR, SYNC, snapshotter, sync, sync_variables
from .fixture import Fixture
from .measure import Usage
from .recorder import Recorder
from .results import Measurement
from .service import ROOT

Bound = Callable[[], str]

_BARE = (*snapshotter()[:1], "-c", "pass")
_IMPORT = re.compile(r"import time: +(\d+) \| +\d+ \| +([\w.]+)")


def of_a_load(record: Recorder, kind: str, account: str = "") -> Bound:
    """Return what `sync` and the floor took, and the parts of the floor."""

    def bound() -> str:
        own = record.found("load", SYNC, kind, account)
        floor = record.found("load", FLOOR, kind, account)
        parts = {
            part: record.found("load", f"{FLOOR}: {part}", kind, account)
            for part in ("fetch", "write")
        }
        inner = ", ".join(f"{part} {_seconds(found)}" for part, found in parts.items() if found)
        return "; ".join(
            [
                *([f"sync {_seconds(own)} ({_seconds(own, cpu=True)} of CPU)"] if own else []),
                *([f"floor {_seconds(floor)} ({inner})"] if floor else []),
            ]
        )

    return bound


def of_growth(record: Recorder, kind: str, jobs: int) -> Bound:
    """Return the CPU and the waiting of a job at this size, at another, and the floor's growth."""

    def bound() -> str:
        sizes = {record.account: None, f"{jobs:,}": None}
        texts = []
        for account in sizes:
            for name in (SYNC, FLOOR):
                found = record.found("load", name, kind, account)
                if found is not None:
                    texts.append(f"{name} of {account}: {_a_job(found, account)}")
        return "; ".join(texts)

    return bound


def _a_job(found: Measurement, account: str) -> str:
    jobs = int(account.replace(",", ""))
    cpu = found.cpu or 0
    wall_each, cpu_each = (each / jobs * 1_000_000 for each in (found.wall, cpu))
    return f"{wall_each:.0f} µs a job, {cpu_each:.0f} of CPU"


def of_peak(record: Recorder, kind: str) -> Bound:
    """Return the peaks of a sync of the small account and of the floor, and of bare Python."""

    def bound() -> str:
        bare = measure.run(_BARE, {}, ROOT)
        small = [
            (key.account, found)
            for key, found in record.results.measurements.items()
            if (key.part, key.what, key.database) == ("start", "first load", kind)
        ]
        floor = record.found("load", FLOOR, kind)
        return "; ".join(
            [
                f"bare Python {_mb(bare.peak / 2**20)}",
                *(f"first load of {account} jobs {_mb(found.peak)}" for account, found in small),
                *([f"floor {_mb(floor.peak)}"] if floor else []),
            ]
        )

    return bound


def of_latency(fixture: Fixture, kind: str, slow: Measurement) -> Bound:
    """Return what the same load takes without latency, and how many requests it makes."""

    def bound() -> str:
        with fixture.empty(kind) as url:
            usage = sync(fixture.service, url)
        return f"without latency {usage.wall:.2f} s; {slow.requests:.0f} requests at 100 ms"

    return bound


def of_a_sync(fixture: Fixture, kind: str) -> Bound:
    """Return what a sync with nothing new takes, and its start."""

    def bound() -> str:
        service, url = fixture.service, fixture.stored(kind)
        before = service.requests()
        idle = sync(service, url)
        requests = service.requests() - before
        started = of_a_start(["sync"], sync_variables(service, url))()
        return f"a sync with nothing new: {_both(idle)}, {requests} requests; {started}"

    return bound


def of_a_start(arguments: Sequence[str], variables: Mapping[str, str]) -> Bound:
    """Return what bare Python takes, and what the command imports, by the packages that cost most.

    Python measures the imports, which makes them a little slower.
    """

    def bound() -> str:
        bare = measure.run(_BARE, {}, ROOT)
        python, *rest = snapshotter(*arguments)
        usage = measure.run([python, "-X", "importtime", *rest], variables, ROOT)
        costs: Counter[str] = Counter()
        for micros, name in _IMPORT.findall(usage.logged):
            costs[name.split(".")[0]] += int(micros)
        dearest = ", ".join(f"{name} {cost / 1e6:.2f}" for name, cost in costs.most_common(4))
        imports = sum(costs.values()) / 1e6
        return f"bare Python {bare.wall:.2f} s; imports {imports:.2f} s ({dearest})"

    return bound


def of_trends(fixture: Fixture, kind: str, slow: Iterable[Sequence[str]]) -> Bound:
    """Return what the queries of trends, each a name and options, take alone; and a start."""

    def bound() -> str:
        alone = [(words[0], fixture.alone(kind, words)) for words in slow]
        return "alone: " + ", ".join(f"{name} {_both(usage)}" for name, usage in alone)

    return bound


def of_report(fixture: Fixture, kind: str, trends: Iterable[Sequence[str]]) -> Bound:
    """Return what all queries of the report's days take alone."""
    return lambda: f"the trends of these days alone: {_both(fixture.alone(kind, *trends))}"


def of_rows(fixture: Fixture, kind: str, query: str) -> Bound:
    """Return what reading the rows takes alone."""
    return lambda: f"the rows alone: {_both(fixture.query_alone(kind, query))}"


def _both(usage: Usage) -> str:
    return f"{usage.wall:.2f} s ({usage.cpu:.2f} of CPU)"


def _seconds(found: Measurement | None, *, cpu: bool = False) -> str:
    value = None if found is None else found.cpu if cpu else found.wall
    return "-" if value is None else f"{value:.2f} s"


def _mb(peak: float | None) -> str:
    return "-" if peak is None else f"{peak:.0f} MB"
