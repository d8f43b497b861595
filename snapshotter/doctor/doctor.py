"""Runs all checks: of the host, of each way to the API, of each account, of the database."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine

from snapshotter.configuration import Configuration
from snapshotter.configured_accounts import Account
from snapshotter.doctor import (
    configuration,
    database,
    disk,
    files,
    network,
    runs,
    schema,
    service,
)
from snapshotter.doctor.network import Way
from snapshotter.doctor.report import Check, Report, Runner
from snapshotter.errors import UsageError
from snapshotter.settings import (
    ACCOUNT_VARIABLE,
    API_URL_VARIABLE,
    DEFAULT_API_URL,
    base_url,
    setting,
)
from snapshotter.store import urls
from snapshotter.sync.status import Freshness

DEFAULT_MAX_AGE = timedelta(days=1)
DEFAULT_TIMEOUT = 10.0  # seconds
_REQUESTS_OF_A_CHECK = 3  # each may take the timeout: a name, a connection, an answer


@dataclass(frozen=True)
class Setup:
    """What is checked, and the limits. `names`: the accounts to check, by name or id; () for all.

    `find_problems` returns what is wrong with the settings. `timeout`: the seconds that a request,
    a connection or a lock may take.
    """

    environment: Mapping[str, str] = field(repr=False)
    database_url: str = field(repr=False)
    configuration: Configuration = field(default_factory=Configuration)
    find_problems: Callable[[], Sequence[str]] = tuple
    names: Sequence[str] = ()
    key_file: Path | None = None
    variables: str = "mask"
    reserve: int | None = None
    timeout: float = DEFAULT_TIMEOUT
    max_age: timedelta = DEFAULT_MAX_AGE


def examine(setup: Setup, emit: Callable[[Check], None]) -> None:
    """Run all checks, and emit what each finds as soon as it is found."""
    _Examination(setup, emit).run()


class _Examination:
    def __init__(self, setup: Setup, emit: Callable[[Check], None]) -> None:
        self._setup = setup
        self._environment = setup.configuration.environment(setup.environment)
        self._runner = Runner(emit, setup.timeout * _REQUESTS_OF_A_CHECK)
        self._now = datetime.now(UTC)

    def run(self) -> None:
        setup = self._setup
        run, environment = self._runner.run, self._environment
        is_known = run(
            Report("configuration"),
            lambda report: configuration.file(report, setup.configuration, setup.find_problems),
        )
        run(
            Report("secrets"),
            lambda report: configuration.secrets(report, environment, setup.variables),
        )
        given = (setup.names, setup.key_file)
        accounts: list[Account] | None = None
        if is_known or setup.names or setting(environment, ACCOUNT_VARIABLE):
            accounts = run(
                Report("accounts"),
                lambda report: configuration.chosen(
                    report, environment, setup.configuration, given
                ),
            )
        else:
            run(
                Report("accounts"),
                lambda report: report.skip("none is known; see what failed above"),
            )
        self._check_api(accounts or [])
        self._check_database(accounts or [])
        run(Report("temporary files"), lambda report: disk.of_temporary_files(report, environment))
        run(Report("files"), lambda report: self._check_files(report, accounts or []))

    def _check_api(self, accounts: list[Account]) -> None:
        """Check the way to each service once, and then each account by it."""
        urls = list(dict.fromkeys(each.api_url for each in accounts)) or self._default_url()
        for url in urls:
            way = self._check_way(url)
            for each in accounts:
                if each.api_url == url:
                    self._check_account(each, way)

    def _default_url(self) -> list[str]:
        """Return the service that an account would have; none if its URL is wrong."""
        given = setting(self._environment, API_URL_VARIABLE)
        with suppress(UsageError):  # which the check of the accounts reports, if there is one
            return [base_url(given or DEFAULT_API_URL)]
        return []

    def _check_way(self, url: str) -> Way | None:
        seconds, run = self._setup.timeout, self._runner.run
        way = run(Report("proxy"), lambda report: network.proxy(report, url, seconds))
        way = run(Report("network"), lambda report: network.network(report, url, way, seconds))
        return run(
            Report("certificate"), lambda report: network.certificate(report, url, way, seconds)
        )

    def _check_account(self, account: Account, way: Way | None) -> None:
        seconds, run = self._setup.timeout, self._runner.run
        found = run(
            Report("key", account.name),
            lambda report: service.key(report, lambda: account.service(seconds)),
        )
        if found is None:
            for name in ("api", "clock", "credits"):
                run(Report(name, account.name), lambda report: report.skip("there is no key"))
            return
        answer = run(
            Report("api", account.name),
            lambda report: service.api(report, found, seconds, is_reachable=way is not None),
        )
        run(Report("clock", account.name), lambda report: service.clock(report, answer))
        run(
            Report("credits", account.name),
            lambda report: service.credits_left(report, answer, self._setup.reserve),
        )

    def _check_database(self, accounts: list[Account]) -> None:
        run, url = self._runner.run, self._setup.database_url
        engine = run(
            Report("database"),
            lambda report: database.database(report, url, self._setup.timeout),
        )
        run(Report("disk"), self._check_disk)
        if engine is None:
            run(Report("schema"), lambda report: report.skip("there is no database to look into"))
            return
        try:
            self._check_stored(engine, accounts)
        finally:
            engine.dispose()

    def _check_stored(self, engine: Engine, accounts: list[Account]) -> None:
        run = self._runner.run
        has_tables = run(Report("schema"), lambda report: schema.schema(report, engine))
        known = (
            run(Report("freshness"), lambda _: runs.stored(engine, self._now))
            if has_tables
            else None
        )
        if known is None:
            run(Report("freshness"), lambda report: report.skip("the tables cannot be read"))
            return
        for name, each in self._to_check(accounts, known).items():
            self._check_runs(engine, name, each, known)

    def _to_check(
        self, accounts: list[Account], known: Mapping[str, Freshness]
    ) -> dict[str, tuple[str, bool]]:
        """Return the id of each account by its name, and whether it is configured."""
        found = {each.name: (each.account_id, True) for each in accounts}
        ids = {account_id for account_id, _ in found.values()}
        if not self._setup.names:
            found |= {each: (each, False) for each in known if each not in ids}
        return found

    def _check_runs(
        self, engine: Engine, name: str, which: tuple[str, bool], known: Mapping[str, Freshness]
    ) -> None:
        run, (account_id, is_configured) = self._runner.run, which
        mine = known.get(account_id)
        limits = runs.Limits(self._now, self._setup.max_age)
        run(Report("lock", name), lambda report: runs.lock(report, engine, account_id, mine))
        run(
            Report("freshness", name),
            lambda report: runs.fresh(report, mine, limits, is_configured=is_configured),
        )
        if mine is not None:
            run(
                Report("rejects", name),
                lambda report: runs.rejects(report, engine, mine, self._now),
            )

    def _check_disk(self, report: Report) -> None:
        try:
            path = urls.sqlite_file(self._setup.database_url)
        except UsageError:  # which the check of the database reports
            report.skip("there is no database")
        else:
            disk.of_database(report, path)

    def _check_files(self, report: Report, accounts: list[Account]) -> None:
        path = None
        with suppress(UsageError):  # as above
            path = urls.sqlite_file(self._setup.database_url)
        files.modes(report, files.known(path, self._setup.configuration.path, accounts))
