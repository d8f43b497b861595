"""A value of a wrong type costs no job: its column is null, and it stays under its own name."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from samples import job

from snapshotter.api import records
from snapshotter.api.records import Record, Reject
from snapshotter.flatten import JobRows, flatten
from snapshotter.redact import Redaction


def read(document: Any) -> Record:
    return records.read(json.dumps(document).encode())


def rows(document: Any) -> JobRows:
    return flatten(read(document), Redaction())


BIG = 2**63
AT = datetime(2013, 1, 17, 20, 41, 21, tzinfo=UTC)
MISFITS = [  # what comes, the column, what of it is kept in extra, the misfit
    ({"owner_id": "x"}, None, "owner_id: a text"),
    ({"owner_id": 17.5}, None, "owner_id: 17.5"),
    ({"owner_id": True}, None, "owner_id: true"),
    ({"owner_id": [1]}, None, "owner_id: an array"),
    ({"owner_id": {"id": 1}}, None, "owner_id: an object"),
    ({"owner_id": "007"}, None, "owner_id: a text"),
    ({"owner_id": ""}, None, "owner_id: a text"),
    ({"runtime_in_seconds": BIG}, None, f"runtime_in_seconds: {BIG}"),
    ({"runtime_in_seconds": -BIG - 1}, None, f"runtime_in_seconds: {-BIG - 1}"),
    ({"outputs_count": 2**90}, None, f"outputs_count: {2**90}"),
    ({"attempts": 1e300}, None, "attempts: 1e+300"),
    ({"status": 3}, None, "status: 3"),
    ({"status": "x" * 256}, None, "status: a text"),
    ({"errors": {"message": "m"}}, None, "errors: an object"),
    ({"errors": ["a", None]}, None, "errors: an array"),
    ({"url": 5}, None, "url: 5"),
    ({"progress": 50.0}, None, "progress: 50.0"),
    ({"progress": -0.1}, None, "progress: -0.1"),
    ({"progress": "half"}, None, "progress: a text"),
    ({"progress": True}, None, "progress: true"),
    ({"progress": 1.0000001}, 1.0, "progress: 1.0000001"),
    ({"progress": -1e-9}, 0.0, "progress: -1e-09"),
    ({"created_at": "2026-01-02T03:04:05"}, None, "created_at: a text"),
    ({"created_at": "yesterday"}, None, "created_at: a text"),
    ({"created_at": ""}, None, "created_at: a text"),
    ({"created_at": "0000-00-00"}, None, "created_at: a text"),
    ({"created_at": "0000-00-00T00:00:00Z"}, None, "created_at: a text"),
    ({"created_at": 1767323045}, None, "created_at: 1767323045"),
    ({"created_at": "2026-01-02T03:04:60Z"}, None, "created_at: a text"),
    ({"updated_at": "9999-12-31T23:59:59-05:00"}, None, "updated_at: a text"),
    ({"started_at": False}, None, "started_at: false"),
    ({"variables": "a=b"}, None, "variables: a text"),
    ({"outputs": {}}, None, "outputs: an object"),
    ({"outputs": "none"}, None, "outputs: a text"),
]


@pytest.mark.parametrize(("fields", "column", "misfit"), MISFITS, ids=lambda value: str(value)[:40])
def test_what_does_not_fit_is_kept_in_extra(
    fields: dict[str, Any], column: Any, misfit: str
) -> None:
    ((name, value),) = fields.items()
    found, plain = rows(job(**fields)), rows(job(**{name: None}))
    assert found.job.get(name) == column
    assert found.job["extra"] == {name: "***" if name == "variables" else value}
    assert read(job(**fields)).misfit_kinds == (misfit,)
    worked_out = {name, "extra"}
    assert {k: v for k, v in found.job.items() if k not in worked_out} == {
        k: v for k, v in plain.job.items() if k not in worked_out
    }
    assert (found.outputs, found.fields) == (plain.outputs, plain.fields)


SAME = [
    ({"owner_id": "17"}, {"owner_id": 17}),
    ({"owner_id": "-17"}, {"owner_id": -17}),
    ({"owner_id": 17.0}, {"owner_id": 17}),
    ({"runtime_in_seconds": 1e18}, {"runtime_in_seconds": 10**18}),
    ({"progress": "0.5"}, {"progress": 0.5}),
    ({"progress": -0.0}, {"progress": 0.0}),
    ({"created_at": "2013-01-17T22:41:21+02:00"}, {"created_at": "2013-01-17T20:41:21Z"}),
    ({"created_at": "2013-01-17 20:41:21 UTC"}, {"created_at": "2013-01-17T20:41:21Z"}),
    ({"created_at": "2013-01-17T20:41:21+0000"}, {"created_at": "2013-01-17T20:41:21Z"}),
    ({"created_at": "20130117T204121Z"}, {"created_at": "2013-01-17T20:41:21Z"}),
    ({"variables": [], "package": []}, {"variables": {}, "package": {}}),
    ({"cluster": {"nodes": "2"}}, {"cluster": {"nodes": 2}}),
    ({"outputs": [{"id": "70"}]}, {"outputs": [{"id": 70}]}),
    (
        {"outputs": [{"id": 70, "records_count": 9.0}]},
        {"outputs": [{"id": 70, "records_count": 9}]},
    ),
]


@pytest.mark.parametrize(("fields", "plain"), SAME)
def test_what_can_be_converted_without_a_loss_is(
    fields: dict[str, Any], plain: dict[str, Any]
) -> None:
    assert rows(job(**fields)) == rows(job(**plain))
    assert read(job(**fields)).misfit_kinds == ()
    assert repr(rows(job(**fields)).job["progress"]) != "-0.0"


def test_parts_of_another_type() -> None:
    found = rows(job(package="p", cluster=7, creator=["me"], log_summary=True, variables=5))
    assert found.job["extra"] == {
        "package": "p",
        "cluster": 7,
        "creator": ["me"],
        "log_summary": True,
        "variables": "***",
    }
    assert (found.job["package_name"], found.job["variables"]) == (None, None)
    assert found.job["package_id"] == 434


def test_what_does_not_fit_in_a_part_stands_in_its_place() -> None:
    found = rows(
        job(
            package={"id": 434, "name": 9, "colour": "red"},
            cluster={"id": 52, "nodes": "many", "available_since": "soon", "name": "nightly"},
            creator={"id": "x", "display_name": None, "type": "User"},
        )
    )
    assert found.job["extra"] == {
        "package": {"name": 9, "colour": "red"},
        "cluster": {"nodes": "many", "available_since": "soon"},
        "creator": {"id": "x"},
    }
    assert (found.job["cluster_name"], found.job["creator_type"]) == ("nightly", "User")


def test_outputs_that_cannot_be_rows_stay_in_the_job() -> None:
    misfits = [{"name": "x"}, {"id": 70, "name": "again"}, {"id": "a"}, 5, None, {"id": True}]
    record = read(job(outputs=[{"id": 70, "name": "first"}, *misfits, {"id": 71}]))
    found = flatten(record, Redaction())
    assert [(output["id"], output["name"]) for output in found.outputs] == [
        (70, "first"),
        (71, None),
    ]
    assert found.job["extra"] == {"outputs": misfits}
    assert record.misfit_kinds == ("outputs: no id",)


def test_what_does_not_fit_in_an_output_stays_in_the_output() -> None:
    record = read(
        job(
            outputs=[
                {"id": 70, "records_count": "many", "name": 5, "colour": "red"},
                {"id": 71, "component": "to_db", "progress": 2},
                {"id": 72, "component": {"name": 5, "type": "db", "fields": "a, b", "x": 1}},
            ]
        )
    )
    found = flatten(record, Redaction())
    assert [output["extra"] for output in found.outputs] == [
        {"colour": "red", "records_count": "many", "name": 5},
        {"component": "to_db", "progress": 2},
        {"component": {"x": 1, "name": 5, "fields": "a, b"}},
    ]
    assert [output["component_type"] for output in found.outputs] == [None, None, "db"]
    assert set(record.misfit_kinds) == {
        "outputs.records_count: a text",
        "outputs.name: 5",
        "outputs.progress: 2",
        "outputs.component: a text",
        "outputs.component.name: 5",
        "outputs.component.fields: a text",
    }


@pytest.mark.parametrize("fields", [["a", None, "c"], ["a", 7, "c"], ["a", ["x"], "c"]])
def test_fields_that_are_no_names_leave_their_places_empty(fields: list[Any]) -> None:
    found = rows(job(outputs=[{"id": 70, "component": {"fields": fields}}]))
    assert found.fields == [(70, 1, "a"), (70, 3, "c")]
    assert found.outputs[0]["extra"] == {"component": {"fields": fields}}


def test_an_older_answer_has_the_component_in_the_output_itself() -> None:
    older, newer = (
        rows(job(outputs=[{"id": 70, **fields}]))
        for fields in (
            {"component_name": "to_db", "component_type": "database"},
            {"component": {"name": "to_db", "type": "database"}},
        )
    )
    assert older == newer
    assert older.outputs[0]["component_name"] == "to_db"
    both = {"component_name": "old", "component": {"name": "to_db"}}
    (output,) = rows(job(outputs=[{"id": 70, **both}])).outputs
    assert (output["component_name"], output["extra"]) == ("to_db", {"component_name": "old"})


def test_secrets_in_what_does_not_fit_are_hidden() -> None:
    found = rows(
        job(
            errors={"password": "hunter2", "why": "password=hunter2"},
            variables=[{"name": "password", "value": "hunter2"}],
            status={"api_key": "hunter2"},
            package={"name": ["pg://me:hunter2@db"]},
            outputs=[{"id": 1, "name": {"token": "hunter2"}}, {"id": "x", "secret": "hunter2"}],
        )
    )
    assert "hunter2" not in repr(found)
    assert found.job["extra"]["errors"] == {"password": "***", "why": "password=***"}


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)
NAMES = [*job(), *("dynamic_variables", "creator", "log_summary", "progress", "new", "attempts")]
PARTS = st.dictionaries(
    st.sampled_from(["id", "name", "url", "nodes", "updated_at", "component", "fields", "type"]),
    ANYTHING,
)


@pytest.mark.slow
@settings(deadline=None, max_examples=200)
@given(
    st.dictionaries(st.sampled_from(NAMES), ANYTHING | PARTS | st.lists(PARTS, max_size=2)),
    st.booleans(),
)
def test_whatever_comes_with_an_id_is_a_job_and_nothing_of_it_is_lost(
    fields: dict[str, Any],
    is_whole: bool,  # noqa: FBT001 - hypothesis gives it
) -> None:
    document = {**(job(**fields) if is_whole else fields), "id": 7}
    (record,) = records.read_all([json.dumps(document).encode()])
    assert isinstance(record, Record)
    found = flatten(record, Redaction("keep"))
    json.dumps([found.job["extra"], [output["extra"] for output in found.outputs]]).encode()
    for name, value in document.items():
        kept = (found.job["extra"] or {}).get(name)
        if name in ("owner_id", "runtime_in_seconds", "errors", "url") and kept is None:
            assert found.job[name] == (value if not isinstance(value, str) else found.job[name])
        elif name == "new":
            assert kept is not None or value is None


@settings(deadline=None, max_examples=200)
@given(ANYTHING)
def test_whatever_the_id_is_nothing_is_raised(job_id: Any) -> None:
    (record,) = records.read_all([json.dumps({"id": job_id}).encode()])
    assert isinstance(record, Record | Reject)
    assert record.job_id is None or 0 < record.job_id < BIG
