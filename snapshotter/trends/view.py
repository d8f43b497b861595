"""A trend's rows as they are shown, in any format."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from snapshotter.trends.values import Result

NO_ROWS = "no rows: nothing of that kind has happened, or nothing has been synced yet"


@dataclass(frozen=True)
class View:
    """A trend's rows as they are shown. `links` has the addresses of jobs, by id.

    With `several_accounts` the account is shown, whichever the rows are of.
    """

    result: Result
    trend: str = ""
    links: Mapping[int, str] = field(default_factory=dict)
    several_accounts: bool = False
