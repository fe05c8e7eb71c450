"""``face/*Face*``: faces over real HTTPS, and their pictures."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from ipc_bridge.catalog.device import (
    ADD_FACE,
    DELETE_FACE,
    GET_FACE,
    GET_FACE_BY_ARRIVAL,
    GET_FACE_BY_PICTURE,
    GET_FACE_LIST,
    UPDATE_FACE,
    UPDATE_GROUP,
)
from ipc_bridge.catalog.fields import File
from ipc_bridge.simulator import SimulatedCamera
from ipc_bridge.simulator.portraits import JPEG, Portraits, digest, portrait
from tests.simulator.api import Api, Clock

PNG = base64.b64decode(File().sample["base64"])
MOST = str(2**63 - 1)


async def test_a_face_with_everything(api: Api, camera: SimulatedCamera) -> None:
    attributes = {"hobby": "Öl & Essig=+", "item1": "7", "colour": "red"}
    added = await api.get(ADD_FACE, attributes, pic=PNG, group_name="vip", faceid=MOST, age=30, gender=2)
    assert added == {"faceid": MOST}
    face = await api.get(GET_FACE, faceid=MOST)
    address = face.pop("pic_url")
    assert face == {
        "faceid": MOST,
        "group_name": "vip",
        "age": 30,
        "age_range": 5,
        "gender": 2,
        "arrive_count": 0,
        "arrive_time": 0,
        # The first attribute of the group; what the group does not have is ignored.
        "vip_level": "7",
        "hobby": "Öl & Essig=+",
    }
    assert await api.download(address) == (200, PNG)
    assert await api.code(ADD_FACE, pic=PNG, group_name="vip", faceid=MOST) == 206
    call = camera.calls[0]
    assert (call.files["pic"].size, call.files["pic"].sha256) == (len(PNG), digest(PNG))
    assert str(call).endswith(f"pic=<pic.jpg, {len(PNG)} bytes> -> 0 SUCCESS")


async def test_a_face_of_which_nothing_is_known(api: Api) -> None:
    faceid = (await api.get(ADD_FACE, pic=JPEG, group_name="stranger"))["faceid"]
    face = await api.get(GET_FACE, faceid=faceid)
    assert face["age"] is None
    assert face["gender"] in (1, 2)
    assert 1 <= face["age_range"] <= 8
    other = (await api.get(ADD_FACE, pic=JPEG, group_name="stranger"))["faceid"]
    assert other != faceid
    again = await api.get(GET_FACE, faceid=other)
    assert (again["gender"], again["age_range"]) == (face["gender"], face["age_range"])


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"group_name": "nobody"}, 204),
        ({"group_name": "vip", "faceid": "00000001"}, 206),
        ({"group_name": "vip", "faceid": "0"}, 2),
        ({"group_name": "vip", "age": -1}, 2),
    ],
)
async def test_what_cannot_be_added(api: Api, camera: SimulatedCamera, params: dict[str, Any], code: int) -> None:
    before = len(camera.library.faces)
    assert await api.code(ADD_FACE, pic=JPEG, **params) == code
    assert len(camera.library.faces) == before


def png(width: int, height: int) -> bytes:
    return PNG[:16] + width.to_bytes(4) + height.to_bytes(4) + PNG[24:]


@pytest.mark.parametrize(
    ("picture", "code"),
    [
        (png(1920, 1080), 0),
        (png(1921, 1080), 210),
        (png(1920, 1081), 210),
        (png(0, 0), 210),
        (JPEG[:-2] + bytes(2**20 - len(JPEG)) + JPEG[-2:], 0),
        (JPEG[:-2] + bytes(2**20 - len(JPEG) + 1) + JPEG[-2:], 210),
        (JPEG[:-10], 210),
        (PNG[:-10], 210),
        (b"GIF89a" + bytes(100), 210),
        (b"", 210),
    ],
    ids=["largest", "wide", "high", "no-pixels", "longest", "long", "cut-jpeg", "cut-png", "gif", "empty"],
)
async def test_pictures(api: Api, picture: bytes, code: int) -> None:
    assert (await api.call(ADD_FACE, pic=picture, group_name="vip"))[0] == code
    assert await api.code(UPDATE_FACE, group_name="vip", faceid="00000001", pic=picture) == code
    # Nobody looks like it, or the one that was just added.
    assert (await api.call(GET_FACE_BY_PICTURE, pic=picture))[0] == code


async def test_a_group_that_is_full(api: Api, camera: SimulatedCamera) -> None:
    assert await api.code(UPDATE_GROUP, old_name="vip", name="vip", capacity=3, description="Three") == 0
    assert (await api.call(ADD_FACE, pic=JPEG, group_name="vip"))[0] == 0
    assert await api.code(ADD_FACE, pic=JPEG, group_name="vip") == 208
    moved = {"group_name": "staff", "faceid": "00000003", "new_group_name": "vip", "age": 99}
    assert await api.code(UPDATE_FACE, **moved) == 208
    assert camera.library.faces["00000003"].age == 31


async def test_an_update_changes_what_is_given(api: Api) -> None:
    before = await api.get(GET_FACE, faceid="00000001")
    assert await api.code(UPDATE_FACE, {"hobby": "golf"}, group_name="vip", faceid="00000001", age=47) == 0
    after = await api.get(GET_FACE, faceid="00000001")
    assert after["pic_url"] is not None
    assert {**after, "pic_url": 0} == {**before, "pic_url": 0, "age": 47, "age_range": 7, "hobby": "golf"}
    assert await api.code(UPDATE_FACE, group_name="vip", faceid="00000001", gender=0, age=0) == 0
    face = await api.get(GET_FACE, faceid="00000001")
    assert (face["gender"], face["age"], face["age_range"]) == (0, None, 7)
    assert await api.code(UPDATE_FACE, group_name="staff", faceid="00000001") == 207
    assert await api.code(UPDATE_FACE, group_name="nobody", faceid="00000001") == 204
    assert await api.code(UPDATE_FACE, group_name="vip", faceid="00000001", new_group_name="nobody") == 204


async def test_who_moves_leaves_the_attributes_of_the_old_group_behind(api: Api) -> None:
    moved = {"group_name": "vip", "faceid": "00000002", "new_group_name": "staff"}
    assert await api.code(UPDATE_FACE, {"item1": "late"}, **moved) == 0
    face = await api.get(GET_FACE, faceid="00000002")
    assert (face["group_name"], face["shift"]) == ("staff", "late")
    assert not face.keys() & {"vip_level", "hobby"}


async def test_deletion_says_what_became_of_each(api: Api, camera: SimulatedCamera) -> None:
    wanted = ["00000001", "00000003", "1"]
    assert await api.code(DELETE_FACE, num=2, group_name="vip", faceid_list=wanted) == 2
    assert await api.get(DELETE_FACE, num=3, group_name="vip", faceid_list=wanted) == {
        "success_list": ["00000001"],
        "failed_list": ["00000003"],
        "not_exist_list": ["1"],
    }
    assert await api.code(GET_FACE, faceid="00000001") == 207
    assert await api.code(DELETE_FACE, num=1, group_name="nobody", faceid_list=["1"]) == 204
    assert "00000003" in camera.library.faces


async def test_pages(api: Api, camera: SimulatedCamera) -> None:
    for number in range(23):
        camera.library.add_face("regular", str(100 + number))
    pages = [await api.get(GET_FACE_LIST, group_name="regular", page_num=number) for number in (1, 2, 3, 4)]
    assert [page["return_num"] for page in pages] == [10, 10, 5, 0]
    assert {page["total_num"] for page in pages} == {25}
    ids = [face["faceid"] for page in pages for face in page["faceid_list"]]
    assert len(set(ids)) == 25
    everyone = await api.get(GET_FACE_LIST, group_name="regular", page_size=100)
    assert [face["faceid"] for face in everyone["faceid_list"]] == ids
    assert await api.code(GET_FACE_LIST, group_name="nobody") == 204


async def test_the_longest_absent(timed_api: Api, timed_camera: SimulatedCamera, clock: Clock) -> None:
    for faceid in ("00000004", "00000003"):
        timed_camera.emit_face(faceid=faceid)
        clock.now += 60
    one = await timed_api.get(GET_FACE_BY_ARRIVAL, group_name="staff")
    assert [face["faceid"] for face in one["faceid_list"]] == ["00000004"]
    # Nobody entered an age, and here that is 0.
    assert (one["return_num"], one["faceid_list"][0]["age"]) == (1, 0)
    all_of_them = await timed_api.get(GET_FACE_BY_ARRIVAL, group_name="staff", num=10)
    assert [face["faceid"] for face in all_of_them["faceid_list"]] == ["00000004", "00000003"]
    timed_camera.library.create_group("empty", 1)
    assert await timed_api.code(GET_FACE_BY_ARRIVAL, group_name="empty") == 207
    assert await timed_api.code(GET_FACE_BY_ARRIVAL, group_name="nobody") == 204


async def test_a_face_is_found_by_its_picture(api: Api) -> None:
    mine = portrait("a picture of my own")
    assert await api.code(GET_FACE_BY_PICTURE, pic=mine) == 280
    faceid = (await api.get(ADD_FACE, pic=mine, group_name="vip"))["faceid"]
    assert (await api.get(GET_FACE_BY_PICTURE, pic=mine))["faceid"] == faceid
    known = await api.get(GET_FACE, faceid="00000005")
    _status, picture = await api.download(known["pic_url"])
    assert (await api.get(GET_FACE_BY_PICTURE, pic=picture))["faceid"] == "00000005"


def test_old_pictures_make_room_for_new_ones() -> None:
    portraits = Portraits()
    large = [bytes([number]) * 2**20 for number in range(65)]
    for picture in large:
        portraits.put(digest(picture), picture)
        portraits.put(digest(picture), picture)
    assert portraits.get(digest(large[0])) is None
    assert portraits.get(digest(large[1])) == large[1]
    assert portraits.get(digest(large[64])) == large[64]
