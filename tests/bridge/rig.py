"""A publisher with a real MQTT client, for one test."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

from ipc_bridge.bridge.publisher import Publisher
from ipc_bridge.config import Mqtt
from ipc_bridge.journal.entry import Entry
from ipc_bridge.mqtt.client import MqttClient
from ipc_bridge.mqtt.connection import Message
from ipc_bridge.mqtt.topics import Topics
from tests.bridge.samples import SN, entry, motion_event
from tests.mqtt.broker import HOST
from tests.mqtt.fake_broker import FakeBroker

TOPICS = Topics("ipc_bridge", "homeassistant")
WILL = Message(TOPICS.bridge("status"), b"offline", retain=True)


class Rig:
    """A publisher, what it handed over, and a switch that makes events late."""

    def __init__(self, *, drop_late: bool = False) -> None:
        self.late = False
        self.handed: list[tuple[Entry, bytes, bool]] = []
        self.publisher = Publisher(TOPICS, lambda _entry: self.late, drop_late=drop_late)
        self.publisher.on_handed(lambda *handed: self.handed.append(handed))

    @contextlib.asynccontextmanager
    async def connected(self, port: int) -> AsyncIterator[None]:
        """Be connected, again and again, until the end of the block."""
        config = Mqtt(host=HOST, port=port)
        client = MqttClient(config, f"test-{id(self)}", WILL, lambda _low, _high: 0.01)
        task = asyncio.create_task(client.run(self.publisher))
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    def append(self, *seqs: int, sn: str = SN) -> None:
        for seq in seqs:
            self.publisher.append(entry(motion_event(seq, sn)))


def seqs(payloads: list[bytes]) -> list[int]:
    """The numbers of events."""
    return [json.loads(payload)["seq"] for payload in payloads]


def events_in(broker: FakeBroker) -> list[dict[str, Any]]:
    """The events that a broker got, in order."""
    return [json.loads(one.payload) for one in broker.publications if "/event/" in one.topic]
