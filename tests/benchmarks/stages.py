"""Which accounts are measured, and which parts of the benchmark run on each."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from .shapes import CHANGING, STEADY, WIDE, Shape

SMALL = 200  # jobs of the database on which starts are measured
FORTY_PAGES = 4_000  # jobs

# In this order on each account: `load` makes what the later ones read.
PARTS = (
    *("start", "forty-pages", "load", "latency", "nothing-new", "incremental"),
    *("trends", "table", "report", "exports", "mariadb"),
)
_READING = ("nothing-new", "incremental", "trends", "table", "report", "exports")


@dataclass(frozen=True)
class Options:
    """How much is measured.

    `sizes` are the numbers of jobs of the steady accounts, ascending, and `compared` is that which
    everybody loads. `changing` and `wide` are those of the accounts whose fields change; 0: none.
    """

    sizes: Sequence[int]
    compared: int
    rounds: int
    peer_rounds: int
    kinds: Sequence[str]
    peers: Sequence[str]
    cache: Path
    changing: int = 0
    wide: int = 0
    forty_pages: int = FORTY_PAGES

    @property
    def grows(self) -> bool:
        """Whether there are several sizes."""
        return len(self.sizes) > 1


@dataclass(frozen=True)
class Stage:
    """One account, and the parts that run on it. `account` is its name in the tables.

    `rounds` are those of what takes long: loads and exports. `reads` are the databases whose trends
    are asked; `trends` are some of them, or none for all.
    """

    account: str
    jobs: int
    parts: Sequence[str]
    rounds: int
    kinds: Sequence[str]
    reads: Sequence[str]
    shape: Shape = STEADY
    has_floor: bool = False
    is_compared: bool = False
    trends: Sequence[str] = ()

    @property
    def has_changes(self) -> bool:
        """Whether the fields of its outputs change."""
        return self.shape.runs_between_changes is not None


def stages(options: Options) -> Iterator[Stage]:
    """Yield the accounts in the order in which they are measured."""
    rounds, kinds = options.rounds, options.kinds
    lite = [kind for kind in kinds if kind == "sqlite"]
    yield Stage(f"{SMALL:,}", SMALL, ("start",), rounds, kinds, kinds)
    pages = options.forty_pages
    yield Stage(f"{pages:,}", pages, ("forty-pages",), rounds, kinds, kinds)
    for jobs in options.sizes:
        yield _steady(options, jobs)
    if options.changing and lite:
        name = f"{options.changing:,} changing"
        parts = ("load", "trends", "table", "report", "exports")
        yield Stage(name, options.changing, parts, 1, lite, lite, CHANGING)
    if options.wide and lite:
        name = f"{options.wide:,} wide"
        only = ("output_field_changes",)
        yield Stage(name, options.wide, ("load", "trends"), 1, lite, lite, WIDE, trends=only)


def _steady(options: Options, jobs: int) -> Stage:
    is_compared = jobs == options.compared
    is_largest = jobs == options.sizes[-1]
    with_mariadb = options.grows and is_largest and "sqlite" in options.kinds
    parts = (
        "load",
        *(("latency",) if jobs == options.sizes[0] else ()),
        *(_READING if is_compared or is_largest else ()),
        *(("mariadb",) if with_mariadb else ()),
    )
    return Stage(
        account=f"{jobs:,}",
        jobs=jobs,
        parts=parts,
        rounds=1 if options.grows and is_largest else options.rounds,
        kinds=options.kinds,
        reads=[kind for kind in options.kinds if kind == "sqlite" or is_largest],
        has_floor=jobs <= options.compared,
        is_compared=is_compared,
    )
