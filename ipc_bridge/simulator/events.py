"""Events as the channel sends them: who passes a camera, and what it says about them.

Documented in "Message Channel" of the vendor's device API.
"""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass, field
from typing import Any

from ipc_bridge.simulator.pictures import picture_url, video_url
from ipc_bridge.wire.packet import DETECT_EVENT, FACE_EVENT

STRANGER = "stranger"
REGULAR = "regular"
"""The two groups that every camera has; neither can have attributes of its own."""

UNKNOWN, MALE, FEMALE = range(3)
"""``gender``."""
MOTION, SOUND, BOTH = range(1, 4)
"""``detect_type`` on the channel; the HTTP hook counts otherwise."""

_OLDEST_OF_RANGE = (6, 12, 18, 28, 35, 45, 55, 100)


@dataclass(frozen=True, slots=True)
class Person:
    """Someone who passes a camera.

    ``age`` is None where nobody entered it; ``looks`` is the age that the camera estimates.
    """

    face_id: str
    group: str
    age: int | None
    looks: int
    gender: int
    attributes: dict[str, str] = field(default_factory=dict)

    @property
    def age_range(self) -> int:
        """The vendor's range, 1 (to 6 years) to 8 (from 56)."""
        return next((number for number, oldest in enumerate(_OLDEST_OF_RANGE, 1) if self.looks <= oldest), 8)


PEOPLE = (
    Person("00000001", "vip", 10, 10, FEMALE, {"vip_level": "1", "hobby": "tennis", "weight": "60", "height": "180"}),
    Person("00000002", "vip", 47, 44, MALE, {"vip_level": "3", "hobby": "chess"}),
    Person("00000003", "staff", 31, 33, FEMALE, {"shift": "early"}),
    Person("00000004", "staff", None, 52, MALE, {"shift": "late"}),
    Person("00000005", REGULAR, None, 24, FEMALE),
    Person("00000006", REGULAR, None, 68, MALE),
    Person("00000007", STRANGER, None, 17, MALE),
    Person("00000008", STRANGER, None, 39, FEMALE),
    Person("00000009", STRANGER, None, 5, UNKNOWN),
)


class EventSource:
    """Makes one camera's events, without ``event_id``.

    Args:
        sn: the camera's serial number.
        secret: what makes picture addresses unguessable.
        chance: who comes next.
    """

    def __init__(self, sn: str, secret: str, chance: random.Random) -> None:
        self._sn = sn
        self._secret = secret
        self._chance = chance
        self._arrivals = dict.fromkeys((person.face_id for person in PEOPLE), 0)
        self._numbers = itertools.cycle(range(1, 100))

    def face(self, origin: str, now: float) -> dict[str, Any]:
        """Someone of :data:`PEOPLE` was recognised at the Unix time ``now``."""
        person = self._chance.choice(PEOPLE)
        self._arrivals[person.face_id] += 1
        return {
            "event_type": FACE_EVENT,
            "sn": self._sn,
            "report_time": int(now),
            "group_name": person.group,
            "faceid": person.face_id,
            "cloud_faceid": f"87987{person.face_id}",
            # "Blank when not set", says the document, and an empty text is what that looks like.
            "age": "" if person.age is None else person.age,
            "age_range": person.age_range,
            "gender": person.gender,
            "arrive_times": self._arrivals[person.face_id],
            "pic_url": picture_url(origin, self._secret, int(now * 1000), next(self._numbers)),
            **person.attributes,
        }

    def motion(self, origin: str, now: float) -> dict[str, Any]:
        """Something moved or was heard at the Unix time ``now``."""
        return {
            "event_type": DETECT_EVENT,
            "sn": self._sn,
            "report_time": int(now),
            "detect_type": self._chance.choices((MOTION, SOUND, BOTH), (6, 2, 1))[0],
            "video_url": video_url(origin, self._secret, int(now)),
        }
