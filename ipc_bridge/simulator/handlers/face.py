"""``face/*``: groups, their attributes, faces."""

from __future__ import annotations

from typing import Any

from ipc_bridge.catalog.device import (
    ADD_FACE,
    ADD_FACE_INFO_ITEM,
    CREATE_GROUP,
    DELETE_FACE,
    DELETE_GROUP,
    GET_FACE,
    GET_FACE_BY_ARRIVAL,
    GET_FACE_BY_PICTURE,
    GET_FACE_INFO_ITEM,
    GET_FACE_LIST,
    GET_GROUP_LIST,
    REMOVE_FACE_INFO_ITEM,
    UPDATE_FACE,
    UPDATE_GROUP,
    UPDATE_MIGRATION,
)
from ipc_bridge.simulator.addresses import face_path
from ipc_bridge.simulator.handlers.registry import answers
from ipc_bridge.simulator.library import Face
from ipc_bridge.simulator.people import STRANGER
from ipc_bridge.simulator.refusals import Code, RefusalError
from ipc_bridge.simulator.state import CameraState


@answers(CREATE_GROUP)
def _create_group(camera: CameraState, *, name: str, capacity: int, description: str) -> None:
    camera.library.create_group(name, capacity, description)


@answers(UPDATE_GROUP)
def _update_group(camera: CameraState, *, old_name: str, name: str, capacity: int, description: str) -> None:
    camera.library.update_group(old_name, name, capacity, description)


@answers(UPDATE_MIGRATION)
def _update_migration(camera: CameraState, *, arrive_times: int, period: int) -> None:
    camera.library.times, camera.library.period = arrive_times, period


@answers(DELETE_GROUP)
def _delete_group(camera: CameraState, *, name: str) -> None:
    camera.library.delete_group(name)


@answers(GET_GROUP_LIST)
def _list_groups(camera: CameraState) -> dict[str, Any]:
    library = camera.library
    groups = [
        {
            "name": group.name,
            "capacity": group.capacity,
            "count": len(group.faces),
            "description": group.description,
            **({"times": library.times, "period": library.period} if group.name == STRANGER else {}),
        }
        for group in library.groups.values()
    ]
    return {"num": len(groups), "face_group": groups}


@answers(ADD_FACE_INFO_ITEM)
def _add_attributes(camera: CameraState, *, num: int, group_name: str, name_list: list[str]) -> None:
    _check_number(num, name_list)
    camera.library.add_attributes(group_name, name_list)


@answers(REMOVE_FACE_INFO_ITEM)
def _remove_attributes(camera: CameraState, *, num: int, group_name: str, name_list: list[str]) -> None:
    _check_number(num, name_list)
    camera.library.remove_attributes(group_name, name_list)


@answers(GET_FACE_INFO_ITEM)
def _list_attributes(camera: CameraState, *, group_name: str) -> dict[str, Any]:
    names = camera.library.group(group_name).attributes
    return {"num": len(names), "name_list": list(names)}


@answers(ADD_FACE)
def _add_face(
    camera: CameraState,
    *,
    pic: bytes,
    group_name: str,
    faceid: str | None = None,
    age: int | None = None,
    gender: int | None = None,
    attributes: dict[str, str],
) -> dict[str, Any]:
    face = camera.library.add_face(group_name, faceid, picture=pic, age=age, gender=gender, attributes=attributes)
    return {"faceid": face.faceid}


@answers(DELETE_FACE)
def _delete_faces(camera: CameraState, *, num: int, group_name: str, faceid_list: list[str]) -> dict[str, Any]:
    _check_number(num, faceid_list)
    group = camera.library.group(group_name)
    deleted = [faceid for faceid in faceid_list if faceid in group.faces]
    for faceid in deleted:
        camera.library.delete_face(group.faces[faceid])
    others = [faceid for faceid in faceid_list if faceid not in deleted]
    return {
        "success_list": deleted,
        # Faces of another group.
        "failed_list": [faceid for faceid in others if faceid in camera.library.faces],
        "not_exist_list": [faceid for faceid in others if faceid not in camera.library.faces],
    }


@answers(UPDATE_FACE)
def _update_face(
    camera: CameraState,
    *,
    group_name: str,
    faceid: str,
    new_group_name: str | None = None,
    pic: bytes | None = None,
    age: int | None = None,
    gender: int | None = None,
    attributes: dict[str, str],
) -> None:
    camera.library.update_face(
        group_name,
        faceid,
        new_group_name=new_group_name,
        picture=pic,
        age=age,
        gender=gender,
        attributes=attributes,
    )


@answers(GET_FACE)
def _get_face(camera: CameraState, *, faceid: str) -> dict[str, Any]:
    return _record(camera, camera.library.face(faceid))


@answers(GET_FACE_LIST)
def _list_faces(camera: CameraState, *, group_name: str, page_num: int = 1, page_size: int = 10) -> dict[str, Any]:
    faces = list(camera.library.group(group_name).faces.values())
    page = faces[(page_num - 1) * page_size : page_num * page_size]
    return {
        "total_num": len(faces),
        "return_num": len(page),
        "faceid_list": [_record(camera, face) for face in page],
    }


@answers(GET_FACE_BY_ARRIVAL)
def _list_longest_absent(camera: CameraState, *, group_name: str, num: int = 1) -> dict[str, Any]:
    faces = camera.library.longest_absent(group_name, num)
    if not faces:
        raise RefusalError(Code.FACE_ID_NOT_EXIST)
    # Here an age that was never set is 0 in the documents' sample.
    records = [{**_record(camera, face), "age": face.age or 0} for face in faces]
    return {"return_num": len(records), "faceid_list": records}


@answers(GET_FACE_BY_PICTURE)
def _find_face(camera: CameraState, *, pic: bytes) -> dict[str, Any]:
    face = camera.library.find_by_picture(pic)
    if face is None:
        raise RefusalError(Code.FACE_ID_INFO_NO_FOUND)
    return _record(camera, face)


def _record(camera: CameraState, face: Face) -> dict[str, Any]:
    return {
        "faceid": face.faceid,
        "group_name": face.group.name,
        "age": face.age,
        "age_range": face.age_range,
        "gender": face.gender,
        "arrive_count": face.arrive_count,
        "arrive_time": face.arrive_time,
        "pic_url": camera.sign_address(face_path(face.picture)),
        **face.attributes,
    }


def _check_number(num: int, values: list[str]) -> None:
    if num != len(values):
        raise RefusalError(Code.PARAMS_INVALID)
