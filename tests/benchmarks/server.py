"""Serves an account's file as the API would, as cheaply as can be: what is measured is the client.

`python -m tests.benchmarks.server FILE LATENCY` prints the port that it took, and serves until its
standard input ends. It waits LATENCY seconds before each answer, as the way to a real API takes.

A page is one slice of the file, for as long as none of its jobs has changed.
"""

import asyncio
import json
import mmap
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from .account import NEWEST, OPEN, read_index

CREDITS = 100_000_000
LIST_LIMIT, USUAL_LIMIT = 100, 20
SINCE_THE_LAST_CHANGE = timedelta(hours=1)  # of any job: a sync begins with nothing under way

Query = dict[str, str]
Places = Sequence[int]


class Jobs:
    """The jobs of a file, by their place in the order of `created_at`. The ids have no gap."""

    def __init__(self, file: Path) -> None:
        with file.open("rb") as opened:
            self._bodies = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
        self._starts, self._updated = read_index(file)
        self._changed: dict[int, bytes] = {}
        self.first_id: int = json.loads(self.body(0))["id"]
        self.open = self._find_open()
        self.latest = max(range(len(self)), key=self._updated.__getitem__)
        self._since: tuple[int, Places] | None = None

    def __len__(self) -> int:
        return len(self._updated)

    def body(self, place: int) -> bytes:
        return self._changed.get(place) or self._slice(place, place + 1)

    def page(self, places: Places) -> bytes:
        """Return a list of jobs as JSON."""
        if not places:
            return b"[]"
        is_stretch = places[-1] - places[0] + 1 == len(places)
        if is_stretch and self._changed.keys().isdisjoint(places):
            return b"[" + self._slice(places[0], places[-1] + 1) + b"]"
        return b"[" + b",".join(map(self.body, places)) + b"]"

    def since(self, at: int) -> Places:
        """Return the jobs updated at this second or later."""
        if self._since is None or self._since[0] != at:
            self._since = at, [place for place, moved in enumerate(self._updated) if moved >= at]
        return self._since[1]

    def last_change(self) -> datetime:
        """Return when the job that changed last did so."""
        return datetime.fromtimestamp(self._updated[self.latest], UTC)

    def touch(self, jobs: int, now: datetime) -> None:
        """Change this number of jobs now, evenly over the account."""
        for number in range(jobs):
            place = number * len(self) // jobs
            document: dict[str, Any] = json.loads(self.body(place))
            document |= {
                "attempts": document["attempts"] + 1,
                "updated_at": f"{now:%Y-%m-%dT%H:%M:%SZ}",
            }
            self._changed[place] = json.dumps(document, separators=(",", ":")).encode()
            self._updated[place], self.latest = int(now.timestamp()), place
        self._since = None

    def _slice(self, first: int, end: int) -> bytes:
        return self._bodies[self._starts[first] : self._starts[end] - 1]  # without the comma

    def _find_open(self) -> Places:
        """Return the jobs that still run: they are among the last ones."""
        last = range(max(0, len(self) - 10 * NEWEST), len(self))
        return [place for place in last if json.loads(self.body(place))["status"] == OPEN]


class Api:
    """Answers requests. `requests`, `pass` and `touch` are the benchmark's own, and not counted.

    It is a while after the last change of the account, so that the last days have jobs.
    """

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs
        self._passed = jobs.last_change() + SINCE_THE_LAST_CHANGE - datetime.now(UTC)
        self.requests = 0

    @property
    def now(self) -> datetime:
        return datetime.now(UTC) + self._passed

    def answer(self, path: str, query: Query) -> tuple[int, bytes, str]:
        """Return the status, the body, and the Link of a request's answer."""
        name = path.rsplit("/api/", 1)[-1]
        if (answer := self._answer_the_benchmark(name, query)) is not None:
            return 200, answer, ""
        self.requests += 1
        if name == "rate_limit_status":
            return 200, b'{"limits":{"limit":%d,"remaining":%d}}' % (CREDITS, CREDITS), ""
        if name == "jobs":
            return self._list(query)
        place = int(name.removeprefix("jobs/")) - self._jobs.first_id
        if 0 <= place < len(self._jobs):
            return 200, self._jobs.body(place), ""
        return 404, b"", ""

    def _answer_the_benchmark(self, name: str, query: Query) -> bytes | None:
        if name == "requests":
            return b"%d" % self.requests
        if name == "pass":
            self._passed += timedelta(seconds=int(query["seconds"]))
        elif name == "touch":
            self._jobs.touch(int(query["jobs"]), self.now)
        else:
            return None
        return b""

    def _list(self, query: Query) -> tuple[int, bytes, str]:
        offset = int(query.get("offset", 0))
        end = offset + min(LIST_LIMIT, int(query.get("limit", USUAL_LIMIT)))
        places = self._chosen(query)
        link = '<next>; rel="next"' if end < len(places) else '<first>; rel="first"'
        return 200, self._jobs.page(places[offset:end]), link

    def _chosen(self, query: Query) -> Places:
        if query.get("sort") == "updated" and query.get("direction") == "desc":
            return [self._jobs.latest]  # asked for the newest alone
        if (status := query.get("status", "all")) != "all":
            return self._jobs.open if status == OPEN else []
        if "since" in query:
            return self._jobs.since(int(datetime.fromisoformat(query["since"]).timestamp()))
        return range(len(self._jobs))


class Protocol(asyncio.Protocol):
    """HTTP/1.1, as far as GET on a kept connection."""

    def __init__(self, api: Api, latency: float) -> None:
        self._api, self._latency = api, latency
        self._received = b""
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while b"\r\n\r\n" in self._received:
            head, _, self._received = self._received.partition(b"\r\n\r\n")
            target = urlsplit(head.split(b" ", 2)[1].decode())
            answer = self._answer(target.path, dict(parse_qsl(target.query)))
            if self._latency:
                asyncio.get_running_loop().call_later(self._latency, self._send, answer)
            else:
                self._send(answer)

    def _send(self, answer: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(answer)

    def _answer(self, path: str, query: Query) -> bytes:
        status, body, link = self._api.answer(path, query)
        lines = [
            f"HTTP/1.1 {status} -",
            f"Date: {format_datetime(self._api.now, usegmt=True)}",
            "Content-Type: application/json",
            f"Content-Length: {len(body)}",
            f"X-RateLimit-Remaining: {CREDITS - self._api.requests}",
            *([f"Link: {link}"] if link else []),
        ]
        return "\r\n".join([*lines, "", ""]).encode() + body


async def serve(api: Api, latency: float) -> None:
    """Serve on a free port of loopback, until standard input ends."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Protocol(api, latency), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.buffer.read)
    server.close()


if __name__ == "__main__":
    asyncio.run(serve(Api(Jobs(Path(sys.argv[1]))), float(sys.argv[2])))
