"""``device/*``: activation, what the camera is, reboot and factory reset."""

from __future__ import annotations

from typing import Any

from ipc_bridge.catalog.device import ACTIVATE, GET_INFO, REBOOT, RESET
from ipc_bridge.simulator.handlers.registry import answers
from ipc_bridge.simulator.refusals import Code, RefusalError
from ipc_bridge.simulator.state import CameraState


@answers(ACTIVATE)
def _activate(camera: CameraState, *, sn: str) -> None:
    if sn != camera.settings.sn:
        raise RefusalError(Code.SN_DISMATCH)
    if camera.activated:
        raise RefusalError(Code.DEVICE_ACTIVATED)
    camera.activate()


@answers(GET_INFO)
def _get_info(camera: CameraState) -> dict[str, Any]:
    settings = camera.settings
    return {
        "sn": settings.sn,
        "model_name": settings.model,
        "name": camera.controls.name,
        "software_version": settings.firmware,
        "hardware_version": settings.hardware,
        "ip": camera.host,
        # The documents' sample has this blank, too.
        "mac": f"{settings.mac} ",
    }


@answers(RESET)
def _reset(camera: CameraState) -> None:
    camera.restore_factory_settings()
    camera.request_reboot()


@answers(REBOOT)
def _reboot(camera: CameraState) -> None:
    camera.request_reboot()
