"""Home Assistant's entities: one table.

A row is a component of a device discovery message. Topics stand as leaves under the camera or the
bridge; ids, availability and names of devices are added by :mod:`ipc_bridge.homeassistant.payloads`.
What comes from the catalogue's settings and actions stands there; see :mod:`ipc_bridge.homeassistant.controls`.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ipc_bridge.catalog.device import AGE_RANGE
from ipc_bridge.models import FACE_EVENT_TYPES, MOTION_EVENT_TYPES


class Availability(enum.Enum):
    """When an entity can be used."""

    CAMERA = "camera"
    """While bridge and camera are online."""
    BRIDGE = "bridge"
    """While the bridge is online: it tells of the camera's being offline."""
    NONE = "none"
    """Always: an event entity that comes and goes would fire again."""


@dataclass(frozen=True, slots=True)
class Component:
    """One entity.

    Args:
        key: the component's id, for ever.
        platform: Home Assistant's.
        state: the leaf of its state topic; None for a button, which has no state.
        options: its other keys, as Home Assistant names them.
        availability: when it can be used.
        faces: whether it is for cameras with face recognition only.
        command: the leaf of its command topic, where it has one.
        needs: the property without which it makes no sense, or :data:`PICTURES` or :data:`COUNTS`.
        topic_key: what Home Assistant calls its state topic.
    """

    key: str
    platform: str
    state: str | None
    options: Mapping[str, Any] = field(default_factory=dict)
    availability: Availability = Availability.CAMERA
    faces: bool = False
    command: str | None = None
    needs: str | None = None
    topic_key: str = "state_topic"


PICTURES = "pictures"
"""What needs the pictures of faces (``pictures.enabled``)."""
COUNTS = "counts"
"""What needs a camera that counts people."""

_NEWS_ONLY = (
    "{{ '' if value_json.late or (this.attributes.get('epoch') == value_json.epoch"
    " and this.attributes.get('seq', 0) >= value_json.seq) else value }}"
)
"""Late events are history, and so is what was seen before: what the broker had not confirmed when a bridge was killed
comes again. Home Assistant ignores an empty payload."""

CONFIG = {"entity_category": "config"}
DIAGNOSTIC = {"entity_category": "diagnostic"}
DISABLED = {"enabled_by_default": False}


_CONNECTIVITY = Component(
    "connectivity",
    "binary_sensor",
    "status",
    {"device_class": "connectivity", "payload_on": "online", "payload_off": "offline", **DIAGNOSTIC},
    Availability.BRIDGE,
)
"""Of a camera and of a shop: it hangs on the bridge alone, and says when the rest is away."""


def _people(key: str, name: str, icon: str, value: str, **options: Any) -> Component:
    """A count of today.

    ``total`` with the beginning of the day as the last reset: statistics then add up what the camera counted each day,
    whatever was missed around midnight, and follow where it corrects itself. With ``total_increasing`` they would take
    a smaller number for a new beginning, and a day's first number that is larger than yesterday's last for none.
    """
    return Component(
        key,
        "sensor",
        "flow",
        {
            "name": name,
            "icon": f"mdi:{icon}",
            "unit_of_measurement": "people",
            "state_class": "total",
            "last_reset_value_template": "{{ value_json.since }}",
            "value_template": f"{{{{ {value} }}}}",
            **options,
        },
        needs=COUNTS,
    )


_BY_GENDER = tuple(
    _people(
        f"people_in_{gender}",
        f"People in today, {gender}",
        f"human-{gender}",
        f"(value_json.by_gender or {{}}).get('{gender}')",
        **DISABLED,
    )
    for gender in ("male", "female")
)
_BY_AGE = tuple(
    _people(
        f"people_in_age_{number}",
        f"People in today, aged {years}",
        "human-male-child",
        f"(value_json.by_age or {{}}).get('{years}')",
        **DISABLED,
    )
    for number, years in AGE_RANGE.choices.items()
)

CAMERA_COMPONENTS = (
    Component("camera", "camera", "snapshot", {"name": "Snapshot"}, topic_key="topic"),
    Component("motion", "binary_sensor", "motion", {"device_class": "motion"}),
    Component("sound", "binary_sensor", "sound", {"device_class": "sound"}),
    Component("human", "binary_sensor", "human", {"name": "Person", "device_class": "occupancy"}),
    Component(
        "motion_event",
        "event",
        "event/motion",
        {
            "name": "Motion event",
            "device_class": "motion",
            "event_types": list(MOTION_EVENT_TYPES),
            "value_template": _NEWS_ONLY,
        },
        Availability.NONE,
    ),
    Component(
        "face_event",
        "event",
        "event/face",
        {
            "name": "Face",
            "icon": "mdi:face-recognition",
            "event_types": list(FACE_EVENT_TYPES),
            "value_template": _NEWS_ONLY,
        },
        Availability.NONE,
        faces=True,
    ),
    Component(
        "last_face",
        "sensor",
        "face",
        {
            "name": "Last face",
            "device_class": "timestamp",
            "value_template": "{{ value_json.time }}",
            "json_attributes": True,
            **DISABLED,
        },
        faces=True,
    ),
    Component(
        "face_image",
        "image",
        "face/image",
        {"name": "Face picture", "icon": "mdi:face-recognition", "content_type": "image/jpeg"},
        faces=True,
        needs=PICTURES,
        topic_key="image_topic",
    ),
    _people("people_in", "People in today", "account-arrow-right", "value_json.get('in')", json_attributes=True),
    _people("people_out", "People out today", "account-arrow-left", "value_json.get('out')"),
    _people("people_pass", "People passing by today", "walk", "value_json.get('pass')"),
    *_BY_GENDER,
    *_BY_AGE,
    _CONNECTIVITY,
    Component(
        "firmware",
        "sensor",
        "info",
        {"name": "Firmware", "icon": "mdi:chip", "value_template": "{{ value_json.firmware }}", **DIAGNOSTIC},
        Availability.BRIDGE,
    ),
    Component(
        "address",
        "sensor",
        "info",
        {"name": "Address", "icon": "mdi:ip-network", "value_template": "{{ value_json.host }}", **DIAGNOSTIC},
        Availability.BRIDGE,
    ),
    *(
        Component(
            f"stream_{size}",
            "sensor",
            "info",
            {
                "name": f"{size.upper()} stream",
                "icon": "mdi:video",
                "value_template": f"{{{{ value_json.streams.{size} }}}}",
                **DIAGNOSTIC,
                **DISABLED,
            },
            Availability.BRIDGE,
        )
        for size in ("hd", "fhd")
    ),
    Component(
        "sd_card_problem",
        "binary_sensor",
        "state",
        {
            "name": "SD card problem",
            "device_class": "problem",
            # What the camera itself calls unknown is no problem yet.
            "value_template": (
                "{{ {'unplugged': 'ON', 'unformatted': 'ON', 'working': 'OFF'}.get(value_json.get('sd_card')) }}"
            ),
            **DIAGNOSTIC,
        },
        needs="sd_card",
    ),
)

BRIDGE_COMPONENTS = (
    Component(
        "connectivity",
        "binary_sensor",
        "status",
        {"device_class": "connectivity", "payload_on": "online", "payload_off": "offline", **DIAGNOSTIC},
        Availability.NONE,
    ),
    Component(
        "cameras_online",
        "sensor",
        "info",
        {
            "name": "Cameras online",
            "icon": "mdi:cctv",
            "state_class": "measurement",
            "value_template": "{{ value_json.cameras.online }}",
            **DIAGNOSTIC,
        },
        Availability.BRIDGE,
    ),
    Component(
        "version",
        "sensor",
        "info",
        {"name": "Version", "icon": "mdi:tag", "value_template": "{{ value_json.version }}", **DIAGNOSTIC},
        Availability.BRIDGE,
    ),
    Component(
        "started",
        "sensor",
        "info",
        {
            "name": "Started",
            "device_class": "timestamp",
            "value_template": "{{ value_json.started_at }}",
            **DIAGNOSTIC,
            **DISABLED,
        },
        Availability.BRIDGE,
    ),
)


def _count(key: str, name: str, icon: str, **options: Any) -> Component:
    """A number of people of today. Statistics add up each day's, by the reset that is told."""
    looks = {
        "name": name,
        "icon": f"mdi:{icon}",
        "unit_of_measurement": "people",
        "state_class": "total",
        "last_reset_value_template": "{{ value_json.since }}",
        "value_template": f"{{{{ value_json.get('{key}') }}}}",
    }
    return Component(f"flow_{key}", "sensor", "flow", {**looks, **options})


SHOP_COMPONENTS = (
    _count("in", "Visitors today", "account-arrow-right"),
    _count("pass", "Passers-by today", "walk"),
    _count("strangers", "Strangers today", "account-question"),
    _count("regulars", "Regulars today", "account-heart"),
    _count("members", "Members today", "account-star"),
    _count("unexposed", "Visitors without a face today", "account-off", **DISABLED),
    Component(
        "flow_yesterday",
        "sensor",
        "flow",
        {
            "name": "Visitors yesterday",
            "icon": "mdi:calendar-account",
            # None is what Home Assistant takes for "not known".
            "value_template": "{{ value_json.yesterday.get('in') if value_json.yesterday else None }}",
        },
    ),
    Component(
        "face_event",
        "event",
        "event/face",
        {
            "name": "Visitor",
            "icon": "mdi:face-recognition",
            "event_types": list(FACE_EVENT_TYPES),
            "value_template": _NEWS_ONLY,
        },
        Availability.NONE,
    ),
    _CONNECTIVITY,
    Component(
        "cameras_online",
        "sensor",
        "info",
        {
            "name": "Cameras online",
            "icon": "mdi:cctv",
            "state_class": "measurement",
            "value_template": "{{ value_json.cameras | selectattr('online') | list | count }}",
            **DIAGNOSTIC,
        },
    ),
)
"""A shop of the cloud; :attr:`Availability.CAMERA` is the shop's own there."""


def shop_camera_component(sn: str) -> Component:
    """Whether the cloud reaches the camera ``sn``, as the shop's ``info`` tells."""
    listed = f"value_json.cameras | selectattr('sn', 'eq', '{sn}') | selectattr('online') | list"
    options = {"name": "Cloud", "device_class": "connectivity", **DIAGNOSTIC}
    return Component(
        "reachable", "binary_sensor", "info", {**options, "value_template": f"{{{{ 'ON' if {listed} else 'OFF' }}}}"}
    )


PLUGINS_COMPONENTS = (
    Component(
        "plugin_problem",
        "binary_sensor",
        "health",
        {
            "name": "Plugins",
            "device_class": "problem",
            "value_template": "{{ 'ON' if value_json.plugins.values() | rejectattr('state', 'eq', 'running') | list "
            "else 'OFF' }}",
            "json_attributes": True,
            "json_attributes_template": "{{ value_json.plugins | tojson }}",
            **DIAGNOSTIC,
        },
        Availability.BRIDGE,
    ),
    Component(
        "plugin_failures",
        "sensor",
        "health",
        {
            "name": "Plugin failures",
            "icon": "mdi:puzzle-remove",
            "state_class": "total_increasing",
            "value_template": "{{ value_json.plugins.values() | map(attribute='failures', default=0) | sum }}",
            **DIAGNOSTIC,
        },
        Availability.BRIDGE,
    ),
)
"""Of the bridge, where plugins are enabled."""
