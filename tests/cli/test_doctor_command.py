"""`snapshotter doctor` as a user runs it."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from command import Done, run_fresh
from command_line import Run, assert_one_line
from examined import found, lines
from middlemen import certificate, tls

from snapshotter.api import certificates
from snapshotter.simulator.account import SimulatedAccount
from snapshotter.simulator.server import serve


@pytest.fixture
def account() -> SimulatedAccount:
    return SimulatedAccount(now=datetime.now(UTC))


def states(done: Done) -> dict[str, set[str]]:
    """Return the names of the checks by their status."""
    names: dict[str, set[str]] = {}
    for name, checks in found(done).items():
        for each in checks:
            names.setdefault(each.status, set()).add(name)
    return names


def test_before_and_after_the_first_sync(
    run: Run, acme: dict[str, str], account: SimulatedAccount, tmp_path: Path
) -> None:
    account.add_job(id=7)
    done = run("doctor", **acme)
    assert (done.returncode, done.stderr) == (0, "")
    *printed, last = done.stdout.splitlines()
    assert last == "nothing failed, 1 warning"
    (warning,) = (line for line in printed if line.startswith("warning"))
    assert warning == (
        f"warning  database: no file '{tmp_path}/job_history.db' yet; 'snapshotter sync' creates "
        "it; if there is one elsewhere, correct --database"
    )
    assert not list(tmp_path.iterdir())
    assert account.requests == [("/acme/api/rate_limit_status", "")]
    assert run("sync", **acme).returncode == 0
    before = {path: (path.read_bytes(), path.stat()) for path in tmp_path.iterdir()}
    done = run("doctor", **acme)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == "nothing failed, 0 warnings"
    assert {path: (path.read_bytes(), path.stat()) for path in tmp_path.iterdir()} == before


def test_a_newcomer(run: Run, tmp_path: Path) -> None:
    done = run("doctor", XPLENTY_API_URL="http://127.0.0.1:1")
    assert_one_line(done, 1, "2 checks failed (accounts, network), 1 warning")
    assert "FAILED   accounts: no account: set XPLENTY_ACCOUNT_ID" in done.stdout
    assert "to begin, try 'snapshotter demo'" in done.stdout
    assert not list(tmp_path.iterdir())


def test_json(run: Run, acme: dict[str, str]) -> None:
    done = run("doctor", "--json", **acme)
    assert done.returncode == 0
    checks = json.loads(done.stdout)["checks"]
    assert all(set(each) == {"name", "account", "status", "found", "advice"} for each in checks)
    assert states(done)["warning"] == {"database"}
    assert "FAILED" not in states(done)


def test_old_data_is_a_failure(run: Run, acme: dict[str, str]) -> None:
    assert run("sync", **acme).returncode == 0
    done = run("doctor", "--json", "--max-age", "0.000001s", **acme)
    assert_one_line(done, 1, "1 check failed (freshness)")
    assert states(done)["FAILED"] == {"freshness"}


def test_each_of_several_accounts(
    run: Run, acme: dict[str, str], account: SimulatedAccount, api: str, tmp_path: Path
) -> None:
    del acme
    (tmp_path / "snapshotter.toml").write_text(
        f'api_url = "{api}"\n[accounts.one]\naccount_id = "acme"\napi_key_env = "KEY_OF_ONE"\n'
        '[accounts.two]\napi_key_file = "none.key"\n'
        '[accounts.three]\naccount_id = "acmee"\napi_key_env = "KEY_OF_ONE"\n'
    )
    done = run("doctor", "--json", KEY_OF_ONE=account.api_key)
    assert done.returncode == 1
    assert {(each.account, each.status) for each in found(done)["key"]} == {
        ("one", "ok"),
        ("two", "FAILED"),
        ("three", "ok"),
    }
    assert {(each.account, each.status) for each in found(done)["api"]} == {
        ("one", "ok"),
        ("two", "skipped"),
        ("three", "FAILED"),
    }
    done = run("doctor", "--json", "--account", "one", KEY_OF_ONE=account.api_key)
    assert done.returncode == 0
    assert [each.account for each in found(done)["key"]] == ["one"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("database = ", "is not valid TOML"),
        ('databse = "x"\n', "unknown setting 'databse'"),
        ("[sync]\nreserve_credits = []\n", "sync.reserve_credits"),
        ('[sync]\nreserve_credits = "many"\n', "sync.reserve_credits"),
        ("[trends]\nlast = true\n", "trends.last"),
    ],
)
def test_a_configuration_file_that_cannot_be_used(
    run: Run, acme: dict[str, str], tmp_path: Path, text: str, words: str
) -> None:
    (tmp_path / "snapshotter.toml").write_text(text)
    done = run("doctor", "--json", **acme)
    assert_one_line(done, 1, "1 check failed (configuration)")
    (line,) = lines(found(done), "configuration")
    assert line.startswith("FAILED: ")
    assert words in line
    assert states(done)["ok"] >= {"api", "clock", "credits"}


def test_a_key_file_that_others_can_read(
    run: Run, acme: dict[str, str], account: SimulatedAccount, tmp_path: Path
) -> None:
    path = tmp_path / "key"
    path.write_text(account.api_key)
    path.chmod(0o644)
    done = run("doctor", "--json", "--api-key-file", "key", **acme)
    assert (done.returncode, done.stderr) == (0, "")
    (line, *_) = lines(found(done), "files")
    assert line == (
        "warning: the key file 'key' can be read by others (mode 0644); if that is not meant: "
        "chmod 600 key"
    )


def test_a_variable_that_means_nothing(run: Run, acme: dict[str, str]) -> None:
    done = run("doctor", "--json", SNAPSHOTTER_DATABSE="x", **acme)
    assert_one_line(done, 1, "1 check failed (configuration)")
    (line,) = lines(found(done), "configuration")
    assert "the variable SNAPSHOTTER_DATABSE means nothing; did you mean" in line


def test_what_the_file_sets_for_sync_is_checked(
    run: Run, acme: dict[str, str], tmp_path: Path
) -> None:
    path = tmp_path / "snapshotter.toml"
    path.write_text('[sync]\ndatabase = "sqlite:///of_sync.db"\nreserve_credits = 5000\n')
    done = run("doctor", "--json", **acme)
    assert_one_line(done, 1, "1 check failed (credits)")
    assert "--reserve-credits 5000 leaves nothing" in lines(found(done), "credits")[0]
    assert f"no file '{tmp_path}/of_sync.db' yet" in lines(found(done), "database")[0]
    own = ("--database", "sqlite:///own.db", "--reserve-credits", "7")
    done = run("doctor", "--json", *own, **acme)
    assert done.returncode == 0
    assert "7 to be kept" in lines(found(done), "credits")[0]
    assert f"no file '{tmp_path}/own.db' yet" in lines(found(done), "database")[0]


@pytest.fixture
def https(account: SimulatedAccount, tmp_path: Path) -> Iterator[dict[str, str]]:
    """Yield the variables that name the account at a server with TLS."""
    folder = tmp_path / "tls"
    folder.mkdir()
    path = certificate(folder)
    with serve(account) as url, tls(url, path) as secure:
        yield {
            "XPLENTY_ACCOUNT_ID": account.account_id,
            "XPLENTY_API_KEY": account.api_key,
            "XPLENTY_API_URL": secure,
            **dict.fromkeys(certificates.FILES, ""),
            "SSL_CERT_FILE": str(path),
        }


def test_the_whole_way_over_tls(run: Run, https: dict[str, str]) -> None:
    done = run("doctor", "--json", **https)
    assert done.returncode == 0, done.stdout
    assert states(done)["ok"] >= {"proxy", "network", "certificate", "api", "clock"}
    done = run("doctor", "--json", **{**https, "SSL_CERT_FILE": ""})
    assert_one_line(done, 1, "1 check failed (certificate)")
    assert states(done)["skipped"] >= {"api", "clock", "credits"}


def test_no_secret_is_printed(run: Run, acme: dict[str, str]) -> None:
    secrets = {
        "XPLENTY_API_KEY": "k3y-of-nobody",
        "HTTPS_PROXY": "http://joe:Pr0xy55@127.0.0.1:1",
        "SNAPSHOTTER_DATABASE_URL": "postgresql://joe:hunter2@127.0.0.1:1/x?sslpassword=hunter3",
    }
    for words in ([], ["--json"], ["-vv"]):
        done = run("doctor", *words, **{**acme, **secrets})
        assert done.returncode == 1
        for secret in ("k3y-of-nobody", "Pr0xy55", "hunter2", "hunter3"):
            assert secret not in done.stdout + done.stderr


def test_without_a_home_and_without_standard_output(acme: dict[str, str], tmp_path: Path) -> None:
    """The exit code is the answer, whether or not anybody reads the lines."""
    env = {**acme, "HOME": "/nonexistent"}
    done = run_fresh(["doctor"], env=env, cwd=tmp_path, before=["sh", "-c", 'exec "$@" >&-', "sh"])
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
