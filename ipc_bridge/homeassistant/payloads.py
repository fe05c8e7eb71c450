"""Home Assistant discovery payloads: pure functions of the component table and a camera's info."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from ipc_bridge.homeassistant.components import (
    BRIDGE_COMPONENTS,
    PLUGINS_COMPONENTS,
    SHOP_COMPONENTS,
    Availability,
    Component,
    shop_camera_component,
)
from ipc_bridge.homeassistant.controls import select_components
from ipc_bridge.models import CameraInfo
from ipc_bridge.mqtt.topics import OFFLINE, ONLINE, Topics

MANUFACTURER = "SUNMI"
SUPPORT_URL = "https://github.com/ipc-bridge/ipc-bridge"
QOS = 1
_MAC = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}")


@dataclass(frozen=True, slots=True)
class Device:
    """One device with its components, ready to be written in either form of discovery.

    ``id`` is its identifier, as a rule, and begins every unique id; ``components`` maps component ids to their keys.
    ``undecided`` and ``undecided_prefixes`` tell the ids of components that it may have: while nobody knows, Home
    Assistant keeps those that it has.
    """

    id: str
    device: dict[str, Any]
    components: dict[str, dict[str, Any]]
    origin: dict[str, Any]
    undecided: frozenset[str] = frozenset()
    undecided_prefixes: tuple[str, ...] = ()

    @property
    def platforms(self) -> dict[str, str]:
        """Component ids with their platforms."""
        return {key: config["platform"] for key, config in self.components.items()}

    def may_have(self, key: str) -> bool:
        """Whether it is not known yet that it does not have a component."""
        return key in self.undecided or key.startswith(self.undecided_prefixes)


def bridge_id(topics: Topics) -> str:
    """The bridge's device id."""
    return f"{topics.node}_bridge"


def camera_id(topics: Topics, sn: str) -> str:
    """A camera's device id."""
    return f"{topics.node}_{sn}"


def shop_id(topics: Topics, number: str) -> str:
    """A shop's device id."""
    return f"{topics.node}_shop_{number}"


def shop_camera_id(topics: Topics, sn: str) -> str:
    """The id of what the cloud adds to a camera."""
    return f"{camera_id(topics, sn)}_cloud"


def plugin_id(topics: Topics, name: str) -> str:
    """A plugin's device id."""
    return f"{topics.node}_plugin_{name}"


def bridge_device(topics: Topics, version: str, configuration_url: str | None, *, has_plugins: bool = False) -> Device:
    """The bridge itself: every camera's ``via_device``."""
    device_id = bridge_id(topics)
    device = {
        "identifiers": [device_id],
        "name": "IPC bridge",
        "manufacturer": "ipc-bridge",
        "model": "MQTT bridge for SUNMI cameras",
        "sw_version": version,
        "configuration_url": configuration_url,
    }
    status = topics.bridge("status")
    rows = (*BRIDGE_COMPONENTS, *(PLUGINS_COMPONENTS if has_plugins else ()))
    components = _components(rows, device_id, topics.bridge, {Availability.BRIDGE: [status]})
    return Device(device_id, _known(device), components, _origin(version))


def plugin_device(topics: Topics, name: str, rows: Iterable[Component], version: str) -> Device:
    """A plugin's own, with the entities that it adds."""
    device_id = plugin_id(topics, name)
    device = {
        "identifiers": [device_id],
        "name": name.replace("_", " ").capitalize(),
        "manufacturer": "ipc-bridge",
        "model": "Plugin",
        "via_device": bridge_id(topics),
    }
    availability = {Availability.BRIDGE: [topics.bridge("status")]}
    components = _components(rows, device_id, lambda leaf: topics.plugin(name, leaf), availability)
    return Device(device_id, device, components, _origin(version))


def camera_device(
    topics: Topics,
    info: CameraInfo,
    version: str,
    api_port: int,
    state: Mapping[str, Any] = MappingProxyType({}),
    unsupported: Collection[str] = (),
    *,
    counts: bool | None = None,
    pictures: bool = True,
    allow_destructive: bool = False,
) -> Device:
    """One camera, with what it supports.

    Args:
        topics: the topic table.
        info: what is known of it.
        version: the bridge's.
        api_port: where its own pages are.
        state: its properties, as ``camera/<sn>/state`` has them; empty while none is known.
        unsupported: paths of the calls that it turned out not to have.
        counts: whether it counts people; None while nobody knows.
        pictures: ``pictures.enabled``.
        allow_destructive: ``commands.allow_destructive``.
    """
    device_id = camera_id(topics, info.sn)
    mac = (info.mac or "").strip().lower().replace("-", ":")
    device = {
        "identifiers": [device_id],
        # Two devices with one MAC would become one: a placeholder is worse than none.
        "connections": [["mac", mac]] if _MAC.fullmatch(mac) and mac != "00:00:00:00:00:00" else None,
        "name": info.name,
        "manufacturer": MANUFACTURER,
        "model": info.model_name,
        "serial_number": info.sn,
        "sw_version": info.firmware,
        "hw_version": info.hardware,
        "configuration_url": _url(info.host, api_port),
        "via_device": bridge_id(topics),
    }
    bridge_status, camera_status = topics.bridge("status"), topics.camera(info.sn, "status")
    selection = select_components(
        info.model,
        state,
        unsupported,
        counts=counts,
        pictures=pictures,
        allow_destructive=allow_destructive,
    )
    components = _components(
        selection.components,
        device_id,
        lambda leaf: topics.camera(info.sn, leaf),
        {Availability.BRIDGE: [bridge_status], Availability.CAMERA: [bridge_status, camera_status]},
    )
    return Device(
        device_id, _known(device), components, _origin(version), selection.undecided, selection.undecided_prefixes
    )


@dataclass(frozen=True, slots=True)
class ShopCameraInfo:
    """A camera as the cloud tells of it; ``is_local`` where the bridge has it itself, and knows it better."""

    sn: str
    name: str
    model: str | None
    firmware: str | None
    is_local: bool


def shop_device(topics: Topics, number: str, version: str) -> Device:
    """One shop of the cloud."""
    device_id = shop_id(topics, number)
    device = {
        "identifiers": [device_id],
        "name": f"Shop {number}",
        "manufacturer": MANUFACTURER,
        "model": "SUNMI Store",
        "serial_number": number,
        "via_device": bridge_id(topics),
    }
    availability = _shop_availability(topics, number)
    components = _components(SHOP_COMPONENTS, device_id, lambda leaf: topics.shop(number, leaf), availability)
    return Device(device_id, device, components, _origin(version))


def shop_camera_device(topics: Topics, number: str, camera: ShopCameraInfo, version: str) -> Device:
    """What the cloud adds to a camera: Home Assistant joins it to the camera's own device by the identifier."""
    device_id = shop_camera_id(topics, camera.sn)
    device: dict[str, Any] = {"identifiers": [camera_id(topics, camera.sn)]}
    if not camera.is_local:
        device |= {
            "name": camera.name,
            "manufacturer": MANUFACTURER,
            "model": camera.model,
            "serial_number": camera.sn,
            "sw_version": camera.firmware,
            "via_device": shop_id(topics, number),
        }
    availability = _shop_availability(topics, number)
    row = shop_camera_component(camera.sn)
    components = _components([row], device_id, lambda leaf: topics.shop(number, leaf), availability)
    return Device(device_id, _known(device), components, _origin(version))


def _shop_availability(topics: Topics, number: str) -> dict[Availability, list[str]]:
    bridge_status, shop_status = topics.bridge("status"), topics.shop(number, "status")
    return {Availability.BRIDGE: [bridge_status], Availability.CAMERA: [bridge_status, shop_status]}


def device_message(device: Device, leaving: Mapping[str, str]) -> dict[str, Any]:
    """The device form: one message for all components; those ``leaving`` as their bare platform.

    A component that changes its platform leaves first, and is back in the next message.
    """
    gone = {key: {"platform": platform} for key, platform in leaving.items()}
    return {"device": device.device, "origin": device.origin, "components": {**device.components, **gone}}


def component_messages(topics: Topics, device: Device) -> dict[str, dict[str, Any]]:
    """The form for hubs that do not know device discovery: a message a component, by topic."""
    messages = {}
    for key, config in device.components.items():
        rest = {name: value for name, value in config.items() if name != "platform"}
        topic = topics.component_discovery(config["platform"], device.id, key)
        messages[topic] = {**rest, "device": device.device, "origin": device.origin}
    return messages


def _components(
    rows: Iterable[Component],
    device_id: str,
    topic: Callable[[str], str],
    availability: Mapping[Availability, list[str]],
) -> dict[str, dict[str, Any]]:
    return {row.key: _component(row, device_id, topic, availability.get(row.availability, [])) for row in rows}


def _component(row: Component, device_id: str, topic: Callable[[str], str], availability: list[str]) -> dict[str, Any]:
    options = dict(row.options)
    config: dict[str, Any] = {
        "platform": row.platform,
        "unique_id": f"{device_id}_{row.key}",
        "qos": QOS,
    }
    if row.state is not None:
        config[row.topic_key] = topic(row.state)
    if row.command is not None:
        config["command_topic"] = topic(row.command)
    if options.pop("json_attributes", False):
        config["json_attributes_topic"] = config["state_topic"]
    if availability:
        config["availability"] = [
            {"topic": item, "payload_available": ONLINE.decode(), "payload_not_available": OFFLINE.decode()}
            for item in availability
        ]
        config["availability_mode"] = "all"
    return {**config, **options}


def _origin(version: str) -> dict[str, Any]:
    return {"name": "ipc-bridge", "sw_version": version, "support_url": SUPPORT_URL}


def _url(host: str | None, port: int) -> str | None:
    """A camera's own address, as Home Assistant accepts it."""
    if host is None:
        return None
    try:
        if ipaddress.ip_address(host).version == 6:
            host = f"[{host}]"
    except ValueError:
        pass
    return f"https://{host}" if port == 443 else f"https://{host}:{port}"


def _known(device: Mapping[str, Any]) -> dict[str, Any]:
    """Without what is not known: Home Assistant rejects a device with a null."""
    return {name: value for name, value in device.items() if value is not None}
