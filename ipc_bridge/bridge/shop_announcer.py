"""Shops, and what the cloud knows of their cameras, as Home Assistant's devices."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable
from functools import partial

from ipc_bridge import __version__
from ipc_bridge.bridge.publisher import Publisher
from ipc_bridge.bridge.registry import KnownShop, Registry
from ipc_bridge.bridge.shop import ShopCamera
from ipc_bridge.homeassistant.announcer import Announcer
from ipc_bridge.homeassistant.payloads import ShopCameraInfo, shop_camera_device, shop_camera_id, shop_device, shop_id
from ipc_bridge.mqtt.topics import SHOP_RETAINED, Topics

log = logging.getLogger(__name__)


class ShopAnnouncer:
    """Tells the hub of shops.

    Args:
        topics: the topic table.
        announcer: Home Assistant's picture of this bridge.
        publisher: clears what is no more.
        registry: remembers what is to be cleared.
    """

    def __init__(self, topics: Topics, announcer: Announcer, publisher: Publisher, registry: Registry) -> None:
        self._topics = topics
        self._announcer = announcer
        self._publisher = publisher
        self._registry = registry

    def announce(
        self,
        known: KnownShop,
        cameras: Iterable[ShopCamera],
        local: Callable[[str], str | None],
        then: Callable[[], None],
    ) -> None:
        """Tell of a shop and its cameras.

        Args:
            known: the shop's record.
            cameras: as the cloud lists them.
            local: the name of a camera that the bridge has itself; None for one that it has not.
            then: called when the shop's events may follow.
        """
        self._announcer.announce(shop_device(self._topics, known.number, __version__), known.announced, then)
        listed = {camera.sn: camera for camera in cameras}
        for sn, camera in listed.items():
            info = ShopCameraInfo(sn, camera.name, camera.model, camera.firmware, local(sn) is not None)
            device = shop_camera_device(self._topics, known.number, info, __version__)
            self._announcer.announce(device, known.cameras.setdefault(sn, {}))
        for sn in known.cameras.keys() - listed.keys():
            self._clear(self._withdraw_camera(known, sn))

    def forget_others(self, numbers: Collection[str]) -> None:
        """Clear all that the broker keeps of shops that are not among ``numbers``."""
        for known in [known for number, known in self._registry.shops.items() if number not in numbers]:
            log.info("Shop %s is not in the configuration any more: its topics are cleared", known.number)
            self._forget(known)

    def _forget(self, known: KnownShop) -> None:
        topics = [self._topics.shop(known.number, leaf) for leaf in SHOP_RETAINED]
        topics += self._announcer.withdraw(shop_id(self._topics, known.number), known.announced)
        for sn in list(known.cameras):
            topics += self._withdraw_camera(known, sn)
        self._registry.shops.pop(known.number, None)
        self._clear(topics)

    def _withdraw_camera(self, known: KnownShop, sn: str) -> list[str]:
        return self._announcer.withdraw(shop_camera_id(self._topics, sn), known.cameras.pop(sn))

    def _clear(self, topics: Iterable[str]) -> None:
        """Have the broker forget; a clearing that a restart interrupts is finished after it."""
        for topic in topics:
            self._registry.clearing.add(topic)
            self._publisher.retain(topic, b"", then=partial(self._registry.cleared, topic))
        self._registry.changed()
