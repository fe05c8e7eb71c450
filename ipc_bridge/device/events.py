"""A camera's event payloads, decoded into :mod:`ipc_bridge.models` at the border.

Documented in "Event Push" and "Message Channel" of the vendor's device API. The two transports
number ``detect_type`` differently and the documents' samples disagree about most types, so
everything but the serial, the id and the time is read leniently.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from ipc_bridge.catalog.device import AGE_RANGE
from ipc_bridge.errors import EventError, PayloadError
from ipc_bridge.models import Event, FaceEvent, MotionEvent, OtherEvent, Transport
from ipc_bridge.wire.packet import DETECT_EVENT, FACE_EVENT
from ipc_bridge.wire.payload import decode_object

GENDERS = {1: "male", 2: "female"}

DETECT_TYPES: dict[Transport, dict[int, frozenset[str]]] = {
    Transport.CHANNEL: {
        1: frozenset({"motion"}),
        2: frozenset({"sound"}),
        3: frozenset({"motion", "sound"}),
    },
    Transport.HOOK: {
        0: frozenset({"motion"}),
        1: frozenset({"sound"}),
        2: frozenset({"motion", "sound"}),
        3: frozenset({"human"}),
    },
}

_FACE_FIELDS = frozenset(
    {
        "event_id",
        "event_type",
        "sn",
        "report_time",
        "faceid",
        "cloud_faceid",
        "group_name",
        "age",
        "age_range",
        "gender",
        "arrive_times",
        "arrive_count",
        "pic_url",
    }
)

EARLIEST_TIME = 946_684_800.0
"""2000-01-01: a camera's clock cannot honestly be before its maker's first product."""
LATEST_TIME = 4_102_444_800.0
"""2100-01-01: what is later is a number of another unit or a lie."""
_DIGITS = re.compile(r"-?[0-9]{1,20}")
_LARGEST = 2**63 - 1

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a payload came from: the camera that the connection belongs to, and how."""

    sn: str
    camera: str
    transport: Transport


def read_event(payload: bytes, origin: Origin, received_at: float) -> tuple[int | None, Event | EventError]:
    """Decode one event.

    Args:
        payload: the JSON text of PUBLISH, or of the hook's ``payload``.
        origin: the camera on the other end, the name it has here, and the transport.
        received_at: Unix seconds.

    Returns:
        The id to acknowledge (None where none can be read), and the event, or the error that
        says why it cannot be used.
    """
    try:
        fields = decode_object(payload)
    except PayloadError as error:
        return None, EventError(str(error))
    event_id = _whole_number(fields.get("event_id"))
    if event_id is None:
        return None, EventError(f"event_id is {_shorten(fields.get('event_id'))} and not a number")
    try:
        return event_id, _decode(fields, event_id, origin, received_at)
    except EventError as error:
        return event_id, error


def _decode(fields: dict[str, Any], event_id: int, origin: Origin, received_at: float) -> Event:
    sn = fields.get("sn", origin.sn)
    if sn != origin.sn:
        raise EventError(f"it names the serial {_shorten(sn)}, but came from {origin.sn}")
    event_type = fields.get("event_type")
    if not isinstance(event_type, str):
        raise EventError(f"event_type is {_shorten(event_type)} and not text")
    report_time = fields.get("report_time")
    decode = _DECODERS.get(event_type, _decode_other)
    return decode(
        fields,
        origin.transport,
        {
            "sn": origin.sn,
            "camera": origin.camera,
            "event_id": event_id,
            "time": _unix_seconds(report_time),
            "received_at": received_at,
            "transport": origin.transport,
        },
        f"{event_id}:{str(report_time).strip()}",
    )


def _decode_face(fields: dict[str, Any], _transport: Transport, head: dict[str, Any], occurrence: str) -> Event:
    age = _whole_number(fields.get("age"))
    arrivals = fields.get("arrive_times", fields.get("arrive_count"))
    return FaceEvent(
        uid=f"{head['sn']}:{FaceEvent.kind}:{occurrence}",
        face_id=_text(fields.get("faceid")),
        cloud_face_id=_text(fields.get("cloud_faceid")),
        group=_text(fields.get("group_name")),
        gender=_choice(GENDERS, fields.get("gender")),
        age=age if age is not None and age > 0 else None,
        age_range=AGE_RANGE.to_public(_whole_number(fields.get("age_range"))),
        arrivals=_whole_number(arrivals),
        picture_url=_text(fields.get("pic_url")),
        attributes={name: value for name, value in fields.items() if name not in _FACE_FIELDS},
        **head,
    )


def _decode_motion(fields: dict[str, Any], transport: Transport, head: dict[str, Any], occurrence: str) -> Event:
    found = _choice(DETECT_TYPES.get(transport, {}), fields.get("detect_type"))
    if found is None:
        # Not to be published as something that it is not.
        return _decode_other(fields, transport, head, occurrence)
    return MotionEvent(
        uid=f"{head['sn']}:{MotionEvent.kind}:{occurrence}",
        motion="motion" in found,
        sound="sound" in found,
        human="human" in found,
        video_url=_text(fields.get("video_url")),
        **head,
    )


def _decode_other(fields: dict[str, Any], _transport: Transport, head: dict[str, Any], occurrence: str) -> Event:
    return OtherEvent(uid=f"{head['sn']}:{OtherEvent.kind}:{occurrence}", raw=fields, **head)


_DECODERS = {FACE_EVENT: _decode_face, DETECT_EVENT: _decode_motion}


def _unix_seconds(value: object) -> float:
    """``report_time`` in seconds; other units are told apart by size.

    Tenths are in the list because the documents' own samples have eleven digits.

    Raises:
        EventError: it is no number, or no time that a camera can honestly mean.
    """
    number = _whole_number(value)
    if number is None:
        raise EventError(f"report_time is {_shorten(value)} and not a number")
    for unit in (1, 10, 1_000, 1_000_000):
        seconds = number / unit
        if EARLIEST_TIME <= seconds < LATEST_TIME:
            return seconds
    raise EventError(f"report_time {_shorten(value)} is out of all reason (2000 to 2100)")


def _whole_number(value: object) -> int | None:
    """An integer of 64 bits, also where it came as text or as ``7.0``; None for everything else."""
    if type(value) is int:  # The usual case.
        return value if -_LARGEST <= value <= _LARGEST else None
    if (isinstance(value, str) and _DIGITS.fullmatch(value.strip())) or (
        isinstance(value, float) and value.is_integer()
    ):
        value = int(value)
    # JSON is written with no more bits than these.
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= _LARGEST else None


def _text(value: object) -> str | None:
    """Text that says something, numbers included; None for all that says nothing."""
    if isinstance(value, str):
        return value.strip() or None
    number = _whole_number(value)
    return None if number is None else str(number)


def _choice(table: Mapping[int, _T], value: object) -> _T | None:
    number = _whole_number(value)
    return None if number is None else table.get(number)


def _shorten(value: object) -> str:
    """A camera's value for a message: short, and without a line break."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
