"""What the cloud posts: event 2001, a person came in.

Documented in "Event callback" of the vendor's cloud API. It has no time and no id of its own: it is stamped by the post
that brings it, and the same face seen by the same camera in the same second is the same event.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import voluptuous as vol

from ipc_bridge.catalog.cloud import AGE_RANGE, PERSON_CAME
from ipc_bridge.catalog.device import GENDER
from ipc_bridge.catalog.fields import NUMBER, Field
from ipc_bridge.errors import EventError, PayloadError
from ipc_bridge.models import FaceEvent, Transport
from ipc_bridge.wire.payload import decode_object

STRANGERS, REGULARS = 1, 2
"""Types of groups; every other one is of people whom somebody has entered."""
_VISITORS = {STRANGERS: "stranger", REGULARS: "regular"}
_KNOWN = frozenset({"face_id", "gender", "age_range", "group_name"})


@dataclass(frozen=True, slots=True)
class SeenBy:
    """The camera that a post names: its serial and its name, as far as they are known."""

    sn: str
    name: str


def camera_of(payload: Mapping[str, Any]) -> str:
    """The ``ipc_id`` of the camera that saw somebody.

    Raises:
        EventError: there is none.
    """
    ipc_id = _text(payload.get("ipc_id"))
    if ipc_id is None:
        raise EventError("ipc_id is missing")
    return ipc_id


def read_payload(fields: Mapping[str, str], shop: str) -> dict[str, Any]:
    """The payload of a post that is to be about ``shop``.

    Raises:
        EventError: it is of another shop, of another event, or none.
    """
    number = fields.get("sunmi_shop_no", "")
    if number != shop:
        raise EventError(f"sunmi_shop_no is {number[:64]!r}, and not {shop}")
    if fields.get("event", "").strip() != str(PERSON_CAME):
        raise EventError(f"event is {fields.get('event', '')[:20]!r}, and only {PERSON_CAME} was asked for")
    try:
        return decode_object(fields["payload"].encode())
    except PayloadError as error:
        raise EventError(str(error)) from error


def read_visit(payload: Mapping[str, Any], shop: str, seen_by: SeenBy, timestamp: int, received_at: float) -> FaceEvent:
    """Decode event 2001.

    Args:
        payload: what :func:`read_payload` returned.
        shop: the shop's number.
        seen_by: the camera.
        timestamp: of the post, Unix seconds.
        received_at: Unix seconds.

    Raises:
        EventError: it does not say whose face it is.
    """
    face_id = _text(payload.get("face_id"))
    if face_id is None:
        raise EventError("face_id is missing")
    group_type = _number(NUMBER, payload.get("group_type"))
    return FaceEvent(
        uid=f"{seen_by.sn}:{FaceEvent.kind}:{face_id}:{timestamp}",
        sn=seen_by.sn,
        camera=seen_by.name,
        event_id=None,
        time=float(timestamp),
        received_at=received_at,
        transport=Transport.CLOUD,
        shop=shop,
        face_id=None,
        cloud_face_id=face_id,
        group=_text(payload.get("group_name")),
        gender=_word(GENDER, payload.get("gender")),
        age=None,
        age_range=_word(AGE_RANGE, payload.get("age_range")),
        arrivals=None,
        picture_url=None,
        attributes={name: value for name, value in payload.items() if name not in _KNOWN},
        # Not by the group's name: the documents' own example contradicts itself there.
        visitor=None if group_type is None else _VISITORS.get(group_type, "member"),
    )


def _text(value: object) -> str | None:
    """Text that says something, numbers included."""
    return (str(value).strip() or None) if isinstance(value, str | int) and not isinstance(value, bool) else None


def _number(field: Field, value: object) -> int | None:
    try:
        number: int | None = field.read(value)
    except vol.Invalid:
        return None
    return number


def _word(field: Field, value: object) -> str | None:
    word = field.to_public(_number(field, value))
    return None if word == "unknown" else word
