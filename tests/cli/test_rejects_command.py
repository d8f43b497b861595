"""`snapshotter rejects` as a user runs it: the list, and its exit codes."""

from datetime import timedelta

import pytest
from command_line import Run, assert_one_line
from rejecting import one_bad, refused
from scripted import BAD, listing, spoilt
from syncer import Syncer, command, history

from snapshotter.simulator.faults import GARBLED
from snapshotter.simulator.history import stamp
from snapshotter.store.backoff import PAUSES
from snapshotter.store.reject_reasons import group_of
from snapshotter.store.rejects import listed

sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
NEXT = "next: snapshotter rejects --retry (each sync also tries some of them again)\n"
GARBLED_AT = "JSON is malformed: invalid character (byte 43)"


@sqlite
def test_each_is_reported_with_its_reason(syncer: Syncer) -> None:
    bad = one_bad(syncer, owner_id=GARBLED)
    del syncer.account.add_job()["id"]
    syncer()  # it asks for the first again
    done = command(syncer, "rejects", "--all")
    assert (done.returncode, done.stderr, syncer.account.requests) == (0, "", [])
    when = stamp(syncer.account.now)
    assert done.stdout == (
        f"{when}  acme  job {bad['id']}: {GARBLED_AT}\n"
        f"{when}  acme  a record with no id: Object missing required field `id`\n{NEXT}"
    )


@sqlite
def test_nothing_is_set_aside(syncer: Syncer) -> None:
    history(syncer.account, 1)
    syncer()
    done = command(syncer, "rejects")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "no records are set aside\n"
    done = command(syncer, "rejects", "--retry")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("0 jobs seen, 0 new, 0 changed, 1 requests, ")


@sqlite
def test_the_exit_codes_of_a_retry(syncer: Syncer) -> None:
    bad = one_bad(syncer, owner_id=GARBLED)
    done = command(syncer, "rejects", "--retry")
    assert done.returncode == 65
    assert done.stdout.startswith("0 jobs seen, 0 new, 0 changed, 1 set aside, 2 requests, ")
    warning, last = done.stderr.splitlines()
    assert warning == f"snapshotter: WARNING: set aside: job {bad['id']}: {GARBLED_AT}"
    assert last.startswith("snapshotter: 1 record was set aside into rejected_records")
    bad["owner_id"] = 8
    done = command(syncer, "rejects", "--retry")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("1 jobs seen, 1 new, 0 changed, 3 requests, ")
    assert command(syncer, "rejects", "--all").stdout == "no records are set aside\n"


@sqlite
def test_a_page_of_bad_records_is_exit_65(syncer: Syncer) -> None:
    syncer.account.intercept = listing([bad for bad, _, _ in BAD] + [spoilt(100)])
    done = command(syncer, "sync")
    assert done.returncode == 65
    assert done.stdout.startswith(f"1 jobs seen, 1 new, 0 changed, {len(BAD)} set aside, ")
    *warnings, last = done.stderr.splitlines()
    aside = [line for line in warnings if ": set aside: " in line]
    kinds = {group_of(row.reason) for row in listed(syncer.engine)}
    assert len(aside) == len(kinds) < len(BAD)
    assert last.startswith(f"snapshotter: {len(BAD)} records were set aside")
    *shown, _ = command(syncer, "rejects", "--all").stdout.splitlines()
    assert len(shown) == len(BAD)
    for (_, _, reason), line in zip(BAD, shown, strict=True):
        assert f"  acme  {reason}" in line


@sqlite
def test_a_line_for_each_reason_has_how_many_whose_and_when(syncer: Syncer) -> None:
    bad = refused(syncer, 7)
    first_at = syncer.account.now - timedelta(minutes=2)
    del syncer.account.add_job(id=5_000)["id"]
    syncer()
    done = command(syncer, "rejects")
    assert (done.returncode, done.stderr, syncer.account.requests) == (0, "", [])
    nameless_at = stamp(syncer.account.now)
    five = ", ".join(map(str, bad[:5]))
    assert done.stdout == (
        "output … already belongs to job …, at `$.outputs[…].id`  "
        f"(7 records; jobs {five} and 2 more; from {stamp(first_at)} to {stamp(first_at)}; "
        f"tried again from {stamp(first_at + PAUSES[0])} on)\n"
        "Object missing required field `id`  "
        f"(1 record; no job id; from {nameless_at} to {nameless_at}; "
        f"tried again from {stamp(syncer.account.now + PAUSES[0])} on)\n{NEXT}"
    )


@sqlite
def test_the_line_of_a_single_job(syncer: Syncer) -> None:
    (bad,) = refused(syncer, 1)
    line = command(syncer, "rejects").stdout
    assert f"(1 record; job {bad}; from " in line
    assert line.count("\n") == 2


@sqlite
def test_retry_reads_them_all_again_before_their_pause_is_over(syncer: Syncer) -> None:
    bad = refused(syncer, 2)
    history(syncer.account, 3)
    done = command(syncer, "rejects", "--retry")
    assert done.returncode == 65
    asked = [path for path in syncer.asked if path.startswith("jobs/")]
    assert sorted(asked) == [f"jobs/{each}" for each in bad]
    assert "jobs" not in syncer.asked  # it lists nothing


@sqlite
def test_a_list_needs_neither_key_nor_account(syncer: Syncer) -> None:
    (bad,) = refused(syncer, 1)
    done = command(syncer, "rejects", XPLENTY_API_KEY="", XPLENTY_ACCOUNT_ID="")
    assert done.returncode == 0
    assert f"job {bad}" in done.stdout


def test_without_a_database_there_is_no_list(run: Run) -> None:
    assert_one_line(run("rejects"), 1, "no database at 'job_history.db'")
