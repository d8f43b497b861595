"""The metrics of `status --prometheus`, read by the parser of Prometheus' own client."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from snapshotter import __version__
from snapshotter.errors import UsageError
from snapshotter.sync import metrics
from snapshotter.sync.status import Freshness

README = (Path(__file__).parent.parent.parent / "README.md").read_text()
NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
RUN = {
    "id": 7,
    "kind": "incremental",
    "status": "completed",
    "started_at": NOW,
    "finished_at": NOW + timedelta(seconds=20),
    "jobs_seen": 12,
    "jobs_inserted": 6,
    "jobs_changed": 5,
    "jobs_rejected": 1,
    "requests": 3,
    "credits_spent": 2,
    "credits_remaining": 4998,
    "error": None,
}

Series = dict[tuple[str, ...], float]


def account(name: str = "acme", **changes: Any) -> Freshness:
    known: dict[str, Any] = {
        "account_id": name,
        "fresh_at": NOW,
        "watermark": NOW - timedelta(seconds=1),
        "jobs": 100,
        "open_jobs": 3,
        "rejected": 1,
        "listing": None,
        "runs": [RUN],
    }
    return Freshness(**(known | changes))


def series(text: str) -> Series:
    """Return the value of each series: its name without the prefix, then its labels' values."""
    return {
        (sample.name.removeprefix("snapshotter_"), *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_all_series_of_an_account() -> None:
    assert series(metrics.rendered([account(failed_in_a_row=2)], "0008")) == {
        ("build_info", __version__): 1,
        ("database_up",): 1,
        ("schema_info", "0008"): 1,
        ("last_complete_run_timestamp_seconds", "acme"): NOW.timestamp(),
        ("watermark_timestamp_seconds", "acme"): NOW.timestamp() - 1,
        ("jobs", "acme"): 100,
        ("open_jobs", "acme"): 3,
        ("rejected_records", "acme"): 1,
        ("listing_in_progress", "acme"): 0,
        ("failed_runs_in_a_row", "acme"): 2,
        ("last_run_timestamp_seconds", "acme"): NOW.timestamp(),
        ("last_run_duration_seconds", "acme"): 20,
        ("last_run_jobs_seen", "acme"): 12,
        ("last_run_jobs_new", "acme"): 6,
        ("last_run_jobs_changed", "acme"): 5,
        ("last_run_jobs_rejected", "acme"): 1,
        ("last_run_requests", "acme"): 3,
        ("last_run_credits_spent", "acme"): 2,
        ("last_run_credits_remaining", "acme"): 4998,
        ("last_run_status", "acme", "completed"): 1,
        ("last_run_status", "acme", "failed"): 0,
        ("last_run_status", "acme", "partial"): 0,
    }


def test_each_metric_has_its_help_and_type_and_a_name_by_the_conventions() -> None:
    text = metrics.rendered([account()], "0008")
    for family in text_string_to_metric_families(text):
        assert family.name.startswith("snapshotter_")
        assert not family.name.endswith(("_total", "_count", "_sum", "_bucket"))
        assert family.documentation.endswith(".")
        assert family.type == "gauge"


def test_the_readme_has_each_metric() -> None:
    for family in text_string_to_metric_families(metrics.rendered([account()], "0008")):
        assert f"`{family.name}`" in README, family.name


def test_an_account_without_a_complete_run_is_infinitely_old() -> None:
    never = account(fresh_at=None, watermark=None, runs=[])
    found = series(metrics.rendered([never], "0008"))
    assert found["last_complete_run_timestamp_seconds", "acme"] == 0
    assert found["watermark_timestamp_seconds", "acme"] == 0
    assert not [key for key in found if key[0].startswith("last_run_")]


def test_a_run_under_way_does_not_hide_the_one_before() -> None:
    under_way = RUN | {"status": "running", "finished_at": None}
    killed = RUN | {"status": "failed", "finished_at": None, "credits_spent": None}
    found = series(metrics.rendered([account(runs=[under_way, killed, RUN])], "0008"))
    assert found["last_run_status", "acme", "failed"] == 1
    assert found["last_run_status", "acme", "completed"] == 0
    assert ("last_run_duration_seconds", "acme") not in found
    assert ("last_run_credits_spent", "acme") not in found


def test_a_listing_under_way() -> None:
    found = series(metrics.rendered([account(listing=(0, None))], "0008"))
    assert found["listing_in_progress", "acme"] == 1


def test_hostile_names_stay_label_values() -> None:
    name = 'a"} 1\nsnapshotter_jobs{account="b\\'
    text = metrics.rendered([account(name)], "0008")
    found = series(text)
    assert {key[1] for key in found if key[0] == "jobs"} == {name.replace("\n", "\\n")}


def test_as_many_lines_whatever_the_number_of_jobs() -> None:
    few, many = (metrics.rendered([account(jobs=n)], "0008") for n in (1, 10**6))
    assert few.count("\n") == many.count("\n")


def test_a_database_that_cannot_be_read_has_no_accounts() -> None:
    assert series(metrics.rendered(None, None)) == {
        ("build_info", __version__): 1,
        ("database_up",): 0,
    }


def test_a_file_that_the_collector_can_read(tmp_path: Path) -> None:
    target = tmp_path / "x.prom"
    metrics.write(target, [account()], "0008")
    assert target.stat().st_mode & 0o777 == 0o644
    target.chmod(0o640)
    metrics.write(target, None)
    assert target.stat().st_mode & 0o777 == 0o640
    assert series(target.read_text())["database_up",] == 0
    assert [path.name for path in tmp_path.iterdir()] == ["x.prom"]


@pytest.mark.parametrize("name", ["x.txt", "x.prom.txt", "prom", "x.PROM"])
def test_a_name_that_the_collector_passes_over(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match=r"reads only files that end in \.prom"):
        metrics.write(tmp_path / name, [account()])
    assert not list(tmp_path.iterdir())
