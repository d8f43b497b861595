"""What a command opens: a client of the API, a database; and how a database is shown."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from snapshotter import logs
from snapshotter.cli.connections import ApiOptions, opened, reading, shown, writing
from snapshotter.errors import DatabaseError, UsageError
from snapshotter.message_mask import Mask
from snapshotter.simulator.account import SimulatedAccount
from snapshotter.sync.account_run import client_of

OPTIONS = ApiOptions(None, 5.0, None, None, None, "mask")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("sqlite:///job_history.db", "sqlite:///job_history.db"),
        ("postgresql://joe:hunter2@h:5/x", "postgresql://joe:***@h:5/x"),
        ("postgresql://joe:hunter2@h/x?sslpassword=hunter3", "postgresql://joe:***@h/x"),
        ("nonsense hunter2", "a database whose URL cannot be read"),
    ],
)
def test_a_database_is_shown_without_its_secrets(url: str, expected: str) -> None:
    assert shown(url) == expected


def test_a_database_is_made_only_by_who_may(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/x.db"
    with pytest.raises(DatabaseError), reading(url):
        pass
    with pytest.raises(DatabaseError), writing(url):
        pass
    with writing(url, may_create=True) as engine, engine.begin() as connection:
        connection.execute(text("delete from jobs"))
    with reading(url) as engine, engine.connect() as connection:
        assert connection.execute(text("select count(*) from jobs")).scalar() == 0


def test_a_database_of_any_schema_can_be_opened(tmp_path: Path) -> None:
    with (
        opened(f"sqlite:///{tmp_path}/x.db", read_only=False) as engine,
        engine.connect() as connection,
    ):
        assert connection.execute(text("select 1")).scalar() == 1


@pytest.fixture
def _environment(
    account: SimulatedAccount, acme: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    account.add_job(id=7)
    for name, value in acme.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(logs, "ABOUT", logs.About())
    monkeypatch.setattr(logs, "_secrets", set())
    monkeypatch.setattr(logs, "_mask", Mask())


@pytest.mark.usefixtures("_environment")
def test_the_account_is_that_of_the_environment(account: SimulatedAccount) -> None:
    (found,) = OPTIONS.accounts()
    service = found.service(OPTIONS.timeout)
    assert (service.account_id, service.timeout) == (account.account_id, 5.0)
    with OPTIONS.run_options() as options, client_of(service, options) as client:
        assert client.job(7) is not None
        assert client.time_left() is None
        assert options.redact.variables({"password": "x"}) == {"password": "***"}
    assert logs.masked(f"the key {account.api_key}") == "the key ***"


@pytest.mark.usefixtures("_environment")
def test_an_account_is_selected_by_its_name(account: SimulatedAccount) -> None:
    named = replace(OPTIONS, account=(account.account_id,))
    assert named.accounts() == OPTIONS.accounts()
    with pytest.raises(UsageError, match="--account: no account 'other'"):
        replace(OPTIONS, account=("other",)).accounts()


@pytest.mark.usefixtures("_environment")
def test_runs_have_the_limits_of_the_options() -> None:
    options = ApiOptions(None, 5.0, 0, 3, timedelta(hours=1), "keep")
    (found,) = options.accounts()
    with options.run_options() as run, client_of(found.service(), run) as client:
        left = client.time_left()
        assert left is not None
        assert 3500 < left <= 3600
        assert run.redact.variables({"password": "x"}) == {"password": "x"}
    with (
        pytest.raises(UsageError, match="--max-requests 2 is too few"),
        ApiOptions(None, 5.0, 0, 2, None, "keep").run_options(),
    ):
        pass
