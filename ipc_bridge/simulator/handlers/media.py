"""``media/*``: streams, recordings, pictures and clips; the files themselves are served by ``files``."""

from __future__ import annotations

import hashlib
from typing import Any

from ipc_bridge.catalog.device import (
    GET_CUR_VIDEOS,
    GET_LIVE_STREAM,
    GET_PLAYBACK_STREAM,
    GET_RECORD_LIST,
    GET_SNAPSHOT,
)
from ipc_bridge.simulator.addresses import clip_path, record_path, snapshot_path
from ipc_bridge.simulator.handlers.registry import answers
from ipc_bridge.simulator.refusals import Code, RefusalError
from ipc_bridge.simulator.state import CameraState


@answers(GET_LIVE_STREAM)
def _get_live_stream(camera: CameraState) -> dict[str, Any]:
    return {f"{size}_live_url": _stream(camera, f"live_{size}") for size in ("hd", "fhd")}


@answers(GET_PLAYBACK_STREAM)
def _get_playback_stream(camera: CameraState, *, start_time: int, end_time: int) -> dict[str, Any]:
    if end_time <= start_time:
        raise RefusalError(Code.PLAYBACK_TIME_INVALID)
    _records(camera, start_time, end_time)
    return {"playback_url": _stream(camera, "pb")}


@answers(GET_RECORD_LIST)
def _list_records(
    camera: CameraState, *, start_time: int, end_time: int, page_num: int = 1, page_size: int = 10
) -> dict[str, Any]:
    if end_time <= start_time:
        raise RefusalError(Code.RECORD_TIME_INVALID)
    records = _records(camera, start_time, end_time)
    page = [
        {"start_time": start, "end_time": end, "url": camera.sign_address(record_path(start, end))}
        for start, end in records[(page_num - 1) * page_size : page_num * page_size]
    ]
    return {"total_num": len(records), "return_num": len(page), "record_list": page}


@answers(GET_SNAPSHOT)
def _take_snapshot(camera: CameraState) -> dict[str, Any]:
    return {"snapshot_url": camera.sign_address(snapshot_path(camera.settings.sn, int(camera.now())))}


@answers(GET_CUR_VIDEOS)
def _cut_clip(camera: CameraState, *, preceding: int, following: int) -> dict[str, Any]:
    since = camera.card.recording_since
    if since is None:
        raise RefusalError(Code.CLIP_SERVICE_NOT_RUNNING)
    if camera.now() - preceding < since:
        raise RefusalError(Code.CLIP_FRAGMENT_NOT_READY)
    return {"url": camera.sign_address(clip_path(int(camera.now() * 1000), preceding, following))}


def _records(camera: CameraState, start: int, end: int) -> list[tuple[int, int]]:
    # These calls list no code for a missing card: then there is no recording either.
    records = camera.card.records(start, end, camera.now())
    if not records:
        raise RefusalError(Code.RECORD_NOT_EXIST)
    return records


def _stream(camera: CameraState, name: str) -> str:
    token = hashlib.md5(camera.settings.sn.encode(), usedforsecurity=False).hexdigest()
    return f"rtsp://{camera.host}/{token}/{name}.sdp"
