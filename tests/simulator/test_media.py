"""``media/*``: recordings, clips and pictures that can really be fetched, for as long as they can."""

from __future__ import annotations

import itertools
import struct

import aiohttp
import pytest

from ipc_bridge.catalog.device import (
    FORMAT_MEMORY_CARD,
    GET_CUR_VIDEOS,
    GET_LIVE_STREAM,
    GET_PLAYBACK_STREAM,
    GET_RECORD_LIST,
    GET_SNAPSHOT,
)
from ipc_bridge.simulator import CameraSettings, CardStatus, SimulatedCamera
from ipc_bridge.simulator.card import MemoryCard
from ipc_bridge.wire.payload import decode_object
from tests.simulator.api import Api, Clock

NOT_FOUND = (404, b'{"code":6}')
NOT_READY = (404, b'{"code":236}')


def duration(video: bytes) -> float:
    """Seconds, by the metadata of an FLV file."""
    assert video[:9] == b"FLV\x01\x01\x00\x00\x00\x09"
    at = video.index(b"duration\x00") + 9
    seconds: float = struct.unpack_from(">d", video, at)[0]
    return seconds


async def test_streams(api: Api, camera: SimulatedCamera) -> None:
    live = await api.get(GET_LIVE_STREAM)
    assert live["fhd_live_url"].startswith(f"rtsp://{camera.host}/")
    assert live["fhd_live_url"].endswith("/live_fhd.sdp")


async def test_recordings_of_the_last_hour(timed_api: Api, clock: Clock) -> None:
    now = int(clock.now)
    hour = {"start_time": now - 3600, "end_time": now}
    first = await timed_api.get(GET_RECORD_LIST, **hour)
    assert (first["total_num"], first["return_num"]) == (60, 10)
    assert first["record_list"][0]["start_time"] == now - 3600
    everything = await timed_api.get(GET_RECORD_LIST, page_size=500, **hour)
    records = everything["record_list"]
    assert [record["end_time"] - record["start_time"] for record in records] == [60] * 60
    assert all(one["end_time"] == other["start_time"] for one, other in itertools.pairwise(records))
    second = await timed_api.get(GET_RECORD_LIST, page_num=2, **hour)
    assert [each["start_time"] for each in second["record_list"]] == [each["start_time"] for each in records[10:20]]
    status, video = await timed_api.download(records[59]["url"])
    assert (status, duration(video)) == (200, 60)
    # It goes on recording; what is not finished is not listed.
    clock.now += 90
    assert (await timed_api.get(GET_RECORD_LIST, start_time=now, end_time=now + 90))["total_num"] == 1


async def test_no_recording_and_no_such_time(timed_api: Api, clock: Clock) -> None:
    past = {"start_time": int(clock.now) - 9000, "end_time": int(clock.now) - 8000}
    backwards = {"start_time": 2000, "end_time": 1000}
    assert await timed_api.code(GET_RECORD_LIST, **past) == 235
    assert await timed_api.code(GET_RECORD_LIST, **backwards) == 231
    assert await timed_api.code(GET_PLAYBACK_STREAM, **past) == 235
    assert await timed_api.code(GET_PLAYBACK_STREAM, **backwards) == 230
    present = {"start_time": int(clock.now) - 90, "end_time": int(clock.now)}
    assert (await timed_api.get(GET_PLAYBACK_STREAM, **present))["playback_url"].endswith("/pb.sdp")


@pytest.mark.parametrize(("preceding", "following", "wait"), [(0, 0, 4), (8, 4, 8), (4, 8, 12)])
async def test_a_clip_is_there_a_little_later(
    timed_api: Api, clock: Clock, preceding: int, following: int, wait: int
) -> None:
    url = (await timed_api.get(GET_CUR_VIDEOS, preceding=preceding, following=following))["url"]
    assert await timed_api.download(url) == NOT_READY
    clock.now += wait - 0.01
    assert await timed_api.download(url) == NOT_READY
    clock.now += 0.02
    status, video = await timed_api.download(url)
    assert (status, duration(video)) == (200, preceding + following)


async def test_clips_in_a_hurry(http: aiohttp.ClientSession, clock: Clock) -> None:
    settings = CameraSettings(discovery_port=None, clock=clock, clip_unit=0.0)
    async with SimulatedCamera(settings) as camera:
        api = Api(http, camera)
        url = (await api.get(GET_CUR_VIDEOS, preceding=0, following=8))["url"]
        assert (await api.download(url))[0] == 200


async def test_what_was_not_recorded_cannot_be_cut(timed_api: Api, timed_camera: SimulatedCamera, clock: Clock) -> None:
    clock.now += 100
    await timed_camera.reboot()
    assert await timed_api.code(GET_CUR_VIDEOS, preceding=4, following=0) == 236
    assert (await timed_api.call(GET_CUR_VIDEOS, preceding=0, following=4))[0] == 0
    clock.now += 4
    assert (await timed_api.call(GET_CUR_VIDEOS, preceding=4, following=0))[0] == 0


async def test_a_snapshot_lasts_until_the_reboot(timed_api: Api, timed_camera: SimulatedCamera, clock: Clock) -> None:
    url = (await timed_api.get(GET_SNAPSHOT))["snapshot_url"]
    timed_camera.card = CardStatus.OUT
    status, picture = await timed_api.download(url)
    assert (status, picture[:2]) == (200, b"\xff\xd8")
    clock.now += 10
    await timed_camera.reboot()
    assert await timed_api.download(url) == NOT_FOUND


async def test_an_address_runs_out(timed_api: Api, clock: Clock) -> None:
    url = (await timed_api.get(GET_SNAPSHOT))["snapshot_url"]
    clock.now += 3599
    assert (await timed_api.download(url))[0] == 200
    clock.now += 1
    assert await timed_api.download(url) == NOT_FOUND


async def test_events_point_to_files(timed_api: Api, timed_camera: SimulatedCamera) -> None:
    face, motion = (
        decode_object(timed_camera.unacknowledged[event_id].payload)
        for event_id in (timed_camera.emit_face(), timed_camera.emit_motion())
    )
    assert (await timed_api.download(face["pic_url"]))[0] == 200
    status, video = await timed_api.download(motion["video_url"])
    assert (status, video[:3]) == (200, b"FLV")


@pytest.mark.parametrize(
    ("old", "new"),
    [("snapshot/", "snapshot/../"), ("auth_key=1", "auth_key=2"), ("auth_key", "key"), (".jpg", ".png"), ("=1", "=")],
)
async def test_an_address_that_was_not_given_out(timed_api: Api, old: str, new: str) -> None:
    url = (await timed_api.get(GET_SNAPSHOT))["snapshot_url"]
    assert old in url
    assert await timed_api.download(url.replace(old, new)) in (NOT_FOUND, (200, b'{"code":6}'))


async def test_the_card_takes_its_files_along(timed_api: Api, timed_camera: SimulatedCamera, clock: Clock) -> None:
    hour = {"start_time": int(clock.now) - 3600, "end_time": int(clock.now)}
    record = (await timed_api.get(GET_RECORD_LIST, **hour))["record_list"][0]["url"]
    clip = (await timed_api.get(GET_CUR_VIDEOS, preceding=4, following=0))["url"]
    event = decode_object(timed_camera.unacknowledged[timed_camera.emit_face()].payload)["pic_url"]
    clock.now += 60
    timed_camera.card = CardStatus.OUT
    assert await timed_api.code(GET_RECORD_LIST, **hour) == 235
    assert await timed_api.code(GET_PLAYBACK_STREAM, **hour) == 235
    assert await timed_api.code(GET_CUR_VIDEOS, preceding=0, following=4) == 237
    assert [await timed_api.download(url) for url in (record, clip, event)] == [NOT_FOUND] * 3
    timed_camera.card = CardStatus.WORKING
    assert [(await timed_api.download(url))[0] for url in (record, clip, event)] == [200] * 3
    assert await timed_api.code(FORMAT_MEMORY_CARD) == 0
    assert [await timed_api.download(url) for url in (record, clip, event)] == [NOT_FOUND] * 3
    assert await timed_api.code(GET_RECORD_LIST, **hour) == 235


def test_a_card_keeps_a_week() -> None:
    card = MemoryCard()
    card.start(0)
    card.stop(90)
    card.start(600)
    assert card.records(0, 10_000, 1000) == [(0, 60), (60, 90), *((start, start + 60) for start in range(600, 960, 60))]
    assert card.records(59, 601, 1000) == [(0, 60), (60, 90), (600, 660)]
    week = 7 * 86400
    assert card.records(0, 10**9, week + 1000)[0] == (1020, 1080)
    assert card.recording_since == 600
    for _ in range(200):
        card.turn(CardStatus.OUT, 10**6)
        card.turn(CardStatus.WORKING, 10**6 + 1)
    assert len(card._runs) == 100
