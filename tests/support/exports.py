"""Stored jobs for exports: any, and those of years that formats and engines have trouble with."""

import csv
import io
from datetime import UTC, datetime
from functools import partial
from typing import Any

from samples import job, store
from sqlalchemy import Engine, update

from snapshotter.export.export import export
from snapshotter.export.selection import Selection
from snapshotter.models import METADATA

NOW = datetime(2026, 1, 5, 1, 2, 3, tzinfo=UTC)
TABLES = METADATA.tables

put = partial(store, at=NOW)

# Text that a spreadsheet would run as a formula, and text that it would not.
HOSTILE = ["=1+1", "+1", "-5", "@SUM(A1)", "\tx", "\rx", '=HYPERLINK("http://x","y")']
HOSTILE += ["\nx", *(sign + "1+1" for sign in "\uff1d\uff0b\uff0d\uff20")]  # full-width, too
HOSTILE += [" =1", "\xa0\u3000+1", " \n@x", "\ufeff=1", "\u200b-1"]  # after what is dropped
PEACEFUL = ["a=1", " x=1", "'=1", "", "x\ry", 'a "b", c\nd', "\N{PILE OF POO}"]

YEARS = (1, 999, 1677, 1899, 1900, 2262, 9999)


def fill_years(engine: Engine) -> None:
    """Store a job into each of the years that some format or engine has trouble with."""
    for year in YEARS:
        at = f"{year:04}-12-31T23:59:59.999999Z"
        times = dict.fromkeys(("created_at", "started_at", "completed_at", "updated_at"), at)
        made = {"created_at": at, "updated_at": at}
        cluster = {"id": 1, "available_since": at}
        outputs = [{"id": year, "name": "a", "records_count": 2**63 - 1, "progress": -0.0, **made}]
        put(
            engine,
            job(id=year, runtime_in_seconds=2**63 - 1, outputs=outputs, cluster=cluster, **times),
        )
    outputs_ = TABLES["job_outputs"]
    with engine.begin() as connection:  # as it may be stored already
        connection.execute(update(outputs_).values(progress=-0.0))
        connection.execute(update(TABLES["jobs"]).values(progress=-0.0))


def written(engine: Engine, name: str, *filters: Any) -> list[dict[str, str]]:
    """Export as CSV; return its rows."""
    file = io.StringIO()
    rows = export(engine, Selection(name, *filters), file)
    file.seek(0)
    found = list(csv.DictReader(file))
    assert len(found) == rows
    return found
