"""The cloud's table: what the documents leave open, and how its answers are read."""

from __future__ import annotations

import base64
from collections import Counter
from typing import Any

import pytest

from ipc_bridge.catalog import cloud, device
from ipc_bridge.catalog.cloud import ENDPOINTS
from ipc_bridge.catalog.codes import CLOUD_CODES, MEANINGS_BY_ENDPOINT, cloud_meaning, explain_cloud
from ipc_bridge.catalog.endpoint import Auth, Effect, Endpoint
from ipc_bridge.catalog.fields import File
from ipc_bridge.errors import FileTooLargeError, ParameterError, ReplyError


def test_groups() -> None:
    assert len(ENDPOINTS) == 38
    groups = Counter("face/group" if path.startswith("face/group/") else path.split("/")[0] for path in ENDPOINTS)
    assert groups == {"media": 8, "passengerFlow": 11, "face/group": 8, "face": 4, "device": 6, "hook": 1}


def test_unfinished_calls_can_be_made() -> None:
    assert [path for path, endpoint in ENDPOINTS.items() if endpoint.experimental] == [
        "media/playback/start",
        "media/playback/stop",
        "passengerFlow/stat/history/getTrendByWeek",
        "passengerFlow/stat/history/getTrendByMonth",
    ]


def test_what_needs_permission() -> None:
    assert {path for path, endpoint in ENDPOINTS.items() if endpoint.effect is Effect.DANGER} == {
        *("face/group/delete", "face/delete"),
    }
    assert all(endpoint.auth is Auth.ACCOUNT for endpoint in ENDPOINTS.values())


def test_who_is_named() -> None:
    without_shop = {path for path, endpoint in ENDPOINTS.items() if "sunmi_shop_no" not in endpoint.params}
    assert without_shop == {"media/playback/stop", "device/ipc/getListByCompany"}
    of_camera = {path for path, endpoint in ENDPOINTS.items() if "ipc_id" in endpoint.fields}
    assert of_camera == {
        *(path for path in ENDPOINTS if path.startswith("media/") and path != "media/playback/stop"),
        *("device/ipc/getInfo", "device/ipc/updateName", "device/ipc/unbind"),
    }
    for path in of_camera:
        endpoint = ENDPOINTS[path]
        both = endpoint.sample
        for name in ("ipc_id", "ipc_sn"):
            assert endpoint.check({key: value for key, value in both.items() if key != name}).keys() == both.keys() - {
                name
            }
        with pytest.raises(ParameterError, match="give ipc_id or ipc_sn"):
            endpoint.check({key: value for key, value in both.items() if key not in ("ipc_id", "ipc_sn")})


def test_a_new_group_is_of_members_unless_said_otherwise() -> None:
    params = {"sunmi_shop_no": "1", "name": "vip", "capacity": 10}
    assert cloud.CREATE_GROUP.check(params) == {**params, "type": 5}
    assert cloud.CREATE_GROUP.check({**params, "type": 3}) == {**params, "type": 3}
    with pytest.raises(ParameterError, match='not "type"'):
        cloud.UPDATE_GROUP.check({**cloud.UPDATE_GROUP.sample, "type": 5})


def test_times_are_of_two_kinds_and_events_are_numbers() -> None:
    assert cloud.GET_VIDEO_LIST.sample["start_time"] == 1_578_969_264
    assert cloud.HISTORY_BY_DAY.sample["start_time"] == "2020-01-01"
    assert cloud.HOOK_ADD.sample["event_list"] == [2001]
    assert device.HOOK_ADD.sample["event_list"] == ["face_recog_event"]
    # The cameras have other bounds under the same codes.
    assert (cloud.AGE_RANGE.choices[1], device.AGE_RANGE.choices[1]) == ("0-6", "1-6")
    assert cloud.AGE_RANGE.choices.keys() == device.AGE_RANGE.choices.keys()


def test_pictures_of_any_width_below_the_limit() -> None:
    wide = bytearray(base64.b64decode(File().sample["base64"]))
    wide[16:20] = (4000).to_bytes(4)
    picture = bytes(wide)
    assert cloud.ADD_FACE.check({**cloud.ADD_FACE.sample, "pic": picture})["pic"] == picture
    with pytest.raises(FileTooLargeError, match="at most 999999 bytes"):
        cloud.ADD_FACE.check({**cloud.ADD_FACE.sample, "pic": picture.ljust(1_000_000, b"\0")})


@pytest.mark.parametrize(
    ("endpoint", "data", "expected"),
    [
        # Counts have two names, and where there are none they are counted.
        (cloud.GET_MOTION_LIST, {"total_num": 12, "video_list": [{}]}, {"total_count": 12}),
        (cloud.GET_FACE_LIST, {"total_count": 12}, {"total_count": 12, "face_list": None}),
        (cloud.GET_CAMERA_LIST, {"ipc_list": [{}, {}]}, {"total_count": 2}),
        (cloud.GET_TODAY, {"total_count": "7"}, {"total_count": 7, "pass_count": 0, "unexposed_count": 0}),
        # Distinct persons that were not told of are not none.
        (cloud.HISTORY_BY_TAG, {}, {"total_count": 0, "uniq_total_count": None}),
        (cloud.LIVE_START, {"url": " http://x "}, {"url": "http://x", "hls_url": None}),
    ],
)
def test_lenient_reading(endpoint: Endpoint, data: dict[str, Any], expected: dict[str, Any]) -> None:
    assert expected.items() <= endpoint.read(data).items()


def test_hours_with_one_digit_or_two() -> None:
    for spelled in ("2020-01-01 4:00", "2020-01-01 04:00"):
        (hour,) = cloud.TODAY_BY_HOUR.read({"count_list": [{"time": spelled, "total_count": 3}]})["count_list"]
        assert hour == {"time": "2020-01-01 04:00", "total_count": 3, "pass_count": 0, "unexposed_count": 0}
    (late,) = cloud.HISTORY_BY_HOUR.read({"count_list": [{"time": "2020-01-01 14:00"}]})["count_list"]
    assert late["time"] == "2020-01-01 14:00"
    (none,) = cloud.HISTORY_BY_HOUR.read({"count_list": [{"time": ""}]})["count_list"]
    assert none["time"] is None
    with pytest.raises(ReplyError, match=r"data\.count_list\[0\]\.time is not text"):
        cloud.TODAY_BY_HOUR.read({"count_list": [{"time": 4}]})


def test_values_under_the_names_of_their_keys() -> None:
    (face,) = cloud.GET_FACE_LIST.read({"face_list": [{"customer_key1": "gold", "customer_value2": "tea"}]})[
        "face_list"
    ]
    assert (face["customer_value1"], face["customer_value2"], face["customer_value3"]) == ("gold", "tea", None)
    assert "customer_key1" not in face


def test_codes() -> None:
    assert len(CLOUD_CODES) == 26
    assert list(CLOUD_CODES) == sorted(CLOUD_CODES)
    assert explain_cloud("device/ipc/bind", 5509) == "code 5509 (camera is already bound)"
    assert explain_cloud("face/group/delete", 5509) == "code 5509 (group is not empty)"
    assert explain_cloud("device/ipc/getList", 5041) == "code 5041 (no shop_id found in the request)"
    assert explain_cloud("device/ipc/getListByCompany", 5041) == "code 5041 (something is wrong with the binding)"
    assert explain_cloud("hook/add", 4711) == "code 4711, which the vendor does not document"
    for path, code in MEANINGS_BY_ENDPOINT:
        assert code in ENDPOINTS[path].codes
        assert cloud_meaning(path, code) != CLOUD_CODES[code].meaning
