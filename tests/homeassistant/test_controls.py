"""The entities of settings and actions: which there are, what they may be, and what Home Assistant makes of a state."""

from __future__ import annotations

import json
import re
from typing import Any

import jinja2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ipc_bridge.catalog.device import (
    GET_LED_SWITCH,
    GET_MEMORY_CARD_STATUS,
    GET_ROTATION_ANGLES,
    GET_ZOOM_FOCUS_CONF,
)
from ipc_bridge.catalog.endpoint import Endpoint
from ipc_bridge.catalog.fields import DAYS
from ipc_bridge.catalog.settings import ACTIONS, SETTINGS, changes
from ipc_bridge.homeassistant.components import CAMERA_COMPONENTS, COUNTS, PICTURES
from ipc_bridge.models import Model
from tests.homeassistant.cameras import SN, STATE, camera

GROUP = "face_group_20e1e25b0e2d"
"""The sensor of the group that the camera has."""
CAMERA = f"ipc_bridge/camera/{SN}"
UNKNOWN = "None"
"""How a template says to Home Assistant that it has no value."""
CONTROLS = {key: config for key, config in camera().components.items() if "command_topic" in config}
FIXED = {row.key for row in CAMERA_COMPONENTS if row.needs in {None, COUNTS, PICTURES}}


def render(config: dict[str, Any], state: dict[str, Any]) -> str:
    """What Home Assistant reads for an entity out of the state topic."""
    template = jinja2.Environment(undefined=jinja2.StrictUndefined).from_string(config["value_template"])
    return template.render(value=json.dumps(state), value_json=json.loads(json.dumps(state))).strip()


def accepts(config: dict[str, Any], payload: str) -> bool:
    """Whether Home Assistant takes ``payload`` as a state, by the rules of its platforms."""
    match config["platform"]:
        case "switch" | "binary_sensor":
            return payload in {"ON", "OFF", UNKNOWN}
        case "select":
            return payload in {*config["options"], UNKNOWN}
        case "sensor":
            return payload in {*config.get("options", [payload]), UNKNOWN} and len(payload) <= 255
        case "number":
            return payload == UNKNOWN or config["min"] <= float(payload) <= config["max"]
        case "text":
            return len(payload) <= config["max"] and re.match(config.get("pattern", ""), payload) is not None
        case platform:
            raise AssertionError(platform)


def test_what_a_camera_with_everything_gets() -> None:
    platforms = {key: config["platform"] for key, config in camera().components.items() if key not in FIXED}
    assert platforms == {
        "name": "text",
        "led": "switch",
        "ir_mode": "select",
        "zoom": "number",
        "focus": "number",
        "rotation": "select",
        "motion_level": "number",
        "audio_level": "number",
        "detect_days": "text",
        "detect_start": "text",
        "detect_stop": "text",
        "flow_mode": "select",
        "face_interval": "number",
        "face_optimize_seconds": "number",
        "regular_visits": "number",
        "regular_days": "number",
        "sd_card": "sensor",
        "sd_card_problem": "binary_sensor",
        "wifi_ssid": "sensor",
        "ip_mode": "sensor",
        GROUP: "sensor",
        "reboot": "button",
        "auto_focus": "button",
        "reset_zoom_focus": "button",
        "snapshot": "button",
        "refresh": "button",
    }


@pytest.mark.parametrize(("key", "config"), CONTROLS.items(), ids=CONTROLS)
def test_commands_go_where_the_bridge_hears_them(key: str, config: dict[str, Any]) -> None:
    assert config["command_topic"] == f"{CAMERA}/{'press' if key in ACTIONS else 'set'}/{key}"
    assert key in ACTIONS or config["state_topic"] == f"{CAMERA}/state"
    assert config["entity_category"] == "config"
    assert ("icon" in config) != ("device_class" in config)


def test_bounds_units_and_options() -> None:
    components = camera().components
    assert {key: (config["min"], config["max"]) for key, config in components.items() if "min" in config} == {
        # By what the camera says of its lens.
        "zoom": (0, 300),
        "focus": (0, 780),
        "motion_level": (0, 3),
        "audio_level": (0, 3),
        "face_interval": (0, 86_400),
        "face_optimize_seconds": (1, 6),
        "regular_visits": (1, 10),
        "regular_days": (1, 100),
    }
    controls = {key: config for key, config in components.items() if "command_topic" in config}
    units = {key: unit for key, config in controls.items() if (unit := config.get("unit_of_measurement"))}
    assert units == {"face_interval": "s", "face_optimize_seconds": "s", "regular_days": "d"}
    assert {key: config["options"] for key, config in components.items() if "options" in config} == {
        "ir_mode": ["off", "on", "auto"],
        "rotation": ["0", "180"],
        "flow_mode": ["snapshot", "normal"],
        "sd_card": ["unplugged", "unformatted", "working", "unknown"],
        "ip_mode": ["dhcp", "static"],
    }
    assert components["reboot"]["device_class"] == "restart"
    assert "name" not in components["reboot"]
    disabled = {key for key, config in components.items() if config.get("enabled_by_default") is False}
    assert disabled - FIXED == {"ip_mode", GROUP}


@pytest.mark.parametrize("allow", [False, True])
def test_what_destroys_is_there_where_it_is_allowed_and_has_to_be_switched_on(*, allow: bool) -> None:
    components = camera(allow_destructive=allow).components
    destructive = {"format_sd_card", "factory_reset"}
    assert components.keys() & destructive == (destructive if allow else set())
    assert all(components[key]["enabled_by_default"] is False for key in destructive if allow)
    assert camera().undecided.isdisjoint(destructive)


# What is not known, and what is not there.


def test_before_anything_is_known_only_what_needs_nothing_is_there() -> None:
    device = camera(state={})
    assert device.components.keys() - FIXED == {"reboot", "snapshot", "refresh"}
    # But nothing of it goes from Home Assistant: a restart of the bridge is no reason.
    gone = camera().components.keys() - device.components.keys()
    assert all(device.may_have(key) for key in gone)
    assert not any(camera().may_have(key) for key in (*gone, "face_group_another"))


def test_what_a_model_cannot_have_goes() -> None:
    device = camera(model=Model.FM010, state={})
    assert {"led", "zoom", "sd_card", "sd_card_problem", "auto_focus"} <= device.undecided
    assert "face_optimize_seconds" not in device.undecided
    assert {"face_optimize_seconds", "led"} <= camera(model=Model.UNKNOWN, state={}).undecided


@pytest.mark.parametrize(
    ("call", "gone"),
    [
        (GET_LED_SWITCH, {"led"}),
        (GET_ZOOM_FOCUS_CONF, {"zoom", "focus", "auto_focus", "reset_zoom_focus"}),
        (GET_ROTATION_ANGLES, {"rotation"}),
        (GET_MEMORY_CARD_STATUS, {"sd_card", "sd_card_problem"}),
    ],
)
def test_what_a_camera_turned_out_not_to_have_is_not_awaited(call: Endpoint, gone: set[str]) -> None:
    names = {name for name, setting in SETTINGS.items() if setting.getter is call}
    device = camera(state={name: value for name, value in STATE.items() if name not in names}, unsupported=[call.path])
    assert camera().components.keys() - device.components.keys() == gone
    assert not device.undecided
    # Nor while the rest is not known yet, after a start.
    assert camera(state={}).undecided - camera(state={}, unsupported=[call.path]).undecided >= gone


@pytest.mark.parametrize("missing", sorted(STATE))
def test_a_camera_without_a_property_has_no_control_for_it(missing: str) -> None:
    state = {name: value for name, value in STATE.items() if name != missing}
    gone = camera().components.keys() - camera(state=state).components.keys()
    about = {
        "focus": {"focus", "auto_focus"},
        "zoom": {"zoom", "reset_zoom_focus"},
        "sd_card": {"sd_card", "sd_card_problem"},
        "rotations": {"rotation"},
        "max_zoom": set(),
        "max_focus": set(),
        "door_line": set(),
        "face_groups": {GROUP},
    }
    assert gone == about.get(missing, {missing})


def test_limits_of_the_api_serve_where_the_camera_tells_none() -> None:
    state = STATE | {"max_zoom": None}
    assert camera(state=state).components["zoom"]["max"] == 500
    assert camera(state=STATE | {"max_zoom": 10_000}).components["zoom"]["max"] == 500


@pytest.mark.parametrize("rotations", [None, []])
def test_a_rotation_out_of_nothing_cannot_be_chosen(rotations: object) -> None:
    assert "rotation" not in camera(state=STATE | {"rotations": rotations}).components


def test_a_lens_that_does_not_move_is_no_number() -> None:
    # Home Assistant refuses a range of nothing.
    components = camera(state=STATE | {"max_zoom": 0}).components
    assert "zoom" not in components
    assert "focus" in components


# Templates.


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        ("name", "Front door"),
        ("led", "ON"),
        ("ir_mode", "auto"),
        ("zoom", "120"),
        ("focus", "0"),
        ("rotation", "180"),
        ("detect_days", "mon,tue,sun"),
        ("detect_start", "08:00"),
        ("detect_stop", "24:00"),
        ("sd_card", "working"),
        ("sd_card_problem", "OFF"),
        ("wifi_ssid", "Shop"),
    ],
)
def test_the_state_is_shown_as_it_is(key: str, shown: str) -> None:
    assert render(camera().components[key], STATE) == shown


WITH_STATE = {
    key: config for key, config in camera().components.items() if config.get("state_topic") == f"{CAMERA}/state"
}


@pytest.mark.parametrize("state", [{}, dict.fromkeys(STATE)], ids=["left out", "null"])
@pytest.mark.parametrize(("key", "config"), WITH_STATE.items(), ids=WITH_STATE)
def test_what_is_not_known_is_unknown_and_no_error(key: str, config: dict[str, Any], state: dict[str, Any]) -> None:
    shown = render(config, state)
    # Text has no word for it.
    assert shown == ("" if config["platform"] == "text" else UNKNOWN)
    assert accepts(config, shown), key


@pytest.mark.parametrize(
    ("key", "value"),
    [("zoom", 301), ("zoom", -1), ("motion_level", 4), ("rotation", 45), ("face_interval", 100_000)],
)
def test_a_value_that_does_not_fit_is_unknown_and_no_error(key: str, value: object) -> None:
    assert render(camera().components[key], STATE | {key: value}) == UNKNOWN


def test_a_name_that_is_too_long_is_cut() -> None:
    config = camera().components["name"]
    assert render(config, {"name": "x" * 40}) == "x" * 36
    assert accepts(config, "x" * 36)


@pytest.mark.parametrize(
    ("card", "problem"),
    [("working", "OFF"), ("unplugged", "ON"), ("unformatted", "ON"), ("unknown", UNKNOWN), (None, UNKNOWN)],
)
def test_a_card_that_does_not_work_is_a_problem(card: str | None, problem: str) -> None:
    assert render(camera().components["sd_card_problem"], {"sd_card": card}) == problem


# The way there and back: what Home Assistant lets people choose is what the bridge takes.

SENT = {
    "switch": st.sampled_from(["ON", "OFF"]),
    "text": st.sampled_from(["always", "08:30", "24:00", *DAYS, ",".join(DAYS), "Front door"]),
}


@settings(deadline=None)
@given(st.data(), st.sampled_from(sorted(CONTROLS.keys() - ACTIONS.keys())))
def test_what_can_be_chosen_is_taken_and_shown(data: st.DataObject, key: str) -> None:
    config = CONTROLS[key]
    match config["platform"]:
        case "number":
            # Home Assistant sends whole numbers without a point.
            sent = str(data.draw(st.integers(config["min"], config["max"])))
        case "select":
            sent = data.draw(st.sampled_from(config["options"]))
        case platform:
            fit = re.compile(config.get("pattern", "."))
            sent = data.draw(SENT[platform].filter(lambda text: fit.match(text) is not None))
    setting = SETTINGS[key]
    value = setting.field_of(STATE).parse(sent)
    (change,) = changes({key: value}, STATE)
    state = STATE | {key: setting.field.to_public(change.params[setting.key or ""])}
    assert render(config, state) == sent
    assert accepts(config, sent)
