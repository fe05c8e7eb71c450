"""The message channel refuses what a camera would refuse."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from ipc_bridge.simulator import MOTION_MODEL, CameraSettings, SimulatedCamera
from ipc_bridge.wire.frame import Coverage
from ipc_bridge.wire.packet import DETECT_EVENT, FACE_EVENT, PacketType
from ipc_bridge.wire.payload import decode_object
from ipc_bridge.wire.session import Dialect
from tests.simulator.client import connect_fields, connection, subscription


def fake(**settings: Any) -> SimulatedCamera:
    return SimulatedCamera(CameraSettings(discovery_port=None, **settings))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, 0),
        ({"app_id": "other"}, 1),
        ({"secret_key": "other"}, 5),
        ({"sign": "0" * 32}, 5),
        ({"sign": ""}, 2),
        ({"signs_keep_alive": False}, 5),
        ({"app_id": None}, 2),
        ({"timestamp": None}, 2),
        ({"timestamp": 1593029283}, 2),
        ({"timestamp": "15930292837"}, 2),
        ({"random": "12345"}, 2),
        ({"random": "12345678901"}, 2),
        ({"random": "12 456"}, 2),
        ({"keep_alive": None}, 2),
        ({"keep_alive": "30"}, 2),
        ({"keep_alive": True}, 2),
        ({"keep_alive": 0}, 2),
        ({"surplus": "1"}, 2),
    ],
)
async def test_connack_says_what_is_wrong(camera: SimulatedCamera, changes: dict[str, Any], code: int) -> None:
    async with connection(camera) as client:
        assert await client.connect(**changes) == code
        if code:
            assert await client.is_closed()
        else:
            assert await client.request(PacketType.PINGREQ) == {}


@pytest.mark.parametrize("payload", [b"", b"{", b"[]", b'{"app_id": NaN}'])
async def test_connect_must_be_a_json_object(camera: SimulatedCamera, payload: bytes) -> None:
    async with connection(camera) as client:
        assert await client.request(PacketType.CONNECT, payload) == {"code": 2}
        assert await client.is_closed()


async def test_a_camera_that_is_not_activated_says_so() -> None:
    async with fake(activated=False) as camera, connection(camera) as client:
        assert await client.connect() == 7
        assert await client.is_closed()


@pytest.mark.parametrize(("off_by", "code"), [(0, 0), (50, 0), (-50, 0), (90, 5), (-90, 5)])
async def test_the_clock_is_compared_where_told_to(off_by: int, code: int) -> None:
    async with fake(max_skew=60, clock_offset=1000.0) as camera, connection(camera) as client:
        assert await client.connect(timestamp=str(int(time.time()) + 1000 + off_by)) == code


@pytest.mark.parametrize("coverage", Coverage)
@pytest.mark.parametrize("signs_keep_alive", [True, False])
async def test_a_camera_speaks_one_dialect_only(coverage: Coverage, signs_keep_alive: bool) -> None:
    async with fake(dialect=Dialect(coverage, signs_keep_alive)) as camera:
        async with connection(camera, coverage=coverage) as client:
            assert await client.connect(signs_keep_alive=signs_keep_alive) == 0
            assert await client.request(PacketType.PINGREQ) == {}
        async with connection(camera, coverage=coverage) as client:
            assert await client.connect(signs_keep_alive=not signs_keep_alive) == 5
        (other,) = set(Coverage) - {coverage}
        async with connection(camera, coverage=other) as client:
            client.send(PacketType.CONNECT, connect_fields(signs_keep_alive=signs_keep_alive))
            assert await client.is_closed()


@pytest.mark.parametrize("packet_type", [kind for kind in PacketType if kind is not PacketType.CONNECT])
async def test_connect_comes_first(camera: SimulatedCamera, packet_type: PacketType) -> None:
    async with connection(camera) as client:
        client.send(packet_type)
        assert await client.is_closed()


@pytest.mark.parametrize(
    "packet_type",
    [
        PacketType.CONNECT,
        PacketType.CONNACK,
        PacketType.PINGRESP,
        PacketType.SUBACK,
        PacketType.UNSUBACK,
        PacketType.PUBLISH,
    ],
)
async def test_a_packet_out_of_turn_ends_the_channel(camera: SimulatedCamera, packet_type: PacketType) -> None:
    async with connection(camera) as client:
        assert await client.connect() == 0
        client.send(packet_type, connect_fields() if packet_type is PacketType.CONNECT else b"")
        assert await client.is_closed()


@pytest.mark.parametrize(
    ("packet_type", "payload"),
    [
        (PacketType.PINGREQ, b"{}"),
        (PacketType.PUBACK, b""),
        (PacketType.PUBACK, b'{"event_id": "1"}'),
        (PacketType.PUBACK, b'{"event_id": true}'),
        (PacketType.DISCONNECT, b"{}"),
    ],
)
async def test_a_payload_of_the_wrong_form_ends_the_channel(
    camera: SimulatedCamera, packet_type: PacketType, payload: bytes
) -> None:
    async with connection(camera) as client:
        assert await client.connect() == 0
        client.send(packet_type, payload)
        assert await client.is_closed()


async def test_bytes_that_are_no_frame_end_the_channel(camera: SimulatedCamera) -> None:
    async with connection(camera) as client:
        client.writer.write(b"GET / HTTP/1.1\r\n\r\n")
        assert await client.is_closed()


@pytest.mark.parametrize(
    ("event_list", "code"),
    [
        ([FACE_EVENT, DETECT_EVENT], 0),
        ([DETECT_EVENT], 0),
        (["dynamic_detect_events"], 310),
        ([DETECT_EVENT, "unknown"], 310),
        ([], 2),
        (DETECT_EVENT, 2),
        (f'["{DETECT_EVENT}"]', 2),
        ([1], 2),
        (None, 2),
    ],
)
async def test_suback_says_what_is_wrong(camera: SimulatedCamera, event_list: Any, code: int) -> None:
    async with connection(camera) as client:
        assert await client.connect() == 0
        assert await client.request(PacketType.SUBSCRIBE, {"event_list": event_list}) == {"code": code}
        assert camera.subscribers == (0 if code else 1)
        assert await client.request(PacketType.PINGREQ) == {}


async def test_the_fm010_has_no_faces() -> None:
    async with fake(model=MOTION_MODEL) as camera, connection(camera) as client:
        assert await client.connect() == 0
        assert await client.subscribe(FACE_EVENT) == 310
        assert await client.subscribe(DETECT_EVENT) == 0


async def test_events_reach_whom_they_concern(camera: SimulatedCamera) -> None:
    async with subscription(camera) as both, connection(camera) as motion, connection(camera) as neither:
        assert await motion.connect() == 0
        assert await motion.subscribe(DETECT_EVENT) == 0
        assert await neither.connect() == 0
        face_id, motion_id = camera.emit_face(), camera.emit_motion()
        assert [(await both.event())["event_id"], (await both.event())["event_id"]] == [face_id, motion_id]
        assert (await motion.event())["event_id"] == motion_id
        assert await neither.request(PacketType.PINGREQ) == {}


async def test_an_unsubscribed_topic_comes_no_more(camera: SimulatedCamera) -> None:
    async with subscription(camera) as client:
        assert await client.request(PacketType.UNSUBSCRIBE, {"event_list": [FACE_EVENT]}) == {"code": 0}
        camera.emit_face()
        motion_id = camera.emit_motion()
        assert (await client.event())["event_id"] == motion_id
        assert await client.request(PacketType.UNSUBSCRIBE, {"event_list": ["unknown"]}) == {"code": 310}


async def test_the_types_of_the_prose() -> None:
    async with fake(prose_types=True) as camera, subscription(camera) as client:
        client.send(PacketType.UNSUBSCRIBE, {"event_list": [FACE_EVENT]})
        assert await client.receive(PacketType.UNSUBSCRIBE) == {"code": 0}
        camera.drop(farewell=True)
        assert await client.receive(PacketType.DISCONNECT_IN_PROSE) == {}
        assert await client.is_closed()


async def test_what_was_acknowledged_is_remembered(camera: SimulatedCamera) -> None:
    async with subscription(camera) as client:
        first, second = camera.emit_face(), camera.emit_motion()
        assert set(camera.unacknowledged) == {first, second}
        event = await client.event()
        client.acknowledge(first)
        await camera.wait_for_acknowledged(1)
        assert {number: decode_object(payload) for number, payload in camera.acknowledged.items()} == {first: event}
        assert set(camera.unacknowledged) == {second}
        client.acknowledge(first)
        client.acknowledge(99)
        await camera.wait_until(lambda: camera.stray_acknowledgements == [99])
        assert (camera.repeated_acknowledgements, camera.acknowledged_count, camera.sent_count) == (1, 1, 2)


@pytest.mark.parametrize("resend", [True, False])
async def test_unacknowledged_events_come_again_where_told_to(resend: bool) -> None:
    async with fake(resend_unacknowledged=resend) as camera:
        async with subscription(camera) as client:
            lost, kept = camera.emit_face(), camera.emit_face()
            client.acknowledge(kept)
            await camera.wait_for_acknowledged(1)
        await camera.wait_for_no_client()
        async with subscription(camera) as client:
            new = camera.emit_face()
            expected = [lost, new] if resend else [new]
            assert [(await client.event())["event_id"] for _ in expected] == expected


async def test_memory_is_bounded() -> None:
    async with fake(remember_events=3) as camera:
        for _ in range(5):
            camera.emit_motion()
        assert list(camera.unacknowledged) == [3, 4, 5]
        async with subscription(camera) as client:
            for number in range(6, 10):
                camera.emit_motion()
                client.acknowledge(number)
                await camera.wait_for_acknowledged(number - 5)
        assert list(camera.acknowledged) == [7, 8, 9]


async def test_a_silent_client_is_dropped_after_three_periods() -> None:
    async with fake(keep_alive_unit=0.02) as camera, connection(camera) as client:
        assert await client.connect(keep_alive=2) == 0
        for _ in range(4):
            assert await client.request(PacketType.PINGREQ) == {}
        before = time.monotonic()
        assert await client.is_closed()
        assert time.monotonic() - before >= 0.1


async def test_events_and_acknowledgements_are_no_heartbeats() -> None:
    async with fake(keep_alive_unit=0.02) as camera, connection(camera) as client:
        assert await client.connect(keep_alive=1) == 0
        assert await client.subscribe() == 0
        camera.emit_face()
        client.acknowledge((await client.event())["event_id"])
        assert await client.is_closed()


async def test_a_client_that_never_connects_is_dropped() -> None:
    async with fake(connect_timeout=0.05) as camera, connection(camera) as client:
        assert await client.is_closed()


async def test_one_client_too_many_is_closed_at_once() -> None:
    async with fake(max_clients=1) as camera, subscription(camera) as first, connection(camera) as second:
        assert await second.is_closed()
        assert await first.request(PacketType.PINGREQ) == {}


async def test_disconnect_ends_the_session(camera: SimulatedCamera) -> None:
    async with subscription(camera) as client:
        client.send(PacketType.DISCONNECT)
        assert await client.is_closed()
        await camera.wait_for_no_client()


async def test_events_wait_for_a_slow_reader(camera: SimulatedCamera) -> None:
    async with subscription(camera, receive_buffer=65536) as client:
        # More than sockets and transports hold, less than the backlog.
        for _ in range(200):
            camera.emit_face(padding="x" * 60_000)
            await asyncio.sleep(0)
        with pytest.raises(TimeoutError):
            await camera.drained(timeout=0.05)
        assert [(await client.event())["event_id"] for _ in range(200)] == list(range(1, 201))
        await camera.drained()


async def test_a_client_that_does_not_read_is_dropped(camera: SimulatedCamera) -> None:
    async with subscription(camera, receive_buffer=65536):
        # Twice MAX_BACKLOG, and never more than a hundredth of it at a time.
        for _ in range(250):
            for _ in range(5):
                camera.raw(b'"' + b"x" * 60_000 + b'"')
            await asyncio.sleep(0)
        await camera.wait_for_no_client()


async def test_several_packets_in_one_piece(camera: SimulatedCamera) -> None:
    async with connection(camera) as client:
        client.send(PacketType.CONNECT, connect_fields())
        client.send(PacketType.SUBSCRIBE, {"event_list": [FACE_EVENT]})
        client.send(PacketType.PINGREQ)
        assert await client.receive(PacketType.CONNACK) == {"code": 0}
        assert await client.receive(PacketType.SUBACK) == {"code": 0}
        assert await client.receive(PacketType.PINGRESP) == {}


async def test_events_have_the_form_of_the_documents() -> None:
    settings = {"sn": "FS101D8BS00106", "clock": lambda: 1593029283.5, "clock_offset": 10.0}
    async with fake(**settings) as camera, subscription(camera) as client:
        camera.emit_face(group_name="vip", vip_level="1", omit=["age_range"])
        camera.emit_motion(detect_type=3)
        face, motion = await client.event(), await client.event()
    documented = {"event_id", "event_type", "sn", "report_time", "group_name", "faceid", "cloud_faceid", "age"}
    assert documented | {"gender", "arrive_times", "pic_url", "vip_level"} <= face.keys()
    assert "age_range" not in face
    assert (face["event_type"], face["sn"], face["report_time"]) == (FACE_EVENT, "FS101D8BS00106", 1593029293)
    assert (face["event_id"], face["arrive_times"]) == (1, 1)
    video = f"https://{camera.host}:{camera.api_port}/mnt/sd-card/sunmi_video/video_detect/1593029293.flv?auth_key="
    assert motion.pop("video_url").startswith(video)
    assert motion == {
        "event_id": 2,
        "event_type": DETECT_EVENT,
        "sn": "FS101D8BS00106",
        "report_time": 1593029293,
        "detect_type": 3,
    }
