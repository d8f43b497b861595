"""No text of the API controls a terminal, splits a line of the log, or breaks a table.

A hostile account is synced, and every command that prints is run on a terminal and into a pipe; the
bytes are checked. Data (CSV and JSON into a pipe) keeps its text, and is not checked.
"""

import json
import re
import sqlite3
import unicodedata
from contextlib import closing
from pathlib import Path
from typing import Any

import on_a_terminal
import pytest
from command_line import Run

from snapshotter.simulator.account import SimulatedAccount
from snapshotter.simulator.faults import Answer, Request
from snapshotter.trends import trends

HOSTILE = (
    "\x1b[2J\x1b]0;owned\x07\x1b[31m\x9b31m\x85\r\n\x08\u202e\u2066\u200b\u2028\u2029|`<b>\ufeff"
    "\x1b]8;;http://evil.example\x1b\\x\x7f"
)
# What rich and the progress bar print, and nothing else that begins with ESC.
OURS = re.compile(
    rb"\x1b\[[01]m|\r?\x1b\[2?K|\r?\x1b\[1A|\x1b\]8;id=[0-9]+;https://(?:dashboard\.)?xplenty\.com/[!-~]+?\x1b\\"
    rb"|\x1b\]8;;\x1b\\"
)
URL = "https://dashboard.xplenty.com/acme/jobs/{}"
UNSEEN = ("Cc", "Cf", "Zl", "Zp", "Cs")


def named(text: str) -> str:
    return f"{text}{HOSTILE}"


@pytest.fixture
def hostile(account: SimulatedAccount) -> SimulatedAccount:
    """Return an account whose every text is hostile, with jobs for each trend."""

    def output(job_id: int, records: int, *fields: str) -> dict[str, Any]:
        component = {"name": named("to"), "fields": [named(each) for each in fields]}
        return {
            "id": job_id, "name": named("out"), "records_count": records, "component": component,
        }  # fmt: skip

    for n in range(1, 41):
        at = f"2026-01-{1 + n % 28:02}T{n % 24:02}:00:00Z"
        failed = n % 5 == 0
        account.add_job(
            id=n,
            status="failed" if failed else "completed",
            created_at=at,
            started_at=at,
            **{"failed_at" if failed else "completed_at": at},
            errors=named("broken") if failed else None,
            runtime_in_seconds=100 * n,
            package={"id": 1 + n % 2, "name": named("orders")},
            cluster={"id": 3, "name": named("cluster"), "nodes": 2},
            creator={"type": "Schedule", "id": 7, "display_name": named("who")},
            html_url=URL.format(n) if n % 2 else named(URL.format(n)),
            outputs=[output(n, 10 * n, "id", f"field {n % 3}")],
        )
        if failed:
            account.log_summaries[n] = {
                **dict.fromkeys(("body", "error_summary", "openai_extract"), named("why")),
                "action_items": [named("do")],
            }
    account.add_job(id=50, status="running", html_url="javascript:alert(1)",
                    package={"id": 1, "name": named("orders")})  # fmt: skip
    account.add_job(id=51, status=named("odd"), package={"id": 1, "name": named("orders")})
    account.add_job(id=60, owner_id={named("key"): named("value")})
    account.add_job(id=61, outputs=[{"id": named("x"), "name": 7}, {"id": 1}])
    account.add_job(id=62, outputs=[{"id": 1, "name": named("a")}])
    return account


def assert_harmless(printed: bytes) -> None:
    text = OURS.sub(b"", printed).decode().replace("\r\n", "\n")
    unseen = {c for c in text if unicodedata.category(c) in UNSEEN and c not in "\n\r"}
    assert not unseen, (unseen, text)
    assert "\r" not in re.sub(r"\r[\d,]+ jobs|\r(?=\n|$)", "", text), text


COMMANDS = [
    *(("trends", name) for name in trends.names()),
    ("trends", "runtime_by_day", "--format", "markdown"),
    ("trends", "failure_reasons", "--format", "csv"),
    ("trends", "failure_reasons", "--format", "json"),
    ("trends", "slowest_packages", "--package", named("x")),
    ("trends", named("x")),
    ("export", "jobs", "-o", "-"),
    ("export", "jobs", "-o", named("no/x.csv")),
    ("export", "jobs", "-o", "-", "--status", named("x")),
    ("status",),
    ("status", "--json"),
    ("status", "--account", named("x")),
    ("rejects",),
    ("rejects", "--all"),
    *(("digest", "--last", "30d", "--format", shape) for shape in ("text", "markdown", "slack")),
    ("export", "log_summaries", "-o", "-"),
    ("accounts",),
    ("accounts", "rename", named("x"), named("y")),
    ("accounts", "forget", named("x")),
    ("sync", named("x")),
    ("sync", "-v", "--full"),
    ("verify",),
]


@pytest.mark.slow
def test_no_command_prints_a_control_character_on_a_terminal(
    run: Run, acme: dict[str, str], hostile: SimulatedAccount, tmp_path: Path
) -> None:
    assert hostile.jobs
    code, printed = on_a_terminal.run(["sync", "--log-summaries"], cwd=tmp_path, env=acme)
    assert code == 65, printed
    assert_harmless(printed)
    for words in COMMANDS:
        code, printed = on_a_terminal.run(words, cwd=tmp_path, env=acme)
        assert code in (0, 2, 65), (words, printed)
        assert printed.strip(), words
        assert_harmless(printed)
    _name_the_account(tmp_path / "job_history.db", named("acme"))
    for words in (("status",), ("accounts",), ("rejects",), ("trends", "snapshot_log"),
                  ("accounts", "forget", named("acme"))):  # fmt: skip
        code, printed = on_a_terminal.run(words, cwd=tmp_path, env=acme)
        assert code in (0, 2), (words, printed)
        assert_harmless(printed)
    assert run("accounts").returncode == 0


def _name_the_account(path: Path, name: str) -> None:
    """Rename the stored account to a hostile name, which no command would accept."""
    with closing(sqlite3.connect(path)) as connection, connection:
        for table in ("accounts", "jobs", "snapshots", "rejected_records"):
            connection.execute(f"update {table} set account_id = ?", (name,))


@pytest.mark.slow
def test_no_line_of_a_pipe_is_split(
    run: Run, acme: dict[str, str], hostile: SimulatedAccount
) -> None:
    done = run("sync", "--log-summaries", **acme)
    assert done.returncode == 65
    assert all(line.startswith("snapshotter: ") for line in done.stderr.split("\n")[:-1])
    assert_harmless((done.stdout + done.stderr).encode())
    assert "why" in run("trends", "failure_reasons", "--format", "table").stdout
    logged = run("sync", "--full", "-v", "--log-format", "json", **acme)
    for line in logged.stderr.split("\n")[:-1]:
        assert isinstance(json.loads(line), dict)
        assert line.isascii()
        assert line.isprintable()
    for words in (
        *(("trends", name, "--format", shape) for name in ("recovery", "failure_reasons",
          "records_by_day", "output_field_changes") for shape in ("table", "markdown")),
        *(("status",), ("rejects",), ("rejects", "--all"), ("accounts",), ("verify",)),
    ):  # fmt: skip
        done = run(*words, **acme)
        assert_harmless((done.stdout + done.stderr).encode())
        if "markdown" in words:
            rows = done.stdout.split("\n")[:-1]
            columns = {len(re.findall(r"(?<!\\)(?:\\\\)*\|", row)) for row in rows}
            assert len(columns) == 1, done.stdout
            assert "<" not in done.stdout
    hostile.intercept = refusal
    done = run("sync", **acme)
    assert "owned" in done.stderr
    assert all(line.startswith("snapshotter: ") for line in done.stderr.split("\n")[:-1])
    assert_harmless(done.stderr.encode())


def refusal(request: Request) -> Answer | None:
    body = json.dumps({"message": named("no")}).encode()
    return Answer(422, {}, body) if request.path.endswith("/jobs") else None


@pytest.mark.slow
def test_ids_of_jobs_are_links_to_pages_of_the_web_alone(
    run: Run, acme: dict[str, str], hostile: SimulatedAccount, tmp_path: Path
) -> None:
    assert hostile.jobs
    run("sync", **acme)
    words = ["trends", "output_field_changes", "--limit", "200"]
    _, printed = on_a_terminal.run(words, cwd=tmp_path)
    links = re.findall(rb"\x1b\]8;id=\d+;(.*?)\x1b\\", printed)
    assert links
    page = re.compile(rb"https://(dashboard\.)?xplenty\.com/acme/jobs/\d+")
    assert all(map(page.fullmatch, links))
    for environment in ({"TERM": "dumb"}, {"TERM": "unknown"}):
        _, printed = on_a_terminal.run(words, cwd=tmp_path, env=environment)
        assert b"\x1b" not in printed
    assert "\x1b" not in run(*words, "--format", "table").stdout
    _, printed = on_a_terminal.run(["trends", "open_jobs"], cwd=tmp_path)
    assert b"javascript" not in printed


@pytest.mark.slow
def test_on_80_columns_the_open_jobs_show_which_is_stuck(
    run: Run, acme: dict[str, str], hostile: SimulatedAccount, tmp_path: Path
) -> None:
    assert hostile.jobs
    run("sync", **acme)
    for trend, verdicts in (("open_jobs", ("stuck", "age")), ("recovery", ("failing", "since"))):
        _, printed = on_a_terminal.run(["trends", trend], cwd=tmp_path)
        head = OURS.sub(b"", printed).decode().split("──")[0]
        assert all(verdict in head for verdict in verdicts), printed
