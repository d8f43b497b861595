"""`snapshotter digest` as a user runs it: its options, its output and its exit codes."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import command
import pytest
from command_line import assert_one_line
from samples import job, store
from sqlalchemy import update

from snapshotter.api.client import Client
from snapshotter.cli import digest as cli
from snapshotter.cli.connections import writing
from snapshotter.cli.entry import group
from snapshotter.redact import Redaction
from snapshotter.report.digest import KINDS
from snapshotter.report.digest_formats import FORMATS
from snapshotter.settings import Key, Service
from snapshotter.simulator.account import SimulatedAccount
from snapshotter.simulator.server import serve
from snapshotter.store.engine import open_engine
from snapshotter.store.tables import ACCOUNTS, SNAPSHOTS
from snapshotter.sync.context import Context
from snapshotter.sync.sync import Plan, sync
from snapshotter.times import epoch

Run = Callable[..., command.Done]
only_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
DEMO = """\
acme: 30 January 2026, 18:00 UTC to 31 January 2026, 18:00 UTC

New
- clickstream_sessions failed 41 of 715 runs (5.7 %); most often: Out of memory: increase the \
number of nodes.
- product_catalogue takes 1.9 times as long since 28 January 2026 (median 36 min 16 s, before \
18 min 44 s over 30 runs).

Failed runs
- support_tickets failed 1 of 2 runs; the last one: Out of memory: increase the number of nodes.
  https://xplenty.com/acme/jobs/3994
- clickstream_sessions failed 1 of 8 runs; the last one: Package failed to execute.
  https://xplenty.com/acme/jobs/3993

Still
- orders_to_warehouse takes 2.0 times as long since 11 January 2026 (median 19 min 42 s, before \
10 min 1 s over 69 days with runs).
- customer_profiles lost the field loyalty_tier of its output profiles on 17 January 2026.
  https://xplenty.com/acme/jobs/3652
"""


@pytest.fixture
def digest(database_url: str, tmp_path: Path) -> Run:
    """Return what runs the command on the database, in the folder `here`."""
    (tmp_path / "here").mkdir()

    def run(*words: str) -> command.Done:
        everything = ["digest", *words, "--database", database_url]
        done = command.run(everything, cwd=tmp_path / "here")
        assert "Traceback" not in done.stderr
        return done

    return run


@pytest.fixture
def failing(database_url: str) -> None:
    """Store a package whose last eight runs failed, with a reason that a terminal would obey."""
    runs = []
    for day in range(1, 31):
        at = f"2026-01-{day:02}T03:00:00Z"
        times = dict.fromkeys(("created_at", "started_at", "updated_at", "completed_at"), at)
        failed: dict[str, Any] = {"status": "failed", "errors": "\x1b[31m<!channel>"}
        runs.append(job(id=day, outputs=[], **times, **(failed if day > 22 else {})))
    engine = open_engine(database_url)
    until, now = datetime(2026, 1, 31, tzinfo=UTC), datetime.now(UTC)
    store(engine, *runs, at=until)
    mark = {"watermark": until, "watermark_epoch": epoch(until)}
    began = {"started_at": now, "started_epoch": epoch(now), "status": "completed"}
    with engine.begin() as connection:
        connection.execute(update(ACCOUNTS).values(**mark, api_url="https://x.example"))
        connection.execute(update(SNAPSHOTS).values(**mark, **began))
    engine.dispose()


@pytest.mark.slow
def test_the_demo_on_every_database(database_url: str, digest: Run) -> None:
    account = SimulatedAccount()
    account.populate()
    with writing(database_url, may_create=True) as engine, serve(account) as url:
        service = Service(account.account_id, Key(account.api_key), url)
        for passing in (6 * 3600, 0):
            with Client(service) as client:
                sync(Context(engine, client, service, Redaction()), Plan())
            account.advance(passing)
    done = digest("--last", "1d")
    assert (done.returncode, done.stdout, done.stderr) == (0, DEMO, "")
    assert digest("--fail-on", "overdue,stuck").returncode == 0
    assert digest("--fail-on", "fields").returncode == 1


def test_the_choices_are_those_of_the_digest() -> None:
    assert (cli.KINDS, cli.FORMATS) == (KINDS, FORMATS)


@only_sqlite
@pytest.mark.usefixtures("failing")
def test_a_finding_of_a_kind_to_fail_on_ends_with_1_after_the_output(digest: Run) -> None:
    for kinds in ("failing", "stuck, failing", "any"):
        done = digest("--fail-on", kinds)
        assert done.returncode == 1
        assert "orders failed each of its last 8 runs, since 23 January 2026" in done.stdout
        last = done.stderr.splitlines()[-1]
        assert last.startswith(
            "snapshotter: 1 finding to fail on; failing: orders failed each of its "
        )
        assert "\x1b" not in done.stdout + done.stderr
    assert digest("--fail-on", "stuck,overdue").returncode == 0
    assert digest().returncode == 0


@only_sqlite
@pytest.mark.usefixtures("failing")
def test_the_formats(digest: Run, tmp_path: Path) -> None:
    findings = json.loads(digest("--format", "json").stdout)["findings"]
    assert [each["kind"] for each in findings] == ["failing"]
    payload = json.loads(digest("--format", "slack").stdout)
    assert "&lt;!channel&gt;" in payload["text"]
    assert r"&lt;\!channel&gt;" in digest("--format", "markdown").stdout
    done = digest("--format", "json", "-o", "digest.json")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    target = tmp_path / "here" / "digest.json"
    assert json.loads(target.read_text())["findings"] == findings
    assert target.stat().st_mode & 0o777 == 0o600


@only_sqlite
@pytest.mark.usefixtures("failing")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["--fail-on", "failing,slow"],
            "'slow' is not a kind of finding; there are snapshot, fail",
        ),
        (["--last", "7"], "'7' has no unit; did you mean 7d?"),
        (["--last", "soon"], "'soon' is not a length of time; expected something like 1d, 12h"),
        (["--since", "soon"], "'soon' is not a time"),
        (
            ["--since", "2026-01-31T00:00:01Z"],
            "--since 2026-01-31T00:00:01Z is after the newest data that is stored, 2026-01-31T00:",
        ),
        (["--since", "9999-01-01"], "--since 9999-01-01T00:00:00Z is after the newest data"),
        (
            ["--last", "1d", "--since", "2026-01-01"],
            "--last and --since both set the begin of the period",
        ),
        (["--format", "html"], "'html' is not one of 'text', 'markdown', 'json', 'slack'"),
        (["--account", "nobody"], "nobody"),
        (["-o", "no/digest.txt"], "there is no folder 'no'"),
        (["-o", ""], "no output given"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    digest: Run, words: list[str], said: str, tmp_path: Path
) -> None:
    done = digest(*words)
    assert_one_line(done, 2, said)
    assert done.stdout == ""
    assert list((tmp_path / "here").iterdir()) == []


@only_sqlite
def test_a_monitor_fails_on_a_database_that_was_never_synced(
    digest: Run, database_url: str
) -> None:
    with writing(database_url, may_create=True):
        pass  # it has the tables, and no row
    done = digest("--last", "1w", "--fail-on", "snapshot")
    assert done.returncode == 1
    assert done.stdout == "No account yet\n\nNew\n- No snapshot is complete yet.\n"
    assert "1 finding to fail on; snapshot: No snapshot is complete yet." in done.stderr
    assert digest("--fail-on", "failing").returncode == 0


def test_the_help_states_how_the_digest_before_is_known() -> None:
    command_ = group().commands["digest"]
    text = " ".join(command_.get_help(click.Context(command_)).split())
    assert "no state is kept" in text
    assert "e.g. 1d, 12h or 1w. [default: 1d]" in text
    for kind in KINDS:
        assert kind in text
