"""Has a first load build the secondary indexes and count its outputs at its end.

A run that a signal or a limit stops leaves them to the next one, whatever that reads.
"""

import logging
from collections.abc import Callable
from functools import partial

from sqlalchemy import exc, select

from snapshotter.errors import Stopped
from snapshotter.store import deferred, output_days
from snapshotter.store.engine import named
from snapshotter.store.lock import is_held
from snapshotter.store.tables import ACCOUNTS
from snapshotter.sync.run import Run

log = logging.getLogger(__name__)


def begin(run: Run) -> None:
    """Leave the indexes out, if the run is to read a whole list and no job is stored yet."""
    if run.outcome.kind == "full" and deferred.leave_out(run.engine):
        output_days.leave_out(run.engine)
        log.info("the indexes are built at the end of this first load")


def end(run: Run) -> None:
    """Build what is missing, and count the account's outputs if they are not counted.

    What cannot be done is noted, and the next run tries again.
    """
    # Without the indexes each page would search all jobs for the days that it counts anew.
    if _build(run) and run.account_id in output_days.waiting(run.engine):
        log.info("counting the outputs by day")
        count = partial(_count_outputs, run)
        _try(run, count, "the outputs could not be counted by day, the next run tries again")


def _build(run: Run) -> bool:
    """Build what is missing, unless another account is still in its first load.

    Return whether it is there now. On PostgreSQL the tables are analyzed then.
    """
    with run.engine.connect() as connection:
        parts = deferred.missing(connection)
    if not parts:
        return True
    if (other := _loading(run)) is not None:
        log.info("the indexes are left to the run of account %s, which still loads", other)
        return False
    run.outcome.is_building = True
    try:
        for part in parts:
            log.info("building %s", part.name)
            run.show_progress()
            build = partial(deferred.build, run.engine, part)
            _try(run, build, f"{part.name} could not be built, the next run tries again")
        statistics = partial(deferred.gather_statistics, run.engine)
        _try(run, statistics, "trends may be slow until PostgreSQL has analyzed the tables")
    finally:
        run.outcome.is_building = False
    with run.engine.connect() as connection:
        return not deferred.missing(connection)


def _count_outputs(run: Run) -> None:
    with run.transaction() as connection:
        output_days.fill(connection, run.account_id)


def _try(run: Run, act: Callable[[], None], otherwise: str) -> None:
    run.check_lock()
    try:
        act()
    except deferred.KeyViolatedError as error:
        run.note(otherwise, error)
    except exc.DBAPIError as error:
        reason = named(error)
        if isinstance(reason, Stopped):
            raise reason from error
        run.note(otherwise, reason)


def _loading(run: Run) -> str | None:
    """Return another account that a run reads for the first time just now, if there is one."""
    loading = select(ACCOUNTS.c.account_id).where(
        ACCOUNTS.c.account_id != run.account_id,
        ACCOUNTS.c.listing_offset.is_not(None),
        ACCOUNTS.c.listing_since.is_(None),
    )
    with run.engine.connect() as connection:
        accounts = connection.execute(loading.order_by(ACCOUNTS.c.account_id)).scalars().all()
    return next((each for each in accounts if is_held(run.engine, each)), None)
