"""``face/*``: groups and faces."""

from __future__ import annotations

from typing import Any

from ipc_bridge.catalog import cloud as calls
from ipc_bridge.simulator.cloud.handlers.registry import answers
from ipc_bridge.simulator.cloud.refusals import CloudCode
from ipc_bridge.simulator.cloud.shop import Face, Group, MoveRule, Shop
from ipc_bridge.simulator.cloud.state import CloudState
from ipc_bridge.simulator.cloud.visitors import GroupType
from ipc_bridge.simulator.refusals import RefusalError

_FIELDS = range(1, 6)
_KEY, _VALUE = "customer_key", "customer_value"


@answers(calls.GET_GROUP_LIST)
def _list_groups(cloud: CloudState, *, shop: Shop) -> dict[str, Any]:
    del cloud
    return {"group_list": [_group_record(shop, group) for group in shop.groups.values()]}


@answers(calls.GET_GROUP)
def _get_group(cloud: CloudState, *, shop: Shop, group_id: str) -> dict[str, Any]:
    del cloud
    return _group_record(shop, _group(shop, group_id, CloudCode.NO_DATA))


@answers(calls.CREATE_GROUP)
def _create_group(
    cloud: CloudState,
    *,
    shop: Shop,
    name: str,
    type: int,  # noqa: A002 - the vendor's name
    capacity: int,
    description: str = "",
    **keys: str,
) -> None:
    del cloud
    if type != GroupType.MEMBERS:
        # Every shop has one of each of the others.
        raise RefusalError(CloudCode.GROUP_EXISTS)
    shop.create_group(name, GroupType.MEMBERS, capacity, description).keys.update(_numbered(keys, _KEY))


@answers(calls.UPDATE_GROUP)
def _update_group(
    cloud: CloudState,
    *,
    shop: Shop,
    group_id: str,
    name: str = "",
    capacity: int = 0,
    description: str = "",
    **keys: str,
) -> None:
    group = _group(shop, group_id, CloudCode.NOT_FOUND)
    if group.is_default:
        raise RefusalError(CloudCode.DEFAULT_NOT_CHANGED)
    if not name or capacity < len(shop.faces_of(group)):
        # What is not sent is gone: the strictest reading of a change that is not described.
        raise RefusalError(CloudCode.FULL)
    shop.check_name(name, group)
    group.name, group.capacity, group.description, group.keys = name, capacity, description, _numbered(keys, _KEY)
    group.modified = int(cloud.now())


@answers(calls.DELETE_GROUP)
def _delete_group(cloud: CloudState, *, shop: Shop, group_id: str) -> None:
    del cloud
    group = _group(shop, group_id, CloudCode.NOT_FOUND)
    if group.is_default:
        raise RefusalError(CloudCode.DEFAULT_NOT_DELETED)
    if any(face.group is group for face in shop.faces.values()):
        raise RefusalError(CloudCode.IN_USE)
    del shop.groups[group_id]


@answers(calls.GET_FACE_LIST)
def _list_faces(
    cloud: CloudState, *, shop: Shop, group_id: str, page_num: int = 1, page_size: int = 10
) -> dict[str, Any]:
    del cloud
    faces = shop.faces_of(_group(shop, group_id, CloudCode.NOT_FOUND))
    page = faces[(page_num - 1) * page_size : page_num * page_size]
    # Here values come under the names of their keys.
    values = ({f"{_KEY}{number}": value for number, value in face.values.items()} for face in page)
    return {"total_num": len(faces), "face_list": [{**_face_record(f), **v} for f, v in zip(page, values, strict=True)]}


@answers(calls.MOVE_FACES)
def _move(
    cloud: CloudState, *, shop: Shop, source_group_id: str, target_group_id: str, face_id_list: list[str]
) -> None:
    source = _group(shop, source_group_id, CloudCode.NO_GROUP)
    target = _group(shop, target_group_id, CloudCode.NO_GROUP)
    faces = [_face_in(shop, source, face_id) for face_id in face_id_list]
    if len(shop.faces_of(target)) + len(faces) > target.capacity:
        raise RefusalError(CloudCode.FULL)
    for face in faces:
        face.group = target
    source.modified = target.modified = int(cloud.now())


@answers(calls.UPDATE_MOVE_STRATEGY)
def _set_rule(cloud: CloudState, *, shop: Shop, target_group_id: str, threshold: int, period: int) -> None:
    del cloud
    if _group(shop, target_group_id, CloudCode.NOT_FOUND).type is GroupType.STRANGERS:
        raise RefusalError(CloudCode.DEFAULT_NOT_CHANGED)
    shop.rule = MoveRule(target_group_id, threshold, period)


@answers(calls.GET_FACE)
def _get_face(cloud: CloudState, *, shop: Shop, face_id: str) -> dict[str, Any]:
    face = shop.faces.get(face_id)
    if face is None or face.ready_at > cloud.now():
        raise RefusalError(CloudCode.NOT_FOUND)
    return _face_record(face)


@answers(calls.ADD_FACE)
def _add_face(
    cloud: CloudState,
    *,
    shop: Shop,
    group_id: str,
    name: str,
    pic: bytes,
    gender: int = 0,
    age_range: int = 4,
    **values: str,
) -> dict[str, Any]:
    del pic
    group = _group(shop, group_id, CloudCode.NO_DATA)
    face = shop.add_face(group, name, gender, age_range, ready_at=cloud.now() + cloud.settings.face_seconds)
    face.values = _numbered(values, _VALUE)
    return {"face_id": face.face_id}


@answers(calls.UPDATE_FACE)
def _update_face(
    cloud: CloudState,
    *,
    shop: Shop,
    group_id: str,
    face_id: str,
    name: str | None = None,
    gender: int | None = None,
    age_range: int | None = None,
    **values: str,
) -> None:
    del cloud
    face = _face_in(shop, _group(shop, group_id, CloudCode.NO_DATA), face_id)
    face.name = face.name if name is None else name
    face.gender = face.gender if gender is None else gender
    face.age_range = face.age_range if age_range is None else age_range
    face.values |= _numbered(values, _VALUE)


@answers(calls.DELETE_FACE)
def _delete_faces(cloud: CloudState, *, shop: Shop, group_id: str, face_id_list: list[str]) -> None:
    del cloud
    group = _group(shop, group_id, CloudCode.NO_DATA)
    # No answer says what became of each.
    for face_id in face_id_list:
        face = shop.faces.get(face_id)
        if face is not None and face.group is group:
            del shop.faces[face_id]


def _group(shop: Shop, group_id: str, otherwise: CloudCode) -> Group:
    group = shop.groups.get(group_id)
    if group is None:
        raise RefusalError(otherwise)
    return group


def _face_in(shop: Shop, group: Group, face_id: str) -> Face:
    face = shop.faces.get(face_id)
    if face is None or face.group is not group:
        raise RefusalError(CloudCode.NOT_IN_GROUP)
    return face


def _numbered(members: dict[str, str], name: str) -> dict[int, str]:
    named = ((number, members.get(f"{name}{number}")) for number in _FIELDS)
    return {number: text for number, text in named if text}


def _group_record(shop: Shop, group: Group) -> dict[str, Any]:
    return {
        "group_id": group.group_id,
        "type": int(group.type),
        "count": len(shop.faces_of(group)),
        "capacity": group.capacity,
        "last_modified_time": group.modified,
        "group_name": group.name,
        "description": group.description,
        **{f"{_KEY}{number}": group.keys.get(number, "") for number in _FIELDS},
    }


def _face_record(face: Face) -> dict[str, Any]:
    return {
        "face_id": face.face_id,
        "group_id": face.group.group_id,
        "group_name": face.group.name,
        "gender": face.gender,
        "age_range": face.age_range,
        "arrival_count": face.arrivals,
        "create_time": face.created,
        "last_arrival_time": face.last_arrival,
        "name": face.name,
    }
