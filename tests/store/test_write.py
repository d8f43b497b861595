"""What a database refuses is set aside alone, for whatever reason its driver has."""

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
from databases import PostgresServer
from rejecting import reasons
from sqlalchemy import make_url, select, text
from syncer import Syncer, history

from snapshotter.errors import DatabaseError
from snapshotter.simulator.account import SimulatedAccount
from snapshotter.store import revisions
from snapshotter.store.engine import open_engine
from snapshotter.store.rejects import listed
from snapshotter.store.tables import JOBS, LOG_SUMMARIES, OUTPUTS, REJECTS
from snapshotter.sync.sync import Plan

sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


TRIGGERS = {
    "sqlite": [
        (
            "create trigger t before insert on job_outputs when new.name = 'cursed' "
            "begin select raise(abort, 'not this one'); end"
        )
    ],
    "postgresql": [
        (
            "create function refuse() returns trigger language plpgsql as $$ begin "
            "if new.name = 'cursed' then raise exception 'not this one'; end if; return new; end $$"
        ),
        "create trigger t before insert on job_outputs for each row execute function refuse()",
    ],
    "mysql": [
        (
            "create trigger t before insert on job_outputs for each row "
            "if new.name = 'cursed' then "
            "signal sqlstate '45000' set message_text = 'not this one'; end if"
        )
    ],
}


def test_what_a_trigger_refuses(syncer: Syncer) -> None:
    with syncer.engine.begin() as connection:
        for statement in TRIGGERS[syncer.engine.dialect.name]:
            connection.execute(text(statement))
    history(syncer.account, 250)
    cursed = sorted(syncer.account.jobs)[120]
    syncer.account.jobs[cursed]["outputs"] = [{"id": 7, "name": "cursed"}]
    outcome = syncer()
    assert (outcome.inserted, outcome.rejected) == (249, 1)
    assert list(reasons(syncer)) == [cursed]
    assert "not this one" in reasons(syncer)[cursed]
    syncer.account.jobs[cursed]["outputs"][0]["name"] = "fine"
    syncer.account.advance(3600)
    assert syncer().rejected == 0
    syncer.assert_equal_to_the_account()


def test_jobs_that_have_exchanged_outputs_though_a_third_of_their_page_is_bad(
    syncer: Syncer,
) -> None:
    account = syncer.account
    account.add_job(id=50, outputs=[{"id": 500}], updated_at=account.now - timedelta(days=1))
    first, second, bad, free = (
        account.add_job(id=number, outputs=[{"id": number * 10}]) for number in (1, 2, 3, 4)
    )
    syncer()
    account.advance(600)
    for each in (first, second, bad, free):
        each["errors"], each["updated_at"] = "moved", account.jobs[50]["updated_at"]
        each["updated_at"] = account.now.isoformat().replace("+00:00", "Z")
    first["outputs"], second["outputs"] = second["outputs"], first["outputs"]
    bad["outputs"] = [{"id": 500}]
    account.touch()
    outcome = syncer()
    assert (outcome.changed, outcome.rejected) == (3, 1)
    assert reasons(syncer) == {
        3: "job 3: output 500 already belongs to job 50, at `$.outputs[0].id`"
    }
    with syncer.engine.connect() as connection:
        owners = {o.id: o.job_id for o in connection.execute(select(OUTPUTS))}
    assert {10: owners[10], 20: owners[20]} == {10: 2, 20: 1}


@sqlite
def test_an_output_that_its_owner_gives_up_later_in_the_page(syncer: Syncer) -> None:
    account = syncer.account
    account.add_job(id=50, outputs=[{"id": 500}], updated_at=account.now - timedelta(days=1))
    taker, giver, bad = (
        account.add_job(id=number, outputs=[{"id": number * 10}]) for number in (1, 2, 3)
    )
    syncer()
    account.advance(600)
    taker["outputs"], giver["outputs"], bad["outputs"] = [{"id": 20}], [{"id": 21}], [{"id": 500}]
    for each in (taker, giver, bad):
        each["updated_at"] = account.now.isoformat().replace("+00:00", "Z")
    account.touch()
    assert (syncer().changed, list(reasons(syncer))) == (2, [3])


@sqlite
def test_jobs_of_two_pages_that_have_exchanged_outputs(syncer: Syncer) -> None:
    account = syncer.account
    account.page_cap = 2
    history(account, 6)
    first, *_, last = (account.jobs[job_id] for job_id in sorted(account.jobs))
    syncer()
    account.advance(600)
    first["outputs"], last["outputs"] = last["outputs"], first["outputs"]
    for each in (first, last):
        each["updated_at"] = account.now.isoformat().replace("+00:00", "Z")
    account.touch()
    syncer()
    account.advance(3600)
    assert syncer().rejected == 0
    syncer.assert_equal_to_the_account()


@pytest.fixture(params=["latin1", "utf8"])
def latin1(
    request: pytest.FixtureRequest, postgres: PostgresServer, account: SimulatedAccount, api: str
) -> Iterator[Syncer]:
    """Create a database that holds few characters; the client sends its encoding, or any."""
    url = postgres.create_database()
    name = make_url(url).database
    postgres._execute(f"drop database {name}")  # noqa: SLF001 - the tests' own
    postgres._execute(  # noqa: SLF001
        f"create database {name} template template0 encoding 'LATIN1' lc_collate 'C' lc_ctype 'C'"
    )
    named = f"{url}&client_encoding={request.param}"
    revisions.upgrade(named)
    engine = open_engine(named)
    yield Syncer(engine, account, api)
    engine.dispose()
    postgres.drop_database(url)


def test_a_character_that_the_databases_encoding_has_not(latin1: Syncer) -> None:
    history(latin1.account, 5)
    bad = sorted(latin1.account.jobs)[2]
    latin1.account.jobs[bad]["package"]["name"] = "\N{PACKAGE}"
    latin1.account.jobs[bad + 1]["package"]["name"] = "Grüße"
    outcome = latin1()
    assert (outcome.inserted, outcome.rejected) == (4, 1)
    assert "LATIN1" in reasons(latin1)[bad].upper().replace("LATIN-1", "LATIN1")
    (aside,) = listed(latin1.engine)
    assert json.loads(aside.payload)["package"]["name"] == "\N{PACKAGE}"
    latin1.account.jobs[bad]["package"]["name"] = "parcel"
    latin1.account.advance(3600)
    assert latin1().rejected == 0
    latin1.assert_equal_to_the_account()


def test_a_summary_that_the_databases_encoding_has_not(latin1: Syncer) -> None:
    """It costs neither the run nor the other summaries."""
    at = latin1.account.now
    for job_id in (1, 2):
        latin1.account.add_job(id=job_id, status="failed", created_at=at)
    words = "\N{PACKAGE} verloren: Grüße"
    latin1.account.log_summaries[1] = {"error_summary": words, "action_items": [words]}
    assert latin1(Plan(log_summaries=True)).noted == []
    one, two = sorted(latin1.rows(LOG_SUMMARIES), key=lambda row: row["job_id"])
    kept = words.encode("ascii", "backslashreplace").decode()
    assert (one["error_summary"], one["action_items"]) == (kept, [kept])
    assert two["error_summary"] == "Package failed to execute."


@pytest.mark.slow
def test_words_of_the_api_that_the_databases_encoding_has_not(latin1: Syncer) -> None:
    """They are the reason of a job that cannot be asked for, and of a run that stops."""
    from snapshotter.simulator.faults import Answer  # noqa: PLC0415 - just here

    said = json.dumps({"message": "\N{PACKAGE} lost"}).encode()
    known = latin1.account.add_job(id=7)
    latin1.account.intercept = lambda request: (
        Answer(422, {}, said) if request.path.endswith("/7") else None
    )
    assert latin1(Plan(ids=[known["id"]])).rejected == 1
    assert "422 (\\U0001f4e6 lost)" in reasons(latin1)[7]
    latin1.account.intercept = lambda request: (
        Answer(422, {}, said) if request.path.endswith("/jobs") else None
    )
    with pytest.raises(Exception, match="422"):
        latin1()
    from snapshotter.store.tables import SNAPSHOTS  # noqa: PLC0415

    assert "lost" in latin1.rows(SNAPSHOTS)[-1]["error"]


def test_what_every_job_meets_is_about_none_of_them(syncer: Syncer) -> None:
    history(syncer.account, 5)
    with syncer.engine.begin() as connection:
        connection.execute(text("alter table job_changes rename to elsewhere"))
    with pytest.raises(DatabaseError):
        syncer()
    with syncer.engine.begin() as connection:
        connection.execute(text("alter table elsewhere rename to job_changes"))
    assert syncer.rows(REJECTS) == syncer.rows(JOBS) == []
