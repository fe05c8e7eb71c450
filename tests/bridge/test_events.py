"""The way of an event, from a camera's bytes to the broker."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Self

import pytest

from ipc_bridge.bridge.detections import Detections
from ipc_bridge.bridge.events import EventFlow
from ipc_bridge.bridge.lateness import Lateness
from ipc_bridge.bridge.publisher import Publisher
from ipc_bridge.device.events import Origin
from ipc_bridge.journal.feed import Feed
from ipc_bridge.journal.journal import Journal
from ipc_bridge.journal.store import FILE_NAME, JournalStore
from ipc_bridge.models import Transport
from ipc_bridge.wire.packet import DETECT_EVENT, FACE_EVENT
from tests.bridge.rig import TOPICS, Rig, events_in
from tests.bridge.samples import NOW, SN, StoppedClock
from tests.mqtt.broker import eventually
from tests.mqtt.fake_broker import FakeBroker, fake_broker

ORIGIN = Origin(SN, "Front door", Transport.CHANNEL)
FACE = TOPICS.camera(SN, "face")


class Flow(Rig):
    """The way, with a journal on the disk and a clock that stands."""

    def __init__(self, directory: Path, *, drop_late: bool = False) -> None:
        super().__init__()
        self.clock = StoppedClock()
        self.lateness = Lateness(30.0, self.clock)
        self.publisher = Publisher(TOPICS, self.lateness.is_late, drop_late=drop_late)
        self.detections = Detections(TOPICS, self.publisher, 3600.0)
        self.journal = Journal(JournalStore(directory / FILE_NAME, self.clock, 86_400, 10_000_000), self.clock)
        self.feed = Feed(self.journal, "mqtt", self.publisher.append)
        self.publisher.on_done(self.feed.done)
        self.flow = EventFlow(TOPICS, self.clock, self.lateness, self.journal, self.publisher, self.detections)
        self.acknowledged: list[int | None] = []

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[Self]:
        await self.journal.open()
        feeding = asyncio.create_task(self.feed.run())
        try:
            yield self
        finally:
            self.detections.forget(SN)
            feeding.cancel()
            await asyncio.wait([feeding])
            await self.journal.close()

    def take(self, payload: bytes) -> None:
        self.flow.received(payload, ORIGIN, self.acknowledged.append)

    async def receive(self, **fields: Any) -> None:
        """Take an event in, and wait until it is acknowledged."""
        before = len(self.acknowledged)
        self.take(json.dumps({"event_id": 1, "sn": SN, **fields}).encode())
        await eventually(lambda: len(self.acknowledged) > before)

    async def motion(self, event_id: int = 1, ago: int = 0, **fields: Any) -> None:
        head = {"event_id": event_id, "event_type": DETECT_EVENT, "report_time": int(NOW) - ago, "detect_type": 1}
        await self.receive(**{**head, **fields})

    async def face(self, event_id: int = 1, ago: int = 0, **fields: Any) -> None:
        await self.receive(event_id=event_id, event_type=FACE_EVENT, report_time=int(NOW) - ago, faceid="7", **fields)


@pytest.fixture
async def way(tmp_path: Path) -> AsyncIterator[Flow]:
    async with Flow(tmp_path).open() as flow:
        yield flow


def shown(broker: FakeBroker) -> list[int]:
    return [json.loads(one.payload)["event_id"] for one in broker.publications if one.topic == FACE]


def topics(broker: FakeBroker) -> list[str]:
    return [one.topic for one in broker.publications]


async def test_a_motion_event_is_published_and_switches_on(way: Flow) -> None:
    async with fake_broker() as broker, way.connected(broker.port):
        await way.motion(7)
        assert way.acknowledged == [7]
        await broker.published(2)
        assert topics(broker) == [TOPICS.camera(SN, "event/motion"), TOPICS.camera(SN, "motion")]
        assert events_in(broker)[0] | {"uid": ""} == {
            "uid": "",
            "event_type": "motion",
            "sn": SN,
            "camera": "Front door",
            "seq": 1,
            "epoch": int(NOW),
            "event_id": 7,
            "time": "2020-06-24T20:08:03.000Z",
            "received_at": "2020-06-24T20:08:03.412Z",
            "late": False,
            "transport": "channel",
            "motion": True,
            "sound": False,
            "human": False,
            "video_url": None,
        }
        assert way.flow.counters == {"received": 1}


async def test_a_face_is_an_event_and_then_for_display(way: Flow) -> None:
    async with fake_broker() as broker, way.connected(broker.port):
        await way.face(3)
        await broker.published(2)
        assert topics(broker) == [TOPICS.camera(SN, "event/face"), FACE]
        assert [one.retain for one in broker.publications] == [False, True]
        assert broker.payloads()[0] == broker.payloads()[1]


async def test_the_face_that_is_kept_is_the_newest_by_time(way: Flow) -> None:
    async with fake_broker() as broker, way.connected(broker.port):
        for number, ago in ((1, 5), (2, 9), (3, 5), (4, 2)):
            await way.face(number, ago)
            await broker.published({1: 2, 2: 3, 3: 5, 4: 7}[number])
        assert shown(broker) == [1, 3, 4]


async def test_a_late_event_is_marked_and_switches_nothing(way: Flow) -> None:
    async with fake_broker() as broker, way.connected(broker.port):
        await way.motion(ago=3600)
        await broker.published(1)
        assert await way.publisher.drained(5)
        assert [event["late"] for event in events_in(broker)] == [True]
        assert len(broker.publications) == 1


async def test_an_event_becomes_late_while_the_broker_is_away(way: Flow) -> None:
    await way.motion()
    assert way.acknowledged == [1], "it is safe, broker or not"
    way.clock.go_on(31)
    async with fake_broker() as broker, way.connected(broker.port):
        await broker.published(1)
        assert await way.publisher.drained(5)
        assert [event["late"] for event in events_in(broker)] == [True]
        assert len(broker.publications) == 1


async def test_late_events_that_are_dropped_show_no_face_either(tmp_path: Path) -> None:
    way = Flow(tmp_path, drop_late=True)
    async with way.open(), fake_broker() as broker, way.connected(broker.port):
        await way.face(ago=3600)
        await way.motion(2)
        await broker.published(2)
        assert await way.publisher.drained(5)
        assert topics(broker) == [TOPICS.camera(SN, "event/motion"), TOPICS.camera(SN, "motion")]


async def test_a_copy_is_acknowledged_and_published_once(way: Flow) -> None:
    async with fake_broker() as broker, way.connected(broker.port):
        for number in (5, 5, 6):
            await way.face(number)
        assert way.acknowledged == [5, 5, 6]
        await broker.published(3)
        assert await way.publisher.drained(5)
        assert [event["seq"] for event in events_in(broker)] == [1, 2]
        assert way.journal.counters == {"new": 2, "duplicate": 1}


async def test_an_event_of_an_unknown_type(way: Flow) -> None:
    async with fake_broker() as broker, way.connected(broker.port):
        await way.receive(event_type="SMOKE_EVENT", report_time=int(NOW), smoke=3)
        await broker.published(1)
        (event,) = events_in(broker)
        assert topics(broker) == [TOPICS.camera(SN, "event/other")]
        assert event["event_type"] == "other"
        assert event["raw"]["smoke"] == 3


@pytest.mark.parametrize(
    ("payload", "event_id"),
    [
        (b"no JSON", None),
        (b"[]", None),
        (b"{}", None),
        (b'{"event_id": 4, "event_type": "face_recog_event", "sn": "somebody", "report_time": 1593029283}', 4),
        (b'{"event_id": 4, "event_type": "face_recog_event", "report_time": 12}', 4),
    ],
)
async def test_what_cannot_be_used_is_acknowledged_counted_and_logged(
    payload: bytes, event_id: int | None, caplog: pytest.LogCaptureFixture, way: Flow
) -> None:
    way.take(payload)
    way.take(payload)
    assert way.acknowledged == [event_id, event_id]
    assert way.flow.counters == {"unusable": 2}
    assert len([record for record in caplog.records if record.levelname == "WARNING"]) == 1
    assert f"Camera {SN} sent an event that cannot be used" in caplog.text
    async with fake_broker() as broker, way.connected(broker.port):
        way.publisher.send("test/marker", b"m")
        await broker.published(1)
        assert await way.publisher.drained(5)
        assert topics(broker) == ["test/marker"]


async def test_a_wrong_clock_is_learnt_from_events(way: Flow) -> None:
    camera = way.lateness.camera(SN)
    async with fake_broker() as broker, way.connected(broker.port):
        for number in (1, 2, 3, 4):
            camera.heartbeat_answered()
            await way.face(number, ago=3600)
            await broker.published(2 * number)
        # The third event is what settles it, before it goes out.
        assert [event["late"] for event in events_in(broker)] == [True, True, False, False]
