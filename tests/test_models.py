"""The words of the contract: models, serials, names and types of events."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipc_bridge.models import (
    DETECTIONS,
    FACE_EVENT_TYPES,
    MOTION_EVENT_TYPES,
    CameraInfo,
    Event,
    FaceEvent,
    Model,
    MotionEvent,
    OtherEvent,
    Transport,
    is_serial,
)

HEAD: dict[str, Any] = {
    "uid": "u",
    "sn": "S",
    "camera": "Front door",
    "event_id": 1,
    "time": 1.0,
    "received_at": 2.0,
    "transport": Transport.CHANNEL,
}


def face(group: str | None) -> FaceEvent:
    names = ("face_id", "cloud_face_id", "gender", "age", "age_range", "arrivals", "picture_url")
    unknown: dict[str, Any] = dict.fromkeys(names)
    return FaceEvent(**HEAD, **unknown, group=group)


@pytest.mark.parametrize(
    ("name", "model", "may", "has"),
    [
        ("FM010", Model.FM010, False, False),
        ("ss", Model.FM010, False, False),
        ("FM020", Model.FM020, True, True),
        (" FS ", Model.FM020, True, True),
        ("FM030", Model.UNKNOWN, True, False),
        ("", Model.UNKNOWN, True, False),
        (None, Model.UNKNOWN, True, False),
    ],
)
def test_models(name: str | None, model: Model, may: bool, has: bool) -> None:
    parsed = Model.parse(name)
    assert (parsed, parsed.may_have_faces, parsed.has_faces) == (model, may, has)


@pytest.mark.parametrize("text", ["A", "FS101D8BS00106", "a-b_c", "x" * 64])
def test_serials(text: str) -> None:
    assert is_serial(text)


@pytest.mark.parametrize("text", ["", "x" * 65, "a/b", "a+b", "#", "a b", "ä", "a\n", None, 7, b"a"])
def test_no_serials(text: object) -> None:
    assert not is_serial(text)


@given(st.text(max_size=80))
def test_a_serial_is_always_one_harmless_topic_level(text: str) -> None:
    if is_serial(text):
        assert text.isascii()
        assert not set(text) & set("/+#$ \0")


@pytest.mark.parametrize(
    ("configured", "own", "model", "name"),
    [
        ("Hall", "Front door", "FM020", "Hall"),
        (None, "Front door", "FM020", "Front door"),
        (None, "SUNMI", "FM020", "FM020 0106"),
        (None, None, "FM020", "FM020 0106"),
        (None, None, None, "Camera 0106"),
    ],
)
def test_what_people_call_a_camera(configured: str | None, own: str | None, model: str | None, name: str) -> None:
    info = CameraInfo("FS101D8BS00106", configured_name=configured, own_name=own, model_name=model)
    assert info.name == name


@pytest.mark.parametrize(
    ("group", "event_type"),
    [(None, "stranger"), ("stranger", "stranger"), ("regular", "regular"), ("vip", "member"), ("Regular", "member")],
)
def test_types_of_face_events(group: str | None, event_type: str) -> None:
    assert face(group).event_type == event_type
    assert event_type in FACE_EVENT_TYPES


@pytest.mark.parametrize(
    ("found", "event_type"),
    [
        ({"motion"}, "motion"),
        ({"sound"}, "sound"),
        ({"motion", "sound"}, "motion_and_sound"),
        ({"human"}, "human"),
        ({"human", "motion"}, "human"),
    ],
)
def test_types_of_motion_events(found: set[str], event_type: str) -> None:
    detections: dict[str, Any] = {name: name in found for name in DETECTIONS}
    event = MotionEvent(**HEAD, **detections, video_url=None)
    assert event.event_type == event_type
    assert event_type in MOTION_EVENT_TYPES


def test_an_unknown_event_keeps_all_that_the_camera_sent() -> None:
    event = OtherEvent(**HEAD, raw={"event_type": "smoke"})
    assert (event.event_type, event.details()) == ("other", {"raw": {"event_type": "smoke"}})


def test_a_bare_event_has_no_type() -> None:
    event = Event(**HEAD)
    assert event.details() == {}
    with pytest.raises(TypeError):
        _ = event.event_type
