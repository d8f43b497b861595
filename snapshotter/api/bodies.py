"""Reads the body of an answer, inflated, within a bound of memory.

The library would inflate a chunk at once, however large it gets. Here a body grows piece by piece,
and one that is too large is given up at its bound.
"""

import io
import zlib
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any

import requests
from urllib3.exceptions import HTTPError, ProtocolError, ReadTimeoutError

MAX_BODY = 32 * 2**20  # bytes, inflated; a page of jobs has some hundred thousand
HEAD = 64 * 2**10  # bytes of a body that are kept with the error that it caused
ACCEPTED = "gzip, deflate"

_CHUNK = 2**16
_PIECE = 2**18
_MOST_LAYERS = 2
_UNREADABLE = frozenset({"br", "zstd", "compress", "x-compress", "dcb", "dcz"})


class TooLarge(requests.RequestException):
    """A body is larger than it may be. `head` is how it begins."""

    def __init__(self, most: int, head: bytes) -> None:
        super().__init__(f"the body is over {most / 2**20:g} MiB")
        self.head = head


def read(response: requests.Response, most: int, is_over: Callable[[], bool]) -> bytes:
    """Return the whole body, inflated, of at most `most` bytes; stop if `is_over`.

    Raises `requests.RequestException`.
    """
    whole = io.BytesIO()
    try:
        for piece in _inflated(_received(response.raw), _layers(response)):
            whole.write(piece)
            if whole.tell() > most:
                raise TooLarge(most, whole.getbuffer()[:HEAD].tobytes())
            if is_over():
                raise requests.Timeout
    except zlib.error as error:
        raise requests.exceptions.ContentDecodingError(
            f"the body does not inflate: {error}"
        ) from None
    except ReadTimeoutError as error:
        raise requests.ReadTimeout(error) from None
    except ProtocolError as error:
        raise requests.exceptions.ChunkedEncodingError(error) from None
    except (OSError, HTTPError) as error:
        if isinstance(error, requests.RequestException):
            raise
        raise requests.ConnectionError(error) from None
    finally:
        if not response.raw.closed:
            response.close()  # what is left of it is not to be read as the next answer
    return whole.getvalue()


def _received(raw: Any) -> Iterator[bytes]:
    """Yield the body as it comes, by what is there: nothing waits for a whole chunk."""
    read_some = getattr(raw, "read1", raw.read)
    while chunk := read_some(_CHUNK, decode_content=False):
        yield chunk


def _layers(response: requests.Response) -> list[str]:
    """Return how the body is encoded, the outermost first."""
    named = response.headers.get("Content-Encoding", "").lower().split(",")
    layers = [name.strip() for name in reversed(named)]
    for unreadable in _UNREADABLE.intersection(layers):
        raise requests.exceptions.ContentDecodingError(
            f"the body is encoded as {unreadable}, which was not asked for"
        )
    layers = [name for name in layers if name in ("gzip", "x-gzip", "deflate")]
    if len(layers) > _MOST_LAYERS:
        raise requests.exceptions.ContentDecodingError("the body is compressed again and again")
    return layers


def _inflated(chunks: Iterable[bytes], layers: list[str]) -> Iterable[bytes]:
    for layer in layers:
        chunks = _inflate(chunks, is_gzip=layer != "deflate")
    return chunks


def _inflate(chunks: Iterable[bytes], *, is_gzip: bool) -> Generator[bytes]:
    """Inflate piece by piece. Raises `zlib.error` for another stream, or one that is cut short."""
    stream: Any = None
    members = 0
    for chunk in chunks:
        data = chunk
        while data and (is_gzip or not members):  # a deflated body has one stream
            stream = stream or _stream(data, is_gzip=is_gzip)
            try:
                yield from _pieces(stream, data)
            except zlib.error:
                if members:
                    return  # something else behind a whole stream
                raise
            data = b""
            if stream.eof:
                data, stream, members = stream.unused_data.lstrip(b"\0"), None, members + 1
    if stream is not None:
        raise zlib.error("it is cut short")


def _pieces(stream: Any, data: bytes) -> Generator[bytes]:
    """Yield what some compressed bytes inflate to, piece by piece."""
    is_full = True
    while data or is_full:
        piece = stream.decompress(data, _PIECE)
        if piece:
            yield piece
        if stream.eof:
            return
        # With all taken in, more of it may be there to come out.
        data, is_full = stream.unconsumed_tail, len(piece) == _PIECE


def _stream(data: bytes, *, is_gzip: bool) -> Any:
    if is_gzip:
        return zlib.decompressobj(16 + zlib.MAX_WBITS)
    # Some servers send the bare stream, without the header that the standard wants.
    has_header = data[0] & 0x0F == zlib.DEFLATED and (
        len(data) < 2 or int.from_bytes(data[:2]) % 31 == 0  # noqa: PLR2004 - RFC 1950
    )
    return zlib.decompressobj(zlib.MAX_WBITS if has_header else -zlib.MAX_WBITS)
