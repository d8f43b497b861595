"""What differs between a job as it comes and as it is stored."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from runs import insert_run
from samples import job
from sqlalchemy import Engine

from snapshotter.api import records
from snapshotter.redact import Redaction
from snapshotter.store import diff
from snapshotter.store.load import load
from snapshotter.store.prepared import Prepared, prepare
from snapshotter.store.write import Stamp

STAMP = Stamp("acme", 1, datetime(2026, 1, 5, tzinfo=UTC))
OUTPUT = job()["outputs"][0]


def prepared(document: dict[str, Any]) -> Prepared:
    return prepare(records.read(json.dumps(document).encode()), Redaction())


@pytest.mark.parametrize(
    ("fields", "names", "has_moved"),
    [
        ({}, [], False),
        ({"errors": "late words"}, ["errors", "error_fingerprint"], False),
        ({"progress": 0.5}, ["progress"], True),
        ({"outputs": [{**OUTPUT, "url": None}]}, ["job_outputs"], False),
        ({"outputs": [{**OUTPUT, "records_count": 5}]}, ["job_outputs"], True),
        ({"outputs": []}, ["job_outputs", "output_fields"], True),
    ],
    ids=str,
)
def test_the_names_of_what_differs(
    engine: Engine,
    fields: dict[str, Any],
    names: list[str],
    has_moved: bool,  # noqa: FBT001
) -> None:
    rows = prepared(job(**fields)).rows
    with engine.begin() as connection:
        insert_run(connection, STAMP)
        load(connection, STAMP, [prepared(job())])
        assert diff.compare(connection, [rows]) == ({7: names} if names else {})
        before = diff.stored(connection, [7])
        in_short = diff.differences(connection, [rows], before, in_full=False)
        assert set(in_short) == ({7} if names else set())
        assert diff.moved(connection, [rows], before) == ({7} if has_moved else set())


def test_a_job_that_is_not_stored_differs_as_a_whole(engine: Engine) -> None:
    with engine.connect() as connection:
        assert diff.compare(connection, [prepared(job()).rows]) == {7: ["jobs"]}
