"""``media/*``: streams, recordings, pictures. There are addresses, and nothing behind them."""

from __future__ import annotations

from typing import Any

from ipc_bridge.catalog import cloud as calls
from ipc_bridge.simulator.cloud.handlers.registry import answers
from ipc_bridge.simulator.cloud.refusals import CloudCode
from ipc_bridge.simulator.cloud.shop import Shop
from ipc_bridge.simulator.cloud.state import CloudCamera, CloudState
from ipc_bridge.simulator.refusals import RefusalError

RECORDING = 300
"""Seconds of a recording; each begins at a multiple of them."""
DETECTION = 600
"""Seconds between two detections."""
KEPT = 30 * 86_400
"""Seconds that recordings are kept."""
_LONGEST_PLAYBACK = 86_400
"""The documents name no limit. Their example is just below a day."""
_MAX_PLAYBACKS = 100


@answers(calls.LIVE_START)
def _start_live(cloud: CloudState, *, shop: Shop, camera: CloudCamera, resolution: int) -> dict[str, Any]:
    del shop
    _reach(camera)
    return _streams(cloud, f"live/{camera.ipc_id}_{resolution}")


@answers(calls.LIVE_STOP)
def _stop_live(cloud: CloudState, *, shop: Shop, camera: CloudCamera, resolution: int) -> None:
    del cloud, shop, resolution
    _reach(camera)


@answers(calls.PLAYBACK_START)
def _start_playback(
    cloud: CloudState, *, shop: Shop, camera: CloudCamera, start_time: int, end_time: int
) -> dict[str, Any]:
    del shop
    if end_time - start_time > _LONGEST_PLAYBACK:
        raise RefusalError(CloudCode.TOO_LONG)
    if not cloud.now() - KEPT <= start_time <= cloud.now():
        raise RefusalError(CloudCode.NO_MATCH)
    client_id = f"SAAS-OpenAPI_{camera.ipc_id}{start_time}"
    if len(cloud.playbacks) >= _MAX_PLAYBACKS:
        cloud.playbacks.pop()
    cloud.playbacks.add(client_id)
    return {**_streams(cloud, f"playback/{camera.ipc_id}_{start_time}"), "client_id": client_id}


@answers(calls.PLAYBACK_STOP)
def _stop_playback(cloud: CloudState, *, client_id: str) -> None:
    if client_id not in cloud.playbacks:
        raise RefusalError(CloudCode.PARAMETER)
    cloud.playbacks.discard(client_id)


@answers(calls.GET_VIDEO_LIST)
def _list_recordings(
    cloud: CloudState, *, shop: Shop, camera: CloudCamera, start_time: int, end_time: int
) -> dict[str, Any]:
    del shop
    # Whole recordings, those included that begin before the period or end after it.
    first = max(start_time, int(cloud.now()) - KEPT) // RECORDING * RECORDING
    videos = [
        {
            "ipc_id": camera.ipc_id,
            "url": cloud.address(f"video/{camera.ipc_id}_{start}.flv"),
            "start_time": start,
            "end_time": start + RECORDING,
        }
        for start in range(first, min(end_time, int(cloud.now()) - RECORDING) + 1, RECORDING)
    ]
    return {"total_count": len(videos), "video_list": videos}


@answers(calls.GET_MOTION_LIST)
def _list_detections(
    cloud: CloudState,
    *,
    shop: Shop,
    camera: CloudCamera,
    start_time: int,
    end_time: int,
    page_num: int = 1,
    page_size: int = 10,
) -> dict[str, Any]:
    del shop
    first = -(-max(start_time, int(cloud.now()) - KEPT) // DETECTION) * DETECTION
    times = range(first, min(end_time, int(cloud.now())) + 1, DETECTION)
    page = times[(page_num - 1) * page_size : page_num * page_size]
    videos = [
        {
            "source": str(1 + time // DETECTION % 3),
            "detect_time": time,
            "url": cloud.address(f"detection/{camera.ipc_id}_{time}.flv"),
        }
        for time in page
    ]
    return {"total_num": len(times), "video_list": videos}


@answers(calls.GET_PLAYBACK_SNAPSHOT)
def _past_picture(cloud: CloudState, *, shop: Shop, camera: CloudCamera, time: int) -> dict[str, Any]:
    del shop
    if not cloud.now() - KEPT <= time <= cloud.now():
        raise RefusalError(CloudCode.NO_DATA)
    return {"snapshot_url": cloud.address(f"picture/{camera.ipc_id}_{time}.jpg")}


@answers(calls.GET_LIVE_SNAPSHOT)
def _picture(cloud: CloudState, *, shop: Shop, camera: CloudCamera) -> dict[str, Any]:
    del shop
    _reach(camera)
    return {"snapshot_url": cloud.address(f"picture/{camera.ipc_id}_{int(cloud.now())}.jpg")}


def _reach(camera: CloudCamera) -> None:
    """Talk to the camera.

    Raises:
        RefusalError: it does not answer.
    """
    if not camera.online:
        raise RefusalError(CloudCode.CAMERA_SILENT)


def _streams(cloud: CloudState, path: str) -> dict[str, Any]:
    return {"url": cloud.address(f"{path}.flv"), "hls_url": cloud.address(f"{path}.m3u8")}
