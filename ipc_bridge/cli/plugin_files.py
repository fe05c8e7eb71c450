"""What ``plugins new`` writes: a plugin that does something, and a test that passes."""

from __future__ import annotations

PLUGIN = '''\
"""Tells of the faces of one group.

    NAME:
      group: vip
"""

from __future__ import annotations

from typing import Any

import voluptuous as vol

from ipc_bridge import hookimpl
from ipc_bridge.hooks import Bridge, Camera, FaceEvent


@hookimpl
def config_schema() -> dict[Any, Any]:
    """What may stand under ``plugins.enabled.NAME``."""
    return {vol.Optional("group", default="vip"): str}


@hookimpl
async def face_recognized(bridge: Bridge, camera: Camera, event: FaceEvent) -> None:
    """A camera has just recognised somebody."""
    if event.group == bridge.settings["group"]:
        await bridge.publish(bridge.topic("seen"), {"camera": camera.name, "face_id": event.face_id})
'''
TEST = '''\
"""NAME, with a simulated camera; run it with: pytest test_NAME.py"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ipc_bridge.testing.bridge import BridgeUnderTest

PLUGIN = Path(__file__).with_name("NAME.py")
TOPIC = "ipc_bridge/plugin/NAME/seen"


def test_it_tells_of_its_group_and_of_no_other(bridge: BridgeUnderTest, emit_face: Callable[..., Any]) -> None:
    bridge.enable(PLUGIN, group="vip")
    emit_face(group="staff", face_id="00000003")
    emit_face(group="vip", face_id="00000001")
    assert bridge.wait_for(TOPIC) == {"camera": "Front door", "face_id": "00000001"}
    bridge.settle()
    assert len(bridge.published(TOPIC)) == 1
'''
EXAMPLE = """\
plugins:
  directory: DIRECTORY
  enabled:
    NAME:
      group: vip
"""


def filled_in(template: str, name: str, directory: str = "") -> str:
    """A template for one plugin."""
    return template.replace("NAME", name).replace("DIRECTORY", directory)
