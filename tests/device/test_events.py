"""Event payloads, decoded at the border."""

from __future__ import annotations

import dataclasses
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipc_bridge.catalog.device import AGE_RANGE
from ipc_bridge.device.events import EARLIEST_TIME, LATEST_TIME, Origin, read_event
from ipc_bridge.errors import EventError
from ipc_bridge.models import Event, FaceEvent, MotionEvent, OtherEvent, Transport

SN = "FS101D8BS00106"
RECEIVED = 1_593_029_283.412
CHANNEL = Origin(SN, "Front door", Transport.CHANNEL)
HOOK = Origin(SN, "Front door", Transport.HOOK)
CLOUD = Origin(SN, "Front door", Transport.CLOUD)

FACE: dict[str, Any] = {
    "event_id": 2,
    "event_type": "face_recog_event",
    "sn": SN,
    "report_time": 1_593_029_283,
    "faceid": "00000001",
    "cloud_faceid": "8798765433",
    "group_name": "vip",
    "age": 10,
    "age_range": 2,
    "gender": 2,
    "arrive_times": 4,
    "pic_url": "https://192.168.1.60/mnt/sd-card/sunmi_image/snap/1593029283_1.jpg?auth_key=1-2",
    "vip_level": "1",
    "hobby": "tennis",
}
MOTION: dict[str, Any] = {
    "event_id": 3,
    "event_type": "dynamic_detect_event",
    "sn": SN,
    "report_time": 1_593_029_283,
    "detect_type": 1,
    "video_url": "https://192.168.1.60/clip.mp4",
}


def read(fields: dict[str, Any], origin: Origin = CHANNEL) -> Event | EventError:
    event_id, event = read_event(orjson.dumps(fields), origin, RECEIVED)
    if isinstance(event, Event):
        assert event_id == event.event_id
    return event


def face(**changes: Any) -> FaceEvent:
    event = read({**FACE, **changes})
    assert isinstance(event, FaceEvent)
    return event


def test_the_face_event_of_the_contract() -> None:
    assert face() == FaceEvent(
        uid="FS101D8BS00106:face:2:1593029283",
        sn=SN,
        camera="Front door",
        event_id=2,
        time=1_593_029_283.0,
        received_at=RECEIVED,
        transport=Transport.CHANNEL,
        face_id="00000001",
        cloud_face_id="8798765433",
        group="vip",
        gender="female",
        age=10,
        age_range="7-12",
        arrivals=4,
        picture_url=FACE["pic_url"],
        attributes={"vip_level": "1", "hobby": "tennis"},
    )
    assert face().event_type == "member"


def test_a_face_event_with_nothing_in_it() -> None:
    head = {name: FACE[name] for name in ("event_id", "event_type", "report_time")}
    event = read(head)
    assert isinstance(event, FaceEvent)
    details = event.details()
    assert details.pop("attributes") == {}
    assert set(details.values()) == {None}
    assert len(details) == 8
    assert (event.sn, event.event_type) == (SN, "stranger")


@pytest.mark.parametrize(("age", "expected"), [(10, 10), ("10", 10), (" 10 ", 10), (10.0, 10), (2**63 - 1, 2**63 - 1)])
def test_ages(age: object, expected: int) -> None:
    assert face(age=age).age == expected


NO_AGES = [0, "0", "", None, -3, "--5", "+5", "1_0", "ten", "\u0663", True, [], {}, 10.5, "1" * 30, 2**63, 1e300]


@pytest.mark.parametrize("age", NO_AGES)
def test_ages_that_say_nothing(age: object) -> None:
    assert face(age=age).age is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [*AGE_RANGE.choices.items(), ("8", "56-100"), (0, None), (9, None), ("", None), (None, None), (True, None)],
)
def test_age_ranges(value: object, expected: str | None) -> None:
    assert face(age_range=value).age_range == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [(1, "male"), (2, "female"), ("2", "female"), (0, None), (3, None), ("male", None), ([1], None)],
)
def test_genders(value: object, expected: str | None) -> None:
    assert face(gender=value).gender == expected


@pytest.mark.parametrize(
    ("group", "event_type"),
    [
        ("stranger", "stranger"),
        ("regular", "regular"),
        ("vip", "member"),
        ("", "stranger"),
        (None, "stranger"),
        ("  ", "stranger"),
    ],
)
def test_groups(group: object, event_type: str) -> None:
    assert face(group_name=group).event_type == event_type


def test_arrivals_under_either_name() -> None:
    other = {name: value for name, value in FACE.items() if name != "arrive_times"}
    event = read({**other, "arrive_count": "7"})
    assert isinstance(event, FaceEvent)
    assert event.arrivals == 7
    assert "arrive_count" not in event.attributes


def test_ids_that_are_numbers() -> None:
    event = face(faceid=17, cloud_faceid=8_798_765_433)
    assert (event.face_id, event.cloud_face_id) == ("17", "8798765433")


def test_attributes_under_the_names_that_came() -> None:
    items = {f"item{number}": str(number) for number in range(1, 6)}
    event = face(**items, nested={"a": [1, None]}, event=5)
    assert event.attributes == {"vip_level": "1", "hobby": "tennis", **items, "nested": {"a": [1, None]}, "event": 5}


@pytest.mark.parametrize(
    ("origin", "detect_type", "expected"),
    [
        (CHANNEL, 1, "motion"),
        (CHANNEL, 2, "sound"),
        (CHANNEL, 3, "motion_and_sound"),
        (CHANNEL, "3", "motion_and_sound"),
        (HOOK, 0, "motion"),
        (HOOK, 1, "sound"),
        (HOOK, 2, "motion_and_sound"),
        (HOOK, 3, "human"),
        (CHANNEL, 0, "other"),
        (CHANNEL, 4, "other"),
        (HOOK, 4, "other"),
        (HOOK, None, "other"),
        (CHANNEL, "", "other"),
        (CHANNEL, True, "other"),
        (CLOUD, 1, "other"),
    ],
)
def test_detect_types(origin: Origin, detect_type: object, expected: str) -> None:
    event = read({**MOTION, "detect_type": detect_type}, origin)
    assert isinstance(event, Event)
    assert event.event_type == expected
    assert event.transport is origin.transport
    kind = "other" if expected == "other" else "motion"
    assert event.uid == f"{SN}:{kind}:3:1593029283"
    if isinstance(event, MotionEvent):
        assert event.video_url == MOTION["video_url"]


def test_an_unknown_type_is_kept_whole() -> None:
    fields = {**MOTION, "event_type": "door_bell_event"}
    event = read(fields)
    assert isinstance(event, OtherEvent)
    assert event.details() == {"raw": fields}
    assert event.uid == f"{SN}:other:3:1593029283"


@pytest.mark.parametrize(
    ("report_time", "seconds"),
    [
        (1_593_029_283, 1_593_029_283.0),
        ("1593029283", 1_593_029_283.0),
        (" 1593029283\n", 1_593_029_283.0),
        (15_930_292_834, 1_593_029_283.4),
        (1_593_029_283_412, 1_593_029_283.412),
        (1_593_029_283_412_345, 1_593_029_283.412345),
        (int(EARLIEST_TIME), EARLIEST_TIME),
        (int(LATEST_TIME) - 1, LATEST_TIME - 1),
    ],
)
def test_units_of_time(report_time: object, seconds: float) -> None:
    event = face(report_time=report_time)
    assert event.time == seconds
    # As the camera gave it, so that every copy has the same.
    assert event.uid == f"{SN}:face:2:{str(report_time).strip()}"


@pytest.mark.parametrize(
    ("report_time", "complaint"),
    [
        (0, "out of all reason"),
        (1, "out of all reason"),
        (-1_593_029_283, "out of all reason"),
        (int(EARLIEST_TIME) - 1, "out of all reason"),
        (2**63 - 1, "out of all reason"),
        (2**64 - 1, "not a number"),
        ("", "not a number"),
        (None, "not a number"),
        ("2020-06-24T20:08:03Z", "not a number"),
        (1_593_029_283.5, "not a number"),
        (True, "not a number"),
        ("9" * 100, "not a number"),
        ([1_593_029_283], "not a number"),
    ],
)
def test_times_out_of_reason(report_time: object, complaint: str) -> None:
    event_id, error = read_event(orjson.dumps({**FACE, "report_time": report_time}), CHANNEL, RECEIVED)
    assert event_id == 2
    assert isinstance(error, EventError)
    assert complaint in str(error)
    assert len(str(error)) < 150


@pytest.mark.parametrize(("event_id", "expected"), [(2**63 - 1, 2**63 - 1), (-5, -5), ("7", 7), (7.0, 7), (0, 0)])
def test_ids(event_id: object, expected: int) -> None:
    assert read_event(orjson.dumps({**FACE, "event_id": event_id}), CHANNEL, RECEIVED)[0] == expected


@pytest.mark.parametrize("event_id", [2**63, 2**64 - 1, -(2**63), 1e30, "9" * 19, "x", "", None, [], {}, True, 1.5])
def test_ids_that_cannot_be_acknowledged(event_id: object) -> None:
    acknowledged, error = read_event(orjson.dumps({**FACE, "event_id": event_id}), CHANNEL, RECEIVED)
    assert acknowledged is None
    assert isinstance(error, EventError)
    assert "event_id is" in str(error)


def test_no_id() -> None:
    acknowledged, error = read_event(b"{}", CHANNEL, RECEIVED)
    assert acknowledged is None
    assert str(error) == "event_id is None and not a number"


@pytest.mark.parametrize("sn", ["SS101D8BS00107", "", None, 5, SN.lower(), {"a": "b" * 1000}])
def test_another_cameras_serial(sn: object) -> None:
    event_id, error = read_event(orjson.dumps({**FACE, "sn": sn}), CHANNEL, RECEIVED)
    assert event_id == 2
    assert isinstance(error, EventError)
    assert f"but came from {SN}" in str(error)
    assert len(str(error)) < 150


@pytest.mark.parametrize("event_type", [None, 5, [], ""])
def test_event_types_that_are_none(event_type: object) -> None:
    event = read({**FACE, "event_type": event_type})
    if event_type == "":
        assert isinstance(event, OtherEvent)
    else:
        assert isinstance(event, EventError)
        assert "event_type is" in str(event)


@pytest.mark.parametrize(
    "payload",
    [b"", b"null", b"[]", b"5", b'{"event_id": 1', b"\xff\xfe", b'{"event_id": NaN}', b"[" * 1000, b'{"a":' * 1000],
)
def test_what_is_no_object(payload: bytes) -> None:
    event_id, error = read_event(payload, CHANNEL, RECEIVED)
    assert event_id is None
    assert isinstance(error, EventError)
    assert "the payload is" in str(error)


# Nothing that a camera sends raises, and whatever is accepted can be published.

odd_texts = st.sampled_from(["", "--5", "-", "\u0663", "1e5", "0x10", "9" * 25, "\x00", "1593029283", " 7 "])
numbers = st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
plain = st.none() | st.booleans() | numbers | st.text() | odd_texts
values = st.recursive(plain, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3))
names = st.sampled_from(sorted({*FACE, *MOTION, "arrive_count", "item1"}))


@given(
    base=st.sampled_from([FACE, MOTION, {}]),
    changes=st.dictionaries(names, values),
    more=st.dictionaries(st.text(), values, max_size=2),
    missing=st.sets(names),
    origin=st.sampled_from([CHANNEL, HOOK, CLOUD]),
)
def test_every_field_may_be_anything(
    base: dict[str, Any], changes: dict[str, Any], more: dict[str, Any], missing: set[str], origin: Origin
) -> None:
    fields = {name: value for name, value in {**base, **changes, **more}.items() if name not in missing}
    event_id, event = read_event(orjson.dumps(fields), origin, RECEIVED)
    if event_id is None:
        assert isinstance(event, EventError)
    if isinstance(event, Event):
        assert event.event_id == event_id
        assert EARLIEST_TIME <= event.time < LATEST_TIME
        orjson.dumps(event.details())
        assert event.event_type
        assert dataclasses.replace(event) == event


@given(payload=st.binary() | st.text().map(str.encode))
def test_bytes_of_any_kind(payload: bytes) -> None:
    read_event(payload, HOOK, RECEIVED)


@given(changes=st.dictionaries(names, values))
def test_a_copy_has_the_same_uid(changes: dict[str, Any]) -> None:
    payload = orjson.dumps({**FACE, **changes})
    first, second = (read_event(payload, CHANNEL, received)[1] for received in (RECEIVED, RECEIVED + 60.0))
    if isinstance(first, Event) and isinstance(second, Event):
        assert first.uid == second.uid
    else:
        assert str(first) == str(second)
