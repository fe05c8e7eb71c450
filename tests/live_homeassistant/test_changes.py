"""What changes in the bridge, in a camera, and in Home Assistant itself."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from ipc_bridge.simulator import MOTION_MODEL, SimulatedCamera
from tests.e2e.stories import Act, Stories, side_by_side
from tests.live_homeassistant.hass import PATIENCE, State
from tests.live_homeassistant.home import AT_ONCE, FACE_SN, Home, at_home, rows_of

STORIES = Stories()

FACE_ID = f"ipc_bridge_{FACE_SN}"
CONTROLS = {"button", "number", "select", "siren", "switch", "text"}
"""Platforms by which a person tells a camera something."""
TEXTS = ("Side door", "07:30", "mon,tue")
"""Of these one fits whatever a text may be."""


async def configs(home: Home) -> dict[str, dict[str, Any]]:
    """The components that the bridge has announced, by their unique ids."""
    kept = await home.site.kept(home.broker.port)
    messages = [
        json.loads(payload) for topic, payload in kept.items() if re.fullmatch("homeassistant/.+/config", topic)
    ]
    return {it["unique_id"]: it for message in messages for it in message["components"].values()}


@STORIES.tell
@at_home()
async def what_is_disabled_by_default_works_once_it_is_enabled(home: Home) -> None:
    camera = await home.face_camera()
    await home.site.daemon(home.broker)
    await home.shown(camera)
    camera.emit_face(group_name="vip")
    face = (await home.hub.wait_for(f"ipc_bridge/camera/{FACE_SN}/face")).json
    disabled = [it["entity_id"] for it in (await home.lively()).values() if it["disabled_by"] is not None]
    assert {"sensor.front_door_last_face", "sensor.ipc_bridge_started"} <= set(disabled)
    for entity_id in disabled:
        await home.hass.ask("config/entity_registry/update", entity_id=entity_id, disabled_by=None)
    # By itself it does that half a minute after the last change.
    await home.hass.reload_mqtt()
    await home.lively()
    last_face = home.hass.states["sensor.front_door_last_face"]
    assert last_face["state"][:19] == face["time"][:19]
    assert face.items() <= last_face["attributes"].items()
    info = home.hub.messages("ipc_bridge/bridge/info")[-1].json
    assert home.hass.states["sensor.ipc_bridge_started"]["state"][:19] == info["started_at"][:19]


@STORIES.tell
@at_home()
async def a_camera_with_another_name_keeps_its_entities(home: Home) -> None:
    camera = await home.face_camera()
    daemon = await home.site.daemon(home.broker)
    await home.shown(camera)
    before, device = await home.lively(), (await home.hass.devices())[FACE_ID]
    entry = {"sn": camera.sn, "name": "Hintertür", "host": camera.host}
    await daemon.restart(home.site.config(home.broker, cameras=[entry]))
    await home.hass.wait_for(
        lambda: home.hass.states["sensor.front_door_firmware"]["attributes"]["friendly_name"] == "Hintertür Firmware",
        "the new name",
    )
    after = await home.lively()
    assert {it: entity["entity_id"] for it, entity in after.items()} == {
        it: entity["entity_id"] for it, entity in before.items()
    }
    assert (await home.hass.devices())[FACE_ID]["id"] == device["id"]


@STORIES.tell
@at_home()
async def what_a_camera_no_longer_has_goes(home: Home) -> None:
    camera = await home.face_camera()
    daemon = await home.site.daemon(home.broker)
    await home.shown(camera)
    before = await home.lively()
    assert {f"{FACE_ID}_face_event", f"{FACE_ID}_last_face"} <= before.keys()
    await daemon.stop()
    await camera.stop()
    other = await home.site.camera(FACE_SN, name="Front door", model=MOTION_MODEL, host=camera.host)
    since = home.hub.mark()
    await daemon.start()
    # First as their bare platform, then without them.
    config = f"homeassistant/device/{FACE_ID}/config"
    await home.hub.wait_for(
        config, lambda message: "face_event" not in message.json["components"], since=since, timeout=PATIENCE
    )
    await home.hass.wait_for(lambda: home.hass.state("event.front_door_face") is None, "the end of the face event")
    await home.shown(other)
    after = await home.lively()
    rows = {row.key for row in rows_of(MOTION_MODEL, home.properties()[FACE_SN])}
    assert {it.removeprefix(f"{FACE_ID}_") for it in after if it.startswith(FACE_ID)} == rows
    assert after.keys() < before.keys()


@STORIES.tell
@at_home()
async def what_can_be_set_is_set_in_the_camera_and_comes_back(home: Home) -> None:
    """Whatever has a command topic; and nothing else looks as if it could be set."""
    cameras = [await home.face_camera(), await home.motion_camera()]
    await home.site.daemon(home.broker)
    await home.shown(*cameras)
    entities = await home.lively()
    settable = {unique_id: it for unique_id, it in (await configs(home)).items() if "command_topic" in it}
    offered = {it for it, entity in entities.items() if domain_of(entity["entity_id"]) in CONTROLS}
    assert offered == settable.keys() >= {f"{FACE_ID}_led", f"{FACE_ID}_zoom", f"{FACE_ID}_name", f"{FACE_ID}_reboot"}
    for camera in cameras:
        own = {it: config for it, config in settable.items() if it.startswith(f"ipc_bridge_{camera.sn}_")}
        # Buttons last, and of these the one that restarts the camera.
        for unique_id in sorted(own, key=lambda it: (own[it]["platform"] == "button", "device_class" in own[it])):
            entity = entities[unique_id]
            if entity["disabled_by"] is None:
                await is_set(home, camera, entity["entity_id"], own[unique_id]["command_topic"])
    await home.shown(*cameras)
    await home.lively()


async def is_set(home: Home, camera: SimulatedCamera, entity_id: str, command_topic: str) -> None:
    """Change one thing in Home Assistant; the camera is asked for it, once, and what it says then is shown."""
    hass = home.hass
    action, data, expected = change(entity_id, hass.states[entity_id])
    since, calls = home.hub.mark(), len(camera.calls)
    await hass.do(action, entity_id, **data)
    await home.hub.wait_for(command_topic, since=since)
    await camera.wait_until(lambda: any(told(call.path, entity_id) for call in camera.calls[calls:]))
    if expected is not None:
        await hass.wait_state(entity_id, expected)
    else:
        await home.shown(camera)
    await home.hub.caught_up()
    assert len(home.hub.messages(command_topic, since=since)) == 1
    await hass.wait_for(lambda: hass.state(entity_id) != "unavailable", f"{entity_id} available")


def told(path: str, entity_id: str) -> bool:
    """Whether a call can be what a control is for: a button may ask, a setting says something."""
    return entity_id.startswith("button.") or "/get" not in path


def domain_of(entity_id: str) -> str:
    return entity_id.split(".", 1)[0]


def change(entity_id: str, state: State) -> tuple[str, dict[str, Any], str | None]:
    """What to do with an entity so that it changes, and the state that follows; None for a button, which has none."""
    now, may = state["state"], state["attributes"]
    domain = domain_of(entity_id)
    if domain == "switch":
        other = "off" if now == "on" else "on"
        return f"switch.turn_{other}", {}, other
    if domain == "select":
        option = next(option for option in may["options"] if option != now)
        return "select.select_option", {"option": option}, option
    if domain == "number":
        step = may["step"] if float(now) + may["step"] <= may["max"] else -may["step"]
        number = float(now) + step
        return "number.set_value", {"value": number}, str(int(number) if number.is_integer() else number)
    if domain == "text":
        fits = (text for text in TEXTS if may["min"] <= len(text) <= may["max"] and text != now)
        text = next(text for text in fits if re.fullmatch(may["pattern"] or ".*", text))
        return "text.set_value", {"value": text}, text
    if domain == "button":
        return "button.press", {}, None
    raise AssertionError(f"no test knows how to set {entity_id}")


@STORIES.tell
@at_home()
async def what_is_forgotten_leaves_nothing(home: Home) -> None:
    front, back = await home.face_camera(), await home.motion_camera()
    daemon = await home.site.daemon(home.broker)
    await home.shown(front, back)
    front.emit_face(group_name="vip")
    await home.hass.fires("event.front_door_face", 1)
    others = {it for it in await home.lively() if not it.startswith(FACE_ID)}
    home.hub.publish("ipc_bridge/bridge/request/forget", json.dumps({"sn": FACE_SN}))
    assert (await home.hub.wait_for("ipc_bridge/bridge/response/forget")).json["status"] == "ok"

    async def gone() -> bool:
        return FACE_ID not in await home.hass.devices()

    await home.hass.wait_until(gone, "the end of the device")
    # It is still there, and nobody takes it for a new one: not after restarts either.
    await daemon.restart()
    await home.hass.stop()
    await home.hass.start()
    await home.shown(back)
    assert (await home.lively()).keys() == others
    assert await gone()
    assert not [entity_id for entity_id in home.hass.states if "front_door" in entity_id]
    assert not [topic for topic in await home.site.kept(home.broker.port) if FACE_SN in topic]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def acts(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dict[str, Act]]:
    async with side_by_side(tmp_path_factory.mktemp("changes"), STORIES, AT_ONCE) as acts:
        yield acts


@pytest.mark.timeout(180)
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", STORIES)
async def test_changes(acts: dict[str, Act], name: str) -> None:
    await acts[name].end
