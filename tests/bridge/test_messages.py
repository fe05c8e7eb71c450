"""The contract's payloads: forms, keys and their order."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipc_bridge.bridge.messages import (
    bridge_info_payload,
    cameras_list,
    encode,
    event_payload,
    info_payload,
    rfc3339,
)
from ipc_bridge.models import CameraInfo, Status, Transport
from tests.bridge.samples import NOW, SN, entry, face_event, motion_event, other_event

HEAD_KEYS = [
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

CONTRACT_FACE = """{"uid": "FS101D8BS00106:face:2:1593029283", "event_type": "member", "sn": "FS101D8BS00106",
 "camera": "Front door", "seq": 1841, "epoch": 1790000000, "event_id": 2, "time": "2020-06-24T20:08:03.000Z",
 "received_at": "2020-06-24T20:08:03.412Z", "late": false, "transport": "channel", "face_id": "00000001",
 "cloud_face_id": "8798765433", "group": "vip", "gender": "female", "age": 10, "age_range": "7-12", "arrivals": 4,
 "picture_url": "https://camera.invalid/1.jpg", "attributes": {"vip_level": "1", "hobby": "tennis"}}"""


@given(st.floats(946_684_800, 4_102_444_799))
def test_times_are_utc_with_milliseconds(seconds: float) -> None:
    text = rfc3339(seconds)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", text)
    assert abs(datetime.fromisoformat(text).timestamp() - seconds) <= 0.001001
    assert datetime.fromisoformat(text).tzinfo == UTC


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (1_795_366_807.123, "2026-11-22T17:00:07.123Z"),
        (1_593_029_283, "2020-06-24T20:08:03.000Z"),
        (0, "1970-01-01T00:00:00.000Z"),
    ],
)
def test_times(seconds: float, text: str) -> None:
    assert rfc3339(seconds) == text


def test_a_face_event_is_the_contracts_example() -> None:
    one = entry(face_event(2), seq=1841)
    payload = event_payload(replace(one, epoch=1_790_000_000), late=False)
    expected = json.loads(CONTRACT_FACE)
    assert json.loads(payload) == expected
    assert list(json.loads(payload)) == list(expected)


@pytest.mark.parametrize(
    ("event", "tail"),
    [
        (
            motion_event(3, SN, "motion", "sound"),
            {"motion": True, "sound": True, "human": False, "video_url": "https://camera.invalid/1.mp4"},
        ),
        (other_event(4), {"raw": {"event_type": "smoke", "event_id": 4}}),
    ],
)
def test_other_events_have_the_same_head(event: Any, tail: dict[str, Any]) -> None:
    fields = json.loads(event_payload(entry(event), late=True))
    assert list(fields) == [*HEAD_KEYS, *tail]
    assert fields["late"] is True
    assert {name: fields[name] for name in tail} == tail


@pytest.mark.parametrize("transport", Transport)
def test_the_transport_is_named(transport: Transport) -> None:
    assert json.loads(event_payload(entry(motion_event(transport=transport)), late=False))["transport"] in {
        "channel",
        "hook",
        "cloud",
    }


def test_what_is_not_known_is_null() -> None:
    assert json.loads(info_payload(CameraInfo(SN))) == {
        "sn": SN,
        "name": "Camera 0106",
        "model": None,
        "host": None,
        "mac": None,
        "firmware": None,
        "hardware": None,
        "streams": {"hd": None, "fhd": None},
    }


def test_the_overview() -> None:
    info = CameraInfo(SN, configured_name="Hall", model_name="FM020", host="10.0.0.1")
    rows = cameras_list([(info, Status.FAILED, "look at it"), (CameraInfo("B"), Status.ONLINE, None)])
    keys = ["sn", "name", "model", "host", "mac", "firmware", "status", "reason"]
    assert [list(row) for row in rows] == [keys, keys]
    assert (rows[0]["name"], rows[0]["status"], rows[0]["reason"]) == ("Hall", "failed", "look at it")
    assert (rows[1]["status"], rows[1]["reason"]) == ("online", None)


def test_the_bridge_about_itself() -> None:
    assert json.loads(bridge_info_payload("1.0", NOW, 3, 2)) == {
        "version": "1.0",
        "contract": 1,
        "started_at": "2020-06-24T20:08:03.412Z",
        "cameras": {"known": 3, "online": 2},
        "plugins": [],
    }


def test_json_is_compact_utf8() -> None:
    assert encode({"name": "中文", "x": [1, 2]}) == '{"name":"中文","x":[1,2]}'.encode()
