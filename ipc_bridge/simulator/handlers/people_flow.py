"""``peopleFlow/*``: the door line, people counted at it, and visitors."""

from __future__ import annotations

import dataclasses
from typing import Any

from ipc_bridge.catalog.device import (
    GET_DOOR_LINE,
    GET_FACE_VISIT_DETAIL,
    GET_FLOW_CONFIG,
    GET_PEOPLE_STAT,
    GET_PEOPLE_STAT_OUT,
    GET_PEOPLE_STAT_PASS,
    GET_VISITOR_LIST,
    SET_DOOR_LINE,
    SET_FLOW_CONFIG,
)
from ipc_bridge.simulator.controls import MIN_LINE, PICTURES, DoorLine
from ipc_bridge.simulator.handlers.registry import answers
from ipc_bridge.simulator.library import Face
from ipc_bridge.simulator.refusals import Code, RefusalError
from ipc_bridge.simulator.state import CameraState
from ipc_bridge.simulator.statistics import Flow, Slot

_PERIODS = {1: 1800, 2: 3600, 3: 86400}
"""Seconds."""


@answers(SET_DOOR_LINE)
def _set_door_line(camera: CameraState, **values: int) -> None:
    line = DoorLine(**values)
    width, height = PICTURES[line.resolution]
    for value, limit, code in (
        (line.start_x, width, Code.PARAMS_START_X_INVALID),
        (line.start_y, height, Code.PARAMS_START_Y_INVALID),
        (line.end_x, width, Code.PARAMS_END_X_INVALID),
        (line.end_y, height, Code.PARAMS_END_Y_INVALID),
    ):
        if value > limit:
            raise RefusalError(code)
    if line.end_x - line.start_x < MIN_LINE:
        raise RefusalError(Code.PARAMS_X_DISTANCE_INVALID)
    camera.controls.door_line = line


@answers(GET_DOOR_LINE)
def _get_door_line(camera: CameraState) -> dict[str, Any]:
    if camera.controls.door_line is None:
        raise RefusalError(Code.GET_CONFIG_FAIL)
    return dataclasses.asdict(camera.controls.door_line)


@answers(GET_FLOW_CONFIG)
def _get_flow_config(camera: CameraState) -> dict[str, Any]:
    controls = camera.controls
    return {"facerecog_interval": controls.facerecog_interval, "customer_judgemode": controls.customer_judgemode}


@answers(SET_FLOW_CONFIG)
def _set_flow_config(camera: CameraState, *, facerecog_interval: int, customer_judgemode: int) -> None:
    camera.controls.facerecog_interval = facerecog_interval
    camera.controls.customer_judgemode = customer_judgemode


@answers(GET_PEOPLE_STAT)
def _count_in(camera: CameraState, *, start_time: int, end_time: int, period: int) -> dict[str, Any]:
    slots = _slots(camera, Flow.IN, start_time, end_time, period)
    return _counts([{**_slot(slot), "male_num_stat": slot.men, "female_num_stat": slot.women} for slot in slots])


@answers(GET_PEOPLE_STAT_PASS)
def _count_pass(camera: CameraState, *, start_time: int, end_time: int, period: int) -> dict[str, Any]:
    return _counts([_slot(slot) for slot in _slots(camera, Flow.PASS, start_time, end_time, period)])


@answers(GET_PEOPLE_STAT_OUT)
def _count_out(camera: CameraState, *, start_time: int, end_time: int, period: int) -> dict[str, Any]:
    return _counts([_slot(slot) for slot in _slots(camera, Flow.OUT, start_time, end_time, period)])


@answers(GET_VISITOR_LIST)
def _list_visitors(
    camera: CameraState,
    *,
    start_time: int,
    end_time: int,
    order: int,
    group_name: str | None = None,
    gender: int | None = None,
    age: int | None = None,
    age_range: int | None = None,
    attributes: dict[str, str],
    page_num: int = 1,
    page_size: int = 10,
) -> dict[str, Any]:
    _check_period(start_time, end_time)
    wanted = _wanted_attributes(camera, group_name, attributes)

    def matches(face: Face) -> bool:
        return (
            group_name in (None, face.group.name)
            and gender in (None, face.gender)
            # The age wins over the range.
            and (age is None or face.age == age)
            and (age is not None or age_range in (None, face.age_range))
            and wanted.items() <= face.attributes.items()
        )

    visits = camera.statistics.visits(start_time, end_time).most_common()
    faces = camera.library.faces
    found = [(faces[faceid], times) for faceid, times in visits if faceid in faces and matches(faces[faceid])][:order]
    if not found:
        raise RefusalError(Code.FACE_ID_INFO_NO_FOUND)
    page = found[(page_num - 1) * page_size : page_num * page_size]
    return {
        "total_num": len(found),
        "return_num": len(page),
        "face_list": [
            {
                "faceid": face.faceid,
                "group_name": face.group.name,
                "age": "" if face.age is None else str(face.age),
                "age_range": face.age_range,
                "gender": face.gender,
                "arrive_times": times,
                **face.attributes,
            }
            for face, times in page
        ],
    }


@answers(GET_FACE_VISIT_DETAIL)
def _list_visits(camera: CameraState, *, start_time: int, end_time: int, faceid: str) -> dict[str, Any]:
    _check_period(start_time, end_time)
    times = camera.statistics.visits_of(faceid, start_time, end_time)
    if faceid not in camera.library.faces or not times:
        raise RefusalError(Code.FACE_ID_INFO_NO_FOUND)
    return {"total_times": len(times), "came_in_time": times}


def _check_period(start: int, end: int) -> None:
    if end <= start:
        raise RefusalError(Code.PARAMS_END_TIME_INVALID)


def _slots(camera: CameraState, flow: Flow, start: int, end: int, period: int) -> list[Slot]:
    _check_period(start, end)
    slots = camera.statistics.slots(flow, start, end, _PERIODS[period])
    if not slots:
        raise RefusalError(Code.FACE_ID_INFO_NO_FOUND)
    return slots


def _slot(slot: Slot) -> dict[str, Any]:
    return {"start_time": slot.start, "end_time": slot.end, "total": slot.total}


def _counts(slots: list[dict[str, Any]]) -> dict[str, Any]:
    return {"total": sum(slot["total"] for slot in slots), "stat_list": slots}


def _wanted_attributes(camera: CameraState, group_name: str | None, attributes: dict[str, str]) -> dict[str, str]:
    group = camera.library.groups.get(group_name) if group_name is not None else None
    if group_name is not None and group is None:
        raise RefusalError(Code.PARAMS_GROUP_NAME_INVALID)
    wanted = {}
    for name, text in attributes.items():
        known = group.attribute(name) if group is not None else None
        if known is None:
            raise RefusalError(Code.USER_DEFINED_ATTRIBUTE_NOT_EXIST)
        wanted[known] = text
    return wanted
