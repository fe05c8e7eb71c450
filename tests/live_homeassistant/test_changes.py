"""What changes in the bridge, in a camera, and in Home Assistant itself."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from ipc_bridge.catalog.device import GET_LED_SWITCH, GET_MEMORY_CARD_STATUS, GET_ZOOM_FOCUS_CONF
from ipc_bridge.catalog.settings import ACTIONS, GETTERS, SETTINGS
from ipc_bridge.models import Model
from ipc_bridge.simulator import MOTION_MODEL, CardStatus, SimulatedCamera
from tests.e2e.stories import Act, Stories, side_by_side
from tests.live_homeassistant.hass import PATIENCE, State
from tests.live_homeassistant.home import AT_ONCE, FACE_SN, Home, as_shown, at_home, rows_of, truth
from tests.simulator.api import ACTIVATION_CODE

STORIES = Stories()

FACE_ID = f"ipc_bridge_{FACE_SN}"
CONTROLS = {"button", "number", "select", "siren", "switch", "text"}
"""Platforms by which a person tells a camera something."""
RESTARTS = ("reboot", "factory_reset")
"""After these a camera comes anew."""
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
    await home.lively()
    assert {"sensor.front_door_last_face", "sensor.ipc_bridge_started"} <= set(await enable_all(home))
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
async def what_a_camera_turns_out_not_to_have_goes(home: Home) -> None:
    """Whichever code it says it with."""
    camera = await home.face_camera()
    daemon = await home.site.daemon(home.broker)
    await home.shown(camera)
    before = await home.lively()
    camera.faults.lacking.update(
        {GET_LED_SWITCH.path: 6, GET_ZOOM_FOCUS_CONF.path: 12, GET_MEMORY_CARD_STATUS.path: 13}
    )
    await home.hass.do("button.press", "button.front_door_refresh")
    names = ("led", "zoom", "focus", "auto_focus", "reset_zoom_focus", "sd_card", "sd_card_problem")
    gone = {f"{FACE_ID}_{name}" for name in names}
    assert gone <= before.keys()

    async def withdrawn() -> bool:
        return not gone & (await home.hass.entities()).keys()

    await home.hass.wait_until(withdrawn, f"the end of {gone}")
    await daemon.restart()
    await home.hass.reload_mqtt()
    await home.shown(camera)
    assert (await home.lively()).keys() == before.keys() - gone
    shown = home.hass.states
    assert not [name for name in names for entity_id in shown if entity_id.endswith(f".front_door_{name}")]


@STORIES.tell
@at_home()
async def what_changes_in_a_camera_is_shown(home: Home) -> None:
    cameras = [await home.face_camera(), await home.motion_camera()]
    await home.site.daemon(home.broker)
    await home.shown(*cameras)
    await home.lively()
    for camera in cameras:
        controls, before = camera.controls, await truth(camera)
        controls.name = f"New {camera.sn[-3:]}"
        controls.led_switch, controls.irmode, controls.rotation = 0, 1, 180
        controls.zoom, controls.focus = 77, 78
        controls.motion_level, controls.audio_level = 1, 3
        controls.weekday, controls.start_time, controls.stop_time = 3, 61, 1000
        controls.customer_judgemode, controls.facerecog_interval, controls.optimize_seconds = 0, 11, 3
        controls.ssid = "Shop"
        camera.card = CardStatus.UNFORMATTED
        unchanged = {name for name, value in (await truth(camera)).items() if value == before[name]}
        assert unchanged <= {"max_zoom", "max_focus", "rotations", "door_line", "ip_mode"}
    for name in ("front_door", "back_door"):
        await home.hass.do("button.press", f"button.{name}_refresh")
        await home.hass.wait_state(f"binary_sensor.{name}_sd_card_problem", "on")
    await home.shows_the_truth(*cameras)


@STORIES.tell
@at_home()
async def what_can_be_set_is_set_in_the_camera_and_comes_back(home: Home) -> None:
    """Whatever has a command topic, also what is disabled by default; and nothing else looks as if it could be set."""
    cameras = [await home.face_camera(), await home.motion_camera()]
    await home.site.daemon(
        home.broker, commands={"allow_destructive": True}, camera={"activation_code": ACTIVATION_CODE}
    )
    await home.shown(*cameras)
    cameras[0].emit_face()
    await home.hub.wait_for(f"ipc_bridge/camera/{FACE_SN}/face")
    await home.lively()
    await enable_all(home)
    entities = await home.lively()
    settable = {unique_id: it for unique_id, it in (await configs(home)).items() if "command_topic" in it}
    offered = {it for it, entity in entities.items() if domain_of(entity["entity_id"]) in CONTROLS}
    keys = {camera.sn: list(settable_keys(camera.settings.model)) for camera in cameras}
    assert offered == settable.keys() == {f"ipc_bridge_{sn}_{key}" for sn in keys for key in keys[sn]}
    for camera in cameras:
        for key in keys[camera.sn]:
            unique_id = f"ipc_bridge_{camera.sn}_{key}"
            await is_set(home, camera, key, entities[unique_id]["entity_id"], settable[unique_id]["command_topic"])
    await home.lively()
    await home.shows_the_truth(*cameras)


def settable_keys(model: str) -> Iterator[str]:
    """What the catalogue has to set and to press on a model, last what takes the camera away.

    But for the door line: five numbers that belong together are no entity.
    """
    for name, setting in SETTINGS.items():
        if setting.setter is not None and setting.setter.supports(Model(model)) and name != "door_line":
            yield name
    yield from sorted(
        (name for name, it in ACTIONS.items() if it.endpoint is None or it.endpoint.supports(Model(model))),
        key=lambda name: name in RESTARTS,
    )


async def enable_all(home: Home) -> list[str]:
    """Enable what is disabled by default; return the ids of these entities."""
    disabled = [it["entity_id"] for it in (await home.hass.entities()).values() if it["disabled_by"] is not None]
    for entity_id in disabled:
        await home.hass.ask("config/entity_registry/update", entity_id=entity_id, disabled_by=None)
    # By itself it does that half a minute after the last change.
    await home.hass.reload_mqtt()
    return disabled


async def is_set(home: Home, camera: SimulatedCamera, key: str, entity_id: str, command_topic: str) -> None:
    """Change one thing in Home Assistant: the camera is asked for it once, has it then, and what it has is shown."""
    hass = home.hass
    action, data, expected = change(entity_id, hass.states[entity_id])
    endpoint = ACTIONS[key].endpoint if key in ACTIONS else SETTINGS[key].setter
    since, calls, connects = home.hub.mark(), len(camera.calls), camera.connects
    await hass.do(action, entity_id, **data)
    answer = await home.hub.wait_for(
        f"ipc_bridge/camera/{camera.sn}/response/{'press' if key in ACTIONS else 'set'}", since=since
    )
    assert answer.json["status"] == "ok", (entity_id, answer.json)
    asked = [call.path for call in camera.calls[calls:]]
    if endpoint is None:
        # It has everything read again.
        assert {getter.path for getter in GETTERS if getter.supports(Model(camera.settings.model))} <= set(asked)
    else:
        assert asked.count(endpoint.path) == 1
    if key in RESTARTS:
        await camera.wait_until(lambda: camera.connects > connects)
    if expected is None:
        await home.shown(camera)
    else:
        assert as_shown(entity_id, (await truth(camera))[key]) == expected
        await hass.wait_state(entity_id, expected)
    await home.hub.caught_up()
    assert len(home.hub.messages(command_topic, since=since)) == 1
    await hass.wait_for(lambda: hass.state(entity_id) != "unavailable", f"{entity_id} available")


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


@pytest.mark.timeout(360)
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", STORIES)
async def test_changes(acts: dict[str, Act], name: str) -> None:
    await acts[name].end
