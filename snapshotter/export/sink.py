"""A file for libraries that write once more when they are garbage-collected after a failure."""

import io
import os
import stat
from collections.abc import Callable
from fcntl import F_GETFL, fcntl
from typing import Any, BinaryIO


class Sink:
    """Passes writes on until one fails or `abandon` is called; then it ignores them.

    It seeks in a new regular file only: not in pipes and devices, whatever they claim, nor in a
    file that others append to.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._failed = False
        is_whole = stat.S_ISREG(os.fstat(file.fileno()).st_mode) and not file.tell()
        self._goes_back = is_whole and not fcntl(file, F_GETFL) & os.O_APPEND
        self._written = 0

    def abandon(self) -> None:
        """Ignore all writes from now on."""
        self._failed = True

    @property
    def closed(self) -> bool:
        return False

    def write(self, data: Any) -> int:
        size = memoryview(data).nbytes
        self._do(self._file.write, data)
        self._written += size
        return size

    def flush(self) -> None:
        self._do(self._file.flush)

    def tell(self) -> int:
        # After a failure, a position before an earlier one would make a library fail again.
        is_known = self._goes_back and not self._failed
        return int(self._do(self._file.tell) or 0) if is_known else self._written

    def seek(self, place: int, whence: int = 0) -> int:
        if not self._goes_back:
            raise io.UnsupportedOperation
        return int(self._do(self._file.seek, place, whence) or 0)

    def seekable(self) -> bool:
        return self._goes_back

    def readable(self) -> bool:
        return False

    def writable(self) -> bool:
        return True

    def close(self) -> None:
        pass

    def _do(self, what: Callable[..., Any], *given: Any) -> Any:
        if self._failed:
            return None
        try:
            return what(*given)
        except OSError:
            self._failed = True
            raise
