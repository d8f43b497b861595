"""A trend's rows as they are shown, in any format."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from snapshotter.trends.sparklines import Series
from snapshotter.trends.values import Result, Rows

NO_ROWS = "no rows: nothing of that kind has happened, or nothing has been synced yet"
SHOWN_ROWS = 100  # on a terminal, if no other number is asked for


@dataclass(frozen=True)
class View:
    """A trend's rows as they are shown. `links` has the addresses of jobs, by id.

    With `several_accounts` the account is shown, whichever the rows are of. `more` rows follow
    that are not shown; `series` has those of the sparklines, None if they are the shown rows.
    """

    result: Result
    trend: str = ""
    links: Mapping[int, str] = field(default_factory=dict)
    several_accounts: bool = False
    more: int = 0
    series: Series | None = None


def first_rows(columns: list[str], batches: Iterable[Rows], trend: str) -> View:
    """Return a view of the first `SHOWN_ROWS` rows, with the sparklines of all."""
    shown: Rows = []
    series = Series(columns)
    more = 0
    for batch in batches:
        series.add(batch)
        kept = batch[: SHOWN_ROWS - len(shown)]
        shown += kept
        more += len(batch) - len(kept)
    return View(Result(columns, shown), trend, more=more, series=series)
