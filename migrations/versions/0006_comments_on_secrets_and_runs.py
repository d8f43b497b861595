"""Comments say which secrets are hidden, and which records and runs are counted."""

from typing import Any

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TABLE = ""  # in place of a column: the comment of the table itself

# table: (column, the comment before, the comment from now on)
COMMENTS: dict[str, tuple[tuple[str, str, str], ...]] = {
    "jobs": (
        (
            "variables",
            "variables, values masked",
            "the job's variables, with secrets as --variables stores them",
        ),
        (
            "dynamic_variables",
            "variables computed at run time, values masked",
            "variables computed at run time, with secrets as --variables stores them",
        ),
    ),
    "rejected_records": (
        (
            "payload",
            (
                "the record as received, secrets masked; JSON null if none was received; cut if it "
                "is too long"
            ),
            (
                "the record as received, with secrets as --variables stores them; JSON null if "
                "none was received; cut if it is too long"
            ),
        ),
    ),
    "snapshots": (
        (
            TABLE,
            "One row per run of sync, however it ended",
            "One row per run of sync, rejects --retry or verify --repair, however it ended",
        ),
        (
            "jobs_rejected",
            "records set aside",
            (
                "all records of the account set aside when the run completed; only those that the "
                "run itself set aside if it named jobs, used filters, repaired or did not complete"
            ),
        ),
    ),
}


def upgrade() -> None:
    change(
        {
            table: {name: after for name, _, after in comments}
            for table, comments in COMMENTS.items()
        }
    )


def downgrade() -> None:
    change(
        {
            table: {name: before for name, before, _ in comments}
            for table, comments in COMMENTS.items()
        }
    )


def change(comments: dict[str, dict[str, str]]) -> None:
    """Set the comments as revision 0005 does, which rebuilds no table."""
    script: Any = op.get_context().script
    script.get_revision("0005").module.change(comments)
