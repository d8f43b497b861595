"""The runs of an account: the lock, how fresh the data is, what is set aside."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine, func, select

from snapshotter.doctor.report import Report
from snapshotter.store.engine import named_errors
from snapshotter.store.lock import is_held
from snapshotter.store.tables import REJECTS, SNAPSHOTS
from snapshotter.sync.status import Freshness, first_line, freshness
from snapshotter.texts import counted
from snapshotter.times import duration, stamp

_LONGEST_RUN = timedelta(days=1)
_OLD_REJECTS = timedelta(days=7)


@dataclass(frozen=True)
class Limits:
    """`now`: this host's time. `max_age`: how old the last complete run may be."""

    now: datetime
    max_age: timedelta


def stored(engine: Engine, now: datetime) -> dict[str, Freshness]:
    """Return what is known about each account, by its id."""
    with named_errors():
        return {each.account_id: each for each in freshness(engine, now)}


def lock(report: Report, engine: Engine, account_id: str, known: Freshness | None) -> None:
    """Report who holds the account's lock; without tables, `known` is None."""
    running = [run for run in (known.runs if known else ()) if run["status"] == "running"]
    run = running[0] if running else None
    named = f"run {run['id']}, begun {stamp(run['started_at'])}" if run else "a run"
    if not is_held(engine, account_id):
        if run is None or not _is_running(engine, run["id"]):  # it may just have ended
            stays = "; its empty .lock file beside the database stays there"
            report.ok(f"not held{stays if engine.dialect.name == 'sqlite' else ''}")
        else:
            report.warn(
                f"{named}, did not finish: it was killed, or the host went down",
                "nothing is lost: the next sync continues",
            )
        return
    age = datetime.now(run["started_at"].tzinfo) - run["started_at"] if run else timedelta(0)
    if age > _LONGEST_RUN:
        report.warn(
            f"held by {named}, for {duration(age.total_seconds())}",
            "see whether that run still works ('snapshotter status'); if it hangs, end it",
        )
    else:
        report.ok(f"held by {named}")


def _is_running(engine: Engine, run_id: int) -> bool:
    status = select(SNAPSHOTS.c.status).where(SNAPSHOTS.c.id == run_id)
    with named_errors(), engine.connect() as connection:
        return connection.execute(status).scalar() == "running"


def fresh(report: Report, known: Freshness | None, limits: Limits, *, is_configured: bool) -> None:
    """Compare the age of the last complete run with the limit."""
    if known is None or not known.runs:
        report.warn("nothing is stored of it yet", "run 'snapshotter sync'")
        return
    age = known.age(limits.now)
    last = known.runs[0]
    error = f"; the last run: {first_line(last['error'])}" if last["error"] else ""
    if known.is_stale(limits.now, limits.max_age):
        since = "no run of the whole list has completed yet"
        if age is not None:
            since = f"the last complete run began {duration(age.total_seconds())} ago"
        found = f"{since}, more than {duration(limits.max_age.total_seconds())}{error}"
        if is_configured:
            advice = "'snapshotter status' lists the last runs; see whether sync is still scheduled"
            report.fail(found if age is not None else since + error, advice)
        else:
            report.warn(
                f"{found}; the account is not configured here",
                "if it is not read any longer: 'snapshotter accounts forget NAME'",
            )
        return
    report.ok(f"the last complete run began {duration(age.total_seconds() if age else 0)} ago")


def rejects(report: Report, engine: Engine, known: Freshness, now: datetime) -> None:
    """Report the records that are set aside; old ones do not pass by themselves."""
    if not known.rejected:
        report.ok("no record is set aside")
        return
    mine = REJECTS.c.account_id == known.account_id
    with named_errors(), engine.connect() as connection:
        oldest = connection.execute(select(func.min(REJECTS.c.rejected_at)).where(mine)).scalar()
    age = now - oldest if oldest else timedelta(0)
    found = (
        f"{counted(known.rejected, 'record')} set aside, the oldest for "
        f"{duration(max(0.0, age.total_seconds()))}"
    )
    if age > _OLD_REJECTS:
        report.warn(found, "'snapshotter rejects' lists the reasons")
    else:
        report.ok(f"{found}; later runs try again")
