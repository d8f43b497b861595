"""Who loads an account: the floor, `sync`, and what people use instead; each a command."""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

from sqlalchemy import make_url

from . import dlt_environment, hand, measure
from .account import ACCOUNT_ID
from .measure import Failed, Usage
from .service import ROOT, TOP, Service
from .stores import count

FLOOR, SYNC, DLT, HAND = "floor", "sync", "dlt", "hand script"
PEERS = (DLT, HAND)

_TABLES = {
    FLOOR: {name: name for name in ("jobs", "job_outputs", "output_fields")},
    SYNC: {name: name for name in ("jobs", "job_outputs", "output_fields")},
    HAND: hand.TABLES,
    DLT: {
        "jobs": "jobs",
        "job_outputs": "jobs__outputs",
        "output_fields": "jobs__outputs__component__fields",
    },
}


@dataclass(frozen=True)
class Run:
    """What a contender took: `parts` are seconds, if it reports its parts."""

    usage: Usage
    requests: int
    parts: dict[str, float]


@dataclass(frozen=True)
class Contenders:
    """Runs them. `rows` returns the file that the floor writes; `cache` keeps dlt's environment."""

    service: Service
    rows: Callable[[], Path]
    cache: Path

    def load(self, name: str, kind: str, url: str) -> Run:
        """Load the account into an empty database, once. Raises `Failed` if rows are missing."""
        loaders = {FLOOR: self._floor, SYNC: self._sync, DLT: self._dlt, HAND: self._hand}
        before = self.service.requests()
        run = loaders[name](url)
        run = replace(run, requests=self.service.requests() - before)
        check_rows(f"{name} on {kind}", count(url, _tables(name, kind)), self.service)
        return run

    def _floor(self, url: str) -> Run:
        account = self.service.account
        arguments = [self.service.jobs_url, str(account.jobs), url, str(self.rows())]
        usage = measure.run([*module("floor"), *arguments], {}, TOP)
        parts = json.loads(usage.printed)
        aside, aside_cpu = parts.pop("aside"), parts.pop("aside_cpu")
        usage = replace(usage, wall=usage.wall - aside, cpu=usage.cpu - aside_cpu)
        return Run(usage, 0, parts)

    def _sync(self, url: str) -> Run:
        return Run(sync(self.service, url), 0, {})

    def _hand(self, url: str) -> Run:
        return Run(measure.run([*module("hand"), self.service.jobs_url, url], {}, TOP), 0, {})

    def _dlt(self, url: str) -> Run:
        with TemporaryDirectory(prefix="benchmark-") as folder:
            command = [
                dlt_environment.python(self.cache),
                "-P",
                str(Path(__file__).with_name("dlt_peer.py")),
                self.service.jobs_url.removesuffix("jobs"),
                _psycopg2_url(url),
                folder,
            ]
            return Run(measure.run(command, {"HOME": folder}, Path(folder)), 0, {})


def module(name: str) -> list[str]:
    """Return the command of a module of this package."""
    return [sys.executable, "-m", f"{__package__}.{name}"]


def snapshotter(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "snapshotter", *arguments]


def sync(service: Service, url: str) -> Usage:
    """Run the real command, of this checkout."""
    return measure.run(snapshotter("sync"), sync_variables(service, url), ROOT)


def sync_variables(service: Service, url: str) -> dict[str, str]:
    """Return the environment of a sync of this account into the database at `url`."""
    return {
        "XPLENTY_ACCOUNT_ID": ACCOUNT_ID,
        "XPLENTY_API_KEY": "benchmark",
        "XPLENTY_API_URL": service.url,
        "SNAPSHOTTER_DATABASE_URL": url,
    }


def fetch_only(service: Service) -> float:
    """Fetch the list page by page; return the seconds, without those of the interpreter's start."""
    command = [*module("floor"), service.jobs_url, str(service.account.jobs)]
    return float(json.loads(measure.run(command, {}, TOP).printed)["fetch"])


def check_rows(who: str, found: dict[str, int], service: Service) -> None:
    """Raise `Failed` unless each table has as many rows as the account makes."""
    if found != service.account.rows:
        raise Failed(f"{who} loaded {found}, and the account has {service.account.rows}")


def _tables(name: str, kind: str) -> dict[str, str]:
    schema = "benchmark." if name == DLT and kind == "postgresql" else ""
    return {table: f"{schema}{own}" for table, own in _TABLES[name].items()}


def _psycopg2_url(url: str) -> str:
    """Return a URL as dlt takes it: with a host, here the socket's folder, and some password."""
    if url.startswith("sqlite"):
        return url
    parsed = make_url(url)
    host = quote(str(parsed.query["host"]), safe="")
    return f"postgresql://{parsed.username}:none@{host}:5432/{parsed.database}"
