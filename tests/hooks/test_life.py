"""A plugin's life: its place in the journal, its failures, its end, and its next one."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ipc_bridge.bridge.plugins.actor import Actor
from ipc_bridge.errors import CommandError, ConfigError
from tests.bridge.samples import NOW, SN, face_event, motion_event
from tests.hooks.stage import ISOLATIONS, Stage, stage

REPORTER = """
    @hookimpl
    async def event_received(bridge, event):
        await bridge.publish("news", [event.event_id])

    @hookimpl
    async def late_event_received(bridge, event):
        await bridge.publish("late", [event.event_id])
"""


@pytest.fixture(params=ISOLATIONS)
async def scene(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    async with stage(tmp_path, request.param) as scene:
        yield scene


@pytest.fixture
async def inline(tmp_path: Path) -> AsyncIterator[Stage]:
    async with stage(tmp_path) as scene:
        yield scene


def ids(scene: Stage, topic: str = "news") -> list[Any]:
    return [value for [value] in scene.said(topic)]


async def delivered(scene: Stage, count: int) -> None:
    await scene.sees(lambda: scene.publisher.counters["delivered"] == count)


# Its place in the journal.


async def test_a_new_plugin_begins_with_what_comes_next(inline: Stage) -> None:
    async with inline.run():
        inline.happen(motion_event(1), motion_event(2))
        await delivered(inline, 2)
    inline.enable("greet", REPORTER)
    async with inline.run():
        inline.happen(motion_event(3))
        await inline.hears("news")
        await inline.sees(lambda: inline.figures("greet")["behind"] == 0)
    assert ids(inline) == [3]


async def test_one_that_was_down_goes_on_where_it_stood(scene: Stage) -> None:
    scene.enable("greet", REPORTER)
    async with scene.run():
        scene.happen(motion_event(1))
        await scene.hears("news")
        await scene.sees(lambda: scene.figures("greet")["behind"] == 0)
    # While it is not loaded, events come: it is enabled, but broken.
    good = (scene.sources / "greet.py").read_text(encoding="utf-8")
    scene.enable("greet", "import nowhere")
    async with scene.run():
        scene.happen(motion_event(2), motion_event(3))
        await delivered(scene, 2)
    (scene.sources / "greet.py").write_text(good, encoding="utf-8")
    async with scene.run():
        scene.happen(motion_event(4))
        await scene.hears("news", 4)
    assert ids(scene) == [1, 2, 3, 4]


async def test_what_has_become_late_meanwhile_is_history(inline: Stage) -> None:
    inline.enable("greet", REPORTER)
    async with inline.run():
        inline.happen(motion_event(1))
        await inline.hears("news")
        await inline.sees(lambda: inline.figures("greet")["behind"] == 0)
    inline.disable("greet")
    inline.enable("greet", "import nowhere")
    async with inline.run():
        inline.happen(motion_event(2))
        await delivered(inline, 1)
    inline.clock.go_on(100)
    inline.enable("greet", REPORTER)
    async with inline.run():
        inline.happen(motion_event(3, time=inline.clock.now, received_at=inline.clock.now))
        await inline.hears("news", 2)
    assert (ids(inline), ids(inline, "late")) == ([1, 3], [2])


async def test_one_that_does_not_catch_up_skips_what_was(inline: Stage) -> None:
    inline.enable("greet", REPORTER, catch_up=False)
    async with inline.run():
        inline.happen(motion_event(1))
        await inline.hears("news")
        inline.happen(motion_event(2, time=NOW - 100), motion_event(3))
        await inline.hears("news", 2)
    inline.enable("greet", "import nowhere", catch_up=False)
    async with inline.run():
        inline.happen(motion_event(4))
        await delivered(inline, 1)
    inline.enable("greet", REPORTER, catch_up=False)
    async with inline.run():
        inline.happen(motion_event(5))
        await inline.hears("news", 3)
    assert (ids(inline), ids(inline, "late")) == ([1, 3, 5], [])


async def test_a_plugin_that_is_not_enabled_any_more_is_forgotten(inline: Stage) -> None:
    inline.enable("greet", REPORTER)
    async with inline.run():
        inline.happen(motion_event(1))
        await inline.hears("news")
        await inline.sees(lambda: inline.figures("greet")["behind"] == 0)
    inline.disable("greet")
    async with inline.run():
        assert await inline.journal.cursor("plugin:greet") is None
        assert await inline.journal.cursor("mqtt") == 1


# Its failures.

FAILS_ONCE = """
    tried = []

    @hookimpl
    async def event_received(bridge, event):
        await bridge.publish("tried", [event.event_id])
        tried.append(event.event_id)
        if tried.count(event.event_id) <= bridge.settings["failures"]:
            raise ValueError("not yet")
        await bridge.publish("news", [event.event_id])

    @hookimpl
    async def motion_detected(bridge, event):
        await bridge.publish("motion", [event.event_id])
"""


async def test_an_event_is_given_once_more_to_the_hook_that_failed_and_to_no_other(scene: Stage) -> None:
    scene.enable("greet", FAILS_ONCE, failures=1)
    async with scene.run():
        scene.happen(motion_event(1), motion_event(2))
        await scene.hears("news", 2)
        await scene.sees(lambda: scene.figures("greet")["behind"] == 0)
        assert scene.figures("greet") == {
            "state": "running",
            "reason": None,
            "calls": 6,
            "failures": 2,
            "skipped": 0,
            "dropped": 0,
            "restarts": 0,
            "behind": 0,
        }
    assert (ids(scene, "tried"), ids(scene), ids(scene, "motion")) == ([1, 1, 2, 2], [1, 2], [1, 2])


async def test_an_event_that_cannot_be_digested_is_skipped_and_the_next_is_not(
    inline: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    source = """
        @hookimpl
        async def event_received(bridge, event):
            if event.event_id == 1:
                raise ValueError("not this one")
            await bridge.publish("news", [event.event_id])
    """
    inline.enable("greet", source)
    async with inline.run():
        inline.happen(motion_event(1), motion_event(2))
        await inline.hears("news")
        await inline.sees(lambda: inline.figures("greet")["behind"] == 0)
        assert (inline.figures("greet")["skipped"], inline.figures("greet")["failures"]) == (1, 2)
    assert ids(inline) == [2]
    [line] = [line for line in caplog.messages if "not this one" in line and "WARNING" not in line][:1]
    assert line == "Plugin greet: event_received failed: ValueError: not this one (greet.py:6 in event_received)"


async def test_one_that_fails_and_fails_has_pauses_and_comes_back(inline: Stage) -> None:
    source = """
        broken = True

        @hookimpl
        def register_commands():
            def mend(params):
                global broken
                broken = False
            return {"mend": mend}

        @hookimpl
        async def event_received(bridge, event):
            if broken:
                raise ValueError("broken")
            await bridge.publish("news", [event.event_id])
    """
    inline.enable("greet", source)
    async with inline.run():
        inline.happen(*(motion_event(number) for number in range(1, 6)))
        await inline.sees(lambda: inline.figures("greet")["state"] == "paused")
        assert "event_received failed: ValueError: broken" in inline.figures("greet")["reason"]
        assert "greet is paused" in (inline.plugins.problem() or "")
        inline.send("ipc_bridge/plugin/greet/request/mend")
        await inline.hears("news")
        await inline.sees(lambda: inline.figures("greet")["state"] == "running")
        assert inline.plugins.problem() is None


async def test_whoever_never_lets_go_is_ended_and_begins_afresh(scene: Stage) -> None:
    source = """
        import time
        calls = 0

        @hookimpl
        def event_received(bridge, event):
            global calls
            calls += 1
            bridge.start(bridge.publish("calls", [calls]))
            while event.event_id == 1:
                pass

        @hookimpl
        async def startup(bridge):
            await bridge.publish("startup", [True])
    """
    scene.enable("greet", source, deadline=0.2)
    async with scene.run():
        scene.happen(motion_event(1), motion_event(2))
        # Its first event was tried twice, and each time ended a life: the second is the first of a third one.
        await scene.hears("startup", 3)
        await scene.hears("calls")
        assert scene.figures("greet")["restarts"] == 2
        assert scene.figures("greet")["skipped"] == 1
    assert scene.said("calls") == [[1]]


async def test_a_call_that_takes_too_long_is_cancelled_and_the_plugin_lives_on(scene: Stage) -> None:
    source = """
        import asyncio

        @hookimpl
        async def event_received(bridge, event):
            try:
                await asyncio.get_running_loop().create_future()
            finally:
                bridge.start(bridge.publish("cancelled", [event.event_id]))
    """
    scene.enable("greet", source, deadline=0.2)
    async with scene.run():
        scene.happen(motion_event(1))
        await scene.hears("cancelled", 2)
        await scene.sees(lambda: scene.figures("greet")["behind"] == 0)
        assert scene.figures("greet")["restarts"] == 0


async def test_threads_that_cannot_be_ended_are_counted_and_then_it_stays_off(
    inline: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    """They sit in a system call that nothing interrupts, until the test lets them go."""
    pipe = inline.directory / "pipe"
    source = f"""
        import os
        reader, writer = os.pipe()
        with open({str(pipe)!r}, "a") as file:
            file.write(f"{{writer}}\\n")

        @hookimpl
        def event_received():
            os.read(reader, 1)
    """
    inline.enable("greet", source, deadline=0.05)
    try:
        async with inline.run():
            inline.happen(motion_event(1), motion_event(2))
            await inline.sees(lambda: "3 of its threads did not end" in str(inline.figures("greet")["reason"]), "off")
            assert inline.figures("greet")["state"] == "failing"
    finally:
        for writer in pipe.read_text(encoding="utf-8").split():
            os.close(int(writer))


async def test_a_process_that_takes_too_much_memory_fails_by_itself(tmp_path: Path) -> None:
    source = """
        @hookimpl
        async def event_received(bridge, event):
            try:
                bytearray(200_000_000)
            except MemoryError:
                await bridge.publish("news", [event.event_id])
    """
    async with stage(tmp_path, "process") as scene:
        scene.enable("greet", source, memory_megabytes=150)
        async with scene.run():
            scene.happen(motion_event(1))
            assert await scene.hears("news") == [1]


async def test_notices_are_dropped_when_they_are_too_many(inline: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ipc_bridge.bridge.plugins.actor.MAX_NOTICES", 3)
    source = """
        @hookimpl
        async def setting_changed(bridge, setting):
            await bridge.publish("news", [setting.new])
    """
    inline.enable("greet", source)
    async with inline.run():
        await inline.sees(lambda: inline.figures("greet")["state"] == "running")
        for value in range(11):
            inline.plugins.state_changed(SN, {"zoom": value})
        await inline.hears("news", 3)
        assert inline.figures("greet")["dropped"] == 7
    assert ids(inline) == [8, 9, 10]


# Loaded anew.

VERSION = """
    @hookimpl
    async def startup(bridge):
        await bridge.publish("news", [WORD])

    @hookimpl
    async def shutdown(bridge):
        await bridge.publish("bye", [WORD])

    @hookimpl
    async def event_received(bridge, event):
        await bridge.publish("events", [WORD, event.event_id])
"""


async def test_reload_takes_the_new_file_and_the_new_settings(scene: Stage) -> None:
    scene.enable("greet", VERSION.replace("WORD", "'one'"))
    scene.enable("other", VERSION.replace("WORD", "'other'"))
    async with scene.run():
        await scene.hears("news", 2)
        scene.happen(motion_event(1))
        await scene.hears("events", 2)
        await scene.sees(lambda: scene.figures("greet")["behind"] == 0)
        scene.enable("greet", VERSION.replace("WORD", "bridge.settings['word']"), word="two")
        scene.disable("other")
        scene.enable("third", VERSION.replace("WORD", "'three'"))
        answer = await scene.plugins.reload()
        assert answer == {"plugins": {"greet": "loaded", "third": "loaded"}, "needs_restart": []}
        assert scene.loaded == ["greet", "third"]
        scene.happen(motion_event(2))
        await scene.hears("events", 4)
    assert sorted(ids(scene)) == ["one", "other", "three", "two"]
    assert sorted(ids(scene, "bye")) == ["one", "other", "three", "two"]
    # No event is lost or doubled between the old one and the new one.
    assert sorted(scene.said("events")) == [["one", 1], ["other", 1], ["three", 2], ["two", 2]]


async def test_what_cannot_be_loaded_again_goes_on_as_it_was(scene: Stage) -> None:
    scene.enable("greet", VERSION.replace("WORD", "'one'"))
    async with scene.run():
        await scene.hears("news")
        scene.enable("greet", "import nowhere")
        scene.enable("new", "import nowhere")
        answer = await scene.plugins.reload()
        assert answer["plugins"]["greet"].startswith("not loaded again; it goes on as it was: config.yaml:1: plugins.")
        assert answer["plugins"]["new"].startswith("refused: ")
        scene.happen(motion_event(1))
        assert await scene.hears("events") == ["one", 1]
        assert scene.loaded == ["greet"]


async def test_a_configuration_with_mistakes_changes_nothing(inline: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> Any:
        raise ConfigError(["config.yaml:3: mqtt.port: is wrong"])

    inline.enable("greet", VERSION.replace("WORD", "'one'"))
    async with inline.run():
        await inline.hears("news")
        monkeypatch.setattr(inline, "read_again", refuse)
        with pytest.raises(CommandError, match=r"mqtt\.port: is wrong") as refused:
            await inline.plugins.reload()
        assert refused.value.kind == "invalid"
        assert inline.figures("greet")["state"] == "running"


async def test_other_sections_that_changed_are_named(inline: Stage) -> None:
    async with inline.run():
        inline.config = replace(inline.config, events=replace(inline.config.events, max_age=5.0))
        assert await inline.plugins.reload() == {"plugins": {}, "needs_restart": ["events"]}


async def test_a_bug_in_the_bridge_stops_that_plugin_alone(
    inline: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(_self: Any) -> None:
        raise RuntimeError("a bug for the test")

    monkeypatch.setattr(Actor, "run", broken)
    inline.enable("greet", VERSION.replace("WORD", "'one'"))
    async with inline.run():
        await inline.sees(lambda: inline.figures("greet")["state"] == "broken")
        inline.happen(face_event(1))
        await delivered(inline, 1)
        await inline.plugins.reload()
    assert "a bug in the bridge stopped it" in caplog.text


# What it leaves behind.


async def test_what_it_remembers_survives_and_what_the_broker_kept_is_cleared(scene: Stage) -> None:
    source = """
        from ipc_bridge.hooks import Entity

        @hookimpl
        def register_entities():
            return [Entity("count", "sensor", "Count", "count")]

        @hookimpl
        async def startup(bridge):
            count = await bridge.recall("count", 0) + 1
            await bridge.remember("count", count)
            await bridge.publish(f"ipc_bridge/plugin/{bridge.name}/count", count, retain=True)
    """
    topic, discovery = "ipc_bridge/plugin/greet/count", "homeassistant/device/ipc_bridge_plugin_greet/config"
    scene.enable("greet", source)
    for count in (1, 2):
        async with scene.run():
            assert await scene.hears(topic, count) == count
            await scene.hears(discovery, count)
    assert all(message.retain for message in scene.messages(topic))
    scene.disable("greet")
    async with scene.run():
        await scene.sees(lambda: b"" in [message.payload for message in scene.messages(topic)], "cleared")
        await scene.sees(lambda: b"" in [message.payload for message in scene.messages(discovery)], "withdrawn")
        # What the broker has not confirmed is cleared again the next time.
        await scene.sees(lambda: not any(memory.retained for memory in scene.plugins._leaving), "confirmed")
    cleared = len(scene.messages(topic))
    async with scene.run():
        scene.happen(motion_event(1))
        await delivered(scene, 1)
    assert len(scene.messages(topic)) == cleared
    file = json.loads((scene.config.storage.directory / "plugins" / "greet.json").read_text(encoding="utf-8"))
    assert file == {"announced": {}, "retained": [], "values": {"count": 2}}


async def test_verbs_of_one_that_is_not_running_are_answered(inline: Stage) -> None:
    source = """
        @hookimpl
        def register_commands():
            return {"greet": lambda params: None}

        @hookimpl
        def startup():
            raise OSError("no network")
    """
    inline.enable("greet", source)
    async with inline.run():
        await inline.sees(lambda: inline.figures("greet")["state"] == "failing")
        inline.send("ipc_bridge/plugin/greet/request/greet", '{"transaction": "x"}')
        answer = await inline.hears("ipc_bridge/plugin/greet/response/greet")
        assert (answer["transaction"], answer["error"]["kind"]) == ("x", "offline")
        assert "no network" in answer["error"]["message"]
        inline.send("ipc_bridge/plugin/greet/request/greet", b"\xff")
        answer = await inline.hears("ipc_bridge/plugin/greet/response/greet", 2)
        assert answer["error"]["kind"] == "invalid"


# Not now.

BUSY = """
    from ipc_bridge.hooks import NotNowError
    busy = True

    @hookimpl
    def register_commands():
        def mend(params):
            global busy
            busy = False
        return {"mend": mend}

    @hookimpl
    async def event_received(bridge, event):
        await bridge.publish("tried", [event.event_id])
        if busy:
            raise NotNowError("the till is away")
        await bridge.publish("news", [event.event_id])

    @hookimpl
    async def late_event_received(bridge, event):
        await bridge.publish("late", [event.event_id])

    @hookimpl
    def setting_changed():
        raise NotNowError("never")
"""


async def test_whoever_cannot_take_an_event_now_gets_it_again_and_none_is_skipped(scene: Stage) -> None:
    scene.enable("greet", BUSY)
    async with scene.run():
        scene.happen(*(motion_event(number) for number in range(1, 4)))
        await scene.hears("tried", 3)
        assert ids(scene, "tried")[:3] == [1, 1, 1]
        await scene.sees(lambda: scene.figures("greet")["state"] == "paused")
        assert "event_received was put off: the till is away" in scene.figures("greet")["reason"]
        scene.send("ipc_bridge/plugin/greet/request/mend")
        await scene.hears("news", 3)
        await scene.sees(lambda: scene.figures("greet")["behind"] == 0)
        assert (scene.figures("greet")["skipped"], scene.figures("greet")["failures"]) == (0, 0)
    assert ids(scene) == [1, 2, 3]


async def test_what_becomes_late_while_it_waits_is_given_as_history(inline: Stage) -> None:
    inline.enable("greet", BUSY)
    async with inline.run():
        inline.happen(motion_event(1))
        await inline.hears("tried")
        inline.clock.go_on(100)
        assert await inline.hears("late") == [1]
    assert ids(inline) == []


async def test_what_nothing_keeps_cannot_be_put_off(inline: Stage) -> None:
    inline.enable("greet", BUSY)
    async with inline.run():
        await inline.sees(lambda: inline.figures("greet")["state"] == "running")
        for value in (1, 2):
            inline.plugins.state_changed(SN, {"zoom": value})
        await inline.sees(lambda: inline.figures("greet")["dropped"] == 1)
