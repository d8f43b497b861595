"""`snapshotter report` as a user runs it: its options, its messages and its exit codes."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import command
import pytest
from command_line import assert_one_line
from report_files import history, without_plotly
from samples import job, store

from snapshotter.cli.entry import group
from snapshotter.store.engine import open_engine

Report = Callable[..., command.Done]

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture
def report(database_url: str, tmp_path: Path) -> Report:
    """Return what runs the command on the database, in the folder `here`."""
    (tmp_path / "here").mkdir()

    def run(*words: str) -> command.Done:
        everything = ["report", *words, "--database", database_url]
        done = command.run(everything, cwd=tmp_path / "here")
        assert "Traceback" not in done.stderr
        return done

    return run


@pytest.fixture
def stored(database_url: str) -> None:
    """Store two packages' runs, the newest of 20 January, and one of 95 days before it."""
    at = "2025-10-17T03:00:00Z"
    times = dict.fromkeys(("created_at", "started_at", "updated_at", "completed_at"), at)
    engine = open_engine(database_url)
    seen = datetime(2026, 1, 31, tzinfo=UTC)
    store(engine, *history(), job(outputs=[], **times), at=seen)
    engine.dispose()


def test_the_report_is_in_the_file_that_was_named(
    database_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "report.html"
    words = ["report", "-o", str(target), "--last", "12w", "--database", database_url]
    group().main(words, standalone_mode=False)
    assert capsys.readouterr().err == f"the report is in {target}\n"
    assert "The database has no jobs yet" in without_plotly(target)


def test_a_report_on_standard_output(report: Report) -> None:
    done = report("-o", "-")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("<!DOCTYPE html>")
    assert done.stdout.endswith("</html>\n")


def days_of(folder: Path) -> str:
    """Return the page's facts; without an account they are the days alone."""
    page = without_plotly(folder / "here" / "x.html")
    return page.split('<p class="facts">')[1].split("</p>")[0]


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize(
    ("words", "days"),
    [
        ([], "23 October 2025 to 20 January 2026 (90 days, UTC)"),
        (["--last", "2w"], "7 January 2026 to 20 January 2026 (14 days, UTC)"),
        (["--since", "2026-01-10"], "10 January 2026 to 20 January 2026 (11 days, UTC)"),
        (
            ["--until", "2026-01-10", "--last", "3d"],
            "7 January 2026 to 9 January 2026 (3 days, UTC)",
        ),
        (["--last", "100d"], "17 October 2025 to 20 January 2026 (96 days, UTC)"),
    ],
)
def test_it_covers_the_last_days_that_are_stored(
    report: Report, words: list[str], days: str, tmp_path: Path
) -> None:
    done = report("-o", "x.html", *words)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "the report is in x.html\n"
    assert days_of(tmp_path) == days


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize(
    ("option", "package"),
    [("--package", "orders"), ("--package", "434"), ("--package-id", "434")],
)
def test_a_package_is_named_by_its_name_or_its_id(
    report: Report, option: str, package: str, tmp_path: Path
) -> None:
    assert report("--output", "x.html", option, package).returncode == 0
    page = without_plotly(tmp_path / "here" / "x.html")
    assert "<h1>orders · No account yet</h1>" in page
    assert 'data-package="434"' in page
    assert 'data-package="435"' not in page


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "Missing option '-o' / '--output'"),
        (["-o", ""], "no output given: add -o FILE (or -o - for standard output)"),
        (["-o", "no/x.html"], "there is no folder 'no'"),
        (["-o", "x.html", "--package", "nobody"], "--package 'nobody': no job of such a package"),
        (["-o", "x.html", "--package-id", "99"], "--package-id 99: no job of such a package"),
        (["-o", "x.html", "--since", "2026-02-01"], "--since 2026-02-01 is after the last day"),
        (["-o", "x.html", "--since", "2026-01-01", "--last", "3d"], "both set the first day"),
        (["-o", "x.html", "--last", "1h"], "'1h' is not in days or weeks"),
        (["-o", "x.html", "extra"], "unexpected extra argument"),
    ],
)
def test_what_cannot_be_done_writes_no_file(
    report: Report, words: list[str], said: str, tmp_path: Path
) -> None:
    done = report(*words)
    assert_one_line(done, 2, said)
    assert done.stdout == ""
    assert list((tmp_path / "here").iterdir()) == []


@pytest.mark.usefixtures("database_url")
def test_without_a_database_neither_a_report_nor_a_database_is_made(tmp_path: Path) -> None:
    here = tmp_path / "empty"
    here.mkdir()
    done = command.run(["report", "-o", "x.html"], cwd=here)
    assert_one_line(done, 1, "no database at 'job_history.db'")
    assert list(here.iterdir()) == []
