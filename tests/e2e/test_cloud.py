"""The cloud's shops: from a simulated cloud to an MQTT subscriber, beside cameras of the bridge's own."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from ipc_bridge.bridge.shop_requests import MAX_WAITING
from ipc_bridge.simulator import SimulatedCamera
from ipc_bridge.simulator.cloud import CallbackForm, SimulatedCloud
from tests.cloud.rig import BACK, FREE, FREE_MAC, FRONT, OTHER_SHOP, SHOP, settings
from tests.e2e.harness import LOCALHOST, PATIENCE, Daemon, Site, Subscriber, eventually, free_port, online

TOPIC = f"ipc_bridge/shop/{SHOP}"
CAMERA = f"ipc_bridge/camera/{FRONT}"
VISIT = "test/visit"
PLUGIN = f"""\
from ipc_bridge import hookimpl


@hookimpl
async def person_visited(bridge, camera, event):
    await bridge.publish("{VISIT}", {{"camera": camera.sn, "who": event.cloud_face_id, "by": event.transport}})
"""
NODE = "homeassistant/device/ipc_bridge"


def cloud_section(cloud: SimulatedCloud, **changes: Any) -> dict[str, Any]:
    """The ``cloud`` section; asked ten times a second."""
    return {
        "base_url": cloud.base_url,
        "app_id": "demo-app",
        "secret_key": "demo-secret",
        "shops": [SHOP, OTHER_SHOP],
        "company": cloud.settings.company,
        "interval": 0.1,
        **changes,
    }


def web_section() -> dict[str, Any]:
    port = free_port()
    return {"enabled": True, "port": port, "public_url": f"http://{LOCALHOST}:{port}/bridge"}


class Shop:
    """A bridge with two shops of a cloud, and one camera of its own that the first shop has, too."""

    def __init__(self, site: Site, cloud: SimulatedCloud, hub: Subscriber, daemon: Daemon, camera: SimulatedCamera):
        self.site = site
        self.cloud = cloud
        self.hub = hub
        self.daemon = daemon
        self.camera = camera

    async def ask(self, path: str, params: dict[str, Any] | None = None, shop: str = SHOP) -> dict[str, Any]:
        """Make a request; return its answer."""
        since = self.hub.mark()
        self.hub.publish(f"ipc_bridge/shop/{shop}/request/{path}", json.dumps({"transaction": 7, **(params or {})}))
        answer = await self.hub.wait_for(f"ipc_bridge/shop/{shop}/response/{path}", since=since)
        assert (answer.qos, answer.retain) == (1, False)
        assert answer.json["transaction"] == 7
        return dict(answer.json)

    async def refused(self, path: str, params: dict[str, Any] | None = None, shop: str = SHOP) -> tuple[str, str]:
        """Make a request that is refused; return kind and message."""
        answer = await self.ask(path, params, shop)
        assert answer["status"] == "error"
        return answer["error"]["kind"], answer["error"]["message"]

    async def told(self, leaf: str, since: int = 0, **values: Any) -> dict[str, Any]:
        """Wait for a payload of the shop with these values."""
        message = await self.hub.wait_for(
            f"{TOPIC}/{leaf}", lambda one: values.items() <= one.json.items(), since=since, timeout=PATIENCE
        )
        assert message.qos == 1
        return dict(message.json)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shop(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Shop]:
    async with Site(tmp_path_factory.mktemp("cloud")) as site, SimulatedCloud(settings()) as cloud:
        broker = await site.broker()
        hub = await site.subscriber(broker.port)
        camera = await site.camera(FRONT)
        daemon = await site.daemon(
            broker,
            files={"greet.py": PLUGIN.encode()},
            cloud=cloud_section(cloud, hook=True),
            web=web_section(),
            plugins={"directory": ".", "enabled": {"greet": {}}},
        )
        await online(hub, FRONT)
        await hub.wait_text(f"{TOPIC}/status", "online")
        yield Shop(site, cloud, hub, daemon, camera)
        await daemon.end()
        assert not site.bugs()


pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_info_has_the_cameras(shop: Shop) -> None:
    info = await shop.told("info")
    front = shop.cloud.camera(FRONT)
    info = await shop.told("info", reason=None, company=shop.cloud.settings.company)
    (camera,) = info["cameras"]
    message = await shop.hub.wait_for(f"{TOPIC}/info", lambda one: one.json["cameras"][0]["topic"] is not None)
    assert message.json["cameras"] == [
        {
            "sn": FRONT,
            "ipc_id": front.ipc_id,
            "name": shop.camera.controls.name,
            "model": "FM020",
            "firmware": "1.3.6",
            "online": True,
            "topic": CAMERA,
        }
    ]
    other = await shop.hub.wait_for(f"ipc_bridge/shop/{OTHER_SHOP}/info", lambda one: bool(one.json["cameras"]))
    assert [(one["sn"], one["topic"]) for one in other.json["cameras"]] == [(BACK, None)]
    assert camera["ipc_id"] == front.ipc_id


async def test_a_camera_that_the_cloud_has_lost(shop: Shop) -> None:
    since = shop.hub.mark()
    front = shop.cloud.camera(FRONT)
    front.online = False
    try:
        await shop.hub.wait_for(f"{TOPIC}/info", lambda one: not one.json["cameras"][0]["online"], since=since)
    finally:
        front.online = True


async def test_flow_of_today_and_yesterday(shop: Shop) -> None:
    await shop.told("flow")
    before = shop.cloud.shop(SHOP).today
    already = (len(before.visits), sum(before.passed), sum(before.unexposed))
    shop.cloud.shop(SHOP).pass_by(passed=3, unexposed=2)
    visitors = {face.group.name: face for face in shop.cloud.shop(SHOP).faces.values() if face.gender == 1}
    for name in ("stranger", "stranger", "regular", "vip", "staff"):
        shop.cloud.visit(SHOP, visitors[name])
    counted = len([visit for visit in before.visits if visit.type != 3])
    flow = await shop.told("flow", total=counted, **{"pass": already[1] + 3, "unexposed": already[2] + 2})
    assert flow["in"] == flow["total"] + flow["unexposed"]
    assert flow["out"] is None
    assert flow["strangers"] + flow["regulars"] + flow["members"] == flow["total"]
    assert sum(flow["by_age"].values()) == sum(flow["by_gender"].values()) == flow["total"]
    assert list(flow["by_age"])[::7] == ["0-6", "56 and over"]
    assert flow["since"].endswith("Z")
    yesterday = flow["yesterday"]
    assert yesterday["in"] > yesterday["persons"] > 0
    assert sum(yesterday["by_gender"].values()) == yesterday["total"]
    assert flow.keys() - {"since", "yesterday"} == yesterday.keys() - {"date", "persons"}


async def test_a_person_from_the_clouds_hook_to_mqtt(shop: Shop) -> None:
    await eventually(lambda: bool(shop.cloud.shop(SHOP).callbacks), "the callback")
    (url,) = shop.cloud.shop(SHOP).callbacks
    assert url.startswith(f"{shop.daemon.config['web']['public_url']}/hook/")
    since = shop.hub.mark()
    face = next(face for face in shop.cloud.shop(SHOP).faces.values() if face.group.name == "vip" and face.gender == 2)
    shop.cloud.visit(SHOP, face)
    message = await shop.hub.wait_for(
        f"{TOPIC}/event/face", lambda one: one.json["cloud_face_id"] == face.face_id, since=since
    )
    assert (message.qos, message.retain) == (1, False)
    event = message.json
    timestamp = event["uid"].rpartition(":")[2]
    expected = {
        "uid": f"{FRONT}:face:{face.face_id}:{timestamp}",
        "event_type": "member",
        "sn": FRONT,
        "camera": shop.camera.controls.name,
        "event_id": None,
        "late": False,
        "transport": "cloud",
        "face_id": None,
        "cloud_face_id": face.face_id,
        "group": "vip",
        "gender": "female",
        "age": None,
        "age_range": "46-55",
        "arrivals": None,
        "picture_url": None,
        "attributes": {"ipc_id": shop.cloud.camera(FRONT).ipc_id, "group_id": face.group.group_id, "group_type": 5},
        "shop": SHOP,
    }
    assert {**event, **expected} == event
    assert event["epoch"] > 0
    await eventually(lambda: shop.cloud.callbacks.taken > 0, "the answer to the cloud")
    # Neither the camera's own topics nor its numbers know of it.
    assert not shop.hub.messages(f"{CAMERA}/event/face", lambda one: one.json["transport"] == "cloud")


async def test_a_person_at_a_camera_that_the_cloud_does_not_list(shop: Shop) -> None:
    await eventually(lambda: bool(shop.cloud.shop(SHOP).callbacks), "the callback")
    since = shop.hub.mark()
    shop.cloud.post(SHOP, {"ipc_id": "928", "face_id": "29195", "group_name": "stranger", "group_type": 2})
    event = (
        await shop.hub.wait_for(f"{TOPIC}/event/face", lambda one: one.json["cloud_face_id"] == "29195", since=since)
    ).json
    assert event["uid"].startswith("928:face:29195:")
    # Its kind is that of the group, whatever the group is called.
    assert (event["sn"], event["camera"], event["event_type"]) == ("928", "Camera 928", "regular")


async def test_cloud_and_camera_together(shop: Shop) -> None:
    """The same people by both ways, at the same time: each way in order, complete, and numbered by itself."""
    hub, since = shop.hub, shop.hub.mark()
    there = shop.cloud.shop(SHOP)
    group = next(iter(there.groups.values()))
    # One second of the cloud has one event of a face.
    faces = [there.add_face(group, f"new {number}", 1, 4, ready_at=0) for number in range(20)]
    for number, face in enumerate(faces):
        shop.camera.emit_face(faceid=f"{1 + number % 9:08}")
        shop.cloud.visit(SHOP, face)
    await hub.wait_for(f"{CAMERA}/event/face", count=20, since=since)
    await hub.wait_for(f"{TOPIC}/event/face", count=len(faces), since=since)
    await hub.caught_up()
    for topic, count in ((f"{CAMERA}/event/face", 20), (f"{TOPIC}/event/face", len(faces))):
        seqs = [message.json["seq"] for message in hub.messages(topic, since=since)]
        assert seqs == list(range(seqs[0], seqs[0] + count))
    answer = await hub_events(shop, {"shop": SHOP, "limit": 3})
    assert [event["transport"] for event in answer] == ["cloud"] * 3
    assert all(event["transport"] == "channel" for event in await hub_events(shop, {"sn": FRONT, "limit": 30}))


async def test_one_visit_that_cloud_and_camera_both_tell_of(shop: Shop) -> None:
    await eventually(lambda: bool(shop.cloud.shop(SHOP).callbacks), "the callback")
    there = shop.cloud.shop(SHOP)
    group = next(iter(there.groups.values()))
    both, alone = (there.add_face(group, name, 2, 4, ready_at=0) for name in ("both", "alone"))
    since = shop.hub.mark()
    shop.camera.emit_face(cloud_faceid=both.face_id)
    shop.cloud.visit(SHOP, both)
    shop.cloud.visit(SHOP, alone)
    await shop.hub.wait_for(VISIT, lambda one: one.json["who"] == alone.face_id, since=since)
    # Both tell of it, each under its own topic.
    await shop.hub.wait_for(f"{CAMERA}/event/face", lambda one: one.json["cloud_face_id"] == both.face_id, since=since)
    await shop.hub.wait_for(f"{TOPIC}/event/face", lambda one: one.json["cloud_face_id"] == both.face_id, since=since)
    # Who comes last comes when all before has been told.
    last = there.add_face(group, "last", 2, 4, ready_at=0)
    shop.cloud.visit(SHOP, last)
    await shop.hub.wait_for(VISIT, lambda one: one.json["who"] == last.face_id, since=since)
    who = [message.json["who"] for message in shop.hub.messages(VISIT)]
    assert [who.count(face.face_id) for face in (both, alone, last)] == [1, 1, 1]


async def hub_events(shop: Shop, params: dict[str, Any]) -> list[dict[str, Any]]:
    """Ask ``bridge/request/events``."""
    since = shop.hub.mark()
    shop.hub.publish("ipc_bridge/bridge/request/events", json.dumps(params))
    answer = await shop.hub.wait_for("ipc_bridge/bridge/response/events", since=since)
    assert answer.json["status"] == "ok", answer.json
    return list(answer.json["data"]["events"])


async def test_home_assistant_gets_a_device_for_each_shop_and_the_cloud_of_each_camera(shop: Shop) -> None:
    device = (await shop.hub.wait_for(f"{NODE}_shop_{SHOP}/config")).json
    assert device["device"]["identifiers"] == [f"ipc_bridge_shop_{SHOP}"]
    assert device["device"]["via_device"] == "ipc_bridge_bridge"
    visitors = device["components"]["flow_in"]
    assert visitors["unique_id"] == f"ipc_bridge_shop_{SHOP}_flow_in"
    assert visitors["state_topic"] == f"{TOPIC}/flow"
    assert [one["topic"] for one in visitors["availability"]] == ["ipc_bridge/bridge/status", f"{TOPIC}/status"]
    assert "availability" not in device["components"]["face_event"]
    # Joined to the camera's own device, of which the bridge knows more.
    message = await shop.hub.wait_for(
        f"{NODE}_{FRONT}_cloud/config", lambda one: "name" not in one.json["device"], timeout=PATIENCE
    )
    assert message.json["device"] == {"identifiers": [f"ipc_bridge_{FRONT}"]}
    assert message.json["components"]["reachable"]["unique_id"] == f"ipc_bridge_{FRONT}_cloud_reachable"
    # Nobody but the cloud knows the other one.
    other = (await shop.hub.wait_for(f"{NODE}_{BACK}_cloud/config")).json
    assert other["device"]["via_device"] == f"ipc_bridge_shop_{OTHER_SHOP}"
    assert other["device"]["name"] == shop.cloud.camera(BACK).name


async def test_requests(shop: Shop) -> None:
    answer = await shop.ask("device/ipc/getInfo", {"ipc_sn": FRONT})
    assert (answer["status"], answer["data"]["ipc_sn"]) == ("ok", FRONT)
    assert (await shop.ask("device/ipc/getListByCompany"))["data"]["total_count"] == 2
    groups = (await shop.ask("face/group/getList", {"sunmi_shop_no": SHOP}))["data"]["group_list"]
    vip = next(group for group in groups if group["group_name"] == "vip")
    changed = {"group_id": vip["group_id"], "description": "new"}
    assert (await shop.ask("face/group/update", changed))["data"] == {}
    assert (await shop.ask("face/group/getInfo", {"group_id": vip["group_id"]}))["data"]["description"] == "new"
    # As deep as they come.
    days = {"start_time": "2026-01-01", "end_time": "2026-01-01"}
    assert (await shop.ask("passengerFlow/stat/history/person/frequency/getList", days))["status"] == "ok"


async def test_requests_that_are_refused(shop: Shop) -> None:
    assert await shop.refused("device/ipc/getInfo") == ("invalid", "give ipc_id or ipc_sn: which camera")
    kind, message = await shop.refused("device/ipc/getInfo", {"ipc_sn": FRONT, "sunmi_shop_no": OTHER_SHOP})
    assert (kind, message) == ("invalid", f"sunmi_shop_no must be {SHOP}, as in the topic, or left out")
    assert (await shop.refused("device/reboot"))[0] == "invalid"
    assert await shop.refused("device/ipc/getInfo", {"ipc_sn": FRONT}, "1") == (
        "invalid",
        f"there is no shop 1: cloud.shops has {SHOP}, {OTHER_SHOP}",
    )
    for path in ("face/delete", "face/group/delete"):
        assert (await shop.refused(path))[0] == "forbidden"
    answer = await shop.ask("device/ipc/getInfo", {"ipc_sn": "nobody"})
    assert answer["error"] == {
        "kind": "camera",
        "code": 5501,
        "name": None,
        "message": "device/ipc/getInfo in the cloud answered code 5501 (camera does not exist)",
    }
    days = {"start_time": "2026-01-01", "end_time": "2026-03-01"}
    kind, message = await shop.refused("passengerFlow/stat/history/person/frequency/getList", days)
    assert (kind, "at most 30 days" in message) == ("invalid", True)


async def test_more_requests_than_can_be_made(shop: Shop) -> None:
    since = shop.hub.mark()
    for number in range(MAX_WAITING + 3):
        shop.hub.publish(f"{TOPIC}/request/hook/add", json.dumps({"transaction": number, "event_list": [1]}))
        shop.hub.publish(f"{TOPIC}/request/device/ipc/getInfo", json.dumps({"transaction": number, "ipc_sn": FRONT}))
    topic = f"{TOPIC}/response/device/ipc/getInfo"
    await shop.hub.wait_for(topic, count=MAX_WAITING + 3, since=since, timeout=2 * PATIENCE)
    answers = [message.json for message in shop.hub.messages(topic, since=since)]
    assert sorted(answer["transaction"] for answer in answers) == list(range(MAX_WAITING + 3))
    refused = [answer["error"]["kind"] for answer in answers if answer["status"] == "error"]
    assert refused == ["busy"] * 3
    # What is wrong is refused at once, whatever waits.
    wrong = shop.hub.messages(f"{TOPIC}/response/hook/add", since=since)
    assert [message.json["error"]["kind"] for message in wrong] == ["invalid"] * (MAX_WAITING + 3)


@pytest.mark.parametrize("form", CallbackForm, ids=lambda form: form.value)
@pytest.mark.asyncio(loop_scope="function")
async def test_every_form_of_the_hook_restarts_and_shops_that_go(site: Site, form: CallbackForm) -> None:
    async with SimulatedCloud(settings(callback_form=form, callback_retries=(0.1,) * 300)) as cloud:
        broker = await site.broker()
        hub = await site.subscriber(broker.port)
        daemon = await site.daemon(broker, cloud=cloud_section(cloud, hook=True), web=web_section())
        await eventually(lambda: bool(cloud.shop(SHOP).callbacks), "the callback")
        faces = list(cloud.shop(SHOP).faces.values())
        cloud.visit(SHOP, faces[0])
        await hub.wait_for(f"{TOPIC}/event/face")
        # What comes while nobody is there comes again, and the cloud is told only once where to post.
        assert await daemon.stop() == 0
        assert (await site.kept(broker.port))[f"{TOPIC}/status"] == b"offline"
        cloud.visit(SHOP, faces[1])
        since = hub.mark()
        await daemon.start()
        await hub.wait_for(
            f"{TOPIC}/event/face", lambda one: one.json["cloud_face_id"] == faces[1].face_id, since=since
        )
        await hub.wait_text(f"{TOPIC}/status", "online", since=since)
        assert len(cloud.shop(SHOP).callbacks) == 1
        # One may have come twice, if the broker's word for it was lost in the stop.
        seqs = {message.json["seq"] for message in hub.messages(f"{TOPIC}/event/face")}
        assert sorted(seqs) == list(range(1, len(seqs) + 1))
        # A shop that is not configured any more leaves nothing behind.
        smaller = {**daemon.config, "cloud": cloud_section(cloud, shops=[OTHER_SHOP])}
        await daemon.restart(smaller)
        await daemon.wait_for_log(f"Shop {SHOP} is not in the configuration any more")
        await hub.wait_text(f"{TOPIC}/info", "")
        await hub.caught_up()
        kept = await site.kept(broker.port)
        assert not [topic for topic in kept if SHOP in topic]
        assert f"ipc_bridge/shop/{OTHER_SHOP}/status" in kept


@pytest.mark.asyncio(loop_scope="function")
async def test_an_account_that_is_refused_and_a_cloud_that_is_away(site: Site) -> None:
    async with SimulatedCloud(settings()) as cloud:
        broker = await site.broker()
        hub = await site.subscriber(broker.port)
        hub.publish(f"{TOPIC}/request/device/ipc/bind", json.dumps({"ipc_sn": FREE, "mac": FREE_MAC}), retain=True)
        daemon = await site.daemon(broker, cloud=cloud_section(cloud, shops=[SHOP], secret_key="not the cloud's"))
        told = await hub.wait_for(f"{TOPIC}/info")
        assert "look at cloud.app_id and cloud.secret_key" in told.json["reason"]
        assert (await site.kept(broker.port))[f"{TOPIC}/status"] == b"offline"
        # Nothing helps but a person: it is not asked again for a long time.
        asked = len(cloud.calls)
        since = hub.mark()
        hub.publish(f"{TOPIC}/request/device/ipc/getList", "")
        answer = await hub.wait_for(f"{TOPIC}/response/device/ipc/getList", since=since)
        assert answer.json["error"]["kind"] == "auth"
        assert len(cloud.calls) == asked + 1
        await daemon.restart({**daemon.config, "cloud": cloud_section(cloud)})
        await hub.wait_text(f"{TOPIC}/status", "online", since=since)
        assert daemon.lines("bind: a retained request is not carried out")
        assert cloud.camera(FREE).shop is None
    # The cloud is gone.
    since = hub.mark()
    await hub.wait_text(f"{TOPIC}/status", "offline", since=since)
    hub.publish(f"{TOPIC}/request/device/ipc/getList", "")
    answer = await hub.wait_for(f"{TOPIC}/response/device/ipc/getList", since=since)
    assert answer.json["error"]["kind"] == "offline"
