"""Who may read and change the files, as `doctor` reports it."""

import os
from pathlib import Path

import pytest

from snapshotter.configured_accounts import Account
from snapshotter.doctor import files
from snapshotter.doctor.report import Report
from snapshotter.key_sources import KeySource


def account(path: Path) -> Account:
    return Account("acme", "acme", "", KeySource("api_key_file", str(path), "x"), {})


def lines(database: Path | None, configuration: Path | None, *keys: Path) -> list[str]:
    report = Report("files")
    files.modes(report, files.known(database, configuration, map(account, keys)))
    return [f"{each.status}: {each.found}; {each.advice}" for each in report.checks]


def made(path: Path, mode: int) -> Path:
    path.touch()
    path.chmod(mode)
    return path


def test_all_is_well(tmp_path: Path) -> None:
    key = made(tmp_path / "key", 0o600)
    found = lines(made(tmp_path / "x.db", 0o600), made(tmp_path / "x.toml", 0o644), key, key)
    assert found == ["ok: the database 0600, the configuration file 0644, the key file 0600; "]


def test_what_is_missing_is_reported_elsewhere(tmp_path: Path) -> None:
    assert lines(tmp_path / "x.db", None, tmp_path / "key") == ["ok: there are none yet; "]
    assert lines(None, None) == ["ok: there are none yet; "]


@pytest.mark.parametrize(
    ("kind", "mode", "words", "advice"),
    [
        ("key", 0o640, "the key file {} can be read by others (mode 0640)", "chmod 600 {}"),
        ("db", 0o644, "the database {} can be read by others (mode 0644)", "chmod 640 {}"),
        ("db", 0o660, "the database {} can be changed by others (mode 0660)", "chmod 640 {}"),
        ("toml", 0o646, "the configuration file {} can be changed by others", "chmod 644 {}"),
    ],
)
def test_a_file_that_others_may_use(
    tmp_path: Path, kind: str, mode: int, words: str, advice: str
) -> None:
    path = made(tmp_path / f"a {kind}", mode)
    keys = [path] if kind == "key" else []
    places = [path if kind == each else None for each in ("db", "toml")]
    (found,) = lines(places[0], places[1], *keys)
    assert found.startswith(f"warning: {words.format(repr(str(path)))}")
    assert advice.format(f"'{path}'") in found


def test_a_pipe_has_no_mode_that_matters(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "key", 0o644)
    assert lines(None, None, tmp_path / "key") == ["ok: there are none yet; "]
