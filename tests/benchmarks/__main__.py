"""`python -m tests.benchmarks`: measures, prints the tables, and writes RESULTS.md."""

import signal
import sys
import tempfile
from pathlib import Path

import click

from . import machine, scenarios
from .contenders import PEERS
from .results import Results, document, parse, render
from .stages import PARTS, Options
from .stores import KINDS

RESULTS = Path(__file__).with_name("RESULTS.md")
GROWTH = (20_000, 100_000, 1_000_000)
CHANGING, WIDE = 300_000, 30  # jobs of the accounts whose fields change


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


class Numbers(click.ParamType[list[int]]):
    """Ascending numbers, separated by commas."""

    name = "numbers"

    def convert(
        self, value: str | list[int], param: click.Parameter | None, ctx: click.Context | None
    ) -> list[int]:
        try:
            numbers = [int(word) for word in value.split(",")] if isinstance(value, str) else value
        except ValueError:
            self.fail(f"{value!r} is not a list of numbers", param, ctx)
        if len(numbers) < 2 or numbers != sorted(set(numbers)):
            self.fail(f"{value!r} is not two or more ascending numbers", param, ctx)
        return numbers


@click.command()
@click.option(
    "--jobs",
    type=click.IntRange(min=200),
    default=20_000,
    show_default=True,
    help="Of the account, without --growth.",
)
@click.option(
    "--rounds",
    type=click.IntRange(min=1),
    default=3,
    show_default=True,
    help="How often each is run, in turns; medians are reported. What takes minutes runs once.",
)
@click.option(
    "--peer-rounds",
    type=click.IntRange(min=1),
    help="Of dlt and the hand script.  [default: 1 with --growth, else as --rounds]",
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
    "--only",
    type=Words(PARTS),
    help=f"Some of {', '.join(PARTS)}, by commas. With --write, what the others have measured on "
    "such a machine stays in RESULTS.md, beside the commit that it is of.",
)
@click.option("--no-peers", is_flag=True, help="Leave out dlt and the hand script.")
@click.option(
    "--growth",
    is_flag=True,
    help=f"Measure accounts of {', '.join(f'{jobs:,}' for jobs in GROWTH)} jobs, and of "
    f"{CHANGING:,} jobs whose fields change: some 15 GB of disk and memory, and an hour.",
)
@click.option("--sizes", type=Numbers(), hidden=True, help="With --growth, instead of its own.")
@click.option("--changing", type=int, default=CHANGING, hidden=True, help="As --sizes.")
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
    help="Write RESULTS.md after each part; without either, only if --growth runs as it is.",
)
def main(
    *,
    jobs: int,
    rounds: int,
    peer_rounds: int | None,
    kinds: list[str],
    only: list[str] | None,
    no_peers: bool,
    growth: bool,
    sizes: list[int] | None,
    changing: int,
    cache: Path,
    write: bool | None,
) -> None:
    """Measure how fast sync, export, trends and report are, beside a floor and what others use.

    Each contender is a process of its own; the API is served by another on loopback. What one part
    has measured is kept if another fails; the exit code is then 1.
    """
    # What was started is stopped by what unwinds.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    chosen_sizes = (sizes or [*GROWTH]) if growth else [jobs]
    options = Options(
        sizes=chosen_sizes,
        compared=chosen_sizes[-2] if growth else jobs,
        rounds=rounds,
        peer_rounds=peer_rounds or (1 if growth else rounds),
        kinds=kinds,
        peers=() if no_peers else PEERS,
        cache=cache,
        changing=changing if growth else 0,
        wide=WIDE if growth else 0,
    )
    is_whole = growth and not (sizes or only or no_peers) and set(kinds) == set(KINDS)
    _measure(options, only, is_written=is_whole if write is None else write)


def _measure(options: Options, only: list[str] | None, *, is_written: bool) -> None:
    before = RESULTS.read_text() if RESULTS.exists() else ""
    last = parse(before)
    results = Results(about=_about(options))
    if only and is_written and last.is_of(results.about):
        results.take_over(last, PARTS)

    def save() -> None:
        if is_written:
            RESULTS.write_text(document(results, before))

    try:
        scenarios.run(options, results, save, only or PARTS)
    finally:
        click.echo(render(results, last))
    if failed := results.failed():
        raise click.ClickException("not measured to the end: " + "; ".join(failed))


def _about(options: Options) -> dict[str, str]:
    return {
        **machine.describe(),
        "rounds": f"{options.rounds}; of dlt and the hand script {options.peer_rounds}",
    }


if __name__ == "__main__":
    main()
