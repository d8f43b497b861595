"""Accounts in which nothing but chance happens have no finding; what is wrong in them is found."""

from datetime import timedelta
from typing import Any

import pytest
from noisy import NOW, Change, Noise, regular, store_noise
from sqlalchemy import Engine

from snapshotter.report.answers import Scope, ask
from snapshotter.report.findings import Finding, all_findings

LENGTH = timedelta(days=90)

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def found(engine: Engine) -> list[Finding]:
    with engine.connect() as connection:
        return all_findings(ask(connection, Scope(LENGTH), NOW).trends, NOW)


@pytest.mark.slow
@pytest.mark.parametrize(
    "noise",
    [Noise(1), Noise(2, rate=0.01), Noise(3, rate=0.15), Noise(4, days=85, rate=0.08)],
    ids=str,
)
def test_five_hundred_packages_of_noise_have_no_finding(engine: Engine, noise: Noise) -> None:
    store_noise(engine, noise)
    assert [finding.text for finding in found(engine)] == []


@pytest.mark.parametrize("seed", range(10, 14))
@pytest.mark.parametrize("packages", [1, 8])
@pytest.mark.parametrize("rate", [0.03, 0.12])
def test_nor_have_a_few(engine: Engine, seed: int, packages: int, rate: float) -> None:
    store_noise(engine, Noise(seed, packages, rate=rate))
    assert [finding.text for finding in found(engine)] == []


def slows(job: dict[str, Any]) -> None:
    if job["age"] < 20:
        job["runtime_in_seconds"] *= 2


def fails_now(job: dict[str, Any]) -> None:
    if job["age"] < 4:
        job |= {"status": "failed", "error_fingerprint": "Disk full."}


def fails_often(job: dict[str, Any]) -> None:
    if job["id"] % 2:
        job |= {"status": "failed", "error_fingerprint": "Disk full."}


def stops_running(job: dict[str, Any]) -> None:
    job["is_dropped"] = job["age"] < 4


def writes_nothing(job: dict[str, Any]) -> None:
    if job["age"] < 3:
        job["records"] = 0


def writes_much(job: dict[str, Any]) -> None:
    job["records"] += job["id"] % 900
    if job["age"] < 2:
        job["records"] *= 4


# What happens in six packages, and what is found of it.
ODD: dict[int, tuple[Change, str, str]] = {
    7: (slows, "Slower", "times as long since 12 January 2026"),
    8: (fails_now, "Failing", "runs, since 2"),
    9: (fails_often, "Failing", "; most often: Disk full."),
    10: (stops_running, "Overdue", "is overdue: it last completed 4"),
    11: (writes_nothing, "Volume", "wrote nothing to rows on"),
    12: (writes_much, "Volume", "records to rows on "),
}


@pytest.mark.slow
def test_what_is_wrong_among_five_hundred_packages_is_found(engine: Engine) -> None:
    changes = {package: regular(change, package) for package, (change, _, _) in ODD.items()}

    def change(job: dict[str, Any]) -> None:
        if job["package_id"] in changes:
            changes[job["package_id"]](job)

    store_noise(engine, Noise(1, clockwork=tuple(ODD)), change)
    findings = found(engine)
    assert {finding.package_id for finding in findings} == ODD.keys()
    for package, (_change, kind, text) in ODD.items():
        of_this = [finding for finding in findings if finding.package_id == package]
        texts = [finding.text for finding in of_this if finding.kind == kind]
        assert texts, (package, of_this)
        assert text in texts[0]
