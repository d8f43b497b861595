"""The part that starts commands on a small database, many times."""

from . import bounds, targets
from .contenders import snapshotter, sync
from .fixture import Fixture
from .measure import run
from .recorder import Recorder, taken
from .service import ROOT

STARTS = 10
_COMMANDS = {
    targets.START_TREND: ("trends", "runtime_by_day"),
    targets.START_STATUS: ("status",),
    targets.START_HELP: ("--help",),
}


def start(fixture: Fixture, record: Recorder) -> None:
    """Load a small account, and start commands that need next to nothing."""
    for kind in fixture.stage.kinds:
        with fixture.empty(kind, keep=True) as url:
            usage = sync(fixture.service, url)
            fixture.took(f"first load on {kind}", usage)
            fixture.check(f"sync on {kind}", url)
        record.note("first load", kind, taken(usage, fixture.service.requests()))
    variables = {"SNAPSHOTTER_DATABASE_URL": fixture.stored("sqlite")}
    for figure, arguments in _COMMANDS.items():
        fixture.say(f"{STARTS} starts of {' '.join(arguments)}")
        usages = [run(snapshotter(*arguments), variables, ROOT) for _ in range(STARTS)]
        found = record.note(" ".join(arguments), "sqlite", *map(taken, usages))
        bound = bounds.of_a_start(arguments, variables)
        record.figure(figure, "sqlite", found.wall, bound)
