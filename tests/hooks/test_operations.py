"""What a plugin may have the bridge do, and where that ends; in a thread and in a process alike."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from ipc_bridge.bridge.plugins import memory as memory_module
from ipc_bridge.bridge.plugins.memory import PluginMemory
from ipc_bridge.errors import CommandError, NoAnswerError, StorageError
from ipc_bridge.storage import JsonFile
from tests.bridge.samples import NOW, SN, face_event, motion_event, other_event
from tests.hooks.stage import ISOLATIONS, Stage, camera, stage
from tests.mqtt.broker import eventually

OBEDIENT = """
    import asyncio, dataclasses
    from datetime import UTC, datetime

    async def camera_of(bridge, sn, use):
        return await use(await bridge.camera(sn))

    @hookimpl
    def register_commands(bridge):
        async def run(params):
            return await eval(params["code"], {**globals(), "bridge": bridge, "SN": params["sn"]})
        return {"run": run}
"""
"""Does what it is told: an expression that can be awaited."""


@pytest.fixture(params=ISOLATIONS)
async def scene(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    async with stage(tmp_path, request.param) as scene:
        scene.enable("test", OBEDIENT)
        async with scene.run():
            yield scene


async def do(scene: Stage, code: str) -> Any:
    """What comes of ``code`` in the plugin: a value, or an error's kind with its message."""
    answered = "ipc_bridge/plugin/test/response/run"
    count = len(scene.messages(answered))
    scene.send("ipc_bridge/plugin/test/request/run", json.dumps({"code": code, "sn": SN}))
    answer = await scene.hears(answered, count + 1)
    return answer["data"] if answer["status"] == "ok" else (answer["error"]["kind"], answer["error"]["message"])


@pytest.mark.parametrize(
    ("payload", "published"),
    [
        ("'text'", b"text"),
        ("''", b""),
        ("b'\\xff\\x00'", b"\xff\x00"),
        ("bytearray(b'x')", b"x"),
        ("{'at': datetime(2026, 11, 22, 17, tzinfo=UTC), 'n': None}", b'{"at":"2026-11-22T17:00:00.000Z","n":null}'),
        ("[1, 2.5, True]", b"[1,2.5,true]"),
        ("7", b"7"),
    ],
)
async def test_publishing(scene: Stage, payload: str, published: bytes) -> None:
    # It returns once the broker has it.
    assert await do(scene, f"bridge.publish('shop/x', {payload})") == {}
    [message] = scene.messages("shop/x")
    assert (message.payload, message.retain) == (published, False)


async def test_publishing_what_the_broker_keeps(scene: Stage) -> None:
    own, foreign = "ipc_bridge/plugin/test/state", "zigbee2mqtt/lamp"
    for topic in (own, foreign):
        assert await do(scene, f"bridge.publish({topic!r}, 'on', retain=True)") == {}
        assert [message.retain for message in scene.messages(topic)] == [True]
    # A broker that has forgotten is told again of what is the plugin's own, and of nothing else.
    scene.broker.cut()
    await scene.sees(lambda: len(scene.messages(own)) == 2)
    assert len(scene.messages(foreign)) == 1
    both = f"asyncio.gather(bridge.publish({own!r}, 'off', retain=True), bridge.publish({own!r}, 'off', retain=True))"
    assert await do(scene, both) == [None, None]
    assert await do(scene, f"bridge.publish({own!r}, '', retain=True)") == {}
    assert scene.messages(own)[-1].payload == b""


@pytest.mark.parametrize(
    ("topic", "kind"),
    [
        ("ipc_bridge/bridge/status", "forbidden"),
        (f"ipc_bridge/camera/{SN}/event/face", "forbidden"),
        (f"ipc_bridge/camera/{SN}/set/led", "forbidden"),
        ("ipc_bridge/shop/1/status", "forbidden"),
        ("ipc_bridge/plugin/other/state", "forbidden"),
        ("homeassistant/status", "forbidden"),
        ("shop/+", "invalid"),
        ("", "invalid"),
    ],
)
async def test_topics_that_are_not_for_plugins(scene: Stage, topic: str, kind: str) -> None:
    answer = await do(scene, f"bridge.publish({topic!r}, 'x')")
    assert answer[0] == kind
    assert not scene.messages(topic)


@pytest.mark.parametrize(
    ("call", "what", "params"),
    [
        ("call('face/getFaceList', group_name='vip', page=1)", "face/getFaceList", {"group_name": "vip", "page": 1}),
        ("set(led='ON', zoom=3)", "set", {"led": "ON", "zoom": 3}),
        ("press('reboot')", "press/reboot", {}),
    ],
)
async def test_calling_a_camera(scene: Stage, call: str, what: str, params: dict[str, Any]) -> None:
    assert await do(scene, f"camera_of(bridge, SN, lambda camera: camera.{call})") == {"did": what}
    assert scene.cameras.calls == [(SN, what, params)]


async def test_a_camera_that_refuses_and_one_that_hangs(tmp_path: Path) -> None:
    async with stage(tmp_path) as scene:
        scene.timeout = 0.1
        scene.enable("test", OBEDIENT)
        async with scene.run():
            call = "camera_of(bridge, SN, lambda camera: camera.call('face/getGroupList'))"
            scene.cameras.refuses = CommandError("camera", "no such group", 5, "GROUP")
            assert await do(scene, call) == ("camera", "no such group")
            scene.cameras.refuses = NoAnswerError("no answer")
            assert await do(scene, call) == ("timeout", "no answer")
            scene.cameras.refuses, scene.cameras.hangs = None, True
            assert await do(scene, call) == ("timeout", "not done within commands.timeout (0.1 s)")


async def test_looking_at_cameras(scene: Stage) -> None:
    scene.cameras.known["FS2"] = camera("FS2", name="Back door", status="offline", reason="unplugged", state={})
    assert await do(scene, "bridge.cameras()") == scene.cameras.snapshots()
    assert await do(scene, "bridge.camera('FS2')") == camera(
        "FS2", name="Back door", status="offline", reason="unplugged", state={}
    )
    assert await do(scene, "bridge.camera('FS3')") == ("invalid", "there is no camera FS3")


async def test_reading_the_journal(scene: Stage) -> None:
    scene.happen(face_event(1, received_at=NOW - 10), motion_event(2), other_event(3), motion_event(4, "FS2"))
    await scene.sees(lambda: scene.publisher.counters["delivered"] == 4)

    async def found(arguments: str) -> list[int]:
        return [event["event_id"] for event in await do(scene, f"bridge.events({arguments})")]

    assert await found("") == [1, 2, 3, 4]
    assert await found("SN") == [1, 2, 3]
    assert await found("SN, limit=1") == [3]
    assert await found("limit=-5") == [4]
    assert await found(f"since=datetime.fromtimestamp({NOW - 1}, UTC)") == [2, 3, 4]
    [face] = [event for event in await do(scene, "bridge.events()") if event["event_id"] == 1]
    assert [face] == scene.said(f"ipc_bridge/camera/{SN}/event/face")
    assert await do(scene, "bridge.events('no/serial')") == (
        "invalid",
        "events takes a serial number and a whole number as its limit",
    )
    assert (await do(scene, "bridge.events(since=datetime(2026, 1, 1))"))[0] == "plugin"


async def test_remembering(scene: Stage) -> None:
    assert await do(scene, "bridge.recall('a', 7)") == 7
    assert await do(scene, "bridge.remember('a', {'since': datetime(2026, 1, 1, tzinfo=UTC)})") == {}
    assert await do(scene, "bridge.recall('a')") == {"since": "2026-01-01T00:00:00.000Z"}
    assert await do(scene, "bridge.remember('a', None)") == {}
    assert await do(scene, "bridge.recall('a', 7)") == 7
    assert (await do(scene, "bridge.remember('a', 'x' * 70_000)"))[0] == "too_large"
    assert (await do(scene, "bridge.remember('k' * 201, 1)"))[0] == "invalid"
    assert (await do(scene, "bridge.remember('a', object())"))[0] == "plugin"


async def test_starting_what_goes_on(scene: Stage) -> None:
    many = "[bridge.start(asyncio.Event().wait()) for _ in range(32)]"
    assert await do(scene, f"asyncio.sleep(0, {many})") == [None] * 32
    kind, reason = await do(scene, "asyncio.sleep(0, bridge.start(asyncio.Event().wait()))")
    assert kind == "plugin"
    assert "RuntimeError: 32 tasks that bridge.start began are running" in reason


async def test_what_fails_aside_is_counted(scene: Stage, caplog: pytest.LogCaptureFixture) -> None:
    assert await do(scene, "asyncio.sleep(0, bridge.start(asyncio.wait_for(asyncio.Event().wait(), 0.01)))") == {}
    await scene.sees(lambda: scene.figures("test")["failures"] == 1)
    assert "Plugin test: what bridge.start began failed: TimeoutError" in caplog.text
    assert await do(scene, "asyncio.sleep(0, asyncio.get_running_loop().call_soon(lambda: 1 / 0) and None)") == {}
    await scene.sees(lambda: scene.figures("test")["failures"] == 2)
    assert "ZeroDivisionError" in caplog.text


async def test_logging_is_the_bridges_and_has_a_limit(scene: Stage, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    assert await do(scene, "asyncio.sleep(0, [bridge.log.info('hello %d', n) for n in range(300)] and None)") == {}
    await scene.sees(lambda: "hello 50" in caplog.text)
    lines = [record for record in caplog.records if record.name == "ipc_bridge.plugin.test"]
    assert 50 < len(lines) < 200


async def test_what_is_no_operation_is_refused(scene: Stage) -> None:
    assert await do(scene, "bridge._do('format_disk', {})") == ("invalid", "the bridge has no operation format_disk")
    assert (await do(scene, "bridge._do('publish', {'topic': 5, 'retain': False})"))[0] == "plugin"
    assert (await do(scene, "bridge._do('publish', {'what': 5})"))[0] == "plugin"


async def test_a_message_that_is_too_long(scene: Stage) -> None:
    assert (await do(scene, "bridge.publish('shop/x', b'x' * 1_100_000)"))[0] == "too_large"


async def test_a_broker_that_refuses_and_one_that_is_away(tmp_path: Path) -> None:
    async with stage(tmp_path) as scene:
        scene.enable("test", OBEDIENT, deadline=1)
        async with scene.run():
            scene.broker.acknowledges = False
            scene.send("ipc_bridge/plugin/test/request/run", json.dumps({"code": "bridge.publish('x', 1)", "sn": SN}))
            await scene.sees(lambda: bool(scene.messages("x")))
            scene.broker.acknowledge(scene.messages("x")[0].mid, 0x87)
            scene.broker.acknowledges = True
            answer = await scene.hears("ipc_bridge/plugin/test/response/run")
            assert answer["error"]["kind"] == "forbidden"
            assert answer["error"]["message"] == "the broker refused a message on x"
            # What was not acknowledged when the connection ended goes out again.
            scene.broker.acknowledges = False
            scene.send("ipc_bridge/plugin/test/request/run", json.dumps({"code": "bridge.publish('y', 1)", "sn": SN}))
            await scene.sees(lambda: bool(scene.messages("y")))
            scene.broker.acknowledges = True
            scene.broker.cut()
            answer = await scene.hears("ipc_bridge/plugin/test/response/run", 2)
            assert answer["status"] == "ok"
            assert len(scene.messages("y")) == 2


# What is kept.


def test_memory_has_limits(tmp_path: Path) -> None:
    memory = PluginMemory(JsonFile(tmp_path / "test.json"))
    for number in range(memory_module.MAX_KEYS):
        memory.remember(str(number), number)
    with pytest.raises(CommandError, match="256 values are remembered"):
        memory.remember("one more", 1)
    memory.remember("0", "x")
    memory.remember("1", None)
    memory.remember("one more", 1)
    with pytest.raises(CommandError, match="all values would have"):
        memory.remember("0", "x" * memory_module.MAX_BYTES)
    assert memory.recall("0") == "x"
    for number in range(memory_module.MAX_RETAINED):
        memory.retain(f"t/{number}")
    memory.retain("t/0")
    with pytest.raises(CommandError, match="100 topics are retained"):
        memory.retain("t/more")
    memory.cleared("t/0")
    memory.cleared("t/0")
    memory.retain("t/more")


@pytest.mark.parametrize(
    "content", [b"[]", b"{", b'{"values": 5, "retained": [1, "a"], "announced": {"a": 1, "b": "sensor"}}']
)
def test_a_file_that_is_damaged_is_no_reason_to_stop(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "test.json").write_bytes(content)
    memory = PluginMemory(JsonFile(tmp_path / "test.json"))
    assert memory.recall("a") is None
    assert memory.retained <= {"a"}
    assert memory.announced.keys() <= {"b"}


async def test_what_cannot_be_written_is_written_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_module, "WRITE_EVERY", 0.01)
    file = JsonFile(tmp_path / "test.json")
    write, problems = file.write, [StorageError("full"), StorageError("full")]

    def failing(value: dict[str, Any]) -> None:
        if problems:
            raise problems.pop()
        write(value)

    monkeypatch.setattr(file, "write", failing)
    memory = PluginMemory(file)
    memory.remember("a", 1)
    await memory.flush()
    task = asyncio.create_task(memory.run())
    await eventually((tmp_path / "test.json").exists)
    task.cancel()
    assert PluginMemory(JsonFile(tmp_path / "test.json")).recall("a") == 1
