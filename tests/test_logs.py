"""Lines on standard error: what each of them has, and what none of them shows."""

import base64
import json
import logging
import re
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import copy_context
from functools import partial
from pathlib import Path
from urllib.parse import quote

import command
import pytest
from lines import unmarked

from snapshotter import logs
from snapshotter.message_mask import Mask
from snapshotter.simulator.account import SimulatedAccount
from snapshotter.simulator.faults import GARBLED

KEY = "k/e+y'of%20t\"est"
SPELLINGS = [
    KEY,
    quote(KEY, safe=""),
    quote(KEY, safe="").lower(),
    base64.b64encode(KEY.encode()).decode(),
    base64.b64encode(f"{KEY}:".encode()).decode(),
    base64.urlsafe_b64encode(KEY.encode()).decode(),
    json.dumps(KEY),
]


@pytest.fixture
def said(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[pytest.CaptureFixture[str]]:
    """Return what is printed; restore the configuration of the log at the end."""
    root, own = logging.getLogger(), logging.getLogger("snapshotter")
    before = root.handlers[:], root.level, own.level, warnings.formatwarning
    monkeypatch.setattr(logs, "ABOUT", logs.About(account="acme", run=7))
    monkeypatch.setattr(logs, "_secrets", set())
    monkeypatch.setattr(logs, "_mask", Mask())
    monkeypatch.setattr(logging, "raiseExceptions", logging.raiseExceptions)
    yield capsys
    logging.captureWarnings(capture=False)
    root.handlers, (root.level, own.level, warnings.formatwarning) = before[0], before[1:]


@pytest.mark.parametrize("is_json", [False, True])
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_no_line_shows_the_key(
    said: pytest.CaptureFixture[str], spelling: str, *, is_json: bool
) -> None:
    logs.configure(is_json=is_json)
    logs.learn(KEY)
    logging.getLogger("urllib3.connectionpool").warning("Failed to parse headers: %s", spelling)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn(f"odd {spelling}", RuntimeWarning, stacklevel=1)
    logs.notice(f"the file {spelling}")
    logs.final(1, f"it said {spelling}")
    lines = said.readouterr().err.splitlines()
    assert len(lines) == 4
    for line in lines:
        assert "***" in line
        assert spelling.strip('"') not in line
        assert json.dumps(spelling)[1:-1] not in line


def test_a_line_has_time_account_and_run(said: pytest.CaptureFixture[str]) -> None:
    logs.configure()
    logging.getLogger("anybody").warning("one\ntwo \x1b]0;x\x07")
    (line,) = said.readouterr().err.splitlines()
    assert re.fullmatch(
        r"snapshotter: WARNING: one two \\x1b\]0;x\\x07 \[20..-..-..T..:..:..Z acme run 7\]", line
    )


def test_a_library_prints_no_traceback(said: pytest.CaptureFixture[str]) -> None:
    logs.configure()
    try:
        raise ValueError("x")  # noqa: TRY301 - to have one
    except ValueError:
        logging.getLogger("urllib3").warning("Failed to parse headers", exc_info=True)
    assert "Traceback" not in said.readouterr().err


def run(words: list[str], folder: Path, account: SimulatedAccount, api: str) -> list[str]:
    variables = {
        "XPLENTY_ACCOUNT_ID": account.account_id,
        "XPLENTY_API_KEY": account.api_key,
        "XPLENTY_API_URL": api,
    }
    done = command.run(words, cwd=folder, env=variables)
    assert account.api_key not in done.stdout + done.stderr
    return done.stderr.splitlines()


def test_verbose_logs_what_a_run_does(tmp_path: Path, account: SimulatedAccount, api: str) -> None:
    account.add_job(status="running", completed_at=None)
    lines = run(["sync", "-v"], tmp_path, account, api)
    steps = (
        "reading account acme into sqlite",
        "run began: kind full",
        "the indexes are built at the end",
        "listing jobs",
        "1 jobs read",
    )
    for step, line in zip(steps, lines, strict=False):
        assert f"INFO: {step}" in line
    assert any("open jobs" in line for line in lines)
    # The first run has read all of the list, so that there is nothing to count.
    assert any("counting" in line for line in run(["sync", "-v"], tmp_path, account, api))


def test_json_has_the_end_with_its_exit_code(
    tmp_path: Path, account: SimulatedAccount, api: str
) -> None:
    account.add_job(owner_id=GARBLED)
    *_, end = map(json.loads, run(["sync", "--log-format", "json"], tmp_path, account, api))
    assert (end["level"], end["exit_code"], end["jobs_rejected"]) == ("error", 65, 1)
    assert (end["account"], end["run"]) == ("acme", 1)
    for words in (
        ["--log-format=json", "sync", "--nonsense"],
        ["sync", "x", "--log-format", "json"],
    ):
        (end,) = map(json.loads, run(words, tmp_path, account, api))
        assert end["exit_code"] == 2


def test_each_thread_has_the_mark_of_its_own_run(said: pytest.CaptureFixture[str]) -> None:
    logs.configure()

    def work() -> None:
        logs.run_mark().run = 8
        logging.getLogger("anybody").warning("in its thread")

    with logs.marked(logs.RunMark("globex")) as mark:
        thread = threading.Thread(target=partial(copy_context().run, work))
        thread.start()
        thread.join()
        logs.end_line(75, "stopped", "", {})
    logging.getLogger("anybody").warning("after it")
    lines = [line.rpartition("Z ")[2] for line in said.readouterr().err.splitlines()]
    assert lines[0] == "globex run 8]"
    assert lines[2] == "acme run 7]"
    assert (mark.account, mark.run) == ("globex", 8)


def test_what_is_drawn_is_taken_away_while_a_line_is_printed(
    said: pytest.CaptureFixture[str],
) -> None:
    logs.configure()

    @contextmanager
    def aside() -> Iterator[None]:
        sys.stderr.write("(\n")
        yield
        sys.stderr.write(")\n")

    with logs.drawn_aside(aside):
        logging.getLogger("anybody").warning("a")
        logs.notice("b")
        logs.final(1, "c")
    logs.notice("d")
    lines = [line.split()[-1] for line in unmarked(said.readouterr().err).splitlines()]
    assert lines == [*("(", "a", ")", "(", "b", ")", "(", "c", ")", "d")]
