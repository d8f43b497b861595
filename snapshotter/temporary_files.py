"""Temporary files and folders beside a target; a killed run leaves them, the next run removes them.

Each is locked (flock) while its run lives, so an abandoned one is recognized by its free lock:
process ids are reused, and those of another host mean nothing. On file systems without locks, and
for parts of another host, only the age counts. Between its creation and its lock, a part looks
abandoned and another run may remove it: then a new one is made.
"""

import fcntl
import hashlib
import os
import re
import secrets
import shutil
import socket
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

_NAME = re.compile(r"\.snapshotter-([0-9a-f]{8})-([0-9a-f]{8})-[0-9a-f]{8}\.(part|old)")
_ABANDONED_SECONDS = 86_400  # if no lock can decide
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def new_file(target: Path) -> tuple[Path, BinaryIO]:
    """Create a file beside the target, readable by its owner only, locked while it is open."""
    while True:
        path = _fresh(target, "part")
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(path, flags, 0o600)
        if _take(descriptor):
            return path, os.fdopen(descriptor, "w+b")
        os.close(descriptor)


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """Create a folder beside the target, locked and for its owner only; remove it at the end."""
    while True:
        path = _fresh(target, "part")
        path.mkdir(mode=0o700)
        try:
            descriptor = os.open(path, _FOLDER)
        except FileNotFoundError:
            continue
        if _take(descriptor):
            break
        os.close(descriptor)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        os.close(descriptor)


@contextmanager
def moved_aside(target: Path) -> Iterator[Path]:
    """Move a folder aside; remove it at the end, or move it back if the block fails."""
    old = _fresh(target, "old")
    descriptor = os.open(target, _FOLDER)
    try:
        _take(descriptor)  # or another run would think that a killed run left it
        target.replace(old)
        try:
            yield old
        except BaseException:
            old.replace(target)
            raise
        rest = _fresh(target, "part")  # so that `restore` does not bring it back
        old.replace(rest)
        shutil.rmtree(rest, ignore_errors=True)
    finally:
        os.close(descriptor)


def restore(target: Path) -> None:
    """Bring back a folder that a killed run moved aside, unless there is a new one."""
    for path, of, kind in _ours(target.parent):
        if kind == "old" and of == _digest(target.name):
            with _dead(path) as is_dead:
                if is_dead and not target.exists():
                    path.replace(target)
                elif is_dead:
                    shutil.rmtree(path, ignore_errors=True)


def remove_dead(folder: Path) -> None:
    """Remove what killed runs left in a folder, as far as permissions allow."""
    for path, _, kind in _ours(folder):
        if kind == "part":
            with _dead(path) as is_dead:
                if is_dead and path.is_dir():
                    shutil.rmtree(path, ignore_errors=True)
                elif is_dead:
                    path.unlink(missing_ok=True)


def _fresh(target: Path, kind: str) -> Path:
    name = f".snapshotter-{_digest(target.name)}-{_host()}-{secrets.token_hex(4)}.{kind}"
    return target.with_name(name)


def _digest(text: str) -> str:
    return hashlib.blake2b(os.fsencode(text), digest_size=4).hexdigest()


def _host() -> str:
    return _digest(socket.gethostname())


def _ours(folder: Path) -> list[tuple[Path, str, str]]:
    """Return the temporary files and folders: path, digest of the target's name, kind."""
    try:
        names = [path.name for path in folder.iterdir()]
    except OSError:  # a folder may be writable but not readable
        return []
    found = ((name, _NAME.fullmatch(name)) for name in names)
    return [(folder / name, match[1], match[3]) for name, match in found if match]


def _take(descriptor: int) -> bool:
    """Lock what was just created. Return False if another run found it unlocked and removes it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return True
    return os.fstat(descriptor).st_nlink > 0


@contextmanager
def _dead(path: Path) -> Iterator[bool]:
    """Lock it, and return whether its run is dead; inside the `with` no other run takes it."""
    descriptor = None
    with suppress(OSError):
        is_folder = stat.S_ISDIR(path.lstat().st_mode)
        flags = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        descriptor = os.open(path, _FOLDER if is_folder else flags)
    if descriptor is None:
        yield False
        return
    try:
        with suppress(OSError):  # another run may be removing it, too
            yield _is_free(path, descriptor)
    finally:
        os.close(descriptor)


def _is_free(path: Path, descriptor: int) -> bool:
    found = os.fstat(descriptor)
    is_either = stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)
    if not is_either or found.st_uid != os.geteuid():
        return False
    of_this_host = path.name.split("-")[2] == _host()
    is_locked = True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        is_locked = False
    if not (is_locked and of_this_host) and time.time() - found.st_mtime < _ABANDONED_SECONDS:
        return False
    return os.path.samestat(found, path.lstat())
