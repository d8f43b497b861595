"""The parts that load: first loads by everybody, slow servers, and runs with little to do."""

from collections import defaultdict
from collections.abc import Iterator

from . import bounds, targets
from .contenders import DLT, FLOOR, HAND, SYNC, Contenders, fetch_only, sync
from .fixture import Fixture
from .recorder import Recorder, taken
from .results import Measurement
from .service import serve

LATENCY = 0.1
CHANGED = 200
BETWEEN_RUNS = 15 * 60  # seconds, as under cron


def load(fixture: Fixture, record: Recorder) -> None:
    """Load the account into an empty database: everybody who does at this size, in turns."""
    stage = fixture.stage
    contenders = Contenders(fixture.service, lambda: fixture.rows, fixture.options.cache)
    measured: dict[tuple[str, str], list[Measurement]] = defaultdict(list)
    for number in range(1, stage.rounds + 1):
        for kind in stage.kinds:
            for name in _loaders(fixture, number):
                what = f"round {number}: {name} on {kind}"
                fixture.say(what)
                with fixture.empty(kind, migrated=name == FLOOR, keep=name == SYNC) as url:
                    run = contenders.load(name, kind, url)
                fixture.took(what, run.usage)
                loaded = sum(fixture.account.rows.values())
                measured[name, kind].append(taken(run.usage, run.requests, loaded))
                for part, seconds in run.parts.items():
                    measured[f"{name}: {part}", kind].append(Measurement(seconds))
    for (name, kind), measurements in measured.items():
        record.note(name, kind, *measurements)
    for kind in stage.kinds:
        _of_a_load(fixture, record, kind)


def _loaders(fixture: Fixture, number: int) -> Iterator[str]:
    """Yield who loads in a round. `sync` is first: the floor writes the rows that it has stored."""
    stage = fixture.stage
    yield SYNC
    if stage.has_floor:
        yield FLOOR
    if stage.is_compared and number <= fixture.options.peer_rounds:
        yield from fixture.options.peers


def _of_a_load(fixture: Fixture, record: Recorder, kind: str) -> None:
    found = {name: record.found("load", name, kind) for name in (SYNC, FLOOR, DLT, HAND)}
    own = found[SYNC]
    assert own is not None
    assert own.peak is not None
    bound = bounds.of_a_load(record, kind)
    record.report(targets.A_JOB, kind, _micros(own, fixture.stage.jobs))
    if fixture.stage.has_changes:
        return
    record.figure(targets.PEAK, kind, own.peak, bounds.of_peak(record, kind))
    if (floor := found[FLOOR]) is not None:
        record.figure(targets.SYNC_TO_FLOOR, kind, own.wall / floor.wall, bound)
    for name, figure in ((DLT, targets.DLT_TO_SYNC), (HAND, targets.HAND_TO_SYNC)):
        if (peer := found[name]) is not None:
            record.figure(figure, kind, peer.wall / own.wall, bound)
    sizes = fixture.options.sizes
    if fixture.options.grows and fixture.stage.account == f"{sizes[-1]:,}":
        for figure, jobs in (
            (targets.GROWTH, fixture.options.compared),
            (targets.WHOLE_GROWTH, sizes[0]),
        ):
            other = record.found("load", SYNC, kind, f"{jobs:,}")
            if other is not None:
                growth = _micros(own, fixture.stage.jobs) / _micros(other, jobs)
                record.figure(figure, kind, growth, bounds.of_growth(record, kind, jobs))


def _micros(load: Measurement, jobs: int) -> float:
    return load.wall / jobs * 1_000_000


def latency(fixture: Fixture, record: Recorder) -> None:
    """Load the account once, with a latency of 100 ms for each answer."""
    _slowly(fixture, record, targets.LATENCY, 1)


def forty_pages(fixture: Fixture, record: Recorder) -> None:
    """Load a small account with a latency of 100 ms for each answer, in turns with its pages."""
    _slowly(fixture, record, targets.FORTY_PAGES, fixture.stage.rounds)


def _slowly(fixture: Fixture, record: Recorder, figure: str, rounds: int) -> None:
    measured: dict[str, list[Measurement]] = defaultdict(list)
    pages = []
    with serve(fixture.account, LATENCY) as service:
        for _ in range(rounds):
            fixture.say("pages one by one at 100 ms")
            pages.append(Measurement(fetch_only(service)))
            for kind in fixture.stage.kinds:
                fixture.say(f"first load at 100 ms on {kind}")
                with fixture.empty(kind) as url:
                    before = service.requests()
                    usage = sync(service, url)
                    fixture.took(f"first load at 100 ms on {kind}", usage)
                    fixture.check(f"sync on {kind}", url)
                measured[kind].append(taken(usage, service.requests() - before))
    for kind, measurements in measured.items():
        one_by_one = record.note("pages one by one at 100 ms", kind, *pages)
        found = record.note("first load at 100 ms", kind, *measurements)
        bound = bounds.of_latency(fixture, kind, found)
        record.figure(figure, kind, found.wall / one_by_one.wall, bound)


def nothing_new(fixture: Fixture, record: Recorder) -> None:
    """Sync when nothing has happened since the last time."""
    for kind in fixture.stage.kinds:
        measured = []
        for _ in range(fixture.options.rounds):
            fixture.stored(kind)
            fixture.service.let_pass(BETWEEN_RUNS)
            measured.append(_sync_again(fixture, kind, "nothing new"))
        found = record.note("nothing new", kind, *measured)
        bound = bounds.of_a_sync(fixture, kind)
        record.figure(targets.NOTHING_NEW, kind, found.wall, bound)


def incremental(fixture: Fixture, record: Recorder) -> None:
    """Sync when some jobs of the account have changed."""
    for kind in fixture.stage.kinds:
        measured = []
        for _ in range(fixture.options.rounds):
            fixture.stored(kind)
            fixture.service.let_pass(BETWEEN_RUNS)
            fixture.service.touch(CHANGED)
            measured.append(_sync_again(fixture, kind, f"{CHANGED} changed"))
        fixture.check(f"incremental sync on {kind}", fixture.stored(kind))
        found = record.note(f"{CHANGED} changed", kind, *measured)
        assert found.cpu is not None
        assert found.requests is not None
        above = found.requests - fixture.account.open_jobs
        bound = bounds.of_a_sync(fixture, kind)
        record.figure(targets.INCREMENTAL_REQUESTS, kind, above, bound)
        record.figure(targets.INCREMENTAL_CPU, kind, found.cpu, bound)
        record.report(targets.INCREMENTAL_WALL, kind, found.wall)


def _sync_again(fixture: Fixture, kind: str, what: str) -> Measurement:
    url, service = fixture.stored(kind), fixture.service
    fixture.say(f"{what} on {kind}")
    before = service.requests()
    usage = sync(service, url)
    fixture.took(f"{what} on {kind}", usage)
    return taken(usage, service.requests() - before)
