"""What a finding is, and the policy: which kinds there are, and what each costs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal, TypedDict, Unpack

from snapshotter.report.evidence import level
from snapshotter.report.rows import Key, Row, Trends, by_package, key_of, labels
from snapshotter.report.sections import Anchor
from snapshotter.report.words import shortened

Kind = Literal["Snapshot", "Stuck", "Failing", "Overdue", "Fields", "Slower", "Waiting", "Volume"]

_FIRST = 10.0**9  # more hours than anything else can cost
_LOST_RUN = 1.0  # hours that a lost run counts at least, however short: its data is missing


class Subject(TypedDict, total=False):
    """The one package, account or job that a finding is about."""

    package_id: int | None
    account_id: str | None
    job_id: int | None
    url: str | None


class About(Subject, total=False):
    """Which part of it, and when it began."""

    detail: str
    since: date | datetime | None
    found_from: datetime | None


@dataclass(frozen=True)
class Finding:
    """`weight` ranks it among all; `kind` is a word for what it is; `section` shows more of it.

    The weight is the hours that it cost in the period. `package_id`, `account_id` and `job_id` name
    what it is about, if that is one package, account or job, and `detail` which part of it; `url`
    is the job's page at the vendor. It began at `since`, and could be known from `found_from` on.
    """

    weight: float
    kind: Kind
    section: Anchor
    text: str
    package_id: int | None = None
    account_id: str | None = None
    job_id: int | None = None
    url: str | None = None
    detail: str = ""
    since: date | datetime | None = None
    found_from: datetime | None = None

    @property
    def subject(self) -> tuple[Kind, str | None, int | None, str]:
        """Return what is the same in the findings of two days if they are about the same."""
        return self.kind, self.account_id, self.package_id, self.detail


@dataclass(frozen=True)
class Rule:
    """A kind of finding. `first` ranks it before all that is not."""

    kind: Kind
    section: Anchor
    first: int = 0

    def finding(self, text: str, hours: float, **about: Unpack[About]) -> Finding:
        """Return a finding that weighs the hours that it cost."""
        return Finding(_FIRST * self.first + hours, self.kind, self.section, text, **about)


# The policy: a broken snapshot comes first, since then nothing else is known to be true. All else
# is ranked by the hours that it cost in the period, which each comment names.
NO_SNAPSHOT = Rule("Snapshot", "snapshot", first=2)
LATE_SNAPSHOT = Rule("Snapshot", "snapshot", first=2)  # by which it is behind
FAILED_SNAPSHOT = Rule("Snapshot", "snapshot", first=1)
STUCK = Rule("Stuck", "waits")  # that the job is older than its runs usually get
FAILING_NOW = Rule("Failing", "fails")  # of the runs lost, and burnt by them
OFTEN_FAILING = Rule("Failing", "fails")  # the same, of the failures that others do not have
OVERDUE = Rule("Overdue", "freshness")  # of the runs missed
LOST_FIELDS = Rule("Fields", "fields")  # of the runs since
SLOWER = Rule("Slower", "slower")  # that the runs since took longer
WAITS = Rule("Waiting", "waits")  # that jobs waited longer
WROTE_NOTHING = Rule("Volume", "volume")  # of the runs lost
UNUSUAL_VOLUME = Rule("Volume", "volume")  # of the day's runs


@dataclass(frozen=True)
class Facts:
    """What the findings of all kinds need to know about the account.

    `names` are the words for packages in a sentence. `chance` is the one that noise may have of
    looking like a finding about a package; `days` has the run times of each package, `seconds`
    their median, `burnt` the hours of its failed runs.
    """

    names: Mapping[Key, str]
    accounts: int
    chance: float
    days: Mapping[Key, Sequence[Row]]
    seconds: Mapping[Key, float]
    burnt: Mapping[Key, float]
    urls: Mapping[int, str]

    def about(self, row: Row, job_id: int | None = None) -> Subject:
        """Return what a finding about a row's package, and perhaps about a job, is about."""
        account_id, package_id = key_of(row)
        url = None if job_id is None else self.urls.get(job_id)
        return Subject(package_id=package_id, account_id=account_id, job_id=job_id, url=url)

    def of_account(self, account_id: str | None) -> str:
        """Return words that name the account if there are several, else nothing."""
        return f" of {account_id}" if self.accounts > 1 and account_id is not None else ""

    def runs_since(self, key: Key, at: date | datetime | None) -> int:
        """Return how many runs of a package completed on this day or later; None: on any."""
        first = at.date() if isinstance(at, datetime) else at
        days = self.days.get(key, ())
        return sum(row["runs"] for row in days if first is None or row["day"] >= first)

    def hours(self, key: Key, runs: float) -> float:
        """Return the hours that this many runs of a package take."""
        return runs * self.seconds.get(key, 0) / 3600

    def lost(self, key: Key, runs: float) -> float:
        """Return the hours that this many runs count that are lost."""
        return max(self.hours(key, runs), _LOST_RUN * runs)


def facts(trends: Trends) -> Facts:
    """Return the facts that the rows of these trends hold."""
    names = labels(trends, shortened)
    burnt: dict[Key, float] = {}
    for row in trends.get("retries", ()):
        burnt[key_of(row)] = burnt.get(key_of(row), 0) + float(row["hours_burnt"] or 0)
    return Facts(
        names,
        len({row["account_id"] for rows in trends.values() for row in rows if "account_id" in row}),
        level(len(names)),
        by_package(
            row
            for row in trends.get("runtime_by_day", ())
            if row["day"] is not None and row["p50_seconds"] is not None
        ),
        {key_of(r): float(r["p50_seconds"] or 0) for r in trends.get("slowest_packages", ())},
        burnt,
        {row["job_id"]: row["url"] for row in trends.get("job_urls", ())},
    )
