"""Brokers that come late, go away, refuse, or take little at a time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from ipc_bridge.simulator import SimulatedCamera
from tests.e2e.harness import HELD, Site, Subscriber, online, overview
from tests.e2e.stories import Act, Stories, side_by_side

STORIES = Stories()

SN = "FS101D8BS00101"
CAMERA = f"ipc_bridge/camera/{SN}"
FACE = f"{CAMERA}/event/face"
BRIDGE_STATUS = "ipc_bridge/bridge/status"
BRIDGE_CONFIG = "homeassistant/device/ipc_bridge_bridge/config"
CAMERA_CONFIG = f"homeassistant/device/ipc_bridge_{SN}/config"


async def emit(camera: SimulatedCamera, count: int) -> None:
    """Let events happen that the bridge has taken over on return."""
    before = camera.acknowledged_count
    camera.flood(count)
    await camera.wait_for_acknowledged(before + count)


async def numbers(hub: Subscriber, count: int) -> list[int]:
    """The ``seq`` of each face that came, once the last has."""
    await hub.wait_for(FACE, lambda face: face.json["seq"] == count)
    await hub.caught_up()
    return [face.json["seq"] for face in hub.messages(FACE)]


@STORIES.tell
async def a_broker_that_comes_later_gets_everything(site: Site) -> None:
    broker = await site.broker(start=False)
    relay = await site.relay(broker)
    await relay.shut()
    camera = await site.camera(SN)
    daemon = await site.daemon(relay)
    await camera.wait_for_subscriber()
    await emit(camera, 5)
    await daemon.wait_for_log("o connection to the MQTT broker")
    await broker.start()
    hub = await site.subscriber(broker.port)
    await relay.open()
    assert await numbers(hub, 5) == [1, 2, 3, 4, 5]
    first = hub.messages(FACE)[0]
    config = hub.messages(CAMERA_CONFIG)[0]
    assert hub.messages(BRIDGE_CONFIG)[0].number < config.number < first.number
    # The first discovery of a camera is the broker's news, however long ago it was made.
    assert first.at - config.at > HELD
    assert {face.json["late"] for face in hub.messages(FACE)} == {False}
    kept = await site.kept(broker.port)
    assert kept[BRIDGE_STATUS] == kept[f"{CAMERA}/status"] == b"online"
    assert json.loads(kept[f"{CAMERA}/face"])["seq"] == 5
    # The first of several equal failures is worth a line, the others are not.
    assert len(daemon.lines("WARNING", "o connection to the MQTT broker")) == 1


@STORIES.tell
async def what_happens_while_the_broker_is_away_arrives_once_and_in_order(site: Site) -> None:
    broker = await site.broker()
    relay = await site.relay(broker)
    camera = await site.camera(SN)
    hub = await site.subscriber(broker.port)
    daemon = await site.daemon(relay, events={"max_age": 30, "off_delay": 60})
    await camera.wait_for_subscriber()
    await emit(camera, 3)
    camera.emit_motion(detect_type=1)
    await hub.wait_text(f"{CAMERA}/motion", "ON")
    assert await numbers(hub, 3) == [1, 2, 3]

    before = await site.kept(broker.port)
    await broker.kill()
    await hub.lost()
    await relay.shut()
    await emit(camera, 5)
    await broker.start()
    assert await site.kept(broker.port) == {}
    await hub.subscribed()
    since = hub.mark()
    await relay.open()

    # seq 4 was the motion.
    assert await numbers(hub, 9) == [1, 2, 3, 5, 6, 7, 8, 9]
    assert {face.json["late"] for face in hub.messages(FACE)} == {False}
    await hub.wait_for(f"{CAMERA}/face", lambda face: face.json["seq"] == 9, since=since)
    after = await site.kept(broker.port)
    changing = {f"{CAMERA}/face", f"{CAMERA}/motion"}
    assert {topic: after.get(topic) for topic in before if topic not in changing} == {
        topic: payload for topic, payload in before.items() if topic not in changing
    }
    assert hub.messages(BRIDGE_CONFIG, since=since)[0].number < hub.messages(CAMERA_CONFIG, since=since)[0].number
    # The old detection is not told as a new one.
    assert "ON" not in [message.text for message in hub.messages(f"{CAMERA}/motion", since=since)]
    assert daemon.lines("WARNING", "is lost")


@STORIES.tell
async def what_comes_too_late_says_so(site: Site) -> None:
    broker = await site.broker()
    relay = await site.relay(broker)
    camera = await site.camera(SN)
    hub = await site.subscriber(broker.port)
    await site.daemon(relay, events={"max_age": 1}, homeassistant={"enabled": False})
    await online(hub, SN)
    await relay.shut()
    await emit(camera, 3)
    camera.emit_motion(detect_type=1)
    await camera.wait_for_all_acknowledged()
    # More than a second passes, by the heartbeats of the channel, which is not concerned.
    beats = camera.heartbeats
    await camera.wait_until(lambda: camera.heartbeats >= beats + 2)
    since = hub.mark()
    await relay.open()
    assert await numbers(hub, 3) == [1, 2, 3]
    motion = await hub.wait_for(f"{CAMERA}/event/motion")
    assert {event.json["late"] for event in [*hub.messages(FACE), motion]} == {True}
    await emit(camera, 1)
    assert (await hub.wait_for(FACE, count=4)).json["late"] is False
    await hub.caught_up()
    assert "ON" not in [message.text for message in hub.messages(f"{CAMERA}/motion", since=since)]


@STORIES.tell
async def a_login_that_is_refused_is_named_and_nothing_else_suffers(site: Site) -> None:
    broker = await site.broker("allow_anonymous false")
    camera = await site.camera(SN)
    daemon = await site.daemon(broker, mqtt={"username": "bridge", "password": "a wrong one"})
    line = await daemon.wait_for_log("refuses this client")
    assert "WARNING" in line
    assert "mqtt.username" in line
    assert "mqtt.password" in line
    await camera.wait_for_subscriber()
    await emit(camera, 2)
    assert daemon.is_running
    assert "a wrong one" not in daemon.log()
    assert await daemon.stop() == 0


@STORIES.tell
async def a_broker_of_mqtt_3_1_1_serves_as_well(site: Site) -> None:
    broker = await site.broker()
    camera = await site.camera(SN)
    hub = await site.subscriber(broker.port)
    daemon = await site.daemon(broker, mqtt={"version": "3.1.1", "client_id": "old-bridge"})
    await camera.wait_for_subscriber()
    await emit(camera, 3)
    assert await numbers(hub, 3) == [1, 2, 3]
    assert {(face.retain, face.qos) for face in hub.messages(FACE)} == {(False, 1)}
    # p2 is mosquitto's word for MQTT 3.1.1.
    assert "as old-bridge (p2," in broker.log()
    assert await daemon.stop() == 0
    assert (await site.kept(broker.port))[BRIDGE_STATUS] == b"offline"


@STORIES.tell
async def a_broker_that_takes_little_at_a_time_gets_everything(site: Site) -> None:
    # Two at a time in either direction.
    broker = await site.broker("allow_anonymous true", "max_inflight_messages 2", "max_packet_size 4000")
    camera = await site.camera(SN)
    hub = await site.subscriber(broker.port)
    daemon = await site.daemon(broker)
    await camera.wait_for_subscriber()
    await emit(camera, 200)
    # And one that it does not take at all: no more than the camera's discovery, which holds nobody up.
    camera.emit_face(essay="x" * 5000)
    await camera.wait_for_all_acknowledged()
    await emit(camera, 1)
    assert await numbers(hub, 202) == [*range(1, 201), 202]
    await daemon.wait_for_log("event/face", "more than the broker takes")
    assert daemon.lines(CAMERA_CONFIG, "more than the broker takes")


@STORIES.tell
async def the_order_holds_when_the_broker_comes_and_goes(site: Site) -> None:
    broker = await site.broker()
    relay = await site.relay(broker)
    serials = [f"FS101D8BS0010{number}" for number in range(3)]
    cameras = [await site.camera(sn) for sn in serials]
    hub = await site.subscriber(broker.port)
    await site.daemon(relay, homeassistant={"enabled": False})
    await asyncio.gather(*(online(hub, sn) for sn in serials))
    for round_ in range(1, 3):
        for camera in cameras:
            camera.flood(40)
        await hub.wait_for("ipc_bridge/camera/+/event/face", count=round_ * 60)
        # In the middle of it: what is on the way may come twice, for the broker may have had it already.
        await relay.shut()
        await relay.open()
    for sn, camera in zip(serials, cameras, strict=True):
        topic = f"ipc_bridge/camera/{sn}/event/face"
        await hub.wait_for(topic, lambda face: face.json["seq"] == 80)
        came = [(face.json["seq"], face.json["uid"]) for face in hub.messages(topic)]
        assert [seq for seq, _uid in dict.fromkeys(came)] == list(range(1, 81))
        await camera.wait_for_all_acknowledged()


@STORIES.tell
async def a_broker_that_keeps_what_it_has_is_brought_up_to_date(site: Site) -> None:
    broker = await site.broker(persistence=True)
    camera = await site.camera(SN)
    hub = await site.subscriber(broker.port)
    daemon = await site.daemon(broker)
    await camera.wait_for_subscriber()
    await emit(camera, 1)
    await hub.wait_for(f"{CAMERA}/face")
    await online(hub, SN)
    await daemon.stop()
    await broker.stop()
    await camera.stop()
    await broker.start()
    kept = await site.kept(broker.port)
    assert kept[f"{CAMERA}/status"] == kept[BRIDGE_STATUS] == b"offline"
    assert json.loads(kept[f"{CAMERA}/face"])["seq"] == 1
    await hub.subscribed()
    since = hub.mark()
    await daemon.start()
    await hub.wait_text(BRIDGE_STATUS, "online", since=since)
    # The camera is gone meanwhile: nobody may believe that it is watched.
    row = await overview(hub, SN, "offline", since)
    assert row["name"] == "Front door"
    assert "online" not in [message.text for message in hub.messages(f"{CAMERA}/status", since=since)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def acts(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dict[str, Act]]:
    async with side_by_side(tmp_path_factory.mktemp("broker"), STORIES) as acts:
        yield acts


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", STORIES)
async def test_broker(acts: dict[str, Act], name: str) -> None:
    await acts[name].end
