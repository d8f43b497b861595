"""What a command opens: a client of the API, a database; and how a database is shown."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from snapshotter import logs
from snapshotter.cli.connections import ApiOptions, opened, reading, shown, writing
from snapshotter.errors import DatabaseError, UsageError
from snapshotter.message_mask import Mask
from snapshotter.simulator.account import SimulatedAccount

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
def test_a_connection_asks_the_account_of_the_environment(account: SimulatedAccount) -> None:
    with OPTIONS.connect() as connection:
        assert connection.service.account_id == account.account_id
        assert connection.client.job(7) is not None
        assert connection.client.time_left() is None
        assert connection.redact.variables({"password": "x"}) == {"password": "***"}
    assert logs.masked(f"the key {account.api_key}") == "the key ***"


@pytest.mark.usefixtures("_environment")
def test_a_connection_has_the_limits_of_the_options() -> None:
    options = ApiOptions(None, 5.0, 0, 3, timedelta(hours=1), "keep")
    with options.connect() as connection:
        left = connection.client.time_left()
        assert left is not None
        assert 3500 < left <= 3600
        assert connection.redact.variables({"password": "x"}) == {"password": "x"}
    with (
        pytest.raises(UsageError, match="--max-requests 2 is too few"),
        ApiOptions(None, 5.0, 0, 2, None, "keep").connect(),
    ):
        pass
