"""A house without a broker: the bridge brings its own."""

from __future__ import annotations

import contextlib
import socket

from tests.e2e.harness import HELD, LOCALHOST, Site, eventually, free_port, online

SN = "FS101D8BS00101"
CAMERA = f"ipc_bridge/camera/{SN}"


def is_taken(port: int) -> bool:
    """Whether somebody listens there."""
    with contextlib.suppress(OSError), socket.create_connection((LOCALHOST, port), 1):
        return True
    return False


async def test_the_embedded_broker_serves_the_same_story(site: Site) -> None:
    port = free_port()
    camera = await site.camera(SN)
    daemon = await site.daemon(port, mqtt={"embedded": True}, events={"off_delay": 1})
    await eventually(lambda: is_taken(port), "the embedded broker")
    # MQTT 3.1.1, because that is all that one of the two brokers speaks.
    hub = await site.subscriber(port, version="3.1.1")
    await online(hub, SN)
    config = await hub.wait_for(f"homeassistant/device/ipc_bridge_{SN}/config")
    camera.emit_face()
    camera.emit_motion(detect_type=1)
    face = await hub.wait_for(f"{CAMERA}/event/face")
    assert (face.json["seq"], face.json["late"], face.qos) == (1, False, 1)
    assert face.at - config.at > HELD
    await hub.wait_text(f"{CAMERA}/motion", "ON")
    assert (await hub.wait_for(f"{CAMERA}/face")).payload == face.payload
    await camera.wait_for_all_acknowledged()

    # It goes with the bridge, after everybody was told.
    since = hub.mark()
    assert await daemon.stop() == 0
    await hub.wait_text("ipc_bridge/bridge/status", "offline", since=since)
    assert [message.text for message in hub.messages(f"{CAMERA}/status", since=since)] == ["offline"]
    await eventually(lambda: not is_taken(port), "the end of the embedded broker")

    # And it is there again with it.
    await daemon.start()
    await hub.subscribed()
    await hub.wait_text(f"{CAMERA}/status", "online", since=since)
