"""Every MQTT topic of the program."""

from __future__ import annotations

import re
from dataclasses import dataclass

ONLINE = b"online"
OFFLINE = b"offline"
ON = b"ON"
OFF = b"OFF"

CAMERA_RETAINED = (
    "status",
    "info",
    "state",
    "motion",
    "sound",
    "human",
    "face",
    "face/image",
    "snapshot",
    "flow",
)
"""What a broker may keep of a camera."""
SHOP_RETAINED = ("status", "info", "flow")
"""What it may keep of a shop of the cloud."""


@dataclass(frozen=True, slots=True)
class Topics:
    """Topics under ``base`` (``mqtt.base_topic``) and ``discovery`` (``homeassistant.discovery_prefix``)."""

    base: str
    discovery: str

    @property
    def node(self) -> str:
        """``base`` as it may stand in Home Assistant's ids and discovery topics."""
        return re.sub(r"[^A-Za-z0-9_-]", "_", self.base)

    def bridge(self, leaf: str) -> str:
        """``status``, ``info``, ``cameras``, ``health`` or ``event`` of the bridge."""
        return f"{self.base}/bridge/{leaf}"

    def request(self, verb: str) -> str:
        """Where the bridge itself is asked for something; ``+`` for all of it."""
        return self.bridge(f"request/{verb}")

    def response(self, verb: str) -> str:
        """Where its answer goes."""
        return self.bridge(f"response/{verb}")

    def camera(self, sn: str, leaf: str) -> str:
        """A topic of one camera, such as ``status`` or ``event/face``."""
        return f"{self.base}/camera/{sn}/{leaf}"

    @property
    def plugins(self) -> str:
        """What all topics of plugins begin with."""
        return f"{self.base}/plugin/"

    def plugin(self, name: str, leaf: str) -> str:
        """A topic of one plugin, such as ``request/test``."""
        return f"{self.plugins}{name}/{leaf}"

    def plugin_levels(self, topic: str) -> list[str]:
        """The levels of one of a plugin's topics, its name first."""
        return topic.removeprefix(self.plugins).split("/")

    def is_ours(self, topic: str) -> bool:
        """Whether nobody but the bridge itself publishes on ``topic``."""
        ours = tuple(f"{self.base}/{part}/" for part in ("bridge", "camera", "shop"))
        return topic.startswith((*ours, f"{self.discovery}/"))

    def camera_levels(self, topic: str) -> list[str]:
        """The levels of one of a camera's topics, the serial number first."""
        return topic.removeprefix(f"{self.base}/camera/").split("/")

    def shop(self, number: str, leaf: str) -> str:
        """A topic of one of the cloud's shops, such as ``flow`` or ``event/face``."""
        return f"{self.base}/shop/{number}/{leaf}"

    def shop_levels(self, topic: str) -> list[str]:
        """The levels of one of a shop's topics, its number first."""
        return topic.removeprefix(f"{self.base}/shop/").split("/")

    def device_discovery(self, device_id: str) -> str:
        """Home Assistant's discovery of a whole device."""
        return f"{self.discovery}/device/{device_id}/config"

    def component_discovery(self, platform: str, device_id: str, component: str) -> str:
        """Home Assistant's discovery of one component, for hubs that do not know the device form."""
        return f"{self.discovery}/{platform}/{device_id}/{component}/config"

    @property
    def birth(self) -> str:
        """Where Home Assistant says that it has started."""
        return f"{self.discovery}/status"


def matches(pattern: str, topic: str) -> bool:
    """Whether ``topic`` is one that ``pattern`` means, whose levels may be ``+``."""
    ours, theirs = pattern.split("/"), topic.split("/")
    return len(ours) == len(theirs) and all(one in ("+", other) for one, other in zip(ours, theirs, strict=True))


def is_name(topic: str) -> bool:
    """Whether ``topic`` is one that can be published to."""
    return 0 < len(topic.encode()) < 65_536 and not set("+#\0") & set(topic)
