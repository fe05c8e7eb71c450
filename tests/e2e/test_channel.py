"""What goes wrong between the bridge and a camera, and how it goes on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from ipc_bridge.catalog.codes import SECRET_KEY_INVALID
from ipc_bridge.simulator import MOTION_MODEL, SimulatedCamera, make_identity
from ipc_bridge.wire.frame import Coverage
from ipc_bridge.wire.session import Dialect
from tests.e2e.harness import Site, offline, online, overview
from tests.e2e.stories import Stage, Story, told

BRIDGE_EVENT = "ipc_bridge/bridge/event"


def topic(camera: SimulatedCamera, leaf: str) -> str:
    return f"ipc_bridge/camera/{camera.sn}/{leaf}"


async def next_face_arrives(stage: Stage, camera: SimulatedCamera) -> None:
    """The channel is there and works."""
    await camera.wait_for_subscriber()
    event_id = camera.emit_face()
    await stage.hub.wait_for(topic(camera, "event/face"), lambda face: face.json["event_id"] == event_id)
    await camera.wait_for_all_acknowledged()


async def goes_and_comes_back(stage: Stage, camera: SimulatedCamera, since: int) -> str:
    """The camera is lost, found again and works; returns the reason that was given."""
    await offline(stage.hub, camera.sn, since)
    row = await overview(stage.hub, camera.sn, "offline", since)
    back = await online(stage.hub, camera.sn, since)
    await next_face_arrives(stage, camera)
    assert back.number > since
    return str(row["reason"])


async def a_frame_with_a_wrong_crc_ends_the_channel_and_its_event_comes_again(
    stage: Stage, camera: SimulatedCamera
) -> None:
    await online(stage.hub, camera.sn)
    since = stage.hub.mark()
    camera.faults.damage_crc = 1
    hurt = camera.emit_face()
    reason = await goes_and_comes_back(stage, camera, since)
    assert "CRC" in reason
    faces = stage.hub.messages(topic(camera, "event/face"))
    # The camera sends what was not acknowledged once more; here that is not the end of the sequence.
    assert [(face.json["event_id"], face.json["seq"]) for face in faces] == [(hurt, 1), (hurt + 1, 2)]


async def frames_in_pieces_and_several_at_once_are_read(stage: Stage, camera: SimulatedCamera) -> None:
    await online(stage.hub, camera.sn)
    since = stage.hub.mark()
    camera.faults.split = 7
    camera.emit_face()
    await stage.hub.wait_for(topic(camera, "event/face"))
    camera.faults.split = 0
    camera.faults.merge = 5
    for _ in range(5):
        camera.emit_face()
    await stage.hub.wait_for(topic(camera, "event/face"), count=6)
    camera.clear_faults()
    await camera.wait_for_all_acknowledged()
    assert not stage.hub.messages(topic(camera, "status"), since=since)


async def rubbish_ends_the_channel(stage: Stage, camera: SimulatedCamera) -> None:
    await online(stage.hub, camera.sn)
    since = stage.hub.mark()
    camera.rubbish(64)
    assert "broke the protocol" in await goes_and_comes_back(stage, camera, since)


async def seventy_thousand_bytes_of_rubbish_do_no_more(stage: Stage, camera: SimulatedCamera) -> None:
    await online(stage.hub, camera.sn)
    since = stage.hub.mark()
    camera.rubbish(70_000)
    await goes_and_comes_back(stage, camera, since)


async def half_a_frame_and_a_reset_end_the_channel(stage: Stage, camera: SimulatedCamera) -> None:
    await online(stage.hub, camera.sn)
    since = stage.hub.mark()
    camera.abort()
    await goes_and_comes_back(stage, camera, since)


async def the_cameras_own_goodbye_ends_the_channel(stage: Stage, camera: SimulatedCamera) -> None:
    await online(stage.hub, camera.sn)
    since = stage.hub.mark()
    camera.drop(farewell=True)
    assert "ended the session" in await goes_and_comes_back(stage, camera, since)


async def a_silent_camera_is_offline_until_it_speaks(stage: Stage, camera: SimulatedCamera) -> None:
    await online(stage.hub, camera.sn)
    since = stage.hub.mark()
    camera.faults.silence()
    await offline(stage.hub, camera.sn, since)
    camera.faults.speak()
    assert "heartbeats" in await goes_and_comes_back(stage, camera, since)


async def a_reboot_is_survived_and_ids_may_begin_again(stage: Stage, camera: SimulatedCamera) -> None:
    await online(stage.hub, camera.sn)
    now = int(time.time())
    assert camera.emit_face(report_time=now - 2) == 1
    await camera.wait_for_all_acknowledged()
    since = stage.hub.mark()
    await camera.reboot(0.5)
    await online(stage.hub, camera.sn, since)
    await camera.wait_for_subscriber()
    assert camera.emit_face(report_time=now) == 1
    second = await stage.hub.wait_for(topic(camera, "event/face"), count=2)
    assert (second.json["event_id"], second.json["seq"]) == (1, 2)


async def a_camera_that_has_moved_is_found_by_discovery(stage: Stage, camera: SimulatedCamera) -> None:
    await online(stage.hub, camera.sn)
    old, new = camera.host, stage.site.next_host()
    since = stage.hub.mark()
    await camera.move(new)
    moved = await stage.hub.wait_for(BRIDGE_EVENT, lambda event: event.json["type"] == "address_changed", since=since)
    assert {key: moved.json[key] for key in ("sn", "host", "old_host")} == {
        "sn": camera.sn,
        "host": new,
        "old_host": old,
    }
    await stage.hub.wait_for(topic(camera, "info"), lambda info: info.json["host"] == new, since=since)
    assert (await overview(stage.hub, camera.sn, "online", moved.number))["host"] == new
    await next_face_arrives(stage, camera)


async def a_camera_at_two_addresses_stays_where_it_answers(stage: Stage, camera: SimulatedCamera) -> None:
    await online(stage.hub, camera.sn)
    since = stage.hub.mark()
    impostor = await stage.site.camera(camera.sn, identity=make_identity("somebody else"))
    await impostor.wait_until(lambda: impostor.discovery_answers >= 2)
    heartbeats = camera.heartbeats
    await camera.wait_until(lambda: camera.heartbeats >= heartbeats + 2)
    await next_face_arrives(stage, camera)
    assert impostor.connects == 0
    assert not stage.hub.messages(topic(camera, "status"), since=since)
    assert {info.json["host"] for info in stage.hub.messages(topic(camera, "info"))} == {camera.host}


async def a_wrong_secret_key_is_named_and_not_tried_again_and_again(stage: Stage, camera: SimulatedCamera) -> None:
    row = await overview(stage.hub, camera.sn, "failed")
    assert "account.secret_key" in row["reason"]
    assert "SECRET_KEY_INVALID" in row["reason"]
    # Once as the documents say and once without keep_alive in the signature; discovery wakes nobody up here.
    answers = camera.discovery_answers
    await camera.wait_until(lambda: camera.discovery_answers >= answers + 2)
    assert camera.connects <= 2
    assert {call.code for call in camera.calls} == {SECRET_KEY_INVALID}
    assert [status.text for status in stage.hub.messages(topic(camera, "status"))] == ["offline"]


async def a_camera_that_is_not_activated_is_activated_with_its_code(stage: Stage, camera: SimulatedCamera) -> None:
    # Not before, and with that code: any other would have been refused.
    await online(stage.hub, camera.sn)
    assert [call.code for call in camera.calls if call.path == "device/activate"] == [0]
    await next_face_arrives(stage, camera)


async def a_camera_that_is_not_activated_fails_without_a_code(stage: Stage, camera: SimulatedCamera) -> None:
    row = await overview(stage.hub, camera.sn, "failed")
    assert "activation_code" in row["reason"]
    assert not camera.activated
    assert "device/activate" not in [call.path for call in camera.calls]


async def a_camera_without_faces_is_asked_for_motion_alone(stage: Stage, camera: SimulatedCamera) -> None:
    await online(stage.hub, camera.sn)
    camera.emit_motion(detect_type=1)
    await stage.hub.wait_for(topic(camera, "event/motion"))
    await camera.wait_for_all_acknowledged()


async def a_model_that_nobody_knows_is_asked_for_less_when_it_refuses(stage: Stage, camera: SimulatedCamera) -> None:
    # Its API is broken and discovery does not hear it: whether it knows faces only SUBSCRIBE can tell.
    await a_camera_without_faces_is_asked_for_motion_alone(stage, camera)
    info = await stage.hub.wait_for(topic(camera, "info"))
    assert info.json["model"] is None


def breaks_its_api(camera: SimulatedCamera) -> None:
    camera.faults.no_discovery = True
    camera.faults.refuse("api", 3, 1000)


STORIES = [
    Story(a_frame_with_a_wrong_crc_ends_the_channel_and_its_event_comes_again, {"resend_unacknowledged": True}),
    Story(frames_in_pieces_and_several_at_once_are_read),
    Story(rubbish_ends_the_channel),
    Story(seventy_thousand_bytes_of_rubbish_do_no_more),
    Story(half_a_frame_and_a_reset_end_the_channel),
    Story(the_cameras_own_goodbye_ends_the_channel),
    Story(a_silent_camera_is_offline_until_it_speaks),
    Story(a_reboot_is_survived_and_ids_may_begin_again),
    Story(a_camera_that_has_moved_is_found_by_discovery),
    Story(a_camera_at_two_addresses_stays_where_it_answers),
    Story(a_wrong_secret_key_is_named_and_not_tried_again_and_again, {"secret_key": "another key"}),
    Story(
        a_camera_that_is_not_activated_is_activated_with_its_code,
        {"activated": False, "activation_code": "87654321"},
        entry={"activation_code": "87654321"},
    ),
    Story(a_camera_that_is_not_activated_fails_without_a_code, {"activated": False}),
    Story(a_camera_without_faces_is_asked_for_motion_alone, {"model": MOTION_MODEL}),
    Story(
        a_model_that_nobody_knows_is_asked_for_less_when_it_refuses,
        {"model": MOTION_MODEL},
        entry={},
        before=breaks_its_api,
    ),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with told(tmp_path_factory.mktemp("channel"), STORIES) as stage:
        yield stage


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", [story.name for story in STORIES])
async def test_channel(stage: Stage, name: str) -> None:
    await stage.stories[name]


async def test_a_camera_with_its_own_reading_of_the_documents_is_understood_and_remembered(site: Site) -> None:
    broker = await site.broker()
    dialects = [Dialect(Coverage.FRAME, True), Dialect(Coverage.PAYLOAD, False), Dialect(Coverage.FRAME, False)]
    cameras = [
        await site.camera(f"FS101D8BS0010{number}", dialect=dialect, prose_types=True)
        for number, dialect in enumerate(dialects)
    ]
    hub = await site.subscriber(broker.port)
    daemon = await site.daemon(broker, homeassistant={"enabled": False})
    await asyncio.gather(*(online(hub, camera.sn) for camera in cameras))
    for camera in cameras:
        camera.emit_face()
        await camera.wait_for_acknowledged(1)
    assert await daemon.stop() == 0
    for camera in cameras:
        await camera.wait_for_no_client()
    since = hub.mark()
    connects = [camera.connects for camera in cameras]
    await daemon.start()
    await asyncio.gather(*(online(hub, camera.sn, since) for camera in cameras))
    # At the first try.
    assert [camera.connects for camera in cameras] == [count + 1 for count in connects]
