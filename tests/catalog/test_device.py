"""The cameras' table of endpoints: what the documents leave open. What holds for every row is in test_rows."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import Any

import pytest

from ipc_bridge.catalog import device
from ipc_bridge.catalog.device import ENDPOINTS
from ipc_bridge.catalog.endpoint import Auth, Effect, Endpoint
from ipc_bridge.catalog.fields import encode
from ipc_bridge.errors import ParameterError, ReplyError
from ipc_bridge.models import Model

# The table.


def test_groups() -> None:
    groups = Counter(endpoint.group for endpoint in ENDPOINTS.values())
    assert groups == {"hook": 3, "peopleFlow": 9, "face": 15, "media": 5, "config": 27, "device": 4}


def test_each_row_has_a_constant_named_after_its_action() -> None:
    exceptions = {
        "hook/add": "HOOK_ADD",
        "hook/delete": "HOOK_DELETE",
        "hook/query": "HOOK_QUERY",
        "peopleFlow/getConfig": "GET_FLOW_CONFIG",
        "peopleFlow/setConfig": "SET_FLOW_CONFIG",
    }
    rows = {name: row for name, row in vars(device).items() if isinstance(row, Endpoint)}
    assert len(rows) == len(ENDPOINTS)
    for name, row in rows.items():
        assert re.fullmatch(r"[a-z]+([A-Z][a-z]*)*/[a-z]+([A-Z][a-z]*)*", row.path)
        action = row.path.partition("/")[2]
        assert name == exceptions.get(row.path, re.sub(r"(?=[A-Z])", "_", action).upper())


def test_what_needs_permission() -> None:
    assert {path for path, endpoint in ENDPOINTS.items() if endpoint.effect is Effect.DANGER} == {
        *("face/deleteGroup", "face/deleteFace", "face/removeFaceInfoItem"),
        *("config/formatMemoryCard", "config/setWifiConf", "config/setWifiConfWithoutAuth"),
        *("config/setIpConfiguration", "device/activate", "device/reset"),
    }


def test_reboot_is_not_reset() -> None:
    assert (device.REBOOT.path, device.REBOOT.effect) == ("device/reboot", Effect.ACTION)
    assert (device.RESET.path, device.RESET.effect) == ("device/reset", Effect.DANGER)


def test_who_signs() -> None:
    odd = {path: endpoint.auth for path, endpoint in ENDPOINTS.items() if endpoint.auth is not Auth.ACCOUNT}
    assert odd == {
        "config/setWifiConfWithoutAuth": Auth.NONE,
        "config/getApListWithoutAuth": Auth.NONE,
        "device/activate": Auth.ACTIVATION_CODE,
    }


def test_models() -> None:
    assert all(endpoint.models == (Model.FM020,) for endpoint in ENDPOINTS.values() if endpoint.group == "face")
    assert device.GET_FACE.supports(Model.FM020)
    assert device.GET_FACE.supports(Model.UNKNOWN)
    assert not device.GET_AI_FACE_CONFIG.supports(Model.FM010)
    # Whether this model counts people is not said.
    assert device.GET_PEOPLE_STAT.supports(Model.FM010)


# Requests.


def test_all_mistakes_at_once_and_no_secret() -> None:
    with pytest.raises(ParameterError) as caught:
        device.SET_WIFI_CONF.check({"password": "5" * 65, "zoom": 1})
    assert str(caught.value) == (
        'config/setWifiConf takes ssid, password, not "zoom"; '
        "config/setWifiConf needs ssid: text of 1 to 32 characters in one line; "
        "password may be text of 0 to 64 characters in one line"
    )


LINE = {"resolution": 0, "start_x": 0, "start_y": 1080, "end_x": 100, "end_y": 0}
NAMES = {"num": 1, "group_name": "vip", "name_list": ["hobby"]}
VISITORS = {"start_time": 0, "end_time": 1, "order": 1}
GROUP = {"old_name": "vip", "name": "vip", "capacity": 1, "description": "x"}
STATIC = {"proto": "static", "ipaddr": "192.168.1.2", "netmask": "255.255.255.0", "gateway": "192.168.1.1"}


@pytest.mark.parametrize(
    ("endpoint", "params", "words"),
    [
        (device.SET_DOOR_LINE, {**LINE, "end_x": 99}, "end_x must be at least 100 more than start_x"),
        (device.SET_DOOR_LINE, {**LINE, "resolution": 1}, "start_y may be at most 720"),
        (device.SET_DOOR_LINE, {**LINE, "resolution": 1, "start_y": 0, "end_x": 1281}, "end_x may be at most 1280"),
        (device.GET_VISITOR_LIST, {**VISITORS, "age": 30, "age_range": 5}, "age and age_range exclude each other"),
        (device.ADD_FACE_INFO_ITEM, {**NAMES, "num": 2}, "num must be the length of name_list, 1"),
        (device.REMOVE_FACE_INFO_ITEM, {**NAMES, "num": 2}, "num must be the length of name_list, 1"),
        (device.DELETE_FACE, {"num": 1, "group_name": "vip", "faceid_list": ["1", "2"]}, "num must be the length"),
        (device.UPDATE_GROUP, {**GROUP, "name": "regular"}, "name must be old_name"),
        (device.UPDATE_GROUP, {**GROUP, "old_name": "stranger"}, "name must be old_name"),
        (device.SET_IP_CONFIGURATION, {"proto": "static", "ipaddr": "192.168.1.2"}, "needs gateway and netmask, too"),
        (device.SET_IP_CONFIGURATION, {**STATIC, "proto": "dhcp"}, "gateway goes with proto static only"),
    ],
)
def test_parameters_that_do_not_go_together(endpoint: Endpoint, params: dict[str, Any], words: str) -> None:
    with pytest.raises(ParameterError, match=words):
        endpoint.check(params)


@pytest.mark.parametrize(
    ("endpoint", "params"),
    [
        (device.SET_DOOR_LINE, LINE),
        (device.GET_VISITOR_LIST, {**VISITORS, "age_range": 5}),
        (device.UPDATE_GROUP, {**GROUP, "old_name": "stranger", "name": "stranger"}),
        (device.SET_IP_CONFIGURATION, STATIC),
        (device.SET_IP_CONFIGURATION, {"proto": "dhcp"}),
        # Over midnight, and without preceding or following seconds: odd, but the documents show both.
        (device.SET_DYNAMIC_DETECT, {**device.SET_DYNAMIC_DETECT.sample, "start_time": 1260, "stop_time": 540}),
        (device.GET_CUR_VIDEOS, {"preceding": 0, "following": 0}),
        (device.SET_WIFI_CONF, {"ssid": "open", "password": ""}),
        (device.GET_FACE, {"faceid": "00000001"}),
    ],
)
def test_parameters_that_are_just_fit(endpoint: Endpoint, params: dict[str, Any]) -> None:
    assert endpoint.check(params) == params


def test_attributes_become_parameters() -> None:
    face = {"group_name": "vip", "faceid": "1", "item2": "gold"}
    assert device.UPDATE_FACE.check({**face, "attributes": {"hobby": "tennis", "item1": "1"}}) == {
        **face,
        "hobby": "tennis",
        "item1": "1",
    }
    assert device.UPDATE_FACE.check({**face, "attributes": {}}) == face
    with pytest.raises(ParameterError, match="item2 stands in attributes and beside them"):
        device.UPDATE_FACE.check({**face, "attributes": {"item2": "silver"}})


def test_no_attribute_takes_the_name_of_a_parameter() -> None:
    rows = [endpoint for endpoint in ENDPOINTS.values() if "attributes" in endpoint.fields]
    assert rows == [device.GET_VISITOR_LIST, device.ADD_FACE, device.UPDATE_FACE]
    for row in rows:
        for name in {*row.fields, "app_id", "timestamp", "random", "sign"} - device.BY_NAME.keys():
            with pytest.raises(ParameterError, match="attributes may be"):
                row.check({**row.sample, "attributes": {name: "x"}})


# Replies.


@pytest.mark.parametrize(
    ("endpoint", "data", "expected"),
    [
        (device.GET_FACE, {"age": "NULL"}, {"age": None}),
        (device.GET_FACE, {"age": ""}, {"age": None}),
        (device.GET_FACE, {"age": 0}, {"age": None}),
        (device.GET_FACE, {"age": " 32 "}, {"age": 32}),
        (device.GET_FACE, {"hobby": ["tennis"]}, {"hobby": ["tennis"], "faceid": None}),
        (device.HOOK_QUERY, {"num": "2", "sub_event": []}, {"num": 2}),
        (device.HOOK_QUERY, {"sub_event": [{}]}, {"num": 1}),
        (device.GET_FACE_VISIT_DETAIL, {"arrive_count": 3, "came_in_time": [1]}, {"total_times": 3}),
        (device.GET_FACE_VISIT_DETAIL, {"came_in_time": [1, 2]}, {"total_times": 2}),
        (device.GET_FACE_VISIT_DETAIL, {}, {"total_times": None, "came_in_time": None}),
        (device.GET_ZOOM_FOCUS_CONF, {"focus_x": 40, "zoom": None}, {"focused_x": 40, "zoom": None}),
        (device.GET_ZOOM_FOCUS_CONF, {"focus_x": 40, "focused_x": 50}, {"focused_x": 50}),
        (device.GET_ROTATION_ANGLES, {"angles": ["0", "90"]}, {"angles": [0, 90]}),
        (device.GET_INFO, {"mac": "02:00:00:00:00:01 ", "name": ""}, {"mac": "02:00:00:00:00:01", "name": None}),
        (device.GET_MEMORY_CARD_STATUS, {"status": 7}, {"status": 7}),
        (device.GET_IP_CONFIGURATION, {"proto": "pppoe"}, {"proto": "pppoe"}),
    ],
)
def test_lenient_reading(endpoint: Endpoint, data: dict[str, Any], expected: dict[str, Any]) -> None:
    assert expected.items() <= endpoint.read(data).items()
    assert endpoint.read(data).keys() >= endpoint.reply.keys()


def test_lists_under_either_name() -> None:
    for name in ("faceid_list", "face_list"):
        read = device.GET_FACE_LIST.read({"num": 1, name: [{"faceid": "7"}]})
        assert (read["return_num"], read["faceid_list"][0]["faceid"]) == (1, "7")
        assert not {"num", "face_list"} & read.keys()
    (group,) = device.GET_GROUP_LIST.read({"face_group": [{"Description": "Gold"}]})["face_group"]
    assert group["description"] == "Gold"


@pytest.mark.parametrize(
    ("endpoint", "data", "words"),
    [
        (device.GET_NAME, {"name": 5}, r"config/getName answered, but data\.name is not text"),
        (device.GET_ZOOM_FOCUS_CONF, {"focus_x": 1.5}, r"data\.focus_x is not a whole number"),
        (device.GET_ZOOM_FOCUS_CONF, {"zoom": True}, r"data\.zoom is not a whole number"),
        (device.GET_ZOOM_FOCUS_CONF, {"zoom": "1" * 30}, r"data\.zoom is not a whole number"),
        (
            device.GET_FACE_LIST,
            {"faceid_list": [{}, {"age": []}]},
            r"data\.faceid_list\[1\]\.age is not a whole number",
        ),
        (device.GET_FACE_LIST, {"faceid_list": {}}, r"data\.faceid_list is not a list"),
        (device.GET_FACE_LIST, {"faceid_list": ["7"]}, r"data\.faceid_list\[0\] is not an object"),
        (device.GET_PEOPLE_STAT, {"stat_list": [{"male_num_stat": [1, "x"]}]}, r"\.male_num_stat\[1\] is not a whole"),
    ],
)
def test_wrong_types_are_reported_with_their_path(endpoint: Endpoint, data: dict[str, Any], words: str) -> None:
    with pytest.raises(ReplyError, match=words):
        endpoint.read(data)


def test_secrets_stay_here() -> None:
    data = {"ssid": "shop", "password": "geheim", "extra": [1]}
    assert device.GET_WIFI_CONF.redact(data) == {"ssid": "shop", "password": "<redacted>", "extra": [1]}
    assert device.GET_INFO.redact({"sn": "FS1"}) == {"sn": "FS1"}
    # Also where a camera repeats what it was told.
    assert device.SET_WIFI_CONF.redact({"password": "geheim"}) == {"password": "<redacted>"}
    secret = {path for path, row in ENDPOINTS.items() if any(member.secret for member in row.reply.values())}
    assert secret == {"config/getWifiConf"}


def test_lists_are_sent_as_compact_json() -> None:
    assert encode(device.HOOK_ADD.check(device.HOOK_ADD.sample)["event_list"]) == '["face_recog_event"]'
    assert encode(["Tür"]) == '["Tür"]'
    assert json.loads(encode([1, 2])) == [1, 2]
