"""Tells of people whom you wait for, as soon as they come in.

    vip_arrival:
      rules:                      # the first that fits counts; of each, everything that is given must fit
        - attributes: {card: gold}
          group: vip              # or a list of groups
          text: "{name} is at {camera}"
        - face_ids: ["00000001"]
          cameras: [Front door]   # names or serial numbers
          hours: 08:00-20:00      # by this machine's clock; may go past midnight
      cooldown: 600               # seconds in which a person is told of once
      notify: false               # true: has the plugin `notify` send it, with the picture

In `text` may stand every key of a face event and every attribute of the person, such as `{group}` or `{vip_level}`;
what is not known of somebody is left empty. An arrival is published on `ipc_bridge/plugin/vip_arrival/arrival`, and is
an event entity in Home Assistant. Faces that are history are nobody's arrival.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, time
from string import Formatter
from typing import Any

import voluptuous as vol

from ipc_bridge import hookimpl
from ipc_bridge.hooks import Bridge, Camera, Entity, FaceEvent

MAX_PEOPLE = 500
"""Whose last arrival is remembered; of more, the one who came longest ago is forgotten."""

last_arrivals: dict[str, float] = {}
"""Unix times by person, the latest last."""


def hours(value: str) -> tuple[time, time]:
    """``08:00-20:00`` as a beginning and an end."""
    begin, _, end = str(value).partition("-")
    try:
        return time.fromisoformat(begin.strip()), time.fromisoformat(end.strip())
    except ValueError:
        raise vol.Invalid("expected hours such as 08:00-20:00") from None


def template(value: str) -> str:
    """Text with names in braces."""
    try:
        names = [name for _text, name, _format, _conversion in Formatter().parse(value) if name is not None]
    except (TypeError, ValueError) as error:
        raise vol.Invalid(f"expected text with names in braces: {error}") from None
    if not all(name.isidentifier() for name in names):
        raise vol.Invalid("expected text in which only names stand in braces, such as {camera}")
    return value


def several(value: Any) -> list[str]:
    """One text, or a list of them."""
    texts: list[str] = vol.Schema([str])([value] if isinstance(value, str) else value)
    return texts


@hookimpl
def config_schema() -> dict[Any, Any]:
    """See above."""
    rule = {
        "group": several,
        "attributes": {str: vol.Any(str, int)},
        "face_ids": several,
        "cameras": several,
        "hours": hours,
        vol.Optional("text", default="{group}: {face_id} is at {camera}"): template,
    }
    return {
        vol.Required("rules"): vol.All([rule], vol.Length(min=1)),
        vol.Optional("cooldown", default=600): vol.All(
            vol.Any(int, float, msg="expected a number of seconds"), vol.Range(min=0)
        ),
        vol.Optional("notify", default=False): bool,
    }


@hookimpl
def register_entities() -> list[Entity]:
    """An event entity: automations begin with it."""
    options = {"event_types": ["arrival"], "icon": "mdi:account-star"}
    return [Entity("arrival", "event", "Arrival", "arrival", options=options)]


@hookimpl
async def startup(bridge: Bridge) -> None:
    """A restart in the middle of a cooldown tells nobody twice."""
    last_arrivals.update(await bridge.recall("last_arrivals", {}))


@hookimpl
async def face_recognized(bridge: Bridge, camera: Camera, event: FaceEvent) -> None:
    """Publish an arrival where a rule fits."""
    rule = next((rule for rule in bridge.settings["rules"] if fits(rule, camera, event)), None)
    if rule is None or is_too_soon(event, bridge.settings["cooldown"]):
        return
    known = {**event.attributes, **asdict(event), "camera": camera.name}
    text = rule["text"].format_map(_Known(known))
    keys = ("uid", "time", "sn", "camera", "face_id", "cloud_face_id", "group", "gender", "age", "attributes", "late")
    arrival = {"event_type": "arrival", "text": text, **{key: known[key] for key in keys}}
    await bridge.publish(bridge.topic("arrival"), arrival)
    if bridge.settings["notify"]:
        await bridge.publish(bridge.topic("request/send", "notify"), {"text": text, "sn": event.sn, "uid": event.uid})
    remember(event)
    await bridge.remember("last_arrivals", last_arrivals)


def fits(rule: Mapping[str, Any], camera: Camera, event: FaceEvent) -> bool:
    """Whether all that a rule names is so."""
    begin, end = rule.get("hours", (time.min, time.min))
    now = event.received_at.astimezone().time()
    is_open = begin <= now < end if begin < end else now >= begin or now < end
    return (
        is_open
        and event.group in rule.get("group", [event.group])
        and not {event.face_id, event.cloud_face_id}.isdisjoint(rule.get("face_ids", [event.face_id]))
        and not {camera.sn, camera.name}.isdisjoint(rule.get("cameras", [camera.sn]))
        and all(str(event.attributes.get(key)) == str(value) for key, value in rule.get("attributes", {}).items())
    )


def person(event: FaceEvent) -> str | None:
    """Who it is; the cloud's id is the same on all cameras."""
    return event.cloud_face_id or event.face_id


def is_too_soon(event: FaceEvent, cooldown: float) -> bool:
    """Whether this person was told of just now. Who has no id is told of each time."""
    last = last_arrivals.get(person(event) or "")
    return last is not None and 0 <= event.received_at.timestamp() - last < cooldown


def remember(event: FaceEvent) -> None:
    """Note when somebody came."""
    who = person(event)
    if who is not None:
        last_arrivals.pop(who, None)
        last_arrivals[who] = event.received_at.timestamp()
        if len(last_arrivals) > MAX_PEOPLE:
            del last_arrivals[next(iter(last_arrivals))]


class _Known(dict[str, Any]):
    """Values for a text: what is not known is empty."""

    def __getitem__(self, key: str) -> Any:
        value = self.get(key)
        if isinstance(value, datetime):
            return f"{value.astimezone():%H:%M}"
        return "" if value is None else value
