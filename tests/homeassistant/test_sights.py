"""What a camera sees, in Home Assistant: pictures, people counted, groups of faces, streams."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import jinja2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipc_bridge.device.people_flow import AGE_RANGES
from ipc_bridge.homeassistant.groups import KEY_PREFIX, MAX_GROUPS
from ipc_bridge.models import Model
from tests.homeassistant.cameras import SN, STATE, camera

CAMERA = f"ipc_bridge/camera/{SN}"
UNKNOWN = "None"
AGES = {f"people_in_age_{number}": years for number, years in enumerate(AGE_RANGES, 1)}
COUNTING = {"people_in", "people_out", "people_pass", "people_in_male", "people_in_female", *AGES}
FLOW: dict[str, Any] = {
    "in": 12,
    "out": 9,
    "pass": 30,
    "by_age": {years: number for number, years in enumerate(AGE_RANGES)},
    "by_gender": {"male": 5, "female": 6},
    "since": "2026-11-21T23:00:00.000Z",
}


def render(template: str, payload: dict[str, Any]) -> str:
    """What Home Assistant makes of a message."""
    return jinja2.Environment(undefined=jinja2.StrictUndefined).from_string(template).render(value_json=payload).strip()


# Pictures.


def test_snapshots_are_a_camera_and_faces_an_image() -> None:
    components = camera().components
    assert components["camera"]["platform"] == "camera"
    assert components["camera"]["topic"] == f"{CAMERA}/snapshot"
    assert components["face_image"]["platform"] == "image"
    assert components["face_image"]["image_topic"] == f"{CAMERA}/face/image"
    assert components["face_image"]["content_type"] == "image/jpeg"
    for key in ("camera", "face_image"):
        assert not components[key].keys() & {"state_topic", "entity_category", "enabled_by_default"}


def test_where_no_faces_are_fetched_there_is_no_picture_of_them() -> None:
    device = camera(pictures=False)
    assert camera().components.keys() - device.components.keys() == {"face_image"}
    assert not device.may_have("face_image")


# People.


def test_counts_are_there_where_people_are_counted() -> None:
    assert camera(counts=True).components.keys() >= COUNTING
    assert not camera(counts=False).components.keys() & COUNTING
    # This model counts unless it says otherwise; of another one nobody knows before it has answered.
    assert camera(counts=None).components.keys() >= COUNTING
    other = camera(counts=None, model=Model.FM010)
    assert not other.components.keys() & COUNTING
    assert all(other.may_have(key) for key in COUNTING)
    assert camera(counts=True, model=Model.FM010).components.keys() >= COUNTING
    for device in (camera(counts=False), camera(counts=False, model=Model.FM010)):
        assert not any(device.may_have(key) for key in COUNTING)


@pytest.mark.parametrize("key", sorted(COUNTING))
def test_statistics_add_up_by_day(key: str) -> None:
    config = camera().components[key]
    assert (config["platform"], config["state_topic"]) == ("sensor", f"{CAMERA}/flow")
    assert (config["state_class"], config["unit_of_measurement"]) == ("total", "people")
    since = datetime.fromisoformat(render(config["last_reset_value_template"], FLOW))
    assert since.tzinfo is not None
    assert (config.get("enabled_by_default") is False) == (key not in {"people_in", "people_out", "people_pass"})


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        ("people_in", "12"),
        ("people_out", "9"),
        ("people_pass", "30"),
        ("people_in_male", "5"),
        ("people_in_female", "6"),
        *((key, str(FLOW["by_age"][years])) for key, years in AGES.items()),
    ],
)
def test_what_is_counted_is_shown(key: str, shown: str) -> None:
    template = camera().components[key]["value_template"]
    assert render(template, FLOW) == shown
    assert render(template, FLOW | dict.fromkeys(("in", "out", "pass", "by_age", "by_gender"))) == UNKNOWN


def test_who_they_were_is_an_attribute() -> None:
    assert camera().components["people_in"]["json_attributes_topic"] == f"{CAMERA}/flow"


# Groups of faces.


def groups(*names: str | None) -> dict[str, Any]:
    rows = [{"name": name, "count": number, "capacity": 1000} for number, name in enumerate(names, 7)]
    return STATE | {"face_groups": rows}


def group_sensors(state: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found = camera(state=state).components
    return {key: config for key, config in found.items() if key.startswith(KEY_PREFIX)}


def test_each_group_has_a_sensor_that_has_to_be_switched_on() -> None:
    state = groups("stranger", "regular", "Stammgäste")
    sensors = group_sensors(state)
    assert [config["name"] for config in sensors.values()] == [
        "Faces in stranger",
        "Faces in regular",
        "Faces in Stammgäste",
    ]
    assert list(sensors)[:2] == ["face_group_stranger", "face_group_regular"]
    assert [render(config["value_template"], state) for config in sensors.values()] == ["7", "8", "9"]
    for key, config in sensors.items():
        assert (config["enabled_by_default"], config["entity_category"]) == (False, "diagnostic")
        assert config["state_class"] == "measurement"
        # Names that people give are in no id, and an id stays when others come and go.
        assert "Stamm" not in key + config["unique_id"]
        assert key in group_sensors(groups("regular", "Stammgäste", "stranger"))


@given(name=st.text(min_size=1, max_size=96), other=st.text(max_size=5))
def test_no_name_gets_out_of_its_template(name: str, other: str) -> None:
    state = json.loads(json.dumps(groups(other or None, name)))
    sensors = list(group_sensors(state).values())
    if name != other:
        assert render(sensors[-1]["value_template"], state) == "8"
        assert render(sensors[-1]["value_template"], groups(other or None)) == UNKNOWN


@pytest.mark.parametrize("name", ["{{ 1 / 0 }}", "') }}{% for %}", "\\", "'", "'%}", "\\'", "\n", "{#", "\U0001f600"])
def test_names_that_look_like_templates(name: str) -> None:
    (sensor,) = group_sensors(groups(name)).values()
    assert render(sensor["value_template"], groups(name)) == "7"


def test_no_more_groups_than_a_camera_can_have() -> None:
    assert len(group_sensors(groups(*map(str, range(50)), None))) == MAX_GROUPS


@pytest.mark.parametrize("state", [{}, STATE | {"face_groups": None}])
def test_while_groups_are_not_known_none_of_them_goes(state: dict[str, Any]) -> None:
    assert camera(state=state).may_have(f"{KEY_PREFIX}0123")
    assert not camera(state=groups("vip")).may_have(f"{KEY_PREFIX}0123")
    assert not camera(state=state, model=Model.FM010).may_have(f"{KEY_PREFIX}0123")


# Streams.


@pytest.mark.parametrize("size", ["hd", "fhd"])
def test_streams_have_to_be_switched_on(size: str) -> None:
    config = camera().components[f"stream_{size}"]
    assert (config["state_topic"], config["enabled_by_default"]) == (f"{CAMERA}/info", False)
    assert render(config["value_template"], {"streams": {"hd": "rtsp://1", "fhd": "rtsp://1"}}) == "rtsp://1"
    assert render(config["value_template"], {"streams": {"hd": None, "fhd": None}}) == UNKNOWN
