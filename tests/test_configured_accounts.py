"""Which accounts are read: those of the configuration file, and the environment's."""

from pathlib import Path

import pytest

from snapshotter import logs
from snapshotter.configuration import Configuration
from snapshotter.configured_accounts import Account, accounts
from snapshotter.errors import UsageError
from snapshotter.settings import DEFAULT_API_URL, Key, Service

GOOD = {"XPLENTY_ACCOUNT_ID": "acme", "XPLENTY_API_KEY": "s3cr3t"}
NONE = Configuration()


def of(**tables: dict[str, str]) -> Configuration:
    """Return a configuration with these accounts."""
    each = {name: {"account_id": name, **table} for name, table in tables.items()}
    return Configuration(Path("a.toml"), accounts=each)


TWO = of(
    acme={"api_key": "key-of-acme"},
    globex={"account_id": "globex-eu", "api_key_env": "GLOBEX_KEY"},
)


def names(found: list[Account]) -> list[str]:
    return [each.name for each in found]


def key_of(account: Account) -> str:
    return account.service().key.secret


def test_without_a_file_it_is_the_account_of_the_environment() -> None:
    (found,) = accounts(GOOD, NONE)
    assert (found.name, found.account_id, found.api_url) == ("acme", "acme", DEFAULT_API_URL)
    assert found.service(7) == Service("acme", Key("s3cr3t"), DEFAULT_API_URL, 7)
    assert accounts(GOOD, NONE, ["acme", "acme"]) == [found]
    with pytest.raises(UsageError, match="no account: set XPLENTY_ACCOUNT_ID"):
        accounts({"XPLENTY_API_KEY": "s3cr3t"}, NONE)
    with pytest.raises(UsageError, match="timeout must be a finite number"):
        found.service(float("nan"))


def test_all_accounts_of_the_file_with_their_keys() -> None:
    found = accounts({"GLOBEX_KEY": "key-of-globex"}, TWO)
    assert names(found) == ["acme", "globex"]
    assert [each.account_id for each in found] == ["acme", "globex-eu"]
    assert [key_of(each) for each in found] == ["key-of-acme", "key-of-globex"]
    assert found[0].service().key.source == "a.toml: accounts.acme.api_key"
    assert "key-of" not in repr(found)


def test_the_environment_selects_by_the_name_too() -> None:
    """Else the name would be taken for the id of another account."""
    of_environment = {"XPLENTY_ACCOUNT_ID": "globex", "GLOBEX_KEY": "key-of-globex"}
    for named in ((), ["globex"], ["globex-eu"]):
        (found,) = accounts(of_environment, TWO, named)
        assert (found.account_id, key_of(found)) == ("globex-eu", "key-of-globex")
    (found,) = accounts({**of_environment, "XPLENTY_API_KEY": "s3cr3t"}, TWO)
    assert key_of(found) == "s3cr3t"


def test_a_key_that_was_read_is_masked() -> None:
    (found,) = accounts({}, of(acme={"api_key": "hunter-of-acme"}))
    assert found.service().key.secret == "hunter-of-acme"
    assert logs.masked("a hunter-of-acme") == "a ***"


def test_one_account_without_its_key_does_not_stop_the_others() -> None:
    acme, globex = accounts({}, TWO)
    assert key_of(acme) == "key-of-acme"
    with pytest.raises(UsageError, match=r"a.toml: accounts.globex.api_key_env: the variable G"):
        globex.service()


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (["globex"], ["globex"]),
        (["globex-eu"], ["globex"]),
        (["globex", "acme", "globex-eu"], ["globex", "acme"]),
    ],
)
def test_accounts_by_name_or_id(asked: list[str], expected: list[str]) -> None:
    assert names(accounts({}, TWO, asked)) == expected


@pytest.mark.parametrize(
    ("asked", "configuration", "expected"),
    [
        ("acmee", TWO, "--account: no account 'acmee' in a.toml; did you mean 'acme'?"),
        ("zzz", TWO, "no account 'zzz' in a.toml; known are acme, globex, globex-eu"),
        ("zzz", NONE, "no account 'zzz' is configured; set XPLENTY_ACCOUNT_ID"),
    ],
)
def test_an_unknown_account(asked: str, configuration: Configuration, expected: str) -> None:
    with pytest.raises(UsageError, match=expected.replace("?", r"\?")):
        accounts({}, configuration, [asked])


def test_the_environment_selects_one_account() -> None:
    """Its key is the environment's; without one, that of the file."""
    assert names(accounts({"XPLENTY_ACCOUNT_ID": "globex-eu"}, TWO)) == ["globex"]
    (found,) = accounts({"XPLENTY_ACCOUNT_ID": "acme"}, TWO)
    assert key_of(found) == "key-of-acme"
    (found,) = accounts(GOOD, TWO)
    assert key_of(found) == "s3cr3t"
    (found,) = accounts({**GOOD, "XPLENTY_ACCOUNT_ID": "other"}, TWO)
    assert (found.name, key_of(found)) == ("other", "s3cr3t")
    acme, globex = accounts(GOOD, TWO, ["acme", "globex"])
    assert key_of(acme) == "s3cr3t"
    with pytest.raises(UsageError, match="GLOBEX_KEY"):
        globex.service()


def test_the_only_account_may_leave_its_key_to_the_environment() -> None:
    key = {"XPLENTY_API_KEY": "s3cr3t"}
    (found,) = accounts(key, of(acme={}))
    assert key_of(found) == "s3cr3t"
    (found,) = accounts(key, of(acme={"api_key": "own"}))
    assert key_of(found) == "own"
    for found in accounts(key, of(acme={}, globex={})):
        with pytest.raises(UsageError, match=r"no source of the API key; add one of api_key_env, "):
            found.service()


def test_the_variable_of_the_key_as_a_source() -> None:
    found = accounts({"XPLENTY_API_KEY": "s3cr3t"}, of(a={"api_key_env": "XPLENTY_API_KEY"}, b={}))
    assert key_of(found[0]) == "s3cr3t"


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.write_text("of-the-file")
    path.chmod(0o600)
    return path


def test_a_key_file_by_a_flag_is_for_one_account(key_file: Path) -> None:
    (found,) = accounts(GOOD, TWO, ["acme"], key_file)
    assert key_of(found) == "of-the-file"
    with pytest.raises(UsageError, match="--api-key-file is for one account, and there are 2"):
        accounts({}, TWO, key_file=key_file)


def test_a_key_file_for_every_account_without_a_source(key_file: Path) -> None:
    two = of(acme={"api_key": "key-of-acme"}, globex={})
    shared = Configuration(two.path, accounts=two.accounts, key_file=key_file)
    assert [key_of(each) for each in accounts({}, shared)] == ["key-of-acme", "of-the-file"]
    alone = Configuration(Path("a.toml"), key_file=key_file)
    (found,) = accounts({"XPLENTY_ACCOUNT_ID": "acme"}, alone)
    assert (key_of(found), found.service().key.source) == (
        "of-the-file",
        f"a.toml: api_key_file '{key_file}'",
    )
    (found,) = accounts(GOOD, alone)
    assert key_of(found) == "s3cr3t"


def test_the_service_of_an_account() -> None:
    """The environment's, the account's own, the file's, the default: the first that is set."""
    own = of(acme={"api_key": "k", "api_url": "https://own.example"})
    assert accounts({}, own)[0].api_url == "https://own.example"
    variable = {"XPLENTY_API_URL": "https://env.example/"}
    assert accounts(variable, own)[0].api_url == "https://env.example"
    shared = Configuration(options={"api_url": "https://file.example"}, accounts=TWO.accounts)
    assert accounts({}, shared)[0].api_url == "https://file.example"
    assert accounts({}, TWO)[0].api_url == DEFAULT_API_URL


def test_an_id_at_two_services_must_be_named() -> None:
    twice = of(eu={"account_id": "x", "api_url": "https://eu.example"}, us={"account_id": "x"})
    assert names(accounts({}, twice, ["eu", "us"])) == ["eu", "us"]
    for environment, asked in (({"XPLENTY_ACCOUNT_ID": "x"}, []), ({}, ["x"])):
        with pytest.raises(UsageError, match="several accounts have this id; name one of eu, us"):
            accounts(environment, twice, asked)
