"""Brings a video to a file; what broke off is gone on with, now or the next time."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from ipc_bridge.device.api import CameraApi
from ipc_bridge.device.downloads import MAGIC, open_download, until_there
from ipc_bridge.errors import RejectedFileError, ReplyError, StorageError, UnreachableError

MAX_SIZE = 2**30
"""Bytes: a minute has 30 MB at most."""

Told = Callable[[int, int | None], None]
"""Told how many bytes are there, and of how many; None where the camera does not tell."""


class _PartFile:
    """A file that is not whole yet, under a name of its own; one that stays empty leaves nothing behind.

    Raises:
        StorageError: it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._part = path.with_name(f"{path.name}.part")
        with self._explained():
            self._file = self._part.open("r+b" if self._part.exists() else "wb")
            self.size = self._file.seek(0, os.SEEK_END)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with self._explained():
            self._file.close()
            if not self.size:
                self._part.unlink()

    def begin(self, at: int) -> None:
        """Keep what is there up to a byte, and go on behind it."""
        with self._explained():
            self._file.seek(at)
            self._file.truncate()
        self.size = at

    def write(self, chunk: bytes) -> None:
        """Add to it."""
        with self._explained():
            self._file.write(chunk)
        self.size += len(chunk)

    def finish(self) -> None:
        """It is whole."""
        with self._explained():
            self._file.close()
            self._part.replace(self._path)

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StorageError(f"{self._part} cannot be written: {error.strerror}") from error


async def bring(api: CameraApi, url: str, path: Path, told: Told) -> None:
    """Download a video to ``path``, behind what an earlier try left there.

    Raises:
        DeviceError: it cannot be had; what there is of it stays for the next try. ``ReplyError``: it is not there.
        StorageError: it cannot be written.
    """
    while True:
        with _PartFile(path) as part:
            before = part.size
            try:
                await _read(api, url, part, told)
            except ReplyError:
                if not before:
                    raise
                # Perhaps the rest of it is what the camera does not have.
                part.begin(0)
                continue
            except UnreachableError:
                if part.size <= before:
                    raise
                # It broke off, but there was more of it than before.
                continue
            part.finish()
            return


async def bring_clip(api: CameraApi, url: str, path: Path, seconds: float, told: Told) -> None:
    """Download a clip like :func:`bring`, as soon as the camera has cut it.

    Raises:
        DeviceError, StorageError: like :func:`bring`; ``ReplyError`` where it is not there within so many seconds.
    """
    try:
        async with asyncio.timeout(seconds):
            await until_there(api, url)
    except TimeoutError as error:
        raise ReplyError(f"the camera has not cut the clip within {seconds:g} s") from error
    await bring(api, url, path, told)


async def _read(api: CameraApi, url: str, part: _PartFile, told: Told) -> None:
    async with open_download(api, url, part.size) as download:
        part.begin(download.begin)
        async for chunk in download.chunks:
            if part.size == 0 and not chunk.startswith(MAGIC[: len(chunk)]):
                raise ReplyError(f"the camera answered {chunk[:40]!r}, which is no video")
            if part.size + len(chunk) > MAX_SIZE:
                raise RejectedFileError(f"a video has more than {MAX_SIZE // 2**20} MiB")
            part.write(chunk)
            told(part.size, download.size)
    if part.size == 0:
        raise ReplyError("the camera answered with an empty video")
