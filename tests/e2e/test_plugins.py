"""Plugins in the daemon: what a shop would have, from the camera's event to the lamp, and what goes wrong with it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.e2e.harness import Daemon, Site, Subscriber, online

LOUNGE = '''
"""When a guest of honour comes in, the lamp goes on, and the camera shows that it has seen."""

import voluptuous as vol

from ipc_bridge import hookimpl


@hookimpl
def config_schema():
    return {vol.Required("group"): str}


@hookimpl
async def face_recognized(bridge, camera, event):
    if event.group == bridge.settings["group"]:
        await bridge.publish("lamp/set", {"state": "ON", "for": event.face_id, "at": event.time})
        answer = await camera.set(led="OFF")
        await bridge.publish("lamp/camera", [camera.name, answer])


@hookimpl
async def setting_changed(bridge, camera, setting):
    await bridge.publish("lamp/setting", [setting.name, setting.old, setting.new])


@hookimpl
async def command_completed(bridge, command):
    await bridge.publish("lamp/command", [command.name, command.status])
'''

GUARD = """
from ipc_bridge import hookimpl


@hookimpl
def authorize_command(command):
    if command.name == "press/reboot":
        return "not while customers are here"
"""


async def _site(site: Site, **enabled: Any) -> tuple[Subscriber, Daemon]:
    broker = await site.broker()
    hub = await site.subscriber(broker.port)
    plugins = {"directory": "plugins", "enabled": enabled}
    daemon = await site.daemon(broker, start=False, plugins=plugins)
    folder = daemon.config_path.parent / "plugins"
    folder.mkdir()
    (folder / "lounge.py").write_text(LOUNGE, encoding="utf-8")
    (folder / "guard.py").write_text(GUARD, encoding="utf-8")
    return hub, daemon


@pytest.mark.parametrize("isolation", ["thread", "process"])
async def test_a_face_turns_the_lamp_on(site: Site, isolation: str) -> None:
    camera = await site.camera()
    hub, daemon = await _site(site, lounge={"group": "vip", "isolation": isolation}, guard={"isolation": isolation})
    await daemon.start()
    await online(hub, camera.sn)
    # Its settings have been read: what changes from now on is told.
    await hub.wait_for(f"ipc_bridge/camera/{camera.sn}/state")
    camera.emit_face(group_name="regular")
    camera.emit_face(group_name="vip")
    faces = f"ipc_bridge/camera/{camera.sn}/event/face"
    face = (await hub.wait_for(faces, lambda one: one.json["group"] == "vip")).json
    lamp = await hub.wait_for("lamp/set")
    assert (lamp.json, lamp.qos, lamp.retain) == (
        {"state": "ON", "for": face["face_id"], "at": face["time"]},
        1,
        False,
    )
    assert (await hub.wait_for("lamp/camera")).json == [face["camera"], {"led": "OFF"}]
    assert (await hub.wait_for("lamp/setting")).json == ["led", "ON", "OFF"]
    assert len(hub.messages("lamp/set")) == 1
    # Commands are put to the guard, and told of.
    press = f"ipc_bridge/camera/{camera.sn}/response/press"
    hub.publish(f"ipc_bridge/camera/{camera.sn}/press/reboot")
    answer = (await hub.wait_for(press)).json
    assert answer["error"]["kind"] == "forbidden"
    assert answer["error"]["message"] == "not while customers are here"
    assert (await hub.wait_for("lamp/command")).json == ["press/reboot", "error"]
    hub.publish(f"ipc_bridge/camera/{camera.sn}/press/refresh")
    assert (await hub.wait_for(press, count=2)).json["status"] == "ok"
    assert (await hub.wait_for("lamp/command", count=2)).json == ["press/refresh", "ok"]
    info = await hub.wait_for("ipc_bridge/bridge/info", lambda one: bool(one.json["plugins"]))
    assert info.json["plugins"] == ["lounge", "guard"]


async def test_a_mistake_is_mended_without_a_restart(site: Site) -> None:
    hub, daemon = await _site(site, lounge={"groop": "vip"}, guard={})
    await daemon.start()
    line = await daemon.wait_for_log("extra keys not allowed")
    assert "config.yaml:" in line
    assert "plugins.enabled.lounge.groop" in line

    health = "ipc_bridge/bridge/health"
    bad = await hub.wait_for(health, lambda one: one.json["plugins"]["lounge"]["state"] == "refused")
    assert "lounge is refused" in bad.json["problems"][0]
    daemon.config["plugins"]["enabled"]["lounge"] = {"group": "vip"}
    daemon.config_path.write_text(json.dumps(daemon.config), encoding="utf-8")
    hub.publish("ipc_bridge/bridge/request/reload")
    answer = (await hub.wait_for("ipc_bridge/bridge/response/reload")).json
    assert answer["data"] == {"plugins": {"lounge": "loaded", "guard": "loaded"}, "needs_restart": []}
    await hub.wait_for(health, lambda one: not one.json["problems"], since=bad.number)
    components = await hub.wait_for("homeassistant/device/ipc_bridge_bridge/config")
    assert {"plugin_problem", "plugin_failures"} <= components.json["components"].keys()


async def test_a_bridge_that_stops_lets_plugins_say_goodbye(site: Site) -> None:
    hub, daemon = await _site(site, bye={})
    source = """
import time
from ipc_bridge import hookimpl

@hookimpl
async def shutdown(bridge):
    await bridge.publish("bye", bridge.name)

@hookimpl
def startup():
    import threading
    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
"""
    (daemon.config_path.parent / "plugins" / "bye.py").write_text(source, encoding="utf-8")
    await daemon.start()
    await hub.wait_for("ipc_bridge/bridge/info", lambda one: one.json["plugins"] == ["bye"])
    assert await daemon.stop() == 0
    assert (await hub.wait_for("bye")).text == "bye"


async def test_a_plugin_that_hangs_does_not_keep_the_bridge_from_stopping(site: Site) -> None:
    hub, daemon = await _site(site, hang={})
    source = """
import time
from ipc_bridge import hookimpl

@hookimpl
async def startup(bridge):
    await bridge.publish("hanging", "x")
    time.sleep(60)
"""
    (daemon.config_path.parent / "plugins" / "hang.py").write_text(source, encoding="utf-8")
    await daemon.start()
    await hub.wait_for("hanging")
    assert await daemon.stop() == 0
