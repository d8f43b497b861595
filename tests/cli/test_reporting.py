"""What `sync` reports to programs: one object of JSON, and pings of a monitor."""

import json
import signal
import socket
from pathlib import Path
from typing import Any

import pytest
from command import Done, start
from command_line import Run, assert_one_line
from lines import unmarked
from several import NAMES, Accounts
from wire import Wire, answer, serve

from snapshotter.simulator.account import SimulatedAccount
from snapshotter.simulator.faults import GARBLED, Answer
from snapshotter.store.engine import open_engine
from snapshotter.store.lock import lock

pytest_plugins = ["several_fixtures"]

COUNTS = {
    *("requests", "credits_spent", "credits_remaining", "pages", "jobs_seen", "jobs_inserted"),
    *("jobs_changed", "jobs_unchanged", "jobs_gone", "jobs_rejected", "log_summaries"),
}
UUID = "0b6d1f4e-5a3c-4e2f-9d3b-000000000007"
STOPPED = "stopped by SIGTERM; nothing is lost, the next run continues"


def only_object(done: Done) -> Any:
    """Return the object on standard output, which has nothing else, and agrees with the exit."""
    assert done.stdout.count("\n") == 1
    found = json.loads(done.stdout)
    assert found["exit_code"] == done.returncode
    assert found.keys() == {"status", "exit_code", "message", "seconds", "accounts"}
    for account in found["accounts"]:
        assert account.keys() == COUNTS | {
            *("account", "status", "exit_code", "message", "run", "kind", "seconds")
        }
    return found


def test_the_object_of_a_run(run: Run, acme: dict[str, str], account: SimulatedAccount) -> None:
    account.add_job(id=7, status="failed")
    done = run("sync", "--json", "--log-summaries", **acme)
    assert done.stderr == ""
    found = only_object(done)
    assert (found["status"], found["message"]) == ("completed", None)
    (only,) = found["accounts"]
    assert (only["account"], only["run"], only["kind"]) == ("acme", 1, "full")
    assert (only["jobs_seen"], only["jobs_inserted"], only["jobs_gone"]) == (1, 1, 0)
    assert only["log_summaries"] == 1
    assert 0 < only["seconds"] <= found["seconds"]


def test_the_object_of_a_run_that_sets_something_aside(
    run: Run, acme: dict[str, str], account: SimulatedAccount
) -> None:
    account.add_job(id=7, owner_id=GARBLED)
    done = run("sync", "--json", **acme)
    found = only_object(done)
    assert (done.returncode, found["status"]) == (65, "completed")
    assert f"snapshotter: {found['message']}" == unmarked(done.stderr).splitlines()[-1]
    assert found["accounts"][0]["jobs_rejected"] == 1


@pytest.mark.parametrize(
    ("words", "variables", "code", "message"),
    [
        ((), {"XPLENTY_API_KEY": "wr0ng-key"}, 77, "the key is refused"),
        ((), {"XPLENTY_API_KEY": ""}, 2, "no API key"),
        ((), {"XPLENTY_ACCOUNT_ID": ""}, 2, "no account"),
        (("--full", "7"), {}, 2, "job ids already select the jobs"),
        (("--ping-url", "nonsense"), {}, 2, "--ping-url: not a URL"),
        (("--database", "sqlite:////nowhere/x.db"), {}, 1, "/nowhere"),
        (("--database", "nonsense"), {}, 2, ""),
        (("--status", "faild"), {}, 2, "did you mean 'failed'"),
        (("99",), {}, 65, "the API has no job 99"),
    ],
)
def test_there_is_one_object_however_the_run_ends(
    run: Run,
    acme: dict[str, str],
    words: tuple[str, ...],
    variables: dict[str, str],
    code: int,
    message: str,
) -> None:
    done = run("sync", "--json", *words, **{**acme, **variables})
    found = only_object(done)
    assert (done.returncode, found["status"]) == (code, "completed" if code == 65 else "failed")
    assert message in found["message"]
    assert f"snapshotter: {found['message']}" == unmarked(done.stderr).splitlines()[-1]
    assert "wr0ng-key" not in done.stdout + done.stderr


def test_words_that_cannot_be_read_have_no_object(run: Run, acme: dict[str, str]) -> None:
    done = run("sync", "--json", "--nonsense", **acme)
    assert (done.returncode, done.stdout) == (2, "")


def test_the_object_of_several_accounts(several: Accounts) -> None:
    several.configure(globex="api_key = 'of-somebody-else'")
    done = several.run("sync", "--json", "--parallel", "3")
    found = only_object(done)
    assert (done.returncode, found["status"]) == (77, "failed")
    assert found["message"] == "1 of 3 accounts did not end with 0: globex (77)"
    accounts = found["accounts"]
    assert [each["account"] for each in accounts] == [*NAMES]
    assert [each["exit_code"] for each in accounts] == [0, 77, 0]
    assert [each["status"] for each in accounts] == ["completed", "failed", "completed"]
    assert len({each["run"] for each in accounts}) == 3
    assert "the key is refused" in accounts[1]["message"]


def test_the_object_of_accounts_that_did_not_begin(several: Accounts) -> None:
    done = several.run("sync", "--json", "--database", "sqlite:////nowhere/x.db")
    found = only_object(done)
    assert done.returncode == 1
    assert [each["status"] for each in found["accounts"]] == [
        *("failed", "not_started", "not_started")
    ]


def interrupted(acme: dict[str, str], account: SimulatedAccount, folder: Path, *words: str) -> Done:
    """Run a sync that SIGTERM stops while it waits for the API."""
    for _ in range(250):
        account.add_job()
    account.intercept = lambda request: (
        Answer(503, {"Retry-After": "60"}) if request.query.get("offset", "0") != "0" else None
    )
    with start(["sync", *words], env=acme, cwd=folder) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        assert "next in 60.0 s" in line
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=30)
    assert process.returncode is not None
    return Done([], process.returncode, out, err)


def test_a_run_that_a_signal_stops_has_its_object_and_its_ping(
    acme: dict[str, str], account: SimulatedAccount, tmp_path: Path
) -> None:
    with serve(answer()) as monitor:
        words = ("--json", "--ping-url", f"{monitor.url}/{UUID}")
        done = interrupted(acme, account, tmp_path, *words)
        pings = pinged(monitor)
    found = only_object(done)
    assert (done.returncode, found["status"], found["accounts"][0]["status"]) == (
        *(75, "partial", "partial"),
    )
    jobs = found["accounts"][0]["jobs_seen"]
    assert jobs > 0
    assert found["message"] == STOPPED.replace(";", f" after {jobs} jobs were saved;", 1)
    assert pings == {f"/{UUID}/start": b"", f"/{UUID}/75": found["message"].encode()}


def pinged(monitor: Wire) -> dict[str, bytes]:
    """Return the paths that were pinged, with their bodies."""
    found = {}
    for request in monitor.requests:
        head, _, body = request.partition(b"\r\n\r\n")
        found[head.split(b" ")[1].decode()] = body
    return found


def test_pings_of_a_run(run: Run, acme: dict[str, str], account: SimulatedAccount) -> None:
    account.add_job(id=7)
    with serve(answer()) as monitor:
        done = run("sync", "--ping-url", f"{monitor.url}/{UUID}?create=1", "-v", **acme)
        assert done.returncode == 0
        pings = pinged(monitor)
        # One that is late is given up.
        assert {*pings} - {f"/{UUID}/start?create=1"} == {f"/{UUID}?create=1"}
        assert pings[f"/{UUID}?create=1"].startswith(b"acme: 1 jobs seen, 1 new, 0 changed, ")
        assert UUID not in done.stdout + done.stderr


def test_the_ping_of_a_run_that_fails(run: Run, acme: dict[str, str]) -> None:
    wrong = {**acme, "XPLENTY_API_KEY": "wr0ng-key"}
    with serve(answer()) as monitor:
        done = run("sync", "--quiet", "--ping-url", f"{monitor.url}/{UUID}", **wrong)
        pings = pinged(monitor)
    assert done.returncode == 77
    assert pings[f"/{UUID}/77"].decode() in unmarked(done.stderr)
    assert b"the key is refused" in pings[f"/{UUID}/77"]


def test_one_ping_for_all_accounts(several: Accounts) -> None:
    several.configure(globex="api_key = 'of-somebody-else'")
    with serve(answer()) as monitor:
        done = several.run("sync", "--ping-url", f"{monitor.url}/{UUID}", "--parallel", "2")
        pings = pinged(monitor)
    assert done.returncode == 77
    pings.pop(f"/{UUID}/start", None)
    assert pings == {f"/{UUID}/77": b"1 of 3 accounts did not end with 0: globex (77)"}


def test_accounts_that_another_run_reads_are_not_pinged(several: Accounts) -> None:
    assert several.run("sync").returncode == 0
    engine = open_engine(f"sqlite:///{several.folder}/job_history.db")
    with lock(engine, "acme") as taken, serve(answer()) as monitor:
        assert taken is not None
        url = f"{monitor.url}/{UUID}"
        alone = several.run("sync", "--account", "acme", "--ping-url", url)
        assert alone.returncode == 75
        assert {*pinged(monitor)} <= {f"/{UUID}/start"}
        assert several.run("sync", "--ping-url", url).returncode == 75
        assert {*pinged(monitor)} - {f"/{UUID}/start"} == {f"/{UUID}"}
        several.configure(globex="api_key = 'of-somebody-else'")
        assert several.run("sync", "--ping-url", url).returncode == 77
        assert f"/{UUID}/77" in pinged(monitor)
    engine.dispose()


def refused() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


def test_a_monitor_that_cannot_be_pinged_does_not_fail_the_run(
    run: Run, acme: dict[str, str]
) -> None:
    done = run("sync", "--ping-url", f"{refused()}/{UUID}", **acme)
    assert done.returncode == 0
    assert done.stdout.startswith("0 jobs seen")
    lines = unmarked(done.stderr).splitlines()
    assert {*lines} == {
        "snapshotter: WARNING: the monitor at 127.0.0.1 was not pinged: no connection"
    }
    done = run("sync", "--ping-url", "ftp://x/", **acme)
    assert_one_line(done, 2, "--ping-url: not a URL that can be pinged")


def test_a_monitor_of_the_configuration_file(several: Accounts) -> None:
    path = several.folder / "snapshotter.toml"
    with serve(answer()) as monitor:
        table = f"[sync]\nping_url = '{monitor.url}/{UUID}'\nquiet = true\n"
        path.write_text(table + path.read_text())
        assert UUID not in several.run("config", "show").stdout
        done = several.run("sync")
        assert f"/{UUID}" in pinged(monitor)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
