"""What matters most in the trends, as ranked sentences: decided from rows alone."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Any, Literal

from snapshotter.report.rows import Names, Row, Trends, is_unusual, package_names
from snapshotter.report.sections import Anchor
from snapshotter.report.words import day, listed, sentence, share, shortened
from snapshotter.times import duration

Kind = Literal["Snapshot", "Stuck", "Failing", "Overdue", "Fields", "Slower", "Waiting", "Volume"]

MAX_FINDINGS = 5
MAX_OF_A_KIND = 2
BEHIND = timedelta(days=1)  # an older snapshot is worth a finding
_MIN_FAILURES, _MIN_FAILURE_RATE = 3, 0.05
_WAIT_DAYS, _WAIT_RATIO, _WAIT_SECONDS = 7, 2, 60
_RECENT_DAYS = 14


@dataclass(frozen=True)
class Finding:
    """`weight` ranks it among all; `kind` is a word for what it is; `section` shows more of it.

    The rest names what it is about, if that is one package, account or job; `url` is the job's page
    at the vendor.
    """

    weight: float
    kind: Kind
    section: Anchor
    text: str
    package_id: int | None = None
    account_id: str | None = None
    job_id: int | None = None
    url: str | None = None


@dataclass(frozen=True)
class _Rank:
    """How much a kind of finding weighs: `base`, and from there up or down to `limit`."""

    kind: Kind
    section: Anchor
    base: float
    limit: float

    def finding(self, text: str, more: float = 0) -> Finding:
        """Return a finding that weighs this much `more` than the base, within the limit."""
        least, most = sorted((self.base, self.limit))
        return Finding(max(least, min(most, self.base + more)), self.kind, self.section, text)


# The policy: what matters more than what. Each comment names what the weight depends on.
_NO_SNAPSHOT = _Rank("Snapshot", "snapshot", 95, 95)
_LATE_SNAPSHOT = _Rank("Snapshot", "snapshot", 95, 95)
_FAILED_SNAPSHOT = _Rank("Snapshot", "snapshot", 85, 85)
_STUCK = _Rank("Stuck", "waits", 75, 75)
_FAILING_NOW = _Rank("Failing", "fails", 70, 90)  # 1 for each failed run in a row
_OVERDUE = _Rank("Overdue", "freshness", 64, 64)
_LOST_FIELDS = _Rank("Fields", "fields", 62, 42)  # less 1 for each later loss
_REGRESSION = _Rank("Slower", "slower", 60, 80)  # 10 per multiple of the old median
_SLOWDOWN = _Rank("Slower", "slower", 58, 78)  # 10 per multiple of the old median
_WAITS = _Rank("Waiting", "waits", 58, 58)
_WROTE_NOTHING = _Rank("Volume", "volume", 55, 65)  # 1 for each day
_ONCE_WROTE_NOTHING = _Rank("Volume", "volume", 38, 48)  # 1 for each day
_UNUSUAL_VOLUME = _Rank("Volume", "volume", 35, 45)  # 1 for 10 of the z-score
_OFTEN_FAILING = _Rank("Failing", "fails", 30, 90)  # 1 for 1 % (at most 50) and for 5 failures (10)


def findings(trends: Trends, now: datetime) -> list[Finding]:
    """Return the findings that matter most, the most important first; none if nothing stands out.

    `trends` is that of `Answers`. A missing list of rows counts as empty.
    """
    found = sorted(_all(trends, now), key=lambda finding: -finding.weight)
    kinds: Counter[Kind] = Counter()
    first: list[Finding] = []
    later: list[Finding] = []
    for finding in found:
        kinds[finding.kind] += 1
        (first if kinds[finding.kind] <= MAX_OF_A_KIND else later).append(finding)
    return sorted((first + later)[:MAX_FINDINGS], key=lambda finding: -finding.weight)


def _all(trends: Trends, now: datetime) -> Iterator[Finding]:
    names = package_names(trends)
    yield from _snapshots(trends, now)
    yield from _stuck(trends.get("open_jobs", ()), names)
    yield from _slower(trends, names)
    yield from _failing(trends, names)
    yield from _overdue(trends.get("freshness", ()), names)
    yield from _lost_fields(trends.get("output_field_changes", ()), names)
    yield from _volume(trends.get("records_by_day", ()), names)
    yield from _waits(trends.get("queue_wait_by_day", ()))


def _snapshots(trends: Trends, now: datetime) -> Iterator[Finding]:
    began = {row["account_id"]: row["started_at"] for row in trends.get("complete_runs", ())}
    last_runs: dict[str, Row] = {}
    for row in trends.get("snapshot_log", ()):
        if row["kind"] != "jobs":
            last_runs[row["account_id"]] = row
    # An account whose runs all failed before the first answer is in the log alone.
    accounts = sorted({*began, *last_runs})
    for account in accounts:
        of = f" of {account}" if len(accounts) > 1 else ""
        yield from _snapshot(of, began.get(account), last_runs.get(account), now)


def _snapshot(
    of: str, began: datetime | None, last_run: Row | None, now: datetime
) -> Iterator[Finding]:
    """Yield what is wrong with an account's snapshot; `began`: when its last complete run did."""
    if began is None:
        yield _NO_SNAPSHOT.finding(f"No snapshot{of} is complete yet.")
    elif now - began > BEHIND:
        age = duration((now - began).total_seconds())
        yield _LATE_SNAPSHOT.finding(
            f"The snapshot{of} is {age} behind: its last complete run began {day(began)}."
        )
    elif last_run is not None and last_run["status"] == "failed":
        why = shortened(last_run["error"]).rstrip(".")
        text = f"The last run of the snapshot{of} failed" + (f": {why}." if why else ".")
        yield _FAILED_SNAPSHOT.finding(text)


def _stuck(jobs: Iterable[Row], names: Names) -> Iterator[Finding]:
    stuck = [job for job in jobs if job["stuck"]]
    if not stuck:
        return
    oldest = max(stuck, key=lambda job: job["age_seconds"])
    text = (
        f"job {oldest['job_id']} of {names[oldest['package_id']]} has been "
        f"{oldest['status'] or 'without a status'} for {duration(oldest['age_seconds'])}, "
        f"while 95 % of its runs take at most {duration(oldest['p95_seconds'])}"
    )
    lead = "" if len(stuck) == 1 else f"{len(stuck):,} jobs look stuck: "
    yield _STUCK.finding(sentence(lead + text))


def _slower(trends: Trends, names: Names) -> Iterator[Finding]:
    regressions = trends.get("runtime_regressions", ())
    for row in regressions:
        yield _regression(row, names[row["package_id"]])
    reported = {row["package_id"] for row in regressions}
    for row in trends.get("slowdowns", ()):
        if row["package_id"] not in reported:
            text = (
                f"{names[row['package_id']]} takes {row['ratio']:.1f} times as long since "
                f"{day(row['since'])} (median {duration(row['p50_seconds'])}, before "
                f"{duration(row['before_seconds'])} over {row['before_days']} days with runs)."
            )
            yield _SLOWDOWN.finding(text, 10 * (row["ratio"] - 1))


def _regression(row: Row, name: str) -> Finding:
    ratio = row["ratio"]
    times = "much longer than before" if ratio is None else f"{ratio:.1f} times as long"
    since = f" since {day(row['since'])}" if row["since"] else ""
    edited = "; the package was edited in between" if row["edited"] else ""
    text = (
        f"{name} takes {times}{since} (median {duration(row['recent_p50'])}, before "
        f"{duration(row['baseline_p50'])} over {row['baseline_runs']} runs){edited}."
    )
    return _REGRESSION.finding(text, 10 * ((ratio or 3) - 1))


def _failing(trends: Trends, names: Names) -> Iterator[Finding]:
    failing_now = {
        row["package_id"]: row for row in trends.get("recovery", ()) if row["failing_runs"] > 1
    }
    reasons = _main_reasons(trends.get("package_failure_reasons", ()))
    for package, (failed, runs) in _failures(trends.get("failures_by_day", ())).items():
        why = f"; most often: {reasons[package]}" if reasons.get(package) else ""
        if package in failing_now:
            row = failing_now[package]
            since = f", since {day(row['failing_since'])}" if row["failing_since"] else ""
            text = f"{names[package]} failed each of its last {row['failing_runs']} runs{since}"
            yield _FAILING_NOW.finding(f"{text}{why}.", row["failing_runs"])
        elif failed >= _MIN_FAILURES and failed / runs >= _MIN_FAILURE_RATE:
            text = f"{names[package]} failed {failed:,} of {runs:,} runs ({share(failed / runs)})"
            more = min(50, 100 * failed / runs) + min(10, failed / 5)
            yield _OFTEN_FAILING.finding(f"{text}{why}.", more)


def _main_reasons(rows: Iterable[Row]) -> dict[int | None, str]:
    """Return the most frequent reason of each package, which is the first of its rows."""
    reasons: dict[int | None, str] = {}
    for row in rows:
        reasons.setdefault(row["package_id"], shortened(row["reason"]).rstrip("."))
    return reasons


def _failures(rows: Iterable[Row]) -> dict[int | None, tuple[int, int]]:
    """Return how many runs of each package failed, and of how many that were not stopped."""
    counted: dict[int | None, tuple[int, int]] = {}
    for row in rows:
        failed, runs = counted.get(row["package_id"], (0, 0))
        counted[row["package_id"]] = failed + row["failed"], runs + row["runs"] - row["stopped"]
    return counted


def _overdue(rows: Iterable[Row], names: Names) -> Iterator[Finding]:
    overdue = [row for row in rows if row["overdue"]]
    if not overdue:
        return
    # The freshest of them: a package that has not run for months has probably been retired.
    first = min(overdue, key=lambda row: row["since_seconds"])
    text = (
        f"{names[first['package_id']]} is overdue: it last completed "
        f"{duration(first['since_seconds'])} before the snapshot, and usually does every "
        f"{duration(first['usual_gap_seconds'])}"
    )
    more = len(overdue) - 1
    if more:
        text += f"; so {'is' if more == 1 else 'are'} {more:,} more"
    yield _OVERDUE.finding(text + ".")


def _lost_fields(rows: Iterable[Row], names: Names) -> Iterator[Finding]:
    lost: dict[tuple[Any, ...], list[str]] = defaultdict(list)
    for row in rows:
        if row["change"] == "removed":
            key = (row["package_id"], row["output_name"], row["changed_at"])
            lost[key].append(row["field"])
    for later, ((package, output, at), fields) in enumerate(reversed(lost.items())):
        when = f" on {day(at)}" if at else ""
        what = "the field" if len(fields) == 1 else f"{len(fields)} fields,"
        text = (
            f"{names[package]} lost {what} {listed(fields)} of its output "
            f"{shortened(output) or 'without a name'}{when}."
        )
        yield _LOST_FIELDS.finding(text, -later)


def _volume(rows: Sequence[Row], names: Names) -> Iterator[Finding]:
    empty: dict[int | None, list[Row]] = defaultdict(list)
    newest = max((row["day"] for row in rows if row["day"]), default=None)
    for row in rows:
        if row["records"] == 0 and row["usual_records"]:
            empty[row["package_id"]].append(row)
        elif is_unusual(row):
            text = (
                f"{names[row['package_id']]} wrote {row['records']:,} records to "
                f"{listed([row['output_name']])} on {day(row['day'])}, while "
                f"{row['usual_records']:,.0f} are usual on that weekday."
            )
            yield _UNUSUAL_VOLUME.finding(text, abs(row["z_score"]) / 10)
    for package, nothing in empty.items():
        outputs = list(dict.fromkeys(row["output_name"] for row in nothing))
        days = {row["day"] for row in nothing}
        last = max((each for each in days if each), default=None)
        when = f"{len(days)} days, last on {day(last)}" if len(days) > 1 else day(last)
        text = f"{names[package]} wrote nothing to {listed(outputs)} on {when}."
        recent = last is not None and newest is not None and (newest - last).days <= _RECENT_DAYS
        yield (_WROTE_NOTHING if recent else _ONCE_WROTE_NOTHING).finding(text, len(days))


def _waits(rows: Iterable[Row]) -> Iterator[Finding]:
    days = [row for row in rows if row["day"] is not None and row["p50_seconds"] is not None]
    recent, before = days[-_WAIT_DAYS:], days[:-_WAIT_DAYS]
    if len(before) < _WAIT_DAYS:
        return
    now, then = (median(row["p50_seconds"] for row in part) for part in (recent, before))
    if now >= _WAIT_RATIO * then and now - then >= _WAIT_SECONDS:
        yield _WAITS.finding(
            f"Jobs wait longer to start since {day(recent[0]['day'])}: {duration(now)} in the "
            f"median, before {duration(then)}."
        )
