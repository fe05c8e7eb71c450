"""Pictures of now, from a camera to the broker and to the disk."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from ipc_bridge.bridge.camera import CameraRunner
from ipc_bridge.bridge.pictures import Pictures
from ipc_bridge.bridge.snapshots import Snapshots
from ipc_bridge.catalog.device import GET_SNAPSHOT
from ipc_bridge.device.address import Address
from ipc_bridge.device.api import CameraApi
from ipc_bridge.errors import CommandError, RejectedFileError, ReplyError
from ipc_bridge.pictures.store import PictureStore
from ipc_bridge.simulator import CameraSettings, SimulatedCamera
from ipc_bridge.simulator.portraits import JPEG
from tests.bridge.rig import TOPICS, Rig
from tests.bridge.samples import NOW, StoppedClock
from tests.device.rig import CREDENTIALS, trust
from tests.mqtt.broker import Listener, eventually, mosquitto, retained_on
from tests.mqtt.fake_broker import fake_broker

SN = "FS101D8BS00101"
TOPIC = TOPICS.camera(SN, "snapshot")


@pytest.fixture
async def api() -> AsyncIterator[CameraApi]:
    camera = SimulatedCamera(CameraSettings(sn=SN, host="127.20.3.1", discovery_port=None))
    async with camera, CameraApi(SN, Address(camera.host, camera.api_port), trust(), CREDENTIALS) as api:
        yield api


def snapshots_of(rig: Rig, api: CameraApi, store: PictureStore | None = None, *, retain: bool = True) -> Snapshots:
    camera = cast("CameraRunner", SimpleNamespace(reachable_api=lambda: api))
    cameras = {SN: camera}
    return Snapshots(TOPICS, StoppedClock(), Pictures(rig.publisher, store), cameras.get, retain=retain)


@pytest.mark.parametrize("retain", [False, True])
async def test_a_snapshot(tmp_path: Path, api: CameraApi, retain: bool) -> None:
    rig = Rig()
    store = PictureStore(tmp_path / "pictures", StoppedClock(), 1e6, 10**6)
    async with mosquitto(tmp_path) as broker, Listener(broker.port) as listener, rig.connected(broker.port):
        await snapshots_of(rig, api, store, retain=retain).take(SN)
        assert await listener.hears_topic(TOPIC) == JPEG
        assert (TOPIC in await retained_on(broker.port)) == retain
        # A hub that starts does not take it for news.
        rig.publisher.repeat()
        assert await rig.publisher.drained(5)
        await listener.catches_up()
        assert listener.topics.count(TOPIC) == 1
        assert listener.messages[-2].user_properties == ()
    assert store.get(f"{SN}:snapshot:{round(NOW * 1000)}", NOW) == JPEG


async def test_one_that_is_about_an_event_names_it(tmp_path: Path, api: CameraApi) -> None:
    rig = Rig()
    async with mosquitto(tmp_path) as broker, Listener(broker.port) as listener, rig.connected(broker.port):
        await snapshots_of(rig, api).take(SN, "the uid")
        await listener.hears_topic(TOPIC)
        assert listener.messages[-1].user_properties == (("uid", "the uid"),)


async def test_one_that_the_broker_does_not_take(tmp_path: Path, api: CameraApi) -> None:
    rig = Rig()
    url = (await api.call(GET_SNAPSHOT))["snapshot_url"]
    options = ("allow_anonymous true", "max_packet_size 100")
    async with mosquitto(tmp_path, *options) as broker, rig.connected(broker.port):
        await eventually(lambda: rig.publisher._connection is not None)
        with pytest.raises(RejectedFileError, match="cannot be made to fit into"):
            await snapshots_of(rig, api).publish(SN, url)
        assert await rig.publisher.drained(5)


async def test_one_that_is_not_there(api: CameraApi) -> None:
    rig = Rig()
    snapshots = snapshots_of(rig, api)
    async with fake_broker() as broker, rig.connected(broker.port):
        for url in ("None", "https://127.20.3.2/1.jpg", "https://127.20.3.1/1.jpg"):
            with pytest.raises(ReplyError):
                await snapshots.publish(SN, url)
        assert await rig.publisher.drained(5)
        assert not broker.publications


async def test_a_camera_that_is_forgotten_leaves_none_behind(api: CameraApi) -> None:
    rig = Rig()
    cameras = {SN: cast("CameraRunner", SimpleNamespace(reachable_api=lambda: api))}
    snapshots = Snapshots(TOPICS, StoppedClock(), Pictures(rig.publisher, None), cameras.get, retain=True)
    await snapshots.take(SN)
    # It waits for the broker.
    cameras.clear()
    async with fake_broker() as broker, rig.connected(broker.port):
        await eventually(lambda: rig.publisher._connection is not None)
        assert await rig.publisher.drained(5)
        assert not broker.publications
    with pytest.raises(CommandError, match="forgotten"):
        await snapshots.take(SN)
