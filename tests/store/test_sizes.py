"""How long a row the database takes."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from databases import MariaDBServer
from rejecting import reasons
from sqlalchemy import Engine
from syncer import Syncer, history

from snapshotter.simulator.account import SimulatedAccount
from snapshotter.store import revisions
from snapshotter.store.engine import open_engine
from snapshotter.store.rejects import listed
from snapshotter.store.sizes import apply_packet_limit, is_suspect, limit_of, sent

short_packets = pytest.mark.xdist_group("short packets")  # one server for its tests


@pytest.fixture(scope="module")
def own_mariadb(mariadb: MariaDBServer) -> Iterator[MariaDBServer]:  # noqa: ARG001 - or skip
    """Yield a server of this module's own: the limit holds for all of a server's sessions."""
    with MariaDBServer() as server:
        yield server


@contextmanager
def database_with_packets_of(server: MariaDBServer, size: int) -> Iterator[Engine]:
    """Yield a database at head whose statements have at most this number of bytes."""
    server._execute(f"set global max_allowed_packet = {size}")  # noqa: SLF001 - the tests' own
    revisions.upgrade(url := server.create_database())
    engine = open_engine(url)
    yield engine
    engine.dispose()


@short_packets
@pytest.mark.parametrize("large", [1_100_000, 530_000])
def test_a_row_that_is_longer_than_a_packet(
    own_mariadb: MariaDBServer, account: SimulatedAccount, api: str, large: int
) -> None:
    """Also if it is escaping that makes it too long; the record itself is kept in short."""
    with database_with_packets_of(own_mariadb, 1_048_576) as engine:
        syncer = Syncer(engine, account, api)
        history(account, 30)
        bad, fits = sorted(account.jobs)[11:13]
        account.jobs[bad]["errors"] = "'" * large
        account.jobs[fits]["errors"] = "e" * 1_000_000
        outcome = syncer()
        assert (outcome.inserted, outcome.rejected) == (29, 1)
        assert "too long for the database (raise its max_allowed_packet)" in reasons(syncer)[bad]
        (aside,) = listed(syncer.engine)
        kept = json.loads(aside.payload)
        assert kept["id"] == bad
        assert len(aside.payload) < 25_000 or kept == account.jobs[bad]
        account.advance(61)
        assert syncer().rejected == 1


@short_packets
def test_packets_that_are_shorter_than_what_a_driver_joins(
    own_mariadb: MariaDBServer, account: SimulatedAccount, api: str
) -> None:
    with database_with_packets_of(own_mariadb, 65_536) as engine:
        syncer = Syncer(engine, account, api)
        history(account, 300)
        assert syncer().inserted == 300
        syncer.assert_equal_to_the_account()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_database_that_refuses_long_rows_has_no_limit(engine: Engine) -> None:
    assert apply_packet_limit(engine) is None
    with engine.connect() as connection:
        assert limit_of(connection) is None


@pytest.mark.parametrize(
    ("limit", "raw_bytes", "is_it"),
    [(None, 10**9, False), (10_048, 2_000, False), (10_048, 2_001, True)],
)
def test_a_record_is_suspect_from_a_quarter_of_the_limit(
    limit: int | None,
    raw_bytes: int,
    is_it: bool,  # noqa: FBT001
) -> None:
    assert is_suspect(limit, raw_bytes) is is_it


@pytest.mark.parametrize(
    ("values", "size"),
    [
        ([], 0),
        ([None, 7, 0.5], 72),
        (["abc"], 27),
        (["\N{PACKAGE}"], 28),
        (["it's\n"], 31),
        (["\ud800"], 27),
    ],
)
def test_what_a_row_takes_in_a_statement(values: list[object], size: int) -> None:
    assert sent(values) == size
