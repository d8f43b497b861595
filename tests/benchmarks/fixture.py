"""The account of one stage: made, served and stored when it is first needed."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

from . import account, measure, rows
from .contenders import check_rows, module, snapshotter, sync
from .measure import Usage
from .progress import Progress
from .service import ROOT, TOP, Service, serve
from .stages import Options, Stage
from .stores import Stores, count, sqlite_path

OPEN_JOBS = 10
_TABLES = {name: name for name in ("jobs", "job_outputs", "output_fields")}


class Fixture:
    """Has a folder, a served account and databases inside its `with`; they are gone afterwards."""

    def __init__(self, stage: Stage, options: Options, stores: Stores, progress: Progress) -> None:
        self.stage, self.options = stage, options
        self._stores, self._progress = stores, progress
        self._stack = ExitStack()
        self._urls: dict[str, str] = {}

    def __enter__(self) -> Self:
        folder = TemporaryDirectory(dir=self._stores.folder)
        self.folder = Path(self._stack.enter_context(folder))
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @cached_property
    def account(self) -> account.Account:
        """The account's file."""
        jobs = self.stage.jobs
        self._progress.say(f"making the account of {self.stage.account} jobs")
        open_jobs = OPEN_JOBS if jobs > account.NEWEST + OPEN_JOBS else 0
        return account.make(self.folder / "account", jobs, open_jobs, self.stage.shape)

    @cached_property
    def service(self) -> Service:
        """The account's server."""
        return self._stack.enter_context(serve(self.account))

    @cached_property
    def rows(self) -> Path:
        """The file of the rows that the floor writes."""
        url = self.stored("sqlite")
        self._progress.say("copying the rows for the floor")
        file = self.folder / "rows"
        rows.copy(sqlite_path(url), file)
        return file

    def stored(self, kind: str) -> str:
        """Return the URL of a database that holds the account."""
        if kind not in self._urls:
            url = self._stack.enter_context(self._stores.fresh(kind))
            self._fill(kind, url)
            self._urls[kind] = url
        return self._urls[kind]

    @contextmanager
    def empty(self, kind: str, *, migrated: bool = False, keep: bool = False) -> Iterator[str]:
        """Yield the URL of an empty database; `stored` returns the first that is to be kept."""
        with ExitStack() as stack:
            url = stack.enter_context(self._stores.fresh(kind, migrated=migrated))
            yield url
            if keep and kind not in self._urls:
                self._urls[kind] = url
                self._stack.push(stack.pop_all())

    def run(self, what: str, kind: str, *arguments: str) -> Usage:
        """Run the command on the stored account."""
        url = self.stored(kind)
        return self.watched(f"{what} on {kind}", snapshotter(*arguments), url)

    def watched(self, what: str, command: Sequence[str], url: str, folder: Path = ROOT) -> Usage:
        """Run a command, of which a line is printed before and after."""
        self.say(what)
        usage = measure.run(command, {"SNAPSHOTTER_DATABASE_URL": url}, folder)
        self.took(what, usage)
        return usage

    def alone(self, kind: str, *trends: Sequence[str]) -> Usage:
        """Run the queries of trends, each a name and options, by the plain driver."""
        variables = {"SNAPSHOTTER_DATABASE_URL": self.stored(kind)}
        return self.query_alone(
            kind,
            *(
                measure.run(snapshotter("trends", *words, "--sql"), variables, ROOT).printed
                for words in trends
            ),
        )

    def query_alone(self, kind: str, *queries: str) -> Usage:
        """Run queries by the plain driver, and read all of their rows."""
        url = self.stored(kind)
        with TemporaryDirectory(dir=self.folder) as folder:
            files = [Path(folder, f"{number}.sql") for number in range(len(queries))]
            for file, query in zip(files, queries, strict=True):
                file.write_text(query)
            command = [*module("bare_query"), url, *map(str, files)]
            return self.watched(f"{len(files)} queries alone on {kind}", command, url, TOP)

    def say(self, what: str) -> None:
        """Print a line about this account."""
        self._progress.say(f"[{self.stage.account}] {what} ...")

    def took(self, what: str, usage: Usage) -> None:
        """Print what a command on this account has taken."""
        self._progress.took(f"[{self.stage.account}] {what}", usage)

    def check(self, who: str, url: str) -> None:
        """Raise `Failed` unless the database holds the whole account."""
        check_rows(who, count(url, _TABLES), self.service)

    def _fill(self, kind: str, url: str) -> None:
        if kind == "mariadb":
            self.run("copying to MariaDB", "sqlite", "db", "copy", "--to", url)
            return
        self.say(f"filling {kind}")
        self.took(f"filling {kind}", sync(self.service, url))
        self.check(f"sync on {kind}", url)
