"""What to do next, after `status`, `rejects` and `verify`."""

from datetime import UTC, datetime
from typing import Any

import click
import pytest
from command_line import Run

from snapshotter.cli.next_step import after_rejects, after_status, after_verify
from snapshotter.configuration import Configuration
from snapshotter.simulator.account import SimulatedAccount
from snapshotter.simulator.faults import GARBLED
from snapshotter.sync.status import Freshness
from snapshotter.sync.verify import Comparison

NOW = datetime(2026, 1, 5, tzinfo=UTC)
SYNC, REJECTS = "snapshotter sync", "snapshotter rejects"


def account(name: str = "acme", **known: Any) -> Freshness:
    fresh: dict[str, Any] = {
        "fresh_at": NOW, "watermark": NOW, "jobs": 1, "open_jobs": 0, "rejected": 0,
        "listing": None, "runs": [{"status": "completed"}],
    }  # fmt: skip
    return Freshness(name, **{**fresh, **known})


@pytest.mark.parametrize(
    ("known", "step"),
    [
        ({}, "nothing to do"),
        ({"open_jobs": 5}, "nothing to do"),
        ({"rejected": 2}, REJECTS),
        ({"listing": (100, None), "rejected": 2}, SYNC),
        ({"fresh_at": None}, SYNC),
        ({"runs": [{"status": "failed"}]}, SYNC),
        ({"runs": [{"status": "partial"}]}, "nothing to do"),
    ],
)
def test_after_status(known: dict[str, Any], step: str) -> None:
    one = account(**known)
    assert after_status([one], [one]) == step


def test_of_several_accounts_the_one_to_sync_is_named() -> None:
    beta = account("b'eta", fresh_at=None)
    assert after_status([beta], [account(), beta]) == f"XPLENTY_ACCOUNT_ID='b'\"'\"'eta' {SYNC}"


def test_a_configured_account_is_named_as_in_the_file() -> None:
    """The file is named, too, if a flag named it."""
    with click.Context(click.Command("status")) as context:
        tables = {"main": {"account_id": "acme"}, "b": {"account_id": "beta"}}
        context.meta["snapshotter.configuration"] = Configuration(accounts=tables)
        beta = account("beta", fresh_at=None)
        assert after_status([beta], [account(), beta]) == f"{SYNC} --account b"
        context.meta["snapshotter.words"] = ["status", "--config", "own.toml"]
        assert after_status([beta], [account(), beta]) == f"{SYNC} --account b --config own.toml"


def test_after_rejects() -> None:
    assert after_rejects().startswith("snapshotter rejects --retry (")


@pytest.mark.parametrize(
    ("found", "is_repaired", "step"),
    [
        (Comparison(), False, "nothing to do"),
        (Comparison(newer={1}), False, SYNC),
        (Comparison(set_aside=[1], newer={1}), False, REJECTS),
        (Comparison(missing={1}, set_aside=[1]), False, "snapshotter verify --repair"),
        (Comparison(missing={1}), True, "nothing to do"),
        (Comparison(gone={1}, unrepaired="why"), True, f"{SYNC} in an hour, which confirms"),
    ],
)
def test_after_verify(found: Comparison, is_repaired: bool, step: str) -> None:  # noqa: FBT001 - a case
    assert after_verify(found, is_repaired=is_repaired).startswith(step)


def test_each_command_ends_with_the_next_step(
    run: Run, acme: dict[str, str], account: SimulatedAccount
) -> None:
    account.add_job(owner_id=GARBLED)
    assert run("sync", **acme).returncode == 65
    named = ("--database", "sqlite:///job_history.db")
    for words, step in (
        (("status",), REJECTS),
        (("status", *named), f"{REJECTS} --database sqlite:///job_history.db"),
        (("rejects",), "snapshotter rejects --retry (each sync also tries some of them again)"),
        (("verify",), REJECTS),
    ):
        assert run(*words, **acme).stdout.splitlines()[-1] == f"next: {step}", words
    assert run("status", "--json").stdout.endswith("}\n")
