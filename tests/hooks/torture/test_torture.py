"""Plugins that do their worst: alone, and all together. Nothing is lost, and the others work on.

``python -m benchmarks --part plugins`` measures the same at length.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ipc_bridge.simulator import SimulatedCamera
from tests.bridge.samples import SN, motion_event
from tests.e2e.harness import Site, Subscriber, online
from tests.hooks.stage import HEAD, ISOLATIONS, Stage, stage

PLUGINS = Path(__file__).parent / "plugins"
TORTURES = sorted(file.stem for file in PLUGINS.glob("*.py"))
EVENTS = 40
CAMERAS = 50
DEADLINE = 0.3
"""Of each torture, in seconds."""
LONG_DEADLINE = 8.0
"""Of those that are to fail by themselves."""

WITNESS = """
@hookimpl
async def event_received(bridge, event):
    await bridge.publish("witness", [event.seq])
"""

BAD = {
    "raises": "ValueError: this plugin is broken (raises.py:8 in event_received)",
    "blocks": "event_received took longer than 0.3 s",
    "spins": "event_received took longer than 0.3 s",
    "leaks": "RuntimeError: 100 tasks of this plugin are running",
    "publishes": "event_received took longer than 0.3 s",
    "calls": "event_received took longer than 0.3 s",
}
"""What is said of each."""
BAD_IN_PROCESS = {
    "allocates": "MemoryError",
    "exits": "its process ended (status 3)",
}
BAD_IN_THREAD = {
    "patches": "AttributeError: a plugin must not replace asyncio.sleep",
}


def torture(scene: Stage, name: str) -> None:
    source = (PLUGINS / f"{name}.py").read_text(encoding="utf-8")
    (scene.sources / f"{name}.py").write_text(source, encoding="utf-8")
    scene.enable(name, deadline=LONG_DEADLINE if name in BAD_IN_PROCESS else DEADLINE)


@pytest.mark.parametrize("name", TORTURES)
@pytest.mark.parametrize("isolation", ISOLATIONS)
async def test_one_that_does_its_worst_harms_nobody_else(
    tmp_path: Path, isolation: str, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    if (isolation, name) == ("thread", "exits"):
        # The story below tells of it: it ends the whole test run otherwise.
        return
    async with stage(tmp_path, isolation) as scene:
        torture(scene, name)
        scene.enable("witness", WITNESS, isolation="thread")
        async with scene.run():
            await scene.plugins.settled()
            for number in range(1, EVENTS + 1):
                scene.happen(motion_event(number))
                if number % 10 == 0:
                    await scene.hears("witness", number)
            topic = f"ipc_bridge/camera/{SN}/event/motion"
            await scene.hears(topic, EVENTS)
            assert [event["seq"] for event in scene.said(topic)] == list(range(1, EVENTS + 1))
            assert scene.said("witness") == [[number] for number in range(1, EVENTS + 1)]
            said = {**BAD, **(BAD_IN_PROCESS if isolation == "process" else BAD_IN_THREAD)}.get(name)
            if said is not None:
                await scene.sees(lambda: said in caplog.text, said)
                await scene.sees(lambda: scene.figures(name)["failures"] > 0)
        # Its limits hold, however long it takes to be told off.
        assert len(scene.messages("torture/flood")) <= 200
        assert len(scene.cameras.calls) <= 50
    assert asyncio.sleep.__module__ == "asyncio.tasks"
    assert json.dumps([1]) == "[1]"


# In a daemon, while fifty cameras send events.


@dataclass
class Shop:
    """Fifty cameras, a daemon with plugins, and somebody who listens."""

    site: Site
    cameras: list[SimulatedCamera]
    hub: Subscriber
    rounds: int = 0

    async def emit(self, rounds: int = 1) -> None:
        """Have each camera send an event, and the hub hear of all of them, so many times."""
        for _ in range(rounds):
            self.rounds += 1
            for camera in self.cameras:
                camera.emit_motion()
            for camera in self.cameras:
                await self.hub.wait_for(f"ipc_bridge/camera/{camera.sn}/event/motion", count=self.rounds)

    def seqs(self, camera: SimulatedCamera) -> list[int]:
        return [message.json["seq"] for message in self.hub.messages(f"ipc_bridge/camera/{camera.sn}/event/motion")]

    async def nothing_is_lost(self) -> None:
        """Every event has come once, in order, over MQTT and to the plugin that does no harm."""
        for camera in self.cameras:
            assert self.seqs(camera) == list(range(1, self.rounds + 1))
        everything = self.rounds * len(self.cameras)
        await self.hub.wait_for("witness", count=everything)
        assert len(self.hub.messages("witness")) == everything

    async def figures(self) -> dict[str, Any]:
        """What ``bridge/health`` says of plugins now."""
        since = self.hub.mark()
        self.hub.publish("ipc_bridge/bridge/request/diagnose")
        answer = await self.hub.wait_for("ipc_bridge/bridge/response/diagnose", since=since)
        figures: dict[str, Any] = answer.json["data"]["health"]["plugins"]
        return figures

    async def enable(self, enabled: Mapping[str, Any]) -> None:
        """Have the daemon load these plugins instead."""
        [daemon] = self.site.daemons
        daemon.config["plugins"]["enabled"] = {**enabled, "witness": {}}
        daemon.config_path.write_text(json.dumps(daemon.config), encoding="utf-8")
        since = self.hub.mark()
        self.hub.publish("ipc_bridge/bridge/request/reload")
        answer = await self.hub.wait_for("ipc_bridge/bridge/response/reload", since=since)
        assert set(answer.json["data"]["plugins"].values()) == {"loaded"}, answer.json


@contextlib.asynccontextmanager
async def shop(directory: Path, enabled: Mapping[str, Any]) -> AsyncIterator[Shop]:
    """All of it, once every camera is online."""
    async with Site(directory) as site:
        (directory / "witness.py").write_text(HEAD + WITNESS, encoding="utf-8")
        for file in PLUGINS.glob("*.py"):
            (directory / file.name).write_text(file.read_text(encoding="utf-8"), encoding="utf-8")
        broker = await site.broker("allow_anonymous true", "max_queued_messages 0")
        hub = await site.subscriber(broker.port, ["ipc_bridge/#", "witness"])
        network = f"127.{random.randrange(20, 120)}.{random.randrange(256)}"
        cameras = [
            await site.camera(f"FS101D8BS{number:05d}", host=f"{network}.{number}", resend_unacknowledged=True)
            for number in range(1, CAMERAS + 1)
        ]
        await site.daemon(
            broker,
            cameras=[{"sn": camera.sn, "host": camera.host} for camera in cameras],
            discovery={"enabled": False},
            camera={"keep_alive": 30},
            plugins={"directory": str(directory), "enabled": {**enabled, "witness": {}}},
            homeassistant={"enabled": False},
            log={"level": "info"},
        )
        for camera in cameras:
            await online(hub, camera.sn)
            await camera.wait_for_subscriber()
        yield Shop(site, cameras, hub)
    assert not site.bugs()


def harmful(isolation: str) -> list[str]:
    """Those that can be run so; what ends the bridge from inside has a story of its own."""
    return [name for name in TORTURES if (isolation, name) != ("thread", "exits")]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("isolation", ISOLATIONS)
async def test_all_together_lose_nothing(tmp_path: Path, isolation: str) -> None:
    enabled = {name: {"isolation": isolation, "deadline": DEADLINE} for name in harmful(isolation)}
    async with shop(tmp_path, enabled) as scene:
        await scene.emit(rounds=2)
        await scene.nothing_is_lost()
        figures = await scene.figures()
        assert figures.keys() == {*enabled, "witness"}
        assert (figures["witness"]["failures"], figures["witness"]["skipped"]) == (0, 0)
        assert figures["raises"]["failures"] > 0


@pytest.mark.timeout(300)
@pytest.mark.parametrize("isolation", ISOLATIONS)
async def test_each_alone_loses_nothing(tmp_path: Path, isolation: str) -> None:
    async with shop(tmp_path, {}) as scene:
        for name in harmful(isolation):
            await scene.enable({name: {"isolation": isolation, "deadline": DEADLINE}})
            await scene.emit()
        await scene.nothing_is_lost()


@pytest.mark.timeout(300)
async def test_one_that_ends_the_bridge_from_inside_loses_nothing(tmp_path: Path) -> None:
    """In a thread it ends the bridge: the camera has kept what was not acknowledged, the journal the rest."""
    async with shop(tmp_path, {"exits": {}}) as scene:
        [daemon] = scene.site.daemons
        for camera in scene.cameras:
            camera.emit_motion()
        assert await daemon.ended() == 3
        daemon.config["plugins"]["enabled"]["exits"] = {"isolation": "process"}
        since = scene.hub.mark()
        await daemon.start(daemon.config)
        for camera in scene.cameras:
            await online(scene.hub, camera.sn, since)
        scene.rounds = 1
        await scene.emit(rounds=2)
        await scene.hub.wait_for("witness", count=3 * len(scene.cameras))
        for camera in scene.cameras:
            # Once more at most: consumers know copies by their uid.
            assert sorted(set(scene.seqs(camera))) == [1, 2, 3]
