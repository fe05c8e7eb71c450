"""What the rest of the program and its plugins see: cameras and events, decoded and frozen.

Attributes are named as the keys of the MQTT contract. A value that the camera did not give is None.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass, field
from typing import Any, ClassVar

SERIAL_PATTERN = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""A serial becomes a topic level and part of Home Assistant's ids; others are refused."""


def is_serial(text: object) -> bool:
    """Whether ``text`` can be a camera's serial number in topics and ids."""
    return isinstance(text, str) and SERIAL_PATTERN.fullmatch(text) is not None


class Model(enum.Enum):
    """Camera models; the vendor also calls them by their family."""

    FM010 = "FM010"
    FM020 = "FM020"
    UNKNOWN = "unknown"

    @classmethod
    def parse(cls, name: str | None) -> Model:
        """The model that ``name`` means; ``UNKNOWN`` for what is newer than this program."""
        return _MODEL_NAMES.get((name or "").strip().upper(), cls.UNKNOWN)

    @property
    def may_have_faces(self) -> bool:
        """Whether it may recognise faces: only FM010 is known not to."""
        return self is not Model.FM010

    @property
    def has_faces(self) -> bool:
        """Whether it is known to recognise faces."""
        return self is Model.FM020


_MODEL_NAMES = {"FM010": Model.FM010, "SS": Model.FM010, "FM020": Model.FM020, "FS": Model.FM020}


class Status(enum.Enum):
    """A camera's state in ``bridge/cameras``."""

    DISCOVERED = "discovered"
    CONNECTING = "connecting"
    ONLINE = "online"
    OFFLINE = "offline"
    FAILED = "failed"


class Transport(enum.Enum):
    """The way an event came."""

    CHANNEL = "channel"
    HOOK = "hook"
    CLOUD = "cloud"


@dataclass(frozen=True, slots=True)
class CameraInfo:
    """What is known of one camera.

    ``own_name`` is the camera's own, ``configured_name`` the configuration's; ``host`` is the
    address that the bridge uses; ``stream_hd`` and ``stream_fhd`` are RTSP addresses.
    """

    sn: str
    configured_name: str | None = None
    own_name: str | None = None
    model: Model = Model.UNKNOWN
    model_name: str | None = None
    host: str | None = None
    mac: str | None = None
    firmware: str | None = None
    hardware: str | None = None
    stream_hd: str | None = None
    stream_fhd: str | None = None

    @property
    def name(self) -> str:
        """What people call it. "SUNMI" is every camera's name in discovery, so it names none."""
        own = self.own_name if self.own_name != "SUNMI" else None
        fallback = f"{self.model_name or 'Camera'} {self.sn[-4:]}"
        return self.configured_name or own or fallback


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """The head of every event.

    Times are Unix seconds: ``time`` by the camera's clock, ``received_at`` by the bridge's. What the cloud tells has no
    ``event_id``, and the ``shop`` that it tells of.
    """

    uid: str
    sn: str
    camera: str
    event_id: int | None
    time: float
    received_at: float
    transport: Transport
    shop: str | None = None

    kind: ClassVar[str]
    """The last level of the event's topic."""

    @property
    def source(self) -> str:
        """Whose events are counted together and stay in order: a camera's by its serial, or a shop's."""
        return self.sn if self.shop is None else shop_source(self.shop)

    @property
    def event_type(self) -> str:
        """What happened, in one word of the contract."""
        raise TypeError("a bare Event has no type")

    def details(self) -> dict[str, Any]:
        """What the contract has behind the head, in its order."""
        return {}


def shop_source(shop: str) -> str:
    """The ``source`` of a shop's events: no serial number has a colon."""
    return f"shop:{shop}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FaceEvent(Event):
    """A face was recognised. ``visitor`` is the event's type where it was told; a camera tells the group alone."""

    face_id: str | None
    cloud_face_id: str | None
    group: str | None
    gender: str | None
    age: int | None
    age_range: str | None
    arrivals: int | None
    picture_url: str | None
    attributes: dict[str, Any] = field(default_factory=dict)
    visitor: str | None = None

    kind: ClassVar[str] = "face"

    @property
    def event_type(self) -> str:
        """``stranger`` (also without a group), ``regular``, or ``member`` of a group someone made."""
        if self.visitor is not None:
            return self.visitor
        if self.group is None:
            return "stranger"
        return self.group if self.group in ("stranger", "regular") else "member"

    def details(self) -> dict[str, Any]:
        """See :meth:`Event.details`."""
        return {
            "face_id": self.face_id,
            "cloud_face_id": self.cloud_face_id,
            "group": self.group,
            "gender": self.gender,
            "age": self.age,
            "age_range": self.age_range,
            "arrivals": self.arrivals,
            "picture_url": self.picture_url,
            "attributes": self.attributes,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class MotionEvent(Event):
    """Something moved or was heard; ``human`` comes by the HTTP hook only."""

    motion: bool
    sound: bool
    human: bool
    video_url: str | None

    kind: ClassVar[str] = "motion"

    @property
    def event_type(self) -> str:
        """``motion``, ``sound``, ``motion_and_sound`` or ``human``."""
        if self.human:
            return "human"
        return "_and_".join(name for name in ("motion", "sound") if getattr(self, name))

    def details(self) -> dict[str, Any]:
        """See :meth:`Event.details`."""
        return {"motion": self.motion, "sound": self.sound, "human": self.human, "video_url": self.video_url}


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherEvent(Event):
    """An event of a type that the bridge does not know; ``raw`` is all that the camera sent."""

    raw: dict[str, Any]

    kind: ClassVar[str] = "other"

    @property
    def event_type(self) -> str:
        """Always ``other``."""
        return "other"

    def details(self) -> dict[str, Any]:
        """See :meth:`Event.details`."""
        return {"raw": self.raw}


FACE_EVENT_TYPES = ("stranger", "regular", "member")
MOTION_EVENT_TYPES = ("motion", "sound", "motion_and_sound", "human")
DETECTIONS = ("motion", "sound", "human")
"""What a motion event may have found; each has a topic of its own."""
