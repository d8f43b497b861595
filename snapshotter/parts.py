"""Temporary files and folders beside a target; a killed run leaves them, the next run removes them.

Each is locked (flock) while its run lives, so a dead one is known by its lock being free: process
ids are used again, and those of another host say nothing. Where there are no locks, and for what
another host made, only age counts. Between being made and being locked it looks dead, and another
run may remove it: then another is made.
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
_ABANDONED_SECONDS = 86_400  # where no lock tells
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def new_file(target: Path) -> tuple[Path, BinaryIO]:
    """Make a file beside the target, readable by its owner alone; it is locked while it is open."""
    while True:
        path = _fresh(target, "part")
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(path, flags, 0o600)
        if _take(descriptor):
            return path, os.fdopen(descriptor, "w+b")
        os.close(descriptor)


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """Make a folder beside the target, for its owner alone, locked; it is gone in the end."""
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
    """Move a folder out of the way, and back where its successor does not come; else remove it."""
    old = _fresh(target, "old")
    descriptor = os.open(target, _FOLDER)
    try:
        _take(descriptor)  # or another run would take it for one that a kill has left
        target.replace(old)
        try:
            yield old
        except BaseException:
            old.replace(target)
            raise
        rest = _fresh(target, "part")  # no longer what `restore` would bring back
        old.replace(rest)
        shutil.rmtree(rest, ignore_errors=True)
    finally:
        os.close(descriptor)


def restore(target: Path) -> None:
    """Bring back the folder that a run moved aside and was killed before it put another there."""
    for path, of, kind in _ours(target.parent):
        if kind == "old" and of == _digest(target.name):
            with _dead(path) as is_dead:
                if is_dead and not target.exists():
                    path.replace(target)
                elif is_dead:
                    shutil.rmtree(path, ignore_errors=True)


def remove_dead(folder: Path) -> None:
    """Remove what killed runs have left in a folder, as far as it may be removed."""
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
    except OSError:  # a folder may let its files be written, and not be listed
        return []
    found = ((name, _NAME.fullmatch(name)) for name in names)
    return [(folder / name, match[1], match[3]) for name, match in found if match]


def _take(descriptor: int) -> bool:
    """Lock what was just made. False if another run found it without its lock, and removes it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return True
    return os.fstat(descriptor).st_nlink > 0


@contextmanager
def _dead(path: Path) -> Iterator[bool]:
    """Whether nobody works on it any more; it is locked meanwhile, so that nobody begins to."""
    descriptor = None
    with suppress(OSError):
        is_folder = stat.S_ISDIR(path.lstat().st_mode)
        flags = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        descriptor = os.open(path, _FOLDER if is_folder else flags)
    if descriptor is None:
        yield False
        return
    try:
        with suppress(OSError):  # others may be removing it, too
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
