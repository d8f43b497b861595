"""The digest: the findings that stand now, what is new of them, and the failed runs of a period.

What is new is decided without any state, from the history: a finding is new if it was not one when
the digest before was made.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import Connection, func, select

from snapshotter.errors import UsageError
from snapshotter.report.answers import OF_FINDINGS, Answers, Scope, ask, rows_before
from snapshotter.report.findings import Finding, all_findings
from snapshotter.report.jobs import Failed, failed_runs
from snapshotter.report.policy import Facts, facts
from snapshotter.report.rows import unnamed
from snapshotter.report.words import cause
from snapshotter.store.tables import COMPLETE, SNAPSHOTS
from snapshotter.times import stamp

EVIDENCE = timedelta(days=90)  # the history that the findings are judged by
KINDS = ("snapshot", "failing", "stuck", "overdue", "slower", "waiting", "fields", "volume")
FAILED = "failed"  # a kind of item, not of finding: runs of a package failed in the period


@dataclass(frozen=True)
class Period:
    """What a digest covers: from `since`, or this much time before now; an account, or all."""

    last: timedelta
    since: datetime | None = None
    account: str | None = None


@dataclass(frozen=True)
class Item:
    """A sentence of the digest, and what it is about, as far as that is one thing."""

    kind: str
    text: str
    account_id: str | None
    package_id: int | None
    job_id: int | None
    url: str | None
    since: date | datetime | None
    new: bool


@dataclass(frozen=True)
class Digest:
    """The sentences about the accounts; `until` is the newest time that the history covers.

    `items` are findings, the new ones first, then the packages with failed runs.
    """

    accounts: Sequence[str]
    since: datetime
    until: datetime | None
    items: Sequence[Item]


def digest(connection: Connection, period: Period, now: datetime) -> Digest:
    """Return the digest of a period, as of `now`.

    Raises `UsageError` if the account is not known, or the period begins after the newest data.
    """
    answers = ask(connection, Scope(EVIDENCE, account=period.account, trends=OF_FINDINGS), now)
    _require_begin(period.since, _newest(answers), now)
    begins = _begins(connection, answers, period, now)
    begin = max(begins.values(), default=period.since or _ago(now, period.last))
    found = all_findings(answers.trends, now)
    earlier = {each.subject for each in _findings_before(connection, period, begin)}
    known = [
        (_is_new(each, begins.get(each.account_id or "", begin), earlier), each) for each in found
    ]
    # An odd day is over: it does not stand, so that it is worth a line only once.
    standing = [pair for pair in known if pair[0] or pair[1].kind != "Volume"]
    items = [
        _item(finding, new=new) for new, finding in sorted(standing, key=lambda pair: not pair[0])
    ]
    # A finding that links a failed job already reports it.
    failing = {
        (each.account_id, each.package_id)
        for each in found
        if each.kind == "Failing" and each.job_id
    }
    failed = [
        run
        for account, at in begins.items()
        for run in failed_runs(connection, account, at, now)
        if (run.account_id, run.package_id) not in failing
    ]
    items += _failures(failed, facts(answers.trends), answers)
    accounts = [account for account, _ in answers.accounts]
    return Digest(accounts, begin, _newest(answers), items)


def _require_begin(since: datetime | None, newest: datetime | None, now: datetime) -> None:
    if since is not None and since > (newest or now):
        when = (
            f"after the newest data that is stored, {stamp(newest)}" if newest else "in the future"
        )
        raise UsageError(f"--since {stamp(since)} is {when}")


def _begins(
    connection: Connection, answers: Answers, period: Period, now: datetime
) -> dict[str, datetime]:
    """Return from when on what happened in each account is news.

    The digest before had the data of the last complete run that had ended by then. If no run is
    that old, the period is counted back from the newest data.
    """
    if period.since is not None:
        return dict.fromkeys((account for account, _ in answers.accounts), period.since)
    known = (
        select(SNAPSHOTS.c.account_id, func.max(SNAPSHOTS.c.watermark_epoch).label("epoch"))
        .where(SNAPSHOTS.c.finished_at <= _ago(now, period.last), *COMPLETE)
        .group_by(SNAPSHOTS.c.account_id)
    )
    epochs = {row.account_id: row.epoch for row in connection.execute(known)}
    return {
        account: datetime.fromtimestamp(epochs[account], tz=now.tzinfo)
        if epochs.get(account) is not None
        else _ago(watermark or now, period.last)
        for account, watermark in answers.accounts
    }


def _findings_before(connection: Connection, period: Period, begin: datetime) -> list[Finding]:
    """Return the findings of those kinds that whole days decide, as they were at the begin."""
    days = _ago(begin, EVIDENCE).date(), begin.date()
    if days[0] >= days[1]:
        return []
    return all_findings(rows_before(connection, days, period.account), begin)


def _ago(at: datetime, length: timedelta) -> datetime:
    """Return the time this much earlier, or the first one possible."""
    try:
        return at - length
    except OverflowError:
        return datetime.min.replace(tzinfo=at.tzinfo)


def _is_new(finding: Finding, begin: datetime, earlier: Collection[object]) -> bool:
    if finding.found_from is not None:
        return finding.found_from > begin
    return finding.subject not in earlier


def _item(finding: Finding, *, new: bool) -> Item:
    return Item(
        finding.kind.lower(),
        finding.text,
        finding.account_id,
        finding.package_id,
        finding.job_id,
        finding.url,
        finding.since,
        new=new,
    )


def _failures(failed: Sequence[Failed], known: Facts, answers: Answers) -> Iterator[Item]:
    """Yield a sentence for each package with failed runs, the most failures first."""
    open_streaks = {
        (row["account_id"], row["package_id"]): row["failing_runs"]
        for row in answers.trends.get("recovery", ())
    }
    for each in sorted(failed, key=lambda each: (-each.failed, -each.job_id)):
        key = each.account_id, each.package_id
        name = known.names.get(key) or unnamed(each.package_id)
        still = ", and has not completed since" if open_streaks.get(key) else ""
        reason = cause(each.reason, each.summary)
        why = f"; the last one: {reason}" if reason else ""
        runs = "its only run" if each.runs == 1 else f"{each.failed:,} of {each.runs:,} runs"
        yield Item(
            FAILED,
            f"{name} failed {runs}{still}{why}.",
            each.account_id,
            each.package_id,
            each.job_id,
            each.url,
            each.finished_at,
            new=True,
        )


def _newest(answers: Answers) -> datetime | None:
    return max((at for _, at in answers.accounts if at is not None), default=None)
