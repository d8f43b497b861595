"""Free space beside the database and for temporary files, as `doctor` reports it."""

import os
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest

from snapshotter.doctor import disk
from snapshotter.doctor.report import Report

MB = 1_000_000


def free(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=number))


def line(report: Report) -> str:
    (check,) = report.checks
    return f"{check.status}: {check.found}; {check.advice}"


@pytest.mark.parametrize(
    ("room", "size", "start"),
    [
        (200 * MB, 0, "ok: 200.0 MB free beside the database, which has 0.0 MB"),
        (200 * MB, 150 * MB, "ok: "),
        (200 * MB, 201 * MB, "warning: 200.0 MB free beside the database, which has 201.0 MB; "),
        (99 * MB, 1000, "warning: 99.0 MB free beside the database, which has 0.0 MB; make "),
        (MB - 1, 1000, "FAILED: 1.0 MB free beside the database"),
    ],
)
def test_beside_the_database(
    room: int, size: int, start: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, report = tmp_path / "x.db", Report("disk")
    with path.open("wb") as file:
        file.truncate(size)  # without using as much
    free(monkeypatch, room)
    disk.of_database(report, path)
    assert line(report).startswith(start)


def test_a_file_that_is_not_there_yet(tmp_path: Path) -> None:
    report = Report("disk")
    disk.of_database(report, tmp_path / "none.db")
    assert "free beside the database, which has 0.0 MB" in line(report)
    report = Report("disk")
    disk.of_database(report, tmp_path / "none" / "none.db")
    assert line(report).startswith("skipped: there is no folder")


def test_the_disk_behind_a_link_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "x.db").touch()
    (tmp_path / "link.db").symlink_to(tmp_path / "real" / "x.db")
    looked: list[Path] = []

    def usage(path: Path) -> SimpleNamespace:
        looked.append(path)
        return SimpleNamespace(free=10**10)

    monkeypatch.setattr(shutil, "disk_usage", usage)
    disk.of_database(Report("disk"), tmp_path / "link.db")
    assert looked == [tmp_path / "real"]


def test_a_server() -> None:
    report = Report("disk")
    disk.of_database(report, None)
    assert line(report).startswith("skipped: the disk of a server")


def test_temporary_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free(monkeypatch, 200 * MB)
    report = Report("temporary files")
    disk.of_temporary_files(report, {"TMPDIR": f"{tmp_path}/none", "TMP": str(tmp_path)})
    assert line(report) == f"ok: 200.0 MB free in '{tmp_path}'; "
    assert not list(tmp_path.iterdir())
    free(monkeypatch, 99 * MB)
    report = Report("temporary files")
    disk.of_temporary_files(report, {"TMPDIR": str(tmp_path)})
    assert line(report).startswith(f"warning: 99.0 MB free in '{tmp_path}'; make room, or set TMP")


def test_no_place_for_temporary_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    report = Report("temporary files")
    disk.of_temporary_files(report, {})
    assert line(report).startswith("warning: no folder for them can be written; set TMPDIR")
