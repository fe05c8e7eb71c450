"""Discovery as Home Assistant sees it: what it says, and when."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from ipc_bridge import __version__
from ipc_bridge.catalog.device import GET_LED_SWITCH, GET_MEMORY_CARD_STATUS, GET_ZOOM_FOCUS_CONF
from ipc_bridge.simulator import MOTION_MODEL
from tests.e2e.harness import HELD, Message, Site
from tests.e2e.stories import Act, Stories, side_by_side

STORIES = Stories()

FRONT, BACK = "FS101D8BS00101", "SS101D8BS00102"
BRIDGE_CONFIG = "homeassistant/device/ipc_bridge_bridge/config"
FRONT_CONFIG = f"homeassistant/device/ipc_bridge_{FRONT}/config"
BACK_CONFIG = f"homeassistant/device/ipc_bridge_{BACK}/config"
CAMERA = f"ipc_bridge/camera/{FRONT}"
TOP_LEVEL = {"device", "origin", "components"}
STATUS = {"payload_available": "online", "payload_not_available": "offline"}
BRIDGE_AVAILABLE = {"topic": "ipc_bridge/bridge/status", **STATUS}
FRONT_AVAILABLE = {"topic": f"{CAMERA}/status", **STATUS}
FACES = {"face_event", "last_face"}


@STORIES.tell
async def the_bridge_comes_before_its_cameras_and_a_camera_before_its_events(site: Site) -> None:
    broker = await site.broker()
    front = await site.camera(FRONT, name="Front door", mac="02:00:00:00:00:0A")
    back = await site.camera(BACK, name="Back door", model=MOTION_MODEL)
    hub = await site.subscriber(broker.port)
    loop = asyncio.get_running_loop()
    await site.daemon(broker)
    await front.wait_for_subscriber()
    subscribed_at = loop.time()
    front.emit_face()
    front.emit_motion(detect_type=1)
    front_config = await hub.wait_for(FRONT_CONFIG)
    back_config = await hub.wait_for(BACK_CONFIG)
    bridge_config = await hub.wait_for(BRIDGE_CONFIG)
    assert bridge_config.number < min(front_config.number, back_config.number)
    for config in (bridge_config, front_config, back_config):
        assert (config.retain, config.qos) == (True, 1)
    assert front_config.at < subscribed_at + HELD
    face = await hub.wait_for(f"{CAMERA}/event/face")
    motion = await hub.wait_for(f"{CAMERA}/event/motion")
    assert min(face.at, motion.at) - front_config.at > HELD
    assert front.acknowledged_count == 2

    check_bridge(bridge_config.json)
    check_face_camera(front_config.json, front.host, site.api_port)
    check_motion_camera(back_config.json, back.settings.name)
    unique_ids = [
        component["unique_id"]
        for config in (bridge_config, front_config, back_config)
        for component in config.json["components"].values()
    ]
    assert len(set(unique_ids)) == len(unique_ids)


def check_bridge(config: dict[str, Any]) -> None:
    assert config.keys() == TOP_LEVEL
    assert config["device"]["identifiers"] == ["ipc_bridge_bridge"]
    assert config["device"]["sw_version"] == __version__
    assert "via_device" not in config["device"]
    for component in config["components"].values():
        assert component["unique_id"].startswith("ipc_bridge_bridge_")


def check_face_camera(config: dict[str, Any], host: str, api_port: int) -> None:
    # Nothing is shared at the top.
    assert config.keys() == TOP_LEVEL
    assert config["device"] == {
        "identifiers": [f"ipc_bridge_{FRONT}"],
        "connections": [["mac", "02:00:00:00:00:0a"]],
        "name": "Front door",
        "manufacturer": "SUNMI",
        "model": "FM020",
        "serial_number": FRONT,
        "sw_version": "1.3.6",
        "hw_version": "1.0.0",
        "configuration_url": f"https://{host}:{api_port}",
        "via_device": "ipc_bridge_bridge",
    }
    assert config["origin"].keys() == {"name", "sw_version", "support_url"}
    assert config["origin"]["support_url"].startswith("https://")
    components = config["components"]
    assert components.keys() >= {"motion", "sound", "human", "motion_event", "connectivity", *FACES}
    for key, component in components.items():
        assert component["unique_id"] == f"ipc_bridge_{FRONT}_{key}"
        topics = [topic for name, topic in component.items() if name.endswith("topic")]
        assert topics
        assert all(topic.startswith(f"{CAMERA}/") for topic in topics)
        assert "Front door" not in component.get("name", "")
        assert not component.keys() & {"availability_topic", "payload_available", "payload_not_available"}
        if component["platform"] == "event":
            assert not component.keys() & {"availability", "availability_mode"}
            assert "late" in component["value_template"]
        elif key in ("connectivity", "firmware", "address", "stream_hd", "stream_fhd"):
            assert component["availability"] == [BRIDGE_AVAILABLE]
        else:
            assert component["availability"] == [BRIDGE_AVAILABLE, FRONT_AVAILABLE]
            assert component["availability_mode"] == "all"
    assert components["face_event"]["state_topic"] == f"{CAMERA}/event/face"
    assert components["face_event"]["event_types"] == ["stranger", "regular", "member"]
    assert components["motion_event"]["state_topic"] == f"{CAMERA}/event/motion"
    assert components["motion_event"]["event_types"] == ["motion", "sound", "motion_and_sound", "human"]
    assert components["motion"]["device_class"] == "motion"
    assert "off_delay" not in components["motion"]
    last_face = components["last_face"]
    assert (last_face["device_class"], last_face["enabled_by_default"]) == ("timestamp", False)
    assert components["connectivity"]["device_class"] == "connectivity"
    assert components["connectivity"]["entity_category"] == "diagnostic"


def check_motion_camera(config: dict[str, Any], name: str) -> None:
    assert (config["device"]["name"], config["device"]["model"]) == (name, MOTION_MODEL)
    assert not config["components"].keys() & FACES
    assert "event/face" not in str(config)
    assert config["components"].keys() >= {"motion", "sound", "motion_event", "connectivity"}


@STORIES.tell
async def its_birth_has_everything_told_again_but_no_old_news(site: Site) -> None:
    broker = await site.broker()
    front = await site.camera(FRONT)
    hub = await site.subscriber(broker.port)
    await site.daemon(broker, events={"off_delay": 60})
    await front.wait_for_subscriber()
    front.emit_face()
    front.emit_motion(detect_type=3)
    await hub.wait_text(f"{CAMERA}/sound", "ON")
    await hub.wait_for(f"{CAMERA}/face")
    await hub.wait_for(f"{CAMERA}/face/image")
    # Controls follow once the camera's properties are known; then there is nothing more to tell.
    await hub.wait_for(FRONT_CONFIG, lambda config: "led" in config.json["components"])
    await hub.caught_up()

    since = hub.mark()
    born_at = asyncio.get_running_loop().time()
    # Home Assistant says it again when an add-on restarts it: several births in a row are one.
    for _ in range(3):
        hub.publish("homeassistant/status", "online")
    first = await hub.wait_for("homeassistant/device/+/config", since=since)
    assert 1.9 < first.at - born_at < 11
    for topic in (
        BRIDGE_CONFIG,
        FRONT_CONFIG,
        "ipc_bridge/bridge/status",
        "ipc_bridge/bridge/info",
        "ipc_bridge/bridge/cameras",
        f"{CAMERA}/status",
        f"{CAMERA}/info",
        f"{CAMERA}/human",
    ):
        await hub.wait_for(topic, since=since)
    await hub.caught_up()

    def again(topic: str) -> list[Message]:
        return hub.messages(topic, since=since)

    for topic in (BRIDGE_CONFIG, FRONT_CONFIG):
        assert len(again(topic)) == 1
        assert again(topic)[0].payload == hub.messages(topic)[-2].payload
    assert again(BRIDGE_CONFIG)[0].number < again(FRONT_CONFIG)[0].number < again(f"{CAMERA}/status")[0].number
    assert again(f"{CAMERA}/status")[0].text == "online"
    news = (f"{CAMERA}/face", f"{CAMERA}/event/+", f"{CAMERA}/motion", f"{CAMERA}/sound", f"{CAMERA}/face/image")
    assert {topic: again(topic) for topic in news if again(topic)} == {}


@STORIES.tell
async def a_hub_that_knows_no_device_discovery_gets_a_message_a_component(site: Site) -> None:
    broker = await site.broker()
    front = await site.camera(FRONT)
    hub = await site.subscriber(broker.port)
    await site.daemon(broker, homeassistant={"discovery": "component", "discovery_prefix": "hub"})
    await front.wait_for_subscriber()
    front.emit_face()
    face = await hub.wait_for(f"{CAMERA}/event/face")
    configs = hub.messages("hub/+/+/+/config")
    assert not hub.messages("hub/device/#")
    assert not hub.messages("homeassistant/#")
    by_topic = {config.topic: config for config in configs}
    motion = by_topic[f"hub/binary_sensor/ipc_bridge_{FRONT}/motion/config"]
    assert motion.retain
    assert "platform" not in motion.json
    assert motion.json["unique_id"] == f"ipc_bridge_{FRONT}_motion"
    assert motion.json["device"]["via_device"] == "ipc_bridge_bridge"
    assert motion.json["origin"]["name"] == "ipc-bridge"
    assert motion.json["availability"] == [BRIDGE_AVAILABLE, FRONT_AVAILABLE]
    event = by_topic[f"hub/event/ipc_bridge_{FRONT}/face_event/config"]
    assert "availability" not in event.json
    of_camera = [config for config in configs if f"_{FRONT}/" in config.topic]
    of_bridge = [config for config in configs if "_bridge/" in config.topic]
    assert max(config.number for config in of_bridge) < min(config.number for config in of_camera)
    assert face.at - event.at > HELD


@STORIES.tell
async def without_it_nothing_is_announced_and_nothing_is_held(site: Site) -> None:
    broker = await site.broker()
    front = await site.camera(FRONT)
    hub = await site.subscriber(broker.port)
    await site.daemon(broker, homeassistant={"enabled": False})
    await hub.wait_text(f"{CAMERA}/status", "online")
    front.emit_face()
    await hub.wait_for(f"{CAMERA}/event/face")
    await hub.caught_up()
    assert not hub.messages("homeassistant/#")


@STORIES.tell
async def a_camera_that_changes_keeps_its_entities(site: Site) -> None:
    broker = await site.broker()
    front = await site.camera(FRONT)
    hub = await site.subscriber(broker.port)
    daemon = await site.daemon(broker)
    first = await hub.wait_for(FRONT_CONFIG)
    await hub.wait_text(f"{CAMERA}/status", "online")
    since = hub.mark()
    await daemon.restart(site.config(broker, cameras=[{"sn": FRONT, "name": "Hintertür", "host": front.host}]))
    renamed = await hub.wait_for(FRONT_CONFIG, since=since)
    assert renamed.json["device"]["name"] == "Hintertür"
    assert renamed.json["device"]["identifiers"] == first.json["device"]["identifiers"]
    assert renamed.json["components"] == first.json["components"]
    await hub.wait_text(f"{CAMERA}/status", "online", since=since)
    front.emit_face()
    assert (await hub.wait_for(f"{CAMERA}/event/face")).json["camera"] == "Hintertür"


@STORIES.tell
async def what_a_camera_turns_out_not_to_have_is_withdrawn(site: Site) -> None:
    broker = await site.broker()
    front = await site.camera(FRONT)
    hub = await site.subscriber(broker.port)
    daemon = await site.daemon(broker)
    before = await hub.wait_for(FRONT_CONFIG, lambda config: {"led", "zoom"} <= config.json["components"].keys())
    front.faults.lacking.update({GET_LED_SWITCH.path: 6, GET_ZOOM_FOCUS_CONF.path: 12, GET_MEMORY_CARD_STATUS.path: 13})
    gone = {"led", "zoom", "focus", "auto_focus", "reset_zoom_focus", "sd_card", "sd_card_problem"}
    since = hub.mark()
    hub.publish(f"{CAMERA}/press/refresh", "PRESS")
    assert (await hub.wait_for(f"{CAMERA}/response/press")).json["status"] == "ok"
    state = await hub.wait_for(f"{CAMERA}/state", since=since)
    assert not state.json.keys() & (gone | {"max_zoom", "max_focus"})
    # First as their bare platform, which has Home Assistant remove them; then without them.
    first = await hub.wait_for(FRONT_CONFIG, since=since)
    left = {key: {"platform": before.json["components"][key]["platform"]} for key in gone}
    assert first.json["components"] == {**before.json["components"], **left}
    second = await hub.wait_for(FRONT_CONFIG, lambda config: "led" not in config.json["components"], since=since)
    assert second.json["components"].keys() == before.json["components"].keys() - gone
    # It is remembered.
    since = hub.mark()
    await daemon.restart()
    await hub.wait_for(FRONT_CONFIG, lambda config: "ir_mode" in config.json["components"], since=since)
    assert not [config for config in hub.messages(FRONT_CONFIG, since=since) if gone & config.json["components"].keys()]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def acts(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dict[str, Act]]:
    async with side_by_side(tmp_path_factory.mktemp("homeassistant"), STORIES) as acts:
        yield acts


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", STORIES)
async def test_homeassistant(acts: dict[str, Act], name: str) -> None:
    await acts[name].end
