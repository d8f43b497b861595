"""A job history in a database, for Python: `History` calls what the commands call.

Nothing here changes the process: no signal handler stays, nothing is printed, and log lines go
through `logging`. Methods block, and may be called from any thread, also several at once.
"""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Self, Unpack

from snapshotter import logs
from snapshotter.export.frames import frame
from snapshotter.history.options import (
    SyncOptions,
    TrendFilters,
    plan,
    run_options,
    service,
    window,
)
from snapshotter.report.answers import OF_FINDINGS, Scope, ask
from snapshotter.report.findings import Finding, all_findings
from snapshotter.store import accounts, urls
from snapshotter.store.accounts import Stored
from snapshotter.store.ledger import Outcome
from snapshotter.store.opening import Database, reading, shown
from snapshotter.sync.account_run import run_account
from snapshotter.trends import trends
from snapshotter.trends.filters import find_package

if TYPE_CHECKING:
    from snapshotter.export.frames import DataFrame

__all__ = ["Finding", "History", "Outcome", "Stored"]

_EVIDENCE = timedelta(days=90)  # as the report and the digest have it


class History:
    """The job history in the database of a SQLAlchemy URL, like `sqlite:///job_history.db`.

    Each call opens the database and closes it again, so that nothing is left to be closed, with or
    without a `with`. Raises `UsageError` for a URL that is not valid.
    """

    def __init__(self, url: str) -> None:
        urls.parse(url)
        self._url = url

    def __repr__(self) -> str:
        return f"History({shown(self._url)!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def sync(self, account: str, key: str, **options: Unpack[SyncOptions]) -> Outcome:
        """Read what is new of an account into the database; return how the run ended.

        A database that is missing or empty gets its tables. Nothing is raised for what the command
        exits with 65: the outcome names it in `rejected` (how many records are set aside), `noted`
        (what could not be requested) and `missing` (ids that the API does not have).

        Raises `Stopped` if the run stopped early, lost nothing, and the next one continues: the API
        does not answer, a limit is reached, or another run has the account; `KeyRefused`;
        `UsageError` for an option that is not valid; `DatabaseError`; `Failure` for anything else.
        """
        whose = service(account, key, options)
        what, how = plan(options), run_options(options)
        database = Database(self._url, options.get("upgrade", False))
        with logs.marked(logs.RunMark(whose.account_id)):
            return run_account(whose, database, what, how)

    def trend(self, name: str, **filters: Unpack[TrendFilters]) -> "DataFrame":
        """Return the rows of a trend, with its columns as the top of its file in `sql/` has them.

        Whole numbers are `Int64`, other numbers `float64`, times `datetime64[us, UTC]`, days
        `datetime64[s]`, text is `string`. Durations are seconds. The worst or the newest rows come
        first.

        Raises `UsageError` for an unknown trend, package, account or option, with the nearest one,
        and `DatabaseError` if the database has no tables.
        """
        trends.require(name)
        asked = window(filters)
        with reading(self._url) as engine, engine.connect() as connection:
            chosen = asked.filters(connection, name)
            if asked.package_id is not None:
                find_package(connection, asked.package_id, asked.account)
            found = trends.rows(connection, name, chosen)
        return frame(found)

    def findings(self, **filters: Unpack[TrendFilters]) -> list[Finding]:
        """Return what stands out, in the words of the report, what costs most hours first.

        It is judged by the last 90 days, or those of the filters. Raises as `trend` does.
        """
        asked = window(filters)
        package = asked.package if asked.package_id is None else asked.package_id
        scope = Scope(
            asked.last or _EVIDENCE, package, asked.account, asked.since, asked.until, OF_FINDINGS
        )
        now = datetime.now(UTC)
        with reading(self._url) as engine, engine.connect() as connection:
            answers = ask(connection, scope, now)
        return all_findings(answers.trends, now)

    def accounts(self) -> list[Stored]:
        """Return what is stored of each account, by name. Raises `DatabaseError`."""
        with reading(self._url) as engine:
            return accounts.stored(engine)
