"""Pictures behind everything else: their queue, when they are fetched, and what happens when they cannot be."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ipc_bridge.bridge import face_pictures as module
from ipc_bridge.bridge.camera import CameraRunner
from ipc_bridge.bridge.face_pictures import BURST, MAX_FETCHES, MAX_WAITING, FacePictures
from ipc_bridge.bridge.picture_queue import MAX_WAITING as MAX_QUEUED
from ipc_bridge.bridge.picture_queue import Picture, PictureQueue
from ipc_bridge.bridge.pictures import Pictures
from ipc_bridge.errors import NoAnswerError, RejectedFileError
from ipc_bridge.logs import Seldom
from ipc_bridge.mqtt.connection import Message
from ipc_bridge.pictures.store import PictureStore
from ipc_bridge.simulator.changes import Changes
from ipc_bridge.simulator.portraits import portrait
from tests.bridge.rig import TOPICS, Rig
from tests.bridge.samples import NOW, SN, StoppedClock, entry, face_event, motion_event
from tests.mqtt.broker import eventually
from tests.mqtt.fake_broker import FakeBroker, fake_broker

IMAGE = TOPICS.camera(SN, "face/image")
PATIENCE = 10.0


# The queue.


def wanted() -> bool:
    return True


def message(text: str, topic: str = IMAGE) -> Message:
    return Message(topic, text.encode())


def test_pictures_go_one_at_a_time_in_their_order() -> None:
    queue = PictureQueue()
    first, second = message("first"), message("second")
    queue.put("1", Picture(message("old"), wanted))
    queue.put("2", Picture(second, wanted))
    queue.put("1", Picture(first, wanted))
    assert queue.next() is first
    assert queue.next() is None
    queue.done()
    assert queue.next() is second
    queue.done()
    assert queue.next() is None


def test_what_was_under_way_goes_again_unless_there_is_a_newer_one() -> None:
    queue = PictureQueue()
    first, second, newer = message("first"), message("second"), message("newer")
    queue.put("1", Picture(first, wanted))
    queue.put("2", Picture(second, wanted))
    assert queue.next() is first
    queue.send_again()
    assert queue.next() is first
    queue.put("1", Picture(newer, wanted))
    queue.send_again()
    queue.send_again()
    assert queue.next() is newer
    queue.done()
    assert queue.next() is second


def test_what_nobody_wants_any_more_is_left_out() -> None:
    queue = PictureQueue()
    last = message("last")
    queue.put("1", Picture(message("late"), lambda: False))
    queue.put("2", Picture(message("forgotten", "a/topic"), wanted))
    queue.put("3", Picture(last, wanted))
    queue.drop("a/topic")
    assert queue.next() is last


def test_the_queue_is_bounded() -> None:
    queue = PictureQueue()
    for number in range(MAX_QUEUED + 3):
        queue.put(str(number), Picture(message(str(number)), wanted))
    assert queue.dropped == 3
    first = queue.next()
    assert first is not None
    assert first.payload == b"3"


async def test_a_picture_waits_for_events_and_the_next_one_for_the_broker() -> None:
    rig = Rig()
    async with fake_broker(FakeBroker(acknowledges=False)) as broker, rig.connected(broker.port):
        rig.publisher.picture("1", message("one"))
        rig.publisher.picture("2", message("two"))
        rig.append(1, 2)
        await broker.published(3)
        assert [one.topic.rpartition("/")[2] for one in broker.publications] == ["motion", "motion", "image"]
        # An event has nothing but this one picture ahead of it.
        rig.append(3)
        await broker.published(4)
        assert broker.publications[-1].topic.endswith("event/motion")
        broker.acknowledge_all()
        await broker.published(5)
        assert broker.payloads()[-1] == b"two"


async def test_on_a_new_connection_its_event_goes_first() -> None:
    rig = Rig()
    async with fake_broker(FakeBroker(acknowledges=False)) as broker, rig.connected(broker.port):
        rig.append(1)
        await broker.published(1)
        rig.publisher.picture("1", message("one"))
        await broker.published(2)
        broker.publications.clear()
        broker.cut()
        await broker.published(2)
        assert [one.topic.rpartition("/")[2] for one in broker.publications] == ["motion", "image"]


# Faces.


@dataclass
class Camera:
    """A camera's API that holds every picture back until the test lets it go; the real one has tests of its own."""

    urls: list[str] = field(default_factory=list)
    gates: dict[str, asyncio.Future[bytes]] = field(default_factory=dict)
    changes: Changes = field(default_factory=Changes)

    async def fetch(self, url: str) -> bytes:
        self.urls.append(url)
        self.gates[url] = asyncio.get_running_loop().create_future()
        self.changes.notify()
        return await self.gates[url]

    async def asked(self, count: int) -> None:
        """Wait until so many pictures were asked for."""
        await self.changes.wait_for(lambda: len(self.urls) >= count, PATIENCE)

    def give(self, url: str) -> None:
        self.gates[url].set_result(portrait(url))

    def fail(self, url: str, error: Exception) -> None:
        self.gates[url].set_exception(error)


class Scene:
    """Faces on their way to a broker, and their pictures behind them."""

    def __init__(self, store: PictureStore | None = None) -> None:
        self.rig = Rig()
        self.camera = Camera()
        self.cameras: dict[str, Any] = {SN: SimpleNamespace(api=self.camera)}
        self.pictures = Pictures(self.rig.publisher, store)
        self.faces = FacePictures(
            TOPICS,
            self.rig.publisher,
            self.pictures,
            lambda sn: cast("CameraRunner | None", self.cameras.get(sn)),
            lambda _entry: self.rig.late,
            retain=True,
        )

    def see(self, *numbers: int, sn: str = SN) -> None:
        for number in numbers:
            event = face_event(number, sn, picture_url=f"{sn}/{number}", time=NOW + number)
            self.rig.publisher.append(entry(event))

    @contextlib.asynccontextmanager
    async def plays(self) -> AsyncIterator[FakeBroker]:
        async with fake_broker() as broker, self.rig.connected(broker.port):
            running = asyncio.create_task(self.faces.run())
            try:
                yield broker
            finally:
                running.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await running


def images(broker: FakeBroker) -> list[bytes]:
    return [one.payload for one in broker.publications if one.topic == IMAGE]


async def test_two_at_a_time_and_the_newest_first() -> None:
    scene = Scene()
    count = MAX_FETCHES + MAX_WAITING
    async with scene.plays() as broker:
        scene.see(1, 2)
        await scene.camera.asked(2)
        scene.see(*range(3, count + 4))
        await broker.published(count + 3)
        # It has looked for more to fetch.
        await eventually(lambda: scene.faces._timer is None)
        assert sorted(scene.camera.urls) == [f"{SN}/1", f"{SN}/2"]
        scene.camera.give(f"{SN}/1")
        await scene.camera.asked(3)
        assert scene.camera.urls[2] == f"{SN}/{count + 3}"
        scene.camera.give(f"{SN}/2")
        await scene.camera.asked(4)
        assert scene.camera.urls[3] == f"{SN}/{count + 2}"
        # The oldest that waited were given up.
        assert scene.faces.figures()["dropped"] == 3
        await eventually(lambda: len(images(broker)) == 2)
        assert images(broker) == [portrait(f"{SN}/{number}") for number in (1, 2)]


async def test_nothing_is_fetched_while_there_are_events_to_send() -> None:
    scene = Scene()
    async with scene.plays() as broker:
        broker.acknowledges = False
        await eventually(lambda: scene.rig.publisher._connection is not None)
        window = scene.rig.publisher._connection
        assert window is not None
        room = window.room
        scene.see(1)
        scene.rig.append(*range(10, 10 + room))
        await broker.published(room)
        assert scene.camera.urls == []
        broker.acknowledge_all()
        await scene.camera.asked(1)


async def test_many_cameras_at_once_do_not_take_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RATE", 0.001)
    scene = Scene()
    serials = [f"SN{number}" for number in range(BURST)]
    scene.cameras = dict.fromkeys(serials, scene.cameras[SN])
    async with scene.plays() as broker:
        for sn in serials:
            scene.see(1, 2, sn=sn)
        await scene.camera.asked(BURST)
        await broker.published(2 * BURST)
        for url in list(scene.camera.urls):
            scene.camera.give(url)
        await eventually(lambda: scene.pictures.counters["published"] == BURST)
        assert len(scene.camera.urls) == BURST
        monkeypatch.undo()


async def test_in_a_flood_pictures_wait_but_not_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "QUIET", 3600.0)
    monkeypatch.setattr(module, "PATIENCE", 0.2)
    scene = Scene()
    loop = asyncio.get_running_loop()
    async with scene.plays():
        scene.see(1, 2)
        await scene.camera.asked(1)
        first = loop.time()
        await scene.camera.asked(2)
        assert loop.time() - first > 0.15


async def test_misses_are_counted_and_stop_nothing(caplog: pytest.LogCaptureFixture) -> None:
    scene = Scene()
    caplog.set_level(logging.DEBUG)
    async with scene.plays() as broker:
        for number, error in enumerate(
            (NoAnswerError("gone"), RejectedFileError("elsewhere"), RejectedFileError("too large"), ZeroDivisionError())
        ):
            scene.see(number)
            await scene.camera.asked(number + 1)
            scene.camera.fail(f"{SN}/{number}", error)
        scene.see(9)
        await scene.camera.asked(5)
        scene.camera.give(f"{SN}/9")
        await eventually(lambda: len(images(broker)) == 1)
        assert scene.faces.figures() == {"fetched": 1, "missed": 1, "refused": 2, "dropped": 0}
    warnings = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert warnings == [
        f"The picture of a face on camera {SN} is refused: elsewhere",
        f"A bug in the bridge: the picture of {face_event(3).uid} is lost",
    ]


async def test_a_camera_that_is_gone_is_not_asked_and_one_that_is_forgotten_shows_nothing() -> None:
    scene = Scene()
    async with scene.plays() as broker:
        scene.cameras[SN] = SimpleNamespace(api=None)
        scene.see(1)
        await eventually(lambda: scene.faces.counters["missed"] == 1)
        scene.cameras[SN] = SimpleNamespace(api=scene.camera)
        scene.see(2)
        await scene.camera.asked(1)
        scene.cameras.clear()
        scene.camera.give(f"{SN}/2")
        await eventually(lambda: scene.faces.counters["fetched"] == 1)
        assert await scene.rig.publisher.drained(5)
        assert images(broker) == []


async def test_what_became_late_while_it_was_fetched_is_kept_and_not_shown(tmp_path: Path) -> None:
    store = PictureStore(tmp_path / "pictures", StoppedClock(), 1e9, 10**6)
    scene = Scene(store)
    async with scene.plays() as broker:
        scene.see(1)
        await scene.camera.asked(1)
        scene.rig.late = True
        scene.camera.give(f"{SN}/1")
        await eventually(lambda: store.pictures == 1)
        assert images(broker) == []
        assert store.get(face_event(1).uid, NOW) == portrait(f"{SN}/1")


async def test_an_event_that_is_sent_again_has_its_picture_from_the_disk(tmp_path: Path) -> None:
    scene = Scene(PictureStore(tmp_path / "pictures", StoppedClock(), 1e9, 10**6))
    async with scene.plays() as broker:
        scene.see(1)
        await scene.camera.asked(1)
        scene.camera.give(f"{SN}/1")
        await eventually(lambda: len(images(broker)) == 1 and scene.pictures.figures()["kept"] == 1)
        scene.see(1)
        await eventually(lambda: len(images(broker)) == 2)
        assert scene.camera.urls == [f"{SN}/1"]


async def test_only_faces_with_an_address_have_pictures() -> None:
    scene = Scene()
    async with scene.plays() as broker:
        scene.rig.publisher.append(entry(motion_event(1)))
        scene.rig.publisher.append(entry(face_event(2, picture_url=None)))
        await broker.published(2)
        assert await scene.rig.publisher.drained(5)
        assert scene.camera.urls == []


# The store behind them.


async def test_what_is_too_old_goes_although_nothing_new_comes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ipc_bridge.bridge.pictures.EXPIRE_EVERY", 0.01)
    clock = StoppedClock()
    store = PictureStore(tmp_path / "pictures", clock, 100.0, 10**6)
    pictures = Pictures(Rig().publisher, store)
    running = asyncio.create_task(pictures.run())
    # What is kept comes behind the look at the start.
    await eventually((tmp_path / "pictures").is_dir)
    await pictures.keep("uid", NOW, portrait("somebody"))
    assert store.pictures == 1
    clock.go_on(101)
    await eventually(lambda: not list(tmp_path.rglob("*.jpg")))
    running.cancel()


async def test_a_disk_that_takes_nothing_is_told_of_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "file").write_text("")
    pictures = Pictures(Rig().publisher, PictureStore(tmp_path / "file" / "pictures", StoppedClock(), 1e9, 10**6))
    running = asyncio.create_task(pictures.run())
    await eventually(lambda: len(caplog.records) == 1)
    running.cancel()
    for number in range(3):
        await pictures.keep(f"SN:face:{number}:1", NOW, portrait("x"))
    assert await pictures.find("SN:face:1:1", NOW) is None
    assert pictures.figures() == {"kept": 0, "bytes": 0, "published": 0, "unsaved": 3}
    assert [record.levelname for record in caplog.records].count("WARNING") == 1
    pictures.close()


def test_a_warning_that_anybody_can_cause_comes_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    clock = StoppedClock()
    seldom, logger = Seldom(clock.monotonic), logging.getLogger("test")
    for number in range(5):
        seldom.warning(logger, "no %d %s", number, "100 %")
    clock.go_on(60)
    seldom.warning(logger, "no %d", 5)
    clock.go_on(60)
    seldom.warning(logger, "no more")
    assert caplog.messages == ["no 0 100 %", "no 5 (4 others before)", "no more"]
