"""Many cameras, and what happens in front of them."""

from __future__ import annotations

import asyncio
import random
import re
import socket
from collections import Counter
from dataclasses import replace

import pytest

from ipc_bridge.simulator import FACE_MODEL, MOTION_MODEL, CameraSettings, CardStatus, Fleet, FleetSettings, Flow
from ipc_bridge.simulator.fleet import camera_settings
from ipc_bridge.wire.packet import FACE_EVENT
from ipc_bridge.wire.payload import decode_object
from tests.simulator.client import PATIENCE, subscription

COMMON = CameraSettings(discovery_port=None, seed=1)


def test_cameras_are_told_apart() -> None:
    fleet = FleetSettings(300, "127.0.0.2", CameraSettings(api_port=8443, channel_port=10021), many_addresses=True)
    cameras = [camera_settings(fleet, number) for number in range(fleet.cameras)]
    assert [camera.sn for camera in cameras[:3]] == ["FS101D8BS00101", "SS101D8BS00102", "FS101D8BS00103"]
    assert [camera.model for camera in cameras[:3]] == [FACE_MODEL, MOTION_MODEL, FACE_MODEL]
    assert sum(camera.model == FACE_MODEL for camera in cameras) == 200
    assert (cameras[0].host, cameras[1].host, cameras[299].host) == ("127.0.0.2", "127.0.0.3", "127.0.1.45")
    assert {(camera.api_port, camera.channel_port, camera.discovery_port) for camera in cameras} == {
        (8443, 10021, 10001)
    }
    for attribute in ("sn", "mac", "host", "name"):
        assert len({getattr(camera, attribute) for camera in cameras}) == 300
    assert all(re.fullmatch(r"02(:[0-9A-F]{2}){5}", camera.mac) for camera in cameras)


def test_where_there_is_one_address_only_ports_count_up() -> None:
    fleet = FleetSettings(2, "127.0.0.1", CameraSettings(api_port=8443, channel_port=10100), many_addresses=False)
    second = camera_settings(fleet, 1)
    assert (second.host, second.api_port, second.channel_port, second.discovery_port) == (
        "127.0.0.1",
        8444,
        10101,
        10002,
    )
    free = camera_settings(FleetSettings(2, camera=CameraSettings(discovery_port=None), many_addresses=False), 1)
    assert (free.api_port, free.channel_port, free.discovery_port) == (0, 0, None)


@pytest.mark.parametrize("each", [True, False])
def test_certificates(each: bool) -> None:
    fleet = Fleet(FleetSettings(2, camera=COMMON, certificate_each=each))
    assert (fleet.cameras[0].fingerprint != fleet.cameras[1].fingerprint) is each


async def test_events_happen_by_themselves() -> None:
    async with Fleet(FleetSettings(2, camera=COMMON), random.Random(1)) as fleet:
        face, motion = fleet.cameras
        async with subscription(face):
            playing = asyncio.ensure_future(fleet.play(events_every=0.005))
            await face.wait_until(lambda: face.sent_count >= 20)
            await motion.wait_until(lambda: motion.sent_count >= 20)
            playing.cancel()
        kinds = [decode_object(event.payload)["event_type"] for event in face.unacknowledged.values()]
        assert 0 < kinds.count(FACE_EVENT) < len(kinds)
        assert all(event.topic != FACE_EVENT for event in motion.unacknowledged.values())


async def test_people_of_every_group_come_and_new_ones_too() -> None:
    async with Fleet(FleetSettings(1, camera=COMMON), random.Random(1)) as fleet:
        (camera,) = fleet.cameras
        camera.library.create_group("empty", 1)
        for _ in range(300):
            fleet._happen(camera)
        events = [decode_object(event.payload) for event in camera.unacknowledged.values()]
        groups = Counter(event["group_name"] for event in events if event["event_type"] == FACE_EVENT)
        assert groups.keys() == {"vip", "staff", "regular", "stranger"}
        assert len(camera.library.faces) > 9
        ways = {flow: len(camera.statistics.slots(flow, 0, 2**40, 2**40)) for flow in Flow}
        assert ways == {Flow.IN: 1, Flow.OUT: 1, Flow.PASS: 1}
        camera.card = CardStatus.OUT
        for _ in range(20):
            fleet._happen(camera)
        last = list(camera.unacknowledged.values())[-20:]
        assert all(event.topic != FACE_EVENT for event in last)


async def test_a_camera_that_is_away_sees_nothing() -> None:
    async with Fleet(FleetSettings(3, camera=COMMON), random.Random(1)) as fleet:
        away, here, _other = fleet.cameras
        away.in_background(away.reboot(PATIENCE))
        await away.wait_until(lambda: not away.running)
        playing = asyncio.ensure_future(fleet.play(events_every=0.005))
        await here.wait_until(lambda: here.sent_count >= 10)
        playing.cancel()
        assert away.sent_count == 0


async def test_the_same_seed_gives_the_same_people() -> None:
    clocked = CameraSettings(discovery_port=None, seed=5, clock=lambda: 1593029283.0, api_port=443)
    cameras = [camera for _ in range(2) for camera in Fleet(FleetSettings(1, camera=clocked)).cameras]
    for camera in cameras:
        camera.flood(20)
    first, second = (list(camera.unacknowledged.values()) for camera in cameras)
    assert first == second
    other = Fleet(FleetSettings(1, camera=CameraSettings(seed=6, clock=lambda: 1593029283.0, api_port=443))).cameras[0]
    other.flood(20)
    assert list(other.unacknowledged.values()) != first


async def test_a_fleet_that_cannot_start_leaves_nothing_listening() -> None:
    with socket.create_server(("127.0.0.91", 0)) as occupant:
        port = occupant.getsockname()[1]
        fleet = Fleet(FleetSettings(2, "127.0.0.90", replace(COMMON, channel_port=port), many_addresses=True))
        with pytest.raises(OSError, match=r"127\.0\.0\.91"):
            await fleet.start()
    assert not any(camera.running for camera in fleet.cameras)
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(fleet.cameras[0].host, fleet.cameras[0].channel_port)
