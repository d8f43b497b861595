"""`snapshotter status` as a user runs it."""

import json
from pathlib import Path

import command as commands
import pytest
from accounts import add
from command import Done
from command_line import Run, assert_one_line
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Engine

from snapshotter.store import revisions

sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def command(engine: Engine, *words: str) -> Done:
    url = engine.url.render_as_string(hide_password=False)
    return commands.run(words, env={"SNAPSHOTTER_DATABASE_URL": url})


@sqlite
def test_the_status_of_one_account(engine: Engine) -> None:
    add(engine, "acme", 1)
    add(engine, "beta", 2)
    done = command(engine, "status", "--account", "beta")
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "account beta")
    assert "acme" not in done.stdout
    done = command(engine, "status", "--account", "acem")
    assert (done.returncode, done.stdout) == (2, "")
    assert "no account 'acem' in this database; did you mean 'acme'?" in done.stderr
    done = command(engine, "status", "--account", "acem", "--max-age", "2h", "--json")
    assert (done.returncode, json.loads(done.stdout)) == (1, {"accounts": []})
    assert "stale: acem has no complete run" in done.stderr
    done = command(engine, "status", "--account", "acem", "--max-age", "2h")
    assert (done.returncode, done.stdout) == (1, "")


def samples(path: Path) -> dict[tuple[str, ...], float]:
    """Return the value of each series of a file, by its name and its labels' values."""
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(path.read_text())
        for sample in family.samples
    }


def test_metrics_of_the_accounts(engine: Engine, tmp_path: Path) -> None:
    add(engine, "acme", 1, 2)
    add(engine, "beta", 3)
    target = tmp_path / "snapshotter.prom"
    done = command(engine, "status", "--prometheus", str(target))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    found = samples(target)
    assert found["snapshotter_jobs", "acme"] == 2
    assert found["snapshotter_jobs", "beta"] == 1
    assert found["snapshotter_schema_info", revisions.head()] == 1
    # What `add` stores is a run without a watermark.
    assert found["snapshotter_last_complete_run_timestamp_seconds", "acme"] == 0


@sqlite
def test_metrics_are_written_although_the_data_is_too_old(engine: Engine, tmp_path: Path) -> None:
    add(engine, "acme", 1)
    add(engine, "beta", 2)
    target = tmp_path / "snapshotter.prom"
    words = ("status", "--prometheus", str(target), "--max-age", "2h", "--account", "beta")
    done = command(engine, *words, "--json")
    assert_one_line(done, 1, "stale: beta has no complete run")
    assert [each["account_id"] for each in json.loads(done.stdout)["accounts"]] == ["beta"]
    found = samples(target)
    assert found["snapshotter_jobs", "beta"] == 1
    assert ("snapshotter_jobs", "acme") not in found


@sqlite
def test_metrics_of_a_configured_account_that_never_answered(
    engine: Engine, run: Run, tmp_path: Path
) -> None:
    add(engine, "acme", 1)
    (tmp_path / "snapshotter.toml").write_text(
        '[accounts.one]\naccount_id = "acme"\n[accounts.two]\naccount_id = "beta"\n'
    )
    url = str(engine.url)
    for more, expected in (
        ((), {"acme", "beta"}),
        (("--account", "one"), {"acme"}),
    ):
        done = run("status", "--prometheus", "x.prom", "--database", url, *more)
        assert (done.returncode, done.stderr) == (0, "")
        found = samples(tmp_path / "x.prom")
        name = "snapshotter_last_complete_run_timestamp_seconds"
        assert {key[1] for key in found if key[0] == name} == expected
    assert run("status", "--prometheus", "x.prom", "--database", url).stdout == ""


def test_metrics_of_a_database_that_is_gone(run: Run, tmp_path: Path) -> None:
    target = tmp_path / "snapshotter.prom"
    target.write_text("# an older file\n")
    done = run("status", "--prometheus", "snapshotter.prom", "--database", "sqlite:///none.db")
    assert_one_line(done, 1, "no database at 'none.db'")
    assert samples(target)["snapshotter_database_up",] == 0
    assert not list(tmp_path.glob("none.db*"))


@pytest.mark.parametrize(
    ("target", "exit_code", "reason"),
    [
        ("none/x.prom", 2, "there is no folder 'none'"),
        ("x.txt", 2, "node exporter reads only files that end in .prom"),
        ("folder.prom", 2, "it is a folder"),
        ("/proc/x.prom", 1, "cannot write '/proc/x.prom'"),
    ],
)
@sqlite
def test_metrics_that_cannot_be_written(
    engine: Engine, run: Run, tmp_path: Path, target: str, exit_code: int, reason: str
) -> None:
    (tmp_path / "folder.prom").mkdir()
    done = run("status", "--prometheus", target, SNAPSHOTTER_DATABASE_URL=str(engine.url))
    assert_one_line(done, exit_code, reason)
    assert done.stdout == ""


@pytest.mark.parametrize("content", [b"damaged" * 1000, None])
def test_metrics_never_take_the_databases_place(
    run: Run, tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "x.prom"
    if content is not None:
        path.write_bytes(content)
    done = run("status", "--prometheus", "x.prom", "--database", "sqlite:///x.prom")
    assert_one_line(done, 2, "it is the database")
    assert (path.read_bytes() if path.exists() else None) == content
