"""Shops and their cameras in Home Assistant: told of, and cleared when they go."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from ipc_bridge.bridge.registry import Registry
from ipc_bridge.bridge.shop import ShopCamera
from ipc_bridge.bridge.shop_announcer import ShopAnnouncer
from ipc_bridge.config import HomeAssistant
from ipc_bridge.homeassistant import announcer as module
from ipc_bridge.homeassistant.announcer import Announcer
from ipc_bridge.storage import JsonFile
from tests.bridge.rig import TOPICS, Rig
from tests.mqtt.broker import eventually
from tests.mqtt.fake_broker import FakeBroker, fake_broker

SHOP = "100939020409"
FRONT, BACK = (ShopCamera(sn, sn, f"Camera {sn}", "FM020", "1.3.6", online=True) for sn in ("FS1", "FS2"))


class Told:
    """What a broker keeps of it."""

    def __init__(self, broker: FakeBroker, directory: Path) -> None:
        self.broker = broker
        self.rig = Rig()
        self.registry = Registry(JsonFile(directory / "cameras.json"))
        announcer = Announcer(HomeAssistant(), TOPICS, self.rig.publisher)
        self.announcer = ShopAnnouncer(TOPICS, announcer, self.rig.publisher, self.registry)

    def announce(self, *cameras: ShopCamera) -> None:
        self.announcer.announce(self.registry.shop(SHOP), cameras, lambda _sn: None, lambda: None)

    async def kept(self) -> set[str]:
        """Topics with something in them, once the broker has all."""
        await self.rig.publisher.drained(10)
        last = {one.topic: one.payload for one in self.broker.publications}
        return {topic for topic, payload in last.items() if payload}


@pytest.fixture
async def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Told]:
    monkeypatch.setattr(module, "DEBOUNCE", 0.01)
    async with fake_broker() as broker:
        told = Told(broker, tmp_path)
        async with told.rig.connected(broker.port):
            yield told


def topic(device: str) -> str:
    return f"homeassistant/device/ipc_bridge_{device}/config"


async def test_a_camera_that_is_unbound_is_forgotten(told: Told) -> None:
    told.announce(FRONT, BACK)
    await told.broker.published(3)
    assert await told.kept() == {topic(f"shop_{SHOP}"), topic("FS1_cloud"), topic("FS2_cloud")}
    told.announce(FRONT)
    await told.broker.published(4)
    assert await told.kept() == {topic(f"shop_{SHOP}"), topic("FS1_cloud")}
    assert told.registry.shop(SHOP).cameras == {"FS1": {"reachable": "binary_sensor"}}
    assert told.registry.clearing == set()


async def test_shops_that_are_not_wanted_any_more_leave_nothing(told: Told) -> None:
    told.announce(FRONT)
    told.rig.publisher.retain(TOPICS.shop(SHOP, "status"), b"online")
    await told.broker.published(3)
    told.announcer.forget_others({SHOP})
    assert SHOP in told.registry.shops
    told.announcer.forget_others(())
    assert told.registry.shops == {}
    # Until the broker has cleared them they are remembered, for the next start.
    assert told.registry.clearing == {
        *(TOPICS.shop(SHOP, leaf) for leaf in ("status", "info", "flow")),
        *(topic(f"shop_{SHOP}"), topic("FS1_cloud")),
    }
    await eventually(lambda: told.registry.clearing == set())
    assert await told.kept() == set()
