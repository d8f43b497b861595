"""Executes the first of several statements that the database takes: each has less to refuse."""

from collections.abc import Iterable

from sqlalchemy import Connection, Executable
from sqlalchemy.exc import SQLAlchemyError

from snapshotter.store.error_scope import UNSENDABLE, ErrorScope, scope_of


def execute_first_taken(connection: Connection, statements: Iterable[Executable]) -> None:
    """Execute the first statement that is not refused for its values; raise if all are.

    An error that is not about the values is raised at once.
    """
    refused: Exception | None = None
    for statement in statements:
        try:
            with connection.begin_nested():
                connection.execute(statement)
        except (SQLAlchemyError, *UNSENDABLE) as error:
            if scope_of(error) is ErrorScope.DATABASE:
                raise
            refused = error
        else:
            return
    if refused is not None:
        raise refused
