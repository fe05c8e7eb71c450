"""``face/*Group*`` and ``face/*InfoItem``: groups, their attributes, and every limit of them."""

from __future__ import annotations

import pytest

from ipc_bridge.catalog.device import (
    ADD_FACE_INFO_ITEM,
    CREATE_GROUP,
    DELETE_FACE,
    DELETE_GROUP,
    GET_FACE,
    GET_FACE_INFO_ITEM,
    GET_GROUP_LIST,
    REMOVE_FACE_INFO_ITEM,
    UPDATE_GROUP,
    UPDATE_MIGRATION,
)
from ipc_bridge.simulator import SimulatedCamera
from ipc_bridge.simulator.library import FaceLibrary
from ipc_bridge.simulator.refusals import RefusalError
from tests.simulator.api import Api


def group(name: str, capacity: int = 100, description: str = "Somebody") -> dict[str, object]:
    return {"name": name, "capacity": capacity, "description": description}


async def test_groups_come_and_change_and_go(api: Api) -> None:
    assert await api.code(CREATE_GROUP, **group("gold", 200, "Gold card")) == 0
    assert await api.code(UPDATE_GROUP, old_name="gold", **group("diamond", 300, "Diamonds")) == 0
    listed = await api.get(GET_GROUP_LIST)
    assert listed["num"] == len(listed["face_group"]) == 5
    assert {each["name"] for each in listed["face_group"]} == {"regular", "stranger", "vip", "staff", "diamond"}
    diamond = next(each for each in listed["face_group"] if each["name"] == "diamond")
    assert diamond == {"name": "diamond", "capacity": 300, "count": 0, "description": "Diamonds"}
    stranger = next(each for each in listed["face_group"] if each["name"] == "stranger")
    assert (stranger["times"], stranger["period"], stranger["count"]) == (5, 7, 3)
    assert await api.code(DELETE_GROUP, name="diamond") == 0
    assert await api.code(DELETE_GROUP, name="diamond") == 204


async def test_what_a_group_cannot_be(api: Api) -> None:
    assert await api.code(CREATE_GROUP, **group("vip")) == 200
    assert await api.code(CREATE_GROUP, **group("VIP")) == 0
    assert await api.code(UPDATE_GROUP, old_name="nobody", **group("gold")) == 204
    assert await api.code(UPDATE_GROUP, old_name="vip", **group("staff")) == 200
    assert await api.code(UPDATE_GROUP, old_name="stranger", **group("gold")) == 201
    assert await api.code(UPDATE_GROUP, old_name="stranger", **group("stranger", 50)) == 0
    # vip has two faces.
    assert await api.code(UPDATE_GROUP, old_name="vip", **group("vip", 1)) == 202
    assert await api.code(UPDATE_GROUP, old_name="vip", **group("vip", 2)) == 0
    assert await api.code(DELETE_GROUP, name="vip") == 205


async def test_a_group_can_be_deleted_once_it_is_empty(api: Api) -> None:
    faces = ["00000003", "00000004"]
    deleted = await api.get(DELETE_FACE, num=2, group_name="staff", faceid_list=faces)
    assert deleted["success_list"] == faces
    assert await api.code(DELETE_GROUP, name="staff") == 0


async def test_ten_groups_and_thirty_thousand_faces(api: Api, camera: SimulatedCamera) -> None:
    left = 30_000 - sum(each.capacity for each in camera.library.groups.values())
    assert await api.code(CREATE_GROUP, **group("big", left + 1)) == 202
    assert await api.code(CREATE_GROUP, **group("big", left)) == 0
    assert await api.code(CREATE_GROUP, **group("one more", 1)) == 202
    assert await api.code(UPDATE_GROUP, old_name="big", **group("big", left + 1)) == 202
    assert await api.code(UPDATE_GROUP, old_name="big", **group("big", 10)) == 0
    for number in range(5):
        assert await api.code(CREATE_GROUP, **group(f"group {number}", 1)) == 0
    assert len(camera.library.groups) == 10
    assert await api.code(CREATE_GROUP, **group("eleventh", 1)) == 202
    assert await api.code(DELETE_GROUP, name="group 0") == 0
    assert await api.code(CREATE_GROUP, **group("eleventh", 1)) == 0


async def test_attributes(api: Api, camera: SimulatedCamera) -> None:
    assert await api.get(GET_FACE_INFO_ITEM, group_name="staff") == {"num": 1, "name_list": ["shift"]}
    more = {"num": 2, "group_name": "staff", "name_list": ["locker", "größe"]}
    assert await api.code(ADD_FACE_INFO_ITEM, **more) == 0
    assert await api.get(GET_FACE_INFO_ITEM, group_name="staff") == {
        "num": 3,
        "name_list": ["shift", "locker", "größe"],
    }
    assert await api.code(ADD_FACE_INFO_ITEM, num=1, group_name="staff", name_list=["shift"]) == 241
    assert await api.code(ADD_FACE_INFO_ITEM, num=2, group_name="staff", name_list=["key"]) == 2
    assert await api.code(ADD_FACE_INFO_ITEM, num=3, group_name="staff", name_list=["a", "b", "c"]) == 242
    assert await api.code(ADD_FACE_INFO_ITEM, num=1, group_name="nobody", name_list=["a"]) == 204
    assert await api.code(ADD_FACE_INFO_ITEM, num=1, group_name="stranger", name_list=["a"]) == 2
    assert await api.code(REMOVE_FACE_INFO_ITEM, num=2, group_name="staff", name_list=["locker", "key"]) == 243
    assert await api.code(REMOVE_FACE_INFO_ITEM, num=2, group_name="staff", name_list=["locker", "shift"]) == 0
    assert await api.get(GET_FACE_INFO_ITEM, group_name="staff") == {"num": 1, "name_list": ["größe"]}
    assert camera.library.faces["00000003"].attributes == {}
    assert "shift" not in await api.get(GET_FACE, faceid="00000003")
    assert await api.get(GET_FACE_INFO_ITEM, group_name="stranger") == {"num": 0, "name_list": []}
    assert await api.code(GET_FACE_INFO_ITEM, group_name="nobody") == 204


async def test_the_rule_of_strangers_is_kept(api: Api, camera: SimulatedCamera) -> None:
    assert await api.code(UPDATE_MIGRATION, arrive_times=2, period=100) == 0
    assert (camera.library.times, camera.library.period) == (2, 100)


def test_what_only_python_can_try() -> None:
    library = FaceLibrary(())
    for attempt, code in (
        (lambda: library.delete_group("regular"), 201),
        (lambda: library.add_attributes("regular", ["hobby"]), 242),
        (lambda: library.add_attributes("regular", ["faceid"]), 240),
        (lambda: library.create_group("", 1), 201),
        (lambda: library.create_group("vip", 0), 202),
        (lambda: library.create_group("vip", 1, "x" * 151), 212),
        (lambda: library.add_face("stranger", "0"), 2),
    ):
        with pytest.raises(RefusalError) as refused:
            attempt()
        assert refused.value.code == code
    assert (list(library.groups), library.faces) == (["regular", "stranger"], {})
