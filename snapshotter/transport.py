"""HTTP with a deadline on each request as a whole.

The timeouts of requests are for each read: a server that sends a byte now and then holds such a
client for ever. Here a timer cuts the connection, whatever it waits for.
"""

import contextlib
import signal
import socket
import threading
from collections.abc import Iterator
from typing import Any, ClassVar, Self

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError

CONNECT_TIMEOUT = 10.0  # seconds
MAX_BODY = 256 * 2**20  # bytes, decoded; a page of jobs is some hundred thousand

_thread = threading.local()


def get(
    session: "Session", url: str, query: dict[str, str], seconds: float
) -> tuple[requests.Response, bytes]:
    """Give the answer and its whole body, redirects not followed.

    Raises `requests.RequestException` when there is no whole answer within `seconds`, or its body
    is beyond all measure.
    """
    with _Deadline(seconds) as deadline, session.watched_by(deadline):
        try:
            response = session.get(
                url,
                params=query,
                timeout=(min(CONNECT_TIMEOUT, seconds), seconds),
                allow_redirects=False,
                stream=True,
            )
            body = _read(response)
        except requests.RequestException:
            if deadline.passed:
                raise requests.Timeout(f"no whole answer within {seconds:g} s") from None
            raise
        except (OSError, HTTPError) as error:
            raise requests.ConnectionError(error) from None
        if deadline.passed:
            raise requests.Timeout(f"no whole answer within {seconds:g} s")
    return response, body


class Session(requests.Session):
    """A session whose connections the deadlines know, and which looks at no redirect's target.

    It is one thread's. `like` is another session, to share its settings and its connections.
    """

    def __init__(self, like: "Session | None" = None) -> None:
        super().__init__()
        self.is_aborted = False
        self._deadline: _Deadline | None = None
        if like is None:
            self.mount("http://", _Adapter())
            self.mount("https://", _Adapter())
        else:
            self.auth, self.trust_env, self.headers = like.auth, like.trust_env, like.headers
            self.adapters = like.adapters

    @contextlib.contextmanager
    def watched_by(self, deadline: "_Deadline") -> Iterator[None]:
        """Know the deadline of the request under way, to cut it when all is given up."""
        self._deadline = deadline
        if self.is_aborted:
            deadline.cut()
        try:
            yield
        finally:
            self._deadline = None  # from now on its connection is anybody's

    def abort(self) -> None:
        """Give up for good, from any thread: what is waited for fails at once."""
        self.is_aborted = True
        if (deadline := self._deadline) is not None:
            deadline.cut()

    def get_redirect_target(self, resp: requests.Response) -> None:  # noqa: ARG002 - the interface's
        return None


def _read(response: requests.Response) -> bytes:
    chunks, size = [], 0
    for chunk in response.iter_content(2**16):
        chunks.append(chunk)
        size += len(chunk)
        if size > MAX_BODY:
            response.close()
            raise requests.exceptions.ContentDecodingError(f"the body is over {MAX_BODY} bytes")
    return b"".join(chunks)


class _Deadline:
    """Shuts the thread's connection down when the time is up."""

    def __init__(self, seconds: float) -> None:
        self.passed = False
        self.socket: socket.socket | None = None
        self._timer = _Timer(seconds, self.cut)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        _thread.deadline = self
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        _thread.deadline = None

    def show(self, connection: socket.socket) -> None:
        """Take the connection to cut; at once, where the time was up before there was one."""
        self.socket = connection
        if self.passed:
            self.cut()

    def cut(self) -> None:
        self.passed = True
        if self.socket is not None:
            with contextlib.suppress(OSError):
                # The plain shutdown also for TLS, whose own would unwrap under the reader's feet.
                socket.socket.shutdown(self.socket, socket.SHUT_RDWR)


class _Timer(threading.Timer):
    """A timer that leaves signals to the main thread: only there do they end a wait."""

    def run(self) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        super().run()


class _Watched:
    """A connection that shows its socket to the deadline once a request is sent."""

    sock: Any

    def request(self, *args: Any, **kwargs: Any) -> None:
        super().request(*args, **kwargs)  # type: ignore[misc]
        if (deadline := getattr(_thread, "deadline", None)) is not None:
            deadline.show(self.sock)


class _HTTPConnection(_Watched, HTTPConnection):
    pass


class _HTTPSConnection(_Watched, HTTPSConnection):
    pass


class _HTTPPool(HTTPConnectionPool):
    ConnectionCls = _HTTPConnection


class _HTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _HTTPSConnection


class _Adapter(HTTPAdapter):
    pools: ClassVar = {"http": _HTTPPool, "https": _HTTPSPool}

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = self.pools

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = self.pools
        return manager
