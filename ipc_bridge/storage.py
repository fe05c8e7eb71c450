"""Small JSON files in the state directory, written whole or not at all."""

from __future__ import annotations

import fcntl
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from ipc_bridge.errors import ConfigError, StorageError

log = logging.getLogger(__name__)


def make_directory(directory: Path) -> None:
    """Make the state directory, for this user only.

    Raises:
        StorageError: it cannot be made or written.
    """
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(
            f"the state directory {directory} cannot be made: {error.strerror}; look at storage.directory"
        ) from error


@contextmanager
def only_user(directory: Path) -> Iterator[None]:
    """Keep other bridges out of the state directory: two that number events in one journal would spoil it.

    Raises:
        ConfigError: another bridge is there.
    """
    try:
        handle = os.open(directory, os.O_RDONLY)
    except OSError:
        # There is none: nothing is kept, and nobody can be disturbed.
        yield
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        raise ConfigError(
            [f"storage.directory: {directory} is in use by another bridge; end that one, or give each its own"]
        ) from None
    except OSError as error:
        log.debug("%s cannot be locked: %s", directory, error)
    try:
        yield
    finally:
        os.close(handle)


class JsonFile:
    """One JSON object in a file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._content = b""

    def read(self) -> dict[str, Any]:
        """Return the object; empty where there is no file yet.

        A damaged file is moved aside and reported: the bridge starts without it.
        """
        try:
            content = self.path.read_bytes()
            value = orjson.loads(content)
        except FileNotFoundError:
            return {}
        except (OSError, orjson.JSONDecodeError) as error:
            return self._set_aside(str(error))
        if not isinstance(value, dict):
            return self._set_aside("it holds no object")
        self._content = content
        return value

    def write(self, value: dict[str, Any]) -> None:
        """Replace the file; a crash leaves the old one or the new one, never half of one.

        Where nothing changed nothing is written: SD cards wear out.

        Raises:
            StorageError: the disk is full or read-only.
        """
        content = orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS)
        if content == self._content:
            return
        fresh = self.path.with_suffix(".new")
        try:
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self.path)
        except OSError as error:
            raise StorageError(f"{self.path} cannot be written: {error.strerror}; going on without") from error
        self._content = content

    def _set_aside(self, problem: str) -> dict[str, Any]:
        aside = self.path.with_suffix(".damaged")
        log.error("%s cannot be read (%s): it is kept as %s, and begun again", self.path, problem, aside.name)
        try:
            self.path.replace(aside)
        except OSError as error:
            log.error("%s cannot be moved either: %s", self.path, error.strerror)
        return {}
