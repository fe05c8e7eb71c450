"""Makes visits of sights: a person arrived at a camera, is still present, has left.

    visits:
      gap: 120                    # seconds without a sight after which a person has left
      present_after: 60           # seconds after the arrival at which it is said that the person is still there
      groups: []                  # only these groups of faces; none: all

Cameras tell of a face again and again while somebody stands there. This publishes three messages instead, on
`ipc_bridge/plugin/visits/visit`: `event_type` `arrived`, `present` (once a visit) and `left`, with `since`, `until` and
`seconds`. `ipc_bridge/plugin/visits/present` has the number of people at each camera, by serial number. Whoever has no
id, neither the camera's nor the cloud's, cannot be recognised again and is left out. `late` marks what is history.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import voluptuous as vol

from ipc_bridge import hookimpl
from ipc_bridge.hooks import AnyEvent, Bridge, Entity, FaceEvent

MAX_VISITS = 300
"""At a time; then the one that was not seen for longest has left. So many can be remembered."""
LOOK_EVERY = 1.0
"""Seconds between two looks who has left."""
HISTORY = 30.0
"""Seconds after which it is no news any more that somebody has left."""


@dataclass
class Visit:
    """One person at one camera; times are Unix seconds."""

    sn: str
    camera: str
    face_id: str
    group: str | None
    since: float
    seen: float
    is_told_present: bool = False


visits: dict[str, Visit] = {}
"""By camera and person; the one that was seen last is the last."""


@hookimpl
def config_schema() -> dict[Any, Any]:
    """See above."""
    seconds = vol.All(vol.Any(int, float, msg="expected a number of seconds"), vol.Range(min=0, min_included=False))
    return {
        vol.Optional("gap", default=120): seconds,
        vol.Optional("present_after", default=60): seconds,
        vol.Optional("groups", default=list): [str],
    }


@hookimpl
def register_entities() -> list[Entity]:
    """Visits as events, and how many people there are."""
    news = "{{ '' if value_json.late else value }}"
    kinds = {"event_types": ["arrived", "present", "left"], "value_template": news, "icon": "mdi:account-clock"}
    number = {"value_template": "{{ value_json.values() | sum }}", "unit_of_measurement": "people"}
    return [
        Entity("visit", "event", "Visit", "visit", options=kinds),
        Entity("present", "sensor", "People present", "present", attributes=True, options=number),
    ]


@hookimpl
async def startup(bridge: Bridge) -> None:
    """Go on with the visits of before."""
    visits.update({key: Visit(**values) for key, values in (await bridge.recall("visits", {})).items()})
    await say_present(bridge)
    bridge.start(watch(bridge))


@hookimpl
async def face_recognized(bridge: Bridge, event: FaceEvent) -> None:
    """Somebody is there; when, the bridge's clock knows best."""
    await sight(bridge, event, event.received_at.timestamp())


@hookimpl
async def late_event_received(bridge: Bridge, event: AnyEvent) -> None:
    """Somebody was there, at the time that the camera says."""
    if isinstance(event, FaceEvent):
        await sight(bridge, event, event.time.timestamp())


async def sight(bridge: Bridge, event: FaceEvent, now: float) -> None:
    """Begin a visit, or go on with it."""
    groups = bridge.settings["groups"]
    person = event.cloud_face_id or event.face_id
    if person is None or (groups and event.group not in groups):
        return
    await end_visits(bridge, now, late=event.late, sn=event.sn)
    key = f"{event.sn} {person}"
    before = visits.pop(key, None)
    visit = visits[key] = before or Visit(event.sn, event.camera, person, event.group, now, now)
    visit.seen = max(visit.seen, now)
    if before is None:
        await say(bridge, "arrived", visit, late=event.late)
        while len(visits) > MAX_VISITS:
            await leave(bridge, next(iter(visits)), late=event.late)
        await say_present(bridge)
    elif not visit.is_told_present and visit.seen - visit.since >= bridge.settings["present_after"]:
        visit.is_told_present = True
        await say(bridge, "present", visit, late=event.late)


async def watch(bridge: Bridge) -> None:
    """Notice who has left."""
    while True:
        await asyncio.sleep(LOOK_EVERY)
        await end_visits(bridge, time.time())


async def end_visits(bridge: Bridge, now: float, *, late: bool = False, sn: str | None = None) -> None:
    """End what is over by ``now``, at one camera or at all."""
    gap = bridge.settings["gap"]
    unseen = {key: now - visit.seen for key, visit in visits.items() if sn in (None, visit.sn)}
    over = [key for key in unseen if unseen[key] > gap]
    for key in over:
        await leave(bridge, key, late=late or unseen[key] > gap + HISTORY)
    if over:
        await say_present(bridge)


async def leave(bridge: Bridge, key: str, *, late: bool) -> None:
    """End a visit, unless that was done a moment ago."""
    visit = visits.pop(key, None)
    if visit is not None:
        await say(bridge, "left", visit, late=late)


async def say(bridge: Bridge, event_type: str, visit: Visit, *, late: bool) -> None:
    """Publish what became of a visit."""
    since, until = (datetime.fromtimestamp(moment, UTC) for moment in (visit.since, visit.seen))
    seconds = round(visit.seen - visit.since, 1)
    who = {"sn": visit.sn, "camera": visit.camera, "face_id": visit.face_id, "group": visit.group}
    when = {"since": since, "until": until, "seconds": seconds, "late": late}
    await bridge.publish(bridge.topic("visit"), {"event_type": event_type, **who, **when})


async def say_present(bridge: Bridge) -> None:
    """Publish how many people are where, and remember who they are."""
    await bridge.remember("visits", {key: asdict(visit) for key, visit in visits.items()})
    await bridge.publish(bridge.topic("present"), Counter(visit.sn for visit in visits.values()), retain=True)
