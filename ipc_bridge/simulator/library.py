"""A camera's face library: groups with attributes of their own, faces, and strangers who become regulars.

Whatever the camera would refuse raises :class:`~ipc_bridge.simulator.refusals.RefusalError` and changes nothing.
"""

from __future__ import annotations

import heapq
import re
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ipc_bridge.simulator.people import MALE, PEOPLE, REGULAR, STRANGER, Person, age_range
from ipc_bridge.simulator.portraits import Portraits, digest, portrait
from ipc_bridge.simulator.refusals import Code, RefusalError

MAX_GROUPS = 10
MAX_CAPACITY = 30_000
"""Faces that all groups together may be made for."""
MAX_ATTRIBUTES = 5
MAX_ATTRIBUTE_LENGTH = 50
"""Characters of an attribute's name, and of its value."""
RESERVED = frozenset(
    "group_name pic age gender faceid age_range arrive_times pic_url total_num return_num".split()  # noqa: SIM905
)
"""Names that an attribute cannot have, because they are those of ordinary fields."""

_DAY = 86400
_MAX_NAME = 96
_MAX_DESCRIPTION = 150
_MOST_ARRIVALS = 10
"""The most that the rule can ask for: no older arrival of a face need be remembered."""
_FACE_ID = re.compile(r"[0-9]{1,19}")
_POSITION = re.compile(r"item([1-5])")


@dataclass(slots=True)
class Group:
    """Faces of one kind, in the order in which they came."""

    name: str
    capacity: int
    description: str
    attributes: list[str] = field(default_factory=list)
    faces: dict[str, Face] = field(default_factory=dict)

    @property
    def is_default(self) -> bool:
        """Whether it is one of the two that cannot be renamed, deleted or given attributes."""
        return self.name in {STRANGER, REGULAR}

    def attribute(self, name: str) -> str | None:
        """The attribute that ``name`` stands for: its own name, or ``item1`` to ``item5`` for its place."""
        if name in self.attributes:
            return name
        place = _POSITION.fullmatch(name)
        return self.attributes[int(place[1]) - 1] if place and int(place[1]) <= len(self.attributes) else None


@dataclass(slots=True)
class Face:
    """One record. ``age`` is what somebody entered, ``age_range`` what the camera makes of it."""

    faceid: str
    group: Group
    age: int | None
    age_range: int
    gender: int
    attributes: dict[str, str] = field(default_factory=dict)
    picture: str = ""
    """The digest of its picture."""
    arrive_count: int = 0
    arrive_time: int = 0
    """Unix seconds of the last arrival; 0: it never came."""
    recent: deque[int] = field(default_factory=lambda: deque(maxlen=_MOST_ARRIVALS))


class FaceLibrary:
    """Groups and faces of one camera.

    Args:
        people: whom it knows from the start; their groups and attributes are made for them.
    """

    def __init__(self, people: Iterable[Person] = PEOPLE) -> None:
        self.groups: dict[str, Group] = {}
        """By name."""
        self.faces: dict[str, Face] = {}
        """All of them, by their id."""
        self.times = 0
        self.period = 0
        """A stranger who comes ``times`` times in ``period`` days becomes a regular."""
        self.portraits = Portraits()
        self._last_id = 0
        self.wipe()
        for person in people:
            self._settle(person)

    def wipe(self) -> None:
        """Back to the state after activation: two empty groups and the factory's rule."""
        self.groups.clear()
        self.faces.clear()
        self.portraits.clear()
        self.times, self.period = 5, 7
        self._last_id = 0
        for name, capacity in ((REGULAR, 5000), (STRANGER, 1000)):
            self.groups[name] = Group(name, capacity, f"this is {name} group")

    # Groups.

    def group(self, name: str) -> Group:
        """The group of that name."""
        if name not in self.groups:
            raise RefusalError(Code.GROUP_NOT_EXIST)
        return self.groups[name]

    def create_group(self, name: str, capacity: int, description: str = "") -> Group:
        """Make a group for ``capacity`` faces."""
        _check_group(name, capacity, description)
        if name in self.groups:
            raise RefusalError(Code.GROUP_NAME_EXISTED)
        # No code is listed for one group too many; the cloud has one for groups and capacity.
        if len(self.groups) >= MAX_GROUPS or self._capacity() + capacity > MAX_CAPACITY:
            raise RefusalError(Code.GROUP_CAPACITY_INVALID)
        self.groups[name] = Group(name, capacity, description)
        return self.groups[name]

    def update_group(self, old_name: str, name: str, capacity: int, description: str) -> None:
        """Give a group another name, capacity and description."""
        group = self.group(old_name)
        _check_group(name, capacity, description)
        if name != old_name:
            if group.is_default:
                raise RefusalError(Code.GROUP_NAME_INVALID)
            if name in self.groups:
                raise RefusalError(Code.GROUP_NAME_EXISTED)
        if capacity < len(group.faces) or self._capacity() - group.capacity + capacity > MAX_CAPACITY:
            raise RefusalError(Code.GROUP_CAPACITY_INVALID)
        group.name, group.capacity, group.description = name, capacity, description
        self.groups = {each.name: each for each in self.groups.values()}

    def delete_group(self, name: str) -> None:
        """Remove an empty group."""
        group = self.group(name)
        if group.is_default:
            raise RefusalError(Code.GROUP_NAME_INVALID)
        if group.faces:
            raise RefusalError(Code.GROUP_NOT_EMPTY)
        del self.groups[name]

    def add_attributes(self, group_name: str, names: Iterable[str]) -> None:
        """Let the faces of a group have more attributes."""
        group = self.group(group_name)
        added = list(group.attributes)
        for name in names:
            if not 0 < len(name) <= MAX_ATTRIBUTE_LENGTH or name in RESERVED:
                raise RefusalError(Code.ATTRIBUTE_NAME_INVALID)
            if name in added:
                raise RefusalError(Code.ATTRIBUTE_NAME_EXISTED)
            added.append(name)
        if len(added) > (0 if group.is_default else MAX_ATTRIBUTES):
            raise RefusalError(Code.ATTRIBUTE_NUM_EXCEED)
        group.attributes = added

    def remove_attributes(self, group_name: str, names: Iterable[str]) -> None:
        """Remove attributes of a group, and their values from its faces."""
        group = self.group(group_name)
        removed = set(names)
        if not removed.issubset(group.attributes):
            raise RefusalError(Code.ATTRIBUTE_NAME_NOT_EXISTED)
        group.attributes = [name for name in group.attributes if name not in removed]
        for face in group.faces.values():
            face.attributes = {name: text for name, text in face.attributes.items() if name not in removed}

    # Faces.

    def face(self, faceid: str) -> Face:
        """The face of that id."""
        if faceid not in self.faces:
            raise RefusalError(Code.FACE_ID_NOT_EXIST)
        return self.faces[faceid]

    def add_face(
        self,
        group_name: str,
        faceid: str | None = None,
        *,
        picture: bytes | None = None,
        age: int | None = None,
        gender: int | None = None,
        attributes: Mapping[str, str] | None = None,
    ) -> Face:
        """Add a face.

        Args:
            group_name: where it goes.
            faceid: a positive number of up to 63 bits as text; the next free one where None.
            picture: JPEG or PNG; one of the camera's own making where None.
            age: years; where None the camera guesses the range.
            gender: 0 to 2; where None the camera guesses it.
            attributes: by the group's names or by their place; what the group does not have is ignored.
        """
        group = self.group(group_name)
        if faceid is not None:
            check_face_id(faceid)
            if faceid in self.faces:
                raise RefusalError(Code.FACE_ID_EXISTED)
        if len(group.faces) >= group.capacity:
            raise RefusalError(Code.GROUP_OVERFLOW)
        values = _own_attributes(group, attributes or {})
        faceid = self._free_id() if faceid is None else faceid
        picture = portrait(faceid) if picture is None else picture
        mark = digest(picture)
        # What a camera guesses depends on the picture and on nothing else.
        guess = int(mark[:8], 16)
        face = Face(
            faceid,
            group,
            age=age or None,
            age_range=age_range(age or 20 + guess % 50),
            gender=MALE + guess % 2 if gender is None else gender,
            attributes=values,
            picture=mark,
        )
        self.portraits.put(mark, picture)
        self.faces[faceid] = group.faces[faceid] = face
        return face

    def update_face(
        self,
        group_name: str,
        faceid: str,
        *,
        new_group_name: str | None = None,
        picture: bytes | None = None,
        age: int | None = None,
        gender: int | None = None,
        attributes: Mapping[str, str] | None = None,
    ) -> None:
        """Change what is given of a face that is in the group ``group_name``."""
        face = self.group(group_name).faces.get(faceid)
        if face is None:
            raise RefusalError(Code.FACE_ID_NOT_EXIST)
        target = face.group if new_group_name is None else self.group(new_group_name)
        values = _own_attributes(target, attributes or {})
        self._move(face, target)
        face.attributes |= values
        if age is not None:
            face.age = age or None
            face.age_range = age_range(age) if age else face.age_range
        if gender is not None:
            face.gender = gender
        if picture is not None:
            face.picture = digest(picture)
            self.portraits.put(face.picture, picture)

    def delete_face(self, face: Face) -> None:
        """Forget a face."""
        del self.faces[face.faceid], face.group.faces[face.faceid]

    def find_by_picture(self, picture: bytes) -> Face | None:
        """Whose picture this is: the simulator knows a face by the bytes of its picture."""
        mark = digest(picture)
        return next((face for face in self.faces.values() if face.picture == mark), None)

    def longest_absent(self, group_name: str, count: int) -> list[Face]:
        """The faces of a group that did not come for the longest time, the longest absent first."""
        faces = self.group(group_name).faces.values()
        return heapq.nsmallest(count, faces, key=lambda face: face.arrive_time)

    # People who come.

    def arrive(self, face: Face, now: int) -> None:
        """Count an arrival at the Unix second ``now``; a stranger may become a regular by it."""
        face.arrive_count += 1
        face.arrive_time = now
        face.recent.append(now)
        regulars = self.groups[REGULAR]
        if face.group.name == STRANGER and len(face.recent) >= self.times and len(regulars.faces) < regulars.capacity:
            first = face.recent[-self.times]
            if first > now - self.period * _DAY:
                self._move(face, regulars)

    def admit_stranger(self) -> Face:
        """Someone comes whom the camera does not know; where the group is full, it forgets the longest absent."""
        strangers = self.groups[STRANGER]
        if len(strangers.faces) >= strangers.capacity:
            self.delete_face(self.longest_absent(STRANGER, 1)[0])
        return self.add_face(STRANGER)

    # The inside.

    def _settle(self, person: Person) -> None:
        if person.group not in self.groups:
            self.create_group(person.group, 1000, f"this is {person.group} group")
        group = self.groups[person.group]
        self.add_attributes(group.name, [name for name in person.attributes if name not in group.attributes])
        face = self.add_face(
            group.name, person.face_id, age=person.age, gender=person.gender, attributes=person.attributes
        )
        face.age_range = person.age_range

    def _move(self, face: Face, target: Group) -> None:
        if target is face.group:
            return
        if len(target.faces) >= target.capacity:
            raise RefusalError(Code.GROUP_OVERFLOW)
        del face.group.faces[face.faceid]
        target.faces[face.faceid] = face
        face.group = target
        face.attributes = {name: text for name, text in face.attributes.items() if name in target.attributes}

    def _capacity(self) -> int:
        return sum(group.capacity for group in self.groups.values())

    def _free_id(self) -> str:
        while True:
            self._last_id += 1
            faceid = f"{self._last_id:08d}"
            if faceid not in self.faces:
                return faceid


def check_face_id(faceid: str) -> None:
    """Refuse what is no positive number of up to 63 bits."""
    if not _FACE_ID.fullmatch(faceid) or not 0 < int(faceid) < 2**63:
        raise RefusalError(Code.PARAMS_INVALID)


def _check_group(name: str, capacity: int, description: str) -> None:
    if not 0 < len(name) <= _MAX_NAME or name[0].isspace():
        raise RefusalError(Code.GROUP_NAME_INVALID)
    if not 0 < capacity <= MAX_CAPACITY:
        raise RefusalError(Code.GROUP_CAPACITY_INVALID)
    if len(description) > _MAX_DESCRIPTION:
        raise RefusalError(Code.GROUP_DESCRIPTION_INVALID)


def _own_attributes(group: Group, attributes: Mapping[str, str]) -> dict[str, str]:
    """The values under the group's own names; what it does not have is ignored."""
    own: dict[str, str] = {}
    for name, text in attributes.items():
        if len(text) > MAX_ATTRIBUTE_LENGTH:
            raise RefusalError(Code.PARAMS_INVALID)
        if (known := group.attribute(name)) is not None:
            own[known] = text
    return own
