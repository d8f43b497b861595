"""What a difference between a database and the models is called."""

from typing import Any

import pytest
from sqlalchemy import (
    BIGINT,
    INTEGER,
    Column,
    ForeignKeyConstraint,
    Index,
    MetaData,
    Table,
    UniqueConstraint,
)

from snapshotter.store.schema_differences import in_words

META = MetaData()
JOBS = Table("jobs", META, Column("id", BIGINT, primary_key=True), Column("status", INTEGER))
OUTPUTS = Table("outputs", META, Column("job_id", BIGINT))
UNIQUE = UniqueConstraint("status", name="one_status")
JOBS.append_constraint(UNIQUE)
OF_A_JOB = ForeignKeyConstraint(["job_id"], ["jobs.id"], name="of_a_job")
OUTPUTS.append_constraint(OF_A_JOB)
STATUS: tuple[Any, ...] = (None, "jobs", "status", {})


@pytest.mark.parametrize(
    ("difference", "line"),
    [
        (("add_table", JOBS), "table jobs is missing"),
        (("remove_table", JOBS), "table jobs is not one of this program's"),
        (("add_column", None, "jobs", JOBS.c.status), "column jobs.status is missing"),
        (
            ("remove_column", None, "jobs", JOBS.c.status),
            "column jobs.status is not one of this program's",
        ),
        (
            ("add_index", Index("by_status", JOBS.c.status)),
            "index by_status of table jobs is missing",
        ),
        (("add_constraint", UNIQUE), "constraint one_status of table jobs is missing"),
        (
            ("remove_fk", OF_A_JOB),
            "foreign key of_a_job of table outputs is not one of this program's",
        ),
        (
            ("modify_type", *STATUS, INTEGER(), BIGINT()),
            "column jobs.status is INTEGER(), expected BIGINT()",
        ),
        (
            ("modify_nullable", *STATUS, True, False),
            "column jobs.status may be null, and should not",
        ),
        (("modify_nullable", *STATUS, False, True), "column jobs.status may not be null"),
        (
            ("modify_default", *STATUS, "1", None),
            "column jobs.status has the default 1, expected None",
        ),
        (("modify_comment", *STATUS, "a", "b"), "column jobs.status has another comment"),
        (("add_table_comment", JOBS, None), "table jobs has another comment"),
        (("add_sequence", "numbers"), "add sequence: numbers"),
    ],
    ids=lambda value: value if isinstance(value, str) else value[0],
)
def test_each_difference_is_one_line(difference: tuple[Any, ...], line: str) -> None:
    assert in_words([difference]) == [line]


def test_alterations_of_one_column_come_in_a_list() -> None:
    alterations = [
        ("modify_nullable", *STATUS, True, False),
        ("modify_comment", *STATUS, "a", "b"),
    ]
    assert in_words([("add_table", OUTPUTS), alterations]) == [
        "table outputs is missing",
        "column jobs.status may be null, and should not",
        "column jobs.status has another comment",
    ]
