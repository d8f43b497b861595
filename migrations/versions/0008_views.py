"""The table of the views that this program has created, so that it replaces no others."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

words = sa.Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")
mysql_options: Any = {
    f"{dialect}_{option}": value
    for dialect in ("mysql", "mariadb")
    for option, value in (("engine", "InnoDB"), ("charset", "utf8mb4"), ("collate", "utf8mb4_bin"))
}


def upgrade() -> None:
    # MariaDB commits each statement: what a killed upgrade has done already is left as it is.
    if sa.inspect(op.get_bind()).has_table("snapshotter_views"):
        return
    op.create_table(
        "snapshotter_views",
        sa.Column("name", sa.String(64), nullable=False, comment="the view's name"),
        sa.Column(
            "state",
            sa.String(16),
            nullable=False,
            comment="created; pending while it is being created; kept if other views need an older "
            "one; refused by the database; foreign if somebody else has the name",
        ),
        sa.Column(
            "source", sa.String(32), nullable=False, comment="digest of the shipped SQL file"
        ),
        sa.Column(
            "statement", words, nullable=False, comment="the select that the view was created from"
        ),
        sa.Column(
            "definition",
            sa.String(32),
            nullable=True,
            comment="digest of the view as the database returned it when it was created",
        ),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_snapshotter_views")),
        comment="One row per view that this program ships",
        **mysql_options,
    )


def downgrade() -> None:
    op.drop_table("snapshotter_views")
