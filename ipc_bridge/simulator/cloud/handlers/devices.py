"""``device/ipc/*`` and ``hook/add``: the shop's cameras, and where its events go."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from ipc_bridge.catalog import cloud as calls
from ipc_bridge.simulator.cloud.handlers.registry import answers
from ipc_bridge.simulator.cloud.refusals import CloudCode
from ipc_bridge.simulator.cloud.shop import Shop
from ipc_bridge.simulator.cloud.state import CloudCamera, CloudState
from ipc_bridge.simulator.refusals import RefusalError

_MAX_CALLBACKS = 10


@answers(calls.GET_CAMERA_LIST)
def _list(cloud: CloudState, *, shop: Shop) -> dict[str, Any]:
    cameras = [_details(cloud, camera) for camera in cloud.cameras.values() if camera.shop == shop.number]
    return {"total_count": len(cameras), "ipc_list": cameras}


@answers(calls.GET_COMPANY_LIST)
def _list_of_company(cloud: CloudState, *, sunmi_company_no: str) -> dict[str, Any]:
    if sunmi_company_no != cloud.settings.company:
        raise RefusalError(CloudCode.NO_SHOP)
    cameras = [_record(camera) for camera in cloud.cameras.values() if camera.shop is not None]
    return {"total_count": len(cameras), "ipc_list": cameras}


@answers(calls.GET_CAMERA)
def _get(cloud: CloudState, *, shop: Shop, camera: CloudCamera) -> dict[str, Any]:
    del shop
    return _details(cloud, camera)


@answers(calls.UPDATE_NAME)
def _rename(cloud: CloudState, *, shop: Shop, camera: CloudCamera, ipc_name: str) -> None:
    del cloud, shop
    if not camera.online:
        raise RefusalError(CloudCode.CAMERA_SILENT)
    camera.name = ipc_name


@answers(calls.BIND)
def _bind(cloud: CloudState, *, shop: Shop, ipc_sn: str, mac: str) -> None:
    camera = cloud.find_camera(None, ipc_sn)
    if camera.mac != mac:
        raise RefusalError(CloudCode.MAC)
    if camera.shop is not None:
        raise RefusalError(CloudCode.IN_USE)
    camera.shop = shop.number


@answers(calls.UNBIND)
def _unbind(cloud: CloudState, *, shop: Shop, camera: CloudCamera) -> None:
    del cloud, shop
    camera.shop = None


@answers(calls.HOOK_ADD)
def _add_hook(cloud: CloudState, *, shop: Shop, http_callback: str, event_list: list[int]) -> None:
    del cloud, event_list
    try:
        host = urlsplit(http_callback).hostname
    except ValueError:
        host = None
    if not host:
        raise RefusalError(CloudCode.PARAMETER)
    # Nothing takes one back, and nothing says that the same one twice is one.
    shop.callbacks.append(http_callback)
    del shop.callbacks[:-_MAX_CALLBACKS]


def _record(camera: CloudCamera) -> dict[str, Any]:
    return {
        "ipc_id": camera.ipc_id,
        "ipc_sn": camera.sn,
        "ipc_name": camera.name,
        "model_name": camera.model,
        "software_version": camera.firmware,
        "active_status": int(camera.online),
    }


def _details(cloud: CloudState, camera: CloudCamera) -> dict[str, Any]:
    return {
        **_record(camera),
        "check_version_time": camera.connected,
        "connect_time": camera.connected,
        "screenshot_url": cloud.address(f"screenshot/{camera.ipc_id}.jpg"),
    }
