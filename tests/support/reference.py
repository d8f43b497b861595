"""What each trend must answer, computed again in pandas and plain loops, apart from its SQL.

Slow and short: a function a trend, from the tables as they are stored. Rows come in the order that
the trend promises, as int, float, str, `date`, aware `datetime` or None.
"""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from itertools import groupby, pairwise
from typing import Any

import pandas as pd

from snapshotter.statuses import FINAL_STATUSES
from snapshotter.trends.filters import Filters

Row = dict[str, Any]
Tables = Mapping[str, pd.DataFrame]  # of objects: None is null, an integer is exact
Answer = list[tuple[Any, ...]]

HOUR = 3600
WEEK = 7 * 24 * HOUR
PACKAGE = ("account_id", "package_id")  # two accounts may have packages with the same id
LONGEST, MOST_NODES, MOST_RECORDS = 10**9, 10**6, 10**16  # what is beyond is taken for none


def rows(frame: pd.DataFrame) -> list[Row]:
    names = list(frame.columns)  # once: the columns are slow to walk through
    return [dict(zip(names, row, strict=True)) for row in frame.to_numpy(dtype=object)]


def runs(tables: Tables, filters: Filters, *statuses: str | None) -> list[Row]:
    """Return the jobs that pass the filters, of these statuses."""
    return [
        job
        for job in rows(tables["jobs"])
        if job["status"] in statuses
        and of_account(job, filters)
        and of_package(job, filters)
        and is_within(job["run_date"], filters)
    ]


def of_account(row: Row, filters: Filters) -> bool:
    return filters.account_id is None or row["account_id"] == filters.account_id


def of_package(job: Row, filters: Filters) -> bool:
    return filters.package_id is None or job["package_id"] == filters.package_id


def is_within(day: date | None, filters: Filters) -> bool:
    if filters.since is not None and (day is None or day < filters.since):
        return False
    return filters.until is None or (day is not None and day < filters.until)


def names(tables: Tables) -> dict[tuple[str, int | None], str | None]:
    """Return the latest known name of each account's packages."""
    known: dict[tuple[str, int | None], str | None] = defaultdict(lambda: None)
    for job in sorted(rows(tables["jobs"]), key=lambda job: job["id"]):
        if job["package_id"] is not None and job["package_name"] is not None:
            known[job["account_id"], job["package_id"]] = job["package_name"]
    return known


def weeks(tables: Tables) -> dict[date | None, date]:
    return dict(zip(tables["calendar"]["day"], tables["calendar"]["week"], strict=True))


def within(value: int | None, most: int) -> int | None:
    """Return a number if it is from 0 to `most`, else None."""
    return value if value is not None and 0 <= value <= most else None


def seconds_of(job: Row) -> int | None:
    return within(job["runtime_in_seconds"], LONGEST)


def as_of(tables: Tables) -> dict[str, int | None]:
    """Return the latest moment that is known of each account: none after all clocks."""
    last_runs = {run["account_id"]: run for run in by_id(rows(tables["snapshots"]))}
    clocks = [account["watermark_epoch"] for account in rows(tables["accounts"])]
    clocks += [
        run["started_epoch"] if run["finished_epoch"] is None else run["finished_epoch"]
        for run in last_runs.values()
    ]
    horizon = greatest(clocks)
    moments: dict[str, int | None] = {}
    for account in rows(tables["accounts"]):
        moments[account["account_id"]] = account["watermark_epoch"]
    for job in rows(tables["jobs"]):
        known = [
            epoch
            for epoch in (job["created_epoch"], job["finished_epoch"])
            if epoch is not None and (horizon is None or epoch <= horizon + HOUR)
        ]
        moments[job["account_id"]] = greatest((moments.get(job["account_id"]), *known))
    return moments


def finished_by_now(tables: Tables, jobs: Iterable[Row]) -> list[Row]:
    """Leave out what finished after all that is known."""
    now = greatest(as_of(tables).values())
    return [
        job
        for job in jobs
        if job["finished_epoch"] is None or (now is not None and job["finished_epoch"] <= now)
    ]


def by_id(found: Iterable[Row]) -> list[Row]:
    return sorted(found, key=lambda row: row["id"])


def outputs_of(tables: Tables) -> dict[int, list[Row]]:
    """Return the outputs of each job, the smallest id first."""
    found: dict[int, list[Row]] = defaultdict(list)
    for output in by_id(rows(tables["job_outputs"])):
        records = within(output["records_count"], MOST_RECORDS)
        found[output["job_id"]].append({**output, "records_count": records})
    return found


def groups(jobs: Iterable[Row], *columns: str) -> Iterator[tuple[tuple[Any, ...], list[Row]]]:
    """Yield the groups in the order of their keys, null last: an account's after another's."""
    found: dict[tuple[Hashable, ...], list[Row]] = defaultdict(list)
    for job in jobs:
        found[tuple(job[column] for column in columns)].append(job)
    for key in sorted(found, key=nulls_last):
        yield key, found[key]


def newest_first(answer: Answer, place: int) -> Answer:
    """Order rows by the day or week at this place; those without one are last."""
    return sorted(
        answer,
        key=lambda row: (
            row[place] is None,
            -(0 if row[place] is None else row[place].toordinal()),
        ),
    )


def nulls_last(key: Sequence[Any]) -> list[tuple[bool, Any]]:
    return [(value is None, 0 if value is None else value) for value in key]


def finishing(job: Row) -> tuple[int, int]:
    """Order jobs by when they finished."""
    return job["finished_epoch"] or 0, job["id"]


def known(values: Iterable[Any]) -> list[Any]:
    return [value for value in values if value is not None]


def each(jobs: Iterable[Row], column: str) -> list[Any]:
    """Return the values of a column that are known."""
    return known(job[column] for job in jobs)


def total(values: Iterable[int | None]) -> int | None:
    numbers = known(values)
    return sum(numbers) if numbers else None


def greatest(values: Iterable[Any]) -> Any:
    return max(known(values), default=None)


def percentile(values: Iterable[int | None], share: float) -> float | None:
    numbers = known(values)
    return float(pd.Series(numbers, dtype=float).quantile(share)) if numbers else None


def median(values: Iterable[float | None]) -> float | None:
    numbers = known(values)
    return float(pd.Series(numbers, dtype=float).median()) if numbers else None


def spread(values: Sequence[Any]) -> tuple[float | None, float | None]:
    return percentile(values, 0.5), percentile(values, 0.95)


def deviation(values: Sequence[int], usual: float) -> float:
    """Return the median absolute deviation."""
    return median(abs(value - usual) for value in values) or 0.0


def quotient(dividend: float | None, divisor: float | None) -> float | None:
    if dividend is None or not divisor:
        return None
    return round(float(dividend / divisor), 6)


def with_week(tables: Tables, jobs: Iterable[Row]) -> list[Row]:
    week_of = weeks(tables)
    return [{**job, "week": week_of.get(job["run_date"])} for job in jobs]


def runtime_by_day(tables: Tables, filters: Filters) -> Answer:
    return _runtime(tables, runs(tables, filters, "completed"), "run_date")


def runtime_by_week(tables: Tables, filters: Filters) -> Answer:
    return _runtime(tables, with_week(tables, runs(tables, filters, "completed")), "week")


def _runtime(tables: Tables, jobs: list[Row], period: str) -> Answer:
    name = names(tables)
    answer: Answer = []
    for (*package, when), group in groups(jobs, *PACKAGE, period):
        seconds = known(map(seconds_of, group))
        measured = (*spread(seconds), greatest(seconds))
        answer.append((*package, name[*package], when, len(group), *measured))
    return newest_first(answer, 3)


def runtime_regressions(tables: Tables, filters: Filters) -> Answer:
    jobs = [
        job
        for job in finished_by_now(tables, runs(tables, filters, "completed"))
        if seconds_of(job) is not None and job["package_id"] is not None
    ]
    name = names(tables)
    answer: Answer = []
    for package, group in groups(jobs, *PACKAGE):
        newest_first = sorted(group, key=finishing, reverse=True)
        recent, baseline = newest_first[:5], newest_first[5:35]
        if len(baseline) < 10:
            continue
        recent_p50 = median(each(recent, "runtime_in_seconds")) or 0.0
        baseline_p50 = median(each(baseline, "runtime_in_seconds")) or 0.0
        mad = deviation(each(baseline, "runtime_in_seconds"), baseline_p50)
        grown = recent_p50 - baseline_p50
        if grown <= 0 or recent_p50 < 1.5 * baseline_p50 or grown < 3 * mad:
            continue
        before, after = baseline[0]["started_at"], recent[-1]["started_at"]
        edited = (
            before is not None
            and after is not None
            and any(
                before < edited_at <= after
                for edited_at in each(recent + baseline, "package_updated_at")
            )
        )
        answer.append(
            (
                *package,
                name[package],
                recent_p50,
                baseline_p50,
                quotient(recent_p50, baseline_p50),
                recent[-1]["id"],
                recent[-1]["finished_at"],
                mad,
                len(baseline),
                int(edited),
            )
        )
    return sorted(answer, key=lambda row: (row[5] is not None, -(row[5] or 0)))


def runtime_steps(tables: Tables, filters: Filters) -> Answer:
    name = names(tables)
    answer: Answer = []
    jobs = [job for job in runs(tables, filters, "completed") if seconds_of(job) is not None]
    dated = [job for job in jobs if None not in (job["package_id"], job["run_date"])]
    for package, group in groups(dated, *PACKAGE):
        days = [
            (day, median(each(of_day, "runtime_in_seconds")) or 0.0)
            for (day,), of_day in groups(group, "run_date")
        ]
        if (step := slowdown(days)) is not None:
            answer.append((*package, name[package], *step))
    return sorted(answer, key=lambda row: -row[4])


LEAST_DAYS = 5  # on either side of a step


def slowdown(days: list[tuple[date, float]]) -> tuple[Any, ...] | None:
    """Return since when the days are slower, how much, and how many days there are; or None."""
    if len(days) < 2 * LEAST_DAYS:
        return None
    seconds = [value for _, value in days]
    at = change_point(seconds)
    before, after = seconds[:at], seconds[at:]
    then, now = median(before) or 0.0, median(after) or 0.0
    scatter = median(abs(value - then) for value in before) or 0.0
    usual_high = sorted(before)[9 * (len(before) - 1) // 10]
    if not then or now < 1.5 * then or now - then < 3 * scatter or now <= usual_high:
        return None
    return days[at][0], quotient(now, then), now, then, len(after), len(before)


def change_point(values: Sequence[float]) -> int:
    """Return the index that splits the values into two parts with the least variance within them.

    That is the split with the greatest variance between the parts. A few outliers do not count, and
    of splits that are equal, but for a billionth, it is the first.
    """
    in_order, edge = sorted(values), max(1, len(values) // 20)
    least, most = in_order[edge], in_order[-1 - edge]
    exact = [Fraction(min(max(value, least), most)) for value in values]
    between = {
        split: (sum(exact[:split]) / split - sum(exact[split:]) / (len(exact) - split)) ** 2
        * split
        * (len(exact) - split)
        for split in range(LEAST_DAYS, len(exact) - LEAST_DAYS + 1)
    }
    enough = Fraction(999_999_999, 10**9) * max(between.values())
    return min(split for split, variance in between.items() if variance >= enough)


def slowest_packages(tables: Tables, filters: Filters) -> Answer:
    of_all = runs(tables, Filters(filters.since, filters.until), "completed")
    all_seconds = {
        account: total(map(seconds_of, group)) for (account,), group in groups(of_all, "account_id")
    }
    name = names(tables)
    answer: Answer = []
    for package, group in groups(runs(tables, filters, "completed"), *PACKAGE):
        seconds = known(map(seconds_of, group))
        took = total(seconds)
        share = quotient(took, all_seconds[package[0]])
        answer.append((*package, name[package], len(group), took, share, *spread(seconds)))
    return sorted(answer, key=lambda row: -(row[4] or 0))


def failures_by_day(tables: Tables, filters: Filters) -> Answer:
    name = names(tables)
    answer: Answer = []
    for (*package, day), group in groups(
        runs(tables, filters, *FINAL_STATUSES), *PACKAGE, "run_date"
    ):
        count = pd.Series([job["status"] for job in group]).value_counts()
        completed, failed, stopped = (
            int(count.get(status, 0)) for status in ("completed", "failed", "stopped")
        )
        rate = quotient(failed, completed + failed)
        answer.append((*package, name[*package], day, len(group), failed, stopped, rate))
    return newest_first(sorted(answer, key=lambda row: -row[5]), 3)


def failure_reasons(tables: Tables, filters: Filters) -> Answer:
    summaries = {row["job_id"]: row for row in rows(tables["log_summaries"])}
    answer: Answer = []
    for (account, reason), group in groups(
        runs(tables, filters, "failed"), "account_id", "error_fingerprint"
    ):
        seen = each(group, "finished_at")
        last = max(group, key=lambda job: job["id"])
        summary = summaries.get(last["id"])
        is_its_own = summary is not None and summary["finished_epoch"] == last["finished_epoch"]
        answer.append(
            (
                account,
                reason,
                len(group),
                len(set(each(group, "package_id"))),
                min(seen, default=None),
                max(seen, default=None),
                last["id"],
                summary["error_summary"] if summary is not None and is_its_own else None,
            )
        )
    return sorted(answer, key=lambda row: (-row[2], -row[6]))


def recovery(tables: Tables, filters: Filters) -> Answer:
    name = names(tables)
    answer: Answer = []
    jobs = finished_by_now(tables, runs(tables, filters, "completed", "failed"))
    for package, group in groups(jobs, *PACKAGE):
        blocks = [
            (status, list(block))
            for status, block in groupby(
                sorted(group, key=finishing), key=lambda job: job["status"]
            )
        ]
        streaks = [block for status, block in blocks if status == "failed"]
        if not streaks:
            continue
        recovered = [
            (failures[0]["finished_epoch"], completions[0]["finished_epoch"])
            for (status, failures), (_, completions) in pairwise(blocks)
            if status == "failed"
        ]
        seconds = known(
            within(completed - failed, LONGEST)
            for failed, completed in recovered
            if None not in (failed, completed)
        )
        failing = streaks[-1] if blocks[-1][0] == "failed" else []
        answer.append(
            (
                *package,
                name[package],
                len(streaks),
                sum(map(len, streaks)),
                max(map(len, streaks)),
                len(recovered),
                *spread(seconds),
                greatest(seconds),
                len(failing),
                failing[0]["finished_at"] if failing else None,
            )
        )
    return sorted(answer, key=lambda row: (-row[10], -row[4]))


def queue_wait_by_day(tables: Tables, filters: Filters) -> Answer:
    statuses = {job["status"] for job in rows(tables["jobs"])}
    jobs = [
        job
        for job in runs(tables, filters, *statuses)
        if within(job["queue_seconds"], LONGEST) is not None
    ]
    answer: Answer = []
    for (account, day), group in groups(jobs, "account_id", "run_date"):
        split = [job for job in group if job["cluster_wait_seconds"] is not None]
        queue = [job["queue_seconds"] - job["cluster_wait_seconds"] for job in split]
        answer.append(
            (
                account,
                day,
                len(group),
                *spread(each(group, "queue_seconds")),
                len(split),
                *spread(each(split, "cluster_wait_seconds")),
                *spread(queue),
            )
        )
    return newest_first(answer, 1)


def open_jobs(tables: Tables, filters: Filters) -> Answer:
    jobs = rows(tables["jobs"])
    statuses = {job["status"] for job in jobs} - FINAL_STATUSES
    name, now = names(tables), as_of(tables)
    answer: Answer = []
    for job in runs(tables, filters, *statuses):
        if job["gone_at"] is not None:
            continue
        age = minus(now[job["account_id"]], job["created_epoch"])
        age = within(None if age is None else max(0, age), LONGEST)
        finished = [
            seconds
            for other in jobs
            if other["status"] == "completed"
            and other["account_id"] == job["account_id"]
            and other["package_id"] == job["package_id"] is not None
            and (seconds := seconds_of(other)) is not None
        ]
        p95 = percentile(finished, 0.95)
        stuck = None if age is None or p95 is None else int(age > p95)
        answer.append(
            (
                job["account_id"],
                job["id"],
                job["package_id"],
                name[job["account_id"], job["package_id"]],
                job["status"],
                job["created_at"],
                age,
                len(finished),
                p95,
                stuck,
            )
        )
    return sorted(answer, key=lambda row: (-(row[9] or 0), row[6] is None, -(row[6] or 0), row[1]))


def minus(one: int | None, other: int | None) -> int | None:
    return None if one is None or other is None else one - other


def records_by_day(tables: Tables, filters: Filters) -> Answer:
    calendar = tables["calendar"]
    weekday_of = dict(zip(calendar["day"], calendar["weekday"], strict=True))
    outputs = outputs_of(tables)
    written = [
        {**output, **{column: job[column] for column in PACKAGE}, "day": job["run_date"]}
        for job in runs(tables, filters, "completed")
        for output in outputs[job["id"]]
    ]
    days: list[Row] = []
    for (account, package_id, name, day), group in groups(written, *PACKAGE, "name", "day"):
        by_job = [total(each(of_job, "records_count")) for _, of_job in groups(group, "job_id")]
        days.append(
            {
                "account_id": account,
                "package_id": package_id,
                "name": name,
                "day": day,
                "weekday": weekday_of.get(day),
                "runs": len(by_job),
                "records": total(by_job),
                "zero_runs": by_job.count(0),
                "first_output": min(output["id"] for output in group),
            }
        )
    usual = {
        key: each(group, "records") for key, group in groups(days, *PACKAGE, "name", "weekday")
    }
    answer: Answer = []
    in_order = (*PACKAGE, "day", "first_output")
    for day in sorted(days, key=lambda day: nulls_last([day[column] for column in in_order])):
        records = usual[day["account_id"], day["package_id"], day["name"], day["weekday"]]
        middle, z_score = median(records), None
        if middle is not None and day["records"] is not None:
            z_score = quotient(0.6745 * (day["records"] - middle), deviation(records, middle))
        answer.append(
            (
                *(day[column] for column in (*PACKAGE, "name", "day")),
                *(day[column] for column in ("runs", "records", "zero_runs")),
                middle,
                len(records),
                z_score,
            )
        )
    return newest_first(answer, 3)


def throughput(tables: Tables, filters: Filters) -> Answer:
    outputs, name = outputs_of(tables), names(tables)
    jobs = [
        {**job, "records": total(each(outputs[job["id"]], "records_count"))}
        for job in with_week(tables, runs(tables, filters, "completed"))
    ]
    measured = [job for job in jobs if seconds_of(job) is not None and job["records"] is not None]
    answer: Answer = []
    for package, runs_of_package in groups(measured, *PACKAGE):
        before: tuple[float | None, ...] = (None, None, None)
        for (week,), group in groups(runs_of_package, "week"):
            seconds = sum(each(group, "runtime_in_seconds"))
            records = sum(each(group, "records"))
            paces = (
                seconds / len(group),
                records / len(group),
                seconds / records if records else None,
            )
            answer.append(
                (
                    *package,
                    name[package],
                    week,
                    len(group),
                    seconds,
                    records,
                    quotient(seconds * 1e6, records),
                    *(quotient(pace, last) for pace, last in zip(paces, before, strict=True)),
                )
            )
            before = paces
    return newest_first(answer, 3)


def output_field_changes(tables: Tables, filters: Filters) -> Answer:
    outputs = outputs_of(tables)
    fields: dict[int, list[str]] = defaultdict(list)
    for field in sorted(rows(tables["output_fields"]), key=lambda field: field["position"]):
        fields[field["output_id"]].append(field["name"])
    at_any_time = Filters(package_id=filters.package_id, account_id=filters.account_id)
    completed = runs(tables, at_any_time, "completed")
    last: dict[tuple[Any, ...], tuple[Row, Row]] = {}  # job and output
    changes: list[tuple[tuple[Any, ...], tuple[Any, ...]]] = []  # each after what orders it
    for job in sorted(completed, key=finishing):
        firsts: dict[tuple[Any, ...], Row] = {}
        for output in outputs[job["id"]]:
            package = (job["account_id"], job["package_id"])
            series = (*package, output["component_name"], output["name"])
            firsts.setdefault(series, output)
        for series, output in firsts.items():
            before, last[series] = last.get(series), (job, output)
            if before is None or not is_within(job["run_date"], filters):
                continue
            old, new = places(fields[before[1]["id"]]), places(fields[output["id"]])
            for named in old.keys() | new.keys():
                position, previous = new.get(named), old.get(named)
                if position == previous:
                    continue
                change = "removed" if position is None else "moved" if previous else "added"
                latest = [-each for each in finishing(job)]
                order = (*latest, output["id"], position or previous, change != "removed")
                found = (job["id"], job["finished_at"], named[0], change, position, previous)
                changes.append((order, (*series, *found, before[0]["id"])))
    return [row for _, row in sorted(changes, key=lambda change: change[0])]


def places(fields: Iterable[str]) -> dict[tuple[str, int], int]:
    """Return the place, from 1, of each name and its count so far."""
    found: dict[tuple[str, int], int] = {}
    times: dict[str, int] = defaultdict(int)
    for position, name in enumerate(fields, 1):
        times[name] += 1
        found[name, times[name]] = position
    return found


def node_hours_by_week(tables: Tables, filters: Filters) -> Answer:
    name = names(tables)
    jobs = [
        job
        for job in with_week(tables, runs(tables, filters, *FINAL_STATUSES))
        if seconds_of(job) is not None
    ]
    answer: Answer = []
    for (*package, cluster_id, week), group in groups(jobs, *PACKAGE, "cluster_id", "week"):
        sized = [job for job in group if within(job["cluster_nodes"], MOST_NODES) is not None]
        node_seconds = total(job["runtime_in_seconds"] * job["cluster_nodes"] for job in sized)
        answer.append(
            (
                *package,
                name[*package],
                cluster_id,
                max(group, key=lambda job: job["id"])["cluster_name"],
                week,
                len(group),
                quotient(sum(each(group, "runtime_in_seconds")), HOUR),
                len(sized),
                quotient(node_seconds, HOUR),
            )
        )
    return newest_first(answer, 5)


def retries(tables: Tables, filters: Filters) -> Answer:
    name = names(tables)
    jobs = [
        {**job, "attempts": job["attempts"] or 0}
        for job in runs(tables, filters, *FINAL_STATUSES)
        if job["creator_type"] == "Schedule"
    ]
    answer: Answer = []
    of_schedules = groups(jobs, "account_id", "creator_id", "package_id")
    for (account, schedule_id, package_id), group in of_schedules:
        chains: list[list[Row]] = []
        for job in sorted(group, key=lambda job: (job["created_epoch"] or 0, job["id"])):
            if chains and job["attempts"] > chains[-1][-1]["attempts"]:
                chains[-1].append(job)
            else:
                chains.append([job])
        retried = [chain for chain in chains if max(each(chain, "attempts")) > 0]
        at_first = [
            chain
            for chain in chains
            if chain[0]["status"] == "completed" and chain[0]["attempts"] == 0
        ]
        at_last = [chain for chain in chains if chain[-1]["status"] == "completed"]
        failed = [job for job in group if job["status"] == "failed"]
        answer.append(
            (
                account,
                schedule_id,
                package_id,
                name[account, package_id],
                len(chains),
                len(retried),
                len(at_first),
                quotient(len(at_first), len(chains)),
                len(at_last),
                quotient(len(at_last), len(chains)),
                quotient(sum(known(map(seconds_of, failed))), HOUR),
            )
        )
    return sorted(answer, key=lambda row: -row[10])


def freshness(tables: Tables, filters: Filters) -> Answer:
    name, now = names(tables), as_of(tables)
    latest = greatest(now.values())
    jobs = [
        job
        for job in runs(tables, filters, "completed")
        if latest is not None and within(minus(latest, job["finished_epoch"]), LONGEST) is not None
    ]
    answer: Answer = []
    for package, group in groups(jobs, *PACKAGE):
        in_order = sorted(group, key=finishing)
        last = in_order[-1]
        gaps = [
            after["finished_epoch"] - before["finished_epoch"]
            for before, after in pairwise(in_order)
        ]
        usual, p95 = spread(gaps)
        since = max(0, (now[last["account_id"]] or 0) - last["finished_epoch"])
        overdue = None if usual is None or p95 is None else int(since > 2 * usual and since > p95)
        answer.append(
            (
                *package,
                name[package],
                last["finished_at"],
                last["id"],
                len(group),
                usual,
                p95,
                since,
                overdue,
            )
        )
    return sorted(answer, key=lambda row: (-(row[9] or 0), -row[8]))


def concurrency(tables: Tables, filters: Filters) -> Answer:
    now = as_of(tables)
    opens_at, closes_at = min(tables["calendar"]["epoch"]), max(tables["calendar"]["epoch"])
    spans: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for job in finished_by_now(tables, rows(tables["jobs"])):
        start, end = job["started_epoch"], job["finished_epoch"]
        if end is None and job["status"] == "running" and job["gone_at"] is None:
            end = now[job["account_id"]]
        if start is None or end is None or end <= start:
            continue
        if not of_account(job, filters) or not of_package(job, filters):
            continue
        if opens_at <= start < closes_at + 24 * HOUR - WEEK:
            spans[job["account_id"]].append((start, min(end, start + WEEK)))
    days = set(tables["calendar"]["day"])
    answer = [
        (account, *hour)
        for account in sorted(spans)
        for hour in _hours(spans[account])
        if hour[0] in days and is_within(hour[0], filters)
    ]
    return sorted(answer, key=lambda row: (-row[1].toordinal(), -row[2]))


def _hours(spans: list[tuple[int, int]]) -> Iterator[tuple[date, int, int, int, int]]:
    """Yield the hours that spans touch: day, hour, spans, the most at once, seconds in all."""
    touched = sorted({hour for span in spans for hour in range(span[0] // HOUR, _past(span[1]))})
    for hour in touched:
        opens, closes = hour * HOUR, (hour + 1) * HOUR
        at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(hours=hour)
        inside = [
            (max(start, opens), min(end, closes))
            for start, end in spans
            if start < closes and end > opens
        ]
        # The most at once are at once when one of them starts.
        peak = max(
            sum(start <= moment < end for start, end in inside)
            for moment in {start for start, _ in inside}
        )
        busy = sum(end - start for start, end in inside)
        yield at.date(), at.hour, len(inside), peak, busy


def _past(end: int) -> int:
    """Return the first hour that a span up to `end` no longer touches."""
    return -(-end // HOUR)


def snapshot_log(tables: Tables, filters: Filters) -> Answer:
    snapshots = sorted(rows(tables["snapshots"]), key=lambda snapshot: snapshot["id"])
    answer: Answer = []
    marks: dict[str, int | None] = {}
    for snapshot in snapshots:
        account = snapshot["account_id"]
        if snapshot["watermark_epoch"] is not None:
            marks[account] = snapshot["watermark_epoch"]
        lag = minus(snapshot["finished_epoch"], marks.get(account))
        day = snapshot["started_at"].astimezone(UTC).date()
        if not is_within(day, filters) or not of_account(snapshot, filters):
            continue
        answer.append(
            (
                account,
                snapshot["id"],
                snapshot["kind"],
                snapshot["status"],
                snapshot["started_at"],
                within(minus(snapshot["finished_epoch"], snapshot["started_epoch"]), LONGEST),
                *(snapshot[f"jobs_{count}"] for count in ("seen", "inserted", "changed")),
                snapshot["jobs_rejected"],
                snapshot["requests"],
                snapshot["credits_spent"],
                snapshot["credits_remaining"],
                within(None if lag is None else max(0, lag), LONGEST),
                snapshot["error"],
            )
        )
    return answer[::-1]


REFERENCE: dict[str, Callable[[Tables, Filters], Answer]] = {
    trend.__name__: trend
    for trend in (
        runtime_by_day,
        runtime_by_week,
        runtime_regressions,
        runtime_steps,
        slowest_packages,
        failures_by_day,
        failure_reasons,
        recovery,
        queue_wait_by_day,
        open_jobs,
        records_by_day,
        throughput,
        output_field_changes,
        node_hours_by_week,
        retries,
        freshness,
        concurrency,
        snapshot_log,
    )
}
