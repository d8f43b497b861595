"""`snapshotter verify`: what differs from the API is found, reported and repaired, cheaply."""

import random
import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from clock import Impatient
from failing import failing
from pruning import half_pruned
from sqlalchemy import Connection, delete, select, update
from syncer import Syncer, command, history

from snapshotter.api.client import Client
from snapshotter.api.limits import Limits
from snapshotter.errors import RequestFailed, Stopped
from snapshotter.redact import Redaction
from snapshotter.settings import Key, Service
from snapshotter.simulator.account import SimulatedAccount
from snapshotter.simulator.faults import GARBLED, Answer, Request
from snapshotter.simulator.history import stamp
from snapshotter.simulator.server import serve
from snapshotter.statuses import STATUSES
from snapshotter.store.engine import open_engine
from snapshotter.store.lock import lock
from snapshotter.store.tables import CHANGES, FIELDS, JOBS, OUTPUTS, PRUNED, REJECTS, SNAPSHOTS
from snapshotter.sync.context import Context
from snapshotter.sync.sync import Plan, open_run
from snapshotter.sync.verify import Comparison, Sample, verify
from snapshotter.texts import counted

sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def verified(
    syncer: Syncer, *, repair: bool = False, sample: int = 500, limits: Limits | None = None
) -> Comparison:
    """Return what `verify` finds, looking at the pages in the same order."""
    account, engine = syncer.account, syncer.engine
    service = Service(account.account_id, Key(account.api_key), syncer.url)
    chance = random.Random(1)  # noqa: S311 - a test's order
    account.requests.clear()
    with Client(service, limits or Limits(), clock=Impatient()) as client:
        context, found = Context(engine, client, service, Redaction()), Comparison()
        pages = Sample(sample, chance)
        if not repair:
            verify(context, pages, found)
            return found
        with open_run(context, Plan(ids=())) as run:
            verify(context, pages, found, run)
        return found


def counts(findings: Comparison) -> dict[str, tuple[int, int]]:
    return {what: (there, here) for what, there, here in findings.counted}


def synced(syncer: Syncer) -> None:
    """Store 150 finished jobs and a running one; let a minute go by."""
    history(syncer.account, 150)
    for job in syncer.account.jobs.values():
        job["variables"] = {"db_password": "hunter2"}
    syncer.account.add_job(status="running")
    syncer.account.touch()
    syncer()
    syncer.account.advance(60)


WHOLE_OUTPUT = """\
                  at the API        here
jobs                     151         151
completed                150         150
failed                     0           0
stopped                    0           0
idle                       0           0
pending                    0           0
queued                     0           0
running                    1           1
pending_stoppage           0           0
stopping                   0           0
151 jobs read again, field by field
1 job moved since the last sync; not a difference: the next 'snapshotter sync' fetches what changed
0 differences, 16 requests, N credits left
next: snapshotter sync
"""


def without_credits(output: str) -> str:
    return re.sub(r"[\d,]+ credits left", "N credits left", output)


@sqlite
def test_a_clean_account(syncer: Syncer) -> None:
    synced(syncer)
    done = command(syncer, "verify")
    assert (done.returncode, without_credits(done.stdout), done.stderr) == (0, WHOLE_OUTPUT, "")
    credits_left, all_jobs, a_status, pages = 1, 2, len(STATUSES) + 2, 2
    assert len(syncer.account.requests) == credits_left + all_jobs + a_status + pages
    assert len(syncer.rows(SNAPSHOTS)) == 1


@sqlite
def test_a_sample_of_many_jobs(syncer: Syncer) -> None:
    history(syncer.account, 1200)
    syncer()
    syncer.account.advance(60)
    found = verified(syncer, sample=101)
    assert (found.read, found.differences) == (200, 0)
    assert len(syncer.account.requests) <= 3 + 2 * len(STATUSES) + 2


# What alone is enough to differ


class Damage(NamedTuple):
    """Makes a job differ, and how that is reported. `counts`: the numbers alone show it."""

    make: Callable[[Connection, SimulatedAccount, int], Any]
    expected: str
    counts: bool


def delete_job(connection: Connection, _account: SimulatedAccount, job_id: int) -> None:
    outputs = select(OUTPUTS.c.id).where(OUTPUTS.c.job_id == job_id)
    connection.execute(delete(FIELDS).where(FIELDS.c.output_id.in_(outputs)))
    connection.execute(delete(OUTPUTS).where(OUTPUTS.c.job_id == job_id))
    connection.execute(delete(CHANGES).where(CHANGES.c.job_id == job_id))
    connection.execute(delete(JOBS).where(JOBS.c.id == job_id))


def set_columns(**values: Any) -> Callable[[Connection, SimulatedAccount, int], None]:
    def make(connection: Connection, _account: SimulatedAccount, job_id: int) -> None:
        connection.execute(update(JOBS).where(JOBS.c.id == job_id).values(values))

    return make


def set_records(connection: Connection, _account: SimulatedAccount, job_id: int) -> None:
    connection.execute(update(OUTPUTS).where(OUTPUTS.c.job_id == job_id).values(records_count=999))


def delete_field(connection: Connection, _account: SimulatedAccount, job_id: int) -> None:
    output = select(OUTPUTS.c.id).where(OUTPUTS.c.job_id == job_id).scalar_subquery()
    connection.execute(delete(FIELDS).where(FIELDS.c.output_id == output, FIELDS.c.position == 2))


def remove_from_the_api(connection: Connection, account: SimulatedAccount, job_id: int) -> None:
    # Its outputs would stay, which the account no longer has.
    connection.execute(delete(FIELDS))
    connection.execute(delete(OUTPUTS))
    for job in account.jobs.values():
        job["outputs"] = []
    account.remove_job(job_id)


GONE_SINCE = datetime.fromisoformat("2026-01-31T09:00:00Z")
DAMAGES = {
    "a job deleted": Damage(delete_job, "missing here: {}", counts=True),
    "a stale status": Damage(
        set_columns(status="running", finished_at=None),
        "different here: {} (status, finished_at)",
        counts=True,
    ),
    "other records": Damage(set_records, "different here: {} (job_outputs)", counts=False),
    "a field missing": Damage(delete_field, "different here: {} (output_fields)", counts=False),
    "other errors": Damage(
        set_columns(errors="all is well"), "different here: {} (errors)", counts=False
    ),
    "gone from the API": Damage(remove_from_the_api, "gone from the API: {}", counts=True),
    "wrongly gone": Damage(
        set_columns(gone_at=GONE_SINCE), "different here: {} (gone_at)", counts=True
    ),
}


def damage(syncer: Syncer, name: str, job_id: int) -> str:
    """Make the job differ; return the line that reports it."""
    with syncer.engine.begin() as connection:
        DAMAGES[name].make(connection, syncer.account, job_id)
    return DAMAGES[name].expected.format(job_id)


@sqlite
@pytest.mark.parametrize("name", DAMAGES)
def test_a_difference_is_reported_and_repaired(syncer: Syncer, name: str) -> None:
    history(syncer.account, 150)
    syncer()
    job_id = sorted(syncer.account.jobs)[75]
    if name == "gone from the API":
        for job in syncer.account.jobs.values():
            job["outputs"] = []
        syncer(Plan(full=True))
    syncer.account.advance(60)
    expected = damage(syncer, name, job_id)

    by_counting = verified(syncer, sample=0)
    assert by_counting.differences == DAMAGES[name].counts
    assert by_counting.read == 0
    assert len(syncer.account.requests) <= 26

    done = command(syncer, "verify")
    assert done.returncode == 65
    said = done.stdout.splitlines()
    assert expected in said
    assert said[-2].startswith("1 difference, ")
    assert said[-1] == "next: snapshotter verify --repair"
    assert done.stderr == "snapshotter: 1 job differs; --repair fetches what differs\n"

    found = verified(syncer, repair=True)
    assert expected in found.lines()
    assert verified(syncer).differences == 0
    syncer.assert_equal_to_the_account()
    gone_at = {row["id"]: row["gone_at"] for row in syncer.rows(JOBS)}[job_id]
    assert gone_at == (syncer.account.now if name == "gone from the API" else None)


@sqlite
def test_the_command_mends(syncer: Syncer) -> None:
    synced(syncer)
    expected = damage(syncer, "a job deleted", min(syncer.account.jobs))
    done = command(syncer, "verify", "--repair")
    assert (done.returncode, done.stderr) == (0, "")
    assert expected in done.stdout.splitlines()
    done = command(syncer, "verify")
    assert (done.returncode, without_credits(done.stdout), done.stderr) == (0, WHOLE_OUTPUT, "")


def test_all_at_once_in_each_database(syncer: Syncer) -> None:
    synced(syncer)
    names = [name for name in DAMAGES if name != "gone from the API"]
    ids = dict(zip(names, sorted(syncer.account.jobs)[::20], strict=False))
    expected = {damage(syncer, name, job_id).split(": ")[1] for name, job_id in ids.items()}
    before = syncer.rows(JOBS)
    found = verified(syncer)
    assert found.differences == len(names)
    lines = "\n".join(found.lines())
    assert all(each in lines for each in expected)
    assert syncer.rows(JOBS) == before

    verified(syncer, repair=True)
    run = syncer.rows(SNAPSHOTS)[-1]
    summary = ("kind", "status", "jobs_inserted", "jobs_changed", "watermark")
    assert [run[name] for name in summary] == ["jobs", "completed", 1, len(names) - 1, None]
    assert verified(syncer).differences == 0
    syncer()
    syncer.assert_equal_to_the_account()


@sqlite
def test_several_that_are_gone(syncer: Syncer) -> None:
    synced(syncer)
    ids = set(sorted(syncer.account.jobs)[40:60:4])
    for job_id in ids:
        syncer.account.remove_job(job_id)
    assert verified(syncer, sample=0).gone == ids
    assert verified(syncer, repair=True).gone == ids
    assert {row["id"] for row in syncer.rows(JOBS) if row["gone_at"] is not None} == ids
    assert verified(syncer).gone == set()


def marked(syncer: Syncer) -> set[int]:
    return {row["id"] for row in syncer.rows(JOBS) if row["gone_at"] is not None}


@sqlite
def test_a_repair_marks_a_large_loss_only_when_an_hour_later_it_is_still_there(
    syncer: Syncer,
) -> None:
    synced(syncer)
    lost = set(sorted(syncer.account.jobs)[20:50])
    for job_id in lost:
        syncer.account.remove_job(job_id)
    for minutes in (1, 58):
        found = verified(syncer, repair=True)
        assert (found.gone, marked(syncer)) == (lost, set())
        assert found.unrepaired.startswith("more than 10 jobs seem to be gone from the API at once")
        syncer.account.advance(60 * minutes)
    done = command(syncer, "verify", "--repair")
    assert done.returncode == 65
    assert done.stderr.splitlines()[-1].startswith("snapshotter: more than 10 jobs seem to be gone")
    syncer.account.advance(120)
    found = verified(syncer, repair=True)
    assert (found.gone, marked(syncer), found.unrepaired) == (lost, lost, "")
    assert verified(syncer).differences == 0


@sqlite
def test_a_repair_asks_for_few_jobs_of_an_account_that_became_empty(syncer: Syncer) -> None:
    history(syncer.account, 300)
    syncer()
    for job_id in list(syncer.account.jobs):
        syncer.account.remove_job(job_id)
    found = verified(syncer, repair=True)
    assert (len(found.gone), marked(syncer)) == (300, set())
    assert len(syncer.account.requests) < 160


# What is not a difference


def test_what_moved_since_the_last_sync_is_reported_apart(syncer: Syncer) -> None:
    account = syncer.account
    account.populate(days=3)
    syncer()
    account.advance(30)
    statuses = {job["status"] for job in account.jobs.values()}
    assert {"pending", "running"} <= statuses  # one of them has moved, and not its updated_at
    changed, spoilt = sorted(account.jobs)[:2]
    account.jobs[changed].update(errors="looked at again", updated_at=stamp(account.now))
    account.add_job()
    account.jobs[spoilt].update(owner_id=GARBLED, updated_at=stamp(account.now))
    found = verified(syncer)
    assert (found.differences, found.set_aside) == (0, [])
    assert {changed, spoilt, max(account.jobs)} < found.newer
    assert f"{counted(len(found.newer), 'job')} moved since the last sync" in "\n".join(
        found.lines()
    )

    account.jobs[spoilt]["owner_id"] = 8
    syncer()
    assert verified(syncer).newer == set()
    syncer.assert_equal_to_the_account()


@sqlite
def test_many_that_ended_meanwhile_cost_no_request_each(syncer: Syncer) -> None:
    for _ in range(40):
        syncer.account.add_job(status="running")
    syncer()
    syncer.account.advance(3600)
    found = verified(syncer, sample=0)
    assert (found.differences, len(found.newer)) == (0, 40)
    assert not [path for path in syncer.asked if path.startswith("jobs/")]


@sqlite
def test_a_change_of_the_second_of_the_last_one(syncer: Syncer) -> None:
    """Whether the listing had it cannot be known: better a false alarm than none."""
    history(syncer.account, 5)
    syncer()
    last = max(job["updated_at"] for job in syncer.account.jobs.values())
    syncer.account.add_job(updated_at=last)
    syncer.account.add_job()
    found = verified(syncer)
    assert (found.differences, len(found.newer)) == (1, 1)


@pytest.mark.parametrize("offset", [-86_400 * 365, 86_400])
@sqlite
def test_a_date_that_is_off_hides_nothing(syncer: Syncer, offset: float) -> None:
    syncer.account.date_offset = offset
    history(syncer.account, 5)
    syncer()
    syncer.account.advance(60)
    syncer.account.add_job()
    with syncer.engine.begin() as connection:
        connection.execute(delete(FIELDS))
        connection.execute(delete(OUTPUTS))
        connection.execute(delete(CHANGES))
        connection.execute(delete(JOBS))
    found = verified(syncer)
    assert (len(found.missing), len(found.newer)) == (5, 1)


@sqlite
def test_a_job_that_is_open_there_and_done_here(syncer: Syncer) -> None:
    history(syncer.account, 5)
    syncer()
    job_id = min(syncer.account.jobs)
    syncer.account.jobs[job_id].update(status="running", completed_at=None)
    syncer.account.touch()
    found = verified(syncer)
    assert found.differing == {job_id: ["status", "completed_at", "finished_at", "finished_epoch"]}


# Records set aside


def test_a_record_set_aside_is_reported(syncer: Syncer) -> None:
    account = syncer.account
    history(account, 5)
    bad, turned_bad, *_ = sorted(account.jobs)
    account.jobs[bad]["owner_id"] = GARBLED
    syncer()
    del account.add_job()["id"]
    account.jobs[turned_bad].update(owner_id=GARBLED, updated_at=stamp(account.now))
    account.touch()
    syncer()
    account.advance(60)
    found = verified(syncer)
    assert found.differences == len(found.newer) == 0
    assert sorted(found.set_aside, key=str) == [bad, turned_bad, None]
    said = f"set aside (snapshotter rejects): one without an id, {bad}, {turned_bad}"
    assert list(found.lines())[-1] == said
    assert counts(found)["jobs"] == (6, 6)


@sqlite
def test_a_record_set_aside_is_exit_65(syncer: Syncer) -> None:
    syncer.account.add_job(owner_id=GARBLED)
    syncer()
    syncer.account.advance(60)
    done = command(syncer, "verify")
    assert done.returncode == 65
    assert done.stderr == "snapshotter: 1 record is set aside; see 'snapshotter rejects'\n"


@sqlite
def test_a_bad_record_that_is_missing_is_set_aside_by_repair(syncer: Syncer) -> None:
    history(syncer.account, 5)
    syncer.account.jobs[min(syncer.account.jobs)]["owner_id"] = GARBLED
    syncer()
    syncer.account.advance(60)
    with syncer.engine.begin() as connection:
        connection.execute(delete(REJECTS))
    bad = min(syncer.account.jobs)
    assert verified(syncer).missing == {bad}
    assert syncer.rows(REJECTS) == []
    found = verified(syncer, repair=True)
    assert (found.missing, found.set_aside) == ({bad}, [bad])
    assert [row["job_id"] for row in syncer.rows(REJECTS)] == [bad]
    assert verified(syncer).missing == set()


# Beginnings, old services, limits


def test_an_account_never_synced(syncer: Syncer) -> None:
    history(syncer.account, 25)
    found = verified(syncer)
    ids = sorted(syncer.account.jobs)
    assert found.missing == set(ids)
    assert counts(found)["jobs"] == counts(found)["completed"] == (25, 0)
    lines = list(found.lines())
    assert lines[1] == "jobs                      25           0  differs"
    assert lines[-1] == f"missing here: {', '.join(map(str, ids[:20]))} and 5 more"
    verified(syncer, repair=True)
    syncer.assert_equal_to_the_account()
    assert verified(syncer).differences == 0


@sqlite
def test_an_account_never_synced_is_exit_65(syncer: Syncer) -> None:
    history(syncer.account, 3)
    done = command(syncer, "verify")
    assert done.returncode == 65
    assert done.stderr == "snapshotter: 3 jobs differ; --repair fetches what differs\n"


@sqlite
def test_an_empty_account(syncer: Syncer) -> None:
    found = verified(syncer)
    assert found.counted == [("jobs", 0, 0), *((status, 0, 0) for status in STATUSES)]
    assert found.differences == found.read == 0


@pytest.mark.parametrize("empty_database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("repair", [[], ["--repair"]])
def test_a_database_without_tables(
    empty_database_url: str, account: SimulatedAccount, api: str, tmp_path: Path, repair: list[str]
) -> None:
    syncer = Syncer(open_engine(empty_database_url), account, api)
    done = command(syncer, "verify", *repair)
    assert (done.returncode, done.stdout, account.requests) == (1, "", [])
    assert done.stderr == (
        "snapshotter: the database has no tables yet; run 'snapshotter sync' first "
        f"(database {empty_database_url})\n"
    )
    nowhere = f"sqlite:///{tmp_path}/nowhere.db"
    done = command(syncer, "verify", SNAPSHOTTER_DATABASE_URL=nowhere)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "'snapshotter sync' creates it" in done.stderr
    syncer.engine.dispose()


@sqlite
def test_a_service_older_than_a_status(syncer: Syncer) -> None:
    def refuse_queued(request: Request) -> Answer | None:
        if request.query.get("status") == "queued":
            return Answer(422, {}, b'{"message": "no such status"}')
        return None

    synced(syncer)
    syncer.account.intercept = refuse_queued
    done = command(syncer, "verify")
    assert (done.returncode, done.stderr) == (0, "")
    lines = WHOLE_OUTPUT.splitlines(keepends=True)
    assert without_credits(done.stdout) == "".join(
        line for line in lines if not line.startswith("queued")
    )


@sqlite
def test_no_sample(syncer: Syncer) -> None:
    synced(syncer)
    damage(syncer, "other records", min(syncer.account.jobs))
    done = command(syncer, "verify", "--sample", "0")
    assert done.returncode == 0
    assert "0 jobs read again, field by field" in done.stdout.splitlines()
    *_, last, step = done.stdout.splitlines()
    assert without_credits(last) == "0 differences, 14 requests, N credits left"
    assert step == "next: nothing to do"


@sqlite
def test_the_reserve_of_credits_holds(syncer: Syncer) -> None:
    synced(syncer)
    syncer.account.credits_remaining = 505
    done = command(syncer, "verify")
    assert done.returncode == 75
    assert done.stdout.endswith("0 jobs read again, field by field\n")
    assert "500 credits left of this hour's, and 500 to be kept" in done.stderr
    assert syncer.account.credits_remaining == 500
    assert command(syncer, "verify", "--reserve-credits", "400").returncode == 0


@sqlite
def test_the_bound_on_requests_holds(syncer: Syncer) -> None:
    synced(syncer)
    done = command(syncer, "verify", "--max-requests", "5")
    assert done.returncode == 75
    assert done.stdout.endswith("0 jobs read again, field by field\n")
    assert done.stderr == "snapshotter: --max-requests 5 are sent; the next run continues\n"
    assert len(syncer.account.requests) == 5


@sqlite
def test_a_repair_that_has_to_stop_keeps_what_it_mended(syncer: Syncer) -> None:
    synced(syncer)
    first, last = min(syncer.account.jobs), max(syncer.account.jobs) - 1
    for job_id in (first, last):
        damage(syncer, "a job deleted", job_id)
    with pytest.raises(Stopped):
        verified(syncer, repair=True, limits=Limits(requests=9))
    assert {first, last} & {row["id"] for row in syncer.rows(JOBS)}
    run = syncer.rows(SNAPSHOTS)[-1]
    assert (run["kind"], run["status"], run["requests"]) == ("jobs", "partial", 9)
    verified(syncer, repair=True)
    assert verified(syncer).differences == 0


def test_a_repair_waits_for_no_other_run(syncer: Syncer) -> None:
    synced(syncer)
    with lock(syncer.engine, syncer.account.account_id) as held:
        assert held
        with pytest.raises(Stopped, match="is being read by another run"):
            verified(syncer, repair=True)
        assert syncer.account.requests == []
        assert verified(syncer).differences == 0


@sqlite
def test_another_account_in_the_database_does_not_count(syncer: Syncer) -> None:
    synced(syncer)
    other = SimulatedAccount("other")
    with serve(other) as url:
        for n in range(3):
            other.add_job(id=5000 + n)
        Syncer(syncer.engine, other, url)()
    found = verified(syncer)
    assert found.differences == 0
    assert counts(found)["jobs"] == (151, 151)
    assert all(there == here for there, here in counts(found).values())


@sqlite
def test_verify_looks_at_all_else_before_it_gives_up(syncer: Syncer) -> None:
    history(syncer.account, 5)
    syncer()
    gone = min(syncer.account.jobs)
    syncer.account.remove_job(gone)
    syncer.account.intercept = failing(500, status="failed")
    found = Comparison()
    service = Service("acme", Key(syncer.account.api_key), syncer.url)
    pages = Sample(500, random.Random(1))  # noqa: S311 - a test's order
    with Client(service, clock=Impatient()) as client, pytest.raises(RequestFailed, match="500"):
        verify(Context(syncer.engine, client, service, Redaction()), pages, found)
    assert found.gone == {gone}
    assert (found.read, [what for what, _, _ in found.counted][-1]) == (4, "stopping")


@sqlite
def test_pruned_jobs_are_counted_and_not_missing(syncer: Syncer) -> None:
    job_ids = half_pruned(syncer, 150)
    found = verified(syncer, sample=150)
    assert (found.differences, found.newer, found.pruned) == (0, set(), 75)
    assert (counts(found)["jobs"], counts(found)["completed"]) == ((150, 150), (150, 150))
    assert "75 jobs are pruned: counted as here, not compared" in [*found.lines()]
    syncer.account.remove_job(job_ids[0])
    assert verified(syncer, sample=100).gone == {job_ids[0]}
    syncer.account.jobs[job_ids[1]]["updated_at"] = stamp(syncer.account.now)
    syncer.account.touch()
    found = verified(syncer, sample=150, repair=True)
    assert (found.gone, found.newer) == ({job_ids[0]}, {job_ids[1]})
    pruned = {row["job_id"]: row["gone_at"] for row in syncer.rows(PRUNED)}
    assert [job_id for job_id, gone_at in pruned.items() if gone_at] == [job_ids[0]]
    assert len(pruned) == 75
