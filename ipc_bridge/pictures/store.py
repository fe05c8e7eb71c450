"""Pictures on the disk: a directory for each day in which they came, and never more than may be kept."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ipc_bridge.clock import Clock
from ipc_bridge.errors import StorageError
from ipc_bridge.picture_size import PNG_MAGIC

ROOM = 0.05
"""The part of the limit that is freed when it is reached: deleting reads whole directories."""

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_SUFFIXES = (".jpg", ".png")
_UNSAFE = re.compile(r"[^A-Za-z0-9.+-]")


@dataclass(slots=True)
class _Day:
    """What a directory holds."""

    pictures: int = 0
    size: int = 0


class PictureStore:
    """Pictures by the ``uid`` of what they show. Everything here blocks: it is for a thread, one call at a time.

    Args:
        directory: theirs, and only theirs.
        clock: tells how old they are.
        keep_seconds: what is older is deleted.
        keep_bytes: when they are more, the oldest are deleted.
    """

    def __init__(self, directory: Path, clock: Clock, keep_seconds: float, keep_bytes: int) -> None:
        self._directory = directory
        self._clock = clock
        self._keep_seconds = keep_seconds
        self._keep_bytes = keep_bytes
        self._days: dict[str, _Day] = {}

    @property
    def pictures(self) -> int:
        """How many there are."""
        return sum(day.pictures for day in self._days.values())

    @property
    def size(self) -> int:
        """Bytes of all of them."""
        return sum(day.size for day in self._days.values())

    def open(self) -> None:
        """See what there is, tidy up after a crash, and delete what is too much.

        Raises:
            StorageError: the directory cannot be made, read or written.
        """
        with self._explained("used"):
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            for directory in self._directory.iterdir():
                if _DAY.fullmatch(directory.name) and directory.is_dir():
                    self._count(directory)
        self.expire()

    def put(self, uid: str, came_at: float, picture: bytes) -> None:
        """Keep the picture of what came at that Unix time; one that is there already stays as it is.

        Raises:
            StorageError: it cannot be written, or something old cannot be deleted for it.
        """
        path = self._path(uid, came_at, ".png" if picture.startswith(PNG_MAGIC) else ".jpg")
        with self._explained("written"):
            if path.exists():
                return
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _write(path, picture, came_at)
        day = self._days.setdefault(path.parent.name, _Day())
        day.pictures += 1
        day.size += len(picture)
        if self.size > self._keep_bytes:
            self.expire()

    def get(self, uid: str, came_at: float) -> bytes | None:
        """Return the picture of what came at that Unix time; None where there is none, or none any more.

        Raises:
            StorageError: it cannot be read.
        """
        with self._explained("read"):
            for suffix in _SUFFIXES:
                with contextlib.suppress(FileNotFoundError):
                    return self._path(uid, came_at, suffix).read_bytes()
        return None

    def expire(self) -> None:
        """Delete what is too old, and the oldest of what is too much.

        Raises:
            StorageError: something cannot be deleted.
        """
        oldest = self._clock.time() - self._keep_seconds
        room = self._keep_bytes
        if self.size > self._keep_bytes:
            room = round(self._keep_bytes * (1 - ROOM))
        for name in sorted(self._days):
            if name > _day(oldest) and self.size <= room:
                return
            with self._explained("deleted"):
                self._thin(name, oldest, room)

    def _thin(self, name: str, oldest: float, room: int) -> None:
        day = self._days[name]
        files = sorted((found.stat().st_mtime, found) for found in _pictures(self._directory / name))
        for came_at, path in files:
            if came_at >= oldest and self.size <= room:
                return
            size = path.stat().st_size
            path.unlink()
            day.pictures -= 1
            day.size -= size
        del self._days[name]
        # Something else may lie there: that is not ours to delete.
        with contextlib.suppress(OSError):
            (self._directory / name).rmdir()

    def _count(self, directory: Path) -> None:
        for unfinished in directory.glob("*.new"):
            unfinished.unlink()
        sizes = [path.stat().st_size for path in _pictures(directory)]
        self._days[directory.name] = _Day(len(sizes), sum(sizes))

    def _path(self, uid: str, came_at: float, suffix: str) -> Path:
        return self._directory / _day(came_at) / (_UNSAFE.sub("_", uid) + suffix)

    @contextlib.contextmanager
    def _explained(self, what: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StorageError(
                f"pictures in {self._directory} cannot be {what}: {error.strerror}; look at storage.directory"
            ) from error


def _pictures(directory: Path) -> Iterator[Path]:
    return (path for path in directory.iterdir() if path.suffix in _SUFFIXES)


def _day(unix_seconds: float) -> str:
    """The name of a day's directory, in UTC; the days of names sort as they came."""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=max(0.0, unix_seconds))).strftime("%Y-%m-%d")


def _write(path: Path, content: bytes, came_at: float) -> None:
    """Write a file whole or not at all; not flushed, because a picture that a power cut takes is no great loss."""
    fresh = path.with_name(path.name + ".new")
    try:
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(content)
        # Age counts by the bridge's clock, like everything else here.
        os.utime(fresh, (came_at, came_at))
        fresh.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            fresh.unlink()
        raise
