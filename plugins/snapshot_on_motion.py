"""Has a camera take a picture when something moves in front of it.

    snapshot_on_motion:
      kinds: [motion, human]      # and sound
      cameras: []                 # names or serial numbers; none: all
      pause: 30                   # seconds between two pictures of one camera

The picture is published on `ipc_bridge/camera/SERIAL/snapshot`, where Home Assistant's camera entity shows it.
"""

from __future__ import annotations

from typing import Any

import voluptuous as vol

from ipc_bridge import hookimpl
from ipc_bridge.hooks import Bridge, Camera, MotionEvent

last: dict[str, float] = {}
"""Unix times of the last pictures, by camera."""


@hookimpl
def config_schema() -> dict[Any, Any]:
    """See above."""
    return {
        vol.Optional("kinds", default=["motion", "human"]): [vol.In(("motion", "sound", "human"))],
        vol.Optional("cameras", default=list): [str],
        vol.Optional("pause", default=30): vol.All(
            vol.Any(int, float, msg="expected a number of seconds"), vol.Range(min=0)
        ),
    }


@hookimpl
async def motion_detected(bridge: Bridge, camera: Camera, event: MotionEvent) -> None:
    """Press the button, unless that was done just now."""
    settings = bridge.settings
    is_wanted = any(getattr(event, kind) for kind in settings["kinds"])
    is_here = not {camera.sn, camera.name}.isdisjoint(settings["cameras"] or [camera.sn])
    now = event.received_at.timestamp()
    if is_wanted and is_here and not 0 <= now - last.get(camera.sn, float("-inf")) < settings["pause"]:
        # First: what fails is not tried at every event.
        last[camera.sn] = now
        await camera.press("snapshot")
