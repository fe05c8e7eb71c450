"""Each hook, in a thread and in a process; the test of a hook has its name."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from ipc_bridge.device.events import Origin
from ipc_bridge.errors import CommandError
from ipc_bridge.hooks.loading import HOOKS
from ipc_bridge.models import Event, Transport
from ipc_bridge.wire.packet import FACE_EVENT
from tests.bridge.samples import NOW, SN, face_event, motion_event, other_event
from tests.hooks.stage import ISOLATIONS, Stage, camera, stage

SEEN = "seen"


@pytest.fixture(params=ISOLATIONS)
async def scene(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    async with stage(tmp_path, request.param) as scene:
        yield scene


def reporter(hook: str, *arguments: str, says: str) -> str:
    """A plugin with one hook, which publishes the value of an expression."""
    return f"""
        @hookimpl
        async def {hook}({", ".join(("bridge", *arguments))}):
            await bridge.publish("seen", [{says}])
    """


async def told(scene: Stage, count: int = 1) -> Any:
    """What the plugin published as its ``count``-th message."""
    [value] = await scene.hears(SEEN, count)
    return value


# Something happened.


async def test_startup(scene: Stage) -> None:
    scene.enable("greet", reporter("startup", says="bridge.name, bridge.settings"), to="all")
    async with scene.run():
        assert await scene.hears(SEEN) == ["greet", {"to": "all"}]


async def test_startup_that_fails_begins_again(scene: Stage) -> None:
    source = """
        @hookimpl
        async def startup(bridge):
            tries = await bridge.recall("tries", 0) + 1
            await bridge.remember("tries", tries)
            if tries == 1:
                raise OSError("no network yet")
            await bridge.publish("seen", [tries])
    """
    scene.enable("greet", source)
    async with scene.run():
        assert await told(scene) == 2
        assert scene.figures("greet")["restarts"] == 1


async def test_shutdown(scene: Stage) -> None:
    scene.enable("greet", reporter("shutdown", says="'bye'"))
    async with scene.run():
        await scene.sees(lambda: scene.figures("greet")["state"] == "running")
        assert not scene.said(SEEN)
    assert scene.said(SEEN) == [["bye"]]


async def _camera_hook(scene: Stage, hook: str) -> None:
    scene.enable("greet", reporter(hook, "camera", says="camera"))
    async with scene.run():
        for kind in ("camera_discovered", "camera_online", "camera_offline", "address_changed"):
            scene.plugins.camera_happened(kind, SN)
        assert await told(scene) == camera()
    assert len(scene.said(SEEN)) == 1


async def test_camera_discovered(scene: Stage) -> None:
    await _camera_hook(scene, "camera_discovered")


async def test_camera_online(scene: Stage) -> None:
    await _camera_hook(scene, "camera_online")


async def test_camera_offline(scene: Stage) -> None:
    await _camera_hook(scene, "camera_offline")


EVENTS: dict[str, Event] = {"face": face_event(1), "motion": motion_event(2), "other": other_event(3)}


async def _event_hook(scene: Stage, hook: str, *kinds: str) -> None:
    """An event reaches the hook as MQTT has it, and no other does."""
    scene.enable("greet", reporter(hook, "camera", "event", says="event"))
    async with scene.run():
        scene.happen(*EVENTS.values())
        for number, kind in enumerate(kinds, 1):
            event = await told(scene, number)
            assert [event] == scene.said(f"ipc_bridge/camera/{SN}/event/{kind}")
        await scene.sees(lambda: scene.figures("greet")["behind"] == 0)
    assert len(scene.said(SEEN)) == len(kinds)


async def test_event_received(scene: Stage) -> None:
    await _event_hook(scene, "event_received", *EVENTS)


async def test_face_recognized(scene: Stage) -> None:
    await _event_hook(scene, "face_recognized", "face")


async def test_person_visited(scene: Stage) -> None:
    """Camera and cloud tell of the same person: one visit; and one that fails is tried again."""
    source = """
        tries = []

        @hookimpl
        async def person_visited(bridge, camera, event):
            tries.append(event.uid)
            if len(tries) == 1:
                raise OSError("not yet")
            await bridge.publish("seen", [camera.sn, event.uid])
    """
    scene.enable("greet", source)
    by_camera = face_event(1)
    assert by_camera.cloud_face_id is not None
    by_cloud = replace(by_camera, uid="by-cloud", event_id=None, shop="1", transport=Transport.CLOUD)
    nobody = replace(by_camera, cloud_face_id=None)
    async with scene.run():
        scene.happen(by_camera, by_cloud, replace(nobody, uid="nobody-1"), replace(nobody, uid="nobody-2"))
        await scene.hears(SEEN, 3)
        await scene.sees(lambda: scene.figures("greet")["behind"] == 0)
    assert scene.said(SEEN) == [[SN, uid] for uid in (by_camera.uid, "nobody-1", "nobody-2")]


async def test_motion_detected(scene: Stage) -> None:
    await _event_hook(scene, "motion_detected", "motion")


async def test_late_event_received(scene: Stage) -> None:
    source = """
        @hookimpl
        async def late_event_received(bridge, event):
            await bridge.publish("seen", [event])

        @hookimpl
        async def event_received(bridge, event):
            await bridge.publish("news", [event])

        @hookimpl
        async def face_recognized(bridge, event):
            await bridge.publish("news", [event])
    """
    scene.enable("greet", source)
    async with scene.run():
        scene.happen(face_event(1, time=NOW - 100))
        event = await told(scene)
        assert (event["event_id"], event["late"]) == (1, True)
    assert not scene.said("news")


async def test_setting_changed(scene: Stage) -> None:
    scene.enable("greet", reporter("setting_changed", "camera", "setting", says="[camera.sn, setting]"))
    async with scene.run():
        scene.plugins.state_changed(SN, {"led": "ON", "zoom": 120})
        scene.plugins.state_changed(SN, {"led": "ON", "zoom": 120, "focus": 3})
        scene.plugins.state_changed(SN, {"led": "OFF", "zoom": 120, "focus": 3})
        assert await told(scene) == [SN, {"sn": SN, "name": "led", "old": "ON", "new": "OFF"}]
        scene.plugins.camera_happened("forgotten", SN)
        scene.plugins.state_changed(SN, {"led": "ON"})
        scene.plugins.state_changed(SN, {"led": "OFF"})
        await told(scene, 2)
    assert len(scene.said(SEEN)) == 2


async def test_command_completed(scene: Stage) -> None:
    scene.enable("greet", reporter("command_completed", "command", says="command"))
    async with scene.run():
        scene.plugins.completed(SN, "set", {"led": "ON"}, None)
        ok = {"sn": SN, "name": "set", "params": {"led": "ON"}, "status": "ok", "error": None}
        assert await told(scene) == ok
        scene.plugins.completed(
            SN, "request/config/setWifiConf", {"password": "very secret"}, CommandError("busy", "later")
        )
        answer = await told(scene, 2)
        assert answer["status"] == "error"
        assert answer["error"] == {"kind": "busy", "code": None, "name": None, "message": "later"}
    assert b"very secret" not in b"".join(one.payload for one in scene.messages(SEEN))


# May I change this?


CHILD, ADULT = {"event_id": 1, "age": 10}, {"event_id": 2, "age": 40}


async def _filtered(scene: Stage, source: str) -> list[dict[str, Any]]:
    """What is published of a child's face, and an adult's."""
    scene.enable("greet", source)
    async with scene.run():
        await scene.plugins.settled()
        for one in (CHILD, ADULT):
            payload = {"event_type": FACE_EVENT, "sn": SN, "report_time": int(NOW), "faceid": "1", **one}
            origin = Origin(SN, "Front door", Transport.CHANNEL)
            scene.flow.received(json.dumps(payload).encode(), origin, scene.acknowledged.append)
        # Whatever becomes of them, the camera hears of it, in its order.
        await scene.sees(lambda: len(scene.acknowledged) == 2)
        assert scene.acknowledged == [1, 2]
        await scene.sees(lambda: scene.publisher.counters["delivered"] + scene.flow.counters["filtered"] == 2)
    return scene.said(f"ipc_bridge/camera/{SN}/event/face")


async def test_filter_event(scene: Stage) -> None:
    source = """
        @hookimpl
        async def filter_event(camera, event):
            return event.age > 12 and event.seq == 0 and camera.name == "Front door"
    """
    [event] = await _filtered(scene, source)
    assert (event["age"], event["seq"]) == (40, 1)
    assert scene.flow.counters["filtered"] == 1


async def test_filter_event_changes_details(scene: Stage) -> None:
    source = """
        @hookimpl
        def filter_event(event):
            return {"age": None, "attributes": {"was": event.age}}
    """
    events = await _filtered(scene, source)
    assert [(event["age"], event["attributes"]) for event in events] == [(None, {"was": 10}), (None, {"was": 40})]


@pytest.mark.parametrize(
    "answer",
    ["1 / 0", "{'age': 'old'}", "{'uid': 'x'}", "{'age': True}", "[1]", "object()", "{'attributes': {1j: 2}}", "'no'"],
)
async def test_an_event_passes_a_filter_event_that_fails(tmp_path: Path, answer: str) -> None:
    source = f"""
        @hookimpl
        def filter_event(event):
            return {answer}
    """
    async with stage(tmp_path) as scene:
        events = await _filtered(scene, source)
        assert [event["age"] for event in events] == [10, 40]


async def _ask(scene: Stage, source: str) -> str | None:
    """What a plugin says to a command: None where it may be carried out."""
    scene.enable("guard", source)
    async with scene.run():
        await scene.plugins.settled()
        try:
            await scene.plugins.authorize(SN, "request/config/setWifiConf", {"ssid": "shop", "password": "secret"})
        except CommandError as error:
            return f"{error.kind}: {error}"
        return None


async def test_authorize_command(scene: Stage) -> None:
    source = """
        @hookimpl
        async def authorize_command(camera, command):
            if command.name.startswith("request/config/") and command.params["password"] == "<redacted>":
                return f"not for {command.params['ssid']} on {camera.sn}"
    """
    assert await _ask(scene, source) == f"forbidden: not for shop on {SN}"


@pytest.mark.parametrize(
    ("answer", "reason"), [("None", None), ("True", None), ("False", "forbidden: plugin guard does not allow it")]
)
async def test_authorize_command_answers(tmp_path: Path, answer: str, reason: str | None) -> None:
    source = f"""
        @hookimpl
        def authorize_command():
            return {answer}
    """
    async with stage(tmp_path) as scene:
        assert await _ask(scene, source) == reason


async def test_nothing_passes_an_authorize_command_that_fails(scene: Stage) -> None:
    source = """
        @hookimpl
        def authorize_command():
            raise LookupError("who is that?")
    """
    reason = await _ask(scene, source)
    assert reason is not None
    assert reason.startswith(
        "forbidden: plugin guard, which authorizes commands, does not do its work: LookupError: who is that?"
    )


# What do you add?


async def test_config_schema(scene: Stage) -> None:
    source = """
        import voluptuous as vol

        @hookimpl
        def config_schema():
            return {vol.Required("group"): str, vol.Optional("hours", default=[8, 20]): [int]}

        @hookimpl
        async def startup(bridge):
            await bridge.publish("seen", [bridge.settings])
    """
    scene.enable("greet", source, group="vip")
    async with scene.run():
        assert await told(scene) == {"group": "vip", "hours": [8, 20]}


async def test_register_entities(scene: Stage) -> None:
    source = """
        from ipc_bridge.hooks import Entity

        @hookimpl
        def register_entities(bridge):
            return [
                Entity("arrival", "event", bridge.settings["title"], "arrival", options={"event_types": ["vip"]}),
                Entity("test", "button", "Test", command="test", options={"qos": 0, "icon": "mdi:bell"}),
                Entity("last", "sensor", "Last", "last", attributes=True),
            ]
    """
    scene.enable("vip_arrival", source, title="Arrival")
    async with scene.run():
        message = await scene.hears("homeassistant/device/ipc_bridge_plugin_vip_arrival/config")
    assert message["device"]["name"] == "Vip arrival"
    assert message["device"]["via_device"] == "ipc_bridge_bridge"
    components = message["components"]
    base, unique = "ipc_bridge/plugin/vip_arrival", "ipc_bridge_plugin_vip_arrival"
    assert components["arrival"] == {
        "platform": "event",
        "unique_id": f"{unique}_arrival",
        "qos": 1,
        "state_topic": f"{base}/arrival",
        "name": "Arrival",
        "event_types": ["vip"],
    }
    assert (components["test"]["command_topic"], components["test"]["qos"]) == (f"{base}/request/test", 1)
    assert components["test"]["availability"][0]["topic"] == "ipc_bridge/bridge/status"
    assert components["last"]["json_attributes_topic"] == f"{base}/last"


async def test_register_commands(scene: Stage) -> None:
    source = """
        from ipc_bridge.hooks import CommandError

        @hookimpl
        def register_commands(bridge):
            async def greet(params):
                if "whom" not in params:
                    raise CommandError("invalid", "whom is missing")
                return {"said": f"hello {params['whom']}"}

            return {"greet": greet, "echo": lambda params: params, "fail": lambda params: 1 / 0}
    """
    scene.enable("greet", source)
    async with scene.run():
        await scene.plugins.settled()
        await scene.sees(lambda: scene.figures("greet")["state"] == "running")

        async def answer(verb: str, payload: str) -> Any:
            before = len(scene.messages(f"ipc_bridge/plugin/greet/response/{verb}"))
            scene.send(f"ipc_bridge/plugin/greet/request/{verb}", payload)
            return await scene.hears(f"ipc_bridge/plugin/greet/response/{verb}", before + 1)

        said = {"said": "hello you"}
        assert await answer("greet", '{"whom": "you", "transaction": 7}') == {
            "status": "ok",
            "transaction": 7,
            "data": said,
        }
        assert (await answer("greet", ""))["error"]["message"] == "whom is missing"
        assert (await answer("echo", "ON"))["data"] == {"payload": "ON"}
        failed = (await answer("fail", ""))["error"]
        assert failed["kind"] == "plugin"
        assert failed["message"].startswith("plugin greet failed: ZeroDivisionError: division by zero (greet.py:")
        assert (await answer("other", ""))["error"]["kind"] == "invalid"
        scene.send("ipc_bridge/plugin/nobody/request/greet")
        unknown = await scene.hears("ipc_bridge/plugin/nobody/response/greet")
        assert unknown["error"]["message"] == "plugin nobody has no greet; it has no verbs"


async def test_register_routes(scene: Stage) -> None:
    source = """
        from aiohttp import web

        @hookimpl
        def register_routes(bridge):
            async def hello(request):
                return web.json_response({"name": bridge.name, "path": request.path})

            return [web.get("/hello", hello)]
    """
    scene.enable("greet", source)
    async with scene.run():
        connector = aiohttp.UnixConnector(str(scene.plugins.sockets["greet"]))
        async with aiohttp.ClientSession(connector=connector) as session, session.get("http://plugin/hello") as answer:
            assert await answer.json() == {"name": "greet", "path": "/hello"}


# All of them.


@pytest.mark.parametrize("hook", HOOKS)
def test_each_hook_has_a_test_of_its_name_and_a_docstring(hook: str) -> None:
    assert f"test_{hook}" in globals()
    assert HOOKS[hook].__doc__
