"""Who is recognised: events, arrivals, visits and counts tell the same story, and strangers become regulars."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ipc_bridge.catalog.device import ACTIVATE, GET_FACE, GET_FACE_VISIT_DETAIL, GET_PEOPLE_STAT, UPDATE_MIGRATION
from ipc_bridge.simulator import CameraSettings, CardStatus, NotSeenError, SimulatedCamera
from ipc_bridge.simulator.library import FaceLibrary
from ipc_bridge.wire.payload import decode_object
from tests.simulator.api import Api, Clock

DAY = 86400


def sent(camera: SimulatedCamera, event_id: int) -> dict[str, Any]:
    return decode_object(camera.unacknowledged[event_id].payload)


async def test_an_arrival_shows_everywhere(timed_api: Api, timed_camera: SimulatedCamera, clock: Clock) -> None:
    began = int(clock.now)
    timed_camera.emit_face(faceid="00000001")
    clock.now += 100
    event = sent(timed_camera, timed_camera.emit_face(faceid="00000001"))
    assert (event["group_name"], event["age"], event["gender"], event["arrive_times"]) == ("vip", 10, 2, 2)
    assert event["report_time"] == began + 100
    attributes = {"vip_level": "1", "hobby": "tennis", "weight": "60", "height": "180"}
    assert attributes.items() <= event.items()
    face = await timed_api.get(GET_FACE, faceid="00000001")
    assert (face["arrive_count"], face["arrive_time"]) == (2, began + 100)
    assert attributes.items() <= face.items()
    period = {"start_time": began, "end_time": began + 1000}
    visits = await timed_api.get(GET_FACE_VISIT_DETAIL, faceid="00000001", **period)
    assert visits == {"total_times": 2, "came_in_time": [began, began + 100]}
    counts = await timed_api.get(GET_PEOPLE_STAT, period=3, **period)
    assert (counts["total"], counts["stat_list"][0]["female_num_stat"]) == (2, [0, 2, 0, 0, 0, 0, 0, 0])


async def test_anyone_of_a_group(camera: SimulatedCamera) -> None:
    events = [sent(camera, camera.emit_face(group_name="staff")) for _ in range(20)]
    assert {event["faceid"] for event in events} == {"00000003", "00000004"}
    assert {event["shift"] for event in events} == {"early", "late"}
    assert sum(camera.library.faces[faceid].arrive_count for faceid in ("00000003", "00000004")) == 20


@pytest.mark.parametrize("overrides", [{"faceid": "4711"}, {"faceid": 5}, {"faceid": ""}])
async def test_who_is_not_in_the_library_counts_nowhere(camera: SimulatedCamera, overrides: dict[str, Any]) -> None:
    event = sent(camera, camera.emit_face(**overrides, group_name="nobody"))
    assert (event["faceid"], event["group_name"]) == (overrides["faceid"], "nobody")
    assert sum(face.arrive_count for face in camera.library.faces.values()) == 0
    assert not camera.statistics.visits(0, 2**40)


async def test_overrides_change_the_event_and_not_the_library(camera: SimulatedCamera) -> None:
    event = sent(camera, camera.emit_face(faceid="00000003", age="NULL", arrive_times=99, shift="none"))
    assert (event["age"], event["arrive_times"], event["shift"]) == ("NULL", 99, "none")
    face = camera.library.faces["00000003"]
    assert (face.age, face.arrive_count, face.attributes) == (31, 1, {"shift": "early"})


async def test_a_stranger_is_new_and_known_from_then_on(camera: SimulatedCamera) -> None:
    event = sent(camera, camera.emit_stranger())
    assert (event["group_name"], event["arrive_times"], event["age"]) == ("stranger", 1, "")
    again = sent(camera, camera.emit_face(faceid=event["faceid"]))
    assert (again["faceid"], again["arrive_times"]) == (event["faceid"], 2)
    assert sent(camera, camera.emit_stranger())["faceid"] != event["faceid"]


async def test_a_camera_that_knows_nobody_sees_strangers() -> None:
    async with SimulatedCamera(CameraSettings(discovery_port=None, people=())) as camera:
        assert sent(camera, camera.emit_face())["group_name"] == "stranger"
        assert len(camera.library.faces) == 1


async def test_without_a_card_nobody_is_recognised(camera: SimulatedCamera) -> None:
    camera.card = CardStatus.OUT
    with pytest.raises(NotSeenError, match="SD card"):
        camera.emit_face()
    with pytest.raises(NotSeenError, match="SD card"):
        camera.emit_stranger()
    camera.card = CardStatus.WORKING
    assert camera.emit_face() == 1


async def test_a_regular_by_the_fifth_visit_of_a_week(
    timed_api: Api, timed_camera: SimulatedCamera, clock: Clock
) -> None:
    groups = []
    for _ in range(5):
        clock.now += DAY
        groups.append(sent(timed_camera, timed_camera.emit_face(faceid="00000007"))["group_name"])
    assert groups == ["stranger"] * 4 + ["regular"]
    assert (await timed_api.get(GET_FACE, faceid="00000007"))["group_name"] == "regular"
    assert "00000007" in timed_camera.library.groups["regular"].faces
    assert "00000007" not in timed_camera.library.groups["stranger"].faces


async def test_visits_too_far_apart_make_no_regular(
    timed_api: Api, timed_camera: SimulatedCamera, clock: Clock
) -> None:
    for _ in range(20):
        clock.now += 2 * DAY
        timed_camera.emit_face(faceid="00000007")
    assert timed_camera.library.faces["00000007"].group.name == "stranger"
    assert await timed_api.code(UPDATE_MIGRATION, arrive_times=10, period=19) == 0
    clock.now += 2 * DAY
    timed_camera.emit_face(faceid="00000007")
    assert timed_camera.library.faces["00000007"].group.name == "regular"


def test_a_member_stays_a_member_and_a_full_group_takes_nobody() -> None:
    library = FaceLibrary()
    library.times, library.period = 1, 1
    library.arrive(library.faces["00000001"], 1000)
    assert library.faces["00000001"].group.name == "vip"
    library.update_group("regular", "regular", 2, "")
    library.arrive(library.faces["00000007"], 1000)
    assert library.faces["00000007"].group.name == "stranger"


@given(st.lists(st.integers(0, 30 * DAY), min_size=1, max_size=30), st.integers(1, 10), st.integers(1, 10))
def test_the_rule_against_a_count_by_hand(times: list[int], arrivals: int, period: int) -> None:
    library = FaceLibrary(())
    library.times, library.period = arrivals, period
    face = library.admit_stranger()
    came: list[int] = []
    regular = False
    for now in sorted(times):
        library.arrive(face, now)
        came.append(now)
        regular = regular or sum(now - period * DAY < time <= now for time in came) >= arrivals
        assert (face.group.name == "regular") == regular
    assert face.arrive_count == len(times)


def test_the_longest_absent_stranger_makes_room() -> None:
    library = FaceLibrary(())
    library.update_group("stranger", "stranger", 2, "")
    first, second = library.admit_stranger(), library.admit_stranger()
    library.arrive(first, 2000)
    library.arrive(second, 1000)
    third = library.admit_stranger()
    assert list(library.faces) == [first.faceid, third.faceid]
    assert third.faceid not in (first.faceid, second.faceid)


async def test_activation_forgets_everybody(http: aiohttp.ClientSession) -> None:
    settings = CameraSettings(discovery_port=None, activated=False)
    async with SimulatedCamera(settings) as camera:
        assert len(camera.library.faces) == 9
        assert await Api(http, camera).code(ACTIVATE, sn=camera.sn) == 0
        assert (list(camera.library.groups), camera.library.faces) == (["regular", "stranger"], {})
        assert camera.library.groups["stranger"].faces == {}
