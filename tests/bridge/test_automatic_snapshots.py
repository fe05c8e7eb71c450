"""Snapshots that nobody presses for: whose turn it is, and when."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ipc_bridge.bridge import automatic_snapshots as module
from ipc_bridge.bridge.automatic_snapshots import AT_ONCE, AutomaticSnapshots
from ipc_bridge.bridge.camera import CameraRunner
from ipc_bridge.bridge.snapshots import Snapshots
from ipc_bridge.errors import UnreachableError
from ipc_bridge.simulator.changes import Changes
from tests.bridge.rig import Rig, events_in
from tests.bridge.samples import SN, entry, face_event, motion_event
from tests.mqtt.broker import eventually
from tests.mqtt.fake_broker import FakeBroker, fake_broker

PATIENCE = 10.0


def camera(interval: float | None = None, *, on_motion: bool = False, online: bool = True) -> Any:
    config = SimpleNamespace(snapshot_interval=interval, snapshot_on_motion=on_motion)
    return SimpleNamespace(config=config, api=object() if online else None)


class Taker:
    """In place of :class:`Snapshots`, which has tests of its own: notes who is asked, and fails where it is told to."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, str | None]] = []
        self.problem: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self._changes = Changes()

    async def take(self, sn: str, uid: str | None = None) -> None:
        self.taken.append((sn, uid))
        self._changes.notify()
        await self.gate.wait()
        if self.problem is not None:
            raise self.problem

    async def asked(self, count: int) -> None:
        await self._changes.wait_for(lambda: len(self.taken) >= count, PATIENCE)


class Scene:
    """Cameras, a broker, and who takes their snapshots."""

    def __init__(self, **cameras: Any) -> None:
        self.rig = Rig()
        self.taker = Taker()
        self.cameras: dict[str, CameraRunner] = cast("dict[str, CameraRunner]", cameras)
        self.automatic = AutomaticSnapshots(
            cast("Snapshots", self.taker), self.rig.publisher, lambda: self.cameras, self.cameras.get
        )

    def see(self, number: int, *found: str, sn: str = SN) -> None:
        self.rig.publisher.append(entry(motion_event(number, sn, *found)))

    @contextlib.asynccontextmanager
    async def plays(self) -> AsyncIterator[FakeBroker]:
        async with fake_broker() as broker, self.rig.connected(broker.port):
            running = asyncio.create_task(self.automatic.run())
            try:
                yield broker
            finally:
                running.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await running


async def test_at_intervals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_EVERY", 0.01)
    scene = Scene(often=camera(0.05), once=camera(3600.0), never=camera(), gone=camera(0.01, online=False))
    async with scene.plays():
        await scene.taker.asked(5)
    assert {sn for sn, _uid in scene.taker.taken} == {"often", "once"}
    assert scene.taker.taken.count(("once", None)) == 1
    # A camera that comes is asked at once, and one that comes back no sooner than it would have been.
    scene.cameras["gone"] = camera(3600.0)
    count = len(scene.taker.taken)
    async with scene.plays():
        await scene.taker.asked(count + 2)
    assert ("gone", None) in scene.taker.taken[count:]
    assert scene.taker.taken.count(("once", None)) == 1


async def test_one_at_a_time_of_a_camera_and_a_few_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_EVERY", 0.01)
    scene = Scene(**{f"SN{number}": camera(0.001) for number in range(AT_ONCE + 2)})
    scene.taker.gate.clear()
    async with scene.plays():
        await scene.taker.asked(AT_ONCE)
        await scene.rig.publisher.drained(PATIENCE)
        assert len(scene.taker.taken) == len(set(scene.taker.taken)) == AT_ONCE
        scene.taker.gate.set()
        await eventually(lambda: len(set(scene.taker.taken)) == AT_ONCE + 2)


async def test_on_motion_behind_its_event() -> None:
    scene = Scene(**{SN: camera(on_motion=True), "other": camera()})
    async with scene.plays() as broker:
        scene.see(1)
        scene.see(2)
        scene.see(3)
        scene.see(4, sn="other")
        await scene.taker.asked(1)
        await broker.published(4)
        assert [event["event_id"] for event in events_in(broker)] == [1, 4, 2, 3]
        await scene.rig.publisher.drained(PATIENCE)
    # The newest of those that were sent together; more of the same motion is no news for a while.
    assert scene.taker.taken == [(SN, motion_event(3).uid)]


async def test_motion_again_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOTION_EVERY", 0.0)
    scene = Scene(**{SN: camera(on_motion=True)})
    scene.taker.gate.clear()
    async with scene.plays() as broker:
        scene.see(1)
        await scene.taker.asked(1)
        # While one is under way the newest waits.
        scene.see(2)
        scene.see(3, "human")
        await broker.published(3)
        await scene.rig.publisher.drained(PATIENCE)
        assert len(scene.taker.taken) == 1
        scene.taker.gate.set()
        await scene.taker.asked(2)
    assert scene.taker.taken == [(SN, motion_event(1).uid), (SN, motion_event(3).uid)]


async def test_what_is_no_motion_of_now() -> None:
    scene = Scene(**{SN: camera(on_motion=True)})
    async with scene.plays() as broker:
        scene.see(1, "sound")
        scene.rig.publisher.append(entry(face_event(2)))
        scene.see(3, sn="unknown")
        scene.rig.publisher.append(entry(motion_event(4)))
        await broker.published(4)
        await eventually(lambda: scene.taker.taken == [(SN, motion_event(4).uid)])
        scene.taker.taken.clear()
        scene.automatic._motion_due.clear()
        scene.rig.late = True
        scene.see(5)
        await broker.published(5)
        await scene.rig.publisher.drained(PATIENCE)
        assert scene.taker.taken == []


async def test_a_camera_that_gives_none_is_told_of_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "LOOK_EVERY", 0.01)
    scene = Scene(**{SN: camera(0.001)})
    async with scene.plays():
        for problem in (UnreachableError("no connection"), RuntimeError("oh")):
            scene.taker.problem = problem
            await scene.taker.asked(len(scene.taker.taken) + 3)
        scene.taker.problem = None
        await eventually(lambda: scene.automatic.figures()["taken"] > 0)
    assert scene.automatic.figures()["missed"] >= 2
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert warnings == [f"There is no snapshot of camera {SN}: no connection"]
    assert any("A bug in the bridge" in record.getMessage() for record in caplog.records)
