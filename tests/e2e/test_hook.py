"""Cameras that post their events: from their HTTP client to an MQTT subscriber."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from ipc_bridge.simulator import SimulatedCamera
from tests.e2e.harness import LOCALHOST, Daemon, Message, Site, Subscriber, eventually, free_port, offline, online
from tests.e2e.stories import Act, Stories, side_by_side

STORIES = Stories()

SN = "FS101D8BS00101"
TOPIC = f"ipc_bridge/camera/{SN}"
MANY = 1_000
COUNTED = (f"{TOPIC}/event/face", f"{TOPIC}/status", "test/marker")
"""Topics of those who wait for a thousand events."""
PATIENCE = 40.0
"""Seconds for a thousand events, each of which waits for the disk."""


def web(port: int, **changes: Any) -> dict[str, Any]:
    """The ``web`` section."""
    return {"enabled": True, "port": port, "public_url": f"http://{LOCALHOST}:{port}", **changes}


async def hook_daemon(site: Site, broker: Any, **changes: Any) -> tuple[Daemon, int]:
    """A daemon to which cameras post, and its port."""
    port = free_port()
    sections: dict[str, Any] = {
        "web": web(port),
        "camera": {"transport": "hook"},
        "homeassistant": {"enabled": False},
        "pictures": {"enabled": False},
        **changes,
    }
    return await site.daemon(broker, **sections), port


async def ask(port: int, path: str, **options: Any) -> tuple[int, str]:
    """``GET``: the status and the body."""
    url = f"http://{LOCALHOST}:{port}{path}"
    async with aiohttp.ClientSession() as session, session.get(url, **options) as response:
        return response.status, await response.text()


async def health(port: int) -> dict[str, Any]:
    """What ``/health`` says."""
    report: dict[str, Any] = json.loads((await ask(port, "/health"))[1])
    return report


def faces(hub: Subscriber) -> list[Message]:
    return hub.messages(f"{TOPIC}/event/face")


async def each_arrives_once(hub: Subscriber, camera: SimulatedCamera, transports: set[str]) -> None:
    """Return once a thousand events came, each once, with numbers that have no gap."""
    await camera.wait_for_all_acknowledged(PATIENCE)
    # Not wait_for(): to look through all messages at each new one takes longer than the events themselves.
    await eventually(lambda: len(hub.everything) >= MANY, "a thousand events", PATIENCE)
    await hub.wait_for(f"{TOPIC}/event/face", count=MANY, timeout=PATIENCE)
    await hub.caught_up()
    events = [message.json for message in faces(hub)]
    assert [event["seq"] for event in events] == list(range(1, MANY + 1))
    assert sorted(event["event_id"] for event in events) == list(range(1, MANY + 1))
    assert len({event["uid"] for event in events}) == MANY
    assert {event["transport"] for event in events} <= transports
    assert not any(event["late"] for event in events)


# What happens to cameras and to the bridge.


@STORIES.tell
async def what_the_hook_alone_can_say(site: Site) -> None:
    broker = await site.broker()
    camera = await site.camera(SN)
    hub = await site.subscriber(broker.port)
    await hook_daemon(site, broker)
    await online(hub, SN)
    since = hub.mark()
    camera.emit_human(video_url="https://camera/1.flv")
    human = (await hub.wait_for(f"{TOPIC}/event/motion")).json
    assert [human[key] for key in ("event_type", "motion", "sound", "human", "transport", "video_url")] == [
        "human",
        False,
        False,
        True,
        "hook",
        "https://camera/1.flv",
    ]
    await hub.wait_text(f"{TOPIC}/human", "ON", since=since)
    await hub.wait_text(f"{TOPIC}/human", "OFF", since=since)
    # The channel's numbers for motion, sound and both are other ones on the hook.
    for number, word in enumerate(["motion", "sound", "motion_and_sound"], 1):
        camera.emit_motion(detect_type=number)
        assert (await hub.wait_for(f"{TOPIC}/event/motion", count=number + 1)).json["event_type"] == word


@STORIES.tell
async def a_camera_that_reboots_is_told_again(site: Site) -> None:
    broker = await site.broker()
    camera = await site.camera(SN)
    hub = await site.subscriber(broker.port)
    daemon, _ = await hook_daemon(site, broker)
    await online(hub, SN)
    camera.emit_face()
    await hub.wait_for(f"{TOPIC}/event/face")
    since = hub.mark()
    reboot = asyncio.create_task(camera.reboot(5))
    await offline(hub, SN, since)
    await reboot
    await online(hub, SN, since)
    assert camera.hooks
    camera.emit_face()
    assert (await hub.wait_for(f"{TOPIC}/event/face", count=2)).json["seq"] == 2
    await camera.wait_for_all_acknowledged()
    assert not daemon.lines("ERROR")


@STORIES.tell
async def a_camera_that_forgets_is_told_again_and_stays_online(site: Site) -> None:
    broker = await site.broker()
    camera = await site.camera(SN)
    hub = await site.subscriber(broker.port)
    daemon, _ = await hook_daemon(site, broker)
    await online(hub, SN)
    since = hub.mark()
    camera._state.hooks.clear()
    await daemon.wait_for_log("did not know any more where to post")
    camera.emit_face()
    await hub.wait_for(f"{TOPIC}/event/face")
    assert not hub.messages(f"{TOPIC}/status", since=since)


@STORIES.tell
async def a_bridge_that_is_killed_loses_nothing(site: Site) -> None:
    broker = await site.broker()
    camera = await site.camera(SN, hook_attempts=10_000, hook_retry_seconds=0.05)
    hub = await site.subscriber(broker.port)
    daemon, _ = await hook_daemon(site, broker)
    await online(hub, SN)
    hooks = {topic: list(urls) for topic, urls in camera.hooks.items()}
    count = 300
    camera.flood(count)
    for number in (20, 120):
        await camera.wait_for_acknowledged(number, PATIENCE)
        await daemon.kill()
        await daemon.start()
    await camera.wait_for_all_acknowledged(PATIENCE)
    assert camera.hooks == hooks, "the address is the same after a restart"
    await hub.wait_for(f"{TOPIC}/event/face", lambda message: message.json["seq"] == count, timeout=PATIENCE)
    await hub.caught_up()
    events = [message.json for message in faces(hub)]
    # What was not confirmed by the broker at the kill is sent again; a consumer knows it by its uid.
    numbers = {event["uid"]: event["seq"] for event in events}
    assert sorted(numbers.values()) == list(range(1, count + 1))
    assert {event["event_id"] for event in events} == set(range(1, count + 1))
    assert {(event["uid"], event["seq"]) for event in events} == set(numbers.items())


@STORIES.tell
async def a_bridge_that_stops_takes_its_registrations_back(site: Site) -> None:
    broker = await site.broker()
    cameras = [await site.camera(sn) for sn in (SN, "FS101D8BS00102", "FS101D8BS00103")]
    hub = await site.subscriber(broker.port)
    daemon, _ = await hook_daemon(site, broker)
    for camera in cameras:
        await online(hub, camera.sn)
    urls = {url for camera in cameras for urls in camera.hooks.values() for url in urls}
    assert len(urls) == 3, "a path each"
    since = hub.mark()
    assert await daemon.stop() == 0
    for camera in cameras:
        await offline(hub, camera.sn, since)
        assert dict(camera.hooks) == {}
    assert not any(url.rpartition("/")[2] in daemon.log() for url in urls), "nobody reads the paths in the log"


@STORIES.tell
async def a_camera_that_is_forgotten_posts_no_more(site: Site) -> None:
    broker = await site.broker()
    camera = await site.camera(SN)
    hub = await site.subscriber(broker.port)
    await hook_daemon(site, broker)
    await online(hub, SN)
    hub.publish("ipc_bridge/bridge/request/forget", json.dumps({"sn": SN}))
    await hub.wait_for("ipc_bridge/bridge/response/forget")
    await camera.wait_until(lambda: not camera.hooks)


# The server.


@STORIES.tell
async def what_is_not_the_cameras_is_refused(site: Site) -> None:
    broker = await site.broker()
    camera = await site.camera(SN, hook_attempts=1)
    stranger = await site.camera("FS101D8BS00109", hook_attempts=1, discovery_port=None)
    hub = await site.subscriber(broker.port)
    daemon, port = await hook_daemon(site, broker)
    await online(hub, SN)
    switches = {"hook_unsigned": True, "hook_wrong_key": True, "hook_age": 3600.0}
    for count, (switch, value) in enumerate(switches.items(), 1):
        camera.clear_faults()
        setattr(camera.faults, switch, value)
        camera.emit_face()
        await camera.wait_until(lambda: len(camera.posted) == count)  # noqa: B023
    camera.clear_faults()
    camera.faults.hook_replay = True
    good = camera.emit_face()
    await camera.wait_until(lambda: len(camera.posted) == 5)
    camera.clear_faults()
    assert [post.status for post in camera.posted] == [401, 401, 401, 200, 403]
    # Another machine that knows the address and the key.
    stranger._state.hooks.update(camera.hooks)
    stranger.faults.wrong_serial = SN
    stranger.emit_face()
    await stranger.wait_until(lambda: len(stranger.posted) == 1)
    assert stranger.posted[0].status == 403
    # Another camera's event through the camera's door is of no use, which is no reason to send it again.
    camera.faults.wrong_serial = "FS101D8BS00109"
    camera.emit_face()
    await camera.wait_until(lambda: len(camera.posted) == 6)
    camera.clear_faults()
    camera.raw(b"no JSON")
    await camera.wait_until(lambda: len(camera.posted) == 7)
    assert [post.status for post in camera.posted[5:]] == [200, 200]
    last = camera.emit_face()
    await hub.wait_for(f"{TOPIC}/event/face", lambda message: message.json["event_id"] == last)
    assert [message.json["event_id"] for message in faces(hub)] == [good, last]
    figures = await health(port)
    assert figures["hooks"]["refused"] == {
        "unsigned": 1,
        "wrong_signature": 1,
        "wrong_time": 1,
        "replayed": 1,
        "wrong_address": 1,
    }
    assert figures["events"]["unusable"] == 2
    assert len(daemon.lines("is refused:")) == 1


@STORIES.tell
async def a_port_that_is_taken_stops_nothing_else(site: Site) -> None:
    broker = await site.broker()
    camera = await site.camera(SN)
    hub = await site.subscriber(broker.port)
    port = free_port()
    with socket.socket() as other:
        other.bind((LOCALHOST, port))
        other.listen()
        daemon = await site.daemon(broker, web=web(port), homeassistant={"enabled": False})
        await camera.wait_for_subscriber()
        camera.emit_face()
        await hub.wait_for(f"{TOPIC}/event/face")
        line = await daemon.wait_for_log("the web server cannot listen on", str(port))
        assert "ERROR" in line
        bad = await hub.wait_for("ipc_bridge/bridge/health", lambda message: bool(message.json["problems"]))
        assert "change web.host and web.port" in bad.json["problems"][0]


@STORIES.tell
async def others_on_the_network_need_the_token(site: Site) -> None:
    broker = await site.broker()
    camera = await site.camera(SN)
    hub = await site.subscriber(broker.port)
    port = free_port()
    daemon, _ = await hook_daemon(site, broker, web=web(port, host="0.0.0.0", token="web-token-8"))
    await online(hub, SN)
    status, body = await ask(port, "/health")
    assert (status, json.loads(body)["problems"]) == (200, [])
    for path in ("/", "/plugin/x/", "/login"):
        status, body = await ask(port, path)
        assert status == (200 if path == "/login" else 401)
    status, _ = await ask(port, "/plugin/x/", headers={"Authorization": "Bearer web-token-8"})
    assert status == 404
    camera.emit_face()
    await hub.wait_for(f"{TOPIC}/event/face")
    assert not daemon.lines("web-token-8")


@STORIES.tell
async def an_address_that_cameras_cannot_reach_is_told_of(site: Site) -> None:
    broker = await site.broker()
    daemon, _ = await hook_daemon(site, broker, web=web(free_port(), public_url="http://192.0.2.1:8099"))
    await daemon.wait_for_log("WARNING", "web.host 127.0.0.1 takes connections of this machine only")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def acts(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dict[str, Act]]:
    async with side_by_side(tmp_path_factory.mktemp("hook"), STORIES) as acts:
        yield acts


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", STORIES)
async def test_hook(acts: dict[str, Act], name: str) -> None:
    await acts[name].end


# The same thousand events over the channel, over the hook, and over both at once: no stories, each is work for itself.


async def test_a_thousand_events_over_the_channel(site: Site) -> None:
    broker = await site.broker()
    camera = await site.camera(SN)
    hub = await site.subscriber(broker.port, COUNTED)
    await hook_daemon(site, broker, camera={"transport": "channel"})
    await camera.wait_for_subscriber()
    camera.flood(MANY)
    await each_arrives_once(hub, camera, {"channel"})
    assert not camera.posted


async def test_a_thousand_events_over_the_hook(site: Site) -> None:
    broker = await site.broker()
    camera = await site.camera(SN)
    hub = await site.subscriber(broker.port, COUNTED)
    _, port = await hook_daemon(site, broker)
    await online(hub, SN)
    assert camera.connects == 0
    camera.flood(MANY)
    await each_arrives_once(hub, camera, {"hook"})
    assert {post.status for post in camera.posted} == {200}
    figures = await health(port)
    assert figures["hooks"] == {"received": MANY, "refused": {}}
    assert (figures["events"]["in"], figures["events"]["duplicate"]) == (MANY, 0)


async def test_a_thousand_events_over_both_at_once(site: Site) -> None:
    """The transport is changed to the channel, and the camera cannot be told that it need not post any more."""
    broker = await site.broker()
    camera = await site.camera(SN)
    hub = await site.subscriber(broker.port, COUNTED)
    daemon, port = await hook_daemon(site, broker)
    await online(hub, SN)
    records = site.directory / "state/cameras.json"
    await eventually(lambda: '"posts": true' in records.read_text(encoding="utf-8"), "on the disk that it posts")
    await daemon.kill()
    camera.faults.refuse("api", 3, 1_000_000)
    await daemon.start({**daemon.config, "camera": {**daemon.config["camera"], "transport": "channel"}})
    await camera.wait_for_subscriber()
    await daemon.wait_for_log("still posts its events")
    camera.flood(MANY)
    await each_arrives_once(hub, camera, {"channel", "hook"})
    await camera.wait_until(lambda: camera.repeated_acknowledgements == MANY, PATIENCE)
    assert {post.status for post in camera.posted} == {200}
    figures = await health(port)
    assert (figures["events"]["in"], figures["events"]["duplicate"]) == (2 * MANY, MANY)
    # As soon as it can be told, it is.
    camera.clear_faults()
    camera.drop()
    await camera.wait_until(lambda: not camera.hooks)
    await daemon.wait_for_log("posts no more")
