"""What of the trends matters most, as ranked sentences: decided from rows alone."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from statistics import median
from typing import Any

from snapshotter.times import duration

Row = Mapping[str, Any]
Trends = Mapping[str, Sequence[Row]]

MOST = 5
MOST_OF_A_KIND = 2
BEHIND = timedelta(days=1)  # a snapshot that old is worth a word
_FEW_FAILURES, _LOW_RATE = 3, 0.05
_OUTLIER = 3.5  # the usual bound of a z-score by the median
_WAIT_DAYS, _WAIT_RATIO, _WAIT_SECONDS = 7, 2, 60
_RECENT_DAYS = 14
_SHOWN = 60


@dataclass(frozen=True)
class Finding:
    """`weight` ranks it among all; `kind` is a word for what it is; `section` shows more of it."""

    weight: float
    kind: str
    section: str
    text: str


def findings(trends: Trends, now: datetime) -> list[Finding]:
    """Give the findings that matter most, the first the most; none where nothing stands out.

    `trends` holds rows by the trend's name, and as `package_failure_reasons` those of
    `failure_reasons` for each package. What is not there is taken for empty.
    """
    found = sorted(_all(trends, now), key=lambda finding: -finding.weight)
    kinds: Counter[str] = Counter()
    first: list[Finding] = []
    later: list[Finding] = []
    for finding in found:
        kinds[finding.kind] += 1
        (first if kinds[finding.kind] <= MOST_OF_A_KIND else later).append(finding)
    return sorted((first + later)[:MOST], key=lambda finding: -finding.weight)


def names(trends: Trends) -> dict[int | None, str]:
    """Give each package of the rows a name to show."""
    known: dict[int | None, str] = {}
    for rows in trends.values():
        for row in rows:
            if "package_id" in row and not known.get(row["package_id"]):
                known[row["package_id"]] = row.get("package_name") or ""
    return {key: name or _nameless(key) for key, name in known.items()}


def _nameless(package_id: int | None) -> str:
    return "jobs without a package" if package_id is None else f"package {package_id}"


def _all(trends: Trends, now: datetime) -> Iterator[Finding]:
    called = names(trends)
    yield from _behind(trends.get("snapshot_log", ()), now)
    yield from _stuck(trends.get("open_jobs", ()), called)
    yield from _slower(trends, called)
    yield from _failing(trends, called)
    yield from _overdue(trends.get("freshness", ()), called)
    yield from _lost_fields(trends.get("output_field_changes", ()), called)
    yield from _volume(trends.get("records_by_day", ()), called)
    yield from _waits(trends.get("queue_wait_by_day", ()))


def _behind(log: Sequence[Row], now: datetime) -> Iterator[Finding]:
    accounts: dict[str, list[Row]] = defaultdict(list)
    for row in log:
        if row["kind"] != "jobs":
            accounts[row["account_id"]].append(row)
    for account, runs in accounts.items():
        whole = [run["started_at"] for run in runs if run["status"] == "completed"]
        of = f" of {account}" if len(accounts) > 1 else ""
        if not whole:
            yield Finding(95, "Snapshot", "snapshot", f"No snapshot{of} has completed yet.")
        elif now - max(whole) > BEHIND:
            age = duration((now - max(whole)).total_seconds())
            yield Finding(
                95,
                "Snapshot",
                "snapshot",
                f"The snapshot{of} is {age} behind: its last complete run began {day(max(whole))}.",
            )
        elif runs[-1]["status"] == "failed":
            why = _short(runs[-1]["error"]).rstrip(".")
            text = f"The last run of the snapshot{of} failed" + (f": {why}." if why else ".")
            yield Finding(85, "Snapshot", "snapshot", text)


def _stuck(jobs: Sequence[Row], called: Mapping[Any, str]) -> Iterator[Finding]:
    stuck = [job for job in jobs if job["stuck"]]
    if not stuck:
        return
    first = max(stuck, key=lambda job: job["age_seconds"])
    what = (
        f"job {first['job_id']} of {called[first['package_id']]} has been "
        f"{first['status'] or 'of no status'} for {duration(first['age_seconds'])}, where 95 % of "
        f"its runs take at most {duration(first['p95_seconds'])}"
    )
    lead = "" if len(stuck) == 1 else f"{len(stuck):,} jobs look stuck: "
    yield Finding(75, "Stuck", "waits", _sentence(lead + what))


def _slower(trends: Trends, called: Mapping[Any, str]) -> Iterator[Finding]:
    told = set()
    for row in trends.get("runtime_regressions", ()):
        told.add(row["package_id"])
        ratio = row["ratio"]
        times = "much longer than before" if ratio is None else f"{ratio:.1f} times as long"
        since = f" since {day(row['since'])}" if row["since"] else ""
        edited = "; the package was edited in between" if row["edited"] else ""
        yield Finding(
            60 + min(20.0, 10 * ((ratio or 3) - 1)),
            "Slower",
            "slower",
            f"{called[row['package_id']]} takes {times}{since} (median "
            f"{duration(row['recent_p50'])}, before {duration(row['baseline_p50'])} over "
            f"{row['baseline_runs']} runs){edited}.",
        )
    for row in trends.get("runtime_steps", ()):
        if row["package_id"] not in told:
            yield Finding(
                58 + min(20, 10 * (row["ratio"] - 1)),
                "Slower",
                "slower",
                f"{called[row['package_id']]} takes {row['ratio']:.1f} times as long since "
                f"{day(row['since'])} (median {duration(row['p50_seconds'])}, before "
                f"{duration(row['before_seconds'])} over {row['before_days']} days with runs).",
            )


def _failing(trends: Trends, called: Mapping[Any, str]) -> Iterator[Finding]:
    reasons: dict[Any, str] = {}
    for row in trends.get("package_failure_reasons", ()):  # the first is the most frequent
        reasons.setdefault(row["package_id"], _short(row["reason"]).rstrip("."))
    counted: dict[Any, list[int]] = defaultdict(lambda: [0, 0])
    for row in trends.get("failures_by_day", ()):
        counted[row["package_id"]][0] += row["failed"]
        counted[row["package_id"]][1] += row["runs"] - row["stopped"]
    now_failing = {
        row["package_id"]: row for row in trends.get("recovery", ()) if row["failing_runs"] > 1
    }
    for package, (failed, runs) in counted.items():
        why = f"; most often: {reasons[package]}" if reasons.get(package) else ""
        if package in now_failing:
            row = now_failing[package]
            since = f", since {day(row['failing_since'])}" if row["failing_since"] else ""
            text = f"{called[package]} failed each of its last {row['failing_runs']} runs{since}"
            yield Finding(70 + min(20, row["failing_runs"]), "Failing", "fails", f"{text}{why}.")
        elif failed >= _FEW_FAILURES and failed / runs >= _LOW_RATE:
            text = f"{called[package]} failed {failed:,} of {runs:,} runs ({share(failed / runs)})"
            weight = 30 + min(50, 100 * failed / runs) + min(10, failed / 5)
            yield Finding(weight, "Failing", "fails", f"{text}{why}.")


def _overdue(rows: Sequence[Row], called: Mapping[Any, str]) -> Iterator[Finding]:
    overdue = [row for row in rows if row["overdue"]]
    if not overdue:
        return
    # The freshest of them: what has not run for months has been retired, more likely.
    first = min(overdue, key=lambda row: row["since_seconds"])
    text = (
        f"{called[first['package_id']]} is overdue: it last completed "
        f"{duration(first['since_seconds'])} before the snapshot, and usually does every "
        f"{duration(first['usual_gap_seconds'])}"
    )
    more = len(overdue) - 1
    if more:
        text += f"; so {'is' if more == 1 else 'are'} {more:,} more"
    yield Finding(64, "Overdue", "freshness", text + ".")


def _lost_fields(rows: Sequence[Row], called: Mapping[Any, str]) -> Iterator[Finding]:
    lost: dict[tuple[Any, ...], list[str]] = defaultdict(list)
    for row in rows:
        if row["change"] == "removed":
            key = (row["package_id"], row["output_name"], row["changed_at"])
            lost[key].append(row["field"])
    for rank, ((package, output, at), fields) in enumerate(reversed(lost.items())):
        when = f" on {day(at)}" if at else ""
        what = "the field" if len(fields) == 1 else f"{len(fields)} fields,"
        yield Finding(
            62 - min(rank, 20),
            "Fields",
            "fields",
            f"{called[package]} lost {what} {_listed(fields)} of its output "
            f"{_short(output) or 'without a name'}{when}.",
        )


def _volume(rows: Sequence[Row], called: Mapping[Any, str]) -> Iterator[Finding]:
    empty: dict[Any, list[Row]] = defaultdict(list)
    newest = max((row["day"] for row in rows if row["day"]), default=None)
    for row in rows:
        if row["records"] == 0 and row["usual_records"]:
            empty[row["package_id"]].append(row)
        elif is_odd(row):
            yield Finding(
                35 + min(10, abs(row["z_score"]) / 10),
                "Volume",
                "volume",
                f"{called[row['package_id']]} wrote {row['records']:,} records to "
                f"{_short(row['output_name'])} on {day(row['day'])}, where "
                f"{row['usual_records']:,.0f} are usual on that weekday.",
            )
    for package, nothing in empty.items():
        outputs = list(dict.fromkeys(row["output_name"] for row in nothing))
        days = {row["day"] for row in nothing}
        last = max((each for each in days if each), default=None)
        when = f"{len(days)} days, last on {day(last)}" if len(days) > 1 else day(last)
        text = f"{called[package]} wrote nothing to {_listed(outputs)} on {when}"
        recent = last is not None and newest is not None and (newest - last).days <= _RECENT_DAYS
        weight = (55 if recent else 38) + min(10, len(days))
        yield Finding(weight, "Volume", "volume", f"{text}.")


def is_odd(row: Row) -> bool:
    """Tell whether an output's day of records is far from usual, and by much."""
    if not row["usual_records"] or abs(row["z_score"] or 0) < _OUTLIER:
        return False
    return not 0.5 < row["records"] / row["usual_records"] < 2  # noqa: PLR2004 - half or twice


def _waits(rows: Sequence[Row]) -> Iterator[Finding]:
    days = [row for row in rows if row["day"] is not None and row["p50_seconds"] is not None]
    recent, before = days[-_WAIT_DAYS:], days[:-_WAIT_DAYS]
    if len(before) < _WAIT_DAYS:
        return
    now, then = (median(row["p50_seconds"] for row in part) for part in (recent, before))
    if now >= _WAIT_RATIO * then and now - then >= _WAIT_SECONDS:
        yield Finding(
            58,
            "Waiting",
            "waits",
            f"Jobs wait longer to start since {day(recent[0]['day'])}: {duration(now)} in the "
            f"median, before {duration(then)}.",
        )


def day(at: date | None) -> str:
    return "an unknown day" if at is None else f"{at.day} {at:%B %Y}"


def share(value: float) -> str:
    return f"{100 * value:.0f} %" if value >= 0.1 or not value else f"{100 * value:.1f} %"  # noqa: PLR2004 - 10 %


def _short(words: str | None) -> str:
    line = " ".join((words or "").split())
    return line if len(line) <= _SHOWN else line[: _SHOWN - 1].rstrip() + "…"


def _listed(words: Sequence[str | None]) -> str:
    shown = [_short(word) or "one without a name" for word in words[:3]]
    if len(words) > len(shown):
        return f"{', '.join(shown)} and {len(words) - len(shown)} more"
    return " and ".join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else shown[0]


def _sentence(words: str) -> str:
    return words[0].upper() + words[1:] + "."
