"""Serves an account's file as the API would, as cheaply as can be: what is measured is the client.

`python server.py FILE INDEX LATENCY` prints the port that it took, and serves until its standard
input ends. Before each answer it waits LATENCY seconds, as the way to a real API would take.
"""

import asyncio
import json
import mmap
import pickle
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from account import OPEN, Index

CREDITS = 100_000_000


class Account:
    """The jobs of a file. What has changed since is kept beside it."""

    def __init__(self, file: Path, index: Index) -> None:
        with file.open("rb") as opened:
            self._bodies = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
        self._index = index
        self._changed: dict[int, bytes] = {}
        self._updated = index.updated[:]
        self._open = self._find_open()
        self._first_id = json.loads(self._body(0))["id"] if len(index) else 1
        self._latest = max(range(len(index)), key=index.updated.__getitem__) if len(index) else 0
        self.requests = 0

    def answer(self, path: str, query: dict[str, str]) -> tuple[int, bytes, str]:
        """Give the status, the body, and the Link of a request."""
        name = path.rsplit("/api/", 1)[-1]
        if name == "rate_limit_status":
            return 200, b'{"limits":{"limit":%d,"remaining":%d}}' % (CREDITS, CREDITS), ""
        if name == "requests":  # the benchmark's own question
            return 200, b"%d" % self.requests, ""
        if name == "touch":  # the benchmark's own: so many jobs change, each a while ago
            self._touch(int(query["jobs"]))
            return 200, b"", ""
        self.requests += 1
        if name == "jobs":
            return self._list(query)
        place = int(name.removeprefix("jobs/")) - self._first_id
        if 0 <= place < len(self._index):
            return 200, self._body(place), ""
        return 404, b"", ""

    def _list(self, query: dict[str, str]) -> tuple[int, bytes, str]:
        offset, limit = int(query.get("offset", 0)), min(100, int(query.get("limit", 20)))
        if query.get("sort") == "updated" and query.get("direction") == "desc":
            places: Sequence[int] = [self._latest]
        elif query.get("status", "all") != "all":
            places = self._open if query["status"] == OPEN else []
        elif "since" in query:
            since = int(datetime.fromisoformat(query["since"]).timestamp())
            places = [place for place, at in enumerate(self._updated) if at >= since]
        else:
            places = range(len(self._index))
        page = places[offset : offset + limit]
        more = offset + limit < len(places)
        return 200, self._page(page), '<https://next>; rel="next"' if more else '<x>; rel="prev"'

    def _page(self, places: Sequence[int]) -> bytes:
        if isinstance(places, range) and places and not self._changed:
            starts = self._index.starts
            return b"[" + self._bodies[starts[places[0]] : starts[places[-1] + 1] - 1] + b"]"
        return b"[" + b",".join(self._body(place) for place in places) + b"]"

    def _body(self, place: int) -> bytes:
        starts = self._index.starts
        return self._changed.get(place) or self._bodies[starts[place] : starts[place + 1] - 1]

    def _find_open(self) -> list[int]:
        """Give the places of the jobs that still run: they are the last ones."""
        found: list[int] = []
        for place in reversed(range(len(self._index))):
            if json.loads(self._body(place))["status"] != OPEN:
                break
            found.insert(0, place)
        return found

    def _touch(self, jobs: int) -> None:
        """Let jobs change, evenly over the account, at the latest moment that it knows."""
        at = self._updated[self._latest] + 3600
        for place in range(0, len(self._index), max(1, len(self._index) // jobs)):
            document: dict[str, Any] = json.loads(self._body(place))
            document["updated_at"] = f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H:%M:%SZ}"
            document["attempts"] = (document["attempts"] or 0) + 1
            self._changed[place] = json.dumps(document, separators=(",", ":")).encode()
            self._updated[place], self._latest = at, place
            if len(self._changed) >= jobs:
                break


class Protocol(asyncio.Protocol):
    """HTTP/1.1, as far as GET on a kept connection."""

    def __init__(self, account: Account, latency: float) -> None:
        self._account, self._latency = account, latency
        self._received = b""
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while b"\r\n\r\n" in self._received:
            head, _, self._received = self._received.partition(b"\r\n\r\n")
            target = urlsplit(head.split(b" ", 2)[1].decode())
            reply = self._reply(target.path, dict(parse_qsl(target.query)))
            if self._latency:
                asyncio.get_running_loop().call_later(self._latency, self._send, reply)
            else:
                self._send(reply)

    def _send(self, reply: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(reply)

    def _reply(self, path: str, query: dict[str, str]) -> bytes:
        status, body, link = self._account.answer(path, query)
        lines = [
            f"HTTP/1.1 {status} -",
            f"Date: {format_datetime(datetime.now(UTC), usegmt=True)}",
            "Content-Type: application/json",
            f"Content-Length: {len(body)}",
            f"X-RateLimit-Remaining: {CREDITS - self._account.requests}",
            *([f"Link: {link}"] if link else []),
        ]
        return "\r\n".join([*lines, "", ""]).encode() + body


async def serve(account: Account, latency: float) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Protocol(account, latency), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.buffer.read)
    server.close()


if __name__ == "__main__":
    with Path(sys.argv[2]).open("rb") as pickled:
        index = Index(*pickle.load(pickled))  # noqa: S301 - the benchmark's own
    asyncio.run(serve(Account(Path(sys.argv[1]), index), float(sys.argv[3])))
