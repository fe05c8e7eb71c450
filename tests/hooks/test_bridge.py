"""What a plugin may do, each in a thread and in a process, and what it may not."""

from __future__ import annotations

import json
import logging
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from ipc_bridge.errors import CommandError
from ipc_bridge.hooks.api import Bridge
from tests.bridge.samples import SN, face_event, motion_event
from tests.hooks.stage import ISOLATIONS, Stage, camera, stage


@pytest.fixture(params=ISOLATIONS)
async def scene(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    async with stage(tmp_path, request.param) as scene:
        yield scene


async def does(scene: Stage, work: str, then: Callable[[], bool] = lambda: True, **settings: Any) -> Any:
    """What comes of ``work``, the body of a function; an error is its kind and message. Waits for ``then``."""
    source = f"""
import asyncio
from datetime import UTC, datetime
from ipc_bridge.hooks import CommandError

async def work(bridge):
    sn = {SN!r}
{work}

@hookimpl
async def startup(bridge):
    try:
        result = await work(bridge)
    except CommandError as error:
        result = [error.kind, str(error)]
    await bridge.publish("result", [result])
"""
    scene.enable("greet", source, **settings)
    before = len(scene.messages("result"))
    async with scene.run():
        [result] = await scene.hears("result", before + 1)
        await scene.sees(then)
        return result


def body(*lines: str) -> str:
    return "\n".join(f"    {line}" for line in lines)


@pytest.mark.parametrize("name", [name for name in vars(Bridge) if not name.startswith("_")])
def test_each_operation_has_a_test_of_its_name(name: str) -> None:
    assert f"test_{name}" in globals()
    assert getattr(Bridge, name).__doc__


async def test_name(scene: Stage) -> None:
    assert await does(scene, body("return bridge.name")) == "greet"


async def test_settings(scene: Stage) -> None:
    assert await does(scene, body("return dict(bridge.settings)"), group="vip", deadline=5) == {"group": "vip"}


async def test_log(scene: Stage, caplog: pytest.LogCaptureFixture) -> None:
    # As it is before any other test.
    logging.getLogger("ipc_bridge.plugin.greet").filters.clear()
    work = body("for number in range(300):", "    bridge.log.warning('hello %d', number)")
    # A hundred at once; more would fill the disk.
    await does(scene, work, lambda: "hello 99" in caplog.messages)
    assert [line for line in caplog.messages if line.startswith("hello")][:2] == ["hello 0", "hello 1"]
    assert "hello 299" not in caplog.messages


async def test_whoever_tells_too_much_is_not_heard(scene: Stage, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever its own limits are: a process may have got around them."""
    work = body("for number in range(300):", "    bridge._failed(f'failure {number} ' + 'x' * 9_000)")
    await does(scene, work, lambda: "failure 50" in caplog.text)
    assert "failure 299" not in caplog.text
    assert max(map(len, caplog.messages)) < 9_000


# MQTT.


async def test_topic(scene: Stage) -> None:
    work = body("return [bridge.topic('last'), bridge.topic('request/send', 'notify')]")
    assert await does(scene, work) == ["ipc_bridge/plugin/greet/last", "ipc_bridge/plugin/notify/request/send"]


async def test_publish(scene: Stage) -> None:
    work = body(
        "await bridge.publish('shop/text', 'hello')",
        "await bridge.publish('shop/bytes', b'\\xff\\x00')",
        "await bridge.publish('shop/empty')",
        "await bridge.publish('shop/json', {'at': datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), 'set': {2, 1}})",
        "await bridge.publish('ipc_bridge/plugin/greet/own', 1, retain=True)",
        "await bridge.publish('ipc_bridge/plugin/notify/request/send', {'text': 'x'})",
    )
    await does(scene, work)
    assert [one.payload for leaf in ("text", "bytes", "empty") for one in scene.messages(f"shop/{leaf}")] == [
        b"hello",
        b"\xff\x00",
        b"",
    ]
    assert scene.said("shop/json") == [{"at": "2026-01-02T03:04:05.000Z", "set": [1, 2]}]
    [own] = scene.messages("ipc_bridge/plugin/greet/own")
    assert (own.payload, own.retain) == (b"1", True)
    [asked] = scene.said("ipc_bridge/plugin/notify/request/send")
    assert asked == {"text": "x"}


@pytest.mark.parametrize(
    ("topic", "kind"),
    [
        ("ipc_bridge/bridge/request/reload", "forbidden"),
        ("ipc_bridge/camera/x/set", "forbidden"),
        ("ipc_bridge/shop/x/status", "forbidden"),
        ("ipc_bridge/plugin/other/state", "forbidden"),
        ("ipc_bridge/plugin/other/response/send", "forbidden"),
        ("homeassistant/device/x/config", "forbidden"),
        ("shop/#", "invalid"),
        ("", "invalid"),
    ],
)
async def test_topics_that_are_not_for_plugins(tmp_path: Path, topic: str, kind: str) -> None:
    async with stage(tmp_path) as scene:
        assert (await does(scene, body(f"await bridge.publish({topic!r}, 'x')")))[0] == kind
    assert not scene.messages(topic)


async def test_too_much(tmp_path: Path) -> None:
    async with stage(tmp_path) as scene:
        work = body("await bridge.publish('shop/large', 'x' * 1_100_000)")
        assert (await does(scene, work))[0] == "too_large"
        topics = "for number in range(101):"
        work = body(topics, "    await bridge.publish(f'ipc_bridge/plugin/greet/{number}', '1', retain=True)")
        kind, message = await does(scene, work)
        assert (kind, message) == ("too_large", "100 topics are retained: clear one, with an empty payload")


# Cameras.


async def test_cameras(scene: Stage) -> None:
    scene.cameras.known["B"] = camera("B", name="Back door")
    assert await does(scene, body("return [[one.sn, one.name] for one in await bridge.cameras()]")) == [
        [SN, "Front door"],
        ["B", "Back door"],
    ]


async def test_camera(scene: Stage) -> None:
    work = body(
        "camera = await bridge.camera(sn)",
        "answers = [await camera.call('face/getFaceList', group_name='vip'), await camera.set(led='ON')]",
        "answers.append(await camera.press('reboot'))",
        "return [camera.state['zoom'], *answers]",
    )
    assert await does(scene, work) == [120, {"did": "face/getFaceList"}, {"did": "set"}, {"did": "press/reboot"}]
    assert scene.cameras.calls == [
        (SN, "face/getFaceList", {"group_name": "vip"}),
        (SN, "set", {"led": "ON"}),
        (SN, "press/reboot", {}),
    ]


async def test_what_a_camera_refuses_has_a_reason(scene: Stage) -> None:
    scene.cameras.refuses = CommandError("camera", "the lens is stuck", 110, "LENS_STUCK")
    work = body(
        "try:",
        "    await (await bridge.camera(sn)).press('auto_focus')",
        "except CommandError as error:",
        "    return [error.kind, error.code, error.name, str(error)]",
    )
    assert await does(scene, work) == ["camera", 110, "LENS_STUCK", "the lens is stuck"]


async def test_a_camera_that_is_not_there(scene: Stage) -> None:
    assert await does(scene, body("await bridge.camera('nobody')")) == ["invalid", "there is no camera nobody"]


# The journal and values.


async def test_events(scene: Stage) -> None:
    async with scene.run():
        scene.happen(face_event(1), motion_event(2), motion_event(3, sn="B"))
        await scene.sees(lambda: scene.publisher.counters["delivered"] == 3)
    work = body(
        "ids = lambda events: [event.event_id for event in events]",
        "then = datetime(2020, 1, 1, tzinfo=UTC)",
        "found = [ids(await bridge.events()), ids(await bridge.events(sn)), ids(await bridge.events(limit=1))]",
        "return [*found, ids(await bridge.events(since=then, limit=2)), (await bridge.events())[0].group]",
    )
    assert await does(scene, work) == [[1, 2, 3], [1, 2], [3], [1, 2], "vip"]
    assert (await does(scene, body("await bridge.events('no serial')")))[0] == "invalid"
    payload = await does(scene, body("return (await bridge.events(sn, limit=1))[0].json()"))
    assert json.loads(payload) == {**scene.said(f"ipc_bridge/camera/{SN}/event/motion")[0], "late": False}


async def test_picture(scene: Stage) -> None:
    face = face_event(1)
    scene.pictures[face.uid] = b"\xff\xd8 a face"
    async with scene.run():
        scene.happen(face, face_event(2))
        await scene.sees(lambda: scene.publisher.counters["delivered"] == 2)
    work = body(
        "one, other = await bridge.events()",
        "await bridge.publish('picture', await bridge.picture(one))",
        "return await bridge.picture(other)",
    )
    assert await does(scene, work) is None
    assert [one.payload for one in scene.messages("picture")] == [b"\xff\xd8 a face"]


async def test_remember(scene: Stage) -> None:
    work = body(
        "await bridge.remember('a', {'b': [1, None]})",
        "await bridge.remember('c', 1)",
        "await bridge.remember('c', None)",
        "return [await bridge.recall('a'), await bridge.recall('c'), await bridge.recall('d', 'nothing')]",
    )
    assert await does(scene, work) == [{"b": [1, None]}, None, "nothing"]


test_recall = test_remember


@pytest.mark.parametrize(
    ("work", "reason"),
    [
        ("await bridge.remember('a', 'x' * 70_000)", "all values would have 70008 bytes, and may have 65536"),
        ("await bridge.remember(1, 'x')", "a value is remembered under text of at most 200 characters"),
        (
            "for number in range(257): await bridge.remember(str(number), 1)",
            "256 values are remembered: forget one, with None",
        ),
    ],
)
async def test_what_is_remembered_has_limits(
    tmp_path: Path, work: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ipc_bridge.bridge.plugins.operations.VALUES", (10_000.0, 1_000))
    async with stage(tmp_path) as scene:
        assert (await does(scene, body(work)))[1] == reason


# Work of its own.


async def test_start(scene: Stage, caplog: pytest.LogCaptureFixture) -> None:
    work = body(
        "async def later(): await bridge.publish('later', [True])",
        "bridge.start(later())",
        "async def fails(): raise OSError('the till is away')",
        "bridge.start(fails())",
        "try:",
        "    for _ in range(33):",
        "        bridge.start(asyncio.Event().wait())",
        "except RuntimeError as error:",
        "    return str(error)",
    )
    failed = "what bridge.start began failed: OSError: the till is away"
    said = await does(scene, work, lambda: bool(scene.said("later")) and failed in caplog.text)
    assert said == "32 tasks that bridge.start began are running: let some of them end"


async def test_what_the_bridge_does_not_do_is_refused(scene: Stage) -> None:
    assert await does(scene, body("await bridge._do('shutdown', {})")) == [
        "invalid",
        "the bridge has no operation shutdown",
    ]
