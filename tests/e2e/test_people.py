"""People whom cameras count and know: today's counts, and strangers who become regulars."""

from __future__ import annotations

import itertools
import time
from collections.abc import AsyncIterator
from datetime import datetime

import pytest
import pytest_asyncio

from ipc_bridge.bridge.people_flow import midnight_before
from ipc_bridge.device.people_flow import DIRECTIONS
from ipc_bridge.simulator import MOTION_MODEL, Code, Flow, SimulatedCamera
from ipc_bridge.simulator.people import FEMALE, MALE
from tests.e2e.harness import Site, online
from tests.e2e.stories import Act, Stories, side_by_side

STORIES = Stories()
DAY = 86_400.0


def topic(camera: SimulatedCamera, leaf: str) -> str:
    return f"ipc_bridge/camera/{camera.sn}/{leaf}"


def config_of(camera: SimulatedCamera) -> str:
    return f"homeassistant/device/ipc_bridge_{camera.sn}/config"


@STORIES.tell
async def people_of_today(site: Site) -> None:
    broker = await site.broker()
    hub = await site.subscriber(broker.port)
    front = await site.camera("FS101D8BS00101")
    # What another model counts, nobody knows before it has answered; this one has old firmware and does not.
    back = await site.camera("SS101D8BS00102", model=MOTION_MODEL)
    old = await site.camera("SS101D8BS00103", model=MOTION_MODEL)
    old.faults.refuse("api", Code.OP_NOT_SUPPORT, 1000)
    front.count_people(Flow.IN, 3, gender=FEMALE, age_range=4)
    front.count_people(Flow.OUT)
    daemon = await site.daemon(broker, state={"flow_interval": 0.2})
    flow = await hub.wait_for(topic(front, "flow"))
    assert (flow.retain, flow.qos) == (True, 1)
    counts = flow.json
    assert list(counts) == ["in", "out", "pass", "by_age", "by_gender", "since"]
    assert (counts["in"], counts["out"], counts["pass"]) == (3, 1, 0)
    assert {years: number for years, number in counts["by_age"].items() if number} == {"19-28": 3}
    assert counts["by_gender"] == {"male": 0, "female": 3}
    since = datetime.fromisoformat(counts["since"])
    assert since.timestamp() == midnight_before(since.timestamp() + 1)
    # What changes is told, and nothing else.
    front.count_people(Flow.IN, 1, gender=MALE)
    await hub.wait_for(topic(front, "flow"), lambda flow: flow.json["in"] == 4)
    zeros = (await hub.wait_for(topic(back, "flow"))).json
    assert (zeros["in"], zeros["out"], zeros["pass"]) == (0, 0, 0)
    for camera in (front, back):
        await hub.wait_for(config_of(camera), lambda config: "people_in" in config.json["components"])
    assert "people_in" not in hub.messages(config_of(old))[-1].json["components"]
    asked = [call.path for call in old.calls if call.path in {endpoint.path for endpoint in DIRECTIONS.values()}]
    assert len(asked) == len(DIRECTIONS)
    await hub.caught_up()
    assert not hub.messages(topic(old, "flow"))
    shown = [message.json for message in hub.messages(topic(front, "flow"))]
    assert all(one != other for one, other in itertools.pairwise(shown))
    assert not daemon.lines("WARNING", "counts")
    assert (await site.kept(broker.port))[topic(front, "flow")] == hub.messages(topic(front, "flow"))[-1].payload


@STORIES.tell
async def the_day_is_the_cameras(site: Site) -> None:
    broker = await site.broker()
    hub = await site.subscriber(broker.port)
    begun = time.time()
    # Its clock is a day ahead: what it counts now belongs to a day that has not begun here.
    camera = await site.camera(clock_offset=DAY)
    camera.count_people(Flow.IN, 2)
    await site.daemon(broker, state={"flow_interval": 0.2})
    counts = (await hub.wait_for(topic(camera, "flow"), lambda flow: flow.json["in"] == 2)).json
    since = datetime.fromisoformat(counts["since"]).timestamp()
    assert midnight_before(begun + DAY) <= since <= midnight_before(time.time() + DAY)


@STORIES.tell
async def a_stranger_becomes_a_regular(site: Site) -> None:
    broker = await site.broker()
    hub = await site.subscriber(broker.port)
    camera = await site.camera()
    daemon = await site.daemon(broker)
    await online(hub, camera.sn)
    await camera.wait_for_subscriber()
    camera.emit_stranger()
    first = (await hub.wait_for(topic(camera, "event/face"))).json
    assert first["event_type"] == "stranger"
    for _ in range(camera.library.times - 2):
        camera.emit_face(faceid=first["face_id"])
    await hub.wait_for(topic(camera, "event/face"), count=camera.library.times - 1)
    # A restart in between does not matter.
    await daemon.restart()
    await camera.wait_for_subscriber()
    since = hub.mark()
    camera.emit_face(faceid=first["face_id"])
    regular = await hub.wait_for(topic(camera, "event/face"), since=since)
    assert regular.json["event_type"] == "regular"
    told = await hub.wait_for("ipc_bridge/bridge/event", lambda one: one.json["type"] == "stranger_became_regular")
    assert told.number > regular.number
    assert not told.retain
    assert told.json | {"time": None} == {
        "type": "stranger_became_regular",
        "time": None,
        "sn": camera.sn,
        "camera": camera.settings.name,
        "uid": regular.json["uid"],
        "face_id": first["face_id"],
        "cloud_face_id": first["cloud_face_id"],
        "late": False,
    }
    camera.emit_face(faceid=first["face_id"])
    await hub.wait_for(topic(camera, "event/face"), since=since, count=2)
    await hub.caught_up()
    told_ = [one for one in hub.messages("ipc_bridge/bridge/event") if one.json["type"] == "stranger_became_regular"]
    assert len(told_) == 1
    # The groups follow, as sensors that have to be switched on.
    config = await hub.wait_for(config_of(camera), lambda one: "face_group_regular" in one.json["components"])
    assert config.json["components"]["face_group_regular"]["enabled_by_default"] is False


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def acts(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dict[str, Act]]:
    async with side_by_side(tmp_path_factory.mktemp("people"), STORIES) as acts:
        yield acts


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", STORIES)
async def test_people(acts: dict[str, Act], name: str) -> None:
    await acts[name].end
