"""What a run works with."""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Engine

from snapshotter.api.client import Client
from snapshotter.redact import Redaction
from snapshotter.settings import Service


def _ignore(_jobs: int) -> None:
    pass


@dataclass(frozen=True)
class Context:
    """The database, the API, the account there, and what hides secrets.

    `progress` is called with the number of jobs read so far.
    """

    engine: Engine
    client: Client
    service: Service
    redact: Redaction
    progress: Callable[[int], None] = _ignore

    @property
    def account_id(self) -> str:
        return self.service.account_id
