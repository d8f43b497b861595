"""The comments of tables and columns in plain English; SQLite has no comments."""

import re
from collections.abc import Iterator

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TABLE = ""  # in place of a column: the comment of the table itself

# table: (column, the comment before, the comment from now on)
COMMENTS: dict[str, tuple[tuple[str, str, str], ...]] = {
    "accounts": (
        (TABLE, "The accounts read, and how far", "One row per account, and how far it is read"),
        (
            "account_id",
            "the account's name in the API's URLs",
            "the account id, as in the API's URLs",
        ),
        (
            "api_url",
            "the service that the account lives on",
            "base URL of the service that has the account",
        ),
        (
            "watermark",
            "the server's clock when the last whole listing began; all before is here",
            (
                "the server's time when the last complete listing began; everything updated "
                "before it is stored"
            ),
        ),
        (
            "newest_updated_at",
            "the latest updated_at when the last listing began; none starts after it",
            "the latest updated_at when the last listing began; the next one starts no later",
        ),
        (
            "page_size",
            "the most jobs that the server has given in one page",
            "the most jobs that the server has returned in one page",
        ),
        (
            "sends_links",
            "the server names the pages around one, so one that names none is alone",
            (
                "whether the server links a page to its neighbours, so that a page without links "
                "is the only one"
            ),
        ),
        (
            "listing_since",
            "the since of the listing under way; null when it is of the whole",
            "the since of the listing in progress; null if it lists all jobs",
        ),
        (
            "listing_clock",
            "the server's clock when the listing under way began",
            "the server's time when the listing in progress began",
        ),
        (
            "listing_offset",
            "where the listing under way goes on; null when there is none",
            "the offset at which the listing in progress continues; null if there is none",
        ),
        (
            "listing_edge",
            "the created_at before which all of the listing under way was read",
            "every job created before this is read, in the listing in progress",
        ),
        (
            "refreshed_id",
            "the last job that a run asked for by id before it had to stop",
            "the last job that a run requested by id before it had to stop",
        ),
        (
            "counted_at",
            "the server's clock when its jobs were last counted",
            "the server's time when the account's jobs were last counted",
        ),
        (
            "unlisted",
            (
                "jobs here that the list did not have then, though the API gave them by id; less "
                "than none: records without an id, all alike, that are here once"
            ),
            (
                "jobs that exist at the API but were missing from its list at the last count; "
                "negative if the list repeats equal records without an id, which are stored once"
            ),
        ),
        (
            "vanishing_since",
            "when a run first missed more jobs than it may mark as gone; a later run confirms it",
            (
                "when a run first missed more jobs than one run may mark as gone; a later run "
                "confirms it"
            ),
        ),
    ),
    "calendar": (
        (TABLE, "The days of 2010 to 2049", "One row per day from 2010 to 2049"),
        (
            "epoch",
            "its midnight UTC in whole seconds since 1970",
            "midnight UTC of the day in whole seconds since 1970",
        ),
        ("week", "the Monday of its week", "the Monday of the day's week"),
        ("month", "the first day of its month", "the first day of the day's month"),
        ("weekday", "1 Monday to 7 Sunday", "1 (Monday) to 7 (Sunday)"),
    ),
    "job_changes": (
        (
            TABLE,
            "One row whenever a job's state was seen to move",
            "One row per state in which a job was seen",
        ),
        ("id", "the order of observation", "increases in the order of observation"),
        ("snapshot_id", "the run that saw it", "the run that observed it"),
        ("observed_at", "when it was seen", "when it was observed"),
        ("runtime_in_seconds", "seconds it had run", "seconds that the job had run"),
        (
            "outputs_count",
            "outputs, by the API's count",
            "number of outputs, as counted by the API",
        ),
        (
            "records_count",
            "records written, summed over its outputs",
            "records written, summed over the job's outputs",
        ),
    ),
    "job_outputs": (
        (TABLE, "One row an output of a job", "One row per output of a job"),
        ("id", "the output, as the API numbers it", "the output's id at the API"),
        ("records_count", "records written", "number of records written"),
        ("created_at", "when it was begun", "when the API created the output"),
        ("updated_at", "when it last changed", "when the API last updated the output"),
        ("url", "the output in the API", "the output's URL in the API"),
        (
            "preview_url",
            "its first records in the API",
            "URL of the output's first records in the API",
        ),
        ("preview_type", "the preview's format", "format of the preview"),
        (
            "component_name",
            "the destination component of the package",
            "name of the package's destination component",
        ),
        (
            "fields_digest",
            "equal for an output of a package while its fields stay, in their order",
            (
                "digest of the fields in their order; equal as long as an output's fields stay "
                "the same"
            ),
        ),
        (
            "extra",
            "what the API sent and no column holds, under its own names",
            "everything that the API sent and that has no column, under the API's names",
        ),
    ),
    "jobs": (
        (
            TABLE,
            "One row a job: one run of a package on a cluster",
            "One row per job: one run of a package on a cluster",
        ),
        ("id", "the job, as the API numbers it", "the job's id at the API"),
        ("owner_id", "the user who owns it", "id of the user who owns the job"),
        (
            "outputs_count",
            "outputs, by the API's count",
            "number of outputs, as counted by the API",
        ),
        ("created_at", "when it was asked for", "when the job was requested"),
        ("started_at", "when it began to run", "when the job began to run"),
        ("failed_at", "when it failed", "when the job failed"),
        (
            "completed_at",
            "when it ended, however it ended",
            "when the job ended, whatever its final status",
        ),
        (
            "updated_at",
            "when the API last touched it; does not move with progress",
            "when the API last updated the job; progress alone does not move it",
        ),
        ("cluster_id", "the cluster, by the job", "id of the cluster, as the job gives it"),
        ("cluster_url", "the cluster in the API", "the cluster's URL in the API"),
        ("cluster_nodes", "the cluster's nodes", "number of nodes of the cluster"),
        (
            "cluster_available_since",
            "when the cluster was ready for jobs",
            "when the cluster became ready for jobs",
        ),
        ("package_id", "the package, by the job", "id of the package, as the job gives it"),
        ("package_url", "the package in the API", "the package's URL in the API"),
        ("creator_id", "the user or the schedule", "id of that user or schedule"),
        ("creator_url", "the creator in the API", "the creator's URL in the API"),
        ("errors", "what went wrong, in the API's words", "the error text of the API"),
        (
            "runtime_in_seconds",
            "seconds it ran; so far, while it runs",
            "seconds that the job ran; seconds so far while it runs",
        ),
        ("attempts", "retries done by the schedule", "retries made by the schedule"),
        (
            "dynamic_variables",
            "variables worked out at run time, values masked",
            "variables computed at run time, values masked",
        ),
        ("url", "the job in the API", "the job's URL in the API"),
        ("html_url", "the job's page", "URL of the job's web page"),
        ("log_url", "the job's log in the API", "URL of the job's log in the API"),
        (
            "extra",
            "what the API sent and no column holds, under its own names",
            "everything that the API sent and that has no column, under the API's names",
        ),
        (
            "run_date",
            "the UTC date of started_at, else of created_at",
            "the UTC date of started_at, or of created_at if that is null",
        ),
        (
            "finished_at",
            "of a final job: completed_at, else failed_at, else updated_at",
            "for a final job: completed_at, else failed_at, else updated_at",
        ),
        (
            "created_epoch",
            "created_at in whole seconds since 1970: engines disagree on differences",
            "created_at in whole seconds since 1970; engines subtract times differently",
        ),
        (
            "cluster_wait_seconds",
            "those of queue_seconds in which the cluster was not there yet",
            "the part of queue_seconds before the cluster was ready",
        ),
        (
            "error_fingerprint",
            "errors with ids, numbers, dates and paths taken out",
            "errors without ids, numbers, dates and paths, so that equal causes are equal",
        ),
        (
            "gone_at",
            "when the API was first found to have the job no more",
            "when the job was first found to be missing at the API",
        ),
    ),
    "output_fields": (
        (TABLE, "One row a field of an output", "One row per field of an output"),
        ("position", "its place, from 1", "the field's position in the output, from 1"),
    ),
    "rejected_records": (
        (
            TABLE,
            "Records that could not be read, whole, until they can be",
            "One row per record that could not be loaded, until it can be",
        ),
        ("id", "the record", "id of this row"),
        ("job_id", "its job, where it names one", "the record's job id, if it has one"),
        ("reason", "what is wrong, with its path", "what is wrong, and where in the record"),
        (
            "payload",
            "the record as it came, secrets masked; null if none came, cut if it is too long",
            (
                "the record as received, secrets masked; JSON null if none was received; cut if "
                "it is too long"
            ),
        ),
        (
            "attempts",
            "times it was tried since it last changed",
            "number of tries since the record last changed",
        ),
        (
            "next_attempt_at",
            "before then no run asks for it again; null: the next run does",
            "no run requests the record again before this; null: the next run does",
        ),
        (
            "digest",
            "of the whole record, but for its package and cluster: it tells a change",
            "digest of the whole record without its package and cluster, to detect changes",
        ),
    ),
    "snapshots": (
        (TABLE, "One row a run of sync", "One row per run of sync, however it ended"),
        ("id", "the run", "id of the run"),
        ("account_id", "the account it read", "the account that the run read"),
        ("started_at", "when it began, by this host", "when the run began, by this host's clock"),
        ("finished_at", "when it ended, by this host", "when the run ended, by this host's clock"),
        (
            "since",
            "the since it listed from; null for the whole",
            "the since from which the run listed; null if it had none",
        ),
        (
            "watermark",
            "the account's watermark that it left, where it moved it",
            "the account's watermark after the run, if the run moved it",
        ),
        (
            "requests",
            "HTTP requests sent, retries included",
            "HTTP requests sent, including retries",
        ),
        ("pages", "pages of the listing read", "pages of the list that the run read"),
        ("jobs_seen", "different jobs answered", "distinct jobs that the API returned"),
        ("jobs_changed", "jobs whose rows were changed", "jobs whose rows changed"),
        ("jobs_unchanged", "jobs whose rows were left alone", "jobs whose rows stayed the same"),
        (
            "credits_remaining",
            "credits left of the hour's, by the last answer",
            "credits left in the hour, by the last answer",
        ),
        (
            "credits_spent",
            "requests sent that cost a credit, retries included",
            "requests sent that cost a credit, including retries",
        ),
        (
            "error",
            "why it did not complete, or what it could not ask for",
            "why the run did not complete, or what it could not request",
        ),
    ),
}

# Lines of `show create table`: a column of JSON, which MariaDB prints as a text with a check after
# its comment, and any other.
JSON_COLUMN = re.compile(
    r"^  `(?P<name>\w+)` longtext(?: CHARACTER SET \w+)?(?: COLLATE \w+)? (?P<rest>[^']*?)"
    r"(?: COMMENT '(?:[^']|'')*')? CHECK \(json_valid\(`(?P=name)`\)\),?$"
)
COLUMN = re.compile(r"^  `(?P<name>\w+)` (?P<definition>.*?)(?: COMMENT '(?:[^']|'')*')?,?$")


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
    """Set the comments; nothing but them changes, and no row is read or written."""
    connection = op.get_bind()
    for table, by_column in comments.items():
        if connection.dialect.name in ("mysql", "mariadb"):
            modify(connection, table, by_column)
        elif connection.dialect.supports_comments:
            for name, comment in by_column.items():
                if name == TABLE:
                    op.create_table_comment(table, comment)
                else:
                    op.alter_column(table, name, comment=comment)


def modify(connection: sa.Connection, table: str, comments: dict[str, str]) -> None:
    """Set the comments of a table of MariaDB in one statement, which rebuilds nothing.

    The statement must restate each column. What the server itself prints of a column differs in
    nothing but the comment, whatever the server's version and settings when it was made.
    """
    connection.exec_driver_sql("set sql_quote_show_create = 1")
    created = connection.exec_driver_sql(f"show create table {table}").one()[1]
    changes = [
        f"modify `{name}` {definition} comment {quoted(comments[name])}"
        for name, definition in columns(created)
        if name in comments
    ]
    if TABLE in comments:
        changes.append(f"comment = {quoted(comments[TABLE])}")
    connection.exec_driver_sql(f"alter table {table} {', '.join(changes)}")


def columns(created: str) -> Iterator[tuple[str, str]]:
    """Yield the name of each column and its definition without the comment."""
    for line in created.splitlines():
        if json := JSON_COLUMN.match(line):
            # As a text with a check it would be another type, and the table would be copied.
            yield json["name"], f"json {json['rest']}"
        elif column := COLUMN.match(line):
            yield column["name"], column["definition"]


def quoted(comment: str) -> str:
    return "'" + comment.replace("'", "''") + "'"
