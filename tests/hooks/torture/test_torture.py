"""Plugins that do their worst: alone, and all together. Nothing is lost, and the others work on.

``python -m benchmarks --part plugins`` measures the same at length.
"""

from __future__ import annotations

import asyncio
import json
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


async def emit(cameras: list[SimulatedCamera], hub: Subscriber, rounds: int) -> None:
    """Have each camera send an event, and the hub hear of all of them, so many times."""
    for count in range(1, rounds + 1):
        for camera in cameras:
            camera.emit_motion()
        for camera in cameras:
            await hub.wait_for(f"ipc_bridge/camera/{camera.sn}/event/motion", count=count)


def seqs(hub: Subscriber, camera: SimulatedCamera) -> list[int]:
    return [message.json["seq"] for message in hub.messages(f"ipc_bridge/camera/{camera.sn}/event/motion")]


async def site_with(site: Site, enabled: dict[str, Any]) -> tuple[list[SimulatedCamera], Subscriber]:
    """A daemon with plugins, and cameras that are online."""
    (site.directory / "witness.py").write_text(HEAD + WITNESS, encoding="utf-8")
    for file in PLUGINS.glob("*.py"):
        (site.directory / file.name).write_text(file.read_text(encoding="utf-8"), encoding="utf-8")
    broker = await site.broker()
    hub = await site.subscriber(broker.port)
    cameras = [await site.camera(f"FS101D8BS0010{number}", resend_unacknowledged=True) for number in range(3)]
    plugins = {"directory": str(site.directory), "enabled": {**enabled, "witness": {}}}
    await site.daemon(broker, plugins=plugins, homeassistant={"enabled": False})
    for camera in cameras:
        await online(hub, camera.sn)
    return cameras, hub


@pytest.mark.parametrize("isolation", ISOLATIONS)
async def test_all_together_in_a_daemon_lose_nothing(tmp_path: Path, isolation: str) -> None:
    enabled = {
        name: {"isolation": isolation, "deadline": DEADLINE}
        for name in TORTURES
        if (isolation, name) != ("thread", "exits")
    }
    async with Site(tmp_path) as site:
        cameras, hub = await site_with(site, enabled)
        await emit(cameras, hub, rounds=20)
        witness = hub.messages("witness")
        await hub.wait_for("witness", count=20 * len(cameras))
        for camera in cameras:
            assert seqs(hub, camera) == list(range(1, 21))
        hub.publish("ipc_bridge/bridge/request/diagnose")
        answer = await hub.wait_for("ipc_bridge/bridge/response/diagnose")
        plugins = answer.json["data"]["health"]["plugins"]
        assert plugins.keys() == {*enabled, "witness"}
        assert plugins["witness"]["failures"] == 0
        assert plugins["raises"]["failures"] > 0
        assert len(witness) <= 20 * len(cameras)
    assert not site.bugs()


async def test_one_that_ends_the_bridge_from_inside_loses_nothing(tmp_path: Path) -> None:
    """In a thread it ends the bridge: the camera has kept what was not acknowledged, the journal the rest."""
    async with Site(tmp_path) as site:
        cameras, hub = await site_with(site, {"exits": {}})
        [daemon] = site.daemons
        for camera in cameras:
            camera.emit_motion()
        assert await daemon.ended() == 3
        daemon.config["plugins"]["enabled"]["exits"] = {"isolation": "process"}
        since = hub.mark()
        await daemon.start(daemon.config)
        for camera in cameras:
            await online(hub, camera.sn, since)
        await emit(cameras, hub, rounds=2)
        await hub.wait_for("witness", count=3 * len(cameras))
        for camera in cameras:
            # Once more at most: consumers know copies by their uid.
            assert sorted(set(seqs(hub, camera))) == [1, 2, 3]
    assert not site.bugs()
