"""Raises the alarm when somebody is seen who must not come in.

    blocklist_alarm:
      groups: [blocklist]         # of the cameras' groups of faces
      face_ids: []                # and these people
      cameras: []                 # names or serial numbers; none: all
      hold: 60                    # seconds that the alarm stays on after the last sight
      notify: false               # true: has the plugin `notify` send it, with the picture

Published under `ipc_bridge/plugin/blocklist_alarm/`: `alarm` for each sight (an event entity in Home Assistant), and
`active`, `ON` or `OFF` (a binary sensor). Whoever was seen while nobody could tell of it is on `missed`: that is
history, and no alarm.
"""

from __future__ import annotations

import asyncio
from typing import Any

import voluptuous as vol

from ipc_bridge import hookimpl
from ipc_bridge.hooks import AnyEvent, Bridge, Camera, Entity, FaceEvent

seen = asyncio.Event()
"""Set at each sight."""


@hookimpl
def config_schema() -> dict[Any, Any]:
    """See above."""
    return {
        vol.Optional("groups", default=["blocklist"]): [str],
        vol.Optional("face_ids", default=list): [str],
        vol.Optional("cameras", default=list): [str],
        vol.Optional("hold", default=60): vol.All(
            vol.Any(int, float, msg="expected a number of seconds"), vol.Range(min=0, min_included=False)
        ),
        vol.Optional("notify", default=False): bool,
    }


@hookimpl
def register_entities() -> list[Entity]:
    """The sight as an event, and whether it was just now."""
    return [
        Entity("alarm", "event", "Alarm", "alarm", options={"event_types": ["alarm"], "icon": "mdi:account-alert"}),
        Entity("active", "binary_sensor", "Active", "active", options={"device_class": "safety"}),
    ]


@hookimpl
async def startup(bridge: Bridge) -> None:
    """Whatever the broker keeps, the alarm is off."""
    await bridge.publish(bridge.topic("active"), "OFF", retain=True)
    bridge.start(switch(bridge))


@hookimpl
async def face_recognized(bridge: Bridge, camera: Camera, event: FaceEvent) -> None:
    """Raise the alarm."""
    if is_blocked(bridge, camera, event):
        text = f"{event.group} {event.face_id or ''} is at {camera.name}"
        await bridge.publish(bridge.topic("alarm"), sight("alarm", text, camera, event))
        seen.set()
        if bridge.settings["notify"]:
            order = {"title": "Alarm", "text": text, "sn": event.sn, "uid": event.uid}
            await bridge.publish(bridge.topic("request/send", "notify"), order)


@hookimpl
async def late_event_received(bridge: Bridge, camera: Camera, event: AnyEvent) -> None:
    """Tell of it, without an alarm."""
    if isinstance(event, FaceEvent) and is_blocked(bridge, camera, event):
        await bridge.publish(bridge.topic("missed"), sight("missed", f"was at {camera.name}", camera, event))


def is_blocked(bridge: Bridge, camera: Camera, event: FaceEvent) -> bool:
    """Whether this person must not come in here."""
    settings = bridge.settings
    is_one = event.group in settings["groups"] or event.face_id in settings["face_ids"]
    return is_one and not {camera.sn, camera.name}.isdisjoint(settings["cameras"] or [camera.sn])


def sight(event_type: str, text: str, camera: Camera, event: FaceEvent) -> dict[str, Any]:
    """What is published of a sight."""
    keys = ("uid", "time", "sn", "face_id", "cloud_face_id", "group", "late")
    values = {key: getattr(event, key) for key in keys}
    return {"event_type": event_type, "text": text, "camera": camera.name, **values}


async def switch(bridge: Bridge) -> None:
    """Keep ``active`` in step with what was seen. ``ON`` is not retained: a hub that starts must not see an old one."""
    while True:
        await seen.wait()
        await bridge.publish(bridge.topic("active"), "ON")
        while seen.is_set():
            seen.clear()
            try:
                async with asyncio.timeout(bridge.settings["hold"]):
                    await seen.wait()
            except TimeoutError:
                await bridge.publish(bridge.topic("active"), "OFF", retain=True)
