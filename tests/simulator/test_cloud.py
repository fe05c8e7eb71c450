"""The simulated cloud: strict about who asks, for what, and in which form; and what it keeps."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from ipc_bridge.catalog import cloud as rows
from ipc_bridge.catalog.cloud import ENDPOINTS
from ipc_bridge.catalog.endpoint import Endpoint
from ipc_bridge.catalog.fields import encode
from ipc_bridge.simulator.cloud import CallbackForm, CloudSettings, GroupType, SimulatedCloud
from ipc_bridge.wire.signing import Credentials, is_signed, public_params, sign
from tests.mqtt.broker import eventually

HOST = "127.30.8.1"
SHOP = "100939020409"
CREDENTIALS = Credentials("demo-app", "demo-secret")
FRONT, FREE, FREE_MAC = "FS101D8BS00106", "C201D8BS00089", "0C25766F5705"


def settings(**changes: Any) -> CloudSettings:
    return CloudSettings(host=HOST, cameras=((FRONT, "020000000106"),), unbound=((FREE, FREE_MAC),), **changes)


@pytest.fixture
async def cloud() -> AsyncIterator[SimulatedCloud]:
    async with SimulatedCloud(settings()) as cloud:
        yield cloud


class Client:
    """Sends what it is told to, right or wrong."""

    def __init__(self, http: aiohttp.ClientSession, cloud: SimulatedCloud) -> None:
        self._http = http
        self._cloud = cloud

    def signed(self, params: dict[str, Any], **changes: str) -> dict[str, str]:
        texts = {name: encode(value) for name, value in params.items()}
        texts |= public_params(CREDENTIALS, int(time.time()), "5dsf6698") | changes
        return {"sign": sign(texts, CREDENTIALS.secret_key), **texts}

    async def post(self, path: str, **request: Any) -> tuple[int, Any]:
        """HTTP status and body."""
        async with self._http.post(f"{self._cloud.base_url}/{path}", **request) as response:
            text = await response.text()
            return response.status, json.loads(text) if text else None

    async def code(self, endpoint: Endpoint, /, **params: Any) -> int:
        """The code of a call."""
        return (await self.answer(endpoint, **params))["code"]  # type: ignore[no-any-return]

    async def answer(self, endpoint: Endpoint, /, **params: Any) -> Any:
        """All that comes back from a call of the shop."""
        shop = {"sunmi_shop_no": SHOP} if "sunmi_shop_no" in endpoint.params else {}
        status, answer = await self.post(endpoint.path, data=self.signed({**shop, **params}))
        assert status == 200
        assert answer.keys() == {"code", "msg", "data"}
        assert (answer["data"] is None) == (answer["code"] != 0)
        return answer


@pytest.fixture
async def client(http: aiohttp.ClientSession, cloud: SimulatedCloud) -> Client:
    return Client(http, cloud)


# Who asks.


@pytest.mark.parametrize("endpoint", ENDPOINTS.values(), ids=str)
async def test_nothing_without_a_signature(endpoint: Endpoint, client: Client, cloud: SimulatedCloud) -> None:
    texts = client.signed({})
    for wrong in ({**texts, "sign": texts["sign"].lower()}, {**texts, "app_id": "other"}, {**texts, "extra": "1"}):
        body = aiohttp.FormData(default_to_multipart=endpoint.multipart)
        for name, text in wrong.items():
            body.add_field(name, text)
        status, answer = await client.post(endpoint.path, data=body)
        assert (status, answer) == (401, {"code": 5090, "msg": "", "data": None})
    assert [call.code for call in cloud.calls] == [5090] * 3


async def test_when_it_was_signed(client: Client) -> None:
    for seconds, status in ((-200, 200), (-400, 401), (400, 401)):
        texts = client.signed({"sunmi_shop_no": SHOP}, timestamp=str(int(time.time()) + seconds))
        assert (await client.post(rows.GET_TODAY.path, data=texts))[0] == status
    for changes in ({"random": "12345"}, {"random": "12345678901"}, {"random": "12-456"}, {"timestamp": "15813339700"}):
        _status, answer = await client.post(rows.GET_TODAY.path, data=client.signed({"sunmi_shop_no": SHOP}, **changes))
        assert answer["code"] == 5020


async def test_which_shop(client: Client) -> None:
    for params in ({}, {"sunmi_shop_no": "1"}, {"shop_id": "7948"}):
        _status, answer = await client.post(rows.GET_TODAY.path, data=client.signed(params))
        assert answer["code"] == 5041
    assert await client.code(rows.GET_TODAY, shop_id="7948") == 0
    assert await client.code(rows.GET_COMPANY_LIST, sunmi_company_no=SHOP) == 5041


# In which form.


async def test_forms(client: Client, cloud: SimulatedCloud, http: aiohttp.ClientSession) -> None:
    texts = client.signed({"sunmi_shop_no": SHOP})
    multipart = aiohttp.FormData(default_to_multipart=True)
    for name, text in texts.items():
        multipart.add_field(name, text)
    assert (await client.post(rows.GET_TODAY.path, data=multipart))[1]["code"] == 5020
    assert (await client.post(rows.GET_TODAY.path, json=texts))[1]["code"] == 5020
    assert (await client.post(rows.ADD_FACE.path, data=texts))[1]["code"] == 5020
    assert (await client.post("device/ipc/reboot", data=texts))[1]["code"] == 5020
    async with http.get(f"{cloud.base_url}/{rows.GET_TODAY.path}") as response:
        assert (await response.json())["code"] == 5020
    large = client.signed({"sunmi_shop_no": SHOP, "shop_id": "1" * 1_000_001})
    assert (await client.post(rows.GET_TODAY.path, data=large))[0] == 413


@pytest.mark.parametrize(
    ("endpoint", "params", "code"),
    [
        (rows.GET_TODAY, {"surplus": 1}, 5020),
        (rows.GET_GROUP, {}, 5020),
        (rows.GET_CAMERA, {}, 5020),
        (rows.GET_CAMERA, {"ipc_sn": "nobody"}, 5501),
        (rows.LIVE_START, {"ipc_sn": FRONT, "resolution": 2}, 5020),
        (rows.LIVE_START, {"ipc_sn": FREE, "resolution": 1}, 5510),
        (rows.GET_VIDEO_LIST, {"ipc_sn": FREE, "start_time": 0, "end_time": 1}, 5013),
        (rows.GET_VIDEO_LIST, {"ipc_sn": FRONT, "start_time": 0, "end_time": 3601}, 5021),
        (rows.GET_VIDEO_LIST, {"ipc_sn": FRONT, "start_time": 1, "end_time": 0}, 5020),
        (rows.GET_FREQUENCY, {"start_time": "2026-01-01", "end_time": "2026-01-31"}, 5025),
        (rows.GET_FREQUENCY, {"start_time": "2026-01-02", "end_time": "2026-01-01"}, 5025),
        (rows.GET_FREQUENCY, {"start_time": "2099-01-01", "end_time": "2099-01-01"}, 5025),
        (rows.HISTORY_BY_HOUR, {"start_time": "2026-01-01", "end_time": "2026-01-02"}, 5020),
        (rows.HISTORY_BY_DAY, {"start_time": "2026-01-01", "end_time": "2026-01-32"}, 5020),
        (rows.HISTORY_BY_DAY, {"start_time": "2001-01-01", "end_time": "2001-01-02"}, 5013),
        (rows.PLAYBACK_START, {"ipc_sn": FRONT, "start_time": 0, "end_time": 86_400}, 5087),
        (rows.PLAYBACK_START, {"ipc_sn": FRONT, "start_time": 0, "end_time": 86_401}, 5021),
        (rows.PLAYBACK_START, {"ipc_sn": FREE, "start_time": 0, "end_time": 1}, 5506),
        (rows.PLAYBACK_STOP, {"client_id": "nobody's"}, 5020),
        (rows.GET_PLAYBACK_SNAPSHOT, {"ipc_sn": FRONT, "time": 0}, 5013),
        (rows.GET_GROUP, {"group_id": "0"}, 5013),
        (rows.UPDATE_GROUP, {"group_id": "0", "name": "x", "capacity": 1}, 5506),
        (rows.DELETE_GROUP, {"group_id": "0"}, 5506),
        (rows.GET_FACE_LIST, {"group_id": "0"}, 5506),
        (rows.CREATE_GROUP, {"name": "vip", "type": 5, "capacity": 1}, 5523),
        (rows.CREATE_GROUP, {"name": "more strangers", "type": 1, "capacity": 1}, 5523),
        (rows.CREATE_GROUP, {"name": "x", "type": 4, "capacity": 1}, 5020),
        (rows.MOVE_FACES, {"source_group_id": "0", "target_group_id": "1", "face_id_list": ["1"]}, 5522),
        (rows.UPDATE_MOVE_STRATEGY, {"target_group_id": "0", "threshold": 1, "period": 1}, 5506),
        (rows.GET_FACE, {"face_id": "0"}, 5506),
        (rows.BIND, {"ipc_sn": "nobody", "mac": FREE_MAC}, 5501),
        (rows.BIND, {"ipc_sn": FREE, "mac": "0C25766F5706"}, 5079),
        (rows.BIND, {"ipc_sn": FRONT, "mac": "020000000106"}, 5509),
        (rows.UNBIND, {"ipc_sn": FREE}, 5510),
        (rows.HOOK_ADD, {"http_callback": "http://:1/", "event_list": [2001]}, 5020),
        (rows.HOOK_ADD, {"http_callback": "http://h/", "event_list": [2002]}, 5020),
    ],
)
async def test_refusals(client: Client, endpoint: Endpoint, params: dict[str, Any], code: int) -> None:
    assert await client.code(endpoint, **params) == code


# What it keeps.


async def test_cameras_come_and_go(client: Client, cloud: SimulatedCloud) -> None:
    assert await client.code(rows.BIND, ipc_sn=FREE, mac=FREE_MAC) == 0
    listed = (await client.answer(rows.GET_CAMERA_LIST))["data"]
    assert (listed["total_count"], [one["ipc_sn"] for one in listed["ipc_list"]]) == (2, [FRONT, FREE])
    assert await client.code(rows.UPDATE_NAME, ipc_sn=FREE, ipc_name="Back door") == 0
    assert (await client.answer(rows.GET_CAMERA, ipc_sn=FREE))["data"]["ipc_name"] == "Back door"
    cloud.camera(FREE).online = False
    for endpoint, params in ((rows.UPDATE_NAME, {"ipc_name": "x"}), (rows.LIVE_START, {"resolution": 0})):
        assert await client.code(endpoint, ipc_sn=FREE, **params) == 5011
    assert await client.code(rows.GET_LIVE_SNAPSHOT, ipc_sn=FREE) == 5011
    assert await client.code(rows.UNBIND, ipc_id=cloud.camera(FREE).ipc_id) == 0
    assert cloud.camera(FREE).shop is None


async def test_groups_and_faces(client: Client, cloud: SimulatedCloud) -> None:
    shop = cloud.shop(SHOP)
    groups = {group.name: group for group in shop.groups.values()}
    for name in ("stranger", "regular", "staff"):
        group_id = groups[name].group_id
        assert await client.code(rows.UPDATE_GROUP, group_id=group_id, name="x", capacity=9) == 5525
        assert await client.code(rows.DELETE_GROUP, group_id=group_id) == 5524
    vip = groups["vip"]
    assert await client.code(rows.DELETE_GROUP, group_id=vip.group_id) == 5509
    # What is not sent is gone, and a group without a name cannot be.
    assert await client.code(rows.UPDATE_GROUP, group_id=vip.group_id, name="gold") == 5520
    assert await client.code(rows.UPDATE_GROUP, group_id=vip.group_id, name="stranger", capacity=9) == 5523
    assert await client.code(rows.CREATE_GROUP, name="full", type=5, capacity=1) == 0
    full = next(group for group in shop.groups.values() if group.name == "full")
    one, other = shop.faces_of(vip)
    move = {"source_group_id": vip.group_id, "target_group_id": full.group_id}
    assert await client.code(rows.MOVE_FACES, **move, face_id_list=[one.face_id, other.face_id]) == 5520
    assert await client.code(rows.MOVE_FACES, **move, face_id_list=[one.face_id]) == 0
    assert await client.code(rows.MOVE_FACES, **move, face_id_list=[one.face_id]) == 5521
    assert await client.code(rows.UPDATE_FACE, group_id=full.group_id, face_id=other.face_id) == 5521
    assert await client.code(rows.UPDATE_FACE, group_id=full.group_id, face_id=one.face_id, name="Nora") == 0
    assert await client.code(rows.DELETE_FACE, group_id=full.group_id, face_id_list=[one.face_id, "0"]) == 0
    assert await client.code(rows.DELETE_GROUP, group_id=full.group_id) == 0
    for number in range(20 - len(shop.groups)):
        assert await client.code(rows.CREATE_GROUP, name=f"group {number}", type=5, capacity=1) == 0
    assert await client.code(rows.CREATE_GROUP, name="one more", type=5, capacity=1) == 5520


async def test_a_stranger_who_comes_often_moves(client: Client, cloud: SimulatedCloud) -> None:
    shop = cloud.shop(SHOP)
    groups = {group.name: group for group in shop.groups.values()}
    strangers, regulars = groups["stranger"].group_id, groups["regular"].group_id
    assert await client.code(rows.UPDATE_MOVE_STRATEGY, target_group_id=strangers, threshold=2, period=60) == 5525
    assert await client.code(rows.UPDATE_MOVE_STRATEGY, target_group_id=regulars, threshold=2, period=60) == 0
    face = shop.faces_of(groups["stranger"])[0]
    types = []
    for _ in range(2):
        cloud.visit(SHOP, face)
        types.append(face.group.type)
    assert types == [GroupType.STRANGERS, GroupType.REGULARS]
    assert (await client.answer(rows.GET_FACE, face_id=face.face_id))["data"]["arrival_count"] == 2


async def test_hours_of_today_in_which_nobody_passed_do_not_say_so(client: Client, cloud: SimulatedCloud) -> None:
    hours = (await client.answer(rows.TODAY_BY_HOUR))["data"]["count_list"]
    assert all("pass_count" not in hour for hour in hours)
    cloud.shop(SHOP).pass_by(passed=4, unexposed=1)
    last = (await client.answer(rows.TODAY_BY_HOUR))["data"]["count_list"][-1]
    assert (last["pass_count"], last["unexposed_count"]) == (4, 1)


async def test_staff_is_not_counted(client: Client, cloud: SimulatedCloud) -> None:
    faces = {face.group.name: face for face in cloud.shop(SHOP).faces.values()}
    for name in ("staff", "vip", "regular", "stranger", "stranger"):
        cloud.visit(SHOP, faces[name])
    assert (await client.answer(rows.GET_TODAY))["data"]["total_count"] == 4
    by_age = (await client.answer(rows.TODAY_BY_TAG))["data"]["count_list"]
    assert [record["age_range"] for record in by_age] == list(range(1, 9))
    assert sum(record["stranger_count"] for record in by_age) == 2


# What it posts.


@pytest.mark.parametrize("form", CallbackForm, ids=lambda form: form.value)
async def test_posts_are_signed_and_come_again(form: CallbackForm, http: aiohttp.ClientSession) -> None:
    got: list[dict[str, str]] = []
    statuses = iter([500, 302, 204])

    async def respond(request: web.BaseRequest) -> web.StreamResponse:
        if request.content_type == "application/json":
            got.append(await request.json())
        else:
            got.append({name: str(value) for name, value in (await request.post()).items()})
        return web.Response(status=next(statuses))

    receiver = web.Server(respond, access_log=None)
    listening = await asyncio.get_running_loop().create_server(receiver, HOST, 0)
    url = f"http://{HOST}:{listening.sockets[0].getsockname()[1]}/callback"
    try:
        async with SimulatedCloud(settings(callback_form=form, callback_retries=(0.0, 0.0))) as cloud:
            client = Client(http, cloud)
            assert await client.code(rows.HOOK_ADD, http_callback=url, event_list=[2001]) == 0
            face = cloud.visit(SHOP)
            await eventually(lambda: cloud.callbacks.taken == 1)
            # Nobody is there.
            cloud.shop(SHOP).callbacks[:] = ["http://127.30.8.9:1/"]
            cloud.visit(SHOP)
    finally:
        listening.close()
        await receiver.shutdown(0.1)
    assert got[0] == got[1] == got[2]
    assert is_signed(got[0], CREDENTIALS.secret_key)
    assert got[0].keys() == {"sunmi_shop_no", "shop_id", "event", "payload", "app_id", "random", "timestamp", "sign"}
    payload = json.loads(got[0]["payload"])
    assert (got[0]["event"], payload["face_id"], payload["group_name"]) == ("2001", face.face_id, face.group.name)
