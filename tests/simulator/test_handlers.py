"""Every row of the catalogue is answered, and what its fields forbid is refused."""

from __future__ import annotations

import base64
import inspect
from typing import Any

import aiohttp
import pytest

from ipc_bridge.catalog.codes import DEVICE_CODES
from ipc_bridge.catalog.device import ENDPOINTS
from ipc_bridge.catalog.endpoint import Auth, Endpoint
from ipc_bridge.catalog.fields import File
from ipc_bridge.simulator import CameraSettings, Code, SimulatedCamera
from ipc_bridge.simulator.handlers import HANDLERS
from tests.simulator.api import Api

GENERAL = {0, 1, 2, 3, 5, 7}
"""Codes that most calls list."""
NOT_ON_THE_WIRE = {"attributes"}
WITH_PARAMS = [row for row in ENDPOINTS.values() if row.fields and row.auth is Auth.ACCOUNT]


def name_of(row: Endpoint) -> str:
    return row.path


def sample(row: Endpoint) -> dict[str, Any]:
    """Parameters that fit, with files as bytes."""
    values = {name: value for name, value in row.sample.items() if name not in NOT_ON_THE_WIRE}
    for name, field in row.fields.items():
        if isinstance(field, File) and name in values:
            values[name] = base64.b64decode(values[name]["base64"])
    return values


def test_each_row_has_a_handler_and_no_other_has() -> None:
    assert HANDLERS.keys() == ENDPOINTS.keys()
    assert len(HANDLERS) == 63


@pytest.mark.parametrize("row", ENDPOINTS.values(), ids=name_of)
def test_handlers_take_what_the_row_has(row: Endpoint) -> None:
    taken = list(inspect.signature(HANDLERS[row.path]).parameters.values())[1:]
    items = {f"item{place}" for place in range(1, 6)}
    if any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in taken):
        return
    assert {parameter.name for parameter in taken} == row.fields.keys() - items
    required = {parameter.name for parameter in taken if parameter.default is inspect.Parameter.empty}
    assert required - NOT_ON_THE_WIRE == row.params.keys()


def test_codes_have_the_vendors_names() -> None:
    assert {code.value: code.name for code in Code} == {code.value: DEVICE_CODES[code].name for code in Code}


@pytest.mark.parametrize("row", ENDPOINTS.values(), ids=name_of)
async def test_what_fits_is_not_called_unfit(row: Endpoint, http: aiohttp.ClientSession) -> None:
    activated = row.auth is Auth.ACCOUNT
    settings = CameraSettings(discovery_port=None, activated=activated, reboot_seconds=3600)
    async with SimulatedCamera(settings) as camera:
        params = sample(row)
        if row.path == "device/activate":
            params["sn"] = camera.sn
        code, data = await Api(http, camera).call(row, **params)
    assert code not in GENERAL - {0}
    assert code == 0 or code in row.codes
    if code == 0 and row.reply:
        row.read(data)
        assert data.keys() >= row.told.keys() - {"snap_size_thr"}


@pytest.mark.parametrize("row", WITH_PARAMS, ids=name_of)
async def test_each_missing_parameter_is_refused(row: Endpoint, api: Api) -> None:
    params = sample(row)
    for name in row.params:
        code = await api.code(row, **{key: value for key, value in params.items() if key != name})
        assert code == 2 or code in row.codes, name


@pytest.mark.parametrize("row", WITH_PARAMS, ids=name_of)
async def test_each_parameter_of_a_wrong_form_is_refused(row: Endpoint, api: Api, camera: SimulatedCamera) -> None:
    params = sample(row)
    items = {f"item{place}" for place in range(1, 6)}
    for name, field in row.fields.items():
        if name in NOT_ON_THE_WIRE | items:
            continue
        too_long = "9" * 2000
        wrong = [b"a file" if not isinstance(field, File) else "no file", too_long]
        if isinstance(field, File):
            wrong += [b"", b"GIF89a", params[name][:-10] if name in params else b"\xff\xd8\xff"]
        elif not isinstance(field.sample, str):
            wrong += ["", "x", " 1", "1 ", "+1", "1.0", "true", "null", "{}", "[[]]"]
        for value in wrong:
            if isinstance(value, bytes) and not row.multipart:
                continue
            code = await api.code(row, **{**params, name: value})
            assert code == 2 or code in row.codes, (name, value)


@pytest.mark.parametrize("row", ENDPOINTS.values(), ids=name_of)
async def test_an_unknown_parameter_is_refused(row: Endpoint, http: aiohttp.ClientSession) -> None:
    settings = CameraSettings(discovery_port=None, activated=row.auth is Auth.ACCOUNT, reboot_seconds=3600)
    async with SimulatedCamera(settings) as camera:
        code, _data = await Api(http, camera).call(row, {"surplus": "1"}, **sample(row))
        # Where attributes are taken, it is one that the group does not have; the face of the sample is unknown, too.
        taken = {"face/addFace": 0, "face/updateFace": 207, "peopleFlow/getVisitorList": 284}
        assert code == taken.get(row.path, 2)
        assert camera.calls[-1].params["surplus"] == "1"


@pytest.mark.parametrize(
    ("path", "name", "value", "code"),
    [
        ("config/setWifiConf", "ssid", "x" * 33, 100),
        ("config/setWifiConf", "ssid", "", 100),
        ("config/setWifiConf", "password", "x" * 65, 101),
        ("config/setZoom", "zoom", 501, 110),
        ("config/setZoom", "zoom", -1, 110),
        ("config/manualFocus", "focus", 781, 111),
        ("config/autoFocus", "focus_y", 101, 112),
        ("config/setIrMode", "irmode", 3, 113),
        ("config/setDynamicDetect", "motion_level", 4, 114),
        ("config/setDynamicDetect", "audio_level", 4, 115),
        ("config/setDynamicDetect", "weekday", 256, 116),
        ("config/setDynamicDetect", "start_time", 1441, 117),
        ("config/setDynamicDetect", "stop_time", "x", 117),
        ("config/updateName", "name", "x" * 37, 118),
        ("config/setLedSwitch", "led_switch", 2, 119),
        ("config/setRotation", "rotation", 45, 120),
        ("config/setAiFaceConfig", "optimize_seconds", 7, 2),
        ("config/setIpConfiguration", "proto", "pppoe", 2),
        ("config/setIpConfiguration", "ipaddr", "192.168.1.256", 2),
        ("face/createGroup", "name", " vip", 201),
        ("face/createGroup", "name", "x" * 97, 201),
        ("face/createGroup", "capacity", 30_001, 202),
        ("face/createGroup", "description", "x" * 151, 212),
        ("face/updateMigration", "arrive_times", 11, 2),
        ("face/updateMigration", "period", 101, 2),
        ("face/addFaceInfoItem", "name_list", ["age"], 240),
        ("face/addFaceInfoItem", "name_list", ["x" * 51], 240),
        ("face/addFaceInfoItem", "num", 6, 2),
        ("face/addFace", "faceid", "Vip11024", 2),
        ("face/addFace", "faceid", str(2**63), 2),
        ("face/addFace", "item1", "x" * 51, 2),
        ("face/addFace", "gender", 3, 2),
        ("face/addFace", "pic", b"no picture", 210),
        ("face/addFace", "pic", bytes(2**20 + 1), 210),
        ("face/getFaceByArrival", "num", 11, 2),
        ("face/getFaceList", "page_size", 101, 274),
        ("media/getPlaybackStream", "start_time", "now", 230),
        ("media/getRecordList", "end_time", "now", 231),
        ("media/getRecordList", "page_num", 0, 234),
        ("media/getCurVideos", "preceding", 5, 2),
        ("peopleFlow/setDoorLine", "resolution", 2, 264),
        ("peopleFlow/setDoorLine", "start_x", -1, 260),
        ("peopleFlow/setDoorLine", "start_y", 1081, 261),
        ("peopleFlow/setDoorLine", "end_x", 1921, 262),
        ("peopleFlow/setDoorLine", "end_y", 1081, 263),
        ("peopleFlow/setConfig", "customer_judgemode", 2, 2),
        ("peopleFlow/getPeopleStat", "period", 4, 265),
        ("peopleFlow/getPeopleStatOut", "start_time", "now", 266),
        ("peopleFlow/getPeopleStatPass", "end_time", "now", 267),
        ("peopleFlow/getVisitorList", "order", 0, 268),
        ("peopleFlow/getVisitorList", "group_name", "x" * 97, 269),
        ("peopleFlow/getVisitorList", "gender", 0, 270),
        ("peopleFlow/getVisitorList", "age", "old", 271),
        ("peopleFlow/getVisitorList", "age_range", 9, 272),
        ("peopleFlow/getVisitorList", "page_num", 0, 273),
        ("peopleFlow/getVisitorList", "page_size", 101, 274),
        ("peopleFlow/getFaceVisitDetail", "faceid", "x", 275),
        ("hook/add", "event_list", ["door_event"], 310),
        ("hook/add", "http_callback", "ftp://192.168.0.100/", 311),
    ],
)
async def test_the_code_names_the_parameter(api: Api, path: str, name: str, value: Any, code: int) -> None:
    row = ENDPOINTS[path]
    assert await api.code(row, **{**sample(row), name: value}) == code
