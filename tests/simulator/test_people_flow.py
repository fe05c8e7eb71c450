"""``peopleFlow/*``: the door line, counts in slots, visitors."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

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
from ipc_bridge.simulator import CameraSettings, CardStatus, Flow, SimulatedCamera
from ipc_bridge.simulator.people import FEMALE, MALE, UNKNOWN
from ipc_bridge.simulator.statistics import Statistics
from tests.simulator.api import Api, Clock

HALF_HOUR, HOUR, DAY = 1800, 3600, 86400
MIDNIGHT = 1_789_948_800


def line(**changes: int) -> dict[str, int]:
    return {"resolution": 0, "start_x": 100, "start_y": 0, "end_x": 1920, "end_y": 1080, **changes}


@pytest.fixture
def midnight(clock: Clock) -> int:
    clock.now = MIDNIGHT
    return MIDNIGHT


async def test_the_door_line(api: Api) -> None:
    assert (await api.get(GET_DOOR_LINE))["start_x"] == 500
    assert await api.code(SET_DOOR_LINE, **line()) == 0
    assert await api.get(GET_DOOR_LINE) == line()
    small = line(resolution=1, end_x=1280, end_y=720)
    assert await api.code(SET_DOOR_LINE, **small) == 0
    assert await api.get(GET_DOOR_LINE) == small


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"end_x": 199}, 276),
        ({"end_x": 200}, 0),
        ({"start_x": 500, "end_x": 100}, 276),
        ({"resolution": 1, "start_x": 1281}, 260),
        ({"resolution": 1, "end_x": 1280, "start_y": 721}, 261),
        ({"resolution": 1, "end_x": 1281}, 262),
        ({"resolution": 1, "end_x": 1280, "end_y": 721}, 263),
    ],
)
async def test_lines_that_cannot_be(api: Api, camera: SimulatedCamera, changes: dict[str, int], code: int) -> None:
    before = camera.controls.door_line
    assert await api.code(SET_DOOR_LINE, **line(**changes)) == code
    assert (camera.controls.door_line == before) == (code != 0)


async def test_without_a_door_line_nobody_is_counted(timed_api: Api, timed_camera: SimulatedCamera) -> None:
    timed_camera.controls.door_line = None
    assert await timed_api.code(GET_DOOR_LINE) == 279
    timed_camera.emit_face(faceid="00000001")
    timed_camera.count_people(Flow.OUT)
    for row in (GET_PEOPLE_STAT, GET_PEOPLE_STAT_OUT):
        assert await timed_api.code(row, start_time=0, end_time=2_000_000_000, period=3) == 280
    assert sum(timed_camera.statistics.visits(0, 2_000_000_000).values()) == 1


async def test_how_people_are_counted(api: Api) -> None:
    assert await api.get(GET_FLOW_CONFIG) == {"facerecog_interval": 10, "customer_judgemode": 1}
    changed = {"facerecog_interval": 86400, "customer_judgemode": 0}
    assert await api.code(SET_FLOW_CONFIG, **changed) == 0
    assert await api.get(GET_FLOW_CONFIG) == changed


async def test_counts_add_up(timed_api: Api, timed_camera: SimulatedCamera, clock: Clock, midnight: int) -> None:
    for minute, number, gender, age_range in (
        (0, 3, MALE, 1),
        (29, 2, FEMALE, 8),
        (30, 4, MALE, 4),
        (95, 1, UNKNOWN, 4),
        (24 * 60, 5, FEMALE, 4),
    ):
        clock.now = midnight + minute * 60
        timed_camera.count_people(Flow.IN, number, gender=gender, age_range=age_range)
    for period, starts in (
        (1, [(0, 5), (HALF_HOUR, 4), (3 * HALF_HOUR, 1), (DAY, 5)]),
        (2, [(0, 9), (HOUR, 1), (DAY, 5)]),
        (3, [(0, 10), (DAY, 5)]),
    ):
        counts = await timed_api.get(GET_PEOPLE_STAT, start_time=midnight, end_time=midnight + 2 * DAY, period=period)
        slots = counts["stat_list"]
        assert counts["total"] == 15
        assert [(slot["start_time"] - midnight, slot["total"]) for slot in slots] == starts
        seconds = {1: HALF_HOUR, 2: HOUR, 3: DAY}[period]
        assert {slot["end_time"] - slot["start_time"] for slot in slots} == {seconds}
        everyone = sum(sum(slot["male_num_stat"] + slot["female_num_stat"]) for slot in slots)
        assert everyone == 14
    day = (await timed_api.get(GET_PEOPLE_STAT, start_time=midnight, end_time=midnight + DAY, period=3))["stat_list"][0]
    assert (day["male_num_stat"], day["female_num_stat"]) == ([3, 0, 0, 4, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 0, 2])


async def test_each_way_is_counted_by_itself(timed_api: Api, timed_camera: SimulatedCamera, midnight: int) -> None:
    period = {"start_time": midnight, "end_time": midnight + DAY, "period": 2}
    timed_camera.count_people(Flow.OUT, 2)
    assert await timed_api.code(GET_PEOPLE_STAT, **period) == 280
    assert await timed_api.code(GET_PEOPLE_STAT_PASS, **period) == 280
    timed_camera.count_people(Flow.PASS, 7)
    slot = {"start_time": midnight, "end_time": midnight + HOUR}
    assert await timed_api.get(GET_PEOPLE_STAT_OUT, **period) == {"total": 2, "stat_list": [{**slot, "total": 2}]}
    assert await timed_api.get(GET_PEOPLE_STAT_PASS, **period) == {"total": 7, "stat_list": [{**slot, "total": 7}]}


async def test_an_end_before_the_start(api: Api) -> None:
    for row in (GET_PEOPLE_STAT, GET_PEOPLE_STAT_OUT, GET_PEOPLE_STAT_PASS):
        assert await api.code(row, start_time=1000, end_time=1000, period=1) == 267
    assert await api.code(GET_VISITOR_LIST, start_time=1000, end_time=999, order=1) == 267
    assert await api.code(GET_FACE_VISIT_DETAIL, start_time=1000, end_time=999, faceid="1") == 267


@given(
    st.lists(st.tuples(st.integers(0, 5000), st.integers(1, 9), st.integers(0, 2), st.integers(1, 8)), max_size=50),
    st.integers(0, 5000),
    st.integers(1, 5000),
    st.integers(1, 3000),
)
def test_slots_hold_everyone_once(
    people: list[tuple[int, int, int, int]], start: int, length: int, seconds: int
) -> None:
    statistics = Statistics()
    for now, number, gender, age_range in people:
        statistics.count(Flow.IN, now, number, gender=gender, age_range=age_range)
        statistics.count(Flow.OUT, now)
    slots = statistics.slots(Flow.IN, start, start + length, seconds)
    inside = [person for person in people if start <= person[0] < start + length]
    assert sum(slot.total for slot in slots) == sum(number for _now, number, _gender, _age in inside)
    assert sum(sum(slot.men) for slot in slots) == sum(
        number for _now, number, gender, _age in inside if gender == MALE
    )
    assert all((slot.start - start) % seconds == 0 and slot.total and slot.end <= start + length for slot in slots)
    assert [slot.start for slot in slots] == sorted({slot.start for slot in slots})


@pytest.fixture
async def visited(timed_camera: SimulatedCamera, midnight: int) -> SimulatedCamera:
    """Each of the nine came as often as its number says."""
    for person in list(timed_camera.library.faces.values()):
        for _ in range(int(person.faceid)):
            timed_camera.emit_face(faceid=person.faceid)
    return timed_camera


@pytest.mark.parametrize(
    ("filters", "attributes", "expected"),
    [
        ({}, {}, ["9", "8", "7", "6", "5", "4", "3", "2", "1"]),
        ({"order": 2}, {}, ["9", "8"]),
        ({"page_size": 2, "page_num": 2}, {}, ["7", "6"]),
        ({"group_name": "vip"}, {}, ["2", "1"]),
        ({"group_name": "vip"}, {"hobby": "chess"}, ["2"]),
        ({"group_name": "vip"}, {"item1": "1", "hobby": "tennis"}, ["1"]),
        ({"gender": 1}, {}, ["7", "6", "4", "2"]),
        ({"age": 47}, {}, ["2"]),
        ({"age_range": 6}, {}, ["8", "2"]),
        ({"age": 47, "age_range": 1}, {}, ["2"]),
    ],
)
async def test_visitors(
    timed_api: Api, visited: SimulatedCamera, filters: dict[str, Any], attributes: dict[str, str], expected: list[str]
) -> None:
    wanted = {"start_time": MIDNIGHT, "end_time": MIDNIGHT + 1, "order": 50, **filters}
    found = await timed_api.get(GET_VISITOR_LIST, attributes, **wanted)
    assert [face["faceid"].lstrip("0") for face in found["face_list"]] == expected
    assert [str(face["arrive_times"]) for face in found["face_list"]] == expected
    assert found["return_num"] == len(expected)


async def test_what_a_visitor_looks_like(timed_api: Api, visited: SimulatedCamera) -> None:
    wanted = {"start_time": MIDNIGHT, "end_time": MIDNIGHT + 1, "order": 9, "group_name": "staff"}
    found = await timed_api.get(GET_VISITOR_LIST, **wanted)
    # Here an age is text, and empty where nobody entered it.
    assert found["face_list"] == [
        {**face, "group_name": "staff"}
        for face in (
            {"faceid": "00000004", "age": "", "age_range": 7, "gender": 1, "arrive_times": 4, "shift": "late"},
            {"faceid": "00000003", "age": "31", "age_range": 5, "gender": 2, "arrive_times": 3, "shift": "early"},
        )
    ]


@pytest.mark.parametrize(
    ("filters", "attributes", "code"),
    [
        ({"group_name": "nobody"}, {}, 269),
        ({"group_name": "vip"}, {"colour": "red"}, 284),
        ({"group_name": "vip"}, {"item5": "red"}, 284),
        ({"group_name": "stranger"}, {"item1": "red"}, 284),
        ({}, {"hobby": "chess"}, 284),
        ({"group_name": "vip"}, {"hobby": "golf"}, 280),
        ({"age": 99}, {}, 280),
        ({"start_time": 0, "end_time": MIDNIGHT}, {}, 280),
    ],
)
async def test_queries_that_fail(
    timed_api: Api, visited: SimulatedCamera, filters: dict[str, Any], attributes: dict[str, str], code: int
) -> None:
    wanted = {"start_time": MIDNIGHT, "end_time": MIDNIGHT + 1, "order": 9, **filters}
    assert await timed_api.code(GET_VISITOR_LIST, attributes, **wanted) == code


async def test_who_is_deleted_was_never_there(timed_api: Api, visited: SimulatedCamera) -> None:
    period = {"start_time": MIDNIGHT, "end_time": MIDNIGHT + 1}
    assert (await timed_api.get(GET_FACE_VISIT_DETAIL, faceid="00000002", **period))["total_times"] == 2
    visited.library.delete_face(visited.library.face("00000002"))
    assert await timed_api.code(GET_FACE_VISIT_DETAIL, faceid="00000002", **period) == 280
    found = await timed_api.get(GET_VISITOR_LIST, order=50, group_name="vip", **period)
    assert [face["faceid"] for face in found["face_list"]] == ["00000001"]


async def test_without_a_card_there_are_no_counts(api: Api, camera: SimulatedCamera) -> None:
    camera.card = CardStatus.OUT
    period = {"start_time": 0, "end_time": 2_000_000_000}
    assert await api.code(GET_PEOPLE_STAT, period=1, **period) == 220
    assert await api.code(GET_VISITOR_LIST, order=1, **period) == 220
    assert await api.code(GET_FACE_VISIT_DETAIL, faceid="00000001", **period) == 220
    camera.count_people(Flow.IN)
    camera.card = CardStatus.WORKING
    assert await api.code(GET_PEOPLE_STAT, period=1, **period) == 280


async def test_an_fm010_counts_people_too(http: aiohttp.ClientSession) -> None:
    async with SimulatedCamera(CameraSettings(discovery_port=None, model="FM010")) as camera:
        camera.count_people(Flow.IN, 3)
        assert (await Api(http, camera).get(GET_PEOPLE_STAT, start_time=0, end_time=9_000_000_000, period=3))[
            "total"
        ] == 3
