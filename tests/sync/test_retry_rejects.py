"""Records that are set aside are tried again after growing pauses, or by `rejects --retry`."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rejecting import one_bad, reasons, refused
from samples import job
from scripted import BAD, listing, spoilt
from sqlalchemy import insert, select, update
from syncer import Syncer, history

from snapshotter.simulator.account import SimulatedAccount
from snapshotter.simulator.faults import GARBLED, Answer, Request
from snapshotter.simulator.history import stamp
from snapshotter.store.backoff import PAUSES
from snapshotter.store.rejects import listed
from snapshotter.store.tables import ACCOUNTS, JOBS, REJECTS, SNAPSHOTS
from snapshotter.sync import retry_rejects
from snapshotter.sync.sync import Plan

sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

RETRY = Plan(rejected=True)


# Once more


def test_mended_at_the_api_it_lands(syncer: Syncer) -> None:
    bad = one_bad(syncer, owner_id=GARBLED)
    bad["owner_id"] = 8
    outcome = syncer(RETRY)
    assert (outcome.kind, outcome.inserted, outcome.rejected) == ("jobs", 1, 0)
    # Fetched by its id, a job has less of its package and cluster than in the list.
    assert syncer.asked == ["rate_limit_status", f"jobs/{bad['id']}", "jobs"]
    assert syncer.rows(REJECTS) == []
    syncer.assert_equal_to_the_account()
    assert not syncer(RETRY).seen
    assert syncer.asked == ["rate_limit_status"]


@sqlite
def test_still_bad_it_stays(syncer: Syncer) -> None:
    bad = one_bad(syncer, owner_id=GARBLED)
    first = syncer.rows(REJECTS)
    outcome = syncer(RETRY)
    assert (outcome.inserted, outcome.rejected) == (0, 1)
    (again,) = syncer.rows(REJECTS)
    # Text that is not JSON differs from what its own call answers.
    stamped_again = {"id", "payload", "digest", "snapshot_id", "rejected_at", "attempts"}
    stamped_again |= {"next_attempt_at"}
    assert {k: v for k, v in again.items() if k not in stamped_again} == {
        k: v for k, v in first[0].items() if k not in stamped_again
    }
    assert (again["snapshot_id"], again["rejected_at"]) == (2, syncer.account.now)
    # So its pause begins anew, once.
    assert (again["attempts"], again["next_attempt_at"]) == (
        1,
        syncer.account.now + timedelta(hours=1),
    )
    assert f'"owner_id":{GARBLED}' in json.loads(again["payload"])
    assert len(syncer.rows(JOBS)) == 4
    assert bad["id"] not in {row["id"] for row in syncer.rows(JOBS)}


@sqlite
def test_gone_at_the_api_it_leaves(syncer: Syncer) -> None:
    bad = one_bad(syncer, owner_id=GARBLED)
    syncer.account.remove_job(bad["id"])
    outcome = syncer(RETRY)
    assert (outcome.inserted, outcome.rejected, outcome.missing) == (0, 0, [])
    assert syncer.rows(REJECTS) == []
    assert len(syncer.rows(JOBS)) == 4


NAMELESS = 999  # where the account keeps the record that has no id


def one_without_an_id(account: SimulatedAccount) -> dict[str, Any]:
    """Add a record so old that no later listing goes back to it."""
    at = account.now - timedelta(hours=2)
    record = account.add_job(
        id=NAMELESS, created_at=at, started_at=at, completed_at=at, updated_at=at
    )
    del record["id"]
    account.add_job(id=2000)
    return record


def test_a_record_without_an_id_that_is_given_one(syncer: Syncer) -> None:
    """It is searched for where it was: no listing has it, because its updated_at is the same."""
    history(syncer.account, 3)
    nameless = one_without_an_id(syncer.account)
    assert syncer().rejected == 1
    syncer.account.advance(timedelta(days=1).total_seconds())
    assert syncer().rejected == 1  # still bad
    assert list(reasons(syncer)) == [None]
    nameless["id"] = 5000
    syncer.account.jobs[5000] = syncer.account.jobs.pop(NAMELESS)
    syncer.account.advance(timedelta(hours=6).total_seconds())
    outcome = syncer()
    assert (outcome.inserted, outcome.rejected) == (1, 0)
    assert 5000 in outcome.seen
    assert syncer.rows(REJECTS) == []
    syncer.assert_equal_to_the_account()


@sqlite
@pytest.mark.parametrize("retry", [False, True])
def test_a_record_without_an_id_that_is_gone(syncer: Syncer, *, retry: bool) -> None:
    history(syncer.account, 3)
    one_without_an_id(syncer.account)
    syncer()
    syncer.account.advance(timedelta(days=1).total_seconds())
    syncer.account.remove_job(NAMELESS)
    assert syncer(RETRY if retry else None).rejected == 0
    assert syncer.rows(REJECTS) == []


# As it is kept


def keep(syncer: Syncer, document: Any, job_id: int | None = 7) -> None:
    """Put a record into the table, as a run of another version has left it."""
    with syncer.engine.begin() as connection:
        connection.execute(
            insert(REJECTS).values(
                snapshot_id=1,
                account_id="acme",
                job_id=job_id,
                reason="as it was then",
                payload=json.dumps(document),
                rejected_at=datetime(2026, 1, 1, tzinfo=UTC),
            )
        )


def test_what_this_version_understands_lands_without_the_api(syncer: Syncer) -> None:
    history(syncer.account, 1)
    syncer()
    keep(syncer, job(id=7))
    nested = {**job(id=8, outputs=[]), "created_at": "2026-01-02T03:04:05.5Z"}
    keep(syncer, nested, job_id=None)
    outcome = syncer(RETRY)
    assert (set(outcome.seen), outcome.inserted, outcome.rejected) == ({7, 8}, 2, 0)
    assert syncer.asked == ["rate_limit_status"]
    assert syncer.rows(REJECTS) == []
    stored = {row["id"]: row for row in syncer.rows(JOBS)}[7]
    assert (stored["status"], stored["package_name"]) == ("completed", "orders")
    assert stored["variables"] == {"day": "'2026-01-01'"}


@sqlite
def test_what_is_kept_lands_though_the_api_still_sends_it_bad(syncer: Syncer) -> None:
    bad = one_bad(syncer, owner_id=GARBLED, outputs=[])
    with syncer.engine.begin() as connection:
        connection.execute(update(REJECTS).values(payload=json.dumps({**bad, "owner_id": 8})))
    assert syncer(RETRY).inserted == 1
    assert syncer.rows(REJECTS) == []
    assert {row["id"]: row["owner_id"] for row in syncer.rows(JOBS)}[bad["id"]] == 8


@sqlite
def test_what_is_kept_never_overwrites_what_is_newer(syncer: Syncer) -> None:
    known = syncer.account.add_job(outputs=[])
    syncer()
    before = syncer.rows(JOBS)
    older = {**known, "updated_at": "2020-01-01T00:00:00Z", "errors": "long ago"}
    keep(syncer, older, known["id"])
    outcome = syncer(RETRY)
    assert (outcome.inserted, outcome.changed) == (0, 0)
    assert syncer.rows(JOBS) == before
    assert syncer.rows(REJECTS) == []


@sqlite
def test_a_record_kept_under_another_id_is_asked_for(syncer: Syncer) -> None:
    syncer()
    keep(syncer, job(id=8), job_id=7)
    syncer(RETRY)
    assert syncer.asked == ["rate_limit_status", "jobs/7"]
    assert syncer.rows(JOBS) == []


@sqlite
def test_secrets_stay_hidden_after_a_retry(syncer: Syncer) -> None:
    secret = {"db_password": "hunter2", "day": "'monday'"}
    creator = {"type": "User", "id": 8, "token": "hunter2"}
    bad = one_bad(syncer, owner_id=GARBLED, variables=secret, creator=creator, outputs=[])
    (row,) = listed(syncer.engine)
    assert "hunter2" not in row.payload
    kept = json.loads(json.loads(row.payload).replace(GARBLED, "8"))
    with syncer.engine.begin() as connection:
        connection.execute(update(REJECTS).values(payload=json.dumps(kept)))
    assert syncer(RETRY).inserted == 1
    stored = {row["id"]: row for row in syncer.rows(JOBS)}[bad["id"]]
    assert stored["variables"] == {"db_password": "***", "day": "'monday'"}
    assert stored["extra"]["creator"] == {"token": "***"}
    assert "hunter2" not in str(syncer.rows(JOBS)) + str(syncer.rows(REJECTS))


@sqlite
def test_a_record_of_an_older_version_that_nested_too_deep_is_not_taken_for_whole(
    syncer: Syncer,
) -> None:
    """Its id and its time alone were kept: a job read of them would be hollow."""
    bad = one_bad(syncer, owner_id=GARBLED)
    kept = {"id": bad["id"], "created_at": bad["created_at"]}
    with syncer.engine.begin() as connection:
        connection.execute(update(REJECTS).values(payload=json.dumps(kept)))
    assert syncer(RETRY).rejected == 1
    assert bad["id"] not in {row["id"] for row in syncer.rows(JOBS)}
    bad["owner_id"] = 8
    assert syncer(RETRY).inserted == 1
    assert {row["id"]: row["status"] for row in syncer.rows(JOBS)}[bad["id"]] == "completed"


# All that can be wrong


def test_a_page_of_bad_records_beside_good_ones(syncer: Syncer) -> None:
    good = [spoilt(100 + n, created_at=f"2026-01-02T03:04:{n:02}Z") for n in range(len(BAD) + 1)]
    records = [each for n, (bad, _, _) in enumerate(BAD) for each in (good[n], bad)]
    syncer.account.intercept = listing([*records, good[-1]])
    outcome = syncer()
    assert set(outcome.seen) == {100 + n for n in range(len(good))}
    assert (outcome.inserted, outcome.rejected) == (len(good), len(BAD))
    assert syncer.rows(ACCOUNTS)[0]["watermark"] == syncer.account.now
    run = syncer.rows(SNAPSHOTS)[0]
    assert (run["status"], run["jobs_rejected"]) == ("completed", len(BAD))
    for row, (_, job_id, reason) in zip(listed(syncer.engine), BAD, strict=True):
        assert row.job_id == job_id
        assert row.reason == reason if reason.endswith("`") else reason in row.reason
    outcome = syncer(RETRY)
    assert (outcome.inserted, outcome.rejected) == (0, len(BAD))
    assert len(syncer.rows(REJECTS)) == len(BAD)


@sqlite
def test_places_that_fail_alike_are_set_aside_each(syncer: Syncer) -> None:
    """What came is the same for both, and does not show whose record it is."""
    history(syncer.account, 12)
    ids = sorted(syncer.account.jobs)
    bad = {ids[3], ids[8]}

    def failing(request: Request) -> Answer | None:
        if not request.path.endswith("/jobs"):
            return None
        offset, limit = int(request.query["offset"]), int(request.query["limit"])
        with syncer.account.lock:
            order = sorted(syncer.account.jobs, key=lambda i: syncer.account.jobs[i]["created_at"])
        is_faulty = bad & set(order[offset : offset + limit])
        return Answer(500, {}, b"oops") if is_faulty else None

    syncer.account.intercept = failing
    assert syncer().rejected == 2
    assert {row["id"] for row in syncer.rows(JOBS)} == set(ids) - bad
    syncer.account.intercept = None
    syncer.account.advance(timedelta(days=1).total_seconds())
    assert syncer().rejected == 0
    assert syncer.rows(REJECTS) == []
    syncer.assert_equal_to_the_account()


# After pauses that grow


def asked_for(syncer: Syncer) -> list[int]:
    return [int(path[5:]) for path in syncer.asked if path.startswith("jobs/")]


@pytest.mark.slow
def test_each_waits_longer_from_try_to_try(syncer: Syncer) -> None:
    (bad,) = refused(syncer, 1)
    tried_at = syncer.account.now - timedelta(minutes=2)
    for tries, longest in enumerate((*PAUSES, PAUSES[-1]), 1):
        (row,) = syncer.rows(REJECTS)
        assert (row["attempts"], row["next_attempt_at"]) == (tries, tried_at + longest)
        syncer.account.now = tried_at + longest - timedelta(seconds=1)
        assert (syncer().rejected, asked_for(syncer)) == (1, [])
        syncer.account.now = tried_at = tried_at + longest
        assert (syncer().rejected, asked_for(syncer)) == (1, [bad])


@sqlite
def test_a_record_that_changes_starts_anew(syncer: Syncer) -> None:
    (bad,) = refused(syncer, 1)
    syncer.account.now += timedelta(hours=1)
    syncer()
    assert syncer.rows(REJECTS)[0]["attempts"] == 2
    job = syncer.account.jobs[bad]
    job["errors"], job["updated_at"] = "other words", stamp(syncer.account.now)
    syncer.account.touch()
    syncer()
    (row,) = syncer.rows(REJECTS)
    assert (row["attempts"], row["next_attempt_at"]) == (1, syncer.account.now + PAUSES[0])
    job["outputs"], job["updated_at"] = [], stamp(syncer.account.now)
    syncer.account.touch()
    assert syncer().rejected == 0  # listed and good: nothing waits
    syncer.assert_equal_to_the_account()


@pytest.mark.slow
@sqlite
def test_very_many_are_tried_in_turn(syncer: Syncer) -> None:
    bad = refused(syncer, 120)
    syncer.account.now += timedelta(hours=1)
    turns = []
    for _ in range(3):
        assert syncer().rejected == 120
        turns.append(asked_for(syncer))
        assert len(syncer.asked) <= retry_rejects.MOST_REQUESTS + 3
        syncer.account.now += timedelta(minutes=2)
    assert [len(turn) for turn in turns] == [50, 50, 20]
    assert sorted(job_id for turn in turns for job_id in turn) == bad
    syncer()
    assert asked_for(syncer) == []
    syncer(Plan(rejected=True))
    assert sorted(asked_for(syncer)) == bad


@sqlite
def test_another_version_reads_what_is_kept_and_asks_for_the_rest(syncer: Syncer) -> None:
    bad = refused(syncer, 3)
    with syncer.engine.begin() as connection:
        connection.execute(update(REJECTS).values(program_version="0.0.1"))
        row = connection.execute(select(REJECTS).where(REJECTS.c.job_id == bad[0])).one()
        mended = json.dumps({**json.loads(row.payload), "outputs": []})
        connection.execute(update(REJECTS).where(REJECTS.c.id == row.id).values(payload=mended))
    assert syncer().rejected == 2
    assert bad[0] in {row["id"] for row in syncer.rows(JOBS)}
    syncer()
    assert asked_for(syncer) == []
