"""Who passes a camera, and the vendor's words for people."""

from __future__ import annotations

from dataclasses import dataclass, field

STRANGER = "stranger"
REGULAR = "regular"
"""The two groups that every camera has; neither can have attributes of its own."""

UNKNOWN, MALE, FEMALE = range(3)
"""``gender``."""

_OLDEST_OF_RANGE = (6, 12, 18, 28, 35, 45, 55)


def age_range(age: int) -> int:
    """The vendor's range of an age in years, 1 (to 6) to 8 (from 56)."""
    return next((number for number, oldest in enumerate(_OLDEST_OF_RANGE, 1) if age <= oldest), 8)


@dataclass(frozen=True, slots=True)
class Person:
    """Someone whom a camera knows from the start.

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
        """The vendor's range of what the person looks like."""
        return age_range(self.looks)


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
