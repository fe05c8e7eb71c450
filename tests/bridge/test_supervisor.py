"""All cameras: which there are, and what the broker is told of them."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from ipc_bridge import __version__
from ipc_bridge.backoff import Backoff
from ipc_bridge.bridge import supervisor as module
from ipc_bridge.bridge.camera import CameraRunner
from ipc_bridge.bridge.detections import Detections
from ipc_bridge.bridge.events import EventFlow
from ipc_bridge.bridge.hook_doors import HookDoors
from ipc_bridge.bridge.lateness import Lateness
from ipc_bridge.bridge.registry import KnownCamera, Registry
from ipc_bridge.bridge.supervisor import Supervisor
from ipc_bridge.clock import SystemClock
from ipc_bridge.config import Account, CameraConfig, CameraDefaults, Config, Discovery
from ipc_bridge.device.discovery import Answer
from ipc_bridge.errors import CommandError
from ipc_bridge.journal.feed import Feed
from ipc_bridge.journal.journal import Journal
from ipc_bridge.journal.store import FILE_NAME, JournalStore
from ipc_bridge.models import CameraInfo
from ipc_bridge.simulator import CameraSettings, SimulatedCamera
from ipc_bridge.storage import JsonFile
from tests.bridge.rig import TOPICS, Rig
from tests.mqtt.broker import eventually
from tests.mqtt.fake_broker import FakeBroker, fake_broker

SN = "FS101D8BS00101"
HERE = "127.20.2.1"
ACCOUNT = Account(app_id="demo-app", secret_key="demo-secret")


class Site(Rig):
    """A supervisor with everything that it needs but a broker."""

    def __init__(self, directory: Path, camera: SimulatedCamera | None = None, **config: Any) -> None:
        super().__init__()
        ports: dict[str, Any] = {}
        if camera is not None:
            ports = {"api_port": camera.api_port, "channel_port": camera.channel_port}
        defaults = CameraDefaults(account=ACCOUNT, **ports)
        self.config = Config(**{"account": ACCOUNT, "camera": defaults, **config})
        self.clock = SystemClock()
        self.registry = Registry(JsonFile(directory / "cameras.json"))
        self.lateness = Lateness(30.0, self.clock)
        self.detections = Detections(TOPICS, self.publisher, 3600.0)
        self.journal = Journal(JournalStore(directory / FILE_NAME, self.clock, 86_400, 10_000_000), self.clock)
        self.feed = Feed(self.journal, "mqtt", self.publisher.append)
        self.publisher.on_done(self.feed.done)
        self.flow = EventFlow(TOPICS, self.clock, self.lateness, self.journal, self.publisher, self.detections)
        self.announced: list[str] = []
        self.held: list[Callable[[], None]] = []
        self.doors = HookDoors(self.clock, "http://127.0.0.1:8099")
        self.supervisor = Supervisor(
            self.config,
            TOPICS,
            self.clock,
            self.registry,
            self.lateness,
            self.flow,
            self.publisher,
            self.detections,
            self,
            self.doors,
        )

    def announce(
        self,
        info: CameraInfo,
        known: KnownCamera,
        state: Mapping[str, Any],
        counts: bool | None,
        then: Callable[[], None] | None,
    ) -> None:
        self.announced.append(info.name)
        if then is not None:
            self.held.append(then)

    def withdraw(self, known: KnownCamera) -> list[str]:
        return [f"discovery/{known.sn}"]

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        await self.journal.open()
        feeding = asyncio.create_task(self.feed.run())
        task = asyncio.create_task(self.supervisor.run())
        try:
            # Until it has begun.
            await eventually(lambda: self.supervisor._overview_scheduled or TOPICS.bridge("cameras") in self.kept())
            yield
        finally:
            task.cancel()
            feeding.cancel()
            await asyncio.wait([task, feeding])
            await self.journal.close()

    def kept(self) -> dict[str, bytes]:
        """What the broker is to keep."""
        return {topic: retained.message.payload for topic, retained in self.publisher._retained.items()}

    def rows(self) -> dict[str, dict[str, Any]]:
        """``bridge/cameras``, by serial."""
        return {row["sn"]: row for row in json.loads(self.kept().get(TOPICS.bridge("cameras"), b"[]"))}

    def status(self, sn: str = SN) -> str | None:
        return self.rows().get(sn, {}).get("status")

    def info(self) -> dict[str, Any]:
        info: dict[str, Any] = json.loads(self.kept()[TOPICS.bridge("info")])
        return info


@pytest.fixture
async def camera() -> AsyncIterator[SimulatedCamera]:
    async with SimulatedCamera(CameraSettings(sn=SN, host=HERE, discovery_port=None)) as one:
        yield one


def answer(sn: str = SN, host: str = HERE) -> Answer:
    return Answer(sn, host, host, "02:00:00:00:00:01", "1.3.6", "FM020")


def configured(camera: SimulatedCamera, **changes: Any) -> CameraConfig:
    settings: dict[str, Any] = {
        "sn": camera.sn,
        "host": camera.host,
        "api_port": camera.api_port,
        "channel_port": camera.channel_port,
        "account": ACCOUNT,
        **changes,
    }
    return CameraConfig(**settings)


def bridge_events(broker: FakeBroker) -> list[dict[str, Any]]:
    return [json.loads(one.payload) for one in broker.publications if one.topic == TOPICS.bridge("event")]


async def test_a_configured_camera_comes_online_and_its_events_arrive(tmp_path: Path, camera: SimulatedCamera) -> None:
    site = Site(tmp_path, cameras=(configured(camera, name="Hall"),))
    async with fake_broker() as broker, site.connected(broker.port), site.running():
        await eventually(lambda: site.status() == "online")
        assert site.kept()[TOPICS.camera(SN, "status")] == b"online"
        assert json.loads(site.kept()[TOPICS.camera(SN, "info")])["name"] == "Hall"
        assert site.info()["cameras"] == {"known": 1, "online": 1}
        assert site.info()["version"] == __version__
        assert site.announced[0] == "Hall"
        camera.emit_motion(detect_type=1)
        await camera.wait_for_all_acknowledged()
        topic = TOPICS.camera(SN, "event/motion")
        assert topic not in {one.topic for one in broker.publications}, "the hub was not told of it yet"
        site.held[0]()
        await eventually(lambda: topic in {one.topic for one in broker.publications})
        await eventually(lambda: (TOPICS.camera(SN, "motion"), b"ON") in sent(broker))
        camera.drop()
        await eventually(lambda: site.kept().get(TOPICS.camera(SN, "status")) == b"offline" or len(site.held) > 1)
        await eventually(lambda: site.kept().get(TOPICS.camera(SN, "motion")) == b"OFF")
        await eventually(lambda: len(bridge_events(broker)) >= 2)
        assert [event["type"] for event in bridge_events(broker)][:2] == ["camera_online", "camera_offline"]
        assert all(event["sn"] == SN and event["camera"] == "Hall" for event in bridge_events(broker))
        assert bridge_events(broker)[1]["reason"] == "the camera closed the connection"


def sent(broker: FakeBroker) -> list[tuple[str, bytes]]:
    return [(one.topic, one.payload) for one in broker.publications]


async def test_a_camera_is_held_back_once_only(tmp_path: Path, camera: SimulatedCamera) -> None:
    site = Site(tmp_path, cameras=(configured(camera),))
    async with site.running():
        await eventually(lambda: site.status() == "online")
        camera.drop()
        await eventually(lambda: site.supervisor._runners[SN].reconnects["unreachable"] == 1)
        await eventually(lambda: site.status() == "online" and camera.subscribers == 1)
        assert len(site.held) == 1
        assert len(site.announced) > 1, "changes are announced as well"


async def test_a_camera_that_answers_discovery_is_adopted(tmp_path: Path, camera: SimulatedCamera) -> None:
    site = Site(tmp_path, camera)
    async with fake_broker() as broker, site.connected(broker.port), site.running():
        assert site.info()["cameras"] == {"known": 0, "online": 0}
        for _ in range(2):
            site.supervisor.discovered(answer())
        await eventually(lambda: site.status() == "online")
        await eventually(lambda: len(bridge_events(broker)) == 2)
        told = bridge_events(broker)[0]
        assert told.pop("time").endswith("Z")
        assert told == {"type": "camera_discovered", "sn": SN, "host": HERE, "model": "FM020"}
    site.registry.save()
    assert Registry(JsonFile(tmp_path / "cameras.json")).cameras[SN].host == HERE


async def test_a_camera_that_is_known_is_run_again(tmp_path: Path, camera: SimulatedCamera) -> None:
    site = Site(tmp_path, camera)
    site.registry.record(SN).host = HERE
    async with site.running():
        await eventually(lambda: site.status() == "online")


async def test_only_listed_cameras_are_run_where_that_is_wanted(tmp_path: Path, camera: SimulatedCamera) -> None:
    site = Site(tmp_path, cameras=(configured(camera),), discovery=Discovery(adopt="listed"))
    site.registry.record("KNOWN").host = "127.20.2.9"
    async with fake_broker() as broker, site.connected(broker.port), site.running():
        for _ in range(2):
            site.supervisor.discovered(answer("STRANGER"))
        site.supervisor.discovered(answer())
        await eventually(lambda: site.status() == "online" and site.status("STRANGER") is not None)
        assert set(site.rows()) == {SN, "STRANGER"}
        row = site.rows()["STRANGER"]
        assert (row["status"], row["host"], row["model"]) == ("discovered", HERE, "FM020")
        assert "add it under cameras" in row["reason"]
        assert site.info()["cameras"] == {"known": 1, "online": 1}
        assert TOPICS.camera("STRANGER", "status") not in site.kept()
        await eventually(lambda: "camera_online" in [event["type"] for event in bridge_events(broker)])
        assert [event["sn"] for event in bridge_events(broker) if event["type"] == "camera_discovered"] == ["STRANGER"]


async def test_invented_serials_are_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "MAX_CAMERAS", 2)
    site = Site(tmp_path)
    strict = Site(tmp_path, discovery=Discovery(adopt="listed"))
    async with site.running(), strict.running():
        for number in range(5):
            site.supervisor.discovered(answer(f"S{number}", f"127.20.2.{10 + number}"))
            strict.supervisor.discovered(answer(f"S{number}"))
        await eventually(lambda: len(site.rows()) == 2 and len(strict.rows()) == 2)
    assert caplog.text.count("More than 2 cameras answer") == 1


async def test_a_bug_is_one_cameras_own_and_begins_again(
    tmp_path: Path, camera: SimulatedCamera, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "Backoff", lambda: Backoff(lambda _low, _high: 0.01))
    has_bug = True
    original = CameraRunner._attempt

    async def with_a_bug(runner: CameraRunner) -> Any:
        if has_bug and runner.sn == SN:
            raise ZeroDivisionError
        return await original(runner)

    monkeypatch.setattr(CameraRunner, "_attempt", with_a_bug)
    site = Site(tmp_path, cameras=(configured(camera), configured(camera, sn="OTHER", host="127.20.2.8")))
    async with site.running():
        await eventually(lambda: site.status() == "failed" and site.status("OTHER") == "offline")
        assert "please report the traceback" in site.rows()[SN]["reason"]
        await eventually(lambda: caplog.text.count("a bug in the bridge stopped") >= 2)
        assert "ZeroDivisionError" in caplog.text
        has_bug = False
        await eventually(lambda: site.status() == "online")


async def test_at_the_end_nothing_counts_as_watched(tmp_path: Path, camera: SimulatedCamera) -> None:
    site = Site(tmp_path, cameras=(configured(camera),))
    async with fake_broker() as broker, site.connected(broker.port):
        async with site.running():
            await eventually(lambda: site.status() == "online")
        site.supervisor.all_offline()
        assert await site.publisher.drained(5)
        last = {one.topic: (one.payload, one.retain) for one in broker.publications}
        assert last[TOPICS.camera(SN, "status")] == (b"offline", True)
        for kind in ("motion", "sound", "human"):
            assert last[TOPICS.camera(SN, kind)] == (b"OFF", True)


async def test_a_cameras_state_is_kept_until_it_is_forgotten(tmp_path: Path, camera: SimulatedCamera) -> None:
    bridge = Site(tmp_path, cameras=(configured(camera),))
    topic = TOPICS.camera(SN, "state")
    async with bridge.running():
        await eventually(lambda: topic in bridge.kept())
        state = json.loads(bridge.kept()[topic])
        assert (state["led"], state["zoom"]) == ("ON", 0)
        camera.controls.zoom = 9
        assert await bridge.supervisor.refresh(SN) == [SN]
        assert json.loads(bridge.kept()[topic])["zoom"] == 9
        assert await bridge.supervisor.refresh(None) == [SN]
        runner = bridge.supervisor.runner(SN)
        await bridge.supervisor.forget(SN)
        # An answer that was on its way brings nothing back.
        runner.state.values["zoom"] = 10
        bridge.supervisor.state_changed(runner)
        assert not bridge.kept()[topic]
        with pytest.raises(CommandError, match=f"there is no camera {SN}"):
            bridge.supervisor.runner(SN)
