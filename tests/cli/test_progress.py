"""What a terminal shows while accounts are read."""

import itertools
import re
import signal
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import on_a_terminal
import pytest
from several import NAMES, Accounts
from syncer import history

from snapshotter.cli import progress
from snapshotter.simulator.account import SimulatedAccount
from snapshotter.simulator.faults import GARBLED, Request
from snapshotter.store.ledger import Outcome

pytest_plugins = ["several_fixtures"]

PATIENCE = 30.0  # seconds
REQUESTS_FOR_THE_SIZE = 5  # of an account of 3,000 jobs
CURSOR_HIDDEN = b"\x1b[?25l"
BAR = "━"


def shown(printed: bytes) -> list[str]:
    """Return what the terminal showed, each state of its last line, without colours."""
    assert CURSOR_HIDDEN not in printed
    text = re.sub(r"\x1b\[[0-9;]*m", "", printed.decode())
    return [
        state for state in re.split(r"[\r\n]+|\x1b\[2K|\x1b\[1A|\x1b\[K", text) if state.strip()
    ]


@pytest.fixture
def large(account: SimulatedAccount) -> SimulatedAccount:
    """Return an account whose last pages wait until its size has been asked for.

    That is done at 1,000 jobs; those before are read without any of the pages that wait.
    """
    history(account, 3000)
    is_known, asked = threading.Event(), itertools.count(1)

    def wait(request: Request) -> None:
        offset = int(request.query.get("offset", 0))
        if request.query.get("limit") == "1":
            if offset and next(asked) == REQUESTS_FOR_THE_SIZE:
                is_known.set()
        elif offset > 2700:
            is_known.wait(PATIENCE)

    account.before_answer = wait
    return account


@pytest.mark.usefixtures("large")
def test_a_first_load_shows_a_bar(acme: dict[str, str], tmp_path: Path) -> None:
    code, printed = on_a_terminal.run(["sync"], cwd=tmp_path, env=acme)
    assert code == 0
    *states, last = shown(printed)
    assert last.startswith("3,000 jobs seen, 3,000 new, ")
    assert re.match(r"[\d,]+ jobs +4,9\d\d credits", states[0])  # how many depends on the machine
    assert any("3,000 jobs, building the indexes" in state for state in states)
    with_bar = [state for state in states if BAR in state and "building" not in state]
    assert with_bar
    for state in with_bar:
        assert re.match(
            r"\d,\d{3} of ~(2,9|3,[012])00 jobs ━.* [\d,]+ jobs/s +4,9\d\d credits +\d+ s left",
            state,
        )
        assert len(state) <= 80
    # The bar is erased before the summary.
    assert printed.rstrip().rpartition(b"\x1b[2K")[2].startswith(b"\r3,000 jobs seen")


@pytest.mark.parametrize(
    ("words", "environment", "width"),
    [
        (["sync"], {"TERM": "dumb"}, 80),
        (["sync", "--log-format", "json"], {}, 80),
        (["sync", "-v"], {}, 80),
        (["sync", "--quiet"], {}, 80),
        (["sync"], {}, 79),
    ],
    ids=["dumb", "json", "verbose", "quiet", "narrow"],
)
def test_no_bar_where_it_would_disturb(
    words: list[str],
    environment: dict[str, str],
    width: int,
    acme: dict[str, str],
    account: SimulatedAccount,
    tmp_path: Path,
) -> None:
    account.add_job()
    variables = {**acme, **environment}
    code, printed = on_a_terminal.run(words, cwd=tmp_path, env=variables, width=width)
    assert code == 0
    assert b"credits " not in printed.replace(b"credits left", b"")
    assert (b"\x1b" in printed) == (width < 80)  # there the number of jobs is erased
    if "--quiet" in words:
        assert printed == b""


def test_a_line_of_the_log_stands_above_the_bar(
    acme: dict[str, str], account: SimulatedAccount, tmp_path: Path
) -> None:
    for _ in range(150):
        account.add_job()
    account.add_job(id=9, owner_id=GARBLED)
    code, printed = on_a_terminal.run(["sync"], cwd=tmp_path, env=acme)
    assert code == 65
    assert b"\x1b[2Ksnapshotter: WARNING: set aside: job 9: " in printed


def test_the_summaries_of_logs_are_counted(
    acme: dict[str, str], account: SimulatedAccount, tmp_path: Path
) -> None:
    for _ in range(3):
        account.add_job(status="failed")
    # A slow API: the bar is drawn anew after each answer.
    account.before_answer = lambda _: time.sleep(1.2 * progress.REDRAWN_EVERY)
    code, printed = on_a_terminal.run(["sync", "--log-summaries"], cwd=tmp_path, env=acme)
    assert code == 0
    states = [re.sub(r" {2,}", " ", state) for state in shown(printed)]
    assert any(state.startswith("3 jobs, 1 log summary ") for state in states), states
    assert any(state.startswith("3 jobs, 2 log summaries ") for state in states), states


def test_each_of_several_accounts_has_a_bar(several: Accounts) -> None:
    for account in several.each:
        first = 1000 * NAMES.index(account.account_id)
        for job_id in range(first + 10, first + 130):
            account.add_job(id=job_id)
    for words in (["sync"], ["sync", "--full", "--parallel", "3"]):
        code, printed = on_a_terminal.run(words, cwd=several.folder, width=120)
        assert code == 0
        states = shown(printed)
        for name in NAMES:
            assert any(re.match(rf"{name} +\d+ jobs ", state) for state in states), states
    assert sum("121 jobs seen" in state for state in states) == 3


def test_a_run_that_ctrl_c_ends_leaves_the_terminal_as_it_was(
    acme: dict[str, str], account: SimulatedAccount, tmp_path: Path
) -> None:
    history(account, 1000)
    pressed: list[int] = []

    def press(request: Request) -> None:
        if request.query.get("offset", "0") != "0" and len(account.requests) > 6 and not pressed:
            pressed.append(1)
            on_a_terminal.running[-1].send_signal(signal.SIGINT)

    account.before_answer = press
    code, printed = on_a_terminal.run(["sync"], cwd=tmp_path, env=acme)
    assert code == 75
    *_, last = shown(printed)
    assert re.match(
        r"snapshotter: stopped by SIGINT after [\d,]+ jobs were saved; nothing is lost, the next "
        r"run continues \[",
        last,
    )
    assert b"finishing the current page; press Ctrl-C again to stop now" in printed


def test_what_goes_wrong_while_drawing_does_not_reach_the_run() -> None:
    screen = progress._Screen(1, may_ask=True)  # noqa: SLF001 - the command has no way to it
    with screen.shown() as watch:
        display = watch(None)  # type: ignore[arg-type]
        display.show(7)
        display.end()


def test_a_bar_shows_that_the_indexes_are_built() -> None:
    run = SimpleNamespace(client=None, outcome=Outcome("incremental", 1))
    bar = progress._Bar(progress._Screen(1, may_ask=False), run, "", may_ask=False)  # type: ignore[arg-type]  # noqa: SLF001 - as above
    assert bar._count(1234) == "1,234 jobs"  # noqa: SLF001
    run.outcome.is_building = True
    assert bar._count(1234) == "1,234 jobs, building the indexes"  # noqa: SLF001


@pytest.mark.parametrize(
    ("number", "rounded"), [(7, 7), (1234, 1200), (98_765, 99_000), (1_000_000, 1_000_000)]
)
def test_an_estimate_has_two_digits(number: int, rounded: int) -> None:
    assert progress._round(number) == rounded  # noqa: SLF001 - a table of cases
