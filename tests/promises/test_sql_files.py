"""The SQL files as they are, in the tools that people use."""

from datetime import date
from typing import Any

import pandas as pd
import pytest
from sqlalchemy import Engine, text
from trend_jobs import DAY, ended, log_two_runs, put, ran

from snapshotter.resources import resource_folder
from snapshotter.trends import trends
from snapshotter.trends.filters import Filters

NAMES = trends.names()
NO_FILTER: dict[str, Any] = dict.fromkeys(("account_id", "package_id", "since", "until"))
DAYS = {"since": DAY.date(), "until": date(2026, 1, 6)}
PARAMETERS: dict[str, dict[str, Any]] = {
    "none": NO_FILTER,
    "package": {**NO_FILTER, "package_id": 434},
    "days": {**NO_FILTER, **DAYS},
    "days as text": {**NO_FILTER, **{name: str(day) for name, day in DAYS.items()}},
    "all": {"account_id": "acme", "package_id": 434, **DAYS},
    "another account": {**NO_FILTER, "account_id": "beta"},
}


@pytest.fixture
def history(engine: Engine) -> Engine:
    """Return a database in which every trend has an answer for package 434 of two."""
    own: dict[str, Any] = {"package_id": 434, "creator": {"type": "Schedule", "id": 7}}
    put(
        engine,
        *(
            ended(n, n, 10 if n < 20 else 30, outputs=[
                {"id": n, "name": "a", "records_count": 5, "component": {"fields": ["b"] * (n % 2)}}
            ], **own)
            for n in range(1, 26)
        ),
        ended(30, 30, status="failed", **own),
        ran(31, 1, status="running", **own),
        ran(40, 20),
    )  # fmt: skip
    log_two_runs(engine)
    return engine


@pytest.mark.parametrize("name", NAMES)
def test_pandas_runs_each_file_with_parameters(history: Engine, name: str) -> None:
    path = resource_folder("sql") / f"{name}.sql"
    with history.connect() as connection:
        for case, parameters in PARAMETERS.items():
            found = pd.read_sql(text(path.read_text()), connection, params=parameters)
            expected = trends.rows(connection, name, Filters(**as_filters(parameters)))
            assert list(found.columns) == expected.columns
            assert len(found) == len(expected.rows), case
            assert bool(len(found)) == (case != "another account"), case


def as_filters(parameters: dict[str, Any]) -> dict[str, Any]:
    return {
        name: date.fromisoformat(value) if name in DAYS and isinstance(value, str) else value
        for name, value in parameters.items()
    }
