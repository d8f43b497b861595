"""Records set aside wait before they are asked for again; many jobs gone at once are confirmed."""

import json
from hashlib import blake2b

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import mysql

from snapshotter.models import UTCDateTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

id_ = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
words = sa.Text().with_variant(mysql.LONGTEXT, "mysql", "mariadb")

# table, column, its type, whether it may be null, the comment before, the comment from now on
COMMENTS = (
    (
        *("accounts", "unlisted", id_, True),
        "jobs here that the list did not have then, though the API gave them by id",
        (
            "jobs here that the list did not have then, though the API gave them by id; less than "
            "none: records without an id, all alike, that are here once"
        ),
    ),
    (
        *("rejected_records", "payload", words, False),
        "the record as it came, secrets masked",
        "the record as it came, secrets masked; null if none came, cut if it is too long",
    ),
    (
        *("snapshots", "error", words, True),
        "why it did not complete",
        "why it did not complete, or what it could not ask for",
    ),
)


def columns() -> list[tuple[str, sa.Column[object]]]:
    return [
        (
            "accounts",
            sa.Column(
                "vanishing_since",
                UTCDateTime(),
                nullable=True,
                comment="when a run first missed more jobs than it may mark as gone; a later run "
                "confirms it",
            ),
        ),
        (
            "rejected_records",
            sa.Column(
                "attempts",
                sa.Integer(),
                nullable=True,
                comment="times it was tried since it last changed",
            ),
        ),
        (
            "rejected_records",
            sa.Column(
                "next_attempt_at",
                UTCDateTime(),
                nullable=True,
                comment="before then no run asks for it again; null: the next run does",
            ),
        ),
        (
            "rejected_records",
            sa.Column(
                "program_version",
                sa.String(length=64),
                nullable=True,
                comment="the version of this program that last tried it",
            ),
        ),
        (
            "rejected_records",
            sa.Column(
                "digest",
                sa.String(length=32),
                nullable=True,
                comment="of the whole record, but for its package and cluster: it tells a change",
            ),
        ),
    ]


def upgrade() -> None:
    # MariaDB commits each statement: what a killed upgrade has done already is left as it is.
    connection = op.get_bind()
    found = sa.inspect(connection)
    for table, column in columns():
        if column.name not in {each["name"] for each in found.get_columns(table)}:
            op.add_column(table, column)
    comment(is_upgrade=True)
    fill_digests(connection)


def comment(*, is_upgrade: bool) -> None:
    """Change the comments, on an engine that has any."""
    if not op.get_bind().dialect.supports_comments:
        return
    for table, name, kind, nullable, before, after in COMMENTS:
        op.alter_column(
            table,
            name,
            existing_type=kind,
            existing_nullable=nullable,
            existing_comment=before if is_upgrade else after,
            comment=after if is_upgrade else before,
        )


def fill_digests(connection: sa.Connection) -> None:
    rejects = sa.table(
        "rejected_records", *map(sa.column, ("id", "job_id", "reason", "payload", "digest"))
    )
    waiting = sa.select(rejects.c.id).where(rejects.c.digest.is_(None)).order_by(rejects.c.id)
    # One by one: a payload can have many megabytes.
    for row_id in connection.execute(waiting).scalars().all():
        mine = rejects.c.id == row_id
        of_one = sa.select(rejects.c.job_id, rejects.c.reason, rejects.c.payload).where(mine)
        job_id, reason, payload = connection.execute(of_one).one()
        document = json.loads(payload)
        if job_id is None and not isinstance(document, dict):
            document = [reason, document]
        if isinstance(document, dict):
            document = {n: document[n] for n in document if n not in ("package", "cluster")}
        told = json.dumps(document, sort_keys=True)
        digest = blake2b(told.encode(), digest_size=16).hexdigest()
        connection.execute(sa.update(rejects).where(mine).values(digest=digest))


def downgrade() -> None:
    comment(is_upgrade=False)
    for table in ("accounts", "rejected_records"):
        # No rows of other tables hang on these: SQLite, which before 3.35 drops no column, copies.
        with op.batch_alter_table(table) as batch:
            for of_table, column in columns():
                if of_table == table:
                    batch.drop_column(str(column.name))
