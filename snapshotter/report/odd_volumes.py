"""Findings about what outputs wrote: nothing, or an unusual amount."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, time
from statistics import median

from snapshotter.report.evidence import chance_of_share, is_far
from snapshotter.report.policy import UNUSUAL_VOLUME, WROTE_NOTHING, Facts, Finding
from snapshotter.report.rows import Key, Row, is_unusual, key_of
from snapshotter.report.words import day, listed
from snapshotter.texts import counted

_EMPTY = 1, 10_000  # days without records, and days, that other outputs are taken to have besides


def odd_volumes(rows: Sequence[Row], facts: Facts) -> Iterator[Finding]:
    """Yield what each package wrote less or more than noise explains, on days that are known.

    Days without records count if the other packages have so few of them, or if they are the last
    ones; other volumes if they are far from the usual ones of the output, run by run.
    """
    outputs: dict[tuple[Key, str | None], list[Row]] = defaultdict(list)
    for row in rows:
        if row["day"] is not None and row["records"] is not None and row["usual_records"]:
            outputs[key_of(row), row["output_name"]].append(row)
    yield from _nothing(outputs, facts)
    tries = sum(map(len, outputs.values()))
    for days in outputs.values():
        yield from _unusual(days, facts, facts.chance / max(1, tries / max(1, len(facts.names))))


def _nothing(outputs: dict[tuple[Key, str | None], list[Row]], facts: Facts) -> Iterator[Finding]:
    zeros = sum(map(_zeros, outputs.values()))
    days = sum(map(len, outputs.values()))
    packages: dict[Key, list[list[Row]]] = defaultdict(list)
    for (key, _), own in outputs.items():
        others = zeros - _zeros(own), days - len(own)
        if _is_evidence(own, others, facts.chance):
            packages[key].append(own)
    for key, empty in packages.items():
        yield _of_nothing(key, empty, facts)


def _zeros(days: Sequence[Row]) -> int:
    return sum(row["records"] == 0 for row in days)


def _is_evidence(days: Sequence[Row], others: tuple[int, int], chance: float) -> bool:
    """Return whether an output's days without records are not noise, together or at the end.

    `others` has how many of the other outputs' days are without records, and of how many.
    """
    zeros, own = others[0] + _EMPTY[0], _zeros(days)
    total = others[1] + _EMPTY[1]
    last = 0
    while last < len(days) and days[-1 - last]["records"] == 0:
        last += 1
    return (last > 0 and (zeros / total) ** last <= chance) or (
        own > 0 and chance_of_share(own, len(days), zeros + own, total + len(days)) <= chance
    )


def _of_nothing(key: Key, outputs: list[list[Row]], facts: Facts) -> Finding:
    empty = [row for days in outputs for row in days if row["records"] == 0]
    names = list(dict.fromkeys(row["output_name"] for row in empty))
    days = sorted({row["day"] for row in empty})
    when = f"{len(days)} days, last on {day(days[-1])}" if len(days) > 1 else day(days[-1])
    runs = max(sum(row["runs"] for row in empty if row["output_name"] == each) for each in names)
    return WROTE_NOTHING.finding(
        f"{facts.names[key]} wrote nothing to {listed(names)} on {when}.",
        facts.lost(key, runs),
        since=days[0],
        found_from=datetime.combine(days[-1], time.max, UTC),
        detail="nothing",
        **facts.about(empty[0]),
    )


def _unusual(days: Sequence[Row], facts: Facts, chance: float) -> Iterator[Finding]:
    """Yield the days on which an output's runs wrote an amount that is far from the usual."""
    odd = [row for row in days if row["records"] and is_unusual(row)]
    if not odd:
        return
    per_run = [row["records"] / row["runs"] for row in days]
    for row in odd:
        own, usual = row["records"] / row["runs"], round(row["usual_records"])
        if is_far(own, per_run, chance) and not 0.5 < own / median(per_run) < 2:  # noqa: PLR2004
            yield UNUSUAL_VOLUME.finding(
                f"{facts.names[key_of(row)]} wrote {counted(row['records'], 'record')} to "
                f"{listed([row['output_name']])} on {day(row['day'])}, while "
                f"{usual:,.0f} {'is' if usual == 1 else 'are'} usual on that weekday.",
                facts.hours(key_of(row), row["runs"]),
                since=row["day"],
                found_from=datetime.combine(row["day"], time.max, UTC),
                detail=f"{row['output_name'] or ''} {row['day']}",
                **facts.about(row),
            )
