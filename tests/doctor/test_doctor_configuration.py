"""The configuration, as `doctor` reports it: the file, the secrets' settings, the accounts."""

from dataclasses import replace
from pathlib import Path

import pytest
from examined import examined, lines

from snapshotter.configuration import Configuration, read

TWO = """
[accounts.acme]
api_key = "s3cr3t-of-acme"
[accounts.beta]
account_id = "beta-inc"
api_key_env = "BETA_KEY"
"""


@pytest.fixture
def two(tmp_path: Path) -> Configuration:
    path = tmp_path / "snapshotter.toml"
    path.write_text(TWO)
    path.chmod(0o600)
    return read(path)


def test_no_file() -> None:
    searched = (Path("/x/snapshotter.toml"), Path("/y/snapshotter.toml"))
    found = examined({}, configuration=Configuration(searched=searched))
    (line,) = lines(found, "configuration")
    assert line == (
        "ok: no file (looked for '/x/snapshotter.toml' and '/y/snapshotter.toml'); flags and "
        "variables set everything; "
    )


def test_a_file(two: Configuration) -> None:
    found = examined({}, configuration=two)
    assert lines(found, "configuration") == [f"ok: read from '{two.path}', 2 accounts; "]
    assert lines(found, "accounts") == ["ok: acme, beta; "]


def test_one_account_that_a_variable_selects(two: Configuration) -> None:
    found = examined({"XPLENTY_ACCOUNT_ID": "acme"}, configuration=two)
    warning, chosen = lines(found, "accounts")
    assert warning == (
        "warning: XPLENTY_ACCOUNT_ID selects acme alone, while the file has 2; "
        "unset it to read them all"
    )
    assert chosen == "ok: acme; "


def test_a_file_that_cannot_be_used() -> None:
    problems = ("x.toml: unknown setting 'databse'", "x.toml: sync.overlap: expected a number")
    found = examined({}, find_problems=lambda: problems)
    assert lines(found, "configuration") == [f"FAILED: {each}; " for each in problems]
    assert lines(found, "accounts") == ["skipped: none is known; see what failed above; "]
    assert "temporary files" in found  # and all others have run


def test_each_account_is_checked_on_its_own(two: Configuration) -> None:
    found = examined({}, configuration=two)
    acme, beta = found["key"]
    assert (acme.account, acme.status) == ("acme", "ok")
    assert (beta.account, beta.status) == ("beta", "FAILED")
    assert "BETA_KEY" in beta.found
    assert "s3cr3t" not in str(found)
    assert len(found["network"]) == 1  # both have the same service


def test_only_the_accounts_that_are_named(two: Configuration) -> None:
    found = examined({}, configuration=two, names=("beta-inc",))
    assert [each.account for each in found["key"]] == ["beta"]
    found = examined({}, configuration=two, names=("bete",))
    assert lines(found, "accounts")[0].startswith("FAILED: --account: no account 'bete'")
    assert "did you mean 'beta'?" in lines(found, "accounts")[0]


def test_two_accounts_of_one_id(two: Configuration) -> None:
    same = {name: {**table, "account_id": "acme"} for name, table in two.accounts.items()}
    found = examined({}, configuration=replace(two, accounts=same))
    assert lines(found, "accounts")[0].startswith("FAILED: accounts acme and beta have the same id")
    assert len(found["key"]) == 2  # each may be right by itself


def test_a_newcomer_is_shown_how_to_begin() -> None:
    found = examined({})
    (line,) = lines(found, "accounts")
    assert line.startswith("FAILED: no account: set XPLENTY_ACCOUNT_ID")
    assert "to begin, try 'snapshotter demo'" in line
    assert "key" not in found


def test_a_url_of_the_api_that_is_wrong() -> None:
    found = examined({"XPLENTY_API_URL": "http://api.example", "XPLENTY_ACCOUNT_ID": "acme"})
    assert lines(found, "accounts")[0].startswith("FAILED: XPLENTY_API_URL: plain http would send")


def test_the_settings_of_secrets() -> None:
    given = {"SNAPSHOTTER_SECRET_NAMES": "iban"}
    assert lines(examined(given), "secrets") == ["ok: --variables mask, 1 more fragment; "]
    (line,) = lines(examined({}, variables="hash"), "secrets")
    assert line.startswith("FAILED: --variables hash: no key for the hashes")
