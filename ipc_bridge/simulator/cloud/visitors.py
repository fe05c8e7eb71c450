"""Who came, and when: days that the simulated cloud was there for, and days before it, made up the same each time."""

from __future__ import annotations

import enum
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, time

HOURS = 24
AGE_RANGES = range(1, 9)
MALE, FEMALE = 1, 2
_PEOPLE = 60
"""Who came to a shop before the cloud was started."""
_OPENS, _CLOSES = 9, 20


class GroupType(enum.IntEnum):
    """What kind of people a group is for."""

    STRANGERS = 1
    REGULARS = 2
    STAFF = 3
    MEMBERS = 5


COUNTED = {GroupType.STRANGERS: "stranger", GroupType.REGULARS: "regular", GroupType.MEMBERS: "member"}
"""Staff is at work."""


@dataclass(frozen=True, slots=True)
class Visit:
    """Somebody came in. ``gender`` may be 0, unknown."""

    time: int
    face_id: str
    gender: int
    age_range: int
    type: GroupType


@dataclass(slots=True)
class Day:
    """One day of a shop; what is only counted is counted by hour."""

    visits: list[Visit] = field(default_factory=list)
    passed: list[int] = field(default_factory=lambda: [0] * HOURS)
    unexposed: list[int] = field(default_factory=lambda: [0] * HOURS)


def hour_of(seconds: float) -> int:
    """The hour of a Unix time, by this machine's time zone."""
    return datetime.fromtimestamp(seconds).astimezone().hour


def day_of(seconds: float) -> date:
    """The day of a Unix time, by this machine's time zone."""
    return datetime.fromtimestamp(seconds).astimezone().date()


def past_day(seed: str, day: date) -> Day:
    """A day before the cloud was there; ``seed`` is the shop's own."""
    chance = random.Random(f"{seed}/{day}")
    past = Day()
    for _ in range(chance.randrange(10, 40)):
        person = chance.randrange(_PEOPLE)
        moment = datetime.combine(day, time(chance.randrange(_OPENS, _CLOSES), chance.randrange(60)))
        type_ = (GroupType.STRANGERS, GroupType.STRANGERS, GroupType.REGULARS, GroupType.MEMBERS)[person % 4]
        gender = MALE if person % 3 else FEMALE
        past.visits.append(Visit(int(moment.timestamp()), f"past-{person}", gender, 1 + person % 8, type_))
    for hour in range(_OPENS, _CLOSES):
        past.passed[hour], past.unexposed[hour] = chance.randrange(20), chance.randrange(3)
    return past


# What is told of them.


def visits_by_type(visits: Iterable[Visit]) -> dict[str, int]:
    """All and of each kind, as visits and as distinct persons."""
    return {**_by_type(visits, _visits), **{f"uniq_{name}": n for name, n in _by_type(visits, _persons).items()}}


def visits_by_gender(visits: Iterable[Visit], *, distinct: bool) -> dict[str, int]:
    """Men and women, all and of those kinds that came before; with ``distinct``, as persons too."""
    counts = _by_gender(visits, _visits)
    return counts | {f"uniq_{name}": n for name, n in _by_gender(visits, _persons).items()} if distinct else counts


def of_types(visits: Iterable[Visit]) -> dict[str, int]:
    """Of each kind, as visits."""
    return {f"{tag}_count": sum(visit.type is type_ for visit in visits) for type_, tag in COUNTED.items()}


def _visits(visits: Iterable[Visit]) -> int:
    return sum(1 for _ in visits)


def _persons(visits: Iterable[Visit]) -> int:
    return len({visit.face_id for visit in visits})


def _by_type(visits: Iterable[Visit], count: Callable[[Iterable[Visit]], int]) -> dict[str, int]:
    visits = list(visits)
    kinds = {f"{tag}_count": count(v for v in visits if v.type is type_) for type_, tag in COUNTED.items()}
    return {"total_count": count(visits), **kinds}


def _by_gender(visits: Iterable[Visit], count: Callable[[Iterable[Visit]], int]) -> dict[str, int]:
    counts = {}
    for gender, word in ((MALE, "male"), (FEMALE, "female")):
        those = [visit for visit in visits if visit.gender == gender]
        counts[f"{word}_count"] = count(those)
        for type_ in (GroupType.REGULARS, GroupType.MEMBERS):
            counts[f"{word}_{COUNTED[type_]}_count"] = count(visit for visit in those if visit.type is type_)
    return counts
