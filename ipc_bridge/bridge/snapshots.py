"""Pictures of now, from a camera to the broker."""

from __future__ import annotations

from collections.abc import Callable

from ipc_bridge.bridge.pictures import Pictures
from ipc_bridge.catalog.device import GET_SNAPSHOT
from ipc_bridge.clock import Clock
from ipc_bridge.device.api import CameraApi
from ipc_bridge.mqtt.connection import Message
from ipc_bridge.mqtt.topics import Topics


class Snapshots:
    """``camera/<sn>/snapshot``.

    Args:
        topics: the topic table.
        clock: tells when they were taken.
        pictures: where they go.
        api_of: the API of a camera that is online; raises ``CommandError`` where there is none.
        retain: ``mqtt.retain_images.snapshots``.
    """

    def __init__(
        self, topics: Topics, clock: Clock, pictures: Pictures, api_of: Callable[[str], CameraApi], *, retain: bool
    ) -> None:
        self._topics = topics
        self._clock = clock
        self._pictures = pictures
        self._api_of = api_of
        self._retain = retain

    async def take(self, sn: str, uid: str | None = None) -> None:
        """Have a camera take a picture, and publish it: for whoever wants one at a time or an event of its own.

        Args:
            sn: the camera's serial number.
            uid: the event that it is about, where there is one.

        Raises:
            CommandError: the camera is not online.
            DeviceError: the picture cannot be had.
        """
        answer = await self._api_of(sn).ask(GET_SNAPSHOT)
        await self.publish(sn, str(answer["snapshot_url"]), uid)

    async def publish(self, sn: str, url: str, uid: str | None = None) -> None:
        """Fetch the picture that a camera has taken, publish and keep it.

        Raises:
            CommandError: the camera is not online.
            DeviceError: it cannot be had, or not be made small enough for the broker.
        """
        picture = await self._api_of(sn).fetch(url)
        taken_at = self._clock.time()
        topic = self._topics.camera(sn, "snapshot")
        user_properties = () if uid is None else (("uid", uid),)
        await self._pictures.publish(topic, Message(topic, b"", self._retain, user_properties), picture)
        await self._pictures.keep(f"{sn}:snapshot:{round(taken_at * 1000)}", taken_at, picture)
