"""Pictures of faces: from a camera's TLS socket to MQTT and to the disk, and from nowhere else."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from ipc_bridge.simulator import SimulatedCamera, make_identity, shared_authority
from ipc_bridge.simulator.addresses import face_path
from ipc_bridge.simulator.portraits import JPEG, portrait
from tests.device.rig import tls_server
from tests.e2e.harness import Message, Site, Subscriber, eventually, online
from tests.e2e.stories import Act, Stage, Stories, Story, side_by_side, told
from tests.pictures.test_scaling import noise

PASSWORD = "the vendor's password"


def topic(camera: SimulatedCamera, leaf: str) -> str:
    return f"ipc_bridge/camera/{camera.sn}/{leaf}"


def hang(camera: SimulatedCamera, name: str, picture: bytes) -> str:
    """Put a file on the camera; return its address."""
    camera.library.portraits.put(name, picture)
    return camera._state.sign_address(face_path(name))


async def ready(hub: Subscriber, camera: SimulatedCamera) -> None:
    await online(hub, camera.sn)
    await camera.wait_for_subscriber()


async def face(hub: Subscriber, camera: SimulatedCamera, **changes: Any) -> Message:
    """Have a face seen; return its event as it was published."""
    event_id = camera.emit_face(**changes)
    return await hub.wait_for(topic(camera, "event/face"), lambda event: event.json["event_id"] == event_id)


async def picture_of(hub: Subscriber, camera: SimulatedCamera, event: Message) -> Message:
    properties = (("uid", event.json["uid"]),)
    return await hub.wait_for(topic(camera, "face/image"), lambda image: image.user_properties == properties)


def kept(site: Site, event: Message) -> list[Path]:
    """The files of an event's picture."""
    return list((site.directory / "state" / "pictures").rglob(f"{event.json['uid'].replace(':', '_')}.*"))


async def figures(hub: Subscriber) -> dict[str, Any]:
    """What ``bridge/health`` says of pictures now."""
    since = hub.mark()
    hub.publish("ipc_bridge/bridge/request/diagnose")
    answer = await hub.wait_for("ipc_bridge/bridge/response/diagnose", since=since)
    pictures: dict[str, Any] = answer.json["data"]["health"]["pictures"]
    return pictures


# With a camera each on one daemon.


async def a_burst_of_faces(stage: Stage, camera: SimulatedCamera) -> None:
    await ready(stage.hub, camera)
    names = [f"face {number}" for number in range(6)]
    urls = [hang(camera, name.replace(" ", ""), portrait(name)) for name in names]
    events = [await face(stage.hub, camera, pic_url=url) for url in urls]
    for name, event in zip(names, events, strict=True):
        image = await picture_of(stage.hub, camera, event)
        assert image.payload == portrait(name)
        assert image.number > event.number
    # Each once.
    await stage.hub.caught_up()
    assert len(stage.hub.messages(topic(camera, "face/image"))) == len(names)


async def a_picture_that_is_too_large_for_home_assistant(stage: Stage, camera: SimulatedCamera) -> None:
    await ready(stage.hub, camera)
    large = noise(640, 480, "PNG")
    assert len(large) > 900_000
    event = await face(stage.hub, camera, pic_url=hang(camera, "large", large))
    image = await picture_of(stage.hub, camera, event)
    assert image.payload.startswith(b"\xff\xd8\xff")
    assert len(image.payload) <= 200_000
    # What is kept is what the camera gave.
    await eventually(lambda: len(kept(stage.site, event)) == 1, "the picture on the disk")
    (path,) = kept(stage.site, event)
    assert path.suffix == ".png"
    assert path.read_bytes() == large


async def a_late_face_is_no_news(stage: Stage, camera: SimulatedCamera) -> None:
    await ready(stage.hub, camera)
    event = await face(stage.hub, camera, report_time=int(time.time()) - 3600)
    assert event.json["late"]
    await eventually(lambda: len(kept(stage.site, event)) == 1, "the picture on the disk")
    newer = await face(stage.hub, camera)
    await picture_of(stage.hub, camera, newer)
    assert len(stage.hub.messages(topic(camera, "face/image"))) == 1


async def a_key_that_ran_out_and_a_face_without_a_picture(stage: Stage, camera: SimulatedCamera) -> None:
    await ready(stage.hub, camera)
    old = hang(camera, "old", JPEG)
    await face(stage.hub, camera, pic_url=old[:-1] + ("0" if old[-1] != "0" else "1"))
    await face(stage.hub, camera, pic_url=None)
    event = await face(stage.hub, camera)
    await picture_of(stage.hub, camera, event)
    assert len(stage.hub.messages(topic(camera, "face/image"))) == 1
    assert (await figures(stage.hub))["missed"] == 1


async def nobody_else_is_asked(stage: Stage, camera: SimulatedCamera) -> None:
    await ready(stage.hub, camera)
    asked: list[object] = []

    async def note(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(writer.get_extra_info("peername"))

    secret = stage.site.directory / "secret.jpg"
    secret.write_bytes(JPEG)
    good = hang(camera, "good", JPEG)
    async with tls_server(note) as elsewhere, tls_server(note, plain=True) as plain:
        for url in (
            f"https://{elsewhere}/1.jpg",
            good.replace(camera.host, elsewhere.host),
            good.replace(camera.host, f"{camera.host}@{elsewhere.host}"),
            good.replace(f":{camera.api_port}", f":{stage.site.channel_port}"),
            good.replace("https:", "http:"),
            f"http://{plain}/latest/meta-data/",
            "http://169.254.169.254/latest/meta-data/",
            "https://169.254.169.254/latest/meta-data/",
            f"file://{secret}",
            str(secret),
            "https://[::1",
            "",
        ):
            await face(stage.hub, camera, pic_url=url)
        for name, content in (("page", b"<html>"), ("cut", b"\xff\xd8\xff"), ("huge", bytes(2 * 1024 * 1024 + 1))):
            await face(stage.hub, camera, pic_url=hang(camera, name, content))
        event = await face(stage.hub, camera)
        await picture_of(stage.hub, camera, event)
        assert len(stage.hub.messages(topic(camera, "face/image"))) == 1
        assert asked == []
    await stage.daemon.wait_for_log("WARNING", "The picture of a face on camera", "is refused")
    assert len(stage.daemon.lines("WARNING", "is refused")) == 1


async def snapshots_that_nobody_presses_for(stage: Stage, camera: SimulatedCamera) -> None:
    await ready(stage.hub, camera)
    snapshots = topic(camera, "snapshot")
    # At once, so that there is something to see, and again.
    await stage.hub.wait_for(snapshots, lambda image: image.user_properties == (), count=2)
    event_id = camera.emit_motion()
    motion = await stage.hub.wait_for(topic(camera, "event/motion"), lambda event: event.json["event_id"] == event_id)
    uid = (("uid", motion.json["uid"]),)
    image = await stage.hub.wait_for(snapshots, lambda image: image.user_properties == uid)
    assert image.payload == JPEG
    assert image.number > motion.number
    assert (await stage.site.kept(stage.broker.port))[snapshots] == JPEG
    files = list((stage.site.directory / "state" / "pictures").rglob(f"{camera.sn}_snapshot_*.jpg"))
    assert len(files) >= 2
    # Others take none by themselves.
    taken = {message.topic for message in stage.hub.everything if message.topic.endswith("/snapshot")}
    assert taken == {snapshots}


async def streams_without_a_login(stage: Stage, camera: SimulatedCamera) -> None:
    await ready(stage.hub, camera)
    info = await stage.hub.wait_for(topic(camera, "info"), lambda info: info.json["streams"]["hd"] is not None)
    for size, url in info.json["streams"].items():
        assert url.startswith(f"rtsp://{camera.host}/")
        assert url.endswith(f"/live_{size}.sdp")
    assert list(info.json["streams"]) == ["hd", "fhd"]
    await stage.hub.caught_up()
    # What is in the configuration for them stays there.
    assert not [message for message in stage.hub.everything if b"rtsp-geheim" in message.payload]


STORIES = [
    Story(a_burst_of_faces),
    Story(a_picture_that_is_too_large_for_home_assistant),
    Story(a_late_face_is_no_news),
    Story(a_key_that_ran_out_and_a_face_without_a_picture),
    Story(nobody_else_is_asked),
    Story(streams_without_a_login, entry={"rtsp_username": "shop", "rtsp_password": "rtsp-geheim"}),
    Story(snapshots_that_nobody_presses_for, entry={"snapshot_interval": 0.5, "snapshot_on_motion": True}),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with told(tmp_path_factory.mktemp("pictures"), STORIES) as stage:
        yield stage


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", [story.name for story in STORIES])
async def test_pictures(stage: Stage, name: str) -> None:
    await stage.stories[name]


# With a daemon of their own.

SITES = Stories()


@SITES.tell
async def a_face_from_the_cameras_socket_to_mqtt_and_to_the_disk(site: Site) -> None:
    broker = await site.broker()
    hub = await site.subscriber(broker.port)
    authority = shared_authority()
    camera = await site.camera(client_authority=authority.certificate, identity=make_identity("camera"))
    daemon = await site.daemon(
        broker,
        files={"openapi.p12": make_identity("openapi", issuer=authority).pkcs12(PASSWORD)},
        account={"certificate": "openapi.p12", "certificate_password": PASSWORD},
    )
    await ready(hub, camera)
    url = hang(camera, "somebody", portrait("somebody"))
    event = await face(hub, camera, pic_url=url)
    image = await picture_of(hub, camera, event)
    assert event.json["picture_url"] == url
    assert image.payload == portrait("somebody")
    assert image.number > event.number
    assert (image.qos, image.retain) == (1, False)
    await eventually(lambda: len(kept(site, event)) == 1, "the picture on the disk")
    (path,) = kept(site, event)
    assert path.read_bytes() == portrait("somebody")
    # Nobody gets it who was not there, and a hub that starts does not get it again.
    assert image.topic not in await site.kept(broker.port)
    assert (await figures(hub)).items() >= {"fetched": 1, "published": 1, "kept": 1, "unsaved": 0}.items()
    # Who reads the log cannot fetch it.
    assert url.partition("auth_key=")[2] not in daemon.log()
    # Another certificate: nothing from there.
    since = hub.mark()
    await camera.change_certificate()
    await hub.wait_for("ipc_bridge/bridge/event", lambda one: one.json["type"] == "certificate_changed", since=since)
    await hub.caught_up()
    assert len(hub.messages(image.topic)) == 1


@SITES.tell
async def the_broker_keeps_the_newest_where_it_is_told_to(site: Site) -> None:
    broker = await site.broker("allow_anonymous true", "max_packet_size 30000")
    hub = await site.subscriber(broker.port)
    camera = await site.camera()
    daemon = await site.daemon(broker, mqtt={"retain_images": {"faces": True}}, homeassistant={"enabled": False})
    await ready(hub, camera)
    now = int(time.time())
    newest = await face(hub, camera, report_time=now, pic_url=hang(camera, "newest", noise(320, 240, "PNG")))
    shown = await picture_of(hub, camera, newest)
    assert 5_000 < len(shown.payload) <= 30_000
    older = await face(hub, camera, report_time=now - 5, pic_url=hang(camera, "older", portrait("older")))
    assert (await picture_of(hub, camera, older)).payload == portrait("older")
    assert (await site.kept(broker.port))[shown.topic] == shown.payload
    # A camera that is forgotten leaves none behind.
    hub.publish("ipc_bridge/bridge/request/forget", f'{{"sn": "{camera.sn}"}}')
    await hub.wait_for(shown.topic, lambda image: image.payload == b"")
    assert not [name for name in await site.kept(broker.port) if camera.sn in name]
    assert not daemon.lines("more than the broker takes")


@SITES.tell
async def pictures_that_nobody_wants(site: Site) -> None:
    broker = await site.broker()
    hub = await site.subscriber(broker.port)
    camera = await site.camera()
    await site.daemon(broker, pictures={"enabled": False})
    await ready(hub, camera)
    await face(hub, camera)
    hub.publish(topic(camera, "press/snapshot"), "PRESS")
    snapshot = await hub.wait_for(topic(camera, "snapshot"))
    assert snapshot.payload == JPEG
    shown = await figures(hub)
    assert "kept" not in shown
    assert (shown["fetched"], shown["published"]) == (0, 1)
    await hub.caught_up()
    assert not hub.messages(topic(camera, "face/image"))
    assert not (site.directory / "state" / "pictures").exists()


@SITES.tell
async def an_event_that_is_sent_again_takes_its_picture_along(site: Site) -> None:
    broker = await site.broker(persistence=True)
    relay = await site.relay(broker)
    hub = await site.subscriber(broker.port)
    camera = await site.camera()
    await site.daemon(relay, homeassistant={"enabled": False})
    await ready(hub, camera)
    await relay.shut()
    url = hang(camera, "once", portrait("once"))
    event_id = camera.emit_face(pic_url=url)
    await camera.wait_until(lambda: event_id in camera.acknowledged)
    await relay.open()
    event = await hub.wait_for(topic(camera, "event/face"), lambda event: event.json["event_id"] == event_id)
    image = await picture_of(hub, camera, event)
    assert image.number > event.number
    assert image.payload == portrait("once")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def acts(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dict[str, Act]]:
    async with side_by_side(tmp_path_factory.mktemp("pictures"), SITES) as acts:
        yield acts


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", SITES)
async def test_sites(acts: dict[str, Act], name: str) -> None:
    await acts[name].end
