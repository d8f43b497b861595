"""`python -m tests.benchmarks`: measures, prints the tables, and writes RESULTS.md."""

import signal
import sys
import tempfile
from pathlib import Path

import click

from . import machine
from .contenders import PEERS
from .measure import Failed
from .results import document, parse, render
from .scenarios import SCENARIOS, Benchmark, Options
from .stores import KINDS

RESULTS = Path(__file__).with_name("RESULTS.md")
GROWTH = (20_000, 100_000, 1_000_000)


class Words(click.ParamType[list[str]]):
    """Some of these words, separated by commas."""

    name = "words"

    def __init__(self, known: tuple[str, ...]) -> None:
        self._known = known

    def convert(
        self, value: str | list[str], param: click.Parameter | None, ctx: click.Context | None
    ) -> list[str]:
        words = value.split(",") if isinstance(value, str) else value
        if unknown := [word for word in words if word not in self._known]:
            self.fail(f"{unknown[0]!r} is none of {', '.join(self._known)}", param, ctx)
        return words


@click.command()
@click.option(
    "--jobs",
    type=click.IntRange(min=200),
    default=20_000,
    show_default=True,
    help="Of the account.",
)
@click.option(
    "--rounds",
    type=click.IntRange(min=1),
    default=3,
    show_default=True,
    help="How often each is run, in turns; medians are reported.",
)
@click.option(
    "--databases",
    "kinds",
    type=Words(KINDS),
    default=",".join(KINDS),
    show_default=True,
    help="Which databases, separated by commas.",
)
@click.option(
    "--only", type=Words(tuple(SCENARIOS)), help=f"Some of {', '.join(SCENARIOS)}, by commas."
)
@click.option("--no-peers", is_flag=True, help="Leave out dlt and the hand script.")
@click.option(
    "--growth",
    is_flag=True,
    help=f"Load {', '.join(f'{jobs:,}' for jobs in GROWTH)} jobs as well, and measure what comes "
    "after at the last: some 10 GB, and many minutes.",
)
@click.option(
    "--cache",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(tempfile.gettempdir(), "snapshotter-benchmarks"),
    show_default=True,
    help="Keeps dlt's environment, which is installed there the first time.",
)
@click.option(
    "--write/--no-write",
    default=None,
    help="Write RESULTS.md; without either, only if nothing was left out.",
)
def main(
    *,
    jobs: int,
    rounds: int,
    kinds: list[str],
    only: list[str] | None,
    no_peers: bool,
    growth: bool,
    cache: Path,
    write: bool | None,
) -> None:
    """Measure how fast sync, export, trends and report are, beside a floor and what others use.

    Each contender is a process of its own; the API is served by another on loopback.
    """
    # What was started is stopped by what unwinds.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    peers = () if no_peers else PEERS
    chosen = only or [name for name in SCENARIOS if name != "growth" or growth]
    sizes = GROWTH if growth else (jobs,)
    last = parse(RESULTS.read_text()) if RESULTS.exists() else None
    try:
        with Benchmark(Options(jobs, rounds, kinds, peers, sizes, cache)) as benchmark:
            for name, measured in SCENARIOS.items():
                if name in chosen:
                    measured(benchmark)
    except Failed as failed:
        raise click.ClickException(str(failed)) from None
    results = benchmark.results
    results.about = {"jobs": f"{jobs:,}", "rounds": str(rounds), **machine.describe()}
    click.echo(render(results, last))
    is_whole = only is None and not no_peers and set(kinds) == set(KINDS)
    if is_whole if write is None else write:
        RESULTS.write_text(document(results, RESULTS.read_text() if RESULTS.exists() else ""))


if __name__ == "__main__":
    main()
