"""Reads the lists of an account, and remembers what its server has shown of itself."""

import threading
from collections.abc import Mapping, Sequence

import requests

from snapshotter.api import bodies, decoding, transport
from snapshotter.api.narrowing import ListedRecords, Narrowing, Places, RequestError, Width, Wire
from snapshotter.api.paging import Listed
from snapshotter.api.records import read_all
from snapshotter.api.retry import ATTEMPTS, Request, Retrying
from snapshotter.message_mask import Mask

PREFETCHED_BODY = 2**20  # bytes of a page; with larger ones nothing is prefetched


class ListReaders:
    """Makes readers of lists; threads share what is known of the server.

    `sends_links`: it names further pages. `page_size`: the most jobs in a page so far.
    `has_answered`: a list has been seen to work.
    """

    def __init__(self, retrying: Retrying, session: transport.Session, mask: Mask) -> None:
        self._retrying, self._session, self._mask = retrying, session, mask
        self._lock = threading.Lock()  # on all that follows
        self._width = Width()
        self._usual_size = 0  # of the last pages, in bytes
        self.has_answered = False
        self.sends_links = False
        self.page_size = 0

    def has_room(self) -> bool:
        """Return whether pages are small enough to be kept until they are needed."""
        return self._usual_size <= PREFETCHED_BODY

    def reader(
        self, query: Mapping[str, str], places: Places, session: transport.Session | None = None
    ) -> Narrowing:
        """Return what reads a list; `session` is that of a thread that prefetches."""
        session = session or self._session
        most = bodies.MAX_BODY if session is self._session else PREFETCHED_BODY

        def ask(offset: int, limit: int) -> ListedRecords:
            def decode(response: requests.Response, body: bytes) -> tuple[list[bytes], bool | None]:
                if limit != 1:
                    self._note_size(len(body))
                return decoding.page(response, body)

            asked = {**query, "limit": str(limit), "offset": str(offset)}
            request = Request("jobs", asked, decode, session, most=most)
            records, more = self._retrying.get(request, attempts=1)
            return Listed(read_all(records), self._has_more(records, offset, limit, more=more))

        def wait(number: int, error: RequestError) -> None:
            self._retrying.wait(number, ATTEMPTS, error)

        return Narrowing(Wire(ask, wait, self._payload_of), self._width, places)

    def _note_size(self, size: int) -> None:
        with self._lock:
            self._usual_size = max(size, self._usual_size // 2)

    def _has_more(
        self, records: Sequence[bytes], offset: int, limit: int, *, more: bool | None
    ) -> bool | None:
        """Note what a page shows of the server; return whether there is more behind it."""
        with self._lock:
            self.has_answered = True
            if more is not None:
                self.sends_links = True
            elif records and offset:
                self.sends_links = False  # it would have named the page before
            elif not records or (self.sends_links and len(records) < min(limit, self.page_size)):
                # A missing header alone is never taken as proof that a full page is the last.
                more = False
            self.page_size = max(self.page_size, len(records))
        return more

    def _payload_of(self, error: RequestError) -> str | None:
        """Return what came in place of a record as text, without the key."""
        if not error.body:
            return None
        text = error.body.decode("utf-8", "replace").replace("\0", "\ufffd")
        return self._mask(text)[: bodies.HEAD]
