"""`snapshotter status` as a user runs it."""

import json

import pytest
from accounts import add
from command import Done, run
from sqlalchemy import Engine

sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def command(engine: Engine, *words: str) -> Done:
    url = engine.url.render_as_string(hide_password=False)
    return run(words, env={"SNAPSHOTTER_DATABASE_URL": url})


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
