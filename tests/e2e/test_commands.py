"""What can go wrong with commands: each is answered once, with the right kind, and the rest goes on."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from ipc_bridge.bridge.commands import MAX_WAITING
from ipc_bridge.catalog.device import ENDPOINTS
from ipc_bridge.catalog.endpoint import Effect
from ipc_bridge.catalog.fields import MAX_FILE
from ipc_bridge.simulator import CardStatus, Code, SimulatedCamera
from ipc_bridge.simulator.files import fetch, flv
from tests.e2e.harness import PATIENCE, Site, Subscriber, offline, online, overview
from tests.e2e.stories import Stage, Story, told

TIMEOUT = 1.0
"""``commands.timeout`` where that counts."""
MEGABYTE = 2**20


def topic(camera: SimulatedCamera, leaf: str) -> str:
    return f"ipc_bridge/camera/{camera.sn}/{leaf}"


def answer_topic(camera: SimulatedCamera, leaf: str) -> str:
    verb, _, rest = leaf.partition("/")
    return topic(camera, f"response/{rest}" if verb == "request" else f"response/{verb}")


async def ask(hub: Subscriber, camera: SimulatedCamera, leaf: str, payload: bytes | str | dict[str, Any] = b"") -> Any:
    """Send a command and return its answer."""
    since = hub.mark()
    hub.publish(topic(camera, leaf), json.dumps(payload) if isinstance(payload, dict) else payload)
    answer = await hub.wait_for(answer_topic(camera, leaf), since=since)
    assert (answer.retain, answer.qos) == (False, 1)
    body = answer.json
    assert list(body) == ["status", "transaction", "data" if body["status"] == "ok" else "error"]
    return body


async def refused(
    hub: Subscriber, camera: SimulatedCamera, leaf: str, payload: bytes | str | dict[str, Any] = b""
) -> tuple[str, str]:
    """Send a command that is refused before anything is sent; return kind and message."""
    answer = await ask(hub, camera, leaf, payload)
    error = answer["error"]
    assert list(error) == ["kind", "code", "name", "message"]
    assert (answer["status"], error["code"], error["name"]) == ("error", None, None)
    return error["kind"], error["message"]


async def ready(stage: Stage, camera: SimulatedCamera) -> dict[str, Any]:
    """Wait until a camera is online and has told its settings and counts."""
    await online(stage.hub, camera.sn)
    await stage.hub.wait_for(topic(camera, "flow"))
    state: dict[str, Any] = (await stage.hub.wait_for(topic(camera, "state"))).json
    return state


async def requests_that_are_none(stage: Stage, camera: SimulatedCamera) -> None:
    await ready(stage, camera)
    calls = len(camera.calls)
    hub = stage.hub
    for payload, words in {
        b"no JSON": "not JSON",
        b"[1]": "not an object",
        b"17": "not an object",
        b"\xff\xfe{}": "not JSON",
        b'{"transaction": true}': "transaction must be",
        b'{"transaction": [1]}': "transaction must be",
        b'{"irmode": ' + b"[" * 900 + b"]" * 900 + b"}": "levels deep",
        b'{"irmode": "auto"}': "irmode may be 0 (off), 1 (on) or 2 (auto)",
        b'{"irmode": true}': "irmode may be",
        b'{"ir_mode": 1, "irmode": 1}': "config/setIrMode takes irmode",
        b"": "config/setIrMode needs irmode",
    }.items():
        kind, message = await refused(hub, camera, "request/config/setIrMode", payload)
        assert kind == "invalid"
        assert words in message
    for leaf, payload, words in (
        ("request/config/setEverything", b"{}", "has no config/setEverything"),
        ("request/get/out", b"", "has no get/out"),
        ("press/explode", b"", "there is no press/explode"),
        ("press/reboot", b'{"delay": 5}', "takes no parameters"),
        ("press/reboot", b'{"delay": ', "not JSON"),
        ("set", b"", "set takes properties"),
        ("set", b'{"transaction": 5}', "set takes properties"),
        ("set", b"ON", "not JSON"),
        ("set", b'{"brightness": 5}', 'no property "brightness"'),
        ("set", b'{"led": true}', "led may be ON or OFF"),
        ("set/brightness", b"5", 'no property "brightness"'),
        ("set/led", b"on", "led may be ON or OFF"),
        ("set/led", b"", "led may be ON or OFF"),
        ("set/zoom", b"12.9", "zoom may be a whole number"),
        ("set/zoom", b'"12"', "zoom may be a whole number"),
        ("set/zoom", b"501", "zoom may be a whole number from 0 to 500"),
        ("set/rotation", b"45", "rotation may be 0, 90, 180 or 270"),
        ("set/detect_stop", b"24:01", "detect_stop may be HH:MM"),
        ("set/door_line", b'{"resolution": "1080p"}', "door_line may be an object"),
        ("set/name", b"x" * 37, "name may be text of 1 to 36"),
        ("set/name", b"\xff", "name must be UTF-8"),
    ):
        kind, message = await refused(hub, camera, leaf, payload)
        assert (kind, words in message) == ("invalid", True), (leaf, payload, message)
    assert len(camera.calls) == calls


async def transactions_come_back(stage: Stage, camera: SimulatedCamera) -> None:
    await ready(stage, camera)
    for transaction in ("a", "", 7, 0, -1.5, 2**63):
        request = {"transaction": transaction}
        answer = await ask(stage.hub, camera, "request/config/getLedSwitch", request)
        assert answer == {"status": "ok", "transaction": transaction, "data": {"led_switch": 1}}
        answer = await ask(stage.hub, camera, "request/config/setLedSwitch", request)
        assert (answer["transaction"], answer["error"]["kind"]) == (transaction, "invalid")
        answer = await ask(stage.hub, camera, "press/refresh", request)
        assert answer == {"status": "ok", "transaction": transaction, "data": {}}
    answer = await ask(stage.hub, camera, "request/config/setLedSwitch", {"led_switch": 1, "transaction": None})
    assert answer == {"status": "ok", "transaction": None, "data": {}}
    for payload in (b"", b"PRESS", b"{}", b"1"):
        assert await ask(stage.hub, camera, "press/auto_focus", payload) == {
            "status": "ok",
            "transaction": None,
            "data": {},
        }


async def unknown_cameras_and_bad_serials(stage: Stage, camera: SimulatedCamera) -> None:
    await ready(stage, camera)
    for sn in ("FS101D8BS99999", "a b", "é"):
        for leaf in ("set", "set/led", "press/reboot", "request/device/reboot"):
            since = stage.hub.mark()
            stage.hub.publish(f"ipc_bridge/camera/{sn}/{leaf}", b'{"led": "ON"}' if leaf == "set" else b"")
            verb, _, rest = leaf.partition("/")
            where = f"ipc_bridge/camera/{sn}/response/{rest if verb == 'request' else verb}"
            error = (await stage.hub.wait_for(where, since=since)).json["error"]
            assert error["kind"] == "invalid"
            assert sn in error["message"]


async def what_is_too_large(stage: Stage, camera: SimulatedCamera) -> None:
    await ready(stage, camera)
    calls = len(camera.calls)
    five = b"x" * (5 * MEGABYTE)
    for leaf in ("request/config/setIrMode", "set", "set/led", "press/reboot"):
        kind, message = await refused(stage.hub, camera, leaf, five)
        assert (kind, "5242880 bytes" in message) == ("too_large", True)
    for content, expected in (
        (b"\xff\xd8\xff" + bytes(2 * MEGABYTE), "too_large"),
        (b"\xff\xd8\xff" + bytes(MAX_FILE), "too_large"),
        (b"", "invalid"),
        (b"GIF89a" + bytes(100), "invalid"),
        (b"%PDF-1.4" + bytes(100), "invalid"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (1921).to_bytes(4) + (1).to_bytes(4), "invalid"),
    ):
        picture = {"base64": base64.b64encode(content).decode()}
        request = {"group_name": "vip", "pic": picture}
        kind, message = await refused(stage.hub, camera, "request/face/addFace", request)
        assert kind == expected
        assert "1920x1080" in message or "bytes" in message
    kind, message = await refused(stage.hub, camera, "request/face/addFace", {"group_name": "vip", "pic": "x"})
    assert (kind, "pic may be" in message) == ("invalid", True)
    assert len(camera.calls) == calls
    # One of the largest size that is allowed gets there.
    sample = base64.b64decode(ENDPOINTS["face/addFace"].sample["pic"]["base64"])
    picture = {"base64": base64.b64encode(sample + bytes(MAX_FILE - len(sample))).decode()}
    answer = await ask(stage.hub, camera, "request/face/getFaceByPicture", {"pic": picture})
    assert camera.calls[-1].files["pic"].size == MAX_FILE
    assert answer["status"] == "ok" or answer["error"]["kind"] == "camera"


async def what_is_destructive_needs_permission(stage: Stage, camera: SimulatedCamera) -> None:
    await ready(stage, camera)
    calls = len(camera.calls)
    dangers = [path for path, endpoint in ENDPOINTS.items() if endpoint.effect is Effect.DANGER]
    leaves = [f"request/{path}" for path in dangers]
    assert len(leaves) == 9
    for leaf in leaves:
        for payload in (b"", json.dumps(ENDPOINTS[leaf.removeprefix("request/")].sample)):
            kind, message = await refused(stage.hub, camera, leaf, payload)
            assert (kind, "commands.allow_destructive" in message) == ("forbidden", True)
    for name in ("format_sd_card", "factory_reset"):
        kind, message = await refused(stage.hub, camera, f"press/{name}")
        assert (kind, "commands.allow_destructive" in message) == ("forbidden", True)
    assert len(camera.calls) == calls


async def a_camera_that_is_not_there(stage: Stage, camera: SimulatedCamera) -> None:
    state = await ready(stage, camera)
    since = stage.hub.mark()
    await camera.stop()
    await offline(stage.hub, camera.sn, since=since)
    reason = (await overview(stage.hub, camera.sn, "offline", since, reason="no connection to"))["reason"]
    for leaf, payload in (
        ("request/config/getLedSwitch", b""),
        ("set", b'{"led": "OFF"}'),
        ("set/led", b"OFF"),
        ("press/reboot", b""),
        ("press/refresh", b""),
    ):
        since = stage.hub.mark()
        kind, message = await refused(stage.hub, camera, leaf, payload)
        assert kind == "offline"
        assert camera.sn in message
        assert reason in message
        if leaf.startswith("set"):
            # A hub's switch falls back.
            assert (await stage.hub.wait_for(topic(camera, "state"), since=since)).json == state
    # What is wrong in itself is told all the same.
    assert (await refused(stage.hub, camera, "set/led", b"on"))[0] == "invalid"
    assert (await refused(stage.hub, camera, "request/device/reset"))[0] == "forbidden"


async def a_camera_that_goes_in_the_middle(stage: Stage, camera: SimulatedCamera) -> None:
    await ready(stage, camera)
    camera.faults.delay = PATIENCE
    calls = len(camera.calls)
    since = stage.hub.mark()
    under_way = asyncio.gather(
        refused(stage.hub, camera, "request/face/getGroupList"),
        refused(stage.hub, camera, "set/zoom", b"77"),
        refused(stage.hub, camera, "press/reset_zoom_focus"),
    )
    await camera.wait_until(lambda: len(camera.calls) >= calls + 2)
    await camera.stop()
    assert [kind for kind, _ in await under_way] == ["offline"] * 3
    camera.faults.delay = 0.0
    await camera.start()
    await online(stage.hub, camera.sn, since=since)
    await stage.hub.caught_up()
    for leaf in ("response/face/getGroupList", "response/set", "response/press"):
        assert len(stage.hub.messages(topic(camera, leaf), since=since)) == 1
    # A change was under way, and is not repeated by itself; the one that waited for it never was sent.
    paths = [call.path for call in camera.calls[calls:]]
    assert paths.count("config/setZoom") == 1
    assert "config/resetZoomFocus" not in paths
    await stage.hub.wait_for(topic(camera, "state"), lambda message: message.json["zoom"] == 77, since=since)


async def a_reboot(stage: Stage, camera: SimulatedCamera) -> None:
    await ready(stage, camera)
    since = stage.hub.mark()
    assert (await ask(stage.hub, camera, "press/reboot"))["status"] == "ok"
    await offline(stage.hub, camera.sn, since=since)
    assert (await refused(stage.hub, camera, "set/led", b"OFF"))[0] == "offline"
    await online(stage.hub, camera.sn, since=since)
    assert (await ask(stage.hub, camera, "set/led", b"OFF"))["data"] == {"led": "OFF"}
    assert "device/reset" not in [call.path for call in camera.calls]


async def refusals_of_the_camera_by_name_and_meaning(stage: Stage, camera: SimulatedCamera) -> None:
    await ready(stage, camera)
    for code, name, meaning in (
        (113, "LENS_IRMODE_PARAM_INVALID", "night mode value is not valid"),
        (3, "UNKNOWN", "unknown error"),
        (4711, None, "does not document"),
    ):
        camera.faults.refuse("api", code)
        since = stage.hub.mark()
        answer = await ask(stage.hub, camera, "set/ir_mode", b"on")
        error = answer["error"]
        assert (error["kind"], error["code"], error["name"]) == ("camera", code, name)
        assert meaning in error["message"]
        state = await stage.hub.wait_for(topic(camera, "state"), since=since)
        assert (state.json["ir_mode"], state.retain) == ("auto", True)
        assert state.number > stage.hub.messages(topic(camera, "response/set"), since=since)[0].number
        camera.faults.refuse("api", code)
        answer = await ask(stage.hub, camera, "request/config/getIrMode")
        assert (answer["error"]["kind"], answer["error"]["code"]) == ("camera", code)


async def a_signature_that_is_refused_says_how_wrong_the_clock_is(stage: Stage, camera: SimulatedCamera) -> None:
    await ready(stage, camera)
    for code, name in ((1, "APPID_INVALID"), (5, "SECRET_KEY_INVALID")):
        for leaf in ("request/config/getIrMode", "set/ir_mode"):
            camera.faults.refuse("api", code)
            error = (await ask(stage.hub, camera, leaf, b"" if "request" in leaf else b"on"))["error"]
            assert (error["kind"], error["code"], error["name"]) == ("auth", code, name)
            assert any(f"its clock is {seconds} s ahead" in error["message"] for seconds in (3599, 3600, 3601))


async def the_wifi_password_stays_here(stage: Stage, camera: SimulatedCamera) -> None:
    camera.controls.ssid, camera.controls.password = "shop", "geheim-geheim"
    await ready(stage, camera)
    answer = await ask(stage.hub, camera, "request/config/getWifiConf")
    assert answer["data"] == {"ssid": "shop", "password": "<redacted>"}
    request = {"ssid": "shop", "password": "geheim-geheim" * 10}
    assert (await ask(stage.hub, camera, "request/config/setWifiConf", request))["error"]["kind"] == "forbidden"
    await stage.hub.caught_up()
    mine = [
        message for message in stage.hub.everything if camera.sn in message.topic and "/request/" not in message.topic
    ]
    assert not [message.topic for message in mine if b"geheim" in message.payload]
    assert not stage.daemon.lines("geheim")


async def faces_with_pictures_and_attributes(stage: Stage, camera: SimulatedCamera) -> None:
    await ready(stage, camera)
    hub = stage.hub
    names = {"num": 2, "group_name": "crew", "name_list": ["hobby", "badge"]}
    await ask(hub, camera, "request/face/createGroup", {"name": "crew", "capacity": 10, "description": "ours"})
    assert (await ask(hub, camera, "request/face/addFaceInfoItem", names))["status"] == "ok"
    face = {
        "pic": ENDPOINTS["face/addFace"].sample["pic"],
        "group_name": "crew",
        "faceid": "4711",
        "age": 30,
        "attributes": {"hobby": "tennis", "item2": "0042"},
    }
    assert (await ask(hub, camera, "request/face/addFace", face))["data"] == {"faceid": "4711"}
    call = next(call for call in camera.calls[::-1] if call.path == "face/addFace")
    assert {name: call.params[name] for name in ("age", "hobby", "item2")} == {
        "age": "30",
        "hobby": "tennis",
        "item2": "0042",
    }
    shown = (await ask(hub, camera, "request/face/getFace", {"faceid": "4711"}))["data"]
    assert (shown["group_name"], shown["age"]) == ("crew", 30)
    # The state follows by itself.
    await hub.wait_for(
        topic(camera, "state"),
        lambda message: {"name": "crew", "count": 1, "capacity": 10} in message.json["face_groups"],
    )
    for taken in ("app_id", "sign", "group_name", "start_time"):
        kind, message = await refused(hub, camera, "request/face/addFace", {**face, "attributes": {taken: "x"}})
        assert (kind, "attributes may be" in message) == ("invalid", True)


async def more_than_a_camera_can_take(stage: Stage, camera: SimulatedCamera) -> None:
    await ready(stage, camera)
    camera.faults.silence()
    since = stage.hub.mark()
    count = 60
    for number in range(count):
        stage.hub.publish(topic(camera, "request/config/getLedSwitch"), json.dumps({"transaction": number}))
    where = topic(camera, "response/config/getLedSwitch")
    await stage.hub.wait_for(where, since=since, count=count - MAX_WAITING)
    assert {message.json["error"]["kind"] for message in stage.hub.messages(where, since=since)} == {"busy"}
    camera.faults.speak()
    await stage.hub.wait_for(where, since=since, count=count)
    answers = [message.json for message in stage.hub.messages(where, since=since)]
    assert sorted(answer["transaction"] for answer in answers) == list(range(count))
    assert [answer["status"] for answer in answers].count("ok") == MAX_WAITING


async def a_snapshot(stage: Stage, camera: SimulatedCamera) -> None:
    await ready(stage, camera)
    since = stage.hub.mark()
    answer = await ask(stage.hub, camera, "press/snapshot")
    assert answer["data"]["snapshot_url"].startswith(f"https://{camera.host}")
    picture = await stage.hub.wait_for(topic(camera, "snapshot"), since=since)
    assert picture.payload.startswith(b"\xff\xd8\xff")
    assert picture.retain
    camera.faults.refuse("api", 233)
    assert (await ask(stage.hub, camera, "press/snapshot"))["error"]["name"] == "SNAPSHOT_FAILED"


async def a_clip_is_answered_once_it_is_there(stage: Stage, camera: SimulatedCamera) -> None:
    await ready(stage, camera)
    # It is cut two seconds later; a camera that has no clip is refused at once.
    answer = await ask(stage.hub, camera, "request/media/getCurVideos", {"preceding": 4, "following": 4})
    assert answer["status"] == "ok"
    url = answer["data"]["url"]
    assert fetch(camera._state, url.partition(f":{camera.api_port}")[2]).content == flv(8)
    camera.card = CardStatus.OUT
    answer = await ask(stage.hub, camera, "request/media/getCurVideos", {"preceding": 4, "following": 4})
    assert (answer["error"]["kind"], answer["error"]["code"]) == ("camera", Code.CLIP_SERVICE_NOT_RUNNING)


async def a_camera_is_renamed(stage: Stage, camera: SimulatedCamera) -> None:
    await ready(stage, camera)
    since = stage.hub.mark()
    assert (await ask(stage.hub, camera, "set/name", "Hintertür"))["data"] == {"name": "Hintertür"}
    await stage.hub.wait_for(topic(camera, "state"), lambda state: state.json["name"] == "Hintertür", since=since)
    await stage.hub.wait_for(topic(camera, "info"), lambda info: info.json["name"] == "Hintertür", since=since)
    await overview(stage.hub, camera.sn, "online", since)
    assert stage.hub.messages("ipc_bridge/bridge/cameras")[-1].json
    request = {"name": "Front door"}
    assert (await ask(stage.hub, camera, "request/config/updateName", request))["status"] == "ok"
    await stage.hub.wait_for(topic(camera, "info"), lambda info: info.json["name"] == "Front door", since=since)


async def the_configured_name_goes_ahead(stage: Stage, camera: SimulatedCamera) -> None:
    await ready(stage, camera)
    assert (await ask(stage.hub, camera, "set/name", "Other"))["data"] == {"name": "Other"}
    state = stage.hub.messages(topic(camera, "state"))[-1].json
    info = stage.hub.messages(topic(camera, "info"))[-1].json
    assert (state["name"], info["name"]) == ("Other", "Configured")


async def what_changes_on_the_camera_is_seen(stage: Stage, camera: SimulatedCamera) -> None:
    await ready(stage, camera)
    since = stage.hub.mark()
    camera.controls.led_switch = 0
    await ask(stage.hub, camera, "press/refresh")
    await stage.hub.wait_for(topic(camera, "state"), lambda state: state.json["led"] == "OFF", since=since)
    camera.controls.led_switch = 1
    stage.hub.publish("ipc_bridge/bridge/request/refresh", json.dumps({"sn": camera.sn}))
    await stage.hub.wait_for(topic(camera, "state"), lambda state: state.json["led"] == "ON", since=since)
    # Nothing has changed, nothing is published.
    published = len(stage.hub.messages(topic(camera, "state")))
    await ask(stage.hub, camera, "press/refresh")
    await ask(stage.hub, camera, "set/led", b"ON")
    await stage.hub.caught_up()
    assert len(stage.hub.messages(topic(camera, "state"))) == published


STORIES = [
    Story(requests_that_are_none),
    Story(transactions_come_back),
    Story(unknown_cameras_and_bad_serials),
    Story(what_is_too_large),
    Story(what_is_destructive_needs_permission),
    Story(a_camera_that_is_not_there),
    Story(a_camera_that_goes_in_the_middle),
    Story(a_reboot, {"reboot_seconds": 1.0}),
    Story(refusals_of_the_camera_by_name_and_meaning),
    Story(a_signature_that_is_refused_says_how_wrong_the_clock_is, {"clock_offset": 3600.0}),
    Story(the_wifi_password_stays_here),
    Story(faces_with_pictures_and_attributes),
    Story(more_than_a_camera_can_take),
    Story(a_snapshot),
    Story(a_clip_is_answered_once_it_is_there, {"clip_unit": 0.25}),
    Story(a_camera_is_renamed),
    Story(the_configured_name_goes_ahead, entry={"name": "Configured"}),
    Story(what_changes_on_the_camera_is_seen),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    directory = tmp_path_factory.mktemp("commands")
    # The silence of a slow camera is not to end its channel, and a busy machine is none.
    async with told(directory, STORIES, camera={"keep_alive": 30}, commands={"timeout": 35}) as stage:
        yield stage


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", [story.name for story in STORIES])
async def test_commands(stage: Stage, name: str) -> None:
    await stage.stories[name]


LEAVES = {
    "set": b'{"led": "OFF"}',
    "set/led": b"OFF",
    "press/auto_focus": b"PRESS",
    "request/config/setLedSwitch": b'{"led_switch": 0}',
}


async def test_what_is_retained_is_not_carried_out(site: Site) -> None:
    broker = await site.broker()
    hub = await site.subscriber(broker.port)
    camera = await site.camera()
    for leaf, payload in LEAVES.items():
        hub.publish(topic(camera, leaf), payload, retain=True)
    await hub.caught_up()
    daemon = await site.daemon(broker)
    await online(hub, camera.sn)
    await hub.wait_for(topic(camera, "state"))
    for leaf in LEAVES:
        await daemon.wait_for_log("WARNING", topic(camera, leaf), "retained")
    # What is sent live is carried out, whatever its flag; and only that is answered.
    hub.publish(topic(camera, "press/auto_focus"), b"PRESS", retain=True)
    answer = await hub.wait_for(topic(camera, "response/press"))
    assert answer.json["status"] == "ok"
    assert not hub.messages(topic(camera, "response/set"))
    assert not hub.messages(topic(camera, "response/config/setLedSwitch"))
    assert camera.controls.led_switch == 1
    assert [call.path for call in camera.calls].count("config/autoFocus") == 1


async def test_a_camera_that_is_slower_than_it_may_be(site: Site) -> None:
    broker = await site.broker()
    hub = await site.subscriber(broker.port)
    camera = await site.camera()
    await site.daemon(broker, commands={"timeout": TIMEOUT}, camera={"keep_alive": 30})
    state = (await hub.wait_for(topic(camera, "state"))).json
    camera.faults.delay = 6 * TIMEOUT
    asked = time.monotonic()
    since = hub.mark()
    kinds = await asyncio.gather(
        refused(hub, camera, "request/config/getLedSwitch"),
        refused(hub, camera, "set/led", b"OFF"),
        refused(hub, camera, "press/auto_focus"),
    )
    assert [kind for kind, _ in kinds] == ["timeout"] * 3
    assert TIMEOUT - 0.1 < time.monotonic() - asked < 6 * TIMEOUT
    # The state follows; and when the camera is up to speed again, it shows what became of the command.
    shown = await hub.wait_for(topic(camera, "state"), since=since)
    assert shown.json == state
    camera.faults.delay = 0.0
    await hub.wait_for(topic(camera, "state"), lambda message: message.json["led"] == "OFF", since=since)
    await hub.caught_up()
    for leaf in ("response/config/getLedSwitch", "response/set", "response/press"):
        assert len(hub.messages(topic(camera, leaf), since=since)) == 1
