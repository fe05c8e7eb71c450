"""Those who are asked: in which order, and what holds while they do not answer."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ipc_bridge.bridge.plugins import gate as module
from ipc_bridge.device.events import Origin
from ipc_bridge.errors import CommandError, PluginFailedError
from ipc_bridge.hooks.specs import ASKED
from ipc_bridge.models import Event, Transport
from ipc_bridge.wire.packet import FACE_EVENT
from tests.bridge.samples import NOW, SN, face_event, motion_event, other_event
from tests.hooks.stage import Stage, stage

MARKS = """
    @hookimpl(MARK)
    def filter_event(bridge, event):
        return {"attributes": {**event.attributes, bridge.name: len(event.attributes)}}

    @hookimpl(MARK)
    def authorize_command(bridge, command):
        return None if bridge.name in command.params["allowed"] else bridge.name
"""


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Stage]:
    async with stage(tmp_path) as scene:
        yield scene


def receive(scene: Stage, event_id: int, sn: str = SN) -> None:
    payload = {"event_type": FACE_EVENT, "sn": sn, "report_time": int(NOW), "faceid": "1", "event_id": event_id}
    origin = Origin(sn, "Front door", Transport.CHANNEL)
    scene.flow.received(json.dumps(payload).encode(), origin, scene.acknowledge)


async def test_several_are_asked_in_the_order_that_they_ask_for(scene: Stage) -> None:
    for name, mark in {"one": "trylast=True", "two": "", "three": "", "four": "tryfirst=True"}.items():
        scene.enable(name, MARKS.replace("MARK", mark))
    async with scene.run():
        await scene.plugins.settled()
        receive(scene, 1)
        event = await scene.hears(f"ipc_bridge/camera/{SN}/event/face")
        assert event["attributes"] == {"four": 0, "three": 1, "two": 2, "one": 3}
        for allowed, first in (("", "four"), ("four", "three"), ("four three", "two"), ("four three two", "one")):
            with pytest.raises(CommandError, match=f"^{first}$"):
                await scene.plugins.authorize(SN, "set", {"allowed": allowed})
        await scene.plugins.authorize(SN, "set", {"allowed": "one two three four"})


async def test_without_any_nobody_is_asked(scene: Stage) -> None:
    scene.enable("greet", "@hookimpl\ndef startup(): pass")
    async with scene.run():
        assert not scene.plugins.filter.wants(SN)
        await scene.plugins.authorize(SN, "set", {})


SLOW = """
    import asyncio

    @hookimpl
    async def filter_event(event):
        await asyncio.sleep(TAKES)
        return event.event_id != 2

    @hookimpl
    async def authorize_command():
        await asyncio.get_running_loop().create_future()
"""


async def test_a_filter_that_is_too_slow_holds_up_nobody_for_long(scene: Stage) -> None:
    scene.enable("greet", SLOW.replace("TAKES", "60"))
    async with scene.run():
        await scene.plugins.settled()
        for number in range(1, 31):
            receive(scene, number)
        await scene.hears(f"ipc_bridge/camera/{SN}/event/face", 30)
        assert scene.acknowledged == list(range(1, 31))
        assert [event["seq"] for event in scene.said(f"ipc_bridge/camera/{SN}/event/face")] == list(range(1, 31))
        # Some were asked about; then it had a pause, and the rest passed at once.
        assert 5 <= scene.figures("greet")["failures"] <= 6


async def test_a_guard_that_is_too_slow_lets_nothing_pass(scene: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ASKED, "authorize_command", 0.05)
    scene.enable("greet", SLOW)
    async with scene.run():
        await scene.plugins.settled()
        with pytest.raises(
            CommandError, match=r"plugin greet, .*authorize_command took longer than 0\.05 s"
        ) as refused:
            await scene.plugins.authorize(SN, "set", {})
        assert refused.value.kind == "forbidden"


async def test_a_guard_that_is_down_lets_nothing_pass(scene: Stage) -> None:
    source = """
        @hookimpl
        def authorize_command():
            return True

        @hookimpl
        def filter_event():
            return False

        @hookimpl
        def startup():
            raise OSError("no network")
    """
    scene.enable("greet", source)
    async with scene.run():
        await scene.sees(lambda: scene.figures("greet")["state"] == "failing")
        with pytest.raises(CommandError, match="it is not asked now: it did not start: OSError: no network"):
            await scene.plugins.authorize(SN, "set", {})
        receive(scene, 1)
        await scene.hears(f"ipc_bridge/camera/{SN}/event/face")


async def test_cameras_do_not_wait_for_each_other_and_each_keeps_its_order(scene: Stage) -> None:
    source = """
        import asyncio

        @hookimpl
        async def filter_event(event):
            await asyncio.sleep(0.03 if event.sn == "FS1" else 0)
    """
    scene.enable("greet", source)
    async with scene.run():
        await scene.plugins.settled()
        for number in range(1, 4):
            receive(scene, number, "FS1")
        for number in range(1, 4):
            receive(scene, number, "FS2")
        await scene.hears("ipc_bridge/camera/FS1/event/face", 3)
        for sn in ("FS1", "FS2"):
            assert [event["event_id"] for event in scene.said(f"ipc_bridge/camera/{sn}/event/face")] == [1, 2, 3]
        topics = [one.topic for one in scene.broker.publications if one.topic.endswith("/event/face")]
        assert topics.index("ipc_bridge/camera/FS2/event/face") < 2


async def test_cameras_are_held_back_while_too_many_events_wait(scene: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_WAITING", 3)
    scene.enable("greet", SLOW.replace("TAKES", "0.01"))
    resumed: list[bool] = []
    async with scene.run():
        await scene.plugins.settled()
        scene.plugins.filter.on_room(lambda: resumed.append(scene.flow.is_full))
        was_full = []
        for number in (1, 2, 3):
            receive(scene, number)
            was_full.append(scene.flow.is_full)
        await scene.sees(lambda: len(scene.acknowledged) == 3)
        assert [*was_full, scene.flow.is_full] == [False, False, True, False]
        assert resumed == [False]


@pytest.mark.parametrize(
    ("event", "changes"),
    [
        (face_event(), {"age": None, "group": "staff", "attributes": {}, "face_id": "x", "arrivals": 3}),
        (motion_event(), {"motion": False, "video_url": None}),
        (other_event(), {"raw": {"a": 1}}),
        (face_event(), {}),
    ],
)
def test_details_may_be_changed(event: Event, changes: dict[str, object]) -> None:
    changed = module.change(event, changes)
    assert changed.details() == {**event.details(), **changes}
    assert (changed.uid, changed.time) == (event.uid, event.time)


@pytest.mark.parametrize(
    ("event", "changes", "problem"),
    [
        (face_event(), {"sn": "x"}, 'it changed "sn", which is none of face_id,'),
        (face_event(), {"age": "old"}, r'it changed age to "old", which is no int \| None'),
        (face_event(), {"age": True}, "it changed age"),
        (face_event(), {"attributes": None}, "it changed attributes"),
        (motion_event(), {"motion": 1}, "it changed motion"),
        (motion_event(), {"motion": None}, "it changed motion"),
        (other_event(), {"raw": []}, "it changed raw"),
    ],
)
def test_nothing_else_may_be_changed(event: Event, changes: dict[str, object], problem: str) -> None:
    with pytest.raises(PluginFailedError, match=problem):
        module.change(event, changes)


async def test_a_picture_in_a_command_is_not_shown_to_plugins(scene: Stage) -> None:
    source = """
        @hookimpl
        async def command_completed(bridge, command):
            await bridge.publish("seen", [command.params])
    """
    scene.enable("greet", source)
    async with scene.run():
        scene.plugins.completed(SN, "request/face/addFace", {"file": {"base64": "x" * 100}, "age": 3}, None)
        assert await scene.hears("seen") == [{"file": {"base64": "<100 characters>"}, "age": 3}]
        scene.plugins.completed("FS9", "set", {"name": "x" * 100_000}, None)
        assert await scene.hears("seen", 2) == [{"too_large": 100_011}]
