"""``config/*``: network, lens, picture, detection, name, LED, SD card."""

from __future__ import annotations

import dataclasses
from typing import Any

from ipc_bridge.catalog.device import (
    AUTO_FOCUS,
    FORMAT_MEMORY_CARD,
    GET_AI_FACE_CONFIG,
    GET_AP_LIST,
    GET_AP_LIST_WITHOUT_AUTH,
    GET_DYNAMIC_DETECT,
    GET_IP_CONFIGURATION,
    GET_IR_MODE,
    GET_LED_SWITCH,
    GET_MEMORY_CARD_STATUS,
    GET_NAME,
    GET_ROTATION,
    GET_ROTATION_ANGLES,
    GET_WIFI_CONF,
    GET_ZOOM_FOCUS_CONF,
    MANUAL_FOCUS,
    RESET_ZOOM_FOCUS,
    SET_AI_FACE_CONFIG,
    SET_DYNAMIC_DETECT,
    SET_IP_CONFIGURATION,
    SET_IR_MODE,
    SET_LED_SWITCH,
    SET_ROTATION,
    SET_WIFI_CONF,
    SET_WIFI_CONF_WITHOUT_AUTH,
    SET_ZOOM,
    UPDATE_NAME,
)
from ipc_bridge.simulator.card import CardStatus
from ipc_bridge.simulator.controls import ROTATIONS, Controls, Network
from ipc_bridge.simulator.handlers.registry import answers
from ipc_bridge.simulator.refusals import Code, RefusalError
from ipc_bridge.simulator.state import CameraState

_NEIGHBOURS = (("WeWork", "WPA-PSK"), ("Bakery guests", "NONE"), ("ärzte-im-hof", "WPA-PSK"))
_DETECTION = ("motion_level", "audio_level", "weekday", "start_time", "stop_time")


@answers(SET_WIFI_CONF)
@answers(SET_WIFI_CONF_WITHOUT_AUTH)
def _set_wifi(camera: CameraState, *, ssid: str, password: str) -> None:
    camera.controls.ssid, camera.controls.password = ssid, password


@answers(GET_WIFI_CONF)
def _get_wifi(camera: CameraState) -> dict[str, Any]:
    return {"ssid": camera.controls.ssid, "password": camera.controls.password}


@answers(GET_AP_LIST)
@answers(GET_AP_LIST_WITHOUT_AUTH)
def _list_networks(_camera: CameraState) -> dict[str, Any]:
    networks = [{"ssid": ssid, "key_mgmt": key_mgmt} for ssid, key_mgmt in _NEIGHBOURS]
    return {"num": len(networks), "ap_list": networks}


@answers(GET_IP_CONFIGURATION)
def _get_ip(camera: CameraState) -> dict[str, Any]:
    network = camera.controls.network
    return {**dataclasses.asdict(network), "ipaddr": network.ipaddr or camera.host}


@answers(SET_IP_CONFIGURATION)
def _set_ip(camera: CameraState, *, proto: str, **addresses: str) -> None:
    if proto == "static" and not addresses.keys() >= {"ipaddr", "netmask", "gateway"}:
        raise RefusalError(Code.PARAMS_INVALID)
    # With DHCP the network gives the address, whatever else was sent.
    camera.controls.network = Network(proto, **addresses) if proto == "static" else Network()
    # Only a loopback address is one that this machine certainly has; with another the camera stays where it is.
    if (address := camera.controls.network.ipaddr).startswith("127.") and address != camera.host:
        camera.request_move(address)


@answers(SET_ZOOM)
def _set_zoom(camera: CameraState, *, zoom: int) -> None:
    if zoom > camera.settings.max_zoom:
        raise RefusalError(Code.LENS_ZOOM_PARAM_INVALID)
    camera.controls.zoom = zoom
    _refocus(camera)


@answers(MANUAL_FOCUS)
def _set_focus(camera: CameraState, *, focus: int) -> None:
    if focus > camera.settings.max_focus:
        raise RefusalError(Code.LENS_FOCUS_PARAM_INVALID)
    camera.controls.focus = focus


@answers(AUTO_FOCUS)
def _auto_focus(camera: CameraState, *, focus_x: int, focus_y: int) -> None:
    camera.controls.focus_x, camera.controls.focus_y = focus_x, focus_y
    _refocus(camera)


@answers(RESET_ZOOM_FOCUS)
def _reset_lens(camera: CameraState) -> None:
    factory = Controls()
    for name in ("zoom", "focus", "focus_x", "focus_y"):
        setattr(camera.controls, name, getattr(factory, name))


@answers(GET_ZOOM_FOCUS_CONF)
def _get_lens(camera: CameraState) -> dict[str, Any]:
    controls = camera.controls
    return {
        "max_zoom": camera.settings.max_zoom,
        "max_focus": camera.settings.max_focus,
        "zoom": controls.zoom,
        "focus": controls.focus,
        # As in the documents' sample; their table has focus_x and focus_y.
        "focused_x": controls.focus_x,
        "focused_y": controls.focus_y,
    }


def _refocus(camera: CameraState) -> None:
    """The lens focuses by itself: the sharp place goes with the zoom."""
    camera.controls.focus = camera.controls.zoom * camera.settings.max_focus // max(camera.settings.max_zoom, 1)


@answers(SET_IR_MODE)
def _set_ir_mode(camera: CameraState, *, irmode: int) -> None:
    camera.controls.irmode = irmode


@answers(GET_IR_MODE)
def _get_ir_mode(camera: CameraState) -> dict[str, Any]:
    return {"irmode": camera.controls.irmode}


@answers(SET_DYNAMIC_DETECT)
def _set_detection(camera: CameraState, **values: int) -> None:
    for name in _DETECTION:
        setattr(camera.controls, name, values[name])


@answers(GET_DYNAMIC_DETECT)
def _get_detection(camera: CameraState) -> dict[str, Any]:
    return {name: getattr(camera.controls, name) for name in _DETECTION}


@answers(UPDATE_NAME)
def _set_name(camera: CameraState, *, name: str) -> None:
    camera.controls.name = name


@answers(GET_NAME)
def _get_name(camera: CameraState) -> dict[str, Any]:
    return {"name": camera.controls.name}


@answers(SET_LED_SWITCH)
def _set_led(camera: CameraState, *, led_switch: int) -> None:
    camera.controls.led_switch = led_switch


@answers(GET_LED_SWITCH)
def _get_led(camera: CameraState) -> dict[str, Any]:
    return {"led_switch": camera.controls.led_switch}


@answers(SET_ROTATION)
def _set_rotation(camera: CameraState, *, rotation: int) -> None:
    if rotation not in ROTATIONS:
        raise RefusalError(Code.CAM_INFO_ROTATION_INVALID)
    camera.controls.rotation = rotation


@answers(GET_ROTATION)
def _get_rotation(camera: CameraState) -> dict[str, Any]:
    return {"rotation": camera.controls.rotation}


@answers(GET_ROTATION_ANGLES)
def _list_rotations(_camera: CameraState) -> dict[str, Any]:
    # Texts, where the two calls before have numbers.
    return {"angles": [str(angle) for angle in ROTATIONS]}


@answers(FORMAT_MEMORY_CARD)
def _format_card(camera: CameraState) -> None:
    if camera.card.status is CardStatus.OUT:
        raise RefusalError(Code.SDCARD_NOT_PLUGGED)
    if camera.card.status is CardStatus.UNKNOWN:
        raise RefusalError(Code.SDCARD_FORMAT_FAILED)
    camera.format_card()


@answers(GET_MEMORY_CARD_STATUS)
def _get_card(camera: CameraState) -> dict[str, Any]:
    return {"status": int(camera.card.status)}


@answers(GET_AI_FACE_CONFIG)
def _get_recognition(camera: CameraState) -> dict[str, Any]:
    return {"optimize_seconds": camera.controls.optimize_seconds}


@answers(SET_AI_FACE_CONFIG)
def _set_recognition(camera: CameraState, *, optimize_seconds: int) -> dict[str, Any]:
    before = camera.controls.optimize_seconds
    camera.controls.optimize_seconds = optimize_seconds
    # The documents' sample answers with another value than was sent.
    return {"optimize_seconds": before}
