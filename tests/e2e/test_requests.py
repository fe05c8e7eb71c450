"""What the bridge itself can be asked for: each request is answered once, and what is forgotten leaves nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from tests.e2e.harness import Message, Site, Subscriber, eventually, online, overview
from tests.e2e.stories import Act, Stories, side_by_side

STORIES = Stories()
QUIET: dict[str, Any] = {"homeassistant": {"enabled": False}}
BRIDGE = "ipc_bridge/bridge"


async def ask(hub: Subscriber, verb: str, payload: str | dict[str, Any] = "") -> dict[str, Any]:
    """The one answer to a request."""
    since = hub.mark()
    hub.publish(f"{BRIDGE}/request/{verb}", payload if isinstance(payload, str) else json.dumps(payload))
    answer = await hub.wait_for(f"{BRIDGE}/response/{verb}", since=since)
    await hub.caught_up()
    assert len(hub.messages(f"{BRIDGE}/response/#", since=since)) == 1
    assert not answer.retain
    content: dict[str, Any] = answer.json
    assert list(content) == ["status", "transaction", "data" if content["status"] == "ok" else "error"]
    return content


async def refusal(hub: Subscriber, verb: str, payload: str | dict[str, Any] = "") -> tuple[str, str]:
    """Kind and message of the refusal of a request."""
    answer = await ask(hub, verb, payload)
    error = answer["error"]
    assert list(error) == ["kind", "code", "name", "message"]
    return error["kind"], error["message"]


async def ok(hub: Subscriber, verb: str, payload: str | dict[str, Any] = "") -> Any:
    """The data that a request brings."""
    answer = await ask(hub, verb, payload)
    assert answer["status"] == "ok", answer
    return answer["data"]


def of_camera(topics: dict[str, bytes] | list[Message], sn: str) -> list[str]:
    names = topics if isinstance(topics, dict) else [message.topic for message in topics]
    return [name for name in names if sn in name]


@STORIES.tell
async def events_are_replayed_from_the_journal(site: Site) -> None:
    broker = await site.broker()
    camera, other = await site.camera("FS101D8BS00101"), await site.camera("FS101D8BS00102")
    hub = await site.subscriber(broker.port)
    await site.daemon(broker, events={"max_age": 1}, **QUIET)
    await asyncio.gather(camera.wait_for_subscriber(), other.wait_for_subscriber())
    for one in (camera, other, camera, camera):
        one.emit_face()
        await one.wait_for_all_acknowledged()
    live = [(await hub.wait_for(f"ipc_bridge/camera/{camera.sn}/event/face", count=count)).json for count in (1, 2, 3)]

    async def seqs(**params: Any) -> list[tuple[str, int]]:
        return [(event["sn"], event["seq"]) for event in (await ok(hub, "events", params))["events"]]

    assert await seqs() == [(camera.sn, 1), (other.sn, 1), (camera.sn, 2), (camera.sn, 3)]
    assert await seqs(sn=camera.sn) == [(camera.sn, 1), (camera.sn, 2), (camera.sn, 3)]
    assert await seqs(sn=camera.sn, since=2) == [(camera.sn, 2), (camera.sn, 3)]
    assert await seqs(sn=camera.sn, since=1, limit=2) == [(camera.sn, 1), (camera.sn, 2)]
    assert await seqs(limit=1) == [(camera.sn, 3)]
    assert await seqs(sn="FS101D8BS00199") == []
    assert await seqs(since=live[1]["received_at"]) == [(camera.sn, 2), (camera.sn, 3)]

    # The past does not look like the present.
    async def replayed() -> list[dict[str, Any]]:
        data = await ok(hub, "events", {"sn": camera.sn, "limit": 3})
        events: list[dict[str, Any]] = data["events"]
        return events

    async with asyncio.timeout(10):
        while not all(event["late"] for event in await replayed()):
            pass
    assert [event | {"late": False} for event in await replayed()] == live

    for wrong, named in (
        ({"since": 2}, "since"),
        ({"sn": camera.sn, "since": True}, "since"),
        ({"since": "yesterday"}, "since"),
        ({"since": "2026-11-22T17:00:07"}, "since"),
        ({"limit": 0}, "limit"),
        ({"limit": 1001}, "limit"),
        ({"limit": 2.5}, "limit"),
        ({"sn": "a/b"}, "sn"),
        ({"file": "/etc/passwd"}, "file"),
    ):
        kind, message = await refusal(hub, "events", wrong)
        assert (kind, named in message) == ("invalid", True), message


@STORIES.tell
async def each_request_is_answered_once_where_it_asks_for_it(site: Site) -> None:
    broker = await site.broker()
    hub = await site.subscriber(broker.port)
    # What somebody has retained by mistake is there before the bridge comes.
    hub.publish(f"{BRIDGE}/request/discover", "{}", retain=True)
    await hub.caught_up()
    daemon = await site.daemon(broker, **QUIET)
    await daemon.wait_for_log(f"{BRIDGE}/request/discover: a retained request is not carried out")
    assert not hub.messages(f"{BRIDGE}/response/#")

    assert (await ask(hub, "diagnose", {"transaction": "one"}))["transaction"] == "one"
    assert (await ask(hub, "diagnose", {"transaction": 2.5}))["transaction"] == 2.5
    assert (await ask(hub, "diagnose"))["transaction"] is None
    assert (await refusal(hub, "restart"))[0] == "invalid"
    for rubbish in ("no JSON", "[]", "null", '"text"', "[" * 3000, '{"transaction": true}', '{"a": 1e999}'):
        assert (await refusal(hub, "diagnose", rubbish))[0] == "invalid"
    assert (await refusal(hub, "diagnose", " " * (2 * 1024 * 1024 + 1)))[0] == "too_large"
    for verb in ("forget", "trust", "refresh"):
        kind, message = await refusal(hub, verb, {"sn": "FS101D8BS00199"})
        assert (kind, "FS101D8BS00199" in message) == ("invalid", True)
    assert (await refusal(hub, "forget"))[1].startswith("sn must be")

    since = hub.mark()
    hub.publish(f"{BRIDGE}/request/diagnose", "{}", response_topic="hub/answers", correlation=b"\x00\xff")
    await hub.wait_for("hub/answers", since=since)
    # One that cannot be published to is not taken, and the answer not lost. (The broker lets no such topic through
    # to a client of MQTT 5, so that it is asked with one that it does let through.)
    await hub.caught_up()
    assert not hub.messages(f"{BRIDGE}/response/#", since=since)
    # Sent live with the flag on, it is a request like any other.
    since = hub.mark()
    hub.publish(f"{BRIDGE}/request/diagnose", "{}", retain=True)
    await hub.wait_for(f"{BRIDGE}/response/diagnose", since=since)


@STORIES.tell
async def what_is_forgotten_leaves_nothing_and_stays_away(site: Site) -> None:
    broker = await site.broker()
    camera = await site.camera("FS101D8BS00101")
    hub = await site.subscriber(broker.port)
    daemon = await site.daemon(broker)
    await camera.wait_for_subscriber()
    camera.emit_face()
    camera.emit_motion()
    await hub.wait_for(f"ipc_bridge/camera/{camera.sn}/face")
    await hub.caught_up()
    assert len(of_camera(await site.kept(broker.port), camera.sn)) >= 5
    since = hub.mark()
    assert await ok(hub, "forget", {"sn": camera.sn}) == {"sn": camera.sn}
    event = await hub.wait_for(f"{BRIDGE}/event", lambda message: message.json["type"] == "forgotten", since=since)
    assert event.json["sn"] == camera.sn
    await hub.wait_for(f"{BRIDGE}/cameras", lambda message: message.json == [], since=since)
    await camera.wait_for_no_client()
    await eventually_clean(site, broker.port, camera.sn)
    assert (await refusal(hub, "forget", {"sn": camera.sn}))[0] == "invalid"

    # It answers each round of discovery, and stays away, also after a restart.
    answers = camera.discovery_answers
    await camera.wait_until(lambda: camera.discovery_answers >= answers + 3)
    await daemon.restart()
    await hub.wait_text(f"{BRIDGE}/status", "online", since=hub.mark())
    answers = camera.discovery_answers
    await camera.wait_until(lambda: camera.discovery_answers >= answers + 3)
    assert of_camera(await site.kept(broker.port), camera.sn) == []
    assert camera.connects == 1

    # Who asks for it gets it back, and its events are numbered on.
    since = hub.mark()
    found = await ok(hub, "discover")
    assert [row["sn"] for row in found["cameras"]] == [camera.sn]
    await online(hub, camera.sn, since)
    camera.emit_face()
    assert (await hub.wait_for(f"ipc_bridge/camera/{camera.sn}/event/face", since=since)).json["seq"] == 3


async def eventually_clean(site: Site, port: int, sn: str) -> None:
    async with asyncio.timeout(10):
        while of_camera(await site.kept(port), sn):
            pass


@STORIES.tell
async def a_clearing_that_was_interrupted_is_finished_after_it(site: Site) -> None:
    broker = await site.broker(persistence=True)
    relay = await site.relay(broker)
    camera = await site.camera("FS101D8BS00101")
    hub = await site.subscriber(broker.port)
    daemon = await site.daemon(relay)
    await camera.wait_for_subscriber()
    await online(hub, camera.sn)
    # The request comes, and the broker never hears of what follows from it.
    relay.swallows = True
    hub.publish(f"{BRIDGE}/request/forget", json.dumps({"sn": camera.sn}))
    await camera.wait_for_no_client()
    await daemon.wait_for_log(f"Camera {camera.sn}", "is forgotten")
    state = site.directory / "state" / "cameras.json"
    await eventually(lambda: camera.sn in json.loads(state.read_text())["forgotten"], "the registry on the disk")
    await daemon.kill()
    assert of_camera(await site.kept(broker.port), camera.sn)
    relay.swallows = False
    await daemon.start()
    await eventually_clean(site, broker.port, camera.sn)
    await eventually(lambda: json.loads(state.read_text())["clearing"] == [], "the end of the clearing")


@STORIES.tell
async def a_changed_certificate_is_trusted_on_request(site: Site) -> None:
    broker = await site.broker()
    camera = await site.camera("FS101D8BS00101")
    hub = await site.subscriber(broker.port)
    daemon = await site.daemon(broker, **QUIET)
    await camera.wait_for_subscriber()
    await hub.wait_for(f"ipc_bridge/camera/{camera.sn}/info", lambda message: message.json["streams"]["hd"] is not None)
    since = hub.mark()
    await camera.change_certificate()
    await overview(hub, camera.sn, "failed", since, reason="trust")
    changed = await hub.wait_for(
        f"{BRIDGE}/event", lambda message: message.json["type"] == "certificate_changed", since=since
    )
    assert changed.json["fingerprint"] == camera.fingerprint
    assert await ok(hub, "trust", {"sn": camera.sn}) == {"sn": camera.sn}
    await online(hub, camera.sn, since)
    # From now on this one is known.
    await daemon.restart()
    await online(hub, camera.sn, hub.mark())


@STORIES.tell
async def health_has_real_figures(site: Site) -> None:
    broker = await site.broker()
    camera = await site.camera("FS101D8BS00101")
    hub = await site.subscriber(broker.port)
    await site.daemon(broker, **QUIET)
    await camera.wait_for_subscriber()
    first = await hub.wait_for(f"{BRIDGE}/health")
    assert first.retain
    assert first.json["problems"] == []
    camera.emit_face()
    camera.emit_face(event_id=77)
    camera.emit_face(event_id=77, report_time=1)
    await camera.wait_for_all_acknowledged()
    camera.abort()
    await camera.wait_for_no_client()
    await camera.wait_for_subscriber()
    report = (await ok(hub, "diagnose"))["health"]
    assert report["events"] == {
        "in": 2,
        "unusable": 1,
        "filtered": 0,
        "duplicate": 0,
        "out": 2,
        "late": 0,
        "refused": 0,
    }
    assert report["journal"]["state"] == "ok"
    assert report["journal"]["depth"] == 0
    assert report["reconnects"] == {"unreachable": 1}
    assert 0 <= report["loop_lag"] < 60
    refreshed = await ok(hub, "refresh")
    assert refreshed == {"refreshed": [camera.sn]}
    (row,) = (await ok(hub, "diagnose"))["cameras"]
    assert (row["sn"], row["status"], row["crc"], row["signs_keep_alive"]) == (camera.sn, "online", "payload", True)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def acts(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dict[str, Act]]:
    async with side_by_side(tmp_path_factory.mktemp("requests"), STORIES) as acts:
        yield acts


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", STORIES)
async def test_requests(acts: dict[str, Act], name: str) -> None:
    await acts[name].end
