"""Motion, sound and human: on, off, and never on for ever."""

from __future__ import annotations

import pytest

from ipc_bridge.bridge import detections as module
from ipc_bridge.bridge.detections import Detections
from ipc_bridge.models import DETECTIONS
from tests.bridge.rig import TOPICS, Rig
from tests.bridge.samples import SN, motion_event
from tests.mqtt.broker import eventually
from tests.mqtt.fake_broker import FakeBroker, fake_broker

MOTION = TOPICS.camera(SN, "motion")
NEVER = 3600.0


def switched(broker: FakeBroker, topic: str = MOTION) -> list[tuple[bytes, bool]]:
    """What a switch's topic got: payload and retain flag."""
    return [(one.payload, one.retain) for one in broker.publications if one.topic == topic]


async def test_on_goes_live_and_off_is_kept() -> None:
    rig = Rig()
    detections = Detections(TOPICS, rig.publisher, 0.05)
    async with fake_broker() as broker, rig.connected(broker.port):
        detections.all_off(SN)
        await broker.published(3)
        detections.found(motion_event(1, SN, "motion", "sound"))
        await broker.published(7)
        assert switched(broker) == [(b"OFF", True), (b"ON", False), (b"OFF", True)]
        assert switched(broker, TOPICS.camera(SN, "sound")) == [(b"OFF", True), (b"ON", False), (b"OFF", True)]
        assert switched(broker, TOPICS.camera(SN, "human")) == [(b"OFF", True)]


@pytest.mark.parametrize("kind", DETECTIONS)
async def test_each_detection_has_its_switch(kind: str) -> None:
    rig = Rig()
    detections = Detections(TOPICS, rig.publisher, NEVER)
    async with fake_broker() as broker, rig.connected(broker.port):
        detections.found(motion_event(1, SN, kind))
        await broker.published(1)
        assert [(one.topic, one.payload) for one in broker.publications] == [(TOPICS.camera(SN, kind), b"ON")]
        detections.all_off(SN)


async def test_another_detection_puts_off_the_end() -> None:
    rig = Rig()
    detections = Detections(TOPICS, rig.publisher, NEVER)
    detections.found(motion_event(1))
    first = detections._timers[SN, "motion"]
    detections.found(motion_event(2))
    assert first.cancelled()
    assert list(detections._timers) == [(SN, "motion")]
    detections.all_off(SN)
    assert not detections._timers


async def test_a_flood_is_told_of_once_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig()
    detections = Detections(TOPICS, rig.publisher, NEVER)
    async with fake_broker() as broker, rig.connected(broker.port):
        detections.found(motion_event(1))
        await broker.published(1)
        for number in range(2, 20):
            detections.found(motion_event(number))
        monkeypatch.setattr(module, "REPEAT_EVERY", 0.0)
        detections.found(motion_event(20))
        await broker.published(2)
        detections.all_off(SN)
        await broker.published(5)
        assert switched(broker) == [(b"ON", False), (b"ON", False), (b"OFF", True)]


async def test_off_makes_the_next_on_news() -> None:
    rig = Rig()
    detections = Detections(TOPICS, rig.publisher, NEVER)
    async with fake_broker() as broker, rig.connected(broker.port):
        for expected in (1, 5):
            detections.found(motion_event(expected))
            await broker.published(expected)
            detections.all_off(SN)
            await eventually(lambda: switched(broker)[-1] == (b"OFF", True))
        assert [payload for payload, _ in switched(broker)] == [b"ON", b"OFF", b"ON", b"OFF"]


async def test_cameras_do_not_share_switches() -> None:
    rig = Rig()
    detections = Detections(TOPICS, rig.publisher, NEVER)
    async with fake_broker() as broker, rig.connected(broker.port):
        detections.found(motion_event(1, "A"))
        detections.found(motion_event(1, "B"))
        await broker.published(2)
        detections.all_off("A")
        await broker.published(5)
        assert switched(broker, TOPICS.camera("B", "motion")) == [(b"ON", False)]
        detections.all_off("B")


async def test_what_a_broker_keeps_is_off() -> None:
    rig = Rig()
    detections = Detections(TOPICS, rig.publisher, 0.05)
    detections.all_off(SN)
    async with fake_broker() as broker:
        async with rig.connected(broker.port):
            await broker.published(3)
            detections.found(motion_event(1))
            await broker.published(4)
            # While it is on, a new connection does not hear of it again.
            broker.publications.clear()
            broker.cut()
            await eventually(lambda: (b"OFF", True) in switched(broker))
        assert (b"ON", False) not in switched(broker)
        assert all(one.retain and one.payload == b"OFF" for one in broker.publications)
