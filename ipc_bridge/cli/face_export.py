"""Brings faces of a camera to a directory, as an import takes them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import voluptuous as vol

from ipc_bridge.catalog.device import FACE_ID, GENDER, GET_FACE_LIST, MAX_FACES
from ipc_bridge.catalog.endpoint import show
from ipc_bridge.cli.face_table import Row, TableWriter
from ipc_bridge.device.api import CameraApi
from ipc_bridge.errors import ReplyError
from ipc_bridge.picture_size import PNG_MAGIC

PAGE = 100
"""Faces in one answer; a camera gives no more."""


async def export_faces(
    api: CameraApi, group: str, directory: Path, table: TableWriter, found: Callable[[int], None]
) -> list[tuple[str, str]]:
    """Write all faces of a group: their pictures to ``directory``, the rest to ``table``.

    Args:
        api: the camera's.
        group: the group's name.
        directory: where pictures go.
        table: where the rest goes.
        found: told with each face how many there are.

    Returns:
        The faces without a picture, and why.

    Raises:
        DeviceError: the camera refuses, or cannot be reached.
        OSError: something cannot be written.
    """
    missing = []
    async for face, total in _faces(api, group):
        try:
            # It becomes the name of a file.
            faceid = FACE_ID(face["faceid"])
        except vol.Invalid:
            missing.append((show(face["faceid"]), "this is no faceid"))
            continue
        file = f"{faceid}.jpg"
        try:
            picture = await _fetch_picture(api, face)
            file = f"{faceid}.{'png' if picture.startswith(PNG_MAGIC) else 'jpg'}"
            (directory / file).write_bytes(picture)
        except ReplyError as error:
            missing.append((faceid, str(error)))
        details = {"faceid": faceid, "age": face["age"], "gender": GENDER.to_public(face["gender"])}
        table.add(
            Row(
                file,
                {name: str(value) for name, value in details.items() if value is not None},
                {name: str(face[name]) for name in table.attributes if face.get(name) is not None},
            )
        )
        found(total)
    return missing


async def _faces(api: CameraApi, group: str) -> AsyncIterator[tuple[dict[str, Any], int]]:
    """Every face with the number of all; one that moves to another page meanwhile comes once."""
    seen: set[str | None] = set()
    for page in range(1, MAX_FACES // PAGE + 1):
        data = await api.call(GET_FACE_LIST, group_name=group, page_num=page, page_size=PAGE)
        answer = GET_FACE_LIST.read(data)
        faces = answer["faceid_list"] or []
        for face in faces:
            if face["faceid"] not in seen:
                seen.add(face["faceid"])
                yield face, answer["total_num"] or len(faces)
        if len(faces) < PAGE:
            return


async def _fetch_picture(api: CameraApi, face: dict[str, Any]) -> bytes:
    if face["pic_url"] is None:
        raise ReplyError("the camera gives no address of its picture")
    return await api.fetch(face["pic_url"])
