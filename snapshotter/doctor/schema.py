"""The schema of the database: its revision, and whether the tables are as this version has them."""

from sqlalchemy import Engine

from snapshotter.doctor.report import Report
from snapshotter.store import deferred, revisions
from snapshotter.store.schema_differences import in_words
from snapshotter.texts import counted

_MOST_SHOWN = 3  # differences


def schema(report: Report, engine: Engine) -> bool:
    """Return whether there are tables of this version's schema. Raises `DatabaseError`."""
    if revisions.current(engine) is None:
        report.warn("the database has no tables yet", "'snapshotter sync' creates them")
        return False
    revisions.require_head(engine)
    try:
        revisions.check(engine)
    except revisions.LoadUnfinished as error:
        report.warn(error.unbuilt, deferred.REMEDY)
    except revisions.SchemaDiffers as error:
        words = in_words(error.differences)
        shown = "; ".join(words[:_MOST_SHOWN])
        report.fail(
            f"it differs from the models in {counted(len(words), 'place')}: {shown}",
            "'snapshotter db check' lists them; undo what changed them",
        )
    else:
        report.ok(f"at revision {revisions.head()}, with all tables as expected")
    return True
