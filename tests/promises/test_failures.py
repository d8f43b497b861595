"""What the API may do wrong, and how the command ends: one table, through real sockets."""

import base64
import sqlite3
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import command
import pytest
from wire import Script, answer, drip, reset, serve

from snapshotter.simulator.account import SimulatedAccount
from snapshotter.simulator.server import serve as serve_account

CREDITS = answer(body=b'{"limits": {"limit": 5000, "remaining": 4000}}')
NOTHING = answer(body=b"[]", headers="Date: Fri, 02 Jan 2026 03:04:05 GMT\r\n")
SECRET = "k3y-of-the-test"
ENCODED = base64.b64encode(f"{SECRET}:".encode()).decode()


class Fault(NamedTuple):
    """What the list is answered with, how the command ends, what it prints, how often it asks."""

    script: Script
    exit_code: int
    said: str
    is_final: bool = False
    is_refusal: bool = False  # of this request, perhaps not of others


FINAL = True
FAULTS = {
    "400": Fault(
        answer(400, b'{"message": "no such sort"}'), 1, "400 (no such sort)", FINAL, FINAL
    ),
    "401": Fault(answer(401, b'{"message": "bad key"}'), 77, "401 (bad key)", FINAL),
    "402": Fault(answer(402, b'{"message": "unpaid"}'), 1, "402 (unpaid)", FINAL),
    "403": Fault(answer(403, b'{"message": "not yours"}'), 77, "403 (not yours)", FINAL),
    "404": Fault(answer(404, b'{"message": "no account"}'), 2, "404 (no account)", FINAL),
    "406": Fault(answer(406, b'{"message": "version"}'), 1, "406 (version)", FINAL),
    "415": Fault(answer(415, b""), 1, "answered 415", FINAL),
    "422": Fault(answer(422, b'{"message": "no status x"}'), 1, "422 (no status x)", FINAL, FINAL),
    "404 in HTML": Fault(answer(404, b"<html>nginx</html>"), 2, "answered 404; check", FINAL),
    "a redirect": Fault(answer(302, b"", "Location: /x\r\n"), 2, "is not followed", FINAL),
    "429": Fault(answer(429, b'{"message": "slow down"}'), 75, "429 (slow down)"),
    "429, wait a second": Fault(answer(429, b"", "Retry-After: 1\r\n"), 75, "answered 429"),
    "429, wait for hours": Fault(
        answer(429, b"", "Retry-After: 7200\r\n"), 75, "the server asks to wait 2 h", FINAL
    ),
    "429, wait until": Fault(
        answer(
            429,
            b"",
            "Date: Fri, 02 Jan 2026 03:04:05 GMT\r\nRetry-After: Fri, 02 Jan 2026 05:04:05 GMT\r\n",
        ),
        75,
        "the server asks to wait 2 h",
        FINAL,
    ),
    "429, nothing left": Fault(
        answer(429, b"", "X-RateLimit-Remaining: 0\r\n"), 75, "the credits of this hour", FINAL
    ),
    "500": Fault(answer(500, b'{"message": "oops"}'), 75, "500 (oops)"),
    "502 in HTML": Fault(answer(502, b"<html>bad gateway</html>"), 75, "answered 502; run again"),
    "503": Fault(answer(503, b""), 75, "answered 503"),
    "503, wait for hours": Fault(
        answer(503, b"", "Retry-After: 7200\r\n"), 75, "the server asks to wait 2 h", FINAL
    ),
    "reset": Fault(reset, 75, "no connection"),
    "a body cut short": Fault(answer(body=b"[{}", length=999), 75, "cut short or garbled"),
    "HTML": Fault(answer(body=b"<!doctype html><p>login</p>"), 75, "got HTML"),
    "broken JSON": Fault(answer(body=b'[{"id": 7, "status'), 75, "cut short or not JSON"),
    "an object": Fault(answer(body=b'{"jobs": []}'), 75, "expected a JSON array of jobs"),
    "nothing": Fault(answer(body=b""), 75, "a body that is empty"),
    "not gzip": Fault(answer(body=b"[]", headers="Content-Encoding: gzip\r\n"), 75, "garbled"),
    "dripping headers": Fault(drip(b"HTTP/1.1 200 OK\r\nX-Slow:"), 75, "no whole answer within"),
    "a dripping body": Fault(
        drip(b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n["), 75, "no whole answer within"
    ),
    "the key repeated in its header": Fault(
        answer(400, f'{{"message": "no Basic {ENCODED}"}}'.encode()),
        1,
        "(no Basic ***)",
        FINAL,
        FINAL,
    ),
    "the key repeated": Fault(
        answer(422, f'{{"message": "key {SECRET} is odd"}}'.encode()),
        1,
        "(key *** is odd)",
        FINAL,
        FINAL,
    ),
}


# The command, whose pauses take no time.
IMPATIENT = """
import runpy
from snapshotter.interrupt import InterruptibleClock

InterruptibleClock.sleep = lambda *_: None
runpy.run_module("snapshotter", run_name="__main__")
"""
PATIENT = ("500", "429, wait a second", "reset")


def run(
    url: str,
    folder: Path,
    *words: str,
    before: Sequence[str] = (),
    is_patient: bool = True,
    **more: str,
) -> command.Done:
    variables = {
        "XPLENTY_ACCOUNT_ID": "acme",
        "XPLENTY_API_KEY": SECRET,
        "XPLENTY_API_URL": url,
        **more,
    }
    if before:
        done = command.run_fresh(words, env=variables, cwd=folder, before=before)
    elif is_patient:
        done = command.run(words, env=variables, cwd=folder)
    else:
        done = command.python(["-c", IMPATIENT, *words], env=variables, cwd=folder)
    assert "Traceback" not in done.stderr
    assert SECRET not in done.stdout + done.stderr
    return done


@pytest.mark.slow
@pytest.mark.parametrize("name", FAULTS)
def test_how_a_run_ends(name: str, tmp_path: Path) -> None:
    """A final answer is asked for once; another again and again, until all attempts are used.

    The pauses in between are real for some only: they are the same for all.
    """
    fault = FAULTS[name]
    # Short only for what drips: on a busy machine any answer may take as long.
    timeout = "0.3" if "dripping" in name else "60"
    with serve(CREDITS, fault.script) as wire:
        words = ["sync", "--max-time", "1m", "--timeout", timeout]
        done = run(wire.url, tmp_path, *words, is_patient=name in PATIENT)
    *_, last = done.stderr.splitlines()
    assert (done.returncode, done.stdout) == (fault.exit_code, "")
    assert last.startswith(f"snapshotter: GET {wire.url}/acme/api/jobs: ")
    assert fault.said in last
    asked = len(wire.requests) - 1
    if fault.is_refusal:
        assert asked == 9  # for the newest job, and for a page: one record, and others elsewhere
    else:
        assert asked == 1 if fault.is_final else asked > 1


@pytest.mark.parametrize("name", ["503", "reset", "broken JSON", "a dripping body"])
def test_a_fault_that_passes_costs_a_request(name: str, tmp_path: Path) -> None:
    timeout = "0.5" if "dripping" in name else "60"
    with serve(CREDITS, FAULTS[name].script, NOTHING) as wire:
        done = run(wire.url, tmp_path, "sync", "--timeout", timeout)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("0 jobs seen, 0 new, 0 changed, 4 requests, ")
    (warning,) = done.stderr.splitlines()
    assert FAULTS[name].said in warning


@pytest.mark.slow
def test_nobody_listens(tmp_path: Path) -> None:
    with serve(reset) as wire:
        url = wire.url
    done = run(url, tmp_path, "sync", "--max-time", "1m")
    assert done.returncode == 75
    assert "no connection" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    ("words", "exit_code", "said"),
    [
        (["--max-requests", "2"], 2, "2 is not in the range x>=3"),
        (["--max-requests", "0"], 2, "0 is not in the range"),
        (["--reserve-credits", "5000"], 2, "leaves nothing of the account's 5,000 credits"),
        (["--reserve-credits", "4000"], 75, "4,000 credits left of this hour's, and 4,000"),
        (["--reserve-credits", "-1"], 2, "-1 is not in the range"),
        (
            ["--max-time", "0s"],
            2,
            "'0s' is not a length of time; expected something like 90s, 30m, 2h or 7d",
        ),
        (["--max-time", "soon"], 2, "'soon' is not a length of time"),
        (["--variables", "burn"], 2, "it is not one of mask, hash, keep, drop"),
        (["--variables", "hash"], 2, "set SNAPSHOTTER_HASH_KEY"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_limits_that_cannot_be(words: list[str], exit_code: int, said: str, tmp_path: Path) -> None:
    with serve(CREDITS, NOTHING) as wire:
        done = run(wire.url, tmp_path, "sync", *words)
    assert (done.returncode, done.stdout) == (exit_code, "")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert len(wire.requests) <= 1


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Yield a folder of two megabytes; only root can make one."""
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"a small disk cannot be made here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.slow
def test_a_disk_that_is_full(small_disk: Path) -> None:
    """What was committed stays, and the next run continues once there is room."""
    account = SimulatedAccount()
    with serve_account(account) as url:
        for _ in range(700):
            account.add_job(errors="e" * 3000)
        done = run(url, small_disk, "sync", XPLENTY_API_KEY=account.api_key)
        assert (done.returncode, done.stdout) == (1, "")
        (line,) = done.stderr.splitlines()
        assert line.startswith("snapshotter: the database cannot be used: ")
        assert "full" in line
        subprocess.run(["mount", "-o", "remount,size=64m", str(small_disk)], check=True)
        with closing(sqlite3.connect(small_disk / "job_history.db")) as connection, connection:
            ((stored,),) = connection.execute("select count(*) from jobs").fetchall()
        connection.close()
        assert stored < 700
        done = run(url, small_disk, "sync", XPLENTY_API_KEY=account.api_key)
        assert done.returncode == 0, done.stderr
        with closing(sqlite3.connect(small_disk / "job_history.db")) as connection, connection:
            assert connection.execute("select count(*) from jobs").fetchall() == [(700,)]
        connection.close()


@pytest.mark.slow
def test_a_file_that_cannot_grow(tmp_path: Path) -> None:
    account = SimulatedAccount()
    with serve_account(account) as url:
        for _ in range(700):
            account.add_job(errors="e" * 3000)
        limit = ["prlimit", "--fsize=2000000"]
        done = run(url, tmp_path, "sync", before=limit, XPLENTY_API_KEY=account.api_key)
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("snapshotter: the database cannot be used: ")
