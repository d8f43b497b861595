"""What matters most in the trends, as ranked sentences: decided from rows alone."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from statistics import median

from snapshotter.report.evidence import ALPHA, chance_higher, failure_rate, latest_gap, longest_run
from snapshotter.report.failing import Count, failing, failures
from snapshotter.report.odd_volumes import odd_volumes
from snapshotter.report.policy import (
    FAILED_SNAPSHOT,
    LATE_SNAPSHOT,
    LOST_FIELDS,
    NO_SNAPSHOT,
    OVERDUE,
    STUCK,
    WAITS,
    Facts,
    Finding,
    Kind,
    facts,
)
from snapshotter.report.rows import Key, Row, Trends, key_of
from snapshotter.report.slower import slower
from snapshotter.report.words import day, listed, sentence, shortened
from snapshotter.times import duration

__all__ = ["BEHIND", "MAX_FINDINGS", "MAX_OF_A_KIND", "Finding", "all_findings", "findings"]

MAX_FINDINGS = 5
MAX_OF_A_KIND = 2
BEHIND = timedelta(days=1)  # an older snapshot is worth a finding
_WAIT_DAYS, _WAIT_RATIO, _WAIT_SECONDS = 7, 2, 60
_RETIRED_AFTER, _RETIRED_RUNS = timedelta(days=30), 20  # then a package is overdue no longer
_LEAST_RUN = 60  # seconds; a job that is not older is not stuck


def findings(trends: Trends, now: datetime) -> list[Finding]:
    """Return the findings that matter most, the most important first; none if nothing stands out.

    `trends` is that of `Answers`. A missing list of rows counts as empty. Several stuck jobs, or
    overdue packages, of an account are one finding.
    """
    kinds: Counter[Kind] = Counter()
    first: list[Finding] = []
    later: list[Finding] = []
    for finding in _joined(all_findings(trends, now)):
        kinds[finding.kind] += 1
        (first if kinds[finding.kind] <= MAX_OF_A_KIND else later).append(finding)
    return sorted((first + later)[:MAX_FINDINGS], key=lambda finding: -finding.weight)


def all_findings(trends: Trends, now: datetime) -> list[Finding]:
    """Return every finding, each about one thing, the most important first.

    A package whose last runs all failed is not overdue as well.
    """
    known = facts(trends)
    fails = list(failing(trends, known))
    now_failing = {(each.account_id, each.package_id) for each in fails if each.since}
    found = (
        *_snapshots(trends, now),
        *_stuck(trends.get("open_jobs", ()), known),
        *slower(trends, known),
        *fails,
        *(
            each
            for each in _overdue(trends, known)
            if (each.account_id, each.package_id) not in now_failing
        ),
        *_lost_fields(trends.get("output_field_changes", ()), known),
        *odd_volumes(trends.get("records_by_day", ()), known),
        *_waits(trends.get("queue_wait_by_day", ()), known),
    )
    return sorted(found, key=lambda finding: -finding.weight)


def _joined(found: Iterable[Finding]) -> Iterator[Finding]:
    """Yield the findings, those about stuck jobs and overdue packages as one for each account."""
    groups: dict[object, list[Finding]] = defaultdict(list)
    for place, finding in enumerate(found):
        is_one = finding.kind not in ("Stuck", "Overdue")
        groups[place if is_one else (finding.kind, finding.account_id)].append(finding)
    for first, *others in groups.values():
        text, more = first.text, len(others)
        if more and first.kind == "Stuck":
            text = f"{more + 1:,} jobs look stuck: {text[0].lower()}{text[1:]}"
        elif more:
            text = f"{text.removesuffix('.')}; so {'is' if more == 1 else 'are'} {more:,} more."
        yield replace(first, text=text)


def _snapshots(trends: Trends, now: datetime) -> Iterator[Finding]:
    began = {row["account_id"]: row["started_at"] for row in trends.get("complete_runs", ())}
    first_runs: dict[str, Row] = {}
    last_runs: dict[str, Row] = {}
    for row in sorted(trends.get("snapshot_log", ()), key=lambda row: row["started_at"]):
        first_runs.setdefault(row["account_id"], row)
        if row["kind"] != "jobs":
            last_runs[row["account_id"]] = row
    # An account whose runs all failed before the first answer is in the log alone.
    accounts = sorted({*began, *last_runs})
    if "complete_runs" in trends and not accounts:
        yield NO_SNAPSHOT.finding("No snapshot is complete yet.", 0)
    for account in accounts:
        of = f" of {account}" if len(accounts) > 1 else ""
        for finding in _snapshot(of, began.get(account), last_runs.get(account), now):
            first = first_runs.get(account, {}).get("started_at")
            yield replace(finding, account_id=account, found_from=finding.found_from or first)


def _snapshot(
    of: str, began: datetime | None, last_run: Row | None, now: datetime
) -> Iterator[Finding]:
    """Yield what is wrong with an account's snapshot; `began`: when its last complete run did."""
    if began is None:
        yield NO_SNAPSHOT.finding(f"No snapshot{of} is complete yet.", 0)
    elif now - began > BEHIND:
        seconds = (now - began).total_seconds()
        yield LATE_SNAPSHOT.finding(
            f"The snapshot{of} is {duration(seconds)} behind: its last complete run began "
            f"{day(began)}.",
            seconds / 3600,
            since=began,
            found_from=began + BEHIND,
        )
    elif last_run is not None and last_run["status"] == "failed":
        why = shortened(last_run["error"]).rstrip(".")
        at = last_run["started_at"]
        text = f"The last run of the snapshot{of} failed" + (f": {why}." if why else ".")
        yield FAILED_SNAPSHOT.finding(text, 0, since=at, found_from=at)


def _stuck(jobs: Iterable[Row], known: Facts) -> Iterator[Finding]:
    for job in jobs:
        if not job["stuck"]:
            continue
        key, p95 = key_of(job), float(job["p95_seconds"])
        usual = known.seconds.get(key)
        longest = longest_run(usual, max(p95, _LEAST_RUN), known.chance)
        if job["age_seconds"] > longest:
            created = job.get("created_at")
            text = (
                f"job {job['job_id']} of {known.names[key]} has been "
                f"{job['status'] or 'without a status'} for {duration(job['age_seconds'])}, "
                f"while 95 % of its runs take at most {duration(p95)}"
            )
            yield STUCK.finding(
                sentence(text),
                (job["age_seconds"] - p95) / 3600,
                since=created,
                found_from=created and created + timedelta(seconds=longest),
                detail=str(job["job_id"]),
                **known.about(job, job["job_id"]),
            )


def _overdue(trends: Trends, known: Facts) -> Iterator[Finding]:
    counts = failures(trends.get("failures_by_day", ()))
    for row in trends.get("freshness", ()):
        if not row["overdue"]:
            continue
        key, usual = key_of(row), float(row["usual_gap_seconds"])
        missed = row["since_seconds"] / max(1, usual) - 1
        is_retired = (
            row["since_seconds"] > _RETIRED_AFTER.total_seconds() and missed > _RETIRED_RUNS
        )
        rate = failure_rate(*counts.get(key, Count(0, 0)))
        p95 = float(row["p95_gap_seconds"])
        latest = latest_gap(max(1, usual), p95, row["runs"] - 1, (rate, known.chance))
        if not is_retired and row["since_seconds"] > latest:
            completed = row.get("last_completed_at")
            yield OVERDUE.finding(
                f"{known.names[key]} is overdue: it last completed "
                f"{duration(row['since_seconds'])} before the snapshot, and usually does every "
                f"{duration(usual)}.",
                known.lost(key, missed),
                since=completed,
                found_from=completed and completed + timedelta(seconds=latest),
                **known.about(row),
            )


def _lost_fields(rows: Iterable[Row], known: Facts) -> Iterator[Finding]:
    """Yield the fields that outputs lost, and have not got back since."""
    changes = sorted(
        (row for row in rows if row["change"] != "moved"),
        key=lambda row: (row["changed_at"] is not None, row["changed_at"], row["job_id"]),
    )
    last = {(key_of(row), row["output_name"], row["field"]): row for row in changes}
    lost: dict[tuple[Key, str | None, datetime | None], list[Row]] = defaultdict(list)
    for (key, output, _), row in last.items():
        if row["change"] == "removed":
            lost[key, output, row["changed_at"]].append(row)
    for (key, output, at), gone in lost.items():
        fields = [row["field"] for row in gone]
        when = f" on {day(at)}" if at else ""
        what = "the field" if len(fields) == 1 else f"{len(fields)} fields,"
        yield LOST_FIELDS.finding(
            f"{known.names[key]} lost {what} {listed(fields)} of its output "
            f"{shortened(output) or 'without a name'}{when}.",
            known.hours(key, known.runs_since(key, at)),
            since=at,
            found_from=at,
            detail=f"{output or ''} {' '.join(map(str, fields))}",
            **known.about(gone[0], gone[0]["job_id"]),
        )


def _waits(rows: Iterable[Row], known: Facts) -> Iterator[Finding]:
    accounts: dict[str | None, list[Row]] = defaultdict(list)
    for row in rows:
        if row["day"] is not None and row["p50_seconds"] is not None:
            accounts[row.get("account_id")].append(row)
    for account, days in accounts.items():
        yield from _account_waits(account, sorted(days, key=_day), known)


def _day(row: Row) -> date:
    found: date = row["day"]
    return found


def _account_waits(account: str | None, days: Sequence[Row], known: Facts) -> Iterator[Finding]:
    recent, before = (
        [float(row["p50_seconds"]) for row in part]
        for part in (days[-_WAIT_DAYS:], days[:-_WAIT_DAYS])
    )
    if len(before) < _WAIT_DAYS or chance_higher(recent, before) > ALPHA:
        return
    now, then = median(recent), median(before)
    if now >= _WAIT_RATIO * then and now - then >= _WAIT_SECONDS:
        since = days[-_WAIT_DAYS]["day"]
        jobs = sum(row.get("runs", 0) for row in days[-_WAIT_DAYS:])
        yield WAITS.finding(
            f"Jobs{known.of_account(account)} wait longer to start since {day(since)}: "
            f"{duration(now)} in the median, before {duration(then)}.",
            (now - then) * jobs / 3600,
            since=since,
            account_id=account,
        )
