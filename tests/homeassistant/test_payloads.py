"""Discovery payloads, checked against what Home Assistant takes: it drops unknown keys without a word."""

from __future__ import annotations

import ipaddress
import json
import re
from dataclasses import replace
from typing import Any

import jinja2
import pytest

from ipc_bridge import __version__
from ipc_bridge.homeassistant.components import (
    BRIDGE_COMPONENTS,
    CAMERA_COMPONENTS,
    COUNTS,
    PICTURES,
    SHOP_COMPONENTS,
    Availability,
    Component,
)
from ipc_bridge.homeassistant.payloads import (
    Device,
    ShopCameraInfo,
    bridge_device,
    bridge_id,
    camera_device,
    camera_id,
    component_messages,
    device_message,
    shop_camera_device,
    shop_device,
)
from ipc_bridge.models import FACE_EVENT_TYPES, MOTION_EVENT_TYPES, CameraInfo, Model
from ipc_bridge.mqtt.topics import Topics
from tests.homeassistant.cameras import SN, STATE, TOPICS, camera

# Home Assistant's schemas, as far as these platforms go.
ENTITY_KEYS = {
    "platform",
    "name",
    "unique_id",
    "icon",
    "entity_category",
    "enabled_by_default",
    "visible_by_default",
    "entity_picture",
    "json_attributes_topic",
    "json_attributes_template",
    "default_entity_id",
    "qos",
    "encoding",
    "state_topic",
    "value_template",
    "availability",
    "availability_topic",
    "availability_mode",
    "availability_template",
    "payload_available",
    "payload_not_available",
}
PLATFORM_KEYS = {
    "binary_sensor": {"device_class", "payload_on", "payload_off", "off_delay", "expire_after", "force_update"},
    "sensor": {
        "device_class",
        "state_class",
        "unit_of_measurement",
        "suggested_display_precision",
        "options",
        "last_reset_value_template",
        "expire_after",
        "force_update",
    },
    "event": {"device_class", "event_types"},
    "switch": {
        "command_topic",
        "device_class",
        "optimistic",
        "payload_off",
        "payload_on",
        "retain",
        "state_off",
        "state_on",
    },
    "select": {"command_template", "command_topic", "optimistic", "options", "retain"},
    "number": {
        "command_template",
        "command_topic",
        "device_class",
        "max",
        "min",
        "mode",
        "optimistic",
        "payload_reset",
        "retain",
        "step",
        "unit_of_measurement",
    },
    "text": {"command_template", "command_topic", "max", "min", "mode", "optimistic", "pattern", "retain"},
    "camera": {"topic", "image_encoding"},
    "image": {"image_topic", "image_encoding", "content_type", "url_topic", "url_template"},
    "button": {"command_template", "command_topic", "device_class", "payload_press", "retain"},
}
DEVICE_CLASSES = {
    "binary_sensor": {"motion", "sound", "occupancy", "connectivity", "problem", "presence", "running", "tamper"},
    "sensor": {"timestamp", "duration", "enum"},
    "event": {"motion", "button", "doorbell"},
    "button": {"identify", "restart", "update"},
}
READINGS = {"binary_sensor", "sensor", "event", "camera", "image"}
"""Platforms without a command."""
TOPIC_KEYS = {"button": set(), "camera": {"topic"}, "image": {"image_topic"}}
"""How platforms call what they read, where that is not ``state_topic``."""
NAMES = ("LED", "SD card", "Wi-Fi", "IP mode", "FHD", "HD", "VIP")
"""What is written so everywhere."""
DEVICE_KEYS = {
    "identifiers",
    "connections",
    "name",
    "manufacturer",
    "model",
    "model_id",
    "hw_version",
    "sw_version",
    "serial_number",
    "suggested_area",
    "configuration_url",
    "via_device",
}
ORIGIN_KEYS = {"name", "sw_version", "support_url"}
AVAILABILITY_KEYS = {"topic", "payload_available", "payload_not_available", "value_template"}
ID = re.compile(r"[a-zA-Z0-9_-]+")


SHOP = "100939020409"
CLOUD_CAMERA = ShopCameraInfo(SN, "Front door", "FM020", None, is_local=False)


def bridge() -> Device:
    return bridge_device(TOPICS, __version__, "http://127.0.0.1:8099")


DEVICES = {
    "bridge": bridge(),
    "FM020": camera(allow_destructive=True),
    "FM010": camera(model=Model.FM010, model_name="FM010"),
    "state not known": camera(state={}),
    "nothing known": camera_device(TOPICS, CameraInfo(SN), __version__, 443),
    "shop": shop_device(TOPICS, SHOP, __version__),
    "camera of the cloud": shop_camera_device(TOPICS, SHOP, CLOUD_CAMERA, __version__),
}
COMPONENTS = [
    pytest.param(device, key, config, id=f"{name} {key}")
    for name, device in DEVICES.items()
    for key, config in device.components.items()
]


def contains_null(value: object) -> bool:
    if isinstance(value, dict):
        return any(contains_null(item) for item in value.values())
    if isinstance(value, list):
        return any(contains_null(item) for item in value)
    return value is None


# The whole message.


@pytest.mark.parametrize("device", DEVICES.values(), ids=DEVICES)
def test_the_outer_levels_have_known_keys_only(device: Device) -> None:
    message = device_message(device, {})
    assert list(message) == ["device", "origin", "components"]
    assert set(message["device"]) <= DEVICE_KEYS
    assert set(message["origin"]) == ORIGIN_KEYS
    assert message["origin"]["support_url"].startswith("https://")
    assert message["components"] == device.components


@pytest.mark.parametrize("device", DEVICES.values(), ids=DEVICES)
def test_nothing_is_null(device: Device) -> None:
    assert not contains_null(device_message(device, {}))
    assert device.device["name"]


@pytest.mark.parametrize("device", DEVICES.values(), ids=DEVICES)
def test_everything_can_be_json(device: Device) -> None:
    message = device_message(device, {"old": "sensor"})
    assert json.loads(json.dumps(message)) == message


# Each component.


@pytest.mark.parametrize(("device", "key", "config"), COMPONENTS)
def test_home_assistant_knows_every_key(device: Device, key: str, config: dict[str, Any]) -> None:
    assert set(config) <= ENTITY_KEYS | PLATFORM_KEYS[config["platform"]]


@pytest.mark.parametrize(("device", "key", "config"), COMPONENTS)
def test_a_component_is_complete(device: Device, key: str, config: dict[str, Any]) -> None:
    assert ID.fullmatch(key)
    assert config["unique_id"] == f"{device.id}_{key}"
    topics = {name: topic for name, topic in config.items() if name.endswith("topic")}
    assert all(topic.startswith("ipc_bridge/") for topic in topics.values())
    assert ("command_topic" in topics) == (config["platform"] not in READINGS)
    read = topics.keys() - {"command_topic", "json_attributes_topic"}
    assert read == TOPIC_KEYS.get(config["platform"], {"state_topic"})
    assert config["qos"] == 1
    if "device_class" in config:
        assert config["device_class"] in DEVICE_CLASSES[config["platform"]]
    # Without a device class Home Assistant would call it "MQTT Sensor".
    assert config.get("name") or (config.get("device_class") and config["platform"] != "event")
    if "icon" in config:
        assert re.fullmatch(r"mdi:[a-z-]+", config["icon"])
    # A sensor rejects "config".
    allowed = {None, "diagnostic"} if config["platform"] in READINGS else {"config"}
    assert config.get("entity_category") in allowed
    assert config.get("json_attributes_topic") in {None, config.get("state_topic")}
    # Who sends a command anew at each restart would have it carried out anew.
    assert "retain" not in config


@pytest.mark.parametrize(("device", "key", "config"), COMPONENTS)
def test_a_name_does_not_repeat_the_devices(device: Device, key: str, config: dict[str, Any]) -> None:
    name = config.get("name", "")
    assert device.device["name"].lower() not in name.lower()
    assert name[:1] == name[:1].upper()
    for word in NAMES:
        name = name.replace(word, word.lower())
    assert name[1:] == name[1:].lower()


@pytest.mark.parametrize(("device", "key", "config"), COMPONENTS)
def test_availability(device: Device, key: str, config: dict[str, Any]) -> None:
    is_cloud = device.id.endswith((SHOP, "_cloud"))
    bridge_status = "ipc_bridge/bridge/status"
    own_status = f"ipc_bridge/shop/{SHOP}/status" if is_cloud else f"ipc_bridge/camera/{SN}/status"
    if config["platform"] == "event" or (device.id, key) == ("ipc_bridge_bridge", "connectivity"):
        assert not {name for name in config if name.startswith(("availability", "payload_"))} - {
            "payload_on",
            "payload_off",
        }
        return
    for item in config["availability"]:
        assert set(item) <= AVAILABILITY_KEYS
        assert (item["payload_available"], item["payload_not_available"]) == ("online", "offline")
    assert config["availability_mode"] == "all"
    expected = [bridge_status] if device.id == "ipc_bridge_bridge" else [bridge_status, own_status]
    if key in {"connectivity", "firmware", "address", "stream_hd", "stream_fhd"}:
        expected = [bridge_status]
    assert [item["topic"] for item in config["availability"]] == expected


@pytest.mark.parametrize(
    ("key", "types"), [("motion_event", list(MOTION_EVENT_TYPES)), ("face_event", list(FACE_EVENT_TYPES))]
)
def test_event_types_are_the_models(key: str, types: list[str]) -> None:
    config = camera().components[key]
    assert config["event_types"] == types
    assert_fires_news_alone(config)
    assert config["state_topic"] == f"ipc_bridge/camera/{SN}/event/{key.removesuffix('_event')}"


def test_the_last_face_is_a_timestamp_that_has_to_be_switched_on() -> None:
    config = camera().components["last_face"]
    assert config["device_class"] == "timestamp"
    assert config["enabled_by_default"] is False
    assert config["json_attributes_topic"] == f"ipc_bridge/camera/{SN}/face"


def test_unique_ids_are_unique() -> None:
    ids = [
        config["unique_id"] for device in (bridge(), camera(), camera(sn="B")) for config in device.components.values()
    ]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize(("model", "has_faces"), [(Model.FM010, False), (Model.FM020, True), (Model.UNKNOWN, False)])
def test_a_model_gets_what_it_supports(model: Model, has_faces: bool) -> None:
    keys = set(camera(model=model).components)
    faces = {"face_event", "last_face", "face_image"}
    assert keys & faces == (faces if has_faces else set())
    assert {"motion", "sound", "human", "motion_event", "connectivity"} <= keys


# The table itself.


@pytest.mark.parametrize(
    "rows", [BRIDGE_COMPONENTS, CAMERA_COMPONENTS, SHOP_COMPONENTS], ids=["bridge", "camera", "shop"]
)
def test_the_table_is_consistent(rows: tuple[Component, ...]) -> None:
    assert len({row.key for row in rows}) == len(rows)
    for row in rows:
        assert row.platform in PLATFORM_KEYS
        allowed = (ENTITY_KEYS | PLATFORM_KEYS[row.platform] | {"json_attributes"}) - {"platform", "unique_id"}
        assert set(row.options) <= allowed, row.key
        # What the payload fills in itself is not to be overridden.
        assert not set(row.options) & {"state_topic", "qos", "availability", "availability_mode"}, row.key
        assert (row.platform != "event") or (row.availability is Availability.NONE), row.key
        assert row.needs in {None, PICTURES, COUNTS, *STATE}, row.key


# The device.


def test_the_camera_tells_who_it_is() -> None:
    assert camera().device == {
        "identifiers": [f"ipc_bridge_{SN}"],
        "connections": [["mac", "02:00:00:00:00:01"]],
        "name": "Front door",
        "manufacturer": "SUNMI",
        "model": "FM020",
        "serial_number": SN,
        "sw_version": "1.3.6",
        "hw_version": "1.0.0",
        "configuration_url": "https://10.0.0.1",
        "via_device": "ipc_bridge_bridge",
    }


def test_the_bridge_tells_who_it_is() -> None:
    device = bridge()
    assert device.device["identifiers"] == [device.id] == ["ipc_bridge_bridge"]
    assert device.device["sw_version"] == __version__
    assert "configuration_url" not in bridge_device(TOPICS, __version__, None).device


@pytest.mark.parametrize("base", ["ipc_bridge", "site 1/ipc.bridge", "büro"])
def test_ids_can_stand_in_discovery_topics(base: str) -> None:
    topics = Topics(base, "homeassistant")
    assert ID.fullmatch(bridge_id(topics))
    assert ID.fullmatch(camera_id(topics, SN))
    device = camera(topics)
    assert device.device["via_device"] == bridge_id(topics)
    for config in device.components.values():
        assert ID.fullmatch(config["unique_id"])
        topics_of = [topic for name, topic in config.items() if name.endswith("topic")]
        assert topics_of
        assert all(topic.startswith(f"{base}/camera/") for topic in topics_of)


@pytest.mark.parametrize(
    ("mac", "connection"),
    [
        ("02:00:00:00:00:01", "02:00:00:00:00:01"),
        ("02-00-00-AB-CD-EF", "02:00:00:ab:cd:ef"),
        (" 02:00:00:AB:CD:EF ", "02:00:00:ab:cd:ef"),
        ("00:00:00:00:00:00", None),
        ("00-00-00-00-00-00", None),
        ("02:00:00:00:00", None),
        ("not a MAC", None),
        ("", None),
        (None, None),
    ],
)
def test_a_mac_that_is_one(mac: str | None, connection: str | None) -> None:
    connections = camera(mac=mac).device.get("connections")
    assert connections == (None if connection is None else [["mac", connection]])


@pytest.mark.parametrize(
    ("host", "port", "url"),
    [
        ("10.0.0.1", 443, "https://10.0.0.1"),
        ("10.0.0.1", 8443, "https://10.0.0.1:8443"),
        ("fe80::1", 443, "https://[fe80::1]"),
        ("fe80::1", 8443, "https://[fe80::1]:8443"),
        ("camera.lan", 443, "https://camera.lan"),
        (None, 443, None),
    ],
)
def test_the_address_of_the_cameras_own_pages(host: str | None, port: int, url: str | None) -> None:
    assert camera(host=host, api_port=port).device.get("configuration_url") == url


def test_addresses_with_a_zone_are_still_addresses() -> None:
    assert ipaddress.ip_address("fe80::1%eth0").version == 6
    assert camera(host="fe80::1%eth0").device["configuration_url"] == "https://[fe80::1%eth0]"


# The two forms.


def test_what_leaves_is_sent_as_its_bare_platform() -> None:
    device = camera(model=Model.FM010)
    message = device_message(device, {"face_event": "event", "last_face": "sensor"})
    assert message["components"]["face_event"] == {"platform": "event"}
    assert message["components"]["last_face"] == {"platform": "sensor"}
    assert message["components"]["motion"] == device.components["motion"]


def test_an_old_platform_leaves_before_the_new_one_comes() -> None:
    message = device_message(camera(), {"motion": "sensor"})
    assert message["components"]["motion"] == {"platform": "sensor"}


@pytest.mark.parametrize("device", DEVICES.values(), ids=DEVICES)
def test_the_component_form_says_the_same(device: Device) -> None:
    messages = component_messages(TOPICS, device)
    assert len(messages) == len(device.components)
    for key, config in device.components.items():
        topic = f"homeassistant/{config['platform']}/{device.id}/{key}/config"
        rest = {name: value for name, value in config.items() if name != "platform"}
        assert messages[topic] == {**rest, "device": device.device, "origin": device.origin}


def test_platforms() -> None:
    assert bridge().platforms == {
        "connectivity": "binary_sensor",
        "cameras_online": "sensor",
        "version": "sensor",
        "started": "sensor",
    }


# The cloud.


def shown(config: dict[str, Any], payload: Any, **attributes: Any) -> str:
    """What Home Assistant makes of a payload, where the entity has ``attributes``."""
    template = jinja2.Environment(undefined=jinja2.StrictUndefined).from_string(config["value_template"])
    return template.render(value_json=payload, value=json.dumps(payload), this={"attributes": attributes})


def assert_fires_news_alone(config: dict[str, Any]) -> None:
    news = {"late": False, "epoch": 1790000000, "seq": 7}
    fires = json.dumps(news)
    assert shown(config, news, event_type=None) == fires
    assert shown(config, news, epoch=1790000000, seq=6) == fires
    assert shown(config, {**news, "late": True}) == ""
    # What comes again does not fire again, but numbers that begin again do.
    assert shown(config, news, epoch=1790000000, seq=7) == ""
    assert shown(config, news, epoch=1790000000, seq=9) == ""
    assert shown(config, news, epoch=1780000000, seq=9) == fires


def test_what_a_shop_shows() -> None:
    components = shop_device(TOPICS, SHOP, __version__).components
    flow = {"in": 9, "pass": 4, "strangers": 3, "regulars": 2, "members": 1, "unexposed": 3, "yesterday": None}
    for key in ("in", "pass", "strangers", "regulars", "members", "unexposed"):
        assert shown(components[f"flow_{key}"], flow) == str(flow[key])
        assert components[f"flow_{key}"]["state_class"] == "total"
    assert shown(components["flow_yesterday"], flow) == "None"
    assert shown(components["flow_yesterday"], {**flow, "yesterday": {"in": 70}}) == "70"
    info = {"cameras": [{"sn": SN, "online": True}, {"sn": "other", "online": False}]}
    assert shown(components["cameras_online"], info) == "1"
    assert_fires_news_alone(components["face_event"])


def test_a_camera_of_the_cloud_is_the_bridges_own_where_it_has_it() -> None:
    other = shop_camera_device(TOPICS, SHOP, CLOUD_CAMERA, __version__)
    assert other.device["via_device"] == f"ipc_bridge_shop_{SHOP}"
    own = shop_camera_device(TOPICS, SHOP, replace(CLOUD_CAMERA, is_local=True), __version__)
    assert own.device == {"identifiers": camera().device["identifiers"]}
    assert own.components == other.components
    for cameras, state in (
        ([{"sn": SN, "online": True}], "ON"),
        ([{"sn": SN, "online": False}], "OFF"),
        ([{"sn": "other", "online": True}], "OFF"),
        ([], "OFF"),
    ):
        assert shown(own.components["reachable"], {"cameras": cameras}) == state
