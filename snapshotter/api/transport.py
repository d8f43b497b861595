"""HTTP with a deadline on each request as a whole, from the name's look-up to the last byte."""

import contextlib
import http.cookiejar
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any, ClassVar, NamedTuple

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import (
    ConnectTimeoutError,
    HTTPError,
    LocationParseError,
    NameResolutionError,
    NewConnectionError,
)

from snapshotter.api import bodies, deadlines
from snapshotter.api.deadlines import Deadline

CONNECT_TIMEOUT = 10.0  # seconds


class Bounds(NamedTuple):
    """How long a request may take, how large its answer may be, and what asks to give it up."""

    seconds: float
    body: int = bodies.MAX_BODY
    is_asked_to_stop: Callable[[], object] = lambda: False


def get(
    session: "Session", url: str, query: dict[str, str], bounds: Bounds
) -> tuple[requests.Response, bytes]:
    """Return the answer and its whole body, redirects not followed.

    Raises `requests.RequestException` if there is no complete answer within `bounds`.
    """
    with _in_time(session, bounds) as deadline:
        response = session.get(
            url,
            params=query,
            timeout=_timeouts(bounds),
            allow_redirects=False,
            stream=True,
        )
        body = bodies.read(response, bounds.body, lambda: not deadline.left())
    return response, body


def post(session: "Session", url: str, body: bytes, bounds: Bounds) -> int:
    """Send a body as plain text; return the status of the answer, whose body is not read.

    Redirects are not followed. Raises `requests.RequestException` if there is none in time.
    """
    with _in_time(session, bounds):
        response = session.post(
            url,
            data=body,
            headers={"Content-Type": "text/plain; charset=utf-8"},
            timeout=_timeouts(bounds),
            allow_redirects=False,
            stream=True,
        )
        response.close()
    return response.status_code


def _timeouts(bounds: Bounds) -> tuple[float, float]:
    return min(CONNECT_TIMEOUT, bounds.seconds), bounds.seconds


@contextlib.contextmanager
def _in_time(session: "Session", bounds: Bounds) -> Iterator[Deadline]:
    """Bound the request in the block, and turn what it raises into errors of `requests`."""
    seconds = bounds.seconds
    with Deadline(seconds, bounds.is_asked_to_stop) as deadline, session.watched_by(deadline):
        try:
            yield deadline
        except bodies.TooLarge:
            raise
        except requests.RequestException:
            if deadline.passed:
                raise requests.Timeout(f"no whole answer within {seconds:g} s") from None
            raise
        except (OSError, HTTPError, ValueError) as error:
            raise requests.ConnectionError(error) from None
        if deadline.passed:
            raise requests.Timeout(f"no whole answer within {seconds:g} s")


class Session(requests.Session):
    """A session whose connections the deadlines know.

    It looks at no redirect's target, keeps no cookie and sends none. It is one thread's. `like` is
    another session, to share its settings and its connections.
    """

    def __init__(self, like: "Session | None" = None) -> None:
        super().__init__()
        self.is_aborted = False
        self._deadline: Deadline | None = None
        self.cookies.set_policy(http.cookiejar.DefaultCookiePolicy(allowed_domains=()))
        if like is None:
            self.headers["Accept-Encoding"] = bodies.ACCEPTED
            self.mount("http://", _Adapter())
            self.mount("https://", _Adapter())
        else:
            self.auth, self.trust_env, self.headers = like.auth, like.trust_env, like.headers
            self.verify, self.adapters = like.verify, like.adapters

    @contextlib.contextmanager
    def watched_by(self, deadline: Deadline) -> Iterator[None]:
        """Know the deadline of the request in progress, to cut it when all is given up."""
        self._deadline = deadline
        if self.is_aborted:
            deadline.cut()
        try:
            yield
        finally:
            self._deadline = None  # from now on its connection is anybody's

    def abort(self) -> None:
        """Abort for good, from any thread: the request in flight fails at once."""
        self.is_aborted = True
        if (deadline := self._deadline) is not None:
            deadline.cut()

    def get_redirect_target(self, resp: requests.Response) -> None:  # noqa: ARG002 - the interface's
        return None


class _Watched:
    """A connection that shows its socket to the deadline, from before it is connected."""

    sock: Any

    def _new_conn(self) -> socket.socket:
        deadline = deadlines.current()
        if deadline is None:
            found: socket.socket = super()._new_conn()  # type: ignore[misc]
            return found
        return _connect(self, deadline)

    def request(self, *args: Any, **kwargs: Any) -> None:
        if self.sock is not None and (deadline := deadlines.current()) is not None:
            deadline.show(self.sock)  # of a connection that was kept
        super().request(*args, **kwargs)  # type: ignore[misc]


def _connect(connection: Any, deadline: Deadline) -> socket.socket:
    """Connect to the first address that answers, in the time that is left for all of them."""
    last: OSError | None = None
    for family, kind, protocol, _, address in _addresses(connection, deadline):
        if not (left := deadline.left()):
            raise ConnectTimeoutError(connection, f"no connection to {connection.host} in time")
        try:
            sock = socket.socket(family, kind, protocol)
        except OSError as error:
            last = error
            continue
        try:
            for option in connection.socket_options or ():
                sock.setsockopt(*option)
            sock.settimeout(min(connection.timeout or CONNECT_TIMEOUT, left))
            deadline.show(sock)
            sock.connect(address)
        except BaseException as error:
            sock.close()
            if not isinstance(error, OSError):
                raise
            last = error
        else:
            return sock
    if isinstance(last, TimeoutError) or deadline.passed:
        raise ConnectTimeoutError(connection, f"no connection to {connection.host} in time")
    raise NewConnectionError(connection, f"Failed to establish a new connection: {last}") from last


def _addresses(connection: Any, deadline: Deadline) -> list[Any]:
    """Look a name up. A name server can take its time: another thread waits for it, if possible."""
    host = connection._dns_host.strip("[]")  # noqa: SLF001 - as the library's own look-up takes it
    found: list[Any] = []

    def look_up() -> None:
        try:
            host.encode("idna")
            found.append(socket.getaddrinfo(host, connection.port, 0, socket.SOCK_STREAM))
        except BaseException as error:  # noqa: BLE001 - it is raised by who waits
            found.append(error)

    if host == "localhost" or ":" in host or not host.strip("0123456789."):
        look_up()
    else:
        _wait_for(look_up, found, deadline)
    if not found:
        raise ConnectTimeoutError(connection, f"no address of {connection.host} in time")
    (answer,) = found
    if isinstance(answer, socket.gaierror):
        raise NameResolutionError(connection.host, connection, answer) from answer
    if isinstance(answer, UnicodeError):
        raise LocationParseError(f"{connection.host!r}, label empty or too long")
    if isinstance(answer, BaseException):
        raise answer
    addresses: list[Any] = answer
    return addresses


def _wait_for(look_up: Callable[[], None], found: list[Any], deadline: Deadline) -> None:
    thread = threading.Thread(target=look_up, name="look-up", daemon=True)
    try:
        thread.start()
    except RuntimeError:  # no further thread may be started
        look_up()
    while not found and (left := deadline.left()):
        thread.join(min(left, deadlines.SLICE))


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

    def proxy_manager_for(self, proxy: Any, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **kwargs)
        if not str(proxy).lower().startswith("socks"):  # those connect in their own way
            manager.pool_classes_by_scheme = self.pools
        return manager
