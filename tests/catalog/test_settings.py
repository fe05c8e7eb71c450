"""Properties and presses under the contract's names."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipc_bridge.catalog import device
from ipc_bridge.catalog.endpoint import Effect, Endpoint
from ipc_bridge.catalog.fields import Choice, Int
from ipc_bridge.catalog.settings import ACTIONS, GETTERS, SETTINGS, Setting, changes, getters_after
from ipc_bridge.errors import ParameterError, ReplyError
from tests.catalog.values import good_values

WRITABLE = {name: setting for name, setting in SETTINGS.items() if setting.setter is not None}
LINE = {"resolution": "720p", "start_x": 0, "start_y": 0, "end_x": 500, "end_y": 720}


def test_the_contracts_properties() -> None:
    assert WRITABLE.keys() == {
        *("led", "ir_mode", "flow_mode", "rotation", "zoom", "focus", "motion_level", "audio_level"),
        *("face_optimize_seconds", "face_interval", "detect_days", "detect_start", "detect_stop", "name", "door_line"),
        # Newer than the contract's first version.
        *("regular_visits", "regular_days"),
    }
    assert SETTINGS.keys() - WRITABLE.keys() == {
        *("sd_card", "wifi_ssid", "ip_mode", "max_zoom", "max_focus", "rotations", "face_groups"),
    }


@pytest.mark.parametrize("setting", SETTINGS.values(), ids=lambda setting: setting.name)
def test_a_row_is_consistent(setting: Setting) -> None:
    assert re.fullmatch(r"[a-z_]+", setting.name)
    assert setting.getter.effect is Effect.READ
    if setting.key is not None:
        assert setting.key in setting.getter.reply
    if setting.setter is not None:
        assert setting.setter.effect is Effect.WRITE
        # What stays as it is can be asked of the getter, under the same names.
        assert setting.setter.params.keys() <= setting.getter.reply.keys()
        assert setting.setter.models == setting.getter.models
    for other in (setting.maximum, setting.options):
        assert other is None or SETTINGS[other].setter is None


@pytest.mark.parametrize(
    ("name", "answer", "public"),
    [
        ("led", {"led_switch": 0}, "OFF"),
        ("ir_mode", {"irmode": 2}, "auto"),
        ("flow_mode", {"customer_judgemode": 0}, "snapshot"),
        ("zoom", {"zoom": 120}, 120),
        ("detect_days", {"weekday": 67}, "mon,tue,sun"),
        ("detect_days", {"weekday": 255}, "always"),
        ("detect_stop", {"stop_time": 1440}, "24:00"),
        ("name", {"name": "Front door"}, "Front door"),
        ("sd_card", {"status": 2}, "working"),
        ("sd_card", {"status": 3}, "unknown"),
        ("sd_card", {}, None),
        ("wifi_ssid", {"ssid": "shop", "password": "geheim"}, "shop"),
        ("wifi_ssid", {"ssid": ""}, None),
        ("ip_mode", {"proto": "static"}, "static"),
        ("rotations", {"angles": ["0", "180"]}, [0, 180]),
        ("rotations", {"angles": []}, []),
        ("door_line", {"resolution": 1, "start_x": 0, "start_y": 0, "end_x": 500, "end_y": 720}, LINE),
        ("door_line", {"extra": 1}, None),
        (
            "face_groups",
            {"face_group": [{"name": "vip", "count": 3, "capacity": 100, "description": "x"}]},
            [{"name": "vip", "count": 3, "capacity": 100}],
        ),
        ("regular_visits", {"face_group": [{"name": "vip"}, {"name": "stranger", "times": 5, "period": "7"}]}, 5),
        ("regular_days", {"face_group": [{"name": "vip"}, {"name": "stranger", "times": 5, "period": "7"}]}, 7),
        ("regular_days", {"face_group": [{"name": "vip", "period": 7}, {"name": "stranger"}]}, None),
        ("regular_visits", {}, None),
    ],
)
def test_what_a_camera_says_in_public_words(name: str, answer: dict[str, Any], public: Any) -> None:
    setting = SETTINGS[name]
    assert setting.read(setting.getter.read(answer)) == public


@given(st.sampled_from(list(WRITABLE.values())), st.data())
def test_there_and_back(setting: Setting, data: st.DataObject) -> None:
    vendors = data.draw(good_values(setting.field))
    public = setting.read(setting.getter.read(vendors if setting.key is None else {setting.key: vendors}))
    if public is None or public != setting.field.to_public(vendors):
        # No day at all and blank names have no words; blanks around a name are not the camera's.
        assert vendors == 0 or vendors != vendors.strip()
        return
    text = public if isinstance(public, str) else json.dumps(public)
    assert setting.params(setting.field.parse(text), {}) == (vendors if setting.key is None else {setting.key: vendors})


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("led", "on", 'led may be ON or OFF, not "on"'),
        ("zoom", True, "zoom may be a whole number from 0 to 500, not true"),
        ("zoom", 12.9, "zoom may be a whole number from 0 to 500, not 12.9"),
        ("zoom", "120", 'zoom may be a whole number from 0 to 500, not "120"'),
        ("door_line", {**LINE, "end_y": "0"}, 'door_line.end_y may be a whole number from 0 to 1080, not "0"'),
        ("door_line", {"end_y": 0}, "door_line may be an object with resolution, start_x, start_y, end_x, end_y, not"),
        ("door_line", {**LINE, "end_x": 50}, "end_x must be at least 100 more than start_x"),
        ("sd_card", "working", "sd_card can only be read"),
        ("brightness", 5, 'there is no property "brightness": there are name, led'),
    ],
)
def test_values_that_do_not_fit(name: str, value: Any, words: str) -> None:
    with pytest.raises(ParameterError, match=rf"^{re.escape(words)}"):
        changes({name: value}, {})


def test_limits_that_the_camera_sets() -> None:
    state = {"max_zoom": 300, "max_focus": None, "rotations": [0, 180]}
    zoom, focus, rotation = (SETTINGS[name].field_of(state) for name in ("zoom", "focus", "rotation"))
    assert isinstance(zoom, Int)
    assert isinstance(focus, Int)
    assert isinstance(rotation, Choice)
    assert (zoom.maximum, focus.maximum, list(rotation.choices), rotation.unit) == (300, 780, [0, 180], "°")
    with pytest.raises(ParameterError, match="zoom may be a whole number from 0 to 300, not 301"):
        changes({"zoom": 301}, state)
    with pytest.raises(ParameterError, match="rotation may be 0 or 180, not 90"):
        changes({"rotation": 90}, state)
    assert changes({"rotation": 180}, state)[0].params == {"rotation": 180}
    # A camera that claims more than the documents allow is not asked for it.
    assert SETTINGS["zoom"].field_of({"max_zoom": 9999}) == SETTINGS["zoom"].field


def test_one_call_for_what_one_setter_takes() -> None:
    detect, zoom, focus = changes({"audio_level": 1, "focus": 10, "zoom": 20, "motion_level": 3}, {})[::-1]
    # Zooming focuses anew, so the focus is set after it.
    assert (zoom.setter, focus.setter) == (device.MANUAL_FOCUS, device.SET_ZOOM)
    assert (detect.setter, detect.params) == (device.SET_DYNAMIC_DETECT, {"motion_level": 3, "audio_level": 1})
    assert not detect.is_whole
    known = {"motion_level": 0, "audio_level": 0, "weekday": 128, "start_time": 0, "stop_time": 60}
    assert detect.complete(detect.getter.read(known)) == {**known, "motion_level": 3, "audio_level": 1}
    with pytest.raises(ReplyError, match="config/getDynamicDetect does not tell weekday, start_time, stop_time"):
        detect.complete(detect.getter.read({}))
    # Every day, told with all of its bits: that is more than the setter takes.
    assert detect.complete(detect.getter.read({**known, "weekday": 255}))["weekday"] == 128


def test_half_of_the_rule_for_regulars_leaves_the_other_half() -> None:
    (rule,) = changes({"regular_days": 30}, {})
    assert rule.setter is device.UPDATE_MIGRATION
    groups = {"face_group": [{"name": "stranger", "times": 5, "period": 7}]}
    assert rule.complete(device.GET_GROUP_LIST.read(groups)) == {"arrive_times": 5, "period": 30}
    with pytest.raises(ReplyError, match="face/getGroupList does not tell arrive_times"):
        rule.complete(device.GET_GROUP_LIST.read({"face_group": []}))


def test_a_setter_of_one_value_needs_no_question() -> None:
    (led,) = changes({"led": "ON"}, {})
    assert led.is_whole
    assert led.complete(device.GET_LED_SWITCH.read({})) == {"led_switch": 1}
    (line,) = changes({"door_line": LINE}, {})
    assert line.is_whole
    assert device.SET_DOOR_LINE.check(line.params)["resolution"] == 1


def test_nothing_is_sent_where_one_value_is_wrong() -> None:
    with pytest.raises(ParameterError, match="motion_level"):
        changes({"led": "ON", "motion_level": 4}, {})


def test_presses() -> None:
    assert {name for name, action in ACTIONS.items() if action.endpoint is None} == {"refresh"}
    dangerous = {
        name for name, action in ACTIONS.items() if action.endpoint and action.endpoint.effect is Effect.DANGER
    }
    assert dangerous == {"format_sd_card", "factory_reset"}
    assert ACTIONS.keys() - dangerous == {"reboot", "auto_focus", "reset_zoom_focus", "snapshot", "refresh"}
    assert ACTIONS["auto_focus"].params == {"focus_x": 50, "focus_y": 50}
    assert ACTIONS["reboot"].endpoint is device.REBOOT
    for action in ACTIONS.values():
        assert action.endpoint is None or action.endpoint.check(action.params) == action.params


@pytest.mark.parametrize(
    ("endpoint", "getters"),
    [
        (device.SET_ZOOM, (device.GET_ZOOM_FOCUS_CONF,)),
        (device.SET_DYNAMIC_DETECT, (device.GET_DYNAMIC_DETECT,)),
        (device.CREATE_GROUP, (device.GET_GROUP_LIST,)),
        (device.AUTO_FOCUS, tuple(getter for getter in GETTERS if getter.group == "config")),
        (device.GET_ZOOM_FOCUS_CONF, ()),
        (device.REBOOT, ()),
    ],
)
def test_what_is_read_again_after_a_call(endpoint: Endpoint, getters: tuple[Endpoint, ...]) -> None:
    assert getters_after(endpoint) == getters


def test_each_getter_is_asked_once() -> None:
    assert len(set(GETTERS)) == len(GETTERS) == 14
