"""Keeps rows in a temporary file, for a format that needs to see all of them before the first."""

import pickle
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import BinaryIO

from snapshotter.export.style import Rows


class Spool:
    """Batches of rows that can be read several times, whatever their number."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def pass_on(self, batches: Iterable[Rows]) -> Iterator[Rows]:
        """Yield the batches, and keep them."""
        for batch in batches:
            pickle.dump(batch, self._file, pickle.HIGHEST_PROTOCOL)
            yield batch

    def __iter__(self) -> Iterator[Rows]:
        end = self._file.tell()
        self._file.seek(0)
        while self._file.tell() < end:
            yield pickle.load(self._file)  # noqa: S301 - a file without a name, of this process alone


@contextmanager
def spool() -> Iterator[Spool]:
    """Open a spool, whose file is gone with it."""
    with tempfile.TemporaryFile() as file:
        yield Spool(file)
