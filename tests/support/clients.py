"""Clients of a scripted server, which wait for nothing, and what they read."""

from clock import Impatient

from snapshotter.api.client import Client, ListFilters
from snapshotter.api.limits import Limits
from snapshotter.api.paging import Cursor
from snapshotter.settings import Key, Service


def client(url: str, pauses: list[float] | None = None, timeout: float = 5.0) -> Client:
    return Client(
        Service("acme", Key("s3cr3t"), url, timeout),
        clock=Impatient(pauses),
        jitter=lambda: 1.0,
    )


def read(client_: Client, filters: ListFilters = ListFilters()) -> list[int | None]:  # noqa: B008 - immutable
    return [r.job_id for page in client_.jobs(filters, Cursor()) for r in page.records]


def limited(url: str, limits: Limits, clock: Impatient | None = None) -> Client:
    return Client(Service("acme", Key("s3cr3t"), url, 5.0), limits, clock=clock or Impatient())
