"""A shop as the cloud knows it: its groups of faces, and who came when."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta

from ipc_bridge.simulator.cloud.refusals import CloudCode
from ipc_bridge.simulator.cloud.visitors import COUNTED, FEMALE, MALE, Day, GroupType, Visit, day_of, hour_of, past_day
from ipc_bridge.simulator.refusals import RefusalError

MAX_GROUPS = 20
CAPACITY = 10_000
_MAX_DAYS = 1000
_FIRST_ID = 578_968_800_000


@dataclass(slots=True)
class Group:
    """A group of faces; ``keys`` are the names of its custom fields by number."""

    group_id: str
    name: str
    type: GroupType
    capacity: int = CAPACITY
    description: str = ""
    keys: dict[int, str] = field(default_factory=dict)
    modified: int = 0

    @property
    def is_default(self) -> bool:
        """Whether every shop has it."""
        return self.type is not GroupType.MEMBERS


@dataclass(slots=True)
class Face:
    """A face; ``values`` are those of its group's custom fields by number. It is nobody's before ``ready_at``."""

    face_id: str
    group: Group
    name: str
    gender: int
    age_range: int
    created: int
    ready_at: float
    values: dict[int, str] = field(default_factory=dict)
    arrivals: int = 0
    last_arrival: int = 0


@dataclass(slots=True)
class MoveRule:
    """How often within how many seconds makes a stranger move to a group."""

    group_id: str
    threshold: int
    period: int


class Shop:
    """One shop.

    Args:
        number: ``sunmi_shop_no``.
        seed: makes its past the same each time.
        history_days: how long it has been open.
        now: Unix seconds.
    """

    def __init__(self, number: str, seed: str, history_days: int, now: Callable[[], float]) -> None:
        self.number = number
        self.callbacks: list[str] = []
        """Where event 2001 is posted."""
        self.faces: dict[str, Face] = {}
        self.rule: MoveRule | None = None
        self._seed = f"{seed}/{number}"
        self._now = now
        self._started = day_of(now())
        self._opened = self._started - timedelta(history_days)
        self._days: dict[date, Day] = {}
        self._ids = itertools.count(_FIRST_ID)
        self.groups: dict[str, Group] = {}
        defaults = ("stranger", GroupType.STRANGERS), ("regular", GroupType.REGULARS), ("staff", GroupType.STAFF)
        for name, type_ in (*defaults, ("vip", GroupType.MEMBERS)):
            self.create_group(name, type_)
        for number_, group in enumerate(self.groups.values()):
            for gender in (MALE, FEMALE):
                self.add_face(group, f"{group.name} {gender}", gender, 1 + 2 * number_, ready_at=0)

    # Who is known.

    def create_group(self, name: str, type_: GroupType, capacity: int = CAPACITY, description: str = "") -> Group:
        """Make a group.

        Raises:
            RefusalError: there is one of that name, or too many.
        """
        self.check_name(name)
        if len(self.groups) >= MAX_GROUPS:
            raise RefusalError(CloudCode.FULL)
        group = Group(str(next(self._ids)), name, type_, capacity, description)
        self.groups[group.group_id] = group
        return group

    def check_name(self, name: str, own: Group | None = None) -> None:
        """Refuse the name of another group.

        Raises:
            RefusalError: it is one.
        """
        if any(group.name == name and group is not own for group in self.groups.values()):
            raise RefusalError(CloudCode.GROUP_EXISTS)

    def add_face(self, group: Group, name: str, gender: int, age_range: int, *, ready_at: float) -> Face:
        """Make a face.

        Raises:
            RefusalError: the group is full.
        """
        if len(self.faces_of(group)) >= group.capacity:
            raise RefusalError(CloudCode.FULL)
        face = Face(str(next(self._ids)), group, name, gender, age_range, int(self._now()), ready_at)
        self.faces[face.face_id] = face
        group.modified = face.created
        return face

    def faces_of(self, group: Group) -> list[Face]:
        """The faces of a group that have been looked at."""
        return [face for face in self.faces.values() if face.group is group and face.ready_at <= self._now()]

    # Who comes.

    def arrive(self, face: Face) -> None:
        """A face comes in: it is counted, and a stranger who comes often moves."""
        now = int(self._now())
        face.arrivals += 1
        face.last_arrival = now
        visit = Visit(now, face.face_id, face.gender, face.age_range, face.group.type)
        self.today.visits.append(visit)
        rule = self.rule
        if rule is not None and face.group.type is GroupType.STRANGERS:
            recent = [day.visits for day in self._days.values()]
            often = sum(v.face_id == face.face_id and v.time > now - rule.period for v in itertools.chain(*recent))
            if often >= rule.threshold and rule.group_id in self.groups:
                face.group = self.groups[rule.group_id]

    def pass_by(self, passed: int = 1, unexposed: int = 0) -> None:
        """People pass the door, or come in without a face to be seen."""
        hour = hour_of(self._now())
        self.today.passed[hour] += passed
        self.today.unexposed[hour] += unexposed

    @property
    def today(self) -> Day:
        """This day so far."""
        today = day_of(self._now())
        if len(self._days) >= _MAX_DAYS:
            self._days.pop(min(self._days))
        return self._days.setdefault(today, Day())

    def days(self, first: date, last: date) -> Iterator[tuple[date, Day]]:
        """The days from ``first`` to ``last`` that are over and of which something is known."""
        last = min(last, day_of(self._now()) - timedelta(1))
        day = max(first, self._opened)
        while day <= last:
            if day < self._started:
                yield day, past_day(self._seed, day)
            elif (known := self._days.get(day)) is not None:
                yield day, known
            day += timedelta(1)


def is_counted(visit: Visit) -> bool:
    """Whether a visit is one: staff is at work."""
    return visit.type in COUNTED
