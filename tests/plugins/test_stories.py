"""Every plugin that comes with the bridge, in a daemon with simulated cameras and mosquitto; a camera each."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web

from ipc_bridge.simulator import SimulatedCamera
from ipc_bridge.simulator.portraits import JPEG
from tests.e2e.harness import LOCALHOST, Message, Subscriber, eventually, free_port, online
from tests.e2e.stories import Stage, Story, told

SECRET = "a secret of the webhook"
LONG_AGO = 3600
GAP = 10.0
"""Seconds without a sight: long enough for two sights on a busy machine."""
FAILURES = 2
"""Posts that the web server refuses at first."""


@dataclass
class Outside:
    """A web server that takes posts and notifications."""

    port: int = field(default_factory=free_port)
    posts: list[tuple[dict[str, str], str]] = field(default_factory=list)
    notifications: list[dict[str, Any]] = field(default_factory=list)
    refused: int = 0

    async def post(self, request: web.Request) -> web.Response:
        body = await request.text()
        if self.refused < FAILURES:
            self.refused += 1
            raise web.HTTPServiceUnavailable
        if json.loads(body)["sn"] == SERIALS["webhook"]:
            self.posts.append((dict(request.headers), body))
        return web.Response()

    async def notify(self, request: web.Request) -> web.Response:
        self.notifications.append(await request.json())
        return web.Response()

    async def serve(self) -> web.AppRunner:
        application = web.Application()
        application.add_routes([web.post("/hook", self.post), web.post("/notify", self.notify)])
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0)
        await runner.setup()
        await web.TCPSite(runner, LOCALHOST, self.port).start()
        return runner


def published(hub: Subscriber, plugin: str, leaf: str) -> list[Message]:
    return hub.messages(f"ipc_bridge/plugin/{plugin}/{leaf}")


async def ready(stage: Stage, camera: SimulatedCamera) -> None:
    await online(stage.hub, camera.sn)
    await camera.wait_for_subscriber()


async def vip_arrival(stage: Stage, camera: SimulatedCamera) -> None:
    await ready(stage, camera)
    topic = "ipc_bridge/plugin/vip_arrival/arrival"
    camera.emit_face(faceid="00000001", card="gold", report_time=int(time.time()) - LONG_AGO)
    camera.emit_face(faceid="00000001", card="silver")
    camera.emit_face(faceid="00000001", card="gold", name="Anna")
    arrival = (await stage.hub.wait_for(topic)).json
    [event] = [
        message.json
        for message in stage.hub.messages(f"ipc_bridge/camera/{camera.sn}/event/face")
        if message.json["attributes"].get("name") == "Anna"
    ]
    assert arrival["text"] == f"Anna (vip 1) is at {event['camera']}"
    assert arrival["event_type"] == "arrival"
    assert all(arrival[key] == event[key] for key in ("uid", "time", "sn", "face_id", "group", "attributes"))
    # Within the cooldown only others are told of.
    camera.emit_face(faceid="00000001", card="gold")
    camera.emit_face(faceid="00000002", card="gold")
    assert (await stage.hub.wait_for(topic, count=2)).json["face_id"] == "00000002"
    assert not (await stage.hub.wait_for(topic)).retain


async def notify(stage: Stage, camera: SimulatedCamera) -> None:
    await ready(stage, camera)
    camera.emit_face(faceid="00000003")
    outside = OUTSIDE[stage.site.directory]
    await eventually(lambda: bool(of(outside, "staff at")), "a notification of staff")
    [sent] = of(outside, "staff at")
    assert (sent["title"], sent["type"]) == ("Shop", "info")
    [attachment] = sent["attachments"]
    assert attachment["mimetype"] == "image/jpeg"
    assert base64.b64decode(attachment["base64"]).startswith(JPEG[:3])
    # Others have something sent.
    order = {"text": "hello from a test", "transaction": "a test"}
    stage.hub.publish("ipc_bridge/plugin/notify/request/send", json.dumps(order))
    answer = await stage.hub.wait_for(
        "ipc_bridge/plugin/notify/response/send", lambda answer: answer.json["transaction"] == "a test"
    )
    assert answer.json["status"] == "ok"
    assert of(outside, "hello from a test")[0]["attachments"] == []
    # The arrival of the story beside this one, too, with the picture.
    await eventually(lambda: bool(of(outside, "Anna (vip 1)")), "a notification of Anna")
    assert len(of(outside, "Anna (vip 1)")[0]["attachments"]) == 1


def of(outside: Outside, text: str) -> list[dict[str, Any]]:
    return [one for one in outside.notifications if text in one["message"]]


async def webhook(stage: Stage, camera: SimulatedCamera) -> None:
    await ready(stage, camera)
    outside = OUTSIDE[stage.site.directory]
    for _ in range(3):
        camera.emit_motion()
        camera.emit_face()
    camera.emit_face(report_time=int(time.time()) - LONG_AGO)
    await eventually(lambda: len(outside.posts) == 7, "seven posts")
    assert outside.refused == FAILURES
    events = [json.loads(body) for _headers, body in outside.posts]
    assert [event["seq"] for event in events] == list(range(1, 8))
    assert [event["late"] for event in events] == [False] * 6 + [True]
    topic = f"ipc_bridge/camera/{camera.sn}/event/+"
    await stage.hub.wait_for(topic, count=7)
    assert events == sorted((message.json for message in stage.hub.messages(topic)), key=lambda event: event["seq"])
    for headers, body in outside.posts:
        signed = f"{headers['X-Timestamp']}.{body}".encode()
        assert headers["X-Signature"] == hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
        assert headers["X-Uid"] == json.loads(body)["uid"]


async def blocklist_alarm(stage: Stage, camera: SimulatedCamera) -> None:
    await ready(stage, camera)
    base = "ipc_bridge/plugin/blocklist_alarm"
    camera.emit_face(group_name="blocklist", report_time=int(time.time()) - LONG_AGO)
    missed = (await stage.hub.wait_for(f"{base}/missed")).json
    assert (missed["event_type"], missed["late"], missed["group"]) == ("missed", True, "blocklist")
    assert not published(stage.hub, "blocklist_alarm", "alarm")
    since = stage.hub.mark()
    camera.emit_face(group_name="vip")
    camera.emit_face(group_name="blocklist")
    alarm = (await stage.hub.wait_for(f"{base}/alarm")).json
    assert (alarm["event_type"], alarm["sn"], alarm["group"]) == ("alarm", camera.sn, "blocklist")
    assert not (await stage.hub.wait_text(f"{base}/active", "ON", since=since)).retain
    assert (await stage.hub.wait_text(f"{base}/active", "OFF", since=since)).retain
    assert len(published(stage.hub, "blocklist_alarm", "alarm")) == 1


async def visits(stage: Stage, camera: SimulatedCamera) -> None:
    await ready(stage, camera)
    topic = "ipc_bridge/plugin/visits/visit"
    camera.emit_face(faceid="00000005", group_name="guests")
    arrived = (await stage.hub.wait_for(topic)).json
    assert (arrived["event_type"], arrived["sn"], arrived["group"]) == ("arrived", camera.sn, "guests")
    for _ in range(2):
        camera.emit_face(faceid="00000005", group_name="guests")
    present = await stage.hub.wait_for(
        "ipc_bridge/plugin/visits/present", lambda message: message.json == {camera.sn: 1}
    )
    assert present.retain
    left = (await stage.hub.wait_for(topic, lambda message: message.json["event_type"] == "left")).json
    assert left["face_id"] == arrived["face_id"]
    assert left["since"] == arrived["since"]
    assert left["late"] is False
    await stage.hub.wait_for(
        "ipc_bridge/plugin/visits/present", lambda message: message.json == {}, since=present.number
    )
    assert [message.json["event_type"] for message in stage.hub.messages(topic)] == ["arrived", "present", "left"]


async def snapshot_on_motion(stage: Stage, camera: SimulatedCamera) -> None:
    await ready(stage, camera)
    camera.emit_motion(detect_type=2)
    camera.emit_motion(detect_type=1)
    await stage.hub.wait_for(f"ipc_bridge/camera/{camera.sn}/snapshot")
    camera.emit_motion(detect_type=1)
    await stage.hub.wait_for(f"ipc_bridge/camera/{camera.sn}/event/motion", count=3)
    # It has had all of them when it has had the last one.
    await done_with_all(stage, "snapshot_on_motion")
    assert len([call for call in camera.calls if "snap" in call.path.lower()]) == 1


async def done_with_all(stage: Stage, plugin: str) -> None:
    """Wait until a plugin is behind by nothing."""
    while True:
        since = stage.hub.mark()
        stage.hub.publish("ipc_bridge/bridge/request/diagnose")
        answer = await stage.hub.wait_for("ipc_bridge/bridge/response/diagnose", since=since)
        figures = answer.json["data"]["health"]["plugins"][plugin]
        if figures["behind"] == 0:
            assert figures["failures"] == 0
            return


STORIES = tuple(Story(tell) for tell in (vip_arrival, notify, webhook, blocklist_alarm, visits, snapshot_on_motion))
SERIALS = {story.name: f"FS101D8BS{number:05d}" for number, story in enumerate(STORIES, 1)}
OUTSIDE: dict[Path, Outside] = {}
"""By the directory of the site."""


def settings(port: int) -> dict[str, Any]:
    """What each plugin is told; the first four have a camera of their own because of it."""
    rule = {
        "group": "vip",
        "attributes": {"card": "gold"},
        "cameras": [SERIALS["vip_arrival"]],
        "text": "{name} ({group} {vip_level}) is at {camera}",
    }
    return {
        "vip_arrival": {"rules": [rule], "notify": True},
        "notify": {
            "urls": [f"json://{LOCALHOST}:{port}/notify"],
            "groups": ["staff"],
            "title": "Shop",
            "deadline": 30,
            "isolation": "process",
        },
        "webhook": {"url": f"http://{LOCALHOST}:{port}/hook", "secret": SECRET},
        "blocklist_alarm": {"hold": 0.5, "cameras": [SERIALS["blocklist_alarm"]]},
        "visits": {"gap": GAP, "present_after": 0.001, "groups": ["guests"]},
        "snapshot_on_motion": {"cameras": [SERIALS["snapshot_on_motion"]], "pause": 600},
    }


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    directory = tmp_path_factory.mktemp("plugins")
    outside = OUTSIDE[directory] = Outside()
    runner = await outside.serve()
    try:
        async with told(directory, STORIES, plugins={"enabled": settings(outside.port)}) as stage:
            yield stage
    finally:
        await runner.cleanup()


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", [story.name for story in STORIES])
async def test_plugin(stage: Stage, name: str) -> None:
    await stage.stories[name]
