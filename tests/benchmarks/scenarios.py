"""Runs the parts on each account. What has been measured is saved after each of them."""

import sqlite3
import subprocess
import time
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime

import psycopg
import pymysql
from sqlalchemy.exc import SQLAlchemyError

from . import exports, loads, machine, reads, starts
from .fixture import Fixture
from .measure import Failed
from .progress import Progress
from .recorder import Recorder
from .results import DONE, Part, Results
from .stages import PARTS, Options, stages
from .stores import Stores

Measure = Callable[[Fixture, Recorder], None]

SCENARIOS: Mapping[str, Measure] = {
    "start": starts.start,
    "forty-pages": loads.forty_pages,
    "load": loads.load,
    "latency": loads.latency,
    "nothing-new": loads.nothing_new,
    "incremental": loads.incremental,
    "trends": reads.trends,
    "table": reads.table,
    "report": reads.report,
    "exports": exports.exports,
    "mariadb": reads.mariadb,
}
_EXPECTED = (
    *(Failed, OSError, SQLAlchemyError, sqlite3.Error, psycopg.Error, pymysql.MySQLError),
    subprocess.SubprocessError,
)


def run(
    options: Options,
    results: Results,
    save: Callable[[], None],
    chosen: Collection[str] = PARTS,
) -> None:
    """Measure the chosen parts into `results`, and `save` after each.

    What an earlier run measured in them is forgotten. One that fails is noted as such, and the
    others run.
    """
    progress = Progress()
    with Stores() as stores:
        for stage in stages(options):
            parts = [part for part in stage.parts if part in chosen]
            with Fixture(stage, options, stores, progress) as fixture:
                for part in parts:
                    recorder = Recorder(results, progress, part, stage.account)
                    results.forget(part, stage.account)
                    try:
                        _run_part(fixture, recorder)
                    finally:
                        save()
    progress.say("done")


def _run_part(fixture: Fixture, recorder: Recorder) -> None:
    part, account = recorder.part, recorder.account
    recorder.progress.say(f"== {part} of {account} jobs")
    began, ended = time.monotonic(), "interrupted"
    try:
        SCENARIOS[part](fixture, recorder)
        ended = DONE
    except _EXPECTED as error:
        recorder.progress.say(f"FAILED: {part} of {account} jobs: {error}")
        ended = f"failed: {_one_line(error)}"
    finally:
        day, seconds = f"{datetime.now(UTC):%Y-%m-%d}", time.monotonic() - began
        how = Part(machine.commit(), day, seconds, ended)
        recorder.results.parts[part, account] = how


def _one_line(error: Exception) -> str:
    return " ".join(str(error).replace("|", "/").split())[:200] or type(error).__name__
