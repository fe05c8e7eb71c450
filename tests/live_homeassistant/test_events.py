"""What happens in front of a camera is news in Home Assistant once, and history never."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.e2e.harness import online
from tests.e2e.stories import Act, Stories, side_by_side
from tests.live_homeassistant.home import AT_ONCE, FACE_SN, Home, at_home

STORIES = Stories()

CAMERA = f"ipc_bridge/camera/{FACE_SN}"
FACE = "event.front_door_face"
MOTION_EVENT = "event.front_door_motion_event"
MOTION, SOUND = "binary_sensor.front_door_motion", "binary_sensor.front_door_sound"
BRIDGE_CONFIG = "homeassistant/device/ipc_bridge_bridge/config"


def types(firings: list[dict[str, Any]]) -> list[str]:
    return [firing["event_type"] for firing in firings]


async def on_and_off(home: Home, entity_id: str) -> None:
    await home.hass.wait_for(lambda: home.hass.showed(entity_id)[-2:] == ["on", "off"], f"{entity_id} on and off")


@STORIES.tell
@at_home()
async def each_event_fires_once_with_all_that_it_says(home: Home) -> None:
    camera = await home.face_camera()
    await home.site.daemon(home.broker)
    await home.shown(camera)
    camera.emit_face(group_name="stranger", gender=1, age=35)
    camera.emit_face(group_name="regular")
    camera.emit_face(group_name="vip")
    faces = await home.hass.fires(FACE, 3)
    for detect_type in (1, 2, 3):
        camera.emit_motion(detect_type=detect_type)
    assert types(await home.hass.fires(MOTION_EVENT, 3)) == ["motion", "sound", "motion_and_sound"]
    assert types(faces) == ["stranger", "regular", "member"]
    published = (await home.hub.wait_for(f"{CAMERA}/event/face")).json
    assert published.items() <= faces[0].items()
    assert (published["gender"], published["age"]) == ("male", 35)


@STORIES.tell
@at_home()
async def an_event_right_behind_the_first_announcement_fires(home: Home) -> None:
    camera = await home.face_camera()
    await home.site.daemon(home.broker)
    await camera.wait_for_subscriber()
    camera.emit_face(group_name="vip")
    camera.emit_motion(detect_type=1)
    await home.shown(camera)
    assert types(await home.hass.fires(FACE, 1)) == ["member"]
    assert types(await home.hass.fires(MOTION_EVENT, 1)) == ["motion"]
    await on_and_off(home, MOTION)


@STORIES.tell
@at_home()
async def a_copy_does_not_fire(home: Home) -> None:
    camera = await home.face_camera()
    await home.site.daemon(home.broker)
    await home.shown(camera)
    camera.emit_face(group_name="vip")
    await camera.wait_for_acknowledged(1)
    await home.hass.fires(FACE, 1)
    (payload,) = camera.acknowledged.values()
    # The camera thinks that it was not heard, here and on its next channel.
    camera.raw(payload)
    since = home.hub.mark()
    camera.drop()
    await online(home.hub, camera.sn, since)
    camera.raw(payload)
    camera.emit_face(group_name="regular")
    assert types(await home.hass.fires(FACE, 2)) == ["member", "regular"]


@STORIES.tell
@at_home()
async def what_a_killed_bridge_sends_again_does_not_fire(home: Home) -> None:
    camera = await home.face_camera()
    await home.site.daemon(home.broker)
    await home.shown(camera)
    for group in ("vip", "stranger"):
        camera.emit_face(group_name=group)
    await home.hass.fires(FACE, 2)
    # The same messages, as they come behind a restart where the broker's word for them was lost.
    for message in home.hub.messages(f"{CAMERA}/event/face"):
        home.hub.publish(message.topic, message.payload)
    camera.emit_face(group_name="regular")
    assert types(await home.hass.fires(FACE, 3)) == ["member", "stranger", "regular"]


@STORIES.tell
@at_home()
async def what_comes_late_does_not_fire(home: Home) -> None:
    relay = await home.site.relay(home.broker)
    camera = await home.face_camera()
    await home.site.daemon(relay, events={"max_age": 2})
    await home.shown(camera)
    # The camera kept it back.
    camera.emit_face(group_name="vip", report_time=int(time.time()) - 600)
    camera.emit_motion(detect_type=3, report_time=int(time.time()) - 600)
    # The bridge could not pass it on; the seconds go by with the channel's heartbeats, which is not concerned.
    await home.hub.wait_for(f"{CAMERA}/event/motion", lambda event: event.json["late"])
    await relay.shut()
    camera.emit_face(group_name="vip")
    camera.emit_motion(detect_type=3)
    await camera.wait_for_all_acknowledged()
    beats = camera.heartbeats
    await camera.wait_until(lambda: camera.heartbeats >= beats + 3)
    await relay.open()
    await home.hub.wait_for(f"{CAMERA}/event/face", lambda event: event.json["late"], count=2)
    await home.hub.wait_for(f"{CAMERA}/event/motion", lambda event: event.json["late"], count=2)
    await home.shown(camera)
    camera.emit_face(group_name="regular")
    camera.emit_motion(detect_type=1)
    assert types(await home.hass.fires(FACE, 1)) == ["regular"]
    assert types(await home.hass.fires(MOTION_EVENT, 1)) == ["motion"]
    await home.hass.wait_state(MOTION, "on")
    assert "on" not in home.hass.showed(SOUND)


@STORIES.tell
@at_home()
async def off_follows_on(home: Home) -> None:
    camera = await home.face_camera()
    daemon = await home.site.daemon(home.broker, events={"off_delay": 2})
    await home.shown(camera)
    for detect_type in (1, 2):
        camera.emit_motion(detect_type=detect_type)
    for entity_id in (MOTION, SOUND):
        await on_and_off(home, entity_id)
    # Whatever goes while it is on, it is not on when that is back.
    camera.emit_motion(detect_type=3)
    await home.hass.wait_state(MOTION, "on")
    await daemon.kill()
    await home.hass.wait_state(MOTION, "unavailable")
    await daemon.start()
    await home.hass.wait_state(MOTION, "off")
    await home.shown(camera)
    camera.emit_motion(detect_type=3)
    await home.hass.wait_state(SOUND, "on")
    await camera.stop()
    await home.hass.wait_state(SOUND, "unavailable")
    await camera.start()
    await home.hass.wait_state(SOUND, "off")
    await home.hass.wait_state("binary_sensor.front_door_person", "off")


@STORIES.tell
@at_home()
async def a_restart_of_home_assistant_repeats_nothing(home: Home) -> None:
    camera = await home.face_camera()
    await home.site.daemon(home.broker, events={"off_delay": 60})
    await home.shown(camera)
    camera.emit_face(group_name="vip")
    camera.emit_motion(detect_type=3)
    before = [await home.hass.fires(FACE, 1), await home.hass.fires(MOTION_EVENT, 1)]
    await home.hass.wait_state(SOUND, "on")
    since = home.hub.mark()
    await home.hass.stop()
    await home.hass.start()
    # It says that it is there, and is told everything again; of that nothing is news.
    await home.hub.wait_text("homeassistant/status", "online", since=since)
    await home.hub.wait_for(BRIDGE_CONFIG, since=since)
    await home.hub.wait_for(f"{CAMERA}/info", since=since)
    await home.shown(camera)
    await home.hass.wait_state(SOUND, "off")
    assert [home.hass.fired(FACE), home.hass.fired(MOTION_EVENT)] == before
    assert home.hass.showed(SOUND)[-1] == "off"
    camera.emit_face(group_name="regular")
    assert types(await home.hass.fires(FACE, 2)) == ["member", "regular"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def acts(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dict[str, Act]]:
    async with side_by_side(tmp_path_factory.mktemp("events"), STORIES, AT_ONCE) as acts:
        yield acts


@pytest.mark.timeout(360)
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", STORIES)
async def test_events(acts: dict[str, Act], name: str) -> None:
    await acts[name].end
