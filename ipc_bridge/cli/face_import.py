"""Brings pictures of faces to a camera, and remembers beside them which are done."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, TypeVar

import orjson

from ipc_bridge.catalog.codes import (
    APP_ID_INVALID,
    DEVICE_NOT_ACTIVATED,
    OP_NOT_ALLOWED,
    OP_NOT_SUPPORT,
    SECRET_KEY_INVALID,
    URL_NOT_FOUND,
)
from ipc_bridge.catalog.device import ADD_FACE, ADD_FACE_INFO_ITEM, MAX_FACES
from ipc_bridge.cli.face_groups import ask_attributes
from ipc_bridge.cli.face_table import Row
from ipc_bridge.cli.parameters import read_picture
from ipc_bridge.device.api import CameraApi
from ipc_bridge.errors import ParameterError, RefusedError

SUFFIXES = frozenset({".jpg", ".jpeg", ".png"})
STATE_NAME = ".ipc-bridge-imported.jsonl"

GROUP_NOT_EXIST = 204
_OF_ALL = frozenset(
    {
        APP_ID_INVALID,
        SECRET_KEY_INVALID,
        URL_NOT_FOUND,
        DEVICE_NOT_ACTIVATED,
        OP_NOT_ALLOWED,
        OP_NOT_SUPPORT,
        GROUP_NOT_EXIST,
        208,  # the group is full
        211,  # no face service
        220,  # no SD card
    }
)
"""Refusals that the next face would get, too."""

_T = TypeVar("_T")


@dataclass(slots=True)
class Report:
    """What became of the faces."""

    added: int = 0
    known: int = 0
    refused: list[tuple[str, str]] = field(default_factory=list)
    """Files, and why."""


class DoneFile:
    """Which pictures are on which camera: a JSON object a line, written as soon as the camera has taken one.

    Args:
        directory: where the pictures are.
        sn: the camera's serial number.
        group: the group of faces.

    Raises:
        OSError: it cannot be read or written.
    """

    def __init__(self, directory: Path, sn: str, group: str) -> None:
        self._place = {"sn": sn, "group": group}
        path = directory / STATE_NAME
        content = path.read_bytes() if path.exists() else b""
        self.files: dict[str, str] = {}
        """The digests of those that are done, by file."""
        for line in content.splitlines():
            record = _load(line)
            if record.items() >= self._place.items() and record.keys() >= {"sha256", "file"}:
                self.files[str(record["file"])] = str(record["sha256"])
        self._file = path.open("ab")
        if not content.endswith(b"\n"):
            # Whatever was cut short ends here.
            self._file.write(b"\n" if content else b"")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self._file.close()

    def add(self, file: str, sha256: str, faceid: str | None) -> None:
        """Remember a picture."""
        self.files[file] = sha256
        self._file.write(orjson.dumps({**self._place, "file": file, "sha256": sha256, "faceid": faceid}) + b"\n")
        self._file.flush()


def _load(line: bytes) -> dict[str, Any]:
    """A line; empty for one that was cut short."""
    try:
        record = orjson.loads(line)
    except orjson.JSONDecodeError:
        return {}
    return record if isinstance(record, dict) else {}


def find_pictures(directory: Path) -> list[Path]:
    """Return the pictures in ``directory``, by name.

    Raises:
        OSError: it cannot be read.
        ParameterError: there are none, or more than a camera holds.
    """
    pictures = sorted(path for path in directory.iterdir() if path.suffix.lower() in SUFFIXES and path.is_file())
    if not 0 < len(pictures) <= MAX_FACES:
        raise ParameterError(f"{directory} has {len(pictures)} JPEG or PNG pictures; expected 1 to {MAX_FACES}")
    return pictures


class FaceImport:
    """Adds faces to a group of a camera.

    Args:
        api: the camera's.
        group: the group's name.
        done: what was done before.
        report: what becomes of the faces, as it happens.
    """

    def __init__(self, api: CameraApi, group: str, done: DoneFile, report: Report) -> None:
        self._api = api
        self._group = group
        self._done = done
        self._report = report
        self._files = {digest: file for file, digest in done.files.items()}

    async def prepare(self, rows: Iterable[Row], *, create: bool) -> None:
        """See that the group has the attributes of ``rows``; what it lacks is created where ``create`` allows it.

        Raises:
            ParameterError: it lacks some, or cannot have so many.
            DeviceError: the camera refuses, or cannot be reached.
        """
        try:
            has = await ask_attributes(self._api, self._group)
        except RefusedError as error:
            if error.code == GROUP_NOT_EXIST:
                raise ParameterError(
                    f"the camera has no group {self._group}: create it with `ipc-bridge groups create`"
                ) from error
            raise
        missing = [name for name in dict.fromkeys(name for row in rows for name in row.attributes) if name not in has]
        if not missing:
            return
        if not create:
            raise ParameterError(
                f"group {self._group} has no attribute {', '.join(missing)}: give --create-attributes, or leave it out"
            )
        await self._api.call(ADD_FACE_INFO_ITEM, num=len(missing), group_name=self._group, name_list=missing)

    async def run(self, pictures: Sequence[Path], rows: dict[str, Row], advance: Callable[[], None]) -> None:
        """Add ``pictures``, one after the other; ``advance`` is called after each.

        Raises:
            DeviceError: the camera refuses all of them, or cannot be reached.
        """
        names = {picture.name for picture in pictures}
        self._report.refused += [(file, "there is no such picture") for file in rows if file not in names]
        for picture in pictures:
            await self._add(picture, rows.get(picture.name) or Row(picture.name))
            advance()

    async def _add(self, picture: Path, row: Row) -> None:
        try:
            content = read_picture(picture)
            digest = hashlib.sha256(content).hexdigest()
            if self._done.files.get(row.file) == digest:
                self._report.known += 1
                return
            if (other := self._files.get(digest)) is not None:
                self._report.refused.append((row.file, f"it is the same picture as {other}"))
                return
            values = ADD_FACE.check({"pic": content, "group_name": self._group, **row.params()})
            # Ctrl-C is no reason not to remember what the camera has taken.
            await _whole(self._send(row.file, digest, values))
        except (ParameterError, RefusedError) as error:
            if isinstance(error, RefusedError) and error.code in _OF_ALL:
                raise
            self._report.refused.append((row.file, str(error)))

    async def _send(self, file: str, digest: str, values: dict[str, Any]) -> None:
        answer = await self._api.send(ADD_FACE, values)
        self._done.add(file, digest, ADD_FACE.read(answer)["faceid"])
        self._files[digest] = file
        self._report.added += 1


async def _whole(work: Coroutine[Any, Any, _T]) -> _T:
    """Do ``work`` to its end, even when cancelled meanwhile."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise
