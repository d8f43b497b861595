"""Runs the command in forks of itself, and strikes one of them at a statement's boundary.

A run of its own would import for half a second; a fork takes milliseconds, so that there can be a
run for each boundary. Orders come on standard input, a line of JSON each: the command's `words` and
either `at`, the boundary at which the run is sent the signal `number`, or `halts`, which makes it
wait at each boundary for a line. Every run is answered with its exit code and its output; before
that, each halt with where it is.

A page that was fetched early is stored in the transaction of the page before it, if it has arrived
by then, which depends on timing. An order with `together` (true: all pages have arrived; false:
none) takes the timing out, so that each run has the same boundaries. `pruned_at_once` is how many
jobs `db prune` removes in a transaction.

A boundary is the moment before a statement, before a commit or a rollback, or after a connection
was given back; but only the first one, and those when something was written or committed since the
one before: a database cannot tell the others apart.
"""

import gc
import json
import os
import signal
import sys
import tempfile
from collections.abc import Callable
from typing import IO, Any

import alembic.command  # noqa: F401 - what the command imports when it runs, once for all forks
import psycopg  # noqa: F401
import pymysql  # noqa: F401
from sqlalchemy import Engine, event
from sqlalchemy.dialects import mysql, postgresql, sqlite  # noqa: F401
from sqlalchemy.pool import Pool

import snapshotter.interrupt
import snapshotter.sync.sync  # noqa: F401
from snapshotter.api import prefetch
from snapshotter.cli import entry
from snapshotter.store import prune

_LONGEST = 60  # seconds; a run that hangs dies of SIGALRM
_WRITES = ("insert", "update", "delete", "copy", "create", "alter", "drop", "release")


def main() -> None:
    entry.group()  # imports the commands, once for all forks
    gc.freeze()  # else each fork would copy what they share
    # Of their own, so that the command has its standard streams for itself.
    with os.fdopen(os.dup(0), "r") as orders, os.fdopen(os.dup(1), "w") as answers:
        for line in iter(orders.readline, ""):
            order = json.loads(line)
            with tempfile.TemporaryFile() as said:
                child = os.fork()
                if child == 0:
                    signal.alarm(_LONGEST)
                    _run(order, orders, answers, said)
                code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
                said.seek(0)
                _report(answers, {"code": code, "said": said.read().decode()})


def _run(order: dict[str, Any], orders: IO[str], answers: IO[str], said: IO[bytes]) -> None:
    with open(os.devnull, "rb") as nothing:  # noqa: PTH123 - a descriptor is wanted
        os.dup2(nothing.fileno(), 0)
    os.dup2(said.fileno(), 1)
    os.dup2(said.fileno(), 2)
    passed = 0

    def halt(place: str) -> None:
        _report(answers, {"halted": place})
        orders.readline()

    def strike(place: str) -> None:
        nonlocal passed
        if passed == order["at"]:
            if order["number"] == signal.SIGKILL:
                os.write(2, f"killed {place}".encode())
            os.kill(os.getpid(), order["number"])
        passed += 1

    _watch(halt if order.get("halts") else strike)
    if "together" in order:
        _fix_arrivals(together=order["together"])
    prune.AT_ONCE = order.get("pruned_at_once", prune.AT_ONCE)
    sys.argv = ["snapshotter", *order["words"]]
    code: Any = 0
    try:
        entry.main()
    except SystemExit as end:
        code = end.code
    sys.stdout.flush()
    # The interpreter's own end would touch, and so copy, all that the forks share: 0.1 s.
    os._exit(code)


def _fix_arrivals(*, together: bool) -> None:
    def has(threads: prefetch.Threads[Any], number: int) -> bool:
        listed = threads.wait(number) if together else None
        return listed is not None and bool(listed.records)

    setattr(prefetch.Threads, "has", has)  # noqa: B010 - to the types it is not a method


def _watch(act: Callable[[str], None]) -> None:
    written = True

    def boundary(place: str, *, writes: bool = False) -> None:
        nonlocal written
        if written:
            act(place)
        written = writes

    def before_statement(*given: Any) -> None:
        statement = " ".join(given[2].split())
        boundary(f"before: {statement[:60]}", writes=statement.lower().startswith(_WRITES))

    event.listen(Engine, "before_cursor_execute", before_statement)
    event.listen(Engine, "commit", lambda _connection: boundary("before: commit", writes=True))
    event.listen(Engine, "rollback", lambda _connection: boundary("before: rollback"))
    event.listen(Pool, "checkin", lambda _connection, _record: boundary("after: a commit"))


def _report(answers: IO[str], answer: dict[str, Any]) -> None:
    answers.write(json.dumps(answer) + "\n")
    answers.flush()


main()
