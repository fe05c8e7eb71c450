"""What the bridge tells of itself and of its cameras, and what stays when it goes."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from ipc_bridge import __version__
from ipc_bridge.simulator import MOTION_MODEL
from tests.e2e.harness import Daemon, Site
from tests.e2e.stories import Act, Stories, side_by_side

STORIES = Stories()

BRIDGE = "ipc_bridge/bridge"
FRONT, BACK = "FS101D8BS00101", "SS101D8BS00102"
CAMERA = f"ipc_bridge/camera/{FRONT}"
RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


@STORIES.tell
async def the_bridge_and_its_cameras_introduce_themselves(site: Site) -> None:
    broker = await site.broker()
    front = await site.camera(FRONT, name="Front door", mac="02:00:00:00:00:0A")
    back = await site.camera(BACK, name="SUNMI", model=MOTION_MODEL)
    absent = site.settings("FS101D8BS00199")
    hub = await site.subscriber(broker.port)
    cameras = [
        {"sn": BACK, "name": "Back door", "host": back.host},
        {"sn": absent.sn, "host": absent.host},
    ]
    await site.daemon(broker, cameras=cameras)
    for sn in (FRONT, BACK):
        online = await hub.wait_text(f"ipc_bridge/camera/{sn}/status", "online")
        assert (online.retain, online.qos) == (True, 1)
    assert (await hub.wait_text(f"ipc_bridge/camera/{absent.sn}/status", "offline")).retain
    status = await hub.wait_for(f"{BRIDGE}/status")
    assert (status.text, status.retain, status.qos) == ("online", True, 1)

    info = await hub.wait_for(f"{CAMERA}/info", lambda message: message.json["streams"]["hd"] is not None)
    assert info.retain
    assert list(info.json) == ["sn", "name", "model", "host", "mac", "firmware", "hardware", "streams"]
    described = info.json
    streams = described.pop("streams")
    assert list(streams) == ["hd", "fhd"]
    assert all(address.startswith(f"rtsp://{front.host}/") for address in streams.values())
    assert described == {
        "sn": FRONT,
        "name": "Front door",
        "model": "FM020",
        "host": front.host,
        "mac": "02:00:00:00:00:0A",
        "firmware": "1.3.6",
        "hardware": "1.0.0",
    }

    await hub.wait_for(
        f"{BRIDGE}/cameras",
        lambda message: (
            [row["status"] for row in message.json].count("online") == 2
            and "offline" in [row["status"] for row in message.json]
        ),
    )
    kept = hub.messages(f"{BRIDGE}/cameras")[-1]
    assert kept.retain
    rows = {row["sn"]: row for row in kept.json}
    assert rows.keys() == {FRONT, BACK, absent.sn}
    for row in rows.values():
        assert list(row) == ["sn", "name", "model", "host", "mac", "firmware", "status", "reason"]
    assert [rows[FRONT][key] for key in ("name", "model", "host", "status", "reason")] == [
        "Front door",
        "FM020",
        front.host,
        "online",
        None,
    ]
    assert rows[BACK]["name"] == "Back door"
    assert (rows[absent.sn]["status"], rows[absent.sn]["mac"]) == ("offline", None)
    assert absent.host in rows[absent.sn]["reason"]

    bridge = await hub.wait_for(f"{BRIDGE}/info", lambda message: message.json["cameras"] == {"known": 3, "online": 2})
    assert bridge.retain
    facts = bridge.json
    assert RFC3339.fullmatch(facts.pop("started_at"))
    assert facts == {
        "version": __version__,
        "contract": 1,
        "cameras": {"known": 3, "online": 2},
        "plugins": [],
    }

    events = [message for message in hub.messages(f"{BRIDGE}/event") if not message.retain]
    told = [(event.json["type"], event.json["sn"]) for event in events]
    # Of those that are listed nobody needs to hear that they were found.
    assert told.count(("camera_discovered", FRONT)) == 1
    assert ("camera_discovered", absent.sn) not in told
    assert sorted(sn for kind, sn in told if kind == "camera_online") == [FRONT, BACK]

    # One goes and comes back.
    since = hub.mark()
    await front.stop()
    assert (await hub.wait_text(f"{CAMERA}/status", "offline", since=since)).retain
    gone = await hub.wait_for(f"{BRIDGE}/event", lambda event: event.json["type"] == "camera_offline", since=since)
    assert (gone.json["sn"], gone.retain) == (FRONT, False)
    assert gone.json["reason"]
    assert BACK not in [message.json["sn"] for message in hub.messages(f"{BRIDGE}/event", since=since)]
    await front.start()
    await hub.wait_text(f"{CAMERA}/status", "online", since=since)
    await hub.wait_for(f"{BRIDGE}/event", lambda event: event.json["type"] == "camera_online", since=since)


@STORIES.tell
async def a_clean_stop_says_goodbye_to_everybody(site: Site) -> None:
    broker = await site.broker()
    camera = await site.camera(FRONT)
    hub = await site.subscriber(broker.port)
    daemon = await site.daemon(broker, events={"off_delay": 30})
    await hub.wait_text(f"{CAMERA}/status", "online")
    camera.emit_motion(detect_type=1)
    await hub.wait_text(f"{CAMERA}/motion", "ON")
    since = hub.mark()
    await stops_within_five_seconds(daemon)
    await camera.wait_for_no_client()
    await hub.wait_text(f"{BRIDGE}/status", "offline", since=since)
    await hub.caught_up()
    statuses = [message.text for message in hub.messages(f"{BRIDGE}/status", since=since)]
    # Once: the last will is for those who cannot say it themselves.
    assert statuses == ["offline"]
    kept = await site.kept(broker.port)
    assert kept[f"{BRIDGE}/status"] == b"offline"
    assert kept[f"{CAMERA}/status"] == b"offline"
    assert [kept[f"{CAMERA}/{switch}"] for switch in ("motion", "sound", "human")] == [b"OFF"] * 3
    # Merely offline: everything else is still there.
    assert kept[f"{CAMERA}/info"]
    assert kept[f"homeassistant/device/ipc_bridge_{FRONT}/config"]
    assert "Stopped" in daemon.log()


@STORIES.tell
async def a_crash_is_told_by_the_last_will(site: Site) -> None:
    broker = await site.broker()
    await site.camera(FRONT)
    hub = await site.subscriber(broker.port)
    daemon = await site.daemon(broker)
    await hub.wait_text(f"{CAMERA}/status", "online")
    since = hub.mark()
    await daemon.kill()
    will = await hub.wait_text(f"{BRIDGE}/status", "offline", since=since)
    assert (will.retain, will.qos) == (True, 1)
    assert (await site.kept(broker.port))[f"{BRIDGE}/status"] == b"offline"

    # And what was running goes on.
    since = hub.mark()
    await daemon.start()
    await hub.wait_text(f"{BRIDGE}/status", "online", since=since)
    await hub.wait_text(f"{CAMERA}/status", "online", since=since)


async def stops_within_five_seconds(daemon: Daemon) -> None:
    asked = time.monotonic()
    assert await daemon.stop() == 0
    assert time.monotonic() - asked < 5


@STORIES.tell
async def it_stops_in_time_while_it_starts(site: Site) -> None:
    broker = await site.broker()
    await site.camera(FRONT)
    daemon = await site.daemon(broker)
    await daemon.wait_for_log("starts")
    await stops_within_five_seconds(daemon)


@STORIES.tell
async def it_stops_in_time_without_its_broker(site: Site) -> None:
    broker = await site.broker(start=False)
    camera = await site.camera(FRONT)
    daemon = await site.daemon(broker)
    await camera.wait_for_subscriber()
    camera.emit_face()
    await camera.wait_for_acknowledged(1)
    await daemon.wait_for_log("o connection to the MQTT broker")
    await stops_within_five_seconds(daemon)


@STORIES.tell
async def it_stops_in_time_while_a_camera_does_not_answer(site: Site) -> None:
    broker = await site.broker()
    camera = await site.camera(FRONT)
    camera.faults.silence()
    daemon = await site.daemon(broker, cameras=[{"sn": FRONT, "host": camera.host}])
    await camera.wait_for_client()
    await stops_within_five_seconds(daemon)


@STORIES.tell
async def two_bridges_on_one_broker_keep_apart(site: Site) -> None:
    broker = await site.broker()
    front = await site.camera(FRONT)
    hub = await site.subscriber(broker.port)
    elsewhere = {"bind": f"{site.host}:{site.discovery_port}", "enabled": False}
    await site.daemon(broker, cameras=[{"sn": FRONT, "host": front.host}], discovery=elsewhere)
    await site.daemon(
        broker,
        cameras=[{"sn": FRONT, "host": front.host, "name": "The same door"}],
        discovery=elsewhere,
        mqtt={"base_topic": "shop/second"},
        storage={"directory": str(site.directory / "second")},
    )
    bases = ("ipc_bridge", "shop/second")
    await asyncio.gather(*(hub.wait_text(f"{base}/camera/{FRONT}/status", "online") for base in bases))
    await front.wait_for_subscriber(2)
    front.emit_face()
    for base, name in zip(bases, ("Front door", "The same door"), strict=True):
        face = await hub.wait_for(f"{base}/camera/{FRONT}/event/face")
        assert (face.json["camera"], face.json["seq"]) == (name, 1)
    assert hub.messages(f"homeassistant/device/ipc_bridge_{FRONT}/config")
    assert hub.messages(f"homeassistant/device/shop_second_{FRONT}/config")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def acts(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dict[str, Act]]:
    async with side_by_side(tmp_path_factory.mktemp("status"), STORIES) as acts:
        yield acts


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", STORIES)
async def test_status(acts: dict[str, Act], name: str) -> None:
    await acts[name].end
