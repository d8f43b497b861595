"""Fixtures of the report's tests: a browser, and a report of `history`."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from browser import chromium
from playwright.sync_api import Browser
from report_files import DAYS, NOW, history, put
from sqlalchemy import Engine

from snapshotter.report.answers import Scope
from snapshotter.report.report import report


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def written(engine: Engine, tmp_path: Path) -> Path:
    put(engine, *history())
    target = tmp_path / "report.html"
    report(engine, target, Scope(DAYS), NOW)
    return target
