"""From the camera's TLS socket to an MQTT subscriber."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import re
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.e2e.harness import Message, Site
from tests.e2e.stories import Act, Stories, side_by_side

STORIES = Stories()

SN = "FS101D8BS00101"
TOPIC = f"ipc_bridge/camera/{SN}"
HEAD = [
    "uid",
    "event_type",
    "sn",
    "camera",
    "seq",
    "epoch",
    "event_id",
    "time",
    "received_at",
    "late",
    "transport",
]
FACE = [
    *HEAD,
    "face_id",
    "cloud_face_id",
    "group",
    "gender",
    "age",
    "age_range",
    "arrivals",
    "picture_url",
    "attributes",
]
MOTION = [*HEAD, "motion", "sound", "human", "video_url"]
RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def seconds(text: str) -> float:
    """Unix seconds of a time as the contract writes it."""
    assert RFC3339.fullmatch(text), text
    return dt.datetime.fromisoformat(text).timestamp()


def same(value: Any, expected: Any) -> bool:
    """Equal in value and in type, all the way down: 1 is not true, and 1.0 is not 1."""
    return json.dumps(value, sort_keys=True) == json.dumps(expected, sort_keys=True)


@STORIES.tell
async def a_recognised_face_reaches_a_subscriber(site: Site) -> None:
    broker = await site.broker()
    camera = await site.camera(SN, name="Front door")
    hub = await site.subscriber(broker.port)
    began = int(time.time())
    await site.daemon(broker)
    await camera.wait_for_subscriber()
    reported = int(time.time())
    event_id = camera.emit_face(
        report_time=reported,
        group_name="vip",
        faceid="00000001",
        cloud_faceid="8798765433",
        gender=2,
        age=10,
        age_range=2,
        arrive_times=4,
        pic_url="https://camera/1.jpg",
        vip_level="1",
        omit=("hobby", "weight", "height", "shift"),
    )
    await camera.wait_for_acknowledged(1)
    message = await hub.wait_for(f"{TOPIC}/event/face")
    face = message.json
    assert (message.retain, message.qos) == (False, 1)
    assert list(face) == FACE
    assert b" " not in message.payload.replace(b"Front door", b"")
    received, epoch = face["received_at"], face["epoch"]
    assert reported - 1 <= seconds(received) <= time.time()
    assert type(epoch) is int
    assert began <= epoch <= reported
    assert same(
        face,
        {
            "uid": f"{SN}:face:{event_id}:{reported}",
            "event_type": "member",
            "sn": SN,
            "camera": "Front door",
            "seq": 1,
            "epoch": epoch,
            "event_id": event_id,
            "time": dt.datetime.fromtimestamp(reported, dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z"),
            "received_at": received,
            "late": False,
            "transport": "channel",
            "face_id": "00000001",
            "cloud_face_id": "8798765433",
            "group": "vip",
            "gender": "female",
            "age": 10,
            "age_range": "7-12",
            "arrivals": 4,
            "picture_url": "https://camera/1.jpg",
            "attributes": {"vip_level": "1"},
        },
    )
    shown = await hub.wait_for(f"{TOPIC}/face")
    assert shown.retain
    assert shown.payload == message.payload
    assert shown.number > message.number
    kept = await site.kept(broker.port)
    assert kept[f"{TOPIC}/face"] == message.payload
    assert f"{TOPIC}/event/face" not in kept

    # What the camera does not say is null; an older event is told, but is not the last face.
    camera.emit_face(
        report_time=reported - 5,
        omit=(
            "group_name",
            "cloud_faceid",
            "arrive_times",
            "pic_url",
            "vip_level",
            "hobby",
            "weight",
            "height",
            "shift",
        ),
        age="",
        gender=0,
        age_range=None,
    )
    bare = (await hub.wait_for(f"{TOPIC}/event/face", count=2)).json
    assert (bare["event_type"], bare["seq"], bare["attributes"]) == ("stranger", 2, {})
    nothing = ("cloud_face_id", "group", "gender", "age", "age_range", "arrivals", "picture_url")
    assert [bare[key] for key in nothing] == [None] * 7
    camera.emit_face(group_name="regular")
    assert (await hub.wait_for(f"{TOPIC}/event/face", count=3)).json["event_type"] == "regular"
    await hub.wait_for(f"{TOPIC}/face", lambda face: face.json["seq"] == 3)
    assert [face.json["seq"] for face in hub.messages(f"{TOPIC}/face")] == [1, 3]
    await camera.wait_for_all_acknowledged()
    assert not camera.stray_acknowledgements
    assert not camera.repeated_acknowledgements


@STORIES.tell
async def motion_and_sound_switch_on_and_off_again(site: Site) -> None:
    broker = await site.broker()
    camera = await site.camera(SN, name="Front door")
    hub = await site.subscriber(broker.port)
    await site.daemon(broker, events={"off_delay": 1})
    await camera.wait_for_subscriber()
    for switch in ("motion", "sound", "human"):
        start = await hub.wait_for(f"{TOPIC}/{switch}")
        assert (start.text, start.retain) == ("OFF", True)
    since = hub.mark()
    reported = int(time.time())
    emitted_at = asyncio.get_running_loop().time()
    event_id = camera.emit_motion(report_time=reported, detect_type=1, video_url="https://camera/1.mp4")
    message = await hub.wait_for(f"{TOPIC}/event/motion")
    motion = message.json
    assert (message.retain, message.qos) == (False, 1)
    assert list(motion) == MOTION
    assert same(
        motion,
        {
            "uid": f"{SN}:motion:{event_id}:{reported}",
            "event_type": "motion",
            "sn": SN,
            "camera": "Front door",
            "seq": 1,
            "epoch": motion["epoch"],
            "event_id": event_id,
            "time": dt.datetime.fromtimestamp(reported, dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z"),
            "received_at": motion["received_at"],
            "late": False,
            "transport": "channel",
            "motion": True,
            "sound": False,
            "human": False,
            "video_url": "https://camera/1.mp4",
        },
    )
    on = await hub.wait_text(f"{TOPIC}/motion", "ON", since=since)
    assert not on.retain
    assert (await site.kept(broker.port))[f"{TOPIC}/motion"] == b"OFF"
    off = await hub.wait_text(f"{TOPIC}/motion", "OFF", since=on.number)
    assert off.retain
    # From the event on: what was said ON may have come late.
    assert off.at - emitted_at > 0.9
    assert not hub.messages(f"{TOPIC}/sound", since=since)

    # Two things in one event, and one that the bridge has no word for.
    since = hub.mark()
    camera.emit_motion(detect_type=3, omit=("video_url",))
    both = (await hub.wait_for(f"{TOPIC}/event/motion", count=2)).json
    assert [both[key] for key in ("event_type", "motion", "sound", "human", "video_url", "seq")] == [
        "motion_and_sound",
        True,
        True,
        False,
        None,
        2,
    ]
    for switch in ("motion", "sound"):
        await hub.wait_text(f"{TOPIC}/{switch}", "ON", since=since)
    strange = camera.emit_motion(detect_type=9, report_time=reported)
    other = await hub.wait_for(f"{TOPIC}/event/other")
    assert same(other.json["raw"], json.loads(camera.acknowledged[strange]))
    for switch in ("motion", "sound"):
        assert (await hub.wait_text(f"{TOPIC}/{switch}", "OFF", since=since)).retain
    assert not hub.messages(f"{TOPIC}/human", since=since)


@STORIES.tell
async def an_event_of_an_unknown_type_arrives_whole(site: Site) -> None:
    broker = await site.broker()
    camera = await site.camera(SN, name="Front door")
    hub = await site.subscriber(broker.port)
    await site.daemon(broker, homeassistant={"enabled": False})
    await camera.wait_for_subscriber()
    reported = int(time.time())
    payload = {
        "event_id": 77,
        "event_type": "line_cross_event",
        "sn": SN,
        "report_time": reported * 1000,
        "nested": {"list": [1, 2.5, None, True]},
    }
    camera.raw(json.dumps(payload).encode())
    message = await hub.wait_for(f"{TOPIC}/event/other")
    other = message.json
    assert (message.retain, message.qos) == (False, 1)
    assert list(other) == [*HEAD, "raw"]
    assert same(other["raw"], payload)
    assert same(
        [other[key] for key in ("uid", "event_type", "seq", "event_id", "late", "transport")],
        [f"{SN}:other:77:{reported * 1000}", "other", 1, 77, False, "channel"],
    )
    assert seconds(other["time"]) == reported
    await camera.wait_for_acknowledged(1)


@STORIES.tell
async def a_copy_is_acknowledged_and_not_published_again(site: Site) -> None:
    broker = await site.broker()
    camera = await site.camera(SN)
    hub = await site.subscriber(broker.port)
    await site.daemon(broker, homeassistant={"enabled": False})
    await camera.wait_for_subscriber()
    camera.faults.duplicate = True
    first = camera.emit_face()
    await camera.wait_until(lambda: camera.repeated_acknowledgements == 1)
    camera.faults.duplicate = False
    second = camera.emit_face()
    await hub.wait_for(f"{TOPIC}/event/face", lambda face: face.json["event_id"] == second)
    assert [(face.json["event_id"], face.json["seq"]) for face in hub.messages(f"{TOPIC}/event/face")] == [
        (first, 1),
        (second, 2),
    ]


@STORIES.tell
async def a_hundred_events_of_three_cameras_keep_their_order(site: Site) -> None:
    broker = await site.broker()
    serials = ["FS101D8BS00101", "FS101D8BS00102", "FS101D8BS00103"]
    cameras = [await site.camera(sn) for sn in serials]
    hub = await site.subscriber(broker.port)
    await site.daemon(broker)
    await asyncio.gather(*(camera.wait_for_subscriber() for camera in cameras))
    for camera in cameras:
        camera.flood(100)

    def of(sn: str) -> list[Message]:
        return hub.messages(f"ipc_bridge/camera/{sn}/event/face")

    for sn, camera in zip(serials, cameras, strict=True):
        await hub.wait_for(f"ipc_bridge/camera/{sn}/event/face", count=100)
        assert [face.json["seq"] for face in of(sn)] == list(range(1, 101))
        assert [face.json["event_id"] for face in of(sn)] == list(range(1, 101))
        await camera.wait_for_all_acknowledged()
    await hub.caught_up()
    assert [len(of(sn)) for sn in serials] == [100, 100, 100]


@STORIES.tell
async def an_event_that_the_camera_held_back_is_late(site: Site) -> None:
    broker = await site.broker()
    camera = await site.camera(SN)
    hub = await site.subscriber(broker.port)
    await site.daemon(broker, homeassistant={"enabled": False})
    await camera.wait_for_subscriber()
    since = hub.mark()
    camera.emit_motion(report_time=int(time.time()) - 3600, detect_type=1)
    camera.emit_face(report_time=int(time.time()) - 3600)
    camera.emit_face()
    faces = [(await hub.wait_for(f"{TOPIC}/event/face", count=number)).json["late"] for number in (1, 2)]
    assert faces == [True, False]
    assert (await hub.wait_for(f"{TOPIC}/event/motion")).json["late"] is True
    await hub.caught_up()
    assert "ON" not in [message.text for message in hub.messages(f"{TOPIC}/motion", since=since)]


@STORIES.tell
async def late_events_can_be_kept_out(site: Site) -> None:
    broker = await site.broker()
    camera = await site.camera(SN)
    hub = await site.subscriber(broker.port)
    await site.daemon(broker, homeassistant={"enabled": False}, events={"late": "drop"})
    await camera.wait_for_subscriber()
    camera.emit_face(report_time=int(time.time()) - 3600)
    camera.emit_face()
    news = await hub.wait_for(f"{TOPIC}/event/face")
    assert (news.json["seq"], news.json["late"]) == (2, False)
    await camera.wait_for_all_acknowledged()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def acts(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dict[str, Act]]:
    async with side_by_side(tmp_path_factory.mktemp("events"), STORIES) as acts:
        yield acts


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", STORIES)
async def test_events(acts: dict[str, Act], name: str) -> None:
    await acts[name].end
