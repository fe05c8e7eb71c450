"""Pictures of now, from a camera to the broker."""

from __future__ import annotations

import logging

from ipc_bridge.bridge.publisher import Publisher
from ipc_bridge.device.api import CameraApi
from ipc_bridge.mqtt.topics import Topics

log = logging.getLogger(__name__)


class Snapshots:
    """``camera/<sn>/snapshot``.

    Args:
        topics: the topic table.
        publisher: where they go.
        retain: ``mqtt.retain_images.snapshots``.
    """

    def __init__(self, topics: Topics, publisher: Publisher, *, retain: bool) -> None:
        self._topics = topics
        self._publisher = publisher
        self._retain = retain

    async def publish(self, sn: str, api: CameraApi, url: str) -> None:
        """Fetch the picture that the camera has taken, and publish it.

        Raises:
            DeviceError: it cannot be had.
        """
        picture = await api.fetch(url)
        topic = self._topics.camera(sn, "snapshot")
        if not self._publisher.fits(topic, picture):
            log.warning("The snapshot of camera %s has %d bytes, more than the broker takes", sn, len(picture))
        elif self._retain:
            self._publisher.show(topic, picture)
        else:
            self._publisher.send(topic, picture)
